//! semantics 5.3: objects, lists of objects and Nested keys.

use crate::sync::job::TargetKind;

use super::super::{Code, JsonKind, Prop, PropertyType, Warning};
use super::Way;

fn object() -> Way {
    Way::of(PropertyType::Object)
}

/// semantics 5.3, row object: "names ≤ 255, no space, `.`, `$`"
#[test]
fn bad_names_drop_the_whole_object() {
    for name in ["a b", "a.b", "$a", "a$", "", " a"] {
        assert_eq!(object().json(&format!(r#"{{"ok":1,"{name}":2}}"#)), Err(Code::NestedInvalid), "{name:?}");
        assert_eq!(
            object().json(&format!(r#"{{"in":{{"{name}":2}}}}"#)),
            Err(Code::NestedInvalid),
            "{name:?}"
        );
        assert_eq!(object().json(&format!(r#"[{{"{name}":2}}]"#)), Err(Code::NestedInvalid), "{name:?}");
    }
    let long = "a".repeat(256);
    assert_eq!(object().json(&format!(r#"{{"{long}":1}}"#)), Err(Code::NestedInvalid));
    assert!(object().json(&format!(r#"{{"{}":1}}"#, &long[1..])).is_ok());
}

/// semantics 5.3, row object: "nulls stripped"
#[test]
fn nulls_are_stripped_on_every_level() {
    assert_eq!(
        object().json(r#"{"a":null,"b":{"c":null,"d":1},"e":[null,1,null]}"#).as_deref(),
        Ok(r#"{"b":{"d":1},"e":[1]}"#)
    );
    assert_eq!(object().json(r#"{"a":null}"#).as_deref(), Ok("{}"));
    assert_eq!(object().json(r#"[null,{"a":null,"b":1}]"#).as_deref(), Ok(r#"[{"b":1}]"#));
}

/// semantics 5.3, row object: "valid `$time`"
#[test]
fn times_inside_objects_are_valid_or_drop_it() {
    let good = r#"{"at":{"$time":"2024-02-29T12:00:00Z"}}"#;
    assert_eq!(object().json(good).as_deref(), Ok(good));
    assert!(object().json(r#"[{"at":{"$time":"2024-02-29"}}]"#).is_ok());
    for bad in [
        r#"{"at":{"$time":"soon"}}"#,
        r#"{"at":{"$time":"2024-02-30"}}"#,
        r#"{"at":{"$time":"3001-01-01T00:00:00Z"}}"#,
        r#"{"at":{"$time":null}}"#,
        r#"{"at":{"$time":5}}"#,
        r#"{"at":{"$time":"2024-02-29","x":1}}"#,
        r#"{"$time":"2024-02-29"}"#,
    ] {
        assert_eq!(object().json(bad), Err(Code::NestedInvalid), "{bad}");
    }
}

/// semantics 5.3, row object: Braze keeps no lists of lists
#[test]
fn lists_of_lists_inside_objects_drop_it() {
    assert_eq!(object().json(r#"{"a":[[1]]}"#), Err(Code::NestedInvalid));
    assert!(object().json(r#"{"a":[{"b":[1]}]}"#).is_ok());
}

/// semantics 9.1: "never `inc`, `$add`": an object that Braze would take for an operation is not sent
#[test]
fn an_object_that_looks_like_an_operation_is_dropped() {
    for json in
        [r#"{"inc":1}"#, r#"{"add":["a"]}"#, r#"{"remove":["a"],"add":["b"]}"#, r#"{"$add":[{"a":1}]}"#]
    {
        assert_eq!(object().json(json), Err(Code::NestedInvalid), "{json}");
    }
    assert!(object().json(r#"{"add":1,"total":2}"#).is_ok());
}

/// semantics 5.3, row custom attribute: strings ≤ 255 characters, also inside arrays and objects
#[test]
fn long_text_inside_is_too_long_or_cut() {
    let long = "ä".repeat(256);
    let cut = "ä".repeat(255);
    for (property_type, json, short) in [
        (PropertyType::Object, format!(r#"{{"a":{{"b":"{long}"}}}}"#), format!(r#"{{"a":{{"b":"{cut}"}}}}"#)),
        (PropertyType::Object, format!(r#"[{{"b":"{long}"}}]"#), format!(r#"[{{"b":"{cut}"}}]"#)),
        (PropertyType::Array, format!(r#"["{long}"]"#), format!(r#"["{cut}"]"#)),
    ] {
        assert_eq!(Way::of(property_type).json(&json), Err(Code::TooLong));
        let way = Way::of(property_type).with(|m| m.truncate = true);
        let (sent, written) = way.written(&|b| b.push_json(&json)).expect("cut");
        assert_eq!(sent, short);
        assert_eq!(written.and_then(|w| w.warned), Some(Warning::Truncated));
        assert_eq!(Way::of(property_type).json(&short).as_deref(), Ok(&*short));
    }
}

/// semantics 5.3, rows array and object: ≤ 100 KB
#[test]
fn what_is_above_100_kb_is_too_large() {
    let items = |n: usize| {
        let text = "x".repeat(240);
        (0..n).map(|i| format!(r#""k{i}":"{text}""#)).collect::<Vec<_>>().join(",")
    };
    assert_eq!(object().json(&format!("{{{}}}", items(420))), Err(Code::TooLarge));
    assert!(object().json(&format!("{{{}}}", items(390))).is_ok());
    let texts: Vec<String> = (0..450).map(|i| format!("\"{i}{}\"", "x".repeat(240))).collect();
    assert_eq!(Way::of(PropertyType::Array).json(&format!("[{}]", texts.join(","))), Err(Code::TooLarge));
    let way = object().with(|m| m.truncate = true);
    assert_eq!(way.json(&format!("{{{}}}", items(420))), Err(Code::TooLarge), "an object is never cut");
}

/// semantics 5.3: "`check: Off` skips the target's rule, but not size"
#[test]
fn unchecked_objects_still_have_a_size() {
    let way = object().with(|m| m.check = false);
    assert_eq!(way.json(r#"{"a b":1,"$x":[[2]]}"#).as_deref(), Ok(r#"{"a b":1,"$x":[[2]]}"#));
    let long = "a".repeat(256);
    assert_eq!(way.json(&format!(r#"{{"a":"{long}"}}"#)), Err(Code::TooLong));
    assert_eq!(way.json(&format!(r#"{{"{long}":1}}"#)), Err(Code::NestedInvalid));
}

/// semantics 5.3, row targetKind Nested: "Date and Timestamp as `{"$time": …}`"
#[test]
fn nested_times_are_wrapped() {
    let nested = |property_type| {
        Way::of(property_type).to("home.at").with(|m| m.target_kind = Some(TargetKind::Nested))
    };
    nested(PropertyType::Date).sends(&[("2024-02-29", r#"{"$time":"2024-02-29T00:00:00Z"}"#)]);
    nested(PropertyType::Timestamp)
        .sends(&[("2024-02-29T12:00:00.5Z", r#"{"$time":"2024-02-29T12:00:00.500Z"}"#)]);
    nested(PropertyType::String).sends(&[("2024-02-29", "\"2024-02-29\"")]);
    nested(PropertyType::Decimal).sends(&[("10.50", "10.5")]);
    nested(PropertyType::Object).sends(&[(r#"{"a":null,"b":1}"#, r#"{"b":1}"#)]);
    nested(PropertyType::Array).sends(&[(r#"["a",null]"#, r#"["a"]"#)]);
    let long = "x".repeat(256);
    nested(PropertyType::String).refuses(Code::TooLong, &[&long]);
}

/// semantics 5.6: an expression may give a list of objects, or a time that no calendar of Braze has
#[test]
fn results_of_expressions_are_written_like_columns() {
    let node = super::super::json::parse(r#"{"a":1,"b":null}"#).expect("JSON");
    let list = Prop::List(vec![Prop::Json(node.clone()), Prop::Null, Prop::Json(node)]);
    let (json, written) = Way::of(PropertyType::Array).write(&list).expect("sent");
    assert_eq!(json, r#"[{"a":1},{"a":1}]"#);
    assert_eq!(written.map(|w| w.kind), Some(JsonKind::Array));
    let mixed = Prop::List(vec![Prop::Int(1), Prop::List(vec![])]);
    assert_eq!(Way::of(PropertyType::Array).write(&mixed), Err(Code::ArrayMixed));
    for value in [Prop::Date(i32::MAX), Prop::Instant(i64::MAX)] {
        assert_eq!(Way::of(PropertyType::Timestamp).write(&value), Err(Code::BadDate));
        assert_eq!(
            Way::of(PropertyType::Timestamp).to("date_of_last_session").write(&value),
            Err(Code::BadDate)
        );
        assert_eq!(Way::of(PropertyType::Array).write(&Prop::List(vec![value])), Err(Code::BadDate));
    }
    assert_eq!(Way::of(PropertyType::Float).write(&Prop::Float64(f64::NAN)), Err(Code::NotFinite));
}
