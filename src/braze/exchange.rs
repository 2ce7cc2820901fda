//! One request until its answer can be used: limits, keys, outages and deadlines are dealt with here.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use bytes::Bytes;
use grouparoo_clock::Clock;

use super::endpoint::Call;
use super::key::Keys;
use super::limiter::{Denied, Limiter};
use super::patience::Patience;
use super::transport::{Attempt, Payload, Transport};
use super::{BrazeConfig, BrazeError, Limits, Outage, Traffic};

/// What all clones of a client share.
pub(super) struct Core {
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) transport: Transport,
    pub(super) limiter: Arc<Limiter>,
    pub(super) keys: Keys,
    /// Batches in a row of which every object was refused alone and without a reason.
    pub(super) refused_batches: AtomicU32,
}

/// One request that may have to be sent several times, and what is known about it so far.
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) payload: Payload,
    /// User objects or ids to delete in it.
    pub(super) objects: usize,
    /// Whether the same content was sent before.
    pub(super) again: bool,
    /// Whether an attempt ended without telling whether it was applied.
    pub(super) doubtful: bool,
}

/// How a request ended.
pub(super) enum End<T> {
    /// A success that could be read.
    Success(T),
    /// Braze does not accept the content: 400, 413 or another status that blames the request.
    Refused { status: u16, body: Option<Bytes> },
    /// Nothing more can be achieved.
    Stopped(BrazeError),
    /// The deadline passed before it was sent, or before it could be sent again.
    Stale,
}

impl Core {
    pub(super) fn new(config: &BrazeConfig, clock: Clock, limiter: Arc<Limiter>) -> Result<Self, BrazeError> {
        Ok(Self {
            transport: Transport::new(config, clock.clone())?,
            limiter,
            keys: Keys::new(&config.key)?,
            limits: config.limits,
            refused_batches: AtomicU32::new(0),
            clock,
        })
    }

    /// Sends a request until it is answered for good. `read` makes a result of the body of a success, or
    /// nothing when the body does not say what it should.
    pub(super) async fn exchange<T>(
        &self,
        request: &mut Request,
        patience: &mut Patience,
        traffic: &mut Traffic,
        read: impl Fn(&Bytes) -> Option<T>,
    ) -> End<T> {
        let call = request.call;
        let mut outage = Outage::Circuit;
        let mut had_newer_key = false;
        loop {
            if let Some(error) = self.keys.closed() {
                return End::Stopped(error);
            }
            if patience.is_late(self.clock.monotonic()) {
                return End::Stale;
            }
            let pass = match self.limiter.enter(call.family(), patience).await {
                Ok(pass) => pass,
                Err(Denied::Late) => return End::Stale,
                Err(Denied::Down) => return End::Stopped(BrazeError::Unavailable { cause: outage }),
            };
            // Looked at again: the wait may have been long.
            let key = match self.keys.current() {
                Ok(key) => key,
                Err(error) => return End::Stopped(error),
            };
            let begin = self.clock.monotonic();
            if patience.is_late(begin) {
                return End::Stale;
            }
            let attempt = self.transport.send(call, &request.payload, key.header).await;
            count(traffic, request, &attempt);
            let (status, body) = match attempt {
                Attempt::Answer { status, headers, body } => {
                    self.limiter.observe(call.family(), status, &headers);
                    (status, body)
                }
                Attempt::Unsent(cause) | Attempt::Lost(cause) => {
                    outage = cause;
                    pass.failed();
                    request.doubtful |= matches!(attempt, Attempt::Lost(_));
                    match self.outlast(call, cause, patience, begin).await {
                        Ok(()) => continue,
                        Err(error) => return End::Stopped(error),
                    }
                }
            };
            match status {
                200..=299 => {
                    if let Some(success) = body.as_ref().and_then(&read) {
                        pass.answered();
                        return End::Success(success);
                    }
                    outage = Outage::Unreadable;
                }
                408 | 500..=599 => outage = Outage::Status(status),
                429 => {
                    pass.answered();
                    patience.answered();
                    continue;
                }
                _ => {
                    pass.answered();
                    let Some(error) = blames_the_key(call, status) else {
                        return End::Refused { status, body };
                    };
                    if self.keys.refused(key.generation, error, !had_newer_key).await {
                        had_newer_key = true;
                        continue;
                    }
                    return End::Stopped(error);
                }
            }
            pass.failed();
            request.doubtful = true;
            if let Err(error) = self.outlast(call, outage, patience, begin).await {
                return End::Stopped(error);
            }
        }
    }

    /// Waits before the next attempt, or gives up.
    async fn outlast(
        &self,
        call: Call,
        cause: Outage,
        patience: &mut Patience,
        begin: Duration,
    ) -> Result<(), BrazeError> {
        if cause == Outage::NotAllowed {
            return Err(BrazeError::EndpointNotAllowed);
        }
        patience.failed(self.clock.monotonic() - begin);
        if patience.left().is_zero() {
            tracing::warn!(?call, ?cause, failures = patience.failures(), "gave up");
            return Err(BrazeError::Unavailable { cause });
        }
        tracing::debug!(?call, ?cause, failures = patience.failures(), "attempt failed");
        self.limiter.back_off(patience).await;
        Ok(())
    }
}

/// The error of a status that says nothing about the content (semantics 9.3, row 401, 403, 404).
fn blames_the_key(call: Call, status: u16) -> Option<BrazeError> {
    match (status, call) {
        (401, _) | (403, Call::Track) => Some(BrazeError::AuthenticationFailed { status }),
        (403, _) => Some(BrazeError::PermissionMissing { permission: call.permission() }),
        // A read names a group, which may be what is not found.
        (404, Call::Status) => None,
        (404 | 300..=399, _) => Some(BrazeError::NotBraze { status }),
        _ => None,
    }
}

/// Adds an attempt to the traffic.
pub(super) fn count(traffic: &mut Traffic, request: &mut Request, attempt: &Attempt) {
    if matches!(attempt, Attempt::Unsent(_)) {
        return;
    }
    traffic.retries += u64::from(request.again);
    request.again = true;
    traffic.objects += request.objects as u64;
    if let Payload::Body(body) = &request.payload {
        traffic.bytes += body.len() as u64;
    }
    if let Attempt::Answer { status, .. } = attempt {
        traffic.answers.add(*status);
        traffic.requests += 1;
        *match request.call {
            Call::Track => &mut traffic.track,
            Call::Delete => &mut traffic.delete,
            Call::Export => &mut traffic.lookup,
            Call::Status => &mut traffic.status,
        } += 1;
    } else {
        traffic.answers.lost += 1;
    }
}
