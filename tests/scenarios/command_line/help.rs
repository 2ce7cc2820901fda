//! The help, word for word: whoever changes a flag sees what users will read.

use std::process::Command;

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_grouparoo"))
        .args(arguments)
        .env_remove("GROUPAROO_STATE")
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_help_of_every_command_is_as_written_down() {
    for (arguments, wanted) in [
        (&["--help"][..], include_str!("help/grouparoo.txt")),
        (&["sync", "--help"], include_str!("help/sync.txt")),
        (&["plan", "--help"], include_str!("help/plan.txt")),
        (&["validate", "--help"], include_str!("help/validate.txt")),
        (&["rejects", "--help"], include_str!("help/rejects.txt")),
        (&["crds", "--help"], include_str!("help/crds.txt")),
        (&["rbac", "--help"], include_str!("help/rbac.txt")),
        (&["operator", "--help"], include_str!("help/operator.txt")),
    ] {
        assert_eq!(help(arguments), wanted, "{arguments:?}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(help(&["--version"]), format!("grouparoo {}\n", env!("CARGO_PKG_VERSION")));
}

/// The definitions that are printed are those in `crds/`.
#[test]
fn the_definitions_are_printed_or_written_one_file_a_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("new");
    help(&["crds", "--dir", path.to_str().expect("UTF-8")]);
    let printed = help(&["crds"]);
    let mut files = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/crds")).expect("the folder") {
        let committed = entry.expect("an entry");
        let text = std::fs::read_to_string(committed.path()).expect("a definition");
        assert_eq!(std::fs::read_to_string(path.join(committed.file_name())).expect("a file"), text);
        assert!(printed.contains(&text));
        files += 1;
    }
    assert_eq!(files, 5);
}
