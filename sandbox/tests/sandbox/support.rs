//! A sandbox with a client that knows its key.

use std::ops::Deref;

use braze_sandbox::{DEFAULT_KEY, Group, Options, Sandbox};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

pub const NEWS: &str = "7b1c2c1e-6f0e-4c53-9d2e-0d0b7f7b2a11";
pub const ALERTS: &str = "0d9b7a52-3a44-4a0e-8a0b-6f1f5a3e2c22";

/// A sandbox and a client to it.
pub struct Braze {
    sandbox: Sandbox,
    http: Client,
}

/// An answer.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        Some(self.headers.get(name)?.to_str().expect("text").to_owned())
    }

    pub fn number(&self, name: &str) -> i64 {
        self.header(name).unwrap_or_else(|| panic!("no {name}")).parse().expect("a number")
    }

    /// The per-object errors as (type, array, index).
    pub fn errors(&self) -> Vec<(String, String, u64)> {
        let list = self.json()["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let one = |error: Value| {
            (text(&error["type"]), text(&error["input_array"]), error["index"].as_u64().expect("an index"))
        };
        list.into_iter().map(one).collect()
    }
}

impl Deref for Braze {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

/// Options of most tests: no https, one group for e-mail and one for text messages.
pub fn options() -> Options {
    Options {
        https: None,
        groups: vec![Group::email(NEWS, "News"), Group::sms(ALERTS, "Alerts")],
        ..Options::default()
    }
}

impl Braze {
    pub fn start() -> Self {
        Self::with(options())
    }

    pub fn with(options: Options) -> Self {
        Self { sandbox: Sandbox::start(options), http: Client::new() }
    }

    /// A request with the key.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.bare(method, path).header("Authorization", format!("Bearer {DEFAULT_KEY}"))
    }

    /// A request without a key.
    pub fn bare(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a method");
        self.http.request(method, format!("{}{path}", self.url()))
    }

    pub async fn post(&self, path: &str, body: &Value) -> Got {
        send(with_json(self.request("POST", path), body)).await
    }

    pub async fn get(&self, path: &str) -> Got {
        send(self.request("GET", path)).await
    }

    pub async fn track(&self, attributes: Value) -> Got {
        self.post("/users/track", &json!({"attributes": attributes})).await
    }

    /// Sends one object that must be accepted.
    pub async fn put(&self, object: Value) {
        let got = self.track(json!([object])).await;
        assert_eq!(got.status, 201, "{}", got.text);
    }

    /// Stores a value in the custom attribute `x` of user `u`, and says what is there then.
    pub async fn custom(&self, value: Value) -> Value {
        self.put(json!({"external_id": "u", "x": value})).await;
        self.x()
    }

    pub fn x(&self) -> Value {
        self.user("u").expect("the user").custom("x").cloned().unwrap_or(Value::Null)
    }

    /// The value of a field of user `u` as exported.
    pub async fn field(&self, name: &str) -> Value {
        let got = self.post("/users/export/ids", &json!({"external_ids": ["u"]})).await;
        assert_eq!(got.status, 201, "{}", got.text);
        got.json()["users"][0][name].clone()
    }

    pub async fn export(&self, ids: &[&str]) -> Got {
        self.post("/users/export/ids", &json!({"external_ids": ids})).await
    }

    pub async fn delete(&self, ids: &[&str]) -> Got {
        self.post("/users/delete", &json!({"external_ids": ids})).await
    }
}

pub fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header("Content-Type", "application/json").body(body.to_string())
}

pub async fn send(request: RequestBuilder) -> Got {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got { status, headers, text: response.text().await.expect("a body") }
}
