//! The entries of `methods`: a preset or a method's file, what is different in this experiment, or all of it.

use std::collections::HashMap;
use std::path::Path;

use zoo::is_path;
use zoo::suggest::hint;

use super::field::Field;
use super::keys::SIZES;
use super::node::{Node, Value};
use super::path::{item_name, merge};
use super::place::{FileError, Origin, Source, joined};
use super::reader;
use super::rebase::rebase_limits;
use super::typed::typed;
use crate::error::{Error, Result as OfLibrary};
use crate::method::{Method, ParamSpec};

/// The methods that entries build upon, each read once.
#[derive(Debug, Default)]
pub(super) struct Bases {
    presets: Vec<Method>,
    trees: HashMap<String, Node>,
}

impl Bases {
    /// A preset, every default written out.
    fn preset(&mut self, name: &str) -> Result<Node, String> {
        if self.presets.is_empty() {
            self.presets = Method::presets();
        }
        let known = format!("preset {name}");
        if let Some(tree) = self.trees.get(&known) {
            return Ok(tree.clone());
        }
        let preset = self.presets.iter().find(|preset| preset.name == name).ok_or_else(|| {
            let names = self.presets.iter().map(|preset| preset.name.as_str());
            format!("no preset '{name}'{}", hint(name, "the presets", names))
        })?;
        let text = preset.to_yaml().map_err(|error| error.to_string())?;
        let tree = reader::parse(&text, &Source::new(Origin::Preset, &known)).map_err(|error| error.to_string())?;
        Ok(self.trees.entry(known).or_insert(tree).clone())
    }

    fn file(&mut self, path: &Path) -> Result<Node, FileError> {
        let known = path.display().to_string();
        if let Some(tree) = self.trees.get(&known) {
            return Ok(tree.clone());
        }
        let source = Source::new(Origin::MethodFile, &known);
        let tree = reader::read(path, &source)?;
        match tree.value {
            Value::Map(_) => Ok(self.trees.entry(known).or_insert(tree).clone()),
            _ => Err(FileError::new(&source.at(1, 1), "", "a method is a map of settings")),
        }
    }

    /// The method of an entry, spelled out: neither `preset` nor `file` is left. `folder` is what files are relative
    /// to.
    pub(super) fn spell_out(&mut self, entry: &Field, folder: &Path) -> Result<Node, FileError> {
        match &entry.node.value {
            Value::Text(name) => {
                let mut tree = self.named(entry, name, folder)?;
                tree.place = entry.node.place.clone();
                Ok(tree)
            }
            Value::Map(_) => {
                let mut over = entry.node.clone();
                let mut tree = match (entry.optional("preset"), entry.optional("file")) {
                    (Some(_), Some(file)) => {
                        return Err(file.wrong("a method builds upon a preset or a file, not both"));
                    }
                    (Some(preset), None) => self.preset(preset.text()?).map_err(|message| preset.wrong(message))?,
                    (None, Some(file)) => self.named_file(&file, file.text()?, folder)?,
                    (None, None) => return Ok(over),
                };
                over.remove("preset");
                over.remove("file");
                merge(&mut tree, over, "");
                Ok(tree)
            }
            _ => Err(entry.not("a preset's name, or a map")),
        }
    }

    fn named(&mut self, entry: &Field, name: &str, folder: &Path) -> Result<Node, FileError> {
        match is_path(name) {
            true => self.named_file(entry, name, folder),
            false => self.preset(name).map_err(|message| entry.wrong(message)),
        }
    }

    fn named_file(&mut self, field: &Field, name: &str, folder: &Path) -> Result<Node, FileError> {
        let path = folder.join(name);
        if !path.is_file() {
            return Err(field.wrong(format!("there is no file {}", path.display())));
        }
        let mut tree = self.file(&path)?;
        if let Some(folder) = Path::new(name).parent() {
            rebase_limits(&mut tree, "", folder);
        }
        Ok(tree)
    }
}

/// The method that an entry spells out, checked, and the `size` that it may have beside a method's own keys.
pub(super) fn method(entry: &Field) -> Result<(Method, Option<i64>), FileError> {
    let size = entry.optional("size").map(|size| size.whole(SIZES.0, SIZES.1)).transpose()?;
    let written: Method = if entry.node.get("size").is_some() {
        let mut without = entry.node.clone();
        without.remove("size");
        typed(&without, &entry.path)?
    } else {
        typed(entry.node, &entry.path)?
    };
    let method = written.settled();
    method.check().map_err(|error| located(&method, entry, &error))?;
    Ok((method, size.map(|size| size as i64)))
}

/// The method of a text that stands by itself, YAML or JSON, as an entry of `methods` is written: a method spelled out, or a `preset` or
/// `file` (relative to `folder`) with what is different.
///
/// # Errors
/// Whatever is wrong, at its key.
pub fn method_of_text(text: &str, folder: &Path) -> OfLibrary<Method> {
    let read = || -> Result<Method, FileError> {
        let root = reader::parse(text, &Source::new(Origin::Experiment, "method"))?;
        let tree = Bases::default().spell_out(&Field::new(&root, ""), folder)?;
        let (method, size) = method(&Field::new(&tree, ""))?;
        match size {
            // An entry of an experiment has it; a call has it beside the method.
            Some(_) => Err(FileError::new(&root.place, "size", "is no setting of a method; it is given beside it")),
            None => Ok(method),
        }
    };
    // Where in the text it is written is of no use to who wrote a map in another language.
    read().map_err(|FileError { path, message, .. }| match path.is_empty() {
        true => Error::request(message),
        false => Error::request(message).at(path),
    })
}

/// The error of [`Method::check`], which knows the key's path in the method, with its place.
fn located(method: &Method, entry: &Field, error: &Error) -> FileError {
    let key = error.key().unwrap_or_default();
    // A blend's search is checked as that of a code is.
    let in_blend = key.strip_prefix("param.latent").filter(|_| matches!(method.param, ParamSpec::Blend(_)));
    let key = in_blend.map_or_else(|| key.to_owned(), |rest| format!("param.blend.prior{rest}"));
    let message = error.message();
    let (mut path, mut nodes) = (entry.path.clone(), vec![entry.node]);
    let mut keys = key.split('.').filter(|key| !key.is_empty());
    for key in keys.by_ref() {
        let next = match &nodes[nodes.len() - 1].value {
            Value::List(items) => {
                let named = || items.iter().position(|item| item_name(item) == Some(key));
                let item = error.item().filter(|item| *item < items.len());
                let Some(index) = item.or_else(named) else { break };
                path = joined(&path, index);
                nodes.push(&items[index]);
                items[index].get(key)
            }
            _ => nodes[nodes.len() - 1].get(key),
        };
        path = joined(&path, key);
        match next {
            Some(node) => nodes.push(node),
            None => break,
        }
    }
    let path = keys.fold(path, |path, key| joined(&path, key));
    // What a base says is wrong because of what the experiment says.
    let place = nodes.iter().skip(1).rev().find_map(|node| own(node)).unwrap_or(entry.node);
    FileError::new(&place.place, &path, message)
}

/// The node, or one in it, that the experiment itself wrote.
fn own(node: &Node) -> Option<&Node> {
    match &node.value {
        _ if !node.place.is_of_base() && !matches!(node.value, Value::Map(_) | Value::List(_)) => Some(node),
        Value::Map(entries) => {
            let inner = entries.iter().find_map(|entry| own(&entry.node));
            inner.or_else(|| (!node.place.is_of_base()).then_some(node))
        }
        Value::List(items) => items.iter().find_map(own).or_else(|| (!node.place.is_of_base()).then_some(node)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_by_itself_is_a_method_spelled_out_or_a_preset_with_what_is_different() {
        let of = |text: &str| method_of_text(text, Path::new(""));
        for preset in Method::presets() {
            let spelled_out = of(&preset.to_yaml().unwrap()).unwrap();
            let named = of(&format!("{{\"preset\": \"{}\"}}", preset.name)).unwrap();
            assert_eq!(spelled_out.settings(), preset.settings(), "{}", preset.name);
            assert_eq!((&named.name, named.settings()), (&preset.name, preset.settings()));
        }
        let other = of("{ preset: lucid-2017, steps: 64, optimizer: { sgd: { lr: 1 } } }").unwrap();
        assert_eq!((other.steps, &other.transforms), (64, &Method::find("lucid-2017").unwrap().transforms));
        assert!(matches!(other.optimizer, crate::optimizer::OptimizerSpec::Sgd { .. }));
    }

    #[test]
    fn what_is_wrong_with_a_text_by_itself_is_told_by_its_key_and_no_place() {
        for (text, message, key) in [
            ("{ preset: naive, stpes: 3 }", "unknown key 'stpes'; did you mean 'steps'?", None),
            ("{ preset: naive, steps: 0 }", "steps: at least 1", Some("steps")),
            ("{ preset: latnet }", "preset: no preset 'latnet'; did you mean 'latent'?", Some("preset")),
            ("{ preset: naive, size: 8 }", "size: is no setting of a method; it is given beside it", Some("size")),
            ("[]", "a preset's name, or a map is wanted", None),
            ("{ preset: [ }", "", None),
        ] {
            let error = method_of_text(text, Path::new("")).unwrap_err();
            assert!(error.to_string().contains(message) && error.is_request(), "{text}: {error}");
            assert_eq!(error.key(), key, "{text}: {error}");
            assert!(!error.to_string().contains("method:"), "{text}: {error}");
        }
    }
}
