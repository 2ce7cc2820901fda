//! People and programs that the API server knows, by a token each.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Uri;
use kube::config::AuthInfo;
use kube::{Client, Config};
use secrecy::SecretString;

/// Users without any right of their own, of whom each is handed out once.
const POOL: usize = 1_000;

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name that role bindings use.
    pub name: String,
    token: String,
}

/// All users of an API server, and how it is reached.
pub struct Users {
    all: Vec<User>,
    next: AtomicUsize,
}

impl Users {
    /// An administrator and a pool of others.
    pub fn new() -> Self {
        let names = std::iter::once("admin".to_owned()).chain((1..=POOL).map(|n| format!("user-{n}")));
        let all = names.map(|name| User { name, token: uuid::Uuid::new_v4().to_string() }).collect();
        Self { all, next: AtomicUsize::new(1) }
    }

    /// May do everything.
    pub fn admin(&self) -> &User {
        &self.all[0]
    }

    /// Somebody who has no right yet and whom no other test uses.
    pub fn fresh(&self) -> User {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.all.get(next).expect("enough users for all tests: raise POOL").clone()
    }

    /// What `--token-auth-file` reads.
    pub fn token_file(&self) -> String {
        let mut text = String::new();
        for (n, User { name, token }) in self.all.iter().enumerate() {
            let groups = if n == 0 { ",\"system:masters\"" } else { "" };
            writeln!(text, "{token},{name},{name}{groups}").expect("a text takes text");
        }
        text
    }
}

/// How an API server is reached.
pub struct Access {
    /// Base URL.
    pub url: String,
    /// The authority of its certificate, as PEM.
    pub ca: String,
    /// The same as DER.
    pub ca_der: Vec<u8>,
}

impl Access {
    /// A client of this user, which answers in `namespace` where none is named. It lives as long as the runtime
    /// in which it was made.
    pub fn client(&self, user: &User, namespace: &str) -> Client {
        Client::try_from(self.config(user, namespace)).expect("a good configuration")
    }

    /// What such a client is made of.
    pub fn config(&self, user: &User, namespace: &str) -> Config {
        let mut config = Config::new(self.url.parse::<Uri>().expect("a URL"));
        config.default_namespace = namespace.to_owned();
        config.root_cert = Some(vec![self.ca_der.clone()]);
        config.auth_info =
            AuthInfo { token: Some(SecretString::from(user.token.clone())), ..AuthInfo::default() };
        config
    }

    /// Writes a kubeconfig file for this user into `folder`.
    pub fn kubeconfig(&self, folder: &Path, user: &User, namespace: &str) -> PathBuf {
        use base64::Engine as _;
        let ca = base64::engine::general_purpose::STANDARD.encode(&self.ca);
        let path = folder.join(format!("kubeconfig-{}-{namespace}.yaml", user.name));
        let (url, token) = (&self.url, &user.token);
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: tests\n\
             clusters: [{{ name: tests, cluster: {{ server: '{url}', certificate-authority-data: {ca} }} }}]\n\
             users: [{{ name: tests, user: {{ token: {token} }} }}]\n\
             contexts: [{{ name: tests, context: {{ cluster: tests, user: tests, namespace: {namespace} }} }}]\n"
        );
        // In one step: somebody may be reading it.
        let new = folder.join(format!(".{}", uuid::Uuid::new_v4()));
        std::fs::write(&new, text).expect("the folder can be written");
        std::fs::rename(&new, &path).expect("the folder can be written");
        path
    }
}
