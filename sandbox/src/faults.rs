//! Faults on command: which request is hit, and what happens to it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::dice::Dice;

/// A fault: an effect on some of the requests, at one endpoint or at all.
///
/// Its text form is `EFFECT[@WHEN][:PATH]`, such as `503`, `504-after@3:/users/track`, `429@10%`,
/// `reset-after@..2`, `401@5+`, `latency=200ms`.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// What happens.
    pub effect: Effect,
    /// To which of the requests that fit, counted from 1 since the rule was set.
    pub when: When,
    /// Start of the path of the requests that fit; `None`: every endpoint.
    pub path: Option<String>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Answered with this status; nothing is applied. 401, 403 and 429 carry what Braze sends with them.
    Status(u16),
    /// Applied, then answered with this status: the outcome is unknown to the client.
    StatusAfter(u16),
    /// The connection is reset before anything is applied.
    Reset,
    /// Applied, then the connection is reset.
    ResetAfter,
    /// Put off by so long before it is worked on.
    Latency(Duration),
    /// Applied at once, answered so much later.
    LatencyAfter(Duration),
    /// Applied, but the answer breaks off in the middle of its body.
    Cut,
    /// Applied and answered with the right status, but the body is no JSON.
    Garbage,
    /// Applied and answered with `errors` that point at no object.
    StrayErrors,
    /// Applied and answered with `202 {"message":"queued"}`, as during maintenance.
    Queued,
}

/// Which of the requests that fit are hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// All.
    Always,
    /// The n-th only.
    Nth(u64),
    /// The n-th and all later ones.
    From(u64),
    /// The first n.
    First(u64),
    /// Every n-th.
    Every(u64),
    /// So many of a hundred, drawn by lot.
    Percent(f64),
}

/// A fault's text cannot be understood.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("'{0}' is not a fault; write EFFECT[@WHEN][:PATH], such as 503, 504-after@3:/users/track or 429@10%")]
pub struct BadFault(String);

impl FaultRule {
    /// This effect on every request of every endpoint.
    pub const fn always(effect: Effect) -> Self {
        Self { effect, when: When::Always, path: None }
    }

    /// This effect on the n-th request of every endpoint.
    pub const fn nth(n: u64, effect: Effect) -> Self {
        Self { effect, when: When::Nth(n), path: None }
    }

    /// This effect on the first n requests of every endpoint.
    pub const fn first(n: u64, effect: Effect) -> Self {
        Self { effect, when: When::First(n), path: None }
    }

    /// This effect on the n-th request and all later ones.
    pub const fn from(n: u64, effect: Effect) -> Self {
        Self { effect, when: When::From(n), path: None }
    }

    /// This effect on so many of a hundred requests.
    pub const fn percent(percent: f64, effect: Effect) -> Self {
        Self { effect, when: When::Percent(percent), path: None }
    }

    /// The same at paths that start so.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }
}

/// The rules in force, with their counters.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<(FaultRule, u64)>,
    dice: Dice,
}

/// What hits one request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Hit {
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    pub(crate) effect: Option<Effect>,
    pub(crate) name: Option<String>,
}

impl Faults {
    pub(crate) fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        let mut faults = Self { rules: Vec::new(), dice: Dice::new(seed) };
        faults.set(rules);
        faults
    }

    /// Replaces all rules; counting starts anew.
    pub(crate) fn set(&mut self, rules: Vec<FaultRule>) {
        self.rules = rules.into_iter().map(|rule| (rule, 0)).collect();
    }

    /// Adds a rule; the counters of the others go on.
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push((rule, 0));
    }

    pub(crate) fn rules(&self) -> Vec<FaultRule> {
        self.rules.iter().map(|(rule, _)| rule.clone()).collect()
    }

    /// Counts a request and says what hits it: the first effect that fits, and all latencies together.
    pub(crate) fn strike(&mut self, path: &str) -> Hit {
        let mut hit = Hit::default();
        for (rule, seen) in &mut self.rules {
            if rule.path.as_ref().is_some_and(|start| !path.starts_with(start.as_str())) {
                continue;
            }
            *seen += 1;
            let struck = match rule.when {
                When::Always => true,
                When::Nth(n) => *seen == n,
                When::From(n) => *seen >= n,
                When::First(n) => *seen <= n,
                When::Every(n) => n > 0 && seen.is_multiple_of(n),
                When::Percent(percent) => self.dice.percent(percent),
            };
            match rule.effect {
                _ if !struck => {}
                Effect::Latency(span) => hit.before += span,
                Effect::LatencyAfter(span) => hit.after += span,
                effect if hit.effect.is_none() => {
                    hit.effect = Some(effect);
                    hit.name = Some(rule.to_string());
                }
                _ => {}
            }
        }
        hit
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(f, "{code}"),
            Self::StatusAfter(code) => write!(f, "{code}-after"),
            Self::Reset => f.write_str("reset"),
            Self::ResetAfter => f.write_str("reset-after"),
            Self::Latency(span) => write!(f, "latency={}ms", span.as_millis()),
            Self::LatencyAfter(span) => write!(f, "latency-after={}ms", span.as_millis()),
            Self::Cut => f.write_str("cut"),
            Self::Garbage => f.write_str("garbage"),
            Self::StrayErrors => f.write_str("stray-errors"),
            Self::Queued => f.write_str("queued"),
        }
    }
}

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.effect)?;
        match self.when {
            When::Always => {}
            When::Nth(n) => write!(f, "@{n}")?,
            When::From(n) => write!(f, "@{n}+")?,
            When::First(n) => write!(f, "@..{n}")?,
            When::Every(n) => write!(f, "@/{n}")?,
            When::Percent(percent) => write!(f, "@{percent}%")?,
        }
        match &self.path {
            Some(path) => write!(f, ":{path}"),
            None => Ok(()),
        }
    }
}

impl FromStr for FaultRule {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, BadFault> {
        let bad = || BadFault(text.to_owned());
        let (head, path) = match text.split_once(':') {
            Some((head, path)) if path.starts_with('/') => (head, Some(path.to_owned())),
            Some(_) => return Err(bad()),
            None => (text, None),
        };
        let (effect, when) = match head.split_once('@') {
            Some((effect, when)) => (effect, parse_when(when).ok_or_else(bad)?),
            None => (head, When::Always),
        };
        Ok(Self { effect: parse_effect(effect).ok_or_else(bad)?, when, path })
    }
}

fn parse_effect(text: &str) -> Option<Effect> {
    Some(match text {
        "reset" => Effect::Reset,
        "reset-after" => Effect::ResetAfter,
        "cut" => Effect::Cut,
        "garbage" => Effect::Garbage,
        "stray-errors" => Effect::StrayErrors,
        "queued" => Effect::Queued,
        _ => {
            if let Some(span) = text.strip_prefix("latency=") {
                return Some(Effect::Latency(parse_span(span)?));
            }
            if let Some(span) = text.strip_prefix("latency-after=") {
                return Some(Effect::LatencyAfter(parse_span(span)?));
            }
            let (digits, after) = match text.strip_suffix("-after") {
                Some(digits) => (digits, true),
                None => (text, false),
            };
            let code = digits.parse().ok().filter(|code| (400..600).contains(code))?;
            if after { Effect::StatusAfter(code) } else { Effect::Status(code) }
        }
    })
}

fn parse_when(text: &str) -> Option<When> {
    if let Some(percent) = text.strip_suffix('%') {
        let percent = percent.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))?;
        return Some(When::Percent(percent));
    }
    let number = |text: &str| text.parse().ok().filter(|n| *n > 0);
    if let Some(n) = text.strip_suffix('+') {
        return number(n).map(When::From);
    }
    if let Some(n) = text.strip_prefix("..") {
        return number(n).map(When::First);
    }
    match text.strip_prefix('/') {
        Some(n) => number(n).map(When::Every),
        None => number(text).map(When::Nth),
    }
}

/// Reads a span such as `200ms`, `1h 30m` or `PT5S`.
pub(crate) fn parse_span(text: &str) -> Option<Duration> {
    let span: jiff::SignedDuration = text.parse().ok()?;
    span.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_back_what_it_prints() {
        for text in [
            "503",
            "429@10%",
            "504-after@3:/users/track",
            "reset",
            "reset-after@..2",
            "401@5+",
            "latency=200ms",
            "latency-after=1500ms@/4",
            "cut",
            "garbage@1",
            "stray-errors",
            "queued@2.5%",
        ] {
            let rule: FaultRule = text.parse().expect(text);
            assert_eq!(rule.to_string(), text);
        }
        for text in ["", "200", "oops", "503@", "503@0", "503@120%", "503:users", "latency=soon"] {
            assert!(text.parse::<FaultRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn requests_are_counted_per_rule_from_the_moment_it_is_set() {
        let mut faults = Faults::new(vec![FaultRule::nth(2, Effect::Status(503)).at("/users/track")], 1);
        let mut struck = |path| faults.strike(path).effect;
        assert_eq!(struck("/users/track"), None);
        assert_eq!(struck("/users/delete"), None);
        assert_eq!(struck("/users/track"), Some(Effect::Status(503)));
        assert_eq!(struck("/users/track"), None);
    }

    #[test]
    fn latencies_add_up_and_the_first_effect_wins() {
        let rules = ["latency=100ms", "latency=50ms@1", "503@..1", "reset"];
        let rules = rules.iter().map(|rule| rule.parse().expect("a rule")).collect();
        let mut faults = Faults::new(rules, 1);
        let first = faults.strike("/x");
        assert_eq!((first.before, first.effect), (Duration::from_millis(150), Some(Effect::Status(503))));
        assert_eq!(faults.strike("/x").effect, Some(Effect::Reset));
    }
}
