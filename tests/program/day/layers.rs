//! Whole layers, on sheets that show all of them.

use std::collections::BTreeSet;
use std::path::Path;

use super::{desk, refused, run, said};

const ONE_STEP: [&str; 8] =
    ["visualize", "--classifier", "./narrow.yaml", "--method", "naive", "--steps", "1", "--threads=1"];

fn units(at: &Path, out: &str) -> BTreeSet<String> {
    let mut table = csv::Reader::from_path(at.join(out).join("results.csv")).unwrap();
    let column = table.headers().unwrap().iter().position(|name| name == "unit").unwrap();
    table.records().map(|row| row.unwrap()[column].to_owned()).collect()
}

#[test]
fn visualize_takes_the_patterns_of_experiment_files() {
    let folder = desk();
    let at = folder.path();
    said(at, &[&ONE_STEP[..], &["--out", "range", "--unit", "_blocks.3:0..2", "class:5..6"]].concat());
    let range: Vec<String> = units(at, "range").into_iter().collect();
    assert!(range.len() == 5 && range.contains(&"_blocks.3:2".to_owned()), "{range:?}");
    said(at, &[&ONE_STEP[..], &["--out", "all", "--unit", "_blocks.3:*"]].concat());
    let all = units(at, "all");
    assert!(all.len() >= 8 && all.iter().all(|unit| unit.starts_with("_blocks.3:")), "{all:?}");
    said(at, &[&ONE_STEP[..], &["--out", "whole", "--unit", "layer:_blocks.*"]].concat());
    assert_eq!(units(at, "whole").len(), 16);
    support::files("photos");
    said(at, &[&ONE_STEP[..], &["--out", "strongest", "--unit", "strongest(_blocks.3, 2)"]].concat());
    assert_eq!(units(at, "strongest").len(), 2);
    for (unit, complaint) in [
        ("_blocks.99:*", "no layer '_blocks.99'"),
        ("_blocks.3:0..9999", "channel"),
        ("nothing.*:3", "no layer that fits 'nothing.*'"),
        ("class:9..0", "ends before it"),
    ] {
        let error = refused(at, &[&ONE_STEP[..], &["--out", "wrong", "--unit", unit]].concat());
        assert!(error.contains(complaint), "{error}");
    }
}

#[test]
fn a_sheet_of_many_units_is_a_grid_and_no_unit_vanishes() {
    let folder = desk();
    let at = folder.path();
    let more = ["--out", "many", "--unit", "_blocks.3:*", "_blocks.5:*", "class:0..41"];
    said(at, &[&ONE_STEP[..], &more].concat());
    let count = units(at, "many").len();
    assert!(count > 40, "{count}");
    // One picture beside another, not one beneath another.
    let sheet = image::open(at.join("many/sheet.png")).unwrap();
    assert!(sheet.width() > 6 * 224 && sheet.height() < 2 * sheet.width(), "{} x {}", sheet.width(), sheet.height());
    let told = said(at, &["sheet", "many", "--group", "layer", "--caption", "scored,size", "--out", "grouped.png"]);
    assert!(told.contains("cells") && at.join("grouped.png").exists(), "{told}");
    said(at, &["sheet", "many", "--out", "print.pdf", "--side", "96"]);
    let pdf = std::fs::read(at.join("print.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 10_000);
    let error = refused(at, &["sheet", "many", "--caption", "scord"]);
    assert!(error.contains("--caption: no column 'scord'; did you mean 'scored'?"), "{error}");
}

#[test]
fn whatever_has_several_values_is_a_column_of_the_sheet() {
    let folder = desk();
    let at = folder.path();
    let text = "name: swept\nclassifier: ./narrow.yaml\ngenerators: [null, ./faces.yaml]\nunits: ['class:1', 'class:2']\nmethods:\n  \
                - { preset: naive, steps: 1 }\n  - { preset: latent, steps: 1, param: { latent: { screen: 1, starts: 1 } } }\nseeds: 2\nsweep:\n  \
                methods.naive.optimizer.sgd.lr: [1, 2]\n";
    std::fs::write(at.join("swept.yaml"), text).unwrap();
    let output = run(at, &["sweep", "swept.yaml", "--out", "swept", "--threads", "1"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document = said(at, &["sheet", "swept", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let columns: Vec<&str> =
        document["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    // Two step sizes and the prior's one, each with two seeds; a generator says nothing that the method does not.
    assert_eq!(columns.len(), 6, "{columns:?}");
    assert!(
        columns.iter().any(|name| name.contains("naive") && name.contains("lr 2") && name.contains("seed 1")),
        "{columns:?}"
    );
    let hidden = said(at, &["sheet", "swept", "--cols", "method", "--json"]);
    let hidden: serde_json::Value = serde_json::from_str(&hidden).unwrap();
    assert_eq!(hidden["columns"].as_array().unwrap().len(), 2);
}

#[test]
fn classes_are_found_by_a_part_of_their_names_and_by_kind() {
    let folder = desk();
    let at = folder.path();
    let fences = said(at, &["models", "classes", "./narrow.yaml", "fence"]);
    assert!(
        fences.lines().count() == 4 && fences.contains(" 825  stone wall") && fences.contains(" 489  chainlink fence"),
        "{fences}"
    );
    let persons = said(at, &["models", "classes", "./narrow.yaml", "person", "--json"]);
    let persons: serde_json::Value = serde_json::from_str(&persons).unwrap();
    assert_eq!(persons.as_array().unwrap().len(), 3);
    assert_eq!(said(at, &["models", "classes", "./narrow.yaml"]).lines().count(), 1000);
    let error = refused(at, &[&ONE_STEP[..], &["--out", "x", "--unit", "fence"]].concat());
    assert!(error.contains("it is a part of chainlink fence (489), picket fence (716), worm fence (912)"), "{error}");
    let error = refused(at, &["models", "classes", "./narrow.yaml", "qwxz"]);
    assert!(error.contains("no class with 'qwxz' in its name"), "{error}");
}
