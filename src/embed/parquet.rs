//! Parquet files that have pictures in them, as Hugging Face gives data sets out: a column of bytes, or of bytes and the name of their file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{ConvertedType, Type as Physical};
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use serde_json::Value;

use crate::error::{Context, Result, bail};

/// What a file may call the column of its pictures, where several would do; first come, first taken.
const NAMES: [&str; 4] = ["image", "img", "file", "path"];

/// A file with a column of pictures' bytes. It is read in the order of its rows; going back begins a group of rows anew.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    /// The column of bytes among the file's leaves.
    leaf: usize,
    /// How many rows each group has.
    groups: Vec<usize>,
    open: Mutex<Option<Open>>,
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

    // All but the bytes.
    let mut fields = vec![];
    for field in schema.get_fields() {
        let kept = match (field.name() == column, &pictures) {
            (true, Pictures::Bytes(_)) if field.is_group() => {
                let rest: Vec<_> = field.get_fields().iter().filter(|part| part.name() != "bytes").cloned().collect();
                let of = Type::group_type_builder(field.name()).with_repetition(field.get_basic_info().repetition());
                (!rest.is_empty()).then(|| of.with_fields(rest).build()).transpose().with_context(named)?.map(Arc::new)
            }
            (true, Pictures::Bytes(_)) => None,
            _ if bytes(field) => None,
            _ => Some(field.clone()),
        };
        fields.extend(kept);
    }
    let count = usize::try_from(about.num_rows()).unwrap_or(0);
    let (mut columns, mut files) = (vec![], vec![]);
    if fields.is_empty() {
        columns.resize(count, BTreeMap::new());
    } else {
        let wanted = Type::group_type_builder(schema.name()).with_fields(fields).build().with_context(named)?;
        for row in reader.get_row_iter(Some(wanted)).with_context(named)? {
            let mut known = BTreeMap::new();
            for (name, value) in row.with_context(named)?.into_columns() {
                match (value, &pictures) {
                    (Field::Null, _) => {}
                    (Field::Group(parts), _) if name == column => known.extend(
                        parts
                            .into_columns()
                            .into_iter()
                            .filter(|(_, part)| *part != Field::Null)
                            .map(|(name, part)| (name, plain(&part))),
                    ),
                    (value, Pictures::Files) if name == column => files.push(plain(&value)),
                    (value, _) => {
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
    }
    let groups = reader.metadata().row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0));
    let table = match pictures {
        Pictures::Files => None,
        Pictures::Bytes(leaf) => {
            Some(Arc::new(Table { path: path.to_owned(), leaf, groups: groups.collect(), open: Mutex::new(None) }))
        }
    };
    Ok(Rows { table, columns, files })
}

impl Table {
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
        let mut kept = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Whatever fails, the next one begins anew.
        let mut open = match kept.take() {
            Some(open) if open.group == group && open.next <= within => open,
            _ => {
                let file =
                    SerializedFileReader::new(File::open(&self.path).with_context(named)?).with_context(named)?;
                let reader = file.get_row_group(group).and_then(|rows| rows.get_column_reader(self.leaf));
                Open { group, next: 0, reader: get_typed_column_reader(reader.with_context(named)?) }
            }
        };
        let before = within - open.next;
        if open.reader.skip_records(before).with_context(named)? < before {
            bail!("{}: ends before row {row}", self.path.display());
        }
        let (mut levels, mut repeats, mut values) = (vec![], vec![], Vec::<ByteArray>::new());
        open.reader.read_records(1, Some(&mut levels), Some(&mut repeats), &mut values).with_context(named)?;
        open.next = within + 1;
        *kept = Some(open);
        Ok(values.first().map(|bytes| bytes.data().to_vec()))
    }
}

/// The column of pictures, and how they are there.
fn found(schema: &Type, leaves: &[Vec<String>]) -> Option<(String, Pictures)> {
    let leaf = |path: &[&str]| leaves.iter().position(|parts| parts.iter().eq(path)).map(Pictures::Bytes);
    let of = |field: &Arc<Type>| {
        let name = field.name();
        let pictures = match field.is_group() {
            true if field.get_fields().iter().any(bytes) => leaf(&[name, "bytes"]),
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

/// Whether a column holds bytes that are no text; of a group's, only that of the name `bytes` counts.
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

/// A value as text; what is nested as JSON.
fn plain(value: &Field) -> String {
    match value {
        Field::Str(text) => text.clone(),
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => value.to_json_value().to_string(),
        _ => value.to_string(),
    }
}
