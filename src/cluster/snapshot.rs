//! What Secrets and ConfigMaps held at one moment, with nothing of it in any `Debug` output.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::api::{ALLOWED_HOSTS_ANNOTATION, Found, Lookup, folder};

/// Key of a Secret that names the host of its values, as many operators of databases write it.
const HOST_KEY: &str = "host";

/// Keys of a ConfigMap with their bytes.
pub(super) type Entries = BTreeMap<String, Bytes>;

/// One Secret.
pub(super) struct SecretEntry {
    pub(super) resource_version: String,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) data: BTreeMap<String, SecretSlice<u8>>,
}

/// What [`fetch`](super::fetch) found: answers look-ups of one namespace, as of one moment.
pub struct Snapshot {
    namespace: String,
    secrets: BTreeMap<String, SecretEntry>,
    config_maps: BTreeMap<String, Entries>,
    data_root: Option<PathBuf>,
}

impl Snapshot {
    pub(super) fn new(
        namespace: &str,
        secrets: BTreeMap<String, SecretEntry>,
        config_maps: BTreeMap<String, Entries>,
        data_root: Option<PathBuf>,
    ) -> Self {
        Self { namespace: namespace.to_owned(), secrets, config_maps, data_root }
    }

    /// The resourceVersion of a Secret, when it exists.
    pub fn resource_version(&self, secret: &str) -> Option<&str> {
        self.secrets.get(secret).map(|secret| secret.resource_version.as_str())
    }

    /// The resourceVersions of all Secrets that exist, in the order of their names, joined by commas: an empty
    /// text when there are none. For `status.secretResourceVersion`.
    pub fn resource_versions(&self) -> String {
        let versions: Vec<&str> =
            self.secrets.values().map(|secret| secret.resource_version.as_str()).collect();
        versions.join(",")
    }

    /// The annotations of a Secret, when it exists.
    pub fn annotations(&self, secret: &str) -> Option<&BTreeMap<String, String>> {
        self.secrets.get(secret).map(|secret| &secret.annotations)
    }

    /// Whether a Secret exists and has a key.
    pub fn has_key(&self, secret: &str, key: &str) -> bool {
        self.secrets.get(secret).is_some_and(|secret| secret.data.contains_key(key))
    }

    /// The hosts to which the owner of a Secret lets its values be sent: those of the annotation
    /// `grouparoo.io/allowed-hosts` and of the data key `host` (api.md §9).
    pub fn allowed_hosts(&self, secret: &str) -> Vec<String> {
        let Some(entry) = self.secrets.get(secret) else { return Vec::new() };
        let annotation = entry.annotations.get(ALLOWED_HOSTS_ANNOTATION).map(String::as_str);
        let key = entry.data.get(HOST_KEY).and_then(|value| std::str::from_utf8(value.expose_secret()).ok());
        annotation
            .into_iter()
            .chain(key)
            .flat_map(|list| list.split(','))
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect()
    }
}

impl Lookup for Snapshot {
    fn secret(&self, name: &str, key: &str) -> Found<SecretString> {
        let Some(secret) = self.secrets.get(name) else { return Found::NoObject };
        let Some(value) = secret.data.get(key) else { return Found::NoKey };
        match std::str::from_utf8(value.expose_secret()) {
            Ok(text) => Found::Value(SecretString::from(text)),
            Err(_) => Found::NotText,
        }
    }

    fn config_map(&self, name: &str, key: &str) -> Found<String> {
        let Some(map) = self.config_maps.get(name) else { return Found::NoObject };
        let Some(value) = map.get(key) else { return Found::NoKey };
        match std::str::from_utf8(value) {
            Ok(text) => Found::Value(text.to_owned()),
            Err(_) => Found::NotText,
        }
    }

    fn files(&self, name: &str) -> Option<BTreeMap<String, Bytes>> {
        self.config_maps.get(name).cloned()
    }

    fn path(&self, relative: &str) -> Result<PathBuf, String> {
        let Some(root) = &self.data_root else {
            return Err("files of Sources are not offered here: the operator has no data root".to_owned());
        };
        // The folder of the namespace may be no link into another's either.
        folder::inside(root, &self.namespace).and_then(|own| folder::inside(&own, relative))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("namespace", &self.namespace)
            .field("secrets", &self.secrets.keys())
            .field("config_maps", &self.config_maps.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A Secret: its name, and its keys with their values.
    type Held<'a> = (&'a str, &'a [(&'a str, &'a [u8])]);

    fn snapshot(secrets: &[Held<'_>], root: Option<PathBuf>) -> Snapshot {
        let secrets = secrets.iter().map(|(name, data)| {
            let data = data.iter().map(|(key, value)| ((*key).to_owned(), SecretSlice::from(value.to_vec())));
            let entry = SecretEntry {
                resource_version: format!("v-{name}"),
                annotations: BTreeMap::from([(
                    ALLOWED_HOSTS_ANNOTATION.to_owned(),
                    " db.corp ,, *.example.com".to_owned(),
                )]),
                data: data.collect(),
            };
            ((*name).to_owned(), entry)
        });
        Snapshot::new("crm", secrets.collect(), BTreeMap::new(), root)
    }

    /// api.md §1 and §9: the annotation, or a data key `host`
    #[test]
    fn the_owner_names_hosts_in_an_annotation_and_in_a_key() {
        let found = snapshot(&[("login", &[("host", b"pg.corp:5432\n"), ("password", b"p")])], None);
        assert_eq!(found.allowed_hosts("login"), ["db.corp", "*.example.com", "pg.corp:5432"]);
        assert!(found.allowed_hosts("other").is_empty());
        assert!(
            found.has_key("login", "host") && !found.has_key("login", "user") && !found.has_key("x", "host")
        );
        assert_eq!(found.resource_version("login"), Some("v-login"));
        assert!(found.annotations("login").is_some_and(|all| all.len() == 1));
    }

    #[test]
    fn a_snapshot_says_nothing_of_its_values() {
        let found = snapshot(&[("login", &[("password", b"geheim"), ("raw", b"\xff\xfe")])], None);
        let shown = format!("{found:?}");
        assert!(
            shown.contains("login") && !shown.contains("geheim") && !shown.contains("password"),
            "{shown}"
        );
        assert!(
            matches!(found.secret("login", "password"), Found::Value(value) if value.expose_secret() == "geheim")
        );
        assert!(matches!(found.secret("login", "raw"), Found::NotText));
        assert!(matches!(found.secret("login", "x"), Found::NoKey));
        assert!(matches!(found.secret("x", "x"), Found::NoObject));
        let secret = format!("{:?}", found.secret("login", "password"));
        assert!(!secret.contains("geheim"), "{secret}");
    }

    #[test]
    fn resource_versions_stand_in_the_order_of_the_names() {
        assert_eq!(snapshot(&[("b", &[]), ("a", &[])], None).resource_versions(), "v-a,v-b");
        assert_eq!(snapshot(&[], None).resource_versions(), "");
    }

    /// api.md §4: files are below DATA_ROOT/<namespace>/, and no link leads out
    #[test]
    fn files_are_below_the_folder_of_the_namespace() {
        let root = TempDir::new().expect("a folder");
        for namespace in ["crm", "other"] {
            fs::create_dir(root.path().join(namespace)).expect("a folder");
            fs::write(root.path().join(namespace).join("a.db"), "").expect("a file");
        }
        std::os::unix::fs::symlink("../other/a.db", root.path().join("crm/b.db")).expect("a link");
        let found = snapshot(&[], Some(root.path().to_owned()));
        let real = fs::canonicalize(root.path()).expect("there");
        assert_eq!(found.path("a.db"), Ok(real.join("crm/a.db")));
        for outside in ["b.db", "../other/a.db", "/etc/passwd"] {
            assert!(found.path(outside).is_err(), "{outside}");
        }
        assert!(snapshot(&[], None).path("a.db").is_err());
    }
}
