//! `grouparoo rejects`: which records and values could not be sent.

use grouparoo_clock::Clock;
use serde::Serialize;

use crate::controller::execution::State;
use crate::state::{Reject, Store};
use crate::sync::course::Course;

use super::arguments::{Files, Form, Rejects};
use super::columns::aligned;
use super::failure::Failure;
use super::text::harmless;
use super::{exit, json, manifests, output, places};

/// A memory, with the name that people know it by.
struct Memory {
    namespace: String,
    destination: String,
    state_name: String,
}

/// One line of the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    namespace: String,
    destination: String,
    key: String,
    property: String,
    code: String,
    #[serde(rename = "ref")]
    reference: String,
    run: u64,
    first_seen: jiff::Timestamp,
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    rejects: &'a [Line],
}

/// Lists them.
pub(super) fn run(arguments: &Rejects, clock: &Clock) -> Result<u8, Failure> {
    let path = places::state_path(arguments.state.as_ref(), &arguments.files);
    let state = State::read(&path, clock)?;
    // Before the first sync of these manifests there is nothing to know; who names a folder means one that is there.
    if !state.exists() && (arguments.files.is_empty() || arguments.state.is_some()) {
        let path = path.display();
        return Err(Failure::usage(format!(
            "{path}: there is no state here; name its folder with --state, or the manifests that are synced with -f"
        )));
    }
    let memories = memories(arguments, &state)?;
    let reference = arguments.reference.as_deref().map(str::to_ascii_lowercase);
    let mut lines = Vec::new();
    for memory in memories {
        let Some(store) = state.store(&memory.namespace, &memory.state_name)? else { continue };
        store.rejects(&mut |reject| {
            let line = line(&memory, store.as_ref(), reject);
            if reference.as_ref().is_none_or(|wanted| *wanted == line.reference) {
                lines.push(line);
            }
            true
        })?;
    }
    lines.sort_by(|a, b| {
        (&a.namespace, &a.destination, &a.key, &a.property).cmp(&(
            &b.namespace,
            &b.destination,
            &b.key,
            &b.property,
        ))
    });
    match arguments.output {
        Form::Json => output::print(&json::text(&Document { version: 1, rejects: &lines }))?,
        Form::Text => output::print(&text(&lines))?,
    }
    if lines.is_empty() && arguments.output == Form::Text {
        output::warn(&format!("{}: {}", path.display(), nothing(&state, reference.is_some())));
    }
    Ok(exit::GOOD)
}

fn nothing(state: &State, by_reference: bool) -> &'static str {
    match (state.exists(), by_reference) {
        (false, _) => "there is no state here yet, so nothing was ever sent or rejected",
        (true, true) => "nothing rejected has this reference; it may have been repaired since",
        (true, false) => "nothing is rejected",
    }
}

/// The memories to look at: those of the manifests, else all of the folder.
fn memories(arguments: &Rejects, state: &State) -> Result<Vec<Memory>, Failure> {
    let mut memories = Vec::new();
    if arguments.files.is_empty() {
        for listed in state.list()? {
            memories.push(Memory {
                namespace: listed.namespace,
                destination: listed.name.clone(),
                state_name: listed.name,
            });
        }
    } else {
        let files = Files {
            files: arguments.files.clone(),
            recursive: arguments.recursive,
            namespace: arguments.namespace.clone(),
        };
        for destination in manifests::load(&files)?.destinations() {
            let metadata = &destination.object.metadata;
            let name = metadata.name.clone().unwrap_or_default();
            memories.push(Memory {
                namespace: metadata.namespace.clone().unwrap_or_default(),
                state_name: destination.object.spec.state_name.clone().unwrap_or_else(|| name.clone()),
                destination: name,
            });
        }
    }
    if arguments.destinations.is_empty() {
        return Ok(memories);
    }
    let is_called = |memory: &Memory, name: &str| match name.split_once('/') {
        Some((namespace, name)) => memory.namespace == namespace && memory.destination == name,
        None => memory.destination == name,
    };
    for name in &arguments.destinations {
        if !memories.iter().any(|memory| is_called(memory, name)) {
            let known: Vec<&str> = memories.iter().map(|memory| memory.destination.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Failure::usage(format!("there is no Destination {name}; there are: {known}")));
        }
    }
    memories.retain(|memory| arguments.destinations.iter().any(|name| is_called(memory, name)));
    Ok(memories)
}

fn line(memory: &Memory, store: &dyn Store, reject: Reject) -> Line {
    let Reject { key, field, code, run, first_seen } = reject;
    Line {
        namespace: memory.namespace.clone(),
        destination: memory.destination.clone(),
        reference: Course::reference(store.hash_key().hash(key.as_bytes())),
        key,
        property: field,
        code,
        run,
        first_seen,
    }
}

fn text(lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let head = ["DESTINATION", "KEY", "PROPERTY", "CODE", "REF", "FIRST SEEN"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for line in lines {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { harmless(text) };
        let (destination, key, property) =
            (or_dash(&line.destination), or_dash(&line.key), or_dash(&line.property));
        let seen = line.first_seen.strftime("%Y-%m-%d %H:%M UTC").to_string();
        rows.push(vec![destination, key, property, line.code.clone(), line.reference.clone(), seen]);
    }
    aligned(&rows, "")
}
