//! What a run answers, as text: at most 256 characters that a person can read.
//!
//! A slot with its Destination's uid names the run, so two triggers that mean the same have the same text, and
//! the kinds of triggers cannot be mistaken for each other.

use jiff::Timestamp;

use crate::api::sync_run::Inputs;

use super::name::hash;

/// Longest token that is shown as it is.
const MOST_TOKEN: usize = 200;

/// A time of the schedule, such as `2026-03-01T02:30:00Z`.
pub fn scheduled(slot: Timestamp) -> String {
    slot.to_string()
}

/// The time of [`scheduled`], so that the newest started slot is known from the runs alone.
pub fn scheduled_time(slot: &str) -> Option<Timestamp> {
    slot.parse().ok().filter(|time: &Timestamp| scheduled(*time) == slot)
}

/// A request by annotation.
pub fn request(token: &str) -> String {
    format!("request:{}", readable(token))
}

/// The answer to a question, with the tokens of the annotation.
pub fn approval(tokens: &str) -> String {
    format!("approval:{}", readable(tokens))
}

/// A change of what is sent: the generations of all objects, and a digest of what they say, because an object that
/// was deleted and made again counts its generations anew.
pub fn change(inputs: &Inputs, digest: u64) -> String {
    let number = |generation: Option<i64>| generation.map_or_else(|| "-".to_owned(), |g| g.to_string());
    format!(
        "change:destination={},model={},source={},app={},content={digest:016x}",
        number(inputs.destination_generation),
        number(inputs.model_generation),
        number(inputs.source_generation),
        number(inputs.app_generation),
    )
}

/// Taking everything back before an object goes: the time from which it is tried.
pub fn cleanup(time: Timestamp) -> String {
    format!("cleanup:{time}")
}

/// A token of a person, as it is when it is short and plain, else its beginning and its hash.
fn readable(token: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:+/=@,".contains(c);
    if token.len() <= MOST_TOKEN && !token.is_empty() && token.chars().all(plain) {
        return token.to_owned();
    }
    let beginning: String = token.chars().filter(|c| plain(*c)).take(32).collect();
    format!("{beginning}~{:016x}", hash(&[token.as_bytes()]))
}
