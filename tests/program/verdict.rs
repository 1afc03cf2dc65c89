//! The script that reads the decisive experiment, on results of which it is known what they say.

use std::path::Path;
use std::process::Command;

use metapicture::store::Hash;
use serde_json::{Value, json};
use tempfile::TempDir;

const RULES: &str =
    r#"{"targets": ["a", "b"], "gain": 0.05, "same": 0.05, "nothing": 0.55, "legible": "natural", "naive": "raw"}"#;

/// How right strangers and the target are about an arm's pictures.
type Arm = (&'static str, f64, f64);

/// Strangers gain, and the target loses, along a dial, too.
const EXCHANGE: [Arm; 5] = [
    ("raw", 0.55, 0.9),
    ("natural", 0.7, 0.7),
    ("wide eps=0", 0.68, 0.72),
    ("wide eps=0.01", 0.62, 0.8),
    ("wide eps=0.1", 0.57, 0.88),
];

/// A folder as `compare` leaves it, of one target and fifty units.
fn leave(folder: &Path, target: &str, arms: &[Arm]) {
    std::fs::create_dir_all(folder).unwrap();
    let methods: Vec<Value> = arms.iter().map(|(label, ..)| json!({ "label": label, "kind": "run" })).collect();
    let on_dial = arms.iter().enumerate().filter(|(_, (label, ..))| label.starts_with("wide"));
    let dial: Vec<Value> = on_dial.zip([0., 0.01, 0.1]).map(|((place, _), eps)| json!([place, eps])).collect();
    let comparison = json!({
        "target": { "name": target },
        "methods": methods,
        "dials": [{ "name": "wide: eps", "methods": dial, "void": null }],
        "settings": { "registered": { "file": "registered.yaml", "sha256": Hash::of(RULES.as_bytes()).to_string() } },
    });
    std::fs::write(folder.join("comparison.json"), comparison.to_string()).unwrap();
    let mut rows = "method,unit,observer,family,kinship,hard,easy,predicts,transfer\n".to_owned();
    for (label, strangers, own) in arms {
        for unit in 0..50 {
            // Units differ, methods and observers do so a little of their own.
            let of = |observer: u32| f64::from((unit * 37 + observer * 11 + label.len() as u32 * 5) % 21) / 20. - 0.5;
            let unit_part = (f64::from(unit % 10) - 4.5) * 0.01;
            for (observer, family, kinship, value) in [
                ("target", "EfficientNet", "own", *own),
                ("one", "Inception", "foreign", *strangers),
                ("two", "SqueezeNet", "foreign", *strangers),
                ("kin", "EfficientNet", "kin", 0.99),
            ] {
                let value = value + unit_part + 0.03 * of(observer.len() as u32);
                rows += &format!("{label},class:{unit},{observer},{family},{kinship},{value},,,\n");
            }
        }
    }
    std::fs::write(folder.join("observers.csv"), rows).unwrap();
}

/// What the script says of two targets.
fn verdict(targets: [&[Arm]; 2]) -> Value {
    let folder = TempDir::new().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/price/verdict.py");
    std::fs::copy(script, folder.path().join("verdict.py")).unwrap();
    std::fs::write(folder.path().join("registered.yaml"), RULES).unwrap();
    for (name, arms) in ["a", "b"].into_iter().zip(targets) {
        leave(&folder.path().join(name), name, arms);
    }
    let output = Command::new("python3").current_dir(folder.path()).args(["verdict.py", "a", "b"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_exchange_in_both_targets_supports_the_sentence_and_in_one_does_not() {
    let both = verdict([&EXCHANGE, &EXCHANGE]);
    assert!(both["says"].as_str().unwrap().starts_with("supports the sentence"), "{both}");
    let falls = &both["tests"][0]["T3 along dials"];
    assert!(
        falls["value"].as_f64().unwrap() < 0. && falls["least p"].as_f64().unwrap() > 0.05,
        "3 settings of one dial: {falls}"
    );
    assert!(both["says"].as_str().unwrap().contains("along the dials this is not shown"), "{both}");
    let mut kept = EXCHANGE;
    kept.iter_mut().for_each(|arm| arm.2 = 0.9);
    let one = verdict([&EXCHANGE, &kept]);
    assert!(one["says"].as_str().unwrap().starts_with("neither"), "{one}");
    let none = verdict([&kept, &kept]);
    assert!(none["says"].as_str().unwrap().starts_with("refutes the sentence"), "{none}");
}

#[test]
fn noise_that_tells_the_target_nothing_refutes_the_premise_and_no_gain_says_nothing() {
    let mut nothing = EXCHANGE;
    nothing[0].2 = 0.5;
    let premise = verdict([&nothing, &nothing]);
    assert!(premise["says"].as_str().unwrap().starts_with("refutes the premise"), "{premise}");
    let mut blind = EXCHANGE;
    blind.iter_mut().for_each(|arm| arm.1 = 0.55);
    let neither = verdict([&blind, &blind]);
    assert!(neither["says"].as_str().unwrap().starts_with("neither: strangers can tell no more"), "{neither}");
}

#[test]
fn results_that_were_read_by_other_rules_are_refused() {
    let folder = TempDir::new().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/price/verdict.py");
    std::fs::copy(script, folder.path().join("verdict.py")).unwrap();
    std::fs::write(folder.path().join("registered.yaml"), RULES.replace("0.55", "0.56")).unwrap();
    leave(&folder.path().join("a"), "a", &EXCHANGE);
    let output = Command::new("python3").current_dir(folder.path()).args(["verdict.py", "a"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("another registration"), "{error}");
    // One target, or one twice, is not both.
    std::fs::write(folder.path().join("registered.yaml"), RULES).unwrap();
    for targets in [&["a"][..], &["a", "a"], &[]] {
        let output =
            Command::new("python3").current_dir(folder.path()).arg("verdict.py").args(targets).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains("must be a, b"), "{targets:?}: {error}");
    }
}
