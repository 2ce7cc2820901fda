//! Keeps a status small.

use crate::api::sync_run::SyncRunStatus;

/// Largest status, in bytes of JSON.
pub const MOST_STATUS_BYTES: usize = 32 * 1024;

/// Shortens the lists of a status until it has at most [`MOST_STATUS_BYTES`]. Their first entries, which are the most
/// frequent ones, stay longest.
pub fn fit(status: &mut SyncRunStatus) {
    while bytes(status) > MOST_STATUS_BYTES {
        let sizes = [
            bytes(&status.fields),
            bytes(&status.groups),
            bytes(&status.errors),
            bytes(&status.plan),
            bytes(&status.earlier_starts),
        ];
        let largest = (0..sizes.len()).max_by_key(|index| sizes[*index]).unwrap_or(0);
        let shortened = match largest {
            0 => halve(&mut status.fields),
            1 => halve(&mut status.groups),
            2 => halve(&mut status.errors),
            3 => status
                .plan
                .as_mut()
                .is_some_and(|plan| halve(&mut plan.approvals) || halve(&mut plan.warnings)),
            _ => halve(&mut status.earlier_starts),
        };
        if !shortened {
            return;
        }
    }
}

/// Leaves the first half of a list; whether there was anything to leave out.
fn halve<T>(list: &mut Option<Vec<T>>) -> bool {
    let Some(entries) = list else { return false };
    entries.truncate(entries.len() / 2);
    if entries.is_empty() {
        *list = None;
    }
    true
}

fn bytes(part: &impl serde::Serialize) -> usize {
    serde_json::to_vec(part).map_or(0, |json| json.len())
}
