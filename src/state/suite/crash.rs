//! Kills, full disks, torn ends of runs, and snapshots of the index that no longer fit.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use super::*;

/// Tells a test that it runs as the child of itself, and where its store is.
const CHILD: &str = "GROUPAROO_STATE_CHILD";
const RECORDS: u64 = 40;

/// A child that is gone with the test.
pub(super) struct Doomed(pub Child);

impl Drop for Doomed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs one test of this program again, as a child, with a folder to work in.
pub(super) fn again(test: &str, folder: &std::path::Path) -> Doomed {
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, folder);
    Doomed(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child"))
}

/// The folder when this process is the child.
pub(super) fn as_child() -> Option<std::path::PathBuf> {
    std::env::var_os(CHILD).map(Into::into)
}

pub(super) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{text}").and_then(|()| out.flush()).expect("somebody listens");
}

fn key(round: u64, n: u64) -> String {
    format!("{round}-{n}")
}

/// Rounds without end: each notes a request, settles the one before, and changes some records of older rounds.
fn write_until_killed(folder: &std::path::Path) {
    let store = LogStore::open_colliding(folder, "shop/crm", hash_key(), u64::MAX).expect("a store");
    let epoch = store.begin().expect("taken").epoch;
    let mut before = None;
    for round in 0.. {
        let request = store.next_request();
        let records = (0..RECORDS).map(|n| intended(live(&key(round, n), &[n; 12]), None, n + 1)).collect();
        let mut commit = track(request, records);
        commit.settlements.extend(before.map(|request| Settlement { request, exceptions: vec![] }));
        if round > 1 {
            commit.changes.push(Change::Put(live(&key(round - 2, 0), &[round; 12]), 0));
            commit.changes.push(Change::Erase(key(round - 2, 1).into()));
        }
        before = Some(request);
        store.commit(epoch, commit).expect("written");
        say(&format!("done {round}"));
    }
}

/// semantics 10.3: nothing that was committed is lost by a kill.
#[test]
fn ten_kills_lose_no_acknowledged_record() {
    if let Some(folder) = as_child() {
        return write_until_killed(&folder);
    }
    for kill in 0..10 {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = again("state::suite::crash::ten_kills_lose_no_acknowledged_record", folder.path());
        let lines = BufReader::new(child.0.stdout.take().expect("its output")).lines();
        let rounds =
            lines.filter_map(|line| line.expect("a line").strip_prefix("done ")?.parse::<u64>().ok());
        let last = rounds.take(2 + 3 * kill).last().expect("a round");
        drop(child);
        let store =
            LogStore::open_colliding(folder.path(), "shop/crm", hash_key(), u64::MAX).expect("a store");
        for again in 0..2 {
            for round in 0..=last {
                for n in 0..RECORDS {
                    let found = store.get(key(round, n).as_bytes()).expect("an answer");
                    let said = live(&key(round, n), &[n; 12]);
                    match found {
                        Some(found) if n == 0 && round + 2 <= last => {
                            assert_eq!(found, live(&key(round, 0), &[round + 2; 12]));
                        }
                        // The child may have been some rounds ahead of what was read of it.
                        None => assert_eq!(n, 1, "{round} of {last} is lost"),
                        Some(_) if n == 1 && round + 2 <= last => panic!("{round} came back"),
                        Some(found) if round < last && n > 1 => assert_eq!(found, said),
                        Some(found) => assert_eq!(found.key, said.key),
                    }
                }
            }
            if again == 0 {
                store.begin().expect("taken");
            }
        }
        assert!(store.index_fits_the_log());
    }
}

/// semantics 10.7: a full disk.
#[test]
fn a_full_disk_fails_the_commit_and_loses_nothing() {
    let mut home = Embedded::new(u64::MAX);
    let epoch = home.store().begin().expect("taken").epoch;
    let big = |n: u64| {
        let changes = (0..500).map(|i| Change::Put(live(&format!("{n}-{i}"), &[n; 12]), 0)).collect();
        Commit { changes, ..Commit::default() }
    };
    home.store().commit(epoch, big(1)).expect("written");
    home.log().leave_pages(3);
    for _ in 0..2 {
        match home.store().commit(epoch, big(2)) {
            Err(StateError::Unwritable { name, cause }) => {
                assert_eq!(name, "shop/crm");
                let remedy =
                    cause.strip_prefix("no space left on the device; make room in ").expect("a remedy");
                assert!(remedy.contains("then run this again"), "{cause}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(home.store().size().records, 500);
    }
    assert_eq!(get(&home, "2-0"), None);
    home.log().leave_pages(1_000);
    home.store().commit(epoch, big(2)).expect("written once there is room");
    home.restart();
    assert_eq!(all(home.store()).len(), 1_000);
}

#[test]
fn a_full_disk_at_the_end_of_a_run_is_no_failure() {
    let mut home = filled_with_dead_records();
    let wanted = all(home.store());
    let epoch = home.store().header().epoch;
    home.log().leave_pages(0);
    home.store().end(epoch).expect("ended");
    home.restart();
    assert_eq!(all(home.store()), wanted);
}

/// 200 live records in a log with many dead ones, forgotten keys among them.
fn filled_with_dead_records() -> Embedded {
    let home = Embedded::new(u64::MAX);
    let epoch = home.store().begin().expect("taken").epoch;
    for round in 0..8 {
        for n in 0..300 {
            look(&home, &n.to_string(), round + 1);
        }
        let mut commit = Commit::default();
        for n in 0..300 {
            commit.changes.push(match round {
                7 if n >= 200 => Change::Erase(n.to_string().into()),
                _ => Change::Put(live(&n.to_string(), &[round; 12]), mark(n.to_string().as_bytes(), round)),
            });
        }
        home.store().commit(epoch, commit).expect("written");
    }
    home
}

#[test]
fn a_compaction_stopped_anywhere_loses_and_resurrects_nothing() {
    let mut stops = 0;
    for transactions in 1.. {
        let home = filled_with_dead_records();
        let (wanted, bytes) = (all(home.store()), home.store().size().bytes);
        assert_eq!(wanted.len(), 200);
        let epoch = home.store().header().epoch;
        home.log().stop_compaction_after(transactions);
        home.store().end(epoch).expect("ended");
        let stopped = !home.log().snapshot_path().exists();
        // What a kill at this point leaves, and the store that goes on.
        let copy = home.copy();
        assert_eq!(all(copy.store()), wanted);
        assert!(copy.log().index_fits_the_log());
        assert_eq!(all(home.store()), wanted);
        let epoch = copy.store().begin().expect("taken").epoch;
        assert!(matches!(look(&copy, "250", 1), Found::New));
        copy.store().end(epoch).expect("ended");
        assert_eq!(all(copy.store()), wanted);
        if !stopped {
            assert!(home.store().size().bytes <= bytes);
            break;
        }
        stops += 1;
    }
    assert!(stops > 2, "{stops}");
}

#[test]
fn a_log_that_is_rewritten_again_and_again_does_not_grow() {
    let home = Embedded::new(u64::MAX);
    let mut sizes = Vec::new();
    for round in 0..12_u64 {
        let epoch = home.store().begin().expect("taken").epoch;
        let changes = (0..2_000).map(|n| Change::Put(live(&n.to_string(), &[round; 12]), 0)).collect();
        home.store().commit(epoch, Commit { changes, ..Commit::default() }).expect("written");
        home.store().end(epoch).expect("ended");
        sizes.push(home.store().size().bytes);
    }
    assert_eq!(home.store().size().records, 2_000);
    assert!(sizes[11] <= sizes[0] * 7 / 2 && sizes[11] <= sizes[4], "{sizes:?}");
}

#[test]
fn the_snapshot_of_the_index_is_used_only_when_it_fits() {
    let mut home = Embedded::new(u64::MAX);
    let epoch = home.store().begin().expect("taken").epoch;
    for n in 0..500 {
        look(&home, &n.to_string(), n + 1);
    }
    let changes =
        (0..400_u64).map(|n| Change::Put(live(&n.to_string(), &[n]), mark(n.to_string().as_bytes(), n)));
    home.store().commit(epoch, Commit { changes: changes.collect(), ..Commit::default() }).expect("written");
    home.store().end(epoch).expect("ended");
    let snapshot = home.log().snapshot_path();
    let bytes = std::fs::read(&snapshot).expect("a snapshot");
    assert!(bytes.len() < 400 * 24 + 8 * (256 + 5) + 1, "{} bytes", bytes.len());

    home.restart();
    assert!(home.log().opened_by_snapshot() && home.log().index_fits_the_log());
    for damage in [Some(bytes[..100].to_vec()), None] {
        match damage {
            Some(damaged) => std::fs::write(&snapshot, damaged).expect("written"),
            None => std::fs::remove_file(&snapshot).expect("removed"),
        }
        home.restart();
        assert!(!home.log().opened_by_snapshot() && home.log().index_fits_the_log());
        assert_eq!(home.store().size().records, 400);
    }
    // A run that was killed after a commit leaves the snapshot of the run before.
    std::fs::write(&snapshot, &bytes).expect("written");
    home.restart();
    assert!(home.log().opened_by_snapshot());
    let epoch = home.store().begin().expect("taken").epoch;
    home.store().commit(epoch, put(live("0", &[77]), 0)).expect("written");
    home.restart();
    assert!(!home.log().opened_by_snapshot());
    assert_eq!(get(&home, "0"), Some(live("0", &[77])));
}

/// semantics 13.5: a state from a backup.
#[test]
fn a_store_from_a_backup_does_not_trust_a_snapshot_of_its_later_self() {
    let home = Embedded::new(u64::MAX);
    home.store().begin().expect("taken");
    let mut backup = home.copy();
    for (store, hash) in [(&home, 1), (&backup, 2)] {
        // Both make the same number of transactions.
        let epoch = store.store().begin().expect("taken").epoch;
        store.store().commit(epoch, put(live("a", &[hash]), hash)).expect("written");
        store.store().commit(epoch, put(live(&hash.to_string(), &[hash]), hash)).expect("written");
        store.store().end(epoch).expect("ended");
    }
    std::fs::copy(home.log().snapshot_path(), backup.log().snapshot_path()).expect("a copy");
    backup.restart();
    assert!(!backup.log().opened_by_snapshot());
    assert_eq!(get(&backup, "a"), Some(live("a", &[2])));
}

#[test]
fn a_damaged_record_is_told_and_not_taken() {
    let mut home = Embedded::new(u64::MAX);
    let epoch = home.store().begin().expect("taken").epoch;
    home.store().commit(epoch, put(live("a", &[1]), 0)).expect("written");
    home.log = None;
    let db = rusqlite::Connection::open(home.folder.path().join("state.db")).expect("a file");
    db.execute("UPDATE log SET data = substr(data, 1, length(data) - 3)", []).expect("damaged");
    drop(db);
    let opened = LogStore::open_colliding(home.folder.path(), "shop/crm", hash_key(), u64::MAX);
    assert!(matches!(opened, Err(StateError::Unreadable { .. })), "{opened:?}");
}
