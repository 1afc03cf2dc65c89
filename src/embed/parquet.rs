//! Parquet files that have pictures in them, as Hugging Face gives data sets out: a column of bytes, or of bytes and the name of their file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use serde_json::Value;

use crate::error::{Context, Result, bail};

/// What a file may call the column of its pictures, where several would do; first come, first taken.
const NAMES: [&str; 4] = ["image", "img", "file", "path"];

/// Places in a file that are kept open: readers on several threads take rows nearly in order.
const OPEN: usize = 8;

/// A file with a column of pictures' bytes. Rows are fastest in their order; going back may begin a group of rows anew.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    /// The column of bytes among the file's leaves.
    leaf: usize,
    /// How many rows each group has.
    groups: Vec<usize>,
    open: Mutex<Vec<Open>>,
}

/// Where a group was read to.
struct Open {
    group: usize,
    next: usize,
    reader: ColumnReaderImpl<ByteArrayType>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "row {} of group {}", self.next, self.group)
    }
}

/// The same file.
impl PartialEq for Table {
    fn eq(&self, other: &Table) -> bool {
        self.path == other.path
    }
}

/// Rows of a file: what is known of each, by column, and, where pictures are files, which.
pub(super) struct Rows {
    /// None where pictures are files of their own.
    pub table: Option<Arc<Table>>,
    pub columns: Vec<BTreeMap<String, String>>,
    /// The pictures' files as the rows have them, where pictures are files.
    pub files: Vec<String>,
}

/// Where the pictures are.
enum Pictures {
    /// Bytes: the leaf that holds them.
    Bytes(usize),
    /// A column of names.
    Files,
}

/// What is known of the pictures of a file; none is read yet.
///
/// # Errors
/// A request: no Parquet file, or none with pictures.
pub(super) fn rows(path: &Path) -> Result<Rows> {
    let named = || format!("{}: cannot be read as Parquet", path.display());
    let reader = SerializedFileReader::new(File::open(path).with_context(named)?).with_context(named)?;
    let about = reader.metadata().file_metadata();
    let schema = about.schema();
    let leaves: Vec<Vec<String>> =
        about.schema_descr().columns().iter().map(|leaf| leaf.path().parts().to_vec()).collect();
    let (column, pictures) = found(schema, &leaves).with_context(|| {
        let names: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
        format!(
            "{}: has no column of pictures (bytes, or 'path' of files), only '{}'",
            path.display(),
            names.join("', '")
        )
    })?;
    let labels = labels(
        about
            .key_value_metadata()
            .into_iter()
            .flatten()
            .find_map(|pair| (pair.key == "huggingface").then_some(pair.value.as_deref()).flatten()),
    );

    let groups: Vec<usize> =
        reader.metadata().row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).collect();
    // What is said of a picture in plain columns, and in those beside its bytes; what is nested is left out.
    let mut fields = vec![];
    for field in schema.get_fields() {
        if field.name() == column && field.is_group() {
            let rest: Vec<_> = field.get_fields().iter().filter(|part| is_plain(part)).cloned().collect();
            let of = Type::group_type_builder(field.name()).with_repetition(field.get_basic_info().repetition());
            let rest = (!rest.is_empty()).then(|| of.with_fields(rest).build()).transpose().with_context(named)?;
            fields.extend(rest.map(Arc::new));
        } else if is_plain(field) {
            fields.push(field.clone());
        }
    }
    let count = groups.iter().fold(0, |sum: usize, rows| sum.saturating_add(*rows));
    let bytes = std::fs::metadata(path).with_context(named)?.len();
    if count as u64 > bytes {
        bail!("{}: says that it has {count} rows, in {bytes} bytes", path.display());
    }
    let (mut columns, mut files) = (vec![], vec![]);
    if !fields.is_empty() {
        let wanted = Type::group_type_builder(schema.name()).with_fields(fields).build().with_context(named)?;
        for row in reader.get_row_iter(Some(wanted)).with_context(named)? {
            let mut known = BTreeMap::new();
            for (name, value) in row.with_context(named)?.into_columns() {
                match value {
                    Field::Null => {}
                    Field::Group(parts) => {
                        let parts = parts.into_columns().into_iter().filter(|(_, part)| *part != Field::Null);
                        known.extend(parts.map(|(name, part)| (name, plain(&part))));
                    }
                    value if name == column => files.push(plain(&value)),
                    value => {
                        let class = match (labels.get(&name), &value) {
                            (Some(names), Field::Long(number)) => {
                                usize::try_from(*number).ok().and_then(|number| names.get(number))
                            }
                            _ => None,
                        };
                        known.insert(name, class.cloned().unwrap_or_else(|| plain(&value)));
                    }
                }
            }
            if matches!(pictures, Pictures::Files) && files.len() == columns.len() {
                bail!("{}: row {} names no picture in '{column}'", path.display(), columns.len());
            }
            columns.push(known);
        }
        if columns.len() != count {
            bail!("{}: has {} rows, and says that it has {count}", path.display(), columns.len());
        }
    }
    columns.resize(count, BTreeMap::new());
    let table = match pictures {
        Pictures::Files => None,
        Pictures::Bytes(leaf) => {
            Some(Arc::new(Table { path: path.to_owned(), leaf, groups, open: Mutex::new(vec![]) }))
        }
    };
    Ok(Rows { table, columns, files })
}

impl Table {
    /// The folder that its files are relative to.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The bytes of a row's picture; none where the row has none.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn bytes(&self, row: usize) -> Result<Option<Vec<u8>>> {
        let named = || format!("{}: cannot be read", self.path.display());
        let (mut group, mut within) = (0, row);
        while self.groups.get(group).is_some_and(|rows| within >= *rows) {
            within -= self.groups[group];
            group += 1;
        }
        if group == self.groups.len() {
            bail!("{}: has no row {row}", self.path.display());
        }
        let mut kept = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |(_, open): &(usize, &Open)| open.group == group && open.next <= within;
        let near = kept.iter().enumerate().filter(fits).max_by_key(|(_, open)| open.next).map(|(place, _)| place);
        let known = near.map(|place| kept.remove(place));
        drop(kept);
        // Whatever fails is not kept, and the next one begins anew.
        let mut open = match known {
            Some(open) => open,
            None => {
                let file =
                    SerializedFileReader::new(File::open(&self.path).with_context(named)?).with_context(named)?;
                if group >= file.num_row_groups() {
                    bail!("{}: has no row {row} any more", self.path.display());
                }
                let reader = file.get_row_group(group).and_then(|rows| rows.get_column_reader(self.leaf));
                Open { group, next: 0, reader: get_typed_column_reader(reader.with_context(named)?) }
            }
        };
        let before = within - open.next;
        if open.reader.skip_records(before).with_context(named)? < before {
            bail!("{}: ends before row {row}", self.path.display());
        }
        let (mut levels, mut repeats, mut values) = (vec![], vec![], Vec::<ByteArray>::new());
        let (read, ..) =
            open.reader.read_records(1, Some(&mut levels), Some(&mut repeats), &mut values).with_context(named)?;
        if read != 1 {
            bail!("{}: ends before row {row}", self.path.display());
        }
        open.next = within + 1;
        let mut kept = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(open);
        if kept.len() > OPEN {
            kept.remove(0);
        }
        Ok(values.first().map(|bytes| bytes.data().to_vec()))
    }
}

/// The column of pictures, and how they are there.
fn found(schema: &Type, leaves: &[Vec<String>]) -> Option<(String, Pictures)> {
    let leaf = |path: &[&str]| leaves.iter().position(|parts| parts.iter().eq(path)).map(Pictures::Bytes);
    let of = |field: &Arc<Type>| {
        let name = field.name();
        let pictures = match field.is_group() {
            true if field.get_fields().iter().any(|part| part.name() == "bytes" && bytes(part)) => {
                leaf(&[name, "bytes"])
            }
            false if bytes(field) => leaf(&[name]),
            _ => None,
        };
        pictures.map(|pictures| (name.to_owned(), pictures))
    };
    let fields = schema.get_fields();
    let called = |name: &&str| fields.iter().find(|field| field.name() == *name);
    let text = |field: &&Arc<Type>| field.is_primitive() && field.get_physical_type() == Physical::BYTE_ARRAY;
    let files = |field: &Arc<Type>| (field.name().to_owned(), Pictures::Files);
    (NAMES.iter().filter_map(called).find_map(of))
        .or_else(|| fields.iter().find_map(of))
        .or_else(|| NAMES.iter().filter_map(called).find(text).map(files))
}

/// Whether a column is one of words, numbers, times or yes and no, a value a row.
fn is_plain(field: &Arc<Type>) -> bool {
    let info = field.get_basic_info();
    if field.is_group() || info.has_repetition() && info.repetition() == Repetition::REPEATED {
        return false;
    }
    match field.get_physical_type() {
        Physical::BOOLEAN | Physical::FLOAT | Physical::DOUBLE => true,
        Physical::BYTE_ARRAY => {
            matches!(info.converted_type(), ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON)
        }
        Physical::INT32 | Physical::INT64 => !matches!(
            info.converted_type(),
            ConvertedType::DECIMAL | ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS
        ),
        _ => false,
    }
}

/// Whether a column holds bytes that are no text.
fn bytes(field: &Arc<Type>) -> bool {
    field.is_primitive()
        && field.get_physical_type() == Physical::BYTE_ARRAY
        && field.get_basic_info().converted_type() == ConvertedType::NONE
        && field.get_basic_info().logical_type_ref().is_none()
}

/// The names of classes by column, as Hugging Face keeps them with a file.
fn labels(kept: Option<&str>) -> BTreeMap<String, Vec<String>> {
    let kept: Value = kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let features = kept["info"]["features"].as_object().into_iter().flatten();
    features
        .filter_map(|(name, feature)| {
            let names = feature["names"].as_array()?.iter().map(|class| class.as_str().map(str::to_owned));
            Some((name.clone(), names.collect::<Option<_>>()?))
        })
        .collect()
}

/// A value as text; a time that no calendar has as its number.
fn plain(value: &Field) -> String {
    // Days, of two hundred thousand years.
    const FAR: i64 = 73_000_000;
    match value {
        Field::Str(text) => text.clone(),
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Date(days) if i64::from(*days).abs() > FAR => days.to_string(),
        Field::TimestampMillis(time) if (time / 86_400_000).abs() > FAR => time.to_string(),
        Field::TimestampMicros(time) if (time / 86_400_000_000).abs() > FAR => time.to_string(),
        _ => value.to_string(),
    }
}
