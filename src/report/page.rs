//! The page, put together.

use std::fmt::Write;

use crate::error::Result;

use super::cite::cite;
use super::data::data;
use super::html::{details, escape, list, verbatim};
use super::tables;
use super::thumbnails::{Block, Size};
use super::words;
use crate::compare::findings::{Findings, MetricGroup, Origin, Participant, Registered};
use crate::html::{policy, script_json};
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
    pub(super) fn new(comparison: &Findings, plots: &[Plot], missing: usize) -> Result<Page> {
        let policy = policy(CSS, JS);
        let title = escape(&comparison.title);
        let mut before = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{title}: what legibility costs</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        );
        let is_first = |plot: &&Plot| plot.file_stem.starts_with("tradeoff") || plot.file_stem == "people";
        let (first, others): (Vec<&Plot>, Vec<&Plot>) = plots.iter().partition(is_first);
        let tradeoff = Section::new("tradeoff", "Trade-off", "The trade-off", figures(&first));
        let below = [
            Section::new("plots", "Plots", "More plots", figures(&others)),
            Section::new(
                "legibility",
                "Legibility",
                "Legibility",
                GROUP_OF_LEGIBILITY.to_owned() + &tables::group(comparison, MetricGroup::Legibility, "Legibility"),
            ),
            Section::new(
                "capacity",
                "Capacity",
                "Representational capacity",
                GROUP_OF_CAPACITY.to_owned()
                    + &tables::group(comparison, MetricGroup::Capacity, "Representational capacity"),
            ),
            Section::new(
                "strength",
                "Strength",
                "Strength",
                GROUP_OF_STRENGTH.to_owned() + &tables::group(comparison, MetricGroup::Strength, "Strength"),
            ),
            Section::new("observers", "Observers", "Observer by observer", observers(comparison)),
            Section::new("people", "People", "What people could tell", people(comparison)),
            Section::new("trials", "Trials", "The measures tested", trials(comparison)),
            Section::new("statistics", "Statistics", "The trade-off in numbers", tradeoffs(comparison)),
            Section::new("tests", "Tests", "Against pixel space", tests(comparison)),
            Section::new("layers", "Layers", "Layer by layer", LAYERS.to_owned() + &tables::layers(comparison)),
            Section::new(
                "diagnostics",
                "Diagnostics",
                "Diagnostics",
                DIAGNOSTICS.to_owned() + &tables::group(comparison, MetricGroup::Diagnostic, "Diagnostics"),
            ),
            Section::new("methods", "Methods", "Methods", methods(comparison)),
            Section::new("sources", "Sources", "Where this comes from", sources(comparison, missing)),
            Section::new("words", "Words", "Words", words::glossary()),
            Section::new("cite", "Cite", "How to cite", cite()?),
        ];
        // The script shows a glance where a method has a picture, and a dial where one can be turned.
        let glances = comparison.compared_units() > 0;
        let turns = comparison.dials.iter().any(|dial| dial.methods.len() > 1);
        let own = |is_there: bool, id, name| is_there.then_some((id, name));
        let places: Vec<(&str, &str)> = own(glances, "glance", "At a glance")
            .into_iter()
            .chain(tradeoff.place())
            .chain(own(turns, "dial", "Dial"))
            .chain(own(true, "pictures", "Pictures"))
            .chain(below.iter().filter_map(Section::place))
            .collect();
        before += &header(comparison, &places);
        before += "<main>\n";
        before += GLANCE;
        before += &tradeoff.html();
        before += PICTURES;
        let mut after: String = below.iter().map(Section::html).collect();
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
            "{}<p class=\"aside\">{note}</p></section>\n{}<script type=\"application/json\" id=\"images\">{}</script>\n\
             <script>{JS}</script>\n</body>\n</html>\n",
            self.before,
            self.after,
            script_json(block)?
        ))
    }
}

const GROUP_OF_LEGIBILITY: &str = "<p>Can anybody but the classifier itself tell what the pictures are about? Intervals in brackets: other units, the same observers. A heading sorts.</p>";
const GROUP_OF_CAPACITY: &str =
    "<p>Does the picture tell what drives the unit? The same task as above, done by the target itself.</p>";
const GROUP_OF_STRENGTH: &str = "<p>How much does it fire the unit, and do small changes destroy that? A constraint lowers strength by definition.</p>";
const DIAGNOSTICS: &str =
    "<p>A look at the pictures themselves. Flat or blurred pictures win some of these; no claim rests on them.</p>";
const LAYERS: &str = "<p>Inside of the target: is the way of a picture through the layers that of the photographs that fire the unit most?</p>";
const OBSERVERS: &str = "<p>Who was shown the pictures of a unit: how often does it tell photographs that fire the unit most from ordinary ones? 0.5 is guessing. \
    Strangers are of another family than the target.</p>";
const PEOPLE: &str = "<p>People did the same task: after a method's pictures of a unit they chose, of two photographs, the one that fires it more. 0.5 is guessing. A claim must \
    hold for other people and for other units: two intervals at 95 %, with either drawn anew.</p>";
const TRIALS: &str = "<p>Natural exemplars were manipulated. A measure that does not fall where nothing is left to tell, or falls where nobody sees a difference, is no \
    measure of it; that it did not fall says only that no fall was shown. Behind each verdict the change, positive where the measure got better; no verdict where it does not tell exemplars from noise in the first \
    place, or too few units were tried.</p>";
const TRADEOFFS: &str = "<p>Mean rank correlation, within a unit and over methods, of what strangers can tell with what the target itself can (or with strength): −1 is a pure \
    trade-off. p: methods exchanged for all units at once, the largest over families of strangers. Units are undefined where one of both never \
    changes.</p>";

/// A part of the page.
struct Section {
    id: &'static str,
    /// In the list of contents.
    name: &'static str,
    title: &'static str,
    /// Beneath the title; a section of nothing is left out.
    html: String,
}

impl Section {
    fn new(id: &'static str, name: &'static str, title: &'static str, html: String) -> Section {
        Section { id, name, title, html }
    }

    /// Its entry in the list of contents, where it is there.
    fn place(&self) -> Option<(&'static str, &'static str)> {
        (!self.html.is_empty()).then_some((self.id, self.name))
    }

    fn html(&self) -> String {
        let Section { id, title, html, .. } = self;
        match html.as_str() {
            "" => String::new(),
            html => format!(
                "<section id=\"{id}\" aria-labelledby=\"{id}-h\"><h2 id=\"{id}-h\">{title}</h2>\n{html}</section>\n"
            ),
        }
    }
}

/// What the page is of, what it says, and links to its `places`: id and name.
fn header(comparison: &Findings, places: &[(&str, &str)]) -> String {
    let own: Vec<bool> = (comparison.methods.iter())
        .filter(|method| method.kind != Origin::Control)
        .map(|method| method.generator.is_some())
        .collect();
    let prior = match (own.contains(&true), own.contains(&false)) {
        (true, true) => ", made with and without a natural image prior",
        (true, false) => ", made with a natural image prior",
        (false, _) => "",
    };
    let witnesses: Vec<&str> = comparison.witnesses.iter().map(|model| model.name.as_str()).collect();
    let judges = match witnesses.as_slice() {
        [] => "no other network judges".to_owned(),
        witnesses => format!("judged by {}", witnesses.join(", ")),
    };
    let mut html = format!(
        "<a class=\"skip\" href=\"#pictures\">To the pictures</a>\n<header>\n<p class=\"kicker\">What legibility costs</p>\n<h1>{}</h1>\n\
         <p class=\"what\">Feature visualization: pictures that fire a unit of <b>{}</b>{prior}. \
         {} units, {} methods, {} pictures; {}.</p>\n",
        escape(&comparison.title),
        escape(&comparison.target.name),
        comparison.compared_units(),
        own.len(),
        comparison.pictures.len(),
        escape(&judges)
    );
    let plain = words::sentences(comparison);
    if !plain.is_empty() {
        html += &format!(
            "<section class=\"plain\" aria-labelledby=\"plain-h\"><h2 id=\"plain-h\">In plain words</h2>{}<p class=\"aside\">Other networks are of other families than \
             {}, and took no part in making the pictures. <a href=\"#words\">What the words mean</a>.</p></section>\n",
            list(&plain),
            escape(&comparison.target.name)
        );
    }
    html += "<div class=\"said\">";
    let sentences: Vec<String> = comparison.sentences().map(str::to_owned).collect();
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
    let links: String = places.iter().map(|(id, name)| format!("<a href=\"#{id}\">{name}</a> ")).collect();
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

fn tradeoffs(comparison: &Findings) -> String {
    let of_dials = match tables::tradeoffs(comparison) {
        Some(table) => TRADEOFFS.to_owned() + &table,
        None => "<p>No trade-off was computed: it asks for 3 methods, or 3 values of a dial, for 3 units of which all of these have \
                 pictures, for witnesses of another family, and for photographs to choose from.</p>"
            .to_owned(),
    };
    of_dials + &tables::iso(comparison).unwrap_or_default()
}

fn observers(comparison: &Findings) -> String {
    tables::observers(comparison).map_or_else(String::new, |table| OBSERVERS.to_owned() + &table)
}

fn people(comparison: &Findings) -> String {
    let cautions = comparison.people.iter().flat_map(|people| people.cautions.iter().cloned()).collect::<Vec<_>>();
    tables::people(comparison).map_or_else(String::new, |table| PEOPLE.to_owned() + &table + &list(&cautions))
}

fn trials(comparison: &Findings) -> String {
    tables::trials(comparison).map_or_else(String::new, |table| TRIALS.to_owned() + &table)
}

fn tests(comparison: &Findings) -> String {
    let baseline = comparison.settings.baseline.and_then(|place| comparison.methods.get(place));
    match (baseline, tables::tests(comparison)) {
        (Some(baseline), Some(table)) => format!(
            "<p>Each method less the baseline, <b>{}</b>. p: sign flips over units, two-sided; Holm: adjusted over all methods and \
             figures. Effect: matched-pairs rank-biserial correlation, −1 to 1.</p>{table}",
            escape(&baseline.label)
        ),
        (None, Some(table)) => table,
        (Some(baseline), None) => format!(
            "<p>No tests: no other method has a figure of a unit of which the baseline, <b>{}</b>, has one, too.</p>",
            escape(&baseline.label)
        ),
        (None, None) => "<p>No tests: there is no pixel-space method to hold the others against.</p>".to_owned(),
    }
}

fn methods(comparison: &Findings) -> String {
    let cautions: Vec<String> = (comparison.methods.iter())
        .flat_map(|method| method.cautions.iter().map(move |caution| format!("{}: {caution}", method.label)))
        .collect();
    tables::methods(comparison) + &list(&cautions)
}

fn model(role: &str, model: &Participant) -> String {
    let family =
        model.family.as_ref().map_or("family not known".to_owned(), |family| format!("family: {}", escape(family)));
    let kinship = if model.kinship.is_some() { format!("<br>{family}") } else { String::new() };
    let definition = serde_yaml::to_string(&model.definition).unwrap_or_default();
    format!(
        "<dt>{role}: {}</dt><dd><code class=\"hash\">sha256 {}</code>{kinship}{}</dd>",
        escape(&model.name),
        escape(&model.weights_sha256),
        details("definition", &verbatim(&definition))
    )
}

fn sources(comparison: &Findings, missing: usize) -> String {
    let mut html = String::from("<dl>");
    html += &model("Target", &comparison.target);
    let roles =
        [("Witness", &comparison.witnesses), ("Encoder", &comparison.encoders), ("Generator", &comparison.generators)];
    for (role, models) in roles {
        for one in models {
            html += &model(role, one);
        }
    }
    let reference = &comparison.reference;
    let _ = write!(
        html,
        "<dt>Photographs: {}</dt><dd>{} photographs, {} of them labelled with {} classes. \
         <code class=\"hash\">sha256 {}</code></dd>",
        escape(&reference.source),
        reference.photographs,
        reference.labelled,
        reference.classes,
        escape(&reference.sha256)
    );
    let settings = &comparison.settings;
    let pools = settings.pools.map_or("no two-choice task".to_owned(), |of| {
        format!(
            "two-choice task: the {} photographs that fire a unit most against {} ordinary ones, or the {} that fire it least; natural exemplars: {}",
            of.top, of.middle, of.low, of.exemplars
        )
    });
    let baseline =
        settings.baseline.and_then(|place| comparison.methods.get(place)).map_or("none", |m| m.label.as_str());
    let _ = write!(
        html,
        "<dt>Settings</dt><dd>seed {}; {} bootstrap replicates, intervals of {} %; {} permutations; baseline {}; layers {}; sets are \
         compared in the features of {}; {}. Made by metapicture {}:{}</dd></dl>",
        settings.seed,
        settings.replicates,
        escape(figure(settings.level * 100.).trim_end_matches(".0")),
        settings.permutations,
        escape(baseline),
        escape(&settings.layers.join(", ")),
        escape(settings.encoder.as_deref().unwrap_or("nobody")),
        pools,
        escape(&comparison.version),
        verbatim(&settings.command)
    );
    if let Some(Registered { file, sha256 }) = &settings.registered {
        let _ = write!(
            html,
            "<p>Read by rules that were fixed beforehand: {} <code class=\"hash\">sha256 {}</code></p>",
            escape(file),
            escape(sha256)
        );
    }
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
