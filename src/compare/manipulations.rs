//! Pictures that are manipulated so that a measure must notice, or must not: tests of the measures themselves (after the trials of NeuronEval, 2025).

use image::{Rgb, RgbImage, imageops};
use tch::{Kind, Tensor};

use super::altered::phase_scrambled;
use super::controls::{Control, Shown};
use super::findings::Expected;
use super::inversion::distance_in_features;
use super::judges::Judges;
use super::nature::Nature;
use super::study::Study;
use crate::error::Result;
use crate::picture::{from_rgb8, to_rgb8};
use crate::random::{Purpose, stream};

/// Exemplars of each unit that are manipulated.
const OF_UNIT: usize = 3;

/// How far an adversarial picture may be from its original in each value, in units of the picture's range: nobody sees it.
const HIDDEN: f64 = 4. / 255.;

/// Steps by which it is sought, each of a quarter of that.
const STEPS: usize = 16;

/// How the names of the manipulated exemplars begin.
pub const MANIPULATED: &str = "manipulated: ";

/// The exemplars as they are, with which manipulated ones are compared.
pub const UNTOUCHED: &str = "manipulated: nothing";

/// What is done to exemplars, and what a measure of legibility or capacity must do.
const WAYS: [(&str, Expected, &str); 5] = [
    ("half masked", Expected::Falls, "The right half is grey."),
    ("another object added", Expected::Falls, "A quarter of it is an exemplar of another unit."),
    ("phases scrambled", Expected::Falls, "Random phases: all of its spectrum, nothing of what it shows."),
    ("another unit's", Expected::Falls, "The exemplars of another unit."),
    (
        "adversarial",
        Expected::Stays,
        "Changed by at most 4 of 255 grey levels so that the first stranger sees another unit's exemplar in it; people see no difference.",
    ),
];

/// What must happen to a measure under a manipulation.
pub fn expected(name: &str) -> Option<Expected> {
    WAYS.iter().find(|(way, ..)| name.strip_prefix(MANIPULATED) == Some(way)).map(|(_, expected, _)| *expected)
}

impl Study<'_> {
    /// Exemplars of some units, as they are and manipulated.
    ///
    /// # Errors
    /// A photograph that cannot be read, a picture that cannot be written, libtorch's errors.
    pub(super) fn manipulated(&self, nature: &Nature, judges: &Judges) -> Result<Vec<Control>> {
        let count = self.compared.min(self.job.options.manipulated_units);
        if nature.pools().is_none() || count < 2 {
            return Ok(vec![]);
        }
        let untouched = "The first three natural exemplars of a unit, with which manipulated ones are compared.";
        let mut controls = vec![Control::new(UNTOUCHED, untouched)];
        controls.extend(WAYS.map(|(way, _, meaning)| Control::new(&format!("{MANIPULATED}{way}"), meaning)));
        for unit in 0..count {
            let other = (unit + 1) % count;
            let places = [unit, other].map(|unit| &nature.exemplars(unit)[..OF_UNIT]);
            for (number, (&place, &of_other)) in places[0].iter().zip(places[1]).enumerate() {
                let [own, another] = [place, of_other].map(|place| self.square(&self.job.photographs[place]));
                let (own, another) = (own?, another?);
                let mut rng = stream(self.seed, Purpose::Phases, 1 << 32 | place as u64);
                let fooled = judges.foreign.iter().flat_map(|(_, places)| places).min();
                let fooled = fooled.map(|witness| {
                    self.adversarial(&own, *witness, &nature.photographs[of_other].look.encoded[*witness])
                });
                let pictures = [
                    Some((own.clone(), Some(place))),
                    Some((half_masked(&own), None)),
                    Some((with_inset(&own, &another), None)),
                    Some((phase_scrambled(&own, &mut rng)?, None)),
                    Some((another, Some(of_other))),
                    fooled.transpose()?.flatten().map(|picture| (picture, None)),
                ];
                for (control, made) in controls.iter_mut().zip(pictures) {
                    let Some((picture, photograph)) = made else { continue };
                    let path = self.save(&picture, &control.name, unit, number as u64)?;
                    // All ways leave the same photographs to choose from.
                    let sources = places.iter().flat_map(|of| of.iter().copied()).collect();
                    control.pictures.push(Shown { photograph, sources, ..Shown::new(unit, number as u64, path) });
                }
            }
        }
        Ok(controls)
    }

    /// A picture that nobody can tell from this one, in which a witness sees what has these features (Sabour et al. 2016, "Adversarial Manipulation of Deep
    /// Representations"); none where the witness gives no gradient.
    fn adversarial(&self, picture: &RgbImage, witness: usize, features: &[f32]) -> Result<Option<RgbImage>> {
        let _guard = tch::no_grad_guard();
        let networks = &self.job.networks;
        let (network, point) = (&networks.witnesses[witness], networks.features[1 + witness].1);
        if network.network.no_gradient().is_some() {
            return Ok(None);
        }
        let (kind, device) = (network.network.kind(), network.network.device());
        let own = from_rgb8(picture).unsqueeze(0).to_kind(kind).to_device(device);
        let to = Tensor::from_slice(features).unsqueeze(0).to_kind(kind).to_device(device);
        let mut changed = own.copy();
        for _ in 0..STEPS {
            let (_, Some(gradient)) = distance_in_features(network, point, &changed, &to, true) else { break };
            let step = &changed - gradient.sign() * (HIDDEN / 4.);
            changed = step.maximum(&(&own - HIDDEN)).minimum(&(&own + HIDDEN)).clamp(0., 1.);
        }
        let found = changed.get(0).to_device(tch::Device::Cpu).to_kind(Kind::Float);
        Ok(Some(to_rgb8(&found)?))
    }
}

/// With a grey right half.
fn half_masked(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    RgbImage::from_fn(width, height, |x, y| if x * 2 < width { *picture.get_pixel(x, y) } else { Rgb([128; 3]) })
}

/// With another one, at half its sides, in the lower right.
fn with_inset(picture: &RgbImage, other: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let small = imageops::resize(other, width / 2, height / 2, imageops::FilterType::CatmullRom);
    let mut both = picture.clone();
    imageops::replace(&mut both, &small, i64::from(width - width / 2), i64::from(height - height / 2));
    both
}
