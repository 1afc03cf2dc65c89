//! What decides what a model computes enters the identity of every run, so its JSON keeps its bytes: it is compared with the
//! JSON of the YAML that the manifest's text holds.

use std::fs;
use std::path::Path;

use zoo::{Kind, Manifest};

use crate::fixtures::LITE0;

/// The definition as YAML holds it, as JSON.
fn from_yaml(text: &str) -> String {
    let manifest: serde_yaml::Mapping = serde_yaml::from_str(text).unwrap();
    let mut definition = serde_yaml::Mapping::new();
    let of = |key: &str| manifest.get(key).cloned();
    let key = of("weights").and_then(|weights| weights.get("key").cloned());
    definition.insert("architecture".into(), of("architecture").unwrap_or_default());
    definition.insert("key".into(), key.unwrap_or_default());
    definition.insert("config".into(), of("config").unwrap_or_else(|| serde_yaml::Mapping::new().into()));
    serde_json::to_string(&definition).unwrap()
}

#[test]
fn the_definition_of_every_built_in_model_is_the_json_of_its_yaml() {
    let mut count = 0;
    for folder in ["../classifiers/zoo", "../generators/zoo", "../src/reference/zoo"] {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let manifest = Manifest::parse("mine.yaml", &text, None).unwrap();
            if manifest.kind != Kind::Images {
                // What tensors are called is no part of what earlier records hold.
                let mut definition = manifest.definition();
                let renames = definition.as_object_mut().and_then(|fields| fields.shift_remove("rename"));
                assert_eq!(renames.is_some(), !manifest.rename.is_empty());
                assert_eq!(definition.to_string(), from_yaml(&text));
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn keys_stay_in_their_order_and_numbers_print_as_they_did() {
    let config = "config: {z: 1, a: 1.0, b: 1e-5, c: 1e30, d: -0.0, e: 0x10, f: 18446744073709551615, g: -7, h: 0.1, \
                  i: [1, 2.5, x, ~], j: {y: true, b: '1'}, k: .nan, l: .inf, 3: three, true: yes}\n";
    let text = LITE0.replace("config:\n  width: 1.0\n  depth: 1.0\n  resolution: 224\n", config);
    assert!(text.contains(config));
    let manifest = Manifest::parse("mine.yaml", &text, None).unwrap();
    assert_eq!(manifest.definition().to_string(), from_yaml(&text));
    assert!(manifest.definition().to_string().contains(r#"{"z":1,"a":1.0,"b":0.00001,"#), "{}", manifest.definition());
}

#[test]
fn a_key_that_is_no_word_is_refused_with_its_line() {
    let text = LITE0.replace("  width: 1.0", "  [a, b]: 1.0");
    let error = Manifest::parse("mine.yaml", &text, None).unwrap_err().to_string();
    assert_eq!(error, "mine.yaml:5:1: key must be a string");
}
