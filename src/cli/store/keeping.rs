//! What is in folders of records, and how it leaves them or comes in.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use indicatif::{HumanBytes, HumanCount};
use serde_json::json;

use super::verify::warn_of_damage;
use crate::cli::compute::Compute;
use crate::cli::error::{OfRequest, Result, bail};
use crate::cli::exit::FAILED;
use crate::cli::output::{duration, print_json, table};
use crate::cli::progress::{count, counting};
use metapicture::engine::inventory::{self, Inventory, Pictures, Unwanted};
use metapicture::engine::store::{RunId, Store};
use metapicture::engine::sweep::runs_of;

/// Kinds of runs that are wanted no more.
#[derive(Clone, Copy)]
pub(super) struct Kinds {
    pub(super) older: bool,
    pub(super) failed: bool,
}

/// The runs of experiment files; none where no file is named.
fn wanted(files: &[PathBuf], folder: &Path, quiet: bool) -> Result<Option<HashSet<RunId>>> {
    if files.is_empty() {
        return Ok(None);
    }
    let models = Compute::on_cpu().models(quiet)?;
    Ok(Some(runs_of(files, folder, &models)?))
}

fn read(folders: &[PathBuf]) -> Result<Vec<Store>> {
    folders.iter().map(|folder| Store::read(folder).of_request()).collect()
}

pub(super) fn list(folders: &[PathBuf], experiments: &[PathBuf], json: bool, quiet: bool) -> Result<u8> {
    let wanted = wanted(experiments, &folders[0], quiet || json)?;
    let mut found = vec![];
    for (folder, store) in folders.iter().zip(read(folders)?) {
        found.push((folder, inventory::list(&store, wanted.as_ref())));
        warn_of_damage(&store);
    }
    if json {
        let document = |(folder, inventory): &(&PathBuf, Inventory)| json!({ "folder": folder, "holds": inventory });
        print_json(&found.iter().map(document).collect::<Vec<_>>())?;
        return Ok(0);
    }
    let mut rows = vec![];
    for (folder, inventory) in &found {
        for part in &inventory.parts {
            let mut row = vec![
                folder.display().to_string(),
                inventory.experiment.clone().unwrap_or_else(|| "-".to_owned()),
                part.classifier.clone(),
                part.generator.clone().unwrap_or_else(|| "-".to_owned()),
                part.method.clone(),
                part.numeric_version.to_string(),
                part.units.to_string(),
                part.seeds.to_string(),
                part.done.to_string(),
                part.failed.to_string(),
                HumanBytes(part.bytes).to_string(),
                duration(part.seconds),
            ];
            row.extend(part.wanted.map(|wanted| wanted.to_string()));
            rows.push(row);
        }
    }
    let mut header = vec![
        "FOLDER",
        "EXPERIMENT",
        "CLASSIFIER",
        "GENERATOR",
        "METHOD",
        "VERSION",
        "UNITS",
        "SEEDS",
        "DONE",
        "FAILED",
        "SIZE",
        "TOOK",
    ];
    if wanted.is_some() {
        header.push("IN FILES");
    }
    println!("{}", table(&header, &rows));
    for (folder, inventory) in &found {
        let runs = HumanCount((inventory.done + inventory.failed) as u64);
        let mut told = format!("{}: {runs} runs, {}", folder.display(), HumanBytes(inventory.bytes));
        if inventory.older > 0 {
            told.push_str(&format!(
                "; {} of an older numeric version, whose settings give other pictures today",
                HumanCount(inventory.older as u64)
            ));
        }
        if let Some(count) = inventory.not_wanted.filter(|count| *count > 0) {
            told.push_str(&format!("; {} in none of these experiments", HumanCount(count as u64)));
        }
        println!("{told}");
    }
    Ok(0)
}

pub(super) fn prune(
    folder: &Path,
    experiments: &[PathBuf],
    kinds: Kinds,
    yes: bool,
    json: bool,
    quiet: bool,
) -> Result<u8> {
    let wanted = wanted(experiments, folder, quiet || json)?;
    // Nothing is made where there is nothing, so that a mistyped name is not answered with "0 runs".
    let read = Store::read(folder).of_request()?;
    let which = Unwanted { not_in: wanted.as_ref(), older: kinds.older, failed: kinds.failed };
    let all = read.entries().len();
    let found = inventory::unwanted(&read, &which);
    drop(read);
    let bytes: u64 = found.iter().map(|entry| entry.bytes).sum();
    if yes {
        let store = Store::open(folder)?;
        let bar = counting("runs", quiet || json);
        bar.set_length(found.len() as u64);
        let pruned = inventory::prune(&store, &found, &|done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        if json {
            print_json(
                &json!({ "taken_away": true, "runs": pruned.runs, "bytes": pruned.bytes, "stay": pruned.stay }),
            )?;
        } else if !quiet {
            println!("{} runs ({}) are gone, {} stay", pruned.runs, HumanBytes(pruned.bytes), pruned.stay);
        }
        return Ok(0);
    }
    if json {
        print_json(&json!({ "taken_away": false, "runs": found.len(), "bytes": bytes, "stay": all - found.len() }))?;
        return Ok(0);
    }
    let mut by_method = std::collections::BTreeMap::<(String, u32), usize>::new();
    found.iter().for_each(|entry| *by_method.entry((entry.method.clone(), entry.numeric_version)).or_default() += 1);
    for ((method, version), count) in by_method {
        println!("{count} by {method} (numeric version {version})");
    }
    println!("{} of {all} runs ({}) would be taken away for good; --yes does it", found.len(), HumanBytes(bytes));
    Ok(0)
}

pub(super) fn export(
    folders: &[PathBuf],
    out: &Path,
    settings: bool,
    pictures: Option<&Pictures>,
    json: bool,
    quiet: bool,
) -> Result<u8> {
    let stores = read(folders)?;
    if stores.iter().all(|store| store.entries().is_empty()) {
        bail!("{}: there is no run in it", folders[0].display());
    }
    let bar = counting("pictures", quiet || json || pictures.is_none());
    bar.set_length(stores.iter().map(|store| store.entries().len() as u64).sum());
    let exported = inventory::export(&stores, out, settings, pictures, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    stores.iter().for_each(warn_of_damage);
    if json {
        print_json(&json!({ "table": out, "rows": exported.rows, "pictures": exported.pictures }))?;
    } else if !quiet {
        let pictures = if pictures.is_some() { format!(", {} pictures", exported.pictures) } else { String::new() };
        println!("{}: {} runs{pictures}", out.display(), exported.rows);
    }
    Ok(0)
}

pub(super) fn import(folder: &Path, from: &[PathBuf], json: bool, quiet: bool) -> Result<u8> {
    let from = read(from)?;
    let store = Store::open(folder)?;
    let bar = counting("records", quiet || json);
    let imported = inventory::import(&store, &from, &|done, of| count(&bar, done, of))?;
    bar.finish_and_clear();
    if json {
        print_json(&imported)?;
    } else {
        imported.damaged.iter().for_each(|damage| println!("{damage}"));
        if !quiet {
            println!("{}: {} runs came in, {} were there already", folder.display(), imported.runs, imported.there);
        }
    }
    Ok(if imported.damaged.is_empty() { 0 } else { FAILED })
}
