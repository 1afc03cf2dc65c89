//! Limits of a code, each dimension's own (Nguyen et al. 2016: the mean and three standard deviations of CaffeNet's fc6 over its
//! training pictures, and never below 0).

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Context, Result, bail};
use generators::{Generator, Prior};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::prior::{constant, on_device, statistics};
use crate::picture::read_npy;

/// How a method asks for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limits {
    /// The same for all dimensions.
    Range(Range),
    /// So many standard deviations around the mean of each dimension of the generator's own codes, as 4096 draws
    /// from its prior have them; what is behind a ReLU stays at 0 or above.
    Deviations(f64),
    /// Numbers of a file.
    File(LimitsFile),
}

/// A lower and an upper limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The lower one.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

/// A file of limits that was read: text (numbers with white space between them) or `.npy`. `d` numbers are upper limits, with 0
/// or minus the same below them: 0 where codes are behind a ReLU. Twice as many are lower limits and upper ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct LimitsFile {
    path: PathBuf,
    sha256: String,
    numbers: Vec<f32>,
}

/// How YAML spells a file: by its path, or by its path and the sha256 that it must have.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "limits are the path of a file, or { path, sha256 }")]
enum Written {
    Path(PathBuf),
    Checked(Checked),
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Checked {
    path: PathBuf,
    sha256: String,
}

impl TryFrom<Written> for LimitsFile {
    type Error = String;

    fn try_from(written: Written) -> Result<LimitsFile, String> {
        let (path, expected) = match written {
            Written::Path(path) => (path, None),
            Written::Checked(Checked { path, sha256 }) => (path, Some(sha256)),
        };
        let file = LimitsFile::read(&path).map_err(|error| format!("{error}"))?;
        match expected.filter(|expected| *expected != file.sha256) {
            Some(expected) => Err(format!("{}: its sha256 is {}, not {expected}", path.display(), file.sha256)),
            None => Ok(file),
        }
    }
}

impl From<LimitsFile> for Written {
    fn from(file: LimitsFile) -> Written {
        Written::Checked(Checked { path: file.path, sha256: file.sha256 })
    }
}

/// A file of limits that is larger is refused: no code has that many dimensions.
const MOST_BYTES: u64 = 64 << 20;

impl LimitsFile {
    /// Reads one.
    ///
    /// # Errors
    /// If it cannot be read, or holds something else than finite numbers.
    pub fn read(path: &Path) -> Result<LimitsFile> {
        let named = || path.display().to_string();
        if std::fs::metadata(path).with_context(named)?.len() > MOST_BYTES {
            bail!("{}: more than 64 MiB, which are no limits of a code", path.display());
        }
        let bytes = std::fs::read(path).with_context(named)?;
        let numbers: Vec<f32> = match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => Vec::try_from(read_npy(path)?.to_kind(Kind::Float).flatten(0, -1))?,
            _ => {
                let text = std::str::from_utf8(&bytes).with_context(named)?;
                let number = |word: &str| word.parse().with_context(|| format!("{}: '{word}'", path.display()));
                text.split_whitespace().map(number).collect::<Result<_>>()?
            }
        };
        if numbers.is_empty() || numbers.iter().any(|number| !number.is_finite()) {
            bail!("{}: limits are finite numbers", path.display());
        }
        let sha256 = zoo::hash::sha256(&bytes);
        Ok(LimitsFile { path: path.to_owned(), sha256, numbers })
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Limits::Range(Range { low, high }) => write!(f, "{low} to {high}"),
            Limits::Deviations(deviations) => write!(f, "{deviations} standard deviations of each dimension"),
            Limits::File(file) => write!(f, "the limits of {}", file.path.display()),
        }
    }
}

impl Limits {
    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// Says which.
    pub fn check(&self) -> Result<()> {
        match self {
            Limits::Range(Range { low, high }) if !(low < high && (high - low).is_finite()) => {
                bail!("range: low {low} is not below high {high}")
            }
            Limits::Deviations(deviations) if !(*deviations > 0. && deviations.is_finite()) => {
                bail!("deviations: more than 0")
            }
            _ => Ok(()),
        }
    }

    /// Refuses limits of another number of dimensions than a generator's codes have, and those between which nothing lies.
    ///
    /// # Errors
    /// Says how many there are, or which it is.
    pub fn fit(&self, generator: &Generator) -> Result<()> {
        let (Limits::File(file), dimensions) = (self, generator.code.numbers() as usize) else { return Ok(()) };
        if file.numbers.len() != dimensions && file.numbers.len() != 2 * dimensions {
            let (path, count) = (file.path.display(), file.numbers.len());
            bail!("{path}: holds {count} limits, and codes of {} have {dimensions} dimensions", generator.name);
        }
        let empty = |at: &usize| match file.numbers.get(dimensions + at) {
            Some(high) => file.numbers[*at] > *high,
            None => file.numbers[*at] < 0.,
        };
        if let Some(at) = (0..dimensions).find(empty) {
            let path = file.path.display();
            bail!(
                "{path}: nothing lies within the limits of dimension {at}; where each has two, all lower ones come first"
            );
        }
        Ok(())
    }

    /// The limits of a generator's codes, which they [fit](Limits::fit).
    pub(super) fn of(&self, generator: &Generator) -> LimitTensors {
        let shape: Vec<i64> = std::iter::once(1).chain(generator.code.shape.iter().copied()).collect();
        let rectified = generator.code.prior == Prior::Rectified;
        match self {
            Limits::Range(Range { low, high }) => {
                LimitTensors { low: constant(generator, *low), high: constant(generator, *high) }
            }
            Limits::Deviations(deviations) => LimitTensors::around(generator, statistics(generator), *deviations),
            Limits::File(file) => {
                let dimensions = generator.code.numbers() as usize;
                let (low, high) = match file.numbers.len() == dimensions {
                    true if rectified => (vec![0.; dimensions], file.numbers.clone()),
                    true => (file.numbers.iter().map(|number| -number).collect(), file.numbers.clone()),
                    false => (file.numbers[..dimensions].to_vec(), file.numbers[dimensions..].to_vec()),
                };
                LimitTensors { low: on_device(generator, low, &shape), high: on_device(generator, high, &shape) }
            }
        }
    }
}

/// Limits of a generator's codes: `[1]` or `[1,…]`.
#[derive(Debug)]
pub(super) struct LimitTensors {
    low: Tensor,
    high: Tensor,
}

impl LimitTensors {
    /// So many deviations on both sides of a mean; what is behind a ReLU stays at 0 or above.
    pub(super) fn around(generator: &Generator, (mean, deviation): (Tensor, Tensor), deviations: f64) -> LimitTensors {
        let low = match &generator.code.prior {
            Prior::Rectified => constant(generator, 0.),
            _ => &mean - &deviation * deviations,
        };
        LimitTensors { low, high: mean + deviation * deviations }
    }

    /// Sets what leaves them to the nearer one, in place.
    pub(super) fn apply(&self, codes: &Tensor) {
        let _ = codes.shallow_clone().clamp_tensor_(Some(&self.low), Some(&self.high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_limits_is_read_and_known_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fc6.txt");
        std::fs::write(&path, "12 11.5\n13\n").unwrap();
        let yaml = format!("file: {}", path.display());
        let limits: Limits = zoo::yaml::parse_with_variants("m.yaml", &yaml).unwrap();
        let Limits::File(file) = &limits else { panic!("{limits:?}") };
        assert_eq!(file.numbers, [12., 11.5, 13.]);
        // Written with its sha256, which another content does not have.
        let mut text = Vec::new();
        let mut yaml = serde_yaml::Serializer::new(&mut text);
        serde_yaml::with::singleton_map_recursive::serialize(&limits, &mut yaml).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(zoo::yaml::parse_with_variants::<Limits>("m.yaml", &text).unwrap(), limits);
        std::fs::write(&path, "12 11.5 14").unwrap();
        let error = zoo::yaml::parse_with_variants::<Limits>("m.yaml", &text).unwrap_err().to_string();
        assert!(error.contains("its sha256 is"), "{error}");
        for (content, complaint) in [("12 x", "'x'"), ("", "finite numbers"), ("1 inf", "finite numbers")] {
            std::fs::write(&path, content).unwrap();
            let error = format!("{:#}", LimitsFile::read(&path).unwrap_err());
            assert!(error.contains(complaint), "{error}");
        }
    }
}
