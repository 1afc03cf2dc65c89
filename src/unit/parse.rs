//! Reads a unit as it is written (`banana + 0.5*violin`), with what a classifier has: classes, layers, channels.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use classifiers::{Classifier, LOGITS};
use frozen::network::Point;
use tch::{Kind, Tensor};

use super::component;
use super::shapes::LayerShapes;
use super::sum::Unit;
use super::target::{self, Likeness, Target, plain};
use super::term::{Direction, Elsewhere, Part, Place, Reading, Term, readable, sha256_of};
use crate::error::{Context, Result, bail, request};
use crate::picture::read_npy;
use crate::random::{Purpose, Seed, normal, stream};

/// The folder of directions in a folder of records: `STEM#HASH.npy`, f32 `[C]`.
pub(super) const KEPT: &str = "directions";

/// Words in front of something and, behind its last comma, a file.
pub const WITH_FILES: [&str; 8] =
    ["direction", "cosine", "inversion", "like", "caricature", "guide", "style", "component"];

/// What asks for another reading of a class or a place.
const READINGS: [&str; 4] = ["activation", "quadratic", "probability", "log_probability"];

/// Where a word of a unit was found, for errors.
struct Reader<'a> {
    text: &'a str,
    among: &'a Among<'a>,
    /// The classifier of the present term.
    classifier: &'a Classifier,
    shapes: &'a LayerShapes,
}

/// Loads another classifier by name.
pub type Others<'a> = dyn Fn(&str) -> Result<(Arc<Classifier>, Arc<LayerShapes>)> + 'a;

/// What a unit is read among.
pub struct Among<'a> {
    /// The classifier whose units are visualised.
    pub classifier: &'a Classifier,
    /// The shapes of its taps.
    pub shapes: &'a LayerShapes,
    /// Folders of records, which keep what units were given as files.
    pub kept: &'a [PathBuf],
    /// Where other classifiers come from; nowhere where units of one alone are wanted.
    pub others: Option<&'a Others<'a>>,
}

impl Unit {
    /// The unit that `text` names in this classifier. `shapes` are those of its taps.
    ///
    /// # Errors
    /// An unknown class or layer (with the nearest name), an index out of range, or a file that holds no such vector.
    pub fn parse(text: &str, classifier: &Classifier, shapes: &LayerShapes) -> Result<Unit> {
        Unit::parse_kept(text, classifier, shapes, &[])
    }

    /// The same of a name that a record has: a direction or photograph in it, `STEM#HASH`, is a file that one of these folders of records has
    /// kept.
    ///
    /// # Errors
    /// As [`Unit::parse`].
    pub fn parse_kept(text: &str, classifier: &Classifier, shapes: &LayerShapes, kept: &[PathBuf]) -> Result<Unit> {
        Unit::parse_among(text, &Among { classifier, shapes, kept, others: None })
    }

    /// The same of a unit over several classifiers, too: `banana - banana @ OTHER`.
    ///
    /// # Errors
    /// As [`Unit::parse`]; another classifier that cannot be had, a unit no part of which is this one's.
    pub fn parse_among(text: &str, among: &Among) -> Result<Unit> {
        let reader = Reader { text, among, classifier: among.classifier, shapes: among.shapes };
        let terms: Vec<Term> =
            summands(text).into_iter().map(|(weight, word)| reader.term(weight, word)).collect::<Result<_>>()?;
        if terms.iter().all(|term| term.elsewhere.is_some()) {
            return Err(reader.wrong(format!("no part of it is {}'s", among.classifier.name)));
        }
        Ok(Unit::of(terms))
    }
}

/// What stands before and behind the last ` @ ` outside of parentheses: a term, and the classifier that it is read in.
fn elsewhere(word: &str) -> Option<(&str, &str)> {
    let (term, name) = word.rsplit_once(" @ ")?;
    let balanced = term.matches('(').count() == term.matches(')').count();
    balanced.then(|| (term.trim(), name.trim()))
}

/// The summands of a unit with their weights: split at ` + ` and ` - ` outside of parentheses.
fn summands(text: &str) -> Vec<(f64, &str)> {
    let bytes = text.as_bytes();
    let (mut depth, mut from, mut sign) = (0, 0, 1.);
    let mut found = vec![];
    for at in 0..bytes.len() {
        match bytes[at] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            operator @ (b'+' | b'-')
                if depth == 0 && at > 0 && bytes[at - 1] == b' ' && bytes.get(at + 1) == Some(&b' ') =>
            {
                found.push((sign, &text[from..at]));
                (from, sign) = (at + 1, if operator == b'-' { -1. } else { 1. });
            }
            _ => {}
        }
    }
    found.push((sign, &text[from..]));
    let factor = |(sign, word): (f64, &'_ str)| -> (f64, usize, usize) {
        let trimmed = word.trim();
        let start = word.len() - word.trim_start().len();
        if let Some((number, rest)) = trimmed.split_once('*')
            && let Ok(number) = number.trim().parse::<f64>()
        {
            return (sign * number, start + trimmed.len() - rest.len(), start + trimmed.len());
        }
        if let Some(rest) = trimmed.strip_prefix('-')
            && !rest.is_empty()
        {
            return (-sign, start + 1, start + trimmed.len());
        }
        (sign, start, start + trimmed.len())
    };
    found
        .into_iter()
        .map(|(sign, word)| {
            let (weight, from, to) = factor((sign, word));
            (weight, word[from..to].trim())
        })
        .collect()
}

/// Leaves what units were given as files in a folder of records, so that their records can be read where those files are not: directions as
/// `directions/STEM#HASH.npy`, photographs as `targets/STEM#HASH.png`.
///
/// # Errors
/// A file that cannot be written.
pub fn keep_files<'u>(units: impl Iterator<Item = &'u Unit>, root: &Path) -> Result<()> {
    let mut known = BTreeSet::new();
    for term in units.flat_map(|unit| &unit.terms) {
        let (folder, name) = match &term.part {
            Part::Direction(direction) if direction.name.contains('#') => (KEPT, format!("{}.npy", direction.name)),
            Part::Towards(_, target) => (target::KEPT, format!("{}.png", target.name)),
            _ => continue,
        };
        let file = root.join(folder).join(&name);
        if !known.insert(file.clone()) || file.exists() {
            continue;
        }
        let cannot = || format!("{}: cannot be written", file.display());
        std::fs::create_dir_all(root.join(folder)).with_context(cannot)?;
        let aside = root.join(folder).join(format!(".{}.{name}", std::process::id()));
        match &term.part {
            Part::Direction(direction) => {
                Tensor::from_slice(&direction.values).write_npy(&aside).with_context(cannot)?
            }
            Part::Towards(_, target) => target.square.save(&aside).with_context(cannot)?,
            _ => {}
        }
        std::fs::rename(&aside, &file).with_context(cannot)?;
    }
    Ok(())
}

/// The unit that fires least where this one fires most: each summand with the other sign.
pub fn opposite(text: &str) -> String {
    let mut written = String::new();
    for (place, (weight, word)) in summands(text).into_iter().enumerate() {
        written.push_str(match (place, weight > 0.) {
            (0, true) => "-",
            (0, false) => "",
            (_, true) => " - ",
            (_, false) => " + ",
        });
        if weight.abs() != 1. {
            written.push_str(&format!("{}*", weight.abs()));
        }
        written.push_str(word);
    }
    written
}

impl Reader<'_> {
    /// An error about the unit.
    fn wrong(&self, reason: impl std::fmt::Display) -> crate::error::Error {
        request!("unit '{}': {reason}", self.text)
    }

    fn term(&self, weight: f64, word: &str) -> Result<Term> {
        if !weight.is_finite() {
            return Err(self.wrong("a weight is a finite number"));
        }
        if let Some((word, name)) = elsewhere(word) {
            return self.term_elsewhere(weight, word, name);
        }
        let term = match word.strip_suffix(')').and_then(|word| word.split_once('(')) {
            Some((function, inside)) => self.function(function.trim(), inside)?,
            None => self.target(word)?,
        };
        let term = Term { weight, ..term };
        readable(&term).map_err(|reason| self.wrong(reason))?;
        Ok(term)
    }

    /// A term of another classifier.
    fn term_elsewhere(&self, weight: f64, word: &str, name: &str) -> Result<Term> {
        if elsewhere(word).is_some() {
            return Err(self.wrong("a term is read in one network: one ' @ ' at most"));
        }
        let own = self.among.classifier;
        if name == own.name {
            return self.term(weight, word);
        }
        let others = self.among.others.ok_or_else(|| self.wrong("a unit of one network alone is wanted here"))?;
        let (classifier, shapes) = others(name).map_err(|error| self.wrong(error))?;
        // Its own manifest may be named by another path.
        if (&classifier.weights_sha256, &classifier.definition) == (&own.weights_sha256, &own.definition) {
            return self.term(weight, word);
        }
        let reader = Reader { text: self.text, among: self.among, classifier: &classifier, shapes: &shapes };
        let term = reader.term(weight, word)?;
        Ok(Term { elsewhere: Some(Elsewhere(classifier)), ..term })
    }

    fn function(&self, function: &str, inside: &str) -> Result<Term> {
        let reading = match function {
            "quadratic" => Reading::Quadratic,
            "probability" => Reading::Probability,
            "log_probability" => Reading::LogProbability,
            "activation" => Reading::Activation,
            "component" => return self.component(inside),
            _ => return self.of_file(function, inside),
        };
        let inside = inside.trim();
        let mut functions = READINGS.into_iter().chain(WITH_FILES);
        if let Some(within) = functions.find(|name| inside.starts_with(&format!("{name}("))) {
            return Err(self.wrong(format!("{within}(...) is read as it is, and has no {function}")));
        }
        Ok(Term { reading, ..self.target(inside)? })
    }

    /// What is made of a layer and a file.
    fn of_file(&self, function: &str, inside: &str) -> Result<Term> {
        let likeness = Likeness::named(function);
        if likeness.is_none() && !["direction", "cosine"].contains(&function) {
            let known = READINGS.into_iter().chain(WITH_FILES);
            let hint = zoo::suggest::hint(function, "readings", known);
            return Err(self.wrong(format!("no reading '{function}'{hint}")));
        }
        let what = if likeness.is_some() { "PHOTO" } else { "FILE" };
        let written = || self.wrong(format!("{function} is written {function}(LAYER, {what})"));
        let (called, file) = inside.split_once(',').ok_or_else(written)?;
        let (called, file) = (called.trim().to_owned(), file.trim());
        let (layer, point) = self.layer(&called)?;
        let wrong = |error: crate::error::Error| self.wrong(format!("{error}"));
        let part = match likeness {
            Some(likeness) => {
                Part::Towards(likeness, Target::read(file, self.among.kept, self.classifier, point).map_err(wrong)?)
            }
            None => Part::Direction(direction(file, self.shapes.of(&layer)[0], self.among.kept).map_err(wrong)?),
        };
        let reading = if function == "cosine" { Reading::Cosine } else { Reading::Activation };
        Ok(Term {
            weight: 1.,
            reading,
            layer,
            called,
            point,
            part,
            class: None,
            label: None,
            independent: false,
            elsewhere: None,
        })
    }

    /// `component(CLASS, K, FOLDER)`.
    fn component(&self, inside: &str) -> Result<Term> {
        let written = || self.wrong("component is written component(CLASS, K, FOLDER)");
        let mut parts = inside.splitn(3, ',').map(str::trim);
        let (Some(class), Some(number), Some(folder)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(written());
        };
        let number: usize = number.parse().map_err(|_| written())?;
        let class = self.classifier.class(class.trim_start_matches("class:"));
        let class = class.map_err(|error| self.wrong(format!("{error} (of {})", self.classifier.name)))?;
        let found = component::direction(self.classifier, class, number, Path::new(folder));
        let (point, values) = found.map_err(|error| self.wrong(error))?;
        let layer = self.shapes.iter().find(|(_, known, _)| *known == point).map(|(name, ..)| name.to_owned());
        let layer = layer.ok_or_else(|| self.wrong("the layer before the logits has no name"))?;
        let called = self.classifier.class_name(class).map_or_else(|| class.to_string(), plain);
        let name = format!("component-{called}-{number}#{}", &sha256_of(&values)[..8]);
        Ok(Term {
            weight: 1.,
            reading: Reading::Activation,
            called: layer.clone(),
            layer,
            point,
            part: Part::Direction(Direction { name, values }),
            class: None,
            label: None,
            independent: false,
            elsewhere: None,
        })
    }

    fn layer(&self, name: &str) -> Result<(String, Point)> {
        let classifier = self.classifier;
        let tap = classifier.network.tap(name).map_err(|error| {
            self.wrong(format!("{} has {error} ({})", classifier.name, classifier.who_lists_layers()))
        })?;
        Ok((tap.name.clone(), tap.point))
    }

    fn target(&self, word: &str) -> Result<Term> {
        let (layer, rest) = word.split_once(':').unwrap_or(("class", word));
        if layer == "class" {
            let (layer, point) = self.layer(LOGITS)?;
            let class = self.classifier.class(rest);
            let index = class.map_err(|error| self.wrong(format!("{error} (of {})", self.classifier.name)))?;
            let part = Part::Channel(index as i64);
            return Ok(Term {
                weight: 1.,
                reading: Reading::Activation,
                called: layer.clone(),
                layer,
                point,
                part,
                class: Some(index),
                label: self.classifier.class_name(index).map(Arc::from),
                independent: self.classifier.independent,
                elsewhere: None,
            });
        }
        if layer == "layer" {
            let (layer, point) = self.layer(rest)?;
            return Ok(Term {
                weight: 1.,
                reading: Reading::Quadratic,
                called: rest.to_owned(),
                layer,
                point,
                part: Part::Whole,
                class: None,
                label: None,
                independent: false,
                elsewhere: None,
            });
        }
        let called = layer.to_owned();
        let (layer, point) = self.layer(layer)?;
        let (index, position) = match rest.split_once('@') {
            Some((index, position)) => (index, Some(position)),
            None => (rest, None),
        };
        let number = |word: &str, what: &str| {
            let number = word.trim().parse::<i64>();
            number.map_err(|_| self.wrong(format!("'{word}' is not {what} (a number from 0)")))
        };
        let index = number(index, "a channel")?;
        let shape = self.shapes.of(&layer);
        if !(0..shape[0]).contains(&index) {
            return Err(
                self.wrong(format!("channel {index} is out of range: {layer} has channels 0 to {}", shape[0] - 1))
            );
        }
        let class = (point == self.classifier.network.tap(LOGITS)?.point).then_some(index as usize);
        let part = match (position, shape) {
            (None, _) => Part::Channel(index),
            (Some(_), [_]) => return Err(self.wrong(format!("{layer} has no positions, so there is nothing at '@'"))),
            (Some(position), shape) => {
                let (row, column) = position
                    .split_once(',')
                    .ok_or_else(|| self.wrong("a neuron is written LAYER:CHANNEL@ROW,COLUMN"))?;
                let at = [number(row, "a row")?, number(column, "a column")?];
                for (axis, what) in ["row", "column"].iter().enumerate() {
                    if !(0..shape[axis + 1]).contains(&at[axis]) {
                        let last = shape[axis + 1] - 1;
                        let at = at[axis];
                        return Err(self.wrong(format!("{what} {at} is out of range: {layer} has {what}s 0 to {last}")));
                    }
                }
                Part::Neuron(index, Place { at, of: [shape[1], shape[2]] })
            }
        };
        let label = class.and_then(|class| self.classifier.class_name(class)).map(Arc::from);
        let independent = self.classifier.independent;
        Ok(Term {
            weight: 1.,
            reading: Reading::Activation,
            layer,
            called,
            point,
            part,
            class,
            label,
            independent,
            elsewhere: None,
        })
    }
}

/// The vector that a word names, for a layer of so many channels.
fn direction(word: &str, channels: i64, kept: &[PathBuf]) -> Result<Direction> {
    let of_record = kept.iter().map(|root| root.join(KEPT).join(format!("{word}.npy"))).find(|file| file.is_file());
    if let Some(file) = of_record.filter(|_| word.contains('#')) {
        let found = direction(&file.to_string_lossy(), channels, &[])?;
        let hash = word.rsplit('#').next().unwrap_or_default();
        if !sha256_of(&found.values).starts_with(hash) {
            bail!("{}: is not the direction that its name says", file.display());
        }
        return Ok(Direction { name: word.to_owned(), ..found });
    }
    if let Some(seed) = word.strip_prefix("random:") {
        let seed: u64 = seed.trim().parse().map_err(|_| request!("'{seed}' is not a seed (random:NUMBER)"))?;
        let drawn = normal(&mut stream(Seed(seed), Purpose::Direction, 0), channels as usize);
        let norm = drawn.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        return Ok(Direction { name: format!("random:{seed}"), values: drawn.iter().map(|x| x / norm).collect() });
    }
    // `FILE:k` is a row of a dictionary.
    let numbered = word.rsplit_once(':').and_then(|(file, number)| Some((file, number.parse::<i64>().ok()?)));
    let (word, number) = numbered.map_or((word, None), |(file, number)| (file, Some(number)));
    let path = Path::new(word);
    let cannot = || format!("{word}: cannot be read");
    let tensor = match path.extension().and_then(|extension| extension.to_str()) {
        Some("npy") => read_npy(path)?,
        Some("safetensors") => match &Tensor::read_safetensors(path).with_context(cannot)?[..] {
            [(_, tensor)] => tensor.shallow_clone(),
            several => bail!("{word}: holds {} tensors, and a direction is one", several.len()),
        },
        _ => bail!("'{word}' is neither random:SEED nor a .npy or .safetensors file"),
    };
    let tensor = match (number, &tensor.size()[..]) {
        (None, [rows, width]) if *rows > 1 && *width == channels => {
            bail!("{word}: holds {rows} directions; write which one: {word}:0 to {word}:{}", rows - 1)
        }
        (Some(number), [rows, _]) if (0..*rows).contains(&number) => tensor.get(number),
        (Some(_), [0, _]) => bail!("{word}: holds no directions"),
        (Some(number), [rows, _]) => bail!("{word}: direction {number} is out of range: it holds 0 to {}", rows - 1),
        (Some(_), shape) => bail!("{word}: has shape {shape:?}; a dictionary is [K,C]"),
        (None, _) => tensor,
    };
    let values = tensor.to_kind(Kind::Float).flatten(0, -1);
    if values.numel() as i64 != channels {
        bail!("{word}: has shape {:?}, and the layer has {channels} channels", tensor.size());
    }
    let values: Vec<f32> = Vec::try_from(&values)?;
    if values.iter().any(|value| !value.is_finite()) || values.iter().all(|value| *value == 0.) {
        bail!("{word}: a direction is finite and not zero");
    }
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let number = number.map_or_else(String::new, |number| format!(".{number}"));
    Ok(Direction { name: format!("{}{number}#{}", plain(&stem), &sha256_of(&values)[..8]), values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_split_at_signs_between_spaces_outside_of_parentheses() {
        assert_eq!(summands("bow tie"), [(1., "bow tie")]);
        assert_eq!(summands("black-and-tan coonhound"), [(1., "black-and-tan coonhound")]);
        assert_eq!(
            summands("banana + 0.5*class:violin - 2 * direction(a, b - c)"),
            [(1., "banana"), (0.5, "class:violin"), (-2., "direction(a, b - c)")]
        );
        assert_eq!(summands("-banana - -0.5*wig"), [(-1., "banana"), (0.5, "wig")]);
        for (unit, other) in
            [("banana", "-banana"), ("-a:3 + 0.5*b", "a:3 - 0.5*b"), ("2*like(a, b - c)", "-2*like(a, b - c)")]
        {
            assert_eq!((&*opposite(unit), &*opposite(other)), (other, unit));
        }
    }
}
