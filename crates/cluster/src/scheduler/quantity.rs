//! Kubernetes quantities (`500m`, `1Gi`, `1e3`) as thousandths.

/// The quantity in thousandths of its unit, rounded up; `None` where the text is no quantity.
pub(crate) fn thousandths(text: &str) -> Option<i128> {
    let digits_end =
        text.find(|letter: char| !matches!(letter, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits_end);
    let exponent = suffix.strip_prefix(['e', 'E']).filter(|rest| !rest.is_empty());
    let scale = match (exponent.map(str::parse::<i32>), suffix) {
        (Some(Ok(exponent)), _) => Scale::Ten(exponent),
        (_, "") => Scale::Ten(0),
        (_, "n") => Scale::Ten(-9),
        (_, "u") => Scale::Ten(-6),
        (_, "m") => Scale::Ten(-3),
        (_, "k") => Scale::Ten(3),
        (_, "M") => Scale::Ten(6),
        (_, "G") => Scale::Ten(9),
        (_, "T") => Scale::Ten(12),
        (_, "P") => Scale::Ten(15),
        (_, "E") => Scale::Ten(18),
        (_, "Ki") => Scale::Two(10),
        (_, "Mi") => Scale::Two(20),
        (_, "Gi") => Scale::Two(30),
        (_, "Ti") => Scale::Two(40),
        (_, "Pi") => Scale::Two(50),
        (_, "Ei") => Scale::Two(60),
        _ => return None,
    };
    scaled(number, scale)
}

#[derive(Clone, Copy)]
enum Scale {
    Ten(i32),
    Two(u32),
}

fn scaled(number: &str, scale: Scale) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let (value, exponent) = match scale {
        Scale::Ten(exponent) => (digits, exponent + 3 - places),
        Scale::Two(bits) => (digits.checked_mul(1 << bits)?, 3 - places),
    };
    let factor = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 {
        value.checked_mul(factor)
    } else {
        Some(value.div_euclid(factor) + i128::from(value.rem_euclid(factor) != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_in_every_form() {
        for (text, expected) in [
            ("1", 1000),
            ("500m", 500),
            ("0.5", 500),
            ("2k", 2_000_000),
            ("1e3", 1_000_000),
            ("1Ki", 1_024_000),
            ("1.5Gi", 1_610_612_736_000),
            ("1n", 1),
            ("1E", 1_000_000_000_000_000_000_000),
            ("-1", -1000),
        ] {
            assert_eq!(thousandths(text), Some(expected), "{text}");
        }
        for text in ["", "x", "1x", "1.2.3", "Gi"] {
            assert_eq!(thousandths(text), None, "{text:?}");
        }
    }
}
