//! A Parquet file as Embedding Atlas reads it (apple.github.io/embedding-atlas, "Command Line Tool"): places in `projection_x` and `projection_y`,
//! `neighbors` as `{"ids": [...], "distances": [...]}` of rows from 0, and whatever else is known as further columns:
//! `embedding-atlas FILE --x projection_x --y projection_y --neighbors neighbors`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::super::collection::{Collection, Near};
use super::super::table::{Column, Typed};
use super::put;
use crate::error::{Context, Result};

const CANNOT: &str = "a table cannot be written as Parquet";

/// Writes the file.
pub(super) fn write(collection: &Collection, path: &Path) -> Result<PathBuf> {
    let places = collection.layouts.first().context("there is no map")?;
    let taken = ["projection_x", "projection_y", "neighbors"];
    let columns: Vec<(&Column, Typed)> = (collection.columns.iter())
        .filter(|column| !taken.contains(&column.name.as_str()))
        .map(|column| (column, column.typed()))
        .collect();
    let mut fields = ["projection_x", "projection_y"]
        .map(|name| leaf(name, Physical::DOUBLE, None, Repetition::OPTIONAL))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    for (column, typed) in &columns {
        let (physical, logical) = match typed {
            Typed::Number { .. } => (Physical::DOUBLE, None),
            _ => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        fields.push(leaf(&column.name, physical, logical, Repetition::OPTIONAL)?);
    }
    if collection.near.is_some() {
        let lists = vec![list("ids", Physical::INT64)?, list("distances", Physical::DOUBLE)?];
        fields.push(group("neighbors", lists, None)?);
    }
    let schema = Arc::new(Type::group_type_builder("pictures").with_fields(fields).build().context(CANNOT)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(vec![], schema, Arc::new(properties)).context(CANNOT)?;
    let mut rows = writer.next_row_group().context(CANNOT)?;
    for axis in [0, 1] {
        let all: Vec<Option<f64>> = places.places.iter().map(|place| Some(f64::from(place[axis]))).collect();
        optional::<DoubleType>(&mut rows, all)?;
    }
    for (column, typed) in columns {
        match typed {
            Typed::Number { values, .. } => optional::<DoubleType>(&mut rows, values)?,
            _ => {
                let text = |cell: &String| (!cell.is_empty()).then(|| ByteArray::from(cell.as_str()));
                optional::<ByteArrayType>(&mut rows, column.cells.iter().map(text).collect())?;
            }
        }
    }
    if let Some(Near { count, places, distances }) = &collection.near {
        let ids: Vec<i64> = places.iter().map(|place| i64::from(*place)).collect();
        lists::<Int64Type>(&mut rows, &ids, *count)?;
        let distances: Vec<f64> = distances.iter().map(|distance| f64::from(*distance)).collect();
        lists::<DoubleType>(&mut rows, &distances, *count)?;
    }
    rows.close().context(CANNOT)?;
    put(path, &writer.into_inner().context(CANNOT)?)?;
    Ok(path.to_owned())
}

fn leaf(name: &str, physical: Physical, logical: Option<LogicalType>, repetition: Repetition) -> Result<TypePtr> {
    let field = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    Ok(Arc::new(field.with_logical_type(logical).build().context(CANNOT)?))
}

fn group(name: &str, fields: Vec<TypePtr>, logical: Option<LogicalType>) -> Result<TypePtr> {
    let group = Type::group_type_builder(name).with_repetition(Repetition::REQUIRED).with_fields(fields);
    Ok(Arc::new(group.with_logical_type(logical).build().context(CANNOT)?))
}

/// A list as Parquet's specification has it: a group `list` that is repeated, of an `element`.
fn list(name: &str, physical: Physical) -> Result<TypePtr> {
    let element = leaf("element", physical, None, Repetition::REQUIRED)?;
    let repeated = Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![element]);
    group(name, vec![Arc::new(repeated.build().context(CANNOT)?)], Some(LogicalType::List))
}

fn optional<T: DataType>(rows: &mut SerializedRowGroupWriter<Vec<u8>>, values: Vec<Option<T::T>>) -> Result<()> {
    let there: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    batch::<T>(rows, &values, &there, None)
}

/// Lists of `count` values each.
fn lists<T: DataType>(rows: &mut SerializedRowGroupWriter<Vec<u8>>, values: &[T::T], count: usize) -> Result<()> {
    let goes_on: Vec<i16> = (0..values.len()).map(|number| i16::from(number % count != 0)).collect();
    batch::<T>(rows, values, &vec![1; values.len()], Some(&goes_on))
}

fn batch<T: DataType>(
    rows: &mut SerializedRowGroupWriter<Vec<u8>>,
    values: &[T::T],
    there: &[i16],
    goes_on: Option<&[i16]>,
) -> Result<()> {
    let mut column = rows.next_column().context(CANNOT)?.context(CANNOT)?;
    column.typed::<T>().write_batch(values, Some(there), goes_on).context(CANNOT)?;
    column.close().context(CANNOT)
}
