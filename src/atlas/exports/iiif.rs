//! A manifest of IIIF's Presentation API 3.0 (iiif.io/api/presentation/3.0), one canvas a picture, whose picture is a plain file that is served
//! somewhere, as in the cookbook's recipe 0001.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::collection::Collection;
use super::super::settings::Settings;
use super::{address, put};
use crate::error::Result;

/// Writes the manifest.
pub(super) fn write(collection: &Collection, settings: &Settings, path: &Path) -> Result<PathBuf> {
    let base = settings.base.as_deref().unwrap_or_default().trim_end_matches('/');
    let title = settings.title.as_deref().unwrap_or("Atlas");
    let canvas = |row: usize| -> Value {
        let name = &collection.sources[row].name;
        let cell = |column: &str| collection.column(column).map_or("", |column| column.cells[row].as_str());
        let side = |column: &str| cell(column).parse::<u32>().unwrap_or(1).max(1);
        let (width, height) = (side("width"), side("height"));
        let at = format!("{base}/canvas/{row}");
        let known: Vec<Value> = (collection.columns.iter())
            .filter(|column| !["row", "name", "width", "height"].contains(&column.name.as_str()))
            .filter(|column| !column.cells[row].is_empty())
            .map(|column| json!({ "label": { "en": [column.name] }, "value": { "none": [column.cells[row]] } }))
            .collect();
        let mut canvas = json!({
            "id": at, "type": "Canvas", "label": { "none": [name] }, "height": height, "width": width,
            "items": [{
                "id": format!("{at}/page"), "type": "AnnotationPage",
                "items": [{
                    "id": format!("{at}/annotation"), "type": "Annotation", "motivation": "painting",
                    "body": { "id": address(base, name), "type": "Image", "format": format(name), "height": height, "width": width },
                    "target": at,
                }],
            }],
        });
        if !known.is_empty() {
            canvas["metadata"] = known.into();
        }
        canvas
    };
    let manifest = json!({
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": format!("{base}/manifest.json"), "type": "Manifest", "label": { "none": [title] },
        "items": (0..collection.sources.len()).map(canvas).collect::<Vec<Value>>(),
    });
    put(path, &serde_json::to_vec_pretty(&manifest)?)?;
    Ok(path.to_owned())
}

/// The kind of a picture file, by how it ends.
fn format(name: &str) -> &'static str {
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "bmp" => "image/bmp",
        "tif" | "tiff" => "image/tiff",
        "ppm" => "image/x-portable-pixmap",
        _ => "image/jpeg",
    }
}
