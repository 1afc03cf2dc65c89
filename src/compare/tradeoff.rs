//! What legibility costs: legibility against fidelity, within units, along a dial or over all methods.
//!
//! Two readings of the paper's sentence, "the representational capacity of feature visualization images is inverse
//! proportional to their legibility": a monotone one (within a unit, does one fall where the other rises? Spearman's
//! correlation, averaged through Fisher's z) and a literal one (F = c/L: beta = 1 in ln F = c_u - beta ln L).

use std::collections::BTreeMap;

use metrics::bootstrap::Bootstrap;
use metrics::multiple::holm;
use metrics::{fisher, pareto, permutation, rank, slope};

use super::findings::{Dial, Measured, MethodFindings, Origin, PictureFindings, Tradeoff, TradeoffPoint};
use super::statistics::{Valued, absent, by_unit, few, mean_of};

/// What a fidelity is floored at before its logarithm.
pub const FLOOR: f64 = 0.01;

/// Units below which nothing is claimed.
pub const UNITS: usize = 30;
/// Seeds of each unit below which nothing is claimed.
pub const SEEDS: usize = 5;

/// What a trade-off is about.
#[derive(Clone, Debug)]
pub struct Axes<'a> {
    /// Of the dial, or all methods.
    pub name: &'a str,
    /// The dial's place.
    pub dial: Option<usize>,
    /// The metric's key.
    pub legibility: &'a str,
    /// The metric's key.
    pub fidelity: &'a str,
    /// Whether claims rest on it.
    pub primary: bool,
    /// Legibility of noise and of photographs, between which it is scaled.
    pub scale: [f64; 2],
}

/// One method: its place, its value of the dial, and legibility and fidelity of its pictures, by unit and number of the seed.
pub struct Setting {
    /// The method's place.
    pub method: usize,
    /// Its value.
    pub value: Option<f64>,
    /// By unit and number of the seed in their order.
    pub pictures: BTreeMap<(usize, u64), [f64; 2]>,
}

/// One seed of one unit: legibility and fidelity at every setting.
type Curve = Vec<[f64; 2]>;

/// Legibility and fidelity, the primary pair first. The witness probability leads, since agreement is often the same for a whole unit.
const AXES: [(&str, &str); 4] = [
    ("witness_probability", "ratio"),
    ("agreement", "ratio"),
    ("witness_probability", "likeness"),
    ("agreement", "likeness"),
];

/// A method's place, and its value of a dial.
type Turned = (usize, Option<f64>);

/// Every dial, and all methods: by two readings of legibility and two of fidelity.
pub fn tradeoffs(
    methods: &[MethodFindings],
    dials: &[Dial],
    pictures: &[PictureFindings],
    bootstrap: Bootstrap,
    permutations: usize,
) -> Vec<Tradeoff> {
    let all: Vec<Turned> = (0..methods.len())
        .filter(|&method| methods[method].kind != Origin::Control)
        .map(|method| (method, None))
        .collect();
    let mut about: Vec<(String, Option<usize>, Vec<Turned>)> = vec![];
    for (place, dial) in dials.iter().enumerate() {
        let settings = dial.methods.iter().map(|(method, value)| (*method, Some(*value))).collect();
        about.push((dial.name.clone(), Some(place), settings));
    }
    about.push(("all methods".to_owned(), None, all));
    let of_control = |name: &str, key: &str| {
        let method = methods.iter().find(|method| method.kind == Origin::Control && method.name == name)?;
        method.metrics.get(key)?.value
    };
    let mut found = vec![];
    for (name, dial, settings) in &about {
        for (number, (legibility, fidelity)) in AXES.into_iter().enumerate() {
            let axes = Axes {
                name,
                dial: *dial,
                legibility,
                fidelity,
                primary: number == 0,
                scale: [
                    of_control("blurred noise", legibility).unwrap_or(0.),
                    of_control("photographs", legibility).unwrap_or(1.),
                ],
            };
            let settings = settings.iter().map(|turned| setting(turned, pictures, &axes));
            let settings: Vec<Setting> = settings.filter(|setting| !setting.pictures.is_empty()).collect();
            found.extend(tradeoff(&axes, &settings, bootstrap, permutations));
        }
    }
    let primary = |tradeoff: &&mut Tradeoff| tradeoff.primary && tradeoff.spearman_p.is_some();
    let p: Vec<f64> = found.iter_mut().filter(primary).filter_map(|tradeoff| tradeoff.spearman_p).collect();
    let adjusted = holm(&p).unwrap_or_default();
    found.iter_mut().filter(primary).zip(adjusted).for_each(|(tradeoff, p)| tradeoff.spearman_p_holm = Some(p));
    found
}

/// Legibility and fidelity of a method's pictures. Seeds are paired in their order, since another tool may count from another number.
fn setting(turned: &Turned, pictures: &[PictureFindings], axes: &Axes) -> Setting {
    let (method, value) = *turned;
    let own = pictures.iter().filter(|picture| picture.method == method && picture.facet == 0);
    let by_seed: BTreeMap<(usize, u64), &PictureFindings> =
        own.map(|picture| ((picture.unit, picture.seed), picture)).collect();
    let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
    let pictures = by_seed.into_iter().filter_map(|((unit, _), picture)| {
        let number = counts.entry(unit).or_default();
        *number += 1;
        let values = [*picture.metrics.get(axes.legibility)?, *picture.metrics.get(axes.fidelity)?];
        Some(((unit, *number), values))
    });
    Setting { method, value, pictures: pictures.collect() }
}

/// The trade-off over these settings; none where fewer than 3 units have all of them.
pub fn tradeoff(axes: &Axes, settings: &[Setting], bootstrap: Bootstrap, permutations: usize) -> Option<Tradeoff> {
    if settings.len() < 3 {
        return None;
    }
    let curves = curves(settings);
    if curves.len() < 3 {
        return None;
    }
    let floor = axes.scale[0].max(1e-4);
    let of_unit = |seeds: &[&Curve]| -> Curve {
        let mean = |setting: usize, which: usize| {
            seeds.iter().map(|curve| curve[setting][which]).sum::<f64>() / seeds.len() as f64
        };
        (0..settings.len()).map(|setting| [mean(setting, 0), mean(setting, 1)]).collect()
    };
    let correlation = |curve: &Curve| {
        let side = |which: usize| curve.iter().map(|point| point[which]).collect::<Vec<f64>>();
        rank::spearman(&side(0), &side(1))
    };
    let spearman = |drawn: &[Vec<&Curve>]| {
        let of: Vec<f64> = drawn.iter().map(|seeds| correlation(&of_unit(seeds)).unwrap_or(0.)).collect();
        fisher::mean_correlation(&of)
    };
    let beta = |drawn: &[Vec<&Curve>]| {
        let floored = |[l, f]: [f64; 2]| [l.max(floor), f.max(FLOOR)];
        let units: Vec<Vec<[f64; 2]>> =
            drawn.iter().map(|seeds| of_unit(seeds).into_iter().map(floored).collect()).collect();
        slope::within_unit_slope(&units)
    };
    let scaled = |[l, f]: [f64; 2]| {
        let range = axes.scale[1] - axes.scale[0];
        let lhat = if range > 0. { ((l - axes.scale[0]) / range).clamp(0., 1.) } else { 0. };
        [lhat, f.clamp(0., 1.)]
    };
    let volume = |drawn: &[Vec<&Curve>]| {
        let units: Vec<Curve> = drawn.iter().map(|seeds| of_unit(seeds)).collect();
        let mean = |setting: usize, which: usize| {
            units.iter().map(|curve| curve[setting][which]).sum::<f64>() / units.len() as f64
        };
        let points: Vec<[f64; 2]> =
            (0..settings.len()).map(|setting| scaled([mean(setting, 0), mean(setting, 1)])).collect();
        Some(pareto::hypervolume(&points))
    };
    let units: Vec<Vec<&Curve>> = curves.iter().map(|seeds| seeds.iter().collect()).collect();
    let means: Vec<Curve> = units.iter().map(|seeds| of_unit(seeds)).collect();
    let correlations: Vec<Option<f64>> = means.iter().map(correlation).collect();
    let z: Vec<f64> = correlations.iter().map(|r| fisher::z(r.unwrap_or(0.))).collect();
    let pictures = curves.iter().map(Vec::len).sum::<usize>() * settings.len();
    let measured = |statistic: &(dyn Fn(&[Vec<&Curve>]) -> Option<f64> + Sync), missing: &str| {
        let Some(value) = statistic(&units) else { return absent(missing) };
        let interval = bootstrap.hierarchical(&curves, statistic);
        Measured {
            value: Some(value),
            interval: interval.map(|interval| [interval.low, interval.high]),
            units: curves.len(),
            pictures,
            why_not: interval.is_none().then(|| few(curves.len())),
        }
    };
    let spearman = measured(&spearman, "no unit changes in both");
    let beta = measured(&beta, "no unit's legibility changes");
    let hypervolume = measured(&volume, "there are no points");
    let severity = Measured {
        value: hypervolume.value.map(|value| 1. - value),
        interval: hypervolume.interval.map(|[low, high]| [1. - high, 1. - low]),
        ..hypervolume.clone()
    };
    let points: Vec<TradeoffPoint> = settings
        .iter()
        .map(|setting| {
            let side = |which: usize| {
                let values: Vec<Valued> =
                    setting.pictures.iter().map(|((unit, _), values)| (*unit, values[which])).collect();
                mean_of(&values, bootstrap, "there is no picture")
            };
            let (legibility, fidelity) = (side(0), side(1));
            let [lhat, fhat] = scaled([legibility.value.unwrap_or(0.), fidelity.value.unwrap_or(0.)]);
            TradeoffPoint { method: setting.method, value: setting.value, legibility, fidelity, lhat, fhat }
        })
        .collect();
    let front = pareto::front(&points.iter().map(|point| [point.lhat, point.fhat]).collect::<Vec<_>>());
    let floored = [0, 1].map(|which| {
        let least = [floor, FLOOR][which];
        means.iter().flatten().filter(|point| point[which] < least).count()
    });
    let mut tradeoff = Tradeoff {
        name: axes.name.to_owned(),
        dial: axes.dial,
        legibility: axes.legibility.to_owned(),
        fidelity: axes.fidelity.to_owned(),
        primary: axes.primary,
        points,
        front,
        spearman_p: permutation::sign_flip(&z, permutations, bootstrap.seed).map(|test| test.p),
        spearman_p_holm: None,
        spearman,
        undefined: correlations.iter().filter(|r| r.is_none()).count(),
        beta,
        floored,
        floors: [floor, FLOOR],
        hypervolume,
        severity,
        sentence: String::new(),
    };
    let seeds = curves.iter().map(Vec::len).min().unwrap_or_default();
    tradeoff.sentence = sentence(&tradeoff, curves.len(), seeds);
    Some(tradeoff)
}

/// By unit, then seed: the curves of those seeds that all settings have.
fn curves(settings: &[Setting]) -> Vec<Vec<Curve>> {
    let Some((first, others)) = settings.split_first() else { return vec![] };
    let mut units: BTreeMap<usize, Vec<Curve>> = BTreeMap::new();
    for (key, values) in &first.pictures {
        let rest: Option<Vec<[f64; 2]>> = others.iter().map(|other| other.pictures.get(key).copied()).collect();
        if let Some(rest) = rest {
            let curve: Curve = std::iter::once(*values).chain(rest).collect();
            if curve.iter().flatten().all(|value| value.is_finite()) {
                units.entry(key.0).or_default().push(curve);
            }
        }
    }
    units.into_values().collect()
}

/// What it says, in words.
pub fn sentence(of: &Tradeoff, units: usize, seeds: usize) -> String {
    let mut letters = of.name.chars();
    let name: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let mut text = format!("{name}: ");
    let interval = |measured: &Measured| match (measured.value, measured.interval) {
        (Some(value), Some([low, high])) => format!("{value:.2} (95 % interval {low:.2} to {high:.2})"),
        (Some(value), None) => format!("{value:.2} (no interval)"),
        (None, _) => "undefined".to_owned(),
    };
    text += &match (of.spearman.value, of.spearman.interval) {
        (Some(_), Some([_, high])) if high < 0. => {
            format!(
                "within a unit, fidelity falls where legibility rises; mean Spearman correlation {}",
                interval(&of.spearman)
            )
        }
        (Some(_), Some([low, _])) if low > 0. => {
            format!(
                "within a unit, fidelity rises with legibility; mean Spearman correlation {}",
                interval(&of.spearman)
            )
        }
        (Some(_), Some(_)) => format!(
            "no monotone relation of legibility and fidelity could be shown; mean Spearman correlation {}",
            interval(&of.spearman)
        ),
        _ => format!("the correlation is {}", interval(&of.spearman)),
    };
    text += &format!(". beta is {}", interval(&of.beta));
    text += match of.beta.interval {
        Some([low, high]) if low <= 1. && high >= 1. => ", which literal inverse proportionality (1) is within",
        Some([low, _]) if low > 0. => ": a trade-off, but not inverse proportionality (1)",
        Some([_, high]) if high < 0. => ": the opposite of a trade-off",
        Some(_) => ": neither a trade-off nor its opposite",
        None => "",
    };
    text += &format!(". Severity {}.", interval(&of.severity));
    if of.undefined > 0 {
        text += &format!(
            " In {} of {units} units legibility or fidelity never changes; they count as uncorrelated.",
            of.undefined
        );
    }
    if units < UNITS || seeds < SEEDS {
        text += &format!(" Too little for a claim: {units} units and {seeds} seeds; {UNITS} and {SEEDS} are asked.");
    }
    text
}

/// Units by their mean of a method's values, for tests of pairs.
pub fn unit_means(values: &[Valued]) -> BTreeMap<usize, f64> {
    by_unit(values).into_iter().map(|(unit, of)| (unit, of.iter().sum::<f64>() / of.len() as f64)).collect()
}
