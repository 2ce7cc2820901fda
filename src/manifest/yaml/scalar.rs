//! What a plain scalar is. kubectl reads YAML 1.1 with the number syntax of Go.

use serde_json::Number;

use super::tree::Content;

/// Below this, every whole number is exactly one floating-point number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The value of an unquoted scalar.
pub(super) fn resolve(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Content::Bool(true);
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Content::Bool(false);
        }
        _ => {}
    }
    match number(text) {
        Some(number) => Content::Number(number),
        None => Content::Text(text.to_owned()),
    }
}

/// The number that a scalar is, in decimal, `0x`, `0o`, `0b` or with a leading zero (octal), `_` allowed.
pub(super) fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, bare) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if !bare.is_empty()
        && bare.bytes().all(|byte| byte.is_ascii_hexdigit())
        && let Ok(value) = u64::from_str_radix(bare, radix)
    {
        if !negative {
            return Some(Number::from(value));
        }
        if let Ok(value) = i64::try_from(-i128::from(value)) {
            return Some(Number::from(value));
        }
    }
    if !is_decimal(digits) {
        return None;
    }
    let value: f64 = plain.parse().ok()?;
    // kubectl writes a whole number without point or exponent, and so it arrives as one.
    if value.fract() == 0.0 && value.abs() < EXACT {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

/// Digits with an optional point and an optional exponent.
fn is_decimal(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let bare = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !bare.is_empty() && all_digits(bare)
    });
    all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(text) {
            Content::Null => "null".into(),
            Content::Bool(value) => value.to_string(),
            Content::Number(number) => format!("#{number}"),
            Content::Text(text) => format!("'{text}'"),
            _ => unreachable!("a scalar is no collection"),
        }
    }

    /// api.md §14: kubectl reads YAML 1.1
    #[test]
    fn plain_scalars_mean_what_they_mean_to_kubectl() {
        for (text, meaning) in [
            ("", "null"),
            ("~", "null"),
            ("yes", "true"),
            ("On", "true"),
            ("n", "false"),
            ("OFF", "false"),
            ("oN", "'oN'"),
            ("12", "#12"),
            ("-3", "#-3"),
            ("010", "#8"),
            ("0x1F", "#31"),
            ("0b11", "#3"),
            ("1_000", "#1000"),
            ("089", "#89"),
            ("1e3", "#1000"),
            (".5", "#0.5"),
            ("1.", "#1"),
            ("1e20", "#1e+20"),
            ("18446744073709551615", "#18446744073709551615"),
            ("-9223372036854775808", "#-9223372036854775808"),
            ("12:30:45", "'12:30:45'"),
            ("2026-01-02", "'2026-01-02'"),
            ("1h30m", "'1h30m'"),
            ("-", "'-'"),
            (".", "'.'"),
            ("1e", "'1e'"),
            ("10.20.0.4", "'10.20.0.4'"),
        ] {
            assert_eq!(shown(text), meaning, "{text}");
        }
    }
}
