//! Whether a file's tensors are those that a network takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tch::{Device, Kind, TchError, Tensor};

use super::error::{Fault, Misfit, Misshapen, WeightError};
use super::file::WeightFile;
use super::naming;

/// A file's tensors by name, to be taken by a network's layers; says at the end what is missing, unexpected or of
/// another shape.
///
/// Layers take what they need without looking at each result; [`Weights::finish`] then reports everything at once.
pub struct Weights {
    path: Option<PathBuf>,
    tensors: BTreeMap<String, Tensor>,
    naming: Option<Naming>,
    /// What all names of the file begin with that wrappers of networks put there.
    prefix: String,
    /// How many tensors were found behind that prefix alone.
    prefixed: usize,
    misfit: Misfit,
}

/// What a file calls the tensor that a network calls by another name.
type Naming = Box<dyn Fn(&str) -> String>;

impl Weights {
    /// Reads the tensors of a file, or those under the first of these keys that the file has (see [`WeightFile::open_at`]).
    ///
    /// What wrappers of networks put before all names (`module.`, `_orig_mod.`, `model.`, …) is taken off where the network has no
    /// tensor of the whole name; see [`Weights::finish`].
    ///
    /// # Errors
    /// If the file cannot be read, is no file of weights, or has none of the keys.
    pub fn load(path: &Path, keys: &[String]) -> Result<Weights, WeightError> {
        let open = |key: Option<&str>| WeightFile::open_at(path, key)?.read_all();
        let mut tensors = open(keys.first().map(String::as_str));
        for key in keys.iter().skip(1) {
            if !matches!(&tensors, Err(WeightError { fault: Fault::Absent(_), .. })) {
                break;
            }
            tensors = open(Some(key));
        }
        let tensors = tensors?;
        let prefix = naming::common_prefix(tensors.keys().map(String::as_str));
        Ok(Weights { path: Some(path.to_path_buf()), prefix, ..Weights::from_tensors(tensors) })
    }

    /// With names of the file replaced by others: the first pattern that fits a name counts, and a `*` stands for anything.
    pub fn renamed(mut self, patterns: &[(String, String)]) -> Weights {
        if !patterns.is_empty() {
            let tensors = std::mem::take(&mut self.tensors);
            self.tensors =
                tensors.into_iter().map(|(name, tensor)| (naming::rename(&name, patterns), tensor)).collect();
            self.prefix = naming::common_prefix(self.tensors.keys().map(String::as_str));
        }
        self
    }

    /// Tensors that are in memory already. Where a name comes twice, the last tensor counts.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Weights {
        let tensors = tensors.into_iter().collect();
        Weights { path: None, tensors, naming: None, prefix: String::new(), prefixed: 0, misfit: Misfit::default() }
    }

    /// From here on the file has names of its own: `naming` gives the one for the network's name of a tensor. Errors tell
    /// the file's names.
    pub fn named(self, naming: impl Fn(&str) -> String + 'static) -> Weights {
        Weights { naming: Some(Box::new(naming)), ..self }
    }

    /// For files in which some layers X, or all, are the second part of a sequence: a tensor `X.part` is then `X.1.part` of
    /// the file.
    pub fn unwrapped(self) -> Weights {
        let wrapped = |name: &String| name.rsplit_once('.')?.0.strip_suffix(".1").map(str::to_owned);
        let layers: BTreeSet<String> = self.tensors.keys().filter_map(wrapped).collect();
        self.named(move |name| match name.rsplit_once('.') {
            Some((layer, part)) if layers.contains(layer) => format!("{layer}.1.{part}"),
            _ => name.to_owned(),
        })
    }

    /// The numbers of every tensor of two dimensions or more (kernels, matrices) in another order, which `order` gives for
    /// their count: a network that has learned nothing, with weights of the same distribution (Adebayo et al. 2018,
    /// "Sanity checks for saliency maps"). Tensors are met in the order of their names.
    pub fn permuted(mut self, order: &mut dyn FnMut(usize) -> Vec<i64>) -> Weights {
        for tensor in self.tensors.values_mut().filter(|tensor| tensor.dim() >= 2) {
            let order = Tensor::from_slice(&order(tensor.numel()));
            *tensor = tch::no_grad(|| tensor.reshape([-1]).index_select(0, &order).reshape(tensor.size()));
        }
        self
    }

    fn name_in_file(&self, name: &str) -> String {
        self.naming.as_ref().map_or_else(|| name.to_owned(), |naming| naming(name))
    }

    /// Whether the file has a tensor of this name of its own.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name) || self.tensors.contains_key(&format!("{}{name}", self.prefix))
    }

    /// The name under which the file has a tensor.
    fn place(&self, name: &str) -> Option<String> {
        let prefixed = format!("{}{name}", self.prefix);
        [name, &prefixed].into_iter().find(|name| self.tensors.contains_key(*name)).map(str::to_owned)
    }

    /// Takes a tensor, as a contiguous copy in 32-bit floats on the CPU, whatever numbers the file has. Each can be taken
    /// once. Where it is missing or of another shape, that is noted for [`Weights::finish`], and zeros of `shape` come
    /// instead.
    pub fn take(&mut self, name: &str, shape: &[i64]) -> Tensor {
        self.take_optional(name, shape).unwrap_or_else(|| {
            self.misfit.missing.push((self.name_in_file(name), shape.to_vec()));
            zeros(shape)
        })
    }

    /// As [`Weights::take`], but a tensor that is missing is no fault.
    pub fn take_optional(&mut self, name: &str, shape: &[i64]) -> Option<Tensor> {
        let wanted = self.name_in_file(name);
        let name = self.place(&wanted)?;
        self.prefixed += usize::from(name != wanted);
        let tensor = self.tensors.remove(&name)?;
        let found = tensor.size();
        if found != shape {
            self.misfit.misshapen.push(Misshapen { name, found, wanted: shape.to_vec() });
            return Some(zeros(shape));
        }
        Some(float_copy(&tensor).unwrap_or_else(|error| {
            self.misfit.unconvertible.push((name, Fault::from(error).to_string()));
            zeros(shape)
        }))
    }

    /// Gives the file's tensor `name`, if it has the shape `from`, the shape `to` of as many elements: another way of
    /// storing the same layer.
    pub fn reshape(&mut self, name: &str, from: &[i64], to: &[i64]) {
        let place = self.place(name).unwrap_or_default();
        if let Some(tensor) = self.tensors.get_mut(&place).filter(|tensor| tensor.size() == from) {
            *tensor = tch::no_grad(|| tensor.reshape(to));
        }
    }

    /// Removes the tensors that the network does not need, such as counters of training steps and auxiliary heads.
    pub fn skip(&mut self, predicate: impl Fn(&str) -> bool) {
        let prefix = &self.prefix;
        self.tensors
            .retain(|name, _| !predicate(name) && !predicate(name.strip_prefix(prefix.as_str()).unwrap_or(name)));
    }

    /// The shape of a tensor that has not been taken yet.
    pub fn shape_of(&self, name: &str) -> Option<Vec<i64>> {
        self.tensors.get(&self.place(&self.name_in_file(name))?).map(Tensor::size)
    }

    /// What a user should know of how the file was read, in sentences.
    ///
    /// # Errors
    /// One that lists everything that did not fit, tensors that nobody took included.
    pub fn finish(self) -> Result<Vec<String>, WeightError> {
        let mut misfit = self.misfit;
        let tensors = self.tensors.into_iter().filter(|(name, _)| !naming::is_counter(name));
        misfit.unexpected = tensors.map(|(name, tensor)| (name, tensor.size())).collect();
        misfit.hint = naming::hint(&misfit.missing, &misfit.unexpected);
        let note = || format!("all names of the file begin with '{}', which was taken off", self.prefix);
        if misfit.is_empty() {
            Ok((self.prefixed > 0).then(note).into_iter().collect())
        } else {
            Err(WeightError { path: self.path, fault: Fault::Misfit(Box::new(misfit)) })
        }
    }
}

fn zeros(shape: &[i64]) -> Tensor {
    Tensor::zeros(shape, (Kind::Float, Device::Cpu))
}

/// A copy even where the tensor is a contiguous one of floats already: it may share its storage with another.
fn float_copy(tensor: &Tensor) -> Result<Tensor, TchError> {
    tch::no_grad(|| {
        let mut copy = Tensor::f_empty(tensor.size(), (Kind::Float, Device::Cpu))?;
        copy.f_copy_(tensor)?;
        Ok(copy)
    })
}
