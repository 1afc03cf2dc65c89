//! Folders of photographs: ranked by units, classified in a stream.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use tch::{Device, Kind, Tensor};

use super::{desk, refused, run, said};

/// So many pictures in folders, and two that are none.
fn photographs(at: &Path, count: u32) {
    super::photographs(&at.join("photographs"), count);
    std::fs::write(at.join("photographs/0/broken.png"), "no picture").unwrap();
    std::fs::write(at.join("photographs/1/empty.jpg"), "").unwrap();
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let mut table = csv::Reader::from_path(path).unwrap();
    table.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn photographs_are_ranked_by_what_fires_a_unit_and_broken_ones_are_named() {
    let folder = desk();
    let at = folder.path();
    photographs(at, 40);
    let words = [
        "rank",
        "--classifier",
        "./narrow.yaml",
        "--unit",
        "banana",
        "_blocks.3:1",
        "--out",
        "ranked",
        "photographs",
        "--threads",
        "1",
    ];
    let output = run(at, &words);
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && warned.contains("broken.png") && warned.contains("empty.jpg"), "{warned}");
    let ranked = rows(&at.join("ranked/rank.csv"));
    assert_eq!(ranked.len(), 80);
    for unit in ranked.chunks(40) {
        let activations: Vec<f64> = unit.iter().map(|row| row[2].parse().unwrap()).collect();
        assert!(activations.is_sorted_by(|a, b| a >= b), "{activations:?}");
        assert_eq!((unit[0][1].as_str(), unit[39][1].as_str()), ("1", "40"));
    }
    assert!(image::open(at.join("ranked/sheet.png")).unwrap().width() > 18 * 128);
    // The logit is what `classify` says.
    let first = &ranked[0];
    let told = said(
        at,
        &["classify", "--classifier", "./narrow.yaml", "--json", "--top", "1000", "--threads", "1", &first[3]],
    );
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let banana =
        told[0]["top"].as_array().unwrap().iter().find(|of| of["class"] == 954).unwrap()["logit"].as_f64().unwrap();
    assert!((banana - first[2].parse::<f64>().unwrap()).abs() < 1e-5, "{banana} {first:?}");
    let document = said(at, &[&words[..], &["--json", "--top", "2"]].concat());
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["units"][0]["most"][0]["file"], ranked[0][3].as_str());
    assert_eq!(document["units"][0]["least"][1]["file"], ranked[39][3].as_str());
}

#[test]
fn folders_are_classified_in_a_stream_and_written_as_csv() {
    let folder = desk();
    let at = folder.path();
    photographs(at, 40);
    let words = [
        "classify",
        "--classifier",
        "./narrow.yaml",
        "photographs",
        "--csv",
        "classes.csv",
        "--top",
        "3",
        "--threads",
        "1",
    ];
    let output = run(at, &words);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains("40 pictures are in classes.csv"), "{told}");
    let classes = rows(&at.join("classes.csv"));
    assert_eq!(classes.len(), 120);
    let alone = said(
        at,
        &["classify", "--classifier", "./narrow.yaml", "--json", "--top", "3", "--threads", "1", &classes[3][0]],
    );
    let alone: serde_json::Value = serde_json::from_str(&alone).unwrap();
    for (place, row) in classes[3..6].iter().enumerate() {
        let of = &alone[0]["top"][place];
        assert_eq!(of["class"].as_u64().unwrap().to_string(), row[2]);
        assert!((of["logit"].as_f64().unwrap() - row[5].parse::<f64>().unwrap()).abs() < 1e-5);
    }
    let error = refused(at, &["classify", "--classifier", "./narrow.yaml", "photographs/0/broken.png"]);
    assert!(error.contains("broken.png"), "{error}");
    std::fs::create_dir(at.join("nothing")).unwrap();
    let error = refused(at, &["classify", "--classifier", "./narrow.yaml", "nothing"]);
    assert!(error.contains("there are no pictures in it"), "{error}");
}

#[test]
#[ignore = "a measurement; METAPICTURE_PHOTOGRAPHS names a folder of photographs"]
fn what_photographs_take_beside_the_networks_own_time() {
    let Some(folder) = std::env::var_os("METAPICTURE_PHOTOGRAPHS") else {
        println!("skipped: METAPICTURE_PHOTOGRAPHS names no folder");
        return;
    };
    let classifier = support::classifier("efficientnet-lite0");
    tch::set_num_threads(2);
    let input = Tensor::rand([16, 3, 224, 224], (Kind::Float, Device::Cpu));
    let point = classifier.network.tap("logits").unwrap().point;
    let schedule = classifier.network.schedule(&[point]).forward_only();
    let forward = |batches: usize| {
        let start = Instant::now();
        for _ in 0..batches {
            let _ = classifier.network.forward(&schedule, &input).activation(point).double_value(&[0, 0]);
        }
        start.elapsed().as_secs_f64() / (16 * batches) as f64
    };
    forward(3);
    let at = tempfile::tempdir().unwrap();
    let mut ratios = vec![];
    // In turns.
    for _ in 0..3 {
        let own = forward(40);
        let start = Instant::now();
        let words =
            ["classify", "--classifier", "efficientnet-lite0", folder.to_str().unwrap(), "--csv", "c.csv", "--quiet"];
        said(at.path(), &words);
        let took = start.elapsed().as_secs_f64();
        // A row each of the classes that come first.
        let files: BTreeSet<String> = rows(&at.path().join("c.csv")).into_iter().map(|mut row| row.remove(0)).collect();
        let took = took / files.len() as f64;
        println!("{:.2} ms a photograph, {:.2} ms of them a forward pass", took * 1e3, own * 1e3);
        ratios.push(took / own);
    }
    ratios.sort_by(f64::total_cmp);
    println!("{:.2} times the network's own time (median of 3)", ratios[1]);
}
