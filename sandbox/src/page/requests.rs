//! The journal as pages, and the faults in force.

use crate::html::Html;
use crate::journal::Entry;
use crate::service::{Shared, lock};

/// Most rows of a list.
const ROWS: usize = 200;
/// Most characters of a body that are shown.
const SHOWN: usize = 100_000;

pub(super) fn list(shared: &Shared) -> Html {
    let entries = shared.journal.entries();
    let mut html = Html::default();
    html.raw("<section><h2>Requests <small>").text(entries.len()).raw(" kept</small></h2>");
    html.raw("<form class=\"row\" method=\"post\" action=\"/admin/journal/clear\"><input type=\"hidden\" name=\"back\" value=\"/page/requests\"><button>Clear</button></form>");
    table(&mut html, &entries, ROWS);
    html.raw("</section>");
    html
}

/// The newest few, for the overview.
pub(super) fn newest(shared: &Shared, html: &mut Html) {
    html.raw("<section><h2>Newest requests <small><a href=\"/page/requests\">all</a></small></h2>");
    table(html, &shared.journal.entries(), 10);
    html.raw("</section>");
}

fn table(html: &mut Html, entries: &[Entry], rows: usize) {
    if entries.is_empty() {
        html.raw("<p class=\"dim\">No requests.</p>");
        return;
    }
    html.raw("<table><tr><th>#</th><th>Time</th><th>Request</th><th>Status</th><th>Outcome</th><th>Data points</th></tr>");
    for entry in entries.iter().rev().take(rows) {
        html.raw("<tr><td class=\"dim\">").text(entry.number).raw("</td><td>");
        html.text(entry.at.strftime("%H:%M:%S%.3f"))
            .raw("</td><td><a href=\"/page/requests/")
            .text(entry.number);
        html.raw("\"><code>").text(&entry.method).raw(" ").text(&entry.path).raw("</code></a></td><td>");
        status(html, entry);
        html.raw("</td><td>").text(entry.outcome()).raw("</td><td class=\"n\">").text(entry.data_points);
        html.raw("</td></tr>");
    }
    html.raw("</table>");
}

fn status(html: &mut Html, entry: &Entry) {
    html.raw(match entry.status {
        Some(200..300) if entry.refused == 0 => "<span class=\"tag good\">",
        Some(200..300) | Some(429) => "<span class=\"tag warn\">",
        _ => "<span class=\"tag bad\">",
    });
    match entry.status {
        Some(status) => html.text(status),
        None => html.raw("reset"),
    };
    html.raw("</span>");
}

pub(super) fn one(shared: &Shared, number: u64) -> Option<Html> {
    let entry = shared.journal.entries().into_iter().find(|entry| entry.number == number)?;
    let mut html = Html::default();
    html.raw("<section><h2>Request ").text(entry.number).raw("</h2><dl><dt>request</dt><dd><code>");
    html.text(&entry.method).raw(" ").text(&entry.path);
    if let Some(query) = &entry.query {
        html.raw("?").text(query);
    }
    html.raw("</code></dd><dt>time</dt><dd>").text(entry.at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC"));
    html.raw("</dd><dt>status</dt><dd>");
    status(&mut html, &entry);
    html.raw("</dd><dt>outcome</dt><dd>").text(entry.outcome());
    html.raw("</dd><dt>data points</dt><dd>").text(entry.data_points).raw("</dd></dl></section>");
    for (title, bytes) in [("Body", &entry.body), ("Answer", &entry.answer)] {
        if !bytes.is_empty() {
            html.raw("<section><h2>")
                .text(title)
                .raw("</h2><pre>")
                .text(pretty(bytes))
                .raw("</pre></section>");
        }
    }
    html.raw("<section><h2>Headers</h2><dl>");
    for (name, value) in &entry.headers {
        html.raw("<dt>")
            .text(name)
            .raw("</dt><dd>")
            .text(String::from_utf8_lossy(value.as_bytes()))
            .raw("</dd>");
    }
    html.raw("</dl></section>");
    Some(html)
}

fn pretty(bytes: &[u8]) -> String {
    let text = match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text,
    }
}

pub(super) fn faults(shared: &Shared) -> Html {
    let rules = lock(&shared.faults).rules();
    let mut html = Html::default();
    html.raw("<section><h2>Faults</h2>");
    if rules.is_empty() {
        html.raw("<p class=\"dim\">None: everything works.</p>");
    } else {
        html.raw("<table>");
        for rule in &rules {
            html.raw("<tr><td><code>").text(rule).raw("</code></td></tr>");
        }
        html.raw("</table><form method=\"post\" action=\"/admin/faults/clear\"><input type=\"hidden\" name=\"back\" value=\"/page/faults\"><button>End all faults</button></form>");
    }
    html.raw("</section><section><h2>Add a fault</h2><form class=\"row\" method=\"post\" action=\"/admin/faults\">");
    html.raw("<input type=\"hidden\" name=\"back\" value=\"/page/faults\"><input type=\"text\" name=\"rule\" placeholder=\"503@10%:/users/track\" required><button>Add</button></form>");
    html.raw("<p class=\"dim\"><code>EFFECT[@WHEN][:PATH]</code>; effects: a status such as <code>429</code> or <code>503</code>, <code>504-after</code>, ");
    html.raw("<code>reset</code>, <code>reset-after</code>, <code>latency=200ms</code>, <code>cut</code>, <code>garbage</code>, <code>stray-errors</code>, <code>queued</code>; ");
    html.raw("when: <code>3</code> the third, <code>3+</code> from the third on, <code>..3</code> the first three, <code>/3</code> every third, <code>10%</code>.</p></section>");
    html
}
