//! The tables of a report.

use super::html::{Body, Cell, Heading, details, escape, list, table, verbatim};
use crate::compare::findings::{Direction, Findings, MethodFindings, Metric, MetricGroup, Origin};
use crate::plot::number::{figure, probability, setting};

fn heading(metric: &Metric) -> Heading {
    let better = match metric.direction {
        Direction::Up => "↑",
        Direction::Down => "↓",
        Direction::None => "",
    };
    Heading { text: metric.name.clone(), better }
}

/// Methods first, and controls under a heading of their own.
fn bodies(comparison: &Findings, row: impl Fn(&MethodFindings) -> Vec<Cell>) -> Vec<Body> {
    let of = |control: bool| {
        comparison.methods.iter().filter(|method| (method.kind == Origin::Control) == control).map(&row).collect()
    };
    vec![
        Body { heading: None, rows: of(false) },
        Body { heading: Some("Controls: made by the comparison, to hold the figures against"), rows: of(true) },
    ]
}

/// A group's table, and beneath it what its figures mean.
pub(super) fn group(comparison: &Findings, group: MetricGroup, caption: &str) -> String {
    let (shown, none): (Vec<&Metric>, Vec<&Metric>) = (comparison.metrics.iter())
        .filter(|metric| metric.group == group)
        .partition(|metric| metric.not_computed.is_none());
    let mut html = String::new();
    if !shown.is_empty() {
        let headings: Vec<Heading> =
            std::iter::once(Heading::plain("method")).chain(shown.iter().map(|metric| heading(metric))).collect();
        let bodies = bodies(comparison, |method| {
            let figures = shown.iter().map(|metric| match method.metrics.get(&metric.key) {
                Some(measured) => Cell::measured(measured, Some(method.units)),
                None => Cell::not_computed(None),
            });
            std::iter::once(Cell::text(&method.label)).chain(figures).collect()
        });
        html += &table(caption, &headings, &bodies);
    }
    html += "<dl class=\"meanings\">";
    for metric in shown.iter().chain(&none) {
        let way = match metric.direction {
            Direction::Up => "more is better",
            Direction::Down => "less is better",
            Direction::None => "neither way is better",
        };
        let claim = if metric.primary { "; claims rest on it" } else { "" };
        html += &format!(
            "<dt>{}</dt><dd>{} <span class=\"aside\">Range: {}; {way}{claim}. Source: {}.</span>",
            escape(&metric.name),
            escape(&metric.meaning),
            escape(&metric.range),
            escape(metric.source.trim_end_matches('.'))
        );
        if let Some(why) = &metric.not_computed {
            html += &format!(" <strong>Not computed: {}</strong>", escape(why));
        }
        html += "</dd>";
    }
    html + "</dl>"
}

/// Who took part: pictures, seeds, passes; and what must be said of each.
pub(super) fn methods(comparison: &Findings) -> String {
    let headings = [
        "method",
        "made by",
        "generator",
        "units",
        "pictures",
        "fewest pictures of a unit",
        "forward passes",
        "backward passes",
    ];
    let bodies = bodies(comparison, |method| {
        let count = |n: usize| Cell::number(n as f64, &n.to_string());
        let passes = |which: usize| match method.passes {
            Some(passes) => Cell::number(passes[which], &setting(passes[which])),
            None if method.kind == Origin::Control => Cell::text("none"),
            None => Cell::text("not known"),
        };
        let made = match method.kind {
            Origin::Run => "this program",
            Origin::Foreign => "another tool",
            Origin::Control => "the comparison",
        };
        vec![
            Cell::text(&method.label),
            Cell::text(made),
            Cell::text(method.generator.as_deref().unwrap_or("none")),
            count(method.units),
            count(method.pictures),
            count(method.seeds),
            passes(0),
            passes(1),
        ]
    });
    let mut html = table("Methods and controls", &headings.map(Heading::plain), &bodies);
    let meanings: Vec<String> = (comparison.methods.iter())
        .filter_map(|method| Some(format!("{}: {}", method.label, method.meaning.as_ref()?)))
        .collect();
    html += &list(&meanings);
    let all_settings: String = (comparison.methods.iter())
        .filter(|method| method.kind != Origin::Control)
        .map(|method| details(&method.label, &verbatim(&serde_yaml::to_string(&method.settings).unwrap_or_default())))
        .collect();
    html + &details("Every setting of every method", &all_settings)
}

/// Each method against the baseline; nothing where nothing was tested.
pub(super) fn tests(comparison: &Findings) -> Option<String> {
    let rows: Vec<Vec<Cell>> = (comparison.methods.iter())
        .flat_map(|method| method.tests.iter().map(move |test| (method, test)))
        .map(|(method, test)| {
            vec![
                Cell::text(&method.label),
                Cell::text(&comparison.metric_name(&test.metric)),
                Cell::measured(&test.difference, None),
                Cell::figure(test.p, probability),
                Cell::figure(test.p_holm, probability),
                Cell::figure(test.effect, figure),
                Cell::number(test.difference.units as f64, &test.difference.units.to_string()),
            ]
        })
        .collect();
    if rows.is_empty() {
        return None;
    }
    let headings = ["method", "figure", "difference", "p", "p (Holm)", "effect", "units"].map(Heading::plain);
    Some(table("Difference from the baseline, paired by unit", &headings, &[Body { heading: None, rows }]))
}

/// Drift and the like, layer by layer: a table a method.
pub(super) fn layers(comparison: &Findings) -> String {
    let with_layers = comparison.methods.iter().filter(|method| !method.layers.is_empty());
    let one = |method: &MethodFindings| {
        let rows = (method.layers.iter().enumerate())
            .map(|(depth, layer)| {
                let figures = [&layer.drift, &layer.drift_pooled, &layer.path, &layer.cka, &layer.energy];
                let figures = figures.into_iter().map(|measured| Cell::measured(measured, Some(method.units)));
                let p = [layer.energy_p, layer.energy_q].map(|p| Cell::figure(p, probability));
                let name = Cell::number(depth as f64, &layer.layer);
                std::iter::once(name).chain(figures).chain(p).collect()
            })
            .collect();
        let headings = [
            ("layer", ""),
            ("F2 drift", "↓"),
            ("F2 drift, pooled", "↓"),
            ("F3 path naturalness", "↑"),
            ("F4 CKA", "↑"),
            ("F5 energy distance", "↓"),
            ("its p", ""),
            ("its q (Benjamini & Hochberg)", ""),
        ]
        .map(|(text, better)| Heading { text: text.to_owned(), better });
        let caption = format!("Layers: {}", method.label);
        details(&method.label, &table(&caption, &headings, &[Body { heading: None, rows }]))
    };
    let tables: String = with_layers.map(one).collect();
    if tables.is_empty() { "<p>No layers were compared.</p>".to_owned() } else { tables }
}

/// The trade-offs' statistics; nothing where there is none.
pub(super) fn tradeoffs(comparison: &Findings) -> Option<String> {
    if comparison.tradeoffs.is_empty() {
        return None;
    }
    let headings = [
        "along",
        "legibility",
        "fidelity",
        "Spearman",
        "p",
        "p (Holm)",
        "beta",
        "hypervolume",
        "severity",
        "units undefined",
        "floored",
    ]
    .map(Heading::plain);
    let of = |primary: bool| {
        let row = |tradeoff: &crate::compare::findings::Tradeoff| {
            let [l, f] = tradeoff.floored;
            let floors = tradeoff.floors.map(figure);
            let floored = match l + f {
                0 => "none".to_owned(),
                _ => format!("{l} of legibility at {}, {f} of fidelity at {}", floors[0], floors[1]),
            };
            vec![
                Cell::text(&tradeoff.name),
                Cell::text(&comparison.metric_name(&tradeoff.legibility)),
                Cell::text(&comparison.metric_name(&tradeoff.fidelity)),
                Cell::measured(&tradeoff.spearman, None),
                Cell::figure(tradeoff.spearman_p, probability),
                // Only primary trade-offs are adjusted for.
                match tradeoff.spearman_p_holm {
                    None if !primary => Cell::text("not adjusted"),
                    p => Cell::figure(p, probability),
                },
                Cell::measured(&tradeoff.beta, None),
                Cell::measured(&tradeoff.hypervolume, None),
                Cell::measured(&tradeoff.severity, None),
                Cell::number(tradeoff.undefined as f64, &tradeoff.undefined.to_string()),
                Cell::words(&floored),
            ]
        };
        comparison.tradeoffs.iter().filter(|tradeoff| tradeoff.primary == primary).map(row).collect()
    };
    let bodies = [
        Body { heading: None, rows: of(true) },
        Body { heading: Some("Not claims: looked at besides"), rows: of(false) },
    ];
    Some(table("Legibility against fidelity", &headings, &bodies))
}

/// The units.
pub(super) fn units(comparison: &Findings) -> String {
    let rows = (comparison.units.iter())
        .map(|unit| {
            vec![
                Cell::text(&unit.name),
                Cell::text(unit.label.as_deref().unwrap_or("no class")),
                Cell::figure(unit.median, figure),
                Cell::figure(unit.best_pixel, figure),
                Cell::number(unit.photographs as f64, &unit.photographs.to_string()),
            ]
        })
        .collect();
    let headings =
        ["unit", "class", "median activation of the photographs", "best pixel picture", "photographs of its class"];
    table("Units", &headings.map(Heading::plain), &[Body { heading: None, rows }])
}
