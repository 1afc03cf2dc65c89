//! Damaged copies of a file, the same ones for the same seed.

use std::ops::Range;

/// Makes damaged copies of a file.
pub struct Mutator<'a> {
    original: &'a [u8],
    /// Places near lengths, names and instructions.
    landmarks: Vec<usize>,
    random: Random,
}

/// Strings that stand near lengths, sizes and calls in weight files.
const SIGNS: &[&[u8]] =
    &[b"PK", b"torch", b"_rebuild", b"storage", b"OrderedDict", b"cpu", b"shape", b"data_offsets", b"\x80\x02"];
/// Lengths and counts that a reader may trip over.
const NUMBERS: &[u64] = &[
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    1 << 24,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    1 << 40,
    0x7FFF_FFFF_FFFF_FFFF,
    0x8000_0000_0000_0000,
    0xFFFF_FFFF_FFFF_FFFF,
];
/// Instructions of a pickle.
const INSTRUCTIONS: &[u8] =
    b"(.012NKMJ\x8a\x8bGBCX\x8cTU)t\x85\x86\x87]ae}su\x8f\x90\x91c\x93QR\x81\x92biohjqr\x94\x80\x95";

impl<'a> Mutator<'a> {
    /// Damages `original` as `seed` says.
    pub fn new(original: &'a [u8], seed: u64) -> Mutator<'a> {
        assert!(!original.is_empty());
        let mut landmarks: Vec<usize> = (0..original.len().min(64)).collect();
        // Only the first mebibyte is searched: the tensors of a large file are of no interest.
        let searched = &original[..original.len().min(1 << 20)];
        for at in 0..searched.len() {
            if SIGNS.iter().any(|sign| searched[at..].starts_with(sign)) {
                landmarks.push(at);
            }
        }
        landmarks.extend(original.len().saturating_sub(120)..original.len());
        Mutator { original, landmarks, random: Random(seed) }
    }

    /// The next damaged copy, and what was done to it.
    pub fn mutate(&mut self) -> (String, Vec<u8>) {
        let mut bytes = self.original.to_vec();
        let mut description = String::new();
        let times = if self.random.below(4) == 0 { 2 + self.random.below(3) } else { 1 };
        for _ in 0..times {
            if !bytes.is_empty() {
                description += &self.damage(&mut bytes);
            }
        }
        (description, bytes)
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) -> String {
        let random = &mut self.random;
        match random.below(9) {
            0 => {
                let (at, bit) = (random.below(bytes.len()), random.below(8));
                bytes[at] ^= 1 << bit;
                format!("flip bit {bit} of byte {at}; ")
            }
            1 => {
                let part = random.part(bytes.len(), 16);
                for byte in &mut bytes[part.clone()] {
                    *byte = random.next() as u8;
                }
                format!("overwrite {part:?}; ")
            }
            2 => {
                let length = random.below(bytes.len());
                bytes.truncate(length);
                format!("truncate to {length}; ")
            }
            3 => {
                let part = random.part(bytes.len(), 300);
                let (at, copy) = (random.below(bytes.len()), bytes[part.clone()].to_vec());
                bytes.splice(at..at, copy);
                format!("insert a copy of {part:?} at {at}; ")
            }
            4 => {
                let part = random.part(bytes.len(), 300);
                bytes.drain(part.clone());
                format!("delete {part:?}; ")
            }
            5 | 6 => {
                let at = self.near_landmark(bytes.len());
                let random = &mut self.random;
                let width = 1 << random.below(4);
                let near_length = bytes.len() as u64 + random.below(3) as u64 - 1;
                let number = NUMBERS.get(random.below(NUMBERS.len() + 2)).copied().unwrap_or(near_length);
                for (byte, new) in bytes[at..].iter_mut().zip(number.to_le_bytes()).take(width) {
                    *byte = new;
                }
                format!("write {number:#x} into {width} bytes at {at}; ")
            }
            7 => {
                let at = self.near_landmark(bytes.len());
                let bit = self.random.below(8);
                bytes[at] ^= 1 << bit;
                format!("flip bit {bit} of byte {at}; ")
            }
            _ => {
                let at = self.near_landmark(bytes.len());
                bytes[at] = INSTRUCTIONS[self.random.below(INSTRUCTIONS.len())];
                format!("write {:#04x} at {at}; ", bytes[at])
            }
        }
    }

    fn near_landmark(&mut self, length: usize) -> usize {
        let landmark = self.landmarks[self.random.below(self.landmarks.len())];
        (landmark + self.random.below(64)).saturating_sub(16).min(length - 1)
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A range of at most `longest` within `length`, of at least one.
    fn part(&mut self, length: usize, longest: usize) -> Range<usize> {
        let start = self.below(length);
        let count = 1 + self.below(longest.min(length - start));
        start..start + count
    }
}
