//! A comparison as its reader meets it: on real models, its figures say of pictures whose nature is known what must be said of them, and
//! can be computed again from the files that it leaves. What holds whatever the networks have learned is told of narrow ones.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use classifiers::Kinship;
use metapicture::compare::findings::{Findings, Measured, MethodFindings};
use support::narrow;
use tempfile::TempDir;

/// Classes of which the zoo has a labelled photograph.
const EXPERIMENT: &str = "
name: test
classifier: efficientnet-lite0
generator: face-dcgan
units: ['class:22', 'class:99', 'class:609', 'class:949']
methods:
  - { preset: naive, steps: 25 }
  - { preset: lucid-2017, steps: 40 }
  - { preset: blend, steps: 20, param: { blend: { prior: { screen: 1, starts: 1, trial: 0 } } } }
seeds: 2
compare: { witnesses: [efficientnet-lite1, squeezenet-caffe] }
sweep:
  methods.blend.param.blend.eps: [0, 0.01, 0.03]
";

/// Other seeds of the first method.
const OTHER_HALF: &str = "
name: half
classifier: efficientnet-lite0
units: ['class:22', 'class:99', 'class:609', 'class:949']
methods: [{ preset: naive, steps: 25 }]
seeds: [2, 3]
";

/// The same of narrow networks on weights from a formula.
const NARROW: &str = "
name: test
classifier: ./narrow.yaml
generator: ./faces.yaml
units: ['class:22', 'class:99', 'class:609', 'class:949']
methods:
  - { preset: naive, steps: 20 }
  - { preset: blend, steps: 20, param: { blend: { prior: { screen: 1, starts: 1, trial: 0 } } } }
seeds: 2
compare: { witnesses: [./wider.yaml, ./widest.yaml] }
sweep:
  methods.blend.param.blend.eps: [0, 1]
";

/// The records name these networks, which the zoo does not have.
const OWN: [&str; 5] =
    ["--manifest", narrow::CLASSIFIER, narrow::WITNESSES[0], narrow::WITNESSES[1], narrow::GENERATOR];

struct Compared {
    folder: TempDir,
    comparison: Findings,
}

impl Compared {
    fn out(&self) -> PathBuf {
        self.folder.path().join("compared")
    }

    fn method(&self, label: &str) -> &MethodFindings {
        let found = self.comparison.methods.iter().find(|method| method.label == label);
        let labels: Vec<&str> = self.comparison.methods.iter().map(|method| method.label.as_str()).collect();
        found.unwrap_or_else(|| panic!("no {label} among {labels:?}"))
    }

    fn figure(&self, label: &str, key: &str) -> &Measured {
        &self.method(label).metrics[key]
    }

    fn value(&self, label: &str, key: &str) -> f64 {
        let figure = self.figure(label, key);
        figure.value.unwrap_or_else(|| panic!("{label} has no {key}: {:?}", figure.why_not))
    }
}

fn metapicture(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metapicture"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    // Threads that spin while they wait make it ten times as long where another process wants a core.
    command.env("OMP_WAIT_POLICY", "passive");
    command.output().unwrap()
}

fn succeed(arguments: &[&str], folder: &Path) -> String {
    let output = metapicture(arguments, folder);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Compares the records in a folder below `at`, and what else is named.
fn compare(at: &Path, out: &str, more: &[&str]) -> Findings {
    let words = ["compare", "records", "--out", out, "--replicates", "2000", "--permutations", "2000"];
    let reference = ["--manipulated-units", "0", "--reference", "imagenet-samples", "photos", "quarters"];
    succeed(&[&words[..], more, &reference].concat(), at);
    serde_json::from_slice(&std::fs::read(at.join(out).join("comparison.json")).unwrap()).unwrap()
}

/// The photographs are in the cache from here on.
fn bring(models: &[&str]) {
    for name in models.iter().chain(&["photos", "imagenet-samples"]) {
        support::files(name);
    }
}

/// The quarters of the zoo's photographs, in a folder: enough to choose from.
fn quarters(at: &Path) {
    let folder = at.join("quarters");
    std::fs::create_dir_all(&folder).unwrap();
    for (number, file) in ["photos", "imagenet-samples"].iter().flat_map(|set| support::files(set)).enumerate() {
        let whole = image::open(&file.path).unwrap().to_rgb8();
        let (width, height) = (whole.width() / 2, whole.height() / 2);
        for (quarter, (x, y)) in [(0, 0), (width, 0), (0, height), (width, height)].into_iter().enumerate() {
            let part = image::imageops::crop_imm(&whole, x, y, width, height).to_image();
            part.save(folder.join(format!("{number:02}-{quarter}.png"))).unwrap();
        }
    }
}

/// One comparison, which several tests look at.
fn compared() -> &'static Compared {
    static COMPARED: OnceLock<Compared> = OnceLock::new();
    COMPARED.get_or_init(|| {
        bring(&["efficientnet-lite0", "efficientnet-lite1", "squeezenet-caffe", "face-dcgan"]);
        let folder = TempDir::new().unwrap();
        let at = folder.path();
        quarters(at);
        std::fs::write(at.join("test.yaml"), EXPERIMENT).unwrap();
        std::fs::write(at.join("half.yaml"), OTHER_HALF).unwrap();
        succeed(&["sweep", "test.yaml", "--out", "records"], at);
        succeed(&["sweep", "half.yaml", "--out", "half"], at);
        // The other seeds, as if another tool had made them.
        let mut table = "path,unit,method,seed\n".to_owned();
        let mut reader = csv::Reader::from_path(at.join("half/results.csv")).unwrap();
        let header = reader.headers().unwrap().clone();
        let column = |name: &str| header.iter().position(|column| column == name).unwrap();
        for row in reader.records().map(Result::unwrap) {
            let cell = |name: &str| &row[column(name)];
            let line = format!("half/runs/{}/image.png,{},other half,{}\n", cell("run_id"), cell("unit"), cell("seed"));
            table.push_str(&line);
        }
        std::fs::write(at.join("half.csv"), table).unwrap();
        let more = ["--foreign", "half.csv", "--inversions", "0", "--permuted-units", "1", "--registered", "test.yaml"];
        let comparison = compare(at, "compared", &more);
        Compared { comparison, folder }
    })
}

/// One of narrow networks.
fn narrow() -> &'static Compared {
    static COMPARED: OnceLock<Compared> = OnceLock::new();
    COMPARED.get_or_init(|| {
        bring(&[]);
        let folder = TempDir::new().unwrap();
        let at = folder.path();
        narrow::write(at);
        quarters(at);
        std::fs::write(at.join("test.yaml"), NARROW).unwrap();
        succeed(&["sweep", "test.yaml", "--out", "records"], at);
        let comparison = compare(at, "compared", &["--inversions", "1", "--permuted-units", "0"]);
        Compared { comparison, folder }
    })
}

#[test]
fn photographs_are_legible_and_noise_is_not() {
    let of = compared();
    assert!(of.value("photographs", "kin_agreement") > 0.6 && of.value("photographs", "foreign_agreement") > 0.4);
    for noise in ["blurred noise", "another unit's pictures"] {
        for whose in ["foreign", "kin"] {
            assert!(of.value(noise, &format!("{whose}_agreement")) < 0.1, "{noise}");
            assert!(of.value(noise, &format!("{whose}_probability")) < 0.05, "{noise}");
        }
    }
    assert!(of.value("photographs", "kid") < 0.05);
    for other in ["blurred noise", "naive", "phase-scrambled photographs"] {
        assert!(of.value("photographs", "kid") + 0.1 < of.value(other, "kid"), "{other}");
    }
    assert!(of.value("naive", "foreign_agreement") < 0.3, "naive pictures convince nobody");
    assert!(of.value("naive", "probability") > 0.9, "but the target");
}

#[test]
fn photographs_tell_what_drives_a_unit_and_the_wrong_units_pictures_do_not() {
    let of = compared();
    // Of the photographs, their quarters are among those that must be found.
    for (key, least) in [("explains", 0.75), ("explains_kin", 0.85), ("own", 0.85)] {
        let photographs = of.value("photographs", key);
        assert!(photographs > least, "{key}: {photographs}");
        for nothing in ["blurred noise", "another unit's pictures"] {
            let guessed = of.value(nothing, key);
            assert!((0.2..0.7).contains(&guessed), "{key}: {nothing} {guessed}");
        }
    }
    assert!(of.value("natural exemplars", "own") > 0.6, "other photographs tell something of a unit, too");
    assert!(of.value("photographs", "path") > 0.7 && of.value("blurred noise", "path") < 0.);
    assert!(of.value("photographs", "predicts") > of.value("blurred noise", "predicts") + 0.1);
    // Every observer and unit of a method, and the target among them.
    let own = of.comparison.readings.iter().filter(|reading| reading.method == 0);
    assert_eq!(own.count(), 3 * 4);
    let below: Vec<_> = of.comparison.units.iter().map(|unit| unit.below.as_deref()).collect();
    assert!(below.iter().all(|layer| *layer == Some("pool")), "{below:?}");
}

#[test]
fn what_was_fixed_beforehand_stands_in_the_result_by_its_hash() {
    let of = compared();
    let registered = of.comparison.settings.registered.as_ref().unwrap();
    let bytes = std::fs::read(of.folder.path().join("test.yaml")).unwrap();
    assert_eq!(
        (&*registered.file, &registered.sha256),
        ("test.yaml", &metapicture::store::Hash::of(&bytes).to_string())
    );
}

#[test]
fn kin_are_told_from_strangers() {
    use classifiers::Kinship::{Foreign, Kin};
    let of = compared();
    let kinship: Vec<_> = of.comparison.observers.iter().map(|observer| observer.kinship).collect();
    assert_eq!(kinship, [None, Some(Kin), Some(Foreign)]);
    assert_eq!(of.comparison.settings.encoder.as_deref(), Some("squeezenet-caffe"));
    assert!(of.value("lucid-2017", "kin_probability") > 10. * of.value("lucid-2017", "foreign_probability").max(0.001));
}

#[test]
fn small_changes_leave_a_photograph_and_destroy_a_hidden_residual() {
    let of = compared();
    let share = |label| of.value(label, "adversarial");
    assert!(share("photographs") < 0.15, "{}", share("photographs"));
    for residual in ["naive", "blend eps=0.03"] {
        assert!(share(residual) > share("photographs") + 0.05, "{residual}: {}", share(residual));
    }
    assert!(of.value("naive", "capped") > 0.99 && of.value("blurred noise", "capped") < 0.3);
}

#[test]
fn scrambled_phases_pass_the_spectrum_and_fail_the_rest() {
    let of = compared();
    let scrambled = "phase-scrambled photographs";
    assert!(of.value(scrambled, "spectral_distance") < 2. * of.value("photographs", "spectral_distance"));
    assert!(of.value(scrambled, "spectral_distance") < 0.5 * of.value("blurred noise", "spectral_distance"));
    assert!(of.value(scrambled, "kin_agreement") < 0.2);
    assert!(of.value(scrambled, "percentile") < of.value("photographs", "percentile"));
}

/// The baseline is the mean of its pictures and not the best: against itself it is 1, and other seeds of it about 1.
#[test]
fn naive_is_as_strong_as_itself_and_as_other_seeds_of_it() {
    let of = compared();
    assert!((of.value("naive", "ratio") - 1.).abs() < 1e-12);
    // Of twelve seeds of these units any two against any other two come to 0.86 to 1.20 in 95 cases of a hundred.
    assert!((of.value("other half", "ratio") - 1.).abs() < 0.25, "{}", of.value("other half", "ratio"));
}

#[test]
fn a_network_that_knows_nothing_convinces_no_witness() {
    let of = compared();
    for label in ["permuted: naive", "permuted: lucid-2017", "permuted: blend (face-dcgan)"] {
        assert_eq!(of.value(label, "foreign_agreement") + of.value(label, "kin_agreement"), 0., "{label}");
        assert!(of.value(label, "ratio") < 0.2, "{label}");
    }
}

#[test]
fn what_a_generator_made_is_in_its_range() {
    let own: Vec<f64> = narrow()
        .comparison
        .inversions
        .iter()
        .filter(|inverted| inverted.of == "own samples")
        .map(|inverted| inverted.gap)
        .collect();
    assert_eq!(own.len(), 4);
    let mean = own.iter().sum::<f64>() / own.len() as f64;
    assert!(mean < 0.05, "{own:?}");
    let pixel = narrow().value("blend eps=0", "inversion_gap");
    assert!(pixel > 10. * mean, "naive noise is in no GAN's range: {pixel}");
    // Gaps have each their own denominator, distances one: of photographs about that of a gap, of noise far less.
    let denominator = |of: &str| {
        let found: Vec<f64> = (narrow().comparison.inversions.iter())
            .filter(|inverted| inverted.of == of)
            .map(|inverted| inverted.distance / inverted.gap)
            .collect();
        found.iter().sum::<f64>() / found.len() as f64
    };
    let (noise, photographs) = (denominator("baseline"), denominator("photographs"));
    assert!((0.3..3.).contains(&photographs) && noise > 2. * photographs, "{noise} {photographs}");
}

#[test]
fn the_dial_goes_from_the_prior_to_pixels() {
    let of = compared();
    let dial = &of.comparison.dials[0];
    assert_eq!(dial.name, "blend (face-dcgan): eps");
    assert_eq!(dial.methods.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [0., 0.01, 0.03]);
    let ratios: Vec<f64> =
        dial.methods.iter().map(|(method, _)| of.comparison.methods[*method].metrics["ratio"].value.unwrap()).collect();
    assert!(ratios[0] < 0.5 && ratios.is_sorted(), "an invisible residual fires the unit: {ratios:?}");
    let primary: Vec<_> = of.comparison.tradeoffs.iter().filter(|tradeoff| tradeoff.primary).collect();
    assert_eq!(primary.len(), 1, "the dial; the methods of a folder are no sample of anything");
    let said = &primary[0].sentence;
    assert!(
        said.contains("Too little for a claim: 4 units, where 30 are asked; 2 seeds, where 3 are asked")
            && said.contains("no relation"),
        "{said}"
    );
    assert!(
        said.contains("With 3 settings no order of them is rare enough for a claim"),
        "of 3! orders the least p is a third: {said}"
    );
    // The strongest prior that still fires the unit so much, by unit.
    assert_eq!(dial.void, None, "more of a residual reaches more");
    let [as_nature, half] = &of.comparison.iso[..] else { panic!("{:?}", of.comparison.iso) };
    assert_eq!((as_nature.level, half.level, half.units.len() + half.missing), (1., 0.5, 4));
    assert!(half.units.len() >= as_nature.units.len());
    for (unit, method) in &half.units {
        let own = of.comparison.pictures.iter().filter(|of| (of.unit, of.method) == (*unit, *method));
        let robust: Vec<f64> = own.map(|of| of.metrics["robust"]).collect();
        assert!(robust.iter().sum::<f64>() / robust.len() as f64 >= 0.5, "{unit} {method}: {robust:?}");
    }
    let all = of.comparison.tradeoffs.iter().find(|tradeoff| tradeoff.dial.is_none()).unwrap();
    assert_eq!(all.sentence, "");
    assert!(
        all.without_one
            .is_some_and(|[low, high]| low <= all.spearman.value.unwrap() && all.spearman.value.unwrap() <= high)
    );
}

#[test]
fn photographs_that_are_too_few_to_choose_from_are_said_to_be() {
    let of = narrow();
    let words =
        ["compare", "records", "--out", "few", "--inversions", "0", "--permuted-units", "0", "--replicates", "200"];
    let words = [&words[..], &OWN, &["--reference", "photos"]].concat();
    let said = succeed(&words, of.folder.path());
    assert!(said.contains("caution: Who can read the pictures is not known") && said.contains("--reference"), "{said}");
    let found = std::fs::read(of.folder.path().join("few/comparison.json")).unwrap();
    let found: Findings = serde_json::from_slice(&found).unwrap();
    assert!(found.tradeoffs.is_empty() && found.settings.pools.is_none());
    let explains = found.metric("explains").unwrap().not_computed.as_ref().unwrap();
    assert!(explains.contains("7 photographs"), "{explains}");
}

#[test]
fn a_minimised_unit_is_held_against_the_photographs_that_fire_it_least() {
    let at = narrow().folder.path();
    let file = "name: least\nclassifier: ./narrow.yaml\nunits: ['class:22', '-class:22']\nmethods: [{ preset: naive, steps: 20 }]\n\
                seeds: 1\ncompare: { witnesses: [./wider.yaml] }\n";
    std::fs::write(at.join("least.yaml"), file).unwrap();
    succeed(&["sweep", "least.yaml", "--out", "least"], at);
    let words = ["compare", "least", "--out", "least-compared", "--inversions", "0", "--permuted-units", "0"];
    let more = ["--manipulated-units", "0", "--replicates", "200", "--reference", "photos", "quarters"];
    succeed(&[&words[..], &more, &OWN[..2]].concat(), at);
    let found = std::fs::read(at.join("least-compared/comparison.json")).unwrap();
    let found: Findings = serde_json::from_slice(&found).unwrap();
    let place = |is_class: bool| found.units.iter().position(|unit| (unit.class == Some(22)) == is_class).unwrap();
    let (most, least) = (place(true), place(false));
    let mut table = csv::Reader::from_path(at.join("least-compared/photographs.csv")).unwrap();
    let header = table.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let mut highest: [Vec<(f64, String)>; 2] = Default::default();
    for row in table.records().map(Result::unwrap) {
        let [a, b] = [most, least].map(|unit| row[column(&found.units[unit].name)].parse::<f64>().unwrap());
        assert!((a + b).abs() < 1e-4, "{a} {b}");
        highest[0].push((a, row[0].to_owned()));
        highest[1].push((-b, row[0].to_owned()));
    }
    // As much as nature moves it: up for the one, and down for the other.
    let [up, down] = [most, least].map(|place| found.units[place].natural.unwrap());
    let mut all: Vec<f64> = highest[0].iter().map(|(a, _)| *a).collect();
    all.sort_by(f64::total_cmp);
    assert!(up > all[all.len() - 3] && -down < all[2], "{up} {down} {all:?}");
    let naive = found.methods.iter().position(|method| method.name == "naive").unwrap();
    for unit in [most, least] {
        let picture = found.pictures.iter().find(|of| (of.method, of.unit) == (naive, unit)).unwrap();
        assert!(picture.metrics["activation"] > found.units[unit].median.unwrap(), "{:?}", picture.metrics);
        assert!(picture.metrics["capped"] > 0., "{:?}", picture.metrics);
    }
    let exemplars = |unit: usize| {
        let control = found.methods.iter().position(|method| method.name == "natural exemplars").unwrap();
        let own = found.pictures.iter().filter(|of| (of.method, of.unit) == (control, unit));
        own.flat_map(|of| of.sources.clone()).collect::<std::collections::BTreeSet<usize>>()
    };
    assert!(exemplars(most).len() == 9 && exemplars(most).is_disjoint(&exemplars(least)));
}

#[test]
fn python_computes_the_same_from_the_files() {
    let of = compared();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/recompute.py");
    let output = Command::new("python3").arg(script).arg(of.out()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let again: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let close = |a: f64, b: f64, what: &str| assert!((a - b).abs() < 1e-9 * a.abs().max(1.), "{what}: {a} and {b}");
    for method in &of.comparison.methods {
        let found = &again["kin_agreement"][&method.label];
        close(found.as_f64().unwrap(), of.value(&method.label, "kin_agreement"), &method.label);
    }
    for (label, value) in again["ratio"].as_object().unwrap() {
        close(value.as_f64().unwrap(), of.value(label, "ratio"), label);
    }
    for (place, tradeoff) in of.comparison.tradeoffs.iter().enumerate() {
        let found = &again["correlation"][place];
        close(found[0].as_f64().unwrap(), tradeoff.spearman.value.unwrap(), &tradeoff.name);
        if let (Some(p), [family]) = (found[1].as_f64(), &tradeoff.families[..]) {
            close(p, family.p, &tradeoff.name);
        }
    }
    let [ours, theirs] = [0, 1].map(|which| again["holm"][which].as_array().unwrap().clone());
    assert!(ours.len() >= 6);
    ours.iter().zip(&theirs).for_each(|(a, b)| close(a.as_f64().unwrap(), b.as_f64().unwrap(), "Holm"));
    // summary.csv says the same.
    let mut reader = csv::Reader::from_path(of.out().join("summary.csv")).unwrap();
    let column = reader.headers().unwrap().iter().position(|column| column == "ratio").unwrap();
    for (row, method) in reader.records().map(Result::unwrap).zip(&of.comparison.methods) {
        assert_eq!(row[0], method.label);
        assert_eq!(row[column].parse().ok(), method.metrics["ratio"].value);
    }
}

/// Exemplars of twelve classes, manipulated. The pictures that are compared do not matter here.
#[test]
fn measures_fall_where_nothing_is_left_to_tell() {
    bring(&["efficientnet-lite0", "squeezenet-caffe"]);
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    quarters(at);
    let picture = support::reference("preprocessing/astronaut_224.png");
    let rows = [22, 99, 129, 243, 251, 305, 317, 438, 455, 471, 541, 559]
        .map(|class| format!("{},class:{class},any\n", picture.display()));
    std::fs::write(at.join("any.csv"), format!("path,unit,method\n{}", rows.concat())).unwrap();
    let words = "compare --foreign any.csv --classifier efficientnet-lite0 --witness squeezenet-caffe --out tried --inversions 0 --permuted-units 0 \
                 --replicates 2000 --reference imagenet-samples photos quarters";
    succeed(&words.split_whitespace().collect::<Vec<_>>(), at);
    let found: Findings = serde_json::from_slice(&std::fs::read(at.join("tried/comparison.json")).unwrap()).unwrap();
    let of = |metric: &str, way: &str| {
        let trial = found.trials.iter().find(|trial| trial.metric == metric && trial.manipulation == way);
        trial.unwrap_or_else(|| panic!("{metric} under {way}"))
    };
    for trial in &found.trials {
        println!(
            "{}, {}: {:?} {:?} {:?}",
            trial.metric, trial.manipulation, trial.change.value, trial.change.interval, trial.passed
        );
    }
    // What so few photographs can tell for sure; experiments/legibility.md has the whole table.
    for (metric, way) in [("path", "phases scrambled"), ("path", "half masked"), ("predicts", "another unit's")] {
        assert_eq!(of(metric, way).passed, Some(true), "{metric} under {way}: {:?}", of(metric, way).change);
    }
    for metric in ["explains", "own"] {
        let falls = ["half masked", "another object added", "phases scrambled", "another unit's", "adversarial"];
        assert!(falls.iter().all(|way| of(metric, way).change.value.is_some()), "{metric}");
    }
}

/// An encoder does the task, and is asked for no class.
#[test]
fn an_encoder_observes_without_being_a_classifier() {
    let of = narrow();
    let at = of.folder.path();
    let by = |out: &str, witnesses: &[&str]| {
        compare(at, out, &[&["--inversions", "0", "--permuted-units", "0", "--witness"], witnesses].concat())
    };
    let [wider, widest] = narrow::WITNESSES;
    let found = by("encoded", &[wider, widest, narrow::ENCODER]);
    assert_eq!((found.witnesses.len(), &*found.encoders[0].name), (2, "eye"));
    let eye = &found.observers[3];
    assert_eq!((&*eye.name, eye.kinship, &*eye.features), ("eye", Some(Kinship::NoClassifier), "13"));
    let (mut told, mut other) = (0, 0);
    for reading in found.readings.iter().filter(|reading| reading.observer == 3) {
        assert!(reading.transfer.is_none(), "it knows no classes");
        told += usize::from(reading.hard.is_some());
        let wider =
            found.readings.iter().find(|of| (of.method, of.unit, of.observer) == (reading.method, reading.unit, 1));
        other += usize::from(wider.unwrap().hard != reading.hard);
    }
    assert!(told >= 12 && other > 0, "{told} {other}");
    let alone = by("alone", &narrow::WITNESSES);
    assert_eq!(found.methods, alone.methods, "what legibility rests on is what classifiers see");
    let table = std::fs::read_to_string(at.join("encoded/observers.csv")).unwrap();
    assert!(table.lines().any(|line| line.contains(",eye,,no classifier,0.")), "{table}");
    agree_with_python(&at.join("encoded"), &found, &["eye"], 3 * 4);
}

/// By another way: products of pictures instead of a covariance.
#[test]
fn python_does_the_two_choice_task_again_from_the_features() {
    let of = narrow();
    agree_with_python(&of.out(), &of.comparison, &["narrow", "wider"], 2 * 3 * 4);
}

/// So many readings of these observers are what a script computes from the files.
fn agree_with_python(out: &Path, comparison: &Findings, observers: &[&str], readings: usize) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/recompute.py");
    let output = Command::new("python3").arg(script).arg(out).args(observers).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let again: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut compared = 0;
    for reading in &comparison.readings {
        let observer = &comparison.observers[reading.observer].name;
        let key = format!("{} | {}", comparison.methods[reading.method].label, comparison.units[reading.unit].name);
        if let Some(found) = again["two_choice"][observer][&key].as_f64() {
            assert!((found - reading.hard.unwrap()).abs() < 1e-6, "{observer}, {key}: {found} {:?}", reading.hard);
            compared += 1;
        }
    }
    assert_eq!(compared, readings, "of {observers:?}, by method and unit");
}

#[test]
fn plots_are_there_and_a_page_is_made_of_it() {
    let of = compared();
    let plots = std::fs::read_dir(of.out().join("plots")).unwrap().flatten();
    let names: Vec<String> = plots.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().filter(|name| name.ends_with(".png")).count() >= 5, "{names:?}");
    succeed(&["report", "compared"], of.folder.path());
    let page = std::fs::read_to_string(of.out().join("report.html")).unwrap();
    assert!(page.contains("blend (face-dcgan): eps") && page.len() < 8_000_000);
}

#[test]
fn the_same_comparison_gives_the_same_figures() {
    let of = narrow();
    let again = compare(
        of.folder.path(),
        "again",
        &[&OWN[..], &["--classifier", narrow::CLASSIFIER, "--inversions", "0", "--permuted-units", "0"]].concat(),
    );
    for label in ["naive", "blend eps=0", "photographs", "phase-scrambled photographs", "blurred noise"] {
        let other = again.methods.iter().find(|method| method.label == label).unwrap();
        for key in ["explains", "own", "kin_agreement", "ratio", "kid", "robust", "spectral_distance"] {
            assert_eq!(other.metrics[key], of.method(label).metrics[key], "{label}: {key}");
        }
    }
}

#[test]
fn networks_of_ones_own_are_compared_like_those_of_the_zoo() {
    let of = narrow();
    assert_eq!(of.comparison.target.name, "narrow");
    let witnesses: Vec<&str> = of.comparison.witnesses.iter().map(|witness| witness.name.as_str()).collect();
    assert_eq!(witnesses, ["wider", "widest"]);
    assert!(of.method("blend eps=0").metrics["inversion_gap"].value.is_some(), "its generator was found");
}

#[test]
fn wrong_requests_end_with_a_line_that_says_what_is_wrong() {
    let of = narrow();
    let at = of.folder.path();
    std::fs::write(at.join("no-unit.csv"), "path,method\nx.png,a\n").unwrap();
    std::fs::write(at.join("no-file.csv"), "path,unit,method\nx.png,banana,a\n").unwrap();
    std::fs::write(at.join("not-a-picture.png"), "text").unwrap();
    std::fs::write(at.join("not-a-picture.csv"), "path,unit,method\nnot-a-picture.png,banana,a\n").unwrap();
    let picture = support::reference("preprocessing/astronaut_224.png");
    for (name, unit) in [("a-class.csv", "banana"), ("no-class.csv", "bananna")] {
        let table = format!("path,unit,method\n{},{unit},a\n", picture.display());
        std::fs::write(at.join(name), table).unwrap();
    }
    std::fs::create_dir_all(at.join("empty")).unwrap();
    // The networks have gone elsewhere since.
    std::fs::create_dir_all(at.join("moved")).unwrap();
    std::os::unix::fs::symlink(at.join("records/runs"), at.join("moved/runs")).unwrap();
    std::fs::write(at.join("moved/manifests.json"), r#"{"classifiers": {"narrow": "/nowhere/narrow.yaml"}}"#).unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["nothing-here"], 2, "nothing-here"),
        (&["--foreign", "no-unit.csv"], 2, "no column 'unit'"),
        (&["--foreign", "no-file.csv"], 2, "row 2: x.png is not there"),
        (&["--foreign", "not-a-picture.csv", "--classifier", narrow::CLASSIFIER], 2, "not a picture"),
        (&["--foreign", "a-class.csv"], 2, "--classifier"),
        (&["--foreign", "no-class.csv", "--classifier", narrow::CLASSIFIER], 2, "did you mean"),
        (&["records", "--baseline", "naiv"], 2, "did you mean 'naive'"),
        (&["records", "--baseline", "blend eps=0"], 2, "pixel space"),
        (&["moved"], 2, "its manifest was /nowhere/narrow.yaml"),
        (&["records", "--classifier", "narow"], 2, "unknown classifier 'narow'"),
        (&["records", "--manifest", "nowhere.yaml"], 2, "--manifest: "),
        (&["records", "--layers", "_blocks.99"], 2, "no layer '_blocks.99'"),
        (&["records", "--witness", narrow::CLASSIFIER], 2, "is the classifier itself"),
        (&["records", "--registered", "nowhere.yaml"], 2, "--registered: nowhere.yaml: cannot be read"),
        (&["records", "--reference", "empty"], 2, "no pictures"),
        (&["records", "--reference", "photo"], 2, "photos"),
    ];
    for (words, code, says) in cases {
        let words = [&["compare", "--out", "wrong"], *words].concat();
        let output = metapicture(&words, at);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(says) && error.trim().lines().count() == 1, "{words:?}: {error}");
        assert_eq!(output.status.code(), Some(*code), "{words:?}: {error}");
    }
}
