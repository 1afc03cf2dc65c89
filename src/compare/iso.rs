//! Iso-activation: legibility where a dial's pictures fire their unit at least so much. Without it a picture may be legible because it is weak (the way
//! in which the stimuli of IMI are made; Zimmermann et al. 2024 compare methods at one activation, too).

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Dial, Freer, Iso};
use super::methods::Parts;
use super::statistics::{mean_of, unit_means};

/// What must be left under small changes (F1r): all of what nature does, and half.
const LEVELS: [f64; 2] = [1., 0.5];

/// Rounding of means of numbers that are 1.
const ROUNDING: f64 = 1e-9;

/// Of every dial whose pictures become freer: by unit, the strongest prior that still fires as nature does, and what can be told there.
pub fn iso(parts: &Parts, dials: &[Dial]) -> Vec<Iso> {
    let mut found = vec![];
    for (place, dial) in dials.iter().enumerate() {
        let Some(freer) = dial.freer.filter(|_| dial.void.is_none()) else { continue };
        let mut strongest_first: Vec<usize> = dial.methods.iter().map(|(method, _)| *method).collect();
        if freer == Freer::Down {
            strongest_first.reverse();
        }
        let of = |key: &str| -> Vec<BTreeMap<usize, f64>> {
            strongest_first.iter().map(|method| unit_means(&parts.values(*method, key))).collect()
        };
        let (robust, explains, own) = (of("robust"), of("explains"), of("own"));
        let units: BTreeSet<usize> = robust.iter().flat_map(BTreeMap::keys).copied().collect();
        for level in LEVELS {
            let chosen: Vec<(usize, usize)> = (units.iter())
                .filter_map(|unit| {
                    let reaches =
                        |of: &BTreeMap<usize, f64>| of.get(unit).is_some_and(|value| *value >= level - ROUNDING);
                    Some((*unit, robust.iter().position(reaches)?))
                })
                .collect();
            let figure = |of: &[BTreeMap<usize, f64>]| {
                let values = chosen.iter().filter_map(|(unit, setting)| Some((*unit, *of[*setting].get(unit)?)));
                mean_of(&values.collect::<Vec<_>>(), parts.evidence.bootstrap, "no unit is fired so much")
            };
            found.push(Iso {
                dial: place,
                level,
                units: chosen.iter().map(|(unit, setting)| (*unit, strongest_first[*setting])).collect(),
                missing: units.len() - chosen.len(),
                explains: figure(&explains),
                own: figure(&own),
            });
        }
    }
    found
}
