//! Records of runs that nobody computed, to fill a store with.

use std::collections::BTreeMap;
use std::path::Path;

use metapicture::random::Seed;
use metapicture::render::{Passes, Row};
use metapicture::store::{
    ActivationField, Leaves, NUMERIC_VERSION, Provenance, Record, RunId, SCHEMA_VERSION, Status, Timing, UnitField,
};
use metapicture::store::{Sealed, Store};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tch::Tensor;

/// The id of the run of this number.
pub fn id(number: u64) -> RunId {
    RunId::of(&json!({ "number": number }).to_string())
}

/// A record of a run that nobody computed; a function of its number.
pub fn record(number: u64, status: Status) -> Record {
    let done = status == Status::Done;
    Record {
        schema_version: SCHEMA_VERSION,
        run_id: id(number),
        status,
        error: (!done).then(|| "out of memory".to_owned()),
        classifier: "efficientnet-lite0".to_owned(),
        generator: None,
        condition: None,
        method: "naive".to_owned(),
        method_settings: json!({ "steps": 50, "optimizer": { "adam": { "lr": 0.05 } } }),
        unit: UnitField {
            name: format!("class:{number}"),
            layer: Some("logits".to_owned()),
            index: Some(number as i64),
            position: None,
            label: Some("banana, or \"plantain\"".to_owned()),
            terms: json!([]),
        },
        seed: Seed(number),
        facet: 0,
        steps: 50,
        passes: Some(Passes { forward: 50, backward: 50 }),
        size: 8,
        generator_size: None,
        activation: ActivationField {
            initial: Some(0.1 + number as f64 / 3.),
            last: Some((number as f64).sqrt()),
            best: Some((number as f64).ln_1p()),
            scored: done.then(|| (number as f64 + 0.3).exp2().recip()),
        },
        probability: done.then(|| 1. / (3. + number as f64)),
        witnesses: vec![],
        revival: None,
        started_from: None,
        stop: "steps".to_owned(),
        provenance: Provenance {
            version: "0.1.0".to_owned(),
            numeric_version: NUMERIC_VERSION,
            libtorch: "2.13.0".to_owned(),
            device: "cpu".to_owned(),
            dtype: "f32".to_owned(),
            threads: 1,
            batch: 8,
            weights_sha256: BTreeMap::new(),
            definitions: BTreeMap::new(),
            host_arch: "x86_64".to_owned(),
        },
    }
}

/// Its files, with a picture of this side.
pub fn sealed_with(record: &Record, side: u32) -> Sealed {
    let mut random = ChaCha8Rng::seed_from_u64(record.seed.0);
    let picture = image::RgbImage::from_fn(side, side, |_, _| image::Rgb(random.random::<[u8; 3]>()));
    let values: Vec<f32> = (0..3 * side * side).map(|_| random.random()).collect();
    let state = [("picture", Tensor::from_slice(&values))];
    let trace: Vec<Row> = (0..51)
        .map(|step| Row {
            step,
            loss: 1. / step as f64,
            activation: step as f64,
            penalties: vec![],
            gradient_norm: Some(0.5),
        })
        .collect();
    let leaves = Leaves {
        record,
        cut_out: None,
        picture: (record.status == Status::Done).then_some(&picture),
        state: Some(&state),
        trace: Some(&trace),
        regularizers: &[],
        timing: &Timing { batch_seconds: 1.5, batch: 8 },
    };
    leaves.seal().unwrap()
}

/// The files of a done run, with a picture of 8 px.
pub fn sealed(number: u64) -> Sealed {
    sealed_with(&record(number, Status::Done), 8)
}

/// A store of so many done runs, from number 0.
pub fn store_of(root: &Path, count: u64) -> Store {
    let store = Store::open(root).unwrap();
    store.write_all(&(0..count).map(sealed).collect::<Vec<_>>()).unwrap();
    store
}
