//! Profiles: a list to search, and one in full.

use serde_json::Value;

use crate::admin::matches;
use crate::html::Html;
use crate::service::Shared;
use crate::store::{GlobalState, Identifier, Store, User};

/// Most rows of a list.
const ROWS: usize = 200;

pub(super) fn list(shared: &Shared, wanted: &str) -> Html {
    let (store, _) = shared.store();
    let found: Vec<&User> = store.users().rev().filter(|user| matches(user, wanted)).collect();
    let mut html = Html::default();
    html.raw("<section><h2>Users <small>").text(found.len()).raw("</small></h2>");
    html.raw("<form class=\"row\" method=\"get\"><input type=\"search\" name=\"q\" placeholder=\"id, e-mail or phone\" value=\"");
    html.text(wanted).raw("\"><button>Search</button></form>");
    table(&mut html, found.into_iter().take(ROWS));
    html.raw("</section>");
    html
}

/// The newest few, for the overview.
pub(super) fn newest(shared: &Shared, html: &mut Html) {
    let (store, _) = shared.store();
    html.raw("<section><h2>Newest users <small><a href=\"/page/users\">all</a></small></h2>");
    table(html, store.users().rev().take(10));
    html.raw("</section>");
}

fn table<'a>(html: &mut Html, users: impl Iterator<Item = &'a User>) {
    let mut users = users.peekable();
    if users.peek().is_none() {
        html.raw("<p class=\"dim\">No users.</p>");
        return;
    }
    html.raw("<table><tr><th>External id</th><th>Name</th><th>E-mail</th><th>Phone</th><th>E-mail state</th><th>Custom attributes</th></tr>");
    for user in users {
        html.raw("<tr><td><a href=\"/page/users/").link(&user.braze_id).raw("\">");
        html.text(user.external_id.as_deref().unwrap_or("(unidentified)")).raw("</a></td><td>");
        html.text(user.text("first_name").unwrap_or_default()).raw(" ");
        html.text(user.text("last_name").unwrap_or_default()).raw("</td><td>");
        html.text(user.email.as_deref().unwrap_or_default()).raw("</td><td>");
        html.text(user.phone.as_deref().unwrap_or_default()).raw("</td><td>");
        global(html, user.email_subscribe);
        html.raw("</td><td class=\"dim\">");
        let names = user.custom_attributes.keys().take(6).map(String::as_str).collect::<Vec<_>>().join(", ");
        html.text(names);
        if user.custom_attributes.len() > 6 {
            html.raw(" …");
        }
        html.raw("</td></tr>");
    }
    html.raw("</table>");
}

fn global(html: &mut Html, state: GlobalState) {
    html.raw(match state {
        GlobalState::Unsubscribed => "<span class=\"tag bad\">",
        GlobalState::OptedIn => "<span class=\"tag good\">",
        GlobalState::Subscribed => "<span class=\"tag dim\">",
    });
    html.text(state).raw("</span>");
}

pub(super) fn one(shared: &Shared, id: &str) -> Option<Html> {
    let (store, now) = shared.store();
    let user = store
        .find(&Identifier::BrazeId(id.to_owned()))
        .or_else(|| store.find(&Identifier::External(id.to_owned())))?;
    let mut html = Html::default();
    html.raw("<section><h2>").text(user.external_id.as_deref().unwrap_or("(unidentified)")).raw("</h2><dl>");
    let mut row = |name: &str, value: &dyn std::fmt::Display| {
        html.raw("<dt>").text(name).raw("</dt><dd>").text(value).raw("</dd>");
    };
    row("braze_id", &user.braze_id);
    row("created_at", &user.created_at.strftime("%Y-%m-%d %H:%M:%S UTC"));
    for (name, value) in [("email", &user.email), ("phone", &user.phone)] {
        if let Some(value) = value {
            row(name, value);
        }
    }
    if user.phone.is_some() && !user.phone_valid {
        row("phone is valid", &"no");
    }
    row("email_subscribe", &user.email_subscribe);
    row("push_subscribe", &user.push_subscribe);
    for alias in &user.aliases {
        row("alias", &format_args!("{} = {}", alias.alias_label, alias.alias_name));
    }
    for (name, value) in &user.fields {
        row(name, &plain(value));
    }
    html.raw("</dl></section><section><h2>Custom attributes</h2>");
    if user.custom_attributes.is_empty() {
        html.raw("<p class=\"dim\">None.</p>");
    } else {
        html.raw("<table>");
        for (name, value) in &user.custom_attributes {
            html.raw("<tr><td><code>").text(name).raw("</code></td><td><pre>").text(plain(value));
            html.raw("</pre></td></tr>");
        }
        html.raw("</table>");
    }
    html.raw("</section>");
    groups(&mut html, user, &store, now);
    Some(html)
}

fn groups(html: &mut Html, user: &User, store: &Store, now: jiff::Timestamp) {
    html.raw("<section><h2>Subscription groups</h2>");
    let mut rows = Vec::new();
    for group in store.groups() {
        let address = match group.channel {
            crate::store::Channel::Email => &user.email,
            _ => &user.phone,
        };
        if let Some(address) = address {
            rows.push((group, address, store.subscription(&group.id, address, now)));
        }
    }
    if rows.is_empty() {
        html.raw("<p class=\"dim\">No group of a channel that this user has an address for.</p></section>");
        return;
    }
    html.raw("<table><tr><th>Group</th><th>Channel</th><th>Address</th><th>State</th><th></th></tr>");
    let back = format!("/page/users/{}", user.braze_id);
    for (group, address, found) in rows {
        html.raw("<tr><td>").text(&group.name).raw("</td><td>").raw(group.channel.as_str());
        html.raw("</td><td>").text(address).raw("</td><td>");
        super::subscriptions::state(html, found);
        html.raw("</td><td>");
        let subscribed = found.is_some_and(|found| found.state == crate::store::GroupState::Subscribed);
        super::switch(html, &group.id, address, subscribed, &back);
        html.raw("</td></tr>");
    }
    html.raw("</table></section>");
}

/// Text without its quotes, everything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
        other => other.to_string(),
    }
}
