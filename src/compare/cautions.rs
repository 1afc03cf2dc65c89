//! What must be said in words before any figure.

use super::Job;
use super::analysis::Evidence;
use super::comparison::{Comparison, Kind, Method};
use super::measure::Measures;
use super::tradeoff::{SEEDS, UNITS};

/// All of it; `compared` units are those of the pictures.
pub fn cautions(
    job: &Job,
    comparison: &Comparison,
    measures: &Measures,
    evidence: &Evidence,
    compared: usize,
) -> Vec<String> {
    let mut cautions = vec![];
    let own: Vec<&Method> = comparison.methods.iter().filter(|method| method.kind != Kind::Control).collect();
    let (units, seeds) = (
        own.iter().map(|method| method.units).min().unwrap_or_default(),
        own.iter().map(|method| method.seeds).min().unwrap_or_default(),
    );
    if units < UNITS || seeds < SEEDS {
        cautions.push(format!(
            "Too little for a claim: some method has {units} units, or {seeds} pictures of a unit; a claim asks for {UNITS} units \
             and {SEEDS} seeds of each."
        ));
    }
    if let Some(baseline) = comparison.settings.baseline {
        let label = &comparison.methods[baseline].label;
        let failed: Vec<&str> = own
            .iter()
            .filter(|method| method.metrics.get("ratio").and_then(|ratio| ratio.value).is_some_and(|ratio| ratio > 1.))
            .map(|method| method.label.as_str())
            .collect();
        if !failed.is_empty() {
            cautions.push(format!(
                "The pixel search ({label}) failed against {}: they fire the units more than its best picture (F1 above 1).",
                failed.join(", ")
            ));
        }
        let passes = |method: &Method| method.passes.map(|passes| passes[0] + passes[1]);
        if let Some(of_baseline) = passes(&comparison.methods[baseline]) {
            let unequal: Vec<String> = own
                .iter()
                .filter_map(|method| Some((method, passes(method)?)))
                .filter(|(_, passes)| (passes / of_baseline - 1.).abs() > 0.06)
                .map(|(method, passes)| format!("{} ({passes:.0})", method.label))
                .collect();
            if !unequal.is_empty() {
                cautions.push(format!(
                    "Unequal effort: {label} took {of_baseline:.0} forward and backward passes a picture, and {} did not. F1 \
                     compares equal effort only.",
                    unequal.join(", ")
                ));
            }
        }
        let lost: Vec<&str> = comparison
            .settings
            .layers
            .iter()
            .zip(&evidence.denominators[0])
            .filter(|(_, scale)| scale.is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        if !lost.is_empty() {
            cautions.push(format!(
                "Drift has no scale in {}: there the baseline's pictures of a unit do not resemble each other more than those of other \
                 units (their interval includes 0), or there is one seed of each. These layers are left out of F2.",
                lost.join(", ")
            ));
        }
        cautions.push(
            "F2 measures likeness to pixel-space results: noise scores well by construction. Read it beside F1 and F6."
                .to_owned(),
        );
    } else {
        cautions.push(
            "There is no pixel-space method, and hence no baseline: fidelity and drift are not computed. Add naive runs, or name one with \
             --baseline."
                .to_owned(),
        );
    }
    match comparison.witnesses.len() {
        0 => cautions.push("There is no witness: legibility by transfer (L1) is not computed.".to_owned()),
        _ => {
            let kin: Vec<String> = comparison
                .witnesses
                .iter()
                .filter_map(|witness| Some(format!("{}: {}", witness.name, witness.kinship.as_ref()?)))
                .collect();
            cautions.push(format!(
                "Witnesses share with the target what they share in family and data, adversarial features included. {}.",
                kin.join(". ")
            ));
        }
    }
    let missing: Vec<&str> = comparison
        .metrics
        .iter()
        .filter(|metric| metric.not_computed.is_some())
        .map(|metric| metric.name.as_str())
        .collect();
    if !missing.is_empty() {
        cautions.push(format!("Not computed, for reasons given beside their definitions: {}.", missing.join(", ")));
    }
    if let Err(why) = &job.permuted {
        cautions.push(format!("The control by permuted weights is missing: {why}."));
    }
    for ((name, _), [ranked, of]) in job.networks.layers.iter().zip(&measures.ranked).filter(|(_, [a, b])| a < b) {
        cautions.push(format!(
            "Of {name}, {ranked} of {of} activations were ranked, drawn at random, so that they fit into memory."
        ));
    }
    let others = comparison.units.len() - compared;
    if others > 0 {
        cautions.push(format!(
            "The control `photographs` has {others} classes that are no units here, so that it rests on more than the units' own photographs."
        ));
    }
    cautions
}
