//! Comparisons that nobody made: figures that fall along a dial, pictures from blobs to noise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
                best_pixel: Some(21.4),
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
                    ("witness_probability", weak.powf(1.6)),
                    ("l1", weak.round()),
                    ("tv", 0.02 + 0.3 * share),
                    ("ratio", strong / 24.),
                ];
                pictures.push(PictureFindings {
                    id: format!("{unit:02x}{method:02x}{seed:02x}c0ffee"),
                    method,
                    unit,
                    seed,
                    facet: 0,
                    file,
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
                ("l1".to_owned(), legible),
                ("kid".to_owned(), measured(0.02 + 0.2 * share, 0.01, size.units)),
                ("coverage".to_owned(), why("fewer pictures than k + 1")),
                ("activation".to_owned(), measured(4. + 17. * share, 1.4, size.units)),
                ("witness_probability".to_owned(), measured(0.7 - 0.65 * share, 0.05, size.units)),
                ("ratio".to_owned(), measured(0.2 + 0.75 * share.powf(0.7), 0.05, size.units)),
                ("tv".to_owned(), measured(0.02 + 0.3 * share, 0.004, size.units)),
            ]);
            if !control {
                metrics.insert(
                    "drift".to_owned(),
                    measured(0.15 + 0.8 * share - chance, 0.07, size.units.saturating_sub(1).max(1)),
                );
            } else {
                metrics.insert("drift".to_owned(), why("photographs are of no unit's pixel search"));
            }
            let layer = |(depth, name): (usize, &String)| {
                let deep = depth as f64 / layers.len() as f64;
                let drift =
                    (1. - share) * (0.35 + 0.6 * (deep * 3.1).sin()) + 0.06 * noise(&[place as u64, depth as u64]);
                LayerFindings {
                    layer: name.clone(),
                    drift: measured(drift, 0.05 + 0.05 * deep, size.units),
                    drift_pooled: measured(drift * 0.8, 0.06, size.units),
                    path: measured(0.4 - 0.2 * deep, 0.05, size.units),
                    cka: measured(0.9 - 0.4 * drift, 0.03, size.units),
                    energy: why("one picture a unit"),
                    energy_p: Some(0.0004),
                    energy_q: None,
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
                tests: if control || place == 0 {
                    vec![]
                } else {
                    vec![test("l1", 0.6 - 0.6 * share, 0.0001), test("ratio", -0.7 + 0.7 * share, 0.031)]
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
    }];
    if size.many {
        dials.push(Dial {
            name: "regularized: total_variation.weight".to_owned(),
            setting: "regularizers.total_variation.weight".to_owned(),
            methods: weights.iter().enumerate().map(|(i, weight)| (first_regularized + i, *weight)).collect(),
        });
    }
    let point = |method: usize, value: Option<f64>| TradeoffPoint {
        method,
        value,
        legibility: methods[method].metrics["l1"].clone(),
        fidelity: methods[method].metrics["ratio"].clone(),
        lhat: 0.5,
        fhat: 0.5,
    };
    let mut tradeoffs = vec![];
    for (i, dial) in dials.iter().enumerate() {
        tradeoffs.push(Tradeoff {
            name: dial.name.clone(),
            dial: Some(i),
            points: dial.methods.iter().map(|(method, value)| point(*method, Some(*value))).collect(),
            front: (0..dial.methods.len()).collect(),
            primary: true,
            ..tradeoff(size.units)
        });
    }
    let methods_of_all: Vec<usize> = (0..all.len()).filter(|m| all[*m].kind != Origin::Control).collect();
    tradeoffs.push(Tradeoff {
        points: methods_of_all.iter().map(|method| point(*method, None)).collect(),
        front: vec![0, 1, 2],
        ..tradeoff(size.units)
    });
    tradeoffs.push(Tradeoff { primary: false, spearman_p_holm: None, ..tradeoffs[0].clone() });

    let model = |name: &str, kinship: Option<&str>| Participant {
        name: name.to_owned(),
        weights_sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        definition: json!({ "architecture": "efficientnet-lite", "input": [224, 224] }),
        kinship: kinship.map(str::to_owned),
    };
    let (mean, low, high) = (
        frequencies.iter().map(|f| power(*f, 0.08)).collect(),
        frequencies.iter().map(|f| power(*f, 0.08) - 1.).collect(),
        frequencies.iter().map(|f| power(*f, 0.08) + 0.8).collect(),
    );
    use Direction::{Down, Up};
    let mut metrics = vec![
        metric(
            "l1",
            "L1 witness agreement",
            MetricGroup::Legibility,
            Up,
            true,
            "Share of witnesses whose first guess is the unit's class.",
            "transferability; Fel et al. 2023",
        ),
        metric(
            "witness_probability",
            "L1 witness probability",
            MetricGroup::Legibility,
            Up,
            false,
            "Mean probability that the witnesses give to the unit's class.",
            "this project",
        ),
        metric(
            "kid",
            "L2 KID",
            MetricGroup::Legibility,
            Down,
            false,
            "Distance of the pictures' features from those of photographs.",
            "Bińkowski et al. 2018",
        ),
        metric(
            "coverage",
            "L3 coverage",
            MetricGroup::Legibility,
            Up,
            false,
            "Share of photographs that have a picture in their neighbourhood.",
            "Naeem et al. 2020",
        ),
        metric(
            "activation",
            "activation",
            MetricGroup::Fidelity,
            Up,
            false,
            "What the unit answers to the finished picture.",
            "Erhan et al. 2009",
        ),
        metric(
            "ratio",
            "F1 activation ratio",
            MetricGroup::Fidelity,
            Up,
            true,
            "Activation between that of the median photograph, 0, and that of the best pixel picture, 1.",
            "this project",
        ),
        metric(
            "drift",
            "F2 drift",
            MetricGroup::Fidelity,
            Down,
            true,
            "How far layers see the picture from pixel pictures of its unit.",
            "this project",
        ),
        metric(
            "mis",
            "F6 inversion gap",
            MetricGroup::Fidelity,
            Down,
            false,
            "What the generator cannot express.",
            "this project",
        ),
        metric(
            "tv",
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
        target: model("efficientnet-lite0", None),
        witnesses: vec![
            model("efficientnet-lite1", Some("same family, same training set")),
            model("efficientnet-lite2", Some("same family, same training set")),
        ],
        generators: vec![model("face-dcgan", None)],
        reference: Reference {
            source: "imagenet-samples".to_owned(),
            photographs: 456,
            labelled: 456,
            classes: 19,
            crops: 5,
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
            features: ["_conv_head".to_owned(), "_conv_head".to_owned()],
            command: "metapicture compare out/tradeoff --out out/tradeoff-compared".to_owned(),
        },
        cautions: vec![
            "Both witnesses are of the target's family and were trained on the same photographs: their agreement is an upper bound.".to_owned(),
            format!("{} units: a claim needs 30.", size.units),
        ],
        metrics,
        units,
        methods,
        dials,
        tradeoffs,
        spectrum: Band { frequency: frequencies, mean, low, high },
        inversions: vec![],
        pictures,
    };
    std::fs::write(folder.join("comparison.json"), serde_json::to_vec(&comparison).unwrap()).unwrap();
    comparison
}

fn tradeoff(units: usize) -> Tradeoff {
    Tradeoff {
        name: "all methods".to_owned(),
        dial: None,
        legibility: "l1".to_owned(),
        fidelity: "ratio".to_owned(),
        primary: true,
        points: vec![],
        front: vec![],
        spearman: measured(-0.74, 0.09, units),
        spearman_p: Some(0.0001),
        spearman_p_holm: Some(0.0003),
        undefined: 1,
        beta: measured(0.41, 0.08, units),
        floored: [12, 0],
        floors: [0.001, 0.001],
        hypervolume: measured(0.55, 0.04, units),
        severity: measured(0.45, 0.04, units),
        sentence: "Along the dial, what makes a picture legible makes it less faithful: the two fall against each other within a \
                   unit (Spearman −0.74 [−0.83, −0.65], 30 units), but less than in inverse proportion (beta 0.41 [0.33, 0.49])."
            .to_owned(),
    }
}
