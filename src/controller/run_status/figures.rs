//! Figures of a run, while it lasts and afterwards.

use std::time::Duration;

use crate::api::statistics as api;
use crate::sync::account::Account;
use crate::sync::outcome;
use crate::sync::report::{Report, TrafficReport};
use crate::sync::run::Watch;

use super::duration_text;
use super::words::number;

/// The four blocks of figures that a SyncRun and `lastRun` of its Destination show. Zeros are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Records by outcome.
    pub counts: api::Counts,
    /// Values.
    pub attributes: api::Attributes,
    /// Memberships.
    pub memberships: api::Memberships,
    /// What it cost.
    pub traffic: api::Traffic,
}

/// The figures of a run that goes on; `None` before it has begun.
pub fn figures(watch: &Watch) -> Option<Figures> {
    watch.account().map(|account| of_account(&account))
}

pub(super) fn of_account(account: &Account) -> Figures {
    let cost = account.traffic_so_far();
    let cost = TrafficReport {
        requests: cost.requests,
        track: cost.track,
        delete: cost.delete,
        lookup: cost.lookup,
        status: cost.status,
        retries: cost.retries,
        objects: cost.objects,
        bytes: cost.bytes,
        data_points: account.data_points.get(),
        throttled_millis: u64::try_from(cost.throttled.as_millis()).unwrap_or(u64::MAX),
        answers: cost.answers,
    };
    Figures {
        counts: counts(&account.counts.snapshot()),
        attributes: attributes(&account.attributes.snapshot()),
        memberships: memberships(&account.memberships.snapshot()),
        traffic: traffic(&cost),
    }
}

/// The figures of a run that ended.
pub fn figures_of(report: &Report) -> Figures {
    Figures {
        counts: api::Counts { rejected: number(report.rejected), ..counts(&report.counts) },
        attributes: attributes(&report.attributes),
        memberships: memberships(&report.memberships),
        traffic: traffic(&report.traffic),
    }
}

fn counts(counts: &outcome::Counts) -> api::Counts {
    api::Counts {
        read: number(counts.read),
        gone: number(counts.gone),
        added: number(counts.added),
        updated: number(counts.updated),
        unchanged: number(counts.unchanged),
        deleted: number(counts.deleted),
        released: number(counts.released),
        skipped: number(counts.skipped),
        invalid: number(counts.invalid),
        failed: number(counts.failed),
        held: number(counts.held),
        pending: number(counts.pending),
        rejected: number(counts.invalid.saturating_add(counts.failed)),
    }
}

fn attributes(values: &outcome::Attributes) -> api::Attributes {
    api::Attributes {
        sent: number(values.sent),
        cleared: number(values.cleared),
        dropped: number(values.dropped),
        held_consent: number(values.held_consent),
        warned: number(values.warned),
    }
}

fn memberships(memberships: &outcome::Memberships) -> api::Memberships {
    api::Memberships {
        joins: number(memberships.joins),
        leaves: number(memberships.leaves),
        already_there: number(memberships.already_there),
        opted_out: number(memberships.opted_out),
        no_address: number(memberships.no_address),
        deferred: number(memberships.deferred),
        shared_address: number(memberships.shared_address),
        refused: number(memberships.refused),
    }
}

fn traffic(cost: &TrafficReport) -> api::Traffic {
    api::Traffic {
        requests: number(cost.requests),
        track: number(cost.track),
        delete: number(cost.delete),
        lookup: number(cost.lookup),
        status: number(cost.status),
        retries: number(cost.retries),
        objects: number(cost.objects),
        bytes: number(cost.bytes),
        data_points: number(cost.data_points),
        throttled: Some(duration_text(Duration::from_millis(cost.throttled_millis))),
    }
}
