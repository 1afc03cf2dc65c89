//! Who is told how far the work is, in Python; and what Python says back: Ctrl-C, or an exception of whoever is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metapicture::Error;
use metapicture::engine::render::Watch;
use metapicture::engine::run::{Follow, Run};
use metapicture::engine::store::RunId;
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
    leave: Arc<AtomicBool>,
}

impl Listener {
    /// One that calls this, if it is anything.
    pub fn new(progress: Option<Py<PyAny>>) -> Listener {
        Listener(Arc::new(Inner { progress, raised: Mutex::default(), told: Mutex::default(), leave: Arc::default() }))
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
        if let Err(error) = asked {
            *self.0.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            self.0.leave.store(true, Ordering::Relaxed);
        }
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
