//! Everything that goes wrong with a PostgreSQL server, and what people are told.

use std::time::Duration;

use grouparoo::data::RowBatch;
use grouparoo::source::{PostgresConfig, Selection, Source, SourceConfig, SourceError, System, Tls, open};
use grouparoo_clock::Clock;
use secrecy::SecretString;

use super::{drain, query, read, table};
use crate::support::postgres::{Server, source};

fn with_clock(config: PostgresConfig, query_timeout: Duration, clock: &Clock) -> Box<dyn Source> {
    open(&SourceConfig { system: System::Postgres(config), query_timeout }, clock)
        .expect("a good configuration")
}

/// A server that takes connections and does with them as told.
async fn peer(answer: &'static [u8]) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 256]).await;
            let _ = stream.write_all(answer).await;
            open.push(stream);
        }
    });
    port
}

/// api 4, Ready reason AuthenticationFailed.
#[tokio::test]
async fn a_wrong_password_is_refused_and_not_repeated() {
    let database = Server::shared().database().await;
    let mut config = database.config();
    config.login.password = Some(SecretString::from("geheim"));
    let error = source(config).check().await.expect_err("a refusal");
    assert!(matches!(error, SourceError::AuthenticationFailed { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("geheim"));

    let mut config = database.config();
    config.login.password = None;
    let error = source(config).check().await.expect_err("a refusal");
    assert!(matches!(error, SourceError::AuthenticationFailed { .. }), "{error:?}");
}

/// api 4, Ready reason EndpointUnreachable.
#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let database = Server::shared().database().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut config = database.config();
    config.login.port = closed.local_addr().expect("an address").port();
    drop(closed);
    let error = source(config.clone()).check().await.expect_err("nobody there");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");

    // Too long for a name, so that nobody is asked for it.
    config.login.host = "x".repeat(64);
    let error = source(config).check().await.expect_err("no such name");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_by_the_clock() {
    let database = Server::shared().database().await;
    let mut config = database.config();
    config.login.port = peer(b"").await;
    let clock = Clock::scaled(1000);
    let error = with_clock(config, Duration::from_secs(60), &clock).check().await.expect_err("no answer");
    assert!(
        matches!(&error, SourceError::Unreachable { cause, .. } if cause.contains("no login")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_without_tls_gets_no_password() {
    let database = Server::shared().database().await;
    let mut config = database.config();
    config.login.port = peer(b"N").await;
    config.tls = Tls::default();
    let error = source(config).check().await.expect_err("no TLS");
    assert!(
        matches!(&error, SourceError::CertificateInvalid { cause, .. } if cause.contains("no TLS")),
        "{error:?}"
    );
}

/// api 4, Ready reason AccessDenied.
#[tokio::test]
async fn a_database_that_is_not_there_and_a_table_that_is_not_granted_are_access_denied() {
    let database = Server::shared().database().await;
    database.run("create table secrets (id int); revoke all on secrets from public;").await;
    database.run(&format!("revoke all on secrets from {}", database.name)).await;
    let source_ok = database.source();
    for result in [
        source_ok.read(&table("secrets"), &["id".to_owned()], &Selection::All).await.map(drop),
        source_ok.read(&query("select id from secrets"), &["id".to_owned()], &Selection::All).await.map(drop),
    ] {
        assert!(matches!(result, Err(SourceError::AccessDenied { .. })), "{result:?}");
    }
    let mut config = database.config();
    config.login.database = "no_such_database".to_owned();
    let error = source(config).check().await.expect_err("no database");
    let SourceError::AccessDenied { object, .. } = error else { panic!("{error:?}") };
    assert!(object.contains("no_such_database"));
}

/// api 4, queryTimeout: the server itself cancels the query.
#[tokio::test]
async fn a_query_that_takes_too_long_is_cancelled() {
    let database = Server::shared().database().await;
    let source = with_clock(database.config(), Duration::from_millis(300), &Clock::system());
    let slow = query("select 1 as a from pg_sleep(600)");
    let error = read(&*source, &slow, &["a"], &Selection::All).await.expect_err("too slow");
    assert!(matches!(error, SourceError::TimedOut(_)), "{error:?}");
}

/// The client's own watch, for a server that does not keep its promise.
#[tokio::test]
async fn a_read_ends_by_the_clock_and_its_query_with_it() {
    let database = Server::shared().database().await;
    let clock = Clock::manual("2026-03-01T12:00:00Z".parse().expect("a timestamp"));
    let source = with_clock(database.config(), Duration::from_secs(600), &clock);
    let slow = query(
        "select n from generate_series(1, 1000) n
         where case n when 1 then pg_advisory_xact_lock_shared(7) is not null
                      when 1000 then pg_sleep(600) is not null else true end",
    );
    let reading = tokio::spawn(async move { read(&*source, &slow, &["n"], &Selection::All).await });
    wait_for(&database, "select count(*) from pg_locks where locktype = 'advisory' and objid = 7", 1).await;
    clock.advance(Duration::from_secs(601));
    let error = reading.await.expect("no panic").expect_err("too slow");
    assert!(matches!(error, SourceError::TimedOut(_)), "{error:?}");
    // Waits until the query's transaction is gone.
    database.run("select pg_advisory_lock(7)").await;
}

#[tokio::test]
async fn dropping_a_read_cancels_its_query() {
    let database = Server::shared().database().await;
    let source = database.source();
    let slow = query(
        "select n from generate_series(1, 100000) n
         where case n when 1 then pg_advisory_xact_lock_shared(8) is not null
                      when 100000 then pg_sleep(600) is not null else true end",
    );
    let mut stream = source.read(&slow, &["n".to_owned()], &Selection::All).await.expect("it opens");
    assert!(stream.next(&mut RowBatch::new(1)).await.expect("rows"));
    drop(stream);
    database.run("select pg_advisory_lock(8)").await;

    // The same when it is dropped before the first row came.
    let waiting = query("select 1 as a from (select pg_advisory_xact_lock_shared(9), pg_sleep(600)) x");
    let reading = tokio::spawn(async move { read(&*source, &waiting, &["a"], &Selection::All).await });
    wait_for(&database, "select count(*) from pg_locks where locktype = 'advisory' and objid = 9", 1).await;
    reading.abort();
    database.run("select pg_advisory_lock(9)").await;
}

/// Asks until the server says so; the time that is lost is the server's answer.
async fn wait_for(database: &crate::support::postgres::Database, sql: &str, expected: i64) {
    for _ in 0..100_000 {
        let row = database.admin.query_one(sql, &[]).await.expect("an answer");
        if row.get::<_, i64>(0) >= expected {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("never came: {sql}");
}

/// semantics 8.2: a read that is cut is no complete read.
#[tokio::test]
async fn a_connection_that_dies_in_the_middle_is_a_cut() {
    let database = Server::shared().database().await;
    let endless = query("select n, repeat('x', 100) as t from (select generate_series(1, 100000000) as n) s");
    let columns = ["n".to_owned(), "t".to_owned()];
    let mut stream = database.source().read(&endless, &columns, &Selection::All).await.expect("it opens");
    assert!(stream.next(&mut RowBatch::new(2)).await.expect("rows"));
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                where application_name = 'grouparoo' and datname = current_database()";
    let killed: i64 = database.admin.query_one(kill, &[]).await.expect("an answer").get(0);
    assert_eq!(killed, 1);
    let error = drain(&mut *stream, 2).await.expect_err("no end was announced");
    assert!(matches!(error, SourceError::Cut(_)), "{error:?}");
}

/// Passes a connection on to the server, and closes it after so many bytes of answers.
async fn proxy(port: u16, limit: u64) -> u16 {
    use tokio::io::AsyncReadExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.expect("a client");
        let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("a server");
        let ((mut from_client, mut to_client), (from_server, mut to_server)) =
            (client.split(), server.split());
        let mut answers = from_server.take(limit);
        tokio::select! {
            _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
            _ = tokio::io::copy(&mut answers, &mut to_client) => {}
        }
    });
    own
}

/// semantics 8.2: wherever the network breaks, no read is taken for complete.
#[tokio::test]
async fn a_network_that_breaks_anywhere_is_never_an_end() {
    let database = Server::shared().database().await;
    database.run("create table t as select n from generate_series(1, 2000) n").await;
    let (mut cuts, mut unreachable) = (0, 0);
    for limit in [10, 300, 600, 1_000, 2_000, 4_000, 20_000, 30_000] {
        let mut config = database.config();
        config.login.port = proxy(config.login.port, limit).await;
        match read(&*source(config), &table("t"), &["n"], &Selection::All).await {
            Err(SourceError::Cut(_)) => cuts += 1,
            Err(SourceError::Unreachable { .. }) => unreachable += 1,
            other => panic!("{limit}: {other:?}"),
        }
    }
    assert!(cuts >= 2 && unreachable >= 2, "{cuts} {unreachable}");
}

/// A row's value may stand in the server's message; it is not passed on.
#[tokio::test]
async fn errors_of_values_do_not_repeat_the_values() {
    let database = Server::shared().database().await;
    database
        .run(
            "create table people (mail text); insert into people values ('ana@example.com');
             create function complain(text) returns int language plpgsql as
                 $$ begin raise exception 'bad: %', $1; end $$;",
        )
        .await;
    let source = database.source();
    for (sql, sqlstate) in [
        ("select mail::int as a from people", "22P02"),
        ("select mail::date as a from people", "22007"),
        ("select mail::regclass::text as a from people", "3F000"),
        ("select to_tsquery(mail || ' &')::text as a from people", "42601"),
        ("select complain(mail) as a from people", "P0001"),
        ("select 1 / (length(mail) - 15) as a from people", "22012"),
        ("select mail::char(3)::int2 as a from people", "22P02"),
    ] {
        let error = read(&*source, &query(sql), &["a"], &Selection::All).await.expect_err(sql);
        let SourceError::QueryFailed { sqlstate: Some(found), .. } = &error else {
            panic!("{sql}: {error:?}")
        };
        assert_eq!(found, sqlstate, "{sql}");
        assert!(!error.to_string().contains("example"), "{error}");
    }
    let error = read(&*source, &query("select nope from people"), &["nope"], &Selection::All).await;
    assert!(error.expect_err("no such column").to_string().contains("\"nope\""));
}

#[tokio::test]
async fn a_session_parameter_that_the_server_refuses_is_named() {
    let database = Server::shared().database().await;
    for (name, value) in [("no_such_setting", "1"), ("work_mem", "much"), ("role", "no_such_role")] {
        let mut config = database.config();
        config.session_parameters = vec![(name.to_owned(), value.to_owned())];
        let error = source(config).check().await.expect_err(name);
        assert!(matches!(&error, SourceError::Invalid(text) if text.contains(name)), "{error:?}");
    }
}
