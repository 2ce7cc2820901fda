//! Whatever a run reports, its status is one that the API takes.

use serde_json::{Value, json};

use super::tests::{checked, ended, report};
use super::*;
use crate::api::sync_run::SyncRunStatus;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn number(&mut self) -> u64 {
        match self.roll(4) {
            0 => 0,
            1 => u64::MAX,
            2 => u64::MAX / 3,
            _ => self.roll(100_000),
        }
    }

    /// Texts of all lengths around all bounds, of letters that take one to six bytes in JSON.
    fn text(&mut self) -> String {
        let lengths = [0, 1, 16, 17, 63, 64, 65, 100, 101, 253, 255, 256, 512, 513, 1024, 1025, 5000];
        let letters = ['a', 'ä', '€', '🦀', '"', '\u{1}', '\n', '\u{feff}'];
        let letter = letters[self.roll(letters.len() as u64) as usize];
        let length = lengths[self.roll(lengths.len() as u64) as usize];
        std::iter::repeat_n(letter, length).collect()
    }

    fn list(&mut self, most: u64, entry: impl Fn(&mut Self) -> Value) -> Value {
        (0..self.roll(most + 1)).map(|_| entry(self)).collect()
    }

    fn time(&mut self) -> Value {
        let times = ["0001-01-01T00:00:00Z", "2026-01-01T12:00:00.123456789Z", "9999-12-30T00:00:00Z"];
        json!(times[self.roll(3) as usize])
    }

    fn all_numbers(&mut self, names: &[&str]) -> Value {
        names
            .iter()
            .map(|name| ((*name).to_owned(), json!(self.number())))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len() as u64) as usize]
    }

    fn report(&mut self) -> Value {
        let questions = ["DeletionGuard", "WorkspaceChanged", "StateLost"];
        let reasons = ["ReadFailed", "TimedOut", "Cancelled", "DeletionGuard"];
        let mut fields = json!({
            "mode": self.of(&["Sync", "Plan", "FullResync", "RetryRejected"]),
            "result": self.of(&["Succeeded", "Failed", "Cancelled"]),
            "message": self.text(), "startTime": self.time(), "completionTime": self.time(),
            "source": { "mode": self.text(), "bytes": self.number(), "durationMillis": self.number() },
            "counts": self.all_numbers(&["read", "gone", "added", "deleted", "pending"]),
            "attributes": self.all_numbers(&["sent", "warned"]),
            "memberships": self.all_numbers(&["joins", "refused"]),
            "traffic": self.all_numbers(&["requests", "dataPoints", "throttledMillis"]),
            "rejected": self.number(), "rejects": self.number(), "knownRecords": self.number(),
            "skippedBy": self.list(12, |d| json!({ "code": d.text(), "count": d.number() })),
            "groups": self.list(150, |d| json!({ "name": d.text(), "members": d.number(), "joined": d.number(),
                "left": d.number() })),
            "fields": self.list(80, |d| json!({ "name": d.text(), "set": d.number(), "cleared": d.number() })),
            "errors": self.list(30, |d| json!({ "code": d.text(), "field": d.text(), "count": d.number(),
                "hint": d.text(), "refs": d.list(5, |d| json!(d.text())) })),
            "warnings": self.list(30, |d| json!({ "code": d.text(), "field": d.text(), "count": d.number(),
                "message": d.text() })),
            "pendingApprovals": self.list(12, |d| json!({ "token": d.text(), "question": d.of(&questions),
                "answer": d.text(), "message": d.text(), "removals": d.number(), "knownRecords": d.number(),
                "since": d.time(), "expires": d.time() })),
        });
        if self.roll(3) > 0 {
            fields["reason"] = json!(self.of(&reasons));
        }
        if self.roll(2) == 0 {
            fields["plan"] = json!({ "now": self.time(), "guard": self.text(), "samples": [], "unknown": 0 });
        }
        fields
    }
}

/// api.md 7 and conventions 2: whatever the report, the status passes the schema of the CRD, keeps the invariants and
/// has at most 32 KiB; so do the parts that its Destination repeats.
#[test]
fn whatever_the_report_the_status_passes_the_schema() {
    for seed in 1..=80 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let report = report(dice.report());
        let mut previous = SyncRunStatus::default();
        for _ in 0..dice.roll(14) {
            previous = started(&previous, &dice.text(), report.start_time);
            previous.counts = Some(figures_of(&report).counts);
        }
        let location = dice.text();
        let with = Ended { rejects_location: Some(&location), ..ended(&report, Some(&previous)) };
        let status = finished(&with);
        let json = checked(&status);
        assert!(json.to_string().len() <= MOST_STATUS_BYTES, "seed {seed}");
        for block in ["counts", "attributes", "memberships", "traffic"] {
            assert!(
                json[block].as_object().is_some_and(|block| block.len() >= 5),
                "zeros are written: {json:#}"
            );
        }
        let destination = json!({ "pendingApprovals": pending(&report, "users-x"), "warnings": warnings(&report),
            "errors": top_errors(&status) });
        let found = crate::api::check::kind("Destination").expect("the kind").check_status(&destination);
        assert!(found.is_empty(), "seed {seed}: {found:?}");
    }
}

/// conventions 2: where not all fits, the first entries of the longest lists stay.
#[test]
fn the_longest_lists_give_way_first() {
    let names = |n: u64, length: usize| -> Value {
        (0..n)
            .map(|n| {
                json!({ "name": format!("{n:03}{}", "€".repeat(length)), "set": 1, "cleared": 0,
            "members": 1, "joined": 1, "left": 0 })
            })
            .collect()
    };
    let report = report(json!({ "groups": names(100, 90), "fields": names(10, 5), "skippedBy":
        [{ "code": "notInBraze", "count": 1 }] }));
    let status = finished(&ended(&report, None));
    let groups = status.groups.as_ref().expect("groups");
    assert!(groups.len() < 100 && groups[0].name.starts_with("000"), "{}", groups.len());
    assert_eq!(status.fields.as_ref().map(Vec::len), Some(10));
    let mut again = status.clone();
    fit(&mut again);
    assert_eq!(again, status, "what fits is left as it is");
}
