//! Networks by name, kept from one call to the next.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use metapicture::Error;
use metapicture::prelude::{Classifier, Generator, Models};

/// Networks that are kept, the latest last.
const KEPT: usize = 4;

/// By device and threads.
static OPENED: Mutex<BTreeMap<(String, Option<u16>), Opened>> = Mutex::new(BTreeMap::new());

/// Models that were opened, and what was taken of them last.
#[derive(Clone)]
pub struct Opened {
    pub models: Models,
    classifiers: Vec<(String, Classifier)>,
    generators: Vec<(String, Option<i64>, Generator)>,
}

fn opened() -> MutexGuard<'static, BTreeMap<(String, Option<u16>), Opened>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The models on a device; with these threads, or as many as libtorch has in this process.
///
/// # Errors
/// A device that is not there.
pub fn open(device: &str, threads: Option<u16>) -> Result<Models, Error> {
    let key = (device.to_owned(), threads);
    let known = opened().get(&key).map(|opened| opened.models.clone());
    if let (Some(models), None) = (&known, threads) {
        return Ok(models.clone());
    }
    // Others may have changed the threads of this process since.
    let models = threads.into_iter().fold(Models::options().device(device), |options, n| options.threads(n)).open()?;
    let models = known.unwrap_or(models);
    let empty = || Opened { models: models.clone(), classifiers: vec![], generators: vec![] };
    opened().entry(key).or_insert_with(empty);
    Ok(models)
}

/// A classifier, kept where the zoo has it. A file of one's own is read again.
///
/// # Errors
/// A name that is not known, a file that does not fit.
pub fn classifier(models: &Models, key: (&str, Option<u16>), name: &str) -> Result<Classifier, Error> {
    let found = models.classifier(name)?;
    if !zoo::is_path(name)
        && let Some(opened) = opened().get_mut(&(key.0.to_owned(), key.1))
    {
        opened.classifiers.retain(|(known, _)| known != name);
        opened.classifiers.push((name.to_owned(), found.clone()));
        if opened.classifiers.len() > KEPT {
            opened.classifiers.remove(0);
        }
    }
    Ok(found)
}

/// A generator whose pictures have this side where it has a choice, kept the same way.
///
/// # Errors
/// As [`classifier`].
pub fn generator(
    models: &Models,
    key: (&str, Option<u16>),
    name: &str,
    side: Option<i64>,
) -> Result<Generator, Error> {
    let found = models.generator_at(name, side)?;
    if !zoo::is_path(name)
        && let Some(opened) = opened().get_mut(&(key.0.to_owned(), key.1))
    {
        opened.generators.retain(|(known, of, _)| known != name || *of != side);
        opened.generators.push((name.to_owned(), side, found.clone()));
        if opened.generators.len() > KEPT {
            opened.generators.remove(0);
        }
    }
    Ok(found)
}
