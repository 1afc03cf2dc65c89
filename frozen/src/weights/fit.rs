//! Whether a file's tensors are those that a network takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tch::{Device, Kind, TchError, Tensor};

use super::error::{Fault, Misfit, Misshapen, WeightError};
use super::file::WeightFile;

/// A file's tensors by name, to be taken by a network's layers; says at the end what is missing, unexpected or of
/// another shape.
///
/// Layers take what they need without looking at each result; [`Weights::finish`] then reports everything at once.
pub struct Weights {
    path: Option<PathBuf>,
    tensors: BTreeMap<String, Tensor>,
    naming: Option<Naming>,
    misfit: Misfit,
}

/// What a file calls the tensor that a network calls by another name.
type Naming = Box<dyn Fn(&str) -> String>;

impl Weights {
    /// Reads the tensors of a file, or those under a key of it (see [`WeightFile::open_at`]).
    pub fn load(path: &Path, key: Option<&str>) -> Result<Weights, WeightError> {
        let tensors = WeightFile::open_at(path, key)?.read_all()?;
        Ok(Weights { path: Some(path.to_path_buf()), tensors, naming: None, misfit: Misfit::default() })
    }

    /// Tensors that are in memory already. Where a name comes twice, the last tensor counts.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Weights {
        Weights { path: None, tensors: tensors.into_iter().collect(), naming: None, misfit: Misfit::default() }
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
        self.tensors.contains_key(name)
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
        let name = self.name_in_file(name);
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
        if let Some(tensor) = self.tensors.get_mut(name).filter(|tensor| tensor.size() == from) {
            *tensor = tch::no_grad(|| tensor.reshape(to));
        }
    }

    /// Removes the tensors that the network does not need, such as counters of training steps and auxiliary heads.
    pub fn skip(&mut self, predicate: impl Fn(&str) -> bool) {
        self.tensors.retain(|name, _| !predicate(name));
    }

    /// The shape of a tensor that has not been taken yet.
    pub fn shape_of(&self, name: &str) -> Option<Vec<i64>> {
        self.tensors.get(&self.name_in_file(name)).map(Tensor::size)
    }

    /// An error that lists everything that did not fit, tensors that nobody took included.
    pub fn finish(self) -> Result<(), WeightError> {
        let mut misfit = self.misfit;
        misfit.unexpected = self.tensors.into_iter().map(|(name, tensor)| (name, tensor.size())).collect();
        if misfit.is_empty() { Ok(()) } else { Err(WeightError { path: self.path, fault: Fault::Misfit(misfit) }) }
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
