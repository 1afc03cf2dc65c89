//! One picture after another: looked at, and compared with the baseline's pictures of the same unit, whose activations are kept.

use std::collections::BTreeMap;

use image::RgbImage;
use metrics::coding;
use metrics::rank::Ranked;
use rand::RngExt;

use super::altered::{central, noisy};
use super::nature::Nature;
use super::portrait::{JPEG_QUALITY, Portrait};
use super::study::Study;
use crate::error::{Context, Result};
use crate::look::{Asked, Look};
use crate::picture;
use crate::random::{Purpose, stream};
use crate::unit::Unit;

/// Standard deviation of the noise under which an activation must survive, in units of the picture's range.
const NOISE: f64 = 0.05;

/// Share of the sides that is left of a picture where an activation must survive a crop.
const CROP: f64 = 0.9;

/// Numbers of ranked activations that are kept of all of the baseline's pictures, at most: 1.5 GiB.
const KEPT: usize = 400_000_000;

/// Other units' pictures that each of the baseline's pictures is held against.
const OTHERS: usize = 8;

/// Photographs of a class, and of other classes, whose activations are kept.
const PHOTOGRAPHS: usize = 5;

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
}

/// A picture, measured.
#[derive(Debug)]
pub struct Sighting {
    /// What was measured.
    pub subject: Subject,
    /// What the networks make of it. Flat activations are not kept.
    pub look: Look,
    /// What it is as a picture.
    pub portrait: Portrait,
    /// By layer: mean of 1 - Spearman's rank correlation (1904), 0 to 2, to the baseline's pictures of the unit, itself excluded.
    pub distances: Vec<Option<f64>>,
    /// These distances on activations averaged over positions.
    pub pooled_distances: Vec<Option<f64>>,
    /// By layer: mean Spearman to photographs of the unit's class.
    pub to_photographs: Vec<Option<f64>>,
    /// The share of the activation that is left after JPEG, noise and a crop; none of a picture that fires its unit less than the median
    /// photograph does.
    pub kept: [Option<f64>; 3],
}

/// The flat activations of one picture, ranked, by layer; none where a layer is constant.
type Ranks = Vec<Option<Ranked>>;

/// A photograph of the reference.
struct RankedPhotograph {
    /// Its place among all of them.
    place: usize,
    class: usize,
    ranks: Ranks,
}

/// By unit: the baseline's pictures by seed and facet.
type Kept = BTreeMap<usize, Vec<((u64, usize), Ranks)>>;

/// The means, over units, of the two distances that drift is scaled by.
#[derive(Clone, Debug, Default)]
pub struct Scale {
    /// By unit, then layer: between the baseline's pictures of the unit and of others.
    pub between: Vec<Vec<Option<f64>>>,
    /// These distances on activations averaged over positions.
    pub between_pooled: Vec<Vec<Option<f64>>>,
}

/// By unit and layer, correlations of photographs: of one class with each other, and with those of others.
#[derive(Clone, Debug, Default)]
pub struct Natural {
    /// The unit's photographs with each other.
    pub same: Vec<Vec<Option<f64>>>,
    /// With those of other classes.
    pub other: Vec<Vec<Option<f64>>>,
}

/// The pictures, measured, in their order.
#[derive(Debug)]
pub struct Measures {
    /// One a subject.
    pub pictures: Vec<Sighting>,
    /// What drift is scaled by.
    pub scale: Scale,
    /// What the likeness to photographs is scaled by.
    pub natural: Natural,
    /// By layer: numbers that were ranked, of how many there are.
    pub ranked: Vec<[usize; 2]>,
}

impl Study<'_> {
    /// Measures all pictures. `watch` is told how many.
    ///
    /// # Errors
    /// A picture that cannot be read.
    pub fn measure(&self, nature: &Nature, subjects: Vec<Subject>, watch: &dyn Fn(usize)) -> Result<Measures> {
        let count = subjects.iter().filter(|subject| Some(subject.method) == self.baseline).count();
        let pixels = self.widths();
        let total: usize = pixels.iter().sum();
        let chosen: Vec<Option<Vec<u32>>> = pixels.iter().map(|&width| self.chosen(width, total * count)).collect();
        let ranked = pixels.iter().zip(&chosen).map(|(&width, of)| [of.as_ref().map_or(width, Vec::len), width]);
        let ranked: Vec<[usize; 2]> = ranked.collect();
        let photographs = self.ranked_photographs(nature, &chosen);
        let natural = self.natural(&photographs);
        // The baseline first, since everything else is held against it.
        let mut order: Vec<usize> = (0..subjects.len()).collect();
        order.sort_by_key(|&place| (Some(subjects[place].method) != self.baseline, place));
        let mut kept: Kept = BTreeMap::new();
        let mut measured: Vec<Option<Sighting>> = subjects.iter().map(|_| None).collect();
        let mut waiting: Vec<(usize, Sighting, Ranks)> = vec![];
        let mut done = 0;
        for (at, part) in order.chunks(8).enumerate() {
            let pictures: Vec<RgbImage> =
                part.iter().map(|&place| picture::read(&subjects[place].path)).collect::<Result<_>>()?;
            let references: Vec<&RgbImage> = pictures.iter().collect();
            let places: Vec<usize> = part.iter().map(|&place| subjects[place].unit).collect();
            let units: Vec<&Unit> = places.iter().map(|&unit| &self.units[unit]).collect();
            let mut looks = self.job.networks.look(&references, &units, Asked { layers: true, units: &[] })?;
            let robust = self.robustness(nature, &pictures, &places, &looks, at as u64)?;
            let ranks = rank_all(&looks, &chosen);
            let portraits = portraits(&pictures, &part.iter().map(|&place| subjects[place].own).collect::<Vec<_>>());
            let results = part.iter().zip(looks.drain(..)).zip(robust).zip(ranks).zip(portraits);
            for ((((&place, mut look), robust), ranks), portrait) in results {
                look.layers.clear();
                let subject = subjects[place].clone();
                let class = self.units[subject.unit].class();
                let natural = (photographs.iter())
                    .filter(|other| Some(other.class) == class && Some(other.place) != subject.photograph);
                let to_photographs =
                    mean_by_layer(natural.map(|other| correlations(&ranks, &other.ranks)), ranks.len());
                let picture = Sighting {
                    look,
                    portrait,
                    distances: vec![],
                    pooled_distances: vec![],
                    to_photographs,
                    kept: robust,
                    subject,
                };
                if Some(picture.subject.method) == self.baseline {
                    kept.entry(picture.subject.unit).or_default().push((picture.subject.key, ranks));
                    measured[place] = Some(picture);
                } else {
                    waiting.push((place, picture, ranks));
                }
            }
            // As soon as the whole baseline is there, nothing else needs to be kept.
            if order.iter().skip((at + 1) * 8).all(|&place| Some(subjects[place].method) != self.baseline) {
                for (place, mut picture, ranks) in waiting.drain(..) {
                    let of_unit = kept.get(&picture.subject.unit).map_or(&[][..], Vec::as_slice);
                    picture.distances =
                        away(mean_by_layer(of_unit.iter().map(|(_, other)| correlations(&ranks, other)), ranks.len()));
                    measured[place] = Some(picture);
                }
            }
            done += part.len();
            watch(done);
        }
        for picture in measured.iter_mut().flatten().filter(|picture| Some(picture.subject.method) == self.baseline) {
            let of_unit = kept.get(&picture.subject.unit).map_or(&[][..], Vec::as_slice);
            let Some((_, own)) = of_unit.iter().find(|(key, _)| *key == picture.subject.key) else { continue };
            let others = of_unit.iter().filter(|(key, _)| *key != picture.subject.key);
            picture.distances = away(mean_by_layer(others.map(|(_, other)| correlations(own, other)), own.len()));
        }
        let between = self.between(&kept);
        let mut measures = Measures {
            pictures: measured.into_iter().flatten().collect(),
            scale: Scale { between, between_pooled: vec![] },
            natural,
            ranked,
        };
        self.pool(&mut measures);
        Ok(measures)
    }

    /// Numbers of each layer.
    fn widths(&self) -> Vec<usize> {
        let networks = &self.job.networks;
        let shape = |point| networks.shapes.iter().find(|(_, other, _)| *other == point).map(|(.., shape)| shape);
        let numbers = |shape: &[i64]| shape.iter().product::<i64>() as usize;
        networks.layers.iter().map(|(_, point)| shape(*point).map_or(0, numbers)).collect()
    }

    /// Which numbers of a layer of this width are ranked, where `total` numbers of all layers and pictures are more than are kept.
    fn chosen(&self, width: usize, total: usize) -> Option<Vec<u32>> {
        let share = KEPT as f64 / total.max(1) as f64;
        let wanted = ((width as f64 * share) as usize).max(2000);
        if share >= 1. || wanted >= width {
            return None;
        }
        let mut rng = stream(self.seed, Purpose::Ranked, width as u64);
        let mut chosen: Vec<u32> =
            rand::seq::index::sample(&mut rng, width, wanted).into_iter().map(|place| place as u32).collect();
        chosen.sort_unstable();
        Some(chosen)
    }

    /// What is left of the activations under JPEG, noise and a crop; none where there was no activation to speak of.
    fn robustness(
        &self,
        nature: &Nature,
        pictures: &[RgbImage],
        places: &[usize],
        looks: &[Look],
        number: u64,
    ) -> Result<Vec<[Option<f64>; 3]>> {
        let mut rng = stream(self.seed, Purpose::Robustness, number);
        let compressed = pictures.iter().map(|picture| coding::jpeg(picture, JPEG_QUALITY));
        let changed: [Vec<RgbImage>; 3] = [
            compressed.collect::<Result<_, _>>().context("a picture cannot be written as JPEG")?,
            pictures.iter().map(|picture| noisy(picture, NOISE, &mut rng)).collect(),
            pictures.iter().map(|picture| central(picture, CROP)).collect(),
        ];
        let units: Vec<&Unit> = places.iter().map(|&unit| &self.units[unit]).collect();
        let mut kept = vec![[None; 3]; pictures.len()];
        for (which, pictures) in changed.iter().enumerate() {
            let after = self.job.networks.activations(&pictures.iter().collect::<Vec<_>>(), &units)?;
            for (row, (after, look)) in after.iter().zip(looks).enumerate() {
                if look.activation > nature.median(places[row]).unwrap_or(0.).max(0.) {
                    kept[row][which] = Some(after / look.activation);
                }
            }
        }
        Ok(kept)
    }

    /// Ranked activations of labelled photographs, a few of each class whose look has them.
    fn ranked_photographs(&self, nature: &Nature, chosen: &[Option<Vec<u32>>]) -> Vec<RankedPhotograph> {
        let mut of_class: BTreeMap<usize, usize> = BTreeMap::new();
        let mut taken = vec![];
        for (place, seen) in nature.photographs.iter().enumerate() {
            let Some(class) = seen.class.filter(|_| !seen.look.layers.is_empty()) else { continue };
            let count = of_class.entry(class).or_default();
            if *count < PHOTOGRAPHS {
                *count += 1;
                taken.push((place, class, &seen.look));
            }
        }
        let looks: Vec<&Look> = taken.iter().map(|(.., look)| *look).collect();
        let ranked = taken.iter().zip(rank_all(&looks, chosen));
        ranked.map(|((place, class, _), ranks)| RankedPhotograph { place: *place, class: *class, ranks }).collect()
    }

    fn natural(&self, photographs: &[RankedPhotograph]) -> Natural {
        let layers = self.job.networks.layers.len();
        let mut natural = Natural::default();
        for (place, unit) in self.units.iter().enumerate() {
            let (own, others): (Vec<&RankedPhotograph>, Vec<_>) =
                photographs.iter().partition(|of| unit.class() == Some(of.class));
            let pairs = (0..own.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
            let same = pairs.map(|(a, b)| correlations(&own[a].ranks, &own[b].ranks));
            natural.same.push(mean_by_layer(same, layers));
            let mut rng = stream(self.seed, Purpose::Others, place as u64);
            let drawn: Vec<&RankedPhotograph> = match others.len() {
                0 => vec![],
                n => (0..(4 * PHOTOGRAPHS).min(n)).map(|_| others[rng.random_range(0..n)]).collect(),
            };
            let pairs = drawn.iter().flat_map(|other| own.iter().map(move |own| (own, other)));
            natural.other.push(mean_by_layer(pairs.map(|(own, other)| correlations(&own.ranks, &other.ranks)), layers));
        }
        natural
    }

    /// Distances of the baseline's pictures of each unit to those of some others.
    fn between(&self, kept: &Kept) -> Vec<Vec<Option<f64>>> {
        let layers = self.job.networks.layers.len();
        let names: Vec<usize> = kept.keys().copied().collect();
        let others: Vec<Vec<usize>> = (0..self.units.len()).map(|unit| self.others(unit, &names)).collect();
        let of_unit = |unit: usize| -> Vec<Option<f64>> {
            let Some(own) = kept.get(&unit) else { return vec![None; layers] };
            let pairs =
                others[unit].iter().flat_map(|other| &kept[other]).flat_map(|b| own.iter().map(move |a| (a, b)));
            away(mean_by_layer(pairs.map(|(a, b)| correlations(&a.1, &b.1)), layers))
        };
        in_parallel(self.units.len(), &of_unit)
    }

    /// Some other units of the baseline.
    fn others(&self, unit: usize, names: &[usize]) -> Vec<usize> {
        let mut others: Vec<usize> = names.iter().copied().filter(|other| *other != unit).collect();
        let mut rng = stream(self.seed, Purpose::Others, unit as u64);
        rand::seq::SliceRandom::shuffle(&mut others[..], &mut rng);
        others.truncate(OTHERS);
        others
    }

    /// Distances on activations averaged over positions, which all pictures have.
    fn pool(&self, measures: &mut Measures) {
        let layers = self.job.networks.layers.len();
        let ranks: Vec<Ranks> = measures
            .pictures
            .iter()
            .map(|of| of.look.pooled.iter().map(|layer| Ranked::new(layer)).collect())
            .collect();
        let mut of_unit: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, picture) in measures.pictures.iter().enumerate() {
            if Some(picture.subject.method) == self.baseline {
                of_unit.entry(picture.subject.unit).or_default().push(place);
            }
        }
        for (place, picture) in measures.pictures.iter_mut().enumerate() {
            let others = of_unit.get(&picture.subject.unit).map_or(&[][..], Vec::as_slice);
            let others = others.iter().filter(|other| **other != place);
            picture.pooled_distances =
                away(mean_by_layer(others.map(|&other| correlations(&ranks[place], &ranks[other])), layers));
        }
        let names: Vec<usize> = of_unit.keys().copied().collect();
        measures.scale.between_pooled = (0..self.units.len())
            .map(|unit| {
                let Some(own) = of_unit.get(&unit) else { return vec![None; layers] };
                let others = self.others(unit, &names);
                let pairs =
                    others.iter().flat_map(|other| &of_unit[other]).flat_map(|b| own.iter().map(move |a| (*a, *b)));
                away(mean_by_layer(pairs.map(|(a, b)| correlations(&ranks[a], &ranks[b])), layers))
            })
            .collect();
    }
}

/// 1 - Spearman.
fn away(correlations: Vec<Option<f64>>) -> Vec<Option<f64>> {
    correlations.into_iter().map(|of| of.map(|of| 1. - of)).collect()
}

fn correlations(a: &Ranks, b: &Ranks) -> Vec<Option<f64>> {
    a.iter().zip(b).map(|(a, b)| a.as_ref()?.correlation(b.as_ref()?)).collect()
}

fn mean_by_layer(rows: impl Iterator<Item = Vec<Option<f64>>>, layers: usize) -> Vec<Option<f64>> {
    let mut sums = vec![(0., 0usize); layers];
    for row in rows {
        for (sum, value) in sums.iter_mut().zip(row) {
            if let Some(value) = value {
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
    }
    sums.into_iter().map(|(sum, count)| (count > 0).then(|| sum / count as f64)).collect()
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

fn rank_all<L: std::borrow::Borrow<Look> + Sync>(looks: &[L], chosen: &[Option<Vec<u32>>]) -> Vec<Ranks> {
    let of = |row: usize| -> Ranks {
        let layers = looks[row].borrow().layers.iter().zip(chosen);
        let rank = |(layer, chosen): (&Vec<f32>, &Option<Vec<u32>>)| match chosen {
            None => Ranked::new(layer),
            Some(chosen) => Ranked::new(&chosen.iter().map(|&place| layer[place as usize]).collect::<Vec<_>>()),
        };
        layers.map(rank).collect()
    };
    in_parallel(looks.len(), &of)
}

fn portraits(pictures: &[RgbImage], own: &[Option<i64>]) -> Vec<Portrait> {
    in_parallel(pictures.len(), &|row| Portrait::of(&pictures[row], own[row]))
}
