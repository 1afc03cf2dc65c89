//! Pieces of HTML. Every text goes through [`escape`] on its way in.

use std::fmt::Write;

use crate::compare::findings::Measured;
pub(super) use crate::plot::escape;
use crate::plot::number::figure;

/// A cell of a table.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    html: String,
    /// What the column is sorted by; text sorts by what it shows.
    by: Option<f64>,
    class: &'static str,
}

impl Cell {
    pub(super) fn text(text: &str) -> Cell {
        Cell { html: escape(text), by: None, class: "" }
    }

    /// Text of several words.
    pub(super) fn words(text: &str) -> Cell {
        Cell { class: "words", ..Cell::text(text) }
    }

    pub(super) fn number(value: f64, text: &str) -> Cell {
        Cell { html: escape(text), by: Some(value), class: "number" }
    }

    pub(super) fn figure(value: Option<f64>, write: impl Fn(f64) -> String) -> Cell {
        value.map_or_else(|| Cell::not_computed(None), |value| Cell::number(value, &write(value)))
    }

    /// A figure, its interval, and on how many units it rests where that is not all of them.
    pub(super) fn measured(measured: &Measured, of: Option<usize>) -> Cell {
        let Some(value) = measured.value else { return Cell::not_computed(measured.why_not.as_deref()) };
        let mut html = escape(&figure(value));
        match (measured.interval, &measured.why_not) {
            (Some([low, high]), _) => {
                let _ = write!(html, " <small>[{},&nbsp;{}]</small>", escape(&figure(low)), escape(&figure(high)));
            }
            (None, Some(why)) => {
                let _ = write!(html, " <small class=\"why\">no interval: {}</small>", escape(bare(why)));
            }
            (None, None) => {}
        }
        if let Some(of) = of.filter(|of| measured.units > 0 && measured.units != *of) {
            let _ = write!(html, " <small>{} of {of} units</small>", measured.units);
        }
        Cell { html, by: Some(value), class: "number" }
    }

    pub(super) fn not_computed(why: Option<&str>) -> Cell {
        let html = match why {
            Some(why) => format!("<small class=\"why\">not computed: {}</small>", escape(bare(why))),
            None => "<small class=\"why\">not computed</small>".to_owned(),
        };
        Cell { html, by: None, class: "none" }
    }
}

/// A reason that may say already what it is the reason of.
fn bare(why: &str) -> &str {
    why.strip_prefix("no interval: ").or(why.strip_prefix("not computed: ")).unwrap_or(why)
}

/// A column's heading.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) text: String,
    /// Added for those who sort: which way is better.
    pub(super) better: &'static str,
}

impl Heading {
    pub(super) fn plain(text: &str) -> Heading {
        Heading { text: text.to_owned(), better: "" }
    }
}

/// Rows under a heading of their own, or under none. Sorting keeps to them.
pub(super) struct Body {
    pub(super) heading: Option<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A table in a box in which it may be wider than the page. The first column names the row.
pub(super) fn table(caption: &str, headings: &[Heading], bodies: &[Body]) -> String {
    let many = if headings.len() > 8 { " many" } else { "" };
    let mut html = format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table class=\"stacked{many}\"><caption>{0}</caption><thead><tr>",
        escape(caption)
    );
    for (column, heading) in headings.iter().enumerate() {
        let is_number = |row: &Vec<Cell>| row.get(column).is_some_and(|cell| cell.class == "number");
        let class = match bodies.iter().flat_map(|body| &body.rows).any(is_number) && column > 0 {
            true => " class=\"number\"",
            false => "",
        };
        let better = match heading.better {
            "" => String::new(),
            "↑" => " <span class=\"way\" title=\"more is better\">↑</span>".to_owned(),
            _ => " <span class=\"way\" title=\"less is better\">↓</span>".to_owned(),
        };
        let _ = write!(
            html,
            "<th scope=\"col\"{class} aria-sort=\"none\"><button type=\"button\">{}{better}</button></th>",
            escape(&heading.text)
        );
    }
    html.push_str("</tr></thead>");
    for body in bodies.iter().filter(|body| !body.rows.is_empty()) {
        html.push_str("<tbody>");
        if let Some(heading) = body.heading {
            let _ = write!(
                html,
                "<tr class=\"part\"><th colspan=\"{}\" scope=\"rowgroup\">{heading}</th></tr>",
                headings.len()
            );
        }
        for row in &body.rows {
            html.push_str("<tr>");
            for (i, cell) in row.iter().enumerate() {
                let by = cell.by.map_or(String::new(), |by| format!(" data-by=\"{by}\""));
                let class = if cell.class.is_empty() { String::new() } else { format!(" class=\"{}\"", cell.class) };
                // On a narrow screen a row is a list, and each cell says what it is of.
                let of = headings.get(i).map_or(String::new(), |of| format!(" data-of=\"{}\"", escape(&of.text)));
                let _ = match i {
                    0 => write!(html, "<th scope=\"row\"{by}>{}</th>", cell.html),
                    _ => write!(html, "<td{class}{by}{of}>{}</td>", cell.html),
                };
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody>");
    }
    html.push_str("</table></div>");
    html
}

/// A list, or nothing of nothing.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        items => {
            let items: String = items.iter().map(|item| format!("<li>{}</li>", escape(item))).collect();
            format!("<ul>{items}</ul>")
        }
    }
}

/// Something long that is shown when asked for.
pub(super) fn details(summary: &str, html: &str) -> String {
    format!("<details><summary>{}</summary>{html}</details>", escape(summary))
}

/// Text as it is, every space kept.
pub(super) fn verbatim(text: &str) -> String {
    format!("<pre tabindex=\"0\">{}</pre>", escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_an_element() {
        assert_eq!(escape("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    }

    #[test]
    fn a_figure_that_is_not_there_says_why() {
        let none = Measured { why_not: Some("one unit <only>".to_owned()), ..Measured::default() };
        assert!(Cell::measured(&none, None).html.contains("not computed: one unit &lt;only&gt;"));
        let part = Measured { value: Some(0.5), interval: Some([0.25, 0.75]), units: 2, ..Measured::default() };
        let html = Cell::measured(&part, Some(3)).html;
        assert!(html.contains("0.500") && html.contains("[0.250,") && html.contains("2 of 3 units"), "{html}");
    }
}
