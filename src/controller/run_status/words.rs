//! Numbers, texts and times within the bounds of the API.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::controller::text::harmless;

/// A count as the API writes it: there are no unsigned numbers.
pub(super) fn number(count: u64) -> Option<i64> {
    Some(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A time as the API writes it: in whole seconds.
pub(super) fn time(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

/// A text of at most so many characters, on one line and without control characters, with an ellipsis where something is missing.
pub(super) fn text(text: &str, most: usize) -> String {
    let text = harmless(&text.replace('\n', " "));
    match text.char_indices().nth(most) {
        None => text,
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// The same, absent where there is nothing to say.
pub(super) fn optional(words: &str, most: usize) -> Option<String> {
    (!words.is_empty()).then(|| text(words, most))
}

/// A stable word; the API asks for at least one character.
pub(super) fn code(word: &str) -> String {
    if word.is_empty() { "Unknown".to_owned() } else { text(word, 64) }
}
