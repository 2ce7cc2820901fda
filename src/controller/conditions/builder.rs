//! Makes a list of conditions out of the one before it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Longest message, in bytes of UTF-8: the API allows 32 times as much, but nobody reads it.
pub const MOST_BYTES: usize = 1024;

/// A list that grows in its order.
pub(super) struct Builder<'a> {
    previous: &'a [Condition],
    generation: i64,
    now: Timestamp,
    list: Vec<Condition>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(previous: &'a [Condition], generation: i64, now: Timestamp) -> Self {
        Self { previous, generation, now: whole_second(now), list: Vec::new() }
    }

    /// Adds a condition. Its time is the former one unless its status flipped.
    pub(super) fn add(&mut self, type_: &str, status: &str, reason: &str, message: &str) {
        let before = super::find(self.previous, type_).filter(|before| before.status == status);
        self.list.push(Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: cut(message).into_owned(),
            last_transition_time: before
                .map_or(Time(self.now), |before| Time(whole_second(before.last_transition_time.0))),
            observed_generation: Some(self.generation),
        });
    }

    pub(super) fn finish(self) -> Vec<Condition> {
        self.list
    }
}

/// A time without its fraction: the API keeps none.
pub(super) fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The beginning of a text that fits into a message, with an ellipsis where something is missing.
pub(super) fn cut(text: &str) -> std::borrow::Cow<'_, str> {
    const ELLIPSIS: &str = "…";
    if text.len() <= MOST_BYTES {
        return text.into();
    }
    let end = text.floor_char_boundary(MOST_BYTES - ELLIPSIS.len());
    format!("{}{ELLIPSIS}", text[..end].trim_end()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// conventions 1: our messages have at most 1 KiB.
    #[test]
    fn a_long_message_is_cut_between_two_characters() {
        for letter in ["a", "ä", "€", "🦀"] {
            for shift in 0..4 {
                let text = "x".repeat(shift) + &letter.repeat(MOST_BYTES + 1);
                let short = cut(&text);
                assert!(short.len() <= MOST_BYTES && short.len() > MOST_BYTES - 8, "{}", short.len());
                assert!(short.ends_with('…'));
            }
        }
        let fits = "ä".repeat(MOST_BYTES / 2);
        assert_eq!(cut(&fits), fits);
    }
}
