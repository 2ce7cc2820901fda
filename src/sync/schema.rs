//! Every target and group mapping ever sent, each with a column number that the records' entries use.
//!
//! A column is never renumbered. What is no longer mapped is cleared or left (docs/semantics.md, "Mappings
//! and groups"), and comes back with its entries when it is mapped again.

use serde::{Deserialize, Serialize};

use super::value::JsonKind;

/// The columns of a state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schema {
    /// Attribute columns by number.
    pub attributes: Vec<AttributeColumn>,
    /// Group columns by number.
    pub groups: Vec<GroupColumn>,
}

/// One target that was ever sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeColumn {
    /// Name of the target.
    pub target: String,
    /// JSON kind first sent: of a value that Braze took, or that the run under way may send.
    pub kind: Option<JsonKind>,
    /// What becomes of it.
    pub use_now: Use,
    /// Consent targets: digest of the mapping, its property and the Model.
    #[serde(default)]
    pub digest: u64,
    /// How the target is written.
    pub style: AttributeStyle,
}

/// How an attribute column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeStyle {
    /// A field of its own.
    Field,
    /// A key inside an object: never cleared.
    Nested,
    /// The Boolean of a group.
    Flag,
    /// A consent target, the e-mail address or the phone number: never cleared by an unmapping.
    Kept,
}

/// What becomes of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Use {
    /// Mapped.
    Active,
    /// No longer mapped: removed in Braze, record by record.
    Clearing,
    /// No longer mapped: left as it is.
    Left,
    /// Never to be used again: entries mean nothing.
    Forgotten,
}

/// One group mapping that was ever sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupColumn {
    /// What is written.
    pub target: GroupColumnTarget,
    /// What becomes of it.
    pub use_now: Use,
}

/// What a group column writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupColumnTarget {
    /// A subscription group by its UUID.
    Subscription(String),
    /// A text in an array attribute.
    Element {
        /// The attribute.
        attribute: String,
        /// The text.
        value: String,
    },
}

/// A target as the present configuration wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedColumn {
    /// Name of the target.
    pub target: String,
    /// JSON kind, where it is known before a value is read.
    pub kind: Option<JsonKind>,
    /// Digest of mapping, property and Model, for consent targets; else 0.
    pub digest: u64,
    /// How it is written.
    pub style: AttributeStyle,
}

/// What aligning a schema with a configuration found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alignment {
    /// Column number of each wanted attribute, in their order.
    pub attributes: Vec<u16>,
    /// Column number of each wanted group, in their order.
    pub groups: Vec<u16>,
    /// Targets that are mapped for the first time, or again.
    pub added: Vec<String>,
    /// Targets that are no longer mapped and are removed in Braze.
    pub cleared: Vec<String>,
    /// Targets that are no longer mapped and stay.
    pub left: Vec<String>,
    /// Subscription groups that are no longer mapped.
    pub groups_left: Vec<String>,
    /// Targets that would change their JSON kind: name, kind first sent, kind now.
    pub kind_changes: Vec<(String, JsonKind, JsonKind)>,
    /// Columns whose JSON kind was not known before: Braze took no value of them yet.
    pub untaken: Vec<u16>,
}

impl Schema {
    /// Makes the schema fit the configuration.
    ///
    /// `clear`: whether targets that are no longer mapped are removed in Braze (`onUnmap: Clear`).
    /// `elsewhere`: targets that a sibling Destination maps; they are left.
    pub fn align(
        &mut self,
        attributes: &[WantedColumn],
        groups: &[GroupColumnTarget],
        clear: bool,
        elsewhere: &dyn Fn(&str) -> bool,
    ) -> Alignment {
        let mut found = Alignment::default();
        for wanted in attributes {
            let number = self.attribute_column(wanted, &mut found);
            found.attributes.push(number);
        }
        for wanted in groups {
            let number = self.group_column(wanted, &mut found);
            found.groups.push(number);
        }
        // What is written anew under the same name is not cleared in the same object.
        let taken = |name: &str| {
            attributes.iter().any(|wanted| owner(&wanted.target, wanted.style) == name)
                || groups.iter().any(|wanted| wanted.attribute() == Some(name))
        };
        self.retire_attributes(clear, &|target| taken(target) || elsewhere(target), &mut found);
        let owned = |name: &str| attributes.iter().any(|wanted| owner(&wanted.target, wanted.style) == name);
        self.retire_groups(clear, &owned, &mut found);
        found
    }

    fn attribute_column(&mut self, wanted: &WantedColumn, found: &mut Alignment) -> u16 {
        let known = self.attributes.iter().position(|column| {
            column.use_now != Use::Forgotten
                && column.target == wanted.target
                && column.digest == wanted.digest
        });
        let Some(number) = known else {
            found.added.push(wanted.target.clone());
            // An edited consent mapping counts as first sight: a new column, whose entries are all `never`.
            for column in &mut self.attributes {
                if column.target == wanted.target {
                    column.use_now = Use::Forgotten;
                }
            }
            self.attributes.push(AttributeColumn {
                target: wanted.target.clone(),
                kind: wanted.kind,
                use_now: Use::Active,
                digest: wanted.digest,
                style: wanted.style,
            });
            let number = narrow(self.attributes.len() - 1);
            found.untaken.push(number);
            return number;
        };
        let column = &mut self.attributes[number];
        if column.use_now != Use::Active {
            found.added.push(wanted.target.clone());
        }
        column.use_now = Use::Active;
        column.style = wanted.style;
        match (column.kind, wanted.kind) {
            (Some(first), Some(now)) if first != now => {
                found.kind_changes.push((wanted.target.clone(), first, now));
            }
            (None, now) => {
                column.kind = now;
                found.untaken.push(narrow(number));
            }
            _ => {}
        }
        narrow(number)
    }

    fn group_column(&mut self, wanted: &GroupColumnTarget, found: &mut Alignment) -> u16 {
        let known = self
            .groups
            .iter()
            .position(|column| column.use_now != Use::Forgotten && column.target == *wanted);
        let number = known.unwrap_or_else(|| {
            self.groups.push(GroupColumn { target: wanted.clone(), use_now: Use::Active });
            self.groups.len() - 1
        });
        if known.is_none() || self.groups[number].use_now != Use::Active {
            found.added.push(wanted.to_string());
        }
        self.groups[number].use_now = Use::Active;
        narrow(number)
    }

    fn retire_attributes(&mut self, clear: bool, stays: &dyn Fn(&str) -> bool, found: &mut Alignment) {
        for (number, column) in self.attributes.iter_mut().enumerate() {
            if column.use_now != Use::Active || found.attributes.contains(&narrow(number)) {
                continue;
            }
            let kept = matches!(column.style, AttributeStyle::Kept | AttributeStyle::Nested);
            if clear && !kept && !stays(&column.target) {
                column.use_now = Use::Clearing;
                found.cleared.push(column.target.clone());
            } else {
                column.use_now = Use::Left;
                found.left.push(column.target.clone());
            }
        }
    }

    fn retire_groups(&mut self, clear: bool, stays: &dyn Fn(&str) -> bool, found: &mut Alignment) {
        for (number, column) in self.groups.iter_mut().enumerate() {
            if column.use_now != Use::Active || found.groups.contains(&narrow(number)) {
                continue;
            }
            match &column.target {
                GroupColumnTarget::Subscription(id) => {
                    column.use_now = Use::Forgotten;
                    found.groups_left.push(id.clone());
                }
                GroupColumnTarget::Element { attribute, value } if clear && !stays(attribute) => {
                    column.use_now = Use::Clearing;
                    found.cleared.push(format!("{attribute}[{value}]"));
                }
                GroupColumnTarget::Element { attribute, value } => {
                    column.use_now = Use::Left;
                    found.left.push(format!("{attribute}[{value}]"));
                }
            }
        }
    }

    /// Texts that this Destination may have in each array attribute: mapped, or left there by an edit.
    pub fn elements(&self) -> impl Iterator<Item = (&str, &str)> {
        let kept = self.groups.iter().filter(|column| matches!(column.use_now, Use::Active | Use::Left));
        kept.filter_map(|column| match &column.target {
            GroupColumnTarget::Element { attribute, value } => Some((attribute.as_str(), value.as_str())),
            GroupColumnTarget::Subscription(_) => None,
        })
    }

    /// After a run that cleared everything it had to: columns under way are forgotten.
    pub fn forget_cleared(&mut self) {
        for column in &mut self.attributes {
            if column.use_now == Use::Clearing {
                column.use_now = Use::Forgotten;
            }
        }
        for column in &mut self.groups {
            if column.use_now == Use::Clearing {
                column.use_now = Use::Forgotten;
            }
        }
    }
}

/// The attribute that a target writes or writes into.
fn owner(target: &str, style: AttributeStyle) -> &str {
    match style {
        AttributeStyle::Nested => target.split('.').next().unwrap_or(target),
        AttributeStyle::Field | AttributeStyle::Flag | AttributeStyle::Kept => target,
    }
}

impl GroupColumnTarget {
    fn attribute(&self) -> Option<&str> {
        match self {
            Self::Subscription(_) => None,
            Self::Element { attribute, .. } => Some(attribute),
        }
    }
}

impl std::fmt::Display for GroupColumnTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subscription(id) => write!(f, "subscription group {id}"),
            Self::Element { attribute, value } => write!(f, "{attribute}[{value}]"),
        }
    }
}

/// 250 property mappings and 100 group mappings at a time: 65,535 columns outlast any history of edits.
fn narrow(n: usize) -> u16 {
    u16::try_from(n).expect("fewer than 65,536 columns")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(target: &str, kind: JsonKind) -> WantedColumn {
        WantedColumn { target: target.to_owned(), kind: Some(kind), digest: 0, style: AttributeStyle::Field }
    }

    fn element(value: &str) -> GroupColumnTarget {
        GroupColumnTarget::Element { attribute: "segments".to_owned(), value: value.to_owned() }
    }

    fn nowhere(_: &str) -> bool {
        false
    }

    /// semantics 4.1: mapping added, removed, mapped again.
    #[test]
    fn a_column_keeps_its_number_through_removal_and_return() {
        let mut schema = Schema::default();
        let both = [field("plan", JsonKind::String), field("city", JsonKind::String)];
        assert_eq!(schema.align(&both, &[], true, &nowhere).attributes, [0, 1]);
        let one = schema.align(&both[1..], &[], true, &nowhere);
        assert_eq!((one.attributes, one.cleared), (vec![1], vec!["plan".to_owned()]));
        assert_eq!(schema.attributes[0].use_now, Use::Clearing);
        let again = schema.align(&both, &[], true, &nowhere);
        assert_eq!((again.attributes, again.added), (vec![0, 1], vec!["plan".to_owned()]));
    }

    /// semantics 4.1: after the clear the column is forgotten; a later mapping starts from `never`.
    #[test]
    fn a_cleared_column_is_never_used_again() {
        let mut schema = Schema::default();
        schema.align(&[field("plan", JsonKind::String)], &[], true, &nowhere);
        schema.align(&[], &[], true, &nowhere);
        schema.forget_cleared();
        assert_eq!(schema.align(&[field("plan", JsonKind::Number)], &[], true, &nowhere).attributes, [1]);
    }

    /// semantics 4.1: `onUnmap: Leave`; targets `email`, `phone`, consent; mapped by a sibling.
    #[test]
    fn what_is_kept_elsewhere_or_by_wish_is_left() {
        let kept = WantedColumn { style: AttributeStyle::Kept, ..field("email", JsonKind::String) };
        let all = [field("plan", JsonKind::String), kept, field("city", JsonKind::String)];
        let mut schema = Schema::default();
        schema.align(&all, &[], true, &nowhere);
        let found = schema.align(&[], &[], true, &|target| target == "city");
        assert_eq!(
            (found.cleared, found.left),
            (vec!["plan".to_owned()], vec!["email".into(), "city".into()])
        );
        let mut schema = Schema::default();
        schema.align(&all, &[], false, &nowhere);
        assert_eq!(schema.align(&[], &[], false, &nowhere).left.len(), 3);
    }

    /// semantics 4.1: the mapping yields another JSON kind than first sent.
    #[test]
    fn another_kind_is_reported_until_approved() {
        let mut schema = Schema::default();
        schema.align(&[field("ltv", JsonKind::String)], &[], true, &nowhere);
        for _ in 0..2 {
            let found = schema.align(&[field("ltv", JsonKind::Number)], &[], true, &nowhere);
            assert_eq!(found.kind_changes, [("ltv".to_owned(), JsonKind::String, JsonKind::Number)]);
        }
    }

    /// semantics 4.1: subscription mapping removed: entries forgotten; added again: as at first sight.
    #[test]
    fn a_subscription_group_comes_back_as_a_new_column() {
        let group = GroupColumnTarget::Subscription("7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11".to_owned());
        let mut schema = Schema::default();
        assert_eq!(schema.align(&[], std::slice::from_ref(&group), true, &nowhere).groups, [0]);
        assert_eq!(schema.align(&[], &[], true, &nowhere).groups_left.len(), 1);
        assert_eq!(schema.align(&[], &[group], true, &nowhere).groups, [1]);
    }

    /// semantics 4.1: `value` changed: the old value removed, the new one added.
    #[test]
    fn another_element_clears_the_old_one() {
        let mut schema = Schema::default();
        schema.align(&[], &[element("vip")], true, &nowhere);
        let found = schema.align(&[], &[element("VIP")], true, &nowhere);
        assert_eq!((found.groups, found.cleared), (vec![1], vec!["segments[vip]".to_owned()]));
    }

    /// semantics 2.1: one object per user, so a name stands in it once: what is written anew under the name of what
    /// was unmapped is not cleared besides.
    #[test]
    fn a_name_that_is_written_anew_is_not_cleared() {
        let nested = WantedColumn { style: AttributeStyle::Nested, ..field("plan.tier", JsonKind::String) };
        let after = [
            (vec![nested], vec![]),
            (
                vec![],
                vec![GroupColumnTarget::Element { attribute: "plan".to_owned(), value: "a".to_owned() }],
            ),
        ];
        for (attributes, groups) in after {
            let mut schema = Schema::default();
            schema.align(&[field("plan", JsonKind::String)], &[], true, &nowhere);
            let found = schema.align(&attributes, &groups, true, &nowhere);
            assert_eq!((found.cleared, found.left), (vec![], vec!["plan".to_owned()]));
        }
        let mut schema = Schema::default();
        schema.align(&[], &[element("vip")], true, &nowhere);
        let found = schema.align(&[field("segments", JsonKind::Array)], &[], true, &nowhere);
        assert_eq!((found.cleared, found.left), (vec![], vec!["segments[vip]".to_owned()]));
    }

    /// semantics 5.5: an edit of the mapping counts as first sight for consent targets.
    #[test]
    fn an_edited_consent_mapping_starts_a_new_column() {
        let consent = |digest| WantedColumn {
            digest,
            style: AttributeStyle::Kept,
            ..field("email_subscribe", JsonKind::String)
        };
        let mut schema = Schema::default();
        assert_eq!(schema.align(&[consent(1)], &[], true, &nowhere).attributes, [0]);
        assert_eq!(schema.align(&[consent(2)], &[], true, &nowhere).attributes, [1]);
        assert_eq!(schema.align(&[consent(1)], &[], true, &nowhere).attributes, [2]);
    }
}
