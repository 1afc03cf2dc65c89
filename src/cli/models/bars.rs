//! Downloads on stderr.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use zoo::Progress;

use crate::cli::bars;

/// Shows a pull on stderr: as bars on a terminal, as one line a step elsewhere.
pub struct Bars {
    bar: Mutex<Option<ProgressBar>>,
    terminal: bool,
}

impl Bars {
    /// Bars, or lines if stderr is not a terminal.
    pub fn new() -> Bars {
        Bars { bar: Mutex::new(None), terminal: io::stderr().is_terminal() }
    }

    /// A bar is whole even where a thread that drew it has panicked.
    fn bar(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Bars {
    fn default() -> Bars {
        Bars::new()
    }
}

impl Progress for Bars {
    fn start(&self, what: &str, total: Option<u64>) {
        if !self.terminal {
            match total {
                Some(total) => eprintln!("{what} ({})", HumanBytes(total)),
                None => eprintln!("{what}"),
            }
            return;
        }
        let (length, template) = match total {
            Some(total) => (Some(total), "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}"),
            None => (None, "{spinner} {msg} {elapsed}"),
        };
        let bar = bars::bar(false).with_message(what.to_owned());
        if let Some(length) = length {
            bar.set_length(length);
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        *self.bar() = Some(bar);
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &*self.bar() {
            bar.inc(bytes);
        }
    }

    fn done(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, message: &str) {
        match &*self.bar() {
            Some(bar) => bar.println(message),
            None => eprintln!("{message}"),
        }
    }
}
