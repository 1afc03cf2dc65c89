//! What is printed: JSON, tables, errors of one line, words for a shell.

use std::path::PathBuf;

use crate::cli::error::{Error, OfRequest, Result, request};

/// An error on one line, whatever those whose texts it holds have put into theirs.
pub(super) fn one_line(error: &Error) -> String {
    error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Prints one JSON document.
pub(super) fn print_json(document: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(document)?);
    Ok(())
}

/// A word that a POSIX shell reads as it is.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./,:=+%@".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// An aligned table; columns of numbers are set flush right.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let numeric = |column: usize| rows.iter().all(|row| row[column].parse::<f64>().is_ok() || row[column] == "-");
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.enumerate().map(|(column, cell)| match numeric(column) {
            true => format!("{cell:>width$}", width = widths[column]),
            false => format!("{cell:<width$}", width = widths[column]),
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

/// Tells of pictures that could not be read, by name and why. One that was named itself is an error; what lies in folders is passed over.
pub(super) fn passed_over(named: &[PathBuf], unread: impl IntoIterator<Item = (String, String)>) -> Result<()> {
    for (name, error) in unread {
        if named.iter().any(|named| named.display().to_string() == name) {
            return Err(request!("{error}")).of_request();
        }
        log::warn!("passed over: {error}");
    }
    Ok(())
}

/// A time as people say it.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90. => format!("{s:.0} s"),
        s if s < 5400. => format!("{:.0} min", s / 60.),
        s if s < 172_800. => format!("{:.1} h", s / 3600.),
        s => format!("{:.1} days", s / 86_400.),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_reads_every_word_as_it_was() {
        for word in
            ["", "plain-1.5/x", "a b", "it's", "$HOME `id` $(id) \"q\" \\ * ;&|", "line\nbreak", "~", "{a,b}", "ä"]
        {
            let text = format!("printf %s. {}", quoted(word));
            let read = std::process::Command::new("sh").args(["-c", &text]).output().unwrap();
            assert_eq!(String::from_utf8(read.stdout).unwrap(), format!("{word}."));
        }
    }
}
