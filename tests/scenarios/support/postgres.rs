//! A real PostgreSQL for the scenarios: one server a test binary, one fresh database a test.
//!
//! The server is the distribution's, found in PATH or below `/usr/lib/postgresql`. It runs in a temporary
//! folder on a free port of the loopback, and a shell beside it holds the reading end of a pipe: when the tests'
//! process is gone, in whatever way, the pipe closes, and the shell stops the server and removes the folder.
//! `DATABASE_URL` names a server to use instead; it needs a superuser's login.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use grouparoo::source::{PostgresConfig, PostgresLogin, Source, SourceConfig, System, Tls, TlsRoots, open};
use grouparoo_clock::Clock;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::{Client, NoTls};

use super::certificates::{Certificates, SERVER_NAME};

/// Role of the server that logs in by the client's certificate alone.
pub const CERTIFICATE_ROLE: &str = "certificate_role";

/// Makes and runs a server in `$FOLDER` with the arguments as its settings, until standard input ends; whatever
/// happens then, the server is stopped and the folder removed.
const WATCHDOG: &str = r#"
    exec 3<&0
    child=
    # Nobody reads our messages any more: writing one would end us.
    trap 'gone=1; exec 2>/dev/null; [ -z "$child" ] || kill -QUIT "$child" 2>/dev/null' TERM
    (cat <&3 >/dev/null 2>&1; kill -TERM $$) >/dev/null 2>&1 &
    listener=$!
    run() {
        $AS "$@" </dev/null 3<&- &
        child=$!
        # A signal ends the waiting before the child ends.
        wait "$child"
        wait "$child" 2>/dev/null
    }
    run "$INITDB" --username=postgres --auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync \
        --pwfile="$FOLDER/password" "$FOLDER/data"
    [ -n "$gone" ] || run "$POSTGRES" -D "$FOLDER/data" "$@"
    kill "$listener" 2>/dev/null
    rm -rf "$FOLDER"
"#;

/// A PostgreSQL server with a superuser's login.
pub struct Server {
    login: PostgresLogin,
    /// Certificates of the server, when it is our own.
    certificates: Option<Certificates>,
    /// Keeps the pipe open; dropping it stops the server.
    _watchdog: Option<Child>,
}

impl Server {
    /// The server that all scenarios share.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| match std::env::var("DATABASE_URL") {
            Ok(url) => Self {
                login: PostgresLogin::from_url(&SecretString::from(url), &Tls::Disabled)
                    .expect("DATABASE_URL"),
                certificates: None,
                _watchdog: None,
            },
            Err(_) => Self::start_at("127.0.0.1"),
        })
    }

    /// A server of our own, which speaks TLS too.
    pub fn with_tls() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        match Self::shared() {
            shared if shared.certificates.is_some() => shared,
            _ => SERVER.get_or_init(|| Self::start_at("127.0.0.1")),
        }
    }

    /// Starts a server at an address of this machine. A port that was free may be taken a moment later: then another
    /// is tried.
    pub fn start_at(address: &str) -> Self {
        (0..5).find_map(|_| Self::try_start(address)).expect("PostgreSQL starts")
    }

    fn try_start(address: &str) -> Option<Self> {
        let owner = unprivileged_user();
        let certificates = Certificates::new(CERTIFICATE_ROLE);
        let password = uuid::Uuid::new_v4().to_string();
        // The last thing before the watchdog, which removes it.
        let folder = tempfile::Builder::new().prefix("scenarios-pg-").tempdir().expect("a folder").keep();
        let give = |path: &Path| {
            if let Some((_, user, group)) = &owner {
                chown(path, Some(*user), Some(*group)).expect("the folder can be given away");
            }
        };
        give(&folder);
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("the folder can be written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
            give(&path);
            path
        };
        write("password", &password);
        let ca = write("ca.pem", &certificates.ca);
        let certificate = write("server.pem", &certificates.server.0);
        let key = write("server.key", &certificates.server.1);
        let hba = write(
            "hba.conf",
            &format!("hostssl all {CERTIFICATE_ROLE} samenet cert\nhost all all samenet scram-sha-256\n"),
        );
        let port = free_port(address);
        let settings = [
            format!("listen_addresses={address}"),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            "fsync=off".to_owned(),
            "autovacuum=off".to_owned(),
            "shared_buffers=16MB".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_ca_file={}", ca.display()),
            format!("ssl_cert_file={}", certificate.display()),
            format!("ssl_key_file={}", key.display()),
            format!("hba_file={}", hba.display()),
        ];
        let mut watchdog = Command::new("sh");
        watchdog
            .args(["-c", WATCHDOG, "watchdog"])
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .env("FOLDER", &folder)
            .env("AS", as_user(owner.as_ref()))
            .env("INITDB", find("initdb"))
            .env("POSTGRES", find("postgres"))
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut watchdog = watchdog.spawn().expect("a shell");
        if !is_ready(watchdog.stderr.take().expect("a pipe")) {
            watchdog.wait().expect("the watchdog ends with the server");
            return None;
        }
        let login = PostgresLogin {
            host: address.to_owned(),
            port,
            database: "postgres".to_owned(),
            user: "postgres".to_owned(),
            password: Some(password.into()),
            require_channel_binding: false,
        };
        Some(Self { login, certificates: Some(certificates), _watchdog: Some(watchdog) })
    }

    /// Certificates of the server.
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("a server of our own")
    }

    /// TLS that believes the server's authority and expects the name in its certificate.
    pub fn tls(&self) -> Tls {
        Tls::VerifyFull {
            server_name: Some(SERVER_NAME.to_owned()),
            roots: TlsRoots::Pem(self.certificates().ca.clone().into_bytes()),
            client: None,
        }
    }

    /// Makes an empty database, and a role that may only read it.
    pub async fn database(&'static self) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("scenario_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let password = uuid::Uuid::new_v4().to_string();
        let root = connect(&self.login).await;
        root.batch_execute(&format!("create database {name}")).await.expect("a database");
        root.batch_execute(&format!("create role {name} login password '{password}'")).await.expect("a role");
        let login = |user: &str, password: &SecretString| PostgresLogin {
            database: name.clone(),
            user: user.to_owned(),
            password: Some(password.clone()),
            ..self.login.clone()
        };
        let root_login = login(&self.login.user, self.login.password.as_ref().expect("a password"));
        let admin = connect(&root_login).await;
        admin
            .batch_execute(&format!("alter default privileges grant select on tables to {name}"))
            .await
            .expect("a privilege");
        Database { server: self, login: login(&name, &password.into()), root: root_login, admin, name }
    }
}

/// An empty database of one test.
pub struct Database {
    server: &'static Server,
    /// Login of the role that may only read.
    pub login: PostgresLogin,
    /// Login of the superuser.
    pub root: PostgresLogin,
    /// A connection of the superuser.
    pub admin: Client,
    /// Name of the database and of the role that reads it.
    pub name: String,
}

impl Database {
    /// Runs statements as the superuser.
    pub async fn run(&self, sql: &str) {
        self.admin.batch_execute(sql).await.expect("the statement runs");
    }

    /// How the product reads this database.
    pub fn config(&self) -> PostgresConfig {
        PostgresConfig {
            login: self.login.clone(),
            tls: Tls::Disabled,
            session_parameters: Vec::new(),
            guard: None,
        }
    }

    /// This database as a source.
    pub fn source(&self) -> Box<dyn Source> {
        source(self.config())
    }

    /// The login as a URL, as a Secret would hold it.
    pub fn url(&self) -> String {
        let login = &self.login;
        let password = login.password.as_ref().expect("a password").expose_secret();
        format!("postgres://{}:{password}@{}:{}/{}", login.user, login.host, login.port, login.database)
    }
}

impl Drop for Database {
    /// A server of our own goes away as a whole; another one is left as it was.
    fn drop(&mut self) {
        if self.server.certificates.is_some() {
            return;
        }
        let (login, name) = (self.server.login.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let root = connect(&login).await;
                let _ = root.batch_execute(&format!("drop database {name} with (force)")).await;
                let _ = root.batch_execute(&format!("drop role {name}")).await;
            });
        });
        let _ = dropping.join();
    }
}

/// A source with the usual limits and the system's clock.
pub fn source(config: PostgresConfig) -> Box<dyn Source> {
    let config =
        SourceConfig { system: System::Postgres(config), query_timeout: std::time::Duration::from_secs(60) };
    open(&config, &Clock::system()).expect("a good configuration")
}

async fn connect(login: &PostgresLogin) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host(&login.host).port(login.port).user(&login.user).dbname(&login.database);
    if let Some(password) = &login.password {
        config.password(password.expose_secret());
    }
    let (client, connection) = config.connect(NoTls).await.expect("the server takes the login");
    tokio::spawn(connection);
    client
}

/// Waits for the server's own word. Its later messages are read and dropped, so that it never waits for us.
fn is_ready(log: impl std::io::Read + Send + 'static) -> bool {
    let mut log = BufReader::new(log);
    let mut line = String::new();
    let mut all = String::new();
    while log.read_line(&mut line).is_ok_and(|n| n > 0) {
        if line.contains("database system is ready to accept connections") {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while log.read(&mut buffer).is_ok_and(|n| n > 0) {}
            });
            return true;
        }
        all.push_str(&line);
        line.clear();
    }
    assert!(all.contains("could not bind"), "PostgreSQL does not start: {all}");
    false
}

fn free_port(address: &str) -> u16 {
    let listener = std::net::TcpListener::bind((address, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// The words before a command that run it as another user.
fn as_user(owner: Option<&(String, u32, u32)>) -> String {
    match owner {
        Some((name, user, group)) => {
            format!("setpriv --reuid={user} --regid={group} --clear-groups env USER={name}")
        }
        None => String::new(),
    }
}

/// Name, user id and group id to run the server as, when we are root: it refuses to run as root.
fn unprivileged_user() -> Option<(String, u32, u32)> {
    let id = |args: &[&str]| {
        let output = Command::new("id").args(args).output().expect("id runs");
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let found = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| Some((name.to_owned(), id(&["-u", name])?, id(&["-g", name])?)));
    Some(found.expect("a user to run PostgreSQL as"))
}

/// The newest PostgreSQL of the distribution, else the one in PATH.
fn find(program: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let path = entry.path().join("bin").join(program);
            path.is_file().then_some((version, path))
        })
        .max();
    newest.map_or_else(|| PathBuf::from(program), |(_, path)| path)
}
