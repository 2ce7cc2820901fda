//! Groups and the states of addresses in them, with the buttons of a person.

use crate::html::Html;
use crate::service::Shared;
use crate::store::{By, GroupState, Subscription};

/// Most rows of a list.
const ROWS: usize = 500;

pub(super) fn list(shared: &Shared) -> Html {
    let (store, now) = shared.store();
    let mut html = Html::default();
    html.raw("<section><h2>Subscription groups</h2>");
    if store.groups().next().is_none() {
        html.raw(
            "<p class=\"dim\">None; start the sandbox with <code>--group UUID=NAME</code>.</p></section>",
        );
        return html;
    }
    html.raw(
        "<table><tr><th>Name</th><th>Id</th><th>Channel</th><th>Subscribed</th><th>Unsubscribed</th></tr>",
    );
    for group in store.groups() {
        let count = |state| {
            store.subscriptions(now).filter(|found| found.group == group.id && found.state == state).count()
        };
        html.raw("<tr><td>").text(&group.name).raw("</td><td><code>").text(&group.id).raw("</code></td><td>");
        html.raw(group.channel.as_str()).raw("</td><td class=\"n\">").text(count(GroupState::Subscribed));
        html.raw("</td><td class=\"n\">").text(count(GroupState::Unsubscribed)).raw("</td></tr>");
    }
    html.raw("</table></section><section><h2>A person decides</h2><form class=\"row\" method=\"post\" action=\"/admin/opt-out\">");
    html.raw("<input type=\"hidden\" name=\"back\" value=\"/page/subscriptions\">");
    html.raw("<input type=\"text\" name=\"address\" placeholder=\"e-mail address or phone number\" required><select name=\"group\">");
    for group in store.groups() {
        html.raw("<option value=\"").text(&group.id).raw("\">").text(&group.name).raw("</option>");
    }
    html.raw("</select><button class=\"out\">Opt out</button><button formaction=\"/admin/opt-in\">Opt in</button></form></section>");
    html.raw("<section><h2>States by address</h2>");
    let mut rows = store.subscriptions(now).take(ROWS).peekable();
    if rows.peek().is_none() {
        html.raw("<p class=\"dim\">Nobody has a history with a group.</p></section>");
        return html;
    }
    html.raw("<table><tr><th>Address</th><th>Group</th><th>State</th><th>Since</th><th></th></tr>");
    for found in rows {
        html.raw("<tr><td>").text(&found.address);
        if found.orphan_since.is_some() {
            html.raw(" <span class=\"dim\">(no profile has it)</span>");
        }
        html.raw("</td><td>").text(store.group(&found.group).map_or("", |group| group.name.as_str()));
        html.raw("</td><td>");
        state(&mut html, Some(found));
        html.raw("</td><td>").text(found.changed_at.strftime("%Y-%m-%d %H:%M:%S")).raw("</td><td>");
        let out = found.state == GroupState::Subscribed;
        super::switch(&mut html, &found.group, &found.address, out, "/page/subscriptions");
        html.raw("</td></tr>");
    }
    html.raw("</table></section>");
    html
}

/// A state as a tag, with a word on who brought it about.
pub(super) fn state(html: &mut Html, found: Option<&Subscription>) {
    let Some(found) = found else {
        html.raw("<span class=\"tag dim\">Unknown</span>");
        return;
    };
    html.raw(match found.state {
        GroupState::Subscribed => "<span class=\"tag good\">",
        GroupState::Unsubscribed => "<span class=\"tag bad\">",
    });
    html.text(found.state).raw("</span>");
    if found.by == By::Person {
        html.raw(" <span class=\"dim\">by the person</span>");
    }
}
