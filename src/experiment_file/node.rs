//! A document before it is typed: a tree of YAML whose every node knows where it was written, so that files that extend
//! each other, `--set` and swept values can be laid over each other and errors still name the place.

use std::fmt;

use super::place::Place;

/// A node of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a map and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key was written.
    pub(super) place: Place,
    pub(super) node: Node,
}

impl fmt::Display for Value {
    /// What it is, in few words: for errors.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("nothing is given"),
            Value::Bool(value) => write!(f, "'{value}' is a truth value"),
            Value::Int(number) => write!(f, "{number} is a whole number"),
            Value::Float(number) => write!(f, "{number} is a number"),
            Value::Text(text) => write!(f, "'{text}' is text"),
            Value::List(items) => write!(f, "this is a list of {}", items.len()),
            Value::Map(entries) => match &entries[..] {
                [Entry { key, .. }] => write!(f, "this is a map with the key '{key}'"),
                _ => write!(f, "this is a map of {} keys", entries.len()),
            },
        }
    }
}

impl Node {
    pub(super) fn new(place: &Place, value: Value) -> Node {
        Node { place: place.clone(), value }
    }

    pub(super) fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// The value of a key, where this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(entries) => entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node),
            _ => None,
        }
    }

    /// Takes a key out of a map.
    pub(super) fn remove(&mut self, key: &str) -> Option<Node> {
        match &mut self.value {
            Value::Map(entries) => {
                let at = entries.iter().position(|entry| entry.key == key)?;
                Some(entries.remove(at).node)
            }
            _ => None,
        }
    }

    /// Sets a key of a map, in its old place if it has one.
    pub(super) fn put(&mut self, key: &str, place: &Place, node: Node) {
        let Value::Map(entries) = &mut self.value else { return };
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => *entry = Entry { key: key.to_owned(), place: place.clone(), node },
            None => entries.push(Entry { key: key.to_owned(), place: place.clone(), node }),
        }
    }

    /// The text of a text; numbers and truth values as they are printed.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Bool(value) => Some(value.to_string()),
            Value::Int(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As serde_yaml has it.
    pub(super) fn to_yaml(&self) -> serde_yaml::Value {
        use serde_yaml::Value as Yaml;
        match &self.value {
            Value::Null => Yaml::Null,
            Value::Bool(value) => Yaml::Bool(*value),
            Value::Int(number) => match (u64::try_from(*number), i64::try_from(*number)) {
                (Ok(number), _) => Yaml::Number(number.into()),
                (_, Ok(number)) => Yaml::Number(number.into()),
                _ => Yaml::Number((*number as f64).into()),
            },
            Value::Float(number) => Yaml::Number((*number).into()),
            Value::Text(text) => Yaml::String(text.clone()),
            Value::List(items) => Yaml::Sequence(items.iter().map(Node::to_yaml).collect()),
            Value::Map(entries) => Yaml::Mapping(
                entries.iter().map(|entry| (Yaml::String(entry.key.clone()), entry.node.to_yaml())).collect(),
            ),
        }
    }

    /// As JSON: what is not a finite number is null.
    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self.to_yaml()).unwrap_or_default()
    }
}
