//! Files that are made from others, and places that say the same. `UPDATE_CHART=1` (`make generate`) makes them.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::helm::{USUAL, chart, helm, read};

/// Compares a file of the project with what it should be, or writes it.
pub fn is_current(path: &Path, wanted: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_CHART").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(&file, wanted).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == wanted, "{} is not current: run make generate", path.display());
}

/// The chart's definitions are those of the program, which a test of its own compares with `crds/`.
#[test]
fn the_definitions_of_the_chart_are_those_of_the_program() {
    let mut names = Vec::new();
    for definition in grouparoo::api::crds::crds() {
        let name = grouparoo::api::crds::file_name(&definition);
        let text = grouparoo::api::crds::to_yaml(&definition);
        is_current(&Path::new("charts/grouparoo/files/crds").join(&name), &text);
        // The template puts labels and annotations in this place.
        let place =
            "\nmetadata:\n  annotations:\n    kustomize.toolkit.fluxcd.io/substitute: disabled\n  name: ";
        assert_eq!(text.matches(place).count(), 1, "{name}");
        names.push(name);
    }
    names.sort();
    let folder = std::fs::read_dir(chart().join("files/crds")).expect("the folder is there");
    let mut present: Vec<String> =
        folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    present.sort();
    assert_eq!(present, names, "no file is left over");
}

/// One version, in Cargo.toml; everything else repeats it.
#[test]
fn the_chart_has_the_version_of_the_program() {
    let version = env!("CARGO_PKG_VERSION");
    let chart: Value = serde_saphyr::from_str(&read("Chart.yaml")).expect("YAML");
    assert_eq!(chart["version"], version);
    assert_eq!(chart["appVersion"], version);
    let images = chart["annotations"]["artifacthub.io/images"].as_str().expect("text");
    assert!(images.contains(&format!("/grouparoo:{version}\n")), "{images}");
}

/// conventions 11: what ArtifactHub shows is true
#[test]
fn the_catalogue_knows_the_kinds_and_shows_good_examples() {
    let chart: Value = serde_saphyr::from_str(&read("Chart.yaml")).expect("YAML");
    let annotation = |name: &str| -> Value {
        let text = chart["annotations"][format!("artifacthub.io/{name}")].as_str();
        serde_saphyr::from_str(text.unwrap_or_else(|| panic!("no {name}"))).expect("YAML")
    };
    let mut wanted = Vec::new();
    for definition in grouparoo::api::crds::crds() {
        let names = &definition.spec.names;
        wanted.push((names.kind.clone(), format!("{}.{}", names.plural, definition.spec.group)));
    }
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let crds = annotation("crds");
    let found: Vec<_> =
        crds.as_array().expect("a list").iter().map(|one| (text(&one["kind"]), text(&one["name"]))).collect();
    assert_eq!(found, wanted);
    let examples = annotation("crdsExamples");
    let examples = examples.as_array().expect("a list");
    let kinds: Vec<_> = examples.iter().map(|one| text(&one["kind"])).collect();
    assert_eq!(kinds, wanted.iter().map(|(kind, _)| kind.clone()).collect::<Vec<_>>());
    // As the command line sees them, which needs no SyncRun.
    let folder = tempfile::TempDir::new().expect("a folder");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: sync, annotations: { grouparoo.io/allowed-hosts: pg.example.com } }\n\
                  stringData: { brazeKey: k, pgPassword: p }\n";
    let mut manifests = secret.to_owned();
    for example in examples.iter().filter(|one| one["kind"] != "SyncRun") {
        write!(manifests, "---\n{example}\n").expect("a text takes text");
    }
    std::fs::write(folder.path().join("all.yaml"), manifests).expect("written");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_grouparoo"))
        .args(["validate", "--offline", "-f"])
        .arg(folder.path())
        .output()
        .expect("the program starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    for name in ["license", "category", "operator", "operatorCapabilities"] {
        assert!(chart["annotations"][format!("artifacthub.io/{name}")].is_string(), "{name}");
    }
    for (name, key) in [("images", "image"), ("changes", "kind"), ("links", "url")] {
        let list = annotation(name);
        assert!(list.as_array().is_some_and(|all| all.iter().all(|one| one[key].is_string())), "{name}");
    }
}

/// Helm itself finds no fault.
#[test]
fn the_chart_passes_helms_own_look() {
    let output = helm(None, &["lint", "--strict", &chart().display().to_string()]).success();
    assert!(output.contains("0 chart(s) failed"), "{output}");
}

/// A release is stored in a Secret of at most 1 MiB; most of it are the definitions, twice.
#[test]
fn a_release_is_far_from_the_limit_of_its_secret() {
    let rendered = USUAL.text("{}").expect("the defaults are good").len();
    let mut chart_bytes = 0;
    let mut folders = vec![chart()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_dir() {
                folders.push(entry.path());
            } else {
                chart_bytes += usize::try_from(entry.metadata().expect("metadata").len()).expect("small");
            }
        }
    }
    // Before compression; the test of a real release measures the Secret.
    assert!(rendered + chart_bytes < 700 * 1024, "{rendered} + {chart_bytes}");
}

/// The README of the chart is made from the comments of its values.
#[test]
fn the_readme_is_made_from_the_comments_of_the_values() {
    let rows = rows(&read("values.yaml"));
    assert!(rows.len() > 80, "{}", rows.len());
    let mut text = include_str!("readme.txt").to_owned();
    text.push_str("\n| value | default | |\n|---|---|---|\n");
    for Row { path, default, words } in &rows {
        writeln!(text, "| `{path}` | {default} | {words} |").expect("a text takes text");
    }
    is_current(Path::new("charts/grouparoo/README.md"), &text);
    // No value is without its words.
    let mut values: Value = serde_saphyr::from_str(&read("values.yaml")).expect("YAML");
    for row in &rows {
        take(&mut values, &row.path);
    }
    assert_eq!(values, serde_json::json!({}), "these have no comment");
}

/// A value that the documentation names is one that the chart has.
#[test]
fn the_documents_name_values_that_there_are() {
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).expect("YAML");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let runbooks = std::fs::read_dir(docs.join("runbooks")).expect("a folder");
    let mut files: Vec<_> = runbooks.map(|entry| entry.expect("an entry").path()).collect();
    files.extend([docs.join("install-helm.md"), docs.join("operator.md")]);
    let mut named = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable document");
        let words = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        for word in words.map(|word| word.trim_end_matches(".*").split(':').next().unwrap_or_default()) {
            let parts: Vec<&str> = word.split('.').collect();
            let is_path = parts.len() > 1 && values.get(parts[0]).is_some();
            if !is_path {
                continue;
            }
            named += 1;
            let found = parts.iter().try_fold(&values, |value, part| value.get(part));
            assert!(found.is_some() || word.starts_with("resources.limits"), "{}: {word}", file.display());
        }
    }
    assert!(named > 25, "only {named} values are named: the reader of this test is broken");
}

struct Row {
    path: String,
    default: String,
    words: String,
}

/// Each value with a comment that begins with `# -- `.
fn rows(text: &str) -> Vec<Row> {
    let values: Value = serde_saphyr::from_str(text).expect("YAML");
    let mut rows = Vec::new();
    let (mut parents, mut words): (Vec<(usize, String)>, Option<String>) = (Vec::new(), None);
    for line in text.lines() {
        let inner = line.trim_start();
        let depth = line.len() - inner.len();
        if let Some(begin) = inner.strip_prefix("# -- ") {
            words = Some(begin.to_owned());
        } else if let (Some(more), Some(words)) = (inner.strip_prefix("# "), &mut words) {
            write!(words, " {more}").expect("a text takes text");
        } else if let Some((key, _)) = inner.split_once(':').filter(|(key, _)| !key.starts_with(['-', '#'])) {
            parents.retain(|(at, _)| *at < depth);
            parents.push((depth, key.to_owned()));
            if let Some(words) = words.take() {
                let path: Vec<&str> = parents.iter().map(|(_, key)| key.as_str()).collect();
                let value = path.iter().fold(&values, |value, key| &value[key]);
                let default = if *value == "" { "empty".to_owned() } else { format!("`{value}`") };
                rows.push(Row { path: path.join("."), default, words: words.replace('|', "\\|") });
            }
        }
    }
    rows
}

/// Takes a value out, and its parent when nothing else is in it.
fn take(values: &mut Value, path: &str) {
    let map = values.as_object_mut().unwrap_or_else(|| panic!("{path} has no parent"));
    match path.split_once('.') {
        None => {
            map.remove(path).unwrap_or_else(|| panic!("{path} is no value"));
        }
        Some((first, rest)) => {
            let child = map.get_mut(first).unwrap_or_else(|| panic!("{first} is no value"));
            take(child, rest);
            if child.as_object().is_some_and(serde_json::Map::is_empty) {
                map.remove(first);
            }
        }
    }
}
