//! Networks by name, kept from one call to the next.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use metapicture::Error;
use metapicture::engine::device;
use metapicture::prelude::{Classifier, Generator, Models};
use pyo3::prelude::*;

use crate::live;

use crate::progress::Listener;

/// Networks of a kind that are kept.
const KEPT: usize = 4;

/// The models of a device, and what was taken of them, the latest last.
struct Opened {
    models: Models,
    classifiers: Vec<(String, Classifier)>,
    generators: Vec<((String, Option<i64>), Generator)>,
}

/// By device.
static OPENED: Mutex<BTreeMap<String, Opened>> = Mutex::new(BTreeMap::new());

fn opened() -> MutexGuard<'static, BTreeMap<String, Opened>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The models on a device, from here on with these threads in the whole process, of whose downloads somebody is told. Where the threads are
/// others than before, networks are loaded again, since records name them.
///
/// # Errors
/// A device that is not there.
pub fn open(device: &str, threads: u16, listener: &Listener) -> Result<Models, Error> {
    let models = Models::options().device(device).threads(threads).open()?;
    let mut all = opened();
    let known = all.get(&models.device()).filter(|known| known.models.threads() == models.threads());
    if let Some(known) = known {
        return Ok(known.models.followed_by(listener.clone()));
    }
    let opened = Opened { models: models.clone(), classifiers: vec![], generators: vec![] };
    all.insert(models.device(), opened);
    Ok(models.followed_by(listener.clone()))
}

/// The entries of the zoo, and networks that are looked into and not kept, on the CPU; as many threads as there are stay.
///
/// # Errors
/// No home directory for the cache.
pub fn listed() -> Result<Models, Error> {
    device::on_one_thread(|| Models::options().threads(1).open())
}

/// What stands for a classifier: a name, the path of a manifest, or an object of `metapicture._live.Live`.
#[derive(FromPyObject)]
pub enum Named {
    #[pyo3(transparent)]
    Name(String),
    #[pyo3(transparent)]
    Live(Py<PyAny>),
}

/// The classifier that it stands for.
///
/// # Errors
/// As [`classifier`] and [`live::classifier`].
pub fn named(models: &Models, named: &Named, listener: &Listener) -> Result<Classifier, Error> {
    match named {
        Named::Name(name) => classifier(models, name),
        Named::Live(object) => live::classifier(models, object, listener),
    }
}

/// A classifier, kept where the zoo has it. A file of one's own is read again.
///
/// # Errors
/// A name that is not known, a file that does not fit.
pub fn classifier(models: &Models, name: &str) -> Result<Classifier, Error> {
    let found = models.classifier(name)?;
    if let Some(opened) = opened().get_mut(&models.device()).filter(|_| !zoo::is_path(name)) {
        // One that tells nobody: who is told now may be gone tomorrow.
        let kept = opened.models.classifier(name)?;
        keep(&mut opened.classifiers, name.to_owned(), kept);
    }
    Ok(found)
}

/// A generator whose pictures have this side where it has a choice, kept the same way.
///
/// # Errors
/// As [`classifier`].
pub fn generator(models: &Models, name: &str, side: Option<i64>) -> Result<Generator, Error> {
    let found = models.generator_at(name, side)?;
    if let Some(opened) = opened().get_mut(&models.device()).filter(|_| !zoo::is_path(name)) {
        keep(&mut opened.generators, (name.to_owned(), side), found.clone());
    }
    Ok(found)
}

fn keep<K: PartialEq, N>(kept: &mut Vec<(K, N)>, key: K, network: N) {
    kept.retain(|(known, _)| *known != key);
    kept.push((key, network));
    if kept.len() > KEPT {
        kept.remove(0);
    }
}
