//! What codes of photographs are like: learning it, whitening and colouring by it, and searching among such codes.

use std::path::Path;
use std::sync::Arc;

use generators::{CodeStatistics, Generator, Learner, Statistics};
use metapicture::codes::{Place, learn, whiteness};
use metapicture::method::Method;
use metapicture::param::{Blend, BlendSpec, Latent, LatentSpec, Param, ResidualNorm, Space};
use metapicture::prelude::Models;
use metapicture::random::{Purpose, Seed, normal, stream};
use metapicture::render::render;
use metapicture::run::Experiment;
use metapicture::unit::Unit;
use support::{narrow, swept};
use tch::{Device, Kind, Tensor};

/// Codes `[N,4,16,16]` that are smooth, of channels that go together, around a mean.
fn codes(count: i64) -> Tensor {
    let mut rng = stream(Seed(3), Purpose::Start, 0);
    let white = Tensor::from_slice(&normal(&mut rng, (count * 4 * 256) as usize)).view([count, 4, 16, 16]);
    // Each place has something of its neighbours, over the border.
    let smooth = &white + white.roll([1], [3i64]) * 0.5;
    let smooth = &smooth + smooth.roll([1], [2i64]) * 0.4;
    let mix =
        Tensor::from_slice(&[1f32, 0., 0., 0., 0.5, 1., 0., 0., 0., -0.8, 0.5, 0., 0.3, 0., 0., 0.2]).view([4, 4]);
    let mixed = mix.matmul(&smooth.flatten(2, 3)).view([count, 4, 16, 16]);
    // A derivative of another channel: the phase of the two differs by a quarter of a turn.
    let last = mixed.narrow(1, 3, 1) + (mixed.narrow(1, 0, 1) - mixed.narrow(1, 0, 1).roll([1], [3i64]));
    Tensor::cat(&[mixed.narrow(1, 0, 3), last], 1) + Tensor::from_slice(&[0.1f32, -0.2, 0., 0.5]).view([1, 4, 1, 1])
}

fn learned(codes: &Tensor) -> CodeStatistics {
    let mut learner = Learner::new(4, 16);
    codes.split(100, 0).iter().for_each(|codes| learner.see(codes));
    learner.learned().unwrap()
}

/// A generator of spatial codes `[4,side,side]` whose codes are like these.
fn generator(side: i64) -> Generator {
    let mut generator = narrow::spatial();
    let statistics = Statistics { table: Arc::new(learned(&codes(800))), sha256: "of a test".to_owned() };
    (generator.code.shape, generator.size) = (vec![4, side, side], [8 * side; 2]);
    generator.statistics = Some(statistics);
    generator
}

fn space(limit: Option<f64>) -> LatentSpec {
    LatentSpec::in_space(Space::Statistics { noise: 1., limit, opening: 0 })
}

#[test]
fn whitened_codes_are_white_and_a_table_survives_its_file() {
    let all = codes(2000);
    let table = learned(&all.narrow(0, 0, 1000));
    let white = whiteness(&table, &all.narrow(0, 1000, 1000)).unwrap();
    println!("{white:.3?}");
    assert!(white.strengths.iter().all(|strength| (0.75..1.25).contains(strength)), "{white:?}");
    assert!(white.correlation < 0.1 && white.holds(), "{white:?}");
    // Numbers that are not like these are not white.
    let other = Tensor::randn([200, 4, 16, 16], (Kind::Float, Device::Cpu));
    let grey = whiteness(&table, &other).unwrap();
    assert!(!grey.holds(), "{grey:?}");
    let again = CodeStatistics::from_bytes(&table.to_bytes().unwrap()).unwrap();
    let apart = (again.covariances([16, 16]) - table.covariances([16, 16])).abs().max().double_value(&[]);
    assert!(apart < 1e-5 && again.codes == 1000 && again.side == 16, "{apart}");
    for (bytes, says) in
        [(&b"nothing"[..], "no statistics of codes"), (&table.to_bytes().unwrap()[..900], "no statistics")]
    {
        let error = CodeStatistics::from_bytes(bytes).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn coloured_noise_has_the_statistics_that_were_learned_at_every_size() {
    // Larger and smaller codes than those of the table, and such as are no square.
    for size in [[16, 16], [32, 32], [8, 8], [6, 9]] {
        let mut generator = generator(16);
        (generator.code.shape, generator.size) = (vec![4, size[0], size[1]], size.map(|side| 8 * side));
        let schedule = generator.schedule();
        let starts: Vec<(Seed, u64)> = (0..600).map(|number| (Seed(5), number)).collect();
        let latent = Latent::new(&generator, &schedule, &space(None), None, &starts);
        let made = latent.state().remove(0).1;
        let table = &generator.statistics.as_ref().unwrap().table;
        let white = whiteness(table, &made).unwrap();
        println!("{size:?}: {white:.3?}");
        // The mean is one ring of four numbers.
        assert!(white.strengths.iter().all(|strength| (0.85..1.15).contains(strength)), "{size:?}: {white:?}");
        if size == [16, 16] {
            let moments = |of: &Tensor| {
                let of = of.to_kind(Kind::Double).transpose(0, 1).flatten(1, -1);
                (of.mean_dim(1i64, false, None::<Kind>), of.cov(1, None::<Tensor>, None::<Tensor>))
            };
            let ((mean, covariance), (expected_mean, expected)) = (moments(&made), moments(&codes(2000)));
            assert!((mean - expected_mean).abs().max().double_value(&[]) < 0.05);
            let apart = (covariance - &expected).abs().max().double_value(&[]) / expected.abs().max().double_value(&[]);
            assert!(apart < 0.05, "{apart}");
        }
    }
}

#[test]
fn each_ring_of_frequencies_is_kept_within_its_limit() {
    let generator = generator(16);
    let schedule = generator.schedule();
    let mut latent = Latent::new(&generator, &schedule, &space(Some(0.5)), None, &[(Seed(1), 0), (Seed(2), 0)]);
    let trained = latent.tensors().remove(0);
    let _ = trained.get(0).g_mul_scalar_(10.);
    let _ = trained.get(1).g_mul_scalar_(0.1);
    let small = trained.get(1).copy();
    latent.project();
    assert!(trained.get(1).equal(&small), "what is within the limit stays as it is");
    let squares = trained.square().sum_dim_intlist([1i64, 4].as_slice(), false, None::<Kind>);
    let mean = squares.get(0).mean(Kind::Double).double_value(&[]) / 4.;
    assert!((0.5..0.75).contains(&mean), "{mean}: 0.5 and two standard deviations of few numbers");
}

#[test]
fn vectors_are_coloured_by_draws_from_their_own_prior() {
    let mut generator = narrow::unconditional();
    let schedule = generator.schedule();
    let starts: Vec<(Seed, u64)> = (0..4000).map(|number| (Seed(7), number)).collect();
    let deviations = |generator: &Generator| {
        let latent = Latent::new(generator, &schedule, &space(None), None, &starts);
        let code = latent.state().remove(0).1.to_kind(Kind::Double);
        (code.mean(Kind::Double).double_value(&[]), code.std(true).double_value(&[]))
    };
    let (mean, deviation) = deviations(&generator);
    assert!(mean.abs() < 0.02 && (deviation - 1.).abs() < 0.02, "{mean} {deviation}");
    drop(schedule);
    generator.code.prior = generators::Prior::Rectified;
    let schedule = generator.schedule();
    let latent = Latent::new(&generator, &schedule, &space(None), None, &starts);
    let code = latent.state().remove(0).1.to_kind(Kind::Double);
    // A rectified normal number has mean 0.399 and deviation 0.584.
    assert!((code.mean(Kind::Double).double_value(&[]) - 0.399).abs() < 0.02);
    assert!((code.std(true).double_value(&[]) - 0.584).abs() < 0.02);
}

#[test]
fn a_generator_whose_codes_are_not_known_is_refused_with_what_would_tell() {
    let method = Method::find("latent-natural").unwrap();
    let error = method.fit(&narrow::spatial()).unwrap_err().to_string();
    assert!(error.contains("metapicture models learn-codes formula FOLDER"), "{error}");
    method.fit(&generator(16)).unwrap();
    method.fit(&narrow::unconditional()).unwrap();
    assert_eq!(Method::default_for(Some(&generator(16))), "latent-natural");
    assert_eq!(Method::default_for(Some(&generator(32))), "latent-natural-256", "wider views, fewer steps");
}

#[test]
fn a_table_is_part_of_the_ids_of_runs_that_read_it_and_of_no_others() {
    let experiment = |sha256: &str| {
        let mut generator = narrow::natural();
        generator.statistics.as_mut().unwrap().sha256 = sha256.to_owned();
        swept::of(narrow::classifier(), Some(generator))
    };
    let (one, other) = (experiment("one"), experiment("other"));
    let id = |experiment: &Experiment, method: &str| experiment.identity(&Method::find(method).unwrap());
    assert_ne!(id(&one, "latent-natural"), id(&other, "latent-natural"));
    assert_eq!(id(&one, "latent-spatial"), id(&other, "latent-spatial"));
}

#[test]
fn codes_are_pulled_by_what_an_encoder_finds_in_their_pictures_whatever_their_size() {
    let (generator, encoder) = (narrow::natural(), narrow::encoder());
    let mut experiment = swept::of(narrow::classifier(), Some(narrow::natural()));
    experiment.encoder = Some(Arc::new(narrow::encoder()));
    let runs = [(Unit::parse("class:3", &experiment.classifier, &experiment.shapes).unwrap(), Seed(4))];
    let space = "{statistics: {noise: 0.7}}";
    for (param, size) in [
        (format!("latent: {{space: {space}}}"), None),
        // Pictures that are larger than the generator's own are encoded at its size.
        (format!("blend: {{prior: {{space: {space}}}, eps: 0}}"), Some(40)),
    ] {
        let text = format!(
            "name: pulled\nparam: {{{param}}}\noptimizer: {{adam: {{lr: 0.1}}}}\nsteps: 2\n\
             regularizers: [{{encoder_prior: {{weight: 0.5}}}}]\n"
        );
        let method = Method::parse(&text, "pulled.yaml").unwrap();
        experiment.size = size;
        let rendered =
            render(&experiment.together(&method, &runs), &|_: usize, _: usize, _: f64| {}).unwrap().remove(0);
        assert_eq!(rendered.failure, None, "{param}");
        let schedule = generator.schedule();
        let start = LatentSpec::in_space(Space::Statistics { noise: 0.7, limit: None, opening: 0 });
        let mut latent = Latent::new(&generator, &schedule, &start, None, &[(Seed(4), 0)]);
        let (code, pictures) = (latent.state().remove(0).1, latent.pictures());
        let expected = 0.25 * (code - encoder.codes(&pictures)).square().sum(Kind::Double).double_value(&[]);
        let found = rendered.trace[0].penalties[0];
        let tolerance = if size.is_none() { 1e-4 } else { 0.1 };
        assert!((found / expected - 1.).abs() < tolerance, "{param}: {found} instead of {expected}");
    }
}

#[test]
fn coarse_to_fine_frequencies_join_one_ring_after_the_other() {
    let generator = generator(8);
    let schedule = generator.schedule();
    let spec = |opening| LatentSpec::in_space(Space::Statistics { noise: 1., limit: None, opening });
    let latent = |opening| Latent::new(&generator, &schedule, &spec(opening), None, &[(Seed(4), 0)]);
    let blend = BlendSpec { prior: spec(4), eps: 0., norm: ResidualNorm::default() };
    let mut reached = vec![];
    for (opening, mut param) in [
        (0, Box::new(latent(0)) as Box<dyn Param>),
        (4, Box::new(latent(4))),
        (4, Box::new(Blend::new(latent(4), &blend, [72; 2]))),
    ] {
        for step in 0..5 {
            param.begin(step);
            let gradient = param.pictures() - 0.3;
            let gradient = param.pullback(&gradient).remove(0);
            // Rows 0 to 4 of the first column have the frequencies 0 to 4, in cycles a code.
            let column = gradient.abs().amax([0i64, 1, 4], false).select(1, 0).narrow(0, 0, 5);
            reached.push((opening, step, column.gt(1e-9).sum(Kind::Int64).int64_value(&[]) - 1));
            // Whatever else moves the code is held back as well.
            let held = param
                .held_back(gradient.ones_like())
                .select(1, 0)
                .select(0, 0)
                .select(1, 0)
                .select(1, 0)
                .narrow(0, 0, 5);
            assert_eq!(held.sum(Kind::Int64).int64_value(&[]) - 1, reached[reached.len() - 1].2);
        }
    }
    let all = (0..5).map(|step| (0, step, 4));
    // The highest ring, at the corners of the spectrum, is the sixth.
    let opened = [(4, 0, 1), (4, 1, 3), (4, 2, 4), (4, 3, 4), (4, 4, 4)];
    assert_eq!(reached, all.chain(opened).chain(opened).collect::<Vec<_>>());
}

#[test]
fn a_table_is_not_left_where_its_manifest_would_lie_or_under_a_name_that_no_model_has() {
    for (path, says) in
        [("out/mine.yaml", "would be called so"), ("out/my photographs.safetensors", "my photographs"), ("..", "..")]
    {
        let error = Place::of(Path::new(path)).unwrap_err().to_string();
        assert!(error.contains(says), "{path}: {error}");
    }
    assert_eq!(Place::of(Path::new("out/mine.safetensors")).unwrap().manifest, Path::new("out/mine.yaml"));
}

/// On the published networks and the small sets of photographs of the zoo, where the cache has them: other photographs than those that the
/// tables were learned from.
#[test]
fn codes_of_photographs_that_were_not_learned_from_are_white() {
    let models = Models::open().unwrap();
    for name in ["taesd", "taesdxl", "taesd3", "taef1", "taef2"] {
        let encoder = format!("{name}-encoder");
        let sets = ["photos", "imagenet-samples"];
        let pulled = |name: &str| models.zoo().cache().is_pulled(&models.zoo().manifest(name, None).unwrap());
        if ![name, &encoder, sets[0], sets[1]].into_iter().all(pulled) {
            println!("skipped: {name}, {encoder} and photographs are not in the cache");
            continue;
        }
        let generator = models.generator_at(name, Some(128)).unwrap();
        let Some(statistics) = &generator.engine().statistics else {
            println!("passed over: {name} has no table");
            continue;
        };
        let encoder = models.encoder(&encoder).unwrap();
        let held_out: Vec<Tensor> = (sets.into_iter().flat_map(|set| models.pictures(set).unwrap()))
            .map(|photograph| {
                let picture = metapicture::picture::from_rgb8(&photograph).unsqueeze(0);
                encoder.codes(&frozen::resize::to_square(&picture, 128))
            })
            .collect();
        let white = whiteness(&statistics.table, &Tensor::cat(&held_out, 0)).unwrap();
        println!("{name}: {white:.2?}");
        let mean = white.strengths[1..].iter().sum::<f64>() / (white.strengths.len() - 1) as f64;
        assert!((0.7..1.4).contains(&mean), "{name}: {white:?}");
        // The first is of the means of 27 pictures, which say little.
        assert!(white.strengths[1..].iter().all(|strength| (0.5..2.).contains(strength)), "{name}: {white:?}");
        assert!(white.correlation < 0.15, "{name}: {white:?}");
    }
}

#[test]
fn too_few_photographs_are_refused() {
    let models = Models::open().unwrap();
    let pulled = |name: &str| models.zoo().cache().is_pulled(&models.zoo().manifest(name, None).unwrap());
    if !(pulled("taesd") && pulled("taesd-encoder")) {
        println!("skipped: taesd and its encoder are not in the cache");
        return;
    }
    let generator = models.generator_at("taesd", Some(64)).unwrap();
    let encoder = models.encoder("taesd-encoder").unwrap();
    let photographs = || (0..3).map(|_| Ok(image::RgbImage::from_pixel(80, 70, image::Rgb([90, 120, 30]))));
    let error = learn(generator.engine(), &encoder, photographs(), 0, &|_| {}).unwrap_err().to_string();
    assert!(error.contains("3 photographs are too few"), "{error}");
}
