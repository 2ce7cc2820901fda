//! A connection with one read-only snapshot open, which ends with the value that holds it.

use std::sync::Arc;
use std::time::Duration;

use grouparoo_clock::Clock;
use secrecy::ExposeSecret as _;
use tokio::task::AbortHandle;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Client, Config, NoTls, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::config::PostgresConfig;
use super::error::{Context, Phase};
use super::guard;
use crate::data::AddressGuard;
use crate::source::{SourceError, Tls, tls};

/// Longest time until the login is done.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest time that a request to cancel a query may take; nobody waits for it.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// How to connect, with everything read and checked.
#[derive(Clone)]
pub(super) struct Connector {
    config: Arc<Config>,
    host: Arc<str>,
    port: u16,
    guard: Option<AddressGuard>,
    encryption: Encryption,
    settings: Arc<Vec<(String, String)>>,
    clock: Clock,
}

#[derive(Clone)]
enum Encryption {
    None,
    Rustls(NamedConnect),
}

/// TLS that expects another name than the host's.
#[derive(Clone)]
struct NamedConnect {
    inner: MakeRustlsConnect,
    server_name: Option<String>,
}

impl MakeTlsConnect<Socket> for NamedConnect {
    type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
    type TlsConnect = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;
    type Error = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Self::TlsConnect, Self::Error> {
        let name = self.server_name.as_deref().unwrap_or(host);
        MakeTlsConnect::<Socket>::make_tls_connect(&mut self.inner, name)
    }
}

impl Connector {
    pub(super) fn new(
        config: &PostgresConfig,
        timeout: Duration,
        clock: &Clock,
    ) -> Result<Self, SourceError> {
        config.validate()?;
        let login = &config.login;
        let mut driver = Config::new();
        driver
            .host(&login.host)
            .port(login.port)
            .dbname(&login.database)
            .user(&login.user)
            .application_name("grouparoo")
            .keepalives_idle(Duration::from_secs(60))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3);
        if let Some(password) = &login.password {
            driver.password(password.expose_secret());
        }
        if login.require_channel_binding {
            driver.channel_binding(ChannelBinding::Require);
        }
        let encryption = match &config.tls {
            Tls::Disabled => {
                driver.ssl_mode(SslMode::Disable);
                Encryption::None
            }
            Tls::VerifyFull { server_name, roots, client } => {
                driver.ssl_mode(SslMode::Require);
                let inner = MakeRustlsConnect::new(tls::client_config(roots, client.as_ref())?);
                Encryption::Rustls(NamedConnect { inner, server_name: server_name.clone() })
            }
        };
        let settings = Arc::new(settings(&config.session_parameters, timeout));
        Ok(Self {
            config: Arc::new(driver),
            host: login.host.as_str().into(),
            port: login.port,
            guard: config.guard.clone(),
            encryption,
            settings,
            clock: clock.clone(),
        })
    }

    /// Connects, logs in and opens the snapshot. The connection is served by a task of the current runtime.
    pub(super) async fn connect(&self, context: Context) -> Result<Session, SourceError> {
        let login = async {
            match self.encryption.clone() {
                Encryption::None => self.login(NoTls, context).await,
                Encryption::Rustls(tls) => self.login(tls, context).await,
            }
        };
        let Some(session) = self.clock.timeout(CONNECT_TIMEOUT, login).await else {
            let (location, cause) = (self.location(), format!("no login within {CONNECT_TIMEOUT:?}"));
            return Err(SourceError::Unreachable { location, cause });
        };
        let mut session = session?;
        session.begin().await?;
        Ok(session)
    }

    fn location(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// What the driver connects to: names, or addresses that were allowed.
    async fn target(&self) -> Result<Arc<Config>, SourceError> {
        match &self.guard {
            None => Ok(self.config.clone()),
            Some(guard) => {
                let location = self.location();
                guard::pinned(&self.config, &self.host, self.port, guard, &location).await.map(Arc::new)
            }
        }
    }

    async fn login<T>(&self, tls: T, context: Context) -> Result<Session, SourceError>
    where
        T: MakeTlsConnect<Socket> + Send,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
    {
        let target = self.target().await?;
        let (client, connection) =
            target.connect(tls).await.map_err(|e| context.explain(&e, Phase::Connect, Duration::ZERO))?;
        let version = connection.parameter("server_version").map(str::to_owned);
        // Its result reaches the requests that were waiting for it.
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok(Session {
            cancel: client.cancel_token(),
            client,
            task: task.abort_handle(),
            connector: self.clone(),
            context,
            version,
            started: self.clock.monotonic(),
            busy: false,
        })
    }

    async fn cancel(self, token: CancelToken) {
        let request = async {
            match self.encryption.clone() {
                Encryption::None => token.cancel_query(NoTls).await,
                Encryption::Rustls(tls) => token.cancel_query(tls).await,
            }
        };
        // Nothing depends on it: the server also notices that the connection is gone.
        let _ = self.clock.timeout(CANCEL_TIMEOUT, request).await;
    }
}

/// Settings in the order in which they are made: ours come last and win.
fn settings(own: &[(String, String)], timeout: Duration) -> Vec<(String, String)> {
    let millis = timeout.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
    let ours = [
        ("client_encoding", "UTF8".to_owned()),
        ("DateStyle", "ISO, YMD".to_owned()),
        ("IntervalStyle", "iso_8601".to_owned()),
        ("TimeZone", "UTC".to_owned()),
        ("default_transaction_read_only", "on".to_owned()),
        ("statement_timeout", millis.to_string()),
    ];
    own.iter().cloned().chain(ours.map(|(name, value)| (name.to_owned(), value))).collect()
}

/// One connection inside one read-only transaction.
pub(super) struct Session {
    client: Client,
    cancel: CancelToken,
    task: AbortHandle,
    connector: Connector,
    pub(super) context: Context,
    /// Version that the server reported.
    pub(super) version: Option<String>,
    started: Duration,
    busy: bool,
}

impl Session {
    async fn begin(&mut self) -> Result<(), SourceError> {
        let settings = self.connector.settings.clone();
        let names: Vec<&str> = settings.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<&str> = settings.iter().map(|(_, value)| value.as_str()).collect();
        self.run(Phase::Settings, async |client| {
            client.batch_execute("begin transaction isolation level repeatable read, read only").await?;
            // Bound to the transaction, so that a pooler hands nothing on.
            let set = "select pg_catalog.set_config(name, value, true) \
                       from unnest($1::pg_catalog.text[], $2::pg_catalog.text[]) \
                       with ordinality as setting (name, value, place) order by place";
            client.query(set, &[&names, &values]).await.map(drop)
        })
        .await
    }

    /// Parses a statement: exactly one, by the server's own rule.
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<Statement, SourceError> {
        self.run(Phase::Prepare, async |client| client.prepare(sql).await).await
    }

    /// Runs `work` for as long as the query may take. When it is dropped half-way, so is the query.
    pub(super) async fn run<T>(
        &mut self,
        phase: Phase,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, SourceError> {
        let left = self.time_left();
        self.busy = true;
        let done = self.connector.clock.timeout(left, work(&self.client)).await;
        let Some(result) = done else { return Err(self.context.timed_out()) };
        self.busy = false;
        result.map_err(|e| self.context.explain(&e, phase, self.elapsed()))
    }

    /// Marks that a query is running, and has to be cancelled when the session ends now.
    pub(super) fn set_busy(&mut self, busy: bool) {
        self.busy = busy;
    }

    /// The clock of the session.
    pub(super) fn clock(&self) -> Clock {
        self.connector.clock.clone()
    }

    /// Age of the session.
    pub(super) fn elapsed(&self) -> Duration {
        self.connector.clock.monotonic().saturating_sub(self.started)
    }

    /// What is left of `queryTimeout`.
    pub(super) fn time_left(&self) -> Duration {
        self.context.timeout.saturating_sub(self.elapsed())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.busy {
            // Dropping the client says goodbye and ends the task.
            return;
        }
        self.task.abort();
        let request = self.connector.clone().cancel(self.cancel.clone());
        // On a runtime of its own: ours may end with this very read, and the query must not outlive it.
        let send = move || {
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(request);
            }
        };
        // Without a thread the server finds out by itself, at the latest at statement_timeout.
        let _ = std::thread::Builder::new().name("cancel-query".to_owned()).spawn(send);
    }
}
