//! The sweep: paths into the document, each with its values; the product is taken, or they go along each other (`zip`).

use zoo::suggest::hint;

use super::field::Field;
use super::keys::KEYS;
use super::node::{Entry, Node, Value};
use super::path::Path;
use super::place::{FileError, Place};

/// Values of one path, and points of one experiment.
pub(super) const MOST_POINTS: u64 = 1_000_000;

/// Swept paths of one experiment.
const MOST_AXES: usize = 64;

/// Keys of a document that no run depends on.
const NOT_OF_RUNS: [&str; 9] =
    ["name", "description", "extends", "device", "threads", "batch", "keep", "compare", "sweep"];

/// A swept path.
#[derive(Clone, Debug)]
pub(super) struct SweptPath {
    pub(super) path: Path,
    /// Where it is written.
    pub(super) place: Place,
    pub(super) values: Vec<Node>,
    /// The method whose runs alone it concerns.
    pub(super) method: Option<String>,
}

/// Paths that go along each other.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Which of the swept paths.
    pub(super) axes: Vec<usize>,
    /// The number of values of each.
    pub(super) length: usize,
}

/// What is swept.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweep {
    pub(super) axes: Vec<SweptPath>,
    pub(super) groups: Vec<Group>,
}

impl Sweep {
    /// Reads the sweep of a document whose methods are spelled out.
    pub(super) fn read(sweep: &Field, root: &Node) -> Result<Sweep, FileError> {
        let mut found = Sweep::default();
        let Value::Map(entries) = &sweep.node.value else { return Err(sweep.not("a map of paths")) };
        for entry in entries {
            if entry.key != "zip" {
                let length = found.add(entry, "sweep", root)?;
                found.groups.push(Group { axes: vec![found.axes.len() - 1], length });
                continue;
            }
            for group in Field::new(&entry.node, "sweep.zip").items() {
                let Value::Map(entries) = &group.node.value else {
                    return Err(group.not("a map of paths, or a list of them,"));
                };
                let from = found.axes.len();
                for entry in entries {
                    let length = found.add(entry, &group.path, root)?;
                    let first = found.axes[from].values.len();
                    if length != first {
                        let other = &found.axes[from].path;
                        return Err(FileError::new(
                            &entry.place,
                            &format!("{}.{}", group.path, entry.key),
                            format!("has {length} values, and {other} beside it {first}"),
                        ));
                    }
                }
                if from == found.axes.len() {
                    return Err(group.wrong("at least one path is wanted"));
                }
                let length = found.axes[from].values.len();
                found.groups.push(Group { axes: (from..found.axes.len()).collect(), length });
            }
        }
        Ok(found)
    }

    /// Adds a path and tells the number of its values.
    fn add(&mut self, entry: &Entry, above: &str, root: &Node) -> Result<usize, FileError> {
        let wrong = |message: String| FileError::new(&entry.place, &format!("{above}.{}", entry.key), message);
        if self.axes.len() == MOST_AXES {
            return Err(wrong(format!("more than {MOST_AXES} paths are swept")));
        }
        let path = Path::resolve(root, &entry.key, &entry.place).map_err(|error| wrong(error.message))?;
        let first = path.0[0].as_str();
        if !KEYS.contains(&first) {
            return Err(wrong(format!(
                "unknown key '{first}'{}",
                hint(first, "what can be swept is", KEYS.into_iter().filter(|key| !NOT_OF_RUNS.contains(key)))
            )));
        }
        if NOT_OF_RUNS.contains(&first) {
            return Err(wrong(format!("'{first}' is not a setting of runs, and cannot be swept")));
        }
        let method = match (first, &path.0[1..]) {
            ("methods", []) => return Err(wrong("methods are listed, not swept".to_owned())),
            ("methods", [name]) => return Err(wrong(format!("a key of the method is wanted: methods.{name}.KEY"))),
            ("methods", [_, key, ..]) if ["name", "preset", "file"].contains(&key.as_str()) => {
                return Err(wrong(format!("'{key}' says which method it is, and cannot be swept")));
            }
            ("methods", [name, ..]) => Some(name.clone()),
            _ => None,
        };
        if let Some(other) =
            self.axes.iter().find(|axis| axis.path.0.starts_with(&path.0) || path.0.starts_with(&axis.path.0))
        {
            return Err(wrong(format!("overlaps with {} at {}", other.path, other.place)));
        }
        let values = values(&Field::new(&entry.node, format!("{above}.{}", entry.key)))?;
        let length = values.len();
        self.axes.push(SweptPath { path, place: entry.place.clone(), values, method });
        Ok(length)
    }

    /// What each path is called: its shortest tail that no other one has, beginning with a word.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |axis: &SweptPath| {
            let segments = &axis.path.0;
            let tail = (1..=segments.len()).map(|length| &segments[segments.len() - length..]).find(|tail| {
                let others = self.axes.iter().filter(|other| other.path.0.ends_with(tail)).count();
                others == 1 && !tail[0].bytes().all(|byte| byte.is_ascii_digit())
            });
            tail.unwrap_or(segments).join(".")
        };
        self.axes.iter().map(name).collect()
    }
}

/// The values of a path: a list, or `linspace` or `logspace` of [first, last, number].
fn values(field: &Field) -> Result<Vec<Node>, FileError> {
    let spaced = match &field.node.value {
        Value::List(items) if items.is_empty() => return Err(field.wrong("at least one value is wanted")),
        Value::List(items) => return Ok(items.clone()),
        Value::Map(entries) if entries.len() == 1 => &entries[0],
        _ => return Err(field.not("a list of values, { linspace: [first, last, number] } or { logspace: … }")),
    };
    field.map_of(&["linspace", "logspace"])?;
    let inner = Field::new(&spaced.node, format!("{}.{}", field.path, spaced.key));
    let Value::List(items) = &spaced.node.value else { return Err(inner.not("[first, last, number]")) };
    let [_, _, _] = &items[..] else { return Err(inner.not("[first, last, number]")) };
    let items = inner.items();
    let number = |field: &Field| match field.node.value {
        Value::Int(number) => Ok(number as f64),
        Value::Float(number) if number.is_finite() => Ok(number),
        _ => Err(field.not("a finite number")),
    };
    let (first, last) = (number(&items[0])?, number(&items[1])?);
    let count = items[2].whole(1, MOST_POINTS)? as usize;
    let is_log = spaced.key == "logspace";
    if is_log && !(first > 0. && last > 0.) {
        return Err(inner.wrong("both ends of a logspace are more than 0"));
    }
    let node = |number: f64| {
        let value = if number == number.trunc() && number.abs() < 1e15 {
            Value::Int(number as i128)
        } else {
            Value::Float(number)
        };
        Node::new(&spaced.node.place, value)
    };
    Ok((0..count).map(|index| node(spaced_number(first, last, index, count, is_log))).collect())
}

/// The index-th of `count` numbers from `first` to `last` at equal distances, or at equal ratios: the ends exact, the
/// others rounded to 12 digits, so that they can be read.
fn spaced_number(first: f64, last: f64, index: usize, count: usize, is_log: bool) -> f64 {
    if index == 0 {
        return first;
    }
    if index + 1 == count {
        return last;
    }
    let between = |first: f64, last: f64| {
        let (before, after) = (index as f64, (count - 1 - index) as f64);
        (first * after + last * before) / (before + after)
    };
    let exact = if is_log { between(first.ln(), last.ln()).exp() } else { between(first, last) };
    // What is left of a zero.
    if !is_log && exact.abs() < 1e-14 * first.abs().max(last.abs()) {
        return 0.;
    }
    format!("{exact:.11e}").parse().unwrap_or(exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaced_numbers_are_numpys() {
        let of = |first, last, count, is_log| {
            (0..count).map(|i| spaced_number(first, last, i, count, is_log)).collect::<Vec<_>>()
        };
        // numpy.linspace(0, 0.1, 6), numpy.geomspace(0.01, 1, 5), numpy.geomspace(1000, 1, 4), numpy.linspace(5, 5, 1)
        for (found, expected) in [
            (of(0., 0.1, 6, false), vec![0., 0.02, 0.04, 0.06, 0.08, 0.1]),
            (of(0.01, 1., 5, true), vec![0.01, 0.03162277660168379, 0.1, 0.31622776601683794, 1.]),
            (of(1000., 1., 4, true), vec![1000., 100., 10., 1.]),
            (of(-1., 2., 4, false), vec![-1., 0., 1., 2.]),
            (of(5., 5., 1, false), vec![5.]),
        ] {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= 1e-11 * expected.abs(), "{found} {expected}");
            }
        }
        assert_eq!(of(0., 0.1, 6, false)[3].to_string(), "0.06", "and can be read");
    }
}
