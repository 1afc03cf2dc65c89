//! The archive that `torch.export.save` writes (`.pt2`): a zip file with the graph as JSON and each tensor as raw bytes.
//!
//! The layout is that of PyTorch 2.8 and later (`torch/export/pt2_archive/constants.py`): `models/model.json`, and under
//! `data/weights` and `data/constants` the tensors with a table of theirs. Earlier versions kept tensors as pickles; such files are
//! named and refused. What is pickled in newer ones (sample inputs, objects) is never read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tch::{Kind, Tensor};

use super::super::error::{ImportError, shown};
use crate::weights::contents::{HIGHEST_RANK, Storage, check_view};
use crate::weights::error::Fault;
use crate::weights::file::read_storage;
use crate::weights::zip::{Archive as Zip, Part};

/// A graph of a hundred thousand nodes has less.
const MOST_JSON: u64 = 512 << 20;

/// An open archive.
pub(super) struct Archive {
    file: File,
    zip: Zip,
    /// Tables of tensors, by folder.
    tensors: HashMap<String, (String, Entry)>,
}

/// The table of a folder of tensors.
#[derive(Deserialize)]
struct Table {
    config: HashMap<String, Entry>,
}

/// A tensor of a table.
#[derive(Deserialize)]
struct Entry {
    path_name: String,
    #[serde(default)]
    use_pickle: bool,
    tensor_meta: Option<Meta>,
}

/// What is said of a tensor.
#[derive(Deserialize)]
pub(super) struct Meta {
    pub dtype: i64,
    pub sizes: Vec<Size>,
    pub strides: Vec<Size>,
    pub storage_offset: Size,
}

/// A size, which may be an expression.
#[derive(Deserialize)]
pub(super) enum Size {
    #[serde(rename = "as_int")]
    Int(i64),
    #[serde(rename = "as_expr")]
    Expression(serde::de::IgnoredAny),
}

impl Size {
    /// The number, if it is one.
    pub fn fixed(&self) -> Option<i64> {
        match self {
            Size::Int(size) => Some(*size),
            Size::Expression(_) => None,
        }
    }
}

impl From<Fault> for ImportError {
    fn from(fault: Fault) -> ImportError {
        ImportError(fault.to_string())
    }
}

/// The kind of numbers that PyTorch's schema of exported programs gives this number.
pub(super) fn kind_of(dtype: i64) -> Option<Kind> {
    Some(match dtype {
        1 => Kind::Uint8,
        2 => Kind::Int8,
        3 => Kind::Int16,
        4 => Kind::Int,
        5 => Kind::Int64,
        6 => Kind::Half,
        7 => Kind::Float,
        8 => Kind::Double,
        12 => Kind::Bool,
        13 => Kind::BFloat16,
        _ => return None,
    })
}

impl Archive {
    /// Opens a file of `length` bytes, and gives the program's text.
    pub fn open<P: DeserializeOwned>(mut file: File, length: u64) -> Result<(Archive, P), ImportError> {
        let zip = Zip::open(&mut file, length)?;
        let mut models: Vec<String> = zip
            .names()
            .filter(|name| name.starts_with("models/") && name.ends_with(".json"))
            .map(str::to_owned)
            .collect();
        models.sort();
        if models.is_empty() {
            let old = zip.names().any(|name| name.contains("serialized_exported_program"));
            return Err(ImportError(if old {
                "was saved by PyTorch before 2.8, with pickled tensors; load it there with torch.export.load and save it again \
                 with a newer one"
                    .into()
            } else if zip.names().any(|name| name == "constants.pkl") {
                "is TorchScript (architecture: torchscript), not what torch.export.save writes".into()
            } else if zip.names().any(|name| name == "data.pkl") {
                "is a file of torch.save, with weights and no program".into()
            } else {
                "is a zip archive without models/*.json, not what torch.export.save writes".into()
            }));
        }
        if models.len() > 1 {
            return Err(ImportError(format!("holds {} programs; one is needed", models.len())));
        }
        let model = models.remove(0);
        let stem = model.trim_start_matches("models/").trim_end_matches(".json").to_owned();
        let program = json(&mut file, &zip, &model)?;
        let mut tensors = HashMap::new();
        for folder in ["data/weights/", "data/constants/"] {
            for what in ["weights", "constants"] {
                let name = format!("{folder}{stem}_{what}_config.json");
                if zip.names().any(|member| member == name) {
                    let table: Table = json(&mut file, &zip, &name)?;
                    tensors.extend(table.config.into_iter().map(|(name, entry)| (name, (folder.to_owned(), entry))));
                }
            }
        }
        Ok((Archive { file, zip, tensors }, program))
    }

    /// Reads a tensor: on the CPU, floats as 32-bit floats.
    pub fn tensor(&mut self, name: &str) -> Result<Tensor, ImportError> {
        let wrong = |reason: String| ImportError::damaged(format!("tensor '{}' {reason}", shown(name)));
        let (folder, entry) = self.tensors.get(name).ok_or_else(|| wrong("is missing".into()))?;
        if entry.use_pickle {
            return Err(ImportError(format!("keeps '{}' as a pickle, which is never run", shown(name))));
        }
        let meta = entry.tensor_meta.as_ref().ok_or_else(|| wrong("has no shape".into()))?;
        let kind = kind_of(meta.dtype).ok_or_else(|| wrong(format!("has numbers of kind {}", meta.dtype)))?;
        let fixed = |sizes: &[Size]| sizes.iter().map(Size::fixed).collect::<Option<Vec<i64>>>();
        let (Some(shape), Some(stride), Some(offset)) =
            (fixed(&meta.sizes), fixed(&meta.strides), meta.storage_offset.fixed())
        else {
            return Err(wrong("has a size that is no number".into()));
        };
        if shape.len() > HIGHEST_RANK as usize || shape.len() != stride.len() {
            return Err(wrong("has too many sizes".into()));
        }
        let Part { start, size, crc32 } = self.zip.locate(&mut self.file, &format!("{folder}{}", entry.path_name))?;
        let bytes = kind.elt_size_in_bytes() as u64;
        let storage = Storage { start, bytes: size - size % bytes, kind, crc32: crc32.filter(|_| size % bytes == 0) };
        check_view(&shape, &stride, offset, (size / bytes) as i64).map_err(wrong)?;
        if shape.contains(&0) {
            return Ok(Tensor::f_zeros(&shape, (kind, tch::Device::Cpu))?);
        }
        let numbers = read_storage(&mut self.file, &storage)?;
        let tensor = numbers.f_as_strided(&shape, &stride, offset)?;
        let floats = matches!(kind, Kind::Half | Kind::BFloat16 | Kind::Double);
        Ok(if floats { tensor.f_to_kind(Kind::Float)? } else { tensor })
    }
}

fn json<P: DeserializeOwned>(file: &mut File, zip: &Zip, name: &str) -> Result<P, ImportError> {
    let Part { start, size, crc32 } = zip.locate(file, name)?;
    if size > MOST_JSON {
        return Err(ImportError::unsupported(format!("has a '{name}' of {size} bytes")));
    }
    file.seek(SeekFrom::Start(start))?;
    let mut text = vec![];
    file.take(size).read_to_end(&mut text)?;
    if crc32.is_some_and(|crc32| crc32fast::hash(&text) != crc32) {
        return Err(ImportError::damaged(format!("the checksum of member '{name}' is wrong")));
    }
    serde_json::from_slice(&text).map_err(|error| ImportError::damaged(format!("'{name}': {error}")))
}
