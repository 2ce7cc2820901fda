use std::fmt::Write as _;

use super::super::Purpose::{Group, Mapping};
use super::super::{Fault, Input, Membership};
use super::{compile, membership, membership_with, value, value_with};

fn refused(source: &str) -> String {
    compile(source, Group).expect_err("it is refused")
}

/// semantics 5.6: the crate ran 25 s on a nested `all` of a few hundred characters.
#[test]
fn the_bomb_of_nested_comprehensions_is_refused() {
    let list = "[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3]";
    let mut bomb = "true".to_owned();
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        bomb = format!("{list}.all({name},{bomb})");
    }
    assert!((376..2048).contains(&bomb.len()));
    assert!(refused(&bomb).contains("'all' stands inside another comprehension"), "{}", refused(&bomb));
    for inner in ["exists(b, true)", "exists_one(b, true)", "filter(b, true) == []", "map(b, b) == []"] {
        let nested = format!("{list}.exists(a, {list}.{inner})");
        assert!(refused(&nested).contains("stands inside another comprehension"), "{nested}");
    }
}

/// semantics 5.6: at most one level of comprehension; one after the other is one level.
#[test]
fn comprehensions_may_follow_each_other() {
    let source = "record.tags.filter(a, a != 'x').map(a, a + '!').exists(a, a == 'bb!') && record.tags.all(b, size(b) > 0)";
    assert_eq!(membership(source), Membership::Member);
}

/// semantics 5.6: at most 2,048 characters, counted as characters.
#[test]
fn an_expression_has_at_most_2048_characters() {
    let of_length = |length: usize| format!("record.plan == '{}'", "ü".repeat(length - 17));
    assert!(compile(&of_length(2048), Group).is_ok());
    assert_eq!(
        refused(&of_length(2049)),
        "the expression has 2049 characters and may have 2048; move work into the query"
    );
}

/// semantics 5.6: a bounded number of nodes.
#[test]
fn an_expression_has_at_most_500_parts() {
    let of_parts = |parts: usize| vec!["true"; parts].join("||");
    assert!(compile(&of_parts(250), Group).is_ok());
    assert_eq!(refused(&of_parts(251)), "the expression has more than 500 parts; move work into the query");
}

/// The parser recurses with the text: whatever the text, it answers with a sentence.
#[test]
fn no_text_overflows_the_stack_of_the_parser() {
    assert_eq!(
        refused(&"(".repeat(2000)),
        "column 17: brackets are nested more than 16 deep; take the expression apart"
    );
    assert!(compile(&format!("{}true{}", "(".repeat(16), ")".repeat(16)), Group).is_ok());
    assert!(refused(&format!("{}1", "1+".repeat(500))).contains("nests more than 64 deep"));
    assert!(refused(&"-1".repeat(1000)).contains("nests more than 64 deep"));
    assert!(refused(&format!("record.vip{}", ".a".repeat(1000))).contains("nests more than 64 deep"));
    assert!(refused(&format!("record.address{} == 1", ".a".repeat(900))).contains("nests more than 64 deep"));
    assert!(refused(&format!("{}true", "true?true:".repeat(100))).contains("more than 32 '?'"));
    assert!(compile(&format!("{}true", "true?true:".repeat(32)), Group).is_ok());
    for text in ["[", "{", "!", "-", "a.", "a?", "a:", "'", "\"\"\"", "`", "a(", "a[", "0x", "1e", "\\", "r'"]
    {
        let source: String = text.repeat(2000 / text.len());
        assert!(compile(&source, Group).is_err(), "{text}");
    }
}

/// Any text is answered: by an expression or by a sentence.
#[test]
fn random_texts_never_panic() {
    let words = [
        "record", ".", "plan", "tags", "(", ")", "[", "]", "{", "}", "'a'", "1", "2.5", "3u", "&&", "||",
        "!", "-", "+", "==", "<", "in", "?", ":", ",", "has", "all", "exists", "map", "x", "now", "null",
        "true", "size", "int", "b'a'", "`", "'", "\"", "\n", "é", "//", "duration", "@result", "..",
        "matches", "0x", "u",
    ];
    let mut dice = super::Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..400 {
        let mut source = String::new();
        for _ in 0..dice.below(24) + 1 {
            write!(source, "{} ", dice.pick(&words)).expect("a string takes all");
        }
        if let Err(sentence) = compile(&source, if dice.below(2) == 0 { Group } else { Mapping }) {
            assert!(!sentence.is_empty());
        }
    }
}

/// Long lists are bounded while they are gone through, too.
#[test]
fn an_evaluation_that_takes_too_long_is_a_fault() {
    let tags = vec![Input::Text("a"); 3_000];
    let replaced = [("tags", Input::List(&tags))];
    let square = "record.tags.all(a, a in record.tags + ['b'])";
    assert_eq!(membership_with(square, &replaced), Membership::Unknown(Fault::TooMuchWork));
    assert_eq!(membership_with("record.tags.all(a, a == 'a')", &replaced), Membership::Member);
}

/// No text or list grows without bound.
#[test]
fn a_text_that_multiplies_is_a_fault() {
    let long = "a".repeat(1000);
    let source =
        format!("record.plan.replace('p', '{long}').replace('a', record.email).replace('a', record.email)");
    assert_eq!(value_with(&source, &[("email", Input::Text(&long))]), Err(Fault::TooMuchWork));
    assert!(value("record.plan.replace('p', 'b')").is_ok());
}
