//! `torch.save` before PyTorch 1.6: pickles and raw storages one after another, without an index.
//!
//! A magic number, a protocol version, a dictionary about the machine, the pickled object, and the list of its storages'
//! keys, each a pickle; then for each key a 64-bit count of elements and the elements. A storage is found by walking past
//! all before it, whose elements' sizes only the pickled object tells.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::contents::{Contents, Storage};
use super::error::{Fault, shown};
use super::pickle::{self, Source};
use super::state_dict;

/// The magic number as a pickled integer of ten bytes; a pickle's own header of two to eleven bytes is before it.
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
const LONGEST_HEADER: usize = 11;
const PROTOCOL: i64 = 1001;

/// Where the magic number ends in the file that starts with `head`, if it is such a file.
pub(super) fn after_magic(head: &[u8]) -> Option<u64> {
    if head.first() != Some(&0x80) {
        return None;
    }
    let at = (2..=LONGEST_HEADER).find(|&at| head.get(at..).is_some_and(|rest| rest.starts_with(MAGIC)))?;
    Some((at + MAGIC.len()) as u64)
}

/// Reads the pickles of a file of `length` bytes from `start`, the end of its magic number.
pub(super) fn read(file: &mut File, length: u64, start: u64, key: Option<&str>) -> Result<Contents, Fault> {
    file.seek(SeekFrom::Start(start))?;
    let mut source = Source::new(BufReader::new(file.by_ref()), start, length);
    let budget = pickle::budget(length);

    let version = pickle::unpickle(&mut source, budget)?;
    match version.int(version.root()) {
        Some(PROTOCOL) => {}
        Some(version) => {
            return Err(Fault::unsupported(format!("has the unknown protocol version {version} (not {PROTOCOL})")));
        }
        None => return Err(Fault::damaged("its protocol version is not a number")),
    }
    let machine = pickle::unpickle(&mut source, budget)?;
    match machine.get(machine.root(), "little_endian") {
        Some(little_endian) if machine.is_true(little_endian) => {}
        Some(_) => return Err(Fault::unsupported("was saved on a big-endian machine; such files are not supported")),
        None => return Err(Fault::damaged("it does not say its byte order")),
    }
    let mut pickled = pickle::unpickle(&mut source, budget)?;
    let tensors = state_dict::entries(&mut pickled, key)?;

    let keys = pickle::unpickle(&mut source, budget)?;
    let Some(list) = keys.list(keys.root()) else {
        return Err(Fault::damaged("the list of its storages is not a list"));
    };
    let mut position = source.position();
    drop(source);
    let by_key: std::collections::HashMap<&str, usize> =
        pickled.storages().iter().enumerate().map(|(number, storage)| (pickled.span(storage.key), number)).collect();
    let mut places: Vec<Option<u64>> = vec![None; by_key.len()];
    for &key in list {
        let Some(key) = keys.text(key) else {
            return Err(Fault::damaged("the key of a storage is not a string"));
        };
        let Some(&number) = by_key.get(key) else {
            return Err(Fault::damaged(format!("no tensor tells the size of storage '{}'", shown(key))));
        };
        let storage = &pickled.storages()[number];
        let cut_short =
            || Fault::damaged(format!("storage '{}' lies beyond the end of the file (cut short?)", shown(key)));
        let data = position.checked_add(8).filter(|&data| data <= length).ok_or_else(cut_short)?;
        let mut count = [0; 8];
        file.seek(SeekFrom::Start(position))?;
        file.read_exact(&mut count)?;
        let count = u64::from_le_bytes(count);
        if count.checked_mul(storage.element) != Some(storage.bytes) {
            return Err(Fault::damaged(format!(
                "storage '{}' has {count} elements, its tensors say {}",
                shown(key),
                storage.bytes / storage.element
            )));
        }
        if places[number].replace(data).is_some() {
            return Err(Fault::damaged(format!("it has storage '{}' twice", shown(key))));
        }
        position = data.checked_add(storage.bytes).filter(|&end| end <= length).ok_or_else(cut_short)?;
    }
    let mut storages = Vec::with_capacity(places.len());
    for (storage, place) in pickled.storages().iter().zip(places) {
        let Some(start) = place else {
            let key = shown(pickled.span(storage.key));
            return Err(Fault::damaged(format!("it has no storage '{key}', which a tensor needs")));
        };
        storages.push(Storage { start, bytes: storage.bytes, kind: storage.kind(), crc32: None });
    }
    Ok(Contents { tensors, storages })
}
