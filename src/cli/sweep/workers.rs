//! Several processes on one machine that work on one store, one for each device.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::command::{SweepCommand, arguments};
use crate::cli::call::program;
use crate::cli::error::{Context, Result};
use crate::cli::interrupt::is_terminated;
use crate::cli::progress::Steps;
use metapicture::engine::run::Plan;
use metapicture::engine::store::Store;

/// How often the store is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Processes under way.
pub(super) struct Workers(Vec<(String, Child)>);

impl Workers {
    /// Starts a process a device.
    ///
    /// # Errors
    /// If one cannot be started.
    pub(super) fn start(
        command: &SweepCommand,
        out: &Path,
        devices: &[String],
        threads: Option<u16>,
    ) -> Result<Workers> {
        let program = program()?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = threads.map_or((cores / devices.len()).max(1), usize::from);
        let mut workers = Workers(vec![]);
        for (number, device) in devices.iter().enumerate() {
            let mut of = Command::new(&program[0]);
            of.args(&program[1..]).args(arguments(command, out)?);
            of.args(["--device", device, "--threads", &threads.to_string()]);
            of.args(["--worker", &format!("{}/{}", number + 1, devices.len())]);
            if let Some(shard) = command.shard {
                of.args(["--shard", &shard.to_string()]);
            }
            // While its stdin is open it is to work; see `stop_with_parent`.
            let child = of.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
            workers
                .0
                .push((device.clone(), child.with_context(|| format!("{}: cannot be started", program[0].display()))?));
        }
        Ok(workers)
    }

    /// Waits until all have ended; when this process is to stop they finish the batches under way.
    ///
    /// # Errors
    /// If a process cannot be waited for.
    pub(super) fn follow(mut self, plan: &Plan, store: &Store, stop: &AtomicBool, steps: &Steps) -> Result<()> {
        let (mut looked, mut pause, mut told) = (Instant::now(), Duration::ZERO, false);
        while !self.0.is_empty() {
            std::thread::sleep(LOOK_AGAIN);
            if stop.load(Ordering::Relaxed) {
                self.0.iter_mut().for_each(|(_, child)| drop(child.stdin.take()));
            }
            if is_terminated() && !told {
                told = true;
                self.0.iter().for_each(|(_, child)| terminate(child));
            }
            if looked.elapsed() >= pause {
                let start = Instant::now();
                store.refresh();
                let there = plan.runs().iter().filter(|run| store.entry(&run.id()).is_some()).count();
                steps.at(there, &format!("{} processes", self.0.len()));
                // The cores are theirs: of a million runs this takes a while.
                (looked, pause) = (Instant::now(), start.elapsed() * 50);
            }
            let mut alive = vec![];
            for (device, mut child) in std::mem::take(&mut self.0) {
                match child.try_wait().context("a process of this sweep cannot be waited for")? {
                    None => alive.push((device, child)),
                    Some(status) if status.success() || stop.load(Ordering::Relaxed) => {}
                    Some(status) => {
                        log::error!("the process on {device} ended with {status}; others go on")
                    }
                }
            }
            self.0 = alive;
        }
        Ok(())
    }
}

/// Hands SIGTERM on.
fn terminate(child: &Child) {
    #[cfg(unix)]
    // SAFETY: the process is a child that was not waited for, so that its number is still its own.
    unsafe {
        libc::kill(child.id() as libc::pid_t, libc::SIGTERM);
    }
}

/// Sets the flag when the process that started this one closes the pipe to it, or has been killed: nobody is left then whom
/// Ctrl-C would reach.
///
/// # Errors
/// If there is no thread to be had.
pub(super) fn stop_with_parent(stop: &Arc<AtomicBool>) -> Result<()> {
    let set = Arc::clone(stop);
    let wait = move || {
        // Nothing is ever written to it.
        let _ = std::io::stdin().lock().read(&mut [0]);
        set.store(true, Ordering::Relaxed);
    };
    std::thread::Builder::new().name("parent".to_owned()).spawn(wait).context("no thread can be started")?;
    Ok(())
}
