//! semantics 5.4: null and empty.

use crate::data::Cell;

use super::super::{Code, Prop, PropertyType, Settings, Target};
use super::{Way, mapping};

const ALL: [PropertyType; 12] = [
    PropertyType::String,
    PropertyType::Integer,
    PropertyType::Float,
    PropertyType::Decimal,
    PropertyType::Boolean,
    PropertyType::Date,
    PropertyType::Timestamp,
    PropertyType::Email,
    PropertyType::PhoneNumber,
    PropertyType::Url,
    PropertyType::Array,
    PropertyType::Object,
];

/// semantics 5.4: "Empty text is null unless emptyText: Keep"
#[test]
fn null_and_empty_text_are_null_in_every_type() {
    for property_type in ALL {
        let way = Way::of(property_type);
        assert_eq!(way.cell(&|b| b.push(Cell::Null)).as_deref(), Ok("null"), "{property_type:?}");
        assert_eq!(way.text("").as_deref(), Ok("null"), "{property_type:?}");
    }
}

/// semantics 5.4: "then String sends "" and other types drop it"
#[test]
fn kept_empty_text_is_sent_by_string_and_dropped_by_others() {
    for property_type in ALL {
        let way = Way::of(property_type).set(|s| s.keep_empty_text = true);
        let expected = match property_type {
            PropertyType::String => Ok("\"\""),
            PropertyType::Email => Err(Code::BadEmail),
            PropertyType::PhoneNumber => Err(Code::BadPhone),
            PropertyType::Url => Err(Code::BadUrl),
            PropertyType::Date | PropertyType::Timestamp => Err(Code::BadDate),
            PropertyType::Object => Err(Code::NestedInvalid),
            _ => Err(Code::NotConvertible),
        };
        assert_eq!(way.text("").as_deref().map_err(|code| *code), expected, "{property_type:?}");
        assert_eq!(way.cell(&|b| b.push(Cell::Null)).as_deref(), Ok("null"), "null stays null");
    }
}

/// semantics 5.4: "Text of spaces is text; Email, PhoneNumber and Url are trimmed first"
#[test]
fn spaces_are_text_except_where_they_are_trimmed() {
    assert_eq!(Way::of(PropertyType::String).text("  ").as_deref(), Ok("\"  \""));
    assert_eq!(Way::of(PropertyType::Integer).text("  "), Err(Code::NotConvertible));
    for property_type in [PropertyType::Email, PropertyType::PhoneNumber, PropertyType::Url] {
        assert_eq!(Way::of(property_type).text("  ").as_deref(), Ok("null"), "{property_type:?}");
    }
    for target in ["email", "phone", "image_url"] {
        assert_eq!(Way::of(PropertyType::String).to(target).text(" ").as_deref(), Ok("null"), "{target}");
    }
}

/// semantics 5.4: "A failed conversion is never a null", "JSON null at top is null; {} and [] are values"
#[test]
fn json_null_is_null_and_empty_collections_are_values() {
    let way = Way::of(PropertyType::Object);
    assert_eq!(way.json("null").as_deref(), Ok("null"));
    assert_eq!(way.json(" {} ").as_deref(), Ok("{}"));
    assert_eq!(way.json("[]").as_deref(), Ok("[]"));
    assert_eq!(way.json("nul"), Err(Code::NestedInvalid));
}

/// semantics 5.2, row Array, and 5.4: an empty element is null, and nulls are removed
#[test]
fn empty_elements_are_removed_unless_kept() {
    let push = |batch: &mut crate::data::RowBatch| {
        batch.begin_array();
        batch.push_text("a");
        batch.push_text("");
        batch.end_array();
    };
    assert_eq!(Way::of(PropertyType::Array).cell(&push).as_deref(), Ok("[\"a\"]"));
    let keep = Way::of(PropertyType::Array).set(|s| s.keep_empty_text = true);
    assert_eq!(keep.cell(&push).as_deref(), Ok("[\"a\",\"\"]"));
}

/// semantics 5.4: the empty text of an expression is judged like that of a property
#[test]
fn an_empty_result_is_null_for_the_target() {
    let empty = Prop::Text("".into());
    let target = |settings: &Settings| {
        Target::compile(&mapping("plan"), PropertyType::String, settings).expect("good")
    };
    assert!(target(&Settings::default()).is_null(&empty));
    let keep = Settings { keep_empty_text: true, ..Settings::default() };
    assert!(!target(&keep).is_null(&empty));
    assert!(target(&keep).is_null(&Prop::Null));
}
