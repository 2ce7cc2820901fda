//! `/subscription/status/get`: what a person has decided about one subscription group (braze-rest-api 8.5).

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::endpoint::Call;
use super::exchange::{Core, End, Request};
use super::patience::Patience;
use super::transport::Payload;
use super::{BrazeError, Reply, Traffic};

/// Longest URL of a question (semantics 9.1).
const LONGEST_URL: usize = 6 << 10;

/// By what users are named in a question about a subscription group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// `external_id`, compared exactly.
    ExternalId,
    /// E-mail address, compared without case.
    Email,
    /// Phone number in E.164.
    Phone,
}

/// What Braze holds about a user and a subscription group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubscriptionState {
    /// Gets messages of the group.
    Subscribed,
    /// Opted out, or was taken out.
    Unsubscribed,
    /// No history with the group.
    Unknown,
}

#[derive(Deserialize)]
struct Answer {
    status: HashMap<String, Value>,
}

impl By {
    /// The key under which an answer about this value is found.
    fn fold(self, value: &str) -> String {
        match self {
            Self::ExternalId => value.to_owned(),
            Self::Email | Self::Phone => value.to_lowercase(),
        }
    }

    fn parameter(self) -> &'static str {
        match self {
            Self::ExternalId => "external_id",
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }
}

impl Core {
    pub(super) async fn subscription_status(
        &self,
        group_id: &str,
        by: By,
        values: &[&str],
    ) -> Reply<HashMap<String, SubscriptionState>> {
        let mut patience = Patience::new(None, self.limits.retry_for);
        let mut traffic = Traffic::default();
        let result = self.ask(group_id, by, values, &mut patience, &mut traffic).await;
        traffic.throttled = patience.throttled;
        Reply { result, traffic }
    }

    async fn ask(
        &self,
        group_id: &str,
        by: By,
        values: &[&str],
        patience: &mut Patience,
        traffic: &mut Traffic,
    ) -> Result<HashMap<String, SubscriptionState>, BrazeError> {
        let asked: HashSet<String> = values.iter().map(|value| by.fold(value)).collect();
        let mut found = HashMap::with_capacity(values.len());
        let mut refused = 0;
        let mut open = self.questions(group_id, by, values);
        while let Some(question) = open.pop() {
            let mut request = Request {
                call: Call::Status,
                payload: Payload::Query(query(group_id, by, question)),
                objects: 0,
                again: false,
                doubtful: false,
            };
            match self.exchange(&mut request, patience, traffic, states).await {
                End::Success(states) => {
                    for (value, state) in states {
                        let key = by.fold(&value);
                        if asked.contains(&key) {
                            keep_the_stricter(&mut found, key, state);
                        }
                    }
                }
                // The group, not a value.
                End::Refused { status: 404, .. } => return Err(BrazeError::RequestRefused { status: 404 }),
                End::Refused { status, .. } if question.len() == 1 => {
                    refused += 1;
                    if refused == values.len() {
                        return Err(BrazeError::RequestRefused { status });
                    }
                }
                End::Refused { .. } => {
                    let (first, second) = question.split_at(question.len() / 2);
                    open.push(second);
                    open.push(first);
                }
                End::Stopped(error) => return Err(error),
                End::Stale => unreachable!("a read has no deadline"),
            }
        }
        Ok(found)
    }

    /// The values in groups whose URLs are short enough. A value that is too long by itself is left out: no
    /// address or id is.
    fn questions<'a>(&self, group_id: &str, by: By, values: &'a [&'a str]) -> Vec<&'a [&'a str]> {
        let url = |values: &[&str]| self.transport.url_bytes(Call::Status, query(group_id, by, values).len());
        let own = url(&[]);
        let mut questions = Vec::new();
        let (mut begin, mut bytes) = (0, own);
        for (index, value) in values.iter().enumerate() {
            let more = url(&[value]) - own;
            if bytes + more > LONGEST_URL {
                if begin < index {
                    questions.push(&values[begin..index]);
                }
                (begin, bytes) = (index, own);
                if own + more > LONGEST_URL {
                    begin += 1;
                    continue;
                }
            }
            bytes += more;
        }
        if begin < values.len() {
            questions.push(&values[begin..]);
        }
        questions.reverse();
        questions
    }
}

/// The query of a question. Everything but unreserved characters is encoded, so that a plus in a phone number
/// stays a plus.
pub(super) fn query(group_id: &str, by: By, values: &[&str]) -> String {
    let mut query = String::from("subscription_group_id=");
    encode(&mut query, group_id);
    for value in values {
        query.push('&');
        query.push_str(by.parameter());
        query.push_str("%5B%5D=");
        encode(&mut query, value);
    }
    query
}

fn encode(query: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            write!(query, "%{byte:02X}").expect("a String takes everything");
        }
    }
}

/// The states of an answer; words that are not known are left out, so that nobody acts on them.
fn states(body: &Bytes) -> Option<Vec<(String, SubscriptionState)>> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let known = answer.status.into_iter().filter_map(|(value, state)| {
        let state = state.as_str()?;
        let states = [
            ("subscribed", SubscriptionState::Subscribed),
            ("unsubscribed", SubscriptionState::Unsubscribed),
            ("unknown", SubscriptionState::Unknown),
        ];
        let state = states.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(state))?.1;
        Some((value, state))
    });
    Some(known.collect())
}

/// Two spellings of one address with two states: an opt-out counts.
fn keep_the_stricter(found: &mut HashMap<String, SubscriptionState>, key: String, state: SubscriptionState) {
    let kept = found.entry(key).or_insert(state);
    if state == SubscriptionState::Unsubscribed {
        *kept = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// braze-rest-api 8.5: a plus is encoded; commas and brackets too.
    #[test]
    fn a_query_keeps_every_character_of_a_value() {
        let values = ["+31612345678", "a,b[c]&d=e f/é@x.y"];
        let query = query("0a-1", By::Phone, &values);
        assert_eq!(
            query,
            "subscription_group_id=0a-1&phone%5B%5D=%2B31612345678\
             &phone%5B%5D=a%2Cb%5Bc%5D%26d%3De%20f%2F%C3%A9%40x.y"
        );
        let decoded: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!(decoded[1], ("phone[]".to_owned(), values[0].to_owned()));
        assert_eq!(decoded[2].1, values[1]);
    }

    /// braze-rest-api 8.5: reads are capitalised.
    #[test]
    fn states_are_read_without_case_and_unknown_words_are_no_answer() {
        let body = r#"{"status":{"a":"Subscribed","b":"unsubscribed","c":"Unknown","d":"Maybe","e":null}}"#;
        let mut states = states(&Bytes::from_static(body.as_bytes())).expect("readable");
        states.sort_by(|a, b| a.0.cmp(&b.0));
        let states: Vec<_> = states.iter().map(|(value, state)| (value.as_str(), *state)).collect();
        assert_eq!(
            states,
            [
                ("a", SubscriptionState::Subscribed),
                ("b", SubscriptionState::Unsubscribed),
                ("c", SubscriptionState::Unknown)
            ]
        );
        assert!(super::states(&Bytes::from_static(br#"{"message":"success"}"#)).is_none());
    }

    #[test]
    fn of_two_states_for_one_address_the_opt_out_counts() {
        for order in [[0, 1], [1, 0]] {
            let states = [SubscriptionState::Subscribed, SubscriptionState::Unsubscribed];
            let mut found = HashMap::new();
            for index in order {
                keep_the_stricter(&mut found, "a".to_owned(), states[index]);
            }
            assert_eq!(found["a"], SubscriptionState::Unsubscribed);
        }
    }
}
