//! The manual of the operator is complete: `docs/operator.md`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const MANUAL: &str = include_str!("../../../docs/operator.md");

/// Words that look like reasons and are names of kinds, values of fields, or states of other tools.
const OTHERS: [&str; 6] = ["BrazeApp", "ConfigMap", "FullResync", "InProgress", "RetryRejected", "SyncRun"];

/// Every word in quotes in the controllers that is written like a reason.
fn words(below: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(below).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            words(&path, found);
            continue;
        }
        if name.contains("tests") || ["table.rs", "two_operators.rs"].contains(&name) {
            continue;
        }
        read(&path, found);
    }
}

fn read(file: &Path, found: &mut BTreeSet<String>) {
    let text = std::fs::read_to_string(file).expect("a readable file");
    let product = text.split("mod tests {").next().unwrap_or_default();
    found.extend(product.split('"').skip(1).step_by(2).filter(|word| is_reason(word)).map(str::to_owned));
}

/// Two or more words in CamelCase.
fn is_reason(word: &str) -> bool {
    let is_camel =
        word.starts_with(|c: char| c.is_ascii_uppercase()) && word.chars().all(|c| c.is_ascii_alphabetic());
    let capitals = word.chars().filter(char::is_ascii_uppercase).count();
    is_camel && word.len() > 3 && capitals >= 2 && !OTHERS.contains(&word)
}

#[test]
fn every_reason_and_code_is_in_the_manual() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = BTreeSet::new();
    words(&root.join("src/controller"), &mut all);
    for file in [
        "src/sync/reason.rs",
        "src/sync/memory.rs",
        "src/sync/begin.rs",
        "src/sync/check.rs",
        "src/sync/close.rs",
    ] {
        read(&root.join(file), &mut all);
    }
    all.extend(
        [
            "Connected",
            "Described",
            "Scheduled",
            "Suspended",
            "Overdue",
            "Progressing",
            "Deleting",
            "Pending",
            "Running",
            "Cancelled",
        ]
        .map(str::to_owned),
    );
    assert!(all.len() > 40, "the search finds what it should: {all:?}");
    let missing: Vec<&String> = all.iter().filter(|word| !MANUAL.contains(&format!("`{word}`"))).collect();
    assert_eq!(missing, [] as [&String; 0], "docs/operator.md says nothing of these");
}

#[test]
fn every_flag_and_metric_is_in_the_manual() {
    let help = Command::new(env!("CARGO_BIN_EXE_grouparoo")).args(["operator", "--help"]).output();
    let help = String::from_utf8(help.expect("the program starts").stdout).expect("UTF-8");
    let flags: BTreeSet<&str> = help
        .split(|c: char| c.is_whitespace() || "[]<>,=".contains(c))
        .filter(|word| word.starts_with("--") && word.len() > 2 && *word != "--help")
        .collect();
    assert!(flags.len() > 15, "{flags:?}");
    let missing: Vec<&&str> = flags.iter().filter(|flag| !MANUAL.contains(&format!("`{flag}"))).collect();
    assert_eq!(missing, [] as [&&str; 0]);
    let metrics = include_str!("../../../src/telemetry/metrics.rs");
    let names = metrics.split("registry.register").skip(1).filter_map(|call| call.split('"').nth(1));
    let names: Vec<String> = names.map(|name| format!("`grouparoo_{name}")).collect();
    assert_eq!(names.len(), 14, "{names:?}");
    let missing: Vec<&String> = names.iter().filter(|name| !MANUAL.contains(name.as_str())).collect();
    assert_eq!(missing, [] as [&String; 0]);
}
