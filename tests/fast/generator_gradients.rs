//! Gradients from the pictures of every architecture of generators to its codes and conditions, against central finite
//! differences in f64, with weights from a formula and narrow networks where the architecture allows it. Against PyTorch's
//! autograd they are held in `generators.rs` and `decoders.rs`; TorchScript is in `decoders.rs`.

use frozen::weights::{WeightError, Weights};
use generators::{Built, Generator, biggan, biggan_deep, dcgan, deepsim, pgan, sagan, sngan, stylegan2, taesd, vqgan};
use metapicture::param::{Condition, Latent, LatentSpec, Param, Space};
use metapicture::random::Seed;
use support::differences::check;
use support::formula::{self, Make, taken, tensor_of, weights_of};
use tch::{Device, Kind, Tensor};

/// In f64. What StyleGAN2 multiplies the weights of its mapping by is undone, for they would be next to nothing.
fn generator(make: Make) -> Generator {
    tch::set_num_threads(1);
    let weights = weights_of(&taken(make)).into_iter().map(|(name, values)| {
        let of_mapping = name.starts_with("style.") && values.dim() == 2;
        let values = if of_mapping { values * 300. } else { values };
        (name, values)
    });
    formula::generator(make(Weights::from_tensors(weights)).unwrap()).to(Device::Cpu, Kind::Double)
}

fn latent<'g>(generator: &'g Generator, schedule: &'g frozen::network::Schedule) -> Latent<'g> {
    let condition = (generator.classes() > 0).then_some(Condition::Relaxed);
    Latent::new(generator, schedule, &LatentSpec::in_space(Space::Gaussian), condition, &[(Seed(1), 0)])
}

/// A sum of the pictures with weights of both signs.
fn weighted(pictures: &Tensor) -> (f64, Tensor) {
    let weights = tensor_of(&pictures.size(), 54321, |u| 2. * u - 1.).to_kind(Kind::Double);
    ((pictures * &weights).sum(Kind::Double).double_value(&[]), weights)
}

/// Checks the gradients with respect to a code and, if there is one, to the numbers behind its relaxed condition.
fn check_generator(what: &str, make: Make) {
    let generator = generator(make);
    let schedule = generator.schedule();
    let mut code = latent(&generator, &schedule);
    let pictures = code.pictures();
    assert!(pictures.std(false).double_value(&[]) > 1e-3, "{what}: the picture is of one colour");
    let gradients = code.pullback(&weighted(&pictures).1);
    assert_eq!(gradients.len(), 1 + usize::from(generator.classes() > 0), "{what}");
    for (number, gradient) in gradients.iter().enumerate() {
        let start = code.tensors()[number].copy();
        check(&format!("{what}, tensor {number}"), gradient, |moved| {
            code.tensors()[number].copy_(&(&start + moved));
            let value = weighted(&code.pictures()).0;
            code.tensors()[number].copy_(&start);
            value
        });
    }
}

macro_rules! gradients {
    ($($test:ident: $what:literal, $make:expr;)*) => {
        $(
            #[test]
            fn $test() {
                let make: fn(Weights) -> Result<Built, WeightError> = $make;
                check_generator($what, &make);
            }
        )*
    };
}

/// As narrow as it goes.
const BIGGAN: biggan::Config = biggan::Config {
    resolution: 128,
    layout: biggan::Layout::BigganPytorch,
    ch: 8,
    dim_z: 120,
    shared_dim: 16,
    truncation: None,
};

const SNGAN: sngan::Config = sngan::Config {
    resolution: 128,
    layout: sngan::Layout::Studiogan,
    latent: 32,
    width: 8,
    classes: vec![],
    eps: None,
    normalized_conditions: true,
    bgr: false,
};

fn of_dcgan(channels: i64, classes: &[&str], weights: Weights) -> Result<Built, WeightError> {
    let classes = classes.iter().map(|&class| class.to_owned()).collect();
    let config = dcgan::Config { latent: 20, width: 8, channels, resolution: 32, classes, dropout_after_first: false };
    dcgan::build(config, weights)
}

fn of_stylegan2(code: stylegan2::Space, weights: Weights) -> Result<Built, WeightError> {
    let config = stylegan2::Config {
        resolution: 32,
        code,
        truncation: 1.,
        latent: 48,
        channel_multiplier: 2,
        channels: 40,
        mapping: 3,
    };
    stylegan2::build(config, weights, None)
}

fn of_vqgan(quantized: bool, weights: Weights) -> Result<Built, WeightError> {
    vqgan::build(vqgan::Config { codes: 50, quantized, resolution: 32, width: 32 }, weights)
}

gradients! {
    dcgan: "dcgan", |weights| of_dcgan(3, &[], weights);
    dcgan_of_classes: "dcgan with classes", |weights| of_dcgan(3, &["cat", "dog", "fish"], weights);
    dcgan_in_grey: "dcgan in grey", |weights| of_dcgan(1, &[], weights);
    biggan_deep: "biggan-deep", |weights| {
        biggan_deep::build(biggan_deep::Config { resolution: 128, truncation: 0.4, width: 8 }, weights)
    };
    biggan_in_the_layout_of_biggan_pytorch: "biggan", |weights| biggan::build(BIGGAN, weights);
    biggan_in_the_layout_of_studiogan: "biggan, studiogan", |weights| {
        biggan::build(biggan::Config { layout: biggan::Layout::Studiogan, ..BIGGAN }, weights)
    };
    sngan: "sngan", |weights| sngan::build(SNGAN, weights);
    sagan: "sagan", |weights| sagan::build(SNGAN, weights);
    sagan_in_the_layout_of_openmmlab: "sagan, openmmlab", |weights| {
        sagan::build(sngan::Config { layout: sngan::Layout::Openmmlab, ..SNGAN }, weights)
    };
    pgan: "pgan", |weights| pgan::build(pgan::Config { latent: 64, depths: vec![64, 48, 32, 16], classes: 0 }, weights);
    stylegan2_of_z: "stylegan2, z", |weights| of_stylegan2(stylegan2::Space::Z, weights);
    stylegan2_of_w: "stylegan2, w", |weights| of_stylegan2(stylegan2::Space::W, weights);
    stylegan2_of_a_style_each: "stylegan2, w+", |weights| of_stylegan2(stylegan2::Space::WPlus, weights);
    vqgan_continuous: "vqgan", |weights| of_vqgan(false, weights);
    taesd_plain: "taesd", |weights| {
        taesd::build(taesd::Config { channels: 4, pooled: false, resolution: 32 }, weights)
    };
    taesd_pooled: "taesd, pooled", |weights| {
        taesd::build(taesd::Config { channels: 32, pooled: true, resolution: 32 }, weights)
    };
    // The fully connected ones differ before 8 px only, and are slow in 64 bits.
    deepsim_of_pool5: "deepsim, pool5", |weights| {
        deepsim::build(deepsim::Config { code: deepsim::Layer::Pool5 }, weights)
    };
}

#[test]
fn the_gradient_of_a_quantized_vqgan_is_that_of_the_decoder_at_the_nearest_codes_passed_straight_through() {
    let [quantized, continuous] = [true, false].map(|quantized| generator(&|weights| of_vqgan(quantized, weights)));
    let schedule = quantized.schedule();
    let mut code = latent(&quantized, &schedule);
    let pictures = code.pictures();
    let gradient = code.pullback(&weighted(&pictures).1).remove(0);
    // The picture is a step function of the code: its true gradient is zero, and what is given is this one.
    let point = quantized.network.tap("quantize").unwrap().point;
    let of_quantized = quantized.network.schedule(&[point]);
    let pass = quantized.network.forward(&of_quantized, &code.tensors()[0]);
    let nearest = pass.activation(point);
    assert!((nearest - &code.tensors()[0]).abs().max().double_value(&[]) > 0.1);
    assert_eq!(continuous.pictures(nearest), pictures);
    check("vqgan, quantized", &gradient, |moved| weighted(&continuous.pictures(&(nearest + moved))).0);
}
