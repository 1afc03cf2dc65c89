//! Numbers that tests and their reference scripts make alike.

/// Numbers within [0, 1), as `uniform` of the script makes them.
pub fn uniform(seed: u64, count: usize) -> Vec<f64> {
    let number = |i: u64| {
        let z = seed.wrapping_mul(0x9E3779B97F4A7C15).wrapping_add((i + 1).wrapping_mul(0xD1B54A32D192ED03));
        let z = (z ^ z >> 30).wrapping_mul(0xBF58476D1CE4E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D049BB133111EB);
        ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count as u64).map(number).collect()
}
