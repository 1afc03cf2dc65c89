//! What the page's script knows: the pictures' figures, and what they are of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::compare::findings::{Direction, Findings, UnitFindings};
use crate::plot::{ACTIVATION, probability};

/// Methods, units, dials, metrics, seeds by place; pictures as `[unit, method, seed, facet, id, figures]`, figures in the order of
/// `metrics`. Seeds are text, ascending: a script's numbers have 53 bits, and these have 64.
pub(super) fn data(comparison: &Findings) -> Value {
    let (key, whose) = probability(comparison);
    let mut keys: Vec<&str> = vec![ACTIVATION, key];
    let known = comparison.metrics.iter().map(|metric| metric.key.as_str());
    let of_pictures = comparison.pictures.iter().flat_map(|picture| picture.metrics.keys().map(String::as_str));
    let has = |key: &str| comparison.pictures.iter().any(|picture| picture.metrics.contains_key(key));
    for key in known.filter(|key| has(key)).chain(of_pictures) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let metric = |key: &&str| {
        let metric = comparison.metric(key);
        let down = metric.is_some_and(|metric| metric.direction == Direction::Down);
        json!({ "name": comparison.metric_name(key), "meaning": metric.map_or("", |metric| metric.meaning.as_str()), "down": down })
    };
    let unit = |unit: &UnitFindings| match &unit.label {
        Some(label) if *label != unit.name => json!({ "name": label, "long": format!("{label} ({})", unit.name) }),
        _ => json!({ "name": unit.name, "long": unit.name }),
    };
    let seeds: BTreeSet<u64> = comparison.pictures.iter().map(|picture| picture.seed).collect();
    let places: BTreeMap<u64, usize> = seeds.iter().copied().zip(0..).collect();
    let pictures = comparison.pictures.iter().map(|picture| {
        let figures: Vec<Value> =
            keys.iter().map(|key| picture.metrics.get(*key).map_or(Value::Null, |v| short(*v))).collect();
        json!([picture.unit, picture.method, places[&picture.seed], picture.facet, picture.id, figures])
    });
    json!({
        "whose": whose,
        "metrics": keys.iter().map(metric).collect::<Vec<_>>(),
        "units": comparison.units.iter().map(unit).collect::<Vec<_>>(),
        "methods": comparison.methods.iter().map(|method| {
            let legible = method.metrics.get("explains").and_then(|figure| figure.value);
            json!({ "name": method.label, "kind": method.kind, "legible": legible })
        }).collect::<Vec<_>>(),
        "baseline": comparison.settings.baseline,
        "dials": comparison.dials.iter().map(|dial| json!({ "name": dial.name, "setting": dial.setting, "methods": dial.methods })).collect::<Vec<_>>(),
        "seeds": seeds.iter().map(u64::to_string).collect::<Vec<_>>(),
        "pictures": pictures.collect::<Vec<_>>(),
    })
}

/// Six digits: what is shown has three, and thousands of numbers have a weight.
fn short(value: f64) -> Value {
    format!("{value:.5e}").parse::<f64>().map_or(Value::Null, |value| json!(value))
}
