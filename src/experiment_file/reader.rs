//! Text to tree. The parser is saphyr's, whose events have places; what plain scalars are (numbers, `null` …) is
//! decided as serde_yaml does.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::node::{Entry, Node, Value};
use super::place::{FileError, Place, Source};

/// A file larger than this is refused: no experiment is anywhere near.
const MOST_BYTES: u64 = 1 << 20;

/// Nodes of one document, each alias counted with all that it stands for.
const MOST_NODES: usize = 200_000;

/// Levels of one document.
const DEEPEST: usize = 64;

/// The key whose maps are laid under the one that it is in.
const MERGE: &str = "<<";

/// What keys of the whole file begin with that nobody reads: they may hold what anchors name.
const ASIDE: &str = "x-";

const TOO_DEEP: &str = "is nested too deeply";

/// The tree of a file.
pub(super) fn read(path: &Path, source: &Arc<Source>) -> Result<Node, FileError> {
    let wrong = |message: String| FileError::new(&source.whole(), "", message);
    let mut bytes = vec![];
    let file = File::open(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(format!("is larger than {MOST_BYTES} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        FileError::new(&source.at(line, column), "", "this byte is not UTF-8")
    })?;
    parse(text, source)
}

/// The tree of a text. A text without a document is null.
pub(super) fn parse(text: &str, source: &Arc<Source>) -> Result<Node, FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new_from_str(text);
    let mut reader = Reader { source, anchors: HashMap::new(), open: vec![], nodes: 0, done: None };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            let message = if error.info().starts_with("recursion limit") { TOO_DEEP } else { error.info() };
            FileError::new(&source.at(marker.line(), marker.col() + 1), "", message)
        })?;
        reader.take(event, span)?;
    }
    let mut node = reader.done.unwrap_or_else(|| Node::new(&source.at(1, 1), Value::Null));
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|entry| !entry.key.starts_with(ASIDE));
    }
    Ok(node)
}

/// A list or a map that is not complete.
struct Open {
    place: Place,
    anchor: usize,
    children: Children,
}

enum Children {
    List(Vec<Node>),
    /// With the key whose value comes next.
    Map(Vec<Entry>, Option<(String, Place)>),
}

struct Reader<'s> {
    source: &'s Arc<Source>,
    anchors: HashMap<usize, Node>,
    open: Vec<Open>,
    nodes: usize,
    done: Option<Node>,
}

impl Reader<'_> {
    fn take(&mut self, event: Event, span: Span) -> Result<(), FileError> {
        let place = self.source.at(span.start.line(), span.start.col() + 1);
        let wrong = |message: &str| Err(FileError::new(&place, "", message));
        let (open, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if tag.is_some() {
                    return wrong("tags ('!') have no meaning here");
                }
                return self.scalar(&text, style, anchor, place);
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return wrong("this alias stands for what it is in itself");
                };
                self.count(count(&node), &place)?;
                if self.open.len() + depth(&node) > DEEPEST {
                    return wrong(TOO_DEEP);
                }
                return self.add(node, place);
            }
            Event::SequenceStart(anchor, tag) => (Some(Children::List(vec![])), anchor, tag),
            Event::MappingStart(anchor, tag) => (Some(Children::Map(vec![], None)), anchor, tag),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { place, anchor, children }) = self.open.pop() else { return Ok(()) };
                let value = match children {
                    Children::List(items) => Value::List(items),
                    Children::Map(entries, _) => Value::Map(self.merged(entries)?),
                };
                let node = Node { place: place.clone(), value };
                self.anchor(anchor, &node)?;
                return self.add(node, place);
            }
            Event::DocumentStart(_) if self.done.is_some() => return wrong("a second document begins; one is wanted"),
            _ => return Ok(()),
        };
        if tag.is_some() {
            return wrong("tags ('!') have no meaning here");
        }
        if self.open.len() >= DEEPEST {
            return wrong(TOO_DEEP);
        }
        self.count(1, &place)?;
        if let Some(children) = open {
            if matches!(&self.open.last(), Some(Open { children: Children::Map(_, None), .. })) {
                return wrong("a key is one word");
            }
            self.open.push(Open { place, anchor, children });
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, place: Place) -> Result<(), FileError> {
        self.count(1, &place)?;
        if let Some(Open { children: Children::Map(entries, key @ None), .. }) = self.open.last_mut() {
            if let Some(before) = entries.iter().find(|entry| entry.key == text) {
                let message = format!("the key '{text}' is given twice; it is at {} already", before.place);
                return Err(FileError::new(&place, "", message));
            }
            *key = Some((text.to_owned(), place.clone()));
            let node = Node { place, value: Value::Text(text.to_owned()) };
            return self.anchor(anchor, &node);
        }
        let value = match style {
            ScalarStyle::Plain => plain(text),
            _ => Value::Text(text.to_owned()),
        };
        let node = Node { place: place.clone(), value };
        self.anchor(anchor, &node)?;
        self.add(node, place)
    }

    /// The entries of a map with those that its key `<<` brings: of one map, or of several, the first of which counts. What the map says
    /// itself counts before them (YAML's merge key, https://yaml.org/type/merge.html).
    fn merged(&mut self, mut entries: Vec<Entry>) -> Result<Vec<Entry>, FileError> {
        let Some(place) = entries.iter().position(|entry| entry.key == MERGE) else { return Ok(entries) };
        let Entry { node, .. } = entries.remove(place);
        let maps = match node.value {
            Value::List(items) => items,
            _ => vec![node],
        };
        for map in maps {
            let Value::Map(brought) = map.value else {
                return Err(FileError::new(&map.place, MERGE, "wants a map, or a list of maps"));
            };
            for entry in brought {
                if !entries.iter().any(|known| known.key == entry.key) {
                    self.count(1 + count(&entry.node), &entry.place)?;
                    entries.push(entry);
                }
            }
        }
        Ok(entries)
    }

    fn anchor(&mut self, anchor: usize, node: &Node) -> Result<(), FileError> {
        if anchor > 0 {
            self.count(count(node), &node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(())
    }

    /// Adds a complete node to what it is in.
    fn add(&mut self, node: Node, place: Place) -> Result<(), FileError> {
        match self.open.last_mut().map(|open| &mut open.children) {
            None => self.done = Some(node),
            Some(Children::List(items)) => items.push(node),
            Some(Children::Map(entries, key)) => match key.take() {
                Some((key, at)) => entries.push(Entry { key, place: at, node }),
                None => return Err(FileError::new(&place, "", "a key is one word")),
            },
        }
        Ok(())
    }

    fn count(&mut self, more: usize, place: &Place) -> Result<(), FileError> {
        self.nodes += more;
        match self.nodes > MOST_NODES {
            true => Err(FileError::new(place, "", format!("holds more than {MOST_NODES} values, aliases counted"))),
            false => Ok(()),
        }
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| 1 + count(&entry.node)).sum::<usize>(),
        _ => 1,
    }
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(entries) => 1 + entries.iter().map(|entry| depth(&entry.node)).max().unwrap_or(0),
        _ => 0,
    }
}

/// What a scalar without quotes is: the core schema of YAML 1.2, as serde_yaml has it.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if [".inf", ".Inf", ".INF"].contains(&digits) {
        return Value::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    let signed = |number: i128| if negative { -number } else { number };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix)
            && digits.bytes().all(|byte| (byte as char).is_digit(radix))
            && let Ok(number) = i128::from_str_radix(digits, radix)
        {
            return Value::Int(signed(number));
        }
    }
    let leading_zeros = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if leading_zeros || !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Value::Text(text.to_owned());
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = digits.parse::<i128>()
    {
        return Value::Int(signed(number));
    }
    let numeric = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() && digits.bytes().all(numeric) => {
            Value::Float(if negative { -number } else { number })
        }
        _ => Value::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Origin;
    use super::*;

    fn tree(text: &str) -> Result<Node, FileError> {
        parse(text, &Source::new(Origin::Experiment, "x.yaml"))
    }

    #[test]
    fn the_tree_holds_what_serde_yaml_reads() {
        let mut texts: Vec<String> = vec![
            "a: 1\nb: [x, 'y', \"z\\n\", {c: d}]\ne:\n  - 1.5\n  - -2\n  - ~\n".into(),
            "folded: >-\n  one\n  two\n\n  three\nliteral: |\n  one\n  two\n".into(),
            "a: &x {lr: 0.1}\nb: *x\nc: [*x, *x]\n".into(),
            "\u{feff}a: b\n".into(),
        ];
        for word in [
            "1",
            "+1",
            "-1",
            "0",
            "-0",
            "007",
            "0x1F",
            "-0x1f",
            "0o17",
            "0b101",
            "0x",
            "1_000",
            "1e3",
            "1E-3",
            "1.",
            ".5",
            "-.5",
            "+.5",
            "1.5e+3",
            "1e400",
            ".",
            "+",
            "e5",
            ".inf",
            "-.inf",
            "+.inf",
            ".INF",
            ".nan",
            ".NaN",
            "nan",
            "inf",
            "infinity",
            "NaN",
            "true",
            "True",
            "TRUE",
            "yes",
            "no",
            "on",
            "null",
            "Null",
            "NULL",
            "~",
            "",
            "10..19",
            "class:0..9",
            "_blocks.10:37",
            "1:2",
            "2001-01-01",
            "18446744073709551615",
            "-9223372036854775808",
            "0.1.2",
            "0x1.8",
            "1e",
            "1e+",
            "--1",
            "+-1",
            "0x-1",
            "01.5",
            "00",
            "0e0",
        ] {
            texts.push(format!("word: {word}\n"));
            texts.push(format!("- {word}\n"));
        }
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/methods")).unwrap() {
            texts.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
        for text in texts {
            let expected: serde_yaml::Value = serde_yaml::from_str(text.trim_start_matches('\u{feff}'))
                .unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let found = tree(&text).unwrap_or_else(|error| panic!("{text:?}: {error}")).to_yaml();
            // NaN is not equal to itself.
            assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text:?}");
        }
    }

    #[test]
    fn a_merge_key_brings_what_the_map_does_not_say_itself() {
        let yaml = |text: &str| format!("{:?}", tree(text).unwrap().to_yaml());
        let base =
            "x-base: &base { steps: 5, optimizer: { adam: { lr: 0.1 } } }\nx-other: &other { steps: 7, keep: best }\n";
        for (merged, plain) in [
            ("a: { <<: *base }", "a: { steps: 5, optimizer: { adam: { lr: 0.1 } } }"),
            ("a: { <<: *base, steps: 9 }", "a: { steps: 9, optimizer: { adam: { lr: 0.1 } } }"),
            ("a: { steps: 9, <<: *base }", "a: { steps: 9, optimizer: { adam: { lr: 0.1 } } }"),
            ("a: { <<: [*other, *base] }", "a: { steps: 7, keep: best, optimizer: { adam: { lr: 0.1 } } }"),
            ("a:\n  - <<: *base\n    optimizer: x", "a:\n  - steps: 5\n    optimizer: x"),
            ("a: { <<: { b: 1 } }", "a: { b: 1 }"),
        ] {
            let found = serde_json::to_value(tree(&format!("{base}{merged}\n")).unwrap().to_yaml()).unwrap();
            let expected: serde_json::Value = serde_yaml::from_str(plain).unwrap();
            assert_eq!(found, expected, "{merged}");
        }
        // Keys aside are those of the whole file alone.
        assert_eq!(yaml("x-a: 1\nb: { x-c: 2 }\n"), yaml("b: { x-c: 2 }\n"));
        for text in ["a: { <<: 3 }", "a: { <<: [{ b: 1 }, c] }", "a: { <<: *nobody }"] {
            assert!(tree(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nodes_know_where_they_are_written() {
        let root = tree("a: 1\nb:\n  - x\n  - { k: v }\n").unwrap();
        assert_eq!(root.get("a").unwrap().place.to_string(), "x.yaml:1:4");
        let Value::List(items) = &root.get("b").unwrap().value else { panic!() };
        assert_eq!(items[0].place.to_string(), "x.yaml:3:5");
        assert_eq!(items[1].entry("k").unwrap().place.to_string(), "x.yaml:4:7");
        assert_eq!(items[1].get("k").unwrap().place.to_string(), "x.yaml:4:10");
    }

    #[test]
    fn texts_that_could_exhaust_memory_or_mean_two_things_are_refused_with_their_place() {
        let bomb = {
            let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
            for level in 1..12 {
                let one = format!("*a{}", level - 1);
                text += &format!("a{level}: &a{level} [{}]\n", vec![one; 10].join(", "));
            }
            text
        };
        for (text, complaint) in [
            (bomb.as_str(), "holds more than 200000 values"),
            (&"[".repeat(100), "nested too deeply"),
            (&"[".repeat(100_000), "nested too deeply"),
            (&"- ".repeat(100_000), "nested too deeply"),
            (&"{a: ".repeat(100_000), "nested too deeply"),
            ("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: the key 'a' is given twice; it is at x.yaml:1:1 already"),
            ("a: &x [*x]\n", "x.yaml:1:8: "),
            ("a: *nobody\n", "x.yaml:1:4: "),
            ("a: 1\n---\nb: 2\n", "x.yaml:2:1: a second document begins"),
            ("a: !!str 5\n", "x.yaml:1:"),
            ("a:\n\tb: 1\n", "x.yaml:2:"),
            ("? [a]\n: b\n", "a key is one word"),
            ("a: [1, 2\n", "x.yaml:"),
            ("a: 'b\n", "x.yaml:"),
            ("a: b: c\n", "x.yaml:1:"),
        ] {
            let error = tree(text).map(|node| format!("{node:?}")).unwrap_err().to_string();
            assert!(error.contains(complaint), "{:?}: {error}", &text[..text.len().min(60)]);
            assert!(error.starts_with("x.yaml:"), "{error}");
        }
    }
}
