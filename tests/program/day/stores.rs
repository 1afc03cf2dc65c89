//! Stores after weeks of work.

use std::path::Path;
use std::time::{Duration, Instant};

use metapicture::store::{NUMERIC_VERSION, Status, Store};
use serde_json::Value;
use support::made_up::{id, record, sealed_with, store_of};

use super::{desk, refused, run, said};

const EXPERIMENT: &str = "name: kept\ndescription: what is kept\nclassifier: ./narrow.yaml\nunits: ['class:1', 'class:2']\nmethods: [{ preset: naive, steps: 1 }]\nseeds: 2\n";

fn json(at: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(at, arguments)).unwrap()
}

/// Runs of an experiment, and of one that was given up.
fn swept(at: &Path) {
    std::fs::write(at.join("kept.yaml"), EXPERIMENT).unwrap();
    std::fs::write(at.join("given-up.yaml"), EXPERIMENT.replace("steps: 1", "steps: 2").replace("kept", "given-up"))
        .unwrap();
    for file in ["given-up.yaml", "kept.yaml"] {
        said(at, &["sweep", file, "--out", "out", "--threads", "1", "--quiet"]);
    }
}

#[test]
fn a_store_tells_what_it_holds_and_what_is_still_part_of_an_experiment() {
    let folder = desk();
    let at = folder.path();
    swept(at);
    let told = said(at, &["store", "list", "out", "--experiment", "kept.yaml"]);
    assert!(
        told.contains("IN FILES") && told.contains("8 runs") && told.contains("4 in none of these experiments"),
        "{told}"
    );
    let held = json(at, &["store", "list", "out", "--experiment", "kept.yaml", "given-up.yaml", "--json"]);
    assert_eq!((&held[0]["holds"]["done"], &held[0]["holds"]["not_wanted"]), (&8.into(), &0.into()));
    assert!(held[0]["holds"]["bytes"].as_u64().unwrap() > 10_000 && held[0]["holds"]["seconds"].as_f64().unwrap() > 0.);
    // A run in words.
    let run = std::fs::read_dir(at.join("out/runs")).unwrap().next().unwrap().unwrap().path();
    let shown = said(at, &["store", "show", run.to_str().unwrap()]);
    for words in ["classifier   narrow", "unit         class:", "image.png", "numeric version", "steps: "] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    let error = refused(at, &["store", "show", "out"]);
    assert!(error.contains("is no run: name DIR/runs/ID"), "{error}");
    let again = json(at, &["store", "show", run.join("record.json").to_str().unwrap(), "--json"]);
    assert_eq!(again["run_id"], run.file_name().unwrap().to_str().unwrap());
}

#[test]
fn pruning_tells_first_and_takes_away_only_what_was_named() {
    let folder = desk();
    let at = folder.path();
    swept(at);
    let told = said(at, &["store", "prune", "out", "--experiment", "kept.yaml"]);
    assert!(told.contains("4 of 8 runs") && told.contains("--yes does it"), "{told}");
    assert_eq!(json(at, &["store", "list", "out", "--json"])[0]["holds"]["done"], 8);
    said(at, &["store", "prune", "out", "--experiment", "kept.yaml", "--yes"]);
    assert_eq!(json(at, &["store", "list", "out", "--experiment", "kept.yaml", "--json"])[0]["holds"]["not_wanted"], 0);
    // What stays is whole, and known without being hashed again.
    assert!(said(at, &["store", "verify", "out"]).contains("4 records are sound"));
    let computed = said(at, &["sweep", "kept.yaml", "--out", "out", "--threads", "1"]);
    assert!(computed.contains("4 runs are done"), "{computed}");
    let output = run(at, &["store", "prune", "out"]);
    assert_eq!(output.status.code(), Some(2), "what is to be pruned must be said");
}

#[test]
fn older_and_failed_runs_are_told_apart_and_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let store = Store::open(&at.join("out")).unwrap();
    let mut older = record(1, Status::Done);
    older.provenance.numeric_version = NUMERIC_VERSION - 1;
    let records = [older, record(2, Status::Failed), record(3, Status::Done)];
    store.write_all(&records.each_ref().map(|record| sealed_with(record, 8))).unwrap();
    drop(store);
    let told = said(at, &["store", "list", "out"]);
    assert!(told.contains("1 of an older numeric version"), "{told}");
    said(at, &["store", "prune", "out", "--older", "--failed", "--yes"]);
    let left = Store::read(&at.join("out")).unwrap();
    assert_eq!(left.ids(), [id(3)]);
}

#[test]
fn one_table_over_many_stores_is_read_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    drop((store_of(&at.join("a"), 5), store_of(&at.join("b"), 7)));
    let of =
        |table: &str, more: &[&str]| said(at, &[&["store", "export", "a", "b", "--table", table][..], more].concat());
    assert!(of("runs.csv", &["--settings"]).contains("7 runs"), "a run that both have is one");
    let mut csv = csv::Reader::from_path(at.join("runs.csv")).unwrap();
    let header = csv.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    assert!(rows.len() == 7 && rows.iter().all(|row| row[column("settings")].contains("\"lr\":0.05")));
    assert!(rows.iter().all(|row| at.join(&row[column("folder")]).join(&row[column("picture")]).exists()));
    assert_eq!(&rows[0][column("seconds")], "0.1875");
    of("runs.jsonl", &[]);
    assert_eq!(std::fs::read_to_string(at.join("runs.jsonl")).unwrap().lines().count(), 7);
    of("runs.parquet", &["--webdataset", "shards"]);
    let bytes = std::fs::read(at.join("runs.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    let listed = std::process::Command::new("tar").args(["-tf", "shards/runs-000000.tar"]).current_dir(at).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    assert!(listed.lines().count() == 14 && listed.contains(&format!("{}.png", id(0))), "{listed}");
    of("runs.csv", &["--pictures", "pictures"]);
    assert_eq!(std::fs::read_dir(at.join("pictures")).unwrap().count(), 7);
    let error = refused(at, &["store", "export", "a", "--table", "runs.xlsx"]);
    assert!(error.contains("ends with .csv, .jsonl or .parquet"), "{error}");
}

#[test]
fn a_parquet_table_has_the_types_of_its_columns() {
    let script = "import sys\ntry:\n    import pyarrow.parquet as pq\nexcept ImportError:\n    sys.exit(77)\n\
                  t = pq.read_table(sys.argv[1])\nprint(t.num_rows, t.schema.field('seed').type, t.schema.field('scored').type, t.schema.field('unit').type, t['unit'][0])";
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    drop(store_of(&at.join("a"), 3));
    said(at, &["store", "export", "a", "--table", "runs.parquet"]);
    let python = std::env::var("METAPICTURE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output =
        std::process::Command::new(python).args(["-c", script, "runs.parquet"]).current_dir(at).output().unwrap();
    if output.status.code() == Some(77) {
        println!("skipped: no pyarrow (METAPICTURE_PYTHON names a Python that has it)");
        return;
    }
    let read = String::from_utf8(output.stdout).unwrap();
    assert!(read.starts_with("3 int64 double string class:"), "{read} {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn records_of_other_folders_come_in_whole_and_damaged_ones_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let damaged = store_of(&at.join("a"), 4);
    std::fs::write(damaged.picture(&id(2)), "no picture").unwrap();
    drop((damaged, store_of(&at.join("b"), 2)));
    let output = run(at, &["store", "import", "all", "a", "b"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("image.png is changed") && told.contains("3 runs came in, 2 were there already"), "{told}");
    assert!(said(at, &["store", "verify", "all"]).contains("3 records are sound"));
    assert!(at.join("a/runs").join(id(2).to_string()).exists(), "it stays where it was");
}

#[test]
fn what_is_not_kept_is_not_there_and_the_record_is_whole_all_the_same() {
    let folder = desk();
    let at = folder.path();
    std::fs::write(at.join("kept.yaml"), format!("{EXPERIMENT}keep: [picture, record]\n")).unwrap();
    said(at, &["sweep", "kept.yaml", "--out", "out", "--threads", "1", "--quiet"]);
    for run in std::fs::read_dir(at.join("out/runs")).unwrap().flatten() {
        let has = |name: &str| run.path().join(name).exists();
        assert!(has("record.json") && has("image.png") && !has("state.safetensors") && !has("trace.csv"));
    }
    assert!(said(at, &["store", "verify", "out"]).contains("4 records are sound"));
    std::fs::write(at.join("kept.yaml"), format!("{EXPERIMENT}keep: [record]\n")).unwrap();
    assert!(refused(at, &["sweep", "kept.yaml", "--out", "out"]).contains("the picture is kept always"));
    std::fs::write(at.join("kept.yaml"), format!("{EXPERIMENT}keep: [picture, stat]\n")).unwrap();
    assert!(refused(at, &["sweep", "kept.yaml", "--out", "out"]).contains("did you mean 'state'?"));
}

#[test]
fn runs_of_a_setting_that_was_given_up_do_not_slip_into_a_comparison() {
    let folder = desk();
    let at = folder.path();
    support::files("photos");
    swept(at);
    let words = [
        "compare",
        "out",
        "--manifest",
        "./narrow.yaml",
        "./wider.yaml",
        "--witness",
        "./wider.yaml",
        "--reference",
        "photos",
    ];
    let less =
        ["--inversions", "0", "--permuted-units", "0", "--manipulated-units", "0", "--replicates", "100", "--json"];
    let of = |out: &str, more: &[&str]| json(at, &[&words[..], &["--out", out], &less, more].concat());
    let methods = |of: &Value| -> Vec<String> {
        let own = of["methods"].as_array().unwrap().iter().filter(|method| method["kind"] == "run");
        own.map(|method| method["label"].as_str().unwrap().to_owned()).collect()
    };
    let all = of("all", &[]);
    assert_eq!(methods(&all), ["naive steps=1", "naive steps=2"]);
    let cautions = std::fs::read_to_string(at.join("all/comparison.json")).unwrap();
    assert!(cautions.contains("2 settings of naive meet here: naive steps=1, naive steps=2"), "it is said");
    assert_eq!(methods(&of("kept", &["--experiment", "kept.yaml"])), ["naive"]);
    let chosen = of("where", &["--where", "steps=2", "seed=1"]);
    assert_eq!(methods(&chosen), ["naive"]);
    let error = refused(at, &[&words[..], &["--out", "none", "--where", "steps=7"]].concat());
    assert!(error.contains("there is no finished run that was chosen in it"), "{error}");
    let error = refused(at, &[&words[..], &["--out", "none", "--where", "steps"]].concat());
    assert!(error.contains("--where: 'steps' is not AXIS=VALUE"), "{error}");
}

#[test]
#[ignore = "a measurement, of some minutes"]
fn what_a_store_of_100_000_runs_takes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let start = Instant::now();
    store_of(&at.join("large"), 100_000);
    println!("made in {:.0?}", start.elapsed());
    for (words, most) in [
        (vec!["store", "list", "large"], 3),
        (vec!["store", "prune", "large", "--older", "--failed", "--dry-run"], 10),
        (vec!["store", "export", "large", "--table", "large.parquet"], 60),
    ] {
        let start = Instant::now();
        said(at, &words);
        println!("{}: {:.2?}", words.join(" "), start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(most), "{words:?}");
    }
}
