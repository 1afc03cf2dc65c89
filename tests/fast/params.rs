//! Parameterizations: pictures against lucent and PyTorch (`tests/reference/make_params.py`), pullbacks against finite
//! differences in f64, and how near each comes to a photograph.

use frozen::resize::Resize;
use metapicture::optimizer::{OptimizerSpec, Ramp, StepSize};
use metapicture::param::{
    Bounds, Colour, Fourier, FourierSpec, Laplacian, LaplacianSpec, Maco, MacoSpec, Param, Pixel, PixelSpec,
};
use metapicture::picture::from_rgb8;
use metapicture::random::{Purpose, Seed, normal, stream};
use support::{largest_difference, photo, reference_tensors};
use tch::{Device, Kind, Tensor};

const COLOURS: [Colour; 3] = [Colour::Imagenet, Colour::Photos, Colour::Rgb];

const LAPLACIAN: LaplacianSpec = LaplacianSpec { levels: 4, noise: 0.01, colour: Colour::Imagenet };

const MACO: MacoSpec = MacoSpec { colour: Colour::Imagenet };

fn fourier(decay: f64, colour: Colour) -> FourierSpec {
    FourierSpec { noise: 0.01, decay, colour }
}

fn reference(name: &str) -> Tensor {
    reference_tensors("params.safetensors")[name].shallow_clone()
}

/// Normal numbers, f64.
fn noise(shape: &[i64], number: u64) -> Tensor {
    let count = shape.iter().product::<i64>() as usize;
    let numbers = normal(&mut stream(Seed(number), Purpose::Start, 0), count);
    Tensor::from_slice(&numbers).to_kind(Kind::Double).view(shape)
}

/// The photograph of an astronaut, `[1,3,side,side]`.
fn astronaut(side: i64) -> Tensor {
    tch::set_num_threads(1);
    let picture = from_rgb8(&photo("astronaut.png")).unsqueeze(0);
    Resize::new([512, 512], [side, side], Kind::Float, Device::Cpu).apply(&picture).contiguous()
}

fn rmse(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).square().mean(Kind::Double).sqrt().double_value(&[])
}

#[test]
fn fourier_pictures_are_lucents() {
    for (name, numbers, size, spec) in [
        ("even.picture", "even.spectrum", [12, 16], fourier(1., Colour::Imagenet)),
        ("odd.picture", "odd.spectrum", [13, 11], fourier(1., Colour::Imagenet)),
        ("steep.picture", "even.spectrum", [12, 16], fourier(1.5, Colour::Rgb)),
    ] {
        let picture = Fourier::of_spectrum(spec, reference(numbers), size).pictures();
        let error = largest_difference(&picture, &reference(name));
        println!("{name}: largest error {error:.1e}");
        assert!(error < 1e-6, "{name}: {error}");
    }
}

#[test]
fn laplacian_pictures_are_pytorchs_enlarged_sums() {
    let spec = LaplacianSpec { levels: 3, ..LAPLACIAN };
    let mut laplacian = Laplacian::new(spec, &[Seed(0), Seed(1)], [13, 18], Kind::Float, Device::Cpu);
    for (name, tensor) in laplacian.state() {
        tensor.shallow_clone().copy_(&reference(name));
    }
    let error = largest_difference(&laplacian.pictures(), &reference("pyramid"));
    println!("largest error {error:.1e}");
    assert!(error < 1e-6, "{error}");
}

/// The derivatives of a fixed linear function of the pictures with respect to each tensor, along random directions.
fn check_pullback(what: &str, param: &mut dyn Param) {
    let tensors = param.tensors();
    // Away from the start, where all is nearly grey and mirror images are as they should be.
    for (i, tensor) in (0..).zip(&tensors) {
        let _ = tensor.shallow_clone().g_add_(&(noise(&tensor.size(), 10 + i) * 0.3));
    }
    let pictures = param.pictures();
    let weights = noise(&pictures.size(), 20);
    let gradients = param.pullback(&weights);
    let mut value = || (param.pictures() * &weights).sum(Kind::Double).double_value(&[]);
    for (i, (tensor, gradient)) in (0..).zip(tensors.iter().zip(&gradients)) {
        assert_eq!(tensor.size(), gradient.size(), "{what}");
        for number in 0..3 {
            let step = noise(&tensor.size(), 30 + 3 * i + number) * 1e-6;
            let mut moved = |by: &Tensor| {
                let _ = tensor.shallow_clone().g_add_(by);
                value()
            };
            let forwards = moved(&step);
            let backwards = moved(&(&step * -2.));
            moved(&step);
            let found = (gradient * &step).sum(Kind::Double).double_value(&[]) / 1e-6;
            let expected = (forwards - backwards) / 2e-6;
            println!("{what}, tensor {i}: {found:.6}, relative error {:.1e}", (found / expected - 1.).abs());
            assert!((found - expected).abs() < 1e-6 * expected.abs(), "{what}, tensor {i}: {found}, not {expected}");
        }
    }
}

#[test]
fn pullbacks_are_the_derivatives_of_finite_differences() {
    let (seeds, kind, cpu) = ([Seed(1), Seed(2)], Kind::Double, Device::Cpu);
    for size in [[8, 10], [7, 9], [6, 5]] {
        for colour in COLOURS {
            let what = |name: &str| format!("{name}, {} x {}, {colour:?}", size[0], size[1]);
            check_pullback(&what("fourier"), &mut Fourier::new(fourier(1., colour), &seeds, size, kind, cpu));
            let spec = LaplacianSpec { colour, ..LAPLACIAN };
            check_pullback(&what("laplacian"), &mut Laplacian::new(spec, &seeds, size, kind, cpu));
            check_pullback(&what("maco"), &mut Maco::new(MacoSpec { colour }, &seeds, size, kind, cpu));
        }
    }
}

/// The root mean square error that `steps` steps of Adam on the squared error lead to.
fn fit(param: &mut dyn Param, photograph: &Tensor, lr: f64, steps: usize) -> f64 {
    let lr = StepSize::Linear(Ramp { from: lr, to: 0. });
    let tensors = param.tensors();
    let mut adam = OptimizerSpec::Adam { lr, beta1: 0.9, beta2: 0.999, weight_decay: 0. }.build(&tensors).unwrap();
    for step in 0..steps {
        let gradient = photograph - param.pictures();
        adam.ascend(&tensors, &param.pullback(&gradient), step, steps);
        param.project();
    }
    rmse(&param.pictures(), photograph)
}

#[test]
fn every_param_can_become_a_photograph() {
    let photograph = astronaut(128);
    let (seeds, size, kind, cpu) = ([Seed(0)], [128, 128], Kind::Float, Device::Cpu);
    let check = |name: &str, param: &mut dyn Param, lr: f64, steps: usize, limit: f64| {
        let error = fit(param, &photograph, lr, steps);
        println!("{name}: root mean square error {error:.4} after {steps} steps");
        assert!(error < limit, "{name}: {error}");
    };
    for scale in [1., 0.5] {
        let spec = PixelSpec { noise: 0.01, bounds: Bounds::Clamp, scale };
        let mut param = Pixel::new(spec, &seeds, size, kind, cpu);
        check(&format!("pixel, scale {scale}"), &mut param, 0.05 / scale, 100, 0.002);
    }
    for colour in COLOURS {
        let mut param = Fourier::new(fourier(1., colour), &seeds, size, kind, cpu);
        check(&format!("fourier, {colour:?}"), &mut param, 0.3, 300, 0.02);
    }
    check("laplacian", &mut Laplacian::new(LAPLACIAN, &seeds, size, kind, cpu), 0.2, 300, 0.02);
}

/// The correlation of two pictures over pixels and channels.
fn correlation(a: &Tensor, b: &Tensor) -> f64 {
    let centred = |x: &Tensor| x - x.mean(Kind::Float);
    let (a, b) = (centred(a), centred(b));
    ((&a * &b).sum(Kind::Double) / (a.norm() * b.norm())).double_value(&[])
}

#[test]
fn maco_can_become_what_its_magnitudes_leave_of_a_photograph() {
    let photograph = astronaut(128);
    let mut of_phases = Maco::from_picture(MACO, &photograph);
    let picture = of_phases.pictures();
    let (with_phases, likeness) = (rmse(&picture, &photograph), correlation(&picture, &photograph));
    println!("with the photograph's phases: root mean square error {with_phases:.4}, correlation {likeness:.3}");
    assert!(with_phases < 0.25 && likeness > 0.7);
    let mut from_noise = Maco::new(MACO, &[Seed(0)], [128, 128], Kind::Float, Device::Cpu);
    let error = fit(&mut from_noise, &photograph, 0.1, 300);
    let likeness = correlation(&from_noise.pictures(), &photograph);
    println!("from noise: root mean square error {error:.4} after 300 steps, correlation {likeness:.3}");
    assert!(error < with_phases * 1.05 && likeness > 0.7);
}

#[test]
fn pictures_come_back_from_where_there_is_an_inverse() {
    for side in [64, 63] {
        let photograph = astronaut(side);
        let levels = (&photograph * 255.).round() / 255.;
        for colour in COLOURS {
            let spec = LaplacianSpec { colour, ..LAPLACIAN };
            let mut params: [(&str, Box<dyn Param>); 2] = [
                ("fourier", Box::new(Fourier::from_picture(fourier(1., colour), &levels))),
                ("laplacian", Box::new(Laplacian::from_picture(spec, &levels))),
            ];
            for (name, param) in &mut params {
                let pictures = param.pictures();
                let error = largest_difference(&pictures, &levels);
                println!("{name} {side}, {colour:?}: largest error {error:.1e}");
                assert!(error < 1.01e-3, "{name}: {error}");
                assert!((pictures * 255.).round().equal(&(&levels * 255.).round()), "{name}: other 8-bit levels");
            }
        }
    }
}

/// Two of one kind, which are to be compared.
type Two = (&'static str, Box<dyn Param>, Box<dyn Param>);

#[test]
fn a_resized_param_shows_the_same_picture_in_the_same_place() {
    let photograph = astronaut(64);
    let spec = fourier(1., Colour::Imagenet);
    let mut params: [Two; 2] = {
        let fourier = Fourier::from_picture(spec, &photograph).resized([96, 80]);
        let laplacian = Laplacian::from_picture(LAPLACIAN, &photograph).resized([96, 80]);
        [
            ("fourier", Box::new(fourier.resized([64, 64])), Box::new(fourier)),
            ("laplacian", Box::new(laplacian.resized([64, 64])), Box::new(laplacian)),
        ]
    };
    let expected = Resize::new([64, 64], [96, 80], Kind::Float, Device::Cpu).apply(&photograph);
    for (name, back, larger) in &mut params {
        assert_eq!(larger.size(), [96, 80]);
        let pictures = larger.pictures();
        let error = rmse(&pictures, &expected);
        // Moved by a pixel to either side: if it lay off the middle, one of these would be the smaller one.
        let [left, right] =
            [(0, 1), (1, 0)].map(|(here, there)| rmse(&pictures.narrow(3, here, 79), &expected.narrow(3, there, 79)));
        let again = rmse(&back.pictures(), &photograph);
        println!("{name}: larger {error:.4}, moved {left:.4} and {right:.4}, and back {again:.5}");
        assert!(error < 0.05 && error < left / 2., "{name}: {error}, {left}");
        assert!((left / right - 1.).abs() < 0.05, "{name}: {left}, {right}");
        assert!(again < if *name == "fourier" { 1e-3 } else { 0.04 }, "{name}: {again}");
    }
}

/// The spectrum of what comes before the colours of a picture.
fn spectrum(picture: &Tensor, colour: Colour) -> Tensor {
    colour.decorrelate(&picture.logit(None)).fft_rfft2(None::<&[i64]>, [-2i64, -1], "ortho")
}

#[test]
fn maco_keeps_its_magnitudes_whatever_the_phases() {
    for (size, colour) in [([16, 20], Colour::Imagenet), ([15, 17], Colour::Photos), ([16, 16], Colour::Rgb)] {
        let mut maco = Maco::new(MacoSpec { colour }, &[Seed(3), Seed(4)], size, Kind::Double, Device::Cpu);
        let phase = &maco.tensors()[0];
        let _ = phase.shallow_clone().g_add_(&noise(&phase.size(), 5));
        let picture = maco.pictures();
        let found = spectrum(&picture, colour).abs();
        let error = largest_difference(&found, &maco.magnitude().expand_as(&found));
        let channels = colour.decorrelate(&picture.logit(None)).flatten(1, -1);
        let deviation = channels.std_dim(1, false, false);
        println!("{size:?}: largest error of a magnitude {error:.1e}");
        assert!(error < 1e-10, "{error}");
        assert!(largest_difference(&deviation, &deviation.ones_like()) < 1e-10);
    }
}

#[test]
fn maco_has_the_magnitudes_of_photographs_at_every_octave_of_every_channel() {
    const SIDE: i64 = 256;
    let names =
        ["astronaut.png", "chelsea.png", "china.jpg", "coffee.png", "flower.jpg", "motorcycle_left.png", "rocket.jpg"];
    let window = Tensor::hann_window_periodic(SIDE, false, (Kind::Double, Device::Cpu));
    let window = window.unsqueeze(1) * &window;
    let magnitudes = names.map(|name| {
        let picture = from_rgb8(&photo(name)).to_kind(Kind::Double).unsqueeze(0);
        let (top, left) = ((picture.size()[2] - SIDE) / 2, (picture.size()[3] - SIDE) / 2);
        let picture = picture.narrow(2, top, SIDE).narrow(3, left, SIDE).clamp(1e-3, 1. - 1e-3);
        let channels = MACO.colour.decorrelate(&picture.logit(None));
        let channels = &channels - channels.mean_dim([2i64, 3].as_slice(), true, None::<Kind>);
        (channels * &window).fft_rfft2(None::<&[i64]>, [-2i64, -1], "ortho").abs()
    });
    let found = Tensor::cat(&magnitudes, 0).mean_dim(0i64, true, None::<Kind>);
    let maco = Maco::new(MACO, &[Seed(0)], [SIDE, SIDE], Kind::Double, Device::Cpu).magnitude();

    let rows = Tensor::fft_fftfreq(SIDE, 1., (Kind::Double, Device::Cpu)).unsqueeze(1);
    let columns = Tensor::fft_rfftfreq(SIDE, 1., (Kind::Double, Device::Cpu));
    let frequency = (rows.square() + columns.square()).sqrt();
    let mut ratios = vec![];
    for octave in 0..6 {
        let low = 2f64.powi(octave - 7);
        let ring = frequency.ge(low).logical_and(&frequency.lt(2. * low));
        for channel in 0..3 {
            let mean = |magnitudes: &Tensor| {
                magnitudes.get(0).get(channel).masked_select(&ring).mean(Kind::Double).double_value(&[])
            };
            ratios.push(mean(&found) / mean(&maco));
        }
    }
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    let worst = ratios.iter().map(|ratio| (ratio / mean).ln().abs()).fold(0., f64::max);
    println!("ratios to MACO's, up to a constant: {:.2?}", ratios.iter().map(|r| r / mean).collect::<Vec<_>>());
    assert!(worst < 0.3, "{worst}");
}

#[test]
fn maco_takes_the_phases_of_a_photograph() {
    let photograph = astronaut(64).to_kind(Kind::Double).clamp(0.01, 0.99);
    let mut maco = Maco::from_picture(MACO, &photograph);
    let picture = maco.pictures();
    let error = rmse(&picture, &photograph);
    // Of unit numbers exp(i phase): 1 where they agree.
    let unit = |spectrum: Tensor| &spectrum / spectrum.abs();
    let agreement = (unit(spectrum(&picture, MACO.colour)) * unit(spectrum(&photograph, MACO.colour)).conj()).real();
    // Four coefficients of a channel are their own mirror images and have no phase but a sign.
    for (row, column) in [(0, 0), (0, 32), (32, 0), (32, 32)] {
        let _ = agreement.narrow(2, row, 1).narrow(3, column, 1).fill_(1.);
    }
    let lowest = agreement.min().double_value(&[]);
    println!("root mean square error {error:.4}, lowest cosine of a phase's error {lowest:.9}");
    assert!(lowest > 1. - 1e-9, "{lowest}");
}

#[test]
fn a_start_depends_on_its_own_seed_alone() {
    let (two, one, kind, cpu) = ([Seed(8), Seed(9)], [Seed(9)], Kind::Float, Device::Cpu);
    let size = [24, 20];
    let spec = fourier(1., Colour::Imagenet);
    let mut params: [Two; 3] = [
        (
            "fourier",
            Box::new(Fourier::new(spec, &two, size, kind, cpu)),
            Box::new(Fourier::new(spec, &one, size, kind, cpu)),
        ),
        (
            "laplacian",
            Box::new(Laplacian::new(LAPLACIAN, &two, size, kind, cpu)),
            Box::new(Laplacian::new(LAPLACIAN, &one, size, kind, cpu)),
        ),
        ("maco", Box::new(Maco::new(MACO, &two, size, kind, cpu)), Box::new(Maco::new(MACO, &one, size, kind, cpu))),
    ];
    for (name, both, alone) in &mut params {
        for (both, alone) in both.tensors().iter().zip(alone.tensors()) {
            assert!(both.narrow(0, 1, 1).equal(&alone) && !both.narrow(0, 0, 1).equal(&alone), "{name}");
        }
        let difference = largest_difference(&both.pictures().narrow(0, 1, 1), &alone.pictures());
        println!("{name}: largest difference of the pictures {difference:.1e}");
        assert!(difference < 1e-6, "{name}: {difference}");
    }
}

#[test]
fn colours_come_back() {
    let channels = noise(&[2, 3, 4, 4], 0);
    for colour in COLOURS {
        let error = largest_difference(&colour.decorrelate(&colour.recorrelate(&channels)), &channels);
        assert!(error < 1e-12, "{colour:?}: {error}");
    }
}
