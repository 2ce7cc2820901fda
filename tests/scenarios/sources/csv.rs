//! What is particular to CSV files.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use grouparoo::data::{KeyKind, RowBatch};
use grouparoo::source::{
    CsvConfig, CsvEncoding, CsvFiles, CsvHeader, Selection, Source, SourceConfig, SourceError, System, open,
};
use grouparoo_clock::Clock;
use tempfile::TempDir;

use super::suite::{csv_config, source};
use super::{drain, query, read, table};

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("a file");
    }
    folder
}

fn config(path: &Path) -> CsvConfig {
    csv_config(CsvFiles::Directory { path: path.to_owned(), shown: "lists".to_owned() })
}

/// Reads all columns of a text with some configuration.
async fn rows(
    content: &[u8],
    columns: &[&str],
    edit: impl Fn(&mut CsvConfig),
) -> Result<Vec<Vec<String>>, SourceError> {
    let folder = folder(&[("t.csv", content)]);
    let mut config = config(folder.path());
    edit(&mut config);
    read(&*source(System::Csv(config)), &table("t.csv"), columns, &Selection::All).await
}

/// api 4, csv.nullTexts: unquoted texts that are read as null.
#[tokio::test]
async fn only_unquoted_texts_are_null() {
    let content = b"a,b,c\n,\"\",NULL\n\"NULL\",null, \n";
    let found = rows(content, &["a", "b", "c"], |_| {}).await.expect("rows");
    assert_eq!(found, [["null", "text ", "text NULL"], ["text NULL", "text null", "text  "]]);
    let nulls = |config: &mut CsvConfig| config.null_texts = vec!["NULL".to_owned()];
    let found = rows(content, &["a", "b", "c"], nulls).await.expect("rows");
    assert_eq!(found, [["text ", "text ", "null"], ["text NULL", "text null", "text  "]]);
}

/// api 4, csv.delimiter, quote, encoding, header.
#[tokio::test]
async fn delimiter_quote_encoding_and_header_are_as_stated() {
    let edit = |config: &mut CsvConfig| {
        config.delimiter = ';';
        config.quote = '\'';
        config.encoding = CsvEncoding::Windows1252;
        config.header = CsvHeader::Absent;
    };
    let found = rows(b"Andr\xe9;'5;''6';\x80\r\n\r\n\"x\";2;3", &["1", "3", "2"], edit).await.expect("rows");
    assert_eq!(found, [["text André", "text €", "text 5;'6"], ["text \"x\"", "text 3", "text 2"]]);
    let marked: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("a,b\n1,é\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(rows(&marked, &["a", "b"], |_| {}).await.expect("rows"), [["text 1", "text é"]]);
    assert_eq!(rows(b"\xef\xbb\xbfa\n1", &["a"], |_| {}).await.expect("rows"), [["text 1"]]);
    let same = |config: &mut CsvConfig| config.quote = ',';
    let folder = folder(&[]);
    let mut config = config(folder.path());
    same(&mut config);
    let config = SourceConfig { system: System::Csv(config), query_timeout: Duration::from_secs(1) };
    assert!(matches!(open(&config, &Clock::system()).map(drop), Err(SourceError::Invalid(_))));
}

#[tokio::test]
async fn bytes_that_are_no_text_spoil_their_field_alone() {
    let found = rows(b"a,b\n\xff,x\ny\0,z\n", &["a", "b"], |_| {}).await.expect("rows");
    assert_eq!(found, [["bad text", "text x"], ["bad text", "text z"]]);
}

/// semantics 8.2: nothing that could shift or lose rows is read as if it were whole.
#[tokio::test]
async fn a_file_with_a_broken_line_fails_and_names_the_line() {
    for (content, line) in [
        (&b"a,b\n1,2\n3\n"[..], "line 3"),
        (b"a,b\n1,2,3\n", "line 2"),
        (b"a,b\n\n\"x\ny\",2\n3,\"4\n", "line 5"),
        (b"a,b\r\n1,\"2\" \r\n", "line 2"),
    ] {
        let error = rows(content, &["a", "b"], |_| {}).await.expect_err("broken");
        assert!(matches!(error, SourceError::QueryFailed { .. }), "{error:?}");
        assert!(error.to_string().contains(line), "{error}");
    }
}

#[tokio::test]
async fn a_header_that_cannot_name_columns_is_invalid() {
    for content in [&b""[..], b"a,a\n", b"a,\n1,2\n", b"a,\xff\n", b"\n\n"] {
        let error = rows(content, &["a"], |_| {}).await.expect_err("no names");
        assert!(matches!(error, SourceError::Invalid(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let mut content = b"a\n\"".to_vec();
    content.resize(40 << 20, b'x');
    let error = rows(&content, &["a"], |_| {}).await.expect_err("endless");
    assert!(error.to_string().contains("quote"), "{error}");
}

/// api 4: links out of the folder are refused.
#[tokio::test]
async fn only_files_inside_the_folder_are_opened() {
    let outside = folder(&[("secret.csv", b"a\n1\n")]);
    let inside = folder(&[("t.csv", b"a\n1\n")]);
    std::fs::create_dir(inside.path().join("sub")).expect("a folder");
    std::fs::write(inside.path().join("sub/u.csv"), "a\n1\n").expect("a file");
    let link = |target: &Path, name: &str| {
        std::os::unix::fs::symlink(target, inside.path().join(name)).expect("a link");
    };
    link(&outside.path().join("secret.csv"), "out.csv");
    link(outside.path(), "outdir");
    link(Path::new("t.csv"), "in.csv");
    let pipe = inside.path().join("pipe.csv");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let source = source(System::Csv(config(inside.path())));
    for (name, opens) in [
        ("t.csv", true),
        ("sub/u.csv", true),
        ("in.csv", true),
        ("out.csv", false),
        ("outdir/secret.csv", false),
        ("../secret.csv", false),
        ("sub/../t.csv", false),
        ("/etc/passwd", false),
        ("./t.csv", false),
        ("sub", false),
        ("pipe.csv", false),
        ("", false),
        ("t.csv\0", false),
    ] {
        let result = read(&*source, &table(name), &["a"], &Selection::All).await;
        assert_eq!(result.is_ok(), opens, "{name}: {result:?}");
        if !opens {
            assert!(
                matches!(result, Err(SourceError::AccessDenied { .. } | SourceError::Invalid(_))),
                "{name}: {result:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_access_denied() {
    let gone = folder(&[]);
    let config = config(&gone.path().join("gone"));
    let error = source(System::Csv(config)).check().await.expect_err("no folder");
    assert!(matches!(error, SourceError::AccessDenied { .. }), "{error:?}");
}

#[tokio::test]
async fn a_query_is_refused_with_a_sentence() {
    let folder = folder(&[]);
    let error = source(System::Csv(config(folder.path()))).describe(&query("select 1")).await;
    let Err(SourceError::Invalid(sentence)) = error else { panic!("{error:?}") };
    assert!(sentence.contains("table"));
}

/// A file of so many rows that a reader cannot have read it before it is taken from.
fn large() -> Vec<u8> {
    let mut content = b"id,text\n".to_vec();
    for n in 0..100_000 {
        content.extend(format!("{n},some text to make the line longer\n").bytes());
    }
    content
}

async fn change_during_read(change: impl FnOnce(&Path)) -> Result<usize, SourceError> {
    let folder = folder(&[("t.csv", &large())]);
    let source: Box<dyn Source> = source(System::Csv(config(folder.path())));
    let columns = ["id".to_owned(), "text".to_owned()];
    let mut stream = source.read(&table("t.csv"), &columns, &Selection::All).await?;
    let mut batch = RowBatch::new(2);
    assert!(stream.next(&mut batch).await?);
    change(&folder.path().join("t.csv"));
    Ok(batch.rows() + drain(&mut *stream, 2).await?.len())
}

/// semantics 1, "complete read": a CSV file kept size, mtime and inode from open to end.
#[tokio::test]
async fn a_file_that_changed_meanwhile_is_a_cut() {
    assert_eq!(change_during_read(|_| {}).await.expect("unchanged"), 100_000);
    let append = |path: &Path| {
        let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("the file");
        file.write_all(b"100000,x\n").expect("appended");
    };
    let truncate = |path: &Path| {
        let file = std::fs::OpenOptions::new().write(true).open(path).expect("the file");
        // Behind what was read, at the end of a line.
        let end = large()[..3_900_000].iter().rposition(|b| *b == b'\n').expect("a line") + 1;
        file.set_len(end as u64).expect("cut");
    };
    let replace = |path: &Path| {
        let other = path.with_extension("new");
        std::fs::write(&other, large()).expect("a file");
        std::fs::rename(other, path).expect("replaced");
    };
    let touch = |path: &Path| {
        let file = std::fs::OpenOptions::new().write(true).open(path).expect("the file");
        file.set_modified(std::time::UNIX_EPOCH).expect("a time");
    };
    let remove = |path: &Path| std::fs::remove_file(path).expect("removed");
    type Change = fn(&Path);
    let changes: [(&str, Change); 5] = [
        ("append", append),
        ("truncate", truncate),
        ("replace", replace),
        ("touch", touch),
        ("remove", remove),
    ];
    for (name, change) in changes {
        let result = change_during_read(change).await;
        assert!(matches!(result, Err(SourceError::Cut(_))), "{name}: {result:?}");
    }
}

#[tokio::test]
async fn the_number_of_rows_is_estimated_from_the_beginning() {
    let folder = folder(&[("t.csv", &large())]);
    let described =
        source(System::Csv(config(folder.path()))).describe(&table("t.csv")).await.expect("columns");
    let estimate = described.row_estimate.expect("an estimate");
    assert!((90_000..130_000).contains(&estimate), "{estimate}");
}

/// semantics 6.2: `007` is `7` as Integer, and another key as text.
#[tokio::test]
async fn a_key_finds_other_spellings_of_its_number() {
    let folder = folder(&[("t.csv", b"id\n007\n7\n+7\n70\n7.0\n")]);
    for (kind, expected) in [
        (KeyKind::Integer, vec!["text 007", "text 7", "text +7"]),
        (KeyKind::Decimal, vec!["text 007", "text 7", "text +7", "text 7.0"]),
        (KeyKind::Text, vec!["text 7"]),
    ] {
        let selection = Selection::Keys { column: "id".to_owned(), keys: vec!["7".to_owned()], kind };
        let found =
            read(&*source(System::Csv(config(folder.path()))), &table("t.csv"), &["id"], &selection).await;
        assert_eq!(found.expect("rows").concat(), expected);
    }
}
