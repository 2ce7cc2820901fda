//! Lines that a reader would type into a shell, beside a Kubernetes API.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use workbench::Failure;
use workbench::programs::{self, code, show};

/// A shell with the programs in its path, and the kubeconfig in its environment.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    folder: PathBuf,
    path: std::ffi::OsString,
}

impl Shell {
    /// Name of the kubeconfig in the folder.
    pub(crate) const KUBECONFIG: &'static str = "kubeconfig";

    /// A shell in `folder`. `tools` is where kubectl is.
    ///
    /// # Errors
    /// When the folders cannot stand in a path.
    pub(crate) fn new(folder: &Path, tools: &Path) -> Result<Self, Failure> {
        let old = std::env::var_os("PATH").unwrap_or_default();
        let folders = [programs::folder()?, tools.to_owned()].into_iter().chain(std::env::split_paths(&old));
        let unfit = |_| Failure::Unexpected("a folder with a colon in its name".to_owned());
        Ok(Self { folder: folder.to_owned(), path: std::env::join_paths(folders).map_err(unfit)? })
    }

    /// The file that kubectl and the operator log in with.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.join(Self::KUBECONFIG)
    }

    /// A command for a line, not started yet.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&self.folder);
        command.env("PATH", &self.path).env("KUBECONFIG", self.kubeconfig());
        // Not into the reader's home.
        command.env("KUBECACHEDIR", self.folder.join("kubectl-cache"));
        command
    }

    /// Shows a line and runs it; it speaks for itself.
    ///
    /// # Errors
    /// When it does not succeed.
    pub(crate) fn run(&self, line: &str) -> Result<(), Failure> {
        show(line);
        let status = self.command(line).stdin(Stdio::null()).status();
        let status = status.map_err(|error| Failure::Program("sh".to_owned(), error))?;
        let code = code(status, line)?;
        if code == 0 { Ok(()) } else { Err(Failure::Unexpected(format!("exit code {code} of {line}"))) }
    }

    /// What a line prints, without showing it: the demo's own look.
    ///
    /// # Errors
    /// When it does not succeed.
    pub(crate) fn ask(&self, line: &str) -> Result<String, Failure> {
        let output = self.command(line).stdin(Stdio::null()).output();
        let output = output.map_err(|error| Failure::Program("sh".to_owned(), error))?;
        let code = code(output.status, line)?;
        if code != 0 {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Failure::Kubernetes(format!("{line}: {words}")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// An object, or a list of objects, as kubectl shows it in JSON.
    ///
    /// # Errors
    /// When there is no such thing.
    pub(crate) fn object(&self, what: &str) -> Result<Value, Failure> {
        let text = self.ask(&format!("kubectl get {what} -o json"))?;
        serde_json::from_str(&text).map_err(|error| Failure::Kubernetes(format!("{what}: {error}")))
    }
}
