//! Whether a JPEG is whole: decoders fill what is missing of one with grey, and say nothing.

/// Whether the marker of the end (EOI) comes after the last scan; `bytes` begin with the marker of the start. What is behind the end does
/// not matter: cameras put other pictures there, and films (ITU-T T.81, B.1).
pub(super) fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // Entropy-coded data, where 0xff is followed by 0 or by a number that counts restarts; before a segment there is none.
        while let Some(pair) = bytes.get(at..at + 2) {
            if pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | 0xd0..=0xd7) {
                break;
            }
            at += 1;
        }
        match bytes.get(at + 1) {
            Some(0xd9) => return true,
            Some(_) => {}
            None => return false,
        }
        let Some(length) = bytes.get(at + 2..at + 4) else { return false };
        at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
    }
}
