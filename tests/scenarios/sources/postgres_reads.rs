//! Reads of PostgreSQL: names, queries, snapshots, back-pressure, keys.

use grouparoo::data::{KeyKind, RowBatch};
use grouparoo::source::{Selection, SourceError};

use super::{drain, query, read, table};
use crate::support::postgres::{Server, source};

/// semantics 1, "full read": all rows of the Model in one snapshot.
#[tokio::test]
async fn rows_written_during_a_read_are_not_seen() {
    let database = Server::shared().database().await;
    database
        .run("create table t (n int, pad text); insert into t select n, repeat('x', 200) from generate_series(1, 50000) n")
        .await;
    let source = database.source();
    let mut stream = source.read(&table("t"), &["n".to_owned()], &Selection::All).await.expect("it opens");
    let mut batch = RowBatch::new(1);
    assert!(stream.next(&mut batch).await.expect("rows"));
    database.run("insert into t select n, '' from generate_series(50001, 60000) n").await;
    database.run("delete from t where n > 40000").await;
    let rest = drain(&mut *stream, 1).await.expect("rows");
    assert_eq!(batch.rows() + rest.len(), 50_000);
}

/// A slow reader stops the server: it waits to write, and we hold no more than a few buffers.
#[tokio::test]
async fn a_slow_reader_stops_the_server() {
    let database = Server::shared().database().await;
    let endless =
        query("select n, repeat('x', 1000) as t from (select generate_series(1, 100000000) as n) s");
    let columns = ["n".to_owned(), "t".to_owned()];
    let mut stream = database.source().read(&endless, &columns, &Selection::All).await.expect("it opens");
    let mut batch = RowBatch::new(2);
    for _ in 0..3 {
        assert!(stream.next(&mut batch).await.expect("rows"));
        assert!(batch.rows() <= 512);
    }
    // The driver's task gets its turn at each answer of the other connection, and stops to read.
    let waits = "select wait_event from pg_stat_activity
                 where application_name = 'grouparoo' and datname = current_database()";
    let mut seen = 0;
    while seen < 20 {
        let row = database.admin.query_one(waits, &[]).await.expect("an answer");
        seen = if row.get::<_, Option<&str>>(0) == Some("ClientWrite") { seen + 1 } else { 0 };
    }
    assert!(stream.bytes() < 2 << 20, "{}", stream.bytes());
}

#[tokio::test]
async fn a_large_table_arrives_whole_in_batches() {
    let database = Server::shared().database().await;
    database.run("create table t as select n, md5(n::text) as h from generate_series(1, 100000) n").await;
    let columns = ["n".to_owned(), "h".to_owned()];
    let mut stream = database.source().read(&table("t"), &columns, &Selection::All).await.expect("it opens");
    let rows = drain(&mut *stream, 2).await.expect("rows");
    assert_eq!(rows.len(), 100_000);
    assert_eq!(rows[99_999][0], "int 100000");
    assert!(stream.bytes() > 100_000 * 46);
}

#[tokio::test]
async fn a_row_of_many_megabytes_is_read() {
    let database = Server::shared().database().await;
    let sql = query("select repeat('é', 5000000) as t from generate_series(1, 2)");
    let rows = read(&*database.source(), &sql, &["t"], &Selection::All).await.expect("rows");
    assert_eq!(rows.iter().map(|row| row[0].len()).collect::<Vec<_>>(), [10_000_005; 2]);
}

/// api 5, query: one SELECT statement, as people write it.
#[tokio::test]
async fn queries_may_have_comments_semicolons_and_clauses_of_their_own() {
    let database = Server::shared().database().await;
    let source = database.source();
    for sql in [
        "select 1 as a",
        "select 1 as a;",
        "select 1 as a; -- the end",
        "-- a comment\nselect 1 as a -- another",
        "select 1 as a /* ; */ ;\n;",
        "with x as (select 1 as a) select * from x order by a limit 1",
        "values (1)",
        "(select 1 as a) union all (select 2 where false)",
        "select ';--' = '' as b, 1 as a",
    ] {
        let column = if sql.starts_with("values") { "column1" } else { "a" };
        let rows = read(&*source, &query(sql), &[column], &Selection::All).await.expect(sql);
        assert_eq!(rows, [["int 1"]], "{sql}");
    }
}

#[tokio::test]
async fn a_column_name_that_is_there_twice_is_refused() {
    let database = Server::shared().database().await;
    let source = database.source();
    let twice = query("select 1 as a, 2 as a, 3 as b");
    let error = read(&*source, &twice, &["a"], &Selection::All).await.expect_err("which of them");
    assert!(matches!(&error, SourceError::Invalid(text) if text.contains("\"a\"")), "{error:?}");
    assert_eq!(read(&*source, &twice, &["b"], &Selection::All).await.expect("rows"), [["int 3"]]);
}

/// A runtime that ends with the read, as that of a run does.
#[test]
fn a_query_ends_with_the_runtime_that_read_it() {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let outer = run();
    let database = outer.block_on(Server::shared().database());
    let slow = query(
        "select n from generate_series(1, 100000) n
         where case n when 1 then pg_advisory_xact_lock_shared(5) is not null
                      when 100000 then pg_sleep(600) is not null else true end",
    );
    let source = database.source();
    run().block_on(async {
        let mut stream = source.read(&slow, &["n".to_owned()], &Selection::All).await.expect("it opens");
        assert!(stream.next(&mut RowBatch::new(1)).await.expect("rows"));
    });
    outer.block_on(database.run("select pg_advisory_lock(5)"));
}

#[tokio::test]
async fn names_need_quotes_only_where_sql_does() {
    let database = Server::shared().database().await;
    database
        .run(
            "create schema \"Odd\"; grant usage on schema \"Odd\" to public;
             create table \"Odd\".\"order\" (\"select\" int, \"A\"\"b\" int);
             insert into \"Odd\".\"order\" values (1, 2);
             create table \"order\" (n int);",
        )
        .await;
    let source = database.source();
    let rows = read(&*source, &table("\"Odd\".order"), &["A\"b", "select"], &Selection::All).await;
    assert_eq!(rows.expect("rows"), [["int 2", "int 1"]]);
    assert!(read(&*source, &table("Public.Order"), &["n"], &Selection::All).await.is_ok());
    let wrong = source.describe(&table("order; drop table \"order\"")).await;
    assert!(matches!(wrong, Err(SourceError::Invalid(_))), "{wrong:?}");
}

/// semantics 6.1: canonical texts of keys, for each type that a key can have.
#[tokio::test]
async fn keys_are_found_in_columns_of_every_type() {
    let database = Server::shared().database().await;
    database
        .run(
            "create extension citext; create type mood as enum ('happy', 'sad');
             create table t (i2 smallint, i8 bigint, n numeric(12,2), t text, v varchar(9), c char(5), u uuid,
                 ci citext, m mood);
             insert into t values (7, -7, 12, '007', 'Ab', 'ab', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'Ana', 'sad'),
                 (8, 8, 12.5, '7', 'ab', 'abc', gen_random_uuid(), 'ana', 'happy');",
        )
        .await;
    let source = database.source();
    for (column, key, found) in [
        ("i2", "7", 1),
        ("i2", "99999", 0),
        ("i8", "-7", 1),
        ("i8", "seven", 0),
        ("n", "12", 1),
        ("n", "12.5", 0),
        ("t", "007", 1),
        ("t", "7", 1),
        ("v", "ab", 1),
        ("c", "ab", 1),
        ("u", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", 1),
        ("u", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", 1),
        ("ci", "Ana", 1),
        ("m", "sad", 1),
        ("m", "angry", 0),
    ] {
        let kind = if column == "n" { KeyKind::Decimal } else { KeyKind::Text };
        let selection = Selection::Keys { column: column.to_owned(), keys: vec![key.to_owned()], kind };
        let rows = read(&*source, &table("t"), &[column], &selection).await.expect(column);
        assert_eq!(rows.len(), found, "{column} = {key}");
    }
}

/// api 4, sessionParameters.
#[tokio::test]
async fn session_parameters_hold_and_ours_cannot_be_undone() {
    let database = Server::shared().database().await;
    database.run("create schema crm; grant usage on schema crm to public; create table crm.t (n int)").await;
    let name = database.name.clone();
    database
        .run(&format!(
            "alter role {name} set timezone = 'Asia/Tokyo'; alter role {name} set datestyle = german"
        ))
        .await;
    let mut config = database.config();
    config.session_parameters = vec![("search_path".to_owned(), "crm".to_owned())];
    let source = source(config);
    source.describe(&table("t")).await.expect("found by the search path");
    let settings =
        "select current_setting(s) as v from unnest(array['timezone', 'datestyle', 'client_encoding',
        'transaction_read_only', 'transaction_isolation', 'statement_timeout', 'application_name']) s";
    let rows = read(&*source, &query(settings), &["v"], &Selection::All).await.expect("rows");
    let expected = ["UTC", "ISO, YMD", "UTF8", "on", "repeatable read", "1min", "grouparoo"];
    assert_eq!(rows.concat(), expected.map(|v| format!("text {v}")));
}

#[tokio::test]
async fn a_url_is_enough_to_log_in() {
    let database = Server::shared().database().await;
    let url = secrecy::SecretString::from(database.url());
    let mut config = database.config();
    config.login = grouparoo::source::PostgresLogin::from_url(&url, &config.tls).expect("a good URL");
    let info = source(config).check().await.expect("a login");
    assert!(info.version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()) && !v.contains(' ')));
}
