//! Checkpoints: a batch that is cut off anywhere and goes on from its last checkpoint leaves the same bits as one that was
//! not, whatever it optimizes and however; and what is no checkpoint of it changes nothing. The networks are narrow, with
//! weights from a formula.

use std::cell::{Cell, RefCell};

use classifiers::Classifier;
use generators::{Encoder, Generator};
use metapicture::error::{Error, Result};
use metapicture::method::Method;
use metapicture::param::Condition;
use metapicture::random::Seed;
use metapicture::reference::StartPhotographs;
use metapicture::render::Keeper;
use metapicture::render::{Batch, EncoderNetwork, Rendered, Watch, render, resume};
use metapicture::saved::Saved;
use metapicture::unit::{LayerShapes, Unit};
use support::formula;
use support::narrow::{classifier, conditional, encoder, natural, spatial};
use tch::{Kind, Tensor};

use crate::starts;

/// A batch that can be made again and again.
struct Case {
    classifier: Classifier,
    shapes: LayerShapes,
    generator: Option<Generator>,
    condition: Option<Condition>,
    /// What codes of photographs come from.
    photographs: Option<(StartPhotographs, Encoder)>,
    method: Method,
    size: Option<i64>,
    runs: Vec<(Unit, Seed)>,
}

impl Case {
    /// Two units of two seeds each; with facets, the seeds are theirs.
    fn new(generator: Option<Generator>, condition: Option<Condition>, size: Option<i64>, text: &str) -> Case {
        tch::set_num_threads(1);
        Case::of(classifier(), generator, condition, size, text)
    }

    fn of(
        classifier: Classifier,
        generator: Option<Generator>,
        condition: Option<Condition>,
        size: Option<i64>,
        text: &str,
    ) -> Case {
        let shapes = LayerShapes::measure(&classifier);
        let method = Method::parse(&format!("name: test\n{text}"), "test.yaml").unwrap();
        let unit = |text: &str| Unit::parse(text, &classifier, &shapes).unwrap();
        let runs = [("class:3", 7), ("class:3", 8), ("class:5", 7), ("class:5", 8)];
        let runs = runs.map(|(text, seed)| (unit(text), Seed(seed))).to_vec();
        Case { classifier, shapes, generator, condition, photographs: None, method, size, runs }
    }

    fn with_batch<T>(&self, work: impl FnOnce(&Batch) -> T) -> T {
        work(&Batch {
            classifier: &self.classifier,
            shapes: &self.shapes,
            generator: self.generator.as_ref(),
            condition: self.condition,
            encoder: self.photographs.as_ref().map(|(_, encoder)| EncoderNetwork::Encoder(encoder)),
            photographs: self.photographs.as_ref().map(|(photographs, _)| photographs),
            method: &self.method,
            size: self.size,
            runs: &self.runs,
        })
    }

    fn undisturbed(&self) -> Bits {
        bits(&self.with_batch(|batch| render(batch, &silent)).unwrap())
    }

    fn resume(&self, keeper: &dyn Keeper) -> Result<Bits> {
        self.with_batch(|batch| resume(batch, &silent, keeper)).map(|rendered| bits(&rendered))
    }
}

fn silent(_: usize, _: usize, _: f64) {}

/// Everything that a batch came to.
type Bits = Vec<(Vec<u8>, Vec<(&'static str, Vec<i64>, Vec<u8>)>, String)>;

fn bits(rendered: &[Rendered]) -> Bits {
    let of_tensor = |tensor: &Tensor| {
        assert_eq!(tensor.kind(), Kind::Float);
        let mut bytes = vec![0; tensor.numel() * 4];
        tensor.contiguous().copy_data_u8(&mut bytes, tensor.numel());
        bytes
    };
    let of_run = |run: &Rendered| {
        let state = run.state.iter().map(|(name, tensor)| (*name, tensor.size(), of_tensor(tensor))).collect();
        // Written out, a number tells all of its bits.
        (
            of_tensor(&run.picture),
            state,
            format!("{:?} {:?} {:?} {:?}", run.trace, run.passes, run.failure, run.started_from),
        )
    };
    rendered.iter().map(of_run).collect()
}

/// What the keepers here call their batch.
const BATCH: &str = "batch";

/// Keeps the last checkpoint in memory, and cuts the batch off after one.
struct Deadly {
    last: RefCell<Option<Vec<u8>>>,
}

impl Keeper for Deadly {
    fn batch(&self) -> &str {
        BATCH
    }

    fn load(&self) -> Option<Vec<u8>> {
        self.last.borrow().clone()
    }

    fn due(&self) -> bool {
        true
    }

    fn save(&self, bytes: &[u8]) -> Result<()> {
        *self.last.borrow_mut() = Some(bytes.to_vec());
        panic!("killed");
    }
}

/// Keeps every checkpoint.
#[derive(Default)]
struct Hoarder {
    from: Option<Vec<u8>>,
    all: RefCell<Vec<Vec<u8>>>,
}

impl Keeper for Hoarder {
    fn batch(&self) -> &str {
        BATCH
    }

    fn load(&self) -> Option<Vec<u8>> {
        self.from.clone()
    }

    fn due(&self) -> bool {
        true
    }

    fn save(&self, bytes: &[u8]) -> Result<()> {
        self.all.borrow_mut().push(bytes.to_vec());
        Ok(())
    }
}

/// Cuts a batch off after every step (or chunk of codes), so that each is done by another attempt, and compares every
/// checkpoint on the way and the end with those of an undisturbed batch. Gives the checkpoints.
fn check(what: &str, case: &Case) -> Vec<Vec<u8>> {
    let rendered = case.with_batch(|batch| render(batch, &silent)).unwrap();
    for Rendered { trace, .. } in &rendered {
        let (first, last) = (&trace[0], &trace[trace.len() - 1]);
        assert!(first.activation != last.activation && first.gradient_norm != Some(0.), "{what}: nothing moves");
    }
    let undisturbed = bits(&rendered);
    let hoarder = Hoarder::default();
    assert!(case.resume(&hoarder).unwrap() == undisturbed, "{what}: checkpoints change the result");
    let expected = hoarder.all.into_inner();
    let deadly = Deadly { last: RefCell::new(None) };
    for (place, expected) in expected.iter().enumerate() {
        let error = case.resume(&deadly).expect_err("it is cut off").to_string();
        assert!(error.contains("killed"), "{what}: {error}");
        assert!(deadly.load().as_ref() == Some(expected), "{what}: another state at checkpoint {place}");
    }
    assert!(case.resume(&deadly).unwrap() == undisturbed, "{what}: another result");
    // And in one go from somewhere in the middle.
    let from = Some(expected[expected.len() / 2].clone());
    let hoarder = Hoarder { from, ..Hoarder::default() };
    assert!(case.resume(&hoarder).unwrap() == undisturbed, "{what}: another result from the middle");
    assert_eq!(hoarder.all.borrow().len(), expected.len() - expected.len() / 2 - 1, "{what}: it did not go on");
    println!("{what}: {} checkpoints of up to {} bytes", expected.len(), expected.iter().map(Vec::len).max().unwrap());
    expected
}

const ADAM: &str = "optimizer: {adam: {lr: 0.05, weight_decay: 0.01}}";

#[test]
fn pixels_in_octaves_with_every_optimizer_go_on_where_they_were_cut_off() {
    let octaves = "octaves: {count: 3, factor: 1.4, resampling: cubic}\nsteps: 4\nkeep: best\n";
    let filters = "filters: [{stochastic_clip: {limit: 0.3}}, {gaussian_blur: {sigma: 0.5, every: 2}}, \
                   {laplacian_gradient: {levels: 2}}, {small_contribution: {percentile: 5, every: 3}}]";
    let transforms = "transforms: [{jitter: {pixels: 4, edge: wrap, every: octave}}, {scale: {from: 0.4, to: 1.1}}, \
                      {noise: {std: 0.05}}]\nviews: 2\nregularizers: [{total_variation: {weight: 1}}, {l2: {weight: 0.1}}]";
    for (what, optimizer, param, rest) in [
        ("adam, filters", ADAM, "{noise: 0.1}", filters),
        (
            "sgd, transforms",
            "optimizer: {sgd: {lr: {from: 2.0, to: 0.5}, momentum: 0.9, dampening: 0.3, weight_decay: 0.01}}",
            "{noise: 0.1, bounds: none, scale: 0.5}",
            transforms,
        ),
        ("nesterov", "optimizer: {sgd: {lr: 1.0, momentum: 0.9, nesterov: true}}", "{noise: 0.1}", ""),
        ("normalized", "optimizer: {normalized_sgd: {lr: 0.02}}", "{noise: 0.1, bounds: {sphere: {rms: 0.2}}}", ""),
    ] {
        let text = format!("param: {{pixel: {param}}}\n{optimizer}\n{rest}\n{octaves}");
        let checkpoints = check(what, &Case::new(None, None, Some(40), &text));
        // After each of 3 x 4 steps, and after the last look.
        assert_eq!(checkpoints.len(), 13);
    }
}

#[test]
fn a_long_batch_goes_on_from_between_two_readings_of_its_trace() {
    let text = format!("param: {{pixel: {{noise: 0.1}}}}\n{ADAM}\nsteps: 24\n");
    assert_eq!(check("24 steps", &Case::new(None, None, Some(24), &text)).len(), 25);
}

#[test]
fn spectra_pyramids_and_phases_go_on_where_they_were_cut_off() {
    let octaves = "octaves: {count: 2, factor: 1.5}\n";
    for (what, param, rest) in [
        ("fourier", "fourier: {}", octaves),
        ("laplacian", "laplacian: {levels: 3}", octaves),
        ("maco", "maco: {}", "keep: best\n"),
        ("facets", "fourier: {}", "facets: 2\nregularizers: [diversity: {weight: 10, layer: second}]\n"),
    ] {
        let text = format!("param: {{{param}}}\n{ADAM}\nsteps: 3\n{rest}");
        check(what, &Case::new(None, None, Some(33), &text));
    }
}

#[test]
fn what_starts_from_photographs_or_is_held_against_them_goes_on_where_it_was_cut_off() {
    let octaves = "octaves: {count: 3, factor: 1.5}\n";
    let jitter = "transforms: [{jitter: {pixels: 4, edge: wrap}}]\n";
    let near = "regularizers: [{near_start: {weight: 2.0, layer: first.relu}}]\n";
    let spread =
        "regularizers: [{distribution: {weight: 2.0, photographs: stripes, top: 3, layers: [first.relu, second]}}]\n";
    for (what, param, rest) in [
        ("pixels", "pixel: {noise: 0.1}", format!("from: stripes\n{octaves}{jitter}input: full\n")),
        ("spectra", "fourier: {}", format!("from: stripes\n{octaves}{near}{jitter}")),
        ("pyramids", "laplacian: {levels: 3}", format!("from: stripes\n{octaves}")),
        ("resolutions", "multires: {resolutions: 5}", format!("from: stripes\n{octaves}")),
        ("resolutions from noise", "multires: {resolutions: 5, noise: 0.1}", octaves.to_owned()),
        ("networks", "cppn: {layers: 3, channels: 6}", octaves.to_owned()),
        ("transparency", "alpha: {cost: 1.0}", "keep: best\n".to_owned()),
        ("transparency from photographs", "alpha: {cost: 1.0}", format!("from: stripes\n{jitter}")),
        ("distributions", "pixel: {noise: 0.1}", format!("{spread}{jitter}views: 2\n")),
    ] {
        let text = format!("param: {{{param}}}\n{ADAM}\nsteps: 3\n{rest}");
        let mut case = Case::new(None, None, Some(33), &text);
        let folder = tempfile::tempdir().unwrap();
        case.photographs = Some((starts::photographs(folder.path(), 6), encoder()));
        check(what, &case);
    }
}

#[test]
fn a_picture_in_tiles_goes_on_where_it_was_cut_off() {
    let text = format!("param: {{pixel: {{noise: 0.1}}}}\n{ADAM}\nsteps: 3\ninput: tiles\n");
    check("tiles", &Case::new(None, None, Some(50), &text));
}

#[test]
fn a_search_of_codes_goes_on_where_it_was_cut_off_in_screening_in_a_trial_and_after() {
    let search = "screen: 40, starts: 3, trial: 3";
    let filters = "filters: [{stochastic_clip: {limit: 1.0}}, {shrink_code: {factor: 0.99, every: 2}}]\n\
                   regularizers: [{code_decay: {weight: 0.01}}]";
    let (relaxed, class) = (Some(Condition::Relaxed), Some(Condition::Class(1)));
    for (what, condition, param, rest) in [
        ("shell, relaxed", relaxed, format!("latent: {{space: shell, {search}}}"), "keep: best"),
        ("gaussian, filters", class, format!("latent: {{space: gaussian, {search}}}"), filters),
        ("truncated", class, "latent: {space: {truncated: {limit: 1.0}}, starts: 2, trial: 2}".to_owned(), ""),
        ("blend", relaxed, format!("blend: {{prior: {{space: shell, {search}}}, eps: 0.05}}"), "keep: best"),
        ("embedding", relaxed, "embedding: {codes: 2, every: 2, noise: 0.1}".to_owned(), ""),
        ("blend, l2", class, "blend: {prior: {space: gaussian}, eps: 0.1, norm: l2}".to_owned(), ""),
    ] {
        let text = format!("param: {{{param}}}\n{ADAM}\nsteps: 5\n{rest}\n");
        let checkpoints = check(what, &Case::new(Some(conditional()), condition, None, &text));
        if param.contains(search) {
            // 16, 16 and 8 codes of two seeds, 3 steps of three starts, the other 2 of one, a last look.
            assert_eq!(checkpoints.len(), 2 * 3 + 3 * 3 + 2 + 1, "{what}");
        }
    }
}

#[test]
fn spectra_of_spatial_codes_go_on_where_they_were_cut_off() {
    let text = "param: {latent: {space: {fourier: {noise: 0.5, decay: 1.0}}, screen: 20, starts: 2, trial: 2}}\n\
                optimizer: {sgd: {lr: 0.1, momentum: 0.9}}\nsteps: 4\nkeep: best\n";
    check("spectra of codes", &Case::new(Some(spatial()), None, None, text));
    let text = "param: {latent: {space: {statistics: {noise: 0.7, limit: 0.8}}, screen: 20, starts: 2, trial: 2}}\n\
                optimizer: {adam: {lr: 0.1}}\nregularizers: [{code_decay: {weight: 0.01}}]\nsteps: 4\nkeep: best\n";
    check("codes like those of photographs", &Case::new(Some(natural()), None, None, text));
    // The same, coarse to fine from photographs: each run from that which fired its unit most, and led on best.
    let text = text.replace("limit: 0.8}}", "opening: 3}}, from: photographs");
    let mut case = Case::new(Some(natural()), None, None, &text);
    let folder = tempfile::tempdir().unwrap();
    case.photographs = Some((starts::photographs(folder.path(), 24), encoder()));
    check("from photographs", &case);
    let told: Vec<String> = case.undisturbed().into_iter().map(|(_, _, told)| told).collect();
    assert!(told.iter().all(|told| told.contains(".png: ")), "{}", told[0]);
}

/// The searches without gradients: three chunks of candidates in each generation.
const EVOLUTIONS: [&str; 4] = [
    "cma_es: {variant: diagonal, population: 20, sigma: 0.5}",
    "cma_es: {variant: cholesky, population: 20, sigma: 0.5}",
    "spherical_cma: {population: 20, degrees: {from: 50.0, to: 10.0}}",
    "genetic: {population: 20, elite: 2, mutated: 0.25, deviation: 0.5}",
];

fn evolution(optimizer: &str) -> Case {
    let text = format!("param: {{latent: {{space: gaussian}}}}\noptimizer: {{{optimizer}}}\nsteps: 3\nkeep: best\n");
    Case::new(Some(conditional()), Some(Condition::Relaxed), None, &text)
}

#[test]
fn searches_without_gradients_go_on_within_a_generation() {
    for optimizer in EVOLUTIONS {
        // 3 generations of 4 runs.
        assert_eq!(check(optimizer, &evolution(optimizer)).len(), 3 * 4 * 3);
    }
}

#[test]
fn a_batch_that_failed_fails_the_same_when_it_goes_on() {
    let text = "param: {pixel: {noise: 0.1, bounds: none}}\noptimizer: {adam: {lr: 3.0e+38}}\nsteps: 30\n";
    let case = Case::new(None, None, Some(24), text);
    let checkpoints = check("failure", &case);
    // Cut short where the trace is read for the first time.
    assert_eq!(checkpoints.len(), 10);
    assert!(case.undisturbed()[0].2.contains("at step"), "{}", case.undisturbed()[0].2);
}

/// A case of each kind, short.
fn short_cases() -> Vec<Case> {
    let mut cases: Vec<Case> = EVOLUTIONS.iter().map(|optimizer| evolution(optimizer)).collect();
    for (generator, size, param) in [
        (None, 32, "pixel: {noise: 0.1}"),
        (None, 24, "pixel: {noise: 0.1}"),
        (None, 32, "fourier: {}"),
        (None, 32, "laplacian: {}"),
        (Some(conditional()), 32, "latent: {space: shell, screen: 20, starts: 2, trial: 1}"),
        (Some(conditional()), 32, "blend: {prior: {space: gaussian}, eps: 0.1}"),
        (Some(spatial()), 32, "latent: {space: gaussian}"),
    ] {
        let text = format!("param: {{{param}}}\n{ADAM}\nsteps: 2\nkeep: best\n");
        cases.push(Case::new(generator, Some(Condition::Class(0)), Some(size), &text));
    }
    cases
}

#[test]
fn what_is_no_checkpoint_of_the_batch_is_ignored() {
    let text =
        "param: {latent: {space: shell, screen: 20, starts: 2, trial: 1}}\noptimizer: {adam: {lr: 0.05}}\nsteps: 2\n";
    let case = Case::new(Some(conditional()), Some(Condition::Class(2)), None, text);
    let hoarder = Hoarder::default();
    let undisturbed = case.resume(&hoarder).unwrap();
    let checkpoints = hoarder.all.into_inner();
    let bytes = checkpoints.last().unwrap();
    assert!(Saved::from_bytes(bytes, BATCH).is_some());
    assert!(Saved::from_bytes(bytes, "another batch").is_none());
    let from_text = |from: &str, to: &str| {
        let place = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bytes = bytes.clone();
        bytes[place..place + from.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let mut damaged = vec![
        vec![],
        b"not a checkpoint".to_vec(),
        vec![255; 4096],
        from_text(r#"\"format\":1"#, r#"\"format\":2"#),
        from_text(r#"\"batch\":\"batch\""#, r#"\"batch\":\"batsh\""#),
        from_text("main.counts", "main.county"),
        from_text("F64", "I64"),
        [bytes.as_slice(), b"\0"].concat(),
    ];
    damaged.extend((0..bytes.len()).step_by(bytes.len() / 50).map(|length| bytes[..length].to_vec()));
    for number in 0..2000 {
        // Half of them in the header.
        let among = if number % 2 == 0 { bytes.len() } else { bytes.len().min(2000) };
        let place = formula::hashed(number, 1) as usize % among;
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (formula::hashed(number, 2) % 8);
        damaged.push(flipped);
    }
    for (number, bytes) in damaged.iter().enumerate() {
        assert!(Saved::from_bytes(bytes, BATCH).is_none(), "damaged file {number} is taken");
    }
    for bytes in damaged.into_iter().step_by(300) {
        let hoarder = Hoarder { from: Some(bytes), ..Hoarder::default() };
        assert!(case.resume(&hoarder).unwrap() == undisturbed);
        assert_eq!(hoarder.all.borrow().len(), checkpoints.len(), "it starts anew");
    }
}

#[test]
fn a_checkpoint_of_other_work_under_the_same_name_is_ignored_where_it_does_not_fit() {
    let cases = short_cases();
    let checkpoints: Vec<Vec<u8>> = (cases.iter())
        .map(|case| {
            let hoarder = Hoarder::default();
            case.resume(&hoarder).unwrap();
            let all = hoarder.all.into_inner();
            all[all.len() * 2 / 3].clone()
        })
        .collect();
    for (place, case) in cases.iter().enumerate() {
        let undisturbed = case.undisturbed();
        for (other, bytes) in checkpoints.iter().enumerate().filter(|(other, _)| *other != place) {
            let from = Some(bytes.clone());
            let found = case.resume(&Hoarder { from, ..Hoarder::default() });
            assert!(found.unwrap() == undisturbed, "case {place} with the checkpoint of case {other}");
        }
    }
}

/// A disk that is full.
#[derive(Default)]
struct Full {
    asked: Cell<usize>,
}

impl Keeper for Full {
    fn batch(&self) -> &str {
        BATCH
    }

    fn load(&self) -> Option<Vec<u8>> {
        None
    }

    fn due(&self) -> bool {
        true
    }

    fn save(&self, _: &[u8]) -> Result<()> {
        self.asked.set(self.asked.get() + 1);
        Err(Error::storage("no space left on device"))
    }
}

/// Counts warnings.
#[derive(Default)]
struct Warned {
    warnings: RefCell<Vec<String>>,
}

impl Watch for Warned {
    fn step(&self, _: usize, _: usize, _: f64) {}

    fn unsaved(&self, error: &Error) {
        self.warnings.borrow_mut().push(error.to_string());
    }
}

#[test]
fn where_no_checkpoint_can_be_written_the_work_goes_on_with_one_warning() {
    let case = Case::new(None, None, Some(24), &format!("param: {{pixel: {{noise: 0.1}}}}\n{ADAM}\nsteps: 5\n"));
    let (full, warned) = (Full::default(), Warned::default());
    let rendered = case.with_batch(|batch| resume(batch, &warned, &full)).unwrap();
    assert!(bits(&rendered) == case.undisturbed());
    assert_eq!((full.asked.get(), warned.warnings.into_inner()), (6, vec!["no space left on device".to_owned()]));
}

/// By itself, for it sets the number of threads: `cargo test --test fast checkpoints -- --ignored --nocapture --test-threads 1`.
#[test]
#[ignore = "wants the number of threads for itself"]
fn published_networks_of_full_size_go_on_with_several_threads() {
    let latent = "param: {latent: {space: shell, screen: 20, starts: 2, trial: 3}}\nkeep: best\n";
    let pixels = "param: {pixel: {noise: 0.1}}\nregularizers: [{total_variation: {weight: 1}}]\n";
    for (generator, text) in [(Some(support::generator("face-dcgan")), latent), (None, pixels)] {
        let text = format!("{text}{ADAM}\nsteps: 12\n");
        let case = Case::of(support::classifier("efficientnet-lite0"), generator, None, None, &text);
        for threads in [1, 2] {
            tch::set_num_threads(threads);
            let undisturbed = case.undisturbed();
            let hoarder = Hoarder::default();
            assert!(case.resume(&hoarder).unwrap() == undisturbed);
            let expected = hoarder.all.into_inner();
            for place in (0..expected.len()).step_by(4) {
                let hoarder = Hoarder { from: Some(expected[place].clone()), ..Hoarder::default() };
                assert!(case.resume(&hoarder).unwrap() == undisturbed, "from checkpoint {place} on, {threads} threads");
                assert!(hoarder.all.into_inner() == expected[place + 1..], "{place}");
            }
        }
    }
}
