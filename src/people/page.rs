//! The page that people see: one file that asks for nothing else.

use serde::Serialize;

use crate::error::Result;
use crate::html;

const CSS: &str = include_str!("study.css");
const JS: &str = include_str!("study.js");
const BODY: &str = include_str!("study.html");

/// What the page's script is given. Lists of numbers are images.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) version: String,
    pub(super) title: String,
    pub(super) consent: String,
    pub(super) per_method: usize,
    pub(super) describe_every: usize,
    pub(super) practice: Vec<Asked>,
    pub(super) catches: Vec<Asked>,
    pub(super) groups: Vec<Vec<OfUnit>>,
    pub(super) images: Vec<String>,
}

/// A trial that everybody sees.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Asked {
    pub(super) panel: Vec<usize>,
    /// In the order of the numbers.
    pub(super) pair: [usize; 2],
    /// The right one, where people are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) right: Option<usize>,
}

/// What may be asked about a unit: pictures by method, hard pairs and easy ones.
#[derive(Debug, Serialize)]
pub(super) struct OfUnit {
    pub(super) panels: Vec<Vec<usize>>,
    pub(super) pairs: [Vec<[usize; 2]>; 2],
}

pub(super) fn page(document: &Document) -> Result<String> {
    Ok(html::page(&document.title, [CSS, BODY, JS], document)?)
}
