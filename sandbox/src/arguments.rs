//! The command line of the sandbox.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use braze_sandbox::{
    Account, Ceiling, DEFAULT_KEY, Delays, Effect, ErrorStyle, FaultRule, Group, Limit, Options, Permissions,
    RateLimits, RateMode,
};
use clap::{Parser, ValueEnum};

/// A local Braze to try a sync against: it keeps users and subscription states, shows them on a page, and can
/// be slow or fail on command.
#[derive(Debug, Parser)]
#[command(name = "braze-sandbox", version)]
pub(crate) struct Arguments {
    /// Where to listen; port 0 takes a free port
    #[arg(long, default_value = "127.0.0.1:8070", env = "BRAZE_SANDBOX_LISTEN")]
    listen: SocketAddr,
    /// Where to listen for https, with a certificate of a CA made at the start
    #[arg(long, num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    https: Option<SocketAddr>,
    /// Write the CA's certificate here, as PEM
    #[arg(long, requires = "https")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Host name or address for the https certificate, besides localhost
    #[arg(long, value_name = "NAME", requires = "https")]
    tls_name: Vec<String>,
    /// API key, with its permissions or with all: KEY or KEY=users.track,users.delete
    #[arg(long, value_name = "KEY[=PERMISSION,...]", default_value = DEFAULT_KEY)]
    key: Vec<String>,
    /// Subscription group; the channel is email, sms or whatsapp
    #[arg(long, value_name = "UUID=NAME[:CHANNEL]")]
    group: Vec<Group>,
    /// Put off every answer by so long, such as 200ms
    #[arg(long, value_name = "SPAN", value_parser = span)]
    latency: Option<Duration>,
    /// How late accepted writes take effect
    #[arg(long, value_enum, default_value_t = Preset::None)]
    preset: Preset,
    /// Show new users as empty shells for so long, before their attributes
    #[arg(long, value_name = "SPAN", value_parser = span)]
    two_step: Option<Duration>,
    /// Let requests overtake each other within so long
    #[arg(long, value_name = "SPAN", value_parser = span)]
    shuffle: Option<Duration>,
    /// Fault: an effect (429, 503, 504-after, reset, reset-after, latency=1s, cut, garbage, ...), on which
    /// requests (@3, @3+, @..3, @/3, @10%), at which path
    #[arg(long, value_name = "EFFECT[@WHEN][:PATH]")]
    fail: Vec<FaultRule>,
    /// Refuse the objects of this external id
    #[arg(long, value_name = "EXTERNAL_ID")]
    refuse: Vec<String>,
    /// Most objects in one request to /users/track
    #[arg(long, default_value_t = 75)]
    ceiling: usize,
    /// Most requests a minute to /users/track
    #[arg(long, value_name = "REQUESTS")]
    track_limit: Option<u64>,
    /// Tell ceilings as contracts by monthly active users do: seconds left, and a wait on a 429
    #[arg(long)]
    mau: bool,
    /// Name errors by the symbolic codes of the documentation
    #[arg(long)]
    codes: bool,
    /// Behave as to an account of today: exports must name their fields
    #[arg(long)]
    new_account: bool,
    /// Keep the first type seen of each attribute
    #[arg(long)]
    sticky_types: bool,
    /// Refuse what Braze would swallow without a word
    #[arg(long)]
    strict: bool,
    /// Count the objects of /users/track and keep no users, for measuring a sender
    #[arg(long)]
    counting_sink: bool,
    /// Most requests kept in the journal; 0 switches it off
    #[arg(long, default_value_t = 10_000)]
    journal: usize,
    /// Load the content from this file at the start, if it exists, and write it there at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Write the http port here as soon as requests are taken
    #[arg(long, value_name = "FILE")]
    pub(crate) port_file: Option<PathBuf>,
    /// Log every request
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// At once
    None,
    /// As recorded in 2021: 6 s for one object, else 1 s and 40 ms a profile
    #[value(name = "2021")]
    Recorded2021,
}

/// The command line asks for something that does not go together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BadArguments {
    #[error("an API key is empty")]
    EmptyKey,
}

fn span(text: &str) -> Result<Duration, String> {
    let span: Result<jiff::SignedDuration, _> = text.parse();
    span.ok()
        .and_then(|span| Duration::try_from(span).ok())
        .ok_or_else(|| format!("'{text}' is no span of time; write 200ms, 5s or 1m 30s"))
}

impl Arguments {
    /// The options that the command line asks for.
    pub(crate) fn options(&self) -> Result<Options, BadArguments> {
        let none = Delays::none();
        let preset = match self.preset {
            Preset::None => none,
            Preset::Recorded2021 => Delays::recorded_2021(),
        };
        let delays = Delays {
            two_step: self.two_step.unwrap_or(preset.two_step),
            shuffle: self.shuffle.unwrap_or(preset.shuffle),
            ..preset
        };
        let mut faults = self.fail.clone();
        faults.extend(self.latency.map(|span| FaultRule::always(Effect::Latency(span))));
        Ok(Options {
            listen: self.listen,
            https: self.https,
            tls_names: self.tls_name.clone(),
            keys: self.keys()?,
            groups: self.group.clone(),
            ceiling: Ceiling::Total(self.ceiling),
            error_style: if self.codes { ErrorStyle::Codes } else { ErrorStyle::Sentences },
            rate: self.rate(),
            delays,
            faults,
            refused: self.refuse.iter().map(|id| (id.clone(), "refused on command".to_owned())).collect(),
            sticky_types: self.sticky_types,
            account: if self.new_account { Account::New } else { Account::Old },
            strict: self.strict,
            counting_sink: self.counting_sink,
            journal_limit: self.journal,
            ..Options::default()
        })
    }

    fn keys(&self) -> Result<BTreeMap<String, Permissions>, BadArguments> {
        let read = |text: &String| {
            let (key, permissions) = match text.split_once('=') {
                Some((key, names)) => {
                    (key, Permissions::only(names.split(',').filter(|name| !name.is_empty())))
                }
                None => (text.as_str(), Permissions::All),
            };
            if key.is_empty() { Err(BadArguments::EmptyKey) } else { Ok((key.to_owned(), permissions)) }
        };
        self.key.iter().map(read).collect()
    }

    fn rate(&self) -> RateLimits {
        let mut rate = if self.new_account { RateLimits::new_account() } else { RateLimits::default() };
        if let Some(requests) = self.track_limit {
            rate.track = Limit::per(requests, 60);
        }
        if self.mau {
            rate.mode = RateMode::Mau;
        }
        rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Options {
        let all = ["braze-sandbox"].iter().chain(arguments);
        Arguments::try_parse_from(all).expect("arguments").options().expect("options")
    }

    #[test]
    fn the_command_line_becomes_options() {
        let options = options(&[
            "--key",
            "full",
            "--key",
            "less=users.track,users.delete",
            "--group",
            "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11=News:sms",
            "--fail",
            "503@10%:/users/track",
            "--latency",
            "200ms",
            "--preset",
            "2021",
            "--ceiling",
            "5",
            "--mau",
            "--https",
        ]);
        assert_eq!(options.keys["full"], Permissions::All);
        assert_eq!(options.keys["less"], Permissions::only(["users.track", "users.delete"]));
        assert_eq!(options.keys.len(), 2);
        assert_eq!(options.groups[0].name, "News");
        assert_eq!(options.faults.len(), 2);
        assert_eq!(options.delays, Delays::recorded_2021());
        assert_eq!(options.ceiling, Ceiling::Total(5));
        assert_eq!(options.rate.mode, RateMode::Mau);
        assert!(options.https.is_some());
    }

    #[test]
    fn without_arguments_a_plain_sandbox_takes_the_default_key() {
        let options = options(&[]);
        assert_eq!(options.keys.keys().collect::<Vec<_>>(), [DEFAULT_KEY]);
        assert_eq!(options.https, None);
        let bad = Arguments::try_parse_from(["braze-sandbox", "--key", "=users.track"]).expect("arguments");
        assert_eq!(bad.options().err(), Some(BadArguments::EmptyKey));
        assert!(Arguments::try_parse_from(["braze-sandbox", "--ca-file", "ca.pem"]).is_err());
    }
}
