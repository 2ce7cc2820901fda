//! One page a kind: every field with its limits and its default, every rule, every column, in one order of parts.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use grouparoo::api::crds;
use serde_json::Value;

use super::{Document, documents, fields, files, parts, root};
use crate::cluster::objects::{fields_known, schemas};

/// Parts of a page of a kind, in their order.
const HEADINGS: [&str; 5] =
    ["## Smallest example", "## Fields", "## Status and conditions", "## How it fails", "## Examples"];
/// What a reader finds on another page, or in the row of the block.
const CLOSED: [&str; 8] = [
    "mysql",
    "conditions[]",
    "earlierStarts[].counts",
    "lastRun.attributes",
    "lastRun.counts",
    "lastRun.memberships",
    "lastRun.traffic",
    "plan.approvals[]",
];

fn page(kind: &str) -> String {
    format!("docs/kinds/{}.md", kind.to_lowercase())
}

#[test]
fn the_page_of_a_kind_has_every_field_with_its_values_its_default_and_what_a_change_does() {
    let mut silent = Vec::new();
    for (kind, spec, _) in schemas() {
        let page = page(&kind);
        let words = parts::own_words(&page, "fields");
        let mut table =
            "| Field | Values | Default | Meaning | A change of it |\n|---|---|---|---|---|\n".to_owned();
        for field in fields::fields(&spec, &CLOSED) {
            let own = words.get(&field.path).filter(|words| !words.is_empty());
            if own.is_none() {
                silent.push(format!("{kind} {}", field.path));
            }
            let mark = if field.is_required { " *" } else { "" };
            let (default, meaning, own) = (field.default, field.meaning, own.cloned().unwrap_or_default());
            writeln!(table, "| `{}`{mark} | {} | {default} | {meaning} | {own} |", field.path, field.values)
                .expect("text takes text");
        }
        parts::keep(&page, "fields", &table);
    }
    assert_eq!(silent, [] as [String; 0], "what does a change of these do?");
}

#[test]
fn the_page_of_a_kind_has_every_field_of_its_status() {
    for (kind, _, status) in schemas() {
        let mut table = "| Field | Meaning |\n|---|---|\n".to_owned();
        for field in fields::fields(&status, &CLOSED) {
            writeln!(table, "| `{}` | {} |", field.path, field.meaning).expect("text takes text");
        }
        parts::keep(&page(&kind), "status", &table);
    }
}

#[test]
fn the_page_of_a_kind_has_the_sentence_of_every_rule() {
    for (kind, spec, _) in schemas() {
        let mut found = Vec::new();
        fields::rules(&spec, "spec", &mut found);
        let mut list = String::new();
        for (path, message) in found.iter().filter(|(path, _)| !path.contains(".mysql")) {
            writeln!(list, "- `{path}`: {message}").expect("text takes text");
        }
        parts::keep(&page(&kind), "rules", &list);
    }
}

#[test]
fn the_page_of_a_kind_has_its_names_and_columns() {
    for crd in crds::crds() {
        let names = &crd.spec.names;
        let columns = crd.spec.versions[0].additional_printer_columns.iter().flatten();
        let of = |wide: bool| {
            let columns = columns.clone().filter(|column| (column.priority.unwrap_or(0) > 0) == wide);
            columns.map(|column| column.name.to_uppercase()).collect::<Vec<_>>().join(", ")
        };
        let short = names.short_names.iter().flatten().next().expect("a short name");
        let text = format!(
            "`kubectl get {}` (short `{short}`) shows NAME, {}; `-o wide` adds {}.\n",
            names.plural,
            of(false),
            of(true)
        );
        parts::keep(&page(&names.kind), "columns", &text);
    }
}

#[test]
fn the_pages_of_the_kinds_have_the_same_parts() {
    for (kind, _, _) in schemas() {
        let document = Document::read(&page(&kind));
        let found: Vec<&str> = document.text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(found, HEADINGS, "{kind}");
        assert!(document.text.starts_with(&format!("# {kind}\n")), "{kind}");
    }
}

/// Rows of "How it fails" have the words of the program, three in a row at a time.
#[test]
fn the_sentences_of_failures_are_the_programs_own() {
    let code: String =
        files(&root().join("src"), "rs").iter().map(|path| words(&Document::read(path).text)).collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for kind in ["BrazeApp", "Source", "Model"] {
        let document = Document::read(&page(kind));
        let failures = document.text.split("## How it fails").nth(1).expect("the part");
        let rows = failures.lines().filter(|line| line.starts_with("| `"));
        // In brackets stand descriptions of several sentences.
        for sentence in rows.filter_map(|row| row.split(" | ").nth(1)).filter(|one| !one.starts_with('(')) {
            seen += 1;
            let said = words(sentence);
            let said: Vec<&str> = said.split(' ').filter(|word| !word.is_empty()).collect();
            let mut own = vec![false; said.len()];
            for (at, run) in said.windows(3).enumerate().filter(|(_, run)| code.contains(&run.join(" "))) {
                own[at..at + run.len()].fill(true);
            }
            // A third at least: the rest are names and numbers that are filled in.
            let known = own.iter().filter(|own| **own).count();
            if known * 3 < said.len() {
                wrong.push(format!("{kind}: {sentence}"));
            }
        }
    }
    assert!(seen > 15, "only {seen} were found");
    assert_eq!(wrong, [] as [String; 0]);
}

/// Words in small letters with one space between them.
fn words(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
    let plain: String = plain.collect();
    plain.split_whitespace().map(|word| format!("{word} ")).collect()
}

/// A path such as `status.retry.nextRetryTime` in the text of any page.
#[test]
fn no_page_names_a_field_that_does_not_exist() {
    let mut known = BTreeSet::new();
    for (_, spec, status) in schemas() {
        fields_known(&spec, "spec", &mut known);
        fields_known(&status, "status", &mut known);
    }
    let known: BTreeSet<String> = known.iter().map(|path| bare(path)).collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for document in documents() {
        for path in document.quoted().into_iter().filter(|word| is_path(word)) {
            seen += 1;
            if !known.contains(&bare(path)) {
                wrong.push(format!("{}: {path}", document.path));
            }
        }
    }
    assert!(seen > 30, "only {seen} paths were found: the reader of this test is broken");
    assert_eq!(wrong, [] as [String; 0]);
}

fn is_path(word: &str) -> bool {
    let inside = word.strip_prefix("spec.").or(word.strip_prefix("status."));
    // Fields of other kinds of Kubernetes, and those that only this page's reader would take for ours.
    inside.is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_alphanumeric() || "[].".contains(c))
    })
}

/// Without the marks of lists.
fn bare(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|c| {
            inside = (inside || *c == '[') && *c != ']';
            !inside && *c != ']'
        })
        .collect()
}

#[test]
fn the_reader_of_fields_tells_limits_and_defaults() {
    let schema: Value = serde_json::json!({ "required": ["b"], "properties": {
        "a": { "type": "integer", "minimum": 1, "maximum": 10_000, "description": "How many. Default: 7." },
        "b": { "type": "array", "maxItems": 3, "description": "Some.",
               "items": { "type": "object", "properties": { "c": { "type": "string", "maxLength": 5 } } } },
    }});
    let found = fields::fields(&schema, &[]);
    let lines: Vec<String> = found
        .iter()
        .map(|one| format!("{} {} {}|{}|{}", one.path, one.is_required, one.values, one.default, one.meaning))
        .collect();
    assert_eq!(
        lines,
        [
            "b[] true list, at most 3||Some.",
            "b[].c false text, at most 5||",
            "a false 1 to 10,000|7|How many."
        ]
    );
}
