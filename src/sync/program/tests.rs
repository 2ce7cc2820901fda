//! Jobs against columns: what is refused, and what a change of the configuration means.

use super::super::job::{
    AsKind, GroupRule, GroupTarget, Job, OnUnmap, PropertyMapping, SyncMode, TargetKind,
};
use super::super::schema::Use;
use super::testing::{element, expression, from, job, program, program_with, subscription};
use super::*;
use crate::data::ColumnKind;

const COLUMNS: [(&str, ColumnKind); 6] = [
    ("id", ColumnKind::Integer),
    ("email", ColumnKind::Text),
    ("city", ColumnKind::Text),
    ("extra", ColumnKind::Json),
    ("vip", ColumnKind::Bool),
    ("photo", ColumnKind::Unsupported),
];

fn good(job: &Job) -> Program {
    program(job, &COLUMNS).expect("a good job")
}

fn problem(job: &Job) -> String {
    program(job, &COLUMNS).map(|_| ()).expect_err("a bad job").join("\n")
}

fn wide() -> Job {
    job()
        .map([from("email", "email"), from("city", "home_city"), from("city", "email_subscribe")])
        .group("vip", GroupRule::Column("vip".into()), Some(element("segments", "vip")))
        .group("news", GroupRule::When("has(record.email)".into()), Some(subscription()))
}

/// semantics 4.1: a column that is missing, or of a type that cannot be sent, is told before the first request.
#[test]
fn what_does_not_fit_is_told_in_sentences() {
    let cases: [(Job, &str); 9] = [
        (job().map([from("town", "home_city")]), r#"table users has no column "town"; it has id, email"#),
        (job().map([from("photo", "photo")]), "cannot be sent; cast it in a query"),
        (
            job().listed(&[("id", PropertyType::Integer)]).map([from("city", "home_city")]),
            r#"has no property "city""#,
        ),
        (
            job()
                .listed(&[("id", PropertyType::Integer), ("vip", PropertyType::Date)])
                .map([from("vip", "d")]),
            "cannot be Date",
        ),
        (
            job().group("x", GroupRule::Column("city".into()), Some(element("s", "x"))),
            "not Boolean; write a rule with 'when' instead",
        ),
        (
            job().group("x", GroupRule::When("record.city".into()), Some(element("s", "x"))),
            "spec.groups[name=x].when",
        ),
        (job().map([expression("record.town", "home_city")]), "town"),
        (job().listed(&[("id", PropertyType::Date)]), "cannot be Date"),
        (job().map([from("vip", "home_city")]), "home_city"),
    ];
    for (job, sentence) in cases {
        let found = problem(&job);
        assert!(found.contains(sentence), "{found}");
    }
    let mut job = job();
    job.groups = wide().groups;
    assert!(problem(&job).contains(r#"has no group "vip""#), "{}", problem(&job));
}

/// All problems are told at once.
#[test]
fn problems_come_together() {
    let job = job().map([from("town", "home_city"), from("planet", "country")]);
    assert_eq!(program(&job, &COLUMNS).map(|_| ()).expect_err("two").len(), 2);
}

/// A query may return two columns of one name; which one is meant nobody can tell.
#[test]
fn a_column_that_is_there_twice_is_refused_where_it_is_used() {
    let columns = [("id", ColumnKind::Integer), ("city", ColumnKind::Text), ("city", ColumnKind::Text)];
    let used = program(&job().map([from("city", "home_city")]), &columns).map(|_| ()).expect_err("ambiguous");
    assert!(used[0].contains(r#"more than one column "city""#), "{used:?}");
    assert!(program(&job(), &columns).is_ok(), "unused, it does no harm");
}

/// semantics 5.3, row external_id: the primary key, by `from`, exactly once.
#[test]
fn the_external_id_is_the_primary_key() {
    let with = |mapping: &[super::super::job::PropertyMapping]| {
        let mut job = job();
        job.properties = mapping.to_vec();
        program(&job, &COLUMNS).map(|_| ())
    };
    let cast =
        super::super::job::PropertyMapping { as_kind: Some(AsKind::String), ..from("id", "external_id") };
    for bad in [
        &[][..],
        &[from("email", "external_id")],
        &[from("id", "external_id"), from("id", "external_id")],
        &[expression("record.id", "external_id")],
        &[cast],
    ] {
        let problems = with(bad).expect_err("not the key");
        assert!(problems.iter().any(|p| p.contains("{from: id, to: external_id}")), "{problems:?}");
    }
    assert!(with(&[from("id", "external_id")]).is_ok());
}

/// semantics 5.3 and 7.3: one target twice, one value twice, an attribute of two styles.
#[test]
fn nothing_is_written_twice() {
    let groups = |targets: &[GroupTarget]| {
        targets.iter().enumerate().fold(job(), |job, (n, target)| {
            job.group(&format!("g{n}"), GroupRule::Column("vip".into()), Some(target.clone()))
        })
    };
    let flag = GroupTarget::Flag { attribute: "segments".into() };
    for bad in [
        job().map([from("city", "home_city"), from("email", "home_city")]),
        groups(&[element("segments", "a"), element("segments", "a")]),
        groups(&[subscription(), subscription()]),
        groups(&[flag.clone(), flag.clone()]),
        groups(&[flag.clone(), element("segments", "a")]),
        groups(&[element("segments", "a")]).map([from("city", "segments")]),
        groups(&[flag]).map([from("city", "segments")]),
        groups(&[element("email", "a")]),
    ] {
        problem(&bad);
    }
    good(&groups(&[
        element("segments", "a"),
        element("segments", "b"),
        element("tags", "a"),
        subscription(),
    ]));
}

/// semantics 5.3, Nested: not beside a whole object, which an expression may give too.
#[test]
fn nested_keys_and_whole_objects_exclude_each_other() {
    let nested = super::super::job::PropertyMapping {
        target_kind: Some(TargetKind::Nested),
        ..from("city", "home.city")
    };
    problem(&job().map([nested.clone(), from("extra", "extra")]));
    problem(&job().map([nested.clone(), expression("record.extra.more", "more")]));
    problem(
        &job().group("g", GroupRule::Column("vip".into()), Some(element("home", "a"))).map([nested.clone()]),
    );
    good(&job().map([nested, from("email", "email")]));
}

/// semantics 2.1: what must be compared again after an edit of the rules, and what need not.
#[test]
fn the_digest_changes_with_the_rules_alone() {
    let same = |edit: &dyn Fn(&mut Job)| {
        let mut job = wide();
        edit(&mut job);
        good(&job).digest == good(&wide()).digest
    };
    assert!(same(&|_| {}));
    assert!(same(&|job| job.mode = SyncMode::Enrich));
    assert!(same(&|job| job.model.time_zone = "Europe/Paris".into()));
    assert!(same(&|job| job.model.default_country = Some("FR".into())));
    assert!(same(&|job| job.on_unmap = OnUnmap::Leave));
    assert!(same(&|job| job.model.sample_rows = 7));
    assert!(same(&|job| job.properties[1].truncate = true));
    assert!(same(&|job| job.model.groups[1].rule = GroupRule::When("true".into())));
    assert!(!same(&|job| job.properties[1].clear_on_null = false));
    assert!(!same(&|job| job.properties[3].always_opt_in = true));
    assert!(!same(&|job| job.properties.truncate(2)));
    assert!(!same(&|job| job.groups.truncate(1)));
    assert!(!same(&|job| job.groups[0].remove_non_members = true));
    for change in [0, 1, 2] {
        assert!(!same(&|job| {
            if let GroupTarget::Subscription { subscribe_on_join, unsubscribe_on_leave, always, .. } =
                &mut job.groups[1].target
            {
                let flags = [subscribe_on_join, unsubscribe_on_leave, always];
                *flags.into_iter().nth(change).expect("three") ^= true;
            }
        }));
    }
}

/// Stored with every record: other figures would compare all of them once more after an upgrade, and hold every
/// opt-in back.
#[test]
fn digests_are_stable_over_releases() {
    let program = good(&wide());
    assert_eq!((program.digest, program.schema.attributes[2].digest), (RULES, CONSENT));
}
const RULES: u64 = 11_527_649_005_402_156_422;
const CONSENT: u64 = 7_223_264_629_272_739_826;

/// semantics 9.3: what Braze refused is sent again when its mapping or the Model changes.
#[test]
fn an_object_that_was_refused_counts_as_another_after_an_edit() {
    let hash = |edit: &dyn Fn(&mut Job)| {
        let mut job = wide();
        edit(&mut job);
        good(&job).object_hash(b"{}")
    };
    let before = hash(&|_| {});
    assert_eq!(before, hash(&|job| job.on_unmap = OnUnmap::Leave));
    assert_ne!(before, hash(&|job| job.properties[1].truncate = true));
    assert_ne!(before, hash(&|job| job.model.time_zone = "Europe/Paris".into()));
    assert_ne!(good(&wide()).object_hash(b"{}"), good(&wide()).object_hash(b"[]"));
}

/// semantics 5.5: an edit of the mapping, its property or the Model counts as first sight; others do not.
#[test]
fn an_edit_of_consent_starts_a_new_column() {
    let number = |edit: &dyn Fn(&mut Job)| {
        let mut job = wide();
        edit(&mut job);
        let schema = good(&wide()).schema;
        program_with(&job, &COLUMNS, schema, false).expect("a good job").rules.attributes[2].column
    };
    assert_eq!(number(&|_| {}), 2);
    assert_eq!(number(&|job| job.model.groups[1].rule = GroupRule::When("true".into())), 2);
    assert_eq!(number(&|job| job.model.min_rows = 5), 2);
    assert_eq!(number(&|job| job.properties[1].truncate = true), 2, "another mapping");
    assert_eq!(number(&|job| job.properties[3] = from("email", "email_subscribe")), 3);
    assert_eq!(number(&|job| job.properties[3].always_opt_in = true), 3);
    assert_eq!(number(&|job| job.model.relation = crate::source::Relation::Table("people".into())), 3);
    assert_eq!(number(&|job| job.model.keep_empty_text = true), 3);
}

/// semantics 4.1 and 5.3: a target that takes no null is left when it is unmapped; others are cleared.
#[test]
fn a_target_that_takes_no_null_is_left_when_it_is_unmapped() {
    let mapped =
        job().map([from("extra", "current_location"), from("city", "home_city"), from("email", "email")]);
    let schema = good(&mapped).schema;
    let program = program_with(&job(), &COLUMNS, schema, false).expect("a good job");
    let uses: Vec<Use> = program.schema.attributes.iter().map(|column| column.use_now).collect();
    assert_eq!(uses, [Use::Left, Use::Clearing, Use::Left]);
    assert_eq!(
        (&program.rules.clearing_attributes[..], &program.rules.clearing_flags[..]),
        (&[1][..], &[][..])
    );
}

/// semantics 5.3, row Nested: whether a null should clear is a rule, though it never does.
#[test]
fn a_nested_target_keeps_its_value_on_null_and_knows_whether_it_should() {
    let mut nested = from("city", "home.city");
    nested.target_kind = Some(TargetKind::Nested);
    let rule = |mapping| good(&job().map([mapping])).rules.attributes[0];
    assert!(!rule(nested.clone()).clear_on_null && rule(nested.clone()).keeps_on_null);
    let digest = |mapping| good(&job().map([mapping])).digest;
    let leaves = PropertyMapping { clear_on_null: false, ..nested.clone() };
    assert!(!rule(leaves.clone()).keeps_on_null);
    assert_ne!(digest(nested), digest(leaves), "compared again after an edit");
    assert!(!rule(from("city", "home_city")).keeps_on_null);
}

/// semantics 4.2, row "collection → None": what takes records back is known without a single column.
#[test]
fn a_program_that_reads_nothing_has_the_rules_of_one_that_reads() {
    let mut nested = from("city", "home.city");
    nested.target_kind = Some(TargetKind::Nested);
    let flag = GroupTarget::Flag { attribute: "is_vip".into() };
    let job = wide()
        .map([nested, expression("record.email", "address"), from("vip", "email_open_tracking_disabled")])
        .map([from("extra", "current_location"), from("vip", "a_flag"), from("id", "number")])
        .group("vips", GroupRule::Column("vip".into()), Some(flag));
    let reading = good(&job);
    let around = |columns| Surroundings {
        columns,
        schema: reading.schema.clone(),
        hash_key: testing::hash_key(),
        address_key: testing::hash_key(),
        now: testing::at(0),
        full: false,
        adopt: false,
        elsewhere: &|_| false,
    };
    let program = build(&job, around(None)).expect("a good job");
    assert_eq!(program.rules.attributes, reading.rules.attributes);
    assert_eq!(program.rules.groups, reading.rules.groups);
    assert_eq!((&program.shape, &program.schema), (&reading.shape, &reading.schema));
    assert_eq!((program.digest, program.columns.len()), (reading.digest, 0));
    assert!(program.alignment.kind_changes.is_empty() && program.alignment.cleared.is_empty());
    assert!(build(&job, around(Some(&[]))).is_err(), "a relation without columns is another thing");
}

/// semantics 7.3, Flag: its column is cleared when its mapping is gone, for those who leave too.
#[test]
fn a_flag_is_cleared_when_it_is_unmapped() {
    let flag = GroupTarget::Flag { attribute: "is_vip".into() };
    let schema = good(&job().group("vip", GroupRule::Column("vip".into()), Some(flag))).schema;
    let program = program_with(&job(), &COLUMNS, schema, false).expect("a good job");
    assert_eq!((program.rules.clearing_attributes, program.rules.clearing_flags), (vec![0], vec![0]));
}

/// semantics 4.1, another JSON kind: once a person let it change, values of the new kind are what counts.
#[test]
fn a_changed_kind_is_the_one_that_counts_once_it_is_allowed() {
    let schema = good(&job().map([from("city", "place")])).schema;
    let program =
        program_with(&job().map([from("vip", "place")]), &COLUMNS, schema, false).expect("a good job");
    assert_eq!(program.alignment.kind_changes, [("place".to_owned(), JsonKind::String, JsonKind::Bool)]);
    assert_eq!(program.sources[0].kind, Some(JsonKind::Bool));
}
