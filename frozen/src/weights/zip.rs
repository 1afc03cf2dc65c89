//! `torch.save` since PyTorch 1.6: a zip archive of uncompressed members.
//!
//! One folder of any name holds `data.pkl` (the pickled dictionary), `data/KEY` (each storage's raw bytes), `version`,
//! and since 2.1 `byteorder`. PyTorch writes sizes into data descriptors, so those of the central directory count; it
//! aligns members by padding the local header, so a member's place is known only from there.
//!
//! The crate `zip` is not used: it repairs what it can, searching a damaged file for a lost directory and letting the
//! last of two members of one name win, where a weights file that is not as PyTorch writes it had better be refused; and
//! what is wanted of the archive is only where its members' bytes are.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use super::contents::{Contents, Storage};
use super::error::{Fault, shown};
use super::pickle::{self, Source};
use super::state_dict;

/// How the file starts: the first member's local header.
pub(crate) const MAGIC: &[u8] = b"PK\x03\x04";

const LOCAL_HEADER: usize = 30;
const CENTRAL_HEADER: usize = 46;
const END_OF_DIRECTORY: usize = 22;
const ZIP64_LOCATOR: usize = 20;
const ZIP64_END_OF_DIRECTORY: usize = 56;
/// What stands in a 32-bit field whose value is in the Zip64 fields.
const IN_ZIP64: u64 = 0xFFFF_FFFF;

/// Reads the directory and the pickle of a zip archive of `length` bytes.
pub(super) fn read(file: &mut File, length: u64, key: Option<&str>) -> Result<Contents, Fault> {
    let archive = Archive::open(file, length)?;
    if archive.member("data.pkl").is_none() {
        return Err(Fault::Foreign("it is a zip archive without data.pkl, not a file of torch.save".into()));
    }
    if archive.member("constants.pkl").is_some() {
        return Err(Fault::Foreign(
            "it is a TorchScript archive, which holds program code; save the module's state_dict() instead".into(),
        ));
    }
    if archive.member("byteorder").is_some() {
        let Part { start, size, .. } = archive.locate(file, "byteorder")?;
        let mut order = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(size.min(16)).read_to_end(&mut order)?;
        match order.trim_ascii() {
            b"little" => {}
            b"big" => {
                return Err(Fault::unsupported("was saved on a big-endian machine; such files are not supported"));
            }
            _ => return Err(Fault::damaged("its byte order is neither little nor big")),
        }
    }

    let Part { start, size, crc32 } = archive.locate(file, "data.pkl")?;
    file.seek(SeekFrom::Start(start))?;
    if let Some(expected) = crc32
        && !has_checksum(file, size, expected)?
    {
        return Err(Fault::damaged("the checksum of member 'data.pkl' is wrong"));
    }
    file.seek(SeekFrom::Start(start))?;
    let mut source = Source::new(BufReader::new(file.by_ref()), start, start + size);
    let mut pickled = pickle::unpickle(&mut source, pickle::budget(length))?;
    drop(source);
    let tensors = state_dict::entries(&mut pickled, key)?;
    let mut storages = Vec::with_capacity(pickled.storages().len());
    for storage in pickled.storages() {
        let name = format!("data/{}", pickled.span(storage.key));
        let Part { start, size, crc32 } = archive.locate(file, &name)?;
        if size != storage.bytes {
            let (name, wanted) = (shown(&name), storage.bytes);
            return Err(Fault::damaged(format!("member '{name}' has {size} bytes, its tensors say {wanted}")));
        }
        storages.push(Storage { start, bytes: size, kind: storage.kind(), crc32 });
    }
    Ok(Contents { tensors, storages })
}

/// Whether the next `size` bytes have this checksum.
fn has_checksum(file: &mut File, size: u64, expected: u32) -> Result<bool, Fault> {
    let mut reader = BufReader::new(file.by_ref().take(size));
    let mut hasher = crc32fast::Hasher::new();
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hasher.finalize() == expected);
        }
        hasher.update(bytes);
        let count = bytes.len();
        reader.consume(count);
    }
}

/// The members of an archive by name without the root folder.
pub(crate) struct Archive {
    /// The file's length.
    length: u64,
    members: HashMap<Box<str>, Member>,
}

/// A member as the central directory describes it.
struct Member {
    /// Where its local header is.
    header: u64,
    size: u64,
    /// Its size if it is compressed.
    packed: u64,
    /// How it is compressed; 0 for not.
    method: u64,
    encrypted: bool,
    crc32: u32,
}

/// Where a member's data is.
pub(crate) struct Part {
    pub start: u64,
    pub size: u64,
    /// None where PyTorch was told to leave checksums out, and wrote 0.
    pub crc32: Option<u32>,
}

impl Archive {
    pub fn open(file: &mut File, length: u64) -> Result<Archive, Fault> {
        let directory = find_directory(file, length)?;
        file.seek(SeekFrom::Start(directory.start))?;
        let mut reader = BufReader::new(file.by_ref().take(directory.size));
        let mut root: Option<Box<str>> = None;
        let mut members = HashMap::new();
        for _ in 0..directory.entries {
            let (name, member) = read_entry(&mut reader)?;
            // PyTorch, too, takes the first member's folder for the root.
            let (folder, name) = name.split_once('/').unwrap_or(("", &name));
            let root = root.get_or_insert_with(|| folder.into());
            if **root == *folder && members.insert(name.into(), member).is_some() {
                return Err(Fault::damaged(format!("it has two members called '{}'", shown(name))));
            }
        }
        Ok(Archive { length, members })
    }

    /// Names without the root folder.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(|name| &**name)
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.members.get(name)
    }

    /// Finds a member's data, which is known to lie within the file.
    pub fn locate(&self, file: &mut File, name: &str) -> Result<Part, Fault> {
        let damaged = |reason: &str| Fault::damaged(format!("member '{}' {reason}", shown(name)));
        let beyond = || damaged("lies beyond the end of the file (cut short?)");
        let member = self.member(name).ok_or_else(|| damaged("is missing from the zip archive"))?;
        if member.encrypted {
            return Err(Fault::unsupported(format!("member '{}' of the zip archive is encrypted", shown(name))));
        }
        if member.method != 0 {
            return Err(Fault::unsupported(format!(
                "member '{}' of the zip archive is compressed, which torch.save never does; pack it again without",
                shown(name)
            )));
        }
        if member.packed != member.size {
            return Err(damaged("has two sizes"));
        }
        let header_end = member.header.checked_add(LOCAL_HEADER as u64).ok_or_else(beyond)?;
        if header_end > self.length {
            return Err(beyond());
        }
        let mut header = [0; LOCAL_HEADER];
        file.seek(SeekFrom::Start(member.header))?;
        file.read_exact(&mut header)?;
        if !header.starts_with(MAGIC) {
            return Err(damaged("is not where the directory of the zip archive says"));
        }
        let start = header_end + u16_at(&header, 26) + u16_at(&header, 28);
        if start.checked_add(member.size).is_none_or(|end| end > self.length) {
            return Err(beyond());
        }
        Ok(Part { start, size: member.size, crc32: (member.crc32 != 0).then_some(member.crc32) })
    }
}

struct Directory {
    start: u64,
    size: u64,
    entries: u64,
}

/// Where the central directory is, which the record at the file's end says.
fn find_directory(file: &mut File, length: u64) -> Result<Directory, Fault> {
    let cut_short = || Fault::damaged("the directory at the end of the zip archive is missing (cut short?)");
    let tail_length = length.min((END_OF_DIRECTORY + usize::from(u16::MAX)) as u64);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length - tail_length))?;
    file.by_ref().take(tail_length).read_to_end(&mut tail)?;
    let record = (0..=tail.len().saturating_sub(END_OF_DIRECTORY))
        .rev()
        .map(|at| &tail[at..])
        .find(|record| {
            record.len() >= END_OF_DIRECTORY
                && record.starts_with(b"PK\x05\x06")
                && u16_at(record, 20) == (record.len() - END_OF_DIRECTORY) as u64
        })
        .ok_or_else(cut_short)?;
    let mut entries = u16_at(record, 10);
    let mut size = u32_at(record, 12);
    let mut start = u32_at(record, 16);
    let mut directory_end = length - record.len() as u64;

    if let Some(locator_at) = directory_end.checked_sub(ZIP64_LOCATOR as u64) {
        let mut locator = [0; ZIP64_LOCATOR];
        file.seek(SeekFrom::Start(locator_at))?;
        file.read_exact(&mut locator)?;
        if locator.starts_with(b"PK\x06\x07") {
            let at = u64_at(&locator, 8);
            if at.checked_add(ZIP64_END_OF_DIRECTORY as u64).is_none_or(|end| end > locator_at) {
                return Err(cut_short());
            }
            let mut record = [0; ZIP64_END_OF_DIRECTORY];
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut record)?;
            if !record.starts_with(b"PK\x06\x06") {
                return Err(Fault::damaged("the Zip64 record is not where the zip archive says"));
            }
            entries = u64_at(&record, 32);
            size = u64_at(&record, 40);
            start = u64_at(&record, 48);
            directory_end = at;
        }
    }
    if start.checked_add(size).is_none_or(|end| end > directory_end) {
        return Err(Fault::damaged("the directory of the zip archive lies outside of the file"));
    }
    if entries.checked_mul(CENTRAL_HEADER as u64).is_none_or(|least| least > size) {
        return Err(Fault::damaged(format!("the directory of the zip archive is too small for {entries} members")));
    }
    Ok(Directory { start, size, entries })
}

/// The next entry of the central directory.
fn read_entry(reader: &mut impl Read) -> Result<(String, Member), Fault> {
    let mut entry = [0; CENTRAL_HEADER];
    exactly(reader, &mut entry)?;
    if !entry.starts_with(b"PK\x01\x02") {
        return Err(Fault::damaged("the directory of the zip archive is not a list of members"));
    }
    let mut name = vec![0; u16_at(&entry, 28) as usize];
    let mut extra = vec![0; u16_at(&entry, 30) as usize];
    let mut comment = vec![0; u16_at(&entry, 32) as usize];
    exactly(reader, &mut name)?;
    exactly(reader, &mut extra)?;
    exactly(reader, &mut comment)?;
    let name = String::from_utf8(name).map_err(|_| Fault::damaged("a zip member's name is not UTF-8"))?;

    let [mut size, mut packed, mut header] = [24, 20, 42].map(|at| u32_at(&entry, at));
    let mut zip64 = zip64_fields(&extra);
    for field in [&mut size, &mut packed, &mut header] {
        if *field == IN_ZIP64 {
            *field = zip64.next().ok_or_else(|| Fault::damaged(format!("member '{}' has no size", shown(&name))))?;
        }
    }
    let (encrypted, method) = (u16_at(&entry, 8) & 1 != 0, u16_at(&entry, 10));
    Ok((name, Member { header, size, packed, method, encrypted, crc32: u32_at(&entry, 16) as u32 }))
}

/// The 64-bit values of the Zip64 extra field, if there is one.
fn zip64_fields(extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = extra;
    let mut fields: &[u8] = &[];
    while let Some((head, tail)) = rest.split_at_checked(4) {
        let Some((body, next)) = tail.split_at_checked(u16_at(head, 2) as usize) else { break };
        if u16_at(head, 0) == 1 {
            fields = body;
            break;
        }
        rest = next;
    }
    fields.chunks_exact(8).map(|field| u64_at(field, 0))
}

fn exactly(reader: &mut impl Read, bytes: &mut [u8]) -> Result<(), Fault> {
    reader.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Fault::damaged("the directory of the zip archive is cut short"),
        _ => Fault::Io(error),
    })
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn u16_at(bytes: &[u8], at: usize) -> u64 {
    little_endian(&bytes[at..at + 2])
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    little_endian(&bytes[at..at + 4])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    little_endian(&bytes[at..at + 8])
}
