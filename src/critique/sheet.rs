//! The claim sheet: every sentence names its test, and what was refused stands beside what holds.

use std::fmt::Write as _;
use std::path::Path;

use super::claim::Expectation;
use super::found::Found;
use super::outcome::{Figure, Need, Outcome, Statement, Verdict};
use super::registered::Registered;
use crate::error::{Context, Result};
use crate::html::page;
use crate::plot::escape;

const CSS: &str = include_str!("sheet.css");

/// Writes claim.json, claim.md and claim.html.
///
/// # Errors
/// Storage: a file that cannot be written.
pub(super) fn write(found: &Found, registered: &Registered, out: &Path) -> Result<()> {
    let put = |name: &str, bytes: &[u8]| {
        let path = out.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("{}: cannot be written", path.display()))
    };
    let lines = lines(found, registered);
    let (mut markdown, mut html, mut list) = (String::new(), String::from("<main>\n"), false);
    for line in &lines {
        if list && !matches!(line, Line::Item(_)) {
            markdown.push('\n');
        }
        let (text, item) = match line {
            Line::Heading(level, text) => {
                let _ = writeln!(markdown, "\n{} {text}\n", "#".repeat(*level));
                (format!("<h{level}>{}</h{level}>\n", escape(text)), false)
            }
            Line::Text(text) => {
                let _ = writeln!(markdown, "{text}\n");
                (format!("<p>{}</p>\n", escape(text)), false)
            }
            Line::Verdict(verdict, text) => {
                let _ = writeln!(markdown, "**{}**: {text}\n", verdict.word());
                (format!("<p><strong class=\"{0}\">{0}</strong> {1}</p>\n", verdict.word(), escape(text)), false)
            }
            Line::Item(text) => {
                let _ = writeln!(markdown, "- {text}");
                (format!("<li>{}</li>\n", escape(text)), true)
            }
        };
        if item != list {
            html += if item { "<ul>\n" } else { "</ul>\n" };
            list = item;
        }
        html += &text;
    }
    if list {
        html += "</ul>\n";
    }
    html += "</main>\n";
    put("claim.json", &serde_json::to_vec_pretty(found)?)?;
    put("claim.md", markdown.trim_start().as_bytes())?;
    put("claim.html", page(&found.claim.claim, [CSS, &html, "'use strict';"], &serde_json::json!({}))?.as_bytes())
}

impl Found {
    /// What came of each expectation, a line each.
    pub fn told(&self) -> String {
        let lines: Vec<String> =
            self.outcomes.iter().map(|of| format!("{:<8}{}", of.verdict.word(), expected(of))).collect();
        lines.join("\n")
    }
}

enum Line {
    Heading(usize, String),
    Text(String),
    Verdict(Verdict, String),
    Item(String),
}

fn lines(found: &Found, registered: &Registered) -> Vec<Line> {
    let claim = &found.claim;
    let mut lines = vec![Line::Heading(1, claim.claim.clone())];
    let files: Vec<String> = registered.pictures.iter().map(|of| format!("{} of {}", of.pictures, of.name)).collect();
    lines.push(Line::Text(format!("Of {}, class {}. Pictures: {}.", claim.classifier, claim.class, files.join("; "))));
    lines.push(Line::Text(format!(
        "Registered beforehand as {}; with all that people gave since it is {}. The second number changes where one label does.",
        &found.registered[..16],
        &found.sha256[..16]
    )));
    lines.push(Line::Heading(2, "How the concept is understood".to_owned()));
    lines.extend(claim.readings.iter().map(|of| Line::Item(format!("{}: {}", of.name, of.says))));
    for (statement, heading) in [
        (Statement::Present, "Present: how many pictures show it"),
        (Statement::Shown, "Shown: what visualizations show"),
        (Statement::Relied, "Relied upon: what the network loses without it"),
        (Statement::Clusters, "Clusters: whether pictures with it lie together"),
    ] {
        let of: Vec<&Outcome> = found.outcomes.iter().filter(|outcome| outcome.statement == statement).collect();
        lines.push(Line::Heading(2, heading.to_owned()));
        if of.is_empty() {
            lines.push(Line::Text("Nothing was expected, and nothing is said.".to_owned()));
        }
        for outcome in of {
            lines.push(Line::Verdict(outcome.verdict, expected(outcome)));
            lines.extend(outcome.figures.iter().map(|figure| Line::Item(told(figure))));
            lines.extend(outcome.lacking.iter().map(|what| Line::Item(format!("lacking: {what}"))));
            lines.push(Line::Text(format!("Test: {}.", outcome.test)));
        }
    }
    lines.push(Line::Heading(2, "Rejected readings".to_owned()));
    let refused: Vec<&Outcome> = found.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Refused).collect();
    if refused.is_empty() {
        lines.push(Line::Text("None of what was expected was refused.".to_owned()));
    }
    for outcome in refused {
        lines.push(Line::Item(format!("{} Refused by: {}.", expected(outcome), outcome.test)));
    }
    lines.push(Line::Heading(2, "What limits this".to_owned()));
    let mut limits = vec![
        "Each statement rests on its own test; a map supports none of them.".to_owned(),
        "A refusal says that the test did not find what was expected, with as many pictures as there were; not that there is none of it.".to_owned(),
    ];
    if found.duplicates > 0 {
        limits.push(format!(
            "{} pictures of the class are near-duplicates of others, and are counted as pictures.",
            found.duplicates
        ));
    }
    lines.extend(limits.into_iter().chain(found.cautions.clone()).map(Line::Item));
    lines.push(Line::Text(format!(
        "An expectation with several tests must pass each of them: its largest p value decides (Berger 1982), adjusted over the expectations of this claim (Holm 1979). \
         Intervals are at 95 %. metapicture {}.",
        registered.program
    )));
    lines
}

/// An expectation as a sentence.
fn expected(outcome: &Outcome) -> String {
    let reading = &outcome.expected.reading;
    match &outcome.expected.expectation {
        Expectation::Present([from, to]) => {
            format!("Between {:.1} and {:.1} % of the pictures show '{reading}'.", 100. * from, 100. * to)
        }
        Expectation::MoreThan(class) => format!("More of the pictures show '{reading}' than of {class}."),
        Expectation::Shown(_) => {
            format!("Visualizations by {} show '{reading}'.", outcome.method.as_deref().unwrap_or_default())
        }
        Expectation::Relied(true) => format!("The network answers less without '{reading}'."),
        Expectation::Relied(false) => format!("The network does not need '{reading}'."),
        Expectation::Clusters(true) => format!("Pictures with '{reading}' lie together."),
        Expectation::Clusters(false) => format!("Pictures with '{reading}' do not lie together."),
    }
}

fn told(figure: &Figure) -> String {
    let mut text = figure.of.clone();
    match (figure.value, figure.interval) {
        (Some(value), Some([low, high])) => {
            let _ = write!(text, ": {value:.3} [{low:.3}, {high:.3}]");
        }
        (Some(value), None) => {
            let _ = write!(text, ": {value:.3}");
        }
        (None, _) => text += ": no interval",
    }
    if let Some(chance) = figure.chance {
        let _ = write!(text, ", against {chance:.3}");
    }
    match (figure.p, figure.p_holm, figure.need) {
        (_, Some(p), Need::Nothing) => drop(write!(text, ", p {p:.4} (adjusted among clusters)")),
        (Some(p), Some(decides), _) => drop(write!(text, ", p {p:.4} ({decides:.4} decides)")),
        (Some(p), None, _) => drop(write!(text, ", p {p:.4}")),
        _ => {}
    }
    match figure.need {
        Need::Within([from, to]) => drop(write!(text, "; expected within [{from}, {to}]")),
        Need::Above(margin) => drop(write!(text, "; must be above 0, and is refused below {margin}")),
        _ => {}
    }
    text
}
