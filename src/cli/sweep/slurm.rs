//! A sweep on a Slurm cluster: an array job, each of whose tasks is a shard, followed until the store has every run.
//!
//! The store says what is missing, `squeue` says which tasks live and why others wait, `scontrol` how long an array may be, and nothing
//! else is asked: a cluster may keep no accounts. A shard whose task is gone and has left runs undone is submitted again.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::command::SweepCommand;
use super::job::{FOLDER, identity, script, task_count};
use super::queue::{JOBS, Job, Live, SCRIPT, live_tasks, living, max_array_size, ranges, read_jobs, sbatch, waiting};
use crate::cli::error::{Context, Result};
use crate::cli::logging::SAID;
use crate::cli::progress::Steps;
use metapicture::engine::run::Results;
use metapicture::engine::store::Aside;
use metapicture::engine::store::{Key, Store};
use metapicture::engine::sweep::PlannedSweep;

/// How often the store is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A task is gone that `squeue` did not tell of so often: it lags.
const UNSEEN: u32 = 2;

/// A shard of the plan, and its task.
#[derive(Debug)]
struct Shard {
    /// Its number, from 0, which its tasks have in their arrays.
    number: usize,
    /// Runs that are not complete yet, by their place in the plan.
    missing: Vec<usize>,
    /// Whether runs that failed are among them, to be tried again: until its task has ended.
    again: bool,
    /// How often in a row the queue did not tell of a task of it.
    unseen: u32,
    /// How often it was submitted since a run of it was finished.
    submitted: u32,
    /// How many runs were missing then.
    missing_then: usize,
    given_up: bool,
}

impl Shard {
    fn new(number: usize, missing: Vec<usize>, again: bool) -> Shard {
        Shard { number, missing, again, unseen: 0, submitted: 0, missing_then: usize::MAX, given_up: false }
    }

    /// Looks again which runs are complete; whether they are is told for those that failed as one that is to be tried again, or not.
    fn look(&mut self, is_complete: &dyn Fn(usize, bool) -> bool) {
        self.missing.retain(|&run| !is_complete(run, self.again));
    }

    /// Whether nothing more is to be expected or done.
    fn is_settled(&self) -> bool {
        self.missing.is_empty() || self.given_up
    }

    /// Takes notice of what the queue tells. Whether it is to be submitted again, or given up: no task of it lives, and runs are
    /// left.
    fn is_left(&mut self, lives: bool, is_complete: &dyn Fn(usize, bool) -> bool) -> bool {
        self.unseen = if lives { 0 } else { self.unseen + 1 };
        if self.unseen < UNSEEN {
            return false;
        }
        self.again = false;
        self.look(is_complete);
        if self.missing.len() < self.missing_then {
            self.submitted = 0;
        }
        !self.is_settled()
    }

    /// A task of it has just been submitted.
    fn submit(&mut self) {
        (self.unseen, self.submitted, self.missing_then) = (0, self.submitted + 1, self.missing.len());
    }
}

/// Submits what is missing and not under way, and waits until every run is there, no task is left to hope for, or Ctrl-C.
///
/// # Errors
/// Where Slurm's commands are not there or it refuses the job, in its own words; files that cannot be written.
pub(super) fn follow(
    command: &SweepCommand,
    planned: &PlannedSweep,
    store: &Store,
    devices: &[String],
    stop: &AtomicBool,
    steps: &Steps,
) -> Result<()> {
    let mut followed = Followed::begin(command, planned, store, devices, steps)?;
    let between = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(10));
    let every = between(command.slurm.queue_every).clamp(Duration::from_millis(100), Duration::from_secs(600));
    let mut asked = Instant::now();
    let (mut looked, mut pause) = (Instant::now(), Duration::ZERO);
    loop {
        if looked.elapsed() >= pause {
            let start = Instant::now();
            followed.look();
            // Of a million runs this takes a while, and others work on a login node.
            (looked, pause) = (Instant::now(), start.elapsed() * 50);
        }
        if followed.shards.iter().all(Shard::is_settled) {
            return Ok(());
        }
        if stop.load(Ordering::Relaxed) {
            followed.say_goodbye();
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN.min(every));
        if asked.elapsed() >= every {
            asked = Instant::now();
            followed.ask()?;
        }
    }
}

/// Whether the run at a place in the plan is complete.
fn complete(results: Results) -> impl Fn(usize, bool) -> bool {
    move |run, retry_failed| results.is_complete(&results.plan.runs()[run], retry_failed)
}

/// A sweep on a cluster that is followed.
struct Followed<'a> {
    results: Results<'a>,
    steps: &'a Steps,
    max_resubmits: u32,
    /// Of the script, the logs and the ids.
    folder: PathBuf,
    /// What identifies the plan.
    identity: String,
    shards: Vec<Shard>,
    jobs: Vec<Job>,
    live: Live,
    /// Reasons why tasks wait that were told.
    reasons: HashSet<String>,
    /// Whether it was told that the queue cannot be seen.
    unseen: bool,
    /// Whether it was told that nothing can be submitted.
    refused: bool,
}

impl<'a> Followed<'a> {
    /// Submits what is missing and not under way.
    fn begin(
        command: &SweepCommand,
        planned: &'a PlannedSweep,
        store: &'a Store,
        devices: &[String],
        steps: &'a Steps,
    ) -> Result<Followed<'a>> {
        // A path that holds for the tasks, too.
        let out = std::path::absolute(planned.out()).with_context(|| planned.out().display().to_string())?;
        let folder = out.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        let identity = identity(planned.plan());
        // Of two processes that follow one sweep, one at a time looks at what is under way and submits the rest.
        let _claim = store.claim_in_turn(&Key::of_jobs())?;
        let mut jobs = read_jobs(&folder)?;
        let live = live_tasks(&jobs)?;
        jobs.retain(|job| live.contains_key(&job.id));
        for job in jobs.iter().filter(|job| job.plan != identity) {
            log::warn!("job {} is under way here for another plan; scancel {0} ends it", job.id);
        }
        // Tasks under way keep the plan divided as it is.
        let tasks = match jobs.iter().rev().find(|job| job.plan == identity) {
            Some(job) => job.tasks,
            None => task_count(command, planned, max_array_size()?),
        };
        let mut file = Aside::new(store, Path::new(FOLDER).join(SCRIPT))?;
        file.line(script(command, planned, devices, tasks)?.trim_end())?;
        file.put()?;
        let results = planned.results(store);
        let is_complete = complete(results);
        let shards = planned.plan().shards(tasks).into_iter().enumerate().map(|(number, batches)| {
            let missing = batches.into_iter().flat_map(|batch| planned.plan().batch_places(batch)).collect();
            let mut shard = Shard::new(number, missing, command.retry_failed);
            shard.look(&is_complete);
            shard
        });
        let mut followed = Followed {
            results,
            steps,
            max_resubmits: command.slurm.max_resubmits,
            folder,
            identity,
            shards: shards.collect(),
            jobs,
            live,
            reasons: HashSet::new(),
            unseen: false,
            refused: false,
        };
        let under_way = followed.living();
        // It was submitted before, which counts.
        followed.shards.iter_mut().filter(|of| under_way.contains_key(&of.number)).for_each(Shard::submit);
        let idle = followed.shards.iter().filter(|of| !under_way.contains_key(&of.number) && !of.missing.is_empty());
        let idle: Vec<usize> = idle.map(|shard| shard.number).collect();
        if !idle.is_empty() {
            let job = sbatch(&followed.folder, &idle)?;
            followed.remember(job, &idle)?;
        }
        Ok(followed)
    }

    /// The shards of which a task lives: whether it runs.
    fn living(&self) -> BTreeMap<usize, bool> {
        living(&self.jobs, &self.live, &self.identity, self.shards.len())
    }

    /// Looks at the store, and shows how far it is.
    fn look(&mut self) {
        self.results.store.refresh();
        let is_complete = complete(self.results);
        self.shards.iter_mut().for_each(|shard| shard.look(&is_complete));
        let missing: usize = self.shards.iter().map(|shard| shard.missing.len()).sum();
        let living = self.living();
        let running = living.values().filter(|running| **running).count();
        let words = format!("{running} tasks run, {} are pending", living.len() - running);
        self.steps.at(self.results.plan.runs().len() - missing, &words);
    }

    /// Asks the queue, and submits again what has ended and left runs undone.
    fn ask(&mut self) -> Result<()> {
        let _claim = self.results.store.claim_in_turn(&Key::of_jobs())?;
        // Another process may follow the same sweep.
        let jobs = read_jobs(&self.folder)?;
        if jobs.iter().any(|job| !self.jobs.contains(job)) {
            self.shards.iter_mut().for_each(|shard| shard.unseen = 0);
        }
        self.jobs = jobs;
        self.live = match live_tasks(&self.jobs) {
            Ok(live) => live,
            Err(error) => {
                if !self.unseen {
                    log::warn!("the queue cannot be seen, which is tried again and again: {error}");
                }
                self.unseen = true;
                return Ok(());
            }
        };
        self.unseen = false;
        for (job, reason) in waiting(&self.jobs, &self.live, &self.identity) {
            if self.reasons.insert(reason.to_owned()) {
                log::warn!("tasks of job {job} wait, by squeue for this reason: {reason}");
            }
        }
        // The queue first, then the store: what a task has finished before it ended is seen.
        self.results.store.refresh();
        let (living, tasks, is_complete) = (self.living(), self.shards.len(), complete(self.results));
        let mut gone = vec![];
        for shard in &mut self.shards {
            if !shard.is_left(living.contains_key(&shard.number), &is_complete) {
                continue;
            }
            if shard.submitted <= self.max_resubmits {
                gone.push(shard.number);
                continue;
            }
            shard.given_up = true;
            log::error!(
                "shard {}/{} is given up: {} of its runs are undone, and its tasks end one after the other; their logs are \
                 {}/*_{}.log",
                shard.number + 1,
                tasks,
                shard.missing.len(),
                self.folder.display(),
                shard.number
            );
        }
        if gone.is_empty() {
            return Ok(());
        }
        match sbatch(&self.folder, &gone) {
            Ok(job) => {
                self.refused = false;
                for &number in &gone {
                    log::info!(target: SAID,
                        "a task has ended and left {} runs of shard {}/{} undone, which is submitted again; its log is \
                         {}/*_{number}.log",
                        self.shards[number].missing.len(),
                        number + 1,
                        self.shards.len(),
                        self.folder.display()
                    );
                }
                self.remember(job, &gone)
            }
            Err(error) => {
                if !self.refused {
                    log::warn!("what is left cannot be submitted, which is tried again and again: {error}");
                }
                self.refused = true;
                Ok(())
            }
        }
    }

    /// Remembers a job of these shards that was submitted.
    fn remember(&mut self, id: String, numbers: &[usize]) -> Result<()> {
        self.steps.note(&format!("job {id} is submitted: tasks {} of {}", ranges(numbers), self.shards.len()));
        self.jobs.push(Job { id, plan: self.identity.clone(), tasks: self.shards.len() });
        numbers.iter().for_each(|&number| self.shards[number].submit());
        let mut file = Aside::new(self.results.store, Path::new(FOLDER).join(JOBS))?;
        file.line(&serde_json::to_string_pretty(&self.jobs)?)?;
        file.put()
    }

    /// Says what goes on without this process.
    fn say_goodbye(&self) {
        // Where the queue cannot be seen, all may live.
        let live = live_tasks(&self.jobs).ok();
        let ids = self.jobs.iter().filter(|job| live.as_ref().is_none_or(|live| live.contains_key(&job.id)));
        let ids: Vec<&str> = ids.map(|job| job.id.as_str()).collect();
        match ids.is_empty() {
            true => log::info!(target: SAID, "no task is left in the queue"),
            false => log::info!(target: SAID,
                "the tasks go on; `scancel {}` ends them, and the same command follows them again",
                ids.join(" ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_made_progress_is_submitted_again_as_often_as_a_new_one() {
        const MAX_RESUBMITS: u32 = 3;
        // A task ends, so many runs of its shard being complete.
        let end = |shard: &mut Shard, complete: usize| {
            assert!(!shard.is_left(false, &|run, _| run < complete), "the queue lags");
            assert!(shard.is_left(false, &|run, _| run < complete));
        };
        // Tasks that finish no run, one after the other, until it is given up.
        let fruitless = |mut shard: Shard, complete: usize| {
            let mut tasks = 0;
            while shard.submitted <= MAX_RESUBMITS {
                shard.submit();
                end(&mut shard, complete);
                tasks += 1;
            }
            tasks
        };
        let shard = || Shard::new(0, vec![0, 1, 2], false);
        assert_eq!(fruitless(shard(), 0), 1 + MAX_RESUBMITS);
        let mut with_progress = shard();
        with_progress.submit();
        end(&mut with_progress, 1);
        assert_eq!(fruitless(with_progress, 1), 1 + MAX_RESUBMITS);
    }
}
