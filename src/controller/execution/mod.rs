//! What every run works with besides its job, under the command line and under the operator alike.

mod cleanup;
mod kept;
mod remembering;
pub mod siblings;
mod unbegun;
mod workspaces;

pub use cleanup::forget;
pub use kept::{Brief, Kept};
pub use remembering::{Archive, Remembering, State};
pub use unbegun::stopped;
pub use workspaces::{Workspaces, braze_stop};

use crate::state::StateError;
use crate::sync::reason::Stop;
use crate::sync::run::state_stop;

/// What a state that cannot be used means, with what to do about it.
pub fn stop_for(error: &StateError) -> Stop {
    let stop = state_stop(error);
    let advice = match error {
        StateError::Held { .. } => "; wait until it has ended, then run this again",
        StateError::Newer { .. } => "; use the newer version, or another folder with --state",
        StateError::Fenced { .. } | StateError::Unreadable { .. } | StateError::Unwritable { .. } => "",
    };
    Stop { message: stop.message + advice, ..stop }
}
