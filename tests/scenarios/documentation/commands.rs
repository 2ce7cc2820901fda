//! Commands in pages: the real program understands them.

use std::collections::BTreeSet;
use std::process::Command;

use super::shell::{lines, simple};
use super::{Document, documents, root};

#[test]
fn the_program_understands_every_command_of_a_page() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for line in lines().iter().filter(|line| line.words[0] == "grouparoo") {
        seen += 1;
        if let Err(error) = grouparoo::cli::understand(&line.words) {
            wrong.push(format!("{}: {}\n{error}", line.place, line.words.join(" ")));
        }
    }
    assert!(seen > 15, "only {seen} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_program_does_not_understand_is_seen() {
    let words = |line: &str| simple(line).remove(0);
    assert_eq!(grouparoo::cli::understand(&words("grouparoo sync -f . --state 'a b'")), Ok(()));
    for line in [
        "grouparoo sync",
        "grouparoo snyc -f .",
        "grouparoo sync -f . --fulll",
        "grouparoo sync -f . --full --retry-rejects",
    ] {
        assert!(grouparoo::cli::understand(&words(line)).is_err(), "{line}");
    }
    assert_eq!(simple("A=1 b 'c d' > e 2>&1 | f & # g"), [vec!["b", "c d"], vec!["f"]]);
}

/// Flags of commands in the text, such as `grouparoo rejects --ref`.
#[test]
fn every_command_in_the_text_of_a_page_exists_with_its_flags() {
    let help = |command: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_grouparoo")).args([command, "--help"]).output();
        String::from_utf8(output.expect("the program starts").stdout).expect("UTF-8")
    };
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for document in documents() {
        for quoted in document.quoted() {
            // What comes after a pipe is another program's.
            let own = quoted.split(" | ").next().unwrap_or(quoted);
            let mut words = own.split([' ', '[', ']']).filter(|word| !word.is_empty());
            if words.next() != Some("grouparoo") {
                continue;
            }
            let Some(command) = words.next() else { continue };
            let text = help(command);
            let unknown = words.filter(|word| word.starts_with('-')).find(|flag| {
                let name = flag.split('=').next().unwrap_or(flag);
                !text.split([' ', ',', '\n', '=']).any(|word| word == name)
            });
            seen += 1;
            if text.is_empty() || unknown.is_some() {
                wrong.push(format!("{}: {quoted}", document.path));
            }
        }
    }
    assert!(seen > 20, "only {seen} were found");
    assert_eq!(wrong, [] as [String; 0]);
}

#[test]
fn every_flag_of_the_sandbox_in_a_page_is_in_its_manual() {
    let manual = Document::read("docs/sandbox.md").text;
    let lines = lines();
    let all = lines.iter().filter(|line| line.words[0] == "braze-sandbox");
    let flags: BTreeSet<&str> = all
        .flat_map(|line| line.words.iter().filter(|word| word.starts_with("--")))
        .map(|flag| flag.split('=').next().unwrap_or(flag))
        .collect();
    assert!(!flags.is_empty());
    let missing: Vec<&&str> = flags.iter().filter(|flag| !manual.contains(&format!("`{flag} "))).collect();
    assert_eq!(missing, [] as [&&str; 0]);
}

#[test]
fn every_target_of_make_in_a_page_exists() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("the Makefile");
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| Some(line.split_once(": ##")?.0)).collect();
    let mut wrong = Vec::new();
    let mut check = |place: &str, target: &str| {
        if !targets.contains(target) {
            wrong.push(format!("{place}: make {target}"));
        }
    };
    for line in lines().iter().filter(|line| line.words[0] == "make") {
        line.words[1..]
            .iter()
            .filter(|word| !word.contains('='))
            .for_each(|target| check(&line.place, target));
    }
    for document in documents() {
        for target in document.quoted().into_iter().filter_map(|quoted| quoted.strip_prefix("make ")) {
            check(&document.path, target.split(' ').next().unwrap_or_default());
        }
    }
    assert_eq!(wrong, [] as [String; 0]);
}
