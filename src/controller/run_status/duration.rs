//! Spans of time as status shows them.

use std::time::Duration;

/// A span such as `4m12s`: whole seconds from one second on, else milliseconds. It reads as a `Span` again, and has
/// at most 28 characters.
pub fn duration_text(span: Duration) -> String {
    let seconds = span.as_secs();
    if seconds == 0 {
        return match span.subsec_millis() {
            0 => "0s".to_owned(),
            millis => format!("{millis}ms"),
        };
    }
    let mut text = String::new();
    for (number, unit) in [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')] {
        if number > 0 {
            text.push_str(&format!("{number}{unit}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Span;

    /// api.md 7, `duration`: such as 4m12s, at most 28 characters.
    #[test]
    fn spans_read_as_people_write_them() {
        let text = |millis| duration_text(Duration::from_millis(millis));
        assert_eq!(
            [0, 350, 1_000, 252_900, 3_600_000, 90_061_000].map(text),
            ["0s", "350ms", "1s", "4m12s", "1h", "25h1m1s"]
        );
        assert_eq!(Span::new(text(252_000)).duration(), Some(Duration::from_secs(252)));
        assert!(duration_text(Duration::MAX).len() <= 28);
    }
}
