//! The photographs: what the networks make of them, once, for all measures.

use image::RgbImage;

use super::altered::squares;
use super::findings::Pools;
use super::least::FOR_CHOICE;
use super::portrait::Portrait;
use super::study::Study;
use crate::error::Result;
use crate::look::{Asked, Look};
use crate::picture;

/// Photographs that are looked at together.
const AT_ONCE: usize = 8;

/// The quantile of a unit's activations over photographs that counts as much as nature fires it.
const NATURAL: f64 = 0.99;

/// Photographs of a unit's pool: natural exemplars are nine, as in Borowski et al. 2021.
const EXEMPLARS: usize = 9;

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
    /// By unit: its activations for all photographs, ascending.
    pub activations: Vec<Vec<f64>>,
    /// By unit: the places of the photographs, those that fire it most first.
    pub order: Vec<Vec<usize>>,
    /// The target's last features, averaged over positions and photographs: `[C]`.
    pub mean_features: Vec<f32>,
}

impl Nature {
    /// Looks at them.
    ///
    /// # Errors
    /// A picture that cannot be read.
    pub fn look(study: &Study, watch: &dyn Fn(usize) -> Result<()>) -> Result<Nature> {
        let (networks, photographs, units) = (&study.job.networks, &study.job.photographs, &study.units);
        let points: Vec<_> = study.below.iter().map(|(_, point)| *point).collect();
        let side = networks.target.size as u32;
        let mut nature = Nature { activations: vec![vec![]; units.len()], ..Nature::default() };
        // Any unit: only the activations of all are read.
        let Some(any) = units.first() else { return Ok(nature) };
        for part in photographs.chunks(AT_ONCE) {
            let mut central = vec![];
            for photograph in part {
                central.push(squares(&picture::read(&photograph.path)?, 0, side, study.seed, 0).swap_remove(0));
            }
            let pictures: Vec<&RgbImage> = central.iter().collect();
            let looks = networks.look(&pictures, &vec![any; pictures.len()], Asked { units, points: &points })?;
            for ((photograph, square), look) in part.iter().zip(&central).zip(looks) {
                nature.activations.iter_mut().zip(&look.of_units).for_each(|(all, one)| all.push(*one));
                nature.photographs.push(Seen { class: photograph.class, look, portrait: Portrait::of(square, None) });
            }
            watch(nature.photographs.len())?;
        }
        let by_activation = |all: &Vec<f64>| {
            let mut order: Vec<usize> = (0..all.len()).collect();
            order.sort_by(|&a, &b| all[b].total_cmp(&all[a]).then(a.cmp(&b)));
            order
        };
        nature.order = nature.activations.iter().map(by_activation).collect();
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

    /// How the photographs are divided by a unit's activation: the top 2 % (at least 5), 9 exemplars behind them, the middle fifth and the lowest
    /// fifth (of a thousand: ranks 1 to 20, 21 to 29, 401 to 600, 801 to 1000). None of too few.
    pub fn pools(&self) -> Option<Pools> {
        let count = self.photographs.len();
        let fifth = count / 5;
        let pools = Pools { top: (count / 50).max(5), exemplars: EXEMPLARS, middle: fifth, low: fifth };
        (count >= FOR_CHOICE).then_some(pools)
    }

    /// The photographs that fire a unit most.
    pub fn top(&self, unit: usize) -> &[usize] {
        self.pools().map_or(&[], |pools| &self.order[unit][..pools.top])
    }

    /// The photographs behind these: the explanation by natural exemplars.
    pub fn exemplars(&self, unit: usize) -> &[usize] {
        self.pools().map_or(&[], |pools| &self.order[unit][pools.top..pools.top + pools.exemplars])
    }

    /// The photographs about the median.
    pub fn middle(&self, unit: usize) -> &[usize] {
        let first = self.photographs.len() * 2 / 5;
        self.pools().map_or(&[], |pools| &self.order[unit][first..first + pools.middle])
    }

    /// The photographs that fire a unit least.
    pub fn low(&self, unit: usize) -> &[usize] {
        let count = self.photographs.len();
        self.pools().map_or(&[], |pools| &self.order[unit][count - pools.low..])
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
        self.quantile(unit, 0.5)
    }

    /// As much as nature fires a unit: the 0.99 quantile of its activations over the photographs.
    pub fn natural(&self, unit: usize) -> Option<f64> {
        self.quantile(unit, NATURAL)
    }

    /// Linear between the values.
    fn quantile(&self, unit: usize, share: f64) -> Option<f64> {
        let all = self.activations.get(unit).filter(|all| !all.is_empty())?;
        let place = share * (all.len() - 1) as f64;
        let (below, above) = (all[place.floor() as usize], all[place.ceil() as usize]);
        Some(below + (above - below) * place.fract())
    }

    /// The photographs of a class.
    pub fn of_class(&self, class: usize) -> impl Iterator<Item = &Seen> {
        self.photographs.iter().filter(move |seen| seen.class == Some(class))
    }
}
