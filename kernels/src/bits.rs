//! Which gradients an activation function lets through, as one bit a number: its derivative is 0 or 1, so that nobody needs to
//! keep its output for the way back.

/// An activation function whose derivative is 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// max(x, 0), which lets through what it does not make 0.
    Relu,
    /// min(max(x, 0), 6), which lets through what lies between 0 and 6.
    Relu6,
}

impl Mask {
    /// Whether the gradient passes where the function's output is y.
    pub fn passes(self, y: f32) -> bool {
        match self {
            Mask::Relu => y > 0. || y.is_nan(),
            Mask::Relu6 => (y > 0. && y < 6.) || y.is_nan(),
        }
    }
}

/// A bit for each number of `[positions,C]`: whether the gradient passes.
#[derive(Clone, Debug)]
pub struct Bits {
    bytes: Vec<u8>,
    positions: usize,
    channels: usize,
}

impl Bits {
    /// Nothing passes yet.
    pub fn none(positions: usize, channels: usize) -> Bits {
        let bytes = vec![0; positions * row_of(channels)];
        Bits { bytes, positions, channels }
    }

    /// Whether there is a bit for each number of `[positions,C]`.
    pub(crate) fn are_for(&self, positions: usize, channels: usize) -> bool {
        self.positions == positions && self.channels == channels
    }

    /// Bytes of a position.
    pub(crate) fn row(&self) -> usize {
        row_of(self.channels)
    }

    /// The bytes from a position on.
    pub(crate) fn from(&self, position: usize) -> *const u8 {
        self.bytes[position * self.row()..].as_ptr()
    }

    /// Whether the gradient of a number passes.
    pub fn passes(&self, position: usize, channel: usize) -> bool {
        self.bytes[position * self.row() + channel / 8] >> (channel % 8) & 1 == 1
    }

    pub(crate) fn shared(&mut self) -> SharedBits {
        SharedBits { start: self.bytes.as_mut_ptr(), row: self.row() }
    }
}

/// Bytes for the bits of so many channels: whole registers of them.
fn row_of(channels: usize) -> usize {
    channels.div_ceil(16) * 2
}

/// Bits that several parts of the work write, each those of its own numbers.
#[derive(Clone, Copy)]
pub(crate) struct SharedBits {
    start: *mut u8,
    row: usize,
}

unsafe impl Sync for SharedBits {}

impl SharedBits {
    /// The bytes from a position on, which is one of them.
    pub fn at(self, position: usize) -> *mut u8 {
        self.start.wrapping_add(position * self.row)
    }
}
