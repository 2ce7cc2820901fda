//! Every type of PostgreSQL that customers' tables hold, value by value.

use grouparoo::data::ColumnKind;
use grouparoo::source::Selection;

use super::{query, read};
use crate::support::postgres::Server;

/// Reads each expression in one row, and compares the cells.
async fn assert_cells(setup: &str, cases: &[(&str, &str)]) {
    let database = Server::shared().database().await;
    database.run(setup).await;
    let list: Vec<_> = cases.iter().enumerate().map(|(at, (sql, _))| format!("{sql} as c{at}")).collect();
    let names: Vec<_> = (0..cases.len()).map(|at| format!("c{at}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let sql = format!("select {}", list.join(", "));
    let rows = read(&*database.source(), &query(&sql), &names, &Selection::All).await.expect("a row");
    let [row] = &rows[..] else { panic!("one row") };
    for ((sql, expected), cell) in cases.iter().zip(row) {
        assert_eq!(cell, expected, "{sql}");
    }
}

/// semantics 5.2, rows Boolean, Integer, Float, Decimal.
#[tokio::test]
async fn numbers_keep_every_digit() {
    let long = format!("decimal {}", "9".repeat(131_072));
    let long_sql = format!("({})::numeric", "9".repeat(131_072));
    let fraction = format!("decimal 0.{}1", "0".repeat(16_382));
    let fraction_sql = format!("(0.{}1)::numeric", "0".repeat(16_382));
    assert_cells(
        "",
        &[
            ("true", "true"),
            ("false", "false"),
            ("null::bool", "null"),
            ("B'1'::bit(1)", "true"),
            ("B'0'::bit(1)", "false"),
            ("(-32768)::int2", "int -32768"),
            ("32767::int2", "int 32767"),
            ("(-2147483648)::int4", "int -2147483648"),
            ("(-9223372036854775808)::int8", "int -9223372036854775808"),
            ("9223372036854775807::int8", "int 9223372036854775807"),
            ("4294967295::oid", "int 4294967295"),
            ("'18446744073709551615'::xid8", "uint 18446744073709551615"),
            ("0.1::float4", "f32 0.1"),
            ("'-0'::float4", "f32 -0.0"),
            ("'NaN'::float4", "f32 NaN"),
            ("0.1::float8", "f64 0.1"),
            ("1e300::float8", "f64 1e300"),
            ("5e-324::float8", "f64 5e-324"),
            ("'-0'::float8", "f64 -0.0"),
            ("'-Infinity'::float8", "f64 -inf"),
            ("0::numeric", "decimal 0"),
            ("10.50::numeric", "decimal 10.50"),
            ("10.5::numeric(12,2)", "decimal 10.50"),
            ("(-0.00000012)::numeric", "decimal -0.00000012"),
            ("10000::numeric", "decimal 10000"),
            ("100000000.0001::numeric", "decimal 100000000.0001"),
            ("1e20::numeric", "decimal 100000000000000000000"),
            ("-1e-20::numeric", "decimal -0.00000000000000000001"),
            ("'NaN'::numeric", "decimal NaN"),
            ("'Infinity'::numeric", "decimal Infinity"),
            ("'-Infinity'::numeric", "decimal -Infinity"),
            ("null::numeric", "null"),
            ("'-1234.56'::money", "decimal -1234.56"),
            ("'{1.5,2}'::money[]", "[decimal 1.50, decimal 2.00]"),
            (&long_sql, &long),
            (&fraction_sql, &fraction),
        ],
    )
    .await;
}

/// semantics 5.2, row String: padding cut, uuid in lower case, enum, time of day.
#[tokio::test]
async fn text_and_what_is_read_as_text() {
    assert_cells(
        "create extension citext; create type mood as enum ('happy', 'Quite sad');",
        &[
            ("'Ana é 🦘'::text", "text Ana é 🦘"),
            ("''::text", "text "),
            ("'a '::varchar(5)", "text a "),
            ("'ab'::char(5)", "text ab"),
            ("' ab'::char(5)", "text  ab"),
            ("''::char(5)", "text "),
            ("'ab  '::bpchar", "text ab"),
            ("'x'::\"char\"", "text x"),
            ("''::\"char\"", "text "),
            ("'pg_class'::name", "text pg_class"),
            ("'Ana'::citext", "text Ana"),
            ("'Quite sad'::mood", "text Quite sad"),
            ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "text a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            ("'04:05:06.789'::time", "text 04:05:06.789"),
            ("'24:00'::time", "text 24:00:00"),
            ("'00:00:00.000001'::time", "text 00:00:00.000001"),
            ("'04:05:06+02'::timetz", "text 04:05:06+02:00"),
            ("'04:05:06-09:30'::timetz", "text 04:05:06-09:30"),
            ("'04:05:06+00:00:01'::timetz", "text 04:05:06+00:00:01"),
            ("'1 year 2 mons 3 days 04:05:06.7'::interval", "text P1Y2M3DT4H5M6.7S"),
            ("'0'::interval", "text PT0S"),
            ("'-1 mon +1 day -00:00:00.5'::interval", "text P-1M1DT-0.5S"),
            ("'192.168.0.1'::inet", "text 192.168.0.1"),
            ("'192.168.0.1/24'::inet", "text 192.168.0.1/24"),
            ("'10.0.0.0/8'::cidr", "text 10.0.0.0/8"),
            ("'10.0.0.1/32'::cidr", "text 10.0.0.1/32"),
            ("'2001:db8::1'::inet", "text 2001:db8::1"),
            ("'08:00:2B:01:02:03'::macaddr", "text 08:00:2b:01:02:03"),
            ("'08:00:2b:01:02:03:04:05'::macaddr8", "text 08:00:2b:01:02:03:04:05"),
            ("B'101'::bit(3)", "text 101"),
            ("B'101010101'::varbit", "text 101010101"),
            ("B''::varbit", "text "),
            ("'<a>1</a>'::xml", "text <a>1</a>"),
            ("'{\"a\":  1}'::json", "json {\"a\":  1}"),
            ("'{\"a\":  1}'::jsonb", "json {\"a\": 1}"),
            ("'null'::jsonb", "json null"),
            ("null::jsonb", "null"),
        ],
    )
    .await;
}

/// The interval's text is the one that the server prints in style iso_8601.
#[tokio::test]
async fn an_interval_reads_like_the_servers_own_iso_text() {
    let database = Server::shared().database().await;
    database
        .run(
            "create table i (n serial, v interval);
             insert into i (v) select (y || ' year')::interval + (d || ' day')::interval + (s || ' second')::interval
             from unnest(array[-3.5, -1, 0, 0.25, 2]) y, unnest(array[-1, 0, 40]) d,
             unnest(array[-90061.000001, -60, -0.5, 0, 0.1, 59.999999, 86400, 1e9]) s;",
        )
        .await;
    let sql = "select v, v::text as t from i";
    let rows = read(&*database.source(), &query(sql), &["v", "t"], &Selection::All).await.expect("rows");
    assert_eq!(rows.len(), 5 * 3 * 8);
    for row in rows {
        assert_eq!(row[0], row[1]);
    }
}

/// semantics 5.2, rows Date and Timestamp.
#[tokio::test]
async fn dates_and_times_from_the_first_to_the_last() {
    assert_cells(
        "",
        &[
            ("'1970-01-01'::date", "date 0"),
            ("'2000-02-29'::date", "date 11016"),
            ("'0001-01-01'::date", "date -719162"),
            ("'0001-12-31 BC'::date", "date -719163"),
            ("'4713-01-01 BC'::date", "date -2440550"),
            ("'5874897-12-31'::date", "date 2145042905"),
            ("'infinity'::date", "infinite"),
            ("'-infinity'::date", "infinite"),
            ("'1970-01-01 00:00:00'::timestamp", "naive 0"),
            ("'1969-12-31 23:59:59.999999'::timestamp", "naive -1"),
            ("'2026-03-01 12:34:56.789012'::timestamp", "naive 1772368496789012"),
            ("'4713-01-01 00:00:00 BC'::timestamp", "naive -210863520000000000"),
            ("'294246-12-31 23:59:59.999999'::timestamp", "naive 9223371244799999999"),
            ("'294276-12-31 23:59:59.999999'::timestamp", "infinite"),
            ("'infinity'::timestamp", "infinite"),
            ("'-infinity'::timestamptz", "infinite"),
            ("'2026-03-01 12:00:00+02'::timestamptz", "instant 1772359200000000"),
            ("'2026-03-01 12:00:00 Europe/Paris'::timestamptz", "instant 1772362800000000"),
            ("null::timestamptz", "null"),
        ],
    )
    .await;
}

/// semantics 5.2, row Array; nested arrays stay nested, and are judged later.
#[tokio::test]
async fn arrays_domains_and_their_combinations() {
    assert_cells(
        "create type mood as enum ('happy', 'sad');
         create domain email as text check (value like '%@%');
         create domain work_email as email;
         create domain flag as bit(1);
         create domain tags as text[];",
        &[
            ("'{1,null,3}'::int4[]", "[int 1, null, int 3]"),
            ("'{}'::int4[]", "[]"),
            ("null::int4[]", "null"),
            ("'[5:6]={1,2}'::int4[]", "[int 1, int 2]"),
            ("'{{1,2},{3,4}}'::int8[]", "[[int 1, int 2], [int 3, int 4]]"),
            ("'{{{a},{b}}}'::text[]", "[[[text a], [text b]]]"),
            ("array['a', '', 'c,\"']::text[]", "[text a, text , text c,\"]"),
            ("array['ab']::char(4)[]", "[text ab]"),
            ("array[true, false, null]", "[true, false, null]"),
            ("array[1.50, 2]::numeric(5,2)[]", "[decimal 1.50, decimal 2.00]"),
            ("array[0.1]::float4[]", "[f32 0.1]"),
            ("array['2026-03-01', 'infinity']::date[]", "[date 20513, infinite]"),
            ("array['2026-03-01 12:00:00+00']::timestamptz[]", "[instant 1772366400000000]"),
            ("array['{\"a\": 1}', '2']::jsonb[]", "[json {\"a\": 1}, json 2]"),
            (
                "array['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']::uuid[]",
                "[text a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11]",
            ),
            ("array['happy', null]::mood[]", "[text happy, null]"),
            ("array[B'1', B'0']::bit(1)[]", "[true, false]"),
            ("'a@b'::email", "text a@b"),
            ("'a@b'::work_email", "text a@b"),
            ("B'1'::flag", "true"),
            ("array['a@b']::email[]", "[text a@b]"),
            ("'{a,b}'::tags", "[text a, text b]"),
            ("'1 2'::int2vector", "[int 1, int 2]"),
        ],
    )
    .await;
}

/// semantics 5.2: bytes and geometry cannot be sent.
#[tokio::test]
async fn what_cannot_be_sent_is_said_to_be_so() {
    assert_cells(
        "create extension hstore; create type pair as (a int, b int);",
        &[
            ("'\\x00ff'::bytea", "unsupported"),
            ("null::bytea", "null"),
            ("'(1,2)'::point", "unsupported"),
            ("'[1,2)'::int4range", "unsupported"),
            ("'{[1,2)}'::int4multirange", "unsupported"),
            ("'(1,2)'::pair", "unsupported"),
            ("row(1, 'a')", "unsupported"),
            ("'a=>1'::hstore", "unsupported"),
            ("'a b'::tsvector", "unsupported"),
            ("'{\"\\\\x00\"}'::bytea[]", "unsupported"),
            ("'$.a'::jsonpath", "unsupported"),
        ],
    )
    .await;
}

/// api 5, Status: columns with the type as the source names it.
#[tokio::test]
async fn a_description_names_columns_types_and_rows() {
    let database = Server::shared().database().await;
    database
        .run(
            "create domain email as varchar(50);
             create type mood as enum ('happy');
             create schema \"Odd Schema\";
             create table \"Odd Schema\".\"a.b\" (
                 id bigint primary key, price numeric(12,2), name varchar(10), \"Mail\" email, at timestamptz(3),
                 tags text[], code char(3)[], feeling mood, data jsonb, raw bytea, flag bit(1), day date, f real
             );
             insert into \"Odd Schema\".\"a.b\" (id) select generate_series(1, 1000);
             analyze \"Odd Schema\".\"a.b\";
             grant usage on schema \"Odd Schema\" to public;",
        )
        .await;
    let source = database.source();
    let described = source.describe(&super::table("\"Odd Schema\".\"a.b\"")).await.expect("a description");
    let text = || Box::new(ColumnKind::Text);
    let expected = [
        ("id", "bigint", ColumnKind::Integer),
        ("price", "numeric(12,2)", ColumnKind::Decimal),
        ("name", "character varying(10)", ColumnKind::Text),
        ("Mail", "character varying(50)", ColumnKind::Text),
        ("at", "timestamp(3) with time zone", ColumnKind::Instant),
        ("tags", "text[]", ColumnKind::Array(text())),
        ("code", "character(3)[]", ColumnKind::Array(text())),
        ("feeling", "mood", ColumnKind::Text),
        ("data", "jsonb", ColumnKind::Json),
        ("raw", "bytea", ColumnKind::Unsupported),
        ("flag", "bit(1)", ColumnKind::Bool),
        ("day", "date", ColumnKind::Date),
        ("f", "real", ColumnKind::Float),
    ];
    let found: Vec<_> =
        described.columns.iter().map(|c| (c.name.as_str(), c.source_type.as_str(), c.kind.clone())).collect();
    assert_eq!(found, expected);
    assert_eq!(described.row_estimate, Some(1000));

    let sql = "select id, id::float8 as f from \"Odd Schema\".\"a.b\" where id <= 500";
    let described = source.describe(&query(sql)).await.expect("a description");
    assert_eq!(described.columns.len(), 2);
    let estimate = described.row_estimate.expect("the planner's estimate");
    assert!((400..=600).contains(&estimate), "{estimate}");
}
