//! The document of an experiment: the file, over the files that it extends, and `--set` over them.

use std::path::{Path, PathBuf};

use super::field::{Field, unknown_key};
use super::keys::KEYS;
use super::method_entry::Bases;
use super::node::{Entry, Node, Value};
use super::path::{self, merge};
use super::place::{FileError, Origin, Source};
use super::reader;
use super::rebase::rebase;

/// A key for one and a key for several: whichever is said later holds.
const ONE_OR_SEVERAL: [(&str, &str); 2] = [("classifier", "classifiers"), ("generator", "generators")];

/// Files that extend each other in a row.
const LONGEST_CHAIN: usize = 32;

/// Methods of one experiment.
const MOST_METHODS: usize = 1000;

/// A document before it is typed.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Node,
    /// What files are relative to.
    pub(super) folder: PathBuf,
    bases: Bases,
}

impl Document {
    /// Reads a file and what it extends.
    pub(super) fn read(path: &Path) -> Result<Document, FileError> {
        let source = Source::new(Origin::Experiment, path.display().to_string());
        let root = read(path, &source, &mut vec![])?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Document { root, folder, bases: Bases::default() })
    }

    /// Reads a text as the file `name` of a folder, and what it extends.
    pub(super) fn of_text(text: &str, name: &str, folder: &Path) -> Result<Document, FileError> {
        let source = Source::new(Origin::Experiment, name.to_owned());
        let root = over_bases(reader::parse(text, &source)?, &folder.join(name), &source, &mut vec![])?;
        Ok(Document { root, folder: folder.to_path_buf(), bases: Bases::default() })
    }

    /// Does what a `--set PATH=VALUE` says.
    pub(super) fn set(&mut self, flag: &str) -> Result<(), FileError> {
        let source = Source::new(Origin::Flag, format!("--set {flag}"));
        let place = source.whole();
        let Some((path, value)) = flag.split_once('=') else {
            return Err(FileError::new(&place, "", "is written --set PATH=VALUE"));
        };
        let path = path.trim();
        let written = path;
        let value = reader::parse(value, &source)?;
        if path.starts_with("methods.") {
            self.spell_out_methods()?;
        }
        let path = path::Path::resolve(&self.root, path, &place)?;
        if let [methods, _, key] = &path.0[..]
            && methods == "methods"
            && ["preset", "file"].contains(&key.as_str())
        {
            let name = &path.0[1];
            return Err(FileError::new(&place, "", format!("set the method as a whole: --set methods.{name}=…")));
        }
        if let Some(unknown) = path.0.first().filter(|key| !KEYS.contains(&key.as_str())) {
            return Err(FileError::new(&place, "", unknown_key(unknown, KEYS)));
        }
        if path.0[0] == "extends" {
            return Err(FileError::new(&place, "", "what a file extends is read before anything is set"));
        }
        make_way(&mut self.root, &path.0[0]);
        path.assign(0, &mut self.root, &place, value)?;
        // What is set is one value from now on, and swept no longer.
        if let Some(sweep) = self.root.get_mut("sweep") {
            no_longer_sweep(sweep, written);
        }
        Ok(())
    }

    /// Replaces the entries of `methods` by what they stand for.
    pub(super) fn spell_out_methods(&mut self) -> Result<(), FileError> {
        let Some(methods) = self.root.get("methods") else { return Ok(()) };
        let field = Field::new(methods, "methods");
        let items = field.items();
        if items.len() > MOST_METHODS {
            return Err(field.wrong(format!("{} methods are more than {MOST_METHODS}", items.len())));
        }
        if methods.is_null() {
            return Ok(());
        }
        let spelled_out =
            items.iter().map(|entry| self.bases.spell_out(entry, &self.folder)).collect::<Result<Vec<_>, _>>()?;
        let place = methods.place.clone();
        if let Some(methods) = self.root.get_mut("methods") {
            *methods = Node { place, value: Value::List(spelled_out) };
        }
        Ok(())
    }
}

/// Takes a path out of a sweep and its groups, and groups that are empty then.
fn no_longer_sweep(sweep: &mut Node, path: &str) {
    let is_empty = |node: &Node| match &node.value {
        Value::Map(entries) => entries.is_empty(),
        Value::List(items) => items.is_empty(),
        _ => false,
    };
    match &mut sweep.value {
        Value::Map(entries) => {
            entries.retain(|entry| entry.key != path);
            entries.iter_mut().filter(|entry| entry.key == "zip").for_each(|zip| no_longer_sweep(&mut zip.node, path));
            entries.retain(|entry| entry.key != "zip" || !is_empty(&entry.node));
        }
        Value::List(groups) => {
            groups.iter_mut().for_each(|group| no_longer_sweep(group, path));
            groups.retain(|group| !is_empty(group));
        }
        _ => {}
    }
}

/// Takes what `key` replaces out of a document.
pub(super) fn make_way(root: &mut Node, key: &str) {
    for (one, several) in ONE_OR_SEVERAL {
        for (this, other) in [(one, several), (several, one)] {
            if this == key {
                root.remove(other);
            }
        }
    }
}

/// The tree of a file over those that it extends. `chain` are the files that led here.
fn read(path: &Path, source: &std::sync::Arc<Source>, chain: &mut Vec<PathBuf>) -> Result<Node, FileError> {
    over_bases(reader::read(path, source)?, path, source, chain)
}

/// The tree of a file that was read, over those that it extends.
fn over_bases(
    mut root: Node,
    path: &Path,
    source: &std::sync::Arc<Source>,
    chain: &mut Vec<PathBuf>,
) -> Result<Node, FileError> {
    match &root.value {
        Value::Map(_) => {}
        Value::Null => return Err(FileError::new(&source.at(1, 1), "", "is empty; an experiment is a map of keys")),
        other => return Err(FileError::new(&root.place, "", format!("{other}; an experiment is a map of keys"))),
    }
    Field::new(&root, "").map_of(&KEYS)?;
    let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    chain.push(canonical(path));
    let Some(extends) = root.remove("extends").filter(|extends| !extends.is_null()) else { return Ok(root) };
    let extends = Field::new(&extends, "extends");
    let name = extends.text()?;
    let base = path.parent().unwrap_or(Path::new("")).join(name);
    if !base.is_file() {
        return Err(extends.wrong(format!("there is no file {}", base.display())));
    }
    if chain.contains(&canonical(&base)) {
        return Err(extends.wrong(format!("{} extends itself, by this", base.display())));
    }
    if chain.len() >= LONGEST_CHAIN {
        return Err(extends.wrong(format!("more than {LONGEST_CHAIN} files extend each other")));
    }
    let mut below = read(&base, &Source::new(Origin::Experiment, base.display().to_string()), chain)?;
    if let Some(folder) = Path::new(name).parent().filter(|folder| !folder.as_os_str().is_empty()) {
        rebase(&mut below, folder);
    }
    if let Value::Map(entries) = &root.value {
        entries.iter().for_each(|entry| make_way(&mut below, &entry.key));
    }
    // A swept path has one list of values, never two merged ones.
    if let (Some(Value::Map(swept)), Some(sweep)) = (root.get("sweep").map(|node| &node.value), below.get_mut("sweep"))
    {
        for Entry { key, .. } in swept {
            sweep.remove(key);
        }
    }
    merge(&mut below, root, "");
    Ok(below)
}
