//! The manifests of the quickstart, with the addresses of this demo filled in.

use std::path::Path;

use workbench::Failure;
use workbench::postgres::Login;

/// The newsletter's subscription group.
pub(crate) const NEWSLETTER: &str = "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11";
/// The group of text messages.
pub(crate) const TEXTS: &str = "3f0a9d52-8c1b-4e7a-b6d4-5e2f1c9a7b30";

/// The sandbox is one process on the reader's own machine.
const LIMITS: &str = "  limits:
    settle: 0s # the sandbox has applied a request when it answers; Braze needs a while, 10s if this is left out
    maxInFlight: 4 # one small server; for Braze itself leave this out
";

/// Name and content of each file.
type Files = [(&'static str, &'static str); 4];

macro_rules! quickstart {
    ($system:literal) => {
        [
            (
                "braze-app.yaml",
                include_str!(concat!("../../../../examples/quickstart/", $system, "/braze-app.yaml")),
            ),
            (
                "source.yaml",
                include_str!(concat!("../../../../examples/quickstart/", $system, "/source.yaml")),
            ),
            ("model.yaml", include_str!(concat!("../../../../examples/quickstart/", $system, "/model.yaml"))),
            (
                "destination.yaml",
                include_str!(concat!("../../../../examples/quickstart/", $system, "/destination.yaml")),
            ),
        ]
    };
}

const SQLITE: Files = quickstart!("sqlite");
const POSTGRES: Files = quickstart!("postgres");

/// What `kubectl apply -k` reads besides the files for SQLite.
const KUSTOMIZATIONS: [(&str, &str); 2] = [
    ("sqlite/kustomization.yaml", include_str!("../../../../examples/quickstart/sqlite/kustomization.yaml")),
    (
        "overlays/laptop/kustomization.yaml",
        include_str!("../../../../examples/quickstart/overlays/laptop/kustomization.yaml"),
    ),
];

/// Writes the overlay `overlays/laptop` and what it stands on into a folder. `endpoint` is the sandbox's URL.
pub(crate) fn write_overlay(folder: &Path, endpoint: &str) -> Result<(), Failure> {
    let mut files: Vec<(String, String)> =
        SQLITE.iter().map(|(name, text)| (format!("sqlite/{name}"), (*text).to_owned())).collect();
    files.extend(KUSTOMIZATIONS.map(|(name, text)| (name.to_owned(), text.to_owned())));
    for (name, mut text) in files {
        if name.starts_with("overlays") {
            replace(&mut text, "restEndpoint: http://127.0.0.1:8070", &format!("restEndpoint: {endpoint}"))?;
        }
        let path = folder.join(&name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| Failure::file(parent, error))?;
        std::fs::write(&path, text).map_err(|error| Failure::file(&path, error))?;
    }
    Ok(())
}

/// Writes the files into a folder. `endpoint` is the sandbox's URL.
pub(crate) fn write(folder: &Path, endpoint: &str, login: Option<&Login>) -> Result<(), Failure> {
    for (name, text) in login.map_or(SQLITE, |_| POSTGRES) {
        let text = filled(name, text, endpoint, login)?;
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::file(&path, error))?;
    }
    Ok(())
}

fn filled(name: &str, text: &str, endpoint: &str, login: Option<&Login>) -> Result<String, Failure> {
    let mut text = text.to_owned();
    if name == "braze-app.yaml" {
        replace(&mut text, "http://127.0.0.1:8070", endpoint)?;
        text.push_str(LIMITS);
    }
    if let (Some(login), "source.yaml") = (login, name) {
        let quoted = |value: &str| serde_json::Value::from(value).to_string();
        replace(&mut text, "allowed-hosts: 127.0.0.1", &format!("allowed-hosts: {}", quoted(&login.host)))?;
        replace(&mut text, "password: change-me", &format!("password: {}", quoted(login.password())))?;
        let place = format!("host: {}\n    port: {}", quoted(&login.host), login.port);
        replace(&mut text, "host: 127.0.0.1", &place)?;
        replace(&mut text, "database: crm", &format!("database: {}", quoted(&login.database)))?;
        replace(&mut text, "user: reader", &format!("user: {}", quoted(&login.user)))?;
    }
    Ok(text)
}

fn replace(text: &mut String, old: &str, new: &str) -> Result<(), Failure> {
    if !text.contains(old) {
        return Err(Failure::Unexpected(format!("the quickstart's manifests no longer hold '{old}'")));
    }
    *text = text.replacen(old, new, 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quickstart_is_filled_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let login = Login::from_url("postgres://reader:se%22cret@db.example.com:6000/shop").expect("a URL");
        write(folder.path(), "http://127.0.0.1:4711", Some(&login)).expect("written");
        let read = |name| std::fs::read_to_string(folder.path().join(name)).expect("a file");
        let source = read("source.yaml");
        for part in [
            r#"host: "db.example.com""#,
            "port: 6000",
            r#"database: "shop""#,
            r#"user: "reader""#,
            r#"password: "se\"cret""#,
            r#"allowed-hosts: "db.example.com""#,
        ] {
            assert!(source.contains(part), "{part} in {source}");
        }
        assert!(read("braze-app.yaml").contains("restEndpoint: http://127.0.0.1:4711"));
        assert!(read("destination.yaml").contains(NEWSLETTER) && read("destination.yaml").contains(TEXTS));
        write_overlay(folder.path(), "http://127.0.0.1:4711").expect("written");
        assert!(read("overlays/laptop/kustomization.yaml").contains("restEndpoint: http://127.0.0.1:4711"));
        assert!(read("sqlite/kustomization.yaml").contains("- destination.yaml"));
        write(folder.path(), "http://127.0.0.1:1", None).expect("written");
        assert!(read("source.yaml").contains("path: crm/customers.db"));
    }
}
