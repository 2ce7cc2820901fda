use super::super::Membership::Member;
use super::super::{Input, Output};
use super::{membership, membership_with, value};

/// The functions and operators, as the CEL specification has them.
#[test]
fn functions_do_what_cel_says() {
    for source in [
        "size('Köln') == 4 && 'Köln'.size() == 4",
        "size(record.tags) == 2 && record.address.size() == 4",
        "'abc'.contains('b') && 'abc'.startsWith('ab') && 'abc'.endsWith('bc')",
        r"record.email.matches('^[a-z]+@example[.]com$') && matches('a1', r'\d')",
        "' Ab '.trim().lowerAscii() == 'ab' && 'ab'.upperAscii() == 'AB'",
        "'Köln'.substring(1, 3) == 'öl' && 'Köln'.substring(2) == 'ln' && 'ab'.substring(2) == ''",
        "'a-b-c'.replace('-', '') == 'abc'",
        "'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('+') == 'a+b' && ['a', 'b'].join() == 'ab'",
        "int('42') == 42 && int(2.9) == 2 && int(-2.9) == -2 && int(7u) == 7",
        "int(timestamp('1970-01-01T00:01:00Z')) == 60",
        "uint(7) == 7u && double('1.5') == 1.5 && double(2) == 2.0",
        "string(5) == '5' && string(1.5) == '1.5' && string(true) == 'true'",
        "string(timestamp('2026-01-31T01:00:00+01:00')) == '2026-01-31T00:00:00Z'",
        "string(duration('90m')) == '5400s'",
        "bool('true') && !bool('0')",
        "timestamp(60) == timestamp('1970-01-01T00:01:00Z')",
        "record.seen.getFullYear() == 2026 && record.seen.getMonth() == 0 && record.seen.getDate() == 1",
        "record.seen.getDayOfMonth() == 0 && record.seen.getDayOfYear() == 0 && record.seen.getDayOfWeek() == 4",
        "record.seen.getHours() == 0 && record.seen.getHours('Asia/Tokyo') == 9",
        "record.seen.getDate('America/New_York') == 31 && record.seen.getFullYear('America/New_York') == 2025",
        "(record.seen - timestamp('2025-12-31T00:00:00Z')).getHours() == 24",
        "duration('1h') + duration('30m') == duration('90m') && duration('1h') > duration('59m')",
        "record.seen + duration('24h') == timestamp('2026-01-02T00:00:00Z')",
        "7 / 2 == 3 && -7 / 2 == -3 && -7 % 3 == -1 && 7.0 / 2.0 == 3.5",
        "1.0 / 0.0 > 1e300",
        "[1, 2] + [3] == [1, 2, 3] && [1] != [2] && [1, 2u, 3.0] == [1.0, 2, 3u]",
        "{'a': 1}.a == 1 && 'a' in {'a': 1} && !('b' in {'a': 1}) && {'a': 1}['a'] == 1",
        "record.tags.exists(t, t == 'bb') && !record.tags.all(t, t == 'bb')",
        "record.tags.exists_one(t, size(t) == 2) && record.tags.existsOne(t, size(t) == 1)",
        "record.tags.filter(t, size(t) > 1) == ['bb'] && record.tags.map(t, t + t) == ['aa', 'bbbb']",
        "record.tags.map(t, size(t) > 1, t + '!') == ['bb!'] && [].all(x, x == 1) && ![].exists(x, x == 1)",
        "record.address.exists(k, k == 'city') && {'a': 1, 'b': 2}.map(k, k) == ['a', 'b']",
        "'bb' in record.tags && !('c' in record.tags) && record.plan in ['free', 'pro']",
        "null == null && record.nothing == null && !has(record.nothing) && has(record.plan)",
        "has(record.address.city) && !has(record.address.street) && !has(record.address.gone)",
        "(record.vip ? 'a' : 'b') == 'a' && 1 + 2 * 3 == 7 && (1 + 2) * 3 == 9",
        "0x10 == 16 && 1e3 == 1000.0 && 'a' + \"b\" == 'ab' && r'\\d' == '\\\\d'",
    ] {
        assert_eq!(membership(source), Member, "{source}");
    }
}

/// An error of one element is passed over when another element decides, as with `&&` and `||`.
#[test]
fn all_and_exists_pass_over_errors_that_do_not_decide() {
    assert_eq!(membership("[0, 2].exists(x, 4 / x == 2) && !['x', '0'].all(t, int(t) > 1)"), Member);
}

/// A list of numbers, and elements that are null.
#[test]
fn elements_of_an_array_keep_their_types() {
    let numbers = [Input::Int(1), Input::Null, Input::Double(2.5)];
    let replaced = [("tags", Input::List(&numbers))];
    assert_eq!(
        membership_with(
            "record.tags.exists(n, n == 2.5) && record.tags[1] == null && 1 in record.tags",
            &replaced
        ),
        Member
    );
}

/// What a mapping gives is what Braze gets.
#[test]
fn mappings_give_values_of_their_own_type() {
    let text = |text: &str| Ok(Output::Text(text.to_owned()));
    let json = |text: &str| Ok(Output::Json(text.to_owned()));
    assert_eq!(value("record.spend >= 500 ? 'gold' : 'basic'"), text("gold"));
    assert_eq!(value("record.spend / 100.0"), Ok(Output::Double(14.995)));
    assert_eq!(value("record.points * 2"), Ok(Output::Int(240)));
    assert_eq!(value("record.vip && record.points > 1"), Ok(Output::Bool(true)));
    assert_eq!(value("record.tags.map(t, t.upperAscii())"), json(r#"["A","BB"]"#));
    assert_eq!(
        value("{'plan': record.plan, 'since': record.seen}"),
        json(r#"{"plan":"pro","since":"2026-01-01T00:00:00Z"}"#)
    );
    assert_eq!(value("record.plan == 'pro' ? null : 'x'"), Ok(Output::Null));
    assert_eq!(value("18446744073709551615u"), Ok(Output::UInt(u64::MAX)));
}
