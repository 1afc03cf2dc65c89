//! *Clusters*: whether pictures that show it lie together, in a layer's own numbers and never on a map.

use metrics::contingency::Table;
use metrics::separation::{probe, purity};
use ndarray::Axis;

use super::claim::{Encoder, Expected};
use super::outcome::{Context, Figure, Need, Outcome, Statement};
use super::registered::place;
use crate::embed::{self, Fit, Settings};
use crate::error::{Result, bail};
use crate::look::last_features;

/// Neighbours of a picture.
const NEIGHBOURS: usize = 10;

/// Pictures with it below which nothing is said.
const FEW: usize = 10;

/// Permutations: fewer than elsewhere, since each fits a probe.
const PERMUTATIONS: usize = 499;

/// Pictures that a cluster has at least.
const CLUSTER: usize = 10;

pub(super) fn outcomes(context: &Context, expected: &Expected, duplicates: &mut usize) -> Result<Vec<Outcome>> {
    let (claim, reading) = (context.claim(), context.reading(&expected.reading));
    let target = context.models.classifier(&claim.classifier)?;
    let space = match &claim.space {
        Some(space) => space.clone(),
        None => {
            Encoder { classifier: claim.classifier.clone(), layer: last_features(target.engine(), target.shapes())?.0 }
        }
    };
    let test = "share of like pictures among ten neighbours, and a cross-validated linear probe, each against permuted labels; clusters (HDBSCAN of 50 \
                principal components) are told, each by Fisher's test";
    let mut outcome = Outcome::new(expected, Statement::Clusters, test);
    let labelled = context.labelled(reading);
    let with = labelled.iter().filter(|(_, has)| *has).count();
    if with < FEW || labelled.len() - with < FEW {
        outcome.lacking.push(format!(
            "{with} labelled pictures show it and {} do not: {FEW} of each are needed",
            labelled.len() - with
        ));
        return Ok(vec![outcome]);
    }
    let classifier = context.encoder(&space)?;
    let settings = Settings { layer: space.layer.clone(), positions: false, fit: Fit::Crop, raw: false };
    let folder = context.out.join("embedded").join(place(&format!("class-{}-{}", space.classifier, space.layer)));
    let cache = context.models.zoo().cache();
    let told = embed::embed(&classifier, &settings, &context.material.class, cache, &folder, &|done, of| {
        (context.watch)(classifier.name(), done, of)
    })?;
    if let Some((name, error)) = told.unread.first() {
        bail!("{name}: {error}");
    }
    *duplicates = told.duplicates;
    let rows = embed::rows(&folder)?;
    let row_of = |number: usize| {
        let name = &context.material.sampled(number).name;
        context.material.class.iter().position(|source| source.name == *name)
    };
    let (places, has): (Vec<usize>, Vec<bool>) =
        labelled.iter().filter_map(|(number, has)| Some((row_of(*number)?, *has))).unzip();
    let own = rows.mapv(f64::from).select(Axis(0), &places);
    let least = 1. / (PERMUTATIONS + 1) as f64;
    let mut push = |what: String, of: Option<metrics::separation::Separated>| match of {
        Some(of) => outcome.figures.push(Figure::tested(what, of.value, of.chance, of.p, least)),
        None => outcome.lacking.push(format!("{what}: cannot be computed from so few")),
    };
    let at = format!("in {}, {}", space.classifier, space.layer);
    push(
        format!("share of like pictures among {NEIGHBOURS} neighbours {at}"),
        purity(own.view(), &has, NEIGHBOURS, PERMUTATIONS, claim.seed),
    );
    push(format!("area under the ROC curve of a linear probe {at}"), probe(own.view(), &has, PERMUTATIONS, claim.seed));
    for figure in enriched(&rows, &places, &has, claim.seed) {
        outcome.figures.push(figure);
    }
    Ok(vec![outcome])
}

/// Of each cluster of all pictures, the share of labelled ones that show it, against the rest, adjusted among clusters.
fn enriched(rows: &ndarray::Array2<f32>, places: &[usize], has: &[bool], seed: u64) -> Vec<Figure> {
    let Some(clusters) = maps::clusters::clusters(rows.view(), CLUSTER, seed) else { return vec![] };
    let count = clusters.iter().flatten().max().map_or(0, |last| last + 1);
    let share = |found: u64, of: u64| if of > 0 { found as f64 / of as f64 } else { 0. };
    let mut figures = vec![];
    for cluster in 0..count {
        let mut table = Table { both: 0, first: 0, second: 0, neither: 0 };
        for (place, has) in places.iter().zip(has) {
            let cell = match (clusters[*place] == Some(cluster), has) {
                (true, true) => &mut table.both,
                (true, false) => &mut table.first,
                (false, true) => &mut table.second,
                (false, false) => &mut table.neither,
            };
            *cell += 1;
        }
        let Some(fisher) = table.fisher() else { continue };
        let told = format!(
            "cluster {cluster}: {} of {} labelled pictures show it, elsewhere {} of {}",
            table.both,
            table.both + table.first,
            table.second,
            table.second + table.neither
        );
        let elsewhere = share(table.second, table.second + table.neither);
        let figure = Figure::tested(told, share(table.both, table.both + table.first), elsewhere, fisher.more, 0.);
        figures.push(figure.needs(Need::Nothing));
    }
    let adjusted =
        metrics::multiple::holm(&figures.iter().filter_map(|of| of.p).collect::<Vec<_>>()).unwrap_or_default();
    figures.iter_mut().zip(adjusted).for_each(|(figure, p)| figure.p_holm = Some(p));
    figures
}
