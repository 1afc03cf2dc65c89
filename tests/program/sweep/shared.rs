//! Sweeps that are shared out, resumed and changed; their tables and exit codes.

use super::bench::{Bench, SHORT, assert_same, csv, json_lines, times};
use serde_json::Value;
use std::process::Output;
use std::thread::sleep;
use std::time::Duration;
use support::records;

const MIXED: &str = "generator: ./faces.yaml
units: [banana, 'class:837']
methods:
  - { preset: naive, steps: 2 }
  - { preset: latent, steps: 2, param: { latent: { screen: 4, starts: 1 } } }
seeds: 3
batch: 2
compare: { witnesses: [./wider.yaml] }
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
    // All but the clock's part.
    let text = |out: &str| -> Vec<_> {
        let rows = csv(&bench.out(out)).into_iter();
        rows.map(|mut row| {
            assert!(row.remove("seconds").is_some_and(|seconds| seconds.parse::<f64>().is_ok()));
            row
        })
        .collect()
    };
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
    bench.write(&text.replace("wider", "widest"));
    let judged = bench.done(&out, &["--threads", "2"]);
    for (id, (record, picture)) in &first {
        let [before, after]: [Value; 2] = [record, &judged[id].0].map(|bytes| serde_json::from_slice(bytes).unwrap());
        assert_eq!(&judged[id].1, picture);
        assert_eq!(after["activation"], before["activation"]);
        assert_eq!(after["witnesses"][0]["classifier"], "widest");
        assert_eq!(after["provenance"]["threads"], 1);
    }
    // And back: the same bytes as at first.
    bench.write(&text);
    let back = bench.done(&out, &[]);
    assert!(first.iter().all(|(id, of)| back[id] == *of));
}

#[test]
fn every_swept_value_is_a_column_and_a_run_that_fails_is_a_row_that_stops_no_other() {
    let text = "generator: ./faces.yaml
units: [banana, '_blocks.10:3@1,1']
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
    assert_eq!(rows.iter().filter(|row| row["unit"] == "_blocks.10:3@1,1").count(), 5);
    let provenance: Value = serde_json::from_slice(&std::fs::read(out.join("provenance.json")).unwrap()).unwrap();
    for name in ["narrow", "faces"] {
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
        (&["--set", "compare.witnesses=[./narrow.yaml]"], "takes no part"),
        (&["--set", "compare.witnesses=[nobody]"], "nobody"),
        (&["--device", "cpu,gpu"], "gpu"),
        (&["--shard", "3/2"], "3/2"),
        (
            &["--set", "methods=[latent]", "--set", "generator={name: ./faces.yaml, size: 128}"],
            "generator.size: faces makes pictures of 32 px only",
        ),
        (
            &["--set", "methods=[latent]", "--set", "generator={name: ./faces.yaml, class: blue}"],
            "generator.class: faces is not conditional",
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

/// Pictures that start from photographs, and go towards one: the files lie beside the experiment.
const FROM: &str = "units: ['class:3', '0.1*class:5 + 3*like(_blocks.2, sky.png)', 'pair(class:7)']
methods:
  - { preset: naive, steps: 6, from: folder }
  - { preset: deepdream-2015, steps: 3, from: folder/a.png, input: fit }
  - { preset: lucid-2017, name: noise, steps: 6 }
  - preset: vital-2025
    steps: 2
    regularizers: [{ distribution: { weight: 1.0, photographs: folder, top: 1, layers: [_blocks.2] } }]
seeds: 3
batch: 2
size: 32
";

#[test]
fn what_starts_from_photographs_is_shared_out_resumed_and_known_by_what_they_show() {
    let bench = Bench::new(FROM);
    std::fs::create_dir(bench.path().join("folder")).unwrap();
    let draw = |name: &str, turn: u32| {
        let picture = image::RgbImage::from_fn(48, 40, |x, y| image::Rgb([(x * 5) as u8, (y * turn) as u8, 90]));
        picture.save(bench.path().join(name)).unwrap();
    };
    for (name, turn) in [("folder/a.png", 2), ("folder/b.png", 5), ("sky.png", 3)] {
        draw(name, turn);
    }
    let whole = bench.done(&bench.out("whole"), &[]);
    assert_eq!(whole.len(), 4 * 4 * 3);
    // In parts, and gone on with: files are found beside the experiment, wherever it is called from.
    let parts = bench.out("parts");
    bench.done(&parts, &["--shard", "2/2"]);
    assert_same(&bench.done(&parts, &["--shard", "1/2"]), &whole);
    let before = times(&parts);
    bench.done(&parts, &[]);
    assert_eq!(times(&parts), before, "nothing is computed again");
    // Another photograph under the same name makes other runs of what starts from it, or goes towards it.
    draw("folder/b.png", 6);
    let more = bench.done(&bench.out("whole"), &[]).len() - whole.len();
    assert_eq!(more, 2 * 4 * 3, "all of the folder, which is known as one; a.png and the noise are as they were");
    draw("sky.png", 4);
    assert_eq!(bench.done(&bench.out("whole"), &[]).len() - whole.len() - more, 4 * 3, "what goes towards the sky");
    // What units went towards is kept, and named by its content.
    assert_eq!(std::fs::read_dir(bench.out("whole/targets")).unwrap().count(), 2, "both skies");
    assert!(csv(&bench.out("whole")).iter().any(|row| row["unit"].contains("like(_blocks.2, sky#")));
    // From its record and the folder of records a run can be made again, whatever became of the files.
    std::fs::remove_file(bench.path().join("sky.png")).unwrap();
    let towards = json_lines(&bench.out("whole"))
        .into_iter()
        .find(|row| row["method"] == "noise" && row["unit"].as_str().is_some_and(|unit| unit.contains("sky#")));
    let run = bench.out("whole").join("runs").join(towards.unwrap()["run_id"].as_str().unwrap());
    let mut rerun = std::process::Command::new(env!("CARGO_BIN_EXE_metapicture"));
    let output = rerun.args(["rerun", "--threads", "1"]).arg(run).current_dir(bench.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("same"), "{output:?}");
}

#[test]
fn photographs_are_those_of_the_zoo_whatever_a_folder_is_called() {
    support::files("photos");
    let bench = Bench::new(
        "units: ['strongest(_blocks.14, 2)']\nmethods: [{ preset: naive, steps: 1 }]\ncompare: { reference: photos }\n",
    );
    let out = bench.out("out");
    std::fs::create_dir(bench.out("photos")).unwrap();
    let mut sweep = bench.command(&out, &[]);
    let Output { status, stderr, .. } = sweep.current_dir(bench.path()).output().unwrap();
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
    bench.write(&format!("{text}compare: {{ witnesses: [./wider.yaml] }}\n"));
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
        assert_eq!(record["witnesses"][0]["classifier"], "wider");
    }
}
