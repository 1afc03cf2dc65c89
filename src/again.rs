//! A run once more, from its record alone: whether it comes to the same bytes, and what may be why if it does not.

use std::path::Path;

use serde::Serialize;

use crate::device;
use crate::error::{Context, Result, bail, request};
use crate::method::Method;
use crate::models::Models;
use crate::render::Unkept;
use crate::render::Watch;
use crate::run::{KeyNames, Loader, ModelSet, Run, manifests_in};
use crate::store::{Kept, LIBTORCH_VERSION, NUMERIC_VERSION, Record, Sealed, Store};
use crate::unit::{Among, Elsewhere, Unit};

/// What a record does not hold.
#[derive(Clone, Debug, Default)]
pub struct Missing {
    /// The photographs that its search started from or was held against, of which it has the sha256 alone: a set of the zoo, a folder or a file.
    pub from: Option<String>,
    /// The unit, where a file is part of it: `direction(LAYER, FILE)`, `like(LAYER, PHOTO)`.
    pub unit: Option<String>,
}

/// What became of a run that was computed again.
#[derive(Debug, Serialize)]
pub struct Again {
    /// Whether the files that a computation decides are the same, byte by byte.
    pub same: bool,
    /// Files and whether they are the same; of those that the record has.
    pub files: Vec<(String, bool)>,
    /// Levels of 255 by which the pictures differ at most; none where there are not two pictures of one size.
    pub levels: Option<u8>,
    /// The activation of the saved picture then and now.
    pub activation: [Option<f64>; 2],
    /// Whether all that decides the result but rounding is the same: then the id is the same.
    pub same_id: bool,
    /// What differs of where and with what it was computed.
    pub differs: Vec<String>,
    /// What was computed.
    #[serde(skip)]
    pub sealed: Sealed,
}

/// Files that the clock has no part in.
const DECIDED: [&str; 4] = ["image.png", "cut-out.png", "trace.csv", "state.safetensors"];

/// Computes the run of a record again, on the device of `models`.
///
/// # Errors
/// A request: networks that are not here or have other weights than the record's, what the record does not hold and nobody told. Compute, model.
pub fn again(models: &Models, store: &Store, record: &Record, missing: &Missing, watch: &dyn Watch) -> Result<Again> {
    for manifests in manifests_in(store.root()).into_values() {
        for path in manifests.into_values() {
            // One that is not there any more may not be needed; if it is, its name is what is missed.
            let _ = models.add(&path.to_string_lossy(), None);
        }
    }
    let method = method(record, missing)?;
    let mut loader = Loader::new(models, KeyNames::FLAGS, vec![]);
    let number = loader.number(ModelSet {
        classifier: record.classifier.clone(),
        generator: record.generator.clone(),
        class: record.condition.clone().filter(|condition| condition != "relaxed"),
        generator_size: record.generator_size,
        size: Some(record.size),
        encodes: method.encodes(),
        photographs: method.photographs().map(str::to_owned),
    });
    let experiment = loader.experiment(number)?;
    let generator = experiment.generator.as_ref().map(|of| (&of.name, &of.weights_sha256));
    let classifier = &experiment.classifier;
    same_weights(record, generator.into_iter().chain([(&classifier.name, &classifier.weights_sha256)]))?;
    let name = missing.unit.as_deref().unwrap_or(&record.unit.name);
    let kept = [store.root().to_owned()];
    let others = |name: &str| models.of_units(name);
    let (classifier, shapes) = (&experiment.classifier, &experiment.shapes);
    let unit = Unit::parse_among(name, &Among { classifier, shapes, kept: &kept, others: Some(&others) });
    let unit = unit.map_err(|error| match name.contains('#') && missing.unit.is_none() {
        true => error.hinted("the record has the sha256 of its file alone: write the unit with the file in --unit"),
        false => error,
    })?;
    same_weights(record, unit.elsewhere().into_iter().map(|Elsewhere(other)| (&other.name, &other.weights_sha256)))?;
    if unit.settings() != record.unit.terms {
        bail!("--unit: '{name}' is another unit than the record's, {}", record.unit.name);
    }
    experiment.check(std::slice::from_ref(&unit), std::slice::from_ref(&method))?;
    // Facets are optimized together.
    let runs: Vec<Run> = (0..method.facets)
        .map(|facet| Run { unit: unit.clone(), method: method.clone(), seed: record.seed, facet })
        .collect();
    let mut sealed = experiment.compute(&runs, Kept::default(), watch, &Unkept)?;
    if record.facet >= sealed.len() {
        bail!("facet {} is not one of the method's {}", record.facet, sealed.len());
    }
    let sealed = sealed.swap_remove(record.facet);
    let now = sealed.record()?;
    let folder = store.folder(&record.run_id);
    let (mut files, mut same) = (vec![], true);
    for name in DECIDED {
        let Ok(then) = std::fs::read(folder.join(name)) else { continue };
        let is_same = sealed.file(name) == Some(&then[..]);
        same &= is_same;
        files.push((name.to_owned(), is_same));
    }
    Ok(Again {
        same,
        files,
        levels: levels(&folder.join(DECIDED[0]), &sealed)?,
        activation: [record.activation.scored, now.activation.scored],
        same_id: now.run_id == record.run_id,
        differs: differs(record, &now, runs.len()),
        sealed,
    })
}

/// Refuses networks whose weights are not those of the record; of one that the record does not name, nothing is said.
fn same_weights<'a>(record: &Record, here: impl Iterator<Item = (&'a String, &'a String)>) -> Result<()> {
    for (name, sha256) in here {
        if let Some(then) = record.provenance.weights_sha256.get(name).filter(|then| *then != sha256) {
            bail!("{name}: the record was made with other weights ({}) than are here ({})", &then[..8], &sha256[..8]);
        }
    }
    Ok(())
}

/// The method of a record, whole.
fn method(record: &Record, missing: &Missing) -> Result<Method> {
    let mut settings = record.method_settings.clone();
    if let Some(settings) = settings.as_object_mut() {
        settings.insert("name".to_owned(), record.method.clone().into());
    }
    let text = serde_yaml::to_string(&settings)?;
    let mut method = Method::parse(&text, "the record").context("its method cannot be read")?;
    if method.photographs().is_some() {
        let from = missing.from.as_deref().ok_or_else(|| {
            request!("photographs took part, of which the record has the sha256 alone: name them with --from")
        })?;
        if method.start().is_some() {
            method.start_from(from);
        }
        method.hold_against(from);
    }
    Ok(method)
}

/// By how much pictures differ.
fn levels(then: &Path, now: &Sealed) -> Result<Option<u8>> {
    let (Some(now), Ok(then)) = (now.file(DECIDED[0]), std::fs::read(then)) else { return Ok(None) };
    let (then, now) = (image::load_from_memory(&then)?.to_rgb8(), image::load_from_memory(now)?.to_rgb8());
    if then.dimensions() != now.dimensions() {
        return Ok(None);
    }
    Ok(then.as_raw().iter().zip(now.as_raw()).map(|(a, b)| a.abs_diff(*b)).max())
}

/// What differs of where and with what a run was computed, in words.
fn differs(then: &Record, now: &Record, batch: usize) -> Vec<String> {
    let (a, b) = (&then.provenance, &now.provenance);
    let mut all = vec![];
    let mut tell = |what: &str, then: String, now: String| {
        if then != now {
            all.push(format!("{what}: {then} then, {now} now"));
        }
    };
    tell("numeric version", a.numeric_version.to_string(), NUMERIC_VERSION.to_string());
    tell("metapicture", a.version.clone(), b.version.clone());
    tell("libtorch", a.libtorch.clone(), LIBTORCH_VERSION.to_owned());
    tell("device", a.device.clone(), b.device.clone());
    tell("processor", a.host_arch.clone(), b.host_arch.clone());
    tell("threads", a.threads.to_string(), b.threads.to_string());
    tell("runs in its batch", a.batch.to_string(), batch.to_string());
    all
}

/// The device that a record was computed on, where this machine has it; else none.
pub fn device_of(record: &Record) -> Option<String> {
    device::parse(&record.provenance.device).ok().map(|_| record.provenance.device.clone())
}
