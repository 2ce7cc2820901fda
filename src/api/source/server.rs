//! Connection to a database server: PostgreSQL, MySQL.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::patterns;
use crate::api::shared::{CaRef, InvalidSpec, KeyRef, Ref, ca_ref};

/// Connection to a database server.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.urlSecretRef) ? ![has(self.host), has(self.port), has(self.database), has(self.user), has(self.userSecretRef), has(self.passwordSecretRef)].exists(x, x) : has(self.host) && has(self.database) && has(self.user) != has(self.userSecretRef)", "set either urlSecretRef alone, or host, database and one of user and userSecretRef"))]
pub struct Server {
    /// DNS name or IP address of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::HOST))]
    pub host: Option<String>,
    /// TCP port. Default: 5432 for PostgreSQL, 3306 for MySQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Database to connect to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub database: Option<String>,
    /// Login name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub user: Option<String>,
    /// Secret key that holds the login name, instead of user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_secret_ref: Option<KeyRef>,
    /// Secret key that holds the password; leave it out for a login by client certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<KeyRef>,
    /// Secret key that holds a whole connection URL with host, database, user and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_secret_ref: Option<KeyRef>,
    /// Encryption of the connection. Default: on, with full verification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTls>,
    /// Session settings sent at connect, such as search_path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub session_parameters: Option<Vec<SessionParameter>>,
}

/// Encryption of a connection.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!(has(self.caSecretRef) && has(self.caConfigMapRef))", "set at most one of caSecretRef and caConfigMapRef"))]
#[x_kube(validation = ("!has(self.mode) || self.mode != 'Disabled' || ![has(self.serverName), has(self.caSecretRef), has(self.caConfigMapRef), has(self.clientCertSecretRef)].exists(x, x)", "mode Disabled allows no other tls field"))]
pub struct ServerTls {
    /// VerifyFull checks chain and host name; Disabled sends everything in clear text. Default: VerifyFull.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<TlsMode>,
    /// Name to expect in the server's certificate, when it is not host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::SERVER_NAME))]
    pub server_name: Option<String>,
    /// Secret key with the PEM certificates to trust instead of the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<KeyRef>,
    /// ConfigMap key with the PEM certificates to trust instead of the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_config_map_ref: Option<KeyRef>,
    /// Secret of type kubernetes.io/tls with the client certificate and its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_cert_secret_ref: Option<Ref>,
}

/// Whether a connection is encrypted.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[schemars(description = "")] // the field's own stands
pub enum TlsMode {
    /// Encrypted; chain and host name are checked.
    VerifyFull,
    /// Everything in clear text.
    Disabled,
}

/// One session setting.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionParameter {
    /// Name of the setting.
    #[schemars(length(min = 1, max = 64), regex(pattern = patterns::SETTING))]
    #[x_kube(validation = ("!(self in ['default_transaction_read_only', 'transaction_read_only', 'session_authorization', 'statement_timeout', 'max_execution_time', 'max_statement_time', 'client_encoding', 'datestyle', 'intervalstyle', 'timezone', 'time_zone'])", "this session parameter is set by the operator itself"))]
    pub name: String,
    /// Value of the setting.
    #[schemars(length(max = 256))]
    pub value: String,
}

/// How to find and enter a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Login<'a> {
    /// A whole connection URL in a Secret.
    Url(&'a KeyRef),
    /// Field by field.
    Fields {
        /// DNS name or IP address.
        host: &'a str,
        /// Port, when stated.
        port: Option<i32>,
        /// Database.
        database: &'a str,
        /// Login name.
        user: UserFrom<'a>,
        /// Password, unless a client certificate logs in.
        password: Option<&'a KeyRef>,
    },
}

/// Where a login name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserFrom<'a> {
    /// In the object.
    Text(&'a str),
    /// In a key of a Secret.
    Secret(&'a KeyRef),
}

impl Server {
    /// How to find and enter the server.
    pub fn login(&self) -> Result<Login<'_>, InvalidSpec> {
        let fields = self.host.is_some()
            || self.port.is_some()
            || self.database.is_some()
            || self.user.is_some()
            || self.user_secret_ref.is_some()
            || self.password_secret_ref.is_some();
        let user = match (self.user.as_deref(), self.user_secret_ref.as_ref()) {
            (Some(name), None) => Some(UserFrom::Text(name)),
            (None, Some(key)) => Some(UserFrom::Secret(key)),
            _ => None,
        };
        match (&self.url_secret_ref, self.host.as_deref(), self.database.as_deref(), user) {
            (Some(url), ..) if !fields => Ok(Login::Url(url)),
            (None, Some(host), Some(database), Some(user)) => Ok(Login::Fields {
                host,
                port: self.port,
                database,
                user,
                password: self.password_secret_ref.as_ref(),
            }),
            _ => Err(InvalidSpec::new(
                "",
                "set either urlSecretRef alone, or host, database and one of user and userSecretRef",
            )),
        }
    }
}

impl ServerTls {
    /// Where the certificates to trust stand, if any are named.
    pub fn ca(&self) -> Result<Option<CaRef<'_>>, InvalidSpec> {
        ca_ref(self.ca_secret_ref.as_ref(), self.ca_config_map_ref.as_ref())
    }
}
