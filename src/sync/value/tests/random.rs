//! What holds for all values, tried with many.

use std::borrow::Cow;

use crate::data::{Cell, HashKey, RowBatch};

use super::super::json::Node;
use super::super::{Prop, PropertyType, Settings, Target, hash, property};
use super::{Random, Way, mapping};

fn target(property_type: PropertyType) -> Target {
    let mut mapping = mapping("plan");
    mapping.truncate = true;
    mapping.check = false;
    Target::compile(&mapping, property_type, &Settings::default()).expect("good")
}

fn sent(target: &Target, value: &Prop<'_>) -> Option<String> {
    let mut out = Vec::new();
    target.write(value, &mut out).ok()?;
    Some(String::from_utf8(out).expect("JSON is text"))
}

#[test]
fn any_text_that_is_sent_comes_back_from_its_json() {
    let mut random = Random::new(11);
    let target = target(PropertyType::String);
    for _ in 0..5_000 {
        let text = random.text(300);
        let json = sent(&target, &Prop::Text(Cow::Borrowed(&text))).expect("text is cut, not refused");
        let back: String = serde_json::from_str(&json).expect("JSON");
        assert_eq!(back, text.chars().take(255).collect::<String>());
    }
}

#[test]
fn any_integer_comes_back_exactly() {
    let mut random = Random::new(12);
    let target = target(PropertyType::Integer);
    for _ in 0..5_000 {
        let n = random.next() as i64 >> random.below(64);
        assert_eq!(sent(&target, &Prop::Int(n)), Some(n.to_string()));
    }
}

#[test]
fn any_tree_that_is_sent_is_json_without_nulls_inside() {
    let mut random = Random::new(13);
    let target = target(PropertyType::Object);
    let mut written = 0;
    for _ in 0..5_000 {
        let node = random.node(4);
        let Some(json) = sent(&target, &Prop::Json(node)) else { continue };
        written += 1;
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert!(!has_null(&value), "{json}");
    }
    assert!(written > 1_000, "only {written} trees were sent");
}

fn has_null(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => true,
        serde_json::Value::Array(items) => items.iter().any(has_null),
        serde_json::Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

#[test]
fn what_is_sent_once_is_sent_equally_again() {
    let mut random = Random::new(14);
    let target = target(PropertyType::Object);
    for _ in 0..2_000 {
        let Some(json) = sent(&target, &Prop::Json(random.node(4))) else { continue };
        let again = super::super::json::parse(&json).expect("JSON");
        assert_eq!(sent(&target, &Prop::Json(again)), Some(json));
    }
}

#[test]
fn the_hash_of_a_list_does_not_depend_on_its_order() {
    let mut random = Random::new(15);
    let key = HashKey::new([3; 16]);
    for _ in 0..1_000 {
        let mut items: Vec<Node<'_>> =
            (0..2 + random.below(6)).map(|_| Node::Text(Cow::Owned(random.text(4)))).collect();
        let bytes = |items: &[Node<'_>]| {
            let mut out = Vec::new();
            Node::Array(items.to_vec()).write(&mut out);
            out
        };
        let before = hash(&bytes(&items), &key);
        for at in 0..items.len() {
            let other = random.below(items.len());
            items.swap(at, other);
        }
        assert_eq!(hash(&bytes(&items), &key), before);
    }
}

#[test]
fn no_cell_of_any_kind_panics_under_any_type() {
    const TYPES: [PropertyType; 12] = [
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
    const WORDS: [&str; 12] = [
        "7",
        "-7.50",
        "true",
        "2024-02-29",
        "2024-02-29T12:00:00Z",
        "ana@example.com",
        "+33612345678",
        "[1]",
        "{\"a\":1}",
        "https://example.com",
        "é",
        "@",
    ];
    let mut random = Random::new(16);
    let settings = Settings::new("Europe/Paris", Some("FR"), false).expect("known");
    let mut converted = 0;
    for _ in 0..20_000 {
        let mut batch = RowBatch::new(1);
        let word = if random.below(3) == 0 { random.text(12) } else { WORDS[random.below(12)].to_owned() };
        match random.below(12) {
            0 => batch.push(Cell::Int(random.next() as i64)),
            1 => batch.push(Cell::UInt(random.next())),
            2 => batch.push(Cell::Float64(f64::from_bits(random.next()))),
            3 => batch.push(Cell::Float32(f32::from_bits(random.next() as u32))),
            4 => batch.push(Cell::Date(random.next() as i32)),
            5 => batch.push(Cell::NaiveTime(random.next() as i64)),
            6 => batch.push(Cell::Instant(random.next() as i64 >> 8)),
            7 => batch.push_json(&word),
            8 => batch.push_decimal("12.50"),
            9 => {
                batch.begin_array();
                batch.push_text(&word);
                batch.push(Cell::Null);
                batch.end_array();
            }
            _ => batch.push_text(&word),
        }
        batch.end_row();
        let property_type = TYPES[random.below(TYPES.len())];
        if let Ok(value) = property(batch.row(0)[0], &batch, property_type, &settings) {
            converted += u32::from(Way::of(property_type).write(&value).is_ok());
        }
    }
    assert!(converted > 2_000, "only {converted} values were sent");
}
