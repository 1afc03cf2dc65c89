//! Several processes on one machine that work on one store, one for each device.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

use super::progress::Steps;
use super::sweep::{SweepCommand, arguments};
use crate::plan::Plan;
use crate::store::Store;

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
        let program = std::env::current_exe().context("this program cannot be found")?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = threads.map_or((cores / devices.len()).max(1), usize::from);
        let mut workers = Workers(vec![]);
        for (number, device) in devices.iter().enumerate() {
            let mut of = Command::new(&program);
            of.args(arguments(command, out)?);
            of.args(["--device", device, "--threads", &threads.to_string()]);
            of.args(["--worker", &format!("{}/{}", number + 1, devices.len())]);
            if let Some(shard) = command.shard {
                of.args(["--shard", &shard.to_string()]);
            }
            let child = of.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
            workers
                .0
                .push((device.clone(), child.with_context(|| format!("{}: cannot be started", program.display()))?));
        }
        Ok(workers)
    }

    /// Waits until all have ended; Ctrl-C reaches them as it reaches this process.
    ///
    /// # Errors
    /// If a process cannot be waited for.
    pub(super) fn follow(mut self, plan: &Plan, store: &Store, stop: &AtomicBool, steps: &Steps) -> Result<()> {
        while !self.0.is_empty() {
            std::thread::sleep(LOOK_AGAIN);
            store.refresh();
            let there = plan.runs().iter().filter(|run| store.entry(&run.id()).is_some()).count();
            steps.at(there, &format!("{} processes", self.0.len()));
            let mut alive = vec![];
            for (device, mut child) in std::mem::take(&mut self.0) {
                match child.try_wait().context("a process of this sweep cannot be waited for")? {
                    None => alive.push((device, child)),
                    Some(status) if status.success() || stop.load(Ordering::Relaxed) => {}
                    Some(status) => {
                        steps.say(&format!("error: the process on {device} ended with {status}; others go on"))
                    }
                }
            }
            self.0 = alive;
        }
        Ok(())
    }
}
