//! Documents into typed objects.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;

use crate::api::check::{self, Problem, Violation};
use crate::api::{API_VERSION, GROUP};

use super::error::{ManifestError, ManifestErrors};
use super::set::{Loaded, LoadedSet, Origin};
use super::yaml::{self, Content, Node};
use super::{Options, data, references};

/// The kinds of this program.
const KINDS: [&str; 5] = ["BrazeApp", "Source", "Model", "Destination", "SyncRun"];

/// Problems of one object that are listed one by one.
const MOST_PROBLEMS: usize = 50;

/// Fields of `metadata` that Kubernetes knows.
const METADATA: [&str; 16] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "clusterName",
];

/// Kind, namespace and name of every object, and where it was first seen.
pub(super) type Seen = HashMap<(String, String, String), Origin>;

/// Collects objects and problems, file by file.
pub(super) struct Loader<'a> {
    options: &'a Options,
    set: LoadedSet,
    errors: Vec<ManifestError>,
    seen: Seen,
}

/// Where a document stands and what it is.
struct At<'a> {
    file: &'a str,
    document: usize,
    object: String,
}

/// `metadata`, as far as it is used.
struct Meta {
    name: String,
    namespace: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self { options, set: LoadedSet::default(), errors: Vec::new(), seen: HashMap::new() }
    }

    pub(super) fn error(&mut self, error: ManifestError) {
        self.errors.push(error);
    }

    fn report(&mut self, at: &At<'_>, line: usize, field: &str, message: impl Into<String>) {
        self.errors.push(ManifestError {
            file: at.file.to_owned(),
            line: Some(line),
            document: Some(at.document),
            object: (!at.object.is_empty()).then(|| at.object.clone()),
            field: (!field.is_empty()).then(|| field.to_owned()),
            message: message.into(),
        });
    }

    pub(super) fn notice(&mut self, notice: String) {
        self.set.notices.push(notice);
    }

    /// Reads all documents of a file. Returns how many were not empty, readable or not.
    pub(super) fn file(&mut self, file: &str, text: &str) -> usize {
        let (documents, faults) = yaml::documents(text);
        let mut count = faults.len();
        let mut faults = faults.into_iter().peekable();
        for document in documents {
            while let Some(fault) = faults.next_if(|fault| fault.document < document.number) {
                self.unreadable(file, text, fault);
            }
            if let Some(root) = &document.root {
                count += 1;
                self.document(file, document.number, root);
            }
        }
        for fault in faults {
            self.unreadable(file, text, fault);
        }
        count
    }

    fn unreadable(&mut self, file: &str, text: &str, fault: yaml::Fault) {
        let template = text.lines().nth(fault.line.saturating_sub(1)).is_some_and(|line| line.contains("{{"));
        let hint =
            if template { "; it looks like a Helm template, which must be rendered first" } else { "" };
        let at = At { file, document: fault.document, object: String::new() };
        self.report(&at, fault.line, "", format!("{}{hint}", fault.message));
    }

    fn document(&mut self, file: &str, document: usize, root: &Node) {
        let mut at = At { file, document, object: String::new() };
        let Content::Map(_) = root.content else {
            return self.report(&at, root.line, "", format!("must be an object, but is {}", root.kind()));
        };
        let api_version = root.get("apiVersion").and_then(Node::text).unwrap_or_default();
        let kind = root.get("kind").and_then(Node::text).unwrap_or_default();
        let name = root.get("metadata").and_then(|meta| meta.get("name")).and_then(Node::text);
        at.object = match name {
            Some(name) if !kind.is_empty() => format!("{kind} {name}"),
            _ => kind.to_owned(),
        };
        if kind.is_empty() || api_version.is_empty() {
            let missing = match (kind.is_empty(), api_version.is_empty()) {
                (true, true) => "has neither apiVersion nor kind, so it is no manifest",
                (true, false) => "has no kind",
                _ => "has no apiVersion",
            };
            return self.report(&at, root.line, "", missing);
        }
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        match (api_version, kind) {
            (API_VERSION, kind) if KINDS.contains(&kind) => self.ours(&at, kind, root),
            (_, kind)
                if group == GROUP && KINDS.contains(&kind) || group.is_empty() && KINDS.contains(&kind) =>
            {
                let line = root.get("apiVersion").map_or(root.line, |node| node.line);
                self.report(&at, line, "apiVersion", format!("must be {API_VERSION} for this kind"));
            }
            ("v1", "Secret") => self.secret(&at, root),
            ("v1", "ConfigMap") => self.config_map(&at, root),
            (_, list) if list.ends_with("List") && (group == GROUP || group.is_empty()) => {
                self.list(&at, root);
            }
            _ if group == GROUP => {
                let line = root.get("kind").map_or(root.line, |node| node.line);
                let kinds = KINDS.join(", ");
                self.report(
                    &at,
                    line,
                    "kind",
                    format!("there is no such kind in {GROUP}; the kinds are {kinds}"),
                );
            }
            _ => self.set.notices.push(format!(
                "{file} (document {document}): {} of {api_version} is not for this program and was left out",
                at.object
            )),
        }
    }

    fn list(&mut self, at: &At<'_>, root: &Node) {
        match root.get("items").map(|items| &items.content) {
            Some(Content::List(items)) => {
                for item in items {
                    self.document(at.file, at.document, item);
                }
            }
            Some(Content::Null) | None => {}
            Some(_) => self.report(at, root.line, "items", "must be a list"),
        }
    }

    fn ours(&mut self, at: &At<'_>, kind: &str, root: &Node) {
        let before = self.errors.len();
        let meta = self.metadata(at, kind == "SyncRun", root);
        if let Content::Map(fields) = &root.content {
            for (name, node) in fields {
                if !matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "spec" | "status") {
                    self.report(
                        at,
                        node.line,
                        name,
                        "there is no such field beside apiVersion, kind, metadata and spec",
                    );
                }
            }
        }
        let spec = root.get("spec").map(Node::to_json);
        let checker = check::kind(kind).expect("the kinds of this list have definitions");
        let mut violations: Vec<(usize, String, String)> = checker
            .check(spec.as_ref(), None)
            .into_iter()
            .map(|violation| {
                let (line, message) = explained(root, &violation);
                (line, violation.path, message)
            })
            .collect();
        violations.sort_by_key(|(line, ..)| *line);
        let more = violations.len().saturating_sub(MOST_PROBLEMS);
        violations.truncate(MOST_PROBLEMS);
        for (line, path, message) in violations {
            self.report(at, line, &path, message);
        }
        if more > 0 {
            self.report(at, root.line, "", format!("has {more} more problems"));
        }
        let Some(meta) = meta else { return };
        if !self.first_of_its_name(at, kind, &meta, root.line) || self.errors.len() > before {
            return;
        }
        let origin = Origin { file: at.file.to_owned(), document: at.document, line: root.line };
        let spec = spec.unwrap_or_default();
        match kind {
            "BrazeApp" => self.set.braze_apps.extend(typed(&meta, spec, origin, kind)),
            "Source" => self.set.sources.extend(typed(&meta, spec, origin, kind)),
            "Model" => self.set.models.extend(typed(&meta, spec, origin, kind)),
            "Destination" => self.set.destinations.extend(typed(&meta, spec, origin, kind)),
            _ => self.set.sync_runs.extend(typed(&meta, spec, origin, kind)),
        }
    }

    fn secret(&mut self, at: &At<'_>, root: &Node) {
        let Some(meta) = self.metadata(at, false, root) else { return };
        let (secret, faults) = data::secret(root, meta.annotations.clone());
        for (field, line, message) in faults {
            self.report(at, line, &field, message);
        }
        if self.first_of_its_name(at, "Secret", &meta, root.line) {
            self.set.secrets.insert((meta.namespace, meta.name), secret);
        }
    }

    fn config_map(&mut self, at: &At<'_>, root: &Node) {
        let Some(meta) = self.metadata(at, false, root) else { return };
        let (map, faults) = data::config_map(root);
        for (field, line, message) in faults {
            self.report(at, line, &field, message);
        }
        if self.first_of_its_name(at, "ConfigMap", &meta, root.line) {
            self.set.config_maps.insert((meta.namespace, meta.name), map);
        }
    }

    /// Reports the second object of one kind, namespace and name.
    fn first_of_its_name(&mut self, at: &At<'_>, kind: &str, meta: &Meta, line: usize) -> bool {
        let key = (kind.to_owned(), meta.namespace.clone(), meta.name.clone());
        if let Some(first) = self.seen.get(&key) {
            let place = format!("{}:{} (document {})", first.file, first.line, first.document);
            self.report(at, line, "", format!("stands twice; the first one is at {place}"));
            return false;
        }
        let origin = Origin { file: at.file.to_owned(), document: at.document, line };
        self.seen.insert(key, origin);
        true
    }

    fn metadata(&mut self, at: &At<'_>, may_generate: bool, root: &Node) -> Option<Meta> {
        let before = self.errors.len();
        let Some(node) = root.get("metadata") else {
            self.report(at, root.line, "metadata", "is required");
            return None;
        };
        let Content::Map(fields) = &node.content else {
            self.report(
                at,
                node.line,
                "metadata",
                format!("must be a block of fields, but is {}", node.kind()),
            );
            return None;
        };
        for (name, field) in fields {
            if !METADATA.contains(&name.as_str()) {
                self.report(at, field.line, &format!("metadata.{name}"), "there is no such field");
            }
        }
        let mut name = self.dns_name(at, node, "name");
        if name.is_none() && may_generate {
            name = self.meta_text(at, node, "generateName");
        }
        let namespace =
            self.dns_name(at, node, "namespace").unwrap_or_else(|| self.options.namespace.clone());
        let labels = self.meta_map(at, node, "labels");
        let annotations = self.meta_map(at, node, "annotations");
        if name.is_none() && self.errors.len() == before {
            self.report(at, node.line, "metadata.name", "is required");
        }
        Some(Meta { name: name?, namespace, labels, annotations })
    }

    fn meta_text(&mut self, at: &At<'_>, meta: &Node, field: &str) -> Option<String> {
        let node = meta.get(field).filter(|node| !node.is_null())?;
        match node.text() {
            Some(text) => Some(text.to_owned()),
            None => {
                let message = wrong_text(node);
                self.report(at, node.line, &format!("metadata.{field}"), message);
                None
            }
        }
    }

    fn dns_name(&mut self, at: &At<'_>, meta: &Node, field: &str) -> Option<String> {
        let text = self.meta_text(at, meta, field)?;
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inside =
            text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'));
        if text.len() <= 253 && inside && edge(text.chars().next()) && edge(text.chars().last()) {
            return Some(text);
        }
        let line = meta.get(field).map_or(meta.line, |node| node.line);
        let sentence = "must have lower-case letters, digits, '-' and '.', at most 253, with a letter or digit at both ends";
        self.report(at, line, &format!("metadata.{field}"), sentence);
        None
    }

    fn meta_map(&mut self, at: &At<'_>, meta: &Node, field: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        match meta.get(field).map(|node| (&node.content, node.line)) {
            None | Some((Content::Null, _)) => {}
            Some((Content::Map(entries), _)) => {
                for (key, node) in entries {
                    match node.text() {
                        Some(text) => {
                            found.insert(key.clone(), text.to_owned());
                        }
                        None => {
                            let message = wrong_text(node);
                            self.report(at, node.line, &format!("metadata.{field}.{key}"), message);
                        }
                    }
                }
            }
            Some((_, line)) => {
                self.report(at, line, &format!("metadata.{field}"), "must be a block of texts");
            }
        }
        found
    }

    /// The set, or all problems.
    pub(super) fn finish(mut self) -> Result<LoadedSet, ManifestErrors> {
        if self.options.check_references {
            self.errors.extend(references::missing(&self.set, &self.seen));
        }
        if self.errors.is_empty() { Ok(self.set) } else { Err(ManifestErrors(self.errors)) }
    }
}

/// The line of a violation, and its sentence with what only the text of the file tells.
fn explained(root: &Node, violation: &Violation) -> (usize, String) {
    let (node, exact) = root.nearest(&violation.path);
    let message = match &violation.problem {
        Problem::Type { wanted: "a text", .. } if exact => wrong_text(node),
        problem => problem.to_string(),
    };
    (node.line, message)
}

/// Why a node is no text. Words and numbers are quoted only as far as a person writes them by mistake.
fn wrong_text(node: &Node) -> String {
    match (&node.content, node.plain.as_deref()) {
        (Content::Bool(value), Some(plain)) if plain.eq_ignore_ascii_case(&value.to_string()) => {
            format!("must be a text, but unquoted {plain} is true or false: quote it")
        }
        (Content::Bool(value), Some(plain)) => {
            format!("must be a text, but kubectl reads the unquoted {plain} as {value}: quote it")
        }
        (Content::Number(_), Some(plain)) if plain.len() <= 24 => {
            format!("must be a text, but unquoted {plain} is a number: quote it")
        }
        _ => format!("must be a text, but is {}", node.kind()),
    }
}

/// A checked object as its type.
fn typed<T: DeserializeOwned>(
    meta: &Meta,
    spec: serde_json::Value,
    origin: Origin,
    kind: &str,
) -> Option<Loaded<T>> {
    let metadata = ObjectMeta {
        name: Some(meta.name.clone()),
        namespace: Some(meta.namespace.clone()),
        labels: (!meta.labels.is_empty()).then(|| meta.labels.clone()),
        annotations: (!meta.annotations.is_empty()).then(|| meta.annotations.clone()),
        ..ObjectMeta::default()
    };
    let object = serde_json::json!({
        "apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec,
    });
    let object = serde_json::from_value(object).expect("what the schema accepts has the type of its kind");
    Some(Loaded { object, origin })
}
