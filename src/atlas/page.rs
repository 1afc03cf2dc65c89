//! The page: what its script is given, and one file of all of it.

use std::path::{Component, Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maps::neighbours::Distance;
use serde::Serialize;
use serde_json::{Value, json};

use super::cells::{Cells, FAR, Sheets};
use super::collection::{Collection, Layout};
use super::settings::Settings;
use super::table::Typed;
use crate::error::Result;
use crate::html::{page_showing, script_json};

const CSS: &str = include_str!("page/atlas.css");
const BODY: &str = include_str!("page/atlas.html");
/// One script in files by concern, in this order.
const JS: &str = concat!(
    "'use strict';\n(() => {\n",
    include_str!("page/data.js"),
    include_str!("page/sprites.js"),
    include_str!("page/layouts.js"),
    include_str!("page/tiles.js"),
    include_str!("page/view.js"),
    include_str!("page/choice.js"),
    include_str!("page/card.js"),
    include_str!("page/hands.js"),
    "})();\n"
);

/// Bytes of a page of up to a thousand pictures.
const BUDGET: usize = 5_000_000;
/// Bytes more of each picture beyond a thousand.
const BEYOND: usize = 3000;

/// Bytes that a page of so many pictures may take.
pub(super) fn budget(count: usize) -> usize {
    BUDGET + count.saturating_sub(1000) * BEYOND
}

/// What the page's script is given. Lists of numbers in base 64 are little-endian.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    version: &'static str,
    title: String,
    count: usize,
    columns: Vec<Typed>,
    layouts: Vec<Places>,
    neighbours: Option<Neighbours>,
    methods: Vec<String>,
    about: Value,
    /// What precedes names of files that are relative, in an address relative to the page.
    folder: Option<String>,
    pictures: Value,
}

/// Places of a layout: x, y of every picture, f32.
#[derive(Debug, Serialize)]
struct Places {
    name: &'static str,
    places: String,
}

/// `count` rows of neighbours of every picture, u32.
#[derive(Debug, Serialize)]
struct Neighbours {
    count: usize,
    rows: String,
}

fn base64(bytes: impl IntoIterator<Item = u8>) -> String {
    BASE64_STANDARD.encode(bytes.into_iter().collect::<Vec<u8>>())
}

/// What the page knows, still without its pictures.
pub(super) fn document(collection: &Collection, settings: &Settings, out: &Path) -> Result<Document> {
    let places = |layout: &Layout| Places {
        name: layout.name,
        places: base64(layout.places.iter().flatten().flat_map(|place| place.to_le_bytes())),
    };
    let name = |of: Distance| Distance::NAMES.into_iter().find(|(_, other)| *other == of).map_or("", |(name, _)| name);
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let title = settings.title.clone().or_else(|| named(&settings.embedded)).unwrap_or_else(|| "Atlas".to_owned());
    let (embedding, map) = (&collection.embedding, &collection.map);
    let likeness = match map["distance"].as_str() {
        Some("cosine") | None => "mean cosine similarity".to_owned(),
        Some(distance) => format!("mean {distance} distance, with a minus"),
    };
    Ok(Document {
        version: env!("CARGO_PKG_VERSION"),
        title,
        count: collection.sources.len(),
        columns: collection.columns.iter().map(|column| column.typed()).collect(),
        layouts: collection.layouts.iter().map(places).collect(),
        neighbours: collection.near.as_ref().map(|near| Neighbours {
            count: near.count,
            rows: base64(near.places.iter().flat_map(|row| row.to_le_bytes())),
        }),
        methods: collection.methods.iter().map(|method| method.name.clone()).collect(),
        about: json!({
            "classifier": embedding["classifier"], "layer": embedding["layer"], "fit": embedding["fit"],
            "distance": name(collection.distance), "likeness": likeness,
            "map": { "distance": map["distance"], "seed": map["seed"], "neighbours": map["neighbours"] },
        }),
        folder: relative(out, &collection.folder),
        pictures: Value::Null,
    })
}

impl Document {
    /// About what the page takes without its pictures, in bytes.
    pub(super) fn weight(&self) -> usize {
        // Each picture has a size and a cell besides.
        script_json(self).map_or(0, |json| json.len()) + CSS.len() + JS.len() + BODY.len() + 9 * self.count + 2000
    }
}

/// The page with its pictures.
pub(super) fn page(mut document: Document, cells: &Cells) -> Result<String> {
    let sizes = base64(cells.sizes.iter().flatten().copied());
    let places = base64(cells.cells.iter().flat_map(|cell| cell.to_le_bytes()));
    let files = |name: &str, count: usize| -> Vec<String> {
        (0..count).map(|number| format!("sheets/{name}-{number:03}.jpg")).collect()
    };
    let (shown, sheets, beside) = match &cells.sheets {
        Sheets::Inside(sheets) => ("data:", sheets.as_slice(), Value::Null),
        Sheets::Beside { far, near } => (
            "data: 'self'",
            [].as_slice(),
            json!({ "side": FAR, "far": files("far", *far), "near": files("near", *near) }),
        ),
    };
    document.pictures =
        json!({ "side": cells.side, "sizes": sizes, "cells": places, "inside": sheets.len(), "beside": beside });
    let inside: String = (sheets.iter().enumerate())
        .map(|(number, sheet)| {
            let sheet = BASE64_STANDARD.encode(sheet);
            format!("<script type=\"text/plain\" id=\"sheet-{number}\">{sheet}</script>\n")
        })
        .collect();
    Ok(page_showing(shown, &document.title, [CSS, BODY, JS], &document, &inside)?)
}

/// The way from one folder to another, as an address ends: `../../photographs/`. None where there is no such way.
fn relative(from: &Path, to: &Path) -> Option<String> {
    let parts = |path: &Path| -> Option<Vec<String>> {
        let path: PathBuf = path.canonicalize().ok()?;
        let names = path.components().map(|part| match part {
            Component::Normal(name) => name.to_str().map(str::to_owned),
            _ => Some(String::new()),
        });
        names.collect()
    };
    let (from, to) = (parts(from)?, parts(to)?);
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - same);
    Some(up.chain(to[same..].iter().map(String::as_str)).map(|part| format!("{part}/")).collect())
}
