//! The walls between the rooms, and a few rules that no compiler keeps. They read the files of the project.
//!
//! Code under `#[cfg(test)]` may look over the walls; what is measured here is the product.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which rooms of `src/` each room may know. A new room is entered here.
const ARROWS: [(&str, &[&str]); 12] = [
    ("data", &[]),
    ("demo", &[]),
    ("telemetry", &[]),
    ("api", &["data"]),
    ("source", &["data"]),
    ("braze", &["data"]),
    ("state", &["data"]),
    ("sync", &["source", "braze", "state", "data"]),
    ("cluster", &["api", "data"]),
    ("controller", &["sync", "source", "braze", "state", "data", "api", "cluster", "telemetry"]),
    ("manifest", &["controller", "api", "data"]),
    (
        "cli",
        &[
            "manifest",
            "controller",
            "cluster",
            "api",
            "sync",
            "source",
            "braze",
            "state",
            "data",
            "telemetry",
        ],
    ),
];

/// Crates that only some rooms may use: what a room does not know it cannot depend upon by mistake.
const CRATES: [(&[&str], &[&str]); 4] = [
    (&["kube", "k8s_openapi", "schemars"], &["api", "manifest", "controller", "cluster", "cli"]),
    (&["reqwest"], &["braze"]),
    (&["rusqlite", "tokio_postgres"], &["source", "state", "demo"]),
    (&["clap", "indicatif", "comfy_table"], &["cli"]),
];

/// Time that does not come from the clock.
const CLOCKLESS: [&str; 7] = [
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "tokio::time::sleep",
    "tokio::time::timeout",
    "thread::sleep",
];

/// Most lines of a file of code, its tests apart.
const MOST_LINES: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the project below a folder, without what is built or belongs to tools.
fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(below).unwrap_or_else(|error| panic!("{}: {error}", below.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_symlink() || ["target", ".git", ".grouparoo", "node_modules"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("a file of the project").display().to_string()
}

/// A file of the product without its tests.
struct Code {
    path: String,
    /// Names of the modules that lead to it: none for `lib.rs`.
    modules: Vec<String>,
    text: String,
}

impl Code {
    fn room(&self) -> Option<&str> {
        self.modules.first().map(String::as_str)
    }
}

/// The product's code below a folder of sources.
fn code(sources: &str) -> Vec<Code> {
    let base = root().join(sources);
    let all: Vec<PathBuf> =
        files(&base).into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs")).collect();
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut tests: BTreeSet<PathBuf> = BTreeSet::new();
    for path in &all {
        let text = std::fs::read_to_string(path).expect("a readable file");
        let (kept, modules) = without_tests(&text);
        let folder = path.parent().expect("a folder");
        let stem = path.file_stem().expect("a name").to_str().expect("a plain name");
        let inside =
            if ["mod", "lib", "main"].contains(&stem) { folder.to_owned() } else { folder.join(stem) };
        // A path of its own is relative to the file's folder.
        tests.extend(modules.iter().flat_map(|module| [inside.join(module), folder.join(module)]));
        texts.insert(path.clone(), kept);
    }
    let is_test = |path: &Path| {
        let bare = path.with_extension("");
        tests.iter().any(|test| bare == *test || bare.starts_with(test))
    };
    let product = texts.into_iter().filter(|(path, _)| !is_test(path));
    product
        .map(|(path, text)| {
            let inside = path.strip_prefix(&base).expect("below").with_extension("");
            let mut modules: Vec<String> =
                inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if modules.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
                modules.pop();
            }
            Code { path: relative(&path), modules, text }
        })
        .collect()
}

/// The text up to an inline module of tests, without comments, and the names of test modules in other files.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let (mut kept, mut modules, mut for_tests, mut file) = (String::new(), Vec::new(), false, None);
    for line in text.lines() {
        let bare = line.trim();
        if let Some(path) = bare.strip_prefix("#[path = \"") {
            file = path.split_once(".rs\"").map(|(name, _)| name.to_owned());
        }
        if for_tests && !bare.starts_with("#[") {
            for_tests = false;
            if let Some((_, declared)) = bare.split_once("mod ") {
                match declared.strip_suffix(';') {
                    Some(name) => modules.push(file.take().unwrap_or_else(|| name.to_owned())),
                    None if !line.starts_with(' ') => break,
                    None => {}
                }
            }
        }
        for_tests |= bare == "#[cfg(test)]";
        // Lines are counted too: a comment leaves an empty one.
        kept.push_str(if bare.starts_with("//") { "" } else { line });
        kept.push('\n');
    }
    (kept, modules)
}

/// The rooms that a file names by `crate::…`, or by so many `super::` that they lead out of the room.
fn rooms_named(code: &Code) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.text.match_indices("crate::") {
        let before = code.text[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            found.extend(heads(&code.text[at + "crate::".len()..]));
        }
    }
    let out = "super::".repeat(code.modules.len());
    for (at, _) in code.text.match_indices(&out).filter(|_| !out.is_empty()) {
        let inner = code.text[..at].ends_with("super::");
        let rest = &code.text[at + out.len()..];
        if !inner && !rest.starts_with("super::") {
            found.extend(heads(rest));
        }
    }
    found
}

/// First names of a path, or of the paths of a group in braces.
fn heads(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else { return vec![head(path)] };
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(head(group[start..at].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(head(group[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

fn head(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn arrows_between_rooms_point_one_way() {
    let arrows = BTreeMap::from(ARROWS);
    let mut wrong = Vec::new();
    let mut named = 0;
    for code in code("src") {
        let Some(room) = code.room() else { continue };
        let allowed = arrows.get(room).unwrap_or_else(|| panic!("{room} is a new room: enter it in ARROWS"));
        for other in rooms_named(&code).iter().filter(|other| arrows.contains_key(other.as_str())) {
            named += 1;
            if other != room && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{} knows {other}", code.path));
            }
        }
    }
    assert!(named > 50, "only {named} paths were found: the reader of this test is broken");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_arrows_themselves_make_no_circle() {
    let arrows = BTreeMap::from(ARROWS);
    fn reaches(arrows: &BTreeMap<&str, &[&str]>, from: &str, to: &str, steps: usize) -> bool {
        steps > 0 && arrows[from].iter().any(|next| *next == to || reaches(arrows, next, to, steps - 1))
    }
    for room in arrows.keys() {
        assert!(!reaches(&arrows, room, room, arrows.len()), "{room} reaches itself");
    }
}

#[test]
fn a_room_uses_no_crate_of_another_rooms_trade() {
    let mut wrong = Vec::new();
    for code in code("src") {
        let Some(room) = code.room() else { continue };
        for (crates, rooms) in CRATES {
            for name in crates.iter().filter(|_| !rooms.contains(&room)) {
                let path = format!("{name}::");
                let used = code.text.match_indices(&path).any(|(at, _)| {
                    let before = code.text[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
                });
                if used {
                    wrong.push(format!("{} uses {name}", code.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn time_comes_from_the_clock_alone() {
    let mut wrong = Vec::new();
    for code in ["src", "sandbox/src"].into_iter().flat_map(code) {
        for name in CLOCKLESS.iter().filter(|name| code.text.contains(**name)) {
            wrong.push(format!("{}: {name}", code.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_of_code_stay_short() {
    let long: Vec<String> = ["src", "sandbox/src", "clock/src", "workbench/src"]
        .into_iter()
        .flat_map(code)
        .filter(|code| code.text.lines().count() > MOST_LINES)
        .map(|code| code.path)
        .collect();
    assert!(long.is_empty(), "longer than {MOST_LINES} lines: {long:?}");
}

#[test]
fn no_file_speaks_of_the_machine_it_was_written_on() {
    // In pieces, so that this file does not hold them.
    let places = [
        concat!("/wo", "rk/"),
        concat!("/tmp/", "wt"),
        concat!("/ro", "ot/"),
        concat!("artif", "actory"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("proxy.", "golang.org"),
    ];
    let mut wrong = Vec::new();
    for path in files(root()) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for place in places.iter().filter(|place| text.contains(**place)) {
            wrong.push(format!("{}: {place}", relative(&path)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_dependencies_come_from_one_registry() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let sources: BTreeSet<&str> = lock.lines().filter_map(|line| line.strip_prefix("source = ")).collect();
    assert_eq!(Vec::from_iter(sources), ["\"registry+https://github.com/rust-lang/crates.io-index\""]);
}

#[test]
fn the_reader_of_paths_sees_groups_and_ways_out() {
    let code = Code {
        path: String::new(),
        modules: vec!["sync".to_owned(), "run".to_owned()],
        text: "use crate::{api::{A, B}, data};\nuse super::super::state::S;\nuse super::course;\nuse xcrate::not;\n"
            .to_owned(),
    };
    let wanted = ["api", "data", "state"].map(str::to_owned);
    assert_eq!(rooms_named(&code), BTreeSet::from(wanted));
    let (kept, modules) = without_tests("a\n#[cfg(test)]\nmod suite;\nb\n#[cfg(test)]\nmod tests {\nc\n}\n");
    assert!(kept.contains('b') && !kept.contains("\nc\n"), "{kept}");
    assert_eq!(modules, ["suite"]);
}
