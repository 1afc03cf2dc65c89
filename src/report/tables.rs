//! The tables of a report.

use std::collections::BTreeMap;

use classifiers::Kinship;

use super::html::{Body, Cell, Heading, details, escape, list, table, verbatim};
use crate::compare::findings::{
    Direction, Expected, Findings, Iso, MethodFindings, Metric, MetricGroup, Observer, OfPeople, Origin, Tradeoff,
};
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
        let shown = comparison.methods.iter().filter(|method| !method.is_manipulated());
        shown.filter(|method| (method.kind == Origin::Control) == control).map(&row).collect()
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

/// The path, layer by layer: a table a method.
pub(super) fn layers(comparison: &Findings) -> String {
    let with_layers: Vec<&MethodFindings> = comparison
        .methods
        .iter()
        .filter(|method| method.layers.iter().any(|layer| layer.path.value.is_some()))
        .collect();
    let Some(first) = with_layers.first() else { return "<p>No layers were compared.</p>".to_owned() };
    let mut headings = vec![Heading::plain("method")];
    headings.extend(first.layers.iter().map(|layer| Heading { text: layer.layer.clone(), better: "↑" }));
    let row = |method: &&MethodFindings| {
        let figures = method.layers.iter().map(|layer| Cell::measured(&layer.path, Some(method.units)));
        std::iter::once(Cell::text(&method.label)).chain(figures).collect()
    };
    let rows = with_layers.iter().map(row).collect();
    table("F3 path naturalness by layer of the target", &headings, &[Body { heading: None, rows }])
}

/// What each observer could tell, method by method; nothing where nobody was asked.
pub(super) fn observers(comparison: &Findings) -> Option<String> {
    if comparison.readings.iter().all(|reading| reading.hard.is_none()) {
        return None;
    }
    let whose = |observer: &Observer| match (observer.kinship, &observer.family) {
        (None, _) => "the target itself".to_owned(),
        (Some(Kinship::Kin), _) => "kin".to_owned(),
        (Some(Kinship::HalfKin), _) => "half kin".to_owned(),
        (Some(Kinship::NoClassifier), _) => "an encoder".to_owned(),
        (Some(Kinship::Foreign), Some(family)) => format!("stranger, {family}"),
        (Some(_), _) => "family not known".to_owned(),
    };
    let heading =
        |observer: &Observer| Heading { text: format!("{} ({})", observer.name, whose(observer)), better: "↑" };
    let mut headings = vec![Heading::plain("method")];
    headings.extend(comparison.observers.iter().map(heading));
    let places: BTreeMap<&str, usize> =
        comparison.methods.iter().enumerate().map(|(place, method)| (&*method.label, place)).collect();
    let bodies = bodies(comparison, |method| {
        let place = places[&*method.label];
        let mean = |observer: usize| {
            let own = comparison.readings.iter().filter(|of| (of.method, of.observer) == (place, observer));
            let all: Vec<f64> = own.filter_map(|of| of.hard).collect();
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        };
        let figures = (0..comparison.observers.len()).map(|observer| Cell::figure(mean(observer), figure));
        std::iter::once(Cell::text(&method.label)).chain(figures).collect()
    });
    let rows = |observer: &Observer| {
        vec![
            Cell::text(&observer.name),
            Cell::text(&whose(observer)),
            Cell::text(if observer.features.is_empty() { "below each unit" } else { &observer.features }),
            Cell::figure(observer.accuracy, figure),
            Cell::figure(observer.temperature, figure),
            Cell::figure(observer.likelihood.map(|of| of[0]), figure),
            Cell::figure(observer.likelihood.map(|of| of[1]), figure),
        ]
    };
    let of_observers =
        ["observer", "is", "looks with", "right of labelled photographs", "temperature", "nats before", "nats after"];
    Some(
        table("Two-choice task by observer: mean over units", &headings, &bodies)
            + &table(
                "Observers, and how sure they are",
                &of_observers.map(Heading::plain),
                &[Body { heading: None, rows: comparison.observers.iter().map(rows).collect() }],
            ),
    )
}

/// The trade-offs' statistics; nothing where there is none.
pub(super) fn tradeoffs(comparison: &Findings) -> Option<String> {
    if comparison.tradeoffs.is_empty() {
        return None;
    }
    let headings = [
        "along",
        "legibility",
        "against",
        "correlation",
        "if one is left out",
        "p",
        "p (Holm)",
        "least p possible",
        "by family of strangers",
        "units undefined",
    ]
    .map(Heading::plain);
    let of = |dial: bool| {
        let row = |tradeoff: &Tradeoff| {
            let families: Vec<String> =
                tradeoff.families.iter().map(|of| format!("{} {}", of.family, figure(of.spearman))).collect();
            let told = if families.is_empty() { "none".to_owned() } else { families.join(", ") };
            let without = tradeoff.without_one.map(|[low, high]| format!("{} to {}", figure(low), figure(high)));
            vec![
                Cell::text(&tradeoff.name),
                Cell::text(&comparison.metric_name(&tradeoff.legibility)),
                Cell::text(&comparison.metric_name(&tradeoff.against)),
                Cell::measured(&tradeoff.spearman, None),
                Cell::text(without.as_deref().unwrap_or("too few methods")),
                Cell::figure(tradeoff.p, probability),
                // Only primary trade-offs are adjusted for.
                match tradeoff.p_holm {
                    None if !tradeoff.primary => Cell::text("not adjusted"),
                    p => Cell::figure(p, probability),
                },
                Cell::figure(tradeoff.least_p, probability),
                Cell::words(&told),
                Cell::number(tradeoff.undefined as f64, &tradeoff.undefined.to_string()),
            ]
        };
        comparison.tradeoffs.iter().filter(|tradeoff| tradeoff.dial.is_some() == dial).map(row).collect()
    };
    let bodies = [
        Body { heading: None, rows: of(true) },
        Body { heading: Some("No claims: the methods of a folder are no sample of anything"), rows: of(false) },
    ];
    Some(table("Legibility against what it may cost", &headings, &bodies))
}

/// Measures under manipulations; nothing where nothing was manipulated.
pub(super) fn trials(comparison: &Findings) -> Option<String> {
    let mut ways: Vec<(&str, Expected)> = vec![];
    for trial in &comparison.trials {
        if !ways.iter().any(|(way, _)| *way == trial.manipulation) {
            ways.push((&trial.manipulation, trial.expected));
        }
    }
    let mut headings = vec![Heading::plain("measure")];
    headings.extend(ways.iter().map(|(way, expected)| Heading {
        text: format!("{way}: must {}", if *expected == Expected::Falls { "fall" } else { "stay" }),
        better: "",
    }));
    let metrics =
        comparison.metrics.iter().filter(|metric| comparison.trials.iter().any(|trial| trial.metric == metric.key));
    let row = |metric: &Metric| {
        let cell = |(way, _): &(&str, Expected)| {
            let found = comparison.trials.iter().find(|trial| trial.metric == metric.key && trial.manipulation == *way);
            let Some(trial) = found else { return Cell::text("not tried") };
            let verdict = match trial.passed {
                Some(true) => "passed",
                Some(false) => "failed",
                None => "no verdict",
            };
            Cell::words(&format!("{verdict}, {}", trial.change.value.map_or("no value".to_owned(), figure)))
        };
        std::iter::once(Cell::text(&metric.name)).chain(ways.iter().map(cell)).collect()
    };
    let rows: Vec<Vec<Cell>> = metrics.map(row).collect();
    let caption = "Measures under manipulations of natural exemplars";
    (!rows.is_empty()).then(|| table(caption, &headings, &[Body { heading: None, rows }]))
}

/// What can be told at one activation; nothing where no dial becomes freer.
pub(super) fn iso(comparison: &Findings) -> Option<String> {
    let row = |iso: &Iso| {
        vec![
            Cell::text(comparison.dials.get(iso.dial).map_or("a dial that is not there", |dial| &dial.name)),
            Cell::number(iso.level, &figure(iso.level)),
            Cell::number(iso.units.len() as f64, &iso.units.len().to_string()),
            Cell::number(iso.missing as f64, &iso.missing.to_string()),
            Cell::measured(&iso.explains, None),
            Cell::measured(&iso.own, None),
        ]
    };
    let rows: Vec<Vec<Cell>> = comparison.iso.iter().map(row).collect();
    let headings = [
        "along",
        "left under changes, at least",
        "units",
        "units that nothing fires so much",
        "strangers",
        "the target itself",
    ];
    let caption = "The strongest prior of a dial that still fires the unit so much";
    (!rows.is_empty()).then(|| table(caption, &headings.map(Heading::plain), &[Body { heading: None, rows }]))
}

/// What people could tell.
pub(super) fn people(comparison: &Findings) -> Option<String> {
    let people = comparison.people.as_ref()?;
    let interval = |ends: Option<[f64; 2]>| match ends {
        Some([low, high]) => format!("[{}, {}]", figure(low), figure(high)),
        None => "none: fewer than ten".to_owned(),
    };
    let row = |of: &OfPeople| {
        vec![
            Cell::text(&comparison.methods[of.method].key()),
            Cell::number(of.answers as f64, &of.answers.to_string()),
            Cell::number(of.right, &figure(of.right)),
            Cell::text(&interval(of.over_people)),
            Cell::text(&interval(of.over_units)),
        ]
    };
    let rows: Vec<Vec<Cell>> = people.methods.iter().map(row).collect();
    let headings = ["pictures", "answers", "right", "over people", "over units"];
    let caption = format!("What {} people could tell", people.people);
    (!rows.is_empty()).then(|| table(&caption, &headings.map(Heading::plain), &[Body { heading: None, rows }]))
}

/// The units.
pub(super) fn units(comparison: &Findings) -> String {
    let rows = (comparison.units.iter())
        .map(|unit| {
            vec![
                Cell::text(&unit.name),
                Cell::text(unit.label.as_deref().unwrap_or("no class")),
                Cell::figure(unit.median, figure),
                Cell::figure(unit.natural, figure),
                Cell::figure(unit.baseline, figure),
                Cell::text(unit.below.as_deref().unwrap_or("none")),
                Cell::number(unit.photographs as f64, &unit.photographs.to_string()),
            ]
        })
        .collect();
    let headings = [
        "unit",
        "class",
        "median activation of the photographs",
        "as much as nature (0.99 quantile)",
        "mean of the baseline",
        "the target looks with",
        "photographs of its class",
    ];
    table("Units", &headings.map(Heading::plain), &[Body { heading: None, rows }])
}
