//! A value of a document under its path: reads what is wanted there, and refuses anything else with path and place.

use std::fmt;

use zoo::suggest::hint;

use super::located::Located;
use super::node::{Entry, Node, Value};
use super::place::{FileError, joined};

/// A node with the path that leads to it.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    pub(super) node: &'a Node,
    pub(super) path: String,
}

impl<'a> Field<'a> {
    pub(super) fn new(node: &'a Node, path: impl Into<String>) -> Field<'a> {
        Field { node, path: path.into() }
    }

    /// An error about it.
    pub(super) fn wrong(&self, message: impl fmt::Display) -> FileError {
        FileError::new(&self.node.place, &self.path, message)
    }

    /// The error that it is not what is wanted.
    pub(super) fn not(&self, wanted: &str) -> FileError {
        self.wrong(format!("{}; {wanted} is wanted", self.node.value))
    }

    pub(super) fn located<T>(&self, value: T) -> Located<T> {
        Located { value, place: self.node.place.clone(), path: self.path.clone() }
    }

    /// Refuses what is no map, and keys that it does not have.
    pub(super) fn map_of(&self, keys: &[&str]) -> Result<(), FileError> {
        let Value::Map(entries) = &self.node.value else { return Err(self.not("a map")) };
        match entries.iter().find(|entry| !keys.contains(&entry.key.as_str())) {
            Some(Entry { key, place, .. }) => {
                Err(FileError::new(place, &self.path, unknown_key(key, keys.iter().copied())))
            }
            None => Ok(()),
        }
    }

    /// The value of a key that may be absent; absent is also what is null.
    pub(super) fn optional(&self, key: &str) -> Option<Field<'a>> {
        let node = self.node.get(key).filter(|node| !node.is_null())?;
        Some(Field { node, path: joined(&self.path, key) })
    }

    pub(super) fn required(&self, key: &str) -> Result<Field<'a>, FileError> {
        self.optional(key).ok_or_else(|| match self.node.get(key) {
            Some(null) => FileError::new(&null.place, &joined(&self.path, key), "nothing is given"),
            None => self.wrong(format!("'{key}' is missing")),
        })
    }

    /// The items of a list; anything else is a list of itself.
    pub(super) fn items(&self) -> Vec<Field<'a>> {
        match &self.node.value {
            Value::List(items) => {
                let item = |(index, node): (usize, &'a Node)| Field { node, path: joined(&self.path, index) };
                items.iter().enumerate().map(item).collect()
            }
            _ => vec![self.clone()],
        }
    }

    pub(super) fn text(&self) -> Result<&'a str, FileError> {
        self.node.text().ok_or_else(|| self.not("text"))
    }

    /// A whole number of a range, its ends included.
    pub(super) fn whole(&self, least: u64, most: u64) -> Result<u64, FileError> {
        match self.node.value {
            Value::Int(number) if (i128::from(least)..=i128::from(most)).contains(&number) => Ok(number as u64),
            Value::Int(number) => Err(self.wrong(format!("{number} is not between {least} and {most}"))),
            _ => Err(self.not("a whole number")),
        }
    }
}

/// The message that there is no such key, with the one that was probably meant.
pub(super) fn unknown_key<'k>(key: &str, keys: impl IntoIterator<Item = &'k str>) -> String {
    format!("unknown key '{key}'{}", hint(key, "the keys here", keys))
}
