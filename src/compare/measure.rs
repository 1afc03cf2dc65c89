//! One picture after another, looked at: all that the figures are made of.

use image::RgbImage;

use super::altered::changes;
use super::nature::Nature;
use super::portrait::Portrait;
use super::study::Study;
use crate::error::Result;
use crate::look::{Asked, Look};
use crate::picture;
use crate::random::{Purpose, stream};
use crate::unit::Unit;

/// Pictures that are looked at together.
const AT_ONCE: usize = 8;

/// A picture to be measured.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The place of its method.
    pub method: usize,
    /// The place of its unit.
    pub unit: usize,
    /// Seed, facet and file tell it from others.
    pub key: (u64, usize),
    /// The file.
    pub path: std::path::PathBuf,
    /// The shorter side of its generator's pictures in pixels; none without a generator.
    pub own: Option<i64>,
    /// The place of the photograph that it is: it is not held against itself.
    pub photograph: Option<usize>,
    /// Places of photographs that it was made of, or that its search started from.
    pub sources: Vec<usize>,
}

/// A picture, measured.
#[derive(Debug)]
pub struct Sighting {
    /// What was measured.
    pub subject: Subject,
    /// What the networks make of it.
    pub look: Look,
    /// What it is as a picture.
    pub portrait: Portrait,
    /// The unit's activation for the picture [changed](changes) in each way.
    pub changed: [f64; 5],
}

/// The pictures, measured, in their order.
#[derive(Debug)]
pub struct Measures {
    /// One a subject.
    pub pictures: Vec<Sighting>,
}

impl Study<'_> {
    /// Measures all pictures. `watch` is told how many.
    ///
    /// # Errors
    /// A picture that cannot be read.
    pub fn measure(
        &self,
        nature: &Nature,
        subjects: Vec<Subject>,
        watch: &dyn Fn(usize) -> Result<()>,
    ) -> Result<Measures> {
        let points: Vec<_> = self.below.iter().map(|(_, point)| *point).collect();
        let mut pictures = vec![];
        for (at, part) in subjects.chunks(AT_ONCE).enumerate() {
            let read: Vec<RgbImage> = part.iter().map(|subject| picture::read(&subject.path)).collect::<Result<_>>()?;
            let references: Vec<&RgbImage> = read.iter().collect();
            let units: Vec<&Unit> = part.iter().map(|subject| &self.units[subject.unit]).collect();
            // Photographs were looked at.
            let unseen: Vec<usize> = (0..part.len()).filter(|row| part[*row].photograph.is_none()).collect();
            let select = |rows: &[usize]| rows.iter().map(|row| (references[*row], units[*row])).unzip();
            let (pictures_unseen, units_unseen): (Vec<&RgbImage>, Vec<&Unit>) = select(&unseen);
            let asked = Asked { units: &[], points: &points };
            let mut looked = self.job.networks.look(&pictures_unseen, &units_unseen, asked)?.into_iter();
            let looks: Vec<Look> = (part.iter())
                .filter_map(|subject| match subject.photograph {
                    Some(place) => {
                        let look = nature.photographs[place].look.clone();
                        Some(Look { activation: look.of_units[subject.unit], ..look })
                    }
                    None => looked.next(),
                })
                .collect();
            let changed = self.changed(&read, &units, at as u64)?;
            let portraits = in_parallel(part.len(), &|row| Portrait::of(&read[row], part[row].own));
            for (((subject, look), changed), portrait) in part.iter().zip(looks).zip(changed).zip(portraits) {
                pictures.push(Sighting { subject: subject.clone(), look, portrait, changed });
            }
            watch(pictures.len())?;
        }
        Ok(Measures { pictures })
    }

    /// The activations of pictures that are changed a little.
    fn changed(&self, pictures: &[RgbImage], units: &[&Unit], number: u64) -> Result<Vec<[f64; 5]>> {
        let mut rng = stream(self.seed, Purpose::Robustness, number);
        let changed: Vec<[RgbImage; 5]> =
            pictures.iter().map(|picture| changes(picture, &mut rng)).collect::<Result<_>>()?;
        let mut activations = vec![[0.; 5]; pictures.len()];
        for way in 0..5 {
            let of_way: Vec<&RgbImage> = changed.iter().map(|of| &of[way]).collect();
            let after = self.job.networks.activations(&of_way, units)?;
            activations.iter_mut().zip(after).for_each(|(of, activation)| of[way] = activation);
        }
        Ok(activations)
    }
}

/// The results of so many pieces of work, in their order, on all cores.
pub(super) fn in_parallel<T: Send>(count: usize, work: &(dyn Fn(usize) -> T + Sync)) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(count.max(1));
    let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
    let size = count.div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (number, part) in results.chunks_mut(size).enumerate() {
            scope.spawn(move || {
                for (offset, place) in part.iter_mut().enumerate() {
                    *place = Some(work(number * size + offset));
                }
            });
        }
    });
    results.into_iter().flatten().collect()
}
