//! The connection test: what the key may do, found out without writing anything (braze-rest-api 10).

use bytes::Bytes;
use uuid::Uuid;

use super::deliver::delete_body;
use super::endpoint::Call;
use super::exchange::{Core, Request, count};
use super::lookup::export_body;
use super::status::{By, query};
use super::transport::{Attempt, Payload};
use super::{BrazeError, Outage, Traffic};

/// What the connection test found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionReport {
    /// Every permission that a Destination could need, in a fixed order: `users.track`, `users.delete`,
    /// `users.export.ids`, `subscription.status.get`.
    pub permissions: Vec<Permission>,
    /// Why the workspace cannot be written to. `None`: the key works and has `users.track`, or Braze was too
    /// busy to say (then that permission is `Unknown`).
    pub error: Option<BrazeError>,
    /// What the test cost.
    pub traffic: Traffic,
}

/// One permission of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Braze's name, such as `users.track`.
    pub name: &'static str,
    /// Whether the key has it.
    pub state: PermissionState,
}

/// Whether a key has a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PermissionState {
    /// It has.
    Granted,
    /// It has not.
    Missing,
    /// The probe gave no answer that tells.
    Unknown,
}

impl PermissionState {
    /// The word for status and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "Granted",
            Self::Missing => "Missing",
            Self::Unknown => "Unknown",
        }
    }
}

/// What one probe says.
enum Finding {
    Permission(PermissionState),
    /// Nothing about one permission, but about all of them.
    Error(BrazeError),
}

impl Core {
    /// Probes each permission once. It passes the gates of the limiter by: it is rare, must also work while
    /// the app is closed, and has to end soon.
    pub(super) async fn test(&self) -> ConnectionReport {
        let calls = [Call::Track, Call::Delete, Call::Export, Call::Status];
        let mut permissions =
            calls.map(|call| Permission { name: call.permission(), state: PermissionState::Unknown });
        let mut error = None;
        let mut traffic = Traffic::default();
        for (call, permission) in calls.into_iter().zip(&mut permissions) {
            match self.probe(call, &mut traffic).await {
                Finding::Permission(state) => permission.state = state,
                // What the first probe says of the whole workspace, the others would only repeat.
                Finding::Error(found) if call == Call::Track => {
                    error = Some(found);
                    break;
                }
                Finding::Error(_) => {}
            }
        }
        match permissions[0].state {
            PermissionState::Granted => self.keys.open(),
            PermissionState::Missing => {
                error = Some(BrazeError::PermissionMissing { permission: permissions[0].name });
            }
            PermissionState::Unknown => {}
        }
        tracing::debug!(reason = error.map(|error| error.reason()), "connection tested");
        ConnectionReport { permissions: permissions.to_vec(), error, traffic }
    }

    async fn probe(&self, call: Call, traffic: &mut Traffic) -> Finding {
        let payload = harmless(call);
        let mut request = Request { call, payload, objects: 0, again: false, doubtful: false };
        let attempt = self.transport.send(call, &request.payload, self.keys.for_test()).await;
        count(traffic, &mut request, &attempt);
        match attempt {
            Attempt::Answer { status, headers, .. } => {
                self.limiter.observe(call.family(), status, &headers);
                if status < 500 {
                    self.limiter.alive();
                }
                judge(status)
            }
            Attempt::Unsent(Outage::Certificate) => Finding::Error(BrazeError::CertificateInvalid),
            Attempt::Unsent(Outage::NotAllowed) => Finding::Error(BrazeError::EndpointNotAllowed),
            Attempt::Unsent(cause) | Attempt::Lost(cause) => {
                Finding::Error(BrazeError::EndpointUnreachable { cause })
            }
        }
    }
}

/// A request that writes nothing, whoever gets it.
fn harmless(call: Call) -> Payload {
    let random = Uuid::new_v4().to_string();
    match call {
        Call::Track => Payload::Body(Bytes::from_static(br#"{"attributes":[]}"#)),
        Call::Delete => Payload::Body(delete_body(&[])),
        Call::Export => Payload::Body(export_body(&[&random])),
        Call::Status => Payload::Query(query(&Uuid::new_v4().to_string(), By::ExternalId, &[&random])),
    }
}

/// What a status says (braze-rest-api 10): a complaint about the content comes only after the key was
/// accepted.
fn judge(status: u16) -> Finding {
    match status {
        200..=299 | 400 => Finding::Permission(PermissionState::Granted),
        401 => Finding::Error(BrazeError::AuthenticationFailed { status }),
        403 => Finding::Permission(PermissionState::Missing),
        404 | 300..=399 => Finding::Error(BrazeError::NotBraze { status }),
        500.. => Finding::Error(BrazeError::EndpointUnreachable { cause: Outage::Status(status) }),
        _ => Finding::Permission(PermissionState::Unknown),
    }
}
