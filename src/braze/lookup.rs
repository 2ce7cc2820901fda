//! `/users/export/ids`: which users exist, and under which `braze_id` (braze-rest-api 5).

use bytes::Bytes;
use serde::Deserialize;

use super::endpoint::Call;
use super::exchange::{Core, End, Request};
use super::patience::Patience;
use super::transport::Payload;
use super::{BrazeError, Reply, Traffic};

/// A user that Braze knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExportedUser {
    /// The user's present primary id.
    pub external_id: String,
    /// The id that Braze assigned; a re-created user has another one.
    pub braze_id: String,
}

#[derive(Deserialize)]
struct Answer {
    users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    external_id: Option<String>,
    braze_id: Option<String>,
    /// The older name of `braze_id`.
    appboy_id: Option<String>,
}

impl Core {
    pub(super) async fn export(&self, external_ids: &[&str]) -> Reply<Vec<ExportedUser>> {
        let mut traffic = Traffic::default();
        if external_ids.is_empty() {
            return Reply { result: Ok(Vec::new()), traffic };
        }
        let mut patience = Patience::new(None, self.limits.retry_for);
        let mut request = Request {
            call: Call::Export,
            payload: Payload::Body(export_body(external_ids)),
            objects: 0,
            again: false,
            doubtful: false,
        };
        let result = match self.exchange(&mut request, &mut patience, &mut traffic, users).await {
            End::Success(users) => Ok(users),
            End::Refused { status, .. } => Err(BrazeError::RequestRefused { status }),
            End::Stopped(error) => Err(error),
            End::Stale => unreachable!("a look-up has no deadline"),
        };
        traffic.throttled = patience.throttled;
        Reply { result, traffic }
    }
}

/// The body of a request to `/users/export/ids`.
pub(super) fn export_body(external_ids: &[&str]) -> Bytes {
    let body = serde_json::json!({
        "external_ids": external_ids,
        "fields_to_export": ["external_id", "braze_id"],
    });
    body.to_string().into()
}

/// The users of an answer; `None` when it does not tell. A user without `braze_id` makes it so: leaving the
/// user out would say that there is none.
fn users(body: &Bytes) -> Option<Vec<ExportedUser>> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let with_id = answer.users.into_iter().filter_map(|user| {
        let braze_id = user.braze_id.or(user.appboy_id);
        user.external_id.map(|external_id| Some(ExportedUser { external_id, braze_id: braze_id? }))
    });
    with_id.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &'static str) -> Option<Vec<(String, String)>> {
        let users = users(&Bytes::from_static(body.as_bytes()))?;
        Some(users.into_iter().map(|user| (user.external_id, user.braze_id)).collect())
    }

    /// braze-rest-api 5.2: users in any order, unknown ids listed or not, `appboy_id` in older answers.
    #[test]
    fn an_export_lists_the_users_that_exist() {
        let both = r#"{"users":[{"external_id":"b","appboy_id":"2","braze_id":"2","user_aliases":[]},
            {"external_id":"a","appboy_id":"1"},{"braze_id":"3"}],"invalid_user_ids":["c"],"message":"success"}"#;
        let pair = |id: &str, braze: &str| (id.to_owned(), braze.to_owned());
        assert_eq!(of(both), Some(vec![pair("b", "2"), pair("a", "1")]));
        assert_eq!(of(r#"{"users":[],"message":"success"}"#), Some(vec![]));
    }

    #[test]
    fn an_export_that_does_not_tell_is_not_taken_for_nobody() {
        for body in
            [r#"{"message":"success"}"#, "", r#"{"users":[{"external_id":"a"}]}"#, r#"{"users":null}"#]
        {
            assert_eq!(of(body), None, "{body}");
        }
    }
}
