//! A sweep on a Slurm cluster: an array job, each of whose tasks is a shard, followed until the store has every run.
//!
//! The store says what is missing, `squeue` says which tasks live and why others wait, `scontrol` how long an array may be, and nothing
//! else is asked: a cluster may keep no accounts. A shard whose task is gone and has left runs undone is submitted again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::progress::Steps;
use super::quoted;
use super::sweep::{Planned, SweepCommand, arguments};
use crate::run::plan::Plan;
use crate::run::results::Results;
use crate::store::{Aside, Hash, Key, Store};

/// What a cluster is asked for.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Slurm: the partition.
    #[arg(long, value_name = "P", help_heading = "Slurm")]
    partition: Option<String>,
    /// Slurm: GPUs of a task; its device is cuda then.
    #[arg(long, value_name = "N", help_heading = "Slurm", value_parser = clap::value_parser!(u16).range(1..))]
    gpus: Option<u16>,
    /// Slurm: the time limit of a task, such as 2:00:00.
    #[arg(long, value_name = "TIME", help_heading = "Slurm")]
    time: Option<String>,
    /// Slurm: the most tasks, each of which does a shard.
    #[arg(
        long,
        value_name = "N",
        help_heading = "Slurm",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_tasks: u32,
    /// Slurm: how often a shard is submitted again whose tasks end one after the other and finish no run.
    #[arg(long, value_name = "N", help_heading = "Slurm", default_value_t = 3)]
    max_resubmits: u32,
    /// Seconds between two looks at the queue.
    #[arg(long, value_name = "S", default_value_t = 10., hide = true)]
    queue_every: f64,
}

/// The folder of the script, the logs and the ids of jobs, in that of the records.
const FOLDER: &str = "slurm";
/// What is submitted.
const SCRIPT: &str = "job.sbatch";
/// Which jobs were submitted.
const JOBS: &str = "jobs.json";
/// Options of a script, and what in the environment `sbatch` would take instead.
const OVERRIDES: [(&str, &str); 7] = [
    ("job-name", "SBATCH_JOB_NAME"),
    ("output", "SBATCH_OUTPUT"),
    ("output", "SBATCH_ERROR"),
    ("partition", "SBATCH_PARTITION"),
    ("time", "SBATCH_TIMELIMIT"),
    ("gpus", "SBATCH_GPUS"),
    ("no-requeue", "SBATCH_REQUEUE"),
];
/// How often the store is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Why a task waits whose turn will come.
const USUAL: [&str; 4] = ["None", "Priority", "Resources", "JobArrayTaskLimit"];
/// A task is gone that `squeue` did not tell of so often: it lags.
const UNSEEN: u32 = 2;

/// A job that was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    /// Slurm's number of it.
    id: String,
    /// What identifies the plan that it was submitted for.
    plan: String,
    /// Shards of that plan.
    tasks: usize,
}

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
    planned: &Planned,
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
        planned: &'a Planned,
        store: &'a Store,
        devices: &[String],
        steps: &'a Steps,
    ) -> Result<Followed<'a>> {
        // A path that holds for the tasks, too.
        let out = std::path::absolute(&planned.out).with_context(|| planned.out.display().to_string())?;
        let folder = out.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        let identity = identity(&planned.plan);
        // Of two processes that follow one sweep, one at a time looks at what is under way and submits the rest.
        let _claim = store.claim_in_turn(&Key::of_jobs())?;
        let mut jobs = read_jobs(&folder)?;
        let live = live_tasks(&jobs)?;
        jobs.retain(|job| live.contains_key(&job.id));
        for job in jobs.iter().filter(|job| job.plan != identity) {
            steps.say(&format!("warning: job {} is under way here for another plan; scancel {0} ends it", job.id));
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
        let shards = planned.plan.shards(tasks).into_iter().enumerate().map(|(number, batches)| {
            let missing = batches.into_iter().flat_map(|batch| planned.plan.batch_places(batch)).collect();
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
                    self.steps
                        .say(&format!("warning: the queue cannot be seen, which is tried again and again: {error:#}"));
                }
                self.unseen = true;
                return Ok(());
            }
        };
        self.unseen = false;
        for (job, reason) in waiting(&self.jobs, &self.live, &self.identity) {
            if self.reasons.insert(reason.to_owned()) {
                self.steps.say(&format!("warning: tasks of job {job} wait, by squeue for this reason: {reason}"));
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
            self.steps.say(&format!(
                "error: shard {}/{} is given up: {} of its runs are undone, and its tasks end one after the other; their logs are \
                 {}/*_{}.log",
                shard.number + 1,
                tasks,
                shard.missing.len(),
                self.folder.display(),
                shard.number
            ));
        }
        if gone.is_empty() {
            return Ok(());
        }
        match sbatch(&self.folder, &gone) {
            Ok(job) => {
                self.refused = false;
                for &number in &gone {
                    self.steps.say(&format!(
                        "a task has ended and left {} runs of shard {}/{} undone, which is submitted again; its log is \
                         {}/*_{number}.log",
                        self.shards[number].missing.len(),
                        number + 1,
                        self.shards.len(),
                        self.folder.display()
                    ));
                }
                self.remember(job, &gone)
            }
            Err(error) => {
                if !self.refused {
                    self.steps.say(&format!(
                        "warning: what is left cannot be submitted, which is tried again and again: {error:#}"
                    ));
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
        Ok(file.put()?)
    }

    /// Says what goes on without this process.
    fn say_goodbye(&self) {
        // Where the queue cannot be seen, all may live.
        let live = live_tasks(&self.jobs).ok();
        let ids = self.jobs.iter().filter(|job| live.as_ref().is_none_or(|live| live.contains_key(&job.id)));
        let ids: Vec<&str> = ids.map(|job| job.id.as_str()).collect();
        match ids.is_empty() {
            true => self.steps.say("no task is left in the queue"),
            false => self.steps.say(&format!(
                "the tasks go on; `scancel {}` ends them, and the same command follows them again",
                ids.join(" ")
            )),
        }
    }
}

/// What would be submitted.
#[derive(Debug)]
pub(super) struct Preview {
    /// Tasks of the array.
    pub(super) tasks: usize,
    /// The text of the script.
    pub(super) script: String,
}

/// What a sweep would submit; nothing is written. Without Slurm on this machine its limit of an array is not regarded.
///
/// # Errors
/// Paths that a script cannot hold.
pub(super) fn preview(command: &SweepCommand, planned: &Planned, devices: &[String]) -> Result<Preview> {
    let tasks = task_count(command, planned, max_array_size().unwrap_or(None));
    Ok(Preview { tasks, script: script(command, planned, devices, tasks)? })
}

/// How many shards the plan is divided into.
fn task_count(command: &SweepCommand, planned: &Planned, max_array_size: Option<usize>) -> usize {
    let most = max_array_size.unwrap_or(usize::MAX).min(command.slurm.max_tasks as usize);
    planned.plan.batch_count().min(most).max(1)
}

/// What identifies a plan and how it is divided: its batches.
fn identity(plan: &Plan) -> String {
    let batches: String = (0..plan.batch_count()).map(|number| format!("{}\n", plan.key(number))).collect();
    Hash::of(batches.as_bytes()).to_string()
}

/// The devices of a task, a process each.
pub(super) fn devices(options: &Options, device: &str) -> Vec<String> {
    match options.gpus {
        None => vec![device.to_owned()],
        Some(1) => vec!["cuda".to_owned()],
        Some(gpus) => (0..gpus).map(|gpu| format!("cuda:{gpu}")).collect(),
    }
}

/// The script of a task.
fn script(command: &SweepCommand, planned: &Planned, devices: &[String], tasks: usize) -> Result<String> {
    let options = &command.slurm;
    let out = std::path::absolute(&planned.out).with_context(|| planned.out.display().to_string())?;
    let threads = command.threads.or(planned.file.threads).unwrap_or(1);
    let cores = usize::from(threads) * devices.len();
    let mut text = String::from("#!/bin/sh\n");
    let mut option = |name: &str, value: &str| -> Result<()> {
        text.push_str(&format!("#SBATCH --{name}={}\n", directive(value)?));
        Ok(())
    };
    option("job-name", &format!("metapicture-{}", planned.file.name))?;
    option("output", &log_pattern(&out.join(FOLDER))?)?;
    option("ntasks", "1")?;
    option("cpus-per-task", &cores.to_string())?;
    for (name, value) in [("partition", &options.partition), ("time", &options.time)] {
        if let Some(value) = value {
            option(name, value)?;
        }
    }
    if let Some(gpus) = options.gpus {
        option("gpus", &gpus.to_string())?;
    }
    text.push_str(
        "# Whoever follows submits a task again that is gone, sooner than Slurm would.\n#SBATCH --no-requeue\n\n",
    );
    let program = std::env::current_exe().context("this program cannot be found")?;
    let program = program.to_str().ok_or_else(|| anyhow!("{}: the path is not UTF-8", program.display()))?.to_owned();
    let mut words = vec![program];
    words.extend(arguments(command, &out)?);
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    text.push_str(&format!(
        "exec {} --device {} --threads {threads} --shard \"$((SLURM_ARRAY_TASK_ID + 1))/{tasks}\"\n",
        words.join(" "),
        quoted(&devices.join(","))
    ));
    Ok(text)
}

/// The value of an `#SBATCH` option, which `sbatch` divides into words itself.
fn directive(value: &str) -> Result<String> {
    if value.contains(['"', '\'', '\\']) || value.chars().any(char::is_control) {
        bail!("'{}' holds quotes, backslashes or control characters, which sbatch does not read", value.escape_debug());
    }
    Ok(if value.contains([' ', '#']) { format!("\"{value}\"") } else { value.to_owned() })
}

/// The name of a task's log, as Slurm fills it in: the job's number, the task's.
fn log_pattern(folder: &Path) -> Result<String> {
    let folder = folder.to_str().ok_or_else(|| anyhow!("{}: the path is not UTF-8", folder.display()))?;
    Ok(format!("{}/%A_%a.log", folder.replace('%', "%%")))
}

/// Submits shards, and gives the job's number.
fn sbatch(folder: &Path, numbers: &[usize]) -> Result<String> {
    let script = folder.join(SCRIPT);
    let mut sbatch = Command::new("sbatch");
    let array = format!("--array={}", ranges(numbers));
    sbatch.args(["--parsable".as_ref(), OsStr::new(&array), script.as_os_str()]);
    // `sbatch` holds its environment above what a script says.
    let text = fs::read_to_string(&script).with_context(|| format!("{}: cannot be read", script.display()))?;
    for (option, variable) in OVERRIDES {
        if text.contains(&format!("#SBATCH --{option}")) {
            sbatch.env_remove(variable);
        }
    }
    let answer = answer(sbatch)?;
    // The job's number, and behind a semicolon the cluster's name.
    let id = answer.trim().split(';').next().unwrap_or_default().to_owned();
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_digit()) {
        bail!("sbatch: its answer is no number of a job: '{}'", answer.trim().escape_debug());
    }
    Ok(id)
}

/// Numbers in ascending order as Slurm writes them: `0,3,7-9`.
fn ranges(numbers: &[usize]) -> String {
    let mut spans: Vec<(usize, usize)> = vec![];
    for &number in numbers {
        match spans.last_mut() {
            Some((_, end)) if *end + 1 == number => *end = number,
            _ => spans.push((number, number)),
        }
    }
    let text = |(from, to): (usize, usize)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    spans.into_iter().map(text).collect::<Vec<_>>().join(",")
}

/// The jobs that were submitted for a folder.
fn read_jobs(folder: &Path) -> Result<Vec<Job>> {
    let path = folder.join(JOBS);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
            format!("{}: damaged; remove it once no job of this sweep is in the queue", path.display())
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(vec![]),
        Err(error) => Err(error).with_context(|| format!("{}: cannot be read", path.display())),
    }
}

/// A task that the queue tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Task {
    /// Whether it has begun.
    runs: bool,
    /// Why it waits, in one word of Slurm's or several.
    reason: String,
}

/// By job, its tasks that the queue tells of.
type Live = HashMap<String, BTreeMap<usize, Task>>;

/// Asks the queue.
fn live_tasks(jobs: &[Job]) -> Result<Live> {
    if jobs.is_empty() {
        return Ok(Live::new());
    }
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let ids = format!("--jobs={}", ids.join(","));
    let mut squeue = Command::new("squeue");
    squeue.args(["--noheader", "--array", &ids, "--format=%F %K %T %r"]);
    // What a user has set for her own looks at the queue would hide tasks.
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(|of| of.starts_with("SQUEUE_")) {
            squeue.env_remove(variable);
        }
    }
    match answer(squeue) {
        Ok(answer) => Ok(read_queue(&answer)),
        // All of them ended so long ago that they are forgotten.
        Err(error) if format!("{error:#}").contains("Invalid job id") => Ok(Live::new()),
        Err(error) => Err(error),
    }
}

/// Lines of a job's number, a task's, its state, and why it waits.
fn read_queue(answer: &str) -> Live {
    let mut live = Live::new();
    for line in answer.lines() {
        let mut words = line.split_whitespace();
        let (Some(job), Some(task), Some(state)) = (words.next(), words.next(), words.next()) else { continue };
        if let Ok(task) = task.parse() {
            let of_queue = Task { runs: state != "PENDING", reason: words.collect::<Vec<_>>().join(" ") };
            live.entry(job.to_owned()).or_default().insert(task, of_queue);
        }
    }
    live
}

/// The shards of this plan, so divided, of which a task lives: whether it runs.
fn living(jobs: &[Job], live: &Live, identity: &str, tasks: usize) -> BTreeMap<usize, bool> {
    let ours = jobs.iter().filter(|job| job.plan == identity && job.tasks == tasks);
    let mut living = BTreeMap::new();
    for (&task, Task { runs, .. }) in ours.filter_map(|job| live.get(&job.id)).flatten() {
        *living.entry(task).or_insert(false) |= runs;
    }
    living
}

/// Why tasks of this plan wait, where it is not that others are served first: the job and the reason.
fn waiting<'l>(jobs: &'l [Job], live: &'l Live, identity: &'l str) -> impl Iterator<Item = (&'l str, &'l str)> {
    let ours = jobs.iter().filter(move |job| job.plan == identity);
    let tasks = ours.flat_map(|job| live.get(&job.id).into_iter().flatten().map(|(_, task)| (&*job.id, task)));
    let waiting = tasks.filter(|(_, task)| !task.runs && !task.reason.is_empty());
    waiting.map(|(job, task)| (job, &*task.reason)).filter(|(_, reason)| !USUAL.contains(reason))
}

/// The most tasks of an array; none where Slurm does not say.
fn max_array_size() -> Result<Option<usize>> {
    let mut scontrol = Command::new("scontrol");
    scontrol.args(["show", "config"]);
    let answer = answer(scontrol)?;
    let line = answer.lines().find_map(|line| line.trim_start().strip_prefix("MaxArraySize"));
    Ok(line.and_then(|rest| rest.trim_start().strip_prefix('=')?.trim().parse().ok()).filter(|&size| size > 0))
}

/// What one of Slurm's commands prints.
fn answer(mut command: Command) -> Result<String> {
    use std::os::unix::process::CommandExt;
    let name = command.get_program().display().to_string();
    // Ctrl-C is for this process, not for a command whose answer it waits for.
    let output = match command.process_group(0).stdin(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("{name}: not found; the engine slurm needs Slurm's commands on PATH, as on a cluster's login node")
        }
        output => output.with_context(|| format!("{name}: cannot be started"))?,
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        bail!("{}", if words.is_empty() { format!("{name}: ended with {}", output.status) } else { words.join("; ") });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_written_as_slurm_reads_them() {
        assert_eq!(ranges(&[0, 3, 7, 8, 9]), "0,3,7-9");
        assert_eq!(ranges(&[0, 1, 2]), "0-2");
        assert_eq!(ranges(&[5]), "5");
    }

    #[test]
    fn directives_that_sbatch_would_read_otherwise_are_refused() {
        assert_eq!(directive("gpu,long").unwrap(), "gpu,long");
        assert_eq!(directive("/a b/%A_%a.log").unwrap(), "\"/a b/%A_%a.log\"");
        assert!(directive("x\n#SBATCH --uid=0").is_err());
        assert!(directive("it's").is_err());
        assert_eq!(log_pattern(Path::new("/50%/slurm")).unwrap(), "/50%%/slurm/%A_%a.log");
    }

    #[test]
    fn a_shard_lives_as_long_as_the_queue_tells_of_a_task_of_it_for_this_plan() {
        let job = |id: &str, plan: &str, tasks| Job { id: id.to_owned(), plan: plan.to_owned(), tasks };
        let jobs = [job("12", "p", 4), job("13", "p", 4), job("14", "other", 4), job("15", "p", 8)];
        let live =
            read_queue("12 0 RUNNING\n12 1 PENDING\n13 1 COMPLETING\n14 2 RUNNING\n15 3 RUNNING\n16 N/A RUNNING\n");
        assert_eq!(living(&jobs, &live, "p", 4), BTreeMap::from([(0, true), (1, true)]));
        assert!(read_queue("").is_empty());
    }

    #[test]
    fn a_reason_for_which_a_task_may_wait_for_ever_is_told_and_the_usual_ones_are_not() {
        let jobs = ["12", "13"].map(|id| Job { id: id.to_owned(), plan: "p".to_owned(), tasks: 4 });
        let live = read_queue(
            "12 0 RUNNING None\n12 1 PENDING Priority\n12 2 PENDING PartitionTimeLimit\n13 3 PENDING (Nodes required are DOWN)\n",
        );
        let told: Vec<_> = waiting(&jobs, &live, "p").collect();
        assert_eq!(told, [("12", "PartitionTimeLimit"), ("13", "(Nodes required are DOWN)")]);
        assert_eq!(waiting(&jobs, &live, "another").count(), 0);
    }

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
