//! The models that the parts of a plan take, loaded when they are needed and shared as long as they are.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use generators::EncodedBy;

use crate::error::{Context, Result, bail};
use crate::method::Method;
use crate::models::{Classifier, Generator, Models, condition};
use crate::reference::StartPhotographs;
use crate::run::Experiment;

/// The models of a part of a plan, by name, and the sizes that decide how they are loaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelSet {
    /// A classifier of the zoo, or the path of a manifest.
    pub classifier: String,
    /// A generator of the zoo, or the path of a manifest; none for methods of pixel space.
    pub generator: Option<String>,
    /// The class of a conditional generator.
    pub class: Option<String>,
    /// Side in pixels of a generator's pictures, where its code has height and width and it is not `size`.
    pub generator_size: Option<i64>,
    /// Side of the pictures in pixels, if another one than the methods' is wanted.
    pub size: Option<i64>,
    /// Whether a method brings pictures back to codes.
    pub encodes: bool,
    /// The photographs that a method starts from or holds pictures against: a set of the zoo, a folder, or a file.
    pub photographs: Option<String>,
}

impl ModelSet {
    /// Side of a spatial generator's pictures.
    fn side(&self) -> Option<i64> {
        self.generator_size.or(self.size)
    }
}

/// What a request calls witnesses and a generator's class, for errors.
#[derive(Clone, Copy, Debug)]
pub struct KeyNames {
    /// Of the witnesses.
    pub witnesses: &'static str,
    /// Of the class.
    pub class: &'static str,
}

impl KeyNames {
    /// Flags of the command line.
    pub const FLAGS: KeyNames = KeyNames { witnesses: "--witness", class: "--class" };
    /// Settings of a [`Visualization`](crate::visualize::Visualization).
    pub const SETTINGS: KeyNames = KeyNames { witnesses: "witnesses", class: "class" };
    /// Keys of an experiment file.
    pub const FILE: KeyNames = KeyNames { witnesses: "compare.witnesses", class: "generator.class" };
}

/// Loads the model sets of a plan, by number. The last few stay loaded, and the witnesses.
#[derive(Debug)]
pub struct Loader {
    models: Models,
    keys: KeyNames,
    /// Names of the witnesses, and the witnesses once they are loaded.
    witnesses: (Vec<String>, Option<Vec<Classifier>>),
    sets: Vec<ModelSet>,
    /// Photographs that methods start from, by what they are called.
    photographs: BTreeMap<String, Arc<StartPhotographs>>,
    /// The last ones that were asked for, the latest last.
    loaded: Vec<(usize, Arc<Experiment>)>,
}

/// Model sets that stay loaded: the points of an experiment may go back and forth between some.
const KEPT: usize = 4;

impl Loader {
    /// Of no set yet; all sets have these witnesses.
    pub fn new(models: &Models, keys: KeyNames, witnesses: Vec<String>) -> Loader {
        Loader {
            models: models.clone(),
            keys,
            witnesses: (witnesses, None),
            sets: vec![],
            photographs: BTreeMap::new(),
            loaded: vec![],
        }
    }

    /// Where models come from.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// The number of a model set.
    pub fn number(&mut self, set: ModelSet) -> usize {
        match self.sets.iter().position(|known| *known == set) {
            Some(number) => number,
            None => {
                self.sets.push(set);
                self.sets.len() - 1
            }
        }
    }

    /// The models of the set of this number, loaded.
    ///
    /// # Errors
    /// As [`Models::classifier`] and [`Models::generator_at`]; a size that the generator cannot make, a class that it does not have, a
    /// witness that is the classifier itself or knows other classes.
    pub fn experiment(&mut self, number: usize) -> Result<Arc<Experiment>> {
        if let Some(place) = self.loaded.iter().position(|(loaded, _)| *loaded == number) {
            let found = self.loaded.remove(place);
            let experiment = Arc::clone(&found.1);
            self.loaded.push(found);
            return Ok(experiment);
        }
        let set = self.sets[number].clone();
        // The oldest is given up first, unless this one takes something of it.
        let oldest = if self.loaded.len() == KEPT { Some(self.loaded.remove(0)) } else { None };
        let takes = |of: &ModelSet| of.classifier == set.classifier || of.generator == set.generator;
        let _shared = oldest.filter(|(number, _)| takes(&self.sets[*number]));
        log::info!(
            "loading {}{}",
            set.classifier,
            set.generator.as_ref().map_or_else(String::new, |of| format!(" and {of}"))
        );
        let classifier = self.models.classifier(&set.classifier)?;
        let generator = set.generator.as_ref().map(|name| self.models.generator_at(name, set.side())).transpose()?;
        if let (Some(generator), Some(side)) = (&generator, set.generator_size)
            && generator.size()[0] != side
        {
            let (name, own) = (generator.name(), generator.size()[0]);
            bail!("generator.size: {name} makes pictures of {own} px only; {side} is another");
        }
        let starts = set.photographs.as_deref().map(|name| match self.photographs.get(name) {
            Some(known) => Ok(Arc::clone(known)),
            None => photographs(name, &classifier),
        });
        let starts = starts.transpose()?;
        if let (Some(name), Some(starts)) = (&set.photographs, &starts) {
            self.photographs.insert(name.clone(), Arc::clone(starts));
        }
        let (keys, witnesses) = (self.keys, self.witnesses()?);
        let prior = generator.as_ref().map(|generator| (generator, set.class.as_deref()));
        let encoded = Encoded { codes: set.encodes, photographs: starts };
        let experiment = Arc::new(experiment(&classifier, prior, encoded, witnesses, set.size, keys)?);
        self.loaded.push((number, Arc::clone(&experiment)));
        Ok(experiment)
    }

    fn witnesses(&mut self) -> Result<&[Classifier]> {
        let (names, loaded) = &mut self.witnesses;
        if loaded.is_none() {
            *loaded = Some(names.iter().map(|name| self.models.classifier(name)).collect::<Result<_>>()?);
        }
        Ok(loaded.as_deref().unwrap_or_default())
    }
}

/// What is brought to codes of the generator, for which its encoder is loaded.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    /// Anything at all.
    pub codes: bool,
    /// Photographs that a method starts from.
    pub photographs: Option<Arc<StartPhotographs>>,
}

impl Encoded {
    /// What a method asks for.
    ///
    /// # Errors
    /// Photographs that cannot be had.
    pub fn by(method: &Method, classifier: &Classifier) -> Result<Encoded> {
        let photographs = method.photographs().map(|name| photographs(name, classifier)).transpose()?;
        Ok(Encoded { codes: method.encodes(), photographs })
    }
}

/// Photographs that a method starts from.
fn photographs(name: &str, classifier: &Classifier) -> Result<Arc<StartPhotographs>> {
    let files = classifier.models.photographs(name, &classifier.classifier)?;
    StartPhotographs::new(name, files).map(Arc::new)
}

/// An experiment of loaded networks: a classifier, perhaps a generator as prior with the class that it is conditioned on, witnesses.
///
/// # Errors
/// Those of [`Loader::experiment`].
pub(crate) fn experiment(
    classifier: &Classifier,
    prior: Option<(&Generator, Option<&str>)>,
    encoded: Encoded,
    witnesses: &[Classifier],
    size: Option<i64>,
    keys: KeyNames,
) -> Result<Experiment> {
    let models = &classifier.models;
    let condition = match prior {
        Some((generator, class)) => condition(&generator.generator, class).context(keys.class)?,
        None => None,
    };
    let Encoded { codes, photographs } = encoded;
    let encoded = prior.map(|(generator, _)| &generator.generator).filter(|_| codes);
    let encoder = encoded.map(|generator| models.encoder_of(generator)).transpose()?.flatten().map(Arc::new);
    let encoding_classifier = match encoded.and_then(|generator| generator.code.encoded_by.as_ref()) {
        Some(EncodedBy::Layer { classifier: name, .. }) if *name != classifier.name() => {
            Some(models.classifier(name)?.classifier)
        }
        _ => None,
    };
    let witnesses: Vec<_> = witnesses.iter().map(|witness| Arc::clone(&witness.classifier)).collect();
    Experiment::check_witnesses(&classifier.classifier, &witnesses).context(keys.witnesses)?;
    Ok(Experiment {
        classifier: Arc::clone(&classifier.classifier),
        shapes: Arc::clone(&classifier.shapes),
        generator: prior.map(|(generator, _)| Arc::clone(&generator.generator)),
        condition,
        encoding_classifier,
        encoder,
        photographs,
        witnesses,
        size,
        device: models.tch_device(),
        threads: models.threads(),
        load: OnceLock::new(),
    })
}
