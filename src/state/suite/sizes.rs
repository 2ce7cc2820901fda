//! How much room records take.

use super::*;

/// Bytes a record of the goals: twelve attribute hashes and a key of seven digits.
fn sync(home: &Embedded, records: u64) -> u64 {
    let epoch = home.store().begin().expect("taken").epoch;
    home.store().expect(records);
    let hash = |n: u64, i: u64| HashKey::new([1; 16]).hash(&(n * 100 + i).to_le_bytes());
    for first in (0..records).step_by(75 * 40) {
        let mut commit = Commit::default();
        for first in (first..records.min(first + 75 * 40)).step_by(75) {
            let of =
                |n: u64| intended(live(&(1_000_000 + n).to_string(), &[0_u64; 12].map(|_| 0)), None, n + 1);
            let records = (first..records.min(first + 75)).map(|n| {
                let mut record = of(n);
                record.after.attributes = (0..12).map(|i| AttributeEntry::Hash(hash(n, i))).collect();
                record
            });
            let intent = Intent {
                request: home.store().next_request(),
                kind: IntentKind::Track,
                time: time(0),
                records: records.map(std::sync::Arc::new).collect(),
            };
            commit.intents.push(intent);
        }
        let requests: Vec<u64> = commit.intents.iter().map(|intent| intent.request).collect();
        home.store().commit(epoch, commit).expect("written");
        let settlements = requests.into_iter().map(|request| Settlement { request, exceptions: vec![] });
        let answers = Commit { settlements: settlements.collect(), ..Commit::default() };
        home.store().commit(epoch, answers).expect("written");
    }
    epoch
}

#[test]
fn a_record_of_twelve_attributes_takes_125_bytes_of_log_and_24_of_index() {
    let records = 30_000;
    let home = Embedded::new(u64::MAX);
    let epoch = sync(&home, records);
    home.store().end(epoch).expect("ended");
    let snapshot = std::fs::metadata(home.log().snapshot_path()).expect("a file").len();
    let log = home.store().size().bytes - snapshot;
    assert_eq!(home.store().size().records, records);
    assert!(log <= records * 125, "{} bytes a record", log as f64 / records as f64);
    assert!(snapshot <= records * 25, "{} bytes a record", snapshot as f64 / records as f64);
}
