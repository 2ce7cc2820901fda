//! What holds for every source, whatever stands behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use grouparoo::data::{KeyKind, RowBatch};
use grouparoo::source::{
    CsvConfig, CsvEncoding, CsvFiles, CsvHeader, Relation, Selection, Source, SourceConfig, SourceError,
    SqliteConfig, System, open,
};
use grouparoo_clock::Clock;

use super::{read, table};
use crate::support::postgres::Server;

/// One system with the same three people in it.
struct Fixture {
    source: Box<dyn Source>,
    people: Relation,
    nobody: Relation,
    missing: Relation,
    /// What an id looks like in a cell.
    id: fn(u32) -> String,
    /// What must live as long as the source.
    _keeps: Box<dyn std::any::Any>,
}

const TABLES: &str = "create table people (id int primary key, name text, city text);
    insert into people values (1, 'Ana', 'Lyon'), (2, null, ''), (3, 'Zoë 🦘', 'Paris');
    create table nobody (id int, name text, city text);";

async fn fixtures() -> Vec<Fixture> {
    let int = |n| format!("int {n}");
    let text = |n| format!("text {n}");

    let database = Server::shared().database().await;
    database.run(TABLES).await;
    let postgres = Fixture {
        source: database.source(),
        people: table("people"),
        nobody: table("public.nobody"),
        missing: table("missing"),
        id: int,
        _keeps: Box::new(database),
    };

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("people.db");
    rusqlite::Connection::open(&path).and_then(|c| c.execute_batch(TABLES)).expect("a database");
    let sqlite = Fixture {
        source: source(System::Sqlite(SqliteConfig { path, shown: "people.db".to_owned() })),
        people: table("people"),
        nobody: table("main.nobody"),
        missing: table("missing"),
        id: int,
        _keeps: Box::new(folder),
    };

    let people = "id,name,city\n1,Ana,Lyon\n2,,\"\"\n3,Zoë 🦘,Paris\n";
    let contents = [("people.csv", people), ("nobody.csv", "id,name,city\n")];
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in contents {
        std::fs::write(folder.path().join(name), content).expect("a file");
    }
    let directory = CsvFiles::Directory { path: folder.path().to_owned(), shown: "lists".to_owned() };
    let files: BTreeMap<_, _> = contents
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Bytes::from_static(text.as_bytes())))
        .collect();
    let config_map = CsvFiles::ConfigMap { name: "lists".to_owned(), files: Arc::new(files) };
    let csv = |files, keeps| Fixture {
        source: source(System::Csv(csv_config(files))),
        people: table("people.csv"),
        nobody: table("nobody.csv"),
        missing: table("missing.csv"),
        id: text,
        _keeps: keeps,
    };
    vec![postgres, sqlite, csv(directory, Box::new(folder)), csv(config_map, Box::new(()))]
}

/// A source with the usual limits and the system's clock.
pub fn source(system: System) -> Box<dyn Source> {
    let config = SourceConfig { system, query_timeout: Duration::from_secs(60) };
    open(&config, &Clock::system()).expect("a good configuration")
}

/// CSV files with the defaults of the API.
pub fn csv_config(files: CsvFiles) -> CsvConfig {
    CsvConfig {
        files,
        delimiter: ',',
        quote: '"',
        encoding: CsvEncoding::Utf8,
        header: CsvHeader::Present,
        null_texts: vec![String::new()],
    }
}

#[tokio::test]
async fn a_check_connects_and_says_where() {
    for Fixture { source, .. } in fixtures().await {
        let info = source.check().await.unwrap_or_else(|e| panic!("{}: {e}", source.kind()));
        assert_eq!(info.version.is_some(), source.kind() == "Postgres");
        assert!(!source.location().is_empty());
        assert!(source.identity().starts_with(source.kind()));
    }
}

#[tokio::test]
async fn a_description_lists_the_columns_in_order() {
    for Fixture { source, people, .. } in fixtures().await {
        let described = source.describe(&people).await.unwrap_or_else(|e| panic!("{}: {e}", source.kind()));
        let names: Vec<_> = described.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["id", "name", "city"], "{}", source.kind());
        if source.kind() != "Postgres" {
            assert_eq!(described.row_estimate, Some(3), "{}", source.kind());
        }
    }
}

#[tokio::test]
async fn a_read_returns_the_asked_columns_in_the_asked_order() {
    for Fixture { source, people, id, .. } in fixtures().await {
        let rows =
            read(&*source, &people, &["city", "id", "name", "id"], &Selection::All).await.expect("rows");
        let row = |city: &str, n, name: &str| vec![city.to_owned(), id(n), name.to_owned(), id(n)];
        let expected =
            [row("text Lyon", 1, "text Ana"), row("text ", 2, "null"), row("text Paris", 3, "text Zoë 🦘")];
        assert_eq!(rows, expected, "{}", source.kind());
    }
}

/// semantics 8.2: an empty read is complete; what follows from it is for others to say.
#[tokio::test]
async fn an_empty_table_is_a_complete_read_of_no_rows() {
    for Fixture { source, nobody, .. } in fixtures().await {
        let rows = read(&*source, &nobody, &["id", "name"], &Selection::All).await;
        assert_eq!(rows.unwrap_or_else(|e| panic!("{}: {e}", source.kind())), Vec::<Vec<String>>::new());
    }
}

#[tokio::test]
async fn a_sample_has_at_most_the_asked_number_of_rows() {
    for Fixture { source, people, .. } in fixtures().await {
        for (asked, expected) in [(0, 0), (2, 2), (100, 3)] {
            let rows = read(&*source, &people, &["id"], &Selection::Sample(asked)).await.expect("rows");
            assert_eq!(rows.len(), expected, "{}", source.kind());
        }
    }
}

#[tokio::test]
async fn keys_pick_rows_by_their_text() {
    for Fixture { source, people, id, .. } in fixtures().await {
        let pick = async |column: &str, keys: &[&str]| {
            let keys = keys.iter().map(|k| (*k).to_owned()).collect();
            let kind = if column == "id" { KeyKind::Integer } else { KeyKind::Text };
            let selection = Selection::Keys { column: column.to_owned(), keys, kind };
            let mut rows = read(&*source, &people, &["id"], &selection).await.expect("rows");
            rows.sort();
            rows.concat()
        };
        assert_eq!(pick("id", &["1", "3", "4", "x"]).await, [id(1), id(3)], "{}", source.kind());
        assert_eq!(pick("name", &["Zoë 🦘", "ana", "'; drop table people; --"]).await, [id(3)]);
        assert_eq!(pick("id", &[]).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_unknown_column_is_named_before_a_row_is_read() {
    for Fixture { source, people, .. } in fixtures().await {
        let (column, keys) = ("nope".to_owned(), vec!["1".to_owned()]);
        let selection = Selection::Keys { column, keys, kind: KeyKind::Integer };
        for (columns, selection) in [(["id", "nope"], &Selection::All), (["id", "name"], &selection)] {
            let columns = columns.map(str::to_owned);
            let result = source.read(&people, &columns, selection).await;
            let Err(SourceError::ColumnMissing { column, .. }) = result else { panic!("{}", source.kind()) };
            assert_eq!(column, "nope");
        }
    }
}

#[tokio::test]
async fn a_missing_table_is_refused_access_and_named() {
    for Fixture { source, missing, .. } in fixtures().await {
        for result in [
            source.describe(&missing).await.map(drop),
            source.read(&missing, &["id".to_owned()], &Selection::All).await.map(drop),
        ] {
            let Err(SourceError::AccessDenied { object, .. }) = result else {
                panic!("{}: {result:?}", source.kind())
            };
            assert!(object.contains("missing"), "{object}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_ended_stays_ended_and_counts_its_bytes() {
    for Fixture { source, people, .. } in fixtures().await {
        let mut stream = source.read(&people, &["id".to_owned()], &Selection::All).await.expect("it opens");
        let mut batch = RowBatch::new(1);
        while stream.next(&mut batch).await.expect("rows") {}
        assert!(stream.bytes() >= 3, "{}", source.kind());
        assert!(!stream.next(&mut batch).await.expect("the end again"));
        assert!(batch.is_empty());
    }
}

#[tokio::test]
async fn a_read_of_no_columns_is_refused() {
    for Fixture { source, people, .. } in fixtures().await {
        let result = source.read(&people, &[], &Selection::All).await.map(drop);
        assert!(matches!(result, Err(SourceError::Invalid(_))), "{}: {result:?}", source.kind());
    }
}
