//! The published searches for codes: DGN-AM and PPGN against their loops written with PyTorch's layers, with weights from a formula
//! (`tests/reference/make_searches.py` made the numbers); BigGAN-AM, limits, and what a search refuses.

use classifiers::{Classifier, class_names};
use frozen::weights::Weights;
use generators::{Generator, Prior, deepsim, stylegan2, taesd, torchscript};
use metapicture::look::judge;
use metapicture::method::{Method, ParamSpec};
use metapicture::param::{Embedding, Latent, LatentSpec, Limits, LimitsFile, Param, Range, Space};
use metapicture::picture::to_rgb8;
use metapicture::random::Seed;
use metapicture::render::{Batch, EncoderNetwork, Rendered, render};
use metapicture::unit::{LayerShapes, Reading, Unit};
use serde_json::Value;
use support::formula::{self, formula, shapes};
use support::narrow;
use support::{classifier, generator, reference, reference_tensors};
use tch::{Device, Kind, Tensor};

/// Bell pepper.
const CLASS: &str = "class:945";

/// The weights that a fixture of the decoders lists, by the formula.
fn weights(name: &str) -> Weights {
    let text = std::fs::read_to_string(reference(&format!("decoders/{name}.json"))).unwrap();
    let fixture: Value = serde_json::from_str(&text).unwrap();
    Weights::from_tensors(shapes(&fixture).into_iter().map(|(name, shape)| {
        let values = formula(&name, &shape);
        (name, values)
    }))
}

fn deepsim_fc6() -> Generator {
    let built = deepsim::build(deepsim::Config { code: deepsim::Layer::Fc6 }, weights("deepsim-fc6")).unwrap();
    formula::generator(built).to(Device::Cpu, Kind::Double)
}

fn caffenet() -> Classifier {
    let classifier = Classifier {
        name: "caffenet".to_owned(),
        network: classifiers::caffenet::network(weights("caffenet")).unwrap(),
        classes: 1000,
        size: classifiers::caffenet::RESOLUTION,
        mean: classifiers::caffenet::MEAN,
        std: classifiers::caffenet::STD,
        names: classifiers::Names::ImageNet,
        independent: false,
        weights_sha256: String::new(),
        definition: serde_json::Value::Null,
        family: None,
    };
    classifier.to(Device::Cpu, Kind::Double)
}

fn run(classifier: &Classifier, generator: &Generator, method: &Method, unit: &str, seeds: &[u64]) -> Vec<Rendered> {
    let shapes = LayerShapes::measure(classifier);
    let unit = Unit::parse(unit, classifier, &shapes).unwrap();
    let runs: Vec<(Unit, Seed)> = seeds.iter().map(|&seed| (unit.clone(), Seed(seed))).collect();
    let batch = Batch {
        classifier,
        shapes: &shapes,
        generator: Some(generator),
        condition: None,
        encoder: Some(EncoderNetwork::Classifier(classifier)),
        photographs: None,
        method,
        size: None,
        runs: &runs,
    };
    render(&batch, &|_: usize, _: usize, _: f64| {}).unwrap()
}

/// A preset with so many steps, the step sizes of its first ones.
fn first_steps(name: &str, steps: usize) -> Method {
    let method = Method::find(name).unwrap();
    let yaml = method.to_yaml().unwrap();
    // DGN-AM's step falls linearly over its 200.
    let last = 8. * (1. - (steps as f64 - 1.) / 200.);
    let yaml = yaml
        .replace("to: 0.08", &format!("to: {last}"))
        .replace(&format!("steps: {}", method.steps), &format!("steps: {steps}"));
    Method::parse(&yaml, name).unwrap()
}

fn state(rendered: &Rendered, name: &str) -> Tensor {
    rendered.state.iter().find(|(found, _)| *found == name).unwrap().1.shallow_clone()
}

#[test]
fn dgn_am_and_ppgn_are_the_published_loops() {
    let expected = reference_tensors("searches.safetensors");
    let (classifier, generator) = (caffenet(), deepsim_fc6());
    for name in ["dgn-am", "ppgn"] {
        for steps in [1, 6] {
            let rendered = run(&classifier, &generator, &first_steps(name, steps), CLASS, &[0]);
            let (found, expected) = (state(&rendered[0], "code"), expected[name].get(steps as i64 - 1));
            let off = (&found - &expected).abs().max().double_value(&[]) / expected.abs().max().double_value(&[]);
            println!("{name}, step {steps}: largest error {off:.1e} of the largest number");
            assert!(off < 1e-5, "{name}, step {steps}: {off}");
            let high = if name == "ppgn" { 30. } else { 0.99 * 12. };
            let inside = found.gt(0.).logical_and(&found.lt(high - 1e-3)).to_kind(Kind::Double);
            assert!(inside.mean(None::<Kind>).double_value(&[]) > 0.1, "{name}: hardly a number is between its limits");
            assert_eq!(rendered[0].passes.backward, steps);
        }
    }
}

#[test]
#[ignore = "writes what make_searches.py starts from"]
fn starts() {
    let generator = deepsim_fc6();
    let schedule = generator.schedule();
    let ParamSpec::Latent(spec) = Method::find("dgn-am").unwrap().param else { panic!("dgn-am searches codes") };
    let latent = Latent::new(&generator, &schedule, &spec, None, &[(Seed(0), 0)]);
    let start = latent.tensors()[0].get(0).to_kind(Kind::Float);
    Tensor::write_safetensors(&[("start", start)], "starts.safetensors").unwrap();
}

#[test]
fn biggan_am_changes_the_embedding_alone_and_ascends() {
    let (classifier, generator) = (classifier("efficientnet-lite0"), generator("eye-cdcgan"));
    // The decay is for BigGAN's embeddings; here it outweighs what a class of this small generator can do for the unit.
    let yaml = Method::find("biggan-am").unwrap().to_yaml().unwrap();
    assert!(yaml.contains("weight_decay: 0.9"));
    let mut method = Method::parse(
        &yaml.replace("weight_decay: 0.9", "weight_decay: 0.01").replace("lr: 0.1", "lr: 0.03"),
        "biggan-am",
    )
    .unwrap();
    let ParamSpec::Embedding(spec) = &mut method.param else { panic!("biggan-am searches embeddings") };
    (spec.codes, spec.every, method.steps) = (4, 100, 24);
    method.objective = Reading::Activation;
    let schedule = generator.schedule();
    let spec = *spec;
    let mut start = Embedding::new(&generator, &schedule, spec, &[Seed(3)]).unwrap();
    // A step within the first hundred sees the same codes, the next hundred others.
    let mut pictures = |step: usize| {
        start.begin(step);
        start.pictures()
    };
    assert_eq!(pictures(0), pictures(99));
    assert_ne!(pictures(0), pictures(100));
    let rendered = run(&classifier, &generator, &method, "class:banana", &[3]).remove(0);
    let (before, after) = (start.state()[1].1.get(0), state(&rendered, "embedding"));
    assert!((&after - &before).abs().max().double_value(&[]) > 0.05, "{before:?} {after:?}");
    assert!(after.min().double_value(&[]) >= 0. && after.max().double_value(&[]) <= 1., "{after:?}");
    // The code of the picture that is kept is the seed's own draw, which the search never sees.
    let spec = LatentSpec::in_space(Space::Gaussian);
    let draw = Latent::new(&generator, &schedule, &spec, None, &[(Seed(3), 0)]).tensors()[0].get(0);
    assert_eq!(state(&rendered, "code"), draw);
    let picture = generator.pictures(&generator.input_with(&draw.unsqueeze(0), &after.unsqueeze(0)));
    assert_eq!(picture.get(0), rendered.picture);
    let mean = |rows: &[metapicture::render::Row]| rows.iter().map(|row| -row.loss).sum::<f64>() / rows.len() as f64;
    let (first, last) = (mean(&rendered.trace[..1]), mean(&rendered.trace[18..24]));
    println!("activation {first:.2} at first, {last:.2} at last");
    assert!(last > first + 0.5, "{first} {last}");
    assert_eq!(rendered.passes.forward, 4 * 25);
}

#[test]
fn codes_stay_within_the_limits_of_their_dimensions() {
    let generator = generator("face-dcgan");
    let schedule = generator.schedule();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.txt");
    let numbers: Vec<f64> = (0..200).map(|i| if i < 100 { -0.1 } else { 0.01 * f64::from(i - 99) }).collect();
    std::fs::write(&path, numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")).unwrap();
    let of_file = Limits::File(LimitsFile::read(&path).unwrap());
    let high = |limits: Limits| {
        let spec = LatentSpec::in_space(Space::Bounded(limits));
        let mut latent = Latent::new(&generator, &schedule, &spec, None, &[(Seed(0), 0)]);
        let code = latent.tensors().remove(0);
        let _ = code.shallow_clone().fill_(50.);
        latent.project();
        let high = code.copy();
        let _ = code.shallow_clone().fill_(-50.);
        latent.project();
        (code.get(0), high.get(0))
    };
    let (low, top) = high(Limits::Range(Range { low: -1., high: 2. }));
    assert!(low.eq(-1.).all().int64_value(&[]) == 1 && top.eq(2.).all().int64_value(&[]) == 1);
    let (low, top) = high(of_file);
    assert!((low.double_value(&[7]) + 0.1).abs() < 1e-6 && (top.double_value(&[7]) - 0.08).abs() < 1e-6);
    // Of 4096 draws of a standard normal number.
    let (low, top) = high(Limits::Deviations(2.));
    let off = (top - 2.).abs().max().double_value(&[]).max((low + 2.).abs().max().double_value(&[]));
    assert!(off > 0. && off < 0.15, "{off}");
}

/// A small StyleGAN2 whose codes are w, or one of them for each layer.
fn stylegan2_of(code: stylegan2::Space) -> Generator {
    let config = stylegan2::Config {
        resolution: 32,
        code,
        truncation: 1.,
        latent: 48,
        channel_multiplier: 2,
        channels: 40,
        mapping: 3,
    };
    let text = std::fs::read_to_string(reference("decoders/stylegan2.json")).unwrap();
    let fixture: Value = serde_json::from_str(&text).unwrap();
    let weights = Weights::from_tensors(shapes(&fixture).into_iter().map(|(name, shape)| {
        let scale = if name.starts_with("style.") && shape.len() == 2 { 100. } else { 1. };
        let values = formula(&name, &shape) * scale;
        (name, values)
    }));
    formula::generator(stylegan2::build(config, weights, None).unwrap())
}

#[test]
fn the_limits_of_w_are_those_of_what_the_mapping_makes() {
    let generator = stylegan2_of(stylegan2::Space::W);
    let schedule = generator.schedule();
    let spec = LatentSpec::in_space(Space::Bounded(Limits::Deviations(1.)));
    let seeds: Vec<(Seed, u64)> = (0..500).map(|seed| (Seed(seed), 0)).collect();
    let free =
        Latent::new(&generator, &schedule, &LatentSpec::in_space(Space::Gaussian), None, &seeds).tensors().remove(0);
    let bounded = Latent::new(&generator, &schedule, &spec, None, &seeds).tensors().remove(0);
    let changed = free.ne_tensor(&bounded).to_kind(Kind::Double).mean(None::<Kind>).double_value(&[]);
    // One deviation on each side holds about two thirds of the numbers, whatever they look like.
    println!("{changed:.2} of the numbers were beyond a deviation");
    assert!((0.2..0.45).contains(&changed), "{changed}");
}

#[test]
fn the_shell_of_w_is_where_its_draws_are() {
    let generator = stylegan2_of(stylegan2::Space::W);
    let schedule = generator.schedule();
    let starts: Vec<(Seed, u64)> = (0..500).map(|number| (Seed(7), number)).collect();
    let codes = |space: Space| {
        Latent::new(&generator, &schedule, &LatentSpec::in_space(space), None, &starts).tensors().remove(0)
    };
    let (free, shell, truncated) = (codes(Space::Gaussian), codes(Space::Shell), codes(Space::Truncated { limit: 1. }));
    let mean = free.mean_dim(0i64, true, None::<Kind>);
    let distances = |codes: &Tensor| (codes - &mean).square().sum_dim_intlist(1i64, false, None::<Kind>).sqrt();
    let (of_draws, of_shell) = (distances(&free), distances(&shell));
    let average = |of: &Tensor| of.mean(None::<Kind>).double_value(&[]);
    println!("draws are {:.3} from the mean, the shell {:.3}", average(&of_draws), average(&of_shell));
    assert!((average(&of_shell) / average(&of_draws) - 1.).abs() < 0.1);
    assert!(of_shell.std(false).double_value(&[]) < 0.2 * of_draws.std(false).double_value(&[]));
    // One deviation around the mean, not around 0.
    let bounded = codes(Space::Bounded(Limits::Deviations(1.)));
    assert!(truncated.equal(&bounded));
}

/// A decoder of spatial codes `[4, 6, 9]`: an even and an odd side.
fn decoder() -> Generator {
    let config = taesd::Config { channels: 4, pooled: false, resolution: 40 };
    let mut generator = formula::generator(taesd::build(config, weights("taesd")).unwrap());
    (generator.code.shape, generator.size) = (vec![4, 6, 9], [48, 72]);
    generator
}

#[test]
fn to_searches_without_gradients_every_number_of_a_prior_is_white() {
    let spectra = || Space::Fourier { noise: 0.3, decay: 1. };
    let truncated = || {
        let mut generator = generator("face-dcgan");
        generator.code.prior = Prior::Truncated { truncation: 0.4 };
        generator
    };
    let rectified = || {
        let mut generator = generator("face-dcgan");
        generator.code.prior = Prior::Rectified;
        generator
    };
    let codebook = || {
        let mut generator = decoder();
        let (mean, deviation) = (vec![1., -2., 0., 3.], vec![0.2, 1., 2., 0.5]);
        generator.code.prior = Prior::Codebook { mean, deviation };
        generator
    };
    let cases = [
        ("normal", generator("face-dcgan"), Space::Gaussian),
        ("codebook", codebook(), Space::Gaussian),
        ("spectra of a codebook", codebook(), spectra()),
        ("truncated", truncated(), Space::Gaussian),
        ("rectified", rectified(), Space::Gaussian),
        ("w", stylegan2_of(stylegan2::Space::W), Space::Gaussian),
        ("spatial", decoder(), Space::Gaussian),
        ("spectra", decoder(), spectra()),
    ];
    for (name, generator, space) in cases {
        let schedule = generator.schedule();
        let starts: Vec<(Seed, u64)> = (0..4000).map(|number| (Seed(7), number)).collect();
        let mut latent = Latent::new(&generator, &schedule, &LatentSpec::in_space(space), None, &starts);
        let code = |latent: &Latent| latent.state().remove(0).1.to_kind(Kind::Double);
        let of_prior = code(&latent);
        if name.contains("codebook") {
            // Whatever the noise, codes lie around the codebook's mean, each channel by a share of its own deviation.
            let channels = of_prior.transpose(0, 1).flatten(1, -1);
            let (means, deviations) =
                (channels.mean_dim(1i64, false, None::<Kind>), channels.std_dim(1i64, true, false));
            let share = if name == "codebook" { 1. } else { 0.3 };
            let expected = Tensor::from_slice(&[0.2, 1., 2., 0.5]) * share;
            let apart = (means - Tensor::from_slice(&[1., -2., 0., 3.])).abs() / &expected;
            assert!(apart.max().double_value(&[]) < 0.03, "{name}: {apart}");
            assert!((deviations / expected - 1.).abs().max().double_value(&[]) < 0.02, "{name}");
        }
        let moments = latent.moments();
        let [trained] = &latent.tensors()[..] else { panic!("{name}: the code alone") };
        let [(mean, deviation)] = &moments[..] else { panic!("{name}: the code alone") };
        tch::manual_seed(0);
        let white = Tensor::randn_like(trained);
        trained.shallow_clone().copy_(&(white * deviation + mean));
        latent.project();
        let of_white = code(&latent);
        let spread = |codes: &Tensor| codes.std_dim(0i64, true, true);
        let (expected, found) = (spread(&of_prior), spread(&of_white));
        let off = (&found / &expected - 1.).abs().max().double_value(&[]);
        let between = of_white.mean_dim(0i64, true, None::<Kind>) - of_prior.mean_dim(0i64, true, None::<Kind>);
        let apart = (between / expected).abs().max().double_value(&[]);
        println!("{name}: deviations off by {off:.3} at most, means by {apart:.3} deviations");
        // 4000 draws know a deviation to 1 %, and a mean to 2 % of one; these are the largest of some hundred, and w has long tails.
        assert!(off < 0.1 && apart < 0.1, "{name}: {off} {apart}");
    }
}

#[test]
fn searches_without_gradients_start_where_the_prior_is() {
    let (classifier, generator) = (classifier("efficientnet-lite0"), decoder());
    for optimizer in [
        "cma_es: {variant: diagonal, population: 4, sigma: 1.0}",
        "cma_es: {variant: cholesky, population: 4, sigma: 1.0}",
        "spherical_cma: {population: 4, degrees: {from: 50.0, to: 7.33}}",
        "genetic: {population: 4, elite: 1, mutated: 0.25, deviation: 0.5}",
    ] {
        let space = "{latent: {space: {fourier: {noise: 0.3, decay: 1.0}}}}";
        let text = format!("name: short\nparam: {space}\noptimizer: {{{optimizer}}}\nsteps: 1\nkeep: best\n");
        let method = Method::parse(&text, "short.yaml").unwrap();
        let rendered = run(&classifier, &generator, &method, "class:banana", &[0]);
        let code = state(&rendered[0], "code");
        let size = code.square().mean(None::<Kind>).double_value(&[]).sqrt();
        println!("{optimizer}: a code of {size:.3}");
        assert!((0.25..0.36).contains(&size), "{optimizer}: {size}, where the prior has 0.3");
    }
}

#[test]
fn presets_of_spatial_codes_climb() {
    let classifier = classifier("efficientnet-lite0");
    // One transposed convolution and a tanh: codes `[4,n,n]` to pictures of twice the side.
    let config = "{code: [4, 28, 28], output: signed, resolution: 56}";
    let built = torchscript::build(serde_yaml::from_str(config).unwrap(), &reference("decoders/spatial.pt")).unwrap();
    let generator = formula::generator(built);
    for (name, steps) in [("latent-spatial", 10), ("cma-es-spatial", 12)] {
        let text = Method::find(name).unwrap().to_yaml().unwrap().replace("population: 41", "population: 20");
        let method = Method { steps, ..Method::parse(&text, "short").unwrap() };
        let mut gained = 0.;
        for run in run(&classifier, &generator, &method, "class:banana", &[0, 1]) {
            let reached: Vec<f64> = run.trace.iter().map(|row| row.activation).collect();
            println!("{name}: {reached:.2?}");
            let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
            gained += (mean(&reached[steps - 4..]) - mean(&reached[..4])) / 2.;
        }
        println!("{name} gains {gained:.2}");
        assert!(gained > 0.4, "{name} gains {gained}");
    }
}

/// About five minutes on two cores: `cargo test --test fast searches -- --ignored --nocapture wide`. Needs `models pull taef2`.
#[test]
#[ignore = "slow"]
fn the_wide_prior_convinces_others_at_high_activations() {
    let target = classifier("efficientnet-lite0");
    let witnesses = ["efficientnet-lite1", "efficientnet-lite2"].map(classifier);
    let generator = generator("taef2").at(112).unwrap();
    let method = Method::find("latent-spatial").unwrap();
    let classes = [
        "banana",
        "sunglass",
        "wig",
        "violin",
        "chainlink fence",
        "bow tie",
        "tennis ball",
        "picket fence",
        "mask",
        "goldfish",
    ];
    let (mut logits, mut probabilities) = (0., 0.);
    for class in classes {
        let rendered = run(&target, &generator, &method, class, &[0]).remove(0);
        let picture = to_rgb8(&rendered.picture).unwrap();
        let index = class_names::of_imagenet(class).unwrap().index;
        let logit = judge::verdict(&target, &picture, index).logit;
        let of_witnesses = witnesses.each_ref().map(|witness| judge::verdict(witness, &picture, index).probability);
        let probability = of_witnesses.iter().sum::<f64>() / 2.;
        println!("{class}: {logit:.1}, {probability:.3}");
        assert!(logit > 25., "{class}: {logit}");
        (logits, probabilities) = (logits + logit / 10., probabilities + probability / 10.);
    }
    println!("mean: {logits:.1}, {probabilities:.3}");
    assert!(probabilities > 0.6, "{probabilities}");
}

#[test]
fn codes_of_every_shape_are_searched_in_every_way() {
    let classifier = narrow::lite();
    let spaces = ["gaussian", "shell", "{truncated: {limit: 2.0}}", "{bounded: {deviations: 2.0}}"];
    let optimizers = [
        "{adam: {lr: 0.05}}",
        "{normalized_sgd: {lr: 0.1}}",
        "{cma_es: {variant: diagonal, population: 4, sigma: 1.0}}",
        "{cma_es: {variant: cholesky, population: 4, sigma: 1.0}}",
        "{spherical_cma: {population: 4, degrees: {from: 50.0, to: 7.33}}}",
        "{genetic: {population: 4, elite: 1, mutated: 0.25, deviation: 0.5}}",
    ];
    for (name, generator) in [("spatial", decoder()), ("w+", stylegan2_of(stylegan2::Space::WPlus))] {
        for (place, optimizer) in optimizers.iter().enumerate() {
            // Every space with one of them at least.
            let space = spaces[place % spaces.len()];
            let more = match place < 2 {
                true => {
                    "regularizers: [{code_decay: {weight: 0.01}}]\nfilters: [{clip_code: {limit: 3.0}}, {shrink_code: {factor: 0.9}}]\n"
                }
                false => "",
            };
            let text = format!(
                "name: short\nparam: {{latent: {{space: {space}}}}}\noptimizer: {optimizer}\n{more}steps: 2\nkeep: best\n"
            );
            let method = Method::parse(&text, "short.yaml").unwrap();
            for run in run(&classifier, &generator, &method, "class:banana", &[0, 1]) {
                assert!(run.failure.is_none(), "{name}, {optimizer}: {:?}", run.failure);
                let code = state(&run, "code");
                assert_eq!(code.size(), generator.code.shape, "{name}, {optimizer}");
                for row in run.trace.iter().filter(|_| place < 2) {
                    assert!(row.penalties.len() == 1 && row.penalties[0] > 0., "{name}, {optimizer}: {row:?}");
                }
            }
        }
    }
}

#[test]
fn a_search_that_a_generator_does_not_allow_says_what_is_missing() {
    let face = generator("face-dcgan");
    let refused = |name: &str| format!("{:#}", Method::find(name).unwrap().fit(&face).unwrap_err());
    assert!(refused("dgn-am").contains("dgn-am-gaussian"));
    assert!(refused("biggan-am").contains("face-dcgan is not conditional"));
    assert!(refused("latent-spatial").contains("have no height and width"));
    let file = tempfile::NamedTempFile::with_suffix(".txt").unwrap();
    std::fs::write(file.path(), "1 2 3").unwrap();
    let limits = Limits::File(LimitsFile::read(file.path()).unwrap());
    assert!(limits.fit(&face).unwrap_err().to_string().contains("holds 3 limits"));
    for (numbers, complaint) in [(200, "dimension 3"), (100, "dimension 3")] {
        // Two a dimension, the fourth of which cross; one a dimension, the fourth of which is below 0.
        let number = |at: usize| {
            if at == 3 {
                5. - 10. * f64::from(numbers == 100)
            } else if at < 100 && numbers == 200 {
                -1.
            } else {
                1.
            }
        };
        let text: Vec<String> = (0..numbers).map(|at| number(at).to_string()).collect();
        std::fs::write(file.path(), text.join(" ")).unwrap();
        let error = Limits::File(LimitsFile::read(file.path()).unwrap()).fit(&face).unwrap_err().to_string();
        assert!(error.contains("nothing lies within the limits of") && error.contains(complaint), "{error}");
    }
    let classifier = classifier("efficientnet-lite0");
    let error = metapicture::render::Encoder::new(&face, Some(EncoderNetwork::Classifier(&classifier)))
        .unwrap_err()
        .to_string();
    assert!(error.contains("face-dcgan has no encoder"), "{error}");
}
