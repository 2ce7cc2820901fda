//! `grouparoo plan`: what a sync would send.

use grouparoo_clock::Clock;

use crate::sync::run::Request;

use super::arguments::Plan;
use super::failure::Failure;
use super::runs;
use super::sync::{Told, carry_out, place};

/// Shows it; sends and remembers nothing.
pub(super) fn run(arguments: &Plan, clock: &Clock) -> Result<u8, Failure> {
    let selection = &arguments.selection;
    let request = Request {
        plan: true,
        look_up: arguments.look_up,
        full: selection.full,
        keys: selection.keys.clone(),
        samples: arguments.samples,
        ..Request::default()
    };
    let place = place(selection, false, clock)?;
    let reports = carry_out(&place, selection, &request, Told::of(selection.output), clock)?;
    Ok(runs::exit_code(&reports))
}
