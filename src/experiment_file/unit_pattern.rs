//! Patterns of units: what an experiment file says of its units, before a classifier is there that could have them.

use std::path::Path;

use zoo::suggest::nearest;

use super::field::Field;
use super::node::Value;
use super::place::FileError;
use crate::unit::{WITH_FILES, opposite};

/// Units of one pattern.
const MOST_UNITS: u64 = 1_000_000;

/// Words that stand before parentheses in a unit.
const READINGS: [&str; 6] = ["activation", "quadratic", "probability", "log_probability", "pair", "strongest"];

/// One entry of `units`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitPattern {
    /// A unit as [`crate::unit::Unit::parse`] takes it; the files that it names are relative to the working directory.
    Unit(String),
    /// `class:0..9`, `_blocks.10:0..31`, `_blocks.*:0..31`: every class or channel of a range, in every layer that
    /// fits.
    Channels {
        /// `class`, or layers.
        layers: LayerGlob,
        /// The first class or channel.
        first: u64,
        /// The last one, which is one of them; not less than the first.
        last: u64,
    },
    /// `_blocks.10:*`, `class:*`: every channel of every layer that fits, or every class.
    AllChannels(LayerGlob),
    /// `_blocks.*:37`, `_blocks.*:37@7,7`: the same channel or neuron of every layer that fits.
    InLayers {
        /// The layers.
        layers: LayerGlob,
        /// What follows the colon.
        part: String,
    },
    /// `layer:_blocks.*`: every layer that fits.
    WholeLayers(LayerGlob),
    /// `pair(banana)`: what fires a unit most, and what fires it least; the unit, and the other one.
    Pair([String; 2]),
    /// `strongest(_blocks.10, 20)`: the channels of every layer that fits whose mean activation is highest on the
    /// reference.
    Strongest {
        /// The layers.
        layers: LayerGlob,
        /// How many channels of each; at least 1.
        count: usize,
    },
}

/// The name of a layer in which `*` stands for any characters but dots, `**` for any, and `?` for one that is no dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerGlob(String);

impl LayerGlob {
    /// The name, where it stands for itself alone.
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains(['*', '?'])).then_some(self.0.as_str())
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether a layer's name fits.
    pub fn matches(&self, name: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let name: Vec<char> = name.chars().collect();
        // Which beginnings of the name fit the pattern so far.
        let mut fits = vec![false; name.len() + 1];
        fits[0] = true;
        let mut at = 0;
        while at < pattern.len() {
            let many = pattern[at] == '*';
            let over_dots = many && pattern.get(at + 1) == Some(&'*');
            at += if over_dots { 2 } else { 1 };
            let mut next = vec![false; name.len() + 1];
            for end in 0..=name.len() {
                next[end] = match pattern[at - 1] {
                    '*' if many => fits[end] || (end > 0 && next[end - 1] && (over_dots || name[end - 1] != '.')),
                    '?' => end > 0 && fits[end - 1] && name[end - 1] != '.',
                    letter => end > 0 && fits[end - 1] && name[end - 1] == letter,
                };
            }
            fits = next;
        }
        fits[name.len()]
    }
}

impl UnitPattern {
    /// The pattern that a text is; the files that it names are in `folder`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, folder: &Path) -> Result<UnitPattern, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("a unit is wanted".to_owned());
        }
        let (open, close) = (text.matches('(').count(), text.matches(')').count());
        if open != close {
            return Err(format!("the parentheses of '{text}' do not match; a unit that holds a comma is quoted"));
        }
        if let Some((function, inside)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            let function = function.trim();
            if function == "strongest" {
                return strongest(text, inside);
            }
            if function == "pair" {
                return match UnitPattern::parse(inside, folder) {
                    Ok(UnitPattern::Unit(unit)) => Ok(UnitPattern::Pair([opposite(&opposite(&unit)), opposite(&unit)])),
                    _ => Err(format!("'{text}' is not pair(UNIT) of one unit")),
                };
            }
            if function.bytes().all(|byte| byte.is_ascii_lowercase())
                && nearest(function, READINGS.into_iter().chain(WITH_FILES)) == Some("strongest")
            {
                return Err(format!("no reading '{function}'; did you mean 'strongest'?"));
            }
        }
        let plain = UnitPattern::Unit(with_files(text, &|file| folder.join(file).to_string_lossy().into_owned()));
        // Sums and readings are units, not patterns; so is `0.5*violin`.
        let is_sum = text.contains(" + ") || text.contains(" - ") || open > 0;
        let has_factor = text.split_once('*').is_some_and(|(factor, _)| factor.trim().parse::<f64>().is_ok());
        if is_sum || has_factor || text.starts_with('-') {
            return Ok(plain);
        }
        let Some((layer, part)) = text.split_once(':') else { return Ok(plain) };
        let layers = LayerGlob(layer.trim().to_owned());
        if layer == "layer" {
            let layers = LayerGlob(part.trim().to_owned());
            return Ok(if layers.exact().is_some() { plain } else { UnitPattern::WholeLayers(layers) });
        }
        if let Some((first, last)) = part.split_once("..") {
            let number = |word: &str| {
                let word = word.trim();
                if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(format!("'{text}' is not a range such as {layer}:0..9"));
                }
                match word.parse::<u64>() {
                    Ok(number) if number < MOST_UNITS => Ok(number),
                    _ => Err(format!("'{text}' goes beyond {}", MOST_UNITS - 1)),
                }
            };
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(format!("'{text}' begins at {first} and ends before it, at {last}"));
            }
            return Ok(UnitPattern::Channels { layers, first, last });
        }
        if part.trim() == "*" {
            return Ok(UnitPattern::AllChannels(layers));
        }
        match layers.exact() {
            Some(_) => Ok(plain),
            None => Ok(UnitPattern::InLayers { layers, part: part.trim().to_owned() }),
        }
    }

    pub(super) fn read(field: &Field, folder: &Path) -> Result<UnitPattern, FileError> {
        let text = match &field.node.value {
            Value::Text(text) => text.clone(),
            Value::Int(class) => class.to_string(),
            _ => return Err(field.not("a unit (quoted where it holds ': ' or a comma)")),
        };
        UnitPattern::parse(&text, folder).map_err(|message| field.wrong(message))
    }
}

fn strongest(text: &str, inside: &str) -> Result<UnitPattern, String> {
    let written = || format!("'{text}' is not strongest(LAYER, N), N at least 1");
    let (layers, count) = inside.rsplit_once(',').ok_or_else(written)?;
    let (layers, count) = (layers.trim(), count.trim());
    let count: usize = count.parse().map_err(|_| written())?;
    if count == 0 || layers.is_empty() {
        return Err(written());
    }
    if count as u64 > MOST_UNITS {
        return Err(format!("'{text}' asks for more than {MOST_UNITS} units"));
    }
    Ok(UnitPattern::Strongest { layers: LayerGlob(layers.to_owned()), count })
}

/// A unit's text, the files that it names changed: `direction(LAYER, FILE)`, `like(LAYER, PHOTO)`.
pub(super) fn with_files(text: &str, change: &dyn Fn(&str) -> String) -> String {
    let (mut done, mut rest) = (String::new(), text);
    let begins = |text: &str| {
        let word = |word: &&str| {
            let whole =
                |at: &usize| !text[..*at].ends_with(|before: char| before.is_ascii_alphanumeric() || before == '_');
            let found = text.match_indices(&format!("{word}(")).map(|(at, _)| at).find(whole)?;
            Some(found + word.len() + 1)
        };
        WITH_FILES.iter().filter_map(word).min()
    };
    while let Some(at) = begins(rest) {
        let end = at + closing(&rest[at..]);
        // `component(CLASS, K, FOLDER)` has two things before its file.
        let before = if rest[..at].ends_with("component(") { 1 } else { 0 };
        let commas = rest[at..end].match_indices(',').nth(before);
        let Some(comma) = commas.map(|(comma, _)| at + comma + 1) else { break };
        let file = rest[comma..end].trim();
        done.push_str(&rest[..comma]);
        done.push(' ');
        done.push_str(&if file.starts_with("random:") { file.to_owned() } else { change(file) });
        rest = &rest[end..];
    }
    with_networks(&(done + rest), change)
}

/// Where the parenthesis that is open before a text is closed.
fn closing(text: &str) -> usize {
    let mut open = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    text.len()
}

/// A unit's text, the manifests changed by which it names other networks: `banana @ ./mine.yaml`.
fn with_networks(text: &str, change: &dyn Fn(&str) -> String) -> String {
    let mut parts = text.split(" @ ");
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = [" + ", " - "].iter().filter_map(|sign| part.find(sign)).min().unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        done.push_str(" @ ");
        done.push_str(&if zoo::is_path(name.trim()) { change(name.trim()) } else { name.to_owned() });
        done.push_str(rest);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<UnitPattern, String> {
        UnitPattern::parse(text, Path::new("in"))
    }

    #[test]
    fn patterns_are_told_from_units() {
        let glob = |text: &str| LayerGlob(text.to_owned());
        for (text, pattern) in [
            ("class:0..9", UnitPattern::Channels { layers: glob("class"), first: 0, last: 9 }),
            ("class:7..7", UnitPattern::Channels { layers: glob("class"), first: 7, last: 7 }),
            ("_blocks.*:0..3", UnitPattern::Channels { layers: glob("_blocks.*"), first: 0, last: 3 }),
            ("_blocks.10:*", UnitPattern::AllChannels(glob("_blocks.10"))),
            ("class:*", UnitPattern::AllChannels(glob("class"))),
            ("_blocks.*:37", UnitPattern::InLayers { layers: glob("_blocks.*"), part: "37".into() }),
            ("_blocks.?:37@7,7", UnitPattern::InLayers { layers: glob("_blocks.?"), part: "37@7,7".into() }),
            ("layer:_blocks.*", UnitPattern::WholeLayers(glob("_blocks.*"))),
            ("strongest(_blocks.10, 20)", UnitPattern::Strongest { layers: glob("_blocks.10"), count: 20 }),
        ] {
            assert_eq!(parse(text).unwrap(), pattern, "{text}");
        }
        for unit in [
            "banana",
            "class:banana",
            "bow tie",
            "954",
            "_blocks.10:37",
            "_blocks.10:37@7,7",
            "layer:_blocks.8",
            "0.5*violin",
            "banana + 0.5*_blocks.10:37",
            "quadratic(_blocks.10:37)",
            "-banana",
            "direction(_blocks.10, random:7)",
            "-2*class:3",
        ] {
            assert_eq!(parse(unit).unwrap(), UnitPattern::Unit(unit.into()));
        }
    }

    #[test]
    fn files_of_directions_are_relative_to_the_experiment_file() {
        assert_eq!(
            parse("banana - 2*direction(_blocks.10,v.npy) + cosine(a, /w.npy)").unwrap(),
            UnitPattern::Unit("banana - 2*direction(_blocks.10, in/v.npy) + cosine(a, /w.npy)".into())
        );
    }

    #[test]
    fn files_may_be_called_as_they_like_and_networks_lie_beside_the_experiment_file() {
        for (text, becomes) in [
            ("like(a, my photo, 2.jpg)", "like(a, in/my photo, 2.jpg)"),
            ("like(a, b (1).jpg) + style(c, d.png)", "like(a, in/b (1).jpg) + style(c, in/d.png)"),
            ("component(bow tie, 0, ties)", "component(bow tie, 0, in/ties)"),
            ("banana - 0.5*banana @ ./mine.yaml + wig @ other", "banana - 0.5*banana @ in/./mine.yaml + wig @ other"),
        ] {
            assert_eq!(parse(text).unwrap(), UnitPattern::Unit(becomes.into()));
        }
        let pair = |a: &str, b: &str| UnitPattern::Pair([a.to_owned(), b.to_owned()]);
        assert_eq!(parse("pair(banana)").unwrap(), pair("banana", "-banana"));
        let (row, other) = ("direction(a, in/../x.npy:0)", "-direction(a, in/../x.npy:0)");
        assert_eq!(parse("pair(direction(a, ../x.npy:0))").unwrap(), pair(row, other));
        for text in ["pair()", "pair(class:0..3)", "pair(_blocks.2:*)", "pair(strongest(a, 3))"] {
            assert!(parse(text).unwrap_err().contains("is not pair(UNIT) of one unit"), "{text}");
        }
    }

    #[test]
    fn a_star_stays_within_a_part_of_a_layers_name() {
        for (glob, fits, does_not) in [
            ("_blocks.*", vec!["_blocks.0", "_blocks.15", "_blocks."], vec!["_blocks.0._bn0", "_blocks", "x_blocks.0"]),
            ("_blocks.**", vec!["_blocks.0", "_blocks.0._bn0"], vec!["_blocks", "_stem"]),
            ("_blocks.?", vec!["_blocks.0"], vec!["_blocks.10", "_blocks.."]),
            ("*.conv*", vec!["a.conv", "a.conv1"], vec!["a.b.conv", "a.con"]),
            ("Mixed_5b", vec!["Mixed_5b"], vec!["Mixed_5c"]),
        ] {
            let glob = LayerGlob(glob.to_owned());
            fits.iter().for_each(|name| assert!(glob.matches(name), "{glob:?} {name}"));
            does_not.iter().for_each(|name| assert!(!glob.matches(name), "{glob:?} {name}"));
        }
        assert!(LayerGlob("*a".repeat(200)).matches(&"a".repeat(400)), "and takes no time for ever");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, complaint) in [
            ("class:0..99999999999", "goes beyond 999999"),
            ("class:0..99999999999999999999999999", "goes beyond 999999"),
            ("class:9..0", "ends before it"),
            ("class:5..", "is not a range such as class:0..9"),
            ("class:a..b", "is not a range"),
            ("strongest(_blocks.10)", "is not strongest(LAYER, N)"),
            ("strongest(_blocks.10, 0)", "is not strongest(LAYER, N)"),
            ("strongest(_blocks.10, x)", "is not strongest(LAYER, N)"),
            ("stongest(_blocks.10, 5)", "did you mean 'strongest'?"),
            ("strongest(_blocks.10", "a unit that holds a comma is quoted"),
            (" ", "a unit is wanted"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }
}
