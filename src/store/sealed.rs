//! Sealed records: a record's files and `files.sha256`, which lists the others as `sha256sum` does, so that
//! `sha256sum -c files.sha256` in its folder checks it.
//!
//! The sha256 of `files.sha256` is the record's *seal*: it vouches for every byte of it.

use std::fs::{self, File};
use std::io::{self, Cursor, ErrorKind, Read};
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use tch::{Kind, Tensor};

use super::disk::{self, Identity};
use super::entry::{Beside, Entry};
use super::hash::Hash;
use super::record::{Leaves, Record, RunId, SCHEMA_VERSION, Status, Timing, trace_csv};
use crate::error::{Context, Error, Result, request};

/// The file that lists the others.
pub(super) const LISTING: &str = "files.sha256";
/// The file that says what the run was.
pub(super) const RECORD: &str = "record.json";
/// The picture of a run that is done.
pub(super) const PICTURE: &str = "image.png";
/// The same with its transparency, of a picture that has one.
const CUT_OUT: &str = "cut-out.png";
/// The clock's part.
const TIMING: &str = "timing.json";
/// Without these no record is whole.
const REQUIRED: [&str; 2] = [RECORD, TIMING];
/// A listing or `record.json` larger than this is not one of ours.
const LARGEST: u64 = 64 << 20;

/// A record as bytes, ready for [`Store::write_all`](super::Store::write_all).
pub struct Sealed {
    pub(super) entry: Entry,
    /// Names and contents; the listing is the last.
    pub(super) files: Vec<(&'static str, Vec<u8>)>,
}

impl Sealed {
    /// The files, by name; the last one lists the sha256 of the others.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (*name, &bytes[..]))
    }

    /// The bytes of the file of this name.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files().find_map(|(known, bytes)| (known == name).then_some(bytes))
    }

    /// The record, read back.
    ///
    /// # Errors
    /// None that a sealed record can have.
    pub fn record(&self) -> Result<Record> {
        Ok(serde_json::from_slice(self.file(RECORD).ok_or_else(|| Error::storage("a record has its file"))?)?)
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl Leaves<'_> {
    /// The bytes of all files.
    ///
    /// # Errors
    /// Numbers that cannot be written down: not finite where a record must have one.
    pub fn seal(&self) -> Result<Sealed> {
        let named = || format!("run {}: its record cannot be made", self.record.run_id);
        let record = record_json(self.record).with_context(named)?;
        let timing = format!("{}\n", serde_json::to_string_pretty(self.timing).with_context(named)?);
        let mut files = vec![(RECORD, record), (TIMING, timing.into_bytes())];
        if let Some(trace) = self.trace {
            files.push(("trace.csv", trace_csv(trace, self.regularizers).into_bytes()));
        }
        if let Some(state) = self.state {
            files.push(("state.safetensors", safetensors(state).with_context(named)?));
        }
        if let Some(picture) = self.picture {
            let mut png = Cursor::new(vec![]);
            picture.write_to(&mut png, image::ImageFormat::Png).with_context(named)?;
            files.push((PICTURE, png.into_inner()));
        }
        if let (Some(state), Some(_)) = (self.cut_out, self.picture) {
            files.push((CUT_OUT, cut_out(state).with_context(named)?));
        }
        let listing = listing(files.iter().map(|(name, bytes)| (*name, Hash::of(bytes))));
        let bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>() + listing.len() as u64;
        let beside = Beside { seal: Hash::of(&listing), bytes, seconds: Some(self.timing.seconds()) };
        let entry = Entry::of(self.record, beside);
        files.push((LISTING, listing));
        Ok(Sealed { entry, files })
    }
}

/// Colours `[3,H,W]` with their opacity `[1,H,W]` as a PNG file.
fn cut_out([colours, opacity]: [&Tensor; 2]) -> Result<Vec<u8>> {
    let levels = (Tensor::cat(&[colours, opacity], 0).clamp(0., 1.) * 255.).round().to_kind(Kind::Uint8);
    let size = levels.size();
    let bytes = Vec::<u8>::try_from(&levels.permute([1, 2, 0]).contiguous().flatten(0, -1))?;
    let picture = image::RgbaImage::from_raw(size[2] as u32, size[1] as u32, bytes);
    let picture = picture.ok_or_else(|| Error::compute("a cut-out has colours and an opacity"))?;
    let mut png = Cursor::new(vec![]);
    picture.write_to(&mut png, image::ImageFormat::Png)?;
    Ok(png.into_inner())
}

/// The bytes of `record.json`, which can be read again.
pub(super) fn record_json(record: &Record) -> Result<Vec<u8>> {
    let text = serde_json::to_string_pretty(record)?;
    serde_json::from_str::<Record>(&text).context("a number is not finite")?;
    Ok(format!("{text}\n").into_bytes())
}

/// Tensors as a safetensors file.
fn safetensors(tensors: &[(&'static str, Tensor)]) -> Result<Vec<u8>> {
    let mut all = vec![];
    for (name, tensor) in tensors {
        let dtype = match tensor.kind() {
            Kind::Float => Dtype::F32,
            Kind::Double => Dtype::F64,
            Kind::Int64 => Dtype::I64,
            kind => return Err(Error::compute(format!("'{name}' holds numbers of type {kind:?}"))),
        };
        let tensor = tensor.to_device(tch::Device::Cpu).contiguous();
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        let shape: Vec<usize> = tensor.size().into_iter().map(|side| side as usize).collect();
        all.push((*name, dtype, shape, bytes));
    }
    let views: Result<Vec<_>, _> = all
        .iter()
        .map(|(name, dtype, shape, bytes)| Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?)))
        .collect();
    views.and_then(|views| safetensors::serialize(views, None)).context("the tensors cannot be written")
}

/// The text of `files.sha256`.
pub(super) fn listing<'a>(files: impl Iterator<Item = (&'a str, Hash)>) -> Vec<u8> {
    files.map(|(name, hash)| format!("{hash}  {name}\n")).collect::<String>().into_bytes()
}

/// Names and hashes of a listing.
pub(super) fn parse_listing(bytes: &[u8]) -> Result<Vec<(String, Hash)>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| format!("{LISTING} is not text"))?;
    if !text.ends_with('\n') {
        return Err(format!("{LISTING} is cut"));
    }
    let mut files: Vec<(String, Hash)> = vec![];
    for line in text.lines() {
        let (hash, name) = line.split_once("  ").ok_or_else(|| format!("{LISTING}: '{line}' is no line of it"))?;
        let hash = hash.parse().map_err(|reason| format!("{LISTING}: {reason}"))?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.starts_with('.') || name.is_empty() || !name.chars().all(allowed) {
            return Err(format!("{LISTING}: '{name}' is no file of a record"));
        }
        files.push((name.to_owned(), hash));
    }
    match REQUIRED.iter().find(|required| !files.iter().any(|(name, _)| name == *required)) {
        Some(missing) => Err(format!("{LISTING} lists no {missing}")),
        None => Ok(files),
    }
}

/// A record that was read and hashed.
pub(super) struct Sound {
    pub record: Record,
    pub beside: Beside,
}

impl Sound {
    /// What the index knows of it.
    pub fn entry(&self) -> Entry {
        Entry::of(&self.record, self.beside)
    }
}

/// Why a folder is not the record that it should be.
#[derive(Debug)]
pub(super) enum Unsound {
    /// There is nothing.
    Absent,
    /// Files are missing, cut or changed.
    Damaged { reason: String, identity: Identity },
    /// It cannot be told: no permission, say, or a record of another version of this program.
    Unreadable(Error),
}

/// How often a folder is looked at that others exchange at the same time.
const ATTEMPTS: usize = 5;

/// Reads the record of a run, and hashes every file of it.
pub(super) fn check(folder: &Path, id: &RunId) -> Result<Sound, Unsound> {
    of_one_folder(folder, || {
        let (listing, record) = read_sealed(folder, id)?;
        let (mut bytes, seal) = (listing.len() as u64, Hash::of(&listing));
        for (name, expected) in parse_listing(&listing).map_err(Trouble::Damage)? {
            let path = folder.join(&name);
            let (found, length) = File::open(&path).and_then(Hash::of_reader).map_err(|error| trouble(&path, error))?;
            if found != expected {
                return Err(Trouble::Damage(format!("{name} is changed: its sha256 is {found}, not {expected}")));
            }
            bytes += length;
        }
        let timing = read(&folder.join(TIMING)).ok().and_then(|text| serde_json::from_slice::<Timing>(&text).ok());
        Ok(Sound { record, beside: Beside { seal, bytes, seconds: timing.map(|timing| timing.seconds()) } })
    })
}

/// Reads the record of a run whose seal is known: hashes the listing and `record.json`, and leaves the other files be.
pub(super) fn read_record(folder: &Path, id: &RunId, seal: Hash) -> Result<Record, Unsound> {
    of_one_folder(folder, || {
        let (listing, record) = read_sealed(folder, id)?;
        match Hash::of(&listing) == seal {
            true => Ok(record),
            false => Err(Trouble::Damage(format!("{LISTING} is changed"))),
        }
    })
}

/// The seal of the record in a folder, such as it is.
pub(super) fn seal_of(folder: &Path) -> io::Result<Hash> {
    read(&folder.join(LISTING)).map(|listing| Hash::of(&listing))
}

/// The listing and `record.json`, of which the first vouches for the second.
fn read_sealed(folder: &Path, id: &RunId) -> Result<(Vec<u8>, Record), Trouble> {
    let path = folder.join(LISTING);
    let listing = read(&path).map_err(|error| trouble(&path, error))?;
    let files = parse_listing(&listing).map_err(Trouble::Damage)?;
    let path = folder.join(RECORD);
    let bytes = read(&path).map_err(|error| trouble(&path, error))?;
    if !files.contains(&(RECORD.to_owned(), Hash::of(&bytes))) {
        return Err(Trouble::Damage(format!("{RECORD} is changed")));
    }
    let record: Record = match serde_json::from_slice(&bytes) {
        Ok(record) => record,
        Err(reason) => {
            let version = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
            let version = version.and_then(|record| record.get("schema_version")?.as_u64());
            return Err(match version.filter(|version| *version != u64::from(SCHEMA_VERSION)) {
                Some(version) => Trouble::Other(request!(
                    "{}: its schema_version is {version}, and this program reads {SCHEMA_VERSION}; use the program that made it, or another folder",
                    path.display()
                )),
                None => Trouble::Damage(format!("{RECORD} is no record: {reason}")),
            });
        }
    };
    if record.run_id != *id {
        return Err(Trouble::Damage(format!("{RECORD} is that of run {}", record.run_id)));
    }
    if record.status == Status::Done && !files.iter().any(|(name, _)| name == PICTURE) {
        return Err(Trouble::Damage(format!("{LISTING} lists no {PICTURE}")));
    }
    Ok((listing, record))
}

/// What stands in the way of reading a record.
enum Trouble {
    Damage(String),
    Other(Error),
}

fn trouble(path: &Path, error: io::Error) -> Trouble {
    let name = path.file_name().unwrap_or_default().display();
    match error.kind() {
        ErrorKind::NotFound => Trouble::Damage(format!("{name} is missing")),
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidData => {
            Trouble::Damage(format!("{name} is not a file of a record: {error}"))
        }
        // The disk itself cannot give it back.
        _ if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
            Trouble::Damage(format!("{name} cannot be read: {error}"))
        }
        _ => Trouble::Other(disk::error(path, "read", error)),
    }
}

/// Reads out of one and the same folder, though another process may exchange it meanwhile.
fn of_one_folder<T>(folder: &Path, look: impl Fn() -> Result<T, Trouble>) -> Result<T, Unsound> {
    let identity = || disk::identity(folder);
    let absent = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => Unsound::Absent,
        _ => Unsound::Unreadable(disk::error(folder, "read", error)),
    };
    let mut before = identity().map_err(absent)?;
    let mut damage = None;
    for _ in 0..ATTEMPTS {
        let found = look();
        let after = identity().map_err(absent)?;
        if before == after {
            match found {
                Ok(found) => return Ok(found),
                Err(Trouble::Other(error)) => return Err(Unsound::Unreadable(error)),
                // Worth a second look: files of two folders may have been taken for those of one.
                Err(Trouble::Damage(reason)) if damage.as_ref() == Some(&reason) => {
                    return Err(Unsound::Damaged { reason, identity: before });
                }
                Err(Trouble::Damage(reason)) => damage = Some(reason),
            }
        }
        before = after;
    }
    Err(Unsound::Unreadable(Error::storage(format!("{}: changes again and again", folder.display()))))
}

/// A small file.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = vec![];
    match file.take(LARGEST + 1).read_to_end(&mut bytes)? as u64 > LARGEST {
        true => Err(io::Error::new(ErrorKind::InvalidData, "it is far too large")),
        false => Ok(bytes),
    }
}

/// Removes a folder of ours; one that stays behind is found by the next process that opens the store.
pub(super) fn discard(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}
