//! Paths into a document, as `--set` and `sweep` name its keys: `methods.latent.optimizer.adam.lr`.

use zoo::suggest::hint;

use super::node::{Entry, Node, Value};
use super::place::{FileError, Place};

/// Keys of a method whose value is one of several variants, written as a map of one key: another key replaces the
/// variant, the same key merges.
pub(super) const VARIANTS: [&str; 5] = ["param", "optimizer", "space", "bounded", "bounds"];

/// Segments of a path.
const MOST_SEGMENTS: usize = 64;

/// A path whose segments are known: keys of maps, and of items of lists the `name` or else the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<String>);

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// What an item of a list is called: its `name`, the text or the only key that it is.
pub(super) fn item_name(item: &Node) -> Option<&str> {
    match &item.value {
        Value::Text(text) => Some(text),
        Value::Map(entries) => match item.get("name").and_then(Node::text) {
            None if entries.len() == 1 => Some(&entries[0].key),
            name => name,
        },
        _ => None,
    }
}

/// The `name` of an item.
fn name(item: &Node) -> Option<&str> {
    item.get("name").and_then(Node::text)
}

/// The place of the one item with that `name`.
fn with_name(items: &[Node], wanted: &str) -> Option<usize> {
    let mut found = (0..items.len()).filter(|&index| name(&items[index]) == Some(wanted));
    found.next().filter(|_| found.next().is_none())
}

/// The place of the one item that is called so.
fn position(items: &[Node], name: &str) -> Option<usize> {
    let mut found = (0..items.len()).filter(|&index| item_name(&items[index]) == Some(name));
    found.next().filter(|_| found.next().is_none())
}

/// The rest of a path after one of its beginnings.
fn after<'p>(path: &'p str, beginning: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(beginning)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

impl Path {
    /// The path that `text` names in a document; what it leads to need not be there. `place` is where the text is
    /// written.
    pub(super) fn resolve(root: &Node, text: &str, place: &Place) -> Result<Path, FileError> {
        let wrong = |message: String| Err(FileError::new(place, text, message));
        if text.is_empty() || text.split('.').any(str::is_empty) {
            return wrong("a path is of keys with dots between them".to_owned());
        }
        if text.split('.').count() > MOST_SEGMENTS {
            return wrong(format!("a path has {MOST_SEGMENTS} keys at most"));
        }
        let (mut segments, mut node, mut rest) = (vec![], Some(root), text);
        while !rest.is_empty() {
            let (segment, next, left) = match node.map(|node| &node.value) {
                Some(Value::List(items)) => {
                    let Some((index, left)) = item(items, rest) else {
                        let names: Vec<&str> = items.iter().filter_map(item_name).collect();
                        let word = rest.split('.').next().unwrap_or(rest);
                        if names.iter().filter(|name| **name == word).count() > 1 {
                            return wrong(format!("there are several '{word}': name one by its index, from 0"));
                        }
                        let at = segments.join(".");
                        return wrong(format!("{at} has no item '{word}'{}", hint(word, "its items", names)));
                    };
                    let named = name(&items[index]).filter(|name| with_name(items, name).is_some());
                    (named.map_or_else(|| index.to_string(), str::to_owned), Some(&items[index]), left)
                }
                _ => {
                    let key = key(node, &segments, rest);
                    (key.to_owned(), node.and_then(|node| node.get(key)), after(rest, key).unwrap_or_default())
                }
            };
            segments.push(segment);
            (node, rest) = (next, left);
        }
        Ok(Path(segments))
    }

    /// Sets what the path leads to. `node` is what its first `from` segments lead to; `place` is where the path is
    /// written.
    pub(super) fn assign(&self, from: usize, node: &mut Node, place: &Place, value: Node) -> Result<(), FileError> {
        let wrong = |message: String| Err(FileError::new(place, &self.to_string(), message));
        let Some(segment) = self.0.get(from) else {
            *node = value;
            return Ok(());
        };
        // A method may be called as such a key is.
        let is_variant = from > 2 && VARIANTS.contains(&self.0[from - 1].as_str());
        match &mut node.value {
            Value::List(items) => {
                let index =
                    with_name(items, segment).or_else(|| segment.parse().ok()).filter(|index| *index < items.len());
                match index {
                    Some(index) => return self.assign(from + 1, &mut items[index], place, value),
                    None => return wrong(format!("there is no item '{segment}'")),
                }
            }
            Value::Map(entries) => {
                if is_variant && entries.iter().all(|entry| entry.key != *segment) {
                    entries.clear();
                }
            }
            Value::Null => *node = Node::new(place, Value::Map(vec![])),
            Value::Text(_) if is_variant => *node = Node::new(place, Value::Map(vec![])),
            // `generator: eye-cdcgan` is `generator: { name: eye-cdcgan }`.
            Value::Text(name) if self.0[0].starts_with("generator") => {
                let name = Node::new(&node.place, Value::Text(std::mem::take(name)));
                let entry = Entry { key: "name".to_owned(), place: node.place.clone(), node: name };
                *node = Node::new(&node.place, Value::Map(vec![entry]));
            }
            other => return wrong(format!("{other} at {}, and has no keys", Path(self.0[..from].to_vec()))),
        }
        match node.get_mut(segment) {
            // A value that is set anew has the place of what sets it, key included.
            Some(inner) if from + 1 < self.0.len() => self.assign(from + 1, inner, place, value),
            _ => {
                let mut inner = Node::new(place, Value::Null);
                self.assign(from + 1, &mut inner, place, value)?;
                node.put(segment, place, inner);
                Ok(())
            }
        }
    }
}

/// The item that a path begins with, by name (the longest that fits) or by index, and the rest. An item that is called
/// by its only key has that key still before it.
fn item<'p>(items: &[Node], rest: &'p str) -> Option<(usize, &'p str)> {
    let named = items.iter().filter_map(item_name).filter_map(|name| Some((name, after(rest, name)?)));
    let longest = named.filter(|(name, _)| position(items, name).is_some()).max_by_key(|(name, _)| name.len());
    if let Some((name, left)) = longest {
        let index = position(items, name)?;
        let by_key = matches!(items[index].value, Value::Map(_)) && self::name(&items[index]).is_none();
        return Some((index, if by_key { rest } else { left }));
    }
    let (word, left) = rest.split_once('.').unwrap_or((rest, ""));
    let index = word.parse::<usize>().ok().filter(|index| *index < items.len())?;
    Some((index, left))
}

/// The key of a map that a path begins with. Those of a sweep are paths themselves.
fn key<'p>(node: Option<&Node>, above: &[String], rest: &'p str) -> &'p str {
    let first = rest.split('.').next().unwrap_or(rest);
    let in_sweep = match above {
        [sweep] => sweep == "sweep" && first != "zip",
        [sweep, zip] | [sweep, zip, _] => {
            sweep == "sweep" && zip == "zip" && !first.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    };
    if !in_sweep {
        return first;
    }
    let there = match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
        _ => vec![],
    };
    let longest = there.into_iter().filter(|key| after(rest, key).is_some()).max_by_key(|key| key.len());
    match longest {
        Some(key) => &rest[..key.len()],
        None => [".linspace", ".logspace"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest),
    }
}

/// Lays a map over another one: keys merge, and everything else is replaced. Of a method's variants ([`VARIANTS`])
/// another one replaces.
pub(super) fn merge(base: &mut Node, over: Node, key: &str) {
    let replaces = match (&base.value, &over.value) {
        (Value::Map(below), Value::Map(above)) => {
            VARIANTS.contains(&key) && above.len() == 1 && below.iter().all(|entry| entry.key != above[0].key)
        }
        _ => true,
    };
    if replaces {
        *base = over;
        return;
    }
    base.place = over.place;
    let Value::Map(entries) = over.value else { return };
    for Entry { key, place, node } in entries {
        match base.get_mut(&key) {
            Some(inner) => {
                merge(inner, node, &key);
                if let Value::Map(below) = &mut base.value
                    && let Some(entry) = below.iter_mut().find(|entry| entry.key == key)
                {
                    entry.place = place;
                }
            }
            None => base.put(&key, &place, node),
        }
    }
}
