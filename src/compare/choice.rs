//! The two-choice task: can an observer who has seen the pictures of a unit tell, of two photographs, which one fires the unit more?
//!
//! People do this task in Borowski et al. 2021 and Zimmermann et al. 2021; machines, by a fixed similarity, in Zimmermann et al. 2024. Here an
//! observer k finds a photograph q as like the pictures E as the mean cosine of their features,
//!
//! ```text
//! s_k(E, q) = mean over e in E of cos(W phi_k(e), W phi_k(q))        A_k = P(s_k(E, q+) > s_k(E, q-))
//! ```
//!
//! phi_k its last features averaged over positions, W what makes photographs' features white. W is estimated from every second
//! photograph (covariance after Ledoit & Wolf 2004) and used on the others, then the other way round. No class and no name is asked, so that it
//! works for any unit; the target itself may be the observer, with its features below the unit.

use std::collections::{BTreeMap, BTreeSet};

use metrics::{rank, two_choice};
use tch::{Kind, Tensor};

use super::findings::Reading;
use super::judges::{Judges, mean};
use super::measure::{Measures, Sighting};
use super::nature::Nature;
use super::study::Study;
use crate::error::{Context, Result};

/// A method's pictures of a unit.
struct Group {
    method: usize,
    unit: usize,
    /// Places of its pictures, and the photographs that they are.
    pictures: Vec<(usize, Option<usize>)>,
    /// Photographs that these pictures are or were made of: nothing is held against itself.
    shown: BTreeSet<usize>,
}

/// What every observer can tell from every method's pictures of every unit.
///
/// # Errors
/// Compute: libtorch's errors.
pub fn readings(
    study: &Study,
    nature: &Nature,
    measures: &Measures,
    judges: &Judges,
    watch: &dyn Fn(usize) -> Result<()>,
) -> Result<Vec<Reading>> {
    let mut by_key: BTreeMap<(usize, usize), Group> = BTreeMap::new();
    for (place, picture) in measures.pictures.iter().enumerate() {
        let of = &picture.subject;
        let group = by_key.entry((of.method, of.unit)).or_insert_with(|| Group {
            method: of.method,
            unit: of.unit,
            pictures: vec![],
            shown: BTreeSet::new(),
        });
        group.pictures.push((place, of.photograph));
        group.shown.extend(of.photograph.iter().chain(&of.sources));
    }
    let groups: Vec<Group> = by_key.into_values().collect();
    let mut readings = vec![];
    for observer in 0..judges.observers.len() {
        match observer.checked_sub(1) {
            Some(witness) => {
                let of = |sighting: &Sighting| -> Vec<f32> { sighting.look.encoded[witness].clone() };
                let natural = nature.photographs.iter().map(|seen| &seen.look.encoded[witness][..]).collect();
                let all: Vec<&Group> = groups.iter().collect();
                readings.extend(by_one(observer, &all, natural, &of, nature, measures)?);
            }
            None => {
                for layer in 0..study.below.len() {
                    let of = |sighting: &Sighting| -> Vec<f32> { sighting.look.asked[layer].clone() };
                    let natural = nature.photographs.iter().map(|seen| &seen.look.asked[layer][..]).collect();
                    let own: Vec<&Group> =
                        groups.iter().filter(|group| study.looks_below[group.unit] == Some(layer)).collect();
                    readings.extend(by_one(observer, &own, natural, &of, nature, measures)?);
                }
            }
        }
        watch(observer + 1)?;
    }
    for reading in &mut readings {
        // The target was asked for these classes; encoders know none.
        let witness = reading.observer.checked_sub(1).filter(|place| *place < study.job.networks.witnesses.len());
        let Some(witness) = witness else { continue };
        let of = measures
            .pictures
            .iter()
            .filter(|of| (of.subject.method, of.subject.unit) == (reading.method, reading.unit));
        let verdicts =
            of.filter_map(|of| judges.verdict(study, witness, reading.unit, &of.look.logits[witness])?.transfer);
        reading.transfer = mean(verdicts);
    }
    readings.sort_by_key(|reading| (reading.method, reading.unit, reading.observer));
    Ok(readings)
}

/// One observer, in one space of features.
fn by_one(
    observer: usize,
    groups: &[&Group],
    photographs: Vec<&[f32]>,
    features: &dyn Fn(&Sighting) -> Vec<f32>,
    nature: &Nature,
    measures: &Measures,
) -> Result<Vec<Reading>> {
    let blank = |group: &&Group| Reading {
        method: group.method,
        unit: group.unit,
        observer,
        hard: None,
        easy: None,
        predicts: None,
        transfer: None,
    };
    if nature.pools().is_none() || groups.is_empty() {
        return Ok(groups.iter().map(blank).collect());
    }
    let rows: Vec<Vec<f32>> = groups
        .iter()
        .flat_map(|group| &group.pictures)
        .map(|(place, _)| features(&measures.pictures[*place]))
        .collect();
    let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    let (photographs, pictures) = (matrix(&photographs), matrix(&rows));
    // Whoever gives no numbers can tell nothing.
    let finite = |features: &Tensor| features.isfinite().all().int64_value(&[]) == 1;
    if !finite(&photographs) || !finite(&pictures) {
        return Ok(groups.iter().map(blank).collect());
    }
    let scores = [scores(&photographs, &pictures, groups, 0)?, scores(&photographs, &pictures, groups, 1)?];
    let reading = |(number, group): (usize, &&Group)| {
        let unit = group.unit;
        let in_half = |half: usize, pool: &[usize]| -> Vec<f64> {
            let Some(scores) = &scores[half][number] else { return vec![] };
            let kept = pool.iter().filter(|place| *place % 2 == half && !group.shown.contains(place));
            kept.map(|place| scores[*place]).collect()
        };
        let choice = |wrong: &[usize]| {
            let of = |half: usize| two_choice::accuracy(&in_half(half, nature.top(unit)), &in_half(half, wrong));
            mean([0, 1].into_iter().filter_map(of))
        };
        let predicts = |half: usize| {
            let order = &nature.order[unit];
            let kept = order.iter().filter(|place| *place % 2 == half && !group.shown.contains(place));
            let fires: Vec<f64> = kept.map(|place| nature.photographs[*place].look.of_units[unit]).collect();
            rank::spearman(&in_half(half, order), &fires)
        };
        Reading {
            hard: choice(nature.middle(unit)),
            easy: choice(nature.low(unit)),
            predicts: mean([0, 1].into_iter().filter_map(predicts)),
            ..blank(group)
        }
    };
    Ok(groups.iter().enumerate().map(reading).collect())
}

/// By group and photograph: the mean cosine of the group's pictures with the photograph, by what the photographs of the other half are like. Pictures that are
/// photographs of that other half are left out, since by their own kind they would be unlike all others; none of a group of nothing else.
fn scores(photographs: &Tensor, pictures: &Tensor, groups: &[&Group], half: i64) -> Result<Vec<Option<Vec<f64>>>> {
    let _guard = tch::no_grad_guard();
    let other = photographs.slice(0, 1 - half, photographs.size()[0], 2);
    let white = Whitening::of(&other)?;
    let (photographs, pictures) = (white.directions(photographs), white.directions(pictures));
    let mut first = 0;
    let (mut means, mut has): (Vec<Tensor>, Vec<bool>) = (vec![], vec![]);
    for group in groups {
        let places = group.pictures.iter().enumerate();
        let kept = places.filter(|(_, (_, photograph))| photograph.is_none_or(|place| place as i64 % 2 == half));
        let kept: Vec<i64> = kept.map(|(number, _)| first + number as i64).collect();
        first += group.pictures.len() as i64;
        has.push(!kept.is_empty());
        let rows = if kept.is_empty() { vec![0] } else { kept };
        let rows = pictures.index_select(0, &Tensor::from_slice(&rows));
        means.push(rows.mean_dim([0i64].as_slice(), false, Kind::Double));
    }
    let scores = Tensor::stack(&means, 0).matmul(&photographs.transpose(0, 1));
    let scores = Vec::<Vec<f64>>::try_from(&scores.contiguous())?;
    Ok(scores.into_iter().zip(has).map(|(scores, has)| has.then_some(scores)).collect())
}

/// What makes features white: their mean, and a root of their covariance.
struct Whitening {
    /// `[1,D]`.
    mean: Tensor,
    /// Cholesky's root of the covariance, `[D,D]`, lower.
    root: Tensor,
}

impl Whitening {
    /// Of features `[N,D]`, f64. Their covariance is drawn towards a multiple of the identity, by as much as Ledoit & Wolf (2004, "A well-conditioned
    /// estimator for large-dimensional covariance matrices") find best.
    fn of(features: &Tensor) -> Result<Whitening> {
        let (count, width) = (features.size()[0] as f64, features.size()[1]);
        let mean = features.mean_dim([0i64].as_slice(), true, Kind::Double);
        let centred = features - &mean;
        let covariance = centred.transpose(0, 1).matmul(&centred) / count;
        let scalar = |tensor: &Tensor| tensor.double_value(&[]);
        let dimensions = width as f64;
        let scale = scalar(&covariance.trace()) / dimensions;
        let squares = scalar(&covariance.square().sum(Kind::Double));
        let off = squares / dimensions - scale * scale;
        let fourth = scalar(
            &centred.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Double).square().sum(Kind::Double),
        );
        let noise = (fourth / count - squares) / (count * dimensions);
        let shrinkage = if off > 0. { (noise / off).clamp(0., 1.) } else { 1. };
        // Where all features are constant, every scale is as good.
        let scale = if scale > 0. { scale } else { 1. };
        let identity = Tensor::eye(width, (Kind::Double, features.device()));
        let shrunk = covariance * (1. - shrinkage) + identity * (shrinkage * scale).max(scale * 1e-9);
        let root = shrunk.f_linalg_cholesky(false).context("a covariance of photographs' features has no root")?;
        Ok(Whitening { mean, root })
    }

    /// Features `[N,D]` made white, each of length 1.
    fn directions(&self, features: &Tensor) -> Tensor {
        let white = self.root.linalg_solve_triangular(&(features - &self.mean).transpose(0, 1), false, true, false);
        let white = white.transpose(0, 1);
        let length = white.square().sum_dim_intlist([1i64].as_slice(), true, Kind::Double).sqrt();
        white / length.clamp_min(f64::MIN_POSITIVE)
    }
}

fn matrix(rows: &[&[f32]]) -> Tensor {
    Tensor::from_slice(&rows.concat()).view([rows.len() as i64, -1]).to_kind(Kind::Double)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed, normal, stream};

    fn noise(rows: i64, columns: i64, number: u64) -> Tensor {
        let mut rng = stream(Seed(3), Purpose::Noise, number);
        Tensor::from_slice(&normal(&mut rng, (rows * columns) as usize)).view([rows, columns]).to_kind(Kind::Double)
    }

    #[test]
    fn features_of_many_photographs_become_white() {
        let mixed = noise(4000, 8, 0).matmul(&noise(8, 8, 1)) + 3.;
        let white = Whitening::of(&mixed).unwrap();
        let z = white.root.linalg_solve_triangular(&(&mixed - &white.mean).transpose(0, 1), false, true, false);
        let covariance = z.matmul(&z.transpose(0, 1)) / 4000.;
        let off = (covariance - Tensor::eye(8, (Kind::Double, tch::Device::Cpu))).abs().max().double_value(&[]);
        assert!(off < 0.1, "{off}");
    }

    /// The numbers are those of scikit-learn 1.9 (`LedoitWolf().fit(x).covariance_`) and of NumPy's Cholesky root of it.
    #[test]
    fn the_covariance_is_scikit_learns() {
        let at = |i: i32, j: i32| f64::from(7 * i + 3 * j * j).sin() + if j == 0 { f64::from(i) * 0.5 } else { 0. };
        let rows: Vec<f64> = (0..12).flat_map(|i| (0..5).map(move |j| at(i, j))).collect();
        let white = Whitening::of(&Tensor::from_slice(&rows).view([12, 5])).unwrap();
        let root = |i, j| white.root.double_value(&[i, j]);
        assert!((root(0, 0).powi(2) - 2.6009338968840536).abs() < 1e-12);
        assert!((root(4, 4) - 0.7116435086283266).abs() < 1e-12 && (root(2, 0) - 0.11103063795985009).abs() < 1e-12);
    }

    #[test]
    fn few_photographs_are_shrunk_and_have_a_root_all_the_same() {
        let few = noise(6, 40, 2);
        let white = Whitening::of(&few).unwrap();
        let directions = white.directions(&few);
        let lengths = directions.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
        assert!((lengths - 1.).abs().max().double_value(&[]) < 1e-9);
        assert!(Whitening::of(&Tensor::zeros([6, 4], (Kind::Double, tch::Device::Cpu))).is_ok());
    }
}
