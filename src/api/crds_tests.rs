use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;

fn as_json(crd: &CustomResourceDefinition) -> Value {
    serde_json::to_value(crd).expect("a definition is plain data")
}

fn root(crd: &CustomResourceDefinition) -> Value {
    serde_json::to_value(schema(crd)).expect("a schema is plain data")
}

/// `UPDATE_CRDS=1 cargo test the_files_under_crds` writes the files anew.
#[test]
fn the_files_under_crds_are_those_of_this_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut names = Vec::new();
    for crd in crds() {
        let file = folder.join(file_name(&crd));
        let wanted = to_yaml(&crd);
        if std::env::var_os("UPDATE_CRDS").is_some() {
            fs::create_dir_all(&folder).expect("the folder can be made");
            fs::write(&file, &wanted).expect("the file can be written");
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(found == wanted, "{} is not current: run UPDATE_CRDS=1 cargo test crds", file.display());
        names.push(file_name(&crd));
    }
    names.sort();
    let mut present: Vec<String> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    present.sort();
    assert_eq!(present, names, "no file is left over");
}

#[test]
fn the_yaml_reads_back_as_the_same_definition() {
    for crd in crds() {
        let read: Value = serde_saphyr::from_str(&to_yaml(&crd)).expect("the text is YAML");
        assert_eq!(read, as_json(&crd));
    }
}

/// conventions §3: each definition stays small enough for client-side tools
#[test]
fn a_definition_is_at_most_100_kib_of_json() {
    for crd in crds() {
        let bytes = as_json(&crd).to_string().len();
        assert!(bytes <= 100 * 1024, "{}: {bytes}", crd.spec.names.kind);
    }
}

/// api.md §1, no `default:` in spec; status begins as never looked at
#[test]
fn only_status_has_a_default() {
    for crd in crds() {
        let root = root(&crd);
        assert_eq!(root["properties"]["status"]["default"], serde_json::json!({"observedGeneration": -1}));
        assert_eq!(root["properties"]["status"].get("nullable"), None);
        let text = root["properties"]["spec"].to_string();
        assert!(!text.contains("\"default\":"), "{}", crd.spec.names.kind);
    }
}

/// api.md §1, the lint test: a bound on every string, list and map, a list type, a description
#[test]
fn every_node_is_bounded_and_described() {
    let mut faults = Vec::new();
    for crd in crds() {
        let kind = crd.spec.names.kind.clone();
        for part in ["spec", "status"] {
            lint(&root(&crd)["properties"][part], &format!("{kind}.{part}"), true, &mut faults);
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

fn lint(node: &Value, path: &str, described: bool, faults: &mut Vec<String>) {
    let mut fault = |what: &str| faults.push(format!("{path}: {what}"));
    let described_by = node["description"].as_str().unwrap_or_default();
    if described && described_by.is_empty() {
        fault("no description");
    }
    if described_by.contains('\n') {
        fault("description of several lines");
    }
    match node["type"].as_str() {
        Some("string") => {
            let bounded = node.get("maxLength").is_some() || node.get("enum").is_some();
            if !bounded && node["format"] != "date-time" {
                fault("text without a bound");
            }
            if node["enum"].as_array().is_some_and(|values| values.contains(&Value::Null)) {
                fault("null among the values of an enum");
            }
        }
        Some("integer") => {
            let format = node["format"].as_str().unwrap_or_default();
            if !matches!(format, "int32" | "int64") {
                fault("a number that is neither int32 nor int64");
            }
        }
        Some("boolean") => {}
        Some("array") => {
            if node.get("maxItems").is_none() {
                fault("list without a bound");
            }
            if node.get("x-kubernetes-list-type").is_none() {
                fault("list without a type");
            }
            for key in node["x-kubernetes-list-map-keys"].as_array().into_iter().flatten() {
                // An API server refuses the definition otherwise.
                let required = node["items"]["required"].as_array();
                if !required.is_some_and(|required| required.contains(key)) {
                    fault("key of a list-map that is not required");
                }
            }
            // The fields of metav1.Condition have no bounds; Kubernetes itself uses it so.
            if !path.ends_with(".conditions") {
                lint(&node["items"], &format!("{path}[]"), false, faults);
            }
        }
        Some("object") => {
            if let Some(properties) = node["properties"].as_object() {
                for (name, child) in properties {
                    lint(child, &format!("{path}.{name}"), true, faults);
                }
            } else if node.get("additionalProperties").is_some() {
                if node.get("maxProperties").is_none() {
                    fault("map without a bound");
                }
                lint(&node["additionalProperties"], &format!("{path}.*"), false, faults);
            } else {
                fault("object that says nothing of its fields");
            }
        }
        other => fault(&format!("type {other:?}")),
    }
}

/// api.md §3 to §7: short names, category, columns, selectable fields
#[test]
fn kinds_have_the_names_and_columns_of_the_design() {
    let expected = [
        ("BrazeApp", "brazeapps", "sapp", "Endpoint Ready Status Age | Destinations Checked Message", ""),
        ("Source", "sources", "ssrc", "Type Ready Status Age | Host Checked Message", ""),
        (
            "Model",
            "models",
            "smodel",
            "Source Ready Status Key Columns Age | Rows Message",
            ".spec.sourceRef.name",
        ),
        (
            "Destination",
            "destinations",
            "sdest",
            "Model Mode Ready Status Last-Sync Added Updated Deleted Failed Suspended Age | Schedule Next-Run \
             Duration Last-Run Message",
            ".spec.appRef.name .spec.modelRef.name .spec.suspend",
        ),
        (
            "SyncRun",
            "syncruns",
            "srun",
            "Destination Trigger Succeeded Reason Started Duration Read Added Updated Deleted Failed | Mode Job \
             Attempt Message",
            ".spec.destinationRef.name",
        ),
    ];
    for (crd, (kind, plural, short, columns, selectable)) in crds().iter().zip(expected) {
        assert_eq!(crd.spec.names.kind, kind);
        assert_eq!(crd.spec.names.plural, plural);
        assert_eq!(crd.spec.names.short_names.as_deref(), Some(&[short.to_owned()][..]));
        assert_eq!(crd.spec.names.categories.as_deref(), Some(&["grouparoo".to_owned()][..]));
        assert_eq!(crd.spec.scope, "Namespaced");
        let version = &crd.spec.versions[0];
        assert_eq!(version.name, "v1alpha1");
        assert!(version.subresources.as_ref().is_some_and(|sub| sub.status.is_some()));
        let all = version.additional_printer_columns.as_deref().unwrap_or_default();
        let names = |wide: bool| -> Vec<&str> {
            all.iter().filter(|c| (c.priority == Some(1)) == wide).map(|c| c.name.as_str()).collect()
        };
        assert_eq!(format!("{} | {}", names(false).join(" "), names(true).join(" ")), columns);
        let fields: Vec<&str> = version
            .selectable_fields
            .as_deref()
            .unwrap_or_default()
            .iter()
            .map(|field| field.json_path.as_str())
            .collect();
        assert_eq!(fields.join(" "), selectable);
        let annotations = crd.metadata.annotations.clone().unwrap_or_default();
        assert_eq!(
            annotations.get("kustomize.toolkit.fluxcd.io/substitute").map(String::as_str),
            Some("disabled")
        );
    }
}

/// api.md §1: optional fields are nullable, so that an empty `groups:` counts as absent; optional enums are not
#[test]
fn optional_lists_may_be_null_and_required_ones_may_not() {
    let all = crds();
    let model = root(&all[2]);
    assert_eq!(model["properties"]["spec"]["properties"]["groups"]["nullable"], true);
    let destination = root(&all[3]);
    let spec = &destination["properties"]["spec"];
    assert_eq!(spec["properties"]["propertyMappings"].get("nullable"), None);
    assert_eq!(spec["required"], serde_json::json!(["appRef", "modelRef", "propertyMappings", "syncMode"]));
}

/// A column or a selectable field that points nowhere is accepted by an API server and always empty.
#[test]
fn columns_and_selectable_fields_point_to_fields_of_the_schema() {
    for crd in crds() {
        let root = root(&crd);
        let version = &crd.spec.versions[0];
        let columns = version.additional_printer_columns.iter().flatten().map(|column| {
            let wanted = if column.type_ == "date" { "string" } else { column.type_.as_str() };
            (column.json_path.as_str(), wanted)
        });
        let selectable =
            version.selectable_fields.iter().flatten().map(|field| (field.json_path.as_str(), ""));
        for (path, wanted) in columns.chain(selectable) {
            if path == ".metadata.creationTimestamp" || path.starts_with(".status.conditions[") {
                continue;
            }
            let mut node = &root;
            for part in path.split('.').skip(1) {
                node = &node["properties"][part];
            }
            let found = node["type"].as_str().unwrap_or_default();
            assert!(!found.is_empty() && (wanted.is_empty() || found == wanted), "{path}: {found:?}");
        }
    }
}

/// What an API server asks of the message of a rule.
#[test]
fn every_rule_has_a_message_of_one_line() {
    fn walk(node: &Value, seen: &mut usize) {
        for rule in node["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let message = rule["message"].as_str().unwrap_or_default();
            assert!(!message.is_empty() && message.len() <= 2048 && !message.contains('\n'), "{rule}");
            *seen += 1;
        }
        for child in node["properties"].as_object().into_iter().flatten().map(|(_, child)| child) {
            walk(child, seen);
        }
        if node["items"].is_object() {
            walk(&node["items"], seen);
        }
    }
    let mut seen = 0;
    for crd in crds() {
        walk(&root(&crd), &mut seen);
    }
    assert!(seen > 55, "{seen}");
}

#[test]
fn the_stream_of_all_definitions_has_one_document_each() {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&all_as_yaml()).expect("the text is YAML");
    assert_eq!(documents.len(), 5);
    assert!(documents.iter().all(|document| document["kind"] == "CustomResourceDefinition"));
}
