//! Keys: what claims and checkpoints are of.

use std::fmt;
use std::str::FromStr;

use super::hash::Hash;
use super::record::RunId;

/// Names a piece of work: `[A-Za-z0-9._-]`, at most 100, beginning with a letter or a digit; safe as the name of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// Of the index, which one process at a time compacts. No text is read as this key.
    pub(super) fn of_index() -> Key {
        Key("_index".to_owned())
    }

    /// Of the tables beside the records, which one process at a time writes. No text is read as this key.
    pub fn of_tables() -> Key {
        Key("_tables".to_owned())
    }

    /// Of the jobs on a cluster, which one process at a time submits. No text is read as this key.
    pub fn of_jobs() -> Key {
        Key("_jobs".to_owned())
    }

    /// Of runs that are computed together, in this order.
    pub fn of(runs: &[RunId]) -> Key {
        let text: String = runs.iter().map(|id| format!("{id}\n")).collect();
        let mut digits = Hash::of(text.as_bytes()).to_string();
        digits.truncate(32);
        Key(digits)
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Key, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let begins = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        match begins && text.len() <= 100 && text.chars().all(allowed) {
            true => Ok(Key(text.to_owned())),
            false => Err(format!("'{text}' must be of letters, digits, '.', '_' and '-', 100 at most")),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}
