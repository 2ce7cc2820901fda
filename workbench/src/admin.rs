//! Calls to the sandbox's administration, over the plainest HTTP: version 1.0, in which an answer comes in one piece.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::Failure;

/// Longest wait for an answer: a sandbox with a million users takes a while to count them.
const PATIENCE: Duration = Duration::from_secs(60);

/// The administration of a sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Admin {
    address: SocketAddr,
}

/// Sums over all requests that the sandbox has seen since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that arrived.
    pub requests: u64,
    /// Objects accepted.
    pub accepted: u64,
    /// Objects refused.
    pub refused: u64,
    /// Data points by Braze's rules.
    pub data_points: u64,
}

impl Admin {
    /// The administration at this address.
    pub const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Reads a page of it.
    ///
    /// # Errors
    /// When the sandbox does not answer 200 with JSON.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call("GET", path, "")
    }

    /// Makes a call with a body.
    ///
    /// # Errors
    /// When the sandbox does not answer 200 with JSON.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call("POST", path, &body.to_string())
    }

    /// The sums so far.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub fn totals(&self) -> Result<Totals, Failure> {
        let journal = self.get("/admin/journal?limit=0")?;
        let sum = |name: &str| journal["totals"][name].as_u64();
        let totals = || {
            Some(Totals {
                requests: sum("arrived")?,
                accepted: sum("accepted")?,
                refused: sum("refused")?,
                data_points: sum("data_points")?,
            })
        };
        totals().ok_or_else(|| Failure::Sandbox("its journal shows no totals".to_owned()))
    }

    /// Number of profiles.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub fn users(&self) -> Result<u64, Failure> {
        let users = self.get("/admin/users?limit=0")?;
        users["total"].as_u64().ok_or_else(|| Failure::Sandbox("it does not count its users".to_owned()))
    }

    fn call(&self, method: &str, path: &str, body: &str) -> Result<Value, Failure> {
        let bytes = self.exchange(method, path, body).map_err(|error| Failure::Sandbox(error.to_string()))?;
        let text = String::from_utf8_lossy(&bytes);
        let answer = text.split_once("\r\n\r\n").filter(|(head, _)| head.split(' ').nth(1) == Some("200"));
        let Some((_, content)) = answer else {
            let line = text.lines().next().unwrap_or("nothing");
            return Err(Failure::Sandbox(format!("{method} {path}: {line}")));
        };
        serde_json::from_str(content).map_err(|error| Failure::Sandbox(format!("{method} {path}: {error}")))
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (host, length) = (self.address, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use braze_sandbox::{Group, GroupState, Options, Sandbox};
    use serde_json::json;

    use super::*;

    const GROUP: &str = "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11";

    #[test]
    fn a_sandbox_is_read_and_written_from_outside() {
        let sandbox =
            Sandbox::start(Options { groups: vec![Group::email(GROUP, "News")], ..Options::default() });
        let admin = Admin::new(sandbox.address());
        assert_eq!(admin.totals().expect("totals"), Totals::default());
        assert_eq!(admin.users().expect("users"), 0);
        admin.post("/admin/opt-out", &json!({"group": GROUP, "address": "a@example.com"})).expect("done");
        assert_eq!(sandbox.subscription(GROUP, "a@example.com"), Some(GroupState::Unsubscribed));
    }

    #[test]
    fn a_refusal_and_a_closed_port_are_told() {
        let sandbox = Sandbox::start(Options::default());
        let admin = Admin::new(sandbox.address());
        let refused = admin.get("/admin/nothing").expect_err("there is no such call").to_string();
        assert!(refused.contains("GET /admin/nothing") && refused.contains("404"), "{refused}");
        sandbox.stop();
        assert!(matches!(admin.totals(), Err(Failure::Sandbox(_))));
    }
}
