//! The manual: what its reference says is what the code says, its links lead somewhere, and its commands can be given.
//!
//! The pages of `docs/src/reference/` are written by these tests: `make reference` (`METAPICTURE_REFERENCE=write cargo test --test program
//! the_page_of`) takes what the code says now, and the difference is read before it is committed.

mod command_line;
mod commands;
mod links;
mod methods;
mod metrics;
mod python;
mod schema;
mod zoo;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Holds a page of the reference against what the code says, or writes it.
fn hold(page: &str, text: &str) {
    let path = root().join("docs/src/reference").join(page);
    let text =
        format!("<!-- Written by `make reference`; changes belong into the code that it comes from. -->\n\n{text}");
    if std::env::var_os("METAPICTURE_REFERENCE").is_some_and(|value| value == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed == text {
        return;
    }
    let differs = committed.lines().zip(text.lines()).position(|(old, new)| old != new);
    let at = differs.unwrap_or_else(|| committed.lines().count().min(text.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("nothing").to_owned();
    panic!(
        "docs/src/reference/{page} is not what the code says; `make reference` writes it again. Line {}:\n  page: {}\n  code: {}",
        at + 1,
        line(&committed),
        line(&text)
    );
}

/// All Markdown of the manual, and of the pages beside it that point into it.
fn pages() -> Vec<PathBuf> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut found = vec![];
    for folder in ["docs/src", "experiments", ".github"] {
        below(&root().join(folder), &mut found);
    }
    let beside =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "RELEASING.md", "python/README.md"];
    found.extend(beside.iter().map(|name| root().join(name)));
    found.sort();
    found
}

/// Prose as Markdown: what would be markup outside of code stands as it is.
fn prose(text: &str) -> String {
    let mut escaped = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            escaped.push('`');
        }
        if index % 2 == 1 {
            escaped.push_str(part);
            continue;
        }
        for letter in part.chars() {
            if matches!(letter, '<' | '*' | '_' | '[' | ']' | '|') {
                escaped.push('\\');
            }
            escaped.push(letter);
        }
    }
    escaped
}

/// A table; cells are Markdown.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "| {} |", head.join(" | "));
    let _ = writeln!(text, "|{}", " --- |".repeat(head.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}
