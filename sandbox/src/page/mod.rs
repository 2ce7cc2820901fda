//! The pages that a person looks at: what the workspace holds, and what was asked of it.

mod requests;
mod subscriptions;
mod users;

use hyper::StatusCode;

use crate::html::Html;
use crate::service::Shared;
use crate::wire::{Answer, Call, decode, pairs};

/// Whether a path is that of a page.
pub(crate) fn is_page(path: &str) -> bool {
    path == "/" || path.starts_with("/page/")
}

/// Answers with a page.
pub(crate) fn answer(shared: &Shared, call: &Call) -> Answer {
    let parameters = pairs(call.query.as_deref().unwrap_or_default());
    let parameter =
        |name: &str| parameters.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let watched = parameter("watch") == "1";
    let path = call.path.trim_start_matches("/page/");
    let content = match path.split_once('/') {
        _ if call.method != "GET" => None,
        Some(("", "")) => Some(overview(shared)),
        None if path == "users" => Some(users::list(shared, parameter("q"))),
        None if path == "subscriptions" => Some(subscriptions::list(shared)),
        None if path == "requests" => Some(requests::list(shared)),
        None if path == "faults" => Some(requests::faults(shared)),
        Some(("users", id)) => users::one(shared, &decode(id)),
        Some(("requests", number)) => number.parse().ok().and_then(|number| requests::one(shared, number)),
        _ => None,
    };
    let status = if content.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let content = content.unwrap_or_else(|| {
        let mut html = Html::default();
        html.raw("<section><h2>Not here</h2><p>There is no such page, user or request.</p></section>");
        html
    });
    Answer::new(status, "text/html; charset=utf-8", frame(shared, call, watched, content))
}

fn frame(shared: &Shared, call: &Call, watched: bool, content: Html) -> String {
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    if watched {
        html.raw("<meta http-equiv=\"refresh\" content=\"2\">");
    }
    html.raw("<title>Braze sandbox</title><style>").raw(STYLE).raw("</style></head><body><header>");
    html.raw("<a class=\"brand\" href=\"/\">Braze <b>sandbox</b></a><nav>");
    for (path, name) in [
        ("/page/users", "Users"),
        ("/page/subscriptions", "Subscriptions"),
        ("/page/requests", "Requests"),
        ("/page/faults", "Faults"),
    ] {
        html.raw("<a href=\"").raw(path).raw("\"");
        if call.path.starts_with(path) {
            html.raw(" class=\"here\"");
        }
        html.raw(">").raw(name).raw("</a>");
    }
    html.raw("</nav><a class=\"watch\" href=\"").text(&call.path);
    match watched {
        true => html.raw("\">● live</a>"),
        false => html.raw("?watch=1\">○ watch</a>"),
    };
    html.raw("</header><main>");
    let body = content.done();
    let mut page = html.done();
    page.push_str(&body);
    let mut end = Html::default();
    end.raw("</main><footer>A local stand-in for Braze; no message leaves it. Time here: ");
    end.text(shared.now().strftime("%Y-%m-%d %H:%M:%S UTC")).raw("</footer></body></html>");
    page.push_str(&end.done());
    page
}

fn overview(shared: &Shared) -> Html {
    let totals = shared.journal.totals();
    let (store, now) = shared.store();
    let subscribed = store.subscriptions(now).count();
    let tiles: [(&'static str, u64); 6] = [
        ("users", store.count() as u64),
        ("subscription states", subscribed as u64),
        ("requests", totals.answered),
        ("objects accepted", totals.accepted),
        ("objects refused", totals.refused),
        ("data points", totals.data_points),
    ];
    let pending = store.pending();
    drop(store);
    let mut html = Html::default();
    html.raw("<section class=\"tiles\">");
    for (name, number) in tiles {
        html.raw("<div class=\"tile\"><b>")
            .text(grouped(number))
            .raw("</b><span>")
            .raw(name)
            .raw("</span></div>");
    }
    html.raw("</section>");
    if pending > 0 {
        html.raw("<p class=\"note\">").text(pending).raw(" accepted writes have not taken effect yet.</p>");
    }
    users::newest(shared, &mut html);
    requests::newest(shared, &mut html);
    html
}

/// A number with thin spaces between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A form of one button that sends an address out of, or into, a group.
fn switch(html: &mut Html, group: &str, address: &str, out: bool, back: &str) {
    html.raw("<form method=\"post\" action=\"/admin/");
    html.raw(if out { "opt-out" } else { "opt-in" });
    html.raw("\"><input type=\"hidden\" name=\"group\" value=\"").text(group);
    html.raw("\"><input type=\"hidden\" name=\"address\" value=\"").text(address);
    html.raw("\"><input type=\"hidden\" name=\"back\" value=\"").text(back).raw("\">");
    html.raw(if out {
        "<button class=\"out\">Opt out</button></form>"
    } else {
        "<button>Opt in</button></form>"
    });
}

const STYLE: &str = "\
:root{--bg:#f6f7f9;--card:#fff;--ink:#1d2433;--dim:#687086;--line:#e4e7ee;--accent:#3a5bd9;--good:#1a7f4b;--bad:#b3372b;--warn:#97650a}
@media(prefers-color-scheme:dark){:root{--bg:#14171f;--card:#1d212c;--ink:#e8ebf3;--dim:#98a0b5;--line:#2d3342;--accent:#8ea6ff;--good:#5fce96;--bad:#ff8d80;--warn:#e7b75c}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header{display:flex;gap:1.5rem;align-items:center;padding:.8rem 1.5rem;background:var(--card);border-bottom:1px solid var(--line);flex-wrap:wrap}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}.brand{color:var(--ink);font-size:1.1rem}.brand b{color:var(--accent)}
nav{display:flex;gap:1rem;flex:1}nav a{color:var(--dim)}nav a.here{color:var(--ink);font-weight:600}.watch{color:var(--dim);font-size:.9rem}
main{max-width:76rem;margin:0 auto;padding:1.5rem}footer{max-width:76rem;margin:0 auto;padding:0 1.5rem 2rem;color:var(--dim);font-size:.85rem}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem 1.25rem;margin-bottom:1.25rem;overflow-x:auto}
h2{font-size:1rem;margin:0 0 .75rem}h2 small{color:var(--dim);font-weight:400}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:1rem;background:none;border:0;padding:0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem 1rem}.tile b{display:block;font-size:1.6rem;line-height:1.2;font-variant-numeric:tabular-nums}.tile span{color:var(--dim);font-size:.85rem}
table{border-collapse:collapse;width:100%}th{text-align:left;color:var(--dim);font-weight:500;font-size:.85rem}th,td{padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}tr:last-child td{border-bottom:0}
td.n{text-align:right;font-variant-numeric:tabular-nums}code,pre{font:13px/1.45 ui-monospace,monospace}pre{white-space:pre-wrap;word-break:break-word;margin:0}
.tag{display:inline-block;border-radius:6px;padding:0 .5rem;font-size:.85rem;border:1px solid currentColor}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.dim{color:var(--dim)}
button{font:inherit;font-size:.85rem;border:1px solid var(--line);background:var(--bg);color:var(--ink);border-radius:6px;padding:.1rem .6rem;cursor:pointer}button:hover{border-color:var(--accent)}button.out:hover{border-color:var(--bad);color:var(--bad)}
form{display:inline}input[type=search],input[type=text],select{font:inherit;padding:.25rem .6rem;border:1px solid var(--line);border-radius:6px;background:var(--bg);color:var(--ink);min-width:16rem}
.note{color:var(--warn)}.row{display:flex;gap:.5rem;flex-wrap:wrap;margin-bottom:.75rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.25rem;margin:0}dt{color:var(--dim)}dd{margin:0;word-break:break-word}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
