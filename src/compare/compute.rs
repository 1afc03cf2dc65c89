//! Computing a comparison: photographs, controls and pictures are looked at, and figures made of the looks.

use std::fs;
use std::path::Path;

use metrics::bootstrap::Bootstrap;

use super::controls::{Control, slug};
use super::evidence::Evidence;
use super::findings::{Findings, PictureFindings, SCHEMA_VERSION, Settings, UnitFindings};
use super::follow::FollowComparison;
use super::job::{Job, shorter_side};
use super::judges::Judges;
use super::measure::{Measures, Sighting, Subject};
use super::methods::Parts;
use super::nature::Nature;
use super::statistics::unit_means;
use super::study::Study;
use super::{about, cautions, choice, definitions, features, iso, nearest, tradeoff, trials};
use crate::error::{Context, Result};

/// Computes a comparison, and leaves its controls' pictures in its folder.
///
/// # Errors
/// A request: a baseline that is not there, a unit that the target does not have. Storage: pictures that cannot be read or written.
/// Compute: libtorch's errors.
pub fn compare(job: &Job, follow: &dyn FollowComparison) -> Result<Findings> {
    let Job { gathered, networks, options, .. } = job;
    let target = &networks.target;
    let bootstrap = Bootstrap { replicates: options.replicates, seed: options.seed, ..Bootstrap::default() };
    fs::create_dir_all(&job.out).with_context(|| format!("{}: cannot be made", job.out.display()))?;

    let study = Study::of(job)?;
    let units = &study.units;
    follow.begin("photographs", job.photographs.len());
    let nature = Nature::look(&study, &|done| follow.at(done))?;
    let judges = Judges::new(&study, &nature);
    let controls = study.controls(&nature, &judges, follow)?;
    let (ids, subjects) = subjects(&study, &controls);
    follow.begin("pictures", subjects.len());
    let measures = study.measure(&nature, subjects, &|done| follow.at(done))?;
    follow.begin("two-choice task", judges.observers.len());
    let readings = choice::readings(&study, &nature, &measures, &judges, &|done| follow.at(done))?;
    let inversions = nearest::nearest(&study, &nature, &measures, follow)?;

    let evidence = Evidence::new(&study, &nature, &measures, &judges, &readings, bootstrap);
    let mut metrics = definitions::metrics();
    for metric in &mut metrics {
        evidence.explain(metric);
        if metric.key.starts_with("inversion") && metric.not_computed.is_none() && inversions.is_empty() {
            metric.not_computed =
                Some("no method has a generator that gives a gradient, or --inversions is 0".to_owned());
        }
    }
    let pictures = pictures(&job.out, &measures, ids, &evidence);
    let parts = Parts {
        study: &study,
        controls: &controls,
        evidence: &evidence,
        metrics: &metrics,
        pictures: &pictures,
        inversions: &inversions,
    };
    let methods = parts.methods(follow)?;
    let mut dials = gathered.dials();
    for dial in &mut dials {
        dial.judge(&|method| unit_means(&parts.values(method, "activation")));
    }
    follow.begin("trade-offs", 1);
    let tradeoffs = tradeoff::tradeoffs(&parts, &methods, &dials);
    let iso = iso::iso(&parts, &dials);
    let trials = trials::trials(&parts, &methods);
    let unit_rows = (units.iter().enumerate())
        .map(|(place, unit)| UnitFindings {
            name: unit.name.clone(),
            class: unit.class(),
            label: unit.label().map(str::to_owned),
            median: nature.median(place),
            baseline: evidence.baseline[place],
            natural: nature.natural(place),
            below: study.looks_below[place].map(|layer| study.below[layer].0.clone()),
            photographs: unit.class().map_or(0, |class| nature.of_class(class).count()),
        })
        .collect();
    let mut findings = Findings {
        schema_version: SCHEMA_VERSION,
        title: job.title.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target: about::model(target, None),
        witnesses: networks.witnesses.iter().map(|witness| about::model(witness, Some(target))).collect(),
        encoders: networks.encoders.iter().map(|encoder| about::encoder(encoder)).collect(),
        generators: about::generators(job),
        reference: about::reference(job),
        sources: gathered.sources.clone(),
        settings: Settings {
            seed: options.seed,
            replicates: options.replicates,
            level: bootstrap.level,
            permutations: options.permutations,
            baseline: study.baseline,
            layers: networks.layers.iter().map(|(name, _)| name.clone()).collect(),
            encoder: judges.encoder().map(|place| networks.witnesses[place].name.clone()),
            pools: nature.pools(),
            registered: job.registered.clone(),
            command: job.command.clone(),
        },
        cautions: vec![],
        metrics,
        units: unit_rows,
        methods,
        dials,
        observers: judges.observers.clone(),
        readings: readings.clone(),
        tradeoffs,
        iso,
        trials,
        spectrum: about::band(&nature),
        inversions,
        pictures,
        people: None,
    };
    findings.cautions = cautions::cautions(&study, &findings);
    features::write(&study, &nature, &measures, &findings)?;
    Ok(findings)
}

/// What is measured, and the ids of its rows: the pictures, then those of the controls.
fn subjects(study: &Study, controls: &[Control]) -> (Vec<String>, Vec<Subject>) {
    let (job, mut rows) = (study.job, vec![]);
    for item in &job.gathered.items {
        let subject = Subject {
            method: item.group,
            unit: study.places[&*item.unit],
            key: (item.seed, item.facet),
            path: item.path.clone(),
            own: job.priors.get(&item.group).map(|prior| shorter_side(&prior.generator)),
            photograph: None,
            sources: item.started.as_ref().map(|words| started(job, words)).unwrap_or_default(),
        };
        rows.push((item.id.clone(), subject));
    }
    for (number, control) in controls.iter().enumerate() {
        for shown in &control.pictures {
            let subject = Subject {
                method: job.gathered.groups.len() + number,
                unit: shown.unit,
                key: (shown.number, 0),
                path: shown.path.clone(),
                own: shown.own,
                photograph: shown.photograph,
                sources: shown.sources.clone(),
            };
            rows.push((format!("{}-{}-{}", slug(&control.name), shown.unit, shown.number), subject));
        }
    }
    rows.into_iter().unzip()
}

/// The photographs of the reference that a search started from, by the name of the file in the words of its record.
fn started(job: &Job, words: &str) -> Vec<usize> {
    let named = |path: &Path| path.file_name().is_some_and(|name| words.contains(&*name.to_string_lossy()));
    (0..job.photographs.len()).filter(|place| named(&job.photographs[*place].path)).collect()
}

/// The rows of the pictures. Files below the comparison's folder are named from there.
fn pictures(out: &Path, measures: &Measures, ids: Vec<String>, evidence: &Evidence) -> Vec<PictureFindings> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let out = absolute(out);
    let row = |(id, sighting): (String, &Sighting)| {
        let subject = &sighting.subject;
        let file = absolute(&subject.path);
        PictureFindings {
            id,
            method: subject.method,
            unit: subject.unit,
            seed: subject.key.0,
            facet: subject.key.1,
            file: file.strip_prefix(&out).map_or(file.clone(), Path::to_owned),
            sources: subject.photograph.iter().chain(&subject.sources).copied().collect(),
            metrics: evidence.figures(sighting),
        }
    };
    ids.into_iter().zip(&measures.pictures).map(row).collect()
}
