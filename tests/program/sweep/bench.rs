//! An experiment in a folder of its own, swept by the program.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use support::{Records, narrow, records};
use tempfile::TempDir;

/// 40 short runs in 10 batches.
pub(super) const SHORT: &str =
    "units: [banana, 'class:837']\nmethods: [{ preset: naive, steps: 2 }]\nseeds: 20\nbatch: 4\n";

/// A folder with an experiment file, and the networks that it names.
pub(super) struct Bench {
    folder: TempDir,
    classifier: &'static str,
}

impl Bench {
    /// Of narrow networks, of which a run takes a moment.
    pub(super) fn new(text: &str) -> Bench {
        let bench = Bench { folder: TempDir::new().unwrap(), classifier: narrow::CLASSIFIER };
        narrow::write(bench.path());
        bench.write(text);
        bench
    }

    /// Of Lite0.
    pub(super) fn of_lite0(text: &str) -> Bench {
        support::files("efficientnet-lite0");
        let bench = Bench { folder: TempDir::new().unwrap(), classifier: "efficientnet-lite0" };
        bench.write(text);
        bench
    }

    pub(super) fn write(&self, text: &str) {
        let head = format!("name: test\nclassifier: {}\n", self.classifier);
        std::fs::write(self.path().join("test.yaml"), head + text).unwrap();
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn out(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(super) fn command(&self, out: &Path, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_metapicture"));
        command.arg("sweep").arg(self.path().join("test.yaml")).arg("--out").arg(out);
        if !more.contains(&"--threads") {
            command.args(["--threads", "1"]);
        }
        command.args(more).stdin(Stdio::null());
        command
    }

    /// Sweeps, and tells the exit code and what was said.
    pub(super) fn sweep(&self, out: &Path, more: &[&str]) -> (i32, String) {
        let Output { status, stderr, .. } = self.command(out, more).output().unwrap();
        (status.code().unwrap(), String::from_utf8(stderr).unwrap())
    }

    /// Sweeps to a good end.
    pub(super) fn done(&self, out: &Path, more: &[&str]) -> Records {
        let (code, said) = self.sweep(out, more);
        assert_eq!(code, 0, "{more:?}: {said}");
        records(out)
    }

    pub(super) fn start(&self, out: &Path, more: &[&str]) -> Child {
        self.command(out, more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// When each record was made: what is computed again is younger.
pub(super) fn times(out: &Path) -> BTreeMap<String, std::time::SystemTime> {
    let time = |id: String| {
        let path = out.join("runs").join(&id).join("record.json");
        (id, path.metadata().unwrap().modified().unwrap())
    };
    records(out).into_keys().map(time).collect()
}

/// Panics with the names of what differs, and not with all the bytes.
pub(super) fn assert_same(found: &Records, expected: &Records) {
    let names = |records: &Records| records.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for (id, of) in found {
        assert!(of == &expected[id], "{id} is not what an undisturbed sweep makes");
    }
}

/// Panics where a record that was finished lies among the damaged.
pub(super) fn assert_nothing_finished_is_set_aside(out: &Path) {
    for found in std::fs::read_dir(out.join("damaged")).into_iter().flatten().flatten() {
        let name = found.file_name().into_string().unwrap();
        // Of a run's own folder, ID.COUNT; what its writer had aside has the writer's name in between.
        let is_of_run = name.split_once('.').is_some_and(|(_, count)| count.parse::<u32>().is_ok());
        assert!(!is_of_run, "{name} was in its place");
        let mut check = Command::new("sha256sum");
        check.args(["--check", "--strict", "--status", "files.sha256"]).current_dir(found.path());
        let is_whole = found.path().is_dir() && check.stderr(Stdio::null()).status().unwrap().success();
        assert!(!is_whole, "{name} is whole");
    }
}

/// The rows of results.csv by column, as Python's `csv` reads them.
pub(super) fn csv(out: &Path) -> Vec<BTreeMap<String, String>> {
    let script = "import csv, json, sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline='')))))";
    let output = Command::new("python3").args(["-c", script]).arg(out.join("results.csv")).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(super) fn json_lines(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("results.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
