//! The tensors of a pickled dictionary, and of those nested in it, by dotted name.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::contents::{Layout, TensorEntry, under_key};
use super::error::{Fault, shown};
use super::pickle::{Id, Pickled, TensorReference};

/// How deep dictionaries may be nested.
const DEEPEST: usize = 64;

/// The tensors under `key`, or all of them if there are any in the outermost dictionary.
pub(super) fn entries(pickled: &mut Pickled, key: Option<&str>) -> Result<Vec<TensorEntry>, Fault> {
    let root = pickled.root();
    if let Some(function) = pickled.uncalled(root) {
        return Err(Fault::Refused(shown(function)));
    }
    let Some(items) = pickled.dict(root) else {
        let hint = if pickled.tensor(root).is_some() { "" } else { "; save the module's state_dict() instead" };
        return Err(Fault::Absent(format!("holds {}, not a dictionary of tensors{hint}", pickled.describe(root))));
    };
    if key.is_none() && !items.iter().any(|&(_, value)| pickled.tensor(value).is_some()) {
        return Err(absent(pickled, key));
    }
    let mut entries = Vec::new();
    let mut walk = Walk::from(root);
    while let Some(tensor) = walk.next(pickled)? {
        let Some(name) = under_key(&walk.path, key) else { continue };
        let (shape, stride) = (pickled.shape(&tensor), pickled.stride(&tensor));
        pickled.charge((2 * size_of::<TensorEntry>() + name.len() + 16 * shape.len()) as u64)?;
        let layout = Layout { storage: tensor.storage as usize, offset: tensor.offset, stride };
        entries.push(TensorEntry { name: name.to_string(), shape, kind: tensor.kind, layout });
    }
    if entries.is_empty() { Err(absent(pickled, key)) } else { Ok(entries) }
}

/// Says where there are tensors instead.
fn absent(pickled: &mut Pickled, key: Option<&str>) -> Fault {
    const NAMED: usize = 10;
    let mut counts = BTreeMap::new();
    let mut walk = Walk::from(pickled.root());
    loop {
        match walk.next(pickled) {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(fault) => return fault,
        }
        let parent = walk.parent();
        match counts.get_mut(parent) {
            Some(count) => *count += 1,
            None => {
                if let Err(fault) = pickled.charge((parent.len() + 2 * size_of::<(String, usize)>()) as u64) {
                    return fault;
                }
                counts.insert(parent.to_string(), 1);
            }
        }
    }
    let place = match key {
        Some(key) => format!("under '{}'", shown(key)),
        None => "in its outermost dictionary".into(),
    };
    if counts.is_empty() {
        let mut items = pickled.dict(pickled.root()).unwrap_or_default().iter();
        if let Some(function) = items.find_map(|&(_, value)| pickled.uncalled(value)) {
            return Fault::Refused(shown(function));
        }
        let objects = pickled.dict(pickled.root()).unwrap_or_default().iter();
        let described = objects.filter_map(|&(name, value)| {
            let description = pickled.describe(value);
            let name = pickled.text(name)?;
            description.starts_with("an object").then(|| format!("; '{}' is {description}", shown(name)))
        });
        let hint: String = described.take(3).collect();
        return Fault::Absent(format!("holds no tensors{hint}"));
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let mut message = format!("holds no tensors {place}; ");
    message += if key.is_none() { "choose one of its keys: " } else { "it holds some under the keys " };
    for (place, (key, count)) in counts.iter().take(NAMED).enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = match key.as_str() {
            "" => write!(message, "{comma}none ({count} tensors)"),
            key => write!(message, "{comma}'{}' ({count} tensors)", shown(key)),
        };
    }
    if counts.len() > NAMED {
        let _ = write!(message, " and {} more", counts.len() - NAMED);
    }
    Fault::Absent(message)
}

/// A walk through nested dictionaries, in the order of the file.
struct Walk {
    /// The dictionaries from the outermost to the present one.
    open: Vec<Open>,
    /// The dotted name of the value that was reached last.
    path: String,
}

struct Open {
    dict: Id,
    /// Its next item.
    next: usize,
    /// The length of its own path with the dot.
    prefix: usize,
}

impl Walk {
    fn from(dict: Id) -> Walk {
        Walk { open: vec![Open { dict, next: 0, prefix: 0 }], path: String::new() }
    }

    /// The path of the dictionary that holds the last tensor.
    fn parent(&self) -> &str {
        let prefix = self.open.last().map_or(0, |dict| dict.prefix);
        self.path[..prefix].strip_suffix('.').unwrap_or_default()
    }

    /// The next tensor; its name is in `path`. Other values are passed over.
    fn next(&mut self, pickled: &mut Pickled) -> Result<Option<TensorReference>, Fault> {
        /// The work of looking at an item, in bytes of the budget: a dictionary may be an item many times.
        const LOOK: u64 = 16;
        while let Some(open) = self.open.last_mut() {
            let item = pickled.dict(open.dict).and_then(|items| items.get(open.next));
            let Some(&(key, value)) = item else {
                self.open.pop();
                continue;
            };
            open.next += 1;
            self.path.truncate(open.prefix);
            match (pickled.text(key), pickled.int(key)) {
                (Some(key), _) => self.path.push_str(key),
                (None, Some(key)) => self.path.push_str(&key.to_string()),
                (None, None) => continue,
            }
            pickled.charge(LOOK + (self.path.len() - open.prefix) as u64)?;
            if let Some(tensor) = pickled.tensor(value) {
                return Ok(Some(tensor));
            }
            if pickled.dict(value).is_some() {
                if self.open.len() == DEEPEST {
                    return Err(Fault::unsupported(format!("nests dictionaries more than {DEEPEST} deep")));
                }
                self.path.push('.');
                self.open.push(Open { dict: value, next: 0, prefix: self.path.len() });
            }
        }
        Ok(None)
    }
}
