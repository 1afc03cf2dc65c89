//! What a comparison came to, in sentences for somebody who has never read one; and the words that the rest of the page uses.

use super::html::escape;
use crate::compare::EXEMPLARS;
use crate::compare::findings::{Findings, MethodFindings, Origin};

/// Methods that are told of.
const TOLD: usize = 8;

/// How often of a hundred.
fn of_hundred(share: f64) -> String {
    format!("{:.0} of 100", 100. * share)
}

fn value(method: &MethodFindings, key: &str) -> Option<f64> {
    method.metrics.get(key)?.value
}

/// A sentence a method, those that others can read best first; and what the numbers are held against.
pub(super) fn sentences(comparison: &Findings) -> Vec<String> {
    let mut own: Vec<&MethodFindings> =
        comparison.methods.iter().filter(|method| method.kind != Origin::Control).collect();
    let legible = |method: &MethodFindings| {
        value(method, "explains").or(value(method, "foreign_agreement")).or(value(method, "foreign_probability"))
    };
    own.sort_by(|a, b| legible(b).unwrap_or(-1.).total_cmp(&legible(a).unwrap_or(-1.)));
    let told = |method: &&MethodFindings| {
        let mut parts = vec![];
        if let Some(share) = value(method, "foreign_agreement") {
            parts.push(format!("other networks saw the class in {} of the pictures", of_hundred(share)));
        }
        if let Some(share) = value(method, "explains") {
            let who = if parts.is_empty() { "from its pictures other networks" } else { "they" };
            let what = "could tell which of two photographs fires the unit more";
            parts.push(format!("{who} {what} in {}", of_hundred(share)));
        }
        if let Some(share) = value(method, "own") {
            let known = value(method, "explains").is_some();
            let task = if known { "" } else { " tell which of two photographs fires the unit more" };
            parts.push(format!("the network itself could{task} in {}", of_hundred(share)));
        }
        (!parts.is_empty()).then(|| format!("{}: {}.", method.label, parts.join("; ")))
    };
    let mut sentences: Vec<String> = own.iter().filter_map(told).take(TOLD).collect();
    if sentences.is_empty() {
        return sentences;
    }
    let baseline = comparison.settings.baseline.map(|place| &comparison.methods[place]);
    if let (Some(best), Some(baseline)) = (own.first(), baseline)
        && let Some(overall) = overall(best, baseline)
    {
        sentences.insert(0, overall);
    }
    let more = own.len().saturating_sub(TOLD);
    if more > 0 {
        sentences.push(format!("{more} more methods are in the tables below."));
    }
    let exemplars = comparison.methods.iter().find(|method| method.kind == Origin::Control && method.name == EXEMPLARS);
    if let Some(share) = exemplars.and_then(|method| value(method, "explains")) {
        sentences.push(format!(
            "To compare: guessing is right in 50 of 100, and after nine photographs that fire the unit most other networks are right in {}.",
            of_hundred(share)
        ));
    }
    sentences
}

/// What the most legible method gains before others, and loses before the network itself, against the one without a prior.
fn overall(best: &MethodFindings, baseline: &MethodFindings) -> Option<String> {
    let [reads, read] = [value(best, "explains")?, value(baseline, "explains")?];
    if best.label == baseline.label {
        return Some(format!(
            "In short: no method's pictures tell other networks more than {}, the one without a prior ({}).",
            baseline.label,
            of_hundred(read)
        ));
    }
    let mut text = format!(
        "In short: of all methods the pictures by {} tell other networks, strangers to this one, most: they choose the right one of two photographs in {}, \
         and in {} after those by {}, the one without a prior",
        best.label,
        of_hundred(reads),
        of_hundred(read),
        baseline.label
    );
    if let (Some(own), Some(without)) = (value(best, "own"), value(baseline, "own")) {
        text += &format!("; the network itself (the target) in {} and in {}", of_hundred(own), of_hundred(without));
    }
    Some(text + ". Whether that is more than chance, the tests below say.")
}

/// Words and what they mean here.
const WORDS: [(&str, &str); 13] = [
    ("activation", "A number that a part of a network comes to for a picture; of a class, its logit."),
    ("baseline", "The method without any prior, from which strength is measured."),
    (
        "dial",
        "Methods that differ in one number, such as how far a picture may leave what a generator can make: turned from one end to the other.",
    ),
    ("exemplars, natural", "The photographs that fire a unit most, of those that were at hand."),
    ("fire", "To come to a high activation: a picture fires a unit."),
    (
        "kin",
        "A witness of the target's own family of architectures. Kin share what no stranger believes, and decide nothing here.",
    ),
    (
        "legible",
        "Here: others than the target can tell from the pictures what the unit answers to. Whether people can is another question.",
    ),
    ("logit", "What a classifier computes for a class before it is made a probability; it may be any number."),
    ("prior", "What keeps pictures natural: mostly a generator, whose pictures are the only ones that are searched."),
    ("stranger", "A witness of another family than the target's."),
    ("target", "The classifier whose units the pictures were made for."),
    ("unit", "The part of the target that is asked about: a class, or a channel of a layer."),
    ("witness", "A classifier that looks at the pictures and took no part in making them."),
];

/// The words as a list, those of the two-choice task first.
pub(super) fn glossary() -> String {
    let mut html = String::from(
        "<p>The <b>two-choice task</b>: an observer is shown the pictures of a unit, and two photographs, of which one fires the unit more. Which? Machines answer by \
         likeness in what they see; guessing is right in half of the cases.</p><dl>",
    );
    for (word, meaning) in WORDS {
        html += &format!("<dt>{}</dt><dd>{}</dd>", escape(word), escape(meaning));
    }
    html + "</dl>"
}
