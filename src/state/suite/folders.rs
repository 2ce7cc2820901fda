//! State folders: their key, their locks, reading without a trace, what is refused, and the ledgers of apps.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use grouparoo_clock::Clock;

use super::crash::{again, as_child, say};
use super::*;

fn options() -> FolderOptions {
    FolderOptions { hash_key: None, program: "grouparoo run".to_owned(), clock: Clock::manual(time(0)) }
}

fn open(path: &Path) -> Folder {
    Folder::open(path, options()).expect("a folder")
}

fn read(path: &Path) -> Folder {
    Folder::read(path, options()).expect("readable").expect("a folder")
}

/// Every file below a folder with its content.
fn files(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).expect("a file"));
        }
    }
    found
}

/// A folder with one store of one record.
fn with_a_store() -> (TempDir, Folder) {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = open(&dir.path().join("state"));
    let store = folder.store("shop", "crm").expect("a store");
    let epoch = store.begin().expect("taken").epoch;
    store.commit(epoch, put(live("a", &[1]), 1)).expect("written");
    store.end(epoch).expect("ended");
    (dir, folder)
}

/// semantics 10.7: what is left of a state is no fresh one; a folder that was never more than made is.
#[test]
fn a_store_whose_database_is_lost_is_not_a_fresh_one() {
    let (dir, folder) = with_a_store();
    let store = dir.path().join("state/stores/shop/crm");
    let damages: [fn(&Path); 2] = [
        |file| std::fs::write(file, "").expect("written"),
        |file| std::fs::remove_file(file).expect("removed"),
    ];
    for damage in damages {
        damage(&store.join("state.db"));
        let told = [folder.store("shop", "crm").err(), folder.read_store("shop", "crm").err()];
        for error in told {
            let error = error.expect("refused").to_string();
            assert!(error.contains("state.db is lost") && error.contains("backup"), "{error}");
        }
    }
    folder.remove_store("shop", "crm").expect("removed");
    std::fs::create_dir_all(&store).expect("a folder");
    std::fs::write(store.join("state.db"), "").expect("written");
    assert_eq!(folder.store("shop", "crm").expect("a fresh store").size().records, 0);
}

/// semantics 1: the hash key is a file of its own, mode 0600.
#[cfg(unix)]
#[test]
fn folder_and_key_are_the_owners_alone_and_the_key_stays() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, _) = with_a_store();
    let path = dir.path().join("state");
    let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let key = path.join("hash.key");
    assert_eq!((mode(&key), std::fs::metadata(&key).expect("a file").len()), (0o600, 16));
    for file in files(&path).keys().filter(|file| !file.ends_with("format") && !file.ends_with("index")) {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    let bytes = std::fs::read(&key).expect("a key");
    assert_eq!(
        open(&path).store_key("shop", "crm").as_bytes(),
        open(&path).store_key("shop", "crm").as_bytes()
    );
    assert_eq!(std::fs::read(&key).expect("a key"), bytes);
    assert_ne!(
        open(&path).store_key("shop", "crm").as_bytes(),
        open(&path).store_key("shop", "erp").as_bytes()
    );
}

/// semantics 10.1 and 10.2: durable means on the disk.
#[test]
fn a_commit_waits_for_the_disk_in_a_write_ahead_log() {
    let (_dir, folder) = with_a_store();
    let store = folder.store("shop", "crm").expect("a store");
    let settings = ["synchronous", "journal_mode", "page_size", "locking_mode", "wal_autocheckpoint"];
    assert_eq!(settings.map(|setting| store.setting(setting)), ["2", "wal", "8192", "normal", "8192"]);
}

#[test]
fn two_folders_have_two_keys() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let keys = dirs.each_ref().map(|dir| *open(dir.path()).store_key("a", "b").as_bytes());
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_key_that_is_given_is_not_written_down() {
    let dir = tempfile::tempdir().expect("a folder");
    let given = || FolderOptions { hash_key: Some(HashKey::new([1; 16])), ..options() };
    let folder = Folder::open(dir.path(), given()).expect("a folder");
    folder.store("shop", "crm").expect("a store").begin().expect("taken");
    assert!(!dir.path().join("hash.key").exists());
    let without = Folder::open(dir.path(), options());
    assert!(
        matches!(without, Err(StateError::Unreadable { .. })),
        "no new key is made for old stores: {without:?}"
    );
    let other = FolderOptions { hash_key: Some(HashKey::new([2; 16])), ..options() };
    let other = Folder::open(dir.path(), other).expect("a folder");
    for result in [other.store("shop", "crm").map(drop), other.read_store("shop", "crm").map(drop)] {
        match result {
            Err(StateError::Unreadable { name, cause }) => {
                assert_eq!((&*name, &*cause), ("shop/crm", "it was written with another hash key"));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// semantics 10.4: a second starter is told who holds it.
#[test]
fn a_second_process_is_told_who_holds_the_store() {
    if let Some(path) = as_child() {
        let store = open(&path).store("shop", "crm").expect("a store");
        say("held");
        let mut rest = Vec::new();
        std::io::stdin().read_to_end(&mut rest).expect("the end");
        return drop(store);
    }
    let (dir, folder) = with_a_store();
    let path = dir.path().join("state");
    let mut child = again("state::suite::folders::a_second_process_is_told_who_holds_the_store", &path);
    let lines = BufReader::new(child.0.stdout.take().expect("its output")).lines();
    assert!(lines.map(|line| line.expect("a line")).any(|line| line == "held"));
    match folder.store("shop", "crm") {
        Err(error @ StateError::Held { .. }) => {
            let text = error.to_string();
            assert!(text.starts_with("the state shop/crm is in use by grouparoo run on "), "{text}");
            assert!(text.contains(&format!(", process {}, since 2026-09-21T", child.0.id())), "{text}");
        }
        other => panic!("{other:?}"),
    }
    // Another store, and reading, are free.
    folder.store("shop", "erp").expect("a store");
    let reading = folder.read_store("shop", "crm").expect("readable").expect("a store");
    assert_eq!(all(&reading), [live("a", &[1])]);
    drop(child);
    folder.store("shop", "crm").expect("free again");
}

/// semantics 10.4: an operator has a folder alone, or shares it with those among whom one is elected
#[test]
fn operators_share_a_folder_only_when_they_elect_one_of_them() {
    let (_dir, folder) = with_a_store();
    let held = |elects: bool| matches!(folder.operate(elects), Err(StateError::Held { holder, .. }) if holder.contains("process"));
    let alone = folder.operate(false).expect("free");
    assert!(held(false) && held(true));
    // A run of the command line has nothing to do with it.
    folder.store("shop", "crm").expect("free");
    drop(alone);
    let one = folder.operate(true).expect("free");
    let other = folder.operate(true).expect("shared");
    assert!(held(false));
    drop(one);
    assert!(held(false), "the other one is named");
    drop(other);
    folder.operate(false).expect("free again");
}

#[test]
fn one_process_holds_a_store_once_at_a_time() {
    let (_dir, folder) = with_a_store();
    let store = folder.store("shop", "crm").expect("a store");
    let second = folder.store("shop", "crm");
    assert!(matches!(second, Err(StateError::Held { .. })), "{second:?}");
    for refused in [folder.remove_store("shop", "crm"), folder.archive_store("shop", "crm").map(drop)] {
        assert!(matches!(refused, Err(StateError::Held { .. })), "{refused:?}");
    }
    drop(store);
    folder.store("shop", "crm").expect("free again");
}

/// semantics 14.1: a plan writes nothing to the state and takes no lock.
#[test]
fn reading_leaves_no_trace() {
    let (dir, folder) = with_a_store();
    folder.app_ledger("shop/braze").expect("a ledger").note_deletes(&[1], time(0)).expect("noted");
    let path = dir.path().join("state");
    let before = files(&path);
    {
        let folder = read(&path);
        let store = folder.read_store("shop", "crm").expect("readable").expect("a store");
        assert_eq!(all(&store), [live("a", &[1])]);
        assert_eq!(store.header().serial, 1);
        let mut out = Vec::new();
        let key_hash = store.hash_key().hash(b"a");
        store
            .probe(&[Probe { key: b"a", key_hash, fingerprint: mark(b"a", 1) }], &mut out)
            .expect("an answer");
        assert_eq!(out, [Found::Unchanged]);
        assert_eq!(unseen(&store), Vec::<String>::new());
        for refused in [
            store.begin().map(drop),
            store.commit(1, Commit::default()),
            store.end(1),
            store.drop_rejects_before(1, 1),
        ] {
            assert!(matches!(refused, Err(StateError::Unwritable { .. })), "{refused:?}");
        }
        assert_eq!(folder.list().expect("a list").len(), 1);
        assert!(folder.read_store("shop", "none").expect("readable").is_none());
        let ledger = folder.read_app_ledger("shop/braze").expect("a ledger");
        assert_eq!(ledger.deleted_since(time(0)).expect("keys"), [(1, time(0))]);
        let none = folder.read_app_ledger("shop/none").expect("a ledger");
        assert_eq!(none.last_delete().expect("an answer"), None);
        assert_eq!(files(&path), before);
    }
    assert_eq!(files(&path), before);
    assert!(Folder::read(&dir.path().join("none"), options()).expect("readable").is_none());
    assert!(Folder::read(dir.path(), options()).expect("readable").is_none(), "not a state folder");
}

#[test]
fn a_reader_beside_a_run_sees_one_moment_with_open_requests() {
    let (dir, folder) = with_a_store();
    let store = folder.store("shop", "crm").expect("a store");
    let epoch = store.begin().expect("taken").epoch;
    let request = store.next_request();
    store.commit(epoch, track(request, vec![intended(live("n", &[2]), None, 2)])).expect("written");
    let reading =
        read(&dir.path().join("state")).read_store("shop", "crm").expect("readable").expect("a store");
    let open = Record { attributes: vec![AttributeEntry::Unknown], ..Record::new("n", Status::Attempted) };
    let moment = [live("a", &[1]), open];
    assert_eq!(all(&reading), moment);
    store.commit(epoch, settle(request, vec![])).expect("written");
    store.commit(epoch, put(live("b", &[3]), 3)).expect("written");
    assert_eq!(all(&reading), moment);
    drop(reading);
    let reading = folder.read_store("shop", "crm").expect("readable").expect("a store");
    assert_eq!(all(&reading).len(), 3);
}

/// What a kill leaves can be read before the next run: the records lie in the write-ahead log only.
#[test]
fn a_store_that_was_killed_can_be_read() {
    let (dir, folder) = with_a_store();
    let store = folder.store("shop", "crm").expect("a store");
    let epoch = store.begin().expect("taken").epoch;
    let request = store.next_request();
    store.commit(epoch, track(request, vec![intended(live("n", &[2]), None, 2)])).expect("written");
    let killed = dir.path().join("killed");
    for part in ["stores", "stores/shop", "stores/shop/crm"] {
        std::fs::create_dir_all(killed.join(part)).expect("a folder");
    }
    let state = dir.path().join("state");
    for part in ["format", "hash.key"] {
        std::fs::copy(state.join(part), killed.join(part)).expect("a copy");
    }
    copy_files(&state.join("stores/shop/crm"), &killed.join("stores/shop/crm"));
    let reading = read(&killed).read_store("shop", "crm").expect("readable").expect("a store");
    let open = Record { attributes: vec![AttributeEntry::Unknown], ..Record::new("n", Status::Attempted) };
    assert_eq!(all(&reading), [live("a", &[1]), open]);
    assert_eq!(reading.header().epoch, epoch);
    drop(reading);
    let store = open_store(&killed);
    assert_eq!(all(&store).len(), 2);
}

fn open_store(path: &Path) -> LogStore {
    open(path).store("shop", "crm").expect("a store")
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let (_dir, folder) = with_a_store();
    let reading = folder.read_store("shop", "crm").expect("readable").expect("a store");
    let store = folder.store("shop", "crm").expect("a store");
    let epoch = store.begin().expect("taken").epoch;
    let changes = (0..500).map(|n| Change::Put(live(&n.to_string(), &[n]), 0)).collect();
    store.commit(epoch, Commit { changes, ..Commit::default() }).expect("written");
    store.end(epoch).expect("ended");
    let found = reading.get(b"a");
    assert!(matches!(found, Err(StateError::Unreadable { .. })), "{found:?}");
}

#[test]
fn what_a_newer_version_wrote_is_left_alone() {
    let (dir, folder) = with_a_store();
    let path = dir.path().join("state");
    let file = path.join("stores/shop/crm/state.db");
    let db = rusqlite::Connection::open(&file).expect("a file");
    db.pragma_update(None, "user_version", 9).expect("set");
    drop(db);
    for result in [folder.store("shop", "crm").map(drop), folder.read_store("shop", "crm").map(drop)] {
        assert!(matches!(result, Err(StateError::Newer { found: 9, known: 1, .. })), "{result:?}");
    }
    let listed = folder.list().expect("a list");
    assert!(matches!(listed[0].content, Err(StateError::Newer { .. })), "{listed:?}");
    std::fs::write(path.join("format"), "2\n").expect("written");
    for result in [Folder::open(&path, options()).map(drop), Folder::read(&path, options()).map(drop)] {
        assert!(matches!(result, Err(StateError::Newer { found: 2, known: 1, .. })), "{result:?}");
    }
}

#[test]
fn files_that_are_not_ours_are_refused() {
    let (dir, folder) = with_a_store();
    let file = dir.path().join("state/stores/shop/crm/state.db");
    for content in
        [&b"no database, but long enough to be one, and then some more of it to be sure of that"[..], b""]
    {
        std::fs::write(&file, content.repeat(100)).expect("written");
        let found = folder.read_store("shop", "crm");
        assert!(matches!(found, Err(StateError::Unreadable { .. })), "{found:?}");
    }
    std::fs::remove_file(&file).expect("removed");
    let other = rusqlite::Connection::open(&file).expect("a file");
    other.execute_batch("CREATE TABLE log (a); PRAGMA user_version = 1").expect("made");
    drop(other);
    let found = folder.store("shop", "crm");
    assert!(matches!(found, Err(StateError::Unreadable { .. })), "{found:?}");
}

#[cfg(unix)]
#[test]
fn names_and_links_do_not_lead_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("state");
    let folder = open(&path);
    folder.store("../..", "../../escaped").expect("a store").begin().expect("taken");
    folder.app_ledger("../../app").expect("a ledger");
    let outside: Vec<_> = files(dir.path()).into_keys().filter(|file| !file.starts_with(&path)).collect();
    assert_eq!(outside, Vec::<std::path::PathBuf>::new());
    let listed = folder.list().expect("a list");
    assert_eq!((&*listed[0].namespace, &*listed[0].name), ("../..", "../../escaped"));

    let elsewhere = dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    symlink(&elsewhere, path.join("stores/linked")).expect("a link");
    folder.store("shop", "crm").expect("a store");
    symlink(&elsewhere, path.join("stores/shop/linked")).expect("a link");
    let database = path.join("stores/shop/crm/state.db");
    std::fs::remove_file(&database).expect("removed");
    symlink(elsewhere.join("db"), &database).expect("a link");
    for (namespace, name) in [("linked", "crm"), ("shop", "linked"), ("shop", "crm")] {
        let found = folder.store(namespace, name);
        assert!(matches!(found, Err(StateError::Unreadable { .. })), "{namespace} {name}: {found:?}");
    }
    assert_eq!(files(&elsewhere), BTreeMap::new());
    let too_long = folder.store("shop", &"n".repeat(300));
    assert!(matches!(too_long, Err(StateError::Unwritable { .. })), "{too_long:?}");
}

#[test]
fn all_stores_are_listed_with_header_and_sizes() {
    let (dir, folder) = with_a_store();
    let store = folder.store("erp", "crm").expect("a store");
    let header = store.begin().expect("taken");
    let body = serde_json::json!({"app": "shop/braze"});
    let commit = Commit { header: Some(Header { body: body.clone(), ..header }), ..put(live("b", &[1]), 1) };
    store.commit(1, commit).expect("written");
    let path = dir.path().join("state");
    std::fs::create_dir(path.join("stores/shop/lost+found")).expect("a folder");
    std::fs::create_dir(path.join("stores/shop/empty")).expect("a folder");
    let listed = read(&path).list().expect("a list");
    let names: Vec<_> = listed.iter().map(|listed| (&*listed.namespace, &*listed.name)).collect();
    assert_eq!(names, [("erp", "crm"), ("shop", "crm")]);
    let (header, _) = listed[0].content.as_ref().expect("a header");
    assert_eq!((header.epoch, &header.body), (1, &body));
    let (header, size) = listed[1].content.as_ref().expect("a header");
    assert_eq!((header.serial, size.records, size.known), (1, 1, 1));
}

#[test]
fn a_store_under_another_name_is_not_taken_for_its_own() {
    let (dir, folder) = with_a_store();
    let stores = dir.path().join("state/stores/shop");
    std::fs::rename(stores.join("crm"), stores.join("erp")).expect("moved");
    let found = folder.store("shop", "erp");
    assert!(matches!(found, Err(StateError::Unreadable { .. })), "{found:?}");
}

/// semantics 4.3: `fresh-…` archives a state, and deletion with `deletionPolicy: Delete` removes it.
#[test]
fn stores_are_put_away_and_removed() {
    let (dir, folder) = with_a_store();
    let kept = folder.archive_store("shop", "crm").expect("put away").expect("a store");
    assert!(kept.starts_with(dir.path().canonicalize().expect("a path").join("state/archive")));
    assert!(kept.join("state.db").exists());
    assert!(folder.read_store("shop", "crm").expect("readable").is_none());
    let fresh = folder.store("shop", "crm").expect("a store");
    assert_eq!((fresh.size().records, fresh.header().serial), (0, 0));
    drop(fresh);
    folder.remove_store("shop", "crm").expect("removed");
    folder.remove_store("shop", "crm").expect("nothing to remove");
    assert_eq!(folder.archive_store("shop", "crm").expect("nothing to put away"), None);
    assert_eq!(folder.list().expect("a list").len(), 0);
    assert!(kept.join("state.db").exists());
}

fn ledgers(test: impl Fn(&dyn AppLedger, &dyn Fn() -> Box<dyn AppLedger>)) {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = open(dir.path());
    let ledger = folder.app_ledger("shop/braze").expect("a ledger");
    // A second connection, as another process has it.
    test(&*ledger, &|| folder.app_ledger("shop/braze").expect("a ledger"));
    let memory = std::sync::Arc::new(MemoryAppLedger::new(hash_key()));
    test(&*memory, &|| Box::new(Shared(memory.clone())));
}

struct Shared(std::sync::Arc<MemoryAppLedger>);

impl AppLedger for Shared {
    fn hash_key(&self) -> &HashKey {
        self.0.hash_key()
    }
    fn note_deletes(&self, keys: &[u64], time: Timestamp) -> Result<(), StateError> {
        self.0.note_deletes(keys, time)
    }
    fn deleted_since(&self, time: Timestamp) -> Result<Vec<(u64, Timestamp)>, StateError> {
        self.0.deleted_since(time)
    }
    fn is_empty(&self) -> Result<bool, StateError> {
        self.0.is_empty()
    }
    fn last_delete(&self) -> Result<Option<Timestamp>, StateError> {
        self.0.last_delete()
    }
    fn note_opt_outs(&self, marks: &[OptOut]) -> Result<(), StateError> {
        self.0.note_opt_outs(marks)
    }
    fn is_opted_out(&self, group: &str, person: Person) -> Result<bool, StateError> {
        self.0.is_opted_out(group, person)
    }
}

/// semantics 1 and 2.4: deletes are known to the siblings for 90 days.
#[test]
fn deletes_are_told_to_siblings_for_ninety_days() {
    ledgers(|ledger, again| {
        assert_eq!(ledger.last_delete().expect("an answer"), None);
        ledger.note_deletes(&[1, u64::MAX], time(10)).expect("noted");
        ledger.note_deletes(&[2, 1], time(20)).expect("noted");
        ledger.note_deletes(&[2], time(5)).expect("noted");
        let since = |seconds| {
            let mut keys = again().deleted_since(time(seconds)).expect("keys");
            keys.sort_unstable();
            keys
        };
        assert_eq!(since(0), [(1, time(20)), (2, time(20)), (u64::MAX, time(10))]);
        assert_eq!(since(20), [(1, time(20)), (2, time(20))]);
        assert_eq!(since(21), []);
        assert_eq!(again().last_delete().expect("an answer"), Some(time(20)));
        let days = 24 * 3_600;
        ledger.note_deletes(&[3], time(20 + 90 * days)).expect("noted");
        assert_eq!(since(0), [(1, time(20)), (2, time(20)), (3, time(20 + 90 * days))]);
    });
}

/// semantics 2.4 and 7.2: opt-out marks are kept by key and by address.
#[test]
fn opt_outs_are_remembered_by_group_and_person() {
    ledgers(|ledger, again| {
        let mark = |group: &str, person| OptOut { group: group.to_owned(), person };
        ledger
            .note_opt_outs(&[mark("news", Person::Key(7)), mark("ads", Person::Address(7))])
            .expect("noted");
        ledger.note_opt_outs(&[mark("news", Person::Key(7))]).expect("noted twice");
        let ask = |group, person| again().is_opted_out(group, person).expect("an answer");
        assert!(ask("news", Person::Key(7)) && ask("ads", Person::Address(7)));
        assert!(
            !ask("news", Person::Address(7)) && !ask("ads", Person::Key(7)) && !ask("news", Person::Key(8))
        );
    });
}

/// semantics 1: the app ledger is carried over when its workspace is found under another name.
#[test]
fn a_ledger_outlives_a_new_name_of_its_app() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = open(dir.path());
    let old = folder.app_ledger("shop/braze").expect("a ledger");
    old.note_deletes(&[1, 2], time(10)).expect("noted");
    old.note_opt_outs(&[OptOut { group: "news".to_owned(), person: Person::Key(7) }]).expect("noted");
    let new = folder.app_ledger("shop/main").expect("a ledger");
    new.note_deletes(&[2], time(30)).expect("noted");
    folder.carry_over_app("shop/braze", "shop/main").expect("carried over");
    folder.carry_over_app("shop/none", "shop/main").expect("nothing to carry over");
    let mut deletes = new.deleted_since(time(0)).expect("keys");
    deletes.sort_unstable();
    assert_eq!(deletes, [(1, time(10)), (2, time(30))]);
    assert!(new.is_opted_out("news", Person::Key(7)).expect("an answer"));
    assert_eq!(new.hash_key().hash(b"a"), old.hash_key().hash(b"a"));
}
