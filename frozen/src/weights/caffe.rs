//! Caffe's `.caffemodel` (Jia et al. 2014): a protocol buffer of layers with their blobs (`caffe.proto`, `NetParameter`), the older
//! layers of "V1" included. The blobs of a layer X are the tensors `X.weight`, `X.bias`, and `X.blob2` and so on behind them.

use tch::{Kind, Tensor};

use super::error::{Fault, shown};
use crate::wire::{Field, fields};

/// More layers than any network has, those without blobs included.
const MOST_LAYERS: usize = 100_000;

/// Whether a file that starts with `head` may be one: its first field is the network's name.
pub(super) fn is_one(head: &[u8]) -> bool {
    let Some(&[0x0a, length, ref rest @ ..]) = head.get(..) else { return false };
    let (length, rest) = (usize::from(length), rest.get(..usize::from(length)));
    let named = rest.is_some_and(|name| name.iter().all(|byte| (0x20..0x7f).contains(byte)));
    // Behind it a layer, an input, or a layer of V1.
    length < 0x80
        && named
        && head.get(2 + length).is_some_and(|&tag| matches!(tag, 0x12 | 0x1a | 0x22 | 0x32 | 0x42 | 0xa2))
}

/// The tensors of a file's bytes, in its order.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, Fault> {
    let (mut tensors, mut layers) = (vec![], 0);
    for field in fields(bytes) {
        let (number, field) = field?;
        // `layers` (V1) and `layer`: name, type, bottom and top, and blobs have other numbers.
        let (name, blobs) = match number {
            2 => (4, 6),
            100 => (1, 7),
            _ => continue,
        };
        layers += 1;
        if layers > MOST_LAYERS {
            return Err(Fault::unsupported(format!("has more than {MOST_LAYERS} layers")));
        }
        layer(field.bytes()?, name, blobs, &mut tensors)?;
    }
    if tensors.is_empty() {
        return Err(Fault::Absent("holds no layers with blobs".into()));
    }
    Ok(tensors)
}

fn layer(bytes: &[u8], of_name: u64, of_blobs: u64, into: &mut Vec<(String, Tensor)>) -> Result<(), Fault> {
    let (mut name, mut blobs) = (String::new(), vec![]);
    for field in fields(bytes) {
        match field? {
            (number, field) if number == of_name => name = field.text()?,
            (number, field) if number == of_blobs => blobs.push(field.bytes()?),
            _ => {}
        }
    }
    for (index, blob) in blobs.into_iter().enumerate() {
        let part = match index {
            0 => "weight".to_owned(),
            1 => "bias".to_owned(),
            index => format!("blob{index}"),
        };
        let name = format!("{name}.{part}");
        let tensor = read_blob(blob).map_err(|fault| match fault {
            Fault::Damaged(reason) => Fault::damaged(format!("blob '{}': {reason}", shown(&name))),
            fault => fault,
        })?;
        // Before blobs had shapes they had four axes: a bias is [1,1,1,O] then, and a matrix [1,1,O,I].
        let size = tensor.size();
        let tensor = match (index, &size[..]) {
            (1, [1, 1, 1, count]) => tensor.f_view([*count])?,
            (0, [1, 1, rows, columns]) => tensor.f_view([*rows, *columns])?,
            _ => tensor,
        };
        into.push((name, tensor));
    }
    Ok(())
}

fn read_blob(bytes: &[u8]) -> Result<Tensor, Fault> {
    let (mut floats, mut doubles, mut shape, mut old) = (vec![], vec![], vec![], [None; 4]);
    for field in fields(bytes) {
        match field? {
            (number @ 1..=4, field @ Field::Varint(_)) => old[number as usize - 1] = Some(field.int()?),
            (5, field) => field.floats(&mut floats)?,
            (7, field) => {
                for field in fields(field.bytes()?) {
                    if let (1, field) = field? {
                        field.ints(&mut shape)?;
                    }
                }
            }
            (8, field) => field.doubles(&mut doubles)?,
            _ => {}
        }
    }
    if shape.is_empty() && old.iter().any(Option::is_some) {
        shape = old.iter().map(|size| size.unwrap_or(1)).collect();
    }
    let tensor = if doubles.is_empty() { Tensor::from_slice(&floats) } else { Tensor::from_slice(&doubles) };
    let tensor = tensor.f_to_kind(Kind::Float)?;
    let count = shape.iter().try_fold(1i64, |product, &size| if size < 0 { None } else { product.checked_mul(size) });
    if shape.len() > 16 || count != Some(tensor.numel() as i64) {
        return Err(Fault::damaged(format!("it has {} numbers for the shape {shape:?}", tensor.numel())));
    }
    Ok(tensor.f_view(&shape[..])?)
}
