//! The page that people label on: one file that asks for nothing else.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::imageops::{FilterType, resize};
use serde_json::json;

use super::sample::Sample;
use crate::embed::Source;
use crate::error::{Context, Result, request};
use crate::html;
use crate::picture;

const CSS: &str = include_str!("annotate.css");
const JS: &str = include_str!("annotate.js");
const BODY: &str = include_str!("annotate.html");

/// The longer side of a picture on the page, in pixels; smaller ones stay as they are.
const SIDE: u32 = 480;

/// Quality of the JPEGs, 1 to 100.
const QUALITY: u8 = 75;

/// What the page says before it begins.
#[derive(Clone, Debug)]
pub struct Words {
    /// What it is called.
    pub title: String,
    /// Paragraphs, parted by empty lines.
    pub words: String,
}

/// Writes a page with the pictures of a sample, which are among `pictures`, and gives its bytes; `watch` is told how many are read.
///
/// # Errors
/// A picture that cannot be read, or is none; storage.
pub fn write(sample: &Sample, pictures: &[Source], words: &Words, path: &Path, watch: &dyn Fn(usize)) -> Result<usize> {
    let by_name: HashMap<&str, &Source> = pictures.iter().map(|source| (source.name.as_str(), source)).collect();
    let mut images = vec![];
    for (done, item) in sample.items.iter().enumerate() {
        let source = by_name.get(item.name.as_str()).ok_or_else(|| request!("{}: is not there any more", item.name))?;
        let whole = picture::decode(&source.bytes()?, &source.name)?;
        let (width, height) = whole.dimensions();
        let longer = width.max(height);
        let small = match longer > SIDE {
            true => {
                let fit = |side: u32| (u64::from(side) * u64::from(SIDE) / u64::from(longer)).max(1) as u32;
                resize(&whole, fit(width), fit(height), FilterType::CatmullRom)
            }
            false => whole,
        };
        images.push(BASE64_STANDARD.encode(picture::jpeg(&small, QUALITY)?));
        watch(done + 1);
    }
    let data = json!({
        "version": sample.version, "title": words.title, "words": words.words, "readings": sample.readings, "text": sample.text, "images": images,
    });
    let page = html::page(&words.title, [CSS, BODY, JS], &data)?;
    std::fs::write(path, &page).with_context(|| format!("{}: cannot be written", path.display()))?;
    Ok(page.len())
}
