//! A state as bytes: everything that the next step of a batch depends on, so that work which was cut off goes on from there and comes to
//! the same bytes as work which was not.
//!
//! The bytes are a safetensors file, numbers as they are in memory. Its metadata hold the version of the format, what
//! identifies the batch, and a sha256 of all names, shapes and numbers; where any of these is not as expected the batch
//! starts anew. The same state gives the same bytes. Random numbers are functions of seed, purpose and step, so none of
//! them is kept.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::error::{Context, Result, bail, request};
use ndarray::Array2;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

/// Version of what a checkpoint holds and of how it is named. A change of either is a change of this.
const FORMAT: u32 = 1;

/// What the metadata call the header.
const HEADER: &str = "metapicture.checkpoint";

/// What tells whether a checkpoint can be used.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    batch: String,
    sha256: String,
}

/// The parts of a state by name.
#[derive(Debug, Default)]
pub struct Saved {
    tensors: BTreeMap<String, Tensor>,
}

/// The number types of a checkpoint.
const KINDS: [(Kind, Dtype); 5] = [
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Int64, Dtype::I64),
];

impl Saved {
    /// Keeps a tensor. It is read when the checkpoint is written, which must come before the next step.
    pub fn put(&mut self, name: &str, tensor: &Tensor) {
        self.tensors.insert(name.to_owned(), tensor.shallow_clone());
    }

    /// Keeps several tensors, as `name.0`, `name.1` and so on.
    pub fn put_all(&mut self, name: &str, tensors: &[Tensor]) {
        for (place, tensor) in tensors.iter().enumerate() {
            self.put(&format!("{name}.{place}"), tensor);
        }
    }

    /// Keeps 64-bit floats.
    pub fn put_numbers(&mut self, name: &str, numbers: &[f64]) {
        self.put(name, &Tensor::from_slice(numbers));
    }

    /// Keeps rows of 64-bit floats.
    pub fn put_rows(&mut self, name: &str, rows: &Array2<f64>) {
        let numbers: Vec<f64> = rows.iter().copied().collect();
        self.put(name, &Tensor::from_slice(&numbers).view([rows.nrows() as i64, rows.ncols() as i64]));
    }

    /// Keeps whole numbers.
    pub fn put_counts(&mut self, name: &str, counts: &[usize]) {
        let counts: Vec<i64> = counts.iter().map(|&count| count as i64).collect();
        self.put(name, &Tensor::from_slice(&counts));
    }

    /// Keeps a state within this one.
    pub fn put_part(&mut self, name: &str, part: Saved) {
        self.tensors.extend(part.tensors.into_iter().map(|(inner, tensor)| (format!("{name}.{inner}"), tensor)));
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// All that were kept by [`Saved::put_all`]; none if nothing was.
    pub fn all(&self, name: &str) -> Vec<Tensor> {
        (0..).map_while(|place| Some(self.tensor(&format!("{name}.{place}"))?.shallow_clone())).collect()
    }

    /// Writes what [`Saved::put_all`] kept into tensors that are there, in whose layout they stay; nothing if they are not
    /// as many, of the same shapes and kinds.
    #[must_use]
    pub fn restore_all(&self, name: &str, tensors: &[Tensor]) -> Option<()> {
        let saved = self.all(name);
        let fits = |(saved, tensor): (&Tensor, &Tensor)| saved.size() == tensor.size() && saved.kind() == tensor.kind();
        if saved.len() != tensors.len() || !saved.iter().zip(tensors).all(fits) {
            return None;
        }
        for (saved, tensor) in saved.iter().zip(tensors) {
            tensor.shallow_clone().copy_(saved);
        }
        Some(())
    }

    /// 64-bit floats.
    pub fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        let tensor = self.tensor(name).filter(|tensor| tensor.kind() == Kind::Double)?;
        let mut numbers = vec![0.; tensor.numel()];
        tensor.copy_data(&mut numbers, tensor.numel());
        Some(numbers)
    }

    /// Rows of `width` 64-bit floats.
    pub fn rows(&self, name: &str, width: usize) -> Option<Array2<f64>> {
        let [rows, columns] = self.tensor(name)?.size()[..] else { return None };
        if columns as usize != width {
            return None;
        }
        Array2::from_shape_vec((rows as usize, width), self.numbers(name)?).ok()
    }

    /// Whole numbers.
    pub fn counts(&self, name: &str) -> Option<Vec<usize>> {
        let tensor = self.tensor(name).filter(|tensor| tensor.kind() == Kind::Int64)?;
        let mut counts = vec![0i64; tensor.numel()];
        tensor.copy_data(&mut counts, tensor.numel());
        counts.into_iter().map(|count| usize::try_from(count).ok()).collect()
    }

    /// A state within this one, if there is anything of it.
    pub fn part(&self, name: &str) -> Option<Saved> {
        let of = |(full, tensor): (&String, &Tensor)| {
            Some((full.strip_prefix(name)?.strip_prefix('.')?.to_owned(), tensor.shallow_clone()))
        };
        let tensors: BTreeMap<String, Tensor> = self.tensors.iter().filter_map(of).collect();
        (!tensors.is_empty()).then_some(Saved { tensors })
    }

    /// A checkpoint of the batch that `batch` identifies.
    ///
    /// # Errors
    /// If there are numbers of a type that checkpoints do not have.
    pub fn to_bytes(&self, batch: &str) -> Result<Vec<u8>> {
        let part = |(name, tensor): (&String, &Tensor)| -> Result<(String, Section)> {
            let kind = tensor.kind();
            let known = KINDS.iter().find(|(known, _)| *known == kind);
            let (_, dtype) =
                known.ok_or_else(|| request!("a checkpoint holds no numbers of type {kind:?} ({name})"))?;
            let shape = tensor.size().into_iter().map(|size| size as usize).collect();
            Ok((name.clone(), Section { tensor: tensor.shallow_clone(), dtype: *dtype, shape }))
        };
        let parts = self.tensors.iter().map(part).collect::<Result<Vec<_>>>()?;
        let sha256 = digest(parts.iter().map(|(name, part)| (name.as_str(), part)));
        let header = Header { format: FORMAT, batch: batch.to_owned(), sha256 };
        let metadata = HashMap::from([(HEADER.to_owned(), serde_json::to_string(&header)?)]);
        Ok(safetensors::serialize(parts.iter().map(|(name, part)| (name, part)), Some(metadata))?)
    }

    /// What a checkpoint holds; nothing if it is of another batch or version, or damaged.
    pub fn from_bytes(bytes: &[u8], batch: &str) -> Option<Saved> {
        Saved::read(bytes, batch).ok()
    }

    fn read(bytes: &[u8], batch: &str) -> Result<Saved> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let header = metadata.metadata().as_ref().and_then(|metadata| metadata.get(HEADER));
        let header: Header = serde_json::from_str(header.context("no checkpoint")?)?;
        if !(header.format == FORMAT && header.batch == batch) {
            bail!("of another format or batch");
        }
        let file = SafeTensors::deserialize(bytes)?;
        let views: BTreeMap<&str, TensorView> = file.iter().collect();
        if header.sha256 != digest(views.iter().map(|(name, view)| (*name, view))) {
            bail!("damaged");
        }
        let mut tensors = BTreeMap::new();
        for (name, view) in views {
            let known = KINDS.iter().find(|(_, dtype)| *dtype == view.dtype());
            let (kind, _) = known.context("another type of numbers")?;
            let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
            tensors.insert(name.to_owned(), Tensor::f_from_data_size(view.data(), &shape, *kind)?);
        }
        Ok(Saved { tensors })
    }
}

/// A tensor as it is written, copied from the device and into its order only when it is, so that one such copy is there
/// at a time.
struct Section {
    tensor: Tensor,
    dtype: Dtype,
    shape: Vec<usize>,
}

impl View for &Section {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let on_host = self.tensor.to_device(Device::Cpu).contiguous();
        let mut bytes = vec![0; self.data_len()];
        on_host.copy_data_u8(&mut bytes, on_host.numel());
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * self.tensor.kind().elt_size_in_bytes()
    }
}

/// The sha256, in hexadecimal, of the parts of a checkpoint in the order of their names.
fn digest<'n, V: View>(parts: impl Iterator<Item = (&'n str, V)>) -> String {
    let mut sha256 = Sha256::new();
    let mut add = |bytes: &[u8]| {
        sha256.update((bytes.len() as u64).to_le_bytes());
        sha256.update(bytes);
    };
    for (name, part) in parts {
        add(name.as_bytes());
        add(format!("{:?} {:?}", part.dtype(), part.shape()).as_bytes());
        add(&part.data());
    }
    zoo::hash::hex(&sha256.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_bit_for_bit() {
        let odd = [0.1, -0., f64::NAN, f64::INFINITY, f64::MIN_POSITIVE / 2., -1e300];
        let mut saved = Saved::default();
        saved.put_numbers("numbers", &odd);
        saved.put_numbers("none", &[]);
        saved.put_counts("counts", &[0, 1 << 53 | 1, i64::MAX as usize]);
        saved.put_rows("rows", &Array2::from_shape_vec((3, 2), odd.to_vec()).unwrap());
        saved.put_rows("no_rows", &Array2::zeros((0, 4)));
        // A transposed tensor, whose numbers lie in another order than its shape tells.
        saved.put("transposed", &Tensor::from_slice(&[1f32, 2., 3., 4., 5., 6.]).view([2, 3]).tr());
        let mut part = Saved::default();
        part.put_part("inner", saved);
        let bytes = part.to_bytes("batch").unwrap();
        assert_eq!(bytes, part.to_bytes("batch").unwrap());

        let found = Saved::from_bytes(&bytes, "batch").unwrap();
        assert!(found.part("inne").is_none() && found.part("other").is_none());
        let found = found.part("inner").unwrap();
        let bits = |numbers: Vec<f64>| numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(found.numbers("numbers").unwrap()), bits(odd.to_vec()));
        assert_eq!(found.numbers("none").unwrap(), Vec::<f64>::new());
        assert_eq!(found.counts("counts").unwrap(), [0, 1 << 53 | 1, i64::MAX as usize]);
        assert_eq!(bits(found.rows("rows", 2).unwrap().into_iter().collect()), bits(odd.to_vec()));
        assert_eq!(found.rows("no_rows", 4).unwrap().dim(), (0, 4));
        assert!(found.rows("rows", 3).is_none() && found.counts("numbers").is_none() && found.numbers("no").is_none());
        let transposed = Tensor::from_slice(&[1f32, 4., 2., 5., 3., 6.]).view([3, 2]);
        assert!(found.tensor("transposed").unwrap().equal(&transposed));
    }

    #[test]
    fn what_is_restored_keeps_the_layout_of_its_place_and_must_fit_it() {
        let numbers = Tensor::from_slice(&[1f32, 2., 3., 4., 5., 6.]).view([2, 3]);
        let mut saved = Saved::default();
        saved.put_all("tensors", &[numbers.shallow_clone()]);
        let place = Tensor::zeros([3, 2], (Kind::Float, Device::Cpu)).tr();
        saved.restore_all("tensors", &[place.shallow_clone()]).unwrap();
        assert!(place.equal(&numbers) && place.stride() == [1, 2]);
        for other in [place.to_kind(Kind::Double), place.tr(), place.unsqueeze(0)] {
            assert!(saved.restore_all("tensors", &[other]).is_none());
        }
        assert!(saved.restore_all("tensors", &[]).is_none());
        assert!(saved.restore_all("tensors", &[place.shallow_clone(), place]).is_none());
    }
}
