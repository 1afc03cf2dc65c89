//! The wire format of Protocol Buffers, as far as files of networks use it: fields by number, over the bytes of the file, nothing
//! copied (protobuf.dev, "Encoding").

/// A field is cut short or impossible.
#[derive(Debug, thiserror::Error)]
#[error("a field of its protocol buffers is cut short or impossible")]
pub(crate) struct WireError;

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'f> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'f [u8]),
    Fixed32([u8; 4]),
}

/// The fields of a message in their order.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'f>(&'f [u8]);

/// The fields of a message.
pub(crate) fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

/// A number of seven bits a byte, and the bytes behind it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

impl<'f> Fields<'f> {
    fn read(&mut self) -> Option<(u64, Field<'f>)> {
        let (key, rest) = varint(self.0)?;
        let (field, rest) = match key & 7 {
            0 => {
                let (value, rest) = varint(rest)?;
                (Field::Varint(value), rest)
            }
            1 => {
                let (value, rest) = rest.split_first_chunk::<8>()?;
                (Field::Fixed64(*value), rest)
            }
            2 => {
                let (length, rest) = varint(rest)?;
                let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (Field::Bytes(bytes), rest)
            }
            5 => {
                let (value, rest) = rest.split_first_chunk::<4>()?;
                (Field::Fixed32(*value), rest)
            }
            _ => return None,
        };
        self.0 = rest;
        Some((key >> 3, field))
    }
}

impl<'f> Iterator for Fields<'f> {
    type Item = Result<(u64, Field<'f>), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_none() {
            self.0 = &[];
        }
        Some(read.ok_or(WireError))
    }
}

impl<'f> Field<'f> {
    /// A message or a text.
    pub fn bytes(self) -> Result<&'f [u8], WireError> {
        match self {
            Field::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError),
        }
    }

    /// A text, whatever is no UTF-8 replaced.
    pub fn text(self) -> Result<String, WireError> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    /// A whole number.
    pub fn int(self) -> Result<i64, WireError> {
        match self {
            Field::Varint(value) => Ok(value as i64),
            _ => Err(WireError),
        }
    }

    /// A 32-bit float.
    pub fn float(self) -> Result<f32, WireError> {
        match self {
            Field::Fixed32(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(WireError),
        }
    }

    /// Adds whole numbers, packed or one.
    pub fn ints(self, into: &mut Vec<i64>) -> Result<(), WireError> {
        match self {
            Field::Varint(value) => into.push(value as i64),
            Field::Bytes(mut bytes) => {
                while !bytes.is_empty() {
                    let (value, rest) = varint(bytes).ok_or(WireError)?;
                    into.push(value as i64);
                    bytes = rest;
                }
            }
            _ => return Err(WireError),
        }
        Ok(())
    }

    /// Adds 32-bit floats, packed or one.
    pub fn floats(self, into: &mut Vec<f32>) -> Result<(), WireError> {
        match self {
            Field::Fixed32(bytes) => into.push(f32::from_le_bytes(bytes)),
            Field::Bytes(bytes) if bytes.len() % 4 == 0 => {
                into.extend(bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])));
            }
            _ => return Err(WireError),
        }
        Ok(())
    }

    /// Adds 64-bit floats, packed or one.
    pub fn doubles(self, into: &mut Vec<f64>) -> Result<(), WireError> {
        let eight = |bytes: &[u8]| f64::from_le_bytes(std::array::from_fn(|index| bytes[index]));
        match self {
            Field::Fixed64(bytes) => into.push(eight(&bytes)),
            Field::Bytes(bytes) if bytes.len() % 8 == 0 => into.extend(bytes.chunks_exact(8).map(eight)),
            _ => return Err(WireError),
        }
        Ok(())
    }
}
