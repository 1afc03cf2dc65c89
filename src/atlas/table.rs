//! Columns of what is known of pictures: read, joined, and typed as a page needs them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Context, Result, bail, request};

/// What is known of all pictures under one name, a cell a picture; an empty one says that nothing is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) cells: Vec<String>,
}

/// A CSV file in columns.
pub(super) fn read(path: &Path) -> Result<Vec<Column>> {
    let named = || format!("{}: cannot be read", path.display());
    let mut reader = csv::Reader::from_path(path).with_context(named)?;
    let headers = reader.headers().with_context(named)?.clone();
    let mut columns: Vec<Column> = headers.iter().map(|name| Column { name: name.to_owned(), cells: vec![] }).collect();
    for record in reader.records() {
        for (column, cell) in columns.iter_mut().zip(record.with_context(named)?.iter()) {
            column.cells.push(cell.to_owned());
        }
    }
    Ok(columns)
}

/// What tells which picture a row of a table is of, by the column's name, the surest first.
const KEYS: [&str; 4] = ["sha256", "name", "file", "row"];

/// Pictures by what a table may call them.
pub(super) struct Index {
    by: BTreeMap<&'static str, HashMap<String, Vec<usize>>>,
    /// What names of files are relative to.
    folder: PathBuf,
}

impl Index {
    /// Of pictures with these columns, of which there are `sha256` and `name`.
    pub(super) fn new(columns: &[Column], count: usize, folder: &Path) -> Index {
        let mut by: BTreeMap<&'static str, HashMap<String, Vec<usize>>> = BTreeMap::new();
        for key in KEYS {
            let of = by.entry(key).or_default();
            let column = columns.iter().find(|column| column.name == if key == "file" { "name" } else { key });
            for row in 0..count {
                let cell = match (key, column) {
                    ("row", _) => row.to_string(),
                    (_, Some(column)) => column.cells[row].clone(),
                    _ => continue,
                };
                of.entry(cell).or_default().push(row);
            }
        }
        Index { by, folder: folder.to_owned() }
    }

    /// The pictures of a cell. A file may be named from another folder than the pictures were.
    fn find(&self, key: &str, cell: &str) -> &[usize] {
        let of = &self.by[key];
        if let Some(found) = of.get(cell) {
            return found;
        }
        if !["name", "file"].contains(&key) {
            return &[];
        }
        let absolute = std::path::absolute(cell).unwrap_or_default();
        let relative = absolute.strip_prefix(&self.folder).unwrap_or(&absolute);
        let found = [relative, &absolute].into_iter().find_map(|path| of.get(path.to_str()?));
        found.map_or(&[], Vec::as_slice)
    }
}

/// Joins a table to the columns of `count` pictures, by whichever of its columns says which pictures it is of. Where it has several rows of a picture, its
/// column `unit` tells them apart, and its columns are called `COLUMN: UNIT`.
///
/// # Errors
/// A request: a table that cannot be read, that no picture is in, or whose rows nothing tells apart.
pub(super) fn join(columns: &mut Vec<Column>, index: &Index, count: usize, path: &Path) -> Result<()> {
    let table = read(path)?;
    let keys: Vec<&'static str> = KEYS.into_iter().filter(|key| table.iter().any(|of| of.name == *key)).collect();
    if keys.is_empty() {
        bail!("{}: has no column '{}' by which pictures are found", path.display(), KEYS.join("', '"));
    }
    let matched = |key: &str| -> Vec<Vec<usize>> {
        let cells = table.iter().find(|of| of.name == key).map_or(&[][..], |of| &of.cells);
        cells.iter().map(|cell| index.find(key, cell).to_vec()).collect()
    };
    let Some((key, matched)) =
        keys.iter().map(|key| (*key, matched(key))).find(|(_, rows)| rows.iter().any(|of| !of.is_empty()))
    else {
        let rows = table[0].cells.len();
        bail!("{}: none of its {rows} rows is of a picture here; tried '{}'", path.display(), keys.join("', '"));
    };
    let mut times = vec![0usize; count];
    matched.iter().flatten().for_each(|row| times[*row] += 1);
    let several = times.iter().any(|times| *times > 1);
    let units = table.iter().find(|of| of.name == "unit").filter(|_| several);
    let groups: BTreeSet<&str> = units.map_or([""].into(), |of| of.cells.iter().map(String::as_str).collect());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    for group in groups {
        let own: Vec<usize> =
            (0..matched.len()).filter(|row| units.is_none_or(|units| units.cells[*row] == group)).collect();
        let mut seen = BTreeSet::new();
        if let Some(twice) = own.iter().flat_map(|row| &matched[*row]).find(|row| !seen.insert(**row)) {
            let hint = if units.is_some() { "of one unit" } else { "and no column 'unit' that tells them apart" };
            return Err(request!("{}: has several rows of the picture of row {twice}, {hint}", path.display()));
        }
        let known: BTreeSet<String> = columns.iter().map(|of| of.name.clone()).collect();
        for column in &table {
            let is_key = KEYS.contains(&column.name.as_str()) && (column.name == key || known.contains(&column.name));
            if is_key || units.is_some() && column.name == "unit" {
                continue;
            }
            let mut name = if units.is_some() { format!("{}: {group}", column.name) } else { column.name.clone() };
            if known.contains(&name) {
                name = format!("{name} ({stem})");
            }
            let mut cells = vec![String::new(); count];
            for row in &own {
                for picture in &matched[*row] {
                    cells[*picture].clone_from(&column.cells[*row]);
                }
            }
            columns.push(Column { name, cells });
        }
    }
    Ok(())
}

/// A column as the page has it: what is the same in many cells is said once.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Typed {
    /// Numbers; null where there is none.
    Number { name: String, values: Vec<Option<f64>> },
    /// A few values; places in `names`, -1 where there is none.
    Category { name: String, names: Vec<String>, values: Vec<i32> },
    /// Days or moments as ISO 8601 writes them.
    Date { name: String, values: Vec<String> },
    /// Whatever else; each behind what all begin with.
    Text { name: String, prefix: String, values: Vec<String> },
}

/// Columns that say which, even if they say it in numbers.
const NAMES: [&str; 3] = ["cluster", "made_by", "unit"];

/// A number that comes out as it went in.
pub(super) fn number(cell: &str) -> Option<f64> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let whole = digits.bytes().all(|c| c.is_ascii_digit());
    if padded || !plain || whole && digits.len() > 15 {
        return None;
    }
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// `2001-05`, `2001-05-17`, and what may follow a `T`.
fn is_date(cell: &str) -> bool {
    let day = cell.split(['T', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split('-').collect();
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|c| c.is_ascii_digit());
    (2..=3).contains(&parts.len()) && digits(parts[0], 4) && parts[1..].iter().all(|part| digits(part, 2))
}

impl Column {
    /// Whether nothing is known under this name.
    pub(super) fn is_empty(&self) -> bool {
        self.cells.iter().all(String::is_empty)
    }

    pub(super) fn typed(&self) -> Typed {
        let name = self.name.clone();
        let there = || self.cells.iter().filter(|cell| !cell.is_empty());
        let named = NAMES.contains(&name.as_str());
        if !named && there().all(|cell| number(cell).is_some()) {
            return Typed::Number { name, values: self.cells.iter().map(|cell| number(cell)).collect() };
        }
        if there().all(|cell| is_date(cell)) && !named {
            return Typed::Date { name, values: self.cells.clone() };
        }
        let mut names: Vec<&str> = there().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
        if named || names.len() <= 20 || names.len() <= 2000 && names.len() * 2 <= self.cells.len() {
            // Clusters are counted: 2 before 10.
            names.sort_by(|a, b| match (number(a), number(b)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => a.cmp(b),
            });
            let places: HashMap<&str, i32> = names.iter().zip(0..).map(|(name, place)| (*name, place)).collect();
            let values = self.cells.iter().map(|cell| places.get(cell.as_str()).copied().unwrap_or(-1)).collect();
            return Typed::Category { name, names: names.into_iter().map(str::to_owned).collect(), values };
        }
        let prefix = common(&self.cells);
        let values = self.cells.iter().map(|cell| cell[prefix.len()..].to_owned()).collect();
        Typed::Text { name, prefix, values }
    }
}

/// What all of them begin with.
fn common(cells: &[String]) -> String {
    let Some(first) = cells.first() else { return String::new() };
    let mut length = first.len();
    for cell in cells {
        let same = first.bytes().zip(cell.bytes()).take(length).take_while(|(a, b)| a == b).count();
        length = (0..=same).rev().find(|length| first.is_char_boundary(*length)).unwrap_or(0);
    }
    first[..length].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(cells: &[&str]) -> Column {
        Column { name: "of".to_owned(), cells: cells.iter().map(|cell| (*cell).to_owned()).collect() }
    }

    #[test]
    fn a_column_is_what_all_its_cells_are() {
        assert!(matches!(column(&["1", "", "-2.5", "1e-3"]).typed(), Typed::Number { .. }));
        assert!(matches!(column(&["007", "008"]).typed(), Typed::Category { .. }), "a sign, not a number");
        assert!(matches!(column(&["18446744073709551615"]).typed(), Typed::Category { .. }), "would be rounded");
        assert!(matches!(column(&["1999-01", "2001-05-17", ""]).typed(), Typed::Date { .. }));
        assert!(matches!(column(&["nan", "1"]).typed(), Typed::Category { .. }));
        let many: Vec<String> = (0..30).map(|number| format!("äöü/ä{number}x")).collect();
        let Typed::Text { prefix, values, .. } = (Column { name: "of".to_owned(), cells: many }).typed() else {
            panic!("not text")
        };
        assert_eq!((prefix.as_str(), values[7].as_str()), ("äöü/ä", "7x"));
        let Typed::Category { names, values, .. } =
            (Column { name: "cluster".to_owned(), ..column(&["10", "2", "", "2"]) }).typed()
        else {
            panic!("a cluster is no number")
        };
        assert_eq!((names, values), (vec!["2".to_owned(), "10".to_owned()], vec![1, 0, -1, 0]));
    }

    #[test]
    fn what_cells_share_is_cut_between_letters() {
        let cells = ["ä", "ö"].map(str::to_owned);
        assert_eq!(common(&cells), "");
    }
}
