//! Tensors by the formula that the scripts of `tests/reference` share, and the numbers that they keep of others.

use std::collections::BTreeMap;

use frozen::weights::{Fault, WeightError, Weights};
use generators::{Built, Generator};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// The script's `hashed`.
pub fn hashed(index: u32, start: u32) -> u32 {
    let mut h = index.wrapping_mul(2_654_435_761).wrapping_add(start);
    h ^= h >> 16;
    h = h.wrapping_mul(2_246_822_519);
    h ^= h >> 13;
    h = h.wrapping_mul(3_266_489_917);
    h ^ (h >> 16)
}

/// `count` numbers in [0,1), as `value` takes them to others.
pub fn tensor_of(shape: &[i64], start: u32, value: impl Fn(f64) -> f64) -> Tensor {
    let count = shape.iter().product::<i64>() as u32;
    let values: Vec<f32> =
        (0..count).map(|i| value(f64::from(hashed(i, start) >> 8) / f64::from(1 << 24)) as f32).collect();
    Tensor::from_slice(&values).view(shape)
}

/// FNV-1a.
pub fn start_of(name: &str) -> u32 {
    name.bytes().fold(2_166_136_261, |h, byte| (h ^ u32::from(byte)).wrapping_mul(16_777_619))
}

/// The script's `tensor`.
pub fn formula(name: &str, shape: &[i64]) -> Tensor {
    if name.ends_with("num_batches_tracked") {
        return Tensor::zeros(shape, (Kind::Int64, Device::Cpu));
    }
    let start = start_of(name);
    let ends = |with: &[&str]| with.iter().any(|end| name.ends_with(end));
    if ends(&["running_var", "running_vars", "stored_var"]) {
        tensor_of(shape, start, |u| 0.5 + u)
    } else if ends(&["running_mean", "running_means", "stored_mean", "bias"]) {
        tensor_of(shape, start, |u| 0.2 * (u - 0.5))
    } else if shape.len() == 1 {
        tensor_of(shape, start, |u| 0.8 + 0.4 * u)
    } else {
        let scale = (6. / shape.iter().skip(1).product::<i64>() as f64).sqrt();
        tensor_of(shape, start, |u| scale * (2. * u - 1.))
    }
}

/// The script's 16 places, and the values there.
pub fn chosen(values: &Tensor) -> Vec<f64> {
    let flat = values.contiguous().view([-1]).to_kind(Kind::Double);
    (0..16).map(|i| flat.double_value(&[i64::from(hashed(i, 777)) % flat.numel() as i64])).collect()
}

/// Mean, deviation, 16 values.
pub fn numbers(values: &Tensor) -> Vec<f64> {
    let doubles = values.to_kind(Kind::Double);
    let mut numbers = vec![doubles.mean(None::<Kind>).double_value(&[]), doubles.std(false).double_value(&[])];
    numbers.extend(chosen(values));
    numbers
}

/// Largest difference, relative to the largest expected number.
pub fn error(found: &[f64], expected: &Value) -> f64 {
    let expected: Vec<f64> = expected.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0., |largest: f64, value| largest.max(value.abs()));
    let differences = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
    differences.fold(0., f64::max) / largest
}

/// Name and shape of every tensor of the state_dict.
pub fn shapes(fixture: &Value) -> BTreeMap<String, Vec<i64>> {
    let shape = |shape: &Value| shape.as_array().unwrap().iter().map(|size| size.as_i64().unwrap()).collect();
    fixture["tensors"].as_object().unwrap().iter().map(|(name, sizes)| (name.clone(), shape(sizes))).collect()
}

/// The error of a gradient: of its norm, and of 16 values.
pub fn of_gradient(gradient: &Tensor, case: &Value) -> f64 {
    let expected = case["gradient"].as_array().unwrap();
    let norm = gradient.to_kind(Kind::Double).norm().double_value(&[]);
    let of_norm = (norm / expected[0].as_f64().unwrap() - 1.).abs();
    error(&chosen(gradient), &Value::from(expected[1..].to_vec())).max(of_norm)
}

/// Zeros of the shapes that a network takes, without memory of their own.
pub fn hollow(shapes: &BTreeMap<String, Vec<i64>>) -> BTreeMap<String, Tensor> {
    let zero = Tensor::zeros([0i64; 0], (Kind::Float, Device::Cpu));
    shapes.iter().map(|(name, shape)| (name.clone(), zero.expand(&shape[..], false))).collect()
}

/// Shapes by the tensors' names.
pub type Shapes = BTreeMap<String, Vec<i64>>;

/// A network with a configuration already.
pub type Make<'m> = &'m dyn Fn(Weights) -> Result<Built, WeightError>;

/// What a network takes.
pub fn taken(make: Make) -> Shapes {
    let Fault::Misfit(misfit) = make(Weights::from_tensors([])).unwrap_err().fault else { panic!("no misfit") };
    let count = misfit.missing.len();
    let shapes: Shapes = misfit.missing.into_iter().collect();
    assert_eq!(shapes.len(), count, "a tensor is taken twice");
    shapes
}

/// The `weights_of` of `make_generators.py`: by the formula, and with the vectors of spectral norms that belong to them.
pub fn weights_of(shapes: &Shapes) -> BTreeMap<String, Tensor> {
    let mut tensors: BTreeMap<String, Tensor> =
        shapes.iter().map(|(name, shape)| (name.clone(), formula(name, shape))).collect();
    for name in shapes.keys() {
        let Some(root) = name.strip_suffix("orig") else { continue };
        let matrix = tensors[name].to_kind(Kind::Double).flatten(1, -1);
        let v = matrix.transpose(0, 1).mv(&tensors[&format!("{root}u")].to_kind(Kind::Double));
        let v = &v / v.norm();
        let u = matrix.mv(&v);
        let u = &u / u.norm();
        tensors.insert(format!("{root}u"), u.to_kind(Kind::Float));
        tensors.insert(format!("{root}v"), v.to_kind(Kind::Float));
    }
    tensors
}

/// A generator that was built of such weights.
pub fn generator(built: Built) -> Generator {
    let Built { network, code, mapping, conditioning, output, size } = built;
    Generator {
        name: "formula".to_owned(),
        network,
        code,
        mapping,
        statistics: None,
        conditioning,
        output,
        size,
        weights_sha256: String::new(),
        definition: serde_json::Value::Null,
    }
}
