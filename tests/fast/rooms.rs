//! The house has no circles: no file imports, directly or by way of others, from a file that imports from it, and no room (a crate's
//! top-level folder, or a file beside them) from a room that imports from it.
//!
//! It reads the `use` lines and the paths that begin with `crate::` and `super::`, follows re-exports to the file that defines the name, and
//! leaves out what is for tests alone. A `mod.rs` that only declares and re-exports ties nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates of the workspace, by the name that others import and the folder of their sources.
const CRATES: [(&str, &str); 6] = [
    ("metapicture", "src"),
    ("frozen", "frozen/src"),
    ("zoo", "zoo/src"),
    ("classifiers", "classifiers/src"),
    ("generators", "generators/src"),
    ("metrics", "metrics/src"),
];

/// A module, which is a file.
#[derive(Default)]
struct Module {
    file: String,
    /// Names of items and macros.
    defines: BTreeSet<String>,
    /// Re-exported names and their paths.
    exports: BTreeMap<String, Vec<String>>,
    /// Paths that the file takes, as written.
    takes: BTreeSet<Vec<String>>,
}

/// Modules by their path: the crate's name first.
type House = BTreeMap<Vec<String>, Module>;

/// Which names a file takes of another.
type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The text without comments, strings and what is for tests alone (by custom the end of a file).
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    let (mut code, mut rest) = (String::new(), text);
    while let Some(next) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if next == '"' {
            let mut end = 1;
            let bytes = rest.as_bytes();
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        } else if rest.starts_with("'\"'") {
            rest = &rest[3..];
        } else {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    code
}

/// The paths of a `use` tree: `a::{b, c as d}` is `a::b` and `a::c`, each with the name that it has here.
fn expand(tree: &str, before: &[String], paths: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    if let Some((head, inner)) = tree.split_once('{') {
        let mut path = before.to_vec();
        path.extend(head.split("::").map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned));
        let inner = &inner[..inner.rfind('}').unwrap_or(inner.len())];
        let (mut depth, mut start) = (0, 0);
        for (at, letter) in inner.char_indices().chain([(inner.len(), ',')]) {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&inner[start..at], &path, paths);
                    start = (at + 1).min(inner.len());
                }
                _ => {}
            }
        }
    } else if !tree.is_empty() {
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
        let mut full = before.to_vec();
        full.extend(path.split("::").map(|word| word.trim().to_owned()).filter(|word| word != "self" || before.is_empty()));
        let name = alias.map_or_else(|| full.last().cloned().unwrap_or_default(), str::to_owned);
        paths.push((full, name));
    }
}

fn module(file: &str, text: &str) -> Module {
    let code = code(text);
    let mut module = Module { file: file.to_owned(), ..Module::default() };
    for line in code.lines() {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        let indented = line.starts_with(' ');
        let kinds = ["struct", "enum", "trait", "fn", "const", "static", "type", "union", "macro_rules"];
        let modifiers = ["pub", "crate", "super", "unsafe", "async", "extern"];
        let kind = words.by_ref().find(|word| !modifiers.contains(word));
        if let (false, Some(kind)) = (indented, kind)
            && kinds.contains(&kind)
            && let Some(name) = words.find(|word| *word != "fn" && *word != "mut")
        {
            module.defines.insert(name.to_owned());
        }
    }
    // `use` statements; then the paths that stand in the code itself.
    let mut rest = code.clone();
    let mut begin = 0;
    while let Some(at) = rest[begin..].find("use ").map(|at| begin + at) {
        let line = rest[..at].rfind('\n').map_or(0, |at| at + 1);
        let before = rest[line..at].trim().to_owned();
        let Some(end) = rest[at..].find(';').map(|end| at + end) else { break };
        if before.is_empty() || before.starts_with("pub") {
            let mut paths = vec![];
            expand(&rest[at + 4..end], &[], &mut paths);
            for (path, name) in paths {
                if before.is_empty() {
                    module.takes.insert(path);
                } else {
                    module.exports.insert(name, path);
                }
            }
            rest.replace_range(line..end, "");
            begin = line;
        } else {
            begin = at + 4;
        }
    }
    let starts = CRATES.map(|(name, _)| name).into_iter().chain(["crate", "super"]);
    for start in starts {
        for (at, _) in rest.match_indices(&format!("{start}::")) {
            if rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let end = rest[at..].find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len() - at);
            let path = rest[at..at + end].split("::").filter(|word| !word.is_empty()).map(str::to_owned);
            module.takes.insert(path.collect());
        }
    }
    module
}

/// Reads the modules in a folder.
fn read(root: &Path, folder: &Path, path: &[String], house: &mut House) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let stem = entry.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let mut inner = path.to_vec();
        if entry.is_dir() {
            inner.push(stem);
            read(root, &entry, &inner, house);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            match stem.as_str() {
                "mod" | "lib" => {}
                // The program is a crate of its own.
                "main" => inner = vec!["main".to_owned()],
                _ => inner.push(stem),
            }
            let file = entry.strip_prefix(root).unwrap_or(&entry).display().to_string();
            house.insert(inner, module(&file, &fs::read_to_string(&entry).unwrap()));
        }
    }
}

/// The file that a path, written in the module `from`, comes to.
fn resolve(house: &House, from: &[String], path: &[String], depth: usize) -> Option<String> {
    if depth > 12 {
        return None;
    }
    let mut at = from.to_vec();
    let mut rest = path;
    let first = path.first()?;
    if first == "crate" {
        at.truncate(1);
        rest = &rest[1..];
    } else if CRATES.iter().any(|(name, _)| name == first) && !house.contains_key(&[from, &[first.clone()]].concat()) {
        at = vec![first.clone()];
        rest = &rest[1..];
    } else {
        while rest.first().is_some_and(|word| word == "super") {
            at.pop();
            rest = &rest[1..];
        }
        if rest.first().is_some_and(|word| word == "self") {
            rest = &rest[1..];
        } else if rest.len() == path.len() {
            // Relative: a module below this one, or nothing of ours.
            house.get(&[from, &[first.clone()]].concat())?;
        }
    }
    for (number, word) in rest.iter().enumerate() {
        let module = house.get(&at)?;
        let mut inner = at.clone();
        inner.push(word.clone());
        if house.contains_key(&inner) {
            at = inner;
        } else if let Some(path) = module.exports.get(word) {
            let full: Vec<String> = path.iter().chain(&rest[number + 1..]).cloned().collect();
            return resolve(house, &at, &full, depth + 1);
        } else {
            return Some(module.file.clone());
        }
    }
    house.get(&at).map(|module| module.file.clone())
}

fn arrows(house: &House) -> Arrows {
    let mut arrows = Arrows::new();
    for (path, module) in house {
        let of = arrows.entry(module.file.clone()).or_default();
        for taken in &module.takes {
            if let Some(to) = resolve(house, path, taken, 0).filter(|to| *to != module.file) {
                of.entry(to).or_default().extend(taken.last().cloned());
            }
        }
    }
    arrows
}

/// Everything that can be reached from each node.
fn reach(arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<&str, BTreeSet<&str>> {
    let from = |start: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(node) = next.pop() {
            for to in arrows.get(node).into_iter().flatten() {
                if seen.insert(to.as_str()) {
                    next.push(to);
                }
            }
        }
        seen
    };
    arrows.keys().map(|node| (node.as_str(), from(node))).collect()
}

/// Arrows within circles, a line each.
fn circles(arrows: &Arrows) -> Vec<String> {
    let plain = arrows.iter().map(|(from, to)| (from.clone(), to.keys().cloned().collect())).collect();
    let reach = reach(&plain);
    let mut lines = vec![];
    for (from, targets) in arrows {
        for (to, names) in targets {
            if reach.get(to.as_str()).is_some_and(|back| back.contains(from.as_str())) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                lines.push(format!("{from} takes {} of {to}", names.join(", ")));
            }
        }
    }
    lines
}

/// The same between rooms.
fn by_room(arrows: &Arrows) -> Arrows {
    let room = |file: &str| {
        let (krate, rest) = file.split_once("src/").unwrap_or(("", file));
        format!("{krate}src/{}", rest.split('/').next().unwrap_or_default())
    };
    let mut rooms = Arrows::new();
    for (from, targets) in arrows {
        for (to, names) in targets.iter().filter(|(to, _)| room(from) != room(to)) {
            rooms.entry(room(to)).or_default();
            let of = rooms.entry(room(from)).or_default().entry(room(to)).or_default();
            of.extend(names.iter().map(|name| format!("{name} ({from})")));
        }
    }
    rooms
}

fn house() -> House {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut house = House::new();
    for (name, folder) in CRATES {
        read(root, &root.join(folder), &[name.to_owned()], &mut house);
    }
    house
}

#[test]
fn no_file_imports_from_one_that_imports_from_it() {
    let arrows = arrows(&house());
    assert!(arrows.len() > 150 && arrows.values().map(BTreeMap::len).sum::<usize>() > 500, "the house was not read");
    let circles = circles(&arrows);
    assert!(circles.is_empty(), "{} arrows within circles of files:\n{}", circles.len(), circles.join("\n"));
}

#[test]
fn no_room_imports_from_one_that_imports_from_it() {
    let circles = circles(&by_room(&arrows(&house())));
    assert!(circles.is_empty(), "{} arrows within circles of rooms:\n{}", circles.len(), circles.join("\n"));
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = |module: &Module| fs::read_to_string(root.join(&module.file)).unwrap().lines().count();
    let long: Vec<String> = house().values().filter(|of| lines(of) > 600).map(|of| of.file.clone()).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn a_circle_by_way_of_a_re_export_is_seen() {
    let mut house = House::new();
    let mut put = |path: &[&str], text: &str| {
        let path: Vec<String> = path.iter().map(|word| (*word).to_owned()).collect();
        house.insert(path.clone(), module(&format!("src/{}.rs", path[1..].join("/")), text));
    };
    put(&["metapicture"], "mod a;\nmod b;\npub use a::one::{First as Renamed};\n");
    put(&["metapicture", "a"], "mod one;\nmod two;\npub use one::First;\npub use two::Second;\n");
    put(&["metapicture", "a", "one"], "use super::Second;\npub struct First;\n// use crate::b::Third;\n");
    put(&["metapicture", "a", "two"], "pub struct Second;\nconst TEXT: &str = \"use crate::b::Third;\";\n");
    put(&["metapicture", "b"], "use crate::Renamed;\nuse std::fmt::{self, Debug};\npub fn third() {}\n#[cfg(test)]\nmod tests { use crate::a::First; }\n");
    assert_eq!(circles(&arrows(&house)), Vec::<String>::new());
    house.get_mut(&["metapicture", "a", "two"].map(str::to_owned)[..]).unwrap().takes.insert(
        ["crate", "b", "third"].map(str::to_owned).to_vec(),
    );
    let found = circles(&arrows(&house));
    let expected =
        ["src/a/one.rs takes Second of src/a/two.rs", "src/a/two.rs takes third of src/b.rs", "src/b.rs takes Renamed of src/a/one.rs"];
    assert_eq!(found, expected);
    assert_eq!(circles(&by_room(&arrows(&house))).len(), 2);
}
