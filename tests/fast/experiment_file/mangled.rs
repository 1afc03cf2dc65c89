//! Files and flags that somebody mangled are read or refused, and never a panic.

use super::files::{load_with, smoke, with};
use metapicture::experiment_file::ExperimentFile;
use tempfile::TempDir;

/// A generator of numbers that is the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A text that somebody mangled.
fn mutated(text: &str, random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let words: Vec<String> = text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect();
    for _ in 0..=random.below(3) {
        if lines.is_empty() {
            break;
        }
        let at = random.below(lines.len());
        match random.below(8) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines[at] = format!("{}{}", " ".repeat(random.below(4)), lines[at].trim_start()),
            3 => {
                let other = random.below(lines.len());
                lines.swap(at, other);
            }
            4 => {
                // A key or a word becomes another one of the file.
                let word = words[random.below(words.len())].clone();
                let of_line: Vec<&str> = lines[at].split(|c: char| !c.is_alphanumeric() && c != '_').collect();
                let from = of_line[random.below(of_line.len())].to_owned();
                if !from.is_empty() {
                    lines[at] = lines[at].replacen(&from, &word, 1);
                }
            }
            5 | 6 => {
                // Another value after a colon.
                let values = [
                    "-1",
                    "0",
                    "1e99",
                    ".nan",
                    "~",
                    "[]",
                    "{}",
                    "[1, 2]",
                    "{ a: b }",
                    "true",
                    "'x'",
                    "99999999999999999999",
                    "*a",
                    "&a 1",
                    "!x y",
                    "\"",
                    "0..9",
                    "{ linspace: [0, 1, 3] }",
                    "{ adam: {} }",
                    "latent",
                    "\t",
                ];
                let value = values[random.below(values.len())];
                if let Some((key, _)) = lines[at].split_once(':') {
                    lines[at] = format!("{key}: {value}");
                }
            }
            _ => {
                let digits: Vec<usize> =
                    lines[at].char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(i, _)| i).collect();
                if !digits.is_empty() {
                    let digit = digits[random.below(digits.len())];
                    lines[at].replace_range(digit..=digit, ["9", "-", "0", ".", "e", "00000000"][random.below(6)]);
                }
            }
        }
    }
    let mut bytes = lines.join("\n").into_bytes();
    if random.below(3) == 0 && !bytes.is_empty() {
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
    }
    bytes
}

/// Nearly every key that there is.
pub(super) const EVERYTHING: &str = "\
description: &d about
methods:
  - latent
  - { preset: latent, name: latent-long, steps: 400, param: { latent: { screen: 10 } } }
  - name: mine
    param:
      pixel: { noise: 0.1, bounds: { sphere: { rms: 0.2 } } }
    optimizer:
      sgd: { lr: { from: 1, to: 0 } }
    transforms:
      - jitter: { pixels: 4, edge: wrap }
      - scale: { from: 0.9, to: 1.1 }
    regularizers:
      - l2: { weight: 1 }
    filters:
      - gaussian_blur: { sigma: 1.0, every: 4 }
    octaves: { count: 2, factor: 1.4 }
    steps: 3
seeds: [3, 4, '10..19']
size: 224
device: cpu
threads: 2
batch: 8
compare:
  witnesses: [efficientnet-lite1]
  reference: photos
sweep:
  methods.latent-long.optimizer.adam.lr: { logspace: [0.01, 1, 5] }
  size: [112, 224]
  zip: { methods.mine.steps: [10, 20], methods.mine.views: [1, 2] }
";

#[test]
fn thousands_of_mangled_files_are_read_or_refused_with_a_place() {
    let everything = with(EVERYTHING);
    assert!(load_with(&everything, &[]).is_ok());
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.yaml");
    let prefix = format!("{}:", path.display());
    let (mut random, mut refused) = (Random(1), 0);
    for texts in [everything, std::fs::read_to_string(smoke()).unwrap()] {
        for _ in 0..2000 {
            let bytes = mutated(&texts, &mut random);
            std::fs::write(&path, &bytes).unwrap();
            let Err(error) = ExperimentFile::load(&path, &[]) else { continue };
            refused += 1;
            let text = error.to_string();
            let mut place = text
                .strip_prefix(&prefix)
                .unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&bytes)))
                .split(':');
            let mut number = || place.next().unwrap().parse::<usize>().unwrap_or_else(|_| panic!("no place: {text}"));
            let (line, column) = (number(), number());
            let lines = bytes.split(|byte| *byte == b'\n').count();
            assert!((1..=lines + 1).contains(&line) && column >= 1, "{text}");
            assert!(!text.contains('\n') && text.len() < 2000, "{text}");
        }
    }
    assert!((2000..4000).contains(&refused), "{refused} of 4000 were refused");
}

#[test]
fn thousands_of_mangled_flags_are_taken_or_refused_with_their_text() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.yaml");
    std::fs::write(
        &path,
        with(
            "methods: [latent, { preset: lucid-2017, steps: 3 }]\nsweep: { size: [64, 128], zip: { seeds: [1, 2] } }\n",
        ),
    )
    .unwrap();
    let keys = [
        "methods",
        "latent",
        "lucid-2017",
        "0",
        "1",
        "9",
        "param",
        "optimizer",
        "adam",
        "sgd",
        "lr",
        "transforms",
        "jitter",
        "pixels",
        "steps",
        "size",
        "sweep",
        "zip",
        "seeds",
        "units",
        "generator",
        "generators",
        "class",
        "name",
        "compare",
        "",
        "linspace",
        "x y",
    ];
    let values = [
        "",
        "1",
        "-1",
        "0.5",
        "~",
        "[]",
        "{}",
        "[1, 2]",
        "{ adam: { lr: 1 } }",
        "naive",
        "[naive]",
        "x=y",
        "'",
        "[",
        "*a",
        ".inf",
        "{ linspace: [1, 2, 2] }",
        "{ name: a }",
        "1e999",
        "\u{0}",
        "é: [",
    ];
    let (mut random, mut refused) = (Random(2), 0);
    for _ in 0..2000 {
        let path_of: Vec<&str> = (0..=random.below(6)).map(|_| keys[random.below(keys.len())]).collect();
        let flags = [format!("{}={}", path_of.join("."), values[random.below(values.len())])];
        let Err(error) = ExperimentFile::load(&path, &flags) else { continue };
        refused += 1;
        let text = error.to_string();
        let placed = text.starts_with("--set ") || text.starts_with(&format!("{}:", path.display()));
        assert!(placed && !text.contains('\n'), "{flags:?}: {text}");
    }
    assert!((1000..2000).contains(&refused), "{refused} of 2000 were refused");
}
