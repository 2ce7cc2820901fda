//! Label sets, and families of series that can be forgotten.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Mutex;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;

/// A family that knows its label sets, so that those of one object can be taken away.
pub(super) struct Series<L, M, C = fn() -> M> {
    pub(super) family: Family<L, M, C>,
    known: Mutex<HashSet<L>>,
}

impl<L, M, C> Series<L, M, C>
where
    L: Clone + Hash + Eq,
    M: Clone,
    C: MetricConstructor<M>,
{
    pub(super) fn new(constructor: C) -> Self {
        Self { family: Family::new_with_constructor(constructor), known: Mutex::default() }
    }

    /// The metric of a label set. One that is taken away meanwhile counts into nothing.
    pub(super) fn of(&self, labels: &L) -> M {
        // Both under one lock, or a series could be made that nobody knows to forget.
        let mut known = self.known.lock().expect("no panic while the labels are held");
        known.insert(labels.clone());
        self.family.get_or_create_owned(labels)
    }

    /// Takes away the series of all label sets that are chosen.
    pub(super) fn forget(&self, chosen: impl Fn(&L) -> bool) {
        self.known.lock().expect("no panic while the labels are held").retain(|labels| {
            let gone = chosen(labels);
            if gone {
                self.family.remove(labels);
            }
            !gone
        });
    }
}

pub(super) fn counters<L: Clone + Hash + Eq>() -> Series<L, Counter> {
    Series::new(Counter::default)
}

pub(super) fn gauges<L: Clone + Hash + Eq, M: Clone + Default>() -> Series<L, M> {
    Series::new(M::default)
}

/// A gauge of whole numbers.
pub(super) type Whole = Gauge;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Kind {
    pub(super) kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct KindResult {
    pub(super) kind: String,
    pub(super) result: String,
}

/// Labels that name one object.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Object {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Condition {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) r#type: String,
    pub(super) status: String,
}

/// Labels that name one Destination.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Destination {
    pub(super) namespace: String,
    pub(super) destination: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Runs {
    pub(super) namespace: String,
    pub(super) destination: String,
    pub(super) result: String,
    pub(super) trigger: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Records {
    pub(super) namespace: String,
    pub(super) destination: String,
    pub(super) operation: String,
    pub(super) outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Requests {
    pub(super) namespace: String,
    pub(super) destination: String,
    pub(super) code_class: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Build {
    pub(super) version: String,
    pub(super) revision: String,
}
