//! Sweeps as a user meets them: killed, on a full disk, shared out, resumed; their tables and how they end. The measure is always
//! the same: an undisturbed sweep's `record.json` and `image.png`, byte for byte.
//!
//! Tests that take minutes, or measure, are ignored: `cargo test --test sweep -- --ignored --nocapture --test-threads 1`.

mod common;
mod mount;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::thread::sleep;
use std::time::{Duration, Instant};

use classifiers::Classifier;
use common::{Records, records};
use metapicture::experiment_file::Seeds;
use metapicture::method::Method;
use metapicture::render::Watch;
use metapicture::run::plan::Plan;
use metapicture::run::results::Results;
use metapicture::run::worker::{Ended, Follow, Worker};
use metapicture::run::{Experiment, Run};
use metapicture::store::Store;
use metapicture::unit::{LayerShapes, Unit};
use mount::Mount;
use serde_json::Value;
use tempfile::TempDir;

const HEAD: &str = "name: test\nclassifier: efficientnet-lite0\n";

/// 40 short runs in 10 batches.
const SHORT: &str = "units: [banana, 'class:837']\nmethods: [{ preset: naive, steps: 2 }]\nseeds: 20\nbatch: 4\n";

/// A folder with an experiment file.
struct Bench(TempDir);

impl Bench {
    fn new(text: &str) -> Bench {
        for name in ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "face-dcgan"] {
            common::files(name);
        }
        let bench = Bench(TempDir::new().unwrap());
        bench.write(text);
        bench
    }

    fn write(&self, text: &str) {
        std::fs::write(self.0.path().join("test.yaml"), format!("{HEAD}{text}")).unwrap();
    }

    fn out(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, out: &Path, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_metapicture"));
        command.arg("sweep").arg(self.0.path().join("test.yaml")).arg("--out").arg(out);
        if !more.contains(&"--threads") {
            command.args(["--threads", "1"]);
        }
        command.args(more).stdin(Stdio::null());
        command
    }

    /// Sweeps, and tells the exit code and what was said.
    fn sweep(&self, out: &Path, more: &[&str]) -> (i32, String) {
        let Output { status, stderr, .. } = self.command(out, more).output().unwrap();
        (status.code().unwrap(), String::from_utf8(stderr).unwrap())
    }

    /// Sweeps to a good end.
    fn done(&self, out: &Path, more: &[&str]) -> Records {
        let (code, said) = self.sweep(out, more);
        assert_eq!(code, 0, "{more:?}: {said}");
        records(out)
    }

    fn start(&self, out: &Path, more: &[&str]) -> Child {
        self.command(out, more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// When each record was made: what is computed again is younger.
fn times(out: &Path) -> BTreeMap<String, std::time::SystemTime> {
    let time = |id: String| {
        let path = out.join("runs").join(&id).join("record.json");
        (id, path.metadata().unwrap().modified().unwrap())
    };
    records(out).into_keys().map(time).collect()
}

/// Panics with the names of what differs, and not with all the bytes.
fn assert_same(found: &Records, expected: &Records) {
    let names = |records: &Records| records.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for (id, of) in found {
        assert!(of == &expected[id], "{id} is not what an undisturbed sweep makes");
    }
}

/// Panics where a record that was finished lies among the damaged.
fn assert_nothing_finished_is_set_aside(out: &Path) {
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
fn csv(out: &Path) -> Vec<BTreeMap<String, String>> {
    let script = "import csv, json, sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline='')))))";
    let output = Command::new("python3").args(["-c", script]).arg(out.join("results.csv")).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn json_lines(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("results.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Moments that look random and are the same every time.
struct Moments(u64);

impl Moments {
    fn within(&mut self, longest: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        longest.mul_f64((self.0 >> 33) as f64 / (1u64 << 31) as f64)
    }
}

/// Kills sweeps of 40 runs so many times, `together` processes on one store; each store is then brought to its end.
fn kill(times: usize, together: usize) {
    let bench = Bench::new(SHORT);
    let expected = bench.done(&bench.out("undisturbed"), &[]);
    assert_eq!(expected.len(), 40);
    let start = Instant::now();
    bench.done(&bench.out("timed"), &[]);
    let (whole, mut moments) = (start.elapsed(), Moments(together as u64));
    let (mut killed, mut stores) = (0, 0);
    while killed < times {
        let out = bench.out(&format!("killed-{stores}"));
        stores += 1;
        loop {
            let mut processes: Vec<Child> = (0..together).map(|_| bench.start(&out, &[])).collect();
            for process in &mut processes {
                sleep(moments.within(whole / together as u32));
                if process.try_wait().unwrap().is_none() {
                    process.kill().unwrap();
                    killed += 1;
                }
            }
            for process in &mut processes {
                process.wait().unwrap();
            }
            if records(&out).len() == 40 || killed >= times {
                break;
            }
        }
        assert_same(&bench.done(&out, &[]), &expected);
        assert_nothing_finished_is_set_aside(&out);
        let names = std::fs::read_dir(out.join("runs")).unwrap().count();
        assert_eq!(names, 40, "nothing lies aside");
        assert_eq!(csv(&out).len(), 40);
    }
    println!(
        "{killed} processes were killed, {together} at once, on {stores} stores, each of which came to the same bytes"
    );
}

#[test]
fn a_sweep_that_is_killed_again_and_again_comes_to_the_same_bytes() {
    kill(6, 1);
}

#[test]
#[ignore = "takes some minutes"]
fn a_sweep_that_is_killed_50_times_comes_to_the_same_bytes() {
    kill(50, 1);
}

#[test]
#[ignore = "takes some minutes"]
fn two_processes_on_one_store_that_are_killed_50_times_come_to_the_same_bytes() {
    kill(50, 2);
}

/// The time at which the one checkpoint was written, if there is one.
fn checkpoint(out: &Path) -> Option<std::time::SystemTime> {
    let found = std::fs::read_dir(out.join("checkpoints")).ok()?.flatten();
    let found = found.filter(|found| !found.file_name().to_string_lossy().starts_with('.'));
    found.filter_map(|found| found.metadata().ok()?.modified().ok()).next()
}

/// Kills one long run some time after each of so many checkpoints.
fn kill_between_checkpoints(steps: usize, times: usize, pause: &str, after: Duration) {
    let bench =
        Bench::new(&format!("units: [banana]\nmethods: [{{ preset: naive, steps: {steps} }}]\nseeds: 1\nbatch: 1\n"));
    let expected = bench.done(&bench.out("undisturbed"), &[]);
    let out = bench.out("killed");
    let more = ["--checkpoint-every", pause];
    let mut moments = Moments(7);
    for _ in 0..times {
        let before = checkpoint(&out);
        let mut process = bench.start(&out, &more);
        while checkpoint(&out) == before {
            assert!(process.try_wait().unwrap().is_none(), "it has ended before it was killed");
            sleep(Duration::from_millis(5));
        }
        sleep(moments.within(after));
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(records(&out).is_empty(), "the run is longer than that");
    }
    assert_same(&bench.done(&out, &more), &expected);
    assert_eq!(checkpoint(&out), None, "what is done needs no checkpoint");
}

#[test]
fn a_long_run_that_is_killed_between_checkpoints_goes_on_from_there_and_comes_to_the_same_bytes() {
    kill_between_checkpoints(150, 3, "0.2", Duration::from_millis(300));
}

#[test]
#[ignore = "takes some 10 minutes"]
fn a_run_of_minutes_that_is_killed_between_checkpoints_comes_to_the_same_bytes() {
    kill_between_checkpoints(6000, 2, "45", Duration::from_secs(20));
}

#[test]
fn a_full_disk_ends_a_sweep_with_an_error_and_loses_nothing_and_it_goes_on_when_there_is_space() {
    let Some(mount) = Mount::new("size=2500k") else { return };
    let bench = Bench::new(&SHORT.replace("seeds: 20", "seeds: 8").replace("batch: 4", "batch: 2"));
    let expected = bench.done(&bench.out("undisturbed"), &[]);
    let out = mount.path().join("out");
    let (code, said) = bench.sweep(&out, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("error: ") && said.contains("make space and give the same command again"), "{said}");
    let before = times(&out);
    assert!(!before.is_empty() && before.len() < 16, "{}", before.len());
    mount.remount("size=64m");
    assert_same(&bench.done(&out, &[]), &expected);
    let after = times(&out);
    assert!(before.iter().all(|(id, time)| after[id] == *time), "what was finished is not done again");
}

const MIXED: &str = "generator: face-dcgan
units: [banana, 'class:837']
methods:
  - { preset: naive, steps: 2 }
  - { preset: latent, steps: 2, param: { latent: { screen: 4, starts: 1 } } }
seeds: 3
batch: 2
compare: { witnesses: [efficientnet-lite1] }
sweep: { methods.latent.optimizer.adam.lr: [0.05, 0.2] }
";

#[test]
fn shards_and_processes_make_what_one_process_makes() {
    let bench = Bench::new(MIXED);
    let expected = bench.done(&bench.out("one"), &[]);
    assert_eq!(expected.len(), 18);
    let shards = bench.out("shards");
    let first = bench.done(&shards, &["--shard", "1/2"]).len();
    assert!(first > 0 && first < 18, "{first}");
    assert_same(&bench.done(&shards, &["--shard", "2/2"]), &expected);
    let processes = bench.out("processes");
    assert_same(&bench.done(&processes, &["--device", "cpu,cpu"]), &expected);
    let text = |out: &str| std::fs::read_to_string(bench.out(out).join("results.csv")).unwrap();
    assert_eq!(text("shards"), text("one"));
    assert_eq!(text("processes"), text("one"));
}

#[test]
fn what_decides_no_picture_computes_nothing_again_and_other_witnesses_judge_what_is_there() {
    let text = MIXED.replace("seeds: 3", "seeds: 1");
    let bench = Bench::new(&text);
    let out = bench.out("out");
    let first = bench.done(&out, &[]);
    let before = times(&out);
    bench.write(&format!("# a comment\ndescription: said in other words\n{text}"));
    bench.done(&out, &[]);
    // Another experiment with some of the same runs and one more.
    bench.write(&text.replace("[0.05, 0.2]", "[0.2, 0.4]"));
    let both = bench.done(&out, &[]);
    assert_eq!((first.len(), both.len()), (6, 8));
    assert!(before.iter().all(|(id, time)| times(&out)[id] == *time));
    // Another witness; the process has other threads than those that computed, which the records keep.
    bench.write(&text.replace("efficientnet-lite1", "efficientnet-lite2"));
    let judged = bench.done(&out, &["--threads", "2"]);
    for (id, (record, picture)) in &first {
        let [before, after]: [Value; 2] = [record, &judged[id].0].map(|bytes| serde_json::from_slice(bytes).unwrap());
        assert_eq!(&judged[id].1, picture);
        assert_eq!(after["activation"], before["activation"]);
        assert_eq!(after["witnesses"][0]["classifier"], "efficientnet-lite2");
        assert_eq!(after["provenance"]["threads"], 1);
    }
    // And back: the same bytes as at first.
    bench.write(&text);
    let back = bench.done(&out, &[]);
    assert!(first.iter().all(|(id, of)| back[id] == *of));
}

#[test]
fn every_swept_value_is_a_column_and_a_run_that_fails_is_a_row_that_stops_no_other() {
    let text = "generator: face-dcgan
units: [banana, '_blocks.10:37@7,7']
methods:
  - { preset: naive, steps: 2 }
  - { preset: latent, steps: 2, param: { latent: { screen: 2, starts: 1 } } }
seeds: 1
sweep: { methods.latent.optimizer.adam.lr: [0.05, 1e38], methods.latent.steps: [1, 3] }
";
    let bench = Bench::new(text);
    let out = bench.out("out");
    let (code, said) = bench.sweep(&out, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("--retry-failed"), "{said}");
    let (rows, lines) = (csv(&out), json_lines(&out));
    assert_eq!((rows.len(), lines.len()), (10, 10));
    for (row, line) in rows.iter().zip(&lines) {
        assert_eq!(row.len(), line.as_object().unwrap().len());
        for (column, cell) in row {
            let value = &line[column];
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            assert_eq!(*cell, if value.is_null() { String::new() } else { text }, "{column}");
        }
        let failed = row["lr"] == "1e+38";
        assert_eq!(row["status"], if failed { "failed" } else { "done" }, "{row:?}");
        assert_eq!(row["error"].contains("step size"), failed, "{row:?}");
        if row["method"] == "naive" {
            assert_eq!(
                (&*row["steps"], &*row["lr"]),
                ("2", ""),
                "an axis of others leaves the column of its name alone"
            );
        }
        assert_eq!(line["seed"], 0);
    }
    assert_eq!(rows.iter().filter(|row| row["unit"] == "_blocks.10:37@7,7").count(), 5);
    let provenance: Value = serde_json::from_slice(&std::fs::read(out.join("provenance.json")).unwrap()).unwrap();
    for name in ["efficientnet-lite0", "face-dcgan"] {
        assert_eq!(provenance["weights_sha256"][name].as_str().unwrap().len(), 64, "{name}");
    }
    assert_eq!(provenance["runs"]["failed"], 4);
    // Failed runs are left alone unless they are to be tried again.
    let before = times(&out);
    assert_eq!(bench.sweep(&out, &[]).0, 1);
    assert_eq!(times(&out), before);
    assert_eq!(bench.sweep(&out, &["--retry-failed"]).0, 1);
    let after = times(&out);
    let changed = before.iter().filter(|(id, time)| after[*id] != **time).count();
    assert_eq!(changed, 4);
}

#[test]
fn swept_units_are_those_of_their_point() {
    let bench = Bench::new(
        "units: [banana]\nmethods: [{ preset: naive, steps: 1 }]\nsweep: { units: [[banana], [violin], [wig], ['class:837']] }\n",
    );
    let out = bench.out("out");
    assert_eq!(bench.done(&out, &[]).len(), 4);
    let mut units: Vec<String> = csv(&out).into_iter().map(|row| row["label"].clone()).collect();
    units.sort();
    assert_eq!(units, ["banana", "sunglasses", "violin", "wig"]);
}

#[test]
fn the_exit_code_says_how_a_sweep_ended() {
    let bench = Bench::new(SHORT);
    let out = bench.out("out");
    for (more, what) in [
        (&["--set", "units=[bananna]"][..], "banana"),
        (&["--set", "nothing=1"], "nothing"),
        (&["--set", "compare.witnesses=[efficientnet-lite0]"], "takes no part"),
        (&["--set", "compare.witnesses=[nobody]"], "nobody"),
        (&["--device", "cpu,gpu"], "gpu"),
        (&["--shard", "3/2"], "3/2"),
        (
            &["--set", "methods=[latent]", "--set", "generator={name: face-dcgan, size: 128}"],
            "generator.size: face-dcgan makes pictures of 64 px only",
        ),
        (
            &["--set", "methods=[latent]", "--set", "generator={name: face-dcgan, class: blue}"],
            "generator.class: face-dcgan is not conditional",
        ),
    ] {
        let (code, said) = bench.sweep(&out, more);
        assert_eq!(code, 2, "{more:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains(what), "{said}");
    }
    assert!(!out.exists(), "a wrong request leaves nothing");
    // Ctrl-C, of one process and of several: what is finished is kept, and the same command goes on.
    for (name, more) in [("one", &[][..]), ("two", &["--device", "cpu,cpu"])] {
        let out = bench.out(name);
        let more = [&["--set", "methods.naive.steps=20"], more].concat();
        let process = bench.start(&out, &more);
        while records(&out).is_empty() {
            sleep(Duration::from_millis(10));
        }
        // SAFETY: a signal to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(process.id() as libc::pid_t, libc::SIGINT) }, 0);
        let ended = process.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(130), "{name}");
        let kept = times(&out);
        assert!(!kept.is_empty() && kept.len() < 40, "{name}: {}", kept.len());
        assert_eq!(csv(&out).len(), 40);
        assert_eq!(bench.done(&out, &more).len(), 40);
        let after = times(&out);
        assert!(kept.iter().all(|(id, time)| after[id] == *time));
    }
}

#[test]
fn photographs_are_those_of_the_zoo_whatever_a_folder_is_called() {
    common::files("photos");
    let bench = Bench::new(
        "units: ['strongest(_blocks.14, 2)']\nmethods: [{ preset: naive, steps: 1 }]\ncompare: { reference: photos }\n",
    );
    let out = bench.out("out");
    std::fs::create_dir(bench.out("photos")).unwrap();
    let mut sweep = bench.command(&out, &[]);
    let Output { status, stderr, .. } = sweep.current_dir(bench.0.path()).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert_eq!(records(&out).len(), 2);
}

/// The processes that one has started.
fn children(parent: u32) -> Vec<libc::pid_t> {
    let found = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = found.filter_map(|found| found.file_name().to_str()?.parse::<libc::pid_t>().ok());
    let is_child = |number: &libc::pid_t| {
        let text = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything: the state, and the parent.
        let mut fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        fields.nth(1) == Some(&parent.to_string())
    };
    numbers.filter(is_child).collect()
}

#[test]
fn pictures_that_a_process_leaves_unjudged_when_it_dies_are_a_failure() {
    let text = SHORT.replace("seeds: 20", "seeds: 1");
    let bench = Bench::new(&text);
    let out = bench.out("out");
    let before = bench.done(&out, &[]);
    bench.write(&format!("{text}compare: {{ witnesses: [efficientnet-lite1] }}\n"));
    let mut process = bench.start(&out, &["--device", "cpu,cpu"]);
    let status = loop {
        for child in children(process.id()) {
            // SAFETY: a signal to the child of a child that has not been waited for.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        sleep(Duration::from_millis(5));
    };
    assert_same(&records(&out), &before);
    assert_eq!(status.code(), Some(1));
    let judged = bench.done(&out, &["--device", "cpu,cpu"]);
    for (record, _) in judged.values() {
        let record: Value = serde_json::from_slice(record).unwrap();
        assert_eq!(record["witnesses"][0]["classifier"], "efficientnet-lite1");
    }
}

fn experiment(witnesses: Vec<Arc<Classifier>>) -> Arc<Experiment> {
    let classifier = Arc::new(common::classifier("efficientnet-lite0"));
    let shapes = Arc::new(LayerShapes::measure(&classifier));
    Arc::new(Experiment {
        classifier,
        shapes,
        generator: None,
        condition: None,
        encoder: None,
        witnesses,
        size: None,
        device: tch::Device::Cpu,
        threads: 1,
        load: OnceLock::new(),
    })
}

/// The most memory that this process has had, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.
}

#[test]
#[ignore = "measures; run alone"]
fn a_million_runs_are_planned_in_10_seconds_and_1_gib() {
    let experiment = experiment(vec![]);
    let of = |class: usize| Unit::parse(&format!("class:{class}"), &experiment.classifier, &experiment.shapes).unwrap();
    let units: Vec<Unit> = (0..1000).map(of).collect();
    let before = peak();
    let start = Instant::now();
    let mut plan = Plan::default();
    for steps in 1..=10 {
        let method = Method { steps, ..Method::find("naive").unwrap() };
        experiment.check(&units, std::slice::from_ref(&method)).unwrap();
        plan.add(0, &experiment, &method, &units, &Seeds::from(0..=99), vec![], 8).unwrap();
    }
    let planned = start.elapsed();
    assert_eq!((plan.runs().len(), plan.batch_count()), (1_000_000, 125_000));
    let shard = plan.shard(3, 100);
    let all = start.elapsed();
    println!(
        "planned in {:.2} s, a shard of 100 ({} batches) after {:.2} s, {:.0} MiB more than before ({before:.0})",
        planned.as_secs_f64(),
        shard.len(),
        all.as_secs_f64(),
        peak() - before
    );
    assert!(all < Duration::from_secs(10) && peak() - before < 1024.);
}

struct Unwatched;

impl Watch for Unwatched {
    fn step(&self, _: usize, _: usize, _: f64) {}
}

impl Follow for Unwatched {
    fn batch(&self, _: &[Run]) -> Box<dyn Watch> {
        Box::new(Unwatched)
    }

    fn found(&self, _: usize) {}
}

#[test]
fn a_run_is_complete_once_it_is_done_and_judged_and_no_process_judges_again_what_another_has() {
    let name = "efficientnet-lite1".to_owned();
    let [alone, judging] = [vec![], vec![Arc::new(common::classifier(&name))]].map(experiment);
    let unit = |text: &str| Unit::parse(text, &alone.classifier, &alone.shapes).unwrap();
    let method = Method { steps: 1, ..Method::find("naive").unwrap() };
    let mut plan = Plan::default();
    plan.add(0, &alone, &method, &[unit("banana"), unit("_blocks.10:37")], &Seeds::from(0..=0), vec![], 2).unwrap();
    let folder = TempDir::new().unwrap();
    let (store, stop) = (Store::open(folder.path()).unwrap(), AtomicBool::new(false));
    let complete = |witnesses: &[String]| {
        let results = Results { plan: &plan, store: &store, axes: &[], witnesses };
        let left = results.count().left();
        let complete: Vec<bool> = plan.runs().iter().map(|run| results.is_complete(run, false)).collect();
        assert_eq!(complete.iter().filter(|complete| !**complete).count(), left);
        complete
    };
    let names = std::slice::from_ref(&name);
    assert_eq!(complete(&[]), [false, false]);
    Worker::whole(&plan, &store, &[], &stop).run(&mut |_| Ok(Arc::clone(&alone)), &Unwatched).unwrap();
    assert_eq!(complete(&[]), [true, true]);
    assert_eq!(complete(names), [false, true], "only of a class do witnesses know anything");
    // Both have seen the same before one of them judges.
    let other = Store::open(folder.path()).unwrap();
    let sweep = Worker::whole(&plan, &store, names, &stop);
    sweep.run(&mut |_| Ok(Arc::clone(&judging)), &Unwatched).unwrap();
    assert_eq!(complete(names), [true, true]);
    let late = Worker::whole(&plan, &other, names, &stop).run(&mut |_| panic!("it is judged"), &Unwatched).unwrap();
    assert_eq!(late, Ended { computed: 0, found: 2, left: 0 });
}

#[test]
#[ignore = "measures; run alone"]
fn what_is_not_optimization_takes_little_of_a_sweep() {
    let experiment = experiment(vec![]);
    let folder = TempDir::new().unwrap();
    let unit = Unit::parse("banana", &experiment.classifier, &experiment.shapes).unwrap();
    let mut plan = Plan::default();
    let method = Method { steps: 50, ..Method::find("naive").unwrap() };
    plan.add(0, &experiment, &method, &[unit], &Seeds::from(0..=23), vec![], 4).unwrap();
    let store = Store::open(folder.path()).unwrap();
    let stop = AtomicBool::new(false);
    let sweep = Worker::whole(&plan, &store, &[], &stop);
    let start = Instant::now();
    assert_eq!(sweep.run(&mut |_| Ok(Arc::clone(&experiment)), &Unwatched).unwrap().computed, 24);
    let all = start.elapsed().as_secs_f64();
    let seconds = |id: String| -> f64 {
        let path = folder.path().join("runs").join(id).join("timing.json");
        let timing: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        timing["batch_seconds"].as_f64().unwrap() / timing["batch"].as_f64().unwrap()
    };
    let optimizing: f64 = records(folder.path()).into_keys().map(seconds).sum();
    let share = (all - optimizing) / all;
    println!(
        "{all:.2} s, of which {optimizing:.2} s are steps; the rest is {:.2} %: judging, PNG, store",
        100. * share
    );
    assert!(share < 0.05, "{share}");
}
