//! The tables, pages and documents that are printed.

use std::io::{self, Write as _};
use std::path::Path;

use indicatif::HumanBytes;
use serde_json::{Value, json};
use zoo::{Digest, Kind, Manifest, Size, Zoo, ZooError};

use crate::cli::error::{Context, Result};
use crate::cli::output::one_line;
use metapicture::engine::inspect::{Class, Entry, Finding, Inspection};

/// What a script must know of an entry's licence.
pub(super) fn licence_json(manifest: &Manifest) -> Value {
    json!({ "licence": manifest.licence, "non_commercial": manifest.non_commercial, "notice": manifest.notice() })
}

/// The table of `models list`.
pub(super) fn table(zoo: &Zoo) -> String {
    let head = ["NAME", "KIND", "ARCHITECTURE", "LICENCE", "SIZE", "PULLED"].map(str::to_owned);
    let row = |manifest: &Manifest| {
        [
            manifest.name.to_string(),
            manifest.kind.to_string(),
            manifest.architecture.clone().unwrap_or_else(|| "-".into()),
            shortened(&manifest.licence, 28),
            size(manifest),
            if zoo.cache().is_pulled(manifest) { "yes" } else { "no" }.to_owned(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(zoo.manifests(None).map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                4 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

pub(super) fn list_json(zoo: &Zoo) -> Value {
    zoo.manifests(None).map(|manifest| entry_json(zoo, manifest)).collect()
}

/// The fields that `list` and `info` share.
pub(super) fn entry_json(zoo: &Zoo, manifest: &Manifest) -> Value {
    json!(Entry::of(zoo, manifest))
}

/// What a network shows of itself, or why there is nothing to show.
pub(super) enum Listing {
    /// Not a network.
    None,
    /// Its weights are not here yet.
    NotPulled,
    /// Layers and samples.
    Seen(Inspection),
}

pub(super) fn listing(
    zoo: &Zoo,
    manifest: &Manifest,
    inspect: &dyn Fn(&Manifest, Option<&Path>) -> Result<Inspection>,
    samples: Option<&Path>,
) -> Result<Listing> {
    Ok(match manifest.kind {
        Kind::Images => Listing::None,
        _ if !zoo.cache().is_pulled(manifest) => {
            if samples.is_some() {
                let reason = format!("no samples before `metapicture models pull {}`", manifest.called());
                return Err(ZooError::Wrong { name: manifest.called().to_owned(), reason }.into());
            }
            Listing::NotPulled
        }
        _ => Listing::Seen(inspect(manifest, samples).with_context(|| format!("'{}'", manifest.name))?),
    })
}

pub(super) fn info_json(zoo: &Zoo, manifest: &Manifest, listing: &Listing) -> Value {
    let of_file = |file: &zoo::File| {
        json!({
            "file": &*file.file,
            "path": zoo.cache().path(file),
            "sha256": file.sha256.as_ref().map(Digest::digits),
            "size": file.size.map(Size::bytes),
            "label": file.label,
            "source": file.source.to_string(),
        })
    };
    let (layers, samples) = match listing {
        Listing::Seen(Inspection { layers, samples }) => {
            let layers = layers.iter().map(|(name, shape)| json!({ "name": name, "shape": shape })).collect();
            (layers, samples.as_ref().and_then(|drawn| drawn.as_ref().ok()))
        }
        Listing::None | Listing::NotPulled => (Value::Null, None),
    };
    let more = json!({
        "config": manifest.config,
        "trained_on": manifest.trained_on,
        "homepage": manifest.homepage,
        "encoder": manifest.encoder,
        "statistics": manifest.statistics,
        "files": manifest.files.iter().map(of_file).collect::<Value>(),
        "samples": samples,
        "layers": layers,
    });
    with(entry_json(zoo, manifest), more)
}

/// The page of `models info`.
pub(super) fn info(zoo: &Zoo, manifest: &Manifest, listing: &Listing) -> String {
    let pulled = if zoo.cache().is_pulled(manifest) { "yes" } else { "no" };
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut line = |name: &str, value: &str| lines.push((name.to_owned(), value.to_owned()));
    line("name", &manifest.name);
    line("kind", &manifest.kind.to_string());
    line("description", &manifest.description);
    line("architecture", manifest.architecture.as_deref().unwrap_or_default());
    line("licence", &manifest.licence);
    line("", if manifest.non_commercial { "non-commercial use only" } else { "" });
    line("trained on", manifest.trained_on.as_deref().unwrap_or_default());
    line("homepage", manifest.homepage.as_deref().unwrap_or_default());
    for (key, value) in &manifest.config {
        line(key, &in_flow(value));
    }
    line("encoder", manifest.encoder.as_deref().unwrap_or_default());
    line("statistics", &manifest.statistics.as_ref().map(|table| table.display().to_string()).unwrap_or_default());
    line("size", &size(manifest));
    line("pulled", pulled);
    for file in &manifest.files {
        line("file", &zoo.cache().path(file).display().to_string());
        line("  sha256", &file.sha256.as_ref().map(ToString::to_string).unwrap_or_default());
        line("  source", &file.source.to_string());
        line("  label", &file.label.map(|label| label.to_string()).unwrap_or_default());
    }
    match listing {
        Listing::None => {}
        Listing::NotPulled => {
            line("layers", &format!("not known before `metapicture models pull {}`", manifest.called()));
        }
        Listing::Seen(Inspection { samples, .. }) => match samples {
            None => {}
            Some(Ok(path)) => line("samples", &path.display().to_string()),
            Some(Err(error)) => line("samples", &format!("not drawn: {}", one_line(error))),
        },
    }
    let mut text = String::new();
    let filled: Vec<_> = lines.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = filled.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    filled.iter().for_each(|(name, value)| text.push_str(&format!("{name:<width$}  {value}\n")));
    if let Listing::Seen(Inspection { layers, .. }) = listing {
        text.push_str("\nlayers that a unit can name, and the shape of their activation\n");
        let width = layers.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, shape) in layers {
            let shape: Vec<String> = shape.iter().map(i64::to_string).collect();
            text.push_str(&format!("  {name:<width$}  {}\n", shape.join(" x ")));
        }
    }
    text
}

/// A value of a manifest's `config` on one line.
fn in_flow(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(in_flow).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {}", in_flow(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
    }
}

/// The size of an entry, as far as its manifest gives it.
pub(super) fn size(manifest: &Manifest) -> String {
    match manifest.size() {
        0 => "unknown".into(),
        bytes => HumanBytes(bytes).to_string(),
    }
}

pub(super) fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

pub(super) fn shortened(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// `first` with the fields of `more` after its own.
pub(super) fn with(mut first: Value, more: Value) -> Value {
    if let (Value::Object(first), Value::Object(more)) = (&mut first, more) {
        first.extend(more);
    }
    first
}

pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Writes to stdout; a reader that has seen enough (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

/// Classes, a line each.
pub(super) fn classes(classes: &[Class]) -> String {
    let line = |class: &Class| {
        let others =
            if class.synonyms.is_empty() { String::new() } else { format!("  ({})", class.synonyms.join(", ")) };
        format!("{:>4}  {}{others}\n", class.class, class.name.as_deref().unwrap_or("-"))
    };
    classes.iter().map(line).collect()
}

/// What was found of a network, a line for each thing that was tried.
pub(super) fn checked(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let mark = if finding.well { "ok" } else { "NO" };
        format!("{mark}  {:<9} {}\n", finding.what, finding.said.replace('\n', "\n              "))
    };
    findings.iter().map(line).collect()
}
