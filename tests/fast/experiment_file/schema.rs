//! The schema accepts what the program accepts, and refuses what it refuses.

use super::files::{load_with, with};
use metapicture::experiment_file::schema;
use metapicture::method::Method;
use serde_json::{Value, json};
use std::path::Path;

/// Whether the schema accepts a document.
pub(super) fn accepts(document: &Value) -> bool {
    jsonschema::draft202012::new(&schema()).unwrap().is_valid(document)
}

pub(super) fn json_of(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn the_schema_is_one_and_accepts_what_the_program_accepts() {
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let valid = |document: &Value, what: &str| {
        let errors: Vec<String> =
            validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{what}: {errors:?}");
    };
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            valid(&json_of(&std::fs::read_to_string(&path).unwrap()), path.to_str().unwrap());
        }
    }
    let document = |method: Value| {
        let mut document = json_of(&with(""));
        document["methods"] = json!([method]);
        document
    };
    for preset in Method::presets() {
        valid(&document(json!(preset.name)), &preset.name);
        valid(&document(json!({ "preset": preset.name, "steps": 3 })), &preset.name);
        // Spelled out, and all of it as overrides.
        let mut spelled_out: Value = serde_yaml::from_str(&preset.to_yaml().unwrap()).unwrap();
        valid(&document(spelled_out.clone()), &preset.name);
        spelled_out["preset"] = json!(preset.name);
        valid(&document(spelled_out), &preset.name);
    }
    for text in [
        with("methods: [{ preset: latent, name: l, size: 64, param: { latent: { screen: 10 } } }]\n"),
        with("methods: [./mine.yaml, { file: mine, optimizer: { sgd: { lr: { from: 1, to: 0 } } } }]\n"),
        "extends: base.yaml\n".to_owned(),
        "extends: base.yaml\ngenerators: [null, { name: eye-cdcgan, class: 3 }]\nseeds: [1, '3..4']\n\
            device: [cpu, 'cuda:1']\n"
            .to_owned(),
        with(
            "methods: [latent]\n\
            sweep: { methods.latent.steps: [1], zip: [{ size: [8, 9], seeds: { linspace: [1, 2, 2] } }] }\n",
        ),
    ] {
        valid(&json_of(&text), &text);
    }
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let good = with("methods:\n  - latent\n  - { preset: naive, steps: 3 }\nseeds: 2\nsweep: { size: [64] }\n");
    assert!(accepts(&json_of(&good)));
    for (from, to) in [
        ("name: x\n", ""),
        ("classifier:", "clasifier:"),
        ("-lite0", "-lite9"),
        ("classifier: efficientnet-lite0\n", "classifiers: []\n"),
        ("classifier: efficientnet-lite0\n", "classifier: vgg16\nclassifiers: [vgg16]\n"),
        ("generator: face-dcgan", "generator: { nme: x }"),
        ("generator: face-dcgan", "generator: vgg16"),
        ("[banana]", "[]"),
        ("[banana]", "[{ class: 3 }]"),
        ("- latent", "- latnet"),
        ("preset: naive", "preset: naiv"),
        ("preset: naive", "name: own"),
        ("steps: 3", "stpes: 3"),
        ("steps: 3", "steps: 0"),
        ("steps: 3", "steps: x"),
        ("steps: 3", "param: { pixel: { nose: 1 } }"),
        ("steps: 3", "param: { pixel: {}, fourier: {} }"),
        ("steps: 3", "optimizer: { adem: { lr: 1 } }"),
        ("steps: 3", "transforms: [{ jitter: {} }]"),
        ("steps: 3", "keep: all"),
        ("seeds: 2", "seeds: 0"),
        ("seeds: 2", "seeds: [a]"),
        ("seeds: 2", "device: gpu"),
        ("seeds: 2", "compare: { witness: a }"),
        ("size: [64]", "siz: [64]"),
        ("size: [64]", "size: 64"),
        ("size: [64]", "size: { linspace: [1, 2] }"),
        ("size: [64]", "batch: [1]"),
    ] {
        assert!(good.contains(from), "{from}");
        let text = good.replacen(from, to, 1);
        assert!(load_with(&text, &[]).is_err(), "the program accepts {to}");
        assert!(!accepts(&json_of(&text)), "the schema accepts {to}");
    }
}
