//! `POST /users/delete`.

use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::options::Options;
use crate::service::Handled;
use crate::store::{Deletion, Identifier, Store};
use crate::track::identify::read_alias;
use crate::wire::Answer;

/// Most ids in one request.
const MOST: usize = 50;

#[derive(Deserialize)]
pub(crate) struct Body {
    external_ids: Option<Vec<String>>,
    braze_ids: Option<Vec<String>>,
    user_aliases: Option<Vec<Map<String, Value>>>,
    email_addresses: Option<Vec<Addressed>>,
    phone_numbers: Option<Vec<Addressed>>,
}

/// An address, and which of its profiles is meant.
#[derive(Deserialize)]
struct Addressed {
    #[serde(alias = "phone")]
    email: String,
    #[serde(default)]
    prioritization: Vec<String>,
}

#[derive(Serialize)]
struct Response {
    deleted: usize,
    message: &'static str,
}

pub(crate) fn handle(body: Body, store: &mut Store, options: &Options, now: Timestamp) -> Handled {
    let doomed = match read(body) {
        Ok(doomed) => doomed,
        Err(message) => return Handled::refused(Answer::message(StatusCode::BAD_REQUEST, message)),
    };
    let deleted = doomed.len();
    for deletion in doomed {
        store.accept_deletion(deletion, &options.delays, now);
    }
    let answer = Answer::json(StatusCode::CREATED, &Response { deleted, message: "success" });
    Handled { accepted: deleted, ..Handled::read(answer) }
}

fn read(body: Body) -> Result<Vec<Deletion>, &'static str> {
    let one = Deletion::One;
    let mut kinds: Vec<Vec<Deletion>> = Vec::new();
    if let Some(ids) = body.external_ids {
        kinds.push(ids.into_iter().map(|id| one(Identifier::External(id))).collect());
    }
    if let Some(ids) = body.braze_ids {
        kinds.push(ids.into_iter().map(|id| one(Identifier::BrazeId(id))).collect());
    }
    if let Some(aliases) = body.user_aliases {
        let aliases =
            aliases.iter().map(|alias| read_alias(alias).map(|alias| one(Identifier::Alias(alias))));
        kinds.push(
            aliases.collect::<Result<_, _>>().map_err(|_| "a user alias needs its name and its label")?,
        );
    }
    for addresses in [body.email_addresses, body.phone_numbers].into_iter().flatten() {
        let address =
            |item: Addressed| Deletion::Address { address: item.email, prefer: item.prioritization };
        kinds.push(addresses.into_iter().map(address).collect());
    }
    match kinds.len() {
        0 => Err("ids of users to delete are required"),
        1 => match kinds.remove(0) {
            ids if ids.is_empty() => Err("ids of users to delete are required"),
            ids if ids.len() > MOST => Err("The max number of ids per request was exceeded"),
            ids => Ok(ids),
        },
        _ => Err("only one kind of id is allowed in a request"),
    }
}
