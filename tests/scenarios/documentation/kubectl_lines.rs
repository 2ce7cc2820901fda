//! kubectl's command lines in pages and in the notes of the chart: flags that the real kubectl has, kinds that the API
//! server knows, fields, conditions and annotations that are ours.

use std::collections::{BTreeMap, BTreeSet};

use grouparoo::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use regex::Regex;
use serde_json::Value;

use super::schema_paths::{has, misfit, paths_of};
use super::shell::{Line, of_program, simple, typed};
use super::{Document, documents};
use crate::support::control_plane::{ControlPlane, Space};

/// What a line may name.
struct Known {
    space: Space,
    /// Every name by which a kind can be called, in small letters, and the kind.
    kinds: BTreeMap<String, String>,
    /// Definitions of our own kinds.
    own: BTreeMap<String, JSONSchemaProps>,
    /// Flags of a command, and whether a value follows.
    flags: BTreeMap<String, BTreeMap<String, bool>>,
}

/// Commands whose first word is another command.
const NESTED: [&str; 3] = ["create", "rollout", "set"];
/// Commands whose first argument is a kind, or a kind and a name with a stroke between them.
const OF_KINDS: [&str; 8] = ["get", "describe", "annotate", "label", "delete", "patch", "wait", "explain"];
/// Those with a kind and a name only.
const OF_OBJECTS: [&str; 4] = ["rollout status", "set image", "logs", "exec"];

impl Known {
    async fn new() -> Self {
        let space = ControlPlane::shared().space().await;
        let listed = space.kubectl(&["api-resources", "--no-headers"]).await.success();
        let mut kinds = BTreeMap::new();
        for line in listed.lines() {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (name, kind) = (columns[0], columns[columns.len() - 1]);
            let group = columns[columns.len() - 3].split_once('/').map(|(group, _)| group);
            let short = if columns.len() == 5 { columns[1] } else { "" };
            let full = group.map(|group| format!("{name}.{group}"));
            let one = kind.to_lowercase();
            for word in [name, &one].into_iter().chain(short.split(',')).chain(full.as_deref()) {
                kinds.entry(word.to_owned()).or_insert_with(|| kind.to_owned());
            }
        }
        kinds.remove("");
        let definitions = api::crds::crds();
        let own = definitions.iter().map(|one| (one.spec.names.kind.clone(), api::crds::schema(one).clone()));
        Self { space, kinds, own: own.collect(), flags: BTreeMap::new() }
    }

    async fn flags(&mut self, command: &str) -> BTreeMap<String, bool> {
        if let Some(known) = self.flags.get(command) {
            return known.clone();
        }
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--help");
        let output = self.space.kubectl(&arguments).await;
        let everywhere = self.space.kubectl(&["options"]).await.success();
        let flag = Regex::new(r"^    (-\w)?,? ?(--[a-z-]+)=(.*):$").expect("a good pattern");
        let mut found = BTreeMap::new();
        if output.code == 0 && output.stdout.contains(&format!("\n  kubectl {command}")) {
            let lines = output.stdout.lines().chain(everywhere.lines());
            for parts in lines.filter_map(|line| flag.captures(line)) {
                let has_value = !["true", "false"].contains(&&parts[3]);
                for name in [parts.get(1), parts.get(2)].into_iter().flatten() {
                    found.insert(name.as_str().to_owned(), has_value);
                }
            }
        }
        self.flags.insert(command.to_owned(), found.clone());
        found
    }

    /// What is wrong with a line.
    async fn faults(&mut self, words: &[String]) -> Vec<String> {
        let mut faults = Vec::new();
        let everywhere = self.flags("get").await;
        // Flags may come before the command.
        let (mut command, mut rest) = (String::new(), words[1..].iter());
        let (mut places, mut given) = (Vec::new(), Vec::new());
        let mut known = everywhere;
        while let Some(word) = rest.next() {
            if word == "--" {
                break;
            }
            if !word.starts_with('-') || word == "-" {
                if command.is_empty() || (NESTED.contains(&command.as_str())) {
                    command = format!("{command} {word}").trim().to_owned();
                    if command == "create secret" {
                        command.push_str(&format!(" {}", rest.next().map_or("", String::as_str)));
                    }
                    if !NESTED.contains(&command.as_str()) {
                        known = self.flags(&command).await;
                    }
                    if known.is_empty() {
                        return vec![format!("kubectl has no command {command}")];
                    }
                } else {
                    places.push(word.clone());
                }
                continue;
            }
            let (name, value) =
                word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            match known.get(name) {
                None if command == "create" && name == "-f" => drop(rest.next()),
                None => faults.push(format!("kubectl {command} has no flag {name}")),
                Some(false) => (),
                Some(true) => match value.or_else(|| rest.next().map(String::as_str)) {
                    Some(value) => given.push((name.to_owned(), value.to_owned())),
                    // `kubectl apply -k` in the text.
                    None if places.is_empty() && ["-f", "-k"].contains(&name) => (),
                    None => faults.push(format!("{name} has no value")),
                },
            }
        }
        let kinds = self.kinds_of(&command, &places, &mut faults);
        for (name, value) in &given {
            self.look_at(&command, &kinds, name, value, &mut faults);
        }
        if ["annotate", "label"].contains(&command.as_str()) {
            faults.extend(places.iter().filter_map(|pair| unknown_key(&command, pair)));
        }
        faults
    }

    /// The kinds that a line is about; empty where the text leaves them open.
    fn kinds_of(&self, command: &str, places: &[String], faults: &mut Vec<String>) -> Vec<String> {
        let Some(first) = places.first().filter(|first| *first != "KIND") else { return Vec::new() };
        let words: Vec<&str> = match () {
            () if OF_KINDS.contains(&command) => first.split(',').collect(),
            () if OF_OBJECTS.contains(&command) => vec![first],
            () => return Vec::new(),
        };
        if OF_OBJECTS.contains(&command) && !first.contains('/') {
            faults.push(format!("{first} is no kind and name"));
        }
        let mut kinds = Vec::new();
        for word in words {
            let name = word.split('/').next().unwrap_or(word);
            let name = if command == "explain" { name.split('.').next().unwrap_or(name) } else { name };
            match self.kinds.get(name) {
                Some(kind) => kinds.push(kind.clone()),
                None => faults.push(format!("the API server knows no kind {name}")),
            }
        }
        kinds
    }

    /// Looks at the value of a flag.
    fn look_at(&self, command: &str, kinds: &[String], flag: &str, value: &str, faults: &mut Vec<String>) {
        let schemas = kinds.iter().filter_map(|kind| Some((kind, self.own.get(kind)?)));
        for (kind, schema) in schemas {
            let mut paths = Vec::new();
            match (flag, value.split_once('=')) {
                ("-o" | "--output", Some(("jsonpath", expression))) => paths = paths_of(expression),
                ("--sort-by", _) => paths = paths_of(&format!("{{{value}}}")),
                ("-p" | "--patch", _) => {
                    let patch: Value = serde_json::from_str(value).unwrap_or(Value::Null);
                    faults.extend(misfit(&patch, schema, "").map(|fault| format!("{kind}: {fault}")));
                }
                ("--for", Some(("condition", condition))) => {
                    let known: &[&str] =
                        if kind == "SyncRun" { &["Succeeded"] } else { &["Ready", "Reconciling", "Stalled"] };
                    if !known.contains(&condition.split('=').next().unwrap_or_default()) {
                        faults.push(format!("{kind} has no condition {condition}"));
                    }
                }
                _ => (),
            }
            for path in paths.iter().filter(|path| !has(schema, path)) {
                faults.push(format!("kubectl {command}: {kind} has no field {}", path.join(".")));
            }
        }
    }
}

/// Annotations and a label that the program reads.
const KEYS: [(&str, &str); 4] = [
    ("annotate", api::APPROVE_ANNOTATION),
    ("annotate", api::REQUESTED_AT_ANNOTATION),
    ("annotate", api::ALLOWED_HOSTS_ANNOTATION),
    ("label", api::WATCH_LABEL),
];

fn unknown_key(command: &str, pair: &str) -> Option<String> {
    let key = pair.split_once('=')?.0;
    let is_known = !key.starts_with("grouparoo.io/") || KEYS.contains(&(command, key));
    (!is_known).then(|| format!("nobody reads {key} by kubectl {command}"))
}

/// Lines of the pages, and of what Helm says after an installation.
fn all_lines() -> Vec<Line> {
    let mut all = typed("kubectl");
    let notes = crate::chart::notes::notes("watchNamespaces: [crm]\ncrds: { install: false }");
    let words = notes.lines().flat_map(simple);
    let notes = words.map(|words| Line { place: "notes of the chart".to_owned(), words }).collect();
    let notes = of_program(notes, "kubectl");
    assert!(notes.len() > 3, "{}", notes.len());
    all.extend(notes);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_and_the_api_server_know_all_that_a_line_names() {
    let mut known = Known::new().await;
    let lines = all_lines();
    assert!(lines.len() > 80, "only {} lines were found", lines.len());
    let mut wrong = Vec::new();
    for Line { place, words } in lines.iter().filter(|line| line.words.len() > 1) {
        let faults = known.faults(words).await;
        wrong.extend(faults.into_iter().map(|fault| format!("{place}: {}\n  {fault}", words.join(" "))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_or_the_api_server_does_not_know_is_seen() {
    let mut known = Known::new().await;
    for line in [
        "kubectl -n crm get sdest,srun -o wide --sort-by=.status.startTime",
        "kubectl get sdest a -o jsonpath='{range .status.errors[*]}{.count}{\"\\t\"}{.hint}{end}{.metadata.name}'",
        "kubectl annotate destination a grouparoo.io/approve=b example.com/c=d --overwrite",
        "kubectl logs deployment/a --tail=20",
    ] {
        // A run has a time of its start, a Destination has none.
        let faults = known.faults(&simple(line).remove(0)).await;
        let expected: &[String] = if line.contains("sort-by") {
            &["kubectl get: Destination has no field status.startTime".to_owned()]
        } else {
            &[]
        };
        assert_eq!(faults, expected, "{line}");
    }
    for (line, part) in [
        ("kubectl gets pods", "no command gets"),
        ("kubectl get destination --al", "no flag --al"),
        ("kubectl get dest", "no kind dest"),
        ("kubectl create secrets generic a", "no command create secrets"),
        ("kubectl logs grouparoo", "is no kind and name"),
        (
            "kubectl get destination a -o jsonpath='{.status.pendingApproval}'",
            "no field status.pendingApproval",
        ),
        (
            "kubectl get sdest -o jsonpath='{range .status.errors[*]}{.reason}{end}'",
            "no field status.errors.reason",
        ),
        ("kubectl wait srun/a --for=condition=Ready", "SyncRun has no condition Ready"),
        (
            "kubectl patch srun a --type=merge -p '{\"spec\":{\"cancelled\":true}}'",
            "no field .spec.cancelled",
        ),
        ("kubectl patch srun a --type=merge -p '{\"spec\":{\"cancel\":\"yes\"}}'", "cannot be \"yes\""),
        ("kubectl patch srun a --type=merge -p '{\"spec\"}'", "is no JSON"),
        ("kubectl patch sdest a -p '{\"spec\":{\"deletionPolicy\":\"Keep\"}}'", "cannot be \"Keep\""),
        ("kubectl annotate sdest a grouparoo.io/requestedAt=b", "nobody reads grouparoo.io/requestedAt"),
        ("kubectl label secret a grouparoo.io/approve=b", "nobody reads grouparoo.io/approve"),
    ] {
        let faults = known.faults(&simple(line).remove(0)).await;
        assert!(faults.iter().any(|fault| fault.contains(part)), "{line}: {faults:?}");
    }
}

/// Annotations, labels and the finalizer, wherever a page writes one out
#[test]
fn every_key_of_ours_in_a_page_is_one_that_the_program_knows() {
    let known: BTreeSet<&str> = [
        api::API_VERSION,
        api::APPROVE_ANNOTATION,
        api::REQUESTED_AT_ANNOTATION,
        api::WATCH_LABEL,
        api::CLEANUP_FINALIZER,
        api::DESTINATION_LABEL,
        api::ALLOWED_HOSTS_ANNOTATION,
    ]
    .into();
    let key = Regex::new(r"(^|[^./a-zA-Z-])(grouparoo\.io/[A-Za-z0-9-]+)").expect("a good pattern");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for document in documents() {
        for parts in key.captures_iter(&document.text) {
            seen += 1;
            if !known.contains(&parts[2]) {
                wrong.push(format!("{}: {}", document.path, &parts[2]));
            }
        }
    }
    assert!(seen > 40, "{seen}");
    assert_eq!(wrong, [] as [String; 0]);
}

/// Words in capitals stand for names: those of the runbooks are explained where the alert leads to
#[test]
fn the_runbooks_say_what_the_names_in_their_commands_mean() {
    let page = Document::read("docs/runbooks/README.md");
    let section = page.text.split("\n## Names in the commands\n").nth(1).expect("a section");
    let explained: Vec<&str> = section.split("\n## ").next().expect("a table").split('`').collect();
    let name = Regex::new(r"\b[A-Z][A-Z-]*[A-Z]\b").expect("a good pattern");
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for Line { place, words } in typed("kubectl") {
        if !place.starts_with("docs/runbooks/") {
            continue;
        }
        for word in name.find_iter(&words.join(" ")).map(|found| found.as_str().to_owned()) {
            if !explained.contains(&word.as_str()) {
                wrong.push(format!("{place}: {word}"));
            }
            seen.insert(word);
        }
        // Not every release is called grouparoo.
        let fixed = words.iter().find(|word| word.ends_with("/grouparoo"));
        wrong.extend(fixed.map(|word| format!("{place}: {word}")));
    }
    assert!(seen.len() > 4, "{seen:?}");
    assert_eq!(wrong, [] as [String; 0]);
}
