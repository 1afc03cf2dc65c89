//! The photographs: what the networks make of them, once, for all measures.

use image::RgbImage;

use super::altered::squares;
use super::portrait::Portrait;
use crate::error::Result;
use crate::look::{Asked, Look, Networks};
use crate::picture;
use crate::random::Seed;
use crate::reference::Photograph;
use crate::unit::Unit;

/// Squares that are cut out of each photograph beside the central one.
pub const MORE_SQUARES: usize = 3;

/// A photograph, seen.
#[derive(Debug)]
pub struct Seen {
    /// Its class, where somebody has said so.
    pub class: Option<usize>,
    /// What the networks make of its central square.
    pub look: Look,
    /// What its central square is as a picture.
    pub portrait: Portrait,
}

/// The photographs, seen.
#[derive(Debug, Default)]
pub struct Nature {
    /// In the order of the files.
    pub photographs: Vec<Seen>,
    /// By unit: its activations for all squares of all photographs, ascending.
    pub activations: Vec<Vec<f64>>,
    /// The target's last features, averaged over positions and photographs: `[C]`.
    pub mean_features: Vec<f32>,
}

impl Nature {
    /// Looks at them. The flat activations of the layers are kept of those whose class is among `keep`.
    ///
    /// # Errors
    /// A picture that cannot be read.
    pub fn look(
        networks: &Networks,
        photographs: &[Photograph],
        units: &[Unit],
        keep: &[usize],
        seed: Seed,
        watch: &dyn Fn(usize),
    ) -> Result<Nature> {
        let side = networks.target.size as u32;
        let mut nature = Nature { activations: vec![vec![]; units.len()], ..Nature::default() };
        // Any unit: only the activations of all are read. Of a look at a labelled one, its own class is asked.
        let Some(any) = units.first() else { return Ok(nature) };
        for (number, photograph) in photographs.iter().enumerate() {
            let squares = squares(&picture::read(&photograph.path)?, MORE_SQUARES, side, seed, number as u64);
            let pictures: Vec<&RgbImage> = squares.iter().collect();
            let layers = photograph.class.is_some_and(|class| keep.contains(&class));
            let mut looks = networks.look(&pictures, &vec![any; pictures.len()], Asked { layers, units })?;
            for look in &looks {
                for (all, activation) in nature.activations.iter_mut().zip(&look.of_units) {
                    all.push(*activation);
                }
            }
            nature.photographs.push(Seen {
                class: photograph.class,
                look: looks.swap_remove(0),
                portrait: Portrait::of(&squares[0], None),
            });
            watch(number + 1);
        }
        nature.activations.iter_mut().for_each(|all| all.sort_by(f64::total_cmp));
        let count = nature.photographs.len().max(1) as f32;
        let width = nature.photographs.first().map_or(0, |seen| seen.look.features.len());
        nature.mean_features = vec![0.; width];
        for seen in &nature.photographs {
            for (sum, feature) in nature.mean_features.iter_mut().zip(&seen.look.features) {
                *sum += feature / count;
            }
        }
        Ok(nature)
    }

    /// The mean squared distance of the photographs' features from their mean.
    pub fn spread(&self) -> f64 {
        let off = |seen: &Seen| -> f64 {
            let pairs = seen.look.features.iter().zip(&self.mean_features);
            pairs.map(|(feature, mean)| f64::from(feature - mean).powi(2)).sum()
        };
        self.photographs.iter().map(off).sum::<f64>() / self.photographs.len().max(1) as f64
    }

    /// The median activation of a unit.
    pub fn median(&self, unit: usize) -> Option<f64> {
        let all = self.activations.get(unit)?;
        match all.len() {
            0 => None,
            n if n % 2 == 1 => Some(all[n / 2]),
            n => Some((all[n / 2 - 1] + all[n / 2]) / 2.),
        }
    }

    /// The photographs of a class.
    pub fn of_class(&self, class: usize) -> impl Iterator<Item = &Seen> {
        self.photographs.iter().filter(move |seen| seen.class == Some(class))
    }

    /// How many photographs have a class.
    pub fn labelled(&self) -> usize {
        self.photographs.iter().filter(|seen| seen.class.is_some()).count()
    }
}
