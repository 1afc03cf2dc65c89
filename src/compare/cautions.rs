//! What must be said in words before any figure.

use std::collections::BTreeMap;

use classifiers::Kinship;

use super::findings::{Findings, MethodFindings, Origin};
use super::least::{FOR_CHOICE, FOR_CLAIM_SEEDS, FOR_CLAIM_UNITS, lacking};
use super::study::Study;

/// How far passes may be from the baseline's, as a share, and still count as equal: a search for a code takes a few more.
const EQUAL_EFFORT: f64 = 0.06;

/// How much of an activation may come in the second half of the steps of a search that had arrived.
const ARRIVED: f64 = 0.05;

/// All of it, in the order in which it is said.
pub fn cautions(study: &Study, findings: &Findings) -> Vec<String> {
    let own: Vec<&MethodFindings> = findings.methods.iter().filter(|method| method.kind != Origin::Control).collect();
    let mut cautions: Vec<String> = too_few(&own).into_iter().collect();
    let photographs = findings.reference.photographs;
    if findings.settings.pools.is_none() {
        cautions.push(format!(
            "Who can read the pictures is not known: the two-choice task asks for {FOR_CHOICE} photographs, and there are {photographs}. Name more with \
             --reference."
        ));
    }
    cautions.extend(strangers(findings));
    match findings.settings.baseline {
        Some(baseline) => {
            let baseline = &findings.methods[baseline];
            cautions.extend(failed_search(baseline, &own));
            cautions.extend(unequal_effort(baseline, &own));
        }
        None => cautions.push(
            "There is no pixel-space method, and hence no baseline: strength (F1) is not computed. Add naive runs, or name one with --baseline."
                .to_owned(),
        ),
    }
    cautions.extend(unequal_pictures(&own));
    cautions.extend(still_rising(&own));
    cautions.extend(several_settings(findings, &own));
    for dial in &findings.dials {
        cautions.extend(dial.void.as_ref().map(|why| format!("Nothing may be concluded from {}: {why}.", dial.name)));
    }
    let missing = findings.metrics.iter().filter(|metric| metric.not_computed.is_some());
    let missing: Vec<&str> = missing.map(|metric| metric.name.as_str()).collect();
    if !missing.is_empty() {
        cautions.push(format!("Not computed, for reasons given beside their definitions: {}.", missing.join("; ")));
    }
    if let Err(why) = &study.job.permuted {
        cautions.push(format!("The control by permuted weights is missing: {why}."));
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
    (units < FOR_CLAIM_UNITS || seeds < FOR_CLAIM_SEEDS)
        .then(|| format!("Too little for a claim, by the method that has least: {}.", lacking(units, seeds)))
}

/// Who among the witnesses is a stranger to the target, and who is not.
fn strangers(findings: &Findings) -> Vec<String> {
    let mut said = vec![];
    let of = |kinship: Kinship| -> Vec<&str> {
        let those = findings.witnesses.iter().filter(|witness| witness.kinship == Some(kinship));
        those.map(|witness| witness.name.as_str()).collect()
    };
    if of(Kinship::Foreign).is_empty() {
        said.push(
            "No witness is of another family than the target: nothing here says whether anybody else can read the pictures. Kin share adversarial features."
                .to_owned(),
        );
    }
    let unknown: Vec<&str> = match &findings.target.family {
        None => vec![&findings.target.name],
        Some(_) => of(Kinship::Unknown),
    };
    if !unknown.is_empty() {
        said.push(format!(
            "Nobody says of which family {} {}: no claim rests on {}. Write `family: …` into the manifest (EfficientNet, MobileNet, Inception, SqueezeNet, ResNet, \
             DenseNet, VGG, AlexNet, or a name of your own).",
            unknown.join(", "),
            if unknown.len() == 1 { "is" } else { "are" },
            if findings.target.family.is_none() { "any witness" } else { "it" },
        ));
    }
    said
}

fn failed_search(baseline: &MethodFindings, own: &[&MethodFindings]) -> Option<String> {
    let above =
        |method: &&&MethodFindings| method.metrics.get("ratio").and_then(|of| of.value).is_some_and(|of| of > 1.001);
    let above: Vec<&str> = own.iter().filter(above).map(|method| method.label.as_str()).collect();
    (!above.is_empty()).then(|| {
        format!(
            "The pixel search ({}) failed against {}: they fire the units more than its pictures do (F1 above 1).",
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

/// Whoever is shown more pictures can tell more.
fn unequal_pictures(own: &[&MethodFindings]) -> Option<String> {
    let of_unit = |method: &MethodFindings| method.pictures as f64 / method.units.max(1) as f64;
    let (least, most) =
        own.iter().fold((f64::INFINITY, 0f64), |(low, high), of| (low.min(of_unit(of)), high.max(of_unit(of))));
    (most > least * 1.01).then(|| {
        format!(
            "Unequal numbers of pictures: {least:.1} to {most:.1} of a unit. Who is shown more pictures can tell more, so that methods with unequal numbers cannot be held \
             against each other in the two-choice task."
        )
    })
}

/// Methods of one name whose settings are no dial's: one of them may have been given up.
fn several_settings(findings: &Findings, own: &[&MethodFindings]) -> Vec<String> {
    let place = |of: &MethodFindings| findings.methods.iter().position(|method| method.label == of.label);
    let is_on_dial = |of: &&&MethodFindings| {
        place(of).is_some_and(|place| {
            findings.dials.iter().any(|dial| dial.methods.iter().any(|(method, _)| *method == place))
        })
    };
    let mut by_name: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
    for of in own.iter().filter(|of| of.kind == Origin::Run && !is_on_dial(of)) {
        by_name.entry((&of.name, of.generator.as_deref())).or_default().push(&of.label);
    }
    let several = by_name.into_iter().filter(|(_, labels)| labels.len() > 1);
    several
        .map(|((name, _), labels)| {
            format!(
                "{} settings of {name} meet here: {}. --where or --experiment leaves out what is not meant.",
                labels.len(),
                labels.join(", ")
            )
        })
        .collect()
}

/// Searches that more steps would have taken further.
fn still_rising(own: &[&MethodFindings]) -> Option<String> {
    let rising = own.iter().filter_map(|method| Some((method, method.late_gain.filter(|gain| *gain > ARRIVED)?)));
    let rising: Vec<String> = rising.map(|(method, gain)| format!("{} ({:.0} %)", method.label, 100. * gain)).collect();
    (!rising.is_empty()).then(|| {
        format!(
            "Searches that had not arrived: the second half of the steps still brought more than {:.0} % of the activation of {}. What they reach says as much of the \
             steps as of the method.",
            100. * ARRIVED,
            rising.join(", ")
        )
    })
}
