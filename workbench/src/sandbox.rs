//! A sandbox as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::Failure;
use crate::admin::Admin;
use crate::programs::Line;

/// A running `braze-sandbox`. It ends when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    child: Child,
    address: SocketAddr,
}

impl Sandbox {
    /// The command that starts a sandbox on a free port.
    pub fn line(arguments: &[&str], folder: &Path) -> Line {
        let mut all = vec!["--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Line::new("braze-sandbox", &all, folder)
    }

    /// Starts it, and waits until it takes requests.
    ///
    /// # Errors
    /// When it is not built, or ends at once.
    pub fn start(line: &Line) -> Result<Self, Failure> {
        let mut command = line.command()?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child =
            command.spawn().map_err(|error| Failure::Program("braze-sandbox".to_owned(), error))?;
        let mut first = String::new();
        let out = child.stdout.take();
        let read = out.map(|out| BufReader::new(out).read_line(&mut first));
        let address = first.trim().rsplit_once("http://").and_then(|(_, address)| address.parse().ok());
        match (read, address) {
            (Some(Ok(_)), Some(address)) => Ok(Self { child, address }),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Failure::Sandbox("it ended before it took requests".to_owned()))
            }
        }
    }

    /// Base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its administration.
    pub const fn admin(&self) -> Admin {
        Admin::new(self.address)
    }

    /// Id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
