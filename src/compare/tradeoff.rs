//! What legibility costs: legibility against what a picture tells of its unit, within units, along a dial or over all methods.
//!
//! The paper's sentence, "the representational capacity of feature visualization images is inverse proportional to their legibility", is read as a
//! monotone one: within a unit, does one fall where the other rises? Legibility is what strangers can tell from the pictures, capacity what
//! the target itself can. Methods are what is random: their labels are exchanged for all units at once ([`metrics::joint`]). A claim is
//! made along a dial alone, and only where every foreign family agrees; the methods of a folder are no sample of anything.

use std::collections::BTreeMap;

use metrics::joint::{Joint, joint, mean_correlation};
use metrics::multiple::holm;

use super::findings::{Dial, FamilyTrend, Measured, MethodFindings, Metric, Origin, Tradeoff, TradeoffPoint};
use super::judges::mean;
use super::least::{FOR_CLAIM_SEEDS, FOR_CLAIM_UNITS, lacking};
use super::methods::Parts;
use super::statistics::{absent, few, mean_of, unit_means};

/// Legibility and what it is held against, the primary pair first.
const AXES: [(&str, &str); 2] = [("explains", "own"), ("explains", "ratio")];

/// At this level a relation is called one.
const ALPHA: f64 = 0.05;

/// A method's place, and its value of a dial.
type Turned = (usize, Option<f64>);

/// By unit: a figure.
type ByUnit = BTreeMap<usize, f64>;

/// One unit: both measures of every method.
type Curve = Vec<[f64; 2]>;

/// Every dial, and all methods.
pub fn tradeoffs(parts: &Parts, methods: &[MethodFindings], dials: &[Dial]) -> Vec<Tradeoff> {
    let mut about: Vec<(String, Option<usize>, Vec<Turned>)> = vec![];
    for (place, dial) in dials.iter().enumerate() {
        let settings = dial.methods.iter().map(|(method, value)| (*method, Some(*value))).collect();
        about.push((dial.name.clone(), Some(place), settings));
    }
    let all = (0..methods.len()).filter(|&method| methods[method].kind != Origin::Control);
    about.push(("all methods".to_owned(), None, all.map(|method| (method, None)).collect()));
    let mut found = vec![];
    for (name, dial, settings) in &about {
        for (number, (legibility, against)) in AXES.into_iter().enumerate() {
            let about = About { name, dial: *dial, legibility, against, primary: number == 0 && dial.is_some() };
            found.extend(tradeoff(parts, &about, settings));
        }
    }
    let primary = |tradeoff: &&mut Tradeoff| tradeoff.primary && tradeoff.p.is_some();
    let p: Vec<f64> = found.iter_mut().filter(primary).filter_map(|tradeoff| tradeoff.p).collect();
    let adjusted = holm(&p).unwrap_or_default();
    found.iter_mut().filter(primary).zip(adjusted).for_each(|(tradeoff, p)| tradeoff.p_holm = Some(p));
    for tradeoff in &mut found {
        let dial = tradeoff.dial.map(|place| &dials[place]);
        let seeds = tradeoff.points.iter().map(|point| methods[point.method].seeds).min().unwrap_or_default();
        tradeoff.sentence = sentence(tradeoff, dial, seeds, parts.metrics);
    }
    found
}

/// What a trade-off is about.
struct About<'a> {
    name: &'a str,
    dial: Option<usize>,
    legibility: &'a str,
    against: &'a str,
    primary: bool,
}

/// The trade-off over these settings; none where there are fewer than 3, or fewer than 3 units have all of them.
fn tradeoff(parts: &Parts, about: &About, settings: &[Turned]) -> Option<Tradeoff> {
    let evidence = parts.evidence;
    let figures = |key: &str| -> Vec<ByUnit> {
        settings.iter().map(|(method, _)| unit_means(&parts.values(*method, key))).collect()
    };
    let (legible, against) = (figures(about.legibility), figures(about.against));
    // A setting without figures is no point, and must not void the others.
    let there: Vec<usize> =
        (0..settings.len()).filter(|place| !legible[*place].is_empty() && !against[*place].is_empty()).collect();
    let select = |of: &[ByUnit]| -> Vec<ByUnit> { there.iter().map(|place| of[*place].clone()).collect() };
    let (legible, against) = (select(&legible), select(&against));
    let settings: Vec<Turned> = there.iter().map(|place| settings[*place]).collect();
    let curves = curves(&legible, &against);
    let test = joint(&curves, evidence.permutations, evidence.bootstrap.seed)?;
    if curves.len() < 3 {
        return None;
    }
    let of_family = |(family, witnesses): &(String, Vec<usize>)| {
        let seen = settings.iter().map(|(method, _)| evidence.told_by(*method, witnesses)).collect::<Vec<ByUnit>>();
        (family.clone(), seen)
    };
    let by_family: Vec<(String, Vec<ByUnit>)> = evidence.judges.foreign.iter().map(of_family).collect();
    let trend = |(family, seen): &(String, Vec<ByUnit>)| {
        let test = joint(&self::curves(seen, &against), evidence.permutations, evidence.bootstrap.seed)?;
        Some(FamilyTrend { family: family.clone(), spearman: test.correlation, p: test.p })
    };
    let families: Vec<FamilyTrend> = by_family.iter().filter_map(trend).collect();
    let points = (settings.iter().enumerate()).map(|(place, (method, value))| {
        let figure = |of: &ByUnit| {
            let values: Vec<(usize, f64)> = of.iter().map(|(unit, value)| (*unit, *value)).collect();
            mean_of(&values, evidence.bootstrap, "there is no picture")
        };
        let means = by_family.iter().filter_map(|(_, seen)| mean(seen[place].values().copied()));
        let means: Vec<f64> = means.collect();
        let range = (!means.is_empty()).then(|| {
            means.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], of| [low.min(*of), high.max(*of)])
        });
        let (legibility, against) = (figure(&legible[place]), figure(&against[place]));
        TradeoffPoint { method: *method, value: *value, legibility, families: range, against }
    });
    Some(Tradeoff {
        name: about.name.to_owned(),
        dial: about.dial,
        legibility: about.legibility.to_owned(),
        against: about.against.to_owned(),
        primary: about.primary,
        points: points.collect(),
        spearman: correlation(&curves, &test, parts),
        // All families must agree: the least sure of them decides (intersection-union).
        p: families
            .iter()
            .map(|of| of.p)
            .chain([test.p])
            .reduce(f64::max)
            .filter(|_| families.len() == by_family.len()),
        p_holm: None,
        least_p: Some(test.least),
        without_one: test.without_one,
        undefined: test.undefined,
        families,
        sentence: String::new(),
    })
}

/// The mean within-unit correlation; its interval is over units.
fn correlation(curves: &[Curve], test: &Joint, parts: &Parts) -> Measured {
    if test.undefined == curves.len() {
        return absent("no unit changes in both");
    }
    let of = |drawn: &[&Curve]| mean_correlation(&drawn.iter().map(|curve| &curve[..]).collect::<Vec<_>>());
    let interval = parts.evidence.bootstrap.flat(curves, of);
    Measured {
        value: Some(test.correlation),
        interval: interval.map(|interval| [interval.low, interval.high]),
        units: curves.len(),
        pictures: 0,
        why_not: interval.is_none().then(|| few(curves.len())),
    }
}

/// The units that have both measures of all methods.
fn curves(legible: &[ByUnit], against: &[ByUnit]) -> Vec<Curve> {
    let Some(first) = legible.first() else { return vec![] };
    let of_unit = |unit: &usize| -> Option<Curve> {
        legible.iter().zip(against).map(|(l, a)| Some([*l.get(unit)?, *a.get(unit)?])).collect()
    };
    first.keys().filter_map(of_unit).collect()
}

/// What it says, in words. Only a dial says anything.
fn sentence(of: &Tradeoff, dial: Option<&Dial>, seeds: usize, metrics: &[Metric]) -> String {
    let Some(dial) = dial else { return String::new() };
    let name =
        |key: &str| metrics.iter().find(|metric| metric.key == key).map_or(key, |metric| &metric.name).to_owned();
    let (legible, against) = (name(&of.legibility), name(&of.against));
    let mut text = format!("Along the dial {}, ", of.name.replace(": ", " by "));
    let (Some(value), units) = (of.spearman.value, of.spearman.units) else {
        return text + "neither measure changes within a unit.";
    };
    let agree = of.families.iter().all(|family| family.spearman * value > 0.);
    // A family of which nothing is known has not agreed.
    let p = of.p_holm.or(of.p).unwrap_or(1.);
    let few = units < FOR_CLAIM_UNITS || seeds < FOR_CLAIM_SEEDS;
    let claimed = dial.void.is_none() && !few && agree && !of.families.is_empty() && p <= ALPHA;
    text += &match (claimed, value < 0.) {
        (true, true) => format!("where \"{legible}\" rises, \"{against}\" falls, before every family of strangers"),
        (true, false) => {
            format!("where \"{legible}\" rises, \"{against}\" rises, too, before every family of strangers")
        }
        (false, _) => format!("no relation of \"{legible}\" and \"{against}\" is shown"),
    };
    text += &format!("; mean correlation within a unit {value:.2}");
    if let Some([low, high]) = of.without_one {
        text += &format!(" ({low:.2} to {high:.2} if one setting is left out)");
    }
    text += &format!(", p = {} after Holm.", metrics_probability(p));
    if !agree {
        let told: Vec<String> =
            of.families.iter().map(|family| format!("{} {:.2}", family.family, family.spearman)).collect();
        text += &format!(" Families of strangers disagree: {}.", told.join(", "));
    }
    if of.least_p.is_some_and(|least| least > ALPHA) {
        text += &format!(" With {} settings no order of them is rare enough for a claim.", of.points.len());
    }
    if let Some(void) = &dial.void {
        text += &format!(" The dial is void: {void}.");
    }
    if few {
        text += &format!(" Too little for a claim: {}.", lacking(units, seeds));
    }
    text
}

/// A p value with as many digits as it is worth.
fn metrics_probability(p: f64) -> String {
    if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.3}") }
}
