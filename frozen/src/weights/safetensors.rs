//! Hugging Face's `safetensors`: the length of a JSON header in 8 bytes, the header, the tensors' bytes.
//!
//! The header maps each name to `{"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}`, with the offsets
//! counted from the header's end; the tensors must cover the data without gaps or overlaps. The crate `safetensors` is
//! not used: it wants the whole file in memory, and tensors in an order of its own.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tch::Kind;

use super::contents::{Contents, HIGHEST_RANK, Layout, Storage, TensorEntry, check_view, under_key};
use super::error::{Fault, shown};

/// The bytes that tell the header's length.
const LENGTH: u64 = 8;
/// The format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// Whether a file that starts with `head` is one: its header is a JSON object of permitted length.
pub(super) fn is_one(head: &[u8]) -> bool {
    head.get(LENGTH as usize) == Some(&b'{') && header_length(head).is_some_and(|header| header <= LONGEST_HEADER)
}

fn header_length(head: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(head.get(..LENGTH as usize)?.try_into().ok()?))
}

/// Reads the header of a file of `length` bytes.
pub(super) fn read(file: &mut File, length: u64, head: &[u8], key: Option<&str>) -> Result<Contents, Fault> {
    let data_start = header_length(head)
        .and_then(|header| header.checked_add(LENGTH))
        .filter(|&start| start <= length)
        .ok_or_else(|| Fault::damaged("its header is longer than the file (cut short?)"))?;
    file.seek(SeekFrom::Start(LENGTH))?;
    let reader = BufReader::new(file.by_ref().take(data_start - LENGTH));
    let Header(declared) = serde_json::from_reader(reader).map_err(|error| {
        Fault::damaged(format!("its header is not that of a safetensors file: {}", shown(&error.to_string())))
    })?;

    let mut tensors = Vec::new();
    let mut storages = Vec::with_capacity(declared.len());
    for (name, Declared { dtype, shape: Shape(shape), data_offsets: (begin, end) }) in declared {
        let kind = kind(&dtype).ok_or_else(|| {
            Fault::unsupported(format!("tensor '{}' has the unsupported dtype '{}'", shown(&name), shown(&dtype)))
        })?;
        let element = kind.elt_size_in_bytes() as u64;
        let damaged = |reason: String| Fault::damaged(format!("tensor '{}' {reason}", shown(&name)));
        let bytes = end.checked_sub(begin).ok_or_else(|| damaged("ends before it begins".into()))?;
        if end > length - data_start {
            return Err(damaged("lies beyond the end of the file (cut short?)".into()));
        }
        let stride = contiguous(&shape).ok_or_else(|| damaged(format!("has the impossible shape {shape:?}")))?;
        let count = (bytes / element) as i64;
        check_view(&shape, &stride, 0, count).map_err(&damaged)?;
        if shape.iter().product::<i64>() != count || !bytes.is_multiple_of(element) {
            return Err(damaged(format!("has {bytes} bytes, which its shape {shape:?} does not want")));
        }
        let layout = Layout { storage: storages.len(), offset: 0, stride };
        storages.push(Storage { start: data_start + begin, bytes, kind, crc32: None });
        if let Some(name) = under_key(&name, key) {
            tensors.push(TensorEntry { name: name.to_string(), shape, kind, layout });
        }
    }
    cover_exactly(&storages, data_start, length)?;
    if tensors.is_empty() {
        return Err(Fault::Absent(match key {
            Some(key) => format!("holds no tensors whose name starts with '{}.'", shown(key)),
            None => "holds no tensors".into(),
        }));
    }
    Ok(Contents { tensors, storages })
}

/// The strides of a tensor without gaps; none where the shape has negative sizes or more elements than can be counted.
fn contiguous(shape: &[i64]) -> Option<Vec<i64>> {
    let mut stride = vec![1; shape.len()];
    let mut count: i64 = 1;
    for (stride, &size) in stride.iter_mut().zip(shape).rev() {
        *stride = count;
        count = count.checked_mul(size.max(1)).filter(|_| size >= 0)?;
    }
    Some(stride)
}

/// The format has neither gaps nor overlaps.
fn cover_exactly(storages: &[Storage], data_start: u64, length: u64) -> Result<(), Fault> {
    let mut parts: Vec<(u64, u64)> = storages.iter().map(|storage| (storage.start, storage.bytes)).collect();
    parts.sort_unstable();
    let mut end = data_start;
    for (start, bytes) in parts {
        if start != end {
            return Err(Fault::damaged(format!("its tensors overlap or leave a gap at byte {end}")));
        }
        end += bytes;
    }
    if end == length { Ok(()) } else { Err(Fault::damaged(format!("no tensor owns the bytes from {end} on"))) }
}

fn kind(dtype: &str) -> Option<Kind> {
    Some(match dtype {
        "F32" => Kind::Float,
        "F16" => Kind::Half,
        "BF16" => Kind::BFloat16,
        "F64" => Kind::Double,
        "I64" => Kind::Int64,
        "I32" => Kind::Int,
        "I16" => Kind::Int16,
        "I8" => Kind::Int8,
        "U8" => Kind::Uint8,
        "BOOL" => Kind::Bool,
        "F8_E4M3" => Kind::Float8e4m3fn,
        "F8_E5M2" => Kind::Float8e5m2,
        _ => return None,
    })
}

/// The header's tensors in its own order.
struct Header(Vec<(String, Declared)>);

#[derive(Deserialize)]
struct Declared {
    dtype: String,
    shape: Shape,
    data_offsets: (u64, u64),
}

/// At most `HIGHEST_RANK` sizes.
struct Shape(Vec<i64>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct Tensors;
        impl<'de> Visitor<'de> for Tensors {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut tensors = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        tensors.push((name, map.next_value()?));
                    }
                }
                Ok(Header(tensors))
            }
        }
        deserializer.deserialize_map(Tensors)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shape, D::Error> {
        struct Sizes;
        impl<'de> Visitor<'de> for Sizes {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list of sizes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Shape, A::Error> {
                let mut sizes = Vec::new();
                while let Some(size) = sequence.next_element()? {
                    if sizes.len() == HIGHEST_RANK as usize {
                        return Err(de::Error::custom(format!("a shape of more than {HIGHEST_RANK} sizes")));
                    }
                    sizes.push(size);
                }
                Ok(Shape(sizes))
            }
        }
        deserializer.deserialize_seq(Sizes)
    }
}
