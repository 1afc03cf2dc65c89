//! The way in: classifiers, generators and photographs by name, pulled if need be, checked, loaded, on one device.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use generators::{Classes, Conditioning, EncodedBy};
use image::RgbImage;
use tch::Device;
use zoo::suggest::hint;
use zoo::{Cache, Checked, Kind, Manifest, Progress, Silent, Zoo};

use crate::device;
use crate::error::{Context, OfRequest, Result, bail, request};
use crate::fit;
use crate::param::Condition;
use crate::picture;
use crate::reference::{self, Photograph};
use crate::unit::LayerShapes;

/// Every network and set of photographs that can be named, and the device that networks are loaded on.
///
/// A name is an entry of the zoo (`metapicture models list`), or the path of a manifest of one's own. What is not in the user's cache is
/// downloaded and its sha256 checked. A network that somebody holds is loaded once; clones share it, and so may threads.
///
/// ```
/// use metapicture::prelude::*;
///
/// let models = Models::open()?;
/// let lite0 = models.classifier("efficientnet-lite0")?;
/// assert_eq!((lite0.classes(), lite0.size()), (1000, 224));
/// assert!(lite0.layers().any(|layer| layer.name == "_blocks.10" && layer.shape == [112, 14, 14]));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Models(Arc<Inner>, Arc<dyn Progress + Send + Sync>);

struct Inner {
    zoo: Zoo,
    device: Device,
    threads: i32,
    added: Mutex<BTreeMap<(&'static str, String), String>>,
    classifiers: Mutex<Vec<LoadedClassifier>>,
    generators: Mutex<Vec<LoadedGenerator>>,
}

/// Absolute paths of the manifests of networks of one's own: by kind (`classifiers`, `generators`), then by name.
pub type OwnManifests = BTreeMap<String, BTreeMap<String, PathBuf>>;

/// A classifier that somebody may hold, by name, and the shapes of its layers.
type LoadedClassifier = (String, Weak<classifiers::Classifier>, Weak<LayerShapes>);

/// A generator that somebody may hold, by name and by the side of the pictures that was asked for.
type LoadedGenerator = (String, Option<i64>, Weak<generators::Generator>);

/// How [`Models`] are opened: on which device, with how many threads, who is told how far a download is.
pub struct Options {
    device: String,
    threads: Option<u16>,
    cache: Option<PathBuf>,
    progress: Arc<dyn Progress + Send + Sync>,
}

impl Options {
    /// Where networks are computed: `cpu` (unless told), `cuda` or `cuda:N`.
    #[must_use]
    pub fn device(mut self, device: &str) -> Options {
        device.clone_into(&mut self.device);
        self
    }

    /// libtorch's threads on the CPU, in the whole process; as many as there are cores unless told.
    #[must_use]
    pub fn threads(mut self, threads: u16) -> Options {
        self.threads = Some(threads);
        self
    }

    /// The folder that models are kept in; `$XDG_CACHE_HOME/metapicture` or `~/.cache/metapicture` unless told.
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Options {
        self.cache = Some(folder.into());
        self
    }

    /// Who is told how far a download is; nobody unless told.
    #[must_use]
    pub fn progress(mut self, progress: impl Progress + Send + Sync + 'static) -> Options {
        self.progress = Arc::new(progress);
        self
    }

    /// The models.
    ///
    /// # Errors
    /// A device that is not there; no home directory for the cache.
    pub fn open(self) -> Result<Models> {
        let device = device::parse(&self.device)?;
        let cache = self.cache.map_or_else(Cache::for_user, |folder| Ok(Cache::at(folder)))?.judged_by(fit::fits);
        let manifests = classifiers::MANIFESTS.iter().chain(generators::MANIFESTS).chain(reference::MANIFESTS);
        let zoo = Zoo::new(manifests.copied(), cache)?;
        let inner = Inner {
            zoo,
            device,
            threads: device::set_threads(self.threads),
            added: Mutex::default(),
            classifiers: Mutex::default(),
            generators: Mutex::default(),
        };
        Ok(Models(Arc::new(inner), self.progress))
    }
}

impl Models {
    /// The models of the user's cache, on the CPU, with all cores.
    ///
    /// # Errors
    /// If there is no home directory for the cache.
    pub fn open() -> Result<Models> {
        Models::options().open()
    }

    /// To say where and how they are opened.
    pub fn options() -> Options {
        Options { device: "cpu".to_owned(), threads: None, cache: None, progress: Arc::new(Silent) }
    }

    /// The classifier of this name, on the device.
    ///
    /// # Errors
    /// A name that is not known, a file that does not fit (requests); a download that failed (model).
    pub fn classifier(&self, name: &str) -> Result<Classifier> {
        let mut loaded = lock(&self.0.classifiers);
        loaded.retain(|(_, network, _)| network.strong_count() > 0);
        let known = loaded.iter().find(|(known, ..)| known == name);
        if let Some((classifier, shapes)) =
            known.and_then(|(_, network, shapes)| Some((network.upgrade()?, shapes.upgrade()?)))
        {
            return Ok(Classifier { models: self.clone(), classifier, shapes });
        }
        let (manifest, weights) = self.weights(name, Kind::Classifier)?;
        let classifier = classifiers::Classifier::load(&manifest, &weights)?.to(self.0.device, tch::Kind::Float);
        self.tell(name, classifier.network.notes());
        let made = self.made(classifier);
        loaded.push((name.to_owned(), Arc::downgrade(&made.classifier), Arc::downgrade(&made.shapes)));
        Ok(made)
    }

    /// Another classifier that units are read in, with the shapes of its layers.
    pub fn of_units(&self, name: &str) -> Result<(Arc<classifiers::Classifier>, Arc<LayerShapes>)> {
        let found = self.classifier(name)?;
        Ok((found.classifier, found.shapes))
    }

    /// The classifier of this name with the numbers of each of its weights in another order, which `order` gives for their count: a
    /// network that knows nothing, as a control (Adebayo et al. 2018).
    ///
    /// # Errors
    /// Those of [`Models::classifier`], and a TorchScript program, whose weights cannot be taken apart.
    pub fn permuted_classifier(&self, name: &str, order: &mut dyn FnMut(usize) -> Vec<i64>) -> Result<Classifier> {
        let (manifest, weights) = self.weights(name, Kind::Classifier)?;
        let classifier = classifiers::Classifier::load_permuted(&manifest, &weights, order)?;
        Ok(self.made(classifier.to(self.0.device, tch::Kind::Float)))
    }

    /// A classifier that was made elsewhere, as [`classifiers::Classifier::live`] makes one; of the unstable [engine](crate::engine).
    pub fn adopt(&self, classifier: classifiers::Classifier) -> Classifier {
        self.tell(&classifier.name, classifier.network.notes());
        self.made(classifier)
    }

    /// Tells what a user should know of how a file was read.
    fn tell(&self, name: &str, notes: &[String]) {
        notes.iter().for_each(|note| self.1.note(&format!("{name}: {note}")));
    }

    fn made(&self, classifier: classifiers::Classifier) -> Classifier {
        let shapes = Arc::new(LayerShapes::measure(&classifier));
        Classifier { models: self.clone(), classifier: Arc::new(classifier), shapes }
    }

    /// The generator of this name, on the device.
    ///
    /// # Errors
    /// As [`Models::classifier`].
    pub fn generator(&self, name: &str) -> Result<Generator> {
        self.generator_at(name, None)
    }

    /// The generator of this name, with pictures of this side in pixels where its codes have height and width; the others have their own
    /// size, whatever is asked for.
    ///
    /// # Errors
    /// As [`Models::classifier`], and a side that it cannot make.
    pub fn generator_at(&self, name: &str, side: Option<i64>) -> Result<Generator> {
        let mut loaded = lock(&self.0.generators);
        loaded.retain(|(.., generator)| generator.strong_count() > 0);
        let mut known = loaded.iter().filter(|(known, ..)| known == name);
        let known = known.find_map(|(_, of, generator)| {
            generator.upgrade().filter(|generator| *of == side || !generator.code.is_spatial())
        });
        if let Some(generator) = known {
            return Ok(Generator { generator });
        }
        let (manifest, weights) = self.weights(name, Kind::Generator)?;
        let generator = generators::Generator::load(&manifest, &weights)?.to(self.0.device, tch::Kind::Float);
        self.tell(name, generator.network.notes());
        let generator = match side {
            Some(side) if generator.code.is_spatial() => {
                generator.at(side).map_err(|reason| request!("size: {reason}"))?
            }
            _ => generator,
        };
        let generator = Arc::new(generator);
        loaded.push((name.to_owned(), side, Arc::downgrade(&generator)));
        Ok(Generator { generator })
    }

    /// The encoder of this name, on the device, of the unstable [engine](crate::engine).
    ///
    /// # Errors
    /// As [`Models::classifier`].
    pub fn encoder(&self, name: &str) -> Result<generators::Encoder> {
        let (manifest, weights) = self.weights(name, Kind::Encoder)?;
        let encoder = generators::Encoder::load(&manifest, &weights)?.to(self.0.device, tch::Kind::Float);
        self.tell(name, encoder.encoding.network.notes());
        Ok(encoder)
    }

    /// Whether a name or the path of a manifest is that of an encoder.
    pub(crate) fn is_encoder(&self, name_or_path: &str) -> bool {
        self.0.zoo.manifest(name_or_path, None).is_ok_and(|manifest| manifest.kind == Kind::Encoder)
    }

    /// The encoder that a generator's manifest names, if it names one.
    ///
    /// # Errors
    /// As [`Models::classifier`].
    pub fn encoder_of(&self, generator: &generators::Generator) -> Result<Option<generators::Encoder>> {
        match &generator.code.encoded_by {
            Some(EncodedBy::Encoder(name)) => self.encoder(name).map(Some),
            _ => Ok(None),
        }
    }

    /// Photographs: the set of the zoo of this name, which is pulled if need be, or else the picture of this file, or those in this folder, whose
    /// subfolders may bear the names of classes of `classifier`. Broken pictures are told to whoever follows the progress, and passed over.
    ///
    /// # Errors
    /// A name that is neither; a folder that cannot be read, or holds no pictures.
    pub fn photographs(&self, name: &str, classifier: &classifiers::Classifier) -> Result<Vec<Photograph>> {
        match self.folder(name) {
            Some(folder) => {
                let (photographs, broken) = reference::in_folder(folder, classifier).of_request()?;
                reference::told(folder, &broken).iter().for_each(|told| self.1.note(told));
                Ok(photographs)
            }
            None if self.is_picture(name) => Ok(vec![reference::file(Path::new(name)).of_request()?]),
            None if (zoo::is_path(name) || picture::is_picture(Path::new(name))) && !Path::new(name).exists() => {
                Err(request!("{name}: there is no such folder, picture or manifest of pictures"))
            }
            None => Ok(reference::of_set(&self.set(name)?)),
        }
    }

    /// The same photographs, read, in the order of their paths.
    ///
    /// # Errors
    /// As [`Models::photographs`], and a picture that cannot be read.
    pub fn pictures(&self, name: &str) -> Result<Vec<RgbImage>> {
        let paths: Vec<PathBuf> = match self.folder(name) {
            Some(folder) => {
                let (paths, broken) = reference::whole(folder).of_request()?;
                reference::told(folder, &broken).iter().for_each(|told| self.1.note(told));
                paths
            }
            None => self.set(name)?.into_iter().map(|file| file.path).collect(),
        };
        if paths.is_empty() {
            bail!("{name}: there are no pictures in it");
        }
        paths.iter().map(|path| picture::read(path)).collect::<Result<_>>().of_request()
    }

    /// The folder of this name, unless a set of the zoo is called so.
    fn folder<'n>(&self, name: &'n str) -> Option<&'n Path> {
        Some(Path::new(name)).filter(|path| path.is_dir() && !self.0.zoo.names(Some(Kind::Images)).contains(&name))
    }

    /// Whether a name that is no set is a file, and no manifest of a set.
    fn is_picture(&self, name: &str) -> bool {
        let manifest = Path::new(name).extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        !manifest && Path::new(name).is_file() && !self.0.zoo.names(Some(Kind::Images)).contains(&name)
    }

    /// Lets a network of one's own be had by the name in its manifest, which is what records call it; and tells that name. Of an entry of
    /// the zoo, its own.
    ///
    /// # Errors
    /// A manifest that cannot be read or is of another kind than is wanted, a name that is not known.
    pub fn add(&self, name_or_path: &str, kind: Option<Kind>) -> Result<String> {
        let manifest = self.0.zoo.manifest(name_or_path, kind)?;
        self.note(&manifest, name_or_path);
        Ok(manifest.name.to_string())
    }

    fn note(&self, manifest: &Manifest, name_or_path: &str) {
        if *manifest.name != *name_or_path {
            let key = (manifest.kind.plural(), manifest.name.to_string());
            lock(&self.0.added).insert(key, name_or_path.to_owned());
        }
    }

    /// The networks of one's own that were loaded or added.
    pub fn of_ones_own(&self) -> OwnManifests {
        let mut manifests = OwnManifests::new();
        for ((kind, name), path) in lock(&self.0.added).iter() {
            let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
            manifests.entry((*kind).to_owned()).or_default().insert(name.clone(), path);
        }
        manifests
    }

    fn set(&self, name: &str) -> Result<Vec<Checked>> {
        let manifest = self.0.zoo.manifest(name, Some(Kind::Images))?;
        Ok(self.0.zoo.cache().checked(&manifest, self.progress())?)
    }

    fn weights(&self, name: &str, kind: Kind) -> Result<(Manifest, Checked)> {
        let added = lock(&self.0.added).get(&(kind.plural(), name.to_owned())).cloned();
        let manifest = self.0.zoo.manifest(added.as_deref().unwrap_or(name), Some(kind))?;
        self.note(&manifest, name);
        let weights = self.0.zoo.cache().checked_weights(&manifest, self.progress())?;
        Ok((manifest, weights))
    }

    /// The manifests, and the cache that holds their files.
    pub fn zoo(&self) -> &Zoo {
        &self.0.zoo
    }

    /// The same models, what is loaded of them included, of whose downloads another one is told.
    #[must_use]
    pub fn followed_by(&self, progress: impl Progress + Send + Sync + 'static) -> Models {
        Models(Arc::clone(&self.0), Arc::new(progress))
    }

    /// Who is told how far a download is.
    pub fn progress(&self) -> &dyn Progress {
        &*self.1
    }

    /// Where networks are computed: `cpu` or `cuda:N`.
    pub fn device(&self) -> String {
        device::name(self.0.device)
    }

    /// libtorch's threads on the CPU when they were opened.
    pub fn threads(&self) -> i32 {
        self.0.threads
    }

    pub(crate) fn tch_device(&self) -> Device {
        self.0.device
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models")
            .field("device", &self.device())
            .field("threads", &self.0.threads)
            .finish_non_exhaustive()
    }
}

/// Lists of what is loaded are whole even where a thread that loaded something has panicked.
fn lock<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A loaded classifier. Clones share it.
#[derive(Clone, Debug)]
pub struct Classifier {
    pub(crate) models: Models,
    pub(crate) classifier: Arc<classifiers::Classifier>,
    pub(crate) shapes: Arc<LayerShapes>,
}

/// A layer whose activations can be visualized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer<'c> {
    /// The path that names it in the network's own module tree.
    pub name: &'c str,
    /// The shape of its activation for one picture: `[C]` or `[C,H,W]`.
    pub shape: &'c [i64],
}

impl Classifier {
    /// Its name in the zoo.
    pub fn name(&self) -> &str {
        &self.classifier.name
    }

    /// How many classes it tells apart.
    pub fn classes(&self) -> i64 {
        self.classifier.classes
    }

    /// Side of its square input in pixels.
    pub fn size(&self) -> i64 {
        self.classifier.size
    }

    /// Its layers, in the order of the forward pass.
    pub fn layers(&self) -> impl Iterator<Item = Layer<'_>> {
        self.shapes.iter().map(|(name, _, shape)| Layer { name, shape })
    }

    /// The network itself, of the unstable [engine](crate::engine).
    pub fn engine(&self) -> &Arc<classifiers::Classifier> {
        &self.classifier
    }

    /// The shapes of its layers, of the unstable [engine](crate::engine).
    pub fn shapes(&self) -> &Arc<LayerShapes> {
        &self.shapes
    }
}

/// A loaded generator: a natural image prior. Clones share it.
#[derive(Clone, Debug)]
pub struct Generator {
    pub(crate) generator: Arc<generators::Generator>,
}

impl Generator {
    /// Its name in the zoo.
    pub fn name(&self) -> &str {
        &self.generator.name
    }

    /// Height and width of its pictures in pixels.
    pub fn size(&self) -> [i64; 2] {
        self.generator.size
    }

    /// The shape of its latent code: `[D]`, or `[C,H,W]` where codes have height and width.
    pub fn code(&self) -> &[i64] {
        &self.generator.code.shape
    }

    /// How many classes it is conditioned on; 0 where it is not conditional.
    pub fn classes(&self) -> i64 {
        self.generator.classes()
    }

    /// The network itself, of the unstable [engine](crate::engine).
    pub fn engine(&self) -> &Arc<generators::Generator> {
        &self.generator
    }
}

/// The condition of this class (a name or an index), of a conditional generator; without one its class is relaxed, and optimized with the
/// code. None of a generator that is not conditional.
///
/// # Errors
/// A class that it does not have; where it was written is the caller's to say.
pub fn condition(generator: &generators::Generator, class: Option<&str>) -> Result<Option<Condition>> {
    let Some(Conditioning { classes, .. }) = &generator.conditioning else {
        return match class {
            None => Ok(None),
            Some(_) => Err(request!("{} is not conditional", generator.name)),
        };
    };
    let Some(word) = class else { return Ok(Some(Condition::Relaxed)) };
    let named = |names: &[String]| {
        let index = match word.parse::<usize>() {
            Ok(index) => (index < names.len()).then_some(index),
            Err(_) => names.iter().position(|class| class.eq_ignore_ascii_case(word)),
        };
        index.with_context(|| {
            let hint = hint(word, "its classes", names.iter().map(String::as_str));
            format!("{} has no class '{word}'{hint}", generator.name)
        })
    };
    let index = match classes {
        Classes::Named(names) => named(names)?,
        Classes::Imagenet => classifiers::class_names::of_imagenet(word).map_err(|reason| request!("{reason}"))?.index,
    };
    Ok(Some(Condition::Class(index)))
}
