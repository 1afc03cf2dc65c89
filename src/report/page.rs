//! The page, put together.

use std::fmt::Write;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::cite::cite;
use super::data::data;
use super::html::{details, escape, list, script_json, verbatim};
use super::tables;
use super::thumbnails::{Block, Size};
use crate::compare::comparison::{Comparison, Group, Kind, Model};
use crate::plot::Plot;
use crate::plot::number::figure;

const CSS: &str = include_str!("report.css");
const JS: &str = include_str!("report.js");
const GLANCE: &str = include_str!("glance.html");
/// The parts that depend on nothing: where pictures are chosen, turned through, and looked at.
const PICTURES: &str = include_str!("pictures.html");

/// Everything but the pictures.
pub(super) struct Page {
    before: String,
    after: String,
}

impl Page {
    pub(super) fn new(comparison: &Comparison, plots: &[Plot], missing: usize) -> Result<Page> {
        // The browser refuses everything but this page's own style, script and pictures, whatever else may have got into it.
        let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
        let policy = format!(
            "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
            hash(CSS),
            hash(JS)
        );
        let title = escape(&comparison.title);
        let mut before = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{title}: what legibility costs</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        );
        before += &header(comparison);
        before += "<main>\n";
        before += GLANCE;
        let (first, others): (Vec<&Plot>, Vec<&Plot>) =
            plots.iter().partition(|plot| plot.file_stem.starts_with("tradeoff"));
        before += &section("tradeoff", "The trade-off", &figures(&first));
        before += PICTURES;
        let mut after = section("plots", "More plots", &figures(&others));
        after += &section(
            "legibility",
            "Legibility",
            &(GROUP_OF_LEGIBILITY.to_owned() + &tables::group(comparison, Group::Legibility, "Legibility")),
        );
        after += &section(
            "fidelity",
            "Fidelity",
            &(GROUP_OF_FIDELITY.to_owned() + &tables::group(comparison, Group::Fidelity, "Fidelity")),
        );
        after += &section(
            "statistics",
            "The trade-off in numbers",
            &(TRADEOFFS.to_owned() + &tables::tradeoffs(comparison)),
        );
        after += &section("tests", "Against pixel space", &(tests(comparison) + &tables::tests(comparison)));
        after += &section("layers", "Layer by layer", &(LAYERS.to_owned() + &tables::layers(comparison)));
        after += &section(
            "diagnostics",
            "Diagnostics",
            &(DIAGNOSTICS.to_owned() + &tables::group(comparison, Group::Diagnostic, "Diagnostics")),
        );
        after += &section("methods", "Methods", &methods(comparison));
        after += &section("sources", "Where this comes from", &sources(comparison, missing));
        after += &section("cite", "How to cite", &cite()?);
        after += "</main>\n";
        let _ = writeln!(
            after,
            "<script type=\"application/json\" id=\"data\">{}</script>",
            script_json(&data(comparison))?
        );
        Ok(Page { before, after })
    }

    /// Its size, with room for what [`Page::finish`] adds besides the pictures.
    pub(super) fn bytes(&self) -> usize {
        self.before.len() + self.after.len() + JS.len() + 1000
    }

    /// With the pictures.
    pub(super) fn finish(self, size: &Size, block: &Block) -> Result<String> {
        let note = format!(
            "Pictures here are JPEG of at most {} pixels (the first seed of each unit and method) and {} pixels (the others), so that \
             this file can be sent; the originals lie where the comparison was made.",
            size.large, size.small
        );
        Ok(format!(
            "{}<p class=\"aside\" id=\"sizes\">{note}</p></section>\n{}<script type=\"application/json\" id=\"images\">{}</script>\n\
             <script>{JS}</script>\n</body>\n</html>\n",
            self.before,
            self.after,
            script_json(block)?
        ))
    }
}

const GROUP_OF_LEGIBILITY: &str =
    "<p>Can anybody but the classifier itself tell what the picture shows? Intervals in brackets. A heading sorts.</p>";
const GROUP_OF_FIDELITY: &str = "<p>Is the picture still about the unit, and not about the prior?</p>";
const DIAGNOSTICS: &str =
    "<p>A look at the pictures themselves. Flat or blurred pictures win some of these; no claim rests on them.</p>";
const LAYERS: &str = "<p>How the methods' pictures differ, inside of the target, from pictures made of pixels.</p>";
const TRADEOFFS: &str = "<p>Spearman: correlation of legibility and fidelity within a unit; −1 is a pure trade-off. beta of ln F = c − beta ln L: \
    1 is “inversely proportional”, 0 no trade-off. Hypervolume: area that the methods dominate; severity: 1 less that. Units are \
    undefined where one of both never changes.</p>";

fn section(id: &str, title: &str, html: &str) -> String {
    if html.is_empty() {
        return String::new();
    }
    format!("<section id=\"{id}\" aria-labelledby=\"{id}-h\"><h2 id=\"{id}-h\">{title}</h2>\n{html}</section>\n")
}

fn header(comparison: &Comparison) -> String {
    let methods = comparison.methods.iter().filter(|method| method.kind != Kind::Control).count();
    let witnesses: Vec<&str> = comparison.witnesses.iter().map(|model| model.name.as_str()).collect();
    let judges = match witnesses.as_slice() {
        [] => "no other network judges".to_owned(),
        witnesses => format!("judged by {}", witnesses.join(", ")),
    };
    let mut html = format!(
        "<a class=\"skip\" href=\"#pictures\">To the pictures</a>\n<header>\n<p class=\"kicker\">What legibility costs</p>\n<h1>{}</h1>\n\
         <p class=\"what\">Feature visualization: pictures that fire a unit of <b>{}</b>, made with and without a natural image prior. \
         {} units, {methods} methods, {} pictures; {}.</p>\n",
        escape(&comparison.title),
        escape(&comparison.target.name),
        comparison.units.len(),
        comparison.pictures.len(),
        escape(&judges)
    );
    html += "<div class=\"said\">";
    let primary = comparison.tradeoffs.iter().filter(|tradeoff| tradeoff.primary && !tradeoff.sentence.is_empty());
    let sentences: Vec<String> = primary.map(|tradeoff| tradeoff.sentence.clone()).collect();
    if !sentences.is_empty() {
        html += &format!("<section class=\"findings\" aria-label=\"Findings\">{}</section>\n", list(&sentences));
    }
    if !comparison.cautions.is_empty() {
        html += &format!(
            "<section class=\"cautions\" aria-labelledby=\"cautions-h\"><h2 id=\"cautions-h\">Before you quote this</h2>{}</section>\n",
            list(&comparison.cautions)
        );
    }
    html += "</div>\n";
    let places = [
        ("glance", "At a glance"),
        ("tradeoff", "Trade-off"),
        ("dial", "Dial"),
        ("pictures", "Pictures"),
        ("plots", "Plots"),
        ("legibility", "Legibility"),
        ("fidelity", "Fidelity"),
        ("statistics", "Statistics"),
        ("tests", "Tests"),
        ("layers", "Layers"),
        ("methods", "Methods"),
        ("sources", "Sources"),
        ("cite", "Cite"),
    ];
    let turns = comparison.dials.iter().any(|dial| dial.methods.len() > 1);
    let there = places.iter().filter(|(id, _)| turns || *id != "dial");
    let links: String = there.map(|(id, name)| format!("<a href=\"#{id}\">{name}</a> ")).collect();
    html + &format!("<nav aria-label=\"Contents\">{links}</nav>\n</header>\n")
}

/// Drawings as a part of the page.
fn figures(plots: &[&Plot]) -> String {
    let figure = |plot: &&Plot| {
        // In HTML, SVG needs no name of its language; and the page decides how wide it is.
        let svg = plot.svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
        format!(
            "<figure class=\"plot wide\" id=\"plot-{}\" tabindex=\"0\">{}</figure>\n",
            plot.file_stem,
            svg.trim_end()
        )
    };
    plots.iter().map(figure).collect()
}

fn tests(comparison: &Comparison) -> String {
    let baseline = comparison.settings.baseline.and_then(|place| comparison.methods.get(place));
    let Some(baseline) = baseline else { return String::new() };
    format!(
        "<p>Each method less the baseline, <b>{}</b>. p: sign flips over units, two-sided; Holm: adjusted over all methods and figures. \
         Effect: matched-pairs rank-biserial correlation, −1 to 1.</p>",
        escape(&baseline.label)
    )
}

fn methods(comparison: &Comparison) -> String {
    let cautions: Vec<String> = (comparison.methods.iter())
        .flat_map(|method| method.cautions.iter().map(move |caution| format!("{}: {caution}", method.label)))
        .collect();
    tables::methods(comparison) + &list(&cautions)
}

fn model(role: &str, model: &Model) -> String {
    let kinship = model.kinship.as_ref().map_or(String::new(), |kinship| format!("<br>{}", escape(kinship)));
    let definition = serde_yaml::to_string(&model.definition).unwrap_or_default();
    format!(
        "<dt>{role}: {}</dt><dd><code class=\"hash\">sha256 {}</code>{kinship}{}</dd>",
        escape(&model.name),
        escape(&model.weights_sha256),
        details("definition", &verbatim(&definition))
    )
}

fn sources(comparison: &Comparison, missing: usize) -> String {
    let mut html = String::from("<dl>");
    html += &model("Target", &comparison.target);
    for (role, models) in [("Witness", &comparison.witnesses), ("Generator", &comparison.generators)] {
        for one in models {
            html += &model(role, one);
        }
    }
    let reference = &comparison.reference;
    let _ = write!(
        html,
        "<dt>Photographs: {}</dt><dd>{} photographs, {} of them labelled with {} classes; {} squares of each. \
         <code class=\"hash\">sha256 {}</code></dd>",
        escape(&reference.source),
        reference.photographs,
        reference.labelled,
        reference.classes,
        reference.crops,
        escape(&reference.sha256)
    );
    let settings = &comparison.settings;
    let baseline =
        settings.baseline.and_then(|place| comparison.methods.get(place)).map_or("none", |m| m.label.as_str());
    let _ = write!(
        html,
        "<dt>Settings</dt><dd>seed {}; {} bootstrap replicates, intervals of {} %; {} permutations; baseline {}; layers {}; features \
         from {} of the target and {} of the first witness. Made by metapicture {}:{}</dd></dl>",
        settings.seed,
        settings.replicates,
        escape(figure(settings.level * 100.).trim_end_matches(".0")),
        settings.permutations,
        escape(baseline),
        escape(&settings.layers.join(", ")),
        escape(&settings.features[0]),
        escape(&settings.features[1]),
        escape(&comparison.version),
        verbatim(&settings.command)
    );
    for source in &comparison.sources {
        let _ = write!(
            html,
            "<h3 class=\"path\">{}</h3><p>{} pictures.</p>{}",
            escape(&source.path.display().to_string()),
            source.pictures,
            list(&source.skipped)
        );
        if let Some(experiment) = &source.experiment {
            html += &details("experiment.yaml", &verbatim(experiment));
        }
        if let Some(provenance) = &source.provenance {
            let text = serde_json::to_string_pretty(provenance).unwrap_or_default();
            html += &details("provenance.json", &verbatim(&text));
        }
    }
    if missing > 0 {
        let _ = write!(
            html,
            "<p>{missing} pictures could not be read when this page was made; their figures are here.</p>"
        );
    }
    html + &details("Units", &tables::units(comparison))
}
