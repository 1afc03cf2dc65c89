//! Optimizers against PyTorch's over 50 steps (`tests/reference/make_optimizers.py`), and what they promise.

use metapicture::optimizer::{GradientNorm, OptimizerSpec, StepSize};
use support::reference_tensors;
use tch::{Kind, Tensor};

const STEPS: usize = 50;

/// The gradient of the script's -f: what is climbed there is what PyTorch descends.
fn upwards(x: &Tensor) -> Tensor {
    let weights = Tensor::arange_start(1, 7, (Kind::Double, x.device()));
    let mut gradient = weights * x - (x * 3.).sin() * 3.;
    let excess = x.narrow(1, 1, 5) - x.narrow(1, 0, 5).square();
    let _ = gradient.narrow(1, 1, 5).g_add_(&(&excess * 2.));
    let _ = gradient.narrow(1, 0, 5).g_sub_(&(&excess * x.narrow(1, 0, 5) * 4.));
    gradient.neg_()
}

/// Where `spec`, in YAML, comes to from the script's start.
fn after_50_steps(spec: &str) -> Tensor {
    let x = reference_tensors("optimizers.safetensors")["start"].copy();
    let mut optimizer = parse(spec).build(&[x.shallow_clone()]).unwrap();
    for step in 0..STEPS {
        optimizer.ascend(&[x.shallow_clone()], &[upwards(&x)], step, STEPS);
    }
    x
}

fn parse(spec: &str) -> OptimizerSpec {
    serde_yaml::with::singleton_map::deserialize(serde_yaml::Deserializer::from_str(spec)).unwrap()
}

#[test]
fn sgd_and_adam_are_pytorchs() {
    let made = reference_tensors("optimizers.safetensors");
    for (name, spec) in [
        ("sgd", "sgd: { lr: 0.02 }"),
        ("sgd.momentum", "sgd: { lr: 0.01, momentum: 0.9 }"),
        ("sgd.dampening", "sgd: { lr: 0.02, momentum: 0.8, dampening: 0.5 }"),
        ("sgd.nesterov", "sgd: { lr: 0.01, momentum: 0.9, nesterov: true }"),
        ("sgd.decay", "sgd: { lr: 0.01, momentum: 0.9, weight_decay: 0.3 }"),
        ("adam", "adam: { lr: 0.05 }"),
        ("adam.decay", "adam: { lr: 0.05, beta1: 0.8, beta2: 0.99, weight_decay: 0.3 }"),
    ] {
        let error = ((after_50_steps(spec) - &made[name]) / &made[name]).abs().max().double_value(&[]);
        println!("{name}: largest relative error {error:.1e}");
        assert!(error < 1e-9, "{name}: {error}");
    }
}

#[test]
fn a_normalized_step_has_the_size_it_says_whatever_the_gradients() {
    let gradient = Tensor::from_slice(&[3f64, -4., 0., 0., 1e-6, 2e-6, -1e-6, 4e-6]).view([2, 1, 2, 2]);
    for (norm, size) in [
        (GradientNorm::MeanAbs, (|step: &Tensor| step.abs().mean(Kind::Double)) as fn(&Tensor) -> Tensor),
        (GradientNorm::Rms, |step| step.square().mean(Kind::Double).sqrt()),
        (GradientNorm::Std, |step| step.std(false)),
        (GradientNorm::L2, |step| step.norm()),
    ] {
        let x = gradient.zeros_like();
        let spec = OptimizerSpec::NormalizedSgd { lr: StepSize::Constant(0.25), norm };
        spec.build(&[x.shallow_clone()]).unwrap().ascend(&[x.shallow_clone()], &[gradient.copy()], 0, 1);
        for sample in 0..2 {
            let step = size(&x.get(sample)).double_value(&[]);
            assert!((step - 0.25).abs() < 1e-12, "{norm:?}, sample {sample}: {step}");
        }
    }
}

#[test]
fn no_gradient_is_no_step() {
    for norm in ["mean_abs", "rms", "std", "l2"] {
        let x = Tensor::ones([1, 4], (Kind::Float, tch::Device::Cpu));
        let mut optimizer =
            parse(&format!("normalized_sgd: {{ lr: 1.0, norm: {norm} }}")).build(&[x.shallow_clone()]).unwrap();
        optimizer.ascend(&[x.shallow_clone()], &[x.zeros_like()], 0, 1);
        assert!(x.equal(&x.ones_like()), "{norm}");
    }
}

#[test]
fn momentum_can_be_kept_and_restored() {
    let spec = parse("sgd: { lr: 0.01, momentum: 0.9, dampening: 0.2 }");
    let start = reference_tensors("optimizers.safetensors")["start"].copy();
    let climb = |optimizer: &mut dyn metapicture::optimizer::Optimizer, x: &Tensor, steps: std::ops::Range<usize>| {
        steps.for_each(|step| optimizer.ascend(&[x.shallow_clone()], &[upwards(x)], step, 20));
    };
    let whole = start.copy();
    climb(&mut *spec.build(&[whole.shallow_clone()]).unwrap(), &whole, 0..20);

    let parted = start.copy();
    let mut first = spec.build(&[parted.shallow_clone()]).unwrap();
    climb(&mut *first, &parted, 0..10);
    let mut second = spec.build(&[parted.shallow_clone()]).unwrap();
    for (new, old) in second.state().iter().zip(first.state()) {
        new.shallow_clone().copy_(&old);
    }
    climb(&mut *second, &parted, 10..20);
    assert!(parted.equal(&whole));
}

#[test]
fn settings_that_cannot_work_are_refused_and_earlier_ones_are_written_as_before() {
    let error = |spec: &str| parse(spec).check().unwrap_err().to_string();
    assert!(error("sgd: { lr: 1, nesterov: true }").contains("nesterov"));
    assert!(error("sgd: { lr: 1, momentum: 1.0 }").contains("momentum"));
    assert!(error("adam: { lr: 1, weight_decay: -1 }").contains("weight_decay"));
    assert!(parse("sgd: { lr: 1, momentum: 0.9, nesterov: true }").check().is_ok());
    let json = |spec: &str| serde_json::to_string(&parse(spec)).unwrap();
    assert_eq!(json("adam: { lr: 0.1 }"), r#"{"adam":{"lr":0.1,"beta1":0.9,"beta2":0.999}}"#);
    assert_eq!(json("normalized_sgd: { lr: 0.1 }"), r#"{"normalized_sgd":{"lr":0.1}}"#);
}
