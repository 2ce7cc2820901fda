//! One log line: its fields, and how it is written within its bounds.

use std::error::Error;
use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde_json::Value;
use tracing::Level;
use tracing::field::{Field, Visit};

/// Longest line, with its line end, in bytes.
const MOST_BYTES: usize = 16 * 1024;
/// Longest text of a field, in bytes before it is escaped. Escapes are up to six times as long.
const MOST_TEXT: usize = 2 * 1024;
/// The same in a line that would be too long.
const LITTLE_TEXT: usize = 128;
/// Most fields of a line that would be too long.
const FEW_FIELDS: usize = 16;
/// Names that a line has of its own.
const OWN: [&str; 3] = ["timestamp", "level", "truncated"];
const MARK: &str = "…";

/// Fields of a span or an event, in the order in which they came; of equal names the last counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    pub(super) fn extend(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            self.put(name, value.clone());
        }
    }

    fn put(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(name(field), Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(name(field), Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(name(field), Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(name(field), Value::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(name(field), Value::from(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(name(field), Value::from(value.to_string()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(name(field), Value::from(format!("{value:?}")));
    }
}

/// The name of a field; `r#type` is written in Rust and not meant.
fn name(field: &Field) -> &'static str {
    field.name().trim_start_matches("r#")
}

/// One event, ready to be written.
pub(super) struct Line<'a> {
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) target: &'a str,
    pub(super) fields: Fields,
}

impl Line<'_> {
    /// The line as a JSON object: time, level and message first.
    pub(super) fn json(mut self) -> String {
        let cut = self.shorten(MOST_TEXT);
        let text = self.object(cut);
        if text.len() <= MOST_BYTES {
            return text;
        }
        self.shorten(LITTLE_TEXT);
        self.fields.0.truncate(FEW_FIELDS);
        self.object(true)
    }

    /// The line as text for people: time, level, message, and fields as `name=value`.
    pub(super) fn text(mut self, colours: bool) -> String {
        let cut = self.shorten(MOST_TEXT);
        let text = self.words(colours, cut);
        if text.len() <= MOST_BYTES {
            return text;
        }
        self.shorten(LITTLE_TEXT);
        self.fields.0.truncate(FEW_FIELDS);
        self.words(colours, true)
    }

    /// Cuts the texts; whether any was too long.
    fn shorten(&mut self, most: usize) -> bool {
        let mut any = false;
        for (_, value) in &mut self.fields.0 {
            if let Value::String(text) = value
                && text.len() > most
            {
                text.truncate(text.floor_char_boundary(most - MARK.len()));
                text.push_str(MARK);
                any = true;
            }
        }
        any
    }

    fn object(&self, truncated: bool) -> String {
        let mut text = format!("{{\"timestamp\":\"{}\",\"level\":\"{}\"", time(self.at), self.level);
        let message = self.message();
        let mut pair = |name: &str, value: &Value| {
            let _ = write!(text, ",{}:{value}", Value::from(name));
        };
        pair("message", &message);
        for (name, value) in self.others() {
            match OWN.contains(&name) {
                true => pair(&format!("field.{name}"), value),
                false => pair(name, value),
            }
        }
        if truncated {
            pair("truncated", &Value::from(true));
        }
        text.push('}');
        // JSON itself escapes only what is below a space.
        let mut text = escaped(&text);
        text.push('\n');
        text
    }

    fn words(&self, colours: bool, truncated: bool) -> String {
        let colour = match self.level {
            Level::ERROR => "\u{1b}[31m",
            Level::WARN => "\u{1b}[33m",
            Level::INFO => "\u{1b}[32m",
            _ => "\u{1b}[2m",
        };
        let (begin, end) = if colours { (colour, "\u{1b}[0m") } else { ("", "") };
        let mut text = format!("{} {begin}{:>5}{end} ", time(self.at), self.level);
        let mut rest = match self.message() {
            Value::String(message) => message,
            other => other.to_string(),
        };
        for (name, value) in self.others() {
            let _ = match value {
                Value::String(plain) if is_word(plain) => write!(rest, " {name}={plain}"),
                value => write!(rest, " {name}={value}"),
            };
        }
        if truncated {
            rest.push_str(" truncated=true");
        }
        text.push_str(&escaped(&rest));
        text.push('\n');
        text
    }

    fn message(&self) -> Value {
        let own = self.fields.0.iter().find(|(name, _)| name == "message");
        own.map_or_else(|| Value::from(self.target), |(_, value)| value.clone())
    }

    fn others(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields.0.iter().filter(|(name, _)| name != "message").map(|(name, value)| (name.as_str(), value))
    }
}

fn time(at: Timestamp) -> impl fmt::Display {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_./:@".contains(c))
}

/// Control characters, and those that some readers take for a line end, as `\u` escapes.
fn escaped(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(odd) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if odd(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
