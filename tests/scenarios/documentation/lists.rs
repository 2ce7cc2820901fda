//! Lists that must be complete: reasons, codes, flags, metrics, standard fields.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use grouparoo::api::rules::{RESERVED, STANDARD};
use grouparoo::braze::Refusal;
use grouparoo::sync::job::{Origin, PropertyMapping};
use grouparoo::sync::reason::Reason;
use grouparoo::sync::value::{Code, PropertyType, Settings, Target, Warning, costs_data_points};

use super::{Document, parts, root};

/// Words that look like reasons and are names of kinds, values of fields, or states of other tools.
const OTHERS: [&str; 9] = [
    "BrazeApp",
    "ConfigMap",
    "DateStyle",
    "FullResync",
    "InProgress",
    "IntervalStyle",
    "RetryRejected",
    "SyncRun",
    "TimeZone",
];

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
    is_camel && word.len() > 3 && capitals >= 2 && capitals < word.len() && !OTHERS.contains(&word)
}

#[test]
fn every_reason_and_condition_is_in_the_manual_of_operating() {
    let mut all = BTreeSet::new();
    words(&root().join("src/controller"), &mut all);
    words(&root().join("src/source"), &mut all);
    for file in [
        "src/sync/reason.rs",
        "src/sync/memory.rs",
        "src/sync/begin.rs",
        "src/sync/check.rs",
        "src/sync/close.rs",
    ] {
        read(&root().join(file), &mut all);
    }
    let single = "Connected Described Scheduled Suspended Overdue Progressing Deleting Pending Running Cancelled Fenced \
                  Interrupted Ready Succeeded Reconciling Stalled";
    all.extend(single.split_whitespace().map(str::to_owned));
    assert!(all.len() > 40, "the search finds what it should: {all:?}");
    missing("docs/operating.md", &all);
}

/// Fails with the words that do not stand in back quotes on the page.
fn missing(page: &str, words: &BTreeSet<String>) {
    let text = Document::read(page).text;
    let missing: Vec<&String> = words.iter().filter(|word| !text.contains(&format!("`{word}`"))).collect();
    assert_eq!(missing, [] as [&String; 0], "{page} says nothing of these");
}

#[test]
fn every_flag_and_metric_is_in_the_manual() {
    let help = Command::new(env!("CARGO_BIN_EXE_grouparoo")).args(["operator", "--help"]).output();
    let help = String::from_utf8(help.expect("the program starts").stdout).expect("UTF-8");
    let flags: BTreeSet<String> = help
        .split(|c: char| c.is_whitespace() || "[]<>,=".contains(c))
        .filter(|word| word.starts_with("--") && word.len() > 2 && *word != "--help")
        .map(str::to_owned)
        .collect();
    assert!(flags.len() > 15, "{flags:?}");
    missing("docs/operator.md", &flags);
    let metrics = include_str!("../../../src/telemetry/metrics.rs");
    let names = metrics.split("registry.register").skip(1).filter_map(|call| call.split('"').nth(1));
    let names: Vec<String> = names.map(|name| format!("`grouparoo_{name}")).collect();
    assert!(names.len() >= 13, "{names:?}");
    let manual = Document::read("docs/operator.md").text;
    let missing: Vec<&String> = names.iter().filter(|name| !manual.contains(name.as_str())).collect();
    assert_eq!(missing, [] as [&String; 0]);
}

/// Flags of the other commands.
#[test]
fn every_flag_of_the_command_line_is_in_its_manual() {
    let manual = Document::read("docs/command-line.md").text;
    let mut missing = Vec::new();
    for command in ["sync", "plan", "validate", "rejects", "crds", "rbac"] {
        let help = Command::new(env!("CARGO_BIN_EXE_grouparoo")).args([command, "--help"]).output();
        let help = String::from_utf8(help.expect("the program starts").stdout).expect("UTF-8");
        let flags = help.split(|c: char| c.is_whitespace() || "[]<>,=".contains(c));
        let flags = flags.filter(|word| word.starts_with("--") && word.len() > 2 && *word != "--help");
        missing.extend(flags.filter(|flag| !manual.contains(*flag)).map(|flag| format!("{command} {flag}")));
    }
    assert_eq!(missing, [] as [String; 0]);
}

/// semantics 5.1: why a value is not sent, each code with its sentence
#[test]
fn every_code_of_a_value_is_explained_with_the_sentence_that_the_program_says() {
    let mut table = "| Code | The program says |\n|---|---|\n".to_owned();
    for code in Code::ALL {
        writeln!(table, "| `{code}` | {} |", code.hint()).expect("text takes text");
    }
    parts::keep("docs/troubleshooting.md", "codes of values", &table);
    let mut table = "| Code | The program says |\n|---|---|\n".to_owned();
    for warning in [Warning::Truncated, Warning::BeyondDouble, Warning::DateLikeText] {
        writeln!(table, "| `{warning}` | {} |", warning.hint()).expect("text takes text");
    }
    parts::keep("docs/troubleshooting.md", "codes of warnings", &table);
    let mut table = "| Code | The program says |\n|---|---|\n".to_owned();
    for refusal in Refusal::ALL {
        writeln!(table, "| `{}` | {} |", refusal.code(), refusal.hint()).expect("text takes text");
    }
    parts::keep("docs/troubleshooting.md", "codes of refusals", &table);
}

/// semantics 3, row `invalid`: why a record is not sent at all
#[test]
fn every_code_of_a_key_is_explained() {
    let code = std::fs::read_to_string(root().join("src/data/key.rs")).expect("the file");
    let mut all = BTreeSet::new();
    all.extend(code.split('"').skip(1).step_by(2).filter(|word| is_reason(word)).map(str::to_owned));
    all.extend(["DuplicateKey", "ObjectTooLarge", "RuleError"].map(str::to_owned));
    assert!(all.len() >= 9, "{all:?}");
    missing("docs/troubleshooting.md", &all);
}

/// semantics 5.3: the standard fields, what they take, and whether a null clears them
#[test]
fn every_standard_field_is_on_its_page_as_the_program_has_it() {
    let page = "docs/braze-fields.md";
    let words = parts::own_words(page, "standard fields");
    let mut table = "| Field | Types of the property | `onNull: Clear` | Data points | Values, limits, and what is dropped |\n\
                     |---|---|---|---|---|\n"
        .to_owned();
    for name in STANDARD {
        let targets: Vec<(PropertyType, Target)> =
            TYPES.iter().filter_map(|kind| Some((*kind, target(name, *kind)?))).collect();
        let types: Vec<String> = targets.iter().map(|(kind, _)| format!("{kind:?}")).collect();
        let clears: BTreeSet<bool> = targets.iter().map(|(_, target)| target.clears_on_null()).collect();
        assert_eq!(clears.len(), 1, "{name} takes nothing, or it depends on the type");
        let clears = if clears.contains(&true) { "sends null" } else { "sends nothing" };
        let costs = if costs_data_points(name) { "counted" } else { "free" };
        let own = words.get(name).filter(|words| !words.is_empty()).cloned();
        let own = own.unwrap_or_else(|| panic!("{page}: what does {name} take?"));
        writeln!(table, "| `{name}` | {} | {clears} | {costs} | {own} |", types.join(", "))
            .expect("text takes text");
    }
    parts::keep(page, "standard fields", &table);
    missing(page, &RESERVED.map(str::to_owned).into());
}

const TYPES: [PropertyType; 12] = [
    PropertyType::String,
    PropertyType::Integer,
    PropertyType::Float,
    PropertyType::Decimal,
    PropertyType::Boolean,
    PropertyType::Date,
    PropertyType::Timestamp,
    PropertyType::Email,
    PropertyType::PhoneNumber,
    PropertyType::Url,
    PropertyType::Array,
    PropertyType::Object,
];

fn target(name: &str, kind: PropertyType) -> Option<Target> {
    let mapping = PropertyMapping {
        origin: Origin::From("it".to_owned()),
        to: name.to_owned(),
        target_kind: None,
        clear_on_null: true,
        as_kind: None,
        truncate: false,
        check: true,
        always_opt_in: false,
    };
    Target::compile(&mapping, kind, &Settings::default()).ok()
}

/// semantics 3, table of exit codes; the same in the manual of the command line
#[test]
fn every_reason_stands_beside_its_exit_code() {
    let code = std::fs::read_to_string(root().join("src/sync/reason.rs")).expect("the file");
    let names = code.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    let names: Vec<&str> = names.map(|(name, _)| name).collect();
    assert!(names.len() > 15, "{names:?}");
    for page in ["docs/command-line.md", "docs/semantics.md"] {
        let text = Document::read(page).text;
        for name in &names {
            let reason: Reason = serde_json::from_value((*name).into()).expect("a reason");
            let row = format!("| {} |", reason.exit_code());
            let found = text.lines().filter(|line| line.starts_with(&row));
            let found = found.filter(|line| line.contains(&format!("`{name}`"))).count();
            assert_eq!(found, 1, "{page}: {name} belongs to {}", reason.exit_code());
        }
    }
}
