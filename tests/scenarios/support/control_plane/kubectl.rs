//! The real kubectl, as a user's hand.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{ControlPlane, PATIENCE, User};

/// What a program said.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// The standard output of a program that succeeded.
    pub fn success(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The standard error of a program that failed.
    pub fn failure(self) -> String {
        assert_ne!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

impl ControlPlane {
    /// Runs kubectl as this user in this namespace. `stdin` is what `-f -` reads.
    pub async fn kubectl(&self, user: &User, namespace: &str, arguments: &[&str], stdin: &str) -> Output {
        let folder = &self.0.folder;
        let mut command = Command::new(self.0.programs.join("kubectl"));
        command
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig(user, namespace))
            .env("KUBECACHEDIR", folder.join("kubectl-cache"))
            .env("HOME", folder)
            // What `kubectl diff` calls for comparing.
            .env("KUBECTL_EXTERNAL_DIFF", "diff -u -N");
        run(command, stdin, PATIENCE).await
    }
}

/// Runs a program to its end, for at most `limit`. `stdin` is what it may read.
pub async fn run(mut command: Command, stdin: &str, limit: Duration) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut pipe = child.stdin.take().expect("a pipe");
    let running = async {
        // One that does not read its input may be gone before it is written.
        let feeding = async {
            let _ = pipe.write_all(stdin.as_bytes()).await;
            drop(pipe);
        };
        tokio::join!(feeding, child.wait_with_output()).1
    };
    let output = grouparoo_clock::Clock::system().timeout(limit, running).await;
    let output = output.unwrap_or_else(|| panic!("{command:?} does not end")).expect("the program runs");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
