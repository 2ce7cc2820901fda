use super::super::Fault::{
    self, ConversionFailed, DivisionByZero, NoSuchKey, NotConvertible, NotSendable, Overflow,
};
use super::super::Membership::{Member, NotMember, Unknown};
use super::super::Purpose::{Group, Mapping};
use super::super::{Input, Output, ResultType};
use super::{NOW, PROPERTIES, compile, membership, membership_with, value, value_with};
use crate::sync::value::{Prop, PropertyType, json};

/// semantics 7.1.2: true or false decides.
#[test]
fn true_is_a_member_and_false_is_not() {
    assert_eq!(membership("record.plan == 'pro'"), Member);
    assert_eq!(membership("record.plan == 'free'"), NotMember);
}

/// semantics 7.1.2: an error while a property it names is null = not a member.
#[test]
fn an_error_while_a_property_is_null_is_not_a_member() {
    let null = [("points", Input::Null)];
    assert_eq!(membership_with("record.points > 100", &null), NotMember);
    assert_eq!(membership_with("!(record.points > 100)", &null), NotMember);
    assert_eq!(membership_with("record.points + 1 == 1 || record.plan == 'free'", &null), NotMember);
    // Another property's error, while this one is null.
    assert_eq!(membership_with("record.id / 0 == 1 && record.points == null", &null), NotMember);
    assert_eq!(membership_with("record.address.city == 'x'", &[("address", Input::Null)]), NotMember);
    assert_eq!(
        membership_with("record.address.city == 'x'", &[("address", Input::Json(" null"))]),
        NotMember
    );
}

/// semantics 7.1.2: true or false decides, with a null too: only an error has the meaning of null.
#[test]
fn a_null_that_makes_no_error_is_compared_as_cel_does() {
    let null = [("points", Input::Null)];
    assert_eq!(membership_with("record.points == null", &null), Member);
    assert_eq!(membership_with("record.points != 5", &null), Member);
    assert_eq!(membership_with("record.points == 5", &null), NotMember);
    assert_eq!(membership_with("record.points > 100 || record.vip", &null), Member);
    assert_eq!(membership_with("record.vip || record.points > 100", &null), Member);
    assert_eq!(membership_with("!(record.points > 100 && !record.vip)", &null), Member);
}

/// semantics 7.1.2: a property whose conversion failed is not null: a rule that needs it is unknown.
#[test]
fn a_rule_that_needs_a_failed_property_is_unknown() {
    assert_eq!(membership("record.broken > 1"), Unknown(ConversionFailed));
    assert_eq!(membership("record.broken == null"), Unknown(ConversionFailed));
    assert_eq!(membership("has(record.broken)"), Unknown(ConversionFailed));
    // A null beside it changes nothing, on whichever side it stands.
    let null = [("points", Input::Null)];
    assert_eq!(membership_with("record.broken > 1 && record.points > 1", &null), Unknown(ConversionFailed));
    assert_eq!(membership_with("record.points > 1 && record.broken > 1", &null), Unknown(ConversionFailed));
    assert_eq!(membership_with("record.points > 1 || record.broken > 1", &null), Unknown(ConversionFailed));
    assert_eq!(membership_with("record.tags.exists(t, record.broken > 1)", &null), Unknown(ConversionFailed));
    assert_eq!(membership("record.address.city == 'x'").to_owned(), NotMember);
    assert_eq!(
        membership_with("record.address.city == 'x'", &[("address", Input::Json("{"))]),
        Unknown(ConversionFailed)
    );
}

/// semantics 7.1.2: what the rule does not need does not matter.
#[test]
fn a_failed_property_that_is_not_needed_changes_nothing() {
    assert_eq!(membership("record.vip || record.broken > 1"), Member);
    assert_eq!(membership("record.broken > 1 || record.vip"), Member);
    assert_eq!(membership("record.broken > 1 && record.plan == 'free'"), NotMember);
    assert_eq!(membership("record.vip ? true : record.broken > 1"), Member);
}

/// semantics 7.1.2: any other error = unknown.
#[test]
fn any_other_error_is_unknown() {
    assert_eq!(membership("record.points / (record.id - 7) > 1"), Unknown(DivisionByZero));
    assert_eq!(membership("int(record.plan) > 1"), Unknown(NotConvertible));
    assert_eq!(membership("record.tags[2] == 'a'"), Unknown(NoSuchKey));
    assert_eq!(membership("record.address.street == 'x'"), Unknown(NoSuchKey));
    assert_eq!(membership("record.id + 9223372036854775807 > 1"), Unknown(Overflow));
}

/// semantics 5.6: `now` is the start of the run in whole seconds.
#[test]
fn now_is_cut_to_whole_seconds() {
    assert_eq!(membership("now == timestamp('2026-01-31T12:00:00Z')"), Member);
    assert_eq!(membership("now.getMilliseconds() == 0"), Member);
    assert_eq!(membership("record.seen > now - duration('744h')"), Member);
    assert_eq!(membership("record.seen > now - duration('720h')"), NotMember);
    let rule = |source| compile(source, Group).unwrap();
    assert!(rule("record.seen > now").uses_now());
    assert!(!rule("record.seen > timestamp('2026-01-31T12:00:00Z')").uses_now());
}

/// semantics 5.6, first rule: what each type of property is.
#[test]
fn each_property_type_has_its_kind_of_cel() {
    for (name, kind) in [
        ("id", PropertyType::Integer),
        ("email", PropertyType::String),
        ("plan", PropertyType::String),
        ("spend", PropertyType::Float),
        ("ratio", PropertyType::Float),
        ("vip", PropertyType::Boolean),
        ("birthday", PropertyType::Timestamp),
        ("seen", PropertyType::Timestamp),
        ("tags", PropertyType::Array),
        ("address", PropertyType::Object),
    ] {
        let mapping = compile(&format!("record.{name}"), Mapping).unwrap();
        assert_eq!(mapping.result_type(), ResultType::Known(kind), "{name}");
        let output = mapping.value(&|index| PROPERTIES[index].2).unwrap();
        assert_eq!(output.property_type(), Some(kind), "{name}");
    }
}

/// semantics 5.6, first rule: an Integer above 2^63 − 1 is a uint, and compares by its amount.
#[test]
fn an_integer_beyond_63_bit_is_a_uint() {
    let large = [("id", Input::UInt(u64::MAX))];
    assert_eq!(value_with("record.id", &large), Ok(Output::UInt(u64::MAX)));
    assert_eq!(membership_with("record.id > 5", &large), Member);
    assert_eq!(membership_with("record.id == 18446744073709551615u", &large), Member);
    assert_eq!(membership_with("record.id > 1e30", &large), NotMember);
    assert_eq!(value_with("record.id", &[("id", Input::UInt(5))]), Ok(Output::Int(5)));
}

/// Numbers of different types compare by their amount, in both directions and without rounding.
#[test]
fn numbers_of_different_types_compare_by_their_amount() {
    for source in [
        "record.spend > 1000",
        "1000 < record.spend",
        "record.spend <= 1500",
        "record.points == 120.0",
        "record.points != 120.5",
        "record.points in [119.0, 120.0]",
        "record.ratio < record.points",
        "record.points > -0.5",
        "9007199254740993 > 9007199254740992.0",
        "9007199254740993 != 9007199254740992.0",
        "-1 < 1u",
        "-2.5 < -2",
    ] {
        assert_eq!(membership(source), Member, "{source}");
    }
}

/// Not a number is neither less, equal nor greater.
#[test]
fn nan_compares_false() {
    let nan = [("ratio", Input::Double(f64::NAN))];
    for source in [
        "record.ratio < 1.0",
        "record.ratio >= 1",
        "record.ratio == record.ratio",
        "record.ratio in [record.ratio]",
    ] {
        assert_eq!(membership_with(source, &nan), NotMember, "{source}");
    }
}

/// semantics 5.6, third rule: an error while a property it names is null = null.
#[test]
fn a_mapping_error_while_a_property_is_null_is_null() {
    assert_eq!(value("record.nothing + '!'"), Ok(Output::Null));
    assert_eq!(value("record.nothing"), Ok(Output::Null));
    assert_eq!(value("record.nothing.upperAscii() + record.plan"), Ok(Output::Null));
    assert_eq!(value_with("record.address.city", &[("address", Input::Null)]), Ok(Output::Null));
    assert_eq!(
        value_with("record.spend >= 500.0 ? 'gold' : 'basic'", &[("spend", Input::Null)]),
        Ok(Output::Null)
    );
}

/// semantics 5.6, third rule and 7.1.2: any other error, and a failed property, is `ExpressionError`.
#[test]
fn any_other_mapping_error_is_an_error() {
    assert_eq!(value("record.broken + 1"), Err(ConversionFailed));
    assert_eq!(value("record.nothing.size() + record.broken"), Ok(Output::Null));
    assert_eq!(value("[record.nothing == 'x' ? 0 : record.broken]"), Err(ConversionFailed));
    assert_eq!(value("record.points / (record.id - 7)"), Err(DivisionByZero));
    assert_eq!(value("record.address.street"), Err(NoSuchKey));
    assert_eq!(value("[duration('1h')][0]"), Err(NotSendable));
}

/// A member of an Object has a type that only the row tells.
#[test]
fn a_member_of_an_object_is_dynamic() {
    let mapping = compile("record.address.city", Mapping).unwrap();
    assert_eq!(mapping.result_type(), ResultType::Dynamic);
    assert_eq!(value("record.address.city"), Ok(Output::Text("Köln".to_owned())));
    assert_eq!(value("record.address.zip"), Ok(Output::Int(50667)));
    assert_eq!(value("record.address['geo'].lat"), Ok(Output::Double(50.9)));
    assert_eq!(value("record.address.geo"), Ok(Output::Json(r#"{"lat":50.9}"#.to_owned())));
    assert_eq!(value("record.address.gone"), Ok(Output::Null));
    assert_eq!(value("has(record.address.street) ? record.address.street : null"), Ok(Output::Null));
    assert_eq!(value_with("record.address[1]", &[("address", Input::Json("[1,2]"))]), Ok(Output::Int(2)));
}

/// `inputs` names what is read, whatever is evaluated.
#[test]
fn inputs_are_the_properties_that_are_named() {
    let rule =
        compile("record.vip || has(record.plan) || record['first-name'] == record.`first-name`", Group)
            .unwrap();
    let names: Vec<&str> = rule.inputs().iter().map(|index| PROPERTIES[*index].0).collect();
    assert_eq!(names, ["plan", "vip", "first-name"]);
    assert_eq!(membership_with("record['first-name'] == record.`first-name`", &[]), Member);
    assert!(compile("1 + 1", Mapping).unwrap().inputs().is_empty());
    assert!(rule.membership(&|index| PROPERTIES[index].2, NOW) == Member);
}

/// No row value is printed by accident.
#[test]
fn values_do_not_print_themselves() {
    let printed = format!(
        "{:?} {:?} {:?}",
        Input::Text("ana@example.com"),
        Output::Text("ana".to_owned()),
        value("record.email")
    );
    assert!(!printed.contains("ana"), "{printed}");
    for fault in [
        ConversionFailed,
        Fault::WrongType,
        NoSuchKey,
        Overflow,
        DivisionByZero,
        NotConvertible,
        NotSendable,
        Fault::TooMuchWork,
    ] {
        assert!(fault.to_string().contains(' '));
    }
}

/// semantics 5.6, first rule: every converted value has its kind, whichever way an Object or Array comes.
#[test]
fn converted_properties_are_inputs() {
    let text = r#"{"city":"Köln","zip":50667,"big":18446744073709551615,"geo":{"lat":50.9},"gone":null,"tags":["a",1]}"#;
    let object = Prop::Json(json::parse(text).unwrap());
    let parsed = [("address", Input::from(&object))];
    let unparsed = [("address", Input::Json(text))];
    for source in [
        "record.address.city",
        "record.address.zip + 1",
        "record.address.big",
        "record.address.geo.lat * 2.0",
        "record.address.geo",
        "record.address.gone",
        "record.address.tags[1]",
        "record.address['geo'].lat",
        "record.address.tags.map(t, t == 'a')",
        "has(record.address.city) && has(record.address.geo.lat) && !has(record.address.gone)",
        "has(record.address.street)",
        "has(record.address.city.street)",
        "record.address.street",
        "record.address.city.street",
        "size(record.address)",
        "record.address",
    ] {
        assert_eq!(value_with(source, &parsed), value_with(source, &unparsed), "{source}");
    }
    assert_eq!(value_with("record.address.city", &parsed), Ok(Output::Text("Köln".to_owned())));
    let null = Prop::Json(json::Node::Null);
    assert_eq!(value_with("record.address.city", &[("address", Input::from(&null))]), Ok(Output::Null));

    let list = Prop::List(vec![Prop::Text("a".into()), Prop::Int(1), Prop::Null]);
    let replaced = [("tags", Input::from(&list))];
    assert_eq!(membership_with("record.tags == ['a', 1, null] && 'a' in record.tags", &replaced), Member);
    for (name, prop, rule) in [
        ("ratio", Prop::Float32(0.1), "record.ratio == 0.1"),
        ("spend", Prop::Decimal("1000.01".into()), "record.spend == 1000.01"),
        ("birthday", Prop::Date(31), "record.birthday == timestamp('1970-02-01T00:00:00Z')"),
        ("seen", Prop::Instant(1_500_000), "record.seen == timestamp('1970-01-01T00:00:01.5Z')"),
        ("id", Prop::UInt(u64::MAX), "record.id == 18446744073709551615u"),
        ("vip", Prop::Bool(true), "record.vip"),
        ("plan", Prop::Null, "record.plan == null"),
    ] {
        assert_eq!(membership_with(rule, &[(name, Input::from(&prop))]), Member, "{rule}");
    }
}
