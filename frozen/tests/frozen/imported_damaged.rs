//! Programs whose bytes were altered, and programs that were made to harm: an error in a sentence, never a panic, within seconds.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use frozen::imported::{Format, Request, open};

use crate::mutate::Mutator;

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/imported").join(name)
}

/// Reads bytes as a program; says what is wrong with them.
fn read(folder: &Path, bytes: &[u8], format: Format, input: &[i64]) -> Result<(), String> {
    let path = folder.join("program");
    fs::write(&path, bytes).unwrap();
    let request = Request { format, input, classes: 0, output: None };
    open(&path, &request).map(|_| ()).map_err(|error| error.to_string())
}

/// A zip archive whose members have no checksums: otherwise nothing behind them would ever be tried.
fn without_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    for at in 0..bytes.len().saturating_sub(46) {
        if bytes[at..].starts_with(b"PK\x01\x02") {
            bytes[at + 16..at + 20].fill(0);
        }
    }
    bytes
}

#[test]
fn damaged_programs_give_errors_and_neither_panic_nor_hang() {
    // More for a thorough search: MUTATIONS=20000 cargo test -p frozen --test frozen damaged
    let mutations = std::env::var("MUTATIONS").ok().map_or(300, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let code: &[i64] = &[16];
    for (seed, (name, format, input)) in [
        ("cnn.olddyn.onnx", Format::Onnx, [3, 32, 32].as_slice()),
        ("dcgan.olddyn.onnx", Format::Onnx, code),
        ("cnn.dyn.pt2", Format::Exported, &[3, 32, 32]),
        ("style.dyn.pt2", Format::Exported, code),
    ]
    .into_iter()
    .enumerate()
    {
        let mut original = fs::read(program(name)).unwrap();
        if format == Format::Exported {
            original = without_checksums(original);
        }
        assert_eq!(read(folder.path(), &original, format, input), Ok(()), "{name}");
        let mut mutator = Mutator::new(&original, seed as u64);
        let (mut refused, mut slowest) = (0, Duration::ZERO);
        for number in 0..mutations {
            let (description, bytes) = mutator.mutate();
            let start = Instant::now();
            let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| read(folder.path(), &bytes, format, input))) else {
                panic!("{name}, mutation {number} panicked: {description}");
            };
            slowest = slowest.max(start.elapsed());
            refused += usize::from(outcome.is_err());
            assert!(slowest < Duration::from_secs(10), "{name}, mutation {number} took {slowest:?}: {description}");
        }
        println!("{name}: {refused} of {mutations} refused, at most {slowest:?}");
    }
}

/// A field of a protocol buffer.
fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn number(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value > 127 {
        bytes.push(value as u8 & 127 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes: Vec<u8> = inputs.iter().flat_map(|name| field(1, name.as_bytes())).collect();
    bytes.extend(outputs.iter().flat_map(|name| field(2, name.as_bytes())));
    bytes.extend(field(4, operator.as_bytes()));
    bytes.extend(attributes.iter().flat_map(|attribute| field(5, attribute)));
    field(1, &bytes)
}

fn ints(name: &str, values: &[u64]) -> Vec<u8> {
    let mut bytes = field(1, name.as_bytes());
    values.iter().for_each(|&value| bytes.extend(number(8, value)));
    bytes
}

/// Whole numbers as a weight of the graph.
fn weight(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let sizes = if values.is_empty() { vec![] } else { number(1, values.len() as u64) };
    field(5, &[sizes, number(2, 7), field(8, name.as_bytes()), field(9, &raw)].concat())
}

fn model(parts: &[Vec<u8>]) -> Vec<u8> {
    let graph = [parts.concat(), field(11, &field(1, b"x")), field(12, &field(1, b"y"))].concat();
    [number(1, 8), field(7, &graph), field(8, &number(2, 17))].concat()
}

#[test]
fn programs_that_were_made_to_harm_are_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: Vec<u8>, words: &str| {
        let start = Instant::now();
        let error = read(folder.path(), &bytes, Format::Onnx, &[3, 8, 8]).unwrap_err();
        assert!(error.contains(words), "{name}: {error}");
        assert!(start.elapsed() < Duration::from_secs(10), "{name} took {:?}", start.elapsed());
    };
    refused("a circle", model(&[node("Relu", &["y"], &["y"], &[])]), "which no node before it makes");
    refused("no operator", model(&[node("Blur", &["x"], &["y"], &[])]), "not known here: Blur (once at node 'y')");
    let vast = weight("s", &[1 << 20, 1 << 20, 1 << 20]);
    refused("a vast shape", model(&[vast.clone(), node("Expand", &["x", "s"], &["y"], &[])]), "would have");
    let doubled: Vec<Vec<u8>> = (0..60)
        .map(|at| {
            let (from, to) = (if at == 0 { "x".into() } else { format!("v{at}") }, format!("v{}", at + 1));
            node("Concat", &[&from, &from], &[&to], &[[field(1, b"axis"), number(3, 1)].concat()])
        })
        .collect();
    refused("ever twice as much", model(&[doubled.concat(), node("Relu", &["v60"], &["y"], &[])]), "would have");
    let lies = field(5, &[number(1, 1 << 40), number(2, 1), field(8, b"w"), field(9, b"abcd")].concat());
    refused("a shape that lies", model(&[lies, node("Add", &["x", "w"], &["y"], &[])]), "has 4 bytes for the shape");
    let external = [number(1, 4), number(2, 1), field(8, b"w"), number(14, 1)].concat();
    let outside = field(13, &[field(1, b"location"), field(2, b"../../../etc/passwd")].concat());
    let outside = field(5, &[external.clone(), outside].concat());
    refused(
        "a path out of the folder",
        model(&[outside, node("Add", &["x", "w"], &["y"], &[])]),
        "a path out of its folder",
    );
    let absent = field(5, &[external, field(13, &[field(1, b"location"), field(2, b"w.bin")].concat())].concat());
    refused("weights left behind", model(&[absent, node("Add", &["x", "w"], &["y"], &[])]), "keep both files together");
    let pads = node("Pad", &["x"], &["y"], &[ints("pads", &[0, 0, 1 << 40, 0, 0, 0, 0, 0])]);
    refused("a vast padding", model(&[pads]), "would have");
    let mut nested = node("Relu", &["x"], &["y"], &[]);
    for _ in 0..40 {
        let graph = [nested, field(12, &field(1, b"y"))].concat();
        nested = node("If", &["c"], &["y"], &[[field(1, b"then_branch"), field(6, &graph)].concat()]);
    }
    refused("graphs in graphs", model(&[weight("c", &[1]), nested]), "nested too deeply");
    refused("a web page", b"<html>not found</html>".to_vec(), "is no ONNX file");
    let error = read(folder.path(), &fs::read(program("cnn.dyn.pt2")).unwrap()[..5000], Format::Exported, &[3, 32, 32]);
    assert!(error.unwrap_err().contains("cut short?"));
}
