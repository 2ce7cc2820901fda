//! The worked example of `docs/data-points.md`, by the real program against the sandbox.

use std::path::Path;
use std::process::Command;

use braze_sandbox::{DEFAULT_KEY, Options, Sandbox};
use serde_json::Value;

use super::{Document, root};

/// One row of the page's table: what is edited since the row before, and the data points that a plan names.
struct Row {
    /// Words of the row.
    words: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    points: u64,
}

const ROWS: [Row; 6] = [
    Row { words: "The first sync", file: "", from: "", to: "", points: 10 },
    Row { words: "Nothing changed", file: "", from: "", to: "", points: 0 },
    Row { words: "One value changed", file: "files/members.csv", from: ";120;", to: ";121;", points: 1 },
    Row {
        words: "One value became null",
        file: "files/members.csv",
        from: "grace@example.com",
        to: "",
        points: 1,
    },
    Row {
        words: "A constant is mapped",
        file: "destination.yaml",
        from: "to: club_member }",
        to: "to: club_member }\n    - { value: club, to: origin }",
        points: 3,
    },
    Row {
        words: "An attribute becomes keys of an object",
        file: "destination.yaml",
        from: "- { from: points, to: points }",
        to: "- { from: points, to: club.points, targetKind: Nested }\n    - { from: joined_on, to: club.since, targetKind: Nested }",
        points: 7,
    },
];

fn grouparoo(folder: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_grouparoo"))
        .args(arguments)
        .args(["--filename", ".", "--output", "json"])
        .current_dir(folder)
        .env_remove("GROUPAROO_STATE")
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).expect("a document")
}

fn points(report: &Value) -> u64 {
    report["destinations"][0]["traffic"]["dataPoints"].as_u64().expect("a figure")
}

/// semantics 14.3: a plan names the data points, the sync costs them, and the page says the same
#[test]
fn the_worked_example_of_data_points_is_what_the_program_plans_and_the_sandbox_counts() {
    let page = Document::read("docs/data-points.md").text;
    let sandbox = Sandbox::start(Options::default());
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("files")).expect("a folder");
    for file in ["braze-app.yaml", "source.yaml", "model.yaml", "destination.yaml", "files/members.csv"] {
        let text = std::fs::read_to_string(root().join("examples/csv-files").join(file)).expect("an example");
        let endpoint = format!("restEndpoint: {}\n  limits: {{ settle: 0s }}", sandbox.url());
        let text = text.replace("instance: US-01", &endpoint);
        let text = text.replace("00000000-0000-0000-0000-000000000000", DEFAULT_KEY);
        std::fs::write(folder.path().join(file), text).expect("a file");
    }
    for Row { words, file, from, to, points: wanted } in ROWS {
        if !file.is_empty() {
            let path = folder.path().join(file);
            let text = std::fs::read_to_string(&path).expect("a file");
            assert!(text.contains(from), "{file} has no {from}");
            std::fs::write(&path, text.replace(from, to)).expect("a file");
        }
        let before = sandbox.data_points();
        assert_eq!(points(&grouparoo(folder.path(), &["plan"])), wanted, "{words}");
        assert_eq!(sandbox.data_points(), before, "a plan costs nothing");
        assert_eq!(points(&grouparoo(folder.path(), &["sync"])), wanted, "{words}");
        assert_eq!(sandbox.data_points() - before, wanted, "{words}: what Braze counts");
        let row = page.lines().find(|line| line.starts_with(&format!("| {words}")));
        let row = row.unwrap_or_else(|| panic!("docs/data-points.md has no row {words}"));
        assert!(row.ends_with(&format!("| {wanted} |")), "{row}");
    }
}
