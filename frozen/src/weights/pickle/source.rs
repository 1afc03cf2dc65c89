//! The bytes of a pickle, which never end later than the file.

use std::io::{self, BufRead, Read};

use crate::weights::error::Fault;

/// The part of a file that pickles are read from.
pub struct Source<R> {
    reader: R,
    position: u64,
    end: u64,
}

impl<R: BufRead> Source<R> {
    /// `reader` stands at byte `position` of the file; the part ends before byte `end`.
    pub fn new(reader: R, position: u64, end: u64) -> Source<R> {
        Source { reader, position, end }
    }

    /// The place in the file of the byte that is read next.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether that many bytes are left.
    pub(super) fn require(&self, count: u64) -> Result<(), Fault> {
        if count > self.end - self.position {
            return Err(Fault::damaged(format!("its pickle is cut short at byte {}", self.end)));
        }
        Ok(())
    }

    fn advance(&mut self, count: u64) -> Result<(), Fault> {
        self.require(count)?;
        self.position += count;
        Ok(())
    }

    /// An unsigned little-endian number of at most 8 bytes.
    pub(super) fn number(&mut self, width: u64) -> Result<u64, Fault> {
        self.advance(width)?;
        let mut bytes = [0; 8];
        self.reader.read_exact(&mut bytes[..width as usize])?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        self.number(1).map(|byte| byte as u8)
    }

    /// The next `count` bytes, appended to `bytes`. The caller has charged them.
    pub(super) fn append(&mut self, count: u64, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        self.advance(count)?;
        let copied = self.reader.by_ref().take(count).read_to_end(bytes)?;
        if copied as u64 == count { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) }
    }

    /// Passes over `count` bytes.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Fault> {
        self.advance(count)?;
        let mut left = count;
        while left > 0 {
            let buffered = self.reader.fill_buf()?.len();
            if buffered == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let step = left.min(buffered as u64);
            self.reader.consume(step as usize);
            left -= step;
        }
        Ok(())
    }

    /// The bytes up to the next newline.
    pub(super) fn line(&mut self) -> Result<Vec<u8>, Fault> {
        const LONGEST: usize = 1024;
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(line),
                _ if line.len() == LONGEST => {
                    return Err(Fault::damaged(format!(
                        "a name of more than {LONGEST} bytes ends at {}",
                        self.position
                    )));
                }
                byte => line.push(byte),
            }
        }
    }
}
