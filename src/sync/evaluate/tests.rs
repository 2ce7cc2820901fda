//! From rows to what they want.

use super::*;
use crate::data::ColumnKind;
use crate::sync::job::{Collection, GroupRule, Job};
use crate::sync::program::testing::{
    element, expression, from, hash_key, job, program, program_with, subscription,
};
use crate::sync::schema::Schema;

const COLUMNS: [(&str, ColumnKind); 5] = [
    ("id", ColumnKind::Integer),
    ("email", ColumnKind::Text),
    ("tags", ColumnKind::Json),
    ("vip", ColumnKind::Bool),
    ("score", ColumnKind::Dynamic),
];

/// What pushes one row: `id`, then the columns in the order in which the program reads them.
type Push<'a> = &'a dyn Fn(&mut RowBatch);

fn evaluated(program: &Program, rows: &[Push<'_>]) -> Records {
    let mut batch = RowBatch::new(program.columns.len());
    for push in rows {
        push(&mut batch);
        batch.end_row();
    }
    let mut records = Records::default();
    let mut evaluator = Evaluator::new(program);
    evaluator.evaluate(&batch, &mut records);
    evaluator.assume_kinds(&mut records);
    records
}

fn of(job: &Job) -> Program {
    program(job, &COLUMNS).expect("a good job")
}

fn tags() -> Job {
    job().map([from("tags", "tags")]).group(
        "vip",
        GroupRule::Column("vip".into()),
        Some(element("segments", "vip")),
    )
}

fn tag_row(id: i64, tags: &str, vip: bool) -> impl Fn(&mut RowBatch) {
    move |batch| {
        batch.push(Cell::Int(id));
        batch.push_json(tags);
        batch.push(Cell::Bool(vip));
    }
}

/// The key's column is read first, whatever the order of mappings; each column once.
#[test]
fn the_key_comes_first() {
    let mut job = job().map([from("email", "email"), from("id", "number")]);
    job.properties.rotate_left(1);
    assert_eq!(of(&job).columns, ["id", "email"]);
}

/// semantics 2.1 and 5.1: a fingerprint changes with values, memberships and the key, and with nothing else; arrays
/// are sets (semantics 1).
#[test]
fn a_fingerprint_changes_with_what_is_wanted_and_with_nothing_else() {
    let program = of(&tags());
    let rows: [Push<'_>; 6] = [
        &tag_row(1, r#"["a","b"]"#, true),
        &tag_row(1, r#"["b","a"]"#, true),
        &tag_row(1, r#"["a"]"#, true),
        &tag_row(1, r#"["a","b"]"#, false),
        &tag_row(2, r#"["a","b"]"#, true),
        &tag_row(1, "null", true),
    ];
    let records = evaluated(&program, &rows);
    let fingerprints: Vec<u64> = records.rows.iter().map(|row| row.fingerprint).collect();
    assert_eq!(fingerprints[0], fingerprints[1]);
    for (n, other) in fingerprints.iter().enumerate().skip(2) {
        assert_ne!(fingerprints[0], *other, "row {n}");
    }
    assert!(records.rows.iter().all(|row| row.fingerprint == row.remember && row.remember > NEVER_EQUAL));
    assert_ne!(records.rows[0].key_hash, records.rows[4].key_hash);
}

/// semantics 13.3: in a full resync nothing counts as equal, and what is remembered is what a usual run compares.
#[test]
fn a_full_resync_compares_every_record() {
    let row = tag_row(1, r#"["a"]"#, true);
    let usual = evaluated(&of(&tags()), &[&row]).rows[0];
    let program = program_with(&tags(), &COLUMNS, Schema::default(), true).expect("a good job");
    let records = evaluated(&program, &[&row]);
    assert_eq!((records.rows[0].fingerprint, records.rows[0].remember), (NEVER_EQUAL, usual.fingerprint));
    assert_eq!(records.candidate(0).fingerprint, usual.fingerprint);
}

/// semantics 2.3, row 2: a record outside of the collection is a member of nothing, and nothing of it is counted.
#[test]
fn a_row_outside_of_the_collection_wants_nothing() {
    let mut job = tags();
    job.collection = Collection::Group("vip".into());
    let program = of(&job);
    let records =
        evaluated(&program, &[&tag_row(1, r#"[["nested"]]"#, false), &tag_row(2, r#"["a"]"#, true)]);
    assert_eq!(records.rows[0].wanted, Membership::NotMember);
    assert_eq!(
        (records.rows[0].fingerprint, records.memberships(0)),
        (NEVER_EQUAL, &[Membership::NotMember][..])
    );
    assert!(records.drops.is_empty());
    assert_eq!(records.rows[1].wanted, Membership::Member);
    assert_eq!(records.value(1, 0).json, br#"["a"]"#, "what stands before does not shift it");
}

/// semantics 7.1.2: the collection's rule could not be evaluated.
#[test]
fn an_unknown_collection_is_neither_in_nor_out() {
    let mut job = job().group("good", GroupRule::When("record.score > 1".into()), None);
    job = job.listed(&[("id", PropertyType::Integer), ("score", PropertyType::Integer)]);
    job.collection = Collection::Group("good".into());
    let program = of(&job);
    let bad = |batch: &mut RowBatch| {
        batch.push(Cell::Int(1));
        batch.push_text("many");
    };
    let null = |batch: &mut RowBatch| {
        batch.push(Cell::Int(2));
        batch.push(Cell::Null);
    };
    let records = evaluated(&program, &[&bad, &null]);
    assert_eq!((records.rows[0].wanted, &records.rule_errors[..]), (Membership::Unknown, &[(0, 0)][..]));
    assert_eq!(records.rows[1].wanted, Membership::NotMember, "null is not a member");
}

/// semantics 7.1.1: true is a member; false and null are not; what is no Boolean is unknown.
#[test]
fn a_boolean_column_tells_members() {
    let job = job().group("good", GroupRule::Column("score".into()), Some(element("segments", "good")));
    let program = of(&job);
    let row = |cell: Cell| {
        move |batch: &mut RowBatch| {
            batch.push(Cell::Int(1));
            batch.push(cell);
        }
    };
    let cells = [Cell::Bool(true), Cell::Bool(false), Cell::Null, Cell::Int(1), Cell::Int(7)];
    let pushes = cells.map(row);
    let rows: Vec<Push<'_>> = pushes.iter().map(|push| push as Push<'_>).collect();
    let records = evaluated(&program, &rows);
    let found: Vec<Membership> = (0..5).map(|row| records.memberships(row)[0]).collect();
    use Membership::{Member, NotMember, Unknown};
    assert_eq!(found, [Member, NotMember, NotMember, Member, Unknown]);
    assert_eq!(records.rule_errors, [(4, 0)]);
}

/// semantics 5.1: a value of another kind than the first is dropped; the record's other attributes go on.
#[test]
fn the_first_value_fixes_the_kind_of_a_target() {
    let job = job().map([from("tags", "anything"), from("email", "email")]);
    let program = of(&job);
    assert_eq!(program.sources[0].kind, None);
    let row = |json: &'static str| {
        move |batch: &mut RowBatch| {
            batch.push(Cell::Int(1));
            batch.push_json(json);
            batch.push_text("ana@example.com");
        }
    };
    let mut batch = RowBatch::new(3);
    for json in [r#"{"a":1}"#, r#"["a"]"#, r#"{"b":2}"#] {
        row(json)(&mut batch);
        batch.end_row();
    }
    let mut evaluator = Evaluator::new(&program);
    let mut records = Records::default();
    evaluator.evaluate(&batch, &mut records);
    let met = [(0, 0, JsonKind::Object), (1, 0, JsonKind::Array), (2, 0, JsonKind::Object)];
    assert_eq!((&records.open[..], records.drops.len()), (&met[..], 0), "nothing is settled yet");
    assert_eq!(records.candidate(1).kinds, [(0, JsonKind::Array)]);
    evaluator.assume_kinds(&mut records);
    assert_eq!(records.rows[1].remember, NEVER_EQUAL);
    assert_eq!(records.drops, [(1, 0, Code::KindMismatch)]);
    assert_eq!(records.row(1).attributes[0], Wanted::Dropped);
    assert!(matches!(records.row(1).attributes[1], Wanted::Value { .. }));
    assert_eq!(records.value(2, 0).json, br#"{"b":2}"#);
    assert_eq!(evaluator.kinds[0], Some(JsonKind::Object), "settled for the next batch");
    evaluator.evaluate(&batch, &mut records);
    assert_eq!((records.drops.len(), records.open.len()), (1, 0));
}

/// semantics 5.6: what a member of an Object is, only the row tells.
#[test]
fn a_dynamic_expression_may_give_any_kind_but_only_one() {
    let program = of(&job().map([expression("record.tags.size", "size")]));
    assert_eq!(program.sources[0].kind, None, "no type fixes it");
    let row = |json: &'static str| {
        move |batch: &mut RowBatch| {
            batch.push(Cell::Int(1));
            batch.push_json(json);
        }
    };
    let rows = [r#"{"size":7}"#, r#"{"size":8.5}"#, r#"{"size":"XL"}"#, "null", r#"{"other":1}"#].map(row);
    let rows: Vec<Push<'_>> = rows.iter().map(|push| push as Push<'_>).collect();
    let records = evaluated(&program, &rows);
    assert_eq!((records.value(0, 0).json, records.value(1, 0).json), (&b"7"[..], &b"8.5"[..]));
    assert_eq!(records.row(3).attributes, [Wanted::Null], "a property that it names is null");
    assert_eq!(records.drops, [(4, 0, Code::ExpressionError), (2, 0, Code::KindMismatch)]);
}

/// semantics 5.6: a standard field takes text alone, whatever the expression gives.
#[test]
fn a_dynamic_expression_gives_a_standard_field_only_what_fits() {
    let program = of(&job().map([expression("record.tags.name", "first_name")]));
    let row = |json: &'static str| {
        move |batch: &mut RowBatch| {
            batch.push(Cell::Int(1));
            batch.push_json(json);
        }
    };
    let records = evaluated(&program, &[&row(r#"{"name":"Ana"}"#), &row(r#"{"name":7}"#)]);
    assert_eq!(records.value(0, 0).json, br#""Ana""#);
    assert_eq!(records.drops, [(1, 0, Code::KindMismatch)]);
}

/// semantics 7.3, Flag: true for members, false for the others, dropped where the rule is unknown.
#[test]
fn a_flag_says_who_is_a_member() {
    let target = crate::sync::job::GroupTarget::Flag { attribute: "is_good".into() };
    let job = job().listed(&[("id", PropertyType::Integer), ("score", PropertyType::Integer)]).group(
        "good",
        GroupRule::When("record.score > 1".into()),
        Some(target),
    );
    let program = of(&job);
    let row = |cell: Cell| {
        move |batch: &mut RowBatch| {
            batch.push(Cell::Int(1));
            batch.push(cell);
        }
    };
    let records = evaluated(&program, &[&row(Cell::Int(2)), &row(Cell::Int(1)), &row(Cell::Bool(true))]);
    assert_eq!((records.value(0, 0).json, records.value(1, 0).json), (&b"true"[..], &b"false"[..]));
    assert_eq!(records.row(2).attributes, [Wanted::Dropped]);
    assert_eq!(records.drops, [(2, 0, Code::ExpressionError)]);
    assert!(program.rules.attributes[0].flag && program.mapped.is_empty());
}

/// semantics 7.4: addresses are compared in lower case; null clears one, a bad one is dropped, `onNull: Leave` keeps it.
#[test]
fn addresses_are_hashed_without_case() {
    let program = of(&job().map([from("email", "email")]));
    let row = |email: Option<&'static str>| {
        move |batch: &mut RowBatch| {
            batch.push(Cell::Int(1));
            match email {
                Some(email) => batch.push_text(email),
                None => batch.push(Cell::Null),
            }
        }
    };
    let rows =
        [Some("Ana@Example.com"), Some("ana@example.COM"), Some("bea@example.com"), None, Some("nobody")]
            .map(row);
    let rows: Vec<Push<'_>> = rows.iter().map(|push| push as Push<'_>).collect();
    let records = evaluated(&program, &rows);
    let addresses: Vec<Address> = records.rows.iter().map(|row| row.email).collect();
    assert_eq!(addresses[0], addresses[1]);
    assert_ne!(records.row(0).attributes, records.row(1).attributes, "the value keeps its case");
    assert_ne!(addresses[0], addresses[2]);
    assert_eq!(addresses[3..], [Address::Missing, Address::Dropped]);
    assert!(records.rows.iter().all(|row| row.phone == Address::Unmapped));
    assert_eq!(addresses[0], Address::Known(program.address_key.hash(b"ana@example.com")));
    let mut job = job().map([from("email", "email")]);
    job.properties[1].clear_on_null = false;
    assert_eq!(evaluated(&of(&job), &[&row(None)]).rows[0].email, Address::Dropped);
}

/// semantics 5.5: consent values that opt in are told from those that opt out.
#[test]
fn an_opt_in_is_told_from_an_opt_out() {
    let program = of(&job().map([from("email", "email_subscribe")]));
    let row = |text: &'static str| {
        move |batch: &mut RowBatch| {
            batch.push(Cell::Int(1));
            batch.push_text(text);
        }
    };
    let records = evaluated(&program, &[&row("Subscribed"), &row("opted_in"), &row("unsubscribed")]);
    let opt_ins: Vec<bool> =
        (0..3).map(|n| matches!(records.row(n).attributes[0], Wanted::Value { opt_in: true, .. })).collect();
    assert_eq!(opt_ins, [true, true, false]);
}

/// semantics 2.3: a row without a usable key names no record, so nothing of it is counted; those after it are whole.
#[test]
fn a_row_without_a_key_is_named_and_nothing_else() {
    let program = of(&tags());
    let null = |batch: &mut RowBatch| {
        batch.push(Cell::Null);
        batch.push_json("[[1]]");
        batch.push(Cell::Bool(true));
    };
    let records = evaluated(&program, &[&null, &tag_row(5, r#"["a"]"#, true)]);
    assert_eq!(records.rows[0].key, Err(KeyProblem::KeyNull));
    assert!(records.drops.is_empty() && records.rule_errors.is_empty());
    assert_eq!((records.key(1), records.value(1, 0).json), (&b"5"[..], &br#"["a"]"#[..]));
}

/// A candidate owns the same row.
#[test]
fn a_candidate_is_the_row_it_was_made_of() {
    let job = tags().map([from("email", "email")]).group(
        "news",
        GroupRule::When("has(record.email)".into()),
        Some(subscription()),
    );
    let program = of(&job);
    let row = |batch: &mut RowBatch| {
        for column in &program.columns {
            match column.as_str() {
                "id" => batch.push(Cell::Int(1)),
                "tags" => batch.push_json(r#"["a"]"#),
                "vip" => batch.push(Cell::Bool(true)),
                _ => batch.push_text("ana@example.com"),
            }
        }
    };
    let records = evaluated(&program, &[&row, &row]);
    let candidate = records.candidate(1);
    assert_eq!(candidate.row().attributes, records.row(1).attributes);
    assert_eq!(candidate.row().memberships, records.row(1).memberships);
    assert_eq!((candidate.row().email, candidate.row().key), (records.row(1).email, records.key(1)));
    for attribute in 0..2 {
        assert_eq!(candidate.value(attribute).json, records.value(1, attribute).json);
    }
    assert_eq!(candidate.key_hash, hash_key().hash(b"1"));
}
