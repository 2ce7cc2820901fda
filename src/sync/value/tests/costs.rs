//! semantics 14.3: data points.

use super::super::{PropertyType, Target};
use super::{Way, mapping};

fn cost(property_type: PropertyType, to: &str, text: &str) -> u32 {
    let way = Way::of(property_type).to(to);
    let (_, written) = way.written(&|b| b.push_text(text)).expect("sent");
    let target = Target::compile(&way.mapping, property_type, &way.settings).expect("good");
    let points = written.expect("a value").data_points;
    assert_eq!(target.costs_data_points(), points > 0, "{to}");
    points
}

/// semantics 14.3: "0 for external_id, consent targets, tracking flags"
#[test]
fn some_fields_are_free() {
    assert_eq!(cost(PropertyType::Integer, "external_id", "7"), 0);
    assert_eq!(cost(PropertyType::String, "email_subscribe", "subscribed"), 0);
    assert_eq!(cost(PropertyType::String, "push_subscribe", "unsubscribed"), 0);
    assert_eq!(cost(PropertyType::Boolean, "email_open_tracking_disabled", "true"), 0);
    assert_eq!(cost(PropertyType::Boolean, "email_click_tracking_disabled", "true"), 0);
}

/// semantics 14.3: "1 per other attribute set or cleared, whole arrays … too"
#[test]
fn attributes_and_whole_arrays_cost_one() {
    assert_eq!(cost(PropertyType::String, "first_name", "Ana"), 1);
    assert_eq!(cost(PropertyType::Object, "current_location", r#"{"longitude":1,"latitude":2}"#), 1);
    assert_eq!(cost(PropertyType::Integer, "plan", "7"), 1);
    assert_eq!(cost(PropertyType::Array, "tags", "[\"a\",\"b\",\"c\"]"), 1);
    assert_eq!(cost(PropertyType::Array, "tags", "[]"), 1);
}

/// semantics 14.3: "object: 1 per key; array of objects: 1 per key of each item"
#[test]
fn objects_cost_one_for_each_key() {
    assert_eq!(cost(PropertyType::Object, "home", r#"{"a":1,"b":null,"c":"x"}"#), 2);
    assert_eq!(cost(PropertyType::Object, "home", r#"{"a":1,"b":{"c":1,"d":2}}"#), 4);
    assert_eq!(cost(PropertyType::Object, "home", r#"{"a":{"$time":"2024-01-01"}}"#), 1);
    assert_eq!(cost(PropertyType::Object, "home", "{}"), 1);
    assert_eq!(cost(PropertyType::Object, "pets", r#"[{"a":1,"b":2},{"a":3}]"#), 3);
}

#[test]
fn a_nested_key_costs_like_its_value() {
    let way = Way::of(PropertyType::Timestamp).to("home.since").with(|m| {
        m.target_kind = Some(crate::sync::job::TargetKind::Nested);
    });
    let (_, written) = way.written(&|b| b.push_text("2024-01-01T00:00:00Z")).expect("sent");
    assert_eq!(written.expect("a value").data_points, 1);
    let consent =
        Target::compile(&mapping("email_subscribe"), PropertyType::String, &way.settings).expect("good");
    assert!(!consent.costs_data_points());
}
