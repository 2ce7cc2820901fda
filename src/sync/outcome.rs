//! Outcomes: every row read and every gone record ends in exactly one (docs/semantics.md, "Outcomes").

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What happened to a record, gravest first: of several objects of one record the first that applies counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Braze named its object as refused.
    Failed,
    /// A wanted change was not acknowledged at the end.
    Pending,
    /// A removal kept back by the guard or an open question.
    Held,
    /// The user was deleted.
    Deleted,
    /// It left, and its user stays.
    Released,
    /// It became live in this run.
    Added,
    /// It was live and something of it was sent.
    Updated,
    /// It was live and nothing had to be sent.
    Unchanged,
}

/// Why a record was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// Not in the collection.
    NotInCollection,
    /// Enrich: not in Braze.
    NotInBraze,
    /// Missing in fewer full reads than `absentReads` asks.
    AwaitingAbsence,
}

impl Skip {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotInCollection => "notInCollection",
            Self::NotInBraze => "notInBraze",
            Self::AwaitingAbsence => "awaitingAbsence",
        }
    }
}

macro_rules! counters {
    ($(#[$meta:meta])* $live:ident, $(#[$frozen_meta:meta])* $frozen:ident { $($(#[$doc:meta])* $field:ident,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        pub struct $live {
            $($(#[$doc])* pub $field: Counter,)*
        }

        $(#[$frozen_meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $frozen {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl $live {
            /// The figures as they are now.
            pub fn snapshot(&self) -> $frozen {
                $frozen { $($field: self.$field.get(),)* }
            }
        }

        impl $frozen {
            /// Adds these figures to the live ones.
            pub fn add_to(&self, live: &$live) {
                $(if self.$field != 0 { live.$field.add(self.$field); })*
            }

            /// Takes these figures, which were added before, from the live ones.
            pub fn take_from(&self, live: &$live) {
                $(if self.$field != 0 { live.$field.take(self.$field); })*
            }
        }
    };
}

/// A count that several threads add to.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Takes back `n` that were added before.
    pub fn take(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

counters! {
    /// Records, live while a run goes on.
    LiveCounts,
    /// What happened to the records of a run; the outcomes add up to `read + gone`.
    Counts {
        /// Rows read from the source.
        read,
        /// Known records that were not in the source any more.
        gone,
        /// Records delivered for the first time or again after they had left.
        added,
        /// Records of which something was sent.
        updated,
        /// Records equal to what was last sent.
        unchanged,
        /// Users deleted.
        deleted,
        /// Records that left the collection or the source and whose user stays.
        released,
        /// Records not wanted, or unknown to Braze in mode Enrich.
        skipped,
        /// Records whose key or whole object cannot be sent.
        invalid,
        /// Records that Braze refused.
        failed,
        /// Removals kept back.
        held,
        /// Changes not acknowledged at the end.
        pending,
    }
}

counters! {
    /// Attribute values, live while a run goes on.
    LiveAttributes,
    /// Values, not records.
    Attributes {
        /// Values acknowledged.
        sent,
        /// Fields removed.
        cleared,
        /// Values that could not be sent.
        dropped,
        /// Opt-ins held back.
        held_consent,
        /// Values sent with a warning.
        warned,
    }
}

counters! {
    /// Memberships, live while a run goes on.
    LiveMemberships,
    /// Memberships, not records.
    Memberships {
        /// Joins written.
        joins,
        /// Leaves written.
        leaves,
        /// Found subscribed.
        already_there,
        /// Left alone because the person opted out.
        opted_out,
        /// Joins without an address.
        no_address,
        /// To be asked again in the next run.
        deferred,
        /// Leaves that another record with the same address holds back.
        shared_address,
        /// Groups that Braze refused.
        refused,
    }
}

impl LiveCounts {
    /// Counts a record's outcome.
    pub fn count(&self, outcome: Outcome) {
        self.of(outcome).one();
    }

    fn of(&self, outcome: Outcome) -> &Counter {
        match outcome {
            Outcome::Failed => &self.failed,
            Outcome::Pending => &self.pending,
            Outcome::Held => &self.held,
            Outcome::Deleted => &self.deleted,
            Outcome::Released => &self.released,
            Outcome::Added => &self.added,
            Outcome::Updated => &self.updated,
            Outcome::Unchanged => &self.unchanged,
        }
    }
}

impl Counts {
    /// Invalid plus failed: the base of the reject tolerance.
    pub fn rejected(&self) -> u64 {
        self.invalid + self.failed
    }

    /// Records that have an outcome.
    pub fn decided(&self) -> u64 {
        self.added
            + self.updated
            + self.unchanged
            + self.deleted
            + self.released
            + self.skipped
            + self.invalid
            + self.failed
            + self.held
            + self.pending
    }

    /// Whether the outcomes add up to the records.
    pub fn adds_up(&self) -> bool {
        self.decided() == self.read + self.gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// semantics 3: of several objects the first that applies counts.
    #[test]
    fn the_gravest_outcome_comes_first() {
        assert!(Outcome::Failed < Outcome::Pending);
        assert!(Outcome::Held < Outcome::Deleted);
        assert!(Outcome::Added < Outcome::Updated && Outcome::Updated < Outcome::Unchanged);
    }

    #[test]
    fn counts_add_up_only_when_each_record_has_one_outcome() {
        let live = LiveCounts::default();
        live.read.add(2);
        live.gone.one();
        live.count(Outcome::Added);
        live.count(Outcome::Deleted);
        assert!(!live.snapshot().adds_up());
        live.skipped.one();
        assert!(live.snapshot().adds_up());
    }
}
