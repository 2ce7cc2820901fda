//! semantics 5.3: custom attributes and lists.

use crate::sync::job::{AsKind, TargetKind};

use super::super::{Code, JsonKind, PropertyType, Settings, Target, Warning};
use super::{Way, mapping};

/// semantics 5.3, row custom attribute
#[test]
fn strings_have_at_most_255_characters() {
    let way = Way::of(PropertyType::String);
    let fits = "😀".repeat(255);
    let long = format!("{fits}😀");
    assert_eq!(way.text(&fits), Ok(format!("\"{fits}\"")));
    assert_eq!(way.text(&long), Err(Code::TooLong));
    let way = way.with(|m| m.truncate = true);
    let (json, written) = way.written(&|b| b.push_text(&long)).expect("cut");
    assert_eq!(json, format!("\"{fits}\""));
    assert_eq!(written.and_then(|w| w.warned), Some(Warning::Truncated));
    let unchecked = Way::of(PropertyType::String).with(|m| m.check = false);
    assert_eq!(unchecked.text(&long), Err(Code::TooLong), "check: Off does not skip size");
}

/// semantics 5.3, row array
#[test]
fn lists_have_at_most_500_elements() {
    let list = |range: std::ops::Range<u32>| {
        format!("[{}]", range.map(|i| i.to_string()).collect::<Vec<_>>().join(","))
    };
    let way = Way::of(PropertyType::Array);
    assert_eq!(way.text(&list(0..500)), Ok(list(0..500)));
    assert_eq!(way.text(&list(0..501)), Err(Code::ArrayTooLong));
    let way = way.with(|m| m.truncate = true);
    let (json, written) = way.written(&|b| b.push_text(&list(0..501))).expect("cut");
    assert_eq!(json, list(1..501), "the last 500 stay");
    assert_eq!(written.and_then(|w| w.warned), Some(Warning::Truncated));
}

/// semantics 5.3, row array: duplicates and nulls do not count
#[test]
fn a_list_is_counted_after_duplicates_are_gone() {
    let items = vec!["\"a\""; 600].join(",");
    assert_eq!(Way::of(PropertyType::Array).text(&format!("[{items}]")).as_deref(), Ok("[\"a\"]"));
    let nulls = vec!["null"; 600].join(",");
    assert_eq!(Way::of(PropertyType::Array).text(&format!("[{nulls}]")).as_deref(), Ok("[]"));
}

/// semantics 5.3, row array of objects: no cap on the number of items
#[test]
fn objects_in_a_list_are_not_counted() {
    let items = vec!["{\"a\":1}"; 600].join(",");
    let json = format!("[{items}]");
    assert_eq!(Way::of(PropertyType::Object).json(&json), Ok(json.clone()));
}

#[test]
fn a_target_tells_what_it_is() {
    let settings = Settings::default();
    let target =
        |to: &str, property_type| Target::compile(&mapping(to), property_type, &settings).expect("good");
    let email = target("email", PropertyType::Email);
    assert!(email.is_email() && !email.is_phone() && !email.is_custom() && !email.is_consent());
    assert_eq!(email.key(), b"\"email\":");
    assert_eq!(email.json_kind(), Some(JsonKind::String));
    assert!(email.clears_on_null() && !email.never_null() && email.costs_data_points());
    assert!(target("phone", PropertyType::PhoneNumber).is_phone());
    let consent = target("push_subscribe", PropertyType::String);
    assert!(consent.is_consent() && consent.never_null() && !consent.clears_on_null());
    assert!(consent.is_opt_in(b"\"opted_in\"") && consent.is_opt_in(b"\"subscribed\""));
    assert!(!consent.is_opt_in(b"\"unsubscribed\"") && !email.is_opt_in(b"\"opted_in\""));
    let location = target("current_location", PropertyType::Object);
    assert!(location.never_null() && location.costs_data_points());
    assert!(target("external_id", PropertyType::Integer).is_external_id());
    let odd = target("say \"hi\"", PropertyType::Object);
    assert!(odd.is_custom());
    assert_eq!(odd.key(), br#""say \"hi\"":"#);
    assert_eq!(odd.json_kind(), None);
}

/// semantics 5.3, row targetKind Nested
#[test]
fn a_nested_target_has_a_path_and_no_null() {
    let mut nested = mapping("home.address.zip");
    nested.target_kind = Some(TargetKind::Nested);
    let target = Target::compile(&nested, PropertyType::String, &Settings::default()).expect("good");
    let keys: Vec<&[u8]> = target.path().iter().map(|segment| segment.key()).collect();
    assert_eq!(keys, [&b"\"home\":"[..], b"\"address\":", b"\"zip\":"]);
    assert_eq!(target.path()[2].name(), "zip");
    assert_eq!((target.name(), target.parent()), ("home.address.zip", Some("home")));
    assert!(target.is_nested() && target.never_null() && !target.clears_on_null());
    let custom = Target::compile(&mapping("zip"), PropertyType::String, &Settings::default()).expect("good");
    assert_eq!(custom.parent(), None);
    assert_eq!(custom.path().len(), 1);
}

/// semantics 5.1: the JSON kind is known in advance where types tell it
#[test]
fn kinds_are_known_from_types() {
    let kind = |property_type, as_kind| {
        let mut mapping = mapping("plan");
        mapping.as_kind = as_kind;
        Target::compile(&mapping, property_type, &Settings::default()).expect("good").json_kind()
    };
    assert_eq!(kind(PropertyType::Boolean, None), Some(JsonKind::Bool));
    assert_eq!(kind(PropertyType::Decimal, None), Some(JsonKind::Number));
    assert_eq!(kind(PropertyType::Url, None), Some(JsonKind::String));
    assert_eq!(kind(PropertyType::Timestamp, None), Some(JsonKind::Time));
    assert_eq!(kind(PropertyType::Array, None), Some(JsonKind::Array));
    assert_eq!(kind(PropertyType::Object, None), None);
    assert_eq!(kind(PropertyType::Integer, Some(AsKind::String)), Some(JsonKind::String));
    assert_eq!(kind(PropertyType::String, Some(AsKind::Time)), Some(JsonKind::Time));
    assert_eq!(kind(PropertyType::Boolean, Some(AsKind::Number)), Some(JsonKind::Number));
}
