//! Computing a comparison: photographs, controls and pictures are looked at, and figures made of the looks.

use std::fs;
use std::path::Path;

use metrics::bootstrap::Bootstrap;

use super::controls::{Control, slug};
use super::evidence::Evidence;
use super::findings::{Findings, PictureFindings, SCHEMA_VERSION, Settings, UnitFindings};
use super::follow::FollowComparison;
use super::job::{Job, shorter_side};
use super::measure::{Measures, Sighting, Subject};
use super::methods::Parts;
use super::nature::Nature;
use super::study::Study;
use super::{about, cautions, definitions, nearest, tradeoff};
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
    let keep = study.classes_with_path();
    let nature = Nature::look(networks, &job.photographs, units, &keep, study.seed, &|done| follow.at(done))?;
    let controls = study.controls(follow)?;
    let (ids, subjects) = subjects(&study, &controls);
    follow.begin("pictures", subjects.len());
    let measures = study.measure(&nature, subjects, &|done| follow.at(done))?;
    let inversions = nearest::nearest(&study, &nature, &measures, follow)?;

    let layers: Vec<String> = networks.layers.iter().map(|(name, _)| name.clone()).collect();
    let evidence = Evidence::new(&study, &nature, &measures, bootstrap, &layers);
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
    let methods = parts.methods(follow);
    let dials = gathered.dials();
    follow.begin("trade-offs", 1);
    let tradeoffs = tradeoff::tradeoffs(&methods, &dials, &pictures, bootstrap, options.permutations);
    let unit_rows = (units.iter().enumerate())
        .map(|(place, unit)| UnitFindings {
            name: unit.name.clone(),
            class: unit.class(),
            label: unit.label().map(str::to_owned),
            median: nature.median(place),
            best_pixel: evidence.best[place],
            photographs: unit.class().map_or(0, |class| nature.of_class(class).count()),
        })
        .collect();
    let mut findings = Findings {
        schema_version: SCHEMA_VERSION,
        title: job.title.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target: about::model(target, None),
        witnesses: (networks.witnesses.iter())
            .map(|witness| about::model(witness, Some(about::kinship(target, witness))))
            .collect(),
        generators: about::generators(job),
        reference: about::reference(job),
        sources: gathered.sources.clone(),
        settings: Settings {
            seed: options.seed,
            replicates: options.replicates,
            level: bootstrap.level,
            permutations: options.permutations,
            baseline: study.baseline,
            layers: layers.clone(),
            features: [0, 1]
                .map(|which| networks.features.get(which).map(|(name, _)| name.clone()).unwrap_or_default()),
            command: job.command.clone(),
        },
        cautions: vec![],
        metrics,
        units: unit_rows,
        methods,
        dials,
        tradeoffs,
        spectrum: about::band(&nature),
        inversions,
        pictures,
    };
    findings.cautions = cautions::cautions(&study, &findings, &measures, &evidence);
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
            };
            rows.push((format!("{}-{}-{}", slug(&control.name), shown.unit, shown.number), subject));
        }
    }
    rows.into_iter().unzip()
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
            metrics: evidence.figures(sighting),
        }
    };
    ids.into_iter().zip(&measures.pictures).map(row).collect()
}
