//! Nothing is ever written: also not by a superuser, and not by a query made to.

use grouparoo::data::KeyKind;
use grouparoo::source::{Selection, SourceError};

use super::{query, read, table};
use crate::support::postgres::{Server, source};

/// api 5: the query runs read-only and is one statement.
#[tokio::test]
async fn a_query_that_would_write_is_refused_and_writes_nothing() {
    let database = Server::shared().database().await;
    database
        .run(
            "create table t (n int); insert into t values (1); create sequence s;
             create function write() returns int language plpgsql as
                 $$ begin insert into t values (2); return 1; end $$;
             create function write_later() returns int language plpgsql as
                 $$ begin set transaction read write; insert into t values (2); return 1; end $$;",
        )
        .await;
    let mut config = database.config();
    config.login = database.root.clone();
    let source = source(config);
    for sql in [
        "insert into t values (2) returning n",
        "update t set n = 2 returning n",
        "delete from t returning n",
        "delete from t",
        "truncate t",
        "drop table t",
        "create table u as select 1 as n",
        "select 1 as n into u",
        "with x as (delete from t returning n) select n from x",
        "select n from t for update",
        "select nextval('s') as n",
        "select write() as n",
        "select write_later() as n",
        "select 1 as n; drop table t",
        "select 1 as n; select 2 as n",
        "select 1 as n) as x; drop table t; --",
        "select 1 as n) to program 'cat' --",
        "select 1 as n) as x union all select * from (delete from t returning n",
        "copy t to stdout",
        "copy (select 1 as n) to program 'cat'",
        "explain analyze delete from t",
        "explain select 1 as n",
        "show work_mem",
        "begin",
        "commit",
        "rollback; drop table t",
        "set transaction read write",
        "do $$ begin delete from t; end $$",
        "call something()",
        "prepare x as select 1",
        "declare x cursor for select 1",
        "lock table t",
        "notify t",
        "vacuum t",
        "select $1::int as n",
        "",
        ";",
        "-- nothing",
    ] {
        for selection in [
            Selection::All,
            Selection::Keys { column: "n".to_owned(), keys: vec!["1".to_owned()], kind: KeyKind::Integer },
        ] {
            let error = read(&*source, &query(sql), &["n"], &selection).await.expect_err(sql);
            assert!(
                matches!(error, SourceError::NotReadOnly { .. } | SourceError::QueryFailed { .. }),
                "{sql}: {error:?}"
            );
        }
        let described = source.describe(&query(sql)).await;
        // A function shows what it does only when it runs; so does a locking clause.
        let shows = !sql.contains("()") && !sql.contains("nextval") && !sql.contains("for update");
        assert!(described.is_err() || !shows, "{sql}");
    }
    // As the only setting that a function could use to write.
    let sneaky = "select set_config('transaction_read_only', 'off', false) as v, write() as n";
    let error = read(&*source, &query(sneaky), &["v", "n"], &Selection::All).await.expect_err("refused");
    assert!(matches!(error, SourceError::NotReadOnly { .. } | SourceError::QueryFailed { .. }), "{error:?}");

    // Not every version refuses it in a read-only transaction; none keeps what is never committed.
    let _ = read(&*source, &query("select lo_create(0) as n"), &["n"], &Selection::All).await;

    let rows = read(&*source, &table("t"), &["n"], &Selection::All).await.expect("the table is still there");
    assert_eq!(rows, [["int 1"]]);
    let left = "select (select count(*) from pg_class where relname = 'u') + (select count(*) from pg_largeobject_metadata)
                + (select count(*) from s where is_called)";
    let left: i64 = database.admin.query_one(left, &[]).await.expect("an answer").get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_reason_is_told_where_it_is_known() {
    let database = Server::shared().database().await;
    database.run("create table t (n int); create sequence s; grant usage on s to public").await;
    let source = database.source();
    for (sql, part) in [
        ("select 1 as n; select 2 as n", "more than one statement"),
        ("drop table t", "returns no columns"),
        ("select $1::int as n", "parameters"),
        ("insert into t values (1) returning n", "not one read-only SELECT"),
        ("select nextval('s') as n", "nextval"),
    ] {
        let error = read(&*source, &query(sql), &["n"], &Selection::All).await.expect_err(sql);
        let SourceError::NotReadOnly { .. } = &error else { panic!("{sql}: {error:?}") };
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// api 4, warnings RoleCanWrite and TlsDisabled.
#[tokio::test]
async fn a_check_warns_of_a_role_that_can_write_and_of_clear_text() {
    let database = Server::shared().database().await;
    database.run("create table t (n int)").await;
    let codes = async |config| {
        let info = source(config).check().await.expect("a login");
        info.warnings.iter().map(|(code, _)| *code).collect::<Vec<_>>()
    };
    assert_eq!(codes(database.config()).await, ["TlsDisabled"]);
    let mut root = database.config();
    root.login = database.root.clone();
    assert_eq!(codes(root).await, ["TlsDisabled", "RoleCanWrite"]);
    database.run(&format!("grant update on t to {}", database.name)).await;
    assert_eq!(codes(database.config()).await, ["TlsDisabled", "RoleCanWrite"]);
}
