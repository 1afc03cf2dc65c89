//! What observers see, as files: whoever doubts a figure of the two-choice task computes it again from these.

use std::fs;
use std::path::Path;

use tch::Tensor;

use super::findings::Findings;
use super::measure::{Measures, Sighting};
use super::nature::{Nature, Seen};
use super::study::Study;
use crate::error::{Context, Result};
use crate::look::Look;

/// The folder of the features.
pub(super) const FOLDER: &str = "features";

/// A row a photograph: file, class, and the activation of every unit.
pub const PHOTOGRAPHS: &str = "photographs.csv";

/// Writes `photographs.csv` and, of every observer, two arrays `[N,D]`: its features of the photographs, in the rows of that table, and of the
/// pictures, in those of `metrics.csv`. The target has a pair for each layer that it looks with.
pub(super) fn write(study: &Study, nature: &Nature, measures: &Measures, findings: &Findings) -> Result<()> {
    let out = &study.job.out;
    photographs(study, nature, findings, &out.join(PHOTOGRAPHS))?;
    let folder = out.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    let pair = |name: &str, of: &dyn Fn(&Look) -> &[f32]| -> Result<()> {
        let of_photographs: Vec<&[f32]> = nature.photographs.iter().map(|Seen { look, .. }| of(look)).collect();
        let of_pictures: Vec<&[f32]> = measures.pictures.iter().map(|Sighting { look, .. }| of(look)).collect();
        for (what, rows) in [("photographs", of_photographs), ("pictures", of_pictures)] {
            let path = folder.join(format!("{name}-{what}.npy"));
            let array = Tensor::from_slice(&rows.concat()).view([rows.len() as i64, -1]);
            array.write_npy(&path).with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        Ok(())
    };
    if nature.photographs.is_empty() || measures.pictures.is_empty() {
        return Ok(());
    }
    for (place, witness) in study.job.networks.witnesses.iter().enumerate() {
        pair(&witness.name, &|look| &look.encoded[place])?;
    }
    let networks = &study.job.networks;
    for (place, encoder) in networks.encoders.iter().enumerate() {
        pair(&encoder.name, &|look| &look.encoded[networks.witnesses.len() + place])?;
    }
    for (place, (layer, _)) in study.below.iter().enumerate() {
        pair(&format!("own-{}", plain(layer)), &|look| &look.asked[place])?;
    }
    Ok(())
}

/// A layer's name as that of a file.
fn plain(layer: &str) -> String {
    layer.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect()
}

fn photographs(study: &Study, nature: &Nature, findings: &Findings, path: &Path) -> Result<()> {
    let named = || format!("{}: cannot be written", path.display());
    let mut writer = csv::Writer::from_path(path).with_context(named)?;
    let units = findings.units.iter().map(|unit| unit.name.clone());
    writer.write_record(["file".to_owned(), "class".to_owned()].into_iter().chain(units)).with_context(named)?;
    for (photograph, seen) in study.job.photographs.iter().zip(&nature.photographs) {
        // A table is read from other folders, too.
        let file = std::path::absolute(&photograph.path).with_context(named)?;
        let first = [file.display().to_string(), seen.class.map(|class| class.to_string()).unwrap_or_default()];
        let activations = seen.look.of_units.iter().map(f64::to_string);
        writer.write_record(first.into_iter().chain(activations)).with_context(named)?;
    }
    writer.flush().with_context(named)
}
