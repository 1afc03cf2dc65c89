//! The models that the parts of a plan take, loaded when they are needed and shared as long as they are.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use anyhow::{Context, anyhow};
use classifiers::Classifier;
use frozen::zoo::Zoo;
use generators::Generator;
use image::RgbImage;
use tch::Device;

use super::load::{self, Photographs};
use super::{Failure, Usage};
use crate::picture;
use crate::reference;
use crate::run::experiment::Experiment;
use crate::unit::LayerShapes;

/// What decides which models a run takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// A classifier of the zoo, or the path of a manifest.
    pub classifier: String,
    /// The same of a generator.
    pub generator: Option<String>,
    /// The class of a conditional generator.
    pub class: Option<String>,
    /// Side of a generator's pictures, where its code is spatial and it is not `size`.
    pub generator_size: Option<i64>,
    /// Side of the pictures, if another one than the methods' is wanted.
    pub size: Option<i64>,
    /// Whether a method brings pictures back to codes.
    pub encodes: bool,
}

impl Setup {
    /// Side of a spatial generator's pictures.
    fn side(&self) -> Option<i64> {
        self.generator_size.or(self.size)
    }
}

/// Where a request names the models, for errors.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    witnesses: &'static str,
    class: &'static str,
}

impl Asked {
    /// By flags.
    pub const BY_FLAGS: Asked = Asked { witnesses: "--witness", class: "--class" };
    /// By the keys of an experiment file.
    pub const BY_KEYS: Asked = Asked { witnesses: "compare.witnesses", class: "generator.class" };
}

/// The setups of a plan, by number, and the models that are loaded for them.
pub struct Setups<'z> {
    zoo: &'z Zoo,
    device: Device,
    threads: i32,
    quiet: bool,
    asked: Asked,
    witnesses: Vec<String>,
    setups: Vec<Setup>,
    classifiers: HashMap<String, (Arc<Classifier>, Arc<LayerShapes>)>,
    /// The last ones that were asked for, the latest last.
    loaded: Vec<(usize, Arc<Experiment>)>,
}

/// Setups that stay loaded: the points of an experiment may go back and forth between some.
const KEPT: usize = 4;

impl<'z> Setups<'z> {
    /// None yet.
    pub fn new(
        zoo: &'z Zoo,
        (device, threads): (Device, i32),
        (asked, witnesses): (Asked, Vec<String>),
        quiet: bool,
    ) -> Setups<'z> {
        let (setups, classifiers) = (vec![], HashMap::new());
        Setups { zoo, device, threads, quiet, asked, witnesses, setups, classifiers, loaded: vec![] }
    }

    /// The number of a setup.
    pub fn number(&mut self, setup: Setup) -> usize {
        match self.setups.iter().position(|known| *known == setup) {
            Some(number) => number,
            None => {
                self.setups.push(setup);
                self.setups.len() - 1
            }
        }
    }

    fn classifier(&mut self, name: &str) -> Result<(Arc<Classifier>, Arc<LayerShapes>), Failure> {
        if let Some((classifier, shapes)) = self.classifiers.get(name) {
            return Ok((Arc::clone(classifier), Arc::clone(shapes)));
        }
        let classifier = load::classifier(self.zoo, name, self.device, self.quiet)?;
        let shapes = Arc::new(LayerShapes::measure(&classifier));
        let classifier = Arc::new(classifier);
        self.classifiers.insert(name.to_owned(), (Arc::clone(&classifier), Arc::clone(&shapes)));
        Ok((classifier, shapes))
    }

    /// The models of a setup. Those of the last few stay loaded, and the witnesses.
    pub fn experiment(&mut self, number: usize) -> Result<Arc<Experiment>, Failure> {
        if let Some(place) = self.loaded.iter().position(|(loaded, _)| *loaded == number) {
            let found = self.loaded.remove(place);
            let experiment = Arc::clone(&found.1);
            self.loaded.push(found);
            return Ok(experiment);
        }
        let setup = self.setups[number].clone();
        if self.loaded.len() == KEPT {
            self.loaded.remove(0);
        }
        let in_use: Vec<&String> = self.loaded.iter().map(|(number, _)| &self.setups[*number].classifier).collect();
        let kept = |name: &String| *name == setup.classifier || self.witnesses.contains(name) || in_use.contains(&name);
        let given_up: Vec<String> = self.classifiers.keys().filter(|name| !kept(name)).cloned().collect();
        given_up.iter().for_each(|name| drop(self.classifiers.remove(name)));
        let (classifier, shapes) = self.classifier(&setup.classifier)?;
        let same = |other: &Setup, generator: &Generator| {
            other.generator == setup.generator && (other.side() == setup.side() || !generator.code.is_spatial())
        };
        let known = (self.loaded.iter())
            .filter_map(|(number, experiment)| Some((&self.setups[*number], experiment.generator.as_ref()?)))
            .find(|(other, generator)| same(other, generator))
            .map(|(_, generator)| Arc::clone(generator));
        let generator = match (&setup.generator, known) {
            (None, _) => None,
            (Some(_), Some(known)) => Some(known),
            (Some(name), None) => {
                Some(Arc::new(load::generator(self.zoo, name, setup.side(), self.device, self.quiet)?))
            }
        };
        if let (Some(generator), Some(side)) = (&generator, setup.generator_size)
            && generator.size[0] != side
        {
            let (name, own) = (&generator.name, generator.size[0]);
            return Err(anyhow!("generator.size: {name} makes pictures of {own} px only; {side} is another")).usage();
        }
        let condition = match &generator {
            Some(generator) => load::condition(generator, setup.class.as_deref()).context(self.asked.class).usage()?,
            None => None,
        };
        let encoding = generator.as_ref().and_then(|generator| generator.code.encoding);
        let encoder = match encoding.filter(|of| setup.encodes && of.classifier != classifier.name) {
            Some(of) => Some(self.classifier(of.classifier)?.0),
            None => None,
        };
        let names = self.witnesses.clone();
        let witnesses: Vec<Arc<Classifier>> =
            names.iter().map(|name| Ok(self.classifier(name)?.0)).collect::<Result<_, Failure>>()?;
        check_witnesses(&classifier, &witnesses).context(self.asked.witnesses).usage()?;
        let experiment = Arc::new(Experiment {
            classifier,
            shapes,
            generator,
            condition,
            encoder,
            witnesses,
            size: setup.size,
            device: self.device,
            threads: self.threads,
            load: OnceLock::new(),
        });
        self.loaded.push((number, Arc::clone(&experiment)));
        Ok(experiment)
    }

    /// The pictures of a set of the zoo, or of a folder and the folders in it, in the order of their paths.
    pub fn reference(&self, name: &str) -> Result<Vec<RgbImage>, Failure> {
        let paths: Vec<PathBuf> = match load::photographs(self.zoo, name, self.quiet)? {
            Photographs::Set(files) => files.into_iter().map(|file| file.path).collect(),
            Photographs::Folder(folder) => reference::below(&folder).usage()?,
        };
        if paths.is_empty() {
            return Err(anyhow!("{name}: there are no pictures in it")).usage();
        }
        paths.iter().map(|path| picture::read(path)).collect::<crate::error::Result<_>>().usage()
    }
}

pub(super) fn check_witnesses(classifier: &Classifier, witnesses: &[Arc<Classifier>]) -> anyhow::Result<()> {
    for witness in witnesses {
        if witness.weights_sha256 == classifier.weights_sha256 {
            return Err(anyhow!("{} is the classifier itself; a witness takes no part", witness.name));
        }
        if witness.classes != classifier.classes {
            let (they, ours) = (witness.classes, classifier.classes);
            return Err(anyhow!("{} knows {they} classes, {} {ours}", witness.name, classifier.name));
        }
    }
    Ok(())
}
