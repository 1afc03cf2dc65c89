//! What a layer made of pictures, kept by their content: parts of some hundred pictures in the user's cache, each a safetensors file that is there whole or not at
//! all. A picture that was seen under another name, or in another folder, is not looked at again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Context, Result, bail};

/// The name of the tensor `[N,D]`, f32, in every such file.
pub const ROWS: &str = "rows";

/// What is known of a picture beside its row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// sha256 of the file.
    pub sha256: String,
    /// Its width and height in pixels, as it is shown.
    pub size: [u32; 2],
    /// The signs by which near-duplicates are found, 32 hexadecimal digits.
    pub signs: String,
}

/// The parts of one layer.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
    /// By sha256: what is known, the part, and where in it the row begins.
    rows: HashMap<String, (Seen, usize, u64)>,
    parts: Vec<PathBuf>,
    /// Numbers of a row, once there is one.
    pub width: Option<usize>,
}

impl Kept {
    /// Those in a folder, which need not be there. A part that is broken is told of and passed over: its pictures are looked at again.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn open(folder: &Path) -> Result<Kept> {
        let mut kept = Kept { folder: folder.to_owned(), rows: HashMap::new(), parts: vec![], width: None };
        if !folder.is_dir() {
            return Ok(kept);
        }
        let cannot = || format!("{}: cannot be read", folder.display());
        let mut files: Vec<PathBuf> = vec![];
        for entry in fs::read_dir(folder).with_context(cannot)? {
            files.push(entry.with_context(cannot)?.path());
        }
        files.retain(|file| file.extension().is_some_and(|ending| ending == "safetensors"));
        files.sort();
        for file in files {
            if let Err(error) = kept.take(&file) {
                log::warn!("{}: is broken, and its pictures are looked at again: {error}", file.display());
            }
        }
        Ok(kept)
    }

    fn take(&mut self, file: &Path) -> Result<()> {
        let (header, begin) = header(file)?;
        if self.width.is_some_and(|width| width != header.shape[1]) {
            bail!("its rows have {} numbers", header.shape[1]);
        }
        let row = header.shape[1] as u64 * 4;
        if fs::metadata(file)?.len() != begin + row * header.shape[0] as u64 || header.pictures.len() != header.shape[0]
        {
            bail!("it is cut off");
        }
        self.width = Some(header.shape[1]);
        for (number, seen) in header.pictures.into_iter().enumerate() {
            self.rows.insert(seen.sha256.clone(), (seen, self.parts.len(), begin + row * number as u64));
        }
        self.parts.push(file.to_owned());
        Ok(())
    }

    /// What is known of a picture.
    pub fn seen(&self, sha256: &str) -> Option<&Seen> {
        self.rows.get(sha256).map(|(seen, ..)| seen)
    }

    /// Adds a part.
    ///
    /// # Errors
    /// Storage: a file that cannot be written.
    pub fn add(&mut self, pictures: &[Seen], rows: &[f32]) -> Result<()> {
        let (Some(first), width) = (pictures.first(), rows.len() / pictures.len().max(1)) else { return Ok(()) };
        fs::create_dir_all(&self.folder).with_context(|| format!("{}: cannot be made", self.folder.display()))?;
        // Named by its first picture: two programs that look at one folder at once write the same.
        let name = format!("{}-{}.safetensors", &first.sha256[..16], pictures.len());
        let (path, aside) = (self.folder.join(&name), self.folder.join(format!(".{name}.{}", std::process::id())));
        let cannot = || format!("{}: cannot be written", path.display());
        let mut file = Writer::begin(&aside, [pictures.len(), width], Some(pictures)).with_context(cannot)?;
        file.rows(rows).and_then(|()| file.end()).with_context(cannot)?;
        fs::rename(&aside, &path).with_context(cannot)?;
        self.take(&path)
    }

    /// Writes the rows of these pictures, in this order, as one file.
    ///
    /// # Errors
    /// Storage: files that cannot be read or written. A picture that is not there.
    pub fn write(&self, sha256: &[&str], path: &Path) -> Result<()> {
        let width = self.width.unwrap_or_default();
        let cannot = || format!("{}: cannot be written", path.display());
        let mut open: Vec<Option<File>> = self.parts.iter().map(|_| None).collect();
        let aside = path.with_extension("new");
        let mut writer = Writer::begin(&aside, [sha256.len(), width], None).with_context(cannot)?;
        let mut row = vec![0u8; width * 4];
        for sha256 in sha256 {
            let Some((_, part, begin)) = self.rows.get(*sha256) else { bail!("{sha256}: was not looked at") };
            let unreadable = || format!("{}: cannot be read", self.parts[*part].display());
            let file = match &mut open[*part] {
                Some(file) => file,
                closed => closed.insert(File::open(&self.parts[*part]).with_context(unreadable)?),
            };
            file.seek(SeekFrom::Start(*begin)).and_then(|_| file.read_exact(&mut row)).with_context(unreadable)?;
            writer.bytes(&row).with_context(cannot)?;
        }
        writer.end().with_context(cannot)?;
        fs::rename(&aside, path).with_context(cannot)
    }
}

/// What a part says of itself.
struct Header {
    shape: [usize; 2],
    pictures: Vec<Seen>,
}

/// The header of a safetensors file, and where its data begins.
fn header(file: &Path) -> Result<(Header, u64)> {
    #[derive(Deserialize)]
    struct Tensor {
        shape: [usize; 2],
    }
    #[derive(Deserialize)]
    struct Whole {
        #[serde(rename = "__metadata__")]
        metadata: HashMap<String, String>,
        rows: Tensor,
    }
    const LONGEST: u64 = 1 << 28;
    let mut file = File::open(file)?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST {
        bail!("it is no safetensors file");
    }
    let mut text = vec![0; length as usize];
    file.read_exact(&mut text)?;
    let whole: Whole = serde_json::from_slice(&text)?;
    let pictures = whole.metadata.get("pictures").context("it does not say of which pictures it is")?;
    Ok((Header { shape: whole.rows.shape, pictures: serde_json::from_str(pictures)? }, 8 + length))
}

/// A safetensors file of one tensor, written as its rows come.
struct Writer(std::io::BufWriter<File>);

impl Writer {
    fn begin(path: &Path, shape: [usize; 2], pictures: Option<&[Seen]>) -> Result<Writer> {
        let mut header = serde_json::Map::new();
        if let Some(pictures) = pictures {
            let text = serde_json::to_string(pictures)?;
            header.insert("__metadata__".to_owned(), serde_json::json!({ "pictures": text }));
        }
        let bytes = shape[0] * shape[1] * 4;
        header
            .insert(ROWS.to_owned(), serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [0, bytes] }));
        let mut text = serde_json::to_string(&header)?;
        // Numbers begin where a processor likes them to.
        text += &" ".repeat(text.len().next_multiple_of(8) - text.len());
        let mut file = std::io::BufWriter::new(File::create(path)?);
        file.write_all(&(text.len() as u64).to_le_bytes())?;
        file.write_all(text.as_bytes())?;
        Ok(Writer(file))
    }

    fn rows(&mut self, rows: &[f32]) -> Result<()> {
        let bytes: Vec<u8> = rows.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.bytes(&bytes)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.0.write_all(bytes)?)
    }

    fn end(&mut self) -> Result<()> {
        self.0.flush()?;
        Ok(self.0.get_ref().sync_all()?)
    }
}
