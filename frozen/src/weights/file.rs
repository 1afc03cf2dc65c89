//! A weights file, opened: the tensors that it holds, read on demand.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use super::contents::{Contents, Layout, Storage, TensorEntry, under_key};
use super::error::{Fault, WeightError, shown};
use super::{caffe, hdf5, legacy, safetensors, zip};

/// A weights file opened for reading: names and shapes are known, tensors are read on demand.
pub struct WeightFile {
    path: PathBuf,
    file: File,
    contents: Contents,
    /// The numbers of the tensors, sorted by name.
    by_name: Vec<usize>,
    /// How many tensors lie in each storage.
    sharers: Vec<usize>,
    /// The tensors themselves, where they were read at once; the entries then have no storages.
    read: Option<Vec<Tensor>>,
    /// Storages of several tensors that were read already.
    shared: HashMap<usize, Tensor>,
}

impl WeightFile {
    /// Opens a file of any of the five kinds, which are told apart by content.
    pub fn open(path: &Path) -> Result<WeightFile, WeightError> {
        WeightFile::open_at(path, None)
    }

    /// Opens a file for the tensors under `key` alone: those of a nested dictionary (`netG_state_dict`, `state.ema`) or
    /// whose names start with the key and a dot. Their names are then without it.
    ///
    /// Without a key, nested dictionaries are flattened with dots too, but the outermost one must hold a tensor itself;
    /// otherwise the error names the keys to choose from. Values other than tensors are passed over.
    pub fn open_at(path: &Path, key: Option<&str>) -> Result<WeightFile, WeightError> {
        WeightFile::open_or_fault(path, key).map_err(|fault| WeightError::new(path, fault))
    }

    fn open_or_fault(path: &Path, key: Option<&str>) -> Result<WeightFile, Fault> {
        // Asked before opening, which waits for a writer where the path is a named pipe.
        if !fs::metadata(path)?.is_file() {
            return Err(Fault::Foreign("it is not a regular file".into()));
        }
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let (contents, read) = match read_at_once(&mut file, path, length)? {
            Some(tensors) => under(tensors, key)?,
            None => (read_contents(&mut file, length, key)?, None),
        };

        let storage_bytes = contents.storages.iter().try_fold(0, |sum: u64, storage| sum.checked_add(storage.bytes));
        if storage_bytes.is_none_or(|bytes| bytes > length) {
            return Err(Fault::damaged("its storages overlap"));
        }
        let tensors = &contents.tensors;
        let mut by_name: Vec<usize> = (0..tensors.len()).collect();
        by_name.sort_by(|&a, &b| tensors[a].name.cmp(&tensors[b].name));
        if let Some(twins) = by_name.windows(2).find(|pair| tensors[pair[0]].name == tensors[pair[1]].name) {
            let name = shown(&tensors[twins[0]].name);
            return Err(Fault::damaged(format!("it has two tensors called '{name}'")));
        }
        let mut sharers = vec![0; contents.storages.len()];
        for tensor in tensors.iter().filter(|_| read.is_none()) {
            sharers[tensor.layout.storage] += 1;
        }
        Ok(WeightFile { path: path.to_path_buf(), file, contents, by_name, sharers, read, shared: HashMap::new() })
    }

    /// The tensors in the order of the file.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &TensorEntry> {
        self.contents.tensors.iter()
    }

    /// Reads a tensor: on the CPU, of the file's kind, with the file's strides, without gradient. Tensors that share a
    /// storage in the file share it in memory.
    pub fn tensor(&mut self, name: &str) -> Result<Tensor, WeightError> {
        let tensors = &self.contents.tensors;
        let found = match self.by_name.binary_search_by(|&number| tensors[number].name.as_str().cmp(name)) {
            Ok(place) => self.read_tensor(self.by_name[place]),
            Err(_) => Err(Fault::Absent(format!("has no tensor '{name}'"))),
        };
        found.map_err(|fault| WeightError::new(&self.path, fault))
    }

    /// Reads all tensors.
    pub fn read_all(mut self) -> Result<BTreeMap<String, Tensor>, WeightError> {
        let mut tensors = BTreeMap::new();
        for number in 0..self.contents.tensors.len() {
            let tensor = self.read_tensor(number).map_err(|fault| WeightError::new(&self.path, fault))?;
            tensors.insert(std::mem::take(&mut self.contents.tensors[number].name), tensor);
        }
        Ok(tensors)
    }

    fn read_tensor(&mut self, number: usize) -> Result<Tensor, Fault> {
        if let Some(read) = &self.read {
            return Ok(read[number].shallow_clone());
        }
        let TensorEntry { name, shape, kind, layout } = &self.contents.tensors[number];
        if shape.contains(&0) {
            return Ok(Tensor::f_empty(shape, (*kind, Device::Cpu))?);
        }
        let storage = match self.shared.get(&layout.storage) {
            Some(storage) => storage.shallow_clone(),
            None => {
                read_storage(&mut self.file, &self.contents.storages[layout.storage]).map_err(|fault| match fault {
                    Fault::Damaged(reason) => Fault::damaged(format!("tensor '{}': {reason}", shown(name))),
                    fault => fault,
                })?
            }
        };
        if self.sharers[layout.storage] > 1 {
            self.shared.entry(layout.storage).or_insert_with(|| storage.shallow_clone());
        }
        Ok(storage.f_as_strided(shape, &layout.stride, layout.offset)?)
    }
}

/// The tensors of a file whose format is read at once; none if it is of another one.
fn read_at_once(file: &mut File, path: &Path, length: u64) -> Result<Option<Vec<(String, Tensor)>>, Fault> {
    let mut head = Vec::new();
    file.by_ref().take(256).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    if head.starts_with(hdf5::MAGIC) {
        return hdf5::read(path, length).map(Some);
    }
    if !caffe::is_one(&head) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    caffe::read(&bytes).map(Some)
}

/// The tensors under a key.
fn under(tensors: Vec<(String, Tensor)>, key: Option<&str>) -> Result<(Contents, Option<Vec<Tensor>>), Fault> {
    let mut contents = Contents { tensors: vec![], storages: vec![] };
    let mut read = vec![];
    for (name, tensor) in tensors {
        let Some(name) = under_key(&name, key) else { continue };
        let layout = Layout { storage: 0, offset: 0, stride: tensor.stride() };
        contents.tensors.push(TensorEntry { name: name.to_owned(), shape: tensor.size(), kind: tensor.kind(), layout });
        read.push(tensor);
    }
    match (read.is_empty(), key) {
        (true, Some(key)) => Err(Fault::Absent(format!("holds no tensors whose name starts with '{}.'", shown(key)))),
        _ => Ok((contents, Some(read))),
    }
}

/// Reads a storage as a tensor of one dimension.
pub(crate) fn read_storage(file: &mut File, storage: &Storage) -> Result<Tensor, Fault> {
    let Storage { start, bytes, kind, crc32 } = *storage;
    let impossible = |_| Fault::unsupported("has a storage too large for this machine");
    let count = i64::try_from(bytes / kind.elt_size_in_bytes() as u64).map_err(impossible)?;
    let length = usize::try_from(bytes).map_err(impossible)?;
    let tensor = Tensor::f_zeros([count], (kind, Device::Cpu))?;
    if length == 0 {
        return Ok(tensor);
    }
    // SAFETY: the tensor is contiguous, on the CPU, and of exactly this many bytes, which zeros() has initialized; nobody
    // else has a reference to it yet. Any bytes are valid numbers of every kind but Bool, for which see below.
    let data = unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<u8>(), length) };
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(data)?;
    if crc32.is_some_and(|expected| crc32fast::hash(data) != expected) {
        return Err(Fault::damaged("its checksum is wrong"));
    }
    if kind == Kind::Bool {
        data.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
    }
    Ok(tensor)
}

/// Recognizes the file's kind by its first bytes and reads all but the tensors' values.
fn read_contents(file: &mut File, length: u64, key: Option<&str>) -> Result<Contents, Fault> {
    let mut head = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut head)?;
    if head.starts_with(zip::MAGIC) {
        zip::read(file, length, key)
    } else if let Some(start) = legacy::after_magic(&head) {
        legacy::read(file, length, start, key)
    } else if safetensors::is_one(&head) {
        safetensors::read(file, length, &head, key)
    } else {
        Err(Fault::Foreign(recognize_foreign(&head).into()))
    }
}

/// What a file that starts like this may be, as a user may have come to it.
fn recognize_foreign(head: &[u8]) -> &'static str {
    const TAR_MAGIC_AT: usize = 257;
    let contains = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
    if head.is_empty() {
        "it is empty"
    } else if head.get(TAR_MAGIC_AT..).is_some_and(|rest| rest.starts_with(b"ustar")) {
        "it is a tar archive (PyTorch before 0.1.10 wrote such); load it there and save it again with a newer PyTorch"
    } else if contains(b"torch_utils.persistence") || contains(b"dnnlib") {
        "it is a pickle of NVIDIA's StyleGAN programs, which holds program code; save the network's state_dict() with \
         torch.save or safetensors instead"
    } else if head[0] == 0x80 {
        "it is a pickle that torch.save did not write; save the network's state_dict() with torch.save or safetensors \
         instead"
    } else if head.starts_with(b"version https://git-lfs") {
        "it is a Git LFS pointer; fetch the file itself with `git lfs pull`"
    } else if head.trim_ascii_start().first() == Some(&b'<') {
        "it is a web page; the download did not work"
    } else {
        "it is neither safetensors, nor a file of torch.save, nor a .caffemodel, nor HDF5"
    }
}
