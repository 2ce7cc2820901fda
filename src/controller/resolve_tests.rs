use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::controller::{Reason, refuse_shared_state, refuse_unsupported};
use crate::manifest::{self, LoadedSet};
use crate::source::{CsvFiles, Relation, System, Tls, TlsRoots};
use crate::sync::job::{Channel, Collection, GroupTarget, Origin};

use super::*;

/// Four objects with their Secrets and ConfigMaps, as JSON to be changed.
struct Case {
    app: Value,
    source: Value,
    model: Value,
    destination: Value,
    data: Vec<Value>,
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "grouparoo.io/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn secret(name: &str, values: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": values })
}

fn config_map(name: &str, values: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": values })
}

/// The smallest set of api.md §2.
fn case() -> Case {
    Case {
        app: json!({ "restEndpoint": "https://rest.iad-01.braze.com/", "apiKeySecretRef": { "name": "sync", "key": "brazeKey" } }),
        source: json!({ "postgres": {
            "host": "pg.example.com", "database": "analytics", "user": "reader",
            "passwordSecretRef": { "name": "sync", "key": "pgPassword" },
        }}),
        model: json!({ "sourceRef": { "name": "warehouse" }, "table": "public.users", "primaryKey": "id" }),
        destination: json!({
            "appRef": { "name": "braze" },
            "modelRef": { "name": "users" },
            "syncMode": "Additive",
            "propertyMappings": [{ "from": "id", "to": "external_id" }, { "from": "email", "to": "email" }],
        }),
        data: vec![secret("sync", &json!({ "brazeKey": "the-key", "pgPassword": "hunter2" }))],
    }
}

impl Case {
    fn load(&self) -> LoadedSet {
        let mut items = vec![
            object("BrazeApp", "braze", &self.app),
            object("Source", "warehouse", &self.source),
            object("Model", "users", &self.model),
            object("Destination", "users-to-braze", &self.destination),
        ];
        items.extend(self.data.clone());
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string();
        let options = manifest::Options { check_references: false, ..manifest::Options::default() };
        manifest::load_text("m.json", &list, &options).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn resolve(&self) -> Result<Resolved, Problems> {
        let set = self.load();
        let objects = Objects {
            destination: &set.destinations()[0].object,
            app: &set.braze_apps()[0].object,
            model: &set.models()[0].object,
            source: &set.sources()[0].object,
        };
        resolve(&objects, &set.lookup(&set.sources()[0]))
    }

    fn job(&self) -> Job {
        self.resolve().unwrap_or_else(|problems| panic!("{problems}")).job
    }

    fn problems(&self) -> Vec<String> {
        let found = self.resolve().expect_err("the objects cannot work").0;
        found.iter().map(ToString::to_string).collect()
    }

    fn advice(&self) -> Vec<String> {
        let resolved = self.resolve().unwrap_or_else(|problems| panic!("{problems}"));
        resolved.advice.iter().map(ToString::to_string).collect()
    }

    fn map(&mut self, mapping: Value) -> &mut Self {
        self.destination["propertyMappings"].as_array_mut().unwrap().push(mapping);
        self
    }
}

/// api.md §3 to §6, column default
#[test]
fn the_smallest_set_gets_every_default() {
    let resolved = case().resolve().unwrap();
    assert_eq!(resolved.advice, []);
    let job = resolved.job;
    assert_eq!((job.namespace.as_str(), job.destination.as_str()), ("default", "users-to-braze"));
    assert_eq!(job.state_name, "users-to-braze");
    assert_eq!(job.app.braze.endpoint, "https://rest.iad-01.braze.com");
    assert_eq!(job.app.braze.key.expose_secret(), "the-key");
    assert_eq!(job.app.braze.limits.objects_per_request, 75);
    assert_eq!(job.app.braze.limits.requests_per_second, None);
    assert_eq!(job.app.braze.limits.max_in_flight, 64);
    assert_eq!(job.app.braze.limits.retry_for, Duration::from_secs(900));
    assert_eq!(job.app.settle, Duration::from_secs(10));
    assert_eq!(job.app.workspace, None);
    assert_eq!(job.source.query_timeout, Duration::from_secs(3600));
    let System::Postgres(postgres) = &job.source.system else { panic!("a PostgreSQL server") };
    assert_eq!(postgres.login.port, 5432);
    assert_eq!(postgres.login.password.as_ref().unwrap().expose_secret(), "hunter2");
    assert!(matches!(
        &postgres.tls,
        Tls::VerifyFull { server_name: None, roots: TlsRoots::Platform, client: None }
    ));
    assert_eq!(job.model.relation, Relation::Table("public.users".into()));
    assert_eq!((job.model.min_rows, job.model.max_rows), (0, 100_000_000));
    assert_eq!((job.model.time_zone.as_str(), job.model.sample_rows), ("UTC", 100));
    assert!(!job.model.keep_empty_text);
    assert_eq!(job.collection, Collection::All);
    assert_eq!((job.initial_sync, job.initial_sync_stated), (job::InitialSync::SendAll, false));
    assert_eq!(job.on_unmap, job::OnUnmap::Clear);
    let guard = job::DeletionGuard { max_percent: 10, max_count: 10_000, min_count: 5, absent_reads: 1 };
    assert_eq!(job.deletion_guard, guard);
    assert_eq!(job.reject_tolerance, job::RejectTolerance { max_percent: 20, min_count: 100 });
    assert_eq!(job.enrich.recheck_missing, Duration::from_secs(24 * 3600));
    assert_eq!(job.enrich.recheck_existing, Duration::from_secs(168 * 3600));
    assert_eq!(job.run_timeout, Duration::from_secs(24 * 3600));
    let email = &job.properties[1];
    assert_eq!(email.origin, Origin::From("email".into()));
    assert!(email.clear_on_null && email.check && !email.truncate && !email.always_opt_in);
    assert_eq!((email.target_kind, email.as_kind), (None, None));
}

#[test]
fn what_is_stated_wins_over_every_default() {
    let mut case = case();
    case.app = json!({
        "instance": "EU-01", "apiKeySecretRef": { "name": "sync", "key": "brazeKey" }, "workspace": "prod",
        "tls": { "caConfigMapRef": { "name": "ca", "key": "ca.crt" } },
        "limits": { "objectsPerRequest": 50, "requestsPerSecond": 200, "maxInFlight": 8, "settle": "3s", "retryFor": "1m" },
    });
    case.model = json!({
        "sourceRef": { "name": "warehouse" }, "queryFrom": { "configMapKeyRef": { "name": "ca", "key": "q" } },
        "primaryKey": "id",
        "properties": [{ "name": "id", "type": "Integer" }, { "name": "email", "column": "mail", "type": "Email" }],
        "groups": [{ "name": "vip", "when": "record.id > 1" }, { "name": "news", "column": "wants" }],
        "expectedRows": { "min": 10, "max": 20 }, "sampleRows": 0, "timeZone": "Europe/Paris",
        "defaultCountry": "FR", "emptyText": "Keep",
    });
    let destination = &mut case.destination;
    destination["stateName"] = json!("old");
    destination["collection"] = json!({ "type": "Group", "group": "vip" });
    destination["syncMode"] = json!("Enrich");
    destination["initialSync"] = json!("Adopt");
    destination["onUnmap"] = json!("Leave");
    destination["enrich"] = json!({ "recheckMissing": "1h", "recheckExisting": "2h" });
    destination["deletionGuard"] = json!({ "maxPercent": 2, "maxCount": 3, "minCount": 0, "absentReads": 4 });
    destination["rejectTolerance"] = json!({ "maxPercent": 1, "minCount": 7 });
    destination["runTimeout"] = json!("6h");
    destination["groupMappings"] = json!([
        { "group": "news", "subscriptionGroupId": "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11", "onLeave": "Nothing", "optInPolicy": "Always", "nonMembers": "Remove" },
        { "group": "vip", "customAttribute": "segments" },
        { "group": "vip", "customAttribute": "is_vip", "style": "Flag" },
    ]);
    case.map(json!({ "value": "warehouse", "to": "origin", "tooLong": "Truncate", "check": "Off", "as": "String" }))
        .map(json!({ "expression": "record.email", "to": "a.b", "targetKind": "Nested" }))
        .map(json!({ "from": "email", "to": "email_subscribe", "optInPolicy": "Always", "onNull": "Leave" }));
    case.data.push(config_map("ca", &json!({ "ca.crt": "PEM", "q": "select 1" })));
    let job = case.job();
    assert_eq!(job.app.braze.endpoint, "https://rest.fra-01.braze.eu");
    assert_eq!(job.app.workspace.as_deref(), Some("prod"));
    assert_eq!(job.app.braze.extra_ca.as_deref(), Some("PEM"));
    assert_eq!(job.app.braze.limits.objects_per_request, 50);
    assert_eq!(job.app.braze.limits.requests_per_second, Some(200));
    assert_eq!(job.app.settle, Duration::from_secs(3));
    assert_eq!(job.model.relation, Relation::Query("select 1".into()));
    assert_eq!(job.model.properties[1].column, "mail");
    assert_eq!(job.model.properties[0].column, "id");
    assert_eq!(job.model.groups[1].rule, job::GroupRule::Column("wants".into()));
    assert_eq!((job.model.min_rows, job.model.max_rows, job.model.sample_rows), (10, 20, 0));
    assert!(job.model.keep_empty_text);
    assert_eq!(job.state_name, "old");
    assert_eq!(job.collection, Collection::Group("vip".into()));
    assert_eq!((job.initial_sync, job.initial_sync_stated), (job::InitialSync::Adopt, true));
    assert_eq!(job.deletion_guard.absent_reads, 4);
    assert_eq!(job.deletion_guard.min_count, 0);
    assert_eq!(job.run_timeout, Duration::from_secs(6 * 3600));
    assert_eq!(
        job.groups[0].target,
        GroupTarget::Subscription {
            id: "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11".into(),
            channel: Channel::Email,
            subscribe_on_join: true,
            unsubscribe_on_leave: false,
            always: true,
        }
    );
    assert!(job.groups[0].remove_non_members && !job.groups[1].remove_non_members);
    assert_eq!(
        job.groups[1].target,
        GroupTarget::Element { attribute: "segments".into(), value: "vip".into() }
    );
    assert_eq!(job.groups[2].target, GroupTarget::Flag { attribute: "is_vip".into() });
    let origin = &job.properties[2];
    assert!(origin.truncate && !origin.check);
    assert_eq!(origin.as_kind, Some(job::AsKind::String));
    assert!(
        job.properties[3].clear_on_null,
        "that null cannot be sent to a Nested target is the engine's to tell"
    );
    assert!(job.properties[4].always_opt_in && !job.properties[4].clear_on_null);
}

/// semantics 4.1, last row; 5.3, row `external_id`
#[test]
fn everything_that_the_model_does_not_have_is_reported_at_once() {
    let mut case = case();
    case.model["properties"] = json!([{ "name": "id" }, { "name": "email" }]);
    case.model["groups"] = json!([{ "name": "vip", "column": "vip" }]);
    case.destination["collection"] = json!({ "type": "Group", "group": "vips" });
    case.destination["propertyMappings"] = json!([
        { "from": "email", "to": "external_id" },
        { "from": "mail", "to": "email" },
    ]);
    case.destination["groupMappings"] = json!([{ "group": "news", "customAttribute": "segments" }]);
    assert_eq!(
        case.problems(),
        [
            "Destination users-to-braze: spec.propertyMappings[1].from: Model users has no property mail; its properties are id, email",
            "Destination users-to-braze: spec.propertyMappings[0].from: external_id must come from id, the primaryKey of Model users",
            "Destination users-to-braze: spec.groupMappings[0].group: Model users has no group news; its groups are vip",
            "Destination users-to-braze: spec.collection.group: Model users has no group vips; its groups are vip",
        ]
    );
}

/// semantics 5.3, row Nested
#[test]
fn a_nested_target_shares_its_attribute_with_nothing() {
    let mut case = case();
    case.model["properties"] =
        json!([{ "name": "id" }, { "name": "email" }, { "name": "shape", "type": "Object" }]);
    case.model["groups"] = json!([{ "name": "vip", "column": "vip" }]);
    case.map(json!({ "from": "email", "to": "address" }))
        .map(json!({ "from": "email", "to": "address.city", "targetKind": "Nested" }))
        .map(json!({ "from": "email", "to": "address.city.name", "targetKind": "Nested" }))
        .map(json!({ "from": "shape", "to": "shape" }))
        .map(json!({ "from": "email", "to": "addresses" }))
        .map(json!({ "from": "email", "to": "email.domain", "targetKind": "Nested" }))
        .map(json!({ "from": "email", "to": "bio.text", "targetKind": "Nested" }));
    case.destination["groupMappings"] =
        json!([{ "group": "vip", "customAttribute": "address", "style": "Flag" }]);
    // The schema already refuses an attribute that is both a target and a membership.
    assert_eq!(
        case.load_problems(),
        ["spec: a customAttribute of groupMappings cannot also be a target of propertyMappings"]
    );
    case.destination["propertyMappings"].as_array_mut().unwrap().remove(2);
    let at = |index: usize| format!("Destination users-to-braze: spec.propertyMappings[{index}].to");
    assert_eq!(
        case.problems(),
        [
            format!("{}: a Nested target is a key inside a custom attribute, and email is a name of Braze", at(6)),
            format!("{}: a Nested target is a key inside a custom attribute, and bio is a name of Braze", at(7)),
            format!("{}: email cannot be written as a whole while email.domain writes a key inside it; build the object in the query", at(1)),
            format!("{}: address.city cannot be written as a whole while address.city.name writes a key inside it; build the object in the query", at(2)),
            format!("{}: a whole object cannot be sent beside the Nested target address.city: Braze would merge it; build the object in the query", at(4)),
            "Destination users-to-braze: spec.groupMappings[0].customAttribute: address cannot show a membership while address.city writes a key inside it".to_owned(),
        ]
    );
}

impl Case {
    /// Problems that the loader already finds, without their places.
    fn load_problems(&self) -> Vec<String> {
        let found = check::kind("Destination").unwrap().check(Some(&self.destination), None);
        found.iter().map(ToString::to_string).collect()
    }
}

/// api.md §1: rules hold for objects stored before the rule
#[test]
fn an_object_that_was_stored_before_a_rule_is_refused_with_the_rules_message() {
    let set = case().load();
    let mut destination = set.destinations()[0].object.clone();
    destination
        .spec
        .property_mappings
        .push(serde_json::from_value(json!({ "from": "x", "to": "braze_id" })).unwrap());
    let mut app = set.braze_apps()[0].object.clone();
    app.spec.instance = Some(crate::api::braze_app::Instance::Eu01);
    let objects = Objects {
        destination: &destination,
        app: &app,
        model: &set.models()[0].object,
        source: &set.sources()[0].object,
    };
    let found = resolve(&objects, &set.lookup(&set.sources()[0])).unwrap_err();
    assert_eq!(
        found.to_string(),
        "BrazeApp braze: spec: set exactly one of restEndpoint and instance\n\
         Destination users-to-braze: spec.propertyMappings[2]: Braze does not accept this target here; groups go into groupMappings"
    );
    assert!(found.0.iter().all(|problem| problem.reason == Reason::InvalidSpec));
}

#[test]
fn what_this_version_does_not_support_is_refused_in_one_sentence_each() {
    let mut case = case();
    case.source = json!({ "mysql": { "urlSecretRef": { "name": "sync", "key": "pgPassword" } } });
    case.model["changeCursor"] = json!({ "column": "updated_at" });
    case.destination["budgets"] = json!([{ "resource": "Requests", "per": "Day", "max": 5 }]);
    case.destination["executor"] = json!({ "type": "Job" });
    assert_eq!(
        case.problems(),
        [
            "Source warehouse: spec.mysql: MySQL and MariaDB are not supported by this version",
            "Model users: spec.changeCursor: reading only rows that changed is not supported by this version; leave it out, and every run reads all rows",
            "Destination users-to-braze: spec.budgets: budgets are not supported by this version",
            "Destination users-to-braze: spec.executor.type: Job is not supported by this version; use Inline",
        ]
    );
    let mut case = self::case();
    case.destination["executor"] = json!({ "type": "Inline" });
    case.destination["budgets"] = json!([]);
    assert!(case.resolve().is_ok());
}

#[test]
fn one_line_end_behind_a_secret_is_cut_and_other_white_space_in_a_key_is_refused() {
    for (written, read) in [
        ("k\n", Some("k")),
        ("k\r\n", Some("k")),
        ("k", Some("k")),
        ("k\n\n", None),
        (" k", None),
        ("k k", None),
        ("k\u{7}", None),
        ("kü", None),
        ("\n", None),
        ("", None),
    ] {
        let mut case = case();
        case.data = vec![secret("sync", &json!({ "brazeKey": written, "pgPassword": "p w\n" }))];
        match read {
            Some(read) => {
                let job = case.job();
                assert_eq!(job.app.braze.key.expose_secret(), read);
                let System::Postgres(postgres) = &job.source.system else { panic!("a PostgreSQL server") };
                assert_eq!(postgres.login.password.as_ref().unwrap().expose_secret(), "p w");
            }
            None => {
                let problems = case.problems();
                assert_eq!(problems.len(), 1, "{written:?}");
                assert!(problems[0].starts_with("BrazeApp braze: spec.apiKeySecretRef"), "{problems:?}");
            }
        }
    }
    let mut case = case();
    case.data = vec![secret("sync", &json!({ "brazeKey": "geheim geheim", "pgPassword": "hunter2" }))];
    assert_eq!(
        case.problems(),
        [
            "BrazeApp braze: spec.apiKeySecretRef.key: key brazeKey of Secret sync is no Braze API key: it has spaces, line ends or other characters that a key never has"
        ]
    );
}

/// api.md §1: a missing referent is a condition that may pass by itself
#[test]
fn what_is_not_there_yet_is_no_invalid_spec() {
    let mut case = case();
    case.app["tls"] = json!({ "caConfigMapRef": { "name": "ca", "key": "ca.crt" } });
    case.model = json!({ "sourceRef": { "name": "warehouse" }, "queryFrom": { "configMapKeyRef": { "name": "sql", "key": "q" } }, "primaryKey": "id" });
    case.data =
        vec![secret("sync", &json!({ "pgPassword": "x" })), config_map("sql", &json!({ "other": "x" }))];
    let problems = case.resolve().unwrap_err();
    assert_eq!(
        problems.to_string(),
        "BrazeApp braze: spec.apiKeySecretRef.key: Secret sync has no key brazeKey\n\
         BrazeApp braze: spec.tls.caConfigMapRef.name: there is no ConfigMap ca\n\
         Model users: spec.queryFrom.configMapKeyRef.key: ConfigMap sql has no key q"
    );
    assert!(problems.0.iter().all(|problem| problem.reason == Reason::DependencyNotReady));
}

#[test]
fn places_and_countries_and_bounds_that_cannot_be_are_refused() {
    let mut case = case();
    case.model["timeZone"] = json!("Europe/Atlantis");
    case.model["defaultCountry"] = json!("XQ");
    case.model["expectedRows"] = json!({ "min": 200_000_000 });
    case.destination["schedule"] = json!({ "cron": "@daily", "timeZone": "Mars/Olympus" });
    assert_eq!(
        case.problems(),
        [
            "Model users: spec.timeZone: there is no IANA time zone Europe/Atlantis",
            "Model users: spec.defaultCountry: there is no country XQ",
            "Model users: spec.expectedRows.min: must not be greater than max, which is 100000000 unless it is stated",
            "Destination users-to-braze: spec.schedule.timeZone: there is no IANA time zone Mars/Olympus",
        ]
    );
}

#[test]
fn a_connection_url_is_read_and_never_repeated() {
    let mut case = case();
    case.source = json!({ "postgres": { "urlSecretRef": { "name": "sync", "key": "pgPassword" } } });
    case.data =
        vec![secret("sync", &json!({ "brazeKey": "k", "pgPassword": "postgres://u:hunter2@db:6000/w\n" }))];
    let System::Postgres(postgres) = case.job().source.system else { panic!("a PostgreSQL server") };
    assert_eq!(
        (postgres.login.host.as_str(), postgres.login.port, postgres.login.user.as_str()),
        ("db", 6000, "u")
    );
    case.data = vec![secret("sync", &json!({ "brazeKey": "k", "pgPassword": "hunter2" }))];
    let problems = case.problems();
    assert!(problems[0].starts_with("Source warehouse: spec.postgres.urlSecretRef: "), "{problems:?}");
    assert!(!problems[0].contains("hunter2"));
}

#[test]
fn certificates_and_session_settings_reach_the_source() {
    let mut case = case();
    case.source["postgres"]["tls"] = json!({
        "serverName": "db.internal", "caSecretRef": { "name": "pki", "key": "ca.crt" }, "clientCertSecretRef": { "name": "pki" },
    });
    case.source["postgres"]["sessionParameters"] = json!([{ "name": "search_path", "value": "crm" }]);
    case.data.push(secret("pki", &json!({ "ca.crt": "CA", "tls.crt": "CHAIN", "tls.key": "KEY" })));
    let System::Postgres(postgres) = case.job().source.system else { panic!("a PostgreSQL server") };
    assert_eq!(postgres.session_parameters, [("search_path".to_owned(), "crm".to_owned())]);
    let Tls::VerifyFull { server_name, roots: TlsRoots::Pem(roots), client: Some(client) } = &postgres.tls
    else {
        panic!("a verified connection with a client certificate")
    };
    assert_eq!(server_name.as_deref(), Some("db.internal"));
    assert_eq!(roots.as_slice(), b"CA");
    assert_eq!(client.chain_pem.as_slice(), b"CHAIN");
    assert_eq!(client.key_pem.expose_secret(), "KEY");
}

#[test]
fn csv_files_come_from_a_config_map_with_their_form() {
    let mut case = case();
    case.source = json!({ "csv": {
        "configMapRef": { "name": "lists" }, "delimiter": ";", "encoding": "Windows1252", "header": "Absent", "nullTexts": ["", "NULL"],
    }});
    assert_eq!(
        case.problems(),
        ["Source warehouse: spec.csv.configMapRef.name: there is no ConfigMap lists"]
    );
    case.data.push(config_map("lists", &json!({ "a.csv": "1;2" })));
    let System::Csv(csv) = case.job().source.system else { panic!("CSV files") };
    assert_eq!((csv.delimiter, csv.quote), (';', '"'));
    assert_eq!(csv.null_texts, ["", "NULL"]);
    let CsvFiles::ConfigMap { files, .. } = &csv.files else { panic!("a ConfigMap") };
    assert_eq!(files["a.csv"].as_ref(), b"1;2");
    case.source = json!({ "csv": { "configMapRef": { "name": "lists" }, "delimiter": "ü", "quote": "," } });
    assert_eq!(
        case.problems(),
        ["Source warehouse: spec.csv.delimiter: must be one ASCII character that is no line end"]
    );
    case.source = json!({ "csv": { "configMapRef": { "name": "lists" }, "delimiter": "\"" } });
    assert_eq!(
        case.problems(),
        ["Source warehouse: spec.csv.quote: delimiter and quote must not be the same character"]
    );
}

#[test]
fn a_file_is_found_beside_the_manifest_of_its_source() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("crm.db"), "").unwrap();
    let manifest = folder.path().join("source.yaml");
    std::fs::write(
        &manifest,
        object("Source", "crm", &json!({ "sqlite": { "path": "crm.db" } })).to_string(),
    )
    .unwrap();
    let input = manifest::Input::Path(manifest);
    let set = manifest::load(&[input], &manifest::Options::default(), &mut std::io::empty()).unwrap();
    let source = &set.sources()[0];
    let (config, advice) = resolve_source(&source.object, &set.lookup(source)).unwrap();
    let System::Sqlite(sqlite) = config.system else { panic!("a SQLite file") };
    assert_eq!(sqlite.path, std::fs::canonicalize(folder.path().join("crm.db")).unwrap());
    assert_eq!((sqlite.shown.as_str(), advice.len()), ("crm.db", 0));
}

/// api.md §4 and §6: warnings; semantics 2.3, `LeavingDeletes`; 7.4, `AddressUnknown`
#[test]
fn advice_stops_nothing() {
    let mut case = case();
    case.source["postgres"]["tls"] = json!({ "mode": "Disabled" });
    case.model["groups"] = json!([{ "name": "vip", "column": "vip" }]);
    case.destination["syncMode"] = json!("Sync");
    case.destination["collection"] = json!({ "type": "Group", "group": "vip" });
    case.destination["groupMappings"] = json!([
        { "group": "vip", "subscriptionGroupId": "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11" },
        { "group": "vip", "subscriptionGroupId": "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a12", "channel": "Sms" },
        { "group": "vip", "customAttribute": "Country" },
    ]);
    case.map(json!({ "from": "first", "to": "firstName" }))
        .map(json!({ "from": "last", "to": "lastName", "targetKind": "Custom" }));
    assert_eq!(
        case.advice(),
        [
            "Source warehouse: spec.postgres.tls.mode: the connection is not encrypted: the password and every row can be read on the way (TlsDisabled)",
            "Destination users-to-braze: spec.propertyMappings[2].to: firstName becomes a custom attribute; if the standard field is meant, write first_name, else state targetKind: Custom (NearStandardField)",
            "Destination users-to-braze: spec.groupMappings[1].subscriptionGroupId: no mapping sends phone, so an opt-out that another profile with the same phone number made is not seen (AddressUnknown)",
            "Destination users-to-braze: spec.groupMappings[2].customAttribute: Country becomes a custom attribute, although its name is close to the standard field country (NearStandardField)",
            "Destination users-to-braze: spec.collection: a record that leaves the group vip loses its user in Braze for good, with its e-mail and push consent; use Additive to keep users (LeavingDeletes)",
        ]
    );
    case.destination["propertyMappings"].as_array_mut().unwrap().remove(1);
    assert!(
        case.advice()
            .iter()
            .any(|line| line.contains("no mapping sends email") && line.ends_with("(AddressUnknown)"))
    );
}

fn destination(
    name: &str,
    namespace: &str,
    app: &str,
    mode: &str,
    state: Option<&str>,
    created: Option<&str>,
) -> Destination {
    let mut object = json!({
        "apiVersion": "grouparoo.io/v1alpha1", "kind": "Destination",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "appRef": { "name": app }, "modelRef": { "name": "m" }, "syncMode": mode, "propertyMappings": [] },
    });
    if let Some(state) = state {
        object["spec"]["stateName"] = json!(state);
    }
    if let Some(created) = created {
        object["metadata"]["creationTimestamp"] = json!(created);
    }
    serde_json::from_value(object).unwrap()
}

#[test]
fn a_destination_that_deletes_stands_alone_at_its_app() {
    let all = [
        destination("a", "n", "x", "Sync", None, None),
        destination("b", "n", "x", "Additive", None, None),
        destination("c", "n", "y", "Sync", None, None),
        destination("d", "other", "y", "Sync", None, None),
        destination("e", "n", "z", "Enrich", None, None),
        destination("f", "n", "z", "Additive", None, None),
    ];
    let found: Vec<String> =
        refuse_unsupported(&all.iter().collect::<Vec<_>>()).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "Destination a: spec.syncMode: Sync beside another Destination of BrazeApp x (b) is not supported by this version: it could delete users that the other one keeps"
        ]
    );
}

/// semantics 4.3, last row: the one created later is refused
#[test]
fn two_destinations_cannot_share_one_memory() {
    let all = [
        destination("a", "n", "x", "Additive", Some("s"), Some("2026-01-02T00:00:00Z")),
        destination("b", "n", "x", "Additive", Some("s"), Some("2026-01-01T00:00:00Z")),
        destination("c", "n", "x", "Additive", Some("d"), None),
        destination("d", "n", "x", "Additive", None, None),
        destination("s", "other", "x", "Additive", None, None),
    ];
    let found: Vec<String> =
        refuse_shared_state(&all.iter().collect::<Vec<_>>()).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "Destination d: spec.stateName: d is already the memory of Destination c",
            "Destination a: spec.stateName: s is already the memory of Destination b",
        ]
    );
}
