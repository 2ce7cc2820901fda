//! What happens to the table after the first sync.

use std::fmt;

use super::TABLE;

/// New people.
pub(super) const NEW: u32 = 25;

/// What changed, in people. Nobody is changed twice by one set of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows that are new.
    pub new: u32,
    /// Rows that are gone.
    pub deleted: u32,
    /// People who now want the newsletter.
    pub joined_newsletter: u32,
    /// People who no longer want it.
    pub left_newsletter: u32,
    /// People who bought something: `lifetime_value`, `loyalty_points` and `last_purchase_at` changed, and with them
    /// perhaps a membership by rule.
    pub purchases: u32,
    /// People whose `plan` went from free to pro.
    pub upgrades: u32,
    /// People whose `city` changed.
    pub moves: u32,
    /// People whose `first_name` became null.
    pub names_removed: u32,
}

impl Changes {
    /// Rows whose values changed, apart from the new and the deleted ones.
    pub fn updated(&self) -> u32 {
        self.joined_newsletter
            + self.left_newsletter
            + self.purchases
            + self.upgrades
            + self.moves
            + self.names_removed
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} new people, {} deleted, {} joined and {} left the newsletter, {} bought something, {} upgraded \
             their plan, {} moved, {} removed their name",
            self.new,
            self.deleted,
            self.joined_newsletter,
            self.left_newsletter,
            self.purchases,
            self.upgrades,
            self.moves,
            self.names_removed
        )
    }
}

/// One kind of change: a statement that both SQLite and PostgreSQL understand.
pub(super) struct Step {
    pub sql: String,
    /// Where its number of rows is noted.
    pub count: fn(&mut Changes) -> &mut u32,
}

/// All changes but the new people. `time` is written as the time of the purchases, in quotes already.
///
/// Each step takes its people from ids of its own (`id % 8`), so that nobody is changed twice. Only people with an
/// e-mail address join or leave the newsletter, since no other membership would reach Braze.
pub(super) fn steps(time: &str) -> Vec<Step> {
    let step = |action: &str, rest: u32, which: &str, limit: u32, count| {
        let chosen = format!(
            "select id from {TABLE} where id % 8 = {rest} and {which} order by (id * 7919) % 10007, id limit {limit}"
        );
        Step { sql: format!("{action} where id in ({chosen})"), count }
    };
    let update = |set: &str| format!("update {TABLE} set {set}");
    vec![
        step(&format!("delete from {TABLE}"), 0, "true", 12, |c: &mut Changes| &mut c.deleted),
        step(
            &update("wants_newsletter = true"),
            1,
            "wants_newsletter = false and email like '%@example.%' and email not like '% %'",
            40,
            |c| &mut c.joined_newsletter,
        ),
        step(
            &update("wants_newsletter = false"),
            2,
            "wants_newsletter = true and email like '%@example.%' and email not like '% %'",
            15,
            |c| &mut c.left_newsletter,
        ),
        step(
            &update(&format!(
                "lifetime_value = round(lifetime_value + 19.90, 2), loyalty_points = loyalty_points + 20, last_purchase_at = {time}"
            )),
            3,
            "lifetime_value is not null and loyalty_points is not null",
            120,
            |c| &mut c.purchases,
        ),
        step(&update("plan = 'pro'"), 4, "plan = 'free'", 60, |c| &mut c.upgrades),
        step(&update("city = 'Reykjavík'"), 5, "city <> 'Reykjavík'", 20, |c| &mut c.moves),
        step(&update("first_name = null"), 6, "first_name is not null", 5, |c| &mut c.names_removed),
    ]
}
