//! Ctrl-C, and being told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::{INTERRUPTED, leave};
use crate::cli::error::{Error, Result};

/// What Ctrl-C does to a process that computes.
pub(super) const BATCH_FIRST: &str = "the running batch is finished first; once more ends at once";

/// Set by SIGTERM, as a cluster sends it to what must make way: the batch under way is left at a checkpoint.
static TERMINATED: AtomicBool = AtomicBool::new(false);

/// The flag that SIGTERM sets; `stop` is set by it, too, so that no further batch is begun.
pub(super) fn leave_on_termination(stop: &Arc<AtomicBool>) -> Result<&'static AtomicBool> {
    #[cfg(unix)]
    {
        let cannot = |error: std::io::Error| Error::compute(format!("SIGTERM cannot be caught: {error}"));
        let term = signal_hook::consts::SIGTERM;
        signal_hook::flag::register(term, Arc::clone(stop)).map_err(cannot)?;
        // SAFETY: what it does is to store into a static, which a signal's handler may.
        unsafe { signal_hook::low_level::register(term, || TERMINATED.store(true, Ordering::Relaxed)) }
            .map_err(cannot)?;
    }
    Ok(&TERMINATED)
}

/// Whether SIGTERM came.
pub(super) fn is_terminated() -> bool {
    TERMINATED.load(Ordering::Relaxed)
}

/// A flag that the first Ctrl-C sets, after which what follows is said, where anything is; the second one ends the program.
pub(super) fn stop_on_interrupt(what_follows: Option<&'static str>) -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    // Others may set the flag, too, and then this is the first one all the same.
    let mut interrupted = false;
    ctrlc::set_handler(move || {
        if interrupted {
            leave(INTERRUPTED);
        }
        interrupted = true;
        set.store(true, Ordering::Relaxed);
        if let Some(what_follows) = what_follows {
            eprintln!("\ninterrupted: {what_follows}");
        }
    })
    .map_err(|error| Error::compute(format!("Ctrl-C cannot be caught: {error}")))?;
    Ok(stop)
}
