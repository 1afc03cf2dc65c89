//! Comparisons that nobody made: figures that fall along a dial, pictures from blobs to noise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use classifiers::Kinship;
use image::{Rgb, RgbImage};
use metapicture::compare::findings::*;
use serde_json::json;

/// What a page must never take for HTML.
pub const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&</script>";

pub struct Size {
    pub units: usize,
    pub seeds: u64,
    /// Side of a picture in pixels.
    pub side: u32,
    /// Methods besides the few that are always there.
    pub many: bool,
}

/// A number in [0,1) that depends on its arguments alone.
fn noise(parts: &[u64]) -> f64 {
    let mix = |hash: u64, part: &u64| (hash ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let hash = parts.iter().fold(0x5bd1_e995u64, mix).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

/// Blobs of a unit's colours, dissolved into noise by `share`.
fn picture(unit: u64, seed: u64, share: f64, side: u32) -> RgbImage {
    let blob = |i: u64, what: u64| noise(&[unit, seed, i, what, 7]);
    let mut random = noise(&[unit, seed, side.into()]).to_bits() | 1;
    RgbImage::from_fn(side, side, |x, y| {
        let (x, y) = (f64::from(x) / f64::from(side), f64::from(y) / f64::from(side));
        let mut colour = [0, 1, 2].map(|c| 60. + 110. * noise(&[unit, c, 3]) + 40. * y);
        for i in 0..5 {
            let away = ((x - blob(i, 0)).powi(2) + (y - blob(i, 1)).powi(2)) / (0.01 + 0.06 * blob(i, 2));
            let near = (-away).exp();
            for (c, colour) in colour.iter_mut().enumerate() {
                *colour += near * (255. * noise(&[unit, i, c as u64, 11]) - *colour);
            }
        }
        Rgb(colour.map(|colour| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (colour * (1. - share) + share * (random >> 56) as f64) as u8
        }))
    })
}

fn measured(value: f64, half: f64, units: usize) -> Measured {
    Measured {
        value: Some(value),
        interval: Some([value - half, value + half]),
        units,
        pictures: 5 * units,
        why_not: None,
    }
}

fn why(reason: &str) -> Measured {
    Measured { why_not: Some(reason.to_owned()), ..Measured::default() }
}

fn metric(
    key: &str,
    name: &str,
    group: MetricGroup,
    direction: Direction,
    primary: bool,
    meaning: &str,
    source: &str,
) -> Metric {
    let range = "0 to 1".to_owned();
    let (key, name, meaning, source) = (key.to_owned(), name.to_owned(), meaning.to_owned(), source.to_owned());
    Metric { key, name, group, meaning, direction, range, source, primary, not_computed: None }
}

struct Made {
    label: String,
    kind: Origin,
    /// From the prior, 0, to pixels, 1.
    share: f64,
}

/// Writes the pictures and `comparison.json` into a folder.
pub fn make(folder: &Path, size: &Size) -> Findings {
    let made = |label: &str, kind, share| Made { label: label.to_owned(), kind, share };
    let eps = if size.many { vec![0., 0.003, 0.01, 0.03, 0.1, 1.] } else { vec![0., 0.03, 1.] };
    let steps = (eps.len() - 1) as f64;
    let mut all = vec![made("naive", Origin::Run, 1.)];
    let first_blend = all.len();
    for (i, eps) in eps.iter().enumerate() {
        all.push(made(&format!("blend eps={eps}"), Origin::Run, i as f64 / steps * 0.95));
    }
    let weights = [0., 100., 1000., 10000.];
    let first_regularized = all.len();
    if size.many {
        for (i, weight) in weights.iter().enumerate() {
            all.push(made(
                &format!("regularized total_variation.weight={weight}"),
                Origin::Run,
                0.85 - 0.15 * i as f64,
            ));
        }
        all.push(made("latent", Origin::Run, 0.05));
        all.push(made("lucid-2017", Origin::Run, 0.6));
        all.push(made("lucent", Origin::Foreign, 0.62));
        all.push(made("caricature", Origin::Run, 0.5));
        all.push(made("deep-dream", Origin::Run, 0.7));
        all.push(made("photographs", Origin::Control, 0.));
        all.push(made("phase-scrambled photographs", Origin::Control, 0.4));
    } else {
        all[2].label = HOSTILE.to_owned();
    }
    all.push(made("blurred noise", Origin::Control, 0.9));

    let units: Vec<UnitFindings> = (0..size.units)
        .map(|u| {
            const NAMES: [&str; 8] =
                ["banana", "goldfish", "violin", "wig", "chainlink fence", "tennis ball", "bow tie", "sunglass"];
            let label = if u < 8 { NAMES[u].to_owned() } else { format!("{} {}", NAMES[u % 8], u / 8) };
            UnitFindings {
                name: format!("class:{}", u * 31 + 1),
                class: Some(u * 31 + 1),
                label: Some(if !size.many && u == 1 { HOSTILE.to_owned() } else { label }),
                median: Some(-1.2),
                baseline: Some(21.4),
                natural: Some(9.3),
                below: Some("_conv_head".to_owned()),
                photographs: 24,
            }
        })
        .collect();

    std::fs::create_dir_all(folder.join("pictures")).unwrap();
    let mut pictures = vec![];
    for unit in 0..size.units {
        for (method, Made { label, share, .. }) in all.iter().enumerate() {
            for seed in 0..size.seeds {
                let file = PathBuf::from(format!("pictures/{unit}-{method}-{seed}.png"));
                picture(unit as u64, seed, *share, size.side).save(folder.join(&file)).unwrap();
                let chance = noise(&[unit as u64, method as u64, seed]);
                let strong = 4. + 17. * share.powf(0.6) + 3. * chance + (unit % 5) as f64;
                let weak =
                    (0.75 - 0.7 * share) * (0.4 + 0.6 * chance) * if label == "blurred noise" { 0.01 } else { 1. };
                let metrics = [
                    ("activation", strong),
                    ("foreign_probability", weak.powf(1.6)),
                    ("foreign_agreement", weak.round()),
                    ("variation", 0.02 + 0.3 * share),
                    ("ratio", strong / 24.),
                ];
                pictures.push(PictureFindings {
                    id: format!("{unit:02x}{method:02x}{seed:02x}c0ffee"),
                    method,
                    unit,
                    seed,
                    facet: 0,
                    file,
                    sources: vec![],
                    metrics: metrics.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                });
            }
        }
    }
    if !size.many {
        let last = pictures.last_mut().unwrap();
        last.file = PathBuf::from("pictures/<script>alert('path')</script>.png");
    }

    let layers: Vec<String> = ["_conv_stem".to_owned()]
        .into_iter()
        .chain((0..16).step_by(if size.many { 2 } else { 5 }).map(|i| format!("_blocks.{i}")))
        .chain(["_conv_head".to_owned()])
        .collect();
    let frequencies: Vec<f64> = (0..24).map(|i| 10f64.powf(1. + i as f64 * 0.044)).collect();
    let power = |f: f64, share: f64| 14. - (2.3 - 1.9 * share) * f.ln() - 1.5 * share;
    let methods: Vec<MethodFindings> = (all.iter().enumerate())
        .map(|(place, Made { label, kind, share })| {
            let chance = noise(&[place as u64, 99]) * 0.08;
            let legible = measured((0.72 - 0.62 * share + chance).max(0.01), 0.06, size.units);
            let control = *kind == Origin::Control;
            let mut metrics = BTreeMap::from([
                ("explains".to_owned(), legible),
                ("own".to_owned(), measured(0.9 - 0.3 * share, 0.04, size.units)),
                ("kid".to_owned(), measured(0.02 + 0.2 * share, 0.01, size.units)),
                ("coverage".to_owned(), why("fewer pictures than k + 1")),
                ("activation".to_owned(), measured(4. + 17. * share, 1.4, size.units)),
                ("foreign_probability".to_owned(), measured(0.7 - 0.65 * share, 0.05, size.units)),
                ("ratio".to_owned(), measured(0.2 + 0.75 * share.powf(0.7), 0.05, size.units)),
                ("variation".to_owned(), measured(0.02 + 0.3 * share, 0.004, size.units)),
            ]);
            let capped = if control {
                why("no photograph fires it")
            } else {
                measured(0.15 + 0.8 * share - chance, 0.07, size.units.max(2) - 1)
            };
            metrics.insert("capped".to_owned(), capped);
            let layer = |(depth, name): (usize, &String)| {
                let deep = depth as f64 / layers.len() as f64;
                LayerFindings {
                    layer: name.clone(),
                    path: measured((1. - share) * (0.35 + 0.6 * (deep * 3.1).sin()), 0.05 + 0.05 * deep, size.units),
                }
            };
            let test = |metric: &str, difference: f64, p: f64| Test {
                metric: metric.to_owned(),
                difference: measured(difference, 0.08, size.units),
                p: Some(p),
                p_holm: Some((p * 12.).min(1.)),
                effect: Some(difference.signum() * 0.8),
            };
            MethodFindings {
                label: label.clone(),
                name: label.split(' ').next().unwrap_or_default().to_owned(),
                kind: *kind,
                meaning: control.then(|| "What no network has anything to say of.".to_owned()),
                generator: (*share < 0.5 && !control).then(|| "face-dcgan".to_owned()),
                settings: json!({ "param": { "blend": { "eps": share } }, "note": HOSTILE }),
                units: size.units,
                pictures: size.units * size.seeds as usize,
                seeds: size.seeds as usize,
                passes: (!control).then_some([104., 100.]),
                metrics,
                layers: if control { vec![] } else { layers.iter().enumerate().map(layer).collect() },
                spectrum: frequencies.iter().map(|f| [*f, power(*f, *share)]).collect(),
                late_gain: (!control).then_some(0.02),
                tests: if control || place == 0 {
                    vec![]
                } else {
                    vec![test("explains", 0.6 - 0.6 * share, 0.0001), test("own", -0.7 + 0.7 * share, 0.031)]
                },
                cautions: if label == "latent" {
                    vec!["uses 4 forward passes more than the others".to_owned()]
                } else {
                    vec![]
                },
            }
        })
        .collect();

    let mut dials = vec![Dial {
        name: "blend (face-dcgan): eps".to_owned(),
        setting: "param.blend.eps".to_owned(),
        methods: eps.iter().enumerate().map(|(i, eps)| (first_blend + i, *eps)).collect(),
        freer: Some(Freer::Up),
        void: None,
    }];
    if size.many {
        dials.push(Dial {
            name: "regularized: total_variation.weight".to_owned(),
            setting: "regularizers.total_variation.weight".to_owned(),
            methods: weights.iter().enumerate().map(|(i, weight)| (first_regularized + i, *weight)).collect(),
            freer: Some(Freer::Down),
            void: Some("from 10000 to 1000 more is allowed, and in 9 of 30 units less was reached".to_owned()),
        });
    }
    let point = |method: usize, value: Option<f64>| TradeoffPoint {
        method,
        value,
        legibility: methods[method].metrics["explains"].clone(),
        families: methods[method].metrics["explains"].value.map(|value| [value - 0.04, value + 0.03]),
        against: methods[method].metrics["own"].clone(),
    };
    let mut tradeoffs = vec![];
    for (i, dial) in dials.iter().enumerate() {
        tradeoffs.push(Tradeoff {
            name: dial.name.clone(),
            dial: Some(i),
            points: dial.methods.iter().map(|(method, value)| point(*method, Some(*value))).collect(),
            primary: true,
            ..tradeoff(size.units)
        });
    }
    let methods_of_all: Vec<usize> = (0..all.len()).filter(|m| all[*m].kind != Origin::Control).collect();
    tradeoffs.push(Tradeoff {
        points: methods_of_all.iter().map(|method| point(*method, None)).collect(),
        primary: false,
        sentence: String::new(),
        ..tradeoff(size.units)
    });
    tradeoffs.push(Tradeoff { primary: false, p_holm: None, against: "ratio".to_owned(), ..tradeoffs[0].clone() });

    let model = |name: &str, family: Option<&str>, kinship: Option<Kinship>| Participant {
        name: name.to_owned(),
        weights_sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        definition: json!({ "architecture": "efficientnet-lite", "input": [224, 224] }),
        family: family.map(str::to_owned),
        kinship,
    };
    let observer = |name: &str, family: &str, kinship: Option<Kinship>| Observer {
        name: name.to_owned(),
        family: Some(family.to_owned()),
        kinship,
        features: if kinship.is_some() { "pool".to_owned() } else { String::new() },
        accuracy: kinship.map(|_| 0.69),
        temperature: kinship.map(|_| 1.2),
        likelihood: kinship.map(|_| [1.4, 1.3]),
    };
    let observers = vec![
        observer("efficientnet-lite0", "EfficientNet", None),
        observer("efficientnet-lite1", "EfficientNet", Some(Kinship::Kin)),
        observer("googlenet", "Inception", Some(Kinship::Foreign)),
    ];
    let mut readings = vec![];
    for (method, of) in all.iter().enumerate() {
        for unit in 0..size.units {
            for observer in 0..observers.len() {
                let accuracy = 0.5 + 0.4 * (1. - of.share) * noise(&[method as u64, unit as u64, observer as u64]);
                let (hard, easy) = (Some(accuracy), Some((accuracy + 0.05).min(1.)));
                readings.push(Reading { method, unit, observer, hard, easy, predicts: Some(0.3), transfer: None });
            }
        }
    }
    let (mean, low, high) = (
        frequencies.iter().map(|f| power(*f, 0.08)).collect(),
        frequencies.iter().map(|f| power(*f, 0.08) - 1.).collect(),
        frequencies.iter().map(|f| power(*f, 0.08) + 0.8).collect(),
    );
    use Direction::{Down, Up};
    let mut metrics = vec![
        metric(
            "explains",
            "two-choice, strangers",
            MetricGroup::Legibility,
            Up,
            true,
            "How often strangers tell photographs that fire a unit most from ordinary ones.",
            "Borowski et al. 2021",
        ),
        metric(
            "foreign_probability",
            "probability, strangers",
            MetricGroup::Legibility,
            Up,
            false,
            "Mean probability that networks of other families give to the unit's class.",
            "this project",
        ),
        metric(
            "kid",
            "KID",
            MetricGroup::Legibility,
            Down,
            false,
            "Distance of the pictures' features from those of photographs.",
            "Bińkowski et al. 2018",
        ),
        metric(
            "own",
            "R1 two-choice, the target itself",
            MetricGroup::Capacity,
            Up,
            true,
            "The same task by the target itself.",
            "this project",
        ),
        metric(
            "activation",
            "activation",
            MetricGroup::Strength,
            Up,
            false,
            "What the unit answers to the finished picture.",
            "Erhan et al. 2009",
        ),
        metric(
            "ratio",
            "F1 strength",
            MetricGroup::Strength,
            Up,
            false,
            "Activation between that of the median photograph, 0, and that of the mean pixel picture, 1.",
            "this project",
        ),
        metric(
            "capped",
            "F1c as much as nature",
            MetricGroup::Strength,
            Up,
            false,
            "How much of nature's activation it reaches.",
            "this project",
        ),
        metric(
            "inversion_gap",
            "F6 inversion gap",
            MetricGroup::Capacity,
            Down,
            false,
            "What the generator cannot express.",
            "this project",
        ),
        metric(
            "coverage",
            "coverage",
            MetricGroup::Diagnostic,
            Up,
            false,
            "Share of photographs that have a picture in their neighbourhood.",
            "Naeem et al. 2020",
        ),
        metric(
            "variation",
            "total variation",
            MetricGroup::Diagnostic,
            Direction::None,
            false,
            "Mean difference of neighbouring pixels.",
            "Rudin et al. 1992",
        ),
    ];
    metrics[7].not_computed = Some("no generator can be inverted here; ask for it with --inversion".to_owned());
    let comparison = Findings {
        schema_version: SCHEMA_VERSION,
        title: if size.many { "tradeoff".to_owned() } else { format!("small {HOSTILE}") },
        version: "0.1.0".to_owned(),
        target: model("efficientnet-lite0", Some("EfficientNet"), None),
        witnesses: vec![
            model("efficientnet-lite1", Some("EfficientNet"), Some(Kinship::Kin)),
            model("googlenet", Some("Inception"), Some(Kinship::Foreign)),
        ],
        encoders: vec![model("taef2-encoder", None, None)],
        generators: vec![model("face-dcgan", None, None)],
        reference: Reference {
            source: "imagenet-samples".to_owned(),
            photographs: 456,
            labelled: 456,
            classes: 19,
            sha256: "0b822cd15d6c15b0f00a089f86d081884c7d659a2feaa0c55ad015a3bf4f1b2".to_owned(),
        },
        sources: vec![PictureSource {
            path: PathBuf::from("out/tradeoff <b>hostile</b> & path"),
            pictures: pictures.len(),
            skipped: vec!["2 runs that failed".to_owned()],
            experiment: Some("name: tradeoff\nclassifier: efficientnet-lite0 # <script>alert(2)</script>\n".to_owned()),
            provenance: Some(json!({ "libtorch": "2.13.0", "host": HOSTILE })),
        }],
        settings: Settings {
            seed: 0,
            replicates: 10000,
            level: 0.95,
            permutations: 10000,
            baseline: Some(0),
            layers,
            encoder: Some("googlenet".to_owned()),
            pools: Some(Pools { top: 9, exemplars: 9, middle: 91, low: 91 }),
            registered: Some(Registered { file: HOSTILE.to_owned(), sha256: "00ff".to_owned() }),
            command: "metapicture compare out/tradeoff --out out/tradeoff-compared".to_owned(),
        },
        cautions: vec![
            "Nothing may be concluded from regularized: its searches had not arrived.".to_owned(),
            format!("{} units: a claim needs 30.", size.units),
        ],
        metrics,
        units,
        methods,
        dials,
        observers,
        readings,
        tradeoffs,
        trials: vec![Trial {
            metric: "explains".to_owned(),
            manipulation: HOSTILE.to_owned(),
            expected: Expected::Falls,
            change: measured(-0.2, 0.1, size.units),
            passed: Some(true),
        }],
        iso: vec![Iso {
            dial: 0,
            level: 0.5,
            units: vec![(0, first_blend)],
            missing: size.units - 1,
            explains: measured(0.6, 0.1, 1),
            own: why("no unit is fired so much"),
        }],
        spectrum: Band { frequency: frequencies, mean, low, high },
        inversions: vec![],
        people: None,
        pictures,
    };
    std::fs::write(folder.join("comparison.json"), serde_json::to_vec(&comparison).unwrap()).unwrap();
    comparison
}

fn tradeoff(units: usize) -> Tradeoff {
    Tradeoff {
        name: "all methods".to_owned(),
        dial: None,
        legibility: "explains".to_owned(),
        against: "own".to_owned(),
        primary: true,
        points: vec![],
        spearman: measured(-0.74, 0.09, units),
        p: Some(0.0083),
        p_holm: Some(0.017),
        least_p: Some(0.0014),
        without_one: Some([-0.81, -0.62]),
        undefined: 1,
        families: vec![FamilyTrend { family: "Inception".to_owned(), spearman: -0.74, p: 0.0083 }],
        sentence: "Along the dial, where strangers can tell more, the target itself can tell less, before every family of strangers; \
                   mean correlation within a unit -0.74 (-0.81 to -0.62 if one setting is left out), p = 0.017 after Holm."
            .to_owned(),
    }
}
