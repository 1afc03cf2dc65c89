//! Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::{INTERRUPTED, leave};
use crate::cli::error::{Error, Result};

/// What Ctrl-C does to a process that computes.
pub(super) const BATCH_FIRST: &str = "the running batch is finished first; once more ends at once";

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
