//! A run again, from its record.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{desk, refused, run, said};

fn runs(at: &Path, out: &str) -> Vec<PathBuf> {
    let mut runs: Vec<PathBuf> =
        std::fs::read_dir(at.join(out).join("runs")).unwrap().map(|run| run.unwrap().path()).collect();
    runs.sort();
    runs
}

#[test]
fn a_run_is_computed_again_from_its_record_and_comes_to_the_same_bytes() {
    let folder = desk();
    let at = folder.path();
    let more = ["--unit", "banana", "_blocks.3:2", "--method", "lucid-2017", "latent", "--steps", "4"];
    let all = [
        "visualize",
        "--classifier",
        "./narrow.yaml",
        "--generator",
        "./faces.yaml",
        "--out",
        "out",
        "--threads",
        "1",
        "--batch",
        "1",
    ];
    said(at, &[&all[..], &more, &["--seeds", "2"]].concat());
    assert_eq!(runs(at, "out").len(), 8);
    // From elsewhere: the record says where its networks' manifests are.
    let elsewhere = tempfile::tempdir().unwrap();
    for one in runs(at, "out") {
        let told = said(elsewhere.path(), &["rerun", one.to_str().unwrap()]);
        assert!(
            told.contains("image.png: the same bytes") && told.contains("state.safetensors: the same bytes"),
            "{told}"
        );
    }
    let one = &runs(at, "out")[0];
    let document = said(at, &["rerun", one.join("record.json").to_str().unwrap(), "--json", "--out", "again"]);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!((&document["same"], &document["same_id"]), (&true.into(), &true.into()));
    assert_eq!(std::fs::read(at.join("again/image.png")).unwrap(), std::fs::read(one.join("image.png")).unwrap());
}

#[test]
fn a_run_that_comes_out_otherwise_says_what_may_be_why() {
    let folder = desk();
    let at = folder.path();
    let all = ["visualize", "--classifier", "./narrow.yaml", "--unit", "banana", "--method", "naive", "--steps", "4"];
    said(at, &[&all[..], &["--out", "out", "--threads", "1"]].concat());
    let one = runs(at, "out").pop().unwrap();
    // As if another version had made it.
    let record = std::fs::read_to_string(one.join("record.json")).unwrap();
    let mut changed: Value = serde_json::from_str(&record).unwrap();
    changed["provenance"]["numeric_version"] = 1.into();
    changed["method_settings"]["optimizer"] = serde_json::json!({ "sgd": { "lr": 0.5 } });
    let bytes = serde_json::to_vec_pretty(&changed).unwrap();
    let listing = std::fs::read_to_string(one.join("files.sha256")).unwrap();
    let digest = metapicture::store::Hash::of(&bytes).to_string();
    let listing: String = listing
        .lines()
        .map(
            |line| if line.ends_with("record.json") { format!("{digest}  record.json\n") } else { format!("{line}\n") },
        )
        .collect();
    std::fs::write(one.join("record.json"), bytes).unwrap();
    std::fs::write(one.join("files.sha256"), listing).unwrap();
    let output = run(at, &["rerun", one.to_str().unwrap()]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told} {}", String::from_utf8_lossy(&output.stderr));
    for words in ["image.png: other bytes", "of 255 levels", "its id is another", "numeric version: 1 then"] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    // Other weights under the same name are refused.
    std::fs::copy(at.join("wider.safetensors"), at.join("narrow.safetensors")).unwrap();
    let manifest = std::fs::read_to_string(at.join("narrow.yaml")).unwrap();
    std::fs::write(at.join("narrow.yaml"), manifest.replace("width: 0.1", "width: 0.2")).unwrap();
    let error = refused(at, &["rerun", one.to_str().unwrap()]);
    assert!(error.contains("was made with other weights"), "{error}");
}

#[test]
fn a_unit_whose_direction_was_a_file_is_read_from_its_records_alone() {
    let folder = desk();
    let at = folder.path();
    support::files("photos");
    let vector: Vec<f32> = (0..8).map(|channel| (channel as f32 - 3.).sin()).collect();
    tch::Tensor::from_slice(&vector).write_npy(at.join("v.npy")).unwrap();
    let unit = "banana + 2*direction(_blocks.3, v.npy)";
    let all = [
        "visualize",
        "--classifier",
        "./narrow.yaml",
        "--unit",
        unit,
        "--method",
        "naive",
        "--steps",
        "2",
        "--out",
        "out",
    ];
    said(at, &[&all[..], &["--threads", "1"]].concat());
    std::fs::remove_file(at.join("v.npy")).unwrap();
    let one = runs(at, "out").pop().unwrap();
    let told = said(at, &["rerun", one.to_str().unwrap()]);
    assert!(told.contains("image.png: the same bytes"), "{told}");
    let words = [
        "compare",
        "out",
        "--out",
        "compared",
        "--witness",
        "./wider.yaml",
        "--reference",
        "photos",
        "--inversions",
        "0",
    ];
    said(
        at,
        &[&words[..], &["--permuted-units", "0", "--manipulated-units", "0", "--replicates", "100", "--quiet"]]
            .concat(),
    );
    assert!(std::fs::read_to_string(at.join("compared/units.csv")).unwrap().contains("v#"));
    // Another vector under that name is none.
    let kept = std::fs::read_dir(at.join("out/directions")).unwrap().next().unwrap().unwrap().path();
    tch::Tensor::from_slice(&vector.iter().map(|x| x * 2.).collect::<Vec<f32>>()).write_npy(&kept).unwrap();
    let error = refused(at, &["rerun", one.to_str().unwrap()]);
    assert!(error.contains("is not the direction that its name says"), "{error}");
}
