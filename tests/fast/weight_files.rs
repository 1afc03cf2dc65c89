//! The real weight files: bit for bit what `torch.load` reads, and never a panic when they are damaged.

#[path = "../../frozen/tests/mutate/mod.rs"]
mod mutate;

use std::time::{Duration, Instant};

use frozen::weights::{WeightFile, Weights};
use mutate::Mutator;
use sha2::{Digest, Sha256};
use support::{files, reference, zoo};
use tch::{Kind, Tensor};
use zoo::Checked;

const FILES: [&str; 5] = ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "face-dcgan", "eye-cdcgan"];

/// The first 16 hexadecimal digits of the sha256 of a tensor's values in row-major order.
fn digest(tensor: &Tensor) -> String {
    let flat = tensor.contiguous().view([-1]);
    let mut bytes = vec![0u8; flat.numel() * flat.kind().elt_size_in_bytes()];
    match flat.kind() {
        Kind::Float => {
            let values = Vec::<f32>::try_from(&flat).unwrap();
            bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        }
        _ => flat.copy_data_u8(&mut bytes, flat.numel()),
    }
    Sha256::digest(&bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn all_five_files_agree_with_torch_load_bit_for_bit() {
    let text = std::fs::read_to_string(reference("weight_digests.json")).unwrap();
    let digests: serde_json::Value = serde_json::from_str(&text).unwrap();
    for name in FILES {
        let expected = &digests[name];
        let Checked { path, sha256, .. } = &files(name)[0];
        assert_eq!(sha256.to_string(), expected["sha256"], "{name}");
        let mut file = WeightFile::open_at(path, expected["under"].as_str()).unwrap();
        let expected = expected["tensors"].as_object().unwrap();
        let entries: Vec<(String, Vec<i64>, Kind)> =
            file.entries().map(|entry| (entry.name.clone(), entry.shape.clone(), entry.kind)).collect();
        assert_eq!(entries.len(), expected.len(), "{name}");
        for (tensor, shape, kind) in entries {
            let kind = if kind == Kind::Float { "f32" } else { "i64" };
            let found = serde_json::json!([kind, shape, digest(&file.tensor(&tensor).unwrap())]);
            assert_eq!(found, expected[&tensor], "{name}: {tensor}");
        }
    }
}

#[test]
fn damaged_copies_of_real_files_give_errors_and_no_panic() {
    for name in FILES {
        let manifest = zoo().manifest(name, None).unwrap();
        let original = std::fs::read(&files(name)[0].path).unwrap();
        for seed in 0..8 {
            let (what, bytes) = Mutator::new(&original, seed).mutate();
            let copy = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(copy.path(), bytes).unwrap();
            let start = Instant::now();
            let loaded = std::panic::catch_unwind(|| Weights::load(copy.path(), &manifest.keys));
            let loaded = loaded.unwrap_or_else(|_| panic!("{name}, seed {seed}: {what}"));
            if let Err(error) = loaded {
                assert!(error.to_string().contains(&copy.path().display().to_string()), "{error}");
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{name}, seed {seed}: {what}");
        }
    }
}

#[test]
fn weights_of_another_network_are_refused_with_what_is_missing_and_what_is_too_much() {
    let face = &files("face-dcgan")[0];
    let weights = Weights::load(&face.path, &["netG_state_dict".to_owned()]).unwrap();
    let config = classifiers::efficientnet_lite::Config { width: 1., depth: 1., resolution: 224 };
    let error = classifiers::efficientnet_lite::network(config, weights).unwrap_err().to_string();
    for part in ["_conv_stem.weight", "[32, 3, 3, 3]", "main.0.weight", "[100, 512, 4, 4]", "more"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}
