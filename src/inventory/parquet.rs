//! A table as Parquet (Apache), which notebooks read with the types of its columns.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::Value;

use super::table::Table;
use crate::error::{Context, Result};

/// Rows that are written together.
const GROUP: usize = 65_536;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Whole,
    Number,
    Text,
}

/// Numbers of seeds beyond 63 bits are text, as no reader has a type for them that all have.
fn kind(values: &mut dyn Iterator<Item = &Value>) -> Kind {
    let mut kind = None;
    for value in values.filter(|value| !value.is_null()) {
        let this = match value {
            value if value.is_i64() => Kind::Whole,
            value if value.is_f64() => Kind::Number,
            _ => return Kind::Text,
        };
        kind = match (kind, this) {
            (None, this) => Some(this),
            (Some(known), this) if known == this => Some(known),
            _ => Some(Kind::Number),
        };
    }
    kind.unwrap_or(Kind::Text)
}

/// The bytes of the file. Columns are optional: of 64-bit whole numbers, of double precision, or of UTF-8 text.
pub(super) fn parquet(table: &Table) -> Result<Vec<u8>> {
    let cannot = "a table cannot be written as Parquet";
    let kinds: Vec<Kind> =
        (0..table.columns.len()).map(|column| kind(&mut table.rows.iter().map(|row| &row[column]))).collect();
    let mut fields = vec![];
    for (name, kind) in table.columns.iter().zip(&kinds) {
        let (physical, logical) = match kind {
            Kind::Whole => (Physical::INT64, None),
            Kind::Number => (Physical::DOUBLE, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        fields.push(Arc::new(field.with_logical_type(logical).build().context(cannot)?));
    }
    let schema = Arc::new(Type::group_type_builder("runs").with_fields(fields).build().context(cannot)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(vec![], schema, Arc::new(properties)).context(cannot)?;
    for rows in table.rows.chunks(GROUP) {
        let mut group = writer.next_row_group().context(cannot)?;
        for (column, kind) in kinds.iter().enumerate() {
            let values = || rows.iter().map(|row| &row[column]);
            let there: Vec<i16> = values().map(|value| i16::from(!value.is_null())).collect();
            let present = || values().filter(|value| !value.is_null());
            let Some(mut of_column) = group.next_column().context(cannot)? else { break };
            match kind {
                Kind::Whole => {
                    let numbers: Vec<i64> = present().filter_map(Value::as_i64).collect();
                    of_column.typed::<Int64Type>().write_batch(&numbers, Some(&there), None).context(cannot)?;
                }
                Kind::Number => {
                    let numbers: Vec<f64> = present().filter_map(Value::as_f64).collect();
                    of_column.typed::<DoubleType>().write_batch(&numbers, Some(&there), None).context(cannot)?;
                }
                Kind::Text => {
                    let text = |value: &Value| match value {
                        Value::String(text) => ByteArray::from(text.as_str()),
                        other => ByteArray::from(other.to_string().into_bytes()),
                    };
                    let texts: Vec<ByteArray> = present().map(text).collect();
                    of_column.typed::<ByteArrayType>().write_batch(&texts, Some(&there), None).context(cannot)?;
                }
            }
            of_column.close().context(cannot)?;
        }
        group.close().context(cannot)?;
    }
    writer.into_inner().context(cannot)
}
