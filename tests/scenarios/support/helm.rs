//! The real Helm, and the chart that it renders and installs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::control_plane::{Output, script};

/// The folder of the chart.
pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/grouparoo")
}

/// A file of the chart.
pub fn read(path: &str) -> String {
    let path = chart().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs Helm, which logs in by this file where one is given.
pub fn helm(kubeconfig: Option<&Path>, arguments: &[&str]) -> Output {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| match std::env::var_os("GROUPAROO_HELM") {
        Some(path) => PathBuf::from(path),
        None => script(&["--helm"]),
    });
    // Nothing of the user's own Helm is read or changed.
    let home = TempDir::new().expect("a folder");
    let nowhere = home.path().join("kubeconfig");
    let output = Command::new(program)
        .args(arguments)
        .env("KUBECONFIG", kubeconfig.unwrap_or(&nowhere))
        .env("HELM_CACHE_HOME", home.path().join("cache"))
        .env("HELM_CONFIG_HOME", home.path().join("config"))
        .env("HELM_DATA_HOME", home.path().join("data"))
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .expect("helm runs");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A release of the chart that is only rendered.
#[derive(Clone, Debug)]
pub struct Release<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Kinds that the cluster knows beside Kubernetes' own, such as `monitoring.coreos.com/v1/ServiceMonitor`.
    pub known: &'a [&'a str],
}

/// The release that people make who follow the documentation.
pub const USUAL: Release<'static> = Release { name: "grouparoo", namespace: "grouparoo", known: &[] };

impl Release<'_> {
    /// What Helm prints for these values, in YAML; as an error: why not.
    pub fn text(&self, values: &str) -> Result<String, String> {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("values.yaml");
        std::fs::write(&file, values).expect("the folder can be written");
        let (file, chart) = (file.display().to_string(), chart().display().to_string());
        let mut arguments =
            vec!["template", self.name, &chart, "--namespace", self.namespace, "--values", &file];
        for kind in self.known {
            arguments.extend(["--api-versions", kind]);
        }
        let output = helm(None, &arguments);
        if output.code == 0 { Ok(output.stdout) } else { Err(output.stderr) }
    }

    /// The objects for these values.
    pub fn objects(&self, values: &str) -> Vec<Value> {
        let text = self.text(values).unwrap_or_else(|error| panic!("{values}\n{error}"));
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        documents.into_iter().filter(|document| !document.is_null()).collect()
    }
}

/// The only object of this kind.
pub fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found = of(objects, kind);
    assert_eq!(found.len(), 1, "{kind}: {found:#?}");
    found[0]
}

/// All objects of this kind.
pub fn of<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == *kind).collect()
}
