//! Files of Keras and of Caffe.

use frozen::weights::{WeightFile, Weights};
use tch::{Kind, Tensor};

use super::file;

/// What `make_others.py` writes: eighths from -3 on.
fn ramp(shape: &[i64]) -> Tensor {
    let count = shape.iter().product::<i64>();
    (Tensor::arange(count, (Kind::Float, tch::Device::Cpu)) / 8. - 3.).reshape(shape)
}

#[test]
fn keras_files_give_kernels_in_pytorchs_order() {
    let tensors = WeightFile::open(&file("keras.h5")).unwrap().read_all().unwrap();
    let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
    assert_eq!(names, ["conv1.bias", "conv1.kernel", "dense.kernel"]);
    assert_eq!(tensors["conv1.kernel"], ramp(&[3, 3, 2, 4]).permute([3, 2, 0, 1]));
    assert_eq!(tensors["conv1.bias"], ramp(&[4]));
    assert_eq!(tensors["dense.kernel"], ramp(&[4, 5]).transpose(0, 1));
    // A whole model, with chunks that are shuffled and deflated; texts and the optimizer's counters are no weights of a layer.
    let tensors = WeightFile::open(&file("keras_model.h5")).unwrap().read_all().unwrap();
    assert_eq!(tensors["dw.depthwise_kernel"], ramp(&[3, 3, 4, 1]).permute([2, 3, 0, 1]));
    assert_eq!(tensors["dw.bias"].to_kind(Kind::Float), ramp(&[4]));
    assert_eq!(tensors.len(), 3, "{:?}", tensors.keys());
}

#[test]
fn caffemodels_of_both_ages_give_the_same_tensors() {
    for name in ["caffe.caffemodel", "caffe_v1.caffemodel"] {
        let mut weights = Weights::load(&file(name), &[]).unwrap();
        assert_eq!(weights.take("conv1/7x7.weight", &[4, 2, 3, 3]), ramp(&[4, 2, 3, 3]), "{name}");
        assert_eq!(weights.take("conv1/7x7.bias", &[4]), ramp(&[4]), "{name}");
        assert_eq!(weights.take("fc.weight", &[5, 4]), ramp(&[5, 4]), "{name}");
        assert_eq!(weights.take("fc.bias", &[5]), ramp(&[5]), "{name}");
        weights.finish().unwrap();
    }
}

#[test]
fn a_prefix_of_all_names_is_taken_off_and_said() {
    let named = |prefix: &str| ["a.weight", "b.weight"].map(|name| (format!("{prefix}{name}"), ramp(&[2])));
    let path = tempfile::tempdir().unwrap().keep().join("prefixed.safetensors");
    Tensor::write_safetensors(&named("module._orig_mod."), &path).unwrap();
    let mut weights = Weights::load(&path, &[]).unwrap();
    let _ = weights.take("a.weight", &[2]);
    let _ = weights.take("b.weight", &[2]);
    assert_eq!(
        weights.finish().unwrap(),
        ["all names of the file begin with 'module._orig_mod.', which was taken off"]
    );
    // Not where a network has such names itself.
    Tensor::write_safetensors(&named("model."), &path).unwrap();
    let mut weights = Weights::load(&path, &[]).unwrap();
    let _ = weights.take("model.a.weight", &[2]);
    let _ = weights.take("model.b.weight", &[2]);
    assert!(weights.finish().unwrap().is_empty());
}
