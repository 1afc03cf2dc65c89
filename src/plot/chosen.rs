//! What a plot shows of a comparison: which figures and which of many methods, and what its files are called.

use crate::compare::controls::slug;
use crate::compare::findings::{Findings, Origin};

/// The key of a picture's activation among its figures.
pub const ACTIVATION: &str = "activation";

/// The key of the probability that is shown beside it: that of strangers, else that of kin; and whose it is, in words.
pub fn probability(comparison: &Findings) -> (&'static str, &'static str) {
    let has = |key: &str| comparison.pictures.iter().any(|picture| picture.metrics.contains_key(key));
    match has("foreign_probability") || !has("kin_probability") {
        true => ("foreign_probability", "strangers’ probability"),
        false => ("kin_probability", "probability of the target’s kin"),
    }
}

/// At most `most` of the methods that are no controls and that `has` holds of, and how many there would be: first those on no
/// dial and the dials' ends, then what is between them.
pub(super) fn among(comparison: &Findings, has: impl Fn(&usize) -> bool, most: usize) -> (Vec<usize>, usize) {
    let all: Vec<usize> =
        (0..comparison.methods.len()).filter(|m| comparison.methods[*m].kind != Origin::Control && has(m)).collect();
    let between = |place: &usize| {
        comparison.dials.iter().any(|dial| {
            let at = dial.methods.iter().position(|(method, _)| method == place);
            at.is_some_and(|at| at > 0 && at + 1 < dial.methods.len())
        })
    };
    let mut chosen: Vec<usize> = all.iter().copied().filter(|place| !between(place)).collect();
    chosen.extend(all.iter().filter(|place| between(place)));
    chosen.truncate(most);
    chosen.sort_unstable();
    (chosen, all.len())
}

/// A name as that of a file; at most 48 characters.
pub(super) fn file_name(name: &str) -> String {
    let mut name = slug(name);
    name.truncate(48);
    name.trim_end_matches('-').to_owned()
}
