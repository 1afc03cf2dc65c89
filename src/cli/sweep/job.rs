//! The array job of a cluster: its script, and how many tasks it has.

use std::ffi::OsString;
use std::path::Path;

use super::command::{SlurmOptions, SweepCommand, arguments};
use super::queue::max_array_size;
use crate::cli::call::program;
use crate::cli::error::{Context, Result, bail, request};
use crate::cli::output::quoted;
use metapicture::engine::run::Plan;
use metapicture::engine::store::Hash;
use metapicture::engine::sweep::PlannedSweep;

/// The folder of the script, the logs and the ids of jobs, in that of the records.
pub(super) const FOLDER: &str = "slurm";

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
pub(super) fn preview(command: &SweepCommand, planned: &PlannedSweep, devices: &[String]) -> Result<Preview> {
    let tasks = task_count(command, planned, max_array_size().unwrap_or(None));
    Ok(Preview { tasks, script: script(command, planned, devices, tasks)? })
}

/// How many shards the plan is divided into: the size of the array. A job of the same plan that is alive keeps its own.
pub(super) fn task_count(command: &SweepCommand, planned: &PlannedSweep, max_array_size: Option<usize>) -> usize {
    let most = max_array_size.unwrap_or(usize::MAX).min(command.slurm.max_tasks as usize);
    planned.plan().batch_count().min(most).max(1)
}

/// What identifies a plan and how it is divided: its batches.
pub(super) fn identity(plan: &Plan) -> String {
    let batches: String = (0..plan.batch_count()).map(|number| format!("{}\n", plan.key(number))).collect();
    Hash::of(batches.as_bytes()).to_string()
}

/// The devices of a task, a process each.
pub(super) fn devices(options: &SlurmOptions, device: &str) -> Vec<String> {
    match options.gpus {
        None => vec![device.to_owned()],
        Some(1) => vec!["cuda".to_owned()],
        Some(gpus) => (0..gpus).map(|gpu| format!("cuda:{gpu}")).collect(),
    }
}

/// The script of a task.
pub(super) fn script(
    command: &SweepCommand,
    planned: &PlannedSweep,
    devices: &[String],
    tasks: usize,
) -> Result<String> {
    let options = &command.slurm;
    let out = std::path::absolute(planned.out()).with_context(|| planned.out().display().to_string())?;
    let threads = command.threads.or(planned.file().threads).unwrap_or(1);
    let cores = usize::from(threads) * devices.len();
    let mut text = String::from("#!/bin/sh\n");
    let mut option = |name: &str, value: &str| -> Result<()> {
        text.push_str(&format!("#SBATCH --{name}={}\n", directive(value)?));
        Ok(())
    };
    option("job-name", &format!("metapicture-{}", planned.file().name))?;
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
    if let Some(gres) = &options.gres {
        option("gres", gres)?;
    }
    for line in &options.sbatch {
        let (name, value) = extra(line)?;
        option(name, value)?;
    }
    text.push_str(
        "# Whoever follows submits a task again that is gone, sooner than Slurm would.\n#SBATCH --no-requeue\n\n",
    );
    let utf8 =
        |word: OsString| word.into_string().map_err(|word| request!("{}: the path is not UTF-8", word.display()));
    let mut words = program()?.into_iter().map(utf8).collect::<Result<Vec<_>>>()?;
    words.extend(arguments(command, &out)?);
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    text.push_str(&format!(
        "exec {} --device {} --threads {threads} --shard \"$((SLURM_ARRAY_TASK_ID + 1))/{tasks}\"\n",
        words.join(" "),
        quoted(&devices.join(","))
    ));
    Ok(text)
}

/// What is written here itself: a second one would take its place, or follow another job.
const OURS: [&str; 9] =
    ["array", "output", "ntasks", "cpus-per-task", "no-requeue", "requeue", "job-name", "wait", "parsable"];

/// An option of sbatch and its value, of `name=value` with or without dashes.
fn extra(line: &str) -> Result<(&str, &str)> {
    let (name, value) = line.split_once('=').ok_or_else(|| request!("--sbatch: '{line}' is not NAME=VALUE"))?;
    let name = name.trim_start_matches('-');
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        bail!("--sbatch: '{name}' is no option of sbatch");
    }
    if OURS.contains(&name) {
        bail!("--sbatch: {name} is what the sweep says itself");
    }
    Ok((name, value))
}

/// The value of an `#SBATCH` option, which `sbatch` divides into words itself.
pub(super) fn directive(value: &str) -> Result<String> {
    if value.contains(['"', '\'', '\\']) || value.chars().any(char::is_control) {
        bail!("'{}' holds quotes, backslashes or control characters, which sbatch does not read", value.escape_debug());
    }
    Ok(if value.contains([' ', '#']) { format!("\"{value}\"") } else { value.to_owned() })
}

/// The name of a task's log, as Slurm fills it in: the job's number, the task's.
pub(super) fn log_pattern(folder: &Path) -> Result<String> {
    let folder = folder.to_str().ok_or_else(|| request!("{}: the path is not UTF-8", folder.display()))?;
    Ok(format!("{}/%A_%a.log", folder.replace('%', "%%")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_that_sbatch_would_read_otherwise_are_refused() {
        assert_eq!(directive("gpu,long").unwrap(), "gpu,long");
        assert_eq!(directive("/a b/%A_%a.log").unwrap(), "\"/a b/%A_%a.log\"");
        assert!(directive("x\n#SBATCH --uid=0").is_err());
        assert!(directive("it's").is_err());
        assert_eq!(extra("--mem=16G").unwrap(), ("mem", "16G"));
        assert_eq!(extra("constraint=a100&nvlink").unwrap(), ("constraint", "a100&nvlink"));
        for wrong in ["mem", "array=0-3", "a b=3", "=3"] {
            assert!(extra(wrong).is_err(), "{wrong}");
        }
        assert_eq!(log_pattern(Path::new("/50%/slurm")).unwrap(), "/50%%/slurm/%A_%a.log");
    }
}
