//! Where pictures come from: files, folders, tables that name them, tar files as WebDataset has them, Parquet files, and folders of records, whose
//! pictures were made; with what is known of each.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::parquet::{Table, rows};
use crate::error::{Context, Result, bail};
use crate::picture::is_picture;
use crate::reference::below;
use crate::store::{Entry, Status, Store};

/// What is known of a picture, by column.
pub type Columns = BTreeMap<String, String>;

/// A picture that can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its file as it was named, or `TAR:MEMBER`, or `PARQUET:ROW` from 0.
    pub name: String,
    /// What is known of it, by column: of a folder in a folder `class`, of a table its other columns, of a tar file what lies beside the picture, of a run
    /// [`MADE_BY`], `unit` and `seed`.
    pub columns: Columns,
    place: Place,
}

/// Where a picture lies.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    File(PathBuf),
    /// Of a tar file: where the member begins, and how long it is.
    Member(PathBuf, u64, u64),
    /// The row of a Parquet file.
    Row(Arc<Table>, usize),
    /// Nowhere any more, and why: it was in a tar or Parquet file.
    Gone(String),
}

/// What a folder of records has in it.
const STORE: [&str; 2] = ["runs", "index"];

/// The column of what made a picture, a method's name; what has none there is a photograph.
pub const MADE_BY: &str = "made_by";

/// What a table calls the column of its pictures, one of these.
const NAMES: [&str; 4] = ["file", "path", "image", "filename"];

impl Source {
    fn file(path: PathBuf, columns: Columns) -> Source {
        Source { name: path.display().to_string(), columns, place: Place::File(path) }
    }

    /// The method by which it was made; none of a photograph.
    pub fn made_by(&self) -> Option<&str> {
        self.columns.get(MADE_BY).map(String::as_str).filter(|method| !method.is_empty())
    }

    /// Its bytes.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let cannot = || format!("{}: cannot be read", self.name);
        match &self.place {
            Place::Gone(why) => bail!("{why}"),
            Place::File(path) => std::fs::read(path).with_context(cannot),
            // Where a row has no bytes its `path` may be a file.
            Place::Row(table, row) => match (table.bytes(*row)?, self.columns.get("path")) {
                (Some(bytes), _) => Ok(bytes),
                (None, Some(file)) => std::fs::read(table.folder().join(file)).with_context(cannot),
                (None, None) => bail!("{}: has no picture", self.name),
            },
            Place::Member(tar, from, length) => {
                let mut file = File::open(tar).with_context(cannot)?;
                file.seek(SeekFrom::Start(*from)).with_context(cannot)?;
                let mut bytes = vec![0; *length as usize];
                file.read_exact(&mut bytes).with_context(cannot)?;
                Ok(bytes)
            }
        }
    }
}

/// The pictures that words name: files, folders and the folders in them, `.csv`, `.tar` and `.parquet` files, folders of records.
///
/// # Errors
/// A request: a folder, table, tar or Parquet file that cannot be read, a table without a column of pictures, no picture at all.
pub fn sources(words: &[PathBuf]) -> Result<Vec<Source>> {
    let mut found = vec![];
    for word in words {
        let ending = word.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            _ if STORE.iter().all(|part| word.join(part).is_dir()) => found.extend(of_store(word)?),
            _ if word.is_dir() => found.extend(below(word)?.into_iter().map(|path| of_folder(word, path))),
            Some("csv") => found.extend(of_table(word)?),
            Some("tar") => found.extend(of_tar(word)?),
            Some("parquet") => found.extend(of_parquet(word)?),
            _ => found.push(Source::file(word.clone(), Columns::new())),
        }
    }
    if found.is_empty() {
        bail!("{}: there are no pictures in it", words.first().map_or("", |word| word.to_str().unwrap_or_default()));
    }
    Ok(found)
}

/// What is in tar and Parquet files that were read, by the file's name; or why it could not be.
pub(super) type Archives = BTreeMap<String, Result<BTreeMap<String, Place>, String>>;

/// The picture of a name that a [`Source`] has, relative to `folder`. Tar and Parquet files are read once, into `archives`; what is not in them any more
/// has no bytes.
pub(super) fn named(name: &str, folder: &Path, columns: Columns, archives: &mut Archives) -> Source {
    type Read = fn(&Path) -> Result<Vec<Source>>;
    let inside = [(".tar:", of_tar as Read), (".parquet:", of_parquet)].into_iter().find_map(|(mark, read)| {
        let at = name.find(mark)? + mark.len();
        Some((&name[..at - 1], &name[at..], read))
    });
    let place = match inside {
        None => Place::File(folder.join(name)),
        Some((archive, member, read)) => {
            let members = archives.entry(archive.to_owned()).or_insert_with(|| {
                let path = folder.join(archive);
                let all = read(&path).map_err(|error| error.to_string())?;
                let member = |of: Source| {
                    let member = of.name.strip_prefix(path.to_str()?)?.strip_prefix(':')?;
                    Some((member.to_owned(), of.place))
                };
                Ok(all.into_iter().filter_map(member).collect())
            });
            match members {
                Err(why) => Place::Gone(why.clone()),
                Ok(members) => match members.get(member) {
                    Some(place) => place.clone(),
                    None => Place::Gone(format!("{name}: is not there any more")),
                },
            }
        }
    };
    Source { name: name.to_owned(), columns, place }
}

/// A file of a folder; the folder that it lies in is its class, unless it is the folder itself.
fn of_folder(folder: &Path, path: PathBuf) -> Source {
    let parent = path.parent().filter(|parent| *parent != folder).and_then(Path::file_name);
    let class = parent.map(|name| ("class".to_owned(), name.to_string_lossy().into_owned()));
    Source::file(path, class.into_iter().collect())
}

/// The pictures of a folder of records: of each run that is done, the one that it came to.
fn of_store(folder: &Path) -> Result<Vec<Source>> {
    let store = Store::read(folder)?;
    let done = store.entries().into_iter().filter(|entry| entry.status == Status::Done);
    let source = |entry: Entry| {
        let columns = [
            (MADE_BY, entry.generator.map_or(entry.method.clone(), |prior| format!("{}, {prior}", entry.method))),
            ("unit", entry.label.unwrap_or(entry.unit)),
            ("seed", entry.seed.0.to_string()),
            ("facet", entry.facet.to_string()),
        ];
        let columns = columns.into_iter().map(|(column, value)| (column.to_owned(), value)).collect();
        Source::file(store.picture(&entry.run_id), columns)
    };
    Ok(done.map(source).collect())
}

/// The pictures of a table: files relative to its folder.
fn of_table(table: &Path) -> Result<Vec<Source>> {
    let named = || format!("{}: cannot be read", table.display());
    let mut reader = csv::Reader::from_path(table).with_context(named)?;
    let headers: Vec<String> = reader.headers().with_context(named)?.iter().map(str::to_owned).collect();
    let Some(files) = NAMES.iter().find_map(|name| headers.iter().position(|header| header == name)) else {
        bail!("{}: has no column '{}' that names the pictures", table.display(), NAMES.join("', '"));
    };
    let folder = table.parent().unwrap_or(Path::new(""));
    let mut found = vec![];
    for row in reader.records() {
        let row = row.with_context(named)?;
        let cells = headers.iter().zip(row.iter()).enumerate().filter(|(place, _)| *place != files);
        let columns = cells.map(|(_, (header, cell))| (header.clone(), cell.to_owned())).collect();
        found.push(Source::file(folder.join(&row[files]), columns));
    }
    Ok(found)
}

/// The pictures of a Parquet file: bytes in it, or files relative to its folder.
fn of_parquet(path: &Path) -> Result<Vec<Source>> {
    let rows = rows(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let source = |(row, columns): (usize, Columns)| match (&rows.table, rows.files.get(row)) {
        (Some(table), _) => {
            let place = Place::Row(table.clone(), row);
            Source { name: format!("{}:{row}", path.display()), columns, place }
        }
        (None, file) => Source::file(folder.join(file.map_or("", String::as_str)), columns),
    };
    Ok(rows.columns.into_iter().enumerate().map(source).collect())
}

/// The pictures of a tar file; `.json` (an object), `.cls` and `.txt` of the same name tell of them.
fn of_tar(tar: &Path) -> Result<Vec<Source>> {
    let named = || format!("{}: cannot be read", tar.display());
    let mut archive = tar::Archive::new(File::open(tar).with_context(named)?);
    let mut found: Vec<(String, Source)> = vec![];
    let mut told: BTreeMap<String, Columns> = BTreeMap::new();
    for entry in archive.entries_with_seek().with_context(named)? {
        let mut entry = entry.with_context(named)?;
        let path = entry.path().with_context(named)?.into_owned();
        let sample = path.with_extension("").display().to_string();
        if is_picture(&path) {
            let place = Place::Member(tar.to_owned(), entry.raw_file_position(), entry.size());
            let name = format!("{}:{}", tar.display(), path.display());
            found.push((sample, Source { name, columns: Columns::new(), place }));
            continue;
        }
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default().to_owned();
        if !["json", "cls", "txt"].contains(&&*kind) {
            continue;
        }
        let mut text = String::new();
        entry.read_to_string(&mut text).with_context(|| format!("{}:{}: is no text", tar.display(), path.display()))?;
        let of = told.entry(sample).or_default();
        match (kind.as_str(), serde_json::from_str::<Value>(&text)) {
            ("json", Ok(Value::Object(fields))) => {
                let plain = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                of.extend(fields.into_iter().map(|(name, value)| (name, plain(value))));
            }
            ("json", _) => bail!("{}:{}: is no JSON object", tar.display(), path.display()),
            ("cls", _) => drop(of.insert("class".to_owned(), text.trim().to_owned())),
            _ => drop(of.insert("text".to_owned(), text.trim().to_owned())),
        }
    }
    let with = |(sample, source): (String, Source)| Source {
        columns: told.get(&sample).cloned().unwrap_or_default(),
        ..source
    };
    Ok(found.into_iter().map(with).collect())
}
