//! *Shown*: visualizations of the class are like pictures that show it, more than pictures are that did not come from the class: a generator's free
//! samples, other classes, networks that know nothing. In the numbers of strangers to the network, who must be able to tell labelled pictures that show it
//! from those that do not, and by readers who did not know the source, where there are any. Of a null that was made by methods, the pictures by the same method
//! count: noise is compared with noise.

use std::collections::BTreeSet;

use metrics::permutation::{exceeds, least};
use metrics::separation::{FOLDS, likeness, probe};
use ndarray::Axis;

use super::claim::{Claim, Encoder, Expectation, Expected};
use super::outcome::{Context, Figure, LEVEL, Outcome, PERMUTATIONS, Statement};
use super::registered::{Material, null_group, place};
use crate::annotate::Answer;
use crate::embed::{self, Fit, Settings, Source};
use crate::error::{Result, bail};

/// Strangers that must agree.
const STRANGERS: usize = 2;

/// Permutations by which a stranger proves that it can tell.
const CALIBRATED: usize = 499;

/// What will leave an expectation of what is shown open, whatever people label.
pub fn foreseen(claim: &Claim, material: &Material) -> Vec<String> {
    let tests = |expected: &Expected| match &expected.expectation {
        Expectation::Shown(methods) => methods.len(),
        Expectation::MoreThan(_) | Expectation::Clusters(_) => 1,
        Expectation::Present(_) | Expectation::Relied(_) => 0,
    };
    let tests: usize = claim.expect.iter().map(tests).sum();
    let mut all = BTreeSet::new();
    for expected in &claim.expect {
        let Expectation::Shown(methods) = &expected.expectation else { continue };
        for method in methods {
            all.extend(missing(claim, material, method));
            let own = material.visualizations.iter().filter(|picture| is_by(picture, method)).count();
            for (name, null) in &material.nulls {
                let Some((others, _)) = against(null, method) else { continue };
                let others = others.len();
                let best = least(own, others, PERMUTATIONS) * tests as f64;
                if own > 0 && best >= LEVEL {
                    all.insert(format!(
                        "{own} pictures by {method} against {others} of '{name}': the best that they can come to is p {:.3} among the claim's {tests} tests; more seeds help",
                        best.min(1.)
                    ));
                }
            }
        }
    }
    all.into_iter().collect()
}

/// The places of a null's pictures that a method is held against, and whether they are by it: those by the same method, or all of a null that nobody made by
/// methods. What other methods made is no null of this one.
fn against(null: &[Source], method: &str) -> Option<(Vec<usize>, bool)> {
    let places = |of: &dyn Fn(&Source) -> bool| (0..null.len()).filter(|place| of(&null[*place])).collect::<Vec<_>>();
    let same = places(&|picture| is_by(picture, method));
    match same.is_empty() {
        false => Some((same, true)),
        true if null.iter().all(|picture| picture.made_by().is_some()) => None,
        true => Some((places(&|_| true), false)),
    }
}

/// What a method lacks before anybody looks.
fn missing(claim: &Claim, material: &Material, method: &str) -> Vec<String> {
    let some = |of: &[Source]| of.iter().any(|picture| is_by(picture, method));
    let encoders = claim.encoders.len();
    let lacking = [
        (!some(&material.visualizations)).then(|| format!("no visualization of the class is by {method}")),
        (!material.nulls.iter().any(|(_, of)| some(of))).then(|| {
            format!(
                "no null has pictures by {method}: whatever sets these apart from photographs would pass for likeness"
            )
        }),
        (encoders < STRANGERS).then(|| format!("{encoders} encoders; {STRANGERS} strangers must agree")),
    ];
    lacking.into_iter().flatten().collect()
}

pub(super) fn outcomes(context: &Context, expected: &Expected) -> Result<Vec<Outcome>> {
    let Expectation::Shown(methods) = &expected.expectation else { return Ok(vec![]) };
    let (claim, reading) = (context.claim(), context.reading(&expected.reading));
    let labelled = context.labelled(reading);
    let test = "permutation test of the mean likeness (a linear probe between labelled pictures that show it, 1, and those that do not, 0) against each \
                null, of the same method where it has such pictures, one-sided; by readers the same of the share of yes";
    let mut all: Vec<Outcome> = methods
        .iter()
        .map(|method| Outcome { method: Some(method.clone()), ..Outcome::new(expected, Statement::Shown, test) })
        .collect();
    let sides = labelled.iter().fold([0, 0], |[yes, no], (_, has)| if *has { [yes + 1, no] } else { [yes, no + 1] });
    for outcome in &mut all {
        let method = outcome.method.clone().unwrap_or_default();
        outcome.lacking.extend(missing(claim, context.material, &method));
        if sides.contains(&0) {
            outcome
                .lacking
                .push(format!("{} labelled pictures show it and {} do not: both are needed", sides[0], sides[1]));
        }
    }
    if !sides.contains(&0) {
        for encoder in &claim.encoders {
            by_encoder(context, encoder, &labelled, &mut all)?;
        }
    }
    read(context, reading, &mut all);
    Ok(all)
}

/// What one stranger makes of each method's pictures.
fn by_encoder(context: &Context, encoder: &Encoder, labelled: &[(usize, bool)], all: &mut [Outcome]) -> Result<()> {
    let (claim, material) = (context.claim(), context.material);
    let classifier = context.encoder(encoder)?;
    let mut pictures: Vec<Source> = labelled.iter().map(|(number, _)| material.sampled(*number).clone()).collect();
    pictures.extend_from_slice(&material.visualizations);
    pictures.extend(material.nulls.iter().flat_map(|(_, of)| of).cloned());
    let folder = context.out.join("embedded").join(place(&format!("{}-{}", encoder.classifier, encoder.layer)));
    let settings = Settings { layer: encoder.layer.clone(), positions: false, fit: Fit::Crop, raw: false };
    let cache = context.models.zoo().cache();
    let told = embed::embed(&classifier, &settings, &pictures, cache, &folder, &|done, of| {
        (context.watch)(classifier.name(), done, of)
    })?;
    if let Some((name, error)) = told.unread.first() {
        bail!("{name}: {error}");
    }
    let rows = embed::rows(&folder)?.mapv(f64::from);
    let (own, others) = rows.view().split_at(Axis(0), labelled.len());
    let has: Vec<bool> = labelled.iter().map(|(_, has)| *has).collect();
    let at = format!("{}, {}", encoder.classifier, encoder.layer);
    let Some(told) = probe(own, &has, CALIBRATED, claim.seed) else {
        let few = format!("fewer than {FOLDS} labelled pictures show it, or do not: too few for a probe in {at}");
        all.iter_mut().for_each(|outcome| outcome.lacking.push(few.clone()));
        return Ok(());
    };
    let what = format!("area under the ROC curve of the probe on labelled pictures that it has not seen, {at}");
    let figure = Figure { chance: Some(told.chance), p: Some(told.p), ..Figure::told(what, Some(told.value), None) };
    all.iter_mut().for_each(|outcome| outcome.figures.push(figure.clone()));
    let Some(like) = likeness(own, &has, others, claim.seed).filter(|_| told.p < LEVEL) else {
        let blind = format!("{at} does not tell labelled pictures that show it from those that do not");
        all.iter_mut().for_each(|outcome| outcome.lacking.push(blind.clone()));
        return Ok(());
    };
    // Visualizations come first, then each null.
    let (visualizations, nulls) = like.split_at(material.visualizations.len());
    for outcome in all {
        let method = outcome.method.clone().unwrap_or_default();
        let own: Vec<f64> = (material.visualizations.iter().zip(visualizations))
            .filter_map(|(picture, like)| is_by(picture, &method).then_some(*like))
            .collect();
        let mut rest = nulls;
        for (name, of) in &material.nulls {
            let (null, after) = rest.split_at(of.len());
            rest = after;
            let Some((places, same)) = against(of, &method) else { continue };
            let null: Vec<f64> = places.into_iter().map(|place| null[place]).collect();
            let whose = if same { ", of the same method" } else { "" };
            push(outcome, format!("likeness to it in {at}; against that of '{name}'{whose}"), &own, &null, claim.seed);
        }
    }
    Ok(())
}

/// What readers saw, who did not know what was what.
fn read(context: &Context, reading: usize, all: &mut [Outcome]) {
    let Some(sample) = context.registered.read.as_ref().filter(|_| !context.given.read.is_empty()) else { return };
    let seen = |group: &str| -> Vec<f64> {
        let items = sample.items.iter().enumerate().filter(|(_, item)| sample.groups[item.group].name == group);
        items
            .filter_map(|(number, _)| {
                let answers: Vec<f64> = (context.given.read.iter())
                    .filter_map(|labels| labels.answers[reading][number])
                    .map(|answer| f64::from(u8::from(answer == Answer::Yes)))
                    .collect();
                (!answers.is_empty()).then(|| answers.iter().sum::<f64>() / answers.len() as f64)
            })
            .collect()
    };
    for outcome in all {
        let groups: BTreeSet<&str> = (sample.groups.iter())
            .map(|group| group.name.as_str())
            .filter(|name| outcome.method.as_deref().is_some_and(|method| is_of(name, method)))
            .collect();
        let own: Vec<f64> = groups.into_iter().flat_map(seen).collect();
        for (name, _) in &context.material.nulls {
            let what = format!("share of {} readers who see it; against that of '{name}'", context.given.read.len());
            push(outcome, what, &own, &seen(&null_group(name)), context.claim().seed);
        }
    }
}

fn push(outcome: &mut Outcome, what: String, own: &[f64], null: &[f64], seed: u64) {
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    match exceeds(own, null, PERMUTATIONS, seed) {
        Some(p) => outcome.figures.push(Figure::tested(
            what,
            mean(own),
            mean(null),
            p,
            least(own.len(), null.len(), PERMUTATIONS),
        )),
        None => outcome.lacking.push(format!("{what}: {} pictures by the method, {} others", own.len(), null.len())),
    }
}

/// Whether a picture was made by a method: `latent` means `latent, face-dcgan`, too.
fn is_by(picture: &Source, method: &str) -> bool {
    picture.made_by().is_some_and(|made_by| is_of(made_by, method))
}

fn is_of(made_by: &str, method: &str) -> bool {
    made_by == method || made_by.strip_prefix(method).is_some_and(|rest| rest.starts_with(", "))
}
