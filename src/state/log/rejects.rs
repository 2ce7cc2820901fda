//! The table of rejected records.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use crate::state::Reject;
use crate::state::sqlite::Failure;

/// Rows read at a time.
const AT_A_TIME: usize = 512;

pub(super) fn count(db: &Connection) -> rusqlite::Result<u64> {
    let mut select = db.prepare_cached("SELECT count(*) FROM rejects")?;
    select.query_row([], |row| row.get::<_, i64>(0)).map(|n| n as u64)
}

/// Forgets the rejects of `cleared` that are not added again, then adds or renews.
pub(super) fn update(db: &Connection, cleared: &[String], rejects: &[Reject]) -> Result<(), Failure> {
    let added: HashSet<(&str, &str, &str)> =
        rejects.iter().map(|reject| (&*reject.key, &*reject.field, &*reject.code)).collect();
    let again: HashSet<&str> = rejects.iter().map(|reject| &*reject.key).collect();
    let mut clear = db.prepare_cached("DELETE FROM rejects WHERE key = ?1")?;
    let mut clear_one =
        db.prepare_cached("DELETE FROM rejects WHERE key = ?1 AND field = ?2 AND code = ?3")?;
    let mut of_key = db.prepare_cached("SELECT field, code FROM rejects WHERE key = ?1")?;
    for key in cleared {
        if !again.contains(key.as_str()) {
            clear.execute([key])?;
            continue;
        }
        let noted = of_key.query_map([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (field, code) in noted.collect::<Result<Vec<(String, String)>, _>>()? {
            if !added.contains(&(key, &field, &code)) {
                clear_one.execute([key, &field, &code])?;
            }
        }
    }
    let mut put = db.prepare_cached(
        "INSERT INTO rejects VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET run = excluded.run",
    )?;
    for reject in rejects {
        let first_seen = reject.first_seen.to_string();
        put.execute(params![reject.key, reject.field, reject.code, reject.run as i64, first_seen])?;
    }
    Ok(())
}

pub(super) fn drop_before(db: &Connection, serial: u64) -> rusqlite::Result<()> {
    db.execute("DELETE FROM rejects WHERE run < ?1", [serial as i64]).map(drop)
}

/// The rejects after a given one.
pub(super) fn after(db: &Connection, last: Option<&Reject>) -> Result<Vec<Reject>, Failure> {
    let (key, field, code) = last.map_or(("", "", ""), |last| (&last.key, &last.field, &last.code));
    let mut select = db.prepare_cached(
        "SELECT key, field, code, run, first_seen FROM rejects
         WHERE ?5 OR (key, field, code) > (?1, ?2, ?3) ORDER BY key, field, code LIMIT ?4",
    )?;
    let rows = select.query_map(params![key, field, code, AT_A_TIME as i64, last.is_none()], |row| {
        let text: String = row.get(4)?;
        let first_seen = text.parse().map_err(|_| rusqlite::Error::InvalidQuery)?;
        let run = row.get::<_, i64>(3)? as u64;
        Ok(Reject { key: row.get(0)?, field: row.get(1)?, code: row.get(2)?, run, first_seen })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
