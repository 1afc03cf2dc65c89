//! Keras's weights in HDF5 (`.h5`), by the crate `hdf5-reader`: contiguous and chunked tensors, deflated ones too.
//!
//! A tensor is called by its layer and its name in it, with dots (`conv1.kernel`): Keras repeats the layer in both, and writes `_W` and
//! `_b` in its first version. Kernels come in PyTorch's order of axes: `[h,w,I,O]` as `[O,I,h,w]`, a depthwise `[h,w,C,M]` as
//! `[C M,1,h,w]`, a matrix `[I,O]` as `[O,I]`.

use std::path::Path;

use hdf5_reader::error::ByteOrder;
use hdf5_reader::group::Group;
use hdf5_reader::{Dataset, Datatype, Hdf5File, OpenOptions};
use tch::{Kind, Tensor};

use super::error::{Fault, shown};

/// How a file starts.
pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Groups within groups.
const DEEPEST: usize = 32;
/// Tensors of one file.
const MOST: usize = 100_000;

/// The tensors of a file of `length` bytes.
pub(super) fn read(path: &Path, length: u64) -> Result<Vec<(String, Tensor)>, Fault> {
    // Deflated numbers may be a thousand times what the file has; weights are not.
    let most = usize::try_from(length.saturating_mul(16).max(1 << 20)).unwrap_or(usize::MAX);
    let options = OpenOptions::default().with_max_read_bytes(most).with_max_chunk_bytes(most.min(256 << 20));
    let wrong = |error: hdf5_reader::error::Error| Fault::damaged(format!("HDF5: {}", shown(&error.to_string())));
    let file = Hdf5File::open_with_options(path, options).map_err(wrong)?;
    let mut found = Found { tensors: vec![], groups: 0, bytes: 0, most: most as u64 };
    found.group(&file.root_group().map_err(wrong)?, "", 0)?;
    if found.tensors.is_empty() {
        return Err(Fault::Absent("holds no tensors".into()));
    }
    Ok(found.tensors)
}

struct Found {
    tensors: Vec<(String, Tensor)>,
    groups: usize,
    bytes: u64,
    most: u64,
}

impl Found {
    fn group(&mut self, group: &Group, path: &str, depth: usize) -> Result<(), Fault> {
        self.groups += 1;
        if depth > DEEPEST || self.groups > MOST {
            return Err(Fault::damaged("its groups are nested too deeply, or are a circle"));
        }
        let wrong = |error: hdf5_reader::error::Error| Fault::damaged(format!("HDF5: {}", shown(&error.to_string())));
        let (groups, datasets) = group.members().map_err(wrong)?;
        for dataset in datasets {
            let name = name_of(&format!("{path}{}", dataset.name()));
            let Some(tensor) = self.dataset(&dataset, &name)? else { continue };
            let tensor = in_our_order(&name, tensor)?;
            self.tensors.push((name, tensor));
            if self.tensors.len() > MOST {
                return Err(Fault::unsupported(format!("has more than {MOST} tensors")));
            }
        }
        for inner in groups {
            self.group(&inner, &format!("{path}{}/", inner.name()), depth + 1)?;
        }
        Ok(())
    }

    /// A tensor of floats or whole numbers; none for texts and the like.
    fn dataset(&mut self, dataset: &Dataset, name: &str) -> Result<Option<Tensor>, Fault> {
        let wrong = |reason: String| Fault::damaged(format!("tensor '{}': {reason}", shown(name)));
        let kind = match dataset.dtype() {
            Datatype::FloatingPoint { size: 4, byte_order: ByteOrder::LittleEndian } => Kind::Float,
            Datatype::FloatingPoint { size: 8, byte_order: ByteOrder::LittleEndian } => Kind::Double,
            Datatype::FloatingPoint { size: 2, byte_order: ByteOrder::LittleEndian } => Kind::Half,
            Datatype::FixedPoint { size: 8, byte_order: ByteOrder::LittleEndian, .. } => Kind::Int64,
            Datatype::FixedPoint { size: 4, byte_order: ByteOrder::LittleEndian, .. } => Kind::Int,
            _ => return Ok(None),
        };
        let shape: Vec<i64> = dataset.shape().iter().map(|&size| i64::try_from(size).unwrap_or(i64::MAX)).collect();
        let bytes = dataset.read_raw_bytes().map_err(|error| wrong(error.to_string()))?;
        // Several names may stand for one tensor, of which each is a copy.
        self.bytes += bytes.len() as u64;
        if self.bytes > self.most {
            return Err(Fault::damaged("its tensors are larger than the file can hold"));
        }
        let count = shape.iter().try_fold(kind.elt_size_in_bytes() as i64, |product, &size| product.checked_mul(size));
        if shape.len() > 16 || count != Some(bytes.len() as i64) {
            return Err(wrong(format!("it has {} bytes for the shape {shape:?}", bytes.len())));
        }
        Ok(Some(Tensor::f_from_data_size(&bytes, &shape, kind)?))
    }
}

/// `conv1.kernel` of `model_weights/conv1/conv1/kernel:0`.
fn name_of(path: &str) -> String {
    let path = path.trim_start_matches("model_weights/");
    let parts: Vec<&str> = path.split('/').collect();
    // The layer's group, and in it the tensor's name, which begins with the layer's.
    let repeated =
        (1..parts.len()).map(|at| (parts[..at].join("/"), parts[at..].join("/"))).find_map(|(group, name)| {
            let rest = name.strip_prefix(&group)?;
            rest.starts_with(['/', '_']).then_some(name)
        });
    let name = repeated.unwrap_or_else(|| path.to_owned());
    let name = name.strip_suffix(":0").unwrap_or(&name);
    let first_version = [("_W", ".kernel"), ("_b", ".bias")];
    let named = first_version.iter().find_map(|(old, new)| Some(format!("{}{new}", name.strip_suffix(old)?)));
    named.unwrap_or_else(|| name.to_owned()).replace('/', ".")
}

fn in_our_order(name: &str, tensor: Tensor) -> Result<Tensor, Fault> {
    let size = tensor.size();
    let kernel = name.ends_with("kernel");
    Ok(match &size[..] {
        [rows, columns, channels, each] if name.ends_with("depthwise_kernel") => {
            tensor.f_permute([2, 3, 0, 1])?.f_reshape([channels * each, 1, *rows, *columns])?
        }
        [..] if kernel && size.len() == 4 => tensor.f_permute([3, 2, 0, 1])?.f_contiguous()?,
        [..] if kernel && size.len() == 2 => tensor.f_permute([1, 0])?.f_contiguous()?,
        _ => tensor,
    })
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_tensor_is_called_by_its_layer_and_its_name_in_it() {
        assert_eq!(name_of("conv1/conv1_W:0"), "conv1.kernel");
        assert_eq!(name_of("fire2/expand1x1/fire2/expand1x1_b:0"), "fire2.expand1x1.bias");
        assert_eq!(name_of("conv_dw_1/conv_dw_1/depthwise_kernel:0"), "conv_dw_1.depthwise_kernel");
        assert_eq!(name_of("model_weights/dense/dense/kernel:0"), "dense.kernel");
        assert_eq!(name_of("layers/conv2d/vars/0"), "layers.conv2d.vars.0");
    }
}
