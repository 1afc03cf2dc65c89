//! The controls: pictures of which is known beforehand what must be said of them, so that the others' figures can be read. Photographs
//! of the very class, the same with random phases, blurred noise, another unit's pictures, naive pixels, and every method on a
//! network that knows nothing. They are made, written, and measured as all others are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use image::RgbImage;
use serde_json::Value;

use super::altered::{blurred_noise, phase_scrambled, squares};
use super::findings::{EXEMPLARS, Origin, PERMUTED};
use super::follow::FollowComparison;
use super::gather::GatheredMethod;
use super::job::shorter_side;
use super::judges::Judges;
use super::nature::Nature;
use super::study::Study;
use crate::error::{Context, Result};
use crate::method::{Method as Recipe, ParamSpec};
use crate::picture::{self, to_rgb8};
use crate::random::{Purpose, Seed, stream};
use crate::reference::Photograph;
use crate::render::{Batch, Rendered, UnkeptUntil, resume};
use crate::unit::Unit;

/// Photographs of a unit's class, or pieces of noise, in a control.
const OF_UNIT: usize = 3;

/// Pictures that the comparison itself makes or takes, measured as if a method had made them.
pub struct Control {
    /// What it is called, unlike any other.
    pub name: String,
    /// What it controls, in one sentence.
    pub meaning: String,
    /// The generator that is its prior, by name; none in pixel space.
    pub generator: Option<String>,
    /// The settings of its method, where it has one.
    pub settings: Value,
    /// Its pictures.
    pub pictures: Vec<Shown>,
    /// Forward and backward passes a picture.
    pub passes: Option<[f64; 2]>,
}

/// A picture of a control.
pub struct Shown {
    /// The place of its unit.
    pub unit: usize,
    /// In the place of a seed.
    pub number: u64,
    /// The file.
    pub path: PathBuf,
    /// The side of its generator's picture.
    pub own: Option<i64>,
    /// The place of the photograph that it is.
    pub photograph: Option<usize>,
    /// Places of photographs that it was made of.
    pub sources: Vec<usize>,
}

impl Shown {
    pub(super) fn new(unit: usize, number: u64, path: PathBuf) -> Shown {
        Shown { unit, number, path, own: None, photograph: None, sources: vec![] }
    }
}

impl Control {
    pub(super) fn new(name: &str, meaning: &str) -> Control {
        Control {
            name: name.to_owned(),
            meaning: meaning.to_owned(),
            generator: None,
            settings: Value::Null,
            pictures: vec![],
            passes: None,
        }
    }
}

impl Study<'_> {
    /// Makes all that can be made, and writes their pictures.
    ///
    /// # Errors
    /// A photograph that cannot be read, a picture that cannot be written, libtorch's errors.
    pub fn controls(&self, nature: &Nature, judges: &Judges, follow: &dyn FollowComparison) -> Result<Vec<Control>> {
        follow.begin("controls", 4);
        let mut controls = vec![self.exemplars(nature)?];
        controls.extend(self.photographs()?);
        follow.at(1)?;
        controls.push(self.noise()?);
        follow.at(2)?;
        controls.extend(self.another_unit());
        if !self.job.gathered.groups.iter().any(|group| group.name == "naive") {
            controls.extend(self.naive(&|| follow.at(2))?);
        }
        follow.at(3)?;
        controls.extend(self.manipulated(nature, judges)?);
        follow.at(4)?;
        controls.extend(self.permuted(follow)?);
        controls.retain(|control| !control.pictures.is_empty());
        Ok(controls)
    }

    /// Writes a picture of a control.
    pub(super) fn save(&self, picture: &RgbImage, control: &str, unit: usize, number: u64) -> Result<PathBuf> {
        let folder = self.job.out.join("controls").join(slug(control));
        fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        let path = folder.join(format!("{unit:04}-{number}.png"));
        picture.save(&path).with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(path)
    }

    /// The central square of a photograph, as the target takes it.
    pub(super) fn square(&self, photograph: &Photograph) -> Result<RgbImage> {
        let side = self.job.networks.target.size as u32;
        Ok(squares(&picture::read(&photograph.path)?, 0, side, self.seed, 0).swap_remove(0))
    }

    /// Photographs that fire each unit much, behind those that must be found.
    fn exemplars(&self, nature: &Nature) -> Result<Control> {
        let mut exemplars = Control::new(
            EXEMPLARS,
            "Nine photographs that fire the unit much, ranked behind those that must be found: what people are helped by most (Borowski et al. 2021). They are more pictures than \
             methods mostly have seeds.",
        );
        for unit in 0..self.compared {
            for (number, &place) in nature.exemplars(unit).iter().enumerate() {
                let path =
                    self.save(&self.square(&self.job.photographs[place])?, &exemplars.name, unit, number as u64)?;
                exemplars.pictures.push(Shown { photograph: Some(place), ..Shown::new(unit, number as u64, path) });
            }
        }
        Ok(exemplars)
    }

    /// Labelled photographs, and the same with random phases.
    fn photographs(&self) -> Result<[Control; 2]> {
        let mut photographs = Control::new("photographs", "Labelled photographs of the very class: what is legible.");
        let mut scrambled = Control::new(
            "phase-scrambled photographs",
            "The same photographs with random phases: all of their spectrum, nothing of what they show.",
        );
        let mut of_unit: BTreeMap<usize, u64> = BTreeMap::new();
        for (place, photograph) in self.job.photographs.iter().enumerate() {
            let of_class = |class| self.units.iter().position(|unit| unit.class() == Some(class));
            let Some(unit) = photograph.class.and_then(of_class) else { continue };
            let number = of_unit.entry(unit).or_default();
            if *number == OF_UNIT as u64 {
                continue;
            }
            let square = self.square(photograph)?;
            let path = self.save(&square, &photographs.name, unit, *number)?;
            photographs.pictures.push(Shown { photograph: Some(place), ..Shown::new(unit, *number, path) });
            let mut rng = stream(self.seed, Purpose::Phases, place as u64);
            let path = self.save(&phase_scrambled(&square, &mut rng)?, &scrambled.name, unit, *number)?;
            scrambled.pictures.push(Shown { sources: vec![place], ..Shown::new(unit, *number, path) });
            *number += 1;
        }
        Ok([photographs, scrambled])
    }

    fn noise(&self) -> Result<Control> {
        let mut noise =
            Control::new("blurred noise", "Grey noise, blurred: it shows nothing, and whoever sees it can only guess.");
        for unit in 0..self.compared {
            for number in 0..OF_UNIT as u64 {
                let mut rng = stream(self.seed, Purpose::BlurredNoise, unit as u64 * OF_UNIT as u64 + number);
                let picture = blurred_noise(self.job.networks.target.size, &mut rng)?;
                let path = self.save(&picture, &noise.name, unit, number)?;
                noise.pictures.push(Shown::new(unit, number, path));
            }
        }
        Ok(noise)
    }

    /// The baseline's pictures; each unit is given those of the next one.
    fn another_unit(&self) -> Option<Control> {
        let mut other = Control::new(
            "another unit's pictures",
            "The baseline's pictures of another unit, judged as if they were this one's: what is about nothing in particular.",
        );
        let units: Vec<usize> = self.units_of(self.baseline?).into_iter().collect();
        if units.len() < 2 {
            return None;
        }
        for item in self.job.gathered.items.iter().filter(|item| Some(item.group) == self.baseline) {
            let own = units.binary_search(&self.places[&*item.unit]).ok()?;
            other.pictures.push(Shown::new(units[(own + 1) % units.len()], item.seed, item.path.clone()));
        }
        Some(other)
    }

    /// The places of the units that a method has pictures of.
    fn units_of(&self, group: usize) -> BTreeSet<usize> {
        let items = self.job.gathered.items.iter().filter(|item| item.group == group);
        items.map(|item| self.places[&*item.unit]).collect()
    }

    /// Naive pixel pictures of some units, where the records have none; `goes_on` is asked after each step.
    fn naive(&self, goes_on: &dyn Fn() -> Result<()>) -> Result<Option<Control>> {
        let method = Recipe::find("naive")?;
        let places: Vec<usize> = (0..self.compared).take(self.job.options.permuted_units).collect();
        if places.is_empty() || self.job.networks.target.network.no_gradient().is_some() {
            return Ok(None);
        }
        let mut control = Control::new(
            "naive pixels",
            "Pixels driven up the unit's gradient with nothing to keep them natural: what fires most and shows least.",
        );
        control.settings = method.settings();
        let batch = Batch {
            classifier: &self.job.networks.target,
            shapes: &self.job.networks.shapes,
            generator: None,
            condition: None,
            encoder: None,
            photographs: None,
            method: &method,
            size: None,
            runs: &self.runs(&places),
        };
        self.render_into(&mut control, &batch, &places, goes_on)?;
        Ok(Some(control))
    }

    /// The methods of the records on the target with permuted weights, a network that knows nothing: some units, one seed, one setting of
    /// each dial.
    fn permuted(&self, follow: &dyn FollowComparison) -> Result<Vec<Control>> {
        let job = self.job;
        let mut controls = vec![];
        let Ok((classifier, shapes)) = &job.permuted else { return Ok(controls) };
        let mut first: Vec<(usize, &GatheredMethod)> = vec![];
        for (place, group) in job.gathered.groups.iter().enumerate().filter(|(_, group)| group.kind == Origin::Run) {
            if !first.iter().any(|(_, of)| (&of.name, &of.generator) == (&group.name, &group.generator)) {
                first.push((place, group));
            }
        }
        follow.begin("permuted weights", first.len());
        for (number, &(place, group)) in first.iter().enumerate() {
            let Some(method) = recipe(group) else { continue };
            let prior = job.priors.get(&place);
            if method.encodes() || method.needs_generator() != prior.is_some() {
                continue;
            }
            // The same architecture has the same points, so that the target's units serve.
            let places: Vec<usize> = self.units_of(place).into_iter().take(job.options.permuted_units).collect();
            let of_prior = group.generator.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            let mut control = Control::new(
                &format!("{PERMUTED}{}{of_prior}", group.name),
                &format!(
                    "`{}` on the target with permuted weights, a network that knows nothing; {} units, one seed.",
                    group.label,
                    places.len()
                ),
            );
            control.generator.clone_from(&group.generator);
            control.settings = group.settings.clone();
            let batch = Batch {
                classifier,
                shapes,
                generator: prior.map(|prior| &*prior.generator),
                condition: prior.and_then(|prior| prior.condition),
                encoder: None,
                photographs: None,
                method: &method,
                size: group.size.filter(|_| prior.is_none() || matches!(method.param, ParamSpec::Blend(_))),
                runs: &self.runs(&places),
            };
            self.render_into(&mut control, &batch, &places, &|| follow.at(number))?;
            controls.push(control);
            follow.at(number + 1)?;
        }
        Ok(controls)
    }

    /// A run of the first seed for each of these units.
    fn runs(&self, places: &[usize]) -> Vec<(Unit, Seed)> {
        places.iter().map(|&place| (self.units[place].clone(), Seed(0))).collect()
    }

    /// Adds what a batch renders for these units.
    /// Renders pictures of a control; `goes_on` is asked after each step.
    fn render_into(
        &self,
        control: &mut Control,
        batch: &Batch,
        places: &[usize],
        goes_on: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let leave = AtomicBool::new(false);
        let watch = |_: usize, _: usize, _: f64| {
            if goes_on().is_err() {
                leave.store(true, Ordering::Relaxed);
            }
        };
        let rendered = resume(batch, &watch, &UnkeptUntil(&leave));
        goes_on()?;
        let rendered: Vec<Rendered> = rendered?;
        for (&unit, rendered) in places.iter().zip(rendered).filter(|(_, rendered)| rendered.failure.is_none()) {
            let path = self.save(&to_rgb8(&rendered.picture)?, &control.name, unit, 0)?;
            control.passes = Some([rendered.passes.forward as f64, rendered.passes.backward as f64]);
            let own = batch.generator.map(shorter_side);
            control.pictures.push(Shown { own, ..Shown::new(unit, 0, path) });
        }
        Ok(())
    }
}

/// A name as that of a folder.
pub fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = name.chars().map(plain).collect();
    text.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// A recipe from a record's settings.
pub fn recipe(group: &GatheredMethod) -> Option<Recipe> {
    let mut settings = group.settings.clone();
    let map = settings.as_object_mut()?;
    for (key, value) in [("name", &*group.name), ("summary", ""), ("source", "")] {
        map.insert(key.to_owned(), Value::from(value));
    }
    serde_json::from_value(settings).ok()
}
