//! Seeds: how many, or which.

use std::ops::RangeInclusive;

use super::field::Field;
use super::node::Value;
use super::place::FileError;

/// Seeds of one experiment.
const MOST_SEEDS: u64 = 1_000_000;

/// The seeds of a point, as ranges: in the order in which they are written, none of them twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(Vec<RangeInclusive<u64>>);

impl From<RangeInclusive<u64>> for Seeds {
    /// One range; the first seed is not larger than the last.
    fn from(range: RangeInclusive<u64>) -> Seeds {
        Seeds(vec![range])
    }
}

impl Seeds {
    /// The ranges, none of them empty.
    pub fn ranges(&self) -> &[RangeInclusive<u64>] {
        &self.0
    }

    /// How many there are: at least 1.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|range| range.end() - range.start() + 1).sum()
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().cloned().flatten()
    }

    /// The first one, which is what an experiment has that does not say.
    pub(super) fn one() -> Seeds {
        Seeds(vec![0..=0])
    }

    pub(super) fn read(field: &Field) -> Result<Seeds, FileError> {
        if let Value::Int(_) = field.node.value {
            return Ok(Seeds(vec![0..=field.whole(1, MOST_SEEDS)? - 1]));
        }
        let items = field.items();
        if items.is_empty() {
            return Err(field.wrong("at least one seed is wanted"));
        }
        let mut sorted: Vec<(RangeInclusive<u64>, usize)> = vec![];
        let mut count = 0u64;
        for (index, item) in items.iter().enumerate() {
            let range = range(item)?;
            count = count.saturating_add((range.end() - range.start()).saturating_add(1));
            if count > MOST_SEEDS {
                return Err(item.wrong(format!("these are more than {MOST_SEEDS} seeds")));
            }
            sorted.push((range, index));
        }
        let ranges = sorted.iter().map(|(range, _)| range.clone()).collect();
        sorted.sort_by_key(|(range, _)| *range.start());
        for pair in sorted.windows(2) {
            if pair[0].0.end() >= pair[1].0.start() {
                let later = &items[pair[0].1.max(pair[1].1)];
                return Err(later.wrong(format!("seed {} is there twice", pair[1].0.start())));
            }
        }
        Ok(Seeds(ranges))
    }
}

fn range(item: &Field) -> Result<RangeInclusive<u64>, FileError> {
    let text = match &item.node.value {
        Value::Int(number) => {
            let seed = u64::try_from(*number)
                .map_err(|_| item.wrong(format!("{number} is not a seed (0 to {})", u64::MAX)))?;
            return Ok(seed..=seed);
        }
        Value::Text(text) => text,
        _ => return Err(item.not("a seed, or a range of them such as '10..19',")),
    };
    let ends =
        text.split_once("..").and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    match ends {
        Some((first, last)) if first <= last => Ok(first..=last),
        Some((first, last)) => Err(item.wrong(format!("'{text}' begins at {first} and ends before it, at {last}"))),
        None => Err(item.wrong(format!("'{text}' is neither a seed nor a range of them such as '10..19'"))),
    }
}
