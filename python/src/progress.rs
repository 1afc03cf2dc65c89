//! Who is told how far the work is, in Python; and what Python says back: Ctrl-C, or an exception of whoever is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metapicture::engine::compare::FollowComparison;
use metapicture::engine::render::Watch;
use metapicture::engine::run::{Follow, Run};
use metapicture::engine::store::RunId;
use metapicture::{Error, ErrorKind};
use pyo3::prelude::*;

/// Time between two looks at what goes on: signals are asked for after every step.
const PAUSE: Duration = Duration::from_millis(100);

/// Python, asked after every step. Clones are of the same one.
#[derive(Clone)]
pub struct Listener(Arc<Inner>);

struct Inner {
    /// `progress(done, of, text)`.
    progress: Option<Py<PyAny>>,
    raised: Mutex<Option<PyErr>>,
    told: Mutex<Option<Instant>>,
    /// The file that is downloaded.
    file: Mutex<Option<File>>,
    /// The piece of work of a comparison, and its parts.
    piece: Mutex<(String, usize)>,
    leave: Arc<AtomicBool>,
}

/// A file that is downloaded.
struct File {
    what: String,
    bytes: u64,
    /// Its size; 0 where nobody knows.
    of: u64,
}

impl Listener {
    /// One that calls this, if it is anything.
    pub fn new(progress: Option<Py<PyAny>>) -> Listener {
        Listener(Arc::new(Inner {
            progress,
            raised: Mutex::default(),
            told: Mutex::default(),
            file: Mutex::default(),
            piece: Mutex::default(),
            leave: Arc::default(),
        }))
    }

    /// Set once Python has raised something: the work is to be left.
    pub fn leave(&self) -> &Arc<AtomicBool> {
        &self.0.leave
    }

    /// What Python has raised meanwhile, or does now.
    ///
    /// # Errors
    /// That.
    pub fn check(&self, py: Python<'_>) -> PyResult<()> {
        match self.0.raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => py.check_signals(),
        }
    }

    /// So many of so many are done; whether to go on.
    pub fn goes_on(&self, done: usize, of: usize, things: &str) -> bool {
        self.tell(done, of, &|| things.to_owned());
        !self.0.leave.load(Ordering::Relaxed)
    }

    /// Something that the user should read: a warning of the logger `metapicture`.
    pub fn say(&self, message: &str) {
        let said = Python::attach(|py| {
            let logger = py.import("logging")?.call_method1("getLogger", ("metapicture",))?;
            logger.call_method1("warning", ("%s", message)).map(drop)
        });
        self.keep(said);
    }

    fn file(&self) -> MutexGuard<'_, Option<File>> {
        self.0.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More bytes of the file have come. Blocks are small, so that not each of them is told.
    fn tell_file(&self, bytes: u64) {
        let told = self.file().as_mut().map(|file| {
            file.bytes += bytes;
            (file.bytes, file.of, file.what.clone())
        });
        let Some((done, of, what)) = told else { return };
        if bytes == 0 || done == of || self.is_due() {
            self.tell(done as usize, of as usize, &|| what.clone());
        }
    }

    /// Whether nothing was told for a while.
    fn is_due(&self) -> bool {
        let told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.is_none_or(|told| told.elapsed() >= PAUSE)
    }

    /// What Python has raised ends the work.
    pub fn keep(&self, asked: PyResult<()>) {
        if let Err(error) = asked {
            *self.0.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            self.0.leave.store(true, Ordering::Relaxed);
        }
    }

    /// So many of so many are done. Without the interpreter.
    fn tell(&self, done: usize, of: usize, text: &dyn Fn() -> String) {
        if self.0.leave.load(Ordering::Relaxed) {
            return;
        }
        let is_due = {
            let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
            let is_due = done >= of || told.is_none_or(|told| told.elapsed() >= PAUSE);
            if is_due {
                *told = Some(Instant::now());
            }
            is_due
        };
        let asked = Python::attach(|py| {
            py.check_signals()?;
            match self.0.progress.as_ref().filter(|_| is_due) {
                Some(progress) => progress.call1(py, (done, of, text())).map(drop),
                None => Ok(()),
            }
        });
        self.keep(asked);
    }
}

impl Watch for Listener {
    fn step(&self, done: usize, steps: usize, activation: f64) {
        self.tell(done, steps, &|| match activation.is_finite() {
            true => format!("activation {activation:.1}"),
            false => String::new(),
        });
    }

    fn screened(&self, done: usize, codes: usize) {
        self.tell(done, codes, &|| "codes to start from".to_owned());
    }
}

/// What is downloaded: so many bytes of so many, of which there are 0 where nobody knows.
impl zoo::Progress for Listener {
    fn start(&self, what: &str, total: Option<u64>) {
        let file = File { what: what.to_owned(), bytes: 0, of: total.unwrap_or(0) };
        *self.file() = Some(file);
        self.tell_file(0);
    }

    fn advance(&self, bytes: u64) {
        self.tell_file(bytes);
    }

    fn done(&self) {
        *self.file() = None;
    }

    fn note(&self, message: &str) {
        self.say(message);
    }

    fn gives_up(&self) -> bool {
        // Signals come to the interpreter, which nobody else asks while pip works.
        if self.is_due() {
            let asked = Python::attach(|py| py.check_signals());
            self.keep(asked);
        }
        self.0.leave.load(Ordering::Relaxed)
    }
}

impl FollowComparison for Listener {
    fn begin(&self, what: &str, parts: usize) {
        *self.0.piece.lock().unwrap_or_else(PoisonError::into_inner) = (what.to_owned(), parts);
        self.tell(0, parts, &|| what.to_owned());
    }

    fn at(&self, parts: usize) -> Result<(), Error> {
        let (what, of) = self.0.piece.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match self.goes_on(parts, of, &what) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Left, "the comparison was left")),
        }
    }
}

/// A sweep, followed run by run.
pub struct Runs {
    listener: Listener,
    done: Arc<Mutex<usize>>,
    of: usize,
}

impl Runs {
    /// For this many runs.
    pub fn new(listener: Listener, of: usize) -> Runs {
        Runs { listener, done: Arc::default(), of }
    }
}

impl Follow for Runs {
    fn batch<'f>(&'f self, runs: &[Run], _: &[RunId]) -> Box<dyn Watch + 'f> {
        let what = runs.first().map(|run| format!("{} by {}", run.unit.name, run.method.name)).unwrap_or_default();
        Box::new(OfBatch { of: self, runs: runs.len(), what })
    }

    fn found(&self, runs: usize) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) += runs;
    }
}

/// One batch of it.
struct OfBatch<'f> {
    of: &'f Runs,
    runs: usize,
    what: String,
}

impl OfBatch<'_> {
    fn tell(&self, text: &dyn Fn() -> String) {
        let done = *self.of.done.lock().unwrap_or_else(PoisonError::into_inner);
        self.of.listener.tell(done, self.of.of, &|| format!("{}, {}", self.what, text()));
    }
}

impl Watch for OfBatch<'_> {
    fn step(&self, done: usize, steps: usize, _: f64) {
        if done == steps {
            *self.of.done.lock().unwrap_or_else(PoisonError::into_inner) += self.runs;
        }
        self.tell(&|| format!("step {done}/{steps}"));
    }

    fn screened(&self, done: usize, codes: usize) {
        self.tell(&|| format!("code {done}/{codes}"));
    }

    fn unsaved(&self, error: &Error) {
        let error = error.to_string();
        self.tell(&|| format!("no checkpoint: {error}"));
    }
}
