use super::super::Purpose::{Group, Mapping};
use super::compile;

/// semantics 5.6: names and functions known, types inferred, a group's result Boolean. Each with its sentence.
#[test]
fn what_cannot_work_is_refused_with_a_place_and_a_remedy() {
    let table = [
        // names
        (Group, "record.plann == 'pro'", "column 8: the model has no property 'plann'; did you mean 'plan'?"),
        (
            Group,
            "record['plann'] == 'pro'",
            "column 8: the model has no property 'plann'; did you mean 'plan'?",
        ),
        (Group, "plan == 'pro'", "column 1: a property is written with record before it: record.plan"),
        (
            Group,
            "row.plan == 'pro'",
            "column 1: there is no 'row' here; an expression speaks of record.<property> and literals",
        ),
        (
            Group,
            "record == null",
            "column 1: record stands for the whole row; name one of its properties, such as record.id",
        ),
        (
            Group,
            "record[record.plan] == 1",
            "column 1: the name in record[…] must be a written string, such as record['id']",
        ),
        (
            Group,
            "record.plan.startswith('p')",
            "column 13: there is no function 'startswith'; did you mean 'startsWith'?",
        ),
        (Group, "optional.none() == null", "column 1: the functions of 'optional' are not supported"),
        (
            Mapping,
            "now",
            "column 1: now is not available in a mapping, since the value would change with every run; use it in a group's rule and map the group",
        ),
        // types
        (
            Group,
            "record.plan",
            "column 1: a group's rule must be true or false, but this gives a string; compare it with something",
        ),
        (
            Group,
            "record.address.vip",
            "column 1: only the row tells the type of this, but a group's rule must be true or false; compare it, such as with == true",
        ),
        (
            Group,
            "record.points == '120'",
            "column 15: '==' compares int with string, which are never equal; convert one side, such as with string(…) or double(…)",
        ),
        (
            Group,
            "record.plan == 5",
            "column 13: '==' compares string with int, which are never equal; write '5', or convert the string with int(…)",
        ),
        (
            Group,
            "record.seen > '2026-01-01'",
            "column 13: '>' cannot compare timestamp with string; write timestamp('2026-01-31T00:00:00Z') around the string",
        ),
        (
            Group,
            "record.vip == 'true'",
            "column 12: '==' compares bool with string, which are never equal; write true or false without quotes",
        ),
        (
            Group,
            "record.points > null",
            "column 15: '>' cannot compare int with null; ask for null with == null or has(…)",
        ),
        (
            Group,
            "record.plan in ['pro', 5]",
            "column 24: 'in' compares string with int, which are never equal; write '5', or convert the string with int(…)",
        ),
        (
            Group,
            "'pro' in record.plan",
            "column 17: 'in' looks into a list, not into a string; write text.contains('part') to look into a string",
        ),
        (
            Group,
            "record.plan && true",
            "column 8: '&&' needs true or false here, not a string; write a comparison",
        ),
        (Group, "!record.points", "column 9: '!' needs true or false here, not a int; write a comparison"),
        (Mapping, "record.spend * 2", "column 14: '*' cannot join double and int; write 2.0"),
        (
            Mapping,
            "record.spend + record.points",
            "column 14: '+' cannot join double and int; convert one side with double(…)",
        ),
        (
            Mapping,
            "record.plan + 1",
            "column 13: '+' cannot join string and int; write '1', or convert the string with int(…)",
        ),
        (
            Group,
            "record.seen > now - 30",
            "column 19: '-' cannot join timestamp and int; a time and a span are joined as in now - duration('720h')",
        ),
        (
            Mapping,
            "record.vip ? 1 : 2.5",
            "column 18: the two sides of ':' give int and double, but a field has one type; write 1.0 for 1, or use double(…)",
        ),
        (
            Mapping,
            "record.vip ? 1 : 'x'",
            "column 18: the two sides of ':' give int and string, but a field has one type; make them one type, such as with string(…)",
        ),
        (Mapping, "record.plan.name", "column 13: a string has no members, so '.name' finds nothing"),
        (Mapping, "record.plan[0]", "column 12: a string has no elements, so […] finds nothing"),
        (Mapping, "record.tags['a']", "column 13: a list cannot be looked up by string"),
        (Mapping, "-record.plan", "column 1: '-' needs an int or a double behind it, not a string"),
        (Mapping, "{1: 'a'}", "column 2: a map's keys are strings, not int"),
        (Mapping, "null", "column 1: this is always null; leave the mapping out instead"),
        (
            Mapping,
            "record.seen - record.birthday",
            "column 1: Braze has no spans of time; send a number, such as with getHours()",
        ),
        (Mapping, "b'abc'", "column 1: bytes cannot be sent; write a string without the b before it"),
        (Mapping, "Thing{a: 1}", "column 1: messages are not supported; write a map {'key': value}"),
        // functions
        (
            Group,
            "record.points.startsWith('1')",
            "column 8: 'startsWith' takes a string here, not a int; it is written as in record.name.startsWith('text')",
        ),
        (
            Group,
            "startsWith(record.plan, 'p')",
            "column 1: 'startsWith' is written as in record.name.startsWith('text')",
        ),
        (
            Group,
            "record.plan.startsWith()",
            "column 13: 'startsWith' is written as in record.name.startsWith('text')",
        ),
        (
            Group,
            "record.plan.matches(record.email)",
            "column 28: the pattern of 'matches' must be a written string",
        ),
        (Group, "record.plan.matches('(')", "column 21: the pattern is not valid: unclosed group"),
        (
            Group,
            r"record.plan.matches('\\w{1000}{1000}')",
            "column 21: the pattern is too large; write smaller repetitions",
        ),
        (
            Group,
            "record.seen > timestamp('2026-01-40')",
            "column 25: '2026-01-40' is no timestamp; write it as in '2026-01-31T00:00:00Z'",
        ),
        (
            Group,
            "record.seen > now - duration('30d')",
            "column 30: '30d' is no duration; use h, m, s and ms, as in '720h' for 30 days",
        ),
        (
            Group,
            "record.seen.getHours('Mars') > 1",
            "column 22: there is no time zone 'Mars'; write an IANA name such as Europe/Paris",
        ),
        // comprehensions
        (
            Group,
            "record.tags.all(a, record.tags.all(b, a == b))",
            "column 32: 'all' stands inside another comprehension, and its cost would multiply; move one of them into the query",
        ),
        (
            Group,
            "record.plan.exists(x, x == 'a')",
            "column 13: 'exists' goes through a list or a map, not through a string",
        ),
        (
            Group,
            "record.tags.exists(now, true)",
            "column 20: 'now' has a meaning already; give the element another name",
        ),
        (
            Group,
            "record.tags.exists(1, true)",
            "column 20: the first argument must be a new name for the element, such as record.tags.exists(tag, tag == 'a')",
        ),
        // syntax
        (Group, "record.plan is null", "column 13: 'is' is no operator of CEL; write == null, or != null"),
        (Group, "record.plan == @x", "column 16: '@' is no word of CEL; is a quote or an operator missing?"),
        (Group, "record.vip ? true", "column 1: something is missing or in the wrong place here"),
        (Group, "", "the expression is empty"),
        (Group, " // nothing", "the expression is empty"),
        (
            Group,
            "record.plan ==",
            "column 15: the expression ends too early; something is missing behind its last word",
        ),
        (Group, "record.plan = 'pro'", "column 13: '=' is no operator of CEL; write =="),
        (
            Group,
            "record.plan 'pro'",
            "column 13: 'pro' is not expected here; is an operator, a bracket or a quote missing before it?",
        ),
        (Group, "record.vip and true", "column 12: 'and' is no operator of CEL; write &&"),
        (Group, "!!record.vip", "column 2: '!!' is not supported; write one '!', or none"),
        (Group, "-(--record.id) == 1", "column 4: '--' is not supported; write one '-', or none"),
        (
            Group,
            "record.plan == '''it's'''",
            "column 16: this string cannot be read; write it in one pair of quotes, and a backslash as \\\\",
        ),
        (Group, "has(record)", "column 5: has() takes a member, such as has(record.name)"),
        (Group, "record.vip\n  && record.x", "line 2, column 13: the model has no property 'x'"),
    ];
    let mut wrong = Vec::new();
    for (purpose, source, sentence) in table {
        match compile(source, purpose) {
            Ok(_) => wrong.push(format!("{source}\n  was accepted")),
            Err(error) if error != sentence => {
                wrong.push(format!("{source}\n  is     {error}\n  wanted {sentence}"))
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
