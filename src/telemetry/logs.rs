//! Log lines of the operator: one JSON object a line on standard error, or a text for people.

use std::io::{self, IsTerminal as _, Write};
use std::str::FromStr;

use grouparoo_clock::Clock;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::line::{Fields, Line};

/// What libraries may say at most. They know headers and bodies: those of Secrets, too.
const CAPS: [&str; 10] = [
    "kube=warn",
    "kube_client=warn",
    "kube_client::client=error",
    "kube_runtime=warn",
    "hyper=warn",
    "hyper_util=warn",
    "h2=warn",
    "reqwest=warn",
    "rustls=warn",
    "tokio_postgres=warn",
];

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// One line of text.
    Text,
}

impl FromStr for Format {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(LogError::Format(text.to_owned())),
        }
    }
}

/// Why logging cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// There is no such format.
    #[error("{0:?} is no log format; write json or text")]
    Format(String),
    /// There is no such level.
    #[error(
        "{0:?} is no log level; write error, warn, info, debug or trace, or a filter such as info,grouparoo::braze=debug"
    )]
    Level(String),
    /// Something logs already.
    #[error("logging was started before")]
    Started,
}

/// Starts logging on standard error. `level`: `error`, `warn`, `info`, `debug` or `trace`, or a filter with
/// modules. What libraries say is capped at warnings whatever the level.
///
/// # Errors
/// A level that is none; or something logs already.
pub fn init(format: Format, level: &str, clock: Clock) -> Result<(), LogError> {
    let colours = format == Format::Text && io::stderr().is_terminal();
    let layer = Lines { format, colours, clock, write: |bytes: &[u8]| io::stderr().lock().write_all(bytes) };
    Registry::default().with(layer.with_filter(filter(level)?)).try_init().map_err(|_| LogError::Started)
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    let bad = || LogError::Level(level.to_owned());
    if level.trim().is_empty() {
        return Err(bad());
    }
    // Strict, or a typing error in a level would be the name of a module.
    if !level.contains('=') && level.parse::<tracing::Level>().is_err() && level != "off" {
        return Err(bad());
    }
    let text = [&[level], CAPS.as_slice()].concat().join(",");
    EnvFilter::try_new(text).map_err(|_| bad())
}

/// Writes events as lines.
struct Lines<W> {
    format: Format,
    colours: bool,
    clock: Clock,
    write: W,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&[u8]) -> io::Result<()> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        // Of equal names the innermost counts.
        for span in context.event_scope(event).into_iter().flatten().collect::<Vec<_>>().into_iter().rev() {
            if let Some(own) = span.extensions().get::<Fields>() {
                fields.extend(own);
            }
        }
        event.record(&mut fields);
        let meta = event.metadata();
        let line = Line { at: self.clock.now(), level: *meta.level(), target: meta.target(), fields };
        let text = match self.format {
            Format::Json => line.json(),
            Format::Text => line.text(self.colours),
        };
        // Nobody is left to be told when standard error is gone.
        let _ = (self.write)(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    fn capture(format: Format, level: &str, work: impl FnOnce()) -> Vec<String> {
        let clock = Clock::manual("2026-03-01T12:00:00.123456789Z".parse().expect("a time"));
        let written: Arc<Mutex<Vec<u8>>> = Arc::default();
        let sink = written.clone();
        let write = move |bytes: &[u8]| {
            sink.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(())
        };
        let layer = Lines { format, colours: false, clock, write };
        let subscriber = Registry::default().with(layer.with_filter(filter(level).expect("a level")));
        tracing::subscriber::with_default(subscriber, work);
        let bytes = written.lock().expect("not poisoned").clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(str::to_owned).collect()
    }

    fn only(lines: &[String]) -> Value {
        assert_eq!(lines.len(), 1, "{lines:?}");
        serde_json::from_str(&lines[0]).expect("JSON")
    }

    /// conventions 10: one JSON object a line, fields of spans among its own
    #[test]
    fn a_line_is_one_object_with_the_fields_of_its_spans() {
        let lines = capture(Format::Json, "info", || {
            let outer = tracing::info_span!(
                "reconcile",
                kind = "Model",
                generation = 3_i64,
                runId = tracing::field::Empty
            );
            let _outer = outer.enter();
            outer.record("runId", "r-1");
            let inner = tracing::info_span!("inner", kind = "Source");
            let _inner = inner.enter();
            let error = io::Error::other("it broke");
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                share = 0.5,
                fine = true,
                "could not read"
            );
            tracing::debug!("too quiet");
        });
        let line = only(&lines);
        assert_eq!(line["timestamp"], "2026-03-01T12:00:00.123456Z");
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "could not read");
        assert_eq!(line["kind"], "Source");
        assert_eq!(line["generation"], 3);
        assert_eq!(line["runId"], "r-1");
        assert_eq!(line["error"], "it broke");
        assert_eq!(line["share"], 0.5);
        assert_eq!(line["fine"], true);
        assert!(
            lines[0].starts_with(r#"{"timestamp":"2026-03-01T12:00:00.123456Z","level":"WARN","message":"#)
        );
    }

    #[test]
    fn control_characters_are_escaped_in_both_formats() {
        let work = || tracing::info!(name = "a\u{1b}[31m\u{7f}\u{9b}\u{2028}\nlevel=ERROR", "one\r\ntwo");
        let lines = capture(Format::Json, "info", work);
        assert!(!lines[0].contains(|c: char| c.is_control() || c == '\u{2028}'), "{}", lines[0]);
        let line = only(&lines);
        assert_eq!(line["name"], "a\u{1b}[31m\u{7f}\u{9b}\u{2028}\nlevel=ERROR");
        assert_eq!(line["message"], "one\r\ntwo");
        let lines = capture(Format::Text, "info", work);
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].contains(|c: char| c.is_control() || c == '\u{2028}'), "{}", lines[0]);
        assert!(lines[0].starts_with("2026-03-01T12:00:00.123456Z  INFO "), "{}", lines[0]);
    }

    /// conventions 10: at most 16 KiB a line
    #[test]
    fn a_long_line_is_cut_and_is_still_an_object() {
        for text in ["x".repeat(100_000), "\u{1}".repeat(100_000), "ü".repeat(50_000), "\"".repeat(40_000)] {
            for format in [Format::Json, Format::Text] {
                let lines = capture(format, "info", || {
                    let span = tracing::info_span!("s", a = text, b = text, kind = "Model");
                    let _span = span.enter();
                    tracing::info!(c = text, d = text, "{text}");
                });
                assert_eq!(lines.len(), 1);
                assert!(lines[0].len() < 16 * 1024, "{}", lines[0].len());
                if format == Format::Json {
                    let line = only(&lines);
                    assert_eq!(line["level"], "INFO");
                    assert_eq!(line["kind"], "Model");
                    assert_eq!(line["truncated"], true);
                }
            }
        }
    }

    #[test]
    fn a_field_cannot_pass_for_the_time_or_the_level() {
        let lines = capture(Format::Json, "info", || {
            tracing::info!(timestamp = "never", level = "FATAL", target = "t", "m");
        });
        assert_eq!(lines[0].matches("\"level\"").count(), 1);
        let line = only(&lines);
        assert_eq!((&line["level"], &line["field.level"]), (&Value::from("INFO"), &Value::from("FATAL")));
        assert_eq!(line["field.timestamp"], "never");
    }

    #[test]
    fn what_libraries_say_is_capped_whatever_the_level() {
        let lines = capture(Format::Json, "trace", || {
            tracing::trace!(target: "grouparoo::x", "ours");
            tracing::warn!(target: "kube_client::client", "{}", "a whole Secret");
            tracing::trace!(target: "hyper::proto", "a header");
            tracing::error!(target: "kube_client::client", "theirs");
        });
        let messages: Vec<String> = lines
            .iter()
            .map(|line| {
                serde_json::from_str::<Value>(line).expect("JSON")["message"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        assert_eq!(messages, ["ours", "theirs"]);
    }

    #[test]
    fn a_level_or_format_that_is_none_is_refused() {
        assert!(filter("grouparoo::braze=debug").is_ok() && filter("info,grouparoo::x=trace").is_ok());
        for wrong in ["", "infos", "loud", "grouparoo=loud"] {
            assert_eq!(filter(wrong).err(), Some(LogError::Level(wrong.to_owned())), "{wrong}");
        }
        assert_eq!("json".parse(), Ok(Format::Json));
        assert!("yaml".parse::<Format>().is_err());
    }
}
