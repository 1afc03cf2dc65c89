//! `sweep --engine slurm` against a real Slurm: a controller and two one-core nodes on this machine (`tests/program/cluster.sh`). Skipped
//! where Slurm is not installed, unless METAPICTURE_SLURM=1 insists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::records;
use tempfile::TempDir;

/// After so long something hangs, also where others use the machine.
const LONGEST: Duration = Duration::from_secs(240);

/// Shards that take some seconds each.
const EXPERIMENT: &str = "
name: tiny
classifier: efficientnet-lite0
methods: [{ preset: naive, steps: 30 }]
units: [banana]
seeds: 8
batch: 1
threads: 1
";

/// A cluster of two nodes, n1 and n2; stopped when dropped.
struct Cluster {
    folder: TempDir,
}

impl Cluster {
    fn script() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/cluster.sh")
    }

    /// None where there is no Slurm.
    fn start() -> Option<Cluster> {
        let there = |program: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).is_file())
        };
        let insisted = std::env::var("METAPICTURE_SLURM").is_ok_and(|value| value == "1");
        if !insisted && !["slurmctld", "slurmd", "munged", "sbatch"].into_iter().all(there) {
            eprintln!("skipped: Slurm is not installed (slurm-wlm and munge of Debian); METAPICTURE_SLURM=1 insists");
            return None;
        }
        // Short: a socket's path has an end.
        let folder = tempfile::Builder::new().prefix("slurm").tempdir().unwrap();
        let cluster = Cluster { folder };
        let port = 20_000 + std::process::id() % 10_000;
        let mut start = Command::new("timeout");
        start.args(["90".as_ref(), Cluster::script().as_os_str(), "start".as_ref(), cluster.path("c").as_os_str()]);
        let output = start.arg(port.to_string()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "no cluster: {}", String::from_utf8_lossy(&output.stderr));
        Some(cluster)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env("SLURM_CONF", self.path("c/slurm.conf")).stdin(Stdio::null());
        command
    }

    /// What one of Slurm's own commands prints.
    fn says(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program, arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The sweep by an array of four tasks.
    fn sweep(&self, out: &str, more: &[&str]) -> Command {
        let (file, out) = (self.path("tiny.yaml"), self.path(out));
        let mut command = self.command(env!("CARGO_BIN_EXE_metapicture"), &["sweep"]);
        command.arg(file).arg("--out").arg(out);
        command.args(["--engine", "slurm", "--max-tasks", "4", "--queue-every", "1"]).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn jobs(&self, out: &str) -> Vec<Value> {
        let text = std::fs::read(self.path(out).join("slurm/jobs.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Tasks that run: the task's number in the array by the node's name.
    fn running(&self, job: &str) -> BTreeMap<String, String> {
        let answer =
            self.says("squeue", &["--noheader", "--array", "--states=RUNNING", "--format=%N %K", "--jobs", job]);
        answer.lines().filter_map(|line| line.split_once(' ')).map(|(node, task)| (node.into(), task.into())).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = Command::new("timeout");
        stop.args(["30".as_ref(), Cluster::script().as_os_str(), "stop".as_ref(), self.path("c").as_os_str()]);
        let _ = stop.stdin(Stdio::null()).status();
    }
}

/// Waits until it holds.
fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONGEST, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How a process ends.
fn ended(mut child: Child) -> Output {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > LONGEST {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("does not end: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.wait_with_output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_array_gives_the_bytes_of_one_process_and_is_followed_again_and_survives_lost_tasks_and_nodes() {
    let Some(cluster) = Cluster::start() else { return };
    support::files("efficientnet-lite0");
    std::fs::write(cluster.path("tiny.yaml"), EXPERIMENT).unwrap();
    let mut alone = cluster.command(env!("CARGO_BIN_EXE_metapicture"), &["sweep"]);
    alone.arg(cluster.path("tiny.yaml")).arg("--out").arg(cluster.path("alone")).arg("--quiet");
    assert!(alone.status().unwrap().success());
    let expected = records(&cluster.path("alone"));
    assert_eq!(expected.len(), 8);

    // What Slurm refuses is said in its own words, and submits nothing.
    let refused = ended(cluster.sweep("refused", &["--partition", "nowhere"]).spawn().unwrap());
    assert_eq!(refused.status.code(), Some(1));
    assert!(words(&refused).starts_with("error: ") && words(&refused).contains("partition"), "{}", words(&refused));
    assert_eq!(words(&refused).lines().count(), 1, "{}", words(&refused));
    assert!(cluster.jobs("refused").is_empty());

    // Followed, left by Ctrl-C, and followed again without a second submission.
    let left = cluster.sweep("array", &["--time", "10"]).spawn().unwrap();
    wait("the job is submitted", || !cluster.jobs("array").is_empty());
    std::thread::sleep(Duration::from_secs(1));
    assert!(Command::new("kill").args(["-INT", &left.id().to_string()]).status().unwrap().success());
    let left = ended(left);
    assert_eq!(left.status.code(), Some(130), "{}", words(&left));
    let jobs = cluster.jobs("array");
    let id = jobs[0]["id"].as_str().unwrap();
    assert!(words(&left).contains(&format!("scancel {id}")), "{}", words(&left));
    let again = ended(cluster.sweep("array", &["--time", "10"]).spawn().unwrap());
    assert!(again.status.success(), "{}", words(&again));
    assert_eq!(cluster.jobs("array"), jobs, "{}", words(&again));
    assert!(records(&cluster.path("array")) == expected, "other bytes");
    assert_eq!(std::fs::read_to_string(cluster.path("array/results.csv")).unwrap().matches(",done,").count(), 8);

    // A task is cancelled and a node is lost, while both work.
    let follows = cluster.sweep("lost", &[]).spawn().unwrap();
    wait("the job is submitted", || !cluster.jobs("lost").is_empty());
    let id = cluster.jobs("lost")[0]["id"].as_str().unwrap().to_owned();
    // Of batches: those of the one who follows and of the index begin with an underscore.
    let claims = || {
        let found = std::fs::read_dir(cluster.path("lost/claims")).into_iter().flatten().flatten();
        found.filter(|found| !found.file_name().to_string_lossy().starts_with(['.', '_'])).count()
    };
    wait("two tasks work", || claims() == 2 && cluster.running(&id).len() == 2);
    let running = cluster.running(&id);
    cluster.says("scancel", &[&format!("{id}_{}", running["n1"])]);
    cluster.says("scontrol", &["update", "nodename=n2", "state=down", "reason=test"]);
    let follows = ended(follows);
    assert!(follows.status.success(), "{}", words(&follows));
    for task in running.values() {
        let shard = format!("shard {}/4", task.parse::<usize>().unwrap() + 1);
        let said = words(&follows).lines().any(|line| line.contains(&shard) && line.contains("submitted again"));
        assert!(said, "{shard}: {}", words(&follows));
    }
    assert!(records(&cluster.path("lost")) == expected, "other bytes");
}

#[test]
fn without_slurm_a_dry_run_shows_the_job_and_a_sweep_names_what_is_missing() {
    support::files("efficientnet-lite0");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("it's.yaml");
    std::fs::write(&file, EXPERIMENT).unwrap();
    let sweep = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_metapicture"));
        command.arg("sweep").arg(&file).arg("--out").arg(folder.path().join("o ut"));
        command.args(["--engine", "slurm", "--max-tasks", "3", "--gpus", "2", "--threads", "4"]).args(more);
        command.env("PATH", folder.path()).output().unwrap()
    };
    let shown = sweep(&["--dry-run", "--json", "--partition", "gpu", "--set", "seeds=5"]);
    assert!(shown.status.success(), "{}", words(&shown));
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&shown["tasks"], &shown["runs"]), (&3.into(), &5.into()));
    let script = shown["sbatch"].as_str().unwrap();
    let log = format!("#SBATCH --output=\"{}/o ut/slurm/%A_%a.log\"\n", folder.path().display());
    let more = ["--partition=gpu\n", "--gpus=2\n", "--ntasks=1\n", "--cpus-per-task=8\n"];
    for part in
        [log.as_str(), "it'\\''s.yaml'", "--set seeds=5", "--device cuda:0,cuda:1 --threads 4"].iter().chain(&more)
    {
        assert!(script.contains(part), "{part}: {script}");
    }
    assert!(script.ends_with("--shard \"$((SLURM_ARRAY_TASK_ID + 1))/3\"\n"), "{script}");
    assert!(!folder.path().join("o ut").exists(), "a dry run leaves nothing");

    let missing = sweep(&[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(words(&missing).starts_with("error: scontrol: not found"), "{}", words(&missing));
    assert_eq!(sweep(&["--shard", "1/2"]).status.code(), Some(2));
}
