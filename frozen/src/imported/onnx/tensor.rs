//! A tensor of an ONNX file: in its bytes, in lists of numbers, or in a file beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use tch::Kind;

use super::super::error::{ImportError, shown};
use crate::wire::fields;

/// A tensor, not yet read.
#[derive(Clone, Debug, Default)]
pub(super) struct Tensor<'f> {
    pub name: String,
    sizes: Vec<i64>,
    data_type: i64,
    raw: Option<&'f [u8]>,
    floats: Vec<f32>,
    ints: Vec<i64>,
    doubles: Vec<f64>,
    /// Where its bytes are, in a file beside.
    external: BTreeMap<String, String>,
    is_external: bool,
}

/// The kind of numbers that ONNX gives this number.
pub(super) fn kind_of(data_type: i64) -> Option<Kind> {
    Some(match data_type {
        1 => Kind::Float,
        2 => Kind::Uint8,
        3 => Kind::Int8,
        5 => Kind::Int16,
        6 => Kind::Int,
        7 => Kind::Int64,
        9 => Kind::Bool,
        10 => Kind::Half,
        11 => Kind::Double,
        16 => Kind::BFloat16,
        _ => return None,
    })
}

impl<'f> Tensor<'f> {
    pub fn read(bytes: &'f [u8]) -> Result<Tensor<'f>, ImportError> {
        let mut tensor = Tensor::default();
        for field in fields(bytes) {
            match field? {
                (1, field) => field.ints(&mut tensor.sizes)?,
                (2, field) => tensor.data_type = field.int()?,
                (4, field) => field.floats(&mut tensor.floats)?,
                (5 | 7 | 11, field) => field.ints(&mut tensor.ints)?,
                (8, field) => tensor.name = field.text()?,
                (9, field) => tensor.raw = Some(field.bytes()?),
                (10, field) => field.doubles(&mut tensor.doubles)?,
                (13, field) => {
                    let (key, value) = read_pair(field.bytes()?)?;
                    tensor.external.insert(key, value);
                }
                (14, field) => tensor.is_external = field.int()? == 1,
                _ => {}
            }
        }
        Ok(tensor)
    }

    /// Its numbers: on the CPU, floats as 32-bit floats.
    pub fn load(&self, beside: &mut Beside) -> Result<tch::Tensor, ImportError> {
        let wrong = |reason: String| ImportError::damaged(format!("tensor '{}' {reason}", shown(&self.name)));
        let kind = kind_of(self.data_type).ok_or_else(|| wrong(format!("has numbers of kind {}", self.data_type)))?;
        let count = self.sizes.iter().try_fold(1i64, |product, &size| match size {
            0.. => product.checked_mul(size),
            _ => None,
        });
        let count =
            count.filter(|_| self.sizes.len() <= 16).ok_or_else(|| wrong(format!("has the shape {:?}", self.sizes)))?;
        let bytes = count.checked_mul(kind.elt_size_in_bytes() as i64).ok_or_else(|| wrong("is too large".into()))?;
        let tensor = if self.is_external {
            let data = beside.read(&self.external, bytes as u64).map_err(|ImportError(reason)| {
                ImportError(format!("keeps tensor '{}' in a file beside it, which {reason}", shown(&self.name)))
            })?;
            tch::Tensor::f_from_data_size(&data, &self.sizes, kind)?
        } else if let Some(raw) = self.raw {
            if raw.len() as i64 != bytes {
                return Err(wrong(format!("has {} bytes for the shape {:?}", raw.len(), self.sizes)));
            }
            tch::Tensor::f_from_data_size(raw, &self.sizes, kind)?
        } else {
            let listed = match kind {
                Kind::Float => tch::Tensor::from_slice(&self.floats),
                Kind::Double => tch::Tensor::from_slice(&self.doubles),
                // 16-bit floats stand as the bits of whole numbers.
                Kind::Half | Kind::BFloat16 => {
                    let bits: Vec<u8> = self.ints.iter().flat_map(|&bits| (bits as u16).to_le_bytes()).collect();
                    if self.ints.len() as i64 != count {
                        return Err(wrong(format!("has {} numbers for the shape {:?}", self.ints.len(), self.sizes)));
                    }
                    tch::Tensor::f_from_data_size(&bits, &[count], kind)?
                }
                _ => tch::Tensor::from_slice(&self.ints),
            };
            if listed.numel() as i64 != count {
                return Err(wrong(format!("has {} numbers for the shape {:?}", listed.numel(), self.sizes)));
            }
            listed.f_to_kind(kind)?.f_reshape(&self.sizes)?
        };
        let floats = matches!(kind, Kind::Half | Kind::BFloat16 | Kind::Double);
        Ok(if floats { tensor.f_to_kind(Kind::Float)? } else { tensor })
    }
}

/// A key and a value.
pub(super) fn read_pair(bytes: &[u8]) -> Result<(String, String), ImportError> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in fields(bytes) {
        match field? {
            (1, field) => key = field.text()?,
            (2, field) => value = field.text()?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// The files beside an ONNX file that hold its weights.
pub(super) struct Beside {
    folder: PathBuf,
    files: BTreeMap<String, File>,
}

impl Beside {
    /// Beside this file.
    pub fn new(path: &Path) -> Beside {
        Beside { folder: path.parent().map(Path::to_path_buf).unwrap_or_default(), files: BTreeMap::new() }
    }

    /// The files that were read, by the name that the program has for them.
    pub fn into_files(self) -> Vec<PathBuf> {
        self.files.keys().map(|name| self.folder.join(name)).collect()
    }

    fn read(&mut self, entry: &BTreeMap<String, String>, bytes: u64) -> Result<Vec<u8>, ImportError> {
        let location = entry.get("location").ok_or_else(|| ImportError("is not named".into()))?;
        let plain =
            Path::new(location).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain || location.is_empty() {
            return Err(ImportError(format!("is called '{}': a path out of its folder", shown(location))));
        }
        let number = |key: &str| match entry.get(key) {
            None => Ok(None),
            Some(text) => {
                let number = text.parse::<u64>();
                number.map(Some).map_err(|_| ImportError(format!("has the {key} '{}'", shown(text))))
            }
        };
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?.unwrap_or(bytes));
        if !self.files.contains_key(location) {
            let path = self.folder.join(location);
            if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
                return Err(ImportError(format!("is missing: {}; keep both files together", path.display())));
            }
            self.files.insert(location.clone(), File::open(&path)?);
        }
        let file = self.files.get_mut(location).ok_or_else(|| ImportError("is missing".into()))?;
        let has = file.metadata()?.len();
        if length != bytes || offset.checked_add(length).is_none_or(|end| end > has) {
            return Err(ImportError(format!(
                "has {has} bytes, and bytes {offset} to {} of {bytes} are wanted (cut short?)",
                offset.saturating_add(length)
            )));
        }
        let mut data = vec![0; length as usize];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut data)?;
        Ok(data)
    }
}
