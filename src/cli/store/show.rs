//! A run, in words.

use std::path::Path;

use indicatif::HumanBytes;

use crate::cli::error::{Context, OfRequest, Result, request};
use crate::cli::output::print_json;
use metapicture::engine::store::{Record, RunId, Status, Store};

/// The record of a run's folder, or of its `record.json`, with its store.
pub(in crate::cli) fn record(run: &Path) -> Result<(Store, Record)> {
    let absolute = std::path::absolute(run).with_context(|| format!("{}: is no path", run.display())).of_request()?;
    let folder = if absolute.is_dir() { absolute.as_path() } else { absolute.parent().unwrap_or(&absolute) };
    let not_one = || request!("{}: is no run: name DIR/runs/ID, or the record.json in it", run.display());
    let id: RunId = folder.file_name().and_then(|name| name.to_str()?.parse().ok()).ok_or_else(not_one)?;
    let root = folder.parent().filter(|runs| runs.ends_with("runs")).and_then(Path::parent).ok_or_else(not_one)?;
    let store = Store::read(root).of_request()?;
    let record = store.record(&id);
    let record = record.ok_or_else(|| match store.take_damage().first() {
        Some(damage) => request!("{}: {damage}", run.display()),
        None => not_one(),
    })?;
    Ok((store, record))
}

pub(super) fn show(run: &Path, json: bool) -> Result<u8> {
    let (store, record) = record(run)?;
    if json {
        print_json(&record)?;
        return Ok(0);
    }
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    let line = |what: &str, said: String| println!("{what:<13}{said}");
    line("run", record.run_id.to_string());
    let failed = record.error.as_ref().map(|error| format!("failed: {error}"));
    line("status", failed.unwrap_or_else(|| "done".to_owned()));
    let label = record.unit.label.as_ref().filter(|label| !record.unit.name.ends_with(*label));
    line("unit", record.unit.name.clone() + &label.map(|label| format!(" ({label})")).unwrap_or_default());
    line("classifier", record.classifier.clone());
    if let Some(generator) = &record.generator {
        let size = record.generator_size.map(|size| format!(", {size} px")).unwrap_or_default();
        let condition = record.condition.as_ref().map(|condition| format!(", {condition}")).unwrap_or_default();
        line("generator", format!("{generator}{size}{condition}"));
    }
    line(
        "method",
        format!(
            "{}, seed {}, facet {}, {} steps, {} px",
            record.method, record.seed.0, record.facet, record.steps, record.size
        ),
    );
    line(
        "activation",
        format!(
            "{} of the saved picture; {} at first, {} at the last step, {} at best",
            number(record.activation.scored),
            number(record.activation.initial),
            number(record.activation.last),
            number(record.activation.best)
        ),
    );
    if record.probability.is_some() {
        line("probability", number(record.probability));
    }
    for verdict in &record.witnesses {
        line("witness", format!("{}: {:.3}, rank {}", verdict.classifier, verdict.probability, verdict.rank));
    }
    for (what, said) in [("started from", &record.started_from), ("revival", &record.revival)] {
        said.iter().for_each(|said| line(what, (*said).clone()));
    }
    if let Some(passes) = record.passes {
        line("passes", format!("{} forward, {} backward", passes.forward, passes.backward));
    }
    let of = &record.provenance;
    line(
        "computed by",
        format!(
            "metapicture {} (numeric version {}), libtorch {}, {} on {}, {} threads, in a batch of {}",
            of.version, of.numeric_version, of.libtorch, of.device, of.host_arch, of.threads, of.batch
        ),
    );
    for (name, sha256) in &of.weights_sha256 {
        line("weights", format!("{name} {sha256}"));
    }
    let folder = store.folder(&record.run_id);
    let mut files: Vec<(String, u64)> = std::fs::read_dir(&folder)
        .with_context(|| format!("{}: cannot be read", folder.display()))?
        .flatten()
        .map(|file| (file.file_name().to_string_lossy().into_owned(), file.metadata().map_or(0, |found| found.len())))
        .collect();
    files.sort();
    for (name, bytes) in files {
        line("file", format!("{name} ({})", HumanBytes(bytes)));
    }
    if record.status == Status::Done {
        line("picture", store.picture(&record.run_id).display().to_string());
    }
    let settings = serde_yaml::to_string(&record.method_settings).unwrap_or_default();
    println!("\n{}", settings.trim_end());
    Ok(0)
}
