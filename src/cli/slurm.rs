//! A sweep on a Slurm cluster: an array job, each of whose tasks is a shard, followed until the store has every run.
//!
//! The store says what is missing, `squeue` says which tasks live, and nothing else is asked: a cluster may keep no accounts. A task
//! that is gone and has left runs undone is submitted again.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::progress::Steps;
use super::sweep::{Planned, SweepCommand, arguments};
use crate::plan::{Plan, Planned as PlannedRun};
use crate::record::{RunId, Status};
use crate::results::Aside;
use crate::store::{Key, Store};

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
    /// Runs that are not there yet, by their place in the plan.
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

/// Submits what is missing and not under way, and waits until every run is there, no task is left to hope for, or Ctrl-C.
///
/// # Errors
/// Where Slurm's commands are not there or it refuses the job, in its own words; files that cannot be written.
pub(super) fn follow(
    command: &SweepCommand,
    planned: &Planned,
    store: &Store,
    device: &str,
    stop: &AtomicBool,
    steps: &Steps,
) -> Result<()> {
    // A path that holds for the tasks, too.
    let out = std::path::absolute(&planned.out).with_context(|| planned.out.display().to_string())?;
    let folder = out.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    let identity = identity(&planned.plan);
    let mut jobs = read_jobs(&folder)?;
    let mut live = live_tasks(&jobs)?;
    jobs.retain(|job| live.contains_key(&job.id));
    for job in jobs.iter().filter(|job| job.plan != identity) {
        steps.say(&format!("warning: job {} is under way here for another plan; scancel {0} ends it", job.id));
    }
    // Tasks under way keep the plan divided as it is.
    let tasks = match jobs.iter().rev().find(|job| job.plan == identity) {
        Some(job) => job.tasks,
        None => task_count(command, planned, max_array_size()?),
    };
    let script = script(command, planned, device, tasks)?;
    let mut file = Aside::within(&folder, SCRIPT)?;
    file.line(script.trim_end())?;
    file.put()?;
    let witnesses = planned.results(store).witnesses;
    let is_there = |run: &PlannedRun, again: bool| {
        store.entry(&run.id()).is_some_and(|entry| match entry.status {
            Status::Failed => !again,
            Status::Done => {
                witnesses.is_empty()
                    || planned.plan.unit(run).class().is_none()
                    || entry.witnesses.iter().map(|of| &of.classifier).eq(witnesses)
            }
        })
    };
    let runs = planned.plan.runs();
    let mut shards: Vec<Shard> = (planned.plan.shards(tasks).into_iter())
        .map(|batches| {
            let again = command.retry_failed;
            let of_shard = batches.into_iter().flat_map(|batch| planned.plan.batch_places(batch));
            let missing: Vec<usize> = of_shard.filter(|&run| !is_there(&runs[run], again)).collect();
            Shard { missing, again, unseen: 0, submitted: 0, missing_then: usize::MAX, given_up: false }
        })
        .collect();
    let mut idle = vec![];
    let under_way = living(&jobs, &live, &identity, tasks);
    for (number, shard) in shards.iter_mut().enumerate() {
        match under_way.contains_key(&number) {
            // It was submitted before, which counts.
            true => (shard.submitted, shard.missing_then) = (1, shard.missing.len()),
            false if shard.missing.is_empty() => {}
            false => idle.push(number),
        }
    }
    let pause = Duration::from_secs_f64(command.slurm.queue_every.clamp(0.1, 600.));
    submit(&folder, &idle, &mut shards, &mut jobs, &identity, steps)?;
    let mut looked = Instant::now();
    let mut silent = false;
    loop {
        store.refresh();
        for shard in &mut shards {
            shard.missing.retain(|&run| !is_there(&runs[run], shard.again));
        }
        let missing: usize = shards.iter().map(|shard| shard.missing.len()).sum();
        let living = living(&jobs, &live, &identity, tasks);
        let running = living.values().filter(|running| **running).count();
        let words = format!("{running} tasks run, {} are pending", living.len() - running);
        steps.at(runs.len() - missing, &words);
        if shards.iter().all(|shard| shard.missing.is_empty() || shard.given_up) {
            return Ok(());
        }
        if stop.load(Ordering::Relaxed) {
            // Where the queue cannot be seen, all may live.
            let live = live_tasks(&jobs).ok();
            let ids = jobs.iter().filter(|job| live.as_ref().is_none_or(|live| live.contains_key(&job.id)));
            let ids: Vec<&str> = ids.map(|job| job.id.as_str()).collect();
            match ids.is_empty() {
                true => steps.say("no task is left in the queue"),
                false => steps.say(&format!(
                    "the tasks go on; `scancel {}` ends them, and the same command follows them again",
                    ids.join(" ")
                )),
            }
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN.min(pause));
        if looked.elapsed() < pause {
            continue;
        }
        looked = Instant::now();
        // Another process may follow the same sweep.
        jobs = read_jobs(&folder)?;
        live = match live_tasks(&jobs) {
            Ok(live) => live,
            Err(error) => {
                if !silent {
                    steps.say(&format!("warning: the queue cannot be seen, which is tried again and again: {error:#}"));
                }
                silent = true;
                continue;
            }
        };
        silent = false;
        // The queue first, then the store: what a task has finished before it ended is seen.
        store.refresh();
        let living = self::living(&jobs, &live, &identity, tasks);
        let mut gone = vec![];
        for (number, shard) in shards.iter_mut().enumerate() {
            shard.unseen = if living.contains_key(&number) { 0 } else { shard.unseen + 1 };
            if shard.unseen < UNSEEN {
                continue;
            }
            shard.again = false;
            shard.missing.retain(|&run| !is_there(&runs[run], false));
            if shard.missing.is_empty() || shard.given_up {
                continue;
            }
            if shard.missing.len() < shard.missing_then {
                shard.submitted = shard.submitted.min(1);
            }
            let log = folder.display();
            if shard.submitted > command.slurm.max_resubmits {
                shard.given_up = true;
                steps.say(&format!(
                    "error: shard {}/{tasks} is given up: {} of its runs are undone, and its tasks end one after the other; their \
                     logs are {log}/*_{number}.log",
                    number + 1,
                    shard.missing.len(),
                ));
                continue;
            }
            steps.say(&format!(
                "a task has ended and left {} runs of shard {}/{tasks} undone, which is submitted again; its log is \
                 {log}/*_{number}.log",
                shard.missing.len(),
                number + 1,
            ));
            gone.push(number);
        }
        submit(&folder, &gone, &mut shards, &mut jobs, &identity, steps)?;
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
pub(super) fn preview(command: &SweepCommand, planned: &Planned, device: &str) -> Result<Preview> {
    let tasks = task_count(command, planned, max_array_size().unwrap_or(None));
    Ok(Preview { tasks, script: script(command, planned, device, tasks)? })
}

/// How many shards the plan is divided into.
fn task_count(command: &SweepCommand, planned: &Planned, max_array_size: Option<usize>) -> usize {
    let most = max_array_size.unwrap_or(usize::MAX).min(command.slurm.max_tasks as usize);
    planned.plan.batch_count().min(most).max(1)
}

/// What identifies a plan: its runs.
fn identity(plan: &Plan) -> String {
    Key::of(&plan.runs().iter().map(PlannedRun::id).collect::<Vec<RunId>>()).to_string()
}

/// The script of a task.
fn script(command: &SweepCommand, planned: &Planned, device: &str, tasks: usize) -> Result<String> {
    let options = &command.slurm;
    let out = std::path::absolute(&planned.out).with_context(|| planned.out.display().to_string())?;
    let devices: Vec<String> = match options.gpus {
        None => vec![device.to_owned()],
        Some(1) => vec!["cuda".to_owned()],
        Some(gpus) => (0..gpus).map(|gpu| format!("cuda:{gpu}")).collect(),
    };
    let threads = command.threads.or(planned.file.threads).unwrap_or(1);
    let cores = usize::from(threads) * devices.len();
    let name: String = planned
        .file
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
        .collect();
    let mut text = String::from("#!/bin/sh\n");
    let mut option = |name: &str, value: &str| -> Result<()> {
        text.push_str(&format!("#SBATCH --{name}={}\n", directive(value)?));
        Ok(())
    };
    option("job-name", &format!("metapicture-{name}"))?;
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

/// A word that a POSIX shell reads as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./,:=+%@".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
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

/// Submits shards, and remembers the job before anything else is done.
fn submit(
    folder: &Path,
    numbers: &[usize],
    shards: &mut [Shard],
    jobs: &mut Vec<Job>,
    identity: &str,
    steps: &Steps,
) -> Result<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    let (array, script) = (ranges(numbers), folder.join(SCRIPT));
    let mut sbatch = Command::new("sbatch");
    sbatch.args(["--parsable".as_ref(), OsStr::new(&format!("--array={array}")), script.as_os_str()]);
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
    jobs.push(Job { id: id.clone(), plan: identity.to_owned(), tasks: shards.len() });
    write_jobs(folder, jobs)?;
    for &number in numbers {
        let shard = &mut shards[number];
        (shard.unseen, shard.submitted, shard.missing_then) = (0, shard.submitted + 1, shard.missing.len());
    }
    steps.note(&format!("job {id} is submitted: tasks {array} of {}", shards.len()));
    Ok(())
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

fn write_jobs(folder: &Path, jobs: &[Job]) -> Result<()> {
    let mut file = Aside::within(folder, JOBS)?;
    file.line(&serde_json::to_string_pretty(jobs)?)?;
    file.put()
}

/// By job, its tasks that the queue tells of: whether each runs.
type Live = HashMap<String, BTreeMap<usize, bool>>;

/// Asks the queue.
fn live_tasks(jobs: &[Job]) -> Result<Live> {
    if jobs.is_empty() {
        return Ok(Live::new());
    }
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    let ids = format!("--jobs={}", ids.join(","));
    let mut squeue = Command::new("squeue");
    squeue.args(["--noheader", "--array", &ids, "--format=%F %K %T"]);
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

/// Lines of a job's number, a task's, and its state.
fn read_queue(answer: &str) -> Live {
    let mut live = Live::new();
    for line in answer.lines() {
        let mut words = line.split_whitespace();
        let (Some(job), Some(task), Some(state)) = (words.next(), words.next(), words.next()) else { continue };
        if let Ok(task) = task.parse() {
            live.entry(job.to_owned()).or_default().insert(task, state != "PENDING");
        }
    }
    live
}

/// The shards of this plan, so divided, of which a task lives: whether it runs.
fn living(jobs: &[Job], live: &Live, identity: &str, tasks: usize) -> BTreeMap<usize, bool> {
    let ours = jobs.iter().filter(|job| job.plan == identity && job.tasks == tasks);
    let mut living = BTreeMap::new();
    for (&task, &runs) in ours.filter_map(|job| live.get(&job.id)).flatten() {
        *living.entry(task).or_insert(false) |= runs;
    }
    living
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
    fn a_shell_reads_every_word_as_it_was() {
        for word in
            ["", "plain-1.5/x", "a b", "it's", "$HOME `id` $(id) \"q\" \\ * ;&|", "line\nbreak", "~", "{a,b}", "ä"]
        {
            let text = format!("printf %s. {}", quoted(word));
            let read = Command::new("sh").args(["-c", &text]).output().unwrap();
            assert_eq!(String::from_utf8(read.stdout).unwrap(), format!("{word}."));
        }
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
}
