//! What became of objects, and what it cost.

use std::ops::AddAssign;
use std::time::Duration;

use super::{BrazeError, Refusal};

/// What became of one object of a request, or of one id of a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Braze accepted it.
    Acknowledged,
    /// Braze refused this very object; it had no effect (braze-rest-api 3.3).
    Refused(Refusal),
    /// Alone in a request it is still larger than Braze accepts; it had no effect.
    TooLarge,
    /// It may have been applied or not: an attempt left without a clear answer (semantics 9.4).
    Unknown,
    /// It was certainly not applied.
    NotSent,
    /// Its deadline passed before it was sent; it was certainly not applied.
    Stale,
}

impl Fate {
    /// Whether Braze may hold the new values.
    pub fn may_be_applied(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Unknown)
    }
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// One fate for each object, in the order in which they were given.
    pub fates: Vec<Fate>,
    /// Why no more should be sent, if so: `AuthenticationFailed`, `NotBraze`, `RequestRefused`, `EndpointNotAllowed`
    /// or `Unavailable` for everything, `PermissionMissing` for this kind of call.
    pub stop: Option<BrazeError>,
    /// What it cost.
    pub traffic: Traffic,
}

/// The result of a read, with what it cost also when it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<T> {
    /// What was read, or why not.
    pub result: Result<T, BrazeError>,
    /// What it cost.
    pub traffic: Traffic,
}

/// How requests were answered; sums are made with `+=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Answers by the first digit of their status, from 1 to 5.
    pub classes: [u64; 5],
    /// Of these, answers 429: too fast.
    pub limited: u64,
    /// Requests that were sent and not answered.
    pub lost: u64,
}

impl Answers {
    /// Notes an answer.
    pub fn add(&mut self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5);
        self.classes[class - 1] += 1;
        self.limited += u64::from(status == 429);
    }
}

impl AddAssign for Answers {
    fn add_assign(&mut self, other: Self) {
        for (own, more) in self.classes.iter_mut().zip(other.classes) {
            *own += more;
        }
        self.limited += other.limited;
        self.lost += other.lost;
    }
}

/// What calls cost; sums are made with `+=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that Braze answered, with whatever status.
    pub requests: u64,
    /// Of these, requests to `/users/track`.
    pub track: u64,
    /// Of these, requests to `/users/delete`.
    pub delete: u64,
    /// Of these, requests to `/users/export/ids`.
    pub lookup: u64,
    /// Of these, requests to `/subscription/status/get`.
    pub status: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// User objects and ids to delete in the requests sent, counted again when sent again.
    pub objects: u64,
    /// Bytes of the bodies of the requests sent.
    pub bytes: u64,
    /// Time for which rate limits held requests back. Requests that wait for the same limit at the same time
    /// count it once.
    pub throttled: Duration,
    /// How the requests were answered.
    pub answers: Answers,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.track += other.track;
        self.delete += other.delete;
        self.lookup += other.lookup;
        self.status += other.status;
        self.retries += other.retries;
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.throttled += other.throttled;
        self.answers += other.answers;
    }
}
