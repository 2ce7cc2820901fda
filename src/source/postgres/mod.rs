//! PostgreSQL: one read-only snapshot, streamed in binary.

use secrecy::SecretString;

use super::Tls;

/// A PostgreSQL server and how to log in.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// Server, database and user.
    pub login: PostgresLogin,
    /// Encryption.
    pub tls: Tls,
    /// Settings of the session, name and value, such as `search_path` and `role`. Those that the product sets
    /// itself are refused.
    pub session_parameters: Vec<(String, String)>,
}

/// Server, database and user.
#[derive(Clone, Debug)]
pub struct PostgresLogin {
    /// DNS name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// Login name.
    pub user: String,
    /// Password; `None` for a login by client certificate.
    pub password: Option<SecretString>,
}
