//! What readers of conditions make of our statuses: kstatus, which Flux, Helm and many command lines use.

use serde_json::Value;

use crate::support::kstatus::kstatus;
use crate::support::moments::{self, Moment};

/// conventions §1, the truth table, rows of a Destination, column kstatus
#[test]
fn kstatus_reads_each_moment_of_a_destination_as_meant() {
    agree(&moments::of_a_destination());
}

/// conventions §1: kstatus does not know `Succeeded`; the two helpers make it understand a run
#[test]
fn kstatus_reads_a_run_as_meant() {
    agree(&moments::of_a_run());
}

fn agree(moments: &[Moment]) {
    let objects: Vec<Value> = moments.iter().map(|(_, object, ..)| object.clone()).collect();
    for ((moment, _, wanted, _), found) in moments.iter().zip(kstatus(&objects)) {
        assert_eq!(found, *wanted, "{moment}");
    }
}
