//! YAML as people write it: an error names the file, the line and the column, and a misspelt key the key that was
//! probably meant.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};

use crate::suggest::hint;

/// What is wrong with a YAML file, and where. Displays as one line: `mine.yaml:7:3: unknown key 'archtecture'; did you
/// mean 'architecture'?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// The file as the user named it.
    pub file: String,
    /// Line and column, from 1; absent where the parser does not know.
    pub position: Option<(usize, usize)>,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for YamlError {}

impl YamlError {
    /// An error about a top-level key of `text`: its position is that of the key, or of the beginning where the key is
    /// absent.
    pub fn at_key(file: &str, text: &str, key: &str, message: impl Into<String>) -> YamlError {
        let of_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
        let line = text.lines().position(of_key).unwrap_or(0) + 1;
        YamlError { file: file.to_owned(), position: Some((line, 1)), message: one_line(&message.into()) }
    }
}

/// Parses one YAML document in which an enum's variant is written as a mapping of one key: `adam: { lr: 0.1 }`.
pub fn parse_with_variants<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, YamlError> {
    struct Variants<T>(T);
    impl<'de, T: DeserializeOwned> Deserialize<'de> for Variants<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            serde_yaml::with::singleton_map_recursive::deserialize(deserializer).map(Variants)
        }
    }
    parse(file, text).map(|Variants(value)| value)
}

/// Parses one YAML document.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, YamlError> {
    serde_yaml::from_str(text).map_err(|error| {
        let position = error.location().map(|at| (at.line(), at.column()));
        let mut message = error.to_string();
        if let Some((line, column)) = position {
            message = message.replacen(&format!(" at line {line} column {column}"), "", 1);
        }
        YamlError { file: file.to_owned(), position, message: one_line(&in_plain_words(&message)) }
    })
}

/// Deserializes a scalar through [`FromStr`], so that its error carries the scalar's own position.
pub(crate) fn scalar<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<T, D::Error> {
    struct Scalar<T>(PhantomData<T>);
    impl<T: FromStr<Err = String>> Visitor<'_> for Scalar<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Scalar(PhantomData))
}

/// Deserializes a mapping through its raw form, so that an error of the conversion carries the mapping's own position.
pub(crate) fn mapping<'de, D, Raw, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    Raw: Deserialize<'de>,
    T: TryFrom<Raw, Error = String>,
{
    struct Mapping<Raw, T>(PhantomData<(Raw, T)>);
    impl<'de, Raw: Deserialize<'de>, T: TryFrom<Raw, Error = String>> Visitor<'de> for Mapping<Raw, T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mapping")
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::try_from(Raw::deserialize(MapAccessDeserializer::new(map))?).map_err(A::Error::custom)
        }
    }
    deserializer.deserialize_map(Mapping(PhantomData))
}

/// serde's words for a wrong key or value, in the words of somebody who writes YAML.
fn in_plain_words(message: &str) -> String {
    for (theirs, ours, they) in [
        ("unknown field `", "unknown key", "the keys here"),
        ("unknown variant `", "unknown value", "the possible values"),
    ] {
        let Some((path, rest)) = message.split_once(theirs) else {
            continue;
        };
        let Some((word, expected)) = rest.split_once("`, ") else {
            continue;
        };
        let candidates = expected.split('`').skip(1).step_by(2);
        return format!("{path}{ours} '{word}'{}", hint(word, they, candidates));
    }
    for (theirs, ours) in [("missing field `", "is missing"), ("duplicate field `", "is given twice")] {
        let Some((path, rest)) = message.split_once(theirs) else {
            continue;
        };
        return format!("{path}'{}' {ours}", rest.trim_end_matches('`'));
    }
    message.replace("expected a YAML tag starting with '!'", "expected one word")
}

fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for character in message.chars() {
        match character {
            control if control.is_control() => line.extend(control.escape_default()),
            other => line.push(other),
        }
    }
    line
}
