//! Names that Braze gives a meaning to, and the rules of the schema that speak of them.

/// Standard fields of a Braze user profile.
pub const STANDARD: [&str; 22] = [
    "external_id",
    "email",
    "phone",
    "first_name",
    "last_name",
    "gender",
    "dob",
    "country",
    "language",
    "home_city",
    "time_zone",
    "current_location",
    "image_url",
    "email_subscribe",
    "push_subscribe",
    "email_open_tracking_disabled",
    "email_click_tracking_disabled",
    "marked_email_as_spam_at",
    "date_of_first_session",
    "date_of_last_session",
    "facebook",
    "twitter",
];

/// Names that can be no target: identifiers, tokens, memberships and switches of Braze.
pub const RESERVED: [&str; 11] = [
    "braze_id",
    "user_alias",
    "alias_name",
    "alias_label",
    "push_tokens",
    "push_token_import",
    "subscription_groups",
    "email_subscription_info",
    "bio",
    "_update_existing_only",
    "_merge_objects",
];

/// Whether a name is one of [`STANDARD`].
pub fn is_standard(name: &str) -> bool {
    STANDARD.contains(&name)
}

/// The standard field that a name resembles: the same letters, apart from case and underscores. Braze makes
/// a custom attribute of such a name without a word.
pub fn near_standard(name: &str) -> Option<&'static str> {
    let folded = |text: &str| text.replace(['_', '-', ' '], "").to_ascii_lowercase();
    if is_standard(name) {
        return None;
    }
    STANDARD.into_iter().find(|standard| folded(standard) == folded(name))
}

/// The rule of a mapping: its target is not reserved.
pub fn not_reserved_target() -> String {
    format!("!(self.to in {})", list(&RESERVED))
}

/// The rule of a mapping: its `targetKind` is that of its name.
pub fn kind_fits_target() -> String {
    format!(
        "!has(self.targetKind) || self.targetKind == 'Nested' || \
         (self.targetKind == 'Standard') == (self.to in {})",
        list(&STANDARD)
    )
}

/// The rule of a group's attribute: a name of the user's own.
pub fn own_attribute() -> String {
    format!(
        "!self.startsWith('$') && self == self.trim() && !(self in {}) && !(self in {})",
        list(&STANDARD),
        list(&RESERVED)
    )
}

/// A CEL list of texts.
fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// api.md, warning `NearStandardField`
    #[test]
    fn a_name_is_near_a_standard_field_when_only_case_and_underscores_differ() {
        for (name, standard) in [
            ("firstName", "first_name"),
            ("First_Name", "first_name"),
            ("FIRSTNAME", "first_name"),
            ("Email", "email"),
            ("date-of-first-session", "date_of_first_session"),
        ] {
            assert_eq!(near_standard(name), Some(standard), "{name}");
        }
        for name in ["first_name", "email", "plan", "first", "emails"] {
            assert_eq!(near_standard(name), None, "{name}");
        }
        assert_eq!(near_standard("time-zone"), Some("time_zone"));
    }
}
