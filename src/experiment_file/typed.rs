//! Tree to types: a serde deserializer whose errors carry the place and the path of the node that is wrong. An enum's
//! variant is a word, or a map of one key, as in [`zoo::yaml::parse_with_variants`].

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use zoo::suggest::hint;

use super::field::unknown_key;
use super::node::{Entry, Node, Value};
use super::place::{FileError, Place, joined};

/// The value that a node holds; `path` is the node's, for errors.
pub(super) fn typed<T: DeserializeOwned>(node: &Node, path: &str) -> Result<T, FileError> {
    T::deserialize(node).map_err(|error| {
        let inner = error.keys.iter().rev().fold(path.to_owned(), |path, key| joined(&path, key));
        FileError { place: error.place.unwrap_or_else(|| node.place.clone()), path: inner, message: error.message }
    })
}

/// What is wrong, where as far as it is known, and the keys that lead there, innermost first.
#[derive(Debug)]
pub(super) struct Wrong {
    place: Option<Place>,
    keys: Vec<String>,
    message: String,
}

impl Wrong {
    /// The place, unless one further in is known.
    fn at(mut self, place: &Place) -> Wrong {
        self.place.get_or_insert_with(|| place.clone());
        self
    }

    fn under(mut self, key: impl fmt::Display) -> Wrong {
        self.keys.push(key.to_string());
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Wrong {}

/// Rust's word for what is expected, in the words of somebody who writes YAML.
fn wanted(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "f64" | "f32" => "a number".to_owned(),
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number from 0".to_owned(),
        "i64" | "i32" | "isize" => "a whole number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a map of settings".to_owned(),
        other if other.starts_with("variant identifier") || other.starts_with("enum ") => {
            "one word, or a map of one key,".to_owned()
        }
        other => other.to_owned(),
    }
}

impl serde::de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Wrong {
        Wrong { place: None, keys: vec![], message: message.to_string() }
    }

    fn invalid_type(unexpected: Unexpected, expected: &dyn Expected) -> Wrong {
        let found = match unexpected {
            Unexpected::Unit | Unexpected::Option => "nothing is given".to_owned(),
            Unexpected::Bool(value) => format!("'{value}' is a truth value"),
            Unexpected::Unsigned(number) => format!("{number} is a whole number"),
            Unexpected::Signed(number) => format!("{number} is a whole number"),
            Unexpected::Float(number) => format!("{number} is a number"),
            Unexpected::Str(text) => format!("'{text}' is text"),
            Unexpected::Seq => "this is a list".to_owned(),
            Unexpected::Map => "this is a map".to_owned(),
            other => format!("this is {other}"),
        };
        Wrong::custom(format!("{found}; {} is wanted", wanted(expected)))
    }

    fn invalid_value(unexpected: Unexpected, expected: &dyn Expected) -> Wrong {
        let found = match unexpected {
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            Unexpected::Str(text) => format!("'{text}'"),
            other => other.to_string(),
        };
        Wrong::custom(format!("{found} cannot be; {} is wanted", wanted(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Wrong {
        Wrong::custom(unknown_key(field, expected.iter().copied()))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Wrong {
        let hint = hint(variant, "the possible values", expected.iter().copied());
        Wrong::custom(format!("unknown value '{variant}'{hint}"))
    }

    fn missing_field(field: &'static str) -> Wrong {
        Wrong::custom(format!("'{field}' is missing"))
    }

    fn duplicate_field(field: &'static str) -> Wrong {
        Wrong::custom(format!("'{field}' is given twice"))
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let visited = match &self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(number) => match (u64::try_from(*number), i64::try_from(*number)) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                _ => visitor.visit_f64(*number as f64),
            },
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            Value::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), next: None }),
        };
        visited.map_err(|wrong| wrong.at(&self.place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
        .map_err(|wrong: Wrong| wrong.at(&self.place))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.value {
            // A struct is never written as the list of its fields.
            Value::List(_) => Err(<Wrong as serde::de::Error>::invalid_type(Unexpected::Seq, &visitor).at(&self.place)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self).map_err(|wrong: Wrong| wrong.at(&self.place))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let variant = match &self.value {
            Value::Text(word) => Variant { word, place: &self.place, content: None },
            Value::Map(entries) if entries.len() == 1 => {
                Variant { word: &entries[0].key, place: &entries[0].place, content: Some(&entries[0].node) }
            }
            Value::Map(entries) if entries.len() > 1 => {
                let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
                let message = format!("{} cannot be together; one of them is wanted", keys.join(" and "));
                return Err(<Wrong as serde::de::Error>::custom(message).at(&self.place));
            }
            other => {
                let message = format!("{other}; one of {} is wanted", variants.join(", "));
                return Err(<Wrong as serde::de::Error>::custom(message).at(&self.place));
            }
        };
        visitor.visit_enum(variant).map_err(|wrong| wrong.at(&self.place))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Node>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some(item) = self.items.next() else { return Ok(None) };
        self.index += 1;
        seed.deserialize(item).map(Some).map_err(|wrong| wrong.at(&item.place).under(self.index - 1))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    /// The entry whose key was read.
    next: Option<&'de Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.next = Some(entry);
        let key = entry.key.as_str();
        seed.deserialize(key.into_deserializer()).map(Some).map_err(|wrong: Wrong| wrong.at(&entry.place))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let Some(entry) = self.next.take() else {
            return Err(<Wrong as serde::de::Error>::custom("a value was asked for before its key"));
        };
        seed.deserialize(&entry.node).map_err(|wrong| wrong.at(&entry.node.place).under(&entry.key))
    }
}

/// A variant of an enum, with what is in it.
struct Variant<'de> {
    word: &'de str,
    place: &'de Place,
    content: Option<&'de Node>,
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<&'de Node, Wrong> {
        self.content.ok_or_else(|| {
            let word = self.word;
            <Wrong as serde::de::Error>::custom(format!("'{word}' takes settings: {{ {word}: {{ … }} }}"))
                .at(self.place)
        })
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Wrong;
    type Variant = Variant<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), Wrong> {
        let variant = seed.deserialize(self.word.into_deserializer()).map_err(|wrong: Wrong| wrong.at(self.place))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        match self.content {
            None => Ok(()),
            Some(node) if node.is_null() => Ok(()),
            Some(node) => {
                let message = format!("'{}' takes no settings", self.word);
                Err(<Wrong as serde::de::Error>::custom(message).at(&node.place).under(self.word))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        let content = self.content()?;
        seed.deserialize(content).map_err(|wrong| wrong.at(&content.place).under(self.word))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        let content = self.content()?;
        content.deserialize_any(visitor).map_err(|wrong| wrong.at(&content.place).under(self.word))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Wrong> {
        let content = self.content()?;
        content.deserialize_struct("", fields, visitor).map_err(|wrong| wrong.at(&content.place).under(self.word))
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::{Origin, Source};
    use super::super::reader::parse;
    use super::*;
    use crate::method::Method;

    fn method(text: &str) -> Result<Method, FileError> {
        typed(&parse(text, &Source::new(Origin::MethodFile, "mine.yaml")).unwrap(), "")
    }

    #[test]
    fn a_preset_is_the_same_method_by_this_way_as_by_serde_yaml() {
        for preset in Method::presets() {
            let again = method(&preset.to_yaml().unwrap()).unwrap();
            assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&preset).unwrap());
        }
    }

    #[test]
    fn what_is_wrong_in_a_method_is_told_with_its_place_and_the_path_of_its_key() {
        let good = "name: a\nparam:\n  pixel: { noise: 0.1 }\noptimizer:\n  adam: { lr: 0.1 }\n\
                    transforms:\n  - jitter: { pixels: 4 }\nsteps: 3\n";
        assert!(method(good).is_ok());
        for (from, to, error) in [
            ("steps", "stpes", "mine.yaml:8:1: unknown key 'stpes'; did you mean 'steps'?"),
            ("steps: 3\n", "", "mine.yaml:1:1: 'steps' is missing"),
            ("steps: 3", "steps: x", "mine.yaml:8:8: steps: 'x' is text; a whole number from 0 is wanted"),
            ("steps: 3", "steps: -1", "mine.yaml:8:8: steps: -1 cannot be; a whole number from 0 is wanted"),
            ("steps: 3", "steps: 1.5", "mine.yaml:8:8: steps: 1.5 is a number; a whole number from 0 is wanted"),
            ("noise", "nose", "mine.yaml:3:12: param.pixel: unknown key 'nose'; did you mean 'noise'?"),
            ("{ noise: 0.1 }", "[0.1]", "mine.yaml:3:10: param.pixel: this is a list; a map of settings is wanted"),
            ("adam", "adem", "mine.yaml:5:3: optimizer: unknown value 'adem'; did you mean 'adam'?"),
            ("{ lr: 0.1 }", "", "mine.yaml:5:7: optimizer.adam: nothing is given; a map of settings is wanted"),
            (
                "lr: 0.1",
                "lr: { from: 1, to: 0, tu: 3 }",
                "mine.yaml:5:33: optimizer.adam.lr: unknown key 'tu'; did you mean 'to'?",
            ),
            (
                "lr: 0.1",
                "lr: fast",
                "mine.yaml:5:15: optimizer.adam.lr: 'fast' is text; a number, or { from, to }, is wanted",
            ),
            (
                "pixels: 4",
                "pixels: no",
                "mine.yaml:7:23: transforms.0.jitter.pixels: 'no' is text; a whole number from 0 is wanted",
            ),
            ("  pixel: { noise: 0.1 }", "  pixel", "mine.yaml:3:3: param: 'pixel' takes settings: { pixel: { … } }"),
            (
                "\noptimizer:\n  adam: { lr: 0.1 }",
                "\noptimizer: []",
                "mine.yaml:4:12: optimizer: this is a list of 0; one of adam, sgd, normalized_sgd, cma_es, \
                 spherical_cma, genetic is wanted",
            ),
        ] {
            assert!(good.contains(from));
            assert_eq!(method(&good.replacen(from, to, 1)).unwrap_err().to_string(), error);
        }
    }
}
