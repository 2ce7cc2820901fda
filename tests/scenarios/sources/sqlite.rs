//! What is particular to SQLite.

use std::path::{Path, PathBuf};
use std::time::Duration;

use grouparoo::data::{ColumnKind, RowBatch};
use grouparoo::source::{
    Selection, Source, SourceConfig, SourceError, SqliteConfig, System, open as open_source,
};
use grouparoo_clock::Clock;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{drain, query, read, suite, table};

/// A file made by some statements.
fn file(sql: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("data.db");
    Connection::open(&path).and_then(|c| c.execute_batch(sql)).expect("a database");
    (folder, path)
}

fn source(path: &Path) -> Box<dyn Source> {
    suite::source(System::Sqlite(SqliteConfig { path: path.to_owned(), shown: "data.db".to_owned() }))
}

/// semantics 5.2, undeclared types are inferred: a column's declared type is what it is meant to be.
#[tokio::test]
async fn values_that_fit_the_declared_type_become_it_and_others_stay() {
    let (_folder, path) = file(
        "create table t (i integer, r real, d decimal(10,2), b boolean, s text, day date, at datetime, j json,
             x blob, z);
         insert into t values (1, 1.5, 10.5, 1, 'Ana', '2026-03-01', '2026-03-01 12:00:00', '{\"a\":1}', x'00ff', 7);
         insert into t values ('seven', 'x', 3, 0, 7, 'tomorrow', '2026-03-01T12:00:00+02:00', '[', null, 'z');
         insert into t values (1.5, 2, 'NaN', 2, x'00', 20513, 1772366400, null, 'text', 1e300);
         insert into t values (-9223372036854775808, -0.0, 1e21, null, '', null, '2026-03-01', '', x'', null);",
    );
    let source = source(&path);
    let columns = ["i", "r", "d", "b", "s", "day", "at", "j", "x", "z"];
    let rows = read(&*source, &table("t"), &columns, &Selection::All).await.expect("rows");
    let expected = [
        [
            "int 1",
            "f64 1.5",
            "decimal 10.5",
            "true",
            "text Ana",
            "date 20513",
            "naive 1772366400000000",
            "json {\"a\":1}",
            "unsupported",
            "int 7",
        ],
        [
            "text seven",
            "text x",
            "decimal 3",
            "false",
            "text 7",
            "text tomorrow",
            "instant 1772359200000000",
            "json [",
            "null",
            "text z",
        ],
        [
            "f64 1.5",
            "f64 2.0",
            "text NaN",
            "int 2",
            "unsupported",
            "int 20513",
            "int 1772366400",
            "null",
            "text text",
            "f64 1e300",
        ],
        [
            "int -9223372036854775808",
            "f64 0.0",
            "decimal 1000000000000000000000",
            "null",
            "text ",
            "null",
            "naive 1772323200000000",
            "json ",
            "unsupported",
            "null",
        ],
    ];
    assert_eq!(rows, expected);
    let kinds: Vec<_> = source.describe(&table("t")).await.expect("columns").columns;
    let kinds: Vec<_> = kinds.into_iter().map(|c| c.kind).collect();
    use ColumnKind as K;
    let expected = [
        K::Integer,
        K::Float,
        K::Decimal,
        K::Bool,
        K::Text,
        K::Date,
        K::NaiveTime,
        K::Json,
        K::Unsupported,
        K::Dynamic,
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn a_query_keeps_the_declared_types_of_its_columns() {
    let (_folder, path) = file("create table t (a boolean, b int); insert into t values (1, 2)");
    let sql = query("select a as flag, b + 1 as next, count(*) over () as n from t -- all\n;");
    let source = source(&path);
    let described = source.describe(&sql).await.expect("columns").columns;
    let found: Vec<_> = described.iter().map(|c| (c.name.as_str(), c.source_type.as_str())).collect();
    assert_eq!(found, [("flag", "boolean"), ("next", ""), ("n", "")]);
    let rows = read(&*source, &sql, &["flag", "next", "n"], &Selection::All).await.expect("rows");
    assert_eq!(rows, [["true", "int 3", "int 1"]]);
}

#[tokio::test]
async fn text_that_is_no_text_is_bad_text() {
    let (_folder, path) =
        file("create table t (a text); insert into t values (cast(x'ff41' as text)), ('a' || char(0))");
    let rows = read(&*source(&path), &table("t"), &["a"], &Selection::All).await.expect("rows");
    assert_eq!(rows, [["bad text"], ["bad text"]]);
}

/// api 5: the query runs read-only and is one statement.
#[tokio::test]
async fn a_query_that_would_write_or_look_elsewhere_is_refused() {
    let (folder, path) = file("create table t (n int); insert into t values (1)");
    let other = folder.path().join("other.db");
    let attach = format!("attach '{}' as other", other.display());
    let vacuum = format!("vacuum into '{}'", other.display());
    let before = std::fs::read(&path).expect("the file");
    let source = source(&path);
    for sql in [
        "insert into t values (2) returning n",
        "delete from t returning n",
        "update t set n = 2",
        "drop table t",
        "create table u (n int)",
        "create temp table u (n int)",
        "select 1 as n; drop table t",
        "select 1 as n; select 2 as n",
        "select 1 as n) as x; drop table t; --",
        "with x as (select 1 as n) insert into t select n from x returning n",
        "pragma user_version = 7",
        "pragma table_info(t)",
        "select name as n from pragma_table_info('t')",
        "explain select 1 as n",
        "explain query plan select 1 as n",
        "begin",
        "commit",
        "select load_extension('x') as n",
        "select ?1 as n",
        &attach,
        &vacuum,
        "",
        ";",
    ] {
        let error = read(&*source, &query(sql), &["n"], &Selection::All).await.expect_err(sql);
        assert!(
            matches!(error, SourceError::NotReadOnly { .. } | SourceError::QueryFailed { .. }),
            "{sql}: {error:?}"
        );
        // A pragma in the form of a table shows itself only when it runs.
        assert!(source.describe(&query(sql)).await.is_err() || sql.contains("pragma_"), "{sql}");
    }
    assert_eq!(std::fs::read(&path).expect("the file"), before);
    assert!(!other.exists());
}

#[tokio::test]
async fn functions_and_views_that_only_read_work() {
    let (_folder, path) = file(
        "create table t (n int, j json); insert into t values (1, '[1,2]'), (2, '[]');
         create view v as select n from t where n > 1;
         create virtual table f using fts5(body); insert into f values ('hello world');",
    );
    let source = source(&path);
    for (sql, rows) in [
        ("select value as n from t, json_each(t.j)", 2),
        ("select n from v", 1),
        ("with recursive c(n) as (values (1) union all select n + 1 from c where n < 9) select n from c", 9),
        ("select rowid as n from f where f match 'hello'", 1),
        ("select upper('a') as n, date('now') as d", 1),
    ] {
        let found = read(&*source, &query(sql), &["n"], &Selection::All).await.expect(sql);
        assert_eq!(found.len(), rows, "{sql}");
    }
    assert_eq!(read(&*source, &table("v"), &["n"], &Selection::All).await.expect("a view").len(), 1);
}

/// api 4, Ready reason AccessDenied.
#[tokio::test]
async fn a_file_that_is_missing_or_no_database_is_access_denied() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.db");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database, but long enough to be looked at closely".repeat(20))
        .expect("a file");
    for path in [&missing, &text, &folder.path().to_owned()] {
        let error = source(path).check().await.expect_err("no database");
        let SourceError::AccessDenied { location, .. } = &error else { panic!("{error:?}") };
        assert_eq!(location, "data.db");
    }
    assert!(!missing.exists());
}

#[tokio::test]
async fn a_file_that_a_writer_holds_is_unreachable_for_now() {
    let (_folder, path) = file("create table t (n int)");
    let writer = Connection::open(&path).expect("a database");
    writer.execute_batch("begin exclusive").expect("the lock");
    let config = SourceConfig {
        system: System::Sqlite(SqliteConfig { path: path.clone(), shown: "data.db".to_owned() }),
        query_timeout: Duration::from_millis(300),
    };
    let clock = Clock::manual("2026-03-01T12:00:00Z".parse().expect("a timestamp"));
    let source = open_source(&config, &clock).expect("a good configuration");
    let error = source.check().await.expect_err("locked");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    writer.execute_batch("rollback").expect("unlocked");
    source.check().await.expect("free again");
}

/// semantics 1, "full read": all rows of the Model in one snapshot.
#[tokio::test]
async fn rows_written_during_a_read_are_not_seen() {
    let (_folder, path) = file(
        "pragma journal_mode = wal; create table t (n int);
         with recursive c(n) as (values (1) union all select n + 1 from c where n < 20000) insert into t select n from c;",
    );
    let source = source(&path);
    let mut stream = source.read(&table("t"), &["n".to_owned()], &Selection::All).await.expect("it opens");
    let mut batch = RowBatch::new(1);
    assert!(stream.next(&mut batch).await.expect("rows"));
    let writer = Connection::open(&path).expect("a database");
    writer.execute_batch("insert into t values (20001); delete from t where n > 15000").expect("written");
    let rest = drain(&mut *stream, 1).await.expect("rows");
    assert_eq!(batch.rows() + rest.len(), 20_000);
}

/// api 4, queryTimeout.
#[tokio::test]
async fn a_query_that_takes_too_long_is_cancelled() {
    let (_folder, path) = file("create table t (n int)");
    let config = SourceConfig {
        system: System::Sqlite(SqliteConfig { path, shown: "data.db".to_owned() }),
        query_timeout: Duration::from_secs(100),
    };
    let source = open_source(&config, &Clock::scaled(1000)).expect("a good configuration");
    let endless =
        "with recursive c(n) as (values (1) union all select n + 1 from c) select max(n) as n from c";
    let error = read(&*source, &query(endless), &["n"], &Selection::All).await.expect_err("endless");
    assert!(matches!(error, SourceError::TimedOut(_)), "{error:?}");
}

#[tokio::test]
async fn errors_of_values_do_not_repeat_the_values() {
    let (_folder, path) = file("create table t (mail text); insert into t values ('ana@example.com')");
    let sql = query("select json_extract('{}', mail) as a from t");
    let error = read(&*source(&path), &sql, &["a"], &Selection::All).await.expect_err("no path");
    assert!(matches!(error, SourceError::QueryFailed { .. }), "{error:?}");
    assert!(!error.to_string().contains("example"), "{error}");
}

/// What is expected of a table or view `t` that these statements make.
async fn expected(sql: &str) -> Option<u64> {
    let (_folder, path) = file(sql);
    source(&path).describe(&table("t")).await.expect("columns").row_estimate
}

/// So many ids, each from the one before it.
fn ids(rows: u32, id: &str) -> String {
    format!(
        "create table t (id integer primary key, x text);
         with recursive n (i) as (select 1 union all select i + 1 from n where i < {rows})
         insert into t select {id}, 'x' from n;"
    )
}

/// semantics 15: progress is told by the source's estimate, which must not hang on how ids were given.
#[tokio::test]
async fn rows_are_estimated_whatever_the_ids_are() {
    assert_eq!(expected("create table t (id integer primary key)").await, Some(0));
    let few = "create table t (id integer primary key); insert into t values (-5), (7), (4000000000)";
    assert_eq!(expected(few).await, Some(3));
    assert_eq!(expected(&ids(25_000, "i")).await, Some(25_000));
    let sparse = expected(&ids(25_000, "i * 1000 + i % 7")).await.expect("an estimate");
    assert!((24_000..26_000).contains(&sparse), "{sparse}");
    let one_large = format!("{} insert into t values (4000000000, 'x')", ids(25_000, "i"));
    assert_eq!(expected(&one_large).await, None, "no figure is better than a wrong one");
}

/// No estimate is no failure: what has no row ids is not counted.
#[tokio::test]
async fn what_has_no_row_ids_is_not_estimated() {
    assert_eq!(expected("create table t (id text primary key) without rowid").await, None);
    assert_eq!(expected("create table o (id integer); create view t as select * from o").await, None);
    assert_eq!(expected("create table t (rowid text); insert into t values ('a')").await, None);
}
