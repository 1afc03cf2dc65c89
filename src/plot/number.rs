//! Numbers as people read them.

/// Three significant digits; powers of ten where there would be many zeros: `0.0412`, `−12.3`, `4.1×10⁻⁶`.
pub fn figure(value: f64) -> String {
    if value == 0. || !value.is_finite() {
        return if value == 0. { "0".to_owned() } else { "not a number".to_owned() };
    }
    // The power of ten after rounding: 9.996 is 10.0.
    let power = format!("{value:.2e}").split_once('e').and_then(|(_, power)| power.parse::<i32>().ok()).unwrap_or(0);
    let text = if (-3..5).contains(&power) {
        format!("{value:.*}", (2 - power).max(0) as usize)
    } else {
        let scientific = format!("{value:.1e}");
        match scientific.split_once('e') {
            Some((mantissa, exponent)) => format!("{mantissa}×10{}", superscript(exponent)),
            None => scientific,
        }
    };
    text.replace('-', "−")
}

/// A power of ten, or the plain number where that is short.
pub(super) fn power_of_ten(exponent: i32) -> String {
    match exponent {
        -3..=0 => format!("{:.*}", exponent.unsigned_abs() as usize, 10f64.powi(exponent)),
        1..=4 => format!("{}", 10i64.pow(exponent.unsigned_abs())),
        _ => format!("10{}", superscript(&exponent.to_string())),
    }
}

/// A setting's value, as short as it can be written.
pub fn setting(value: f64) -> String {
    value.to_string().replace('-', "−")
}

/// A probability of a test: `0.034`, or `< 0.001`.
pub fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

fn superscript(digits: &str) -> String {
    let raise = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => digit.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(digit),
    };
    digits.chars().map(raise).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_wherever_the_point_is() {
        let pairs = [
            (0., "0"),
            (0.5, "0.500"),
            (-12.345, "−12.3"),
            (0.9996, "1.00"),
            (9.996, "10.0"),
            (-99.96, "−100"),
            (999.6, "1000"),
            (0.0099996, "0.0100"),
            (0.00099996, "0.00100"),
            (99_999.6, "1.0×10⁵"),
            (1234.5, "1234"),
            (0.04123, "0.0412"),
            (4.14e-6, "4.1×10⁻⁶"),
            (2.5e12, "2.5×10¹²"),
        ];
        for (value, text) in pairs {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn a_small_probability_is_a_bound() {
        assert_eq!([probability(0.0001), probability(0.0345)], ["< 0.001", "0.035"]);
    }
}
