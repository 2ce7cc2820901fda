//! The command that answers a question, ready to be copied.

use super::arguments::Selection;
use super::text::quoted;

/// The command line of a sync that approves a token for one Destination, with the manifests and state of this one.
pub(super) fn approval_command(selection: &Selection, destination: &str, token: &str) -> String {
    let mut words = sync_words(selection);
    words.extend(["--destination".to_owned(), quoted(destination)]);
    words.extend(["--approve".to_owned(), quoted(token)]);
    words.join(" ")
}

/// The command line that lists what could not be sent.
pub(super) fn rejects_command(selection: &Selection, destination: &str) -> String {
    let mut words = with_files("grouparoo rejects", selection);
    words.extend(["--destination".to_owned(), quoted(destination)]);
    words.join(" ")
}

/// The command line of a sync like this one, without what answers questions.
fn sync_words(selection: &Selection) -> Vec<String> {
    let mut words = with_files("grouparoo sync", selection);
    if selection.full {
        words.push("--full".to_owned());
    }
    for key in &selection.keys {
        words.extend(["--key".to_owned(), quoted(key)]);
    }
    words
}

fn with_files(command: &str, selection: &Selection) -> Vec<String> {
    let mut words = vec![command.to_owned()];
    for file in &selection.files.files {
        words.extend(["-f".to_owned(), quoted(file)]);
    }
    if selection.files.recursive {
        words.push("-R".to_owned());
    }
    if selection.files.namespace != "default" {
        words.extend(["-n".to_owned(), quoted(&selection.files.namespace)]);
    }
    if let Some(state) = &selection.state {
        words.extend(["--state".to_owned(), quoted(&state.display().to_string())]);
    }
    words
}
