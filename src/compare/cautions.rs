//! What must be said in words before any figure.

use super::evidence::Evidence;
use super::findings::{Findings, MethodFindings, Origin};
use super::measure::Measures;
use super::study::Study;
use super::tradeoff::{SEEDS, UNITS};

/// How far passes may be from the baseline's, as a share, and still count as equal: a search for a code takes a few more.
const EQUAL_EFFORT: f64 = 0.06;

/// All of it, in the order in which it is said.
pub fn cautions(study: &Study, findings: &Findings, measures: &Measures, evidence: &Evidence) -> Vec<String> {
    let own: Vec<&MethodFindings> = findings.methods.iter().filter(|method| method.kind != Origin::Control).collect();
    let mut cautions: Vec<String> = too_few(&own).into_iter().collect();
    match findings.settings.baseline {
        Some(baseline) => {
            let baseline = &findings.methods[baseline];
            cautions.extend(failed_search(baseline, &own));
            cautions.extend(unequal_effort(baseline, &own));
            cautions.extend(layers_without_scale(findings, evidence));
            cautions.push(
                "F2 measures likeness to pixel-space results: noise scores well by construction. Read it beside F1 and F6."
                    .to_owned(),
            );
        }
        None => cautions.push(
            "There is no pixel-space method, and hence no baseline: fidelity and drift are not computed. Add naive runs, or name one with \
             --baseline."
                .to_owned(),
        ),
    }
    cautions.push(kinship(findings));
    let missing = findings.metrics.iter().filter(|metric| metric.not_computed.is_some());
    let missing: Vec<&str> = missing.map(|metric| metric.name.as_str()).collect();
    if !missing.is_empty() {
        cautions.push(format!("Not computed, for reasons given beside their definitions: {}.", missing.join(", ")));
    }
    if let Err(why) = &study.job.permuted {
        cautions.push(format!("The control by permuted weights is missing: {why}."));
    }
    for ((name, _), [ranked, of]) in study.job.networks.layers.iter().zip(&measures.ranked).filter(|(_, [a, b])| a < b)
    {
        cautions.push(format!(
            "Of {name}, {ranked} of {of} activations were ranked, drawn at random, so that they fit into memory."
        ));
    }
    let others = findings.units.len() - study.compared;
    if others > 0 {
        cautions.push(format!(
            "The control `photographs` has {others} classes that are no units here, so that it rests on more than the units' own photographs."
        ));
    }
    cautions
}

fn too_few(own: &[&MethodFindings]) -> Option<String> {
    let units = own.iter().map(|method| method.units).min().unwrap_or_default();
    let seeds = own.iter().map(|method| method.seeds).min().unwrap_or_default();
    (units < UNITS || seeds < SEEDS).then(|| {
        format!(
            "Too little for a claim: some method has {units} units, or {seeds} pictures of a unit; a claim asks for {UNITS} units \
             and {SEEDS} seeds of each."
        )
    })
}

fn failed_search(baseline: &MethodFindings, own: &[&MethodFindings]) -> Option<String> {
    let above =
        |method: &&&MethodFindings| method.metrics.get("ratio").and_then(|of| of.value).is_some_and(|of| of > 1.);
    let above: Vec<&str> = own.iter().filter(above).map(|method| method.label.as_str()).collect();
    (!above.is_empty()).then(|| {
        format!(
            "The pixel search ({}) failed against {}: they fire the units more than its best picture (F1 above 1).",
            baseline.label,
            above.join(", ")
        )
    })
}

fn unequal_effort(baseline: &MethodFindings, own: &[&MethodFindings]) -> Option<String> {
    let passes = |method: &MethodFindings| method.passes.map(|passes| passes[0] + passes[1]);
    let of_baseline = passes(baseline)?;
    let unequal = own.iter().filter_map(|method| Some((method, passes(method)?)));
    let unequal = unequal.filter(|(_, passes)| (passes / of_baseline - 1.).abs() > EQUAL_EFFORT);
    let unequal: Vec<String> = unequal.map(|(method, passes)| format!("{} ({passes:.0})", method.label)).collect();
    (!unequal.is_empty()).then(|| {
        format!(
            "Unequal effort: {} took {of_baseline:.0} forward and backward passes a picture, and {} did not. F1 compares equal \
             effort only.",
            baseline.label,
            unequal.join(", ")
        )
    })
}

fn layers_without_scale(findings: &Findings, evidence: &Evidence) -> Option<String> {
    let layers = findings.settings.layers.iter().zip(&evidence.denominators[0]);
    let lost: Vec<&str> = layers.filter(|(_, scale)| scale.is_none()).map(|(name, _)| name.as_str()).collect();
    (!lost.is_empty()).then(|| {
        format!(
            "Drift has no scale in {}: there the baseline's pictures of a unit do not resemble each other more than those of other \
             units (their interval includes 0), or there is one seed of each. These layers are left out of F2.",
            lost.join(", ")
        )
    })
}

fn kinship(findings: &Findings) -> String {
    if findings.witnesses.is_empty() {
        return "There is no witness: legibility by transfer (L1) is not computed.".to_owned();
    }
    let kin = findings.witnesses.iter();
    let kin = kin.filter_map(|witness| Some(format!("{}: {}", witness.name, witness.kinship.as_ref()?)));
    format!(
        "Witnesses share with the target what they share in family and data, adversarial features included. {}.",
        kin.collect::<Vec<_>>().join(". ")
    )
}
