//! semantics 5.3: what is `InvalidSpec` before any row is read.

use crate::sync::job::{AsKind, Origin, PropertyMapping, TargetKind};

use super::super::{PropertyType, Settings, SpecProblem, Target, conflict};
use super::mapping;

fn compile(mapping: &PropertyMapping, property_type: PropertyType) -> Result<Target, SpecProblem> {
    Target::compile(mapping, property_type, &Settings::default())
}

fn refused(to: &str, property_type: PropertyType) -> bool {
    compile(&mapping(to), property_type).is_err()
}

fn of_kind(to: &str, kind: TargetKind) -> PropertyMapping {
    PropertyMapping { target_kind: Some(kind), ..mapping(to) }
}

/// semantics 5.3, row first_name: "other types without `as: String`"
#[test]
fn text_fields_want_text() {
    for to in [
        "first_name",
        "last_name",
        "home_city",
        "email",
        "phone",
        "country",
        "language",
        "gender",
        "time_zone",
    ] {
        for property_type in
            [PropertyType::Integer, PropertyType::Boolean, PropertyType::Date, PropertyType::Object]
        {
            let problem = compile(&mapping(to), property_type).expect_err("no text").to_string();
            assert!(problem.contains(to) && problem.contains(&format!("{property_type:?}")), "{problem}");
        }
        assert!(!refused(to, PropertyType::String), "{to}");
    }
    let as_string = PropertyMapping { as_kind: Some(AsKind::String), ..mapping("first_name") };
    assert!(compile(&as_string, PropertyType::Integer).is_ok());
    assert!(compile(&as_string, PropertyType::Object).is_err());
}

/// semantics 5.3, rows dob, current_location, tracking flags, session dates, facebook, twitter
#[test]
fn other_standard_fields_want_their_types() {
    let table = [
        ("dob", vec![PropertyType::Date, PropertyType::String]),
        ("current_location", vec![PropertyType::Object]),
        ("facebook", vec![PropertyType::Object]),
        ("twitter", vec![PropertyType::Object]),
        ("email_open_tracking_disabled", vec![PropertyType::Boolean]),
        ("email_click_tracking_disabled", vec![PropertyType::Boolean]),
        ("date_of_first_session", vec![PropertyType::Date, PropertyType::Timestamp]),
        ("marked_email_as_spam_at", vec![PropertyType::Date, PropertyType::Timestamp]),
    ];
    for (to, good) in table {
        for property_type in [
            PropertyType::String,
            PropertyType::Integer,
            PropertyType::Boolean,
            PropertyType::Date,
            PropertyType::Timestamp,
            PropertyType::Array,
            PropertyType::Object,
        ] {
            assert_eq!(!refused(to, property_type), good.contains(&property_type), "{to} {property_type:?}");
        }
    }
}

/// semantics 5.3, row dob: conversions that give a day
#[test]
fn a_timestamp_is_no_birthday_even_as_text() {
    let as_text = PropertyMapping { as_kind: Some(AsKind::String), ..mapping("dob") };
    assert!(compile(&as_text, PropertyType::Timestamp).is_err());
    assert!(compile(&as_text, PropertyType::Date).is_ok());
}

/// semantics 5.3, row external_id: the primary key, by `from`
#[test]
fn external_id_comes_by_from_and_from_a_key_type() {
    for property_type in
        [PropertyType::String, PropertyType::Integer, PropertyType::Decimal, PropertyType::Email]
    {
        assert!(!refused("external_id", property_type), "{property_type:?}");
    }
    for property_type in [PropertyType::Float, PropertyType::Boolean, PropertyType::PhoneNumber] {
        assert!(refused("external_id", property_type), "{property_type:?}");
    }
    let constant = PropertyMapping { origin: Origin::Value("7".to_owned()), ..mapping("external_id") };
    assert_eq!(compile(&constant, PropertyType::String).err(), Some(SpecProblem::BadExternalId));
    let converted = PropertyMapping { as_kind: Some(AsKind::String), ..mapping("external_id") };
    assert_eq!(compile(&converted, PropertyType::Integer).err(), Some(SpecProblem::BadExternalId));
}

/// semantics 5.3, row braze_id, user_alias, …
#[test]
fn reserved_names_are_refused() {
    for to in [
        "braze_id",
        "user_alias",
        "alias_name",
        "alias_label",
        "push_tokens",
        "push_token_import",
        "subscription_groups",
        "email_subscription_info",
        "bio",
        "_update_existing_only",
        "_merge_objects",
    ] {
        assert!(refused(to, PropertyType::String), "{to}");
        assert!(compile(&of_kind(to, TargetKind::Custom), PropertyType::String).is_err(), "{to}");
    }
}

/// semantics 5.3, row names
#[test]
fn bad_names_are_refused() {
    for to in ["", "$plan", " plan", "plan ", "a.b"] {
        assert!(refused(to, PropertyType::String), "{to:?}");
    }
    assert!(refused(&"a".repeat(256), PropertyType::String));
    for to in ["plan", "Plan name", "é", "_x", "a$b", &"é".repeat(255)] {
        assert!(!refused(to, PropertyType::String), "{to:?}");
    }
    assert!(
        compile(&of_kind("a.b", TargetKind::Custom), PropertyType::String).is_ok(),
        "the dot is part of the name"
    );
}

/// semantics 5.3, row targetKind
#[test]
fn kinds_must_agree_with_names() {
    assert!(compile(&of_kind("email", TargetKind::Standard), PropertyType::String).is_ok());
    assert!(compile(&of_kind("plan", TargetKind::Standard), PropertyType::String).is_err());
    assert!(compile(&of_kind("email", TargetKind::Custom), PropertyType::String).is_err());
    for to in
        ["home", "a.b.c.d.e.f", "a..b", "a.$b", "a b.c", ".a", "a.", "email.x", "current_location.longitude"]
    {
        assert!(compile(&of_kind(to, TargetKind::Nested), PropertyType::String).is_err(), "{to}");
    }
    assert!(compile(&of_kind("a.b.c.d.e", TargetKind::Nested), PropertyType::String).is_ok());
}

/// semantics 5.2, the conversions of each type
#[test]
fn conversions_that_do_not_exist_are_refused() {
    use PropertyType as T;
    let table = [
        (
            AsKind::String,
            vec![T::Boolean, T::Integer, T::Float, T::Decimal, T::String, T::Email, T::Date, T::Timestamp],
        ),
        (AsKind::Number, vec![T::Boolean, T::Integer, T::Float, T::Decimal, T::String]),
        (AsKind::Boolean, vec![T::Boolean, T::String]),
        (AsKind::Time, vec![T::String, T::Date, T::Timestamp]),
    ];
    for (kind, good) in table {
        for property_type in [
            T::Boolean,
            T::Integer,
            T::Float,
            T::Decimal,
            T::String,
            T::Email,
            T::Date,
            T::Timestamp,
            T::Array,
            T::Object,
        ] {
            let mapping = PropertyMapping { as_kind: Some(kind), ..mapping("plan") };
            assert_eq!(
                compile(&mapping, property_type).is_ok(),
                good.contains(&property_type),
                "{property_type:?} {kind:?}"
            );
        }
    }
}

/// semantics 5.4: "a constant cannot be null"
#[test]
fn a_constant_that_could_never_be_sent_is_refused() {
    let constant =
        |to: &str, text: &str| PropertyMapping { origin: Origin::Value(text.to_owned()), ..mapping(to) };
    assert!(compile(&constant("origin", "warehouse"), PropertyType::String).is_ok());
    assert_eq!(
        compile(&constant("origin", ""), PropertyType::String).err(),
        Some(SpecProblem::EmptyConstant("origin".to_owned()))
    );
    let keep = Settings { keep_empty_text: true, ..Settings::default() };
    assert!(Target::compile(&constant("origin", ""), PropertyType::String, &keep).is_ok());
    let problem = compile(&constant("country", "Atlantis"), PropertyType::String).expect_err("no country");
    assert!(problem.to_string().contains("BadCountry"), "{problem}");
    assert!(compile(&constant("origin", "a\0"), PropertyType::String).is_err());
}

/// semantics 2.4: "One target twice in one Destination: InvalidSpec"; 5.3, row Nested
#[test]
fn targets_that_exclude_each_other_are_found() {
    let custom = |to: &str| compile(&mapping(to), PropertyType::String).expect("good");
    let nested = |to: &str| compile(&of_kind(to, TargetKind::Nested), PropertyType::String).expect("good");
    let object = compile(&mapping("other"), PropertyType::Object).expect("good");
    let location = compile(&mapping("current_location"), PropertyType::Object).expect("good");
    let dotted = compile(&of_kind("home.zip", TargetKind::Custom), PropertyType::String).expect("good");
    assert_eq!(
        conflict(&[custom("a"), custom("b"), nested("home.zip"), nested("home.city"), location, dotted]),
        None
    );
    assert_eq!(conflict(&[custom("a"), custom("a")]), Some(SpecProblem::MappedTwice("a".to_owned())));
    for pair in [[custom("home"), nested("home.zip")], [nested("home.zip"), custom("home")]] {
        assert!(matches!(conflict(&pair), Some(SpecProblem::Overlap { .. })), "{pair:?}");
    }
    let inside = [nested("home.address"), nested("home.address.zip")];
    assert!(matches!(conflict(&inside), Some(SpecProblem::Overlap { .. })));
    let merged = [object.clone(), nested("home.zip")];
    assert!(matches!(conflict(&merged), Some(SpecProblem::WholeObject { .. })));
    assert_eq!(conflict(&[object, custom("a")]), None);
}
