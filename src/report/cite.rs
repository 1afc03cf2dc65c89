//! How to cite, from the repository's `CITATION.cff`.

use serde::Deserialize;

use super::html::{escape, verbatim};

const CITATION: &str = include_str!("../../CITATION.cff");

#[derive(Debug, Deserialize)]
struct Citation {
    title: String,
    message: String,
    version: String,
    authors: Vec<Author>,
    references: Vec<Work>,
}

#[derive(Debug, Deserialize)]
struct Work {
    title: String,
    authors: Vec<Author>,
    journal: String,
    year: u32,
    doi: String,
}

#[derive(Debug, Deserialize)]
struct Author {
    name: Option<String>,
    #[serde(rename = "family-names")]
    family: Option<String>,
    #[serde(rename = "given-names")]
    given: Option<String>,
}

impl Author {
    fn cited(&self) -> String {
        match (&self.name, &self.family, &self.given) {
            (Some(name), _, _) => name.clone(),
            (None, Some(family), Some(given)) => format!("{family}, {given}"),
            (None, family, given) => family.clone().or(given.clone()).unwrap_or_default(),
        }
    }
}

/// The software and the paper whose claim it measures.
///
/// # Errors
/// If `CITATION.cff` lacks something.
pub(super) fn cite() -> Result<String, serde_yaml::Error> {
    let software: Citation = serde_yaml::from_str(CITATION)?;
    let joined = |authors: &[Author], by: &str| authors.iter().map(Author::cited).collect::<Vec<_>>().join(by);
    let mut bibtex = format!(
        "@software{{metapicture,\n  title = {{{}}},\n  author = {{{{{}}}}},\n  version = {{{}}}\n}}",
        software.title,
        joined(&software.authors, " and "),
        software.version
    );
    let mut works = format!(
        "<li>{}. <cite>{}</cite>, version {}.</li>",
        escape(&joined(&software.authors, "; ")),
        escape(&software.title),
        escape(&software.version)
    );
    for work in &software.references {
        works += &format!(
            "<li>{} ({}). <cite>{}</cite>. {}. <a href=\"https://doi.org/{doi}\" rel=\"noreferrer\">doi:{doi}</a></li>",
            escape(&joined(&work.authors, "; ")),
            work.year,
            escape(&work.title),
            escape(&work.journal),
            doi = escape(&work.doi)
        );
        let key = work.authors.first().map_or(String::new(), |author| author.cited().to_lowercase());
        let key: String = key.chars().take_while(|c| c.is_alphanumeric()).collect();
        bibtex += &format!(
            "\n\n@article{{{key}{},\n  title = {{{}}},\n  author = {{{}}},\n  journal = {{{}}},\n  year = {{{}}},\n  doi = {{{}}}\n}}",
            work.year,
            work.title,
            joined(&work.authors, " and "),
            work.journal.replace('&', "\\&"),
            work.year,
            work.doi
        );
    }
    Ok(format!("<p>{}</p><ul>{works}</ul>{}", escape(&software.message), verbatim(&bibtex)))
}
