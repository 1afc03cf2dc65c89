//! Imports go one way: no circle of files, and none of rooms. A room is a folder of a crate's `src` with all that is in it, or a
//! file that lies there beside the folders. A name counts for the file that defines it, not for a `mod.rs` that only re-exports it.

mod circles;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use circles::circles;
use source::{Import, Source};

/// The files of the crates by their path from the root, as `metrics/src/lib.rs`.
struct House {
    files: BTreeMap<String, Source>,
}

/// A place in a crate: its `src`, and the modules on the way.
type Module = (String, Vec<String>);

/// Who imports from whom, and which names.
type Ties = BTreeMap<(String, String), BTreeSet<String>>;

/// A name that stands for a module, or for something else in this file.
enum Found {
    Module(Module),
    Item(String),
}

impl House {
    fn new<'t>(files: impl IntoIterator<Item = (String, &'t str)>) -> House {
        House { files: files.into_iter().map(|(path, text)| (path, Source::new(text))).collect() }
    }

    /// Of this workspace: its own `src`, and those of the folders beside it.
    fn of_workspace() -> House {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let crates = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
        let mut folders: Vec<_> =
            crates.map(|path| path.join("src")).filter(|src| src.join("lib.rs").is_file()).collect();
        folders.push(root.join("src"));
        let mut texts = vec![];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    texts.push((name, std::fs::read_to_string(&path).unwrap()));
                }
            }
        }
        House::new(texts.iter().map(|(name, text)| (name.clone(), &text[..])))
    }

    /// The module that a file is.
    fn module_of(path: &str) -> Module {
        let (root, inner) = path.split_once("src/").unwrap();
        let mut words: Vec<String> = inner.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if ["mod", "lib", "main"].contains(&&words[words.len() - 1][..]) {
            words.pop();
        }
        (format!("{root}src"), words)
    }

    /// The file of a module.
    fn file_of(&self, (root, words): &Module) -> Option<String> {
        let inner = words.join("/");
        let names = match words.is_empty() {
            true => vec![format!("{root}/lib.rs")],
            false => vec![format!("{root}/{inner}.rs"), format!("{root}/{inner}/mod.rs")],
        };
        names.into_iter().find(|name| self.files.contains_key(name))
    }

    /// The root of the crate of this name, in the words of another: the package at the root is called metapicture.
    fn crate_named(&self, name: &str) -> Option<Module> {
        let root = if name == "metapicture" { "src".to_owned() } else { format!("{name}/src") };
        let module = (root, vec![]);
        self.file_of(&module).map(|_| module)
    }

    /// What a path means in a module; None if it is of another workspace. `depth` ends what refers to itself.
    fn find(&self, from: &Module, path: &[String], depth: usize) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let child = (from.0.clone(), [&from.1[..], std::slice::from_ref(first)].concat());
        match first.as_str() {
            "crate" => self.within(&(from.0.clone(), vec![]), rest, depth),
            "self" => self.within(from, rest, depth),
            "super" => {
                let above = (from.0.clone(), from.1[..from.1.len().checked_sub(1)?].to_vec());
                match rest.first().is_some_and(|word| word == "super") {
                    true => self.find(&above, rest, depth),
                    false => self.within(&above, rest, depth),
                }
            }
            _ if self.file_of(&child).is_some() => self.within(&child, rest, depth),
            name => self.within(&self.crate_named(name)?, rest, depth),
        }
    }

    /// What a path below a module means.
    fn within(&self, module: &Module, path: &[String], depth: usize) -> Option<Found> {
        let file = self.file_of(module)?;
        let Some((name, rest)) = path.split_first() else { return Some(Found::Module(module.clone())) };
        let child = (module.0.clone(), [&module.1[..], std::slice::from_ref(name)].concat());
        if self.file_of(&child).is_some() {
            return self.within(&child, rest, depth);
        }
        let source = &self.files[&file];
        if depth == 0 || source.defines(name) {
            return Some(Found::Item(file));
        }
        for import in source.imports.iter().filter(|import| import.name == *name || import.name == "*") {
            let mut path = import.path.clone();
            if import.name == "*" {
                path.pop();
                path.push(name.clone());
            }
            path.extend_from_slice(rest);
            match self.find(module, &path, depth - 1) {
                // A glob leads to a file that does not know the name, too.
                Some(Found::Item(found)) if import.name == "*" && !self.files[&found].defines(name) => {}
                None => {}
                found => return found,
            }
        }
        Some(Found::Item(file))
    }

    /// The files whose names one import brings.
    fn reached(&self, path: &str, import: &Import) -> BTreeSet<String> {
        let module = House::module_of(path);
        let Import { path: words, name } = import;
        let words = words.strip_suffix(&["*".to_owned()]).unwrap_or(words);
        match self.find(&module, words, 16) {
            None => BTreeSet::new(),
            Some(Found::Item(file)) => [file].into(),
            Some(Found::Module(found)) => {
                // What is taken from the module by its name.
                let paths = if name == "*" { vec![] } else { self.files[path].paths_from(name) };
                let items = paths.iter().filter_map(|path| self.within(&found, path, 16));
                let files: BTreeSet<String> = items
                    .filter_map(|item| match item {
                        Found::Item(file) => Some(file),
                        Found::Module(module) => self.file_of(&module),
                    })
                    .collect();
                if files.is_empty() { self.file_of(&found).into_iter().collect() } else { files }
            }
        }
    }

    /// Imports between files; those of signposts are none.
    fn ties(&self) -> Ties {
        let mut ties = Ties::new();
        for (path, source) in self.files.iter().filter(|(_, source)| !source.is_signpost) {
            for import in &source.imports {
                for file in self.reached(path, import).into_iter().filter(|file| file != path) {
                    ties.entry((path.clone(), file)).or_default().insert(import.name.clone());
                }
            }
        }
        ties
    }
}

/// The room of a file.
fn room(path: &str) -> String {
    let (root, inner) = path.split_once("src/").unwrap();
    format!("{root}src/{}", inner.split('/').next().unwrap())
}

/// Imports between rooms, and the files and names that make them.
fn between_rooms(ties: &Ties) -> Ties {
    let mut between = Ties::new();
    for ((from, to), names) in ties.iter().filter(|((from, to), _)| room(from) != room(to)) {
        let what = format!("{from} takes {} of {to}", names.iter().cloned().collect::<Vec<_>>().join(", "));
        between.entry((room(from), room(to))).or_default().insert(what);
    }
    between
}

#[test]
fn no_file_imports_from_one_that_imports_from_it() {
    let found = circles(&House::of_workspace().ties());
    assert!(found.is_empty(), "{} circles of files:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_room_imports_from_one_that_imports_from_it() {
    let found = circles(&between_rooms(&House::of_workspace().ties()));
    assert!(found.is_empty(), "{} circles of rooms:\n{}", found.len(), found.join("\n"));
}

/// `parts` gives names of both; `a` and `b` import from each other through it; `top` and `low` are tied by their rooms alone.
const MADE_UP: [(&str, &str); 9] = [
    ("src/lib.rs", "mod parts;\npub mod top;\nmod low;\npub use parts::A;\n"),
    ("src/parts/mod.rs", "//! Parts.\n\nmod a;\nmod b;\npub use a::A;\npub(crate) use b::{B, help as helped};\n"),
    ("src/parts/a.rs", "use super::B;\n/// use crate::top::Top;\npub struct A(B);\n"),
    ("src/parts/b.rs", "use std::fmt;\nuse crate::A;\npub struct B;\nfn help(a: A) {}\n"),
    ("src/top/mod.rs", "mod one;\nmod two;\npub use one::One;\npub use two::*;\n"),
    ("src/top/one.rs", "use crate::low;\npub struct One(low::Low);\nconst TEXT: &str = \"use crate::A;\";\n"),
    ("src/top/two.rs", "pub const TWO: char = '\"';\n#[cfg(test)]\nmod tests {\n    use super::super::One;\n}\n"),
    ("src/low.rs", "use crate::top::{TWO, };\npub struct Low;\n"),
    ("other/src/lib.rs", "use metapicture::{A as B, top::One};\npub fn other() {}\n"),
];

#[test]
fn a_made_up_house_with_a_circle_of_files_and_one_of_rooms_is_found_out() {
    let house = House::new(MADE_UP.map(|(path, text)| (path.to_owned(), text)));
    let ties = house.ties();
    let names: Vec<(&str, &str)> = ties.keys().map(|(from, to)| (&from[..], &to[..])).collect();
    assert_eq!(
        names,
        [
            ("other/src/lib.rs", "src/parts/a.rs"),
            ("other/src/lib.rs", "src/top/one.rs"),
            ("src/low.rs", "src/top/two.rs"),
            ("src/parts/a.rs", "src/parts/b.rs"),
            ("src/parts/b.rs", "src/parts/a.rs"),
            ("src/top/one.rs", "src/low.rs"),
        ]
    );
    assert_eq!(circles(&ties), ["src/parts/a.rs -> src/parts/b.rs (B)\nsrc/parts/b.rs -> src/parts/a.rs (A)\n"]);
    let rooms = circles(&between_rooms(&ties));
    assert_eq!(rooms.len(), 1);
    assert!(rooms[0].contains("src/top -> src/low.rs (src/top/one.rs takes low of src/low.rs)"), "{}", rooms[0]);
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let house = House::of_workspace();
    let lines = |path: &&String| std::fs::read_to_string(root.join(path)).unwrap().lines().count();
    let long: Vec<&String> = house.files.keys().filter(|path| lines(path) > 600).collect();
    assert!(long.is_empty(), "{long:?}");
}
