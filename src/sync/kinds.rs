//! The JSON kind of a target is that of the first value that Braze took (docs/semantics.md, "Order of work").
//!
//! What a row merely holds tells nothing: its record may be refused, absent in Braze, or never sent. So a kind that no
//! type fixes is claimed by the object that is about to be sent, and remembered once Braze took a value of it. Where
//! all kinds are known, and they are after the first run, nothing here is ever called for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::state::{AttributeEntry, IntendedRecord};

use super::decide::{Decision, Wanted};
use super::parcel::Composed;
use super::program::Program;
use super::value::JsonKind;

/// A kind that a value of a record has, by the index of its attribute rule.
pub type Met = (usize, JsonKind);

/// Targets of which Braze took no value before this run.
#[derive(Debug, Default)]
pub struct Kinds {
    open: Vec<Open>,
    /// How many of them are not taken yet.
    left: AtomicUsize,
}

#[derive(Debug)]
struct Open {
    attribute: usize,
    column: u16,
    kind: Mutex<Kind>,
    taken: AtomicBool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    kind: Option<JsonKind>,
    /// A value of it was given to a request, or found to be there already.
    settled: bool,
}

impl Open {
    fn kind(&self) -> MutexGuard<'_, Kind> {
        self.kind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Kinds {
    /// The open kinds of a program.
    pub fn of(program: &Program) -> Self {
        let columns = program.alignment.attributes.iter().zip(&program.sources).enumerate();
        let open: Vec<Open> = columns
            .filter(|(_, (column, _))| program.alignment.untaken.contains(column))
            .map(|(attribute, (&column, source))| Open {
                attribute,
                column,
                kind: Mutex::new(Kind { kind: source.kind, settled: source.kind.is_some() }),
                taken: AtomicBool::new(false),
            })
            .collect();
        let left = AtomicUsize::new(open.len());
        Self { open, left }
    }

    /// Tells an evaluator the kinds that are settled by now, by attribute rule.
    pub fn fill(&self, kinds: &mut [Option<JsonKind>]) {
        for open in &self.open {
            let Kind { kind, settled } = *open.kind();
            kinds[open.attribute] = kind.filter(|_| settled);
        }
    }

    /// Claims the kinds of a record that may be sent; returns the attribute rules whose kind is another one, and
    /// takes them out of `met`.
    pub fn claim(&self, met: &mut Vec<Met>) -> Vec<usize> {
        let mut refused = Vec::new();
        met.retain(|&(attribute, kind)| {
            let Some(open) = self.find(attribute) else { return true };
            let fits = *open.kind().kind.get_or_insert(kind) == kind;
            if !fits {
                refused.push(attribute);
            }
            fits
        });
        refused
    }

    /// The record is sent, or is as Braze has it.
    pub fn settle(&self, met: &[Met]) {
        met.iter().filter_map(|met| self.find(met.0)).for_each(|open| open.kind().settled = true);
    }

    /// The record is not sent.
    pub fn give_back(&self, met: &[Met]) {
        for open in met.iter().filter_map(|met| self.find(met.0)) {
            let mut kind = open.kind();
            if !kind.settled {
                kind.kind = None;
            }
        }
    }

    /// What became of the claims of a record.
    pub fn end_claim(&self, met: &[Met], composed: &Composed) {
        match composed {
            Composed::Send(_) | Composed::Note(..) | Composed::Nothing(_) => self.settle(met),
            Composed::RefusedBefore(_) | Composed::TooLarge => self.give_back(met),
        }
    }

    fn find(&self, attribute: usize) -> Option<&Open> {
        self.open.iter().find(|open| open.attribute == attribute)
    }

    /// Values that a decision leaves as they are: Braze holds them.
    pub fn found(&self, decision: &Decision, wanted: &[Wanted]) {
        self.take(|open| match wanted[open.attribute] {
            Wanted::Value { hash, .. } => {
                decision.after.attribute(open.column.into()) == AttributeEntry::Hash(hash)
                    && !decision.touched.attributes.contains(&open.column)
            }
            Wanted::Null | Wanted::Dropped => false,
        });
    }

    /// A record that is as Braze has it.
    pub fn unchanged(&self, wanted: &[Wanted]) {
        self.take(|open| matches!(wanted[open.attribute], Wanted::Value { .. }));
    }

    /// An object that Braze took, or may have taken.
    pub fn sent(&self, intended: &IntendedRecord) {
        self.take(|open| {
            matches!(intended.after.attribute(open.column.into()), AttributeEntry::Hash(_))
                && intended.touched.attributes.contains(&open.column)
        });
    }

    fn take(&self, is_taken: impl Fn(&Open) -> bool) {
        if self.left.load(Ordering::Relaxed) == 0 {
            return;
        }
        for open in self.open.iter().filter(|open| !open.is_taken()) {
            if is_taken(open) && !open.taken.swap(true, Ordering::Relaxed) {
                self.left.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// What is remembered of each open column. `doubtful`: what became of some requests is not known, so that
    /// any value may have been taken.
    pub fn learnt(&self, doubtful: bool) -> impl Iterator<Item = (u16, Option<JsonKind>)> {
        self.open.iter().map(move |open| {
            let Kind { kind, settled } = *open.kind();
            (open.column, kind.filter(|_| settled && (doubtful || open.is_taken())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> Kinds {
        let open = Open { attribute: 3, column: 7, kind: Mutex::default(), taken: AtomicBool::new(false) };
        Kinds { open: vec![open], left: AtomicUsize::new(1) }
    }

    fn settled(kinds: &Kinds) -> Option<JsonKind> {
        let mut all = [None; 4];
        kinds.fill(&mut all);
        all[3]
    }

    /// semantics 5.1: the first that is sent counts, and others are dropped.
    #[test]
    fn the_first_claim_that_is_sent_settles_a_kind() {
        let kinds = kinds();
        let mut first = vec![(3, JsonKind::Array)];
        assert!(kinds.claim(&mut first).is_empty());
        assert_eq!(settled(&kinds), None, "claimed, not sent yet");
        kinds.settle(&first);
        assert_eq!(settled(&kinds), Some(JsonKind::Array));
        let mut other = vec![(0, JsonKind::Number), (3, JsonKind::Object)];
        assert_eq!(kinds.claim(&mut other), [3]);
        assert_eq!(other, [(0, JsonKind::Number)]);
        kinds.give_back(&[(3, JsonKind::Array)]);
        assert_eq!(settled(&kinds), Some(JsonKind::Array), "settled for good");
    }

    /// semantics 5.1: what is not sent leaves the kind to the next one.
    #[test]
    fn a_claim_that_is_given_back_settles_nothing() {
        let kinds = kinds();
        let mut met = vec![(3, JsonKind::Array)];
        kinds.claim(&mut met);
        kinds.give_back(&met);
        assert!(kinds.claim(&mut vec![(3, JsonKind::Object)]).is_empty());
    }

    /// semantics 4.1: "first sent" is what Braze took, or may have taken.
    #[test]
    fn a_kind_is_remembered_when_a_value_of_it_was_taken() {
        let kinds = kinds();
        let mut met = vec![(3, JsonKind::Array)];
        kinds.claim(&mut met);
        kinds.settle(&met);
        assert_eq!(kinds.learnt(false).collect::<Vec<_>>(), [(7, None)]);
        assert_eq!(kinds.learnt(true).collect::<Vec<_>>(), [(7, Some(JsonKind::Array))]);
        let nothing = [Wanted::Null; 4];
        kinds.unchanged(&nothing);
        assert_eq!(kinds.learnt(false).collect::<Vec<_>>(), [(7, None)]);
        kinds.unchanged(&[Wanted::Value { hash: 1, opt_in: false }; 4]);
        assert_eq!(kinds.learnt(false).collect::<Vec<_>>(), [(7, Some(JsonKind::Array))]);
    }
}
