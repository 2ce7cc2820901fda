//! Whether a key leads to the workspace that a state belongs to: the comparison of `braze_id`s
//! (docs/semantics.md, "Identity").

use std::collections::HashMap;

use crate::braze::{Braze, BrazeError, Reply, Traffic};
use crate::data::HashKey;
use crate::state::Store;

use super::memory::{Binding, Memory, Pair};

/// Most records that are asked for: what one request takes.
const MOST_ASKED: usize = 50;

/// What the records of a binding tell of the workspace that a client leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// One of them is there under the id that Braze gave it.
    Same,
    /// None of them is.
    Other,
    /// There are none, so nothing was asked.
    NoSample,
}

/// Asks Braze for the records of a binding, with what that cost.
///
/// # Errors
/// Those of the request: the permission may be missing, and Braze may be down.
pub async fn prove(pairs: &[Pair], key: &HashKey, braze: &Braze) -> (Result<Proof, BrazeError>, Traffic) {
    if pairs.is_empty() {
        return (Ok(Proof::NoSample), Traffic::default());
    }
    let keys: Vec<&str> = pairs.iter().map(|pair| pair.key.as_str()).take(MOST_ASKED).collect();
    let Reply { result, traffic } = braze.export(&keys).await;
    let proof = result.map(|users| {
        let found: HashMap<&str, u64> = users
            .iter()
            .map(|user| (user.external_id.as_str(), key.hash(user.braze_id.as_bytes())))
            .collect();
        match pairs.iter().any(|pair| found.get(pair.key.as_str()) == Some(&pair.id)) {
            true => Proof::Same,
            false => Proof::Other,
        }
    });
    (proof, traffic)
}

/// Whether a client with a key that came in during a run may go on where the run is: only what is proven counts.
///
/// `workspace`: the label of the run's app. A person's own word for it needs no proof, because the run began by
/// comparing it (semantics 4.3.1). Without a label and without a sample nothing is proven: the run ends, and the next
/// one begins with the new key as semantics 4.3.3 says, which holds removals back.
pub async fn may_go_on(workspace: Option<&str>, store: &dyn Store, braze: &Braze) -> bool {
    let binding: Option<Binding> =
        serde_json::from_value(store.header().body).ok().and_then(|memory: Memory| memory.binding);
    let Some(binding) = binding else { return false };
    if let (Some(now), Some(then)) = (workspace, &binding.workspace) {
        return now == then;
    }
    let (proof, _) = prove(&binding.pairs, store.hash_key(), braze).await;
    proof == Ok(Proof::Same)
}
