use std::fmt::Write as _;
use std::fs;

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;

fn load_default(text: &str) -> Result<LoadedSet, ManifestErrors> {
    load_text("m.yaml", text, &Options::default())
}

fn set(text: &str) -> LoadedSet {
    load_default(text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn problem(text: &str) -> String {
    load_default(text).expect_err("the manifest is bad").to_string()
}

/// Bad manifests and the exact text of their problems, in `bad.golden`. `UPDATE_GOLDEN=1` writes the texts anew.
#[test]
fn bad_manifests_are_told_what_is_wrong_with_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manifest/bad.golden");
    let golden = include_str!("bad.golden");
    let mut renewed = String::new();
    let mut cases = 0;
    for case in golden.split("#### ").skip(1) {
        let (title, body) = case.split_once('\n').unwrap();
        let manifest = body.split("==== says\n").next().unwrap();
        write!(renewed, "#### {title}\n{manifest}==== says\n{}\n", problem(manifest)).unwrap();
        cases += 1;
    }
    assert!(cases > 20);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, &renewed).unwrap();
    }
    assert!(renewed == golden, "expected\n{golden}\nfound\n{renewed}");
    assert!(
        !renewed.split("==== says").skip(1).any(|case| case.split("####").next().unwrap().contains("hunter"))
    );
}

const GOOD: &str = r#"
apiVersion: v1
kind: Secret
metadata: { name: sync, annotations: { grouparoo.io/allowed-hosts: pg.example.com } }
type: Opaque
data: { pgPassword: aHVudGVyMg==, binary: /w== }
stringData: { brazeKey: 00000000-0000-0000-0000-000000000000 }
---
apiVersion: grouparoo.io/v1alpha1
kind: BrazeApp
metadata: { name: braze }
spec: { restEndpoint: https://rest.iad-01.braze.com, apiKeySecretRef: { name: sync, key: brazeKey } }
---
apiVersion: grouparoo.io/v1alpha1
kind: Source
metadata: { name: warehouse }
spec:
  postgres: { host: pg.example.com, database: analytics, user: reader, passwordSecretRef: { name: sync, key: pgPassword } }
---
apiVersion: grouparoo.io/v1alpha1
kind: Model
metadata: { name: users }
spec: { sourceRef: { name: warehouse }, table: public.users, primaryKey: id, groups: }
---
apiVersion: grouparoo.io/v1alpha1
kind: Destination
metadata: { name: users-to-braze }
spec:
  appRef: { name: braze }
  modelRef: { name: users }
  syncMode: Additive
  schedule: { cron: "*/15 * * * *" }
  suspend: no
  propertyMappings:
    - { from: id, to: external_id }
    - { from: email, to: email }
status: { observedGeneration: 3 }
"#;

/// api.md §2
#[test]
fn the_smallest_set_is_loaded_with_its_places_and_values() {
    let set = set(GOOD);
    let destination = &set.destinations()[0];
    assert_eq!(destination.origin, Origin { file: "m.yaml".into(), document: 5, line: 25 });
    assert_eq!(destination.object.spec.property_mappings.len(), 2);
    assert_eq!(destination.object.spec.suspend, Some(false));
    assert_eq!(destination.object.metadata.namespace.as_deref(), Some("default"));
    assert!(set.model("default", "users").is_some_and(|model| model.spec.groups.is_none()));
    assert!(set.model("other", "users").is_none());
    assert!(set.braze_app("default", "braze").is_some());
    assert!(set.source("default", "warehouse").is_some());
    assert!(set.destination("default", "users-to-braze").is_some());
    let value =
        |key: &str| set.secret_value("default", "sync", key).value().map(|v| v.expose_secret().to_owned());
    assert_eq!(value("pgPassword").as_deref(), Some("hunter2"));
    assert_eq!(value("brazeKey").as_deref(), Some("00000000-0000-0000-0000-000000000000"));
    assert!(matches!(set.secret_value("default", "sync", "nothing"), Found::NoKey));
    assert!(matches!(set.secret_value("default", "sync", "binary"), Found::NotText));
    assert!(matches!(set.secret_value("default", "other", "a"), Found::NoObject));
    assert!(set.notices().is_empty());
}

#[test]
fn no_value_of_a_secret_is_shown_by_debug() {
    let shown = format!("{:?}", set(GOOD));
    assert!(!shown.contains("hunter2") && !shown.contains("00000000-0000"));
    assert!(shown.contains("pgPassword"));
}

#[test]
fn byte_order_marks_line_ends_of_windows_and_json_are_read() {
    let windows = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(set(&windows).destinations().len(), 1);
    let json = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"ConfigMap\",\n\t\"metadata\": {\"name\": \"c\"},\n\t\"data\": {\"a\": \"x\\/y\\u00e9\"}\n}\n";
    assert!(matches!(set(json).config_map_value("default", "c", "a"), Found::Value("x/yé")));
}

#[test]
fn empty_documents_are_skipped_but_counted() {
    let text = "---\n---\n# words\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n";
    assert_eq!(
        problem(text),
        "m.yaml:10 (document 5): ConfigMap c: stands twice; the first one is at m.yaml:5 (document 3)"
    );
}

#[test]
fn anchors_aliases_and_merge_keys_work() {
    let text = "
apiVersion: v1
kind: List
items:
  - apiVersion: grouparoo.io/v1alpha1
    kind: Source
    metadata: { name: a }
    spec: &base { sqlite: { path: a.db }, queryTimeout: 5m }
  - apiVersion: grouparoo.io/v1alpha1
    kind: Source
    metadata: { name: b }
    spec: { <<: *base, sqlite: { path: b.db } }
";
    let set = set(text);
    let b = &set.source("default", "b").unwrap().spec;
    assert_eq!(b.sqlite.as_ref().unwrap().path, "b.db");
    assert_eq!(b.query_timeout.as_ref().unwrap().as_str(), "5m");
    assert_eq!(set.sources()[1].origin.line, 9);
}

#[test]
fn aliases_that_multiply_end_in_a_clear_error() {
    let mut bomb = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{inner}]").unwrap();
    }
    let said = problem(&bomb);
    assert!(said.ends_with("make the file grow beyond what a manifest can be"), "{said}");
}

#[test]
fn endless_nesting_ends_in_a_clear_error() {
    assert_eq!(problem(&"[".repeat(10_000)), "m.yaml:1 (document 1): is nested more than 64 levels deep");
    let blocks: String = (0..100).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert_eq!(problem(&blocks), "m.yaml:65 (document 1): is nested more than 64 levels deep");
}

#[test]
fn objects_of_others_are_left_out_with_a_notice() {
    let text = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: repo }
---
apiVersion: v1
kind: Namespace
metadata: { name: crm }
";
    assert_eq!(
        set(text).notices(),
        [
            "m.yaml (document 1): Deployment web of apps/v1 is not for this program and was left out",
            "m.yaml (document 2): GitRepository repo of source.toolkit.fluxcd.io/v1 is not for this program and was left out",
            "m.yaml (document 3): Namespace crm of v1 is not for this program and was left out",
        ]
    );
}

#[test]
fn namespaces_are_kept_apart_and_the_default_can_be_chosen() {
    let text = "
{ apiVersion: v1, kind: ConfigMap, metadata: { name: c }, data: { a: one } }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: c, namespace: crm }, data: { a: two } }
";
    let options = Options { namespace: "team".into(), ..Options::default() };
    let set = load_text("m.yaml", text, &options).unwrap();
    assert!(matches!(set.config_map_value("team", "c", "a"), Found::Value("one")));
    assert!(matches!(set.config_map_value("crm", "c", "a"), Found::Value("two")));
    assert!(matches!(set.config_map_value("default", "c", "a"), Found::NoObject));
}

#[test]
fn references_are_left_alone_when_the_cluster_will_hold_them() {
    let text = "{ apiVersion: grouparoo.io/v1alpha1, kind: Model, metadata: { name: m }, spec: { sourceRef: { name: s }, table: t, primaryKey: id } }";
    let options = Options { check_references: false, ..Options::default() };
    assert_eq!(load_text("m.yaml", text, &options).unwrap().models().len(), 1);
    assert_eq!(
        problem(text),
        "m.yaml:1 (document 1): Model m: spec.sourceRef.name: there is no Source s in namespace default"
    );
}

/// The examples of the design, as one file.
#[test]
fn the_examples_of_the_design_are_loaded() {
    let options = Options { check_references: false, ..Options::default() };
    let set = load_text("examples.yaml", include_str!("../api/check/examples.yaml"), &options)
        .unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(set.destinations().len(), 3);
    assert_eq!(set.sync_runs()[0].object.metadata.name.as_deref(), Some("users-to-braze-plan-"));
}

fn config_map(name: &str) -> String {
    format!("{{ apiVersion: v1, kind: ConfigMap, metadata: {{ name: {name} }} }}\n")
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn load_folder(folder: &TempDir, recursive: bool) -> Result<LoadedSet, String> {
    let options = Options { recursive, ..Options::default() };
    let input = Input::Path(folder.path().to_owned());
    load(&[input], &options, &mut std::io::empty())
        .map_err(|errors| errors.to_string().replace(&folder.path().display().to_string(), "DIR"))
}

#[test]
fn a_folder_is_read_by_name_and_its_folders_only_on_request() {
    let folder = folder(&[
        ("b.yml", config_map("b").as_bytes()),
        ("a.yaml", config_map("a").as_bytes()),
        ("c.json", br#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}"#),
        ("notes.txt", b"not: [a manifest"),
        (".hidden.yaml", b"not: [a manifest"),
        ("kustomization.yaml", b"resources: [a.yaml]"),
        ("more/d.yaml", config_map("d").as_bytes()),
    ]);
    let flat = load_folder(&folder, false).unwrap();
    assert_eq!(flat.config_maps.len(), 3);
    assert!(
        flat.notices()[0].ends_with("kustomization.yaml: a kustomization is no manifest and was left out")
    );
    let deep = load_folder(&folder, true).unwrap();
    assert_eq!(deep.config_maps.len(), 4);
}

/// A pipe among the files of a folder holds no manifest, and nobody may ever write into it.
#[cfg(unix)]
#[test]
fn a_pipe_in_a_folder_is_not_waited_for() {
    let folder = folder(&[("app.yaml", b"apiVersion: v1\nkind: Secret\nmetadata: { name: one }\n")]);
    let pipe = folder.path().join("pipe.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    load_folder(&folder, false).expect("the file beside it is read");
}

#[test]
fn a_folder_without_manifests_is_an_error_that_says_what_was_looked_for() {
    let empty =
        folder(&[("readme.md", b"x"), ("sub/a.yaml", config_map("a").as_bytes()), ("empty.yaml", b"# x\n")]);
    assert_eq!(
        load_folder(&empty, false).unwrap_err(),
        "DIR: holds no manifest: looked for objects in *.yaml, *.yml and *.json in this folder"
    );
    assert_eq!(load_folder(&empty, true).unwrap().config_maps.len(), 1);
}

#[test]
fn files_that_are_no_manifests_are_named() {
    let odd = folder(&[
        ("a-huge.yaml", &vec![b'#'; 10 << 20]),
        ("b-latin.yaml", b"a: b\nname: caf\xe9\n"),
        ("c-utf16.yaml", b"\xff\xfea\x00"),
        ("d-null.yaml", b"a: \x00\n"),
    ]);
    assert_eq!(
        load_folder(&odd, false).unwrap_err(),
        "DIR/a-huge.yaml: is larger than 5 MiB, which no manifest is\n\
         DIR/b-latin.yaml: is not UTF-8 text (line 2)\n\
         DIR/c-utf16.yaml: is UTF-16; save it as UTF-8\n\
         DIR/d-null.yaml:1 (document 1): is not valid YAML: unexpected character: `\\u{0}'"
    );
    let missing = Input::parse("/no/such/file.yaml");
    let said = load(&[missing], &Options::default(), &mut std::io::empty()).unwrap_err().to_string();
    assert_eq!(said, "/no/such/file.yaml: there is no such file or folder");
    let nothing = load(&[], &Options::default(), &mut std::io::empty()).unwrap_err().to_string();
    assert_eq!(nothing, "-f: names no file, folder or - (standard input)");
}

#[test]
fn standard_input_is_read_and_may_not_be_empty() {
    let mut stream = GOOD.as_bytes();
    let set = load(&[Input::parse("-")], &Options::default(), &mut stream).unwrap();
    assert_eq!(set.destinations()[0].origin.file, "<stdin>");
    let said = load(&[Input::Stdin], &Options::default(), &mut std::io::empty()).unwrap_err().to_string();
    assert_eq!(said, "<stdin>: holds no manifest");
}

#[test]
fn aliases_cannot_be_stacked_into_endless_nesting() {
    let mut tower = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        writeln!(tower, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert_eq!(problem(&tower), "m.yaml:64 (document 1): is nested more than 64 levels deep");
}

#[test]
fn a_flood_of_problems_is_cut_short() {
    let fields: String = (0..80).map(|n| format!("  field{n}: 1\n")).collect();
    let text =
        format!("apiVersion: grouparoo.io/v1alpha1\nkind: Source\nmetadata: {{name: a}}\nspec:\n{fields}");
    let errors = load_default(&text).unwrap_err().0;
    assert_eq!(errors.len(), 51);
    assert_eq!(errors[50].to_string(), "m.yaml:1 (document 1): Source a: has 30 more problems");
    let models: String = (0..300)
        .map(|n| format!("---\n{{apiVersion: grouparoo.io/v1alpha1, kind: Model, metadata: {{name: m{n}}}, spec: {{sourceRef: {{name: s}}, table: t, primaryKey: id}}}}\n"))
        .collect();
    assert_eq!(load_default(&models).unwrap_err().0.len(), 200);
}

/// Whatever stands in a file, the answer is a set or a list of problems.
#[test]
fn damaged_manifests_never_end_the_program() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let pieces = [
        "{", "}", "[", "]", ":", "- ", "&a ", "*a", "<<: ", "!!int ", "\t", "\n", "'", "\"", "|\n", "? ",
        "---\n", "\u{feff}", "%", "#", "no", "0x", "é", "\u{0}",
    ];
    let mut accepted = 0;
    for _ in 0..600 {
        let mut text: Vec<char> = GOOD.chars().collect();
        for _ in 0..=next(4) {
            let at = next(text.len().max(1));
            match next(3) {
                0 if at < text.len() => {
                    text.remove(at);
                }
                1 => text.truncate(at),
                _ => {
                    let piece = pieces[next(pieces.len())];
                    let at = at.min(text.len());
                    text.splice(at..at, piece.chars());
                }
            }
        }
        match load_default(&text.into_iter().collect::<String>()) {
            Ok(_) => accepted += 1,
            Err(errors) => {
                assert!(!errors.0.is_empty());
                assert!(!errors.to_string().contains("hunter2"), "{errors}");
            }
        }
    }
    assert!(accepted > 0);
}

#[test]
fn a_set_resolves_its_destinations_and_says_what_is_missing() {
    let whole = set(GOOD);
    let resolved = whole.resolve(&whole.destinations()[0].object).unwrap();
    assert_eq!(resolved.job.app.name, "braze");
    assert_eq!(resolved.job.model.name, "users");
    let options = Options { check_references: false, ..Options::default() };
    let without = |kind: &str| {
        let kept: Vec<&str> =
            GOOD.split("---").filter(|part| !part.contains(&format!("kind: {kind}\n"))).collect();
        let set = load_text("m.yaml", &kept.join("---"), &options).unwrap();
        set.resolve(&set.destinations()[0].object).unwrap_err().to_string()
    };
    assert_eq!(
        without("BrazeApp"),
        "Destination users-to-braze: spec.appRef.name: there is no BrazeApp braze"
    );
    assert_eq!(without("Model"), "Destination users-to-braze: spec.modelRef.name: there is no Model users");
    assert_eq!(without("Source"), "Model users: spec.sourceRef.name: there is no Source warehouse");
}
