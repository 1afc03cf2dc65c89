//! What every figure of a comparison means and where it comes from, as the report says it; and the statistics below them, as the first lines
//! of their files say it.

use std::fmt::Write as _;

use metapicture::engine::compare::definitions::metrics;
use metapicture::engine::compare::findings::{Direction, MetricGroup};

use super::{hold, prose, read, root};

const TOP: &str = "# Metrics

What `metapicture compare` measures. The key is the name of the column in `metrics.csv`, `units.csv` and `summary.csv` and in `comparison.json`. Claims rest
on the two that say so; the others stand beside them ([What legibility costs](../guides/comparison.md)).

";

/// Files of `src/compare/` that say how something is measured.
const STEPS: [&str; 9] =
    ["choice", "path", "inversion", "convergence", "dials", "tradeoff", "iso", "controls", "manipulations"];

fn name(group: MetricGroup) -> &'static str {
    match group {
        MetricGroup::Legibility => "Legibility: can others read it?",
        MetricGroup::Capacity => "Representational capacity: does it tell what drives the unit?",
        MetricGroup::Strength => "Strength: how much does it fire the unit?",
        MetricGroup::Diagnostic => "Diagnostics: what kind of picture is it?",
    }
}

/// What the first lines of a file say, as Markdown: paragraphs in a line each, code as it stands.
fn first_lines(source: &str) -> String {
    let mut text = String::new();
    let mut code = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        let fence = line.starts_with("```");
        if code || fence {
            let before = if fence && !code { "\n" } else { "" };
            let _ = writeln!(text, "{before}{line}");
            code ^= fence;
        } else if line.is_empty() {
            text.push_str("\n\n");
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push(' ');
            }
            text.push_str(&prose(&line.replace("[`", "`").replace("`]", "`")));
        }
    }
    text.replace("\n\n\n", "\n\n")
}

/// A section a file, under the file's name.
fn files_of(folder: &str, names: &[&str], text: &mut String) {
    for name in names {
        let said = first_lines(&read(&root().join(folder).join(format!("{name}.rs"))));
        assert!(!said.trim().is_empty(), "{name} does not say what it is");
        let _ = write!(text, "### {}\n\n{}\n\n", name.replace('_', " "), said.trim());
    }
}

#[test]
fn the_page_of_the_metrics_is_current() {
    let mut text = TOP.to_owned();
    for group in [MetricGroup::Legibility, MetricGroup::Capacity, MetricGroup::Strength, MetricGroup::Diagnostic] {
        let _ = write!(text, "## {}\n\n", name(group));
        let all = metrics();
        let of_group: Vec<_> = all.iter().filter(|metric| metric.group == group).collect();
        assert!(!of_group.is_empty());
        for metric in of_group {
            let better = match metric.direction {
                Direction::Up => "more is better",
                Direction::Down => "less is better",
                Direction::None => "neither way is better",
            };
            let claims = if metric.primary { " **Claims rest on it.**" } else { "" };
            let _ = write!(
                text,
                "### `{}`\n\n**{}**; {}; {better}.{claims}\n\n{}\n\n*Source.* {}.\n\n",
                metric.key,
                prose(&metric.name),
                prose(&metric.range),
                prose(&metric.meaning),
                prose(metric.source.trim_end_matches('.'))
            );
        }
    }
    text.push_str("## How a comparison is made\n\nThe steps, as their files in `src/compare/` say them.\n\n");
    files_of("src/compare", &STEPS, &mut text);
    text.push_str("## The statistics below them\n\nOne file each in `metrics/src/`, held to independent implementations by tests.\n\n");
    let files = std::fs::read_dir(root().join("metrics/src")).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "lib");
    names.sort();
    files_of("metrics/src", &names.iter().map(String::as_str).collect::<Vec<_>>(), &mut text);
    hold("metrics.md", &format!("{}\n", text.trim_end()));
}
