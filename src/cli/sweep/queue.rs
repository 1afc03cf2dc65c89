//! Slurm's commands: `sbatch` submits, `squeue` says which tasks live and why others wait, `scontrol` how long an array may be.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::cli::error::{Context, Error, Result};

/// What is submitted.
pub(super) const SCRIPT: &str = "job.sbatch";
/// Which jobs were submitted.
pub(super) const JOBS: &str = "jobs.json";
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
/// Why a task waits whose turn will come.
const USUAL: [&str; 4] = ["None", "Priority", "Resources", "JobArrayTaskLimit"];

/// A job that was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    /// Slurm's number of it.
    pub(super) id: String,
    /// What identifies the plan that it was submitted for.
    pub(super) plan: String,
    /// Shards of that plan.
    pub(super) tasks: usize,
}

/// Submits shards, and gives the job's number.
pub(super) fn sbatch(folder: &Path, numbers: &[usize]) -> Result<String> {
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
    let answer = answer(sbatch)?.done()?;
    let Some(id) = job_number(&answer) else {
        let printed = answer.trim().escape_debug();
        return Err(Error::compute(format!("sbatch: its answer is no number of a job: '{printed}'")));
    };
    Ok(id)
}

/// The job's number in what `sbatch --parsable` prints: the last line that is a number, perhaps with a semicolon and the cluster's name.
/// Clusters print greetings and the results of their own checks around it.
fn job_number(answer: &str) -> Option<String> {
    let is_number = |line: &str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
    let mut lines = answer.lines().rev().map(|line| line.trim().split(';').next().unwrap_or_default());
    lines.find(|line| is_number(line)).map(str::to_owned)
}

/// Numbers in ascending order as Slurm writes them: `0,3,7-9`.
pub(super) fn ranges(numbers: &[usize]) -> String {
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
pub(super) fn read_jobs(folder: &Path) -> Result<Vec<Job>> {
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
pub(super) struct Task {
    /// Whether it has begun.
    runs: bool,
    /// Why it waits, in one word of Slurm's or several.
    reason: String,
}

/// By job, its tasks that the queue tells of.
pub(super) type Live = HashMap<String, BTreeMap<usize, Task>>;

/// Asks the queue.
pub(super) fn live_tasks(jobs: &[Job]) -> Result<Live> {
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
    match answer(squeue)? {
        Answer::Done(queue) => Ok(read_queue(&queue)),
        // All of them ended so long ago that they are forgotten.
        Answer::Refused(words) if words.contains("Invalid job id") => Ok(Live::new()),
        Answer::Refused(words) => Err(Error::compute(words)),
    }
}

/// Lines of a job's number, a task's, its state, and why it waits.
pub(super) fn read_queue(answer: &str) -> Live {
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
pub(super) fn living(jobs: &[Job], live: &Live, identity: &str, tasks: usize) -> BTreeMap<usize, bool> {
    let ours = jobs.iter().filter(|job| job.plan == identity && job.tasks == tasks);
    let mut living = BTreeMap::new();
    for (&task, Task { runs, .. }) in ours.filter_map(|job| live.get(&job.id)).flatten() {
        *living.entry(task).or_insert(false) |= runs;
    }
    living
}

/// Why tasks of this plan wait, where it is not that others are served first: the job and the reason.
pub(super) fn waiting<'l>(
    jobs: &'l [Job],
    live: &'l Live,
    identity: &'l str,
) -> impl Iterator<Item = (&'l str, &'l str)> {
    let ours = jobs.iter().filter(move |job| job.plan == identity);
    let tasks = ours.flat_map(|job| live.get(&job.id).into_iter().flatten().map(|(_, task)| (&*job.id, task)));
    let waiting = tasks.filter(|(_, task)| !task.runs && !task.reason.is_empty());
    waiting.map(|(job, task)| (job, &*task.reason)).filter(|(_, reason)| !USUAL.contains(reason))
}

/// The most tasks of an array; none where Slurm does not say.
pub(super) fn max_array_size() -> Result<Option<usize>> {
    let mut scontrol = Command::new("scontrol");
    scontrol.args(["show", "config"]);
    let answer = answer(scontrol)?.done()?;
    let line = answer.lines().find_map(|line| line.trim_start().strip_prefix("MaxArraySize"));
    Ok(line.and_then(|rest| rest.trim_start().strip_prefix('=')?.trim().parse().ok()).filter(|&size| size > 0))
}

/// What one of Slurm's commands says.
enum Answer {
    /// What it printed.
    Done(String),
    /// Why it would not, in its own words.
    Refused(String),
}

impl Answer {
    fn done(self) -> Result<String> {
        match self {
            Answer::Done(printed) => Ok(printed),
            Answer::Refused(words) => Err(Error::compute(words)),
        }
    }
}

/// Runs one of Slurm's commands.
fn answer(mut command: Command) -> Result<Answer> {
    use std::os::unix::process::CommandExt;
    let name = command.get_program().display().to_string();
    // Ctrl-C is for this process, not for a command whose answer it waits for.
    let output = match command.process_group(0).stdin(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let hint = "the engine slurm needs Slurm's commands on PATH, as on a cluster's login node";
            return Err(Error::compute(format!("{name}: not found")).hinted(hint));
        }
        output => output.with_context(|| format!("{name}: cannot be started"))?,
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let silent = words.is_empty();
        return Ok(Answer::Refused(if silent {
            format!("{name}: ended with {}", output.status)
        } else {
            words.join("; ")
        }));
    }
    Ok(Answer::Done(String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_number_is_found_behind_a_greeting() {
        let number = |answer: &str| job_number(answer);
        assert_eq!(number("4242\n").as_deref(), Some("4242"));
        assert_eq!(number("4242;alps\n").as_deref(), Some("4242"));
        let greeting =
            "-----\n  Welcome to the Example Supercomputer, since 1999\n--> Verifying valid submit host ... OK\n";
        assert_eq!(number(&format!("{greeting}4242\n")).as_deref(), Some("4242"));
        assert_eq!(number(&format!("{greeting}4242;alps\r\n\nHave 7 nice days\n")).as_deref(), Some("4242"));
        assert_eq!(number(greeting), None);
        assert_eq!(number(""), None);
    }

    #[test]
    fn arrays_are_written_as_slurm_reads_them() {
        assert_eq!(ranges(&[0, 3, 7, 8, 9]), "0,3,7-9");
        assert_eq!(ranges(&[0, 1, 2]), "0-2");
        assert_eq!(ranges(&[5]), "5");
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
}
