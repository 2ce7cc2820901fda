//! One version, in Cargo.toml; where another file has to repeat it, it is the same one.

use super::{documents, files, root};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Rest of the only line that begins so.
fn after<'a>(text: &'a str, beginning: &str) -> &'a str {
    let mut found = text.lines().filter_map(|line| line.strip_prefix(beginning));
    let rest = found.next().unwrap_or_else(|| panic!("no line begins with {beginning}"));
    assert_eq!(found.next(), None, "more than one line begins with {beginning}");
    rest.trim().trim_matches('"')
}

#[test]
fn the_image_the_chart_and_the_packages_have_one_version() {
    assert_eq!(after(&read("Dockerfile"), "ARG VERSION="), VERSION);
    let chart = read("charts/grouparoo/Chart.yaml");
    assert_eq!(after(&chart, "version:"), VERSION);
    assert_eq!(after(&chart, "appVersion:"), VERSION);
    let clock = format!("grouparoo-clock = {{ version = \"{VERSION}\", path = \"clock\" }}");
    assert!(read("Cargo.toml").contains(&clock), "the version of grouparoo-clock in Cargo.toml");
    for package in ["Cargo.toml", "clock/Cargo.toml", "sandbox/Cargo.toml", "workbench/Cargo.toml"] {
        assert!(read(package).contains("\nversion.workspace = true\n"), "{package} has a version of its own");
    }
}

/// Each file in which a user would find the version as an example or a default.
#[test]
fn tags_and_commands_that_users_copy_name_this_version() {
    let mut texts: Vec<(String, String)> =
        documents().into_iter().map(|document| (document.path, document.text)).collect();
    for folder in ["examples", "charts"] {
        texts.extend(files(&root().join(folder), "yaml").into_iter().map(|path| {
            let text = read(&path);
            (path, text)
        }));
    }
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (path, text) in &texts {
        // What was released stays as it was.
        if path.starts_with("tests/fixtures") {
            continue;
        }
        for named in named(text) {
            seen += 1;
            if named != VERSION {
                wrong.push(format!("{path}: {named}"));
            }
        }
    }
    assert!(seen >= 2, "only {seen} were found: the reader of this test is broken");
    assert_eq!(wrong, [] as [String; 0], "the version is {VERSION}");
}

/// Versions of this project in a text: of its images, of its tags, and of its chart.
fn named(text: &str) -> Vec<&str> {
    let beginnings =
        ["grouparoo-io/grouparoo:", "localhost/grouparoo:", "localhost/braze-sandbox:", "tag: v", "ref=v"];
    let commands =
        text.lines().filter(|line| line.contains("helm ")).filter_map(|line| line.split_once("--version "));
    let commands = commands.map(|(_, rest)| rest);
    let tags = beginnings.iter().flat_map(|beginning| text.split(beginning).skip(1));
    let version = |rest: &'_ str| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".-+".contains(c)));
        end.unwrap_or(rest.len())
    };
    let all = tags.chain(commands).map(|rest| &rest[..version(rest)]);
    all.filter(|version| version.starts_with(|c: char| c.is_ascii_digit())).collect()
}

/// Changes of what is built stand under its version, or under what is not released yet.
#[test]
fn the_changes_of_this_version_are_written_down() {
    let changes = read("CHANGELOG.md");
    let mut sections = changes.split("\n## ").skip(1);
    let wanted = [format!("[{VERSION}]"), "[Unreleased]".to_owned()];
    let section = sections.find(|section| wanted.iter().any(|it| section.starts_with(it)));
    let entries = section.map_or(0, |section| section.lines().filter(|line| line.starts_with("- ")).count());
    assert!(entries > 0, "CHANGELOG.md says nothing of {VERSION}");
}

/// The image is built by the toolchain that the tests run with, and the packages ask for no newer one.
#[test]
fn one_toolchain_builds_the_image_and_runs_the_tests() {
    let toolchain = read("rust-toolchain.toml");
    let channel = after(&toolchain, "channel = ");
    let image = format!("docker.io/library/rust:{channel}-bookworm");
    assert_eq!(after(&read("Dockerfile"), "ARG BUILDER="), image);
    assert!(read("scripts/image").contains(&image), "the example in scripts/image is not {image}");
    assert_eq!(format!("{}.0", env!("CARGO_PKG_RUST_VERSION")), channel);
}

#[test]
fn a_version_is_found_wherever_a_user_would_copy_it() {
    let text = "ref: { tag: v0.1.2 }\nimage: ghcr.io/grouparoo-io/grouparoo:0.1.3\nhelm install x y --version 0.1.4\n\
                localhost/braze-sandbox:0.1.5, localhost/grouparoo:VERSION";
    assert_eq!(named(text), ["0.1.3", "0.1.5", "0.1.2", "0.1.4"]);
}
