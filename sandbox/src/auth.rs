//! API keys and what they may do.

use std::collections::{BTreeMap, BTreeSet};

use hyper::HeaderMap;

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Everything.
    All,
    /// The permissions named, such as `users.track`.
    Only(BTreeSet<String>),
}

impl Permissions {
    /// The permissions named.
    pub fn only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::Only(names.into_iter().map(Into::into).collect())
    }

    /// Whether the permission is among them.
    pub fn allows(&self, permission: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(permission),
        }
    }
}

/// What is wrong with a request's key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The key as sent is not one of this workspace.
    Unknown(String),
    /// The key lacks the permission.
    Missing,
}

/// The key as it stands in the `Authorization` header; empty when there is none.
pub(crate) fn key(headers: &HeaderMap) -> String {
    let Some(value) = headers.get(hyper::header::AUTHORIZATION) else { return String::new() };
    let value = String::from_utf8_lossy(value.as_bytes());
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim_start().to_owned(),
        _ => String::new(),
    }
}

/// Checks the key of a request against the keys of the workspace.
pub(crate) fn check(
    keys: &BTreeMap<String, Permissions>,
    headers: &HeaderMap,
    permission: &str,
) -> Result<(), Denied> {
    let key = key(headers);
    match keys.get(&key) {
        None => Err(Denied::Unknown(key)),
        Some(permissions) if permissions.allows(permission) => Ok(()),
        Some(_) => Err(Denied::Missing),
    }
}

/// A key cut down to what may be shown: its last four characters, and none of a short one.
pub(crate) fn masked(key: &str) -> String {
    let count = key.chars().count();
    if count < 12 {
        return "****".to_owned();
    }
    format!("****{}", key.chars().skip(count - 4).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(hyper::header::AUTHORIZATION, value.parse().expect("a header value"))])
    }

    #[test]
    fn the_scheme_may_be_in_any_case_but_the_key_may_not() {
        let keys = BTreeMap::from([("Key".to_owned(), Permissions::only(["users.track"]))]);
        assert_eq!(check(&keys, &headers("bEaReR Key"), "users.track"), Ok(()));
        assert_eq!(check(&keys, &headers("Bearer Key"), "users.delete"), Err(Denied::Missing));
        let wrong = check(&keys, &headers("Bearer key"), "users.track");
        assert_eq!(wrong, Err(Denied::Unknown("key".to_owned())));
        let none = check(&keys, &HeaderMap::new(), "users.track");
        assert_eq!(none, Err(Denied::Unknown(String::new())));
    }

    #[test]
    fn a_masked_key_shows_its_end_only() {
        assert_eq!(masked("short"), "****");
        assert_eq!(masked("0123456789abcdef"), "****cdef");
    }
}
