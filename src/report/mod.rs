//! The report of a comparison: one HTML file that needs nothing else, neither files nor a network, and can be sent to anybody.

mod cite;
mod data;
mod html;
mod page;
mod tables;
mod thumbnails;
mod words;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use thumbnails::Size;

use crate::compare::findings::{Findings, SCHEMA_VERSION};
use crate::compare::tables::JSON;
use crate::error::{Context, OfRequest, Result, bail};
use crate::plot;

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    /// The file.
    pub report: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// Pictures in it.
    pub pictures: usize,
    /// Their size.
    pub size: Size,
    /// Plots in it.
    pub plots: usize,
    /// Pictures that could not be read: the report has their figures all the same.
    pub missing: Vec<PathBuf>,
}

/// The comparison of a folder.
///
/// # Errors
/// A request: a file that cannot be read, is no comparison, or is one of another version; the error names it.
pub fn read(folder: &Path) -> Result<Findings> {
    let path = folder.join(JSON);
    let named = path.display();
    let text = std::fs::read_to_string(&path)
        .of_request()
        .with_context(|| format!("{named}: cannot be read; `metapicture compare` writes it"))?;
    #[derive(serde::Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let version: Version =
        serde_json::from_str(&text).of_request().with_context(|| format!("{named}: is no comparison"))?;
    if version.schema_version != SCHEMA_VERSION {
        bail!(
            "{named}: has version {}, and this program reads {SCHEMA_VERSION}; compare again",
            version.schema_version
        );
    }
    let comparison: Findings =
        serde_json::from_str(&text).of_request().with_context(|| format!("{named}: is no comparison"))?;
    let (methods, units) = (comparison.methods.len(), comparison.units.len());
    if let Some(picture) = comparison.pictures.iter().find(|picture| picture.method >= methods || picture.unit >= units)
    {
        bail!(
            "{named}: a picture is of method {} and unit {}, and there are {methods} methods and {units} units, from 0 on",
            picture.method,
            picture.unit
        );
    }
    let on_dials = comparison.dials.iter().flat_map(|dial| dial.methods.iter().map(|(method, _)| *method));
    let in_points = comparison.tradeoffs.iter().flat_map(|tradeoff| tradeoff.points.iter().map(|point| point.method));
    if comparison.iso.iter().any(|iso| iso.dial >= comparison.dials.len()) {
        bail!("{named}: a figure at one activation is of a dial that is not there");
    }
    if let Some(method) = on_dials.chain(in_points).find(|method| *method >= methods) {
        bail!("{named}: a dial or a trade-off has method {method}, and there are {methods}, from 0 on");
    }
    Ok(comparison)
}

/// Writes the report to `out`, in at most `most` bytes: pictures are made as small as that asks for. `folder` is where
/// `comparison.json` lies; names of pictures are relative to it.
///
/// # Errors
/// A request where plots and tables alone are larger; storage where `out` cannot be written.
pub fn write(comparison: &Findings, folder: &Path, out: &Path, most: usize) -> Result<Written> {
    let plots = plot::all(comparison, folder)?;
    let pictures = thumbnails::Pictures::read(comparison, folder)?;
    let page = page::Page::new(comparison, &plots, pictures.missing.len())?;
    let fixed = page.bytes();
    let mb = |bytes: usize| bytes as f64 / 1e6;
    let found = match most.checked_sub(fixed) {
        Some(room) => pictures.within(room)?,
        None => None,
    };
    let Some((size, block)) = found else {
        bail!("--max-size {:.1}: plots and tables take {:.1} MB, and no pictures fit besides", mb(most), mb(fixed));
    };
    let html = page.finish(&size, &block)?;
    std::fs::write(out, &html).with_context(|| format!("{}: cannot be written", out.display()))?;
    Ok(Written {
        report: out.to_owned(),
        bytes: html.len(),
        pictures: block.pictures.iter().flatten().count(),
        size,
        plots: plots.len(),
        missing: pictures.missing,
    })
}
