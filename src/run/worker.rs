//! Working off a plan: batch after batch into a store, alone or among other processes that do the same.
//!
//! A batch that is in the store whole is not computed again, so that a sweep is resumed by running it again; of one that is not, the
//! records that are there stay as they are. A batch is claimed before it is computed, so that processes on one store share the work;
//! what is killed leaves a checkpoint, and nothing else is lost.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{ErrorKind, Result};

use super::experiment::Experiment;
use super::identity::Run;
use super::plan::{Plan, PlannedRun, Share};
use crate::device;
use crate::render::Watch;
use crate::render::{PAUSE, Timed};
use crate::store::{Claim, Hash, Kept, Key, RunId, Store, Writing};
use crate::store::{LIBTORCH_VERSION, NUMERIC_VERSION, Status};

/// How long a process waits before it looks again for what others have claimed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How often a batch is computed that the machine fails at: without memory left, or on a device that broke.
const ATTEMPTS: usize = 3;

/// How long a process waits before it tries such a batch again.
const REST: Duration = Duration::from_secs(1);

/// A process that works off a plan, or its share of one.
#[derive(Clone, Copy, Debug)]
pub struct Worker<'a> {
    /// All runs of the experiment, in batches.
    pub plan: &'a Plan,
    /// The folder in which records are left.
    pub store: &'a Store,
    /// The part of the plan that is this process's.
    pub share: Share,
    /// With which batch of its part it begins: processes on one store that begin at different ones rarely meet.
    pub begin: Share,
    /// Who is to judge the pictures of classes: classifiers by name.
    pub witnesses: &'a [String],
    /// Whether runs are tried again that have failed before this process begins.
    pub retry_failed: bool,
    /// Set when no further batch is to be begun.
    pub stop: &'a AtomicBool,
    /// Time between two checkpoints of a batch.
    pub pause: Duration,
    /// What is kept of each run.
    pub kept: Kept,
    /// Set when the batch under way is to be left at a checkpoint, at once.
    pub leave: &'a AtomicBool,
}

/// Of those who never leave a batch.
pub static NEVER: AtomicBool = AtomicBool::new(false);

/// Who is told how a plan is worked off: a progress bar, say.
pub trait Follow {
    /// A batch is about to be computed.
    fn batch<'f>(&'f self, runs: &[Run], ids: &[RunId]) -> Box<dyn Watch + 'f>;

    /// So many runs are there, by whomever.
    fn found(&self, runs: usize);
}

/// What became of a worker's share of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Runs of this share that were computed by this process.
    pub computed: usize,
    /// Runs of this share that were there, or that others computed.
    pub found: usize,
    /// Runs of this share that are not there, or not judged by the experiment's witnesses.
    pub left: usize,
}

/// Loads the models of a part of the plan, by the number that [`Plan::add`] was given for them.
pub type LoadModels<'l> = dyn FnMut(usize) -> Result<Arc<Experiment>> + 'l;

impl<'a> Worker<'a> {
    /// One that works off all of a plan alone, tries no failed run again, and leaves a checkpoint as often as [`PAUSE`] says.
    pub fn whole(plan: &'a Plan, store: &'a Store, witnesses: &'a [String], stop: &'a AtomicBool) -> Worker<'a> {
        let (share, begin) = (Share::WHOLE, Share::WHOLE);
        Worker {
            plan,
            store,
            share,
            begin,
            witnesses,
            retry_failed: false,
            stop,
            pause: PAUSE,
            kept: Kept::default(),
            leave: &NEVER,
        }
    }
}

impl Worker<'_> {
    /// Works until everything of its share is there, or it is stopped. A run that fails is recorded as failed and stops no other.
    ///
    /// # Errors
    /// Models that cannot be loaded, a store that cannot be written. What is finished is kept.
    pub fn run(&self, load: &mut LoadModels, follow: &dyn Follow) -> Result<Ended> {
        let mut ended = Ended::default();
        let mut waiting: VecDeque<usize> = self.plan.shard(self.share.index, self.share.of).into();
        waiting.rotate_left(waiting.len() * self.begin.index / self.begin.of.max(1));
        let mut claimed_by_others = VecDeque::new();
        let mut writing: Option<Written> = None;
        // What is left of batches whose process was killed when their records were there and their checkpoint was, too.
        let checkpoints = self.store.checkpoint_names();
        let mut partly_there = vec![];
        let failed_before = self.failed_before();
        let is_there = |runs: &[PlannedRun]| runs.iter().all(|run| self.is_there(run, &failed_before));
        loop {
            let Some(number) = waiting.pop_front() else {
                if claimed_by_others.is_empty() || self.stop.load(Ordering::Relaxed) {
                    break;
                }
                std::mem::swap(&mut waiting, &mut claimed_by_others);
                finish(&mut writing)?;
                std::thread::sleep(LOOK_AGAIN);
                self.store.refresh();
                continue;
            };
            let runs = self.plan.batch(number);
            if is_there(runs) {
                if !checkpoints.is_empty() && checkpoints.contains(&self.plan.key(number).to_string()) {
                    self.store.checkpoint(&self.plan.key(number)).remove()?;
                }
                if !self.judge_again(number, load)? {
                    ended.left += runs.len();
                    continue;
                }
                ended.found += runs.len();
                follow.found(runs.len());
                continue;
            }
            if self.stop.load(Ordering::Relaxed) {
                ended.left += runs.len();
                continue;
            }
            let key = self.plan.key(number);
            let Some(claim) = self.store.claim(&key)? else {
                log::debug!("batch {number} is another process's");
                claimed_by_others.push_back(number);
                continue;
            };
            // It may have been finished between the look and the claim: the folders tell.
            if runs.iter().all(|run| self.store.record(&run.id()).is_some()) && is_there(runs) {
                drop(claim);
                waiting.push_front(number);
                continue;
            }
            if runs.iter().any(|run| self.store.entry(&run.id()).is_some()) {
                partly_there.push(number);
            }
            let experiment = load(self.plan.part_of(number).models)?;
            let written = match self.compute(number, &experiment, key, claim, follow) {
                // Its claim is gone with it, and its checkpoint is there.
                Err(error) if error.kind() == ErrorKind::Left => {
                    ended.left += runs.len();
                    ended.left += waiting.iter().map(|&number| self.plan.batch(number).len()).sum::<usize>();
                    break;
                }
                written => written?,
            };
            // The batch before it had all this time to reach the disk.
            finish(&mut writing)?;
            writing = Some(written);
            ended.computed += runs.len();
        }
        finish(&mut writing)?;
        // What was there stays as it is, and others may have judged it.
        for number in partly_there {
            if !self.judge_again(number, load)? {
                ended.left += self.plan.batch(number).len();
                ended.computed -= self.plan.batch(number).len();
            }
        }
        ended.left += claimed_by_others.iter().map(|&number| self.plan.batch(number).len()).sum::<usize>();
        Ok(ended)
    }

    fn compute(
        &self,
        number: usize,
        experiment: &Experiment,
        key: Key,
        claim: Claim,
        follow: &dyn Follow,
    ) -> Result<Written> {
        let runs: Vec<Run> = self.plan.batch(number).iter().map(|run| self.plan.run(run)).collect();
        let checkpoint = self.store.checkpoint(&key);
        // All that decides its bytes beside the runs themselves.
        let batch = format!(
            "{key} {} {NUMERIC_VERSION} {LIBTORCH_VERSION} {} {}",
            env!("CARGO_PKG_VERSION"),
            device::name(experiment.device),
            experiment.threads
        );
        // A damaged checkpoint is none.
        let read = || checkpoint.read().ok().flatten();
        let write = |bytes: &[u8]| {
            log::debug!("batch {number}: a checkpoint of {} kB", bytes.len() / 1000);
            checkpoint.write(bytes)
        };
        let keeper = Timed::new(batch, self.pause, self.leave, read, write);
        let ids: Vec<RunId> = self.plan.batch(number).iter().map(PlannedRun::id).collect();
        let what = || match &runs[..] {
            [run] => format!("{} by {}, seed {}", run.unit.name, run.method.name, run.seed.0),
            runs => format!("{} runs by {}, {} and others", runs.len(), runs[0].method.name, runs[0].unit.name),
        };
        log::info!("batch {number} begins: {}", what());
        let start = Instant::now();
        let once = || experiment.compute(&runs, self.kept, follow.batch(&runs, &ids).as_ref(), &keeper);
        let mut attempts = 1;
        // What the machine could not do is no result: it is tried again, and then left to another one.
        let records = loop {
            match once() {
                Err(error) if error.kind() == ErrorKind::Compute && attempts < ATTEMPTS => {
                    attempts += 1;
                    log::warn!("batch {number} is tried again: {error}");
                    std::thread::sleep(REST);
                }
                Err(error) if attempts > 1 => return Err(error.within(format!("tried {attempts} times"))),
                other => break other?,
            }
        };
        log::info!("batch {number} took {:.1} s", start.elapsed().as_secs_f64());
        Ok(Written { writing: self.store.begin(records), store: self.store.clone(), key, claim })
    }

    /// The seals of the failed records that are to be replaced. One that another process has put in the place of such a record
    /// has another seal: of several processes one tries again.
    fn failed_before(&self) -> HashSet<Hash> {
        let runs = self.plan.runs().iter().filter(|_| self.retry_failed);
        let failed = runs.filter_map(|run| self.store.entry(&run.id()).filter(|entry| entry.status == Status::Failed));
        failed.map(|entry| entry.seal).collect()
    }

    /// Whether a run need not be computed.
    fn is_there(&self, run: &PlannedRun, failed_before: &HashSet<Hash>) -> bool {
        self.store.entry(&run.id()).is_some_and(|entry| !failed_before.contains(&entry.seal))
    }

    /// Has the pictures of a batch that is there judged by the witnesses of this experiment, where others judged them. Tells
    /// whether all are: where it is stopped they may not be.
    fn judge_again(&self, number: usize, load: &mut LoadModels) -> Result<bool> {
        if self.witnesses.is_empty() {
            return Ok(true);
        }
        for planned in self.plan.batch(number).iter().filter(|run| self.plan.unit(run).class().is_some()) {
            let Some(entry) = self.store.entry(&planned.id()) else { continue };
            if entry.status != Status::Done || entry.is_judged_by(self.witnesses) {
                continue;
            }
            if self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let Some(record) = self.store.done(&planned.id()) else { continue };
            // Another process may have done it meanwhile, of which the store has known since the record was read.
            if self.store.entry(&planned.id()).is_some_and(|entry| entry.is_judged_by(self.witnesses)) {
                continue;
            }
            let experiment = load(self.plan.part_of(number).models)?;
            experiment.judge_again(record, &self.plan.run(planned), self.store)?;
        }
        Ok(true)
    }
}

/// A batch on its way to the disk; claimed until it is there.
struct Written {
    writing: Writing,
    store: Store,
    key: Key,
    claim: Claim,
}

/// Waits until the records of a batch are on the disk; its checkpoint is not needed any more then.
fn finish(written: &mut Option<Written>) -> Result<()> {
    let Some(Written { writing, store, key, claim }) = written.take() else { return Ok(()) };
    let removed = writing.finish().and_then(|()| store.checkpoint(&key).remove());
    // Not before: whoever claims the batch now finds its records.
    drop(claim);
    removed
}
