//! semantics 5.3: the standard fields, row by row.

use crate::data::Cell;
use crate::sync::job::AsKind;

use super::super::{Code, PropertyType, Settings};
use super::Way;

fn text(to: &str) -> Way {
    Way::of(PropertyType::String).to(to)
}

fn unchecked(to: &str) -> Way {
    text(to).with(|m| m.check = false)
}

/// semantics 5.3, row email
#[test]
fn email() {
    text("email").sends(&[(" Ana@Example.com", "\"Ana@Example.com\"")]);
    text("email").refuses(Code::BadEmail, &["ana", "a b@c.de", "ana@host"]);
    Way::of(PropertyType::Email).to("email").sends(&[("ana@example.com", "\"ana@example.com\"")]);
    unchecked("email").sends(&[("ana@host", "\"ana@host\"")]);
}

/// semantics 5.3, row phone
#[test]
fn phone() {
    text("phone").sends(&[("+33 6 12 34 56 78", "\"+33612345678\"")]);
    text("phone").refuses(Code::BadPhone, &["06 12 34 56 78", "none"]);
    text("phone")
        .set(|s| *s = Settings::new("UTC", Some("FR"), false).expect("known"))
        .sends(&[("06 12 34 56 78", "\"+33612345678\"")]);
    Way::of(PropertyType::PhoneNumber).to("phone").sends(&[("+33 6 12 34 56 78", "\"+33612345678\"")]);
    unchecked("phone").sends(&[("555", "\"555\"")]);
}

/// semantics 5.3, row first_name, last_name, home_city
#[test]
fn plain_text_fields() {
    for field in ["first_name", "last_name", "home_city"] {
        text(field).sends(&[("Ana", "\"Ana\""), (" a", "\" a\"")]);
        let way = Way::of(PropertyType::Integer).to(field).with(|m| m.as_kind = Some(AsKind::String));
        assert_eq!(way.cell(&|b| b.push(Cell::Int(7))).as_deref(), Ok("\"7\""));
    }
}

/// semantics 5.3, row country
#[test]
fn country() {
    text("country").sends(&[
        ("DE", "\"DE\""),
        ("de", "\"DE\""),
        ("DEU", "\"DE\""),
        ("Germany", "\"DE\""),
        ("UK", "\"GB\""),
    ]);
    text("country").refuses(Code::BadCountry, &["XX", "Deutschland", "D"]);
    unchecked("country").sends(&[("Deutschland", "\"Deutschland\"")]);
}

/// semantics 5.3, row language
#[test]
fn language() {
    text("language").sends(&[("de", "\"de\""), ("DE", "\"de\""), ("de-AT", "\"de\"")]);
    text("language").refuses(Code::BadLanguage, &["xx", "German", "deu"]);
    unchecked("language").sends(&[("zh-tw", "\"zh-tw\"")]);
}

/// semantics 5.3, row gender
#[test]
fn gender() {
    text("gender").sends(&[
        ("M", "\"M\""),
        ("f", "\"F\""),
        ("o", "\"O\""),
        ("N", "\"N\""),
        ("p", "\"P\""),
        ("Male", "\"M\""),
        ("female", "\"F\""),
        ("OTHER", "\"O\""),
        ("not applicable", "\"N\""),
        ("Prefer not to say", "\"P\""),
    ]);
    text("gender").refuses(Code::BadGender, &["x", "man", "1", " M"]);
    unchecked("gender").sends(&[("X", "\"X\"")]);
}

/// semantics 5.3, row dob
#[test]
fn dob() {
    Way::of(PropertyType::Date).to("dob").sends(&[("1990-05-17", "\"1990-05-17\"")]);
    text("dob").sends(&[("1990-05-17", "\"1990-05-17\"")]);
    text("dob").refuses(Code::BadDate, &["17.05.1990", "1990-02-30", "1990-05-17T00:00:00Z", "3001-01-01"]);
    unchecked("dob").sends(&[("17.05.1990", "\"17.05.1990\"")]);
}

/// semantics 5.3, row time_zone
#[test]
fn time_zone() {
    text("time_zone").sends(&[("Europe/Paris", "\"Europe/Paris\""), ("UTC", "\"UTC\"")]);
    text("time_zone").refuses(Code::BadTimeZone, &["Paris", "Eastern Time (US & Canada)", "+01:00"]);
    unchecked("time_zone").sends(&[("Eastern Time (US & Canada)", "\"Eastern Time (US & Canada)\"")]);
}

/// semantics 5.3, row email_subscribe, push_subscribe; "check: Off … but not … consent rules"
#[test]
fn consent() {
    for field in ["email_subscribe", "push_subscribe"] {
        for way in [text(field), unchecked(field)] {
            way.sends(&[
                ("opted_in", "\"opted_in\""),
                (" Subscribed ", "\"subscribed\""),
                ("UNSUBSCRIBED", "\"unsubscribed\""),
            ]);
            way.refuses(Code::BadConsent, &["yes", "true", "opted in", "  "]);
        }
    }
}

/// semantics 5.3, row current_location
#[test]
fn current_location() {
    let way = Way::of(PropertyType::Object).to("current_location");
    way.sends(&[
        (r#"{"latitude":48.8566,"longitude":2.3522}"#, r#"{"longitude":2.3522,"latitude":48.8566}"#),
        (r#"{"longitude":"2.3522","latitude":" -48 "}"#, r#"{"longitude":2.3522,"latitude":-48}"#),
        (r#"{"longitude":180,"latitude":-90}"#, r#"{"longitude":180,"latitude":-90}"#),
    ]);
    way.refuses(
        Code::BadLocation,
        &[
            r#"{"longitude":180.1,"latitude":0}"#,
            r#"{"longitude":0,"latitude":90.5}"#,
            r#"{"longitude":0}"#,
            r#"{"longitude":null,"latitude":0}"#,
            r#"{"longitude":"east","latitude":0}"#,
            r#"{"longitude":"1,5","latitude":0}"#,
            r#"{"longitude":0,"latitude":0,"altitude":5}"#,
            "{}",
            "[1,2]",
        ],
    );
}

/// semantics 5.3, row image_url
#[test]
fn image_url() {
    text("image_url").sends(&[("https://Example.com/A.png", "\"https://Example.com/A.png\"")]);
    text("image_url").refuses(Code::BadUrl, &["example.com/a.png", "/a.png"]);
    let long = format!("https://example.com/{}", "a".repeat(1005));
    assert!(text("image_url").text(&long[..1024]).is_ok());
    for way in [text("image_url"), unchecked("image_url"), text("image_url").with(|m| m.truncate = true)] {
        assert_eq!(way.text(&long), Err(Code::TooLong), "a part of a URL leads nowhere");
    }
}

/// semantics 5.3, row tracking flags
#[test]
fn tracking_flags() {
    for field in ["email_open_tracking_disabled", "email_click_tracking_disabled"] {
        Way::of(PropertyType::Boolean).to(field).sends(&[("t", "true"), ("0", "false")]);
        text(field).with(|m| m.as_kind = Some(AsKind::Boolean)).sends(&[("true", "true")]);
    }
}

/// semantics 5.3, row session dates, spam date
#[test]
fn moments() {
    for field in ["date_of_first_session", "date_of_last_session", "marked_email_as_spam_at"] {
        Way::of(PropertyType::Timestamp)
            .to(field)
            .sends(&[("2024-02-29T12:00:00+01:00", "\"2024-02-29T11:00:00Z\"")]);
        Way::of(PropertyType::Date).to(field).sends(&[("2024-02-29", "\"2024-02-29T00:00:00Z\"")]);
        Way::of(PropertyType::Date).to(field).refuses(Code::BadDate, &["2024-02-30"]);
        text(field).with(|m| m.as_kind = Some(AsKind::Time)).refuses(Code::BadDate, &["soon"]);
    }
}

/// semantics 5.3, row facebook, twitter
#[test]
fn facebook_and_twitter_take_their_members_alone() {
    let facebook = Way::of(PropertyType::Object).to("facebook");
    facebook.sends(&[(
        r#"{"id":"1","likes":["a",null],"num_friends":3}"#,
        r#"{"id":"1","likes":["a"],"num_friends":3}"#,
    )]);
    facebook.refuses(
        Code::NestedInvalid,
        &[r#"{"id":1}"#, r#"{"likes":"a"}"#, r#"{"num_friends":1.5}"#, r#"{"name":"x"}"#, "[]"],
    );
    let twitter = Way::of(PropertyType::Object).to("twitter");
    twitter.sends(&[(
        r#"{"id":9007199254740993,"screen_name":"ana","followers_count":1}"#,
        r#"{"id":9007199254740993,"screen_name":"ana","followers_count":1}"#,
    )]);
    twitter
        .refuses(Code::NestedInvalid, &[r#"{"id":"1"}"#, r#"{"screen_name":5}"#, r#"{"friends_count":"1"}"#]);
}

/// semantics 5.3, row external_id
#[test]
fn external_id_is_text() {
    let way = Way::of(PropertyType::Integer).to("external_id");
    assert_eq!(
        way.cell(&|b| b.push(Cell::Int(9_007_199_254_740_993))).as_deref(),
        Ok("\"9007199254740993\"")
    );
    text("external_id").sends(&[("007", "\"007\"")]);
}
