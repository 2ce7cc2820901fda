//! A PostgreSQL server of one's own, from the programs of the distribution.
//!
//! It lives in a temporary folder on a free port of the loopback. A shell beside it holds the reading end of a pipe:
//! when this process is gone, in whatever way, the pipe closes, and the shell stops the server and removes the folder.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::runtime::Runtime;
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

use crate::Failure;

/// Runs the server, and stops it when standard input ends; `$1` is the folder to remove, the rest is the server.
const WATCHDOG: &str = r#"
    folder=$1
    shift
    exec 3<&0
    "$@" </dev/null 3<&- &
    server=$!
    (cat <&3 >/dev/null 2>&1; kill -QUIT "$server") >/dev/null 2>&1 &
    wait "$server"
    rm -rf "$folder"
"#;

const READY: &str = "database system is ready to accept connections";

/// Where a database is and how to log in. The password is shown to nobody but the database.
#[derive(Clone)]
pub struct Login {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// Name of the role.
    pub user: String,
    password: String,
}

/// Without the password.
impl std::fmt::Display for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:{}/{}", self.user, self.host, self.port, self.database)
    }
}

/// Without the password.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({self})")
    }
}

impl Login {
    /// Reads a URL such as `postgres://user:password@host:5432/database`.
    ///
    /// # Errors
    /// When it is no such URL, or names no host.
    pub fn from_url(url: &str) -> Result<Self, Failure> {
        let bad = |what: &str| Failure::Postgres(format!("the URL {what}"));
        let config: Config = url.parse().map_err(|_| bad("is none of PostgreSQL"))?;
        let Some(Host::Tcp(host)) = config.get_hosts().first() else { return Err(bad("names no host")) };
        let text = |part: Option<&str>| part.map(str::to_owned);
        let user = text(config.get_user()).ok_or_else(|| bad("names no user"))?;
        let password = config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Ok(Self {
            host: host.clone(),
            port: config.get_ports().first().copied().unwrap_or(5432),
            database: text(config.get_dbname()).unwrap_or_else(|| user.clone()),
            user,
            password: password.unwrap_or_default(),
        })
    }

    /// The login as a URL, with its password.
    pub fn url(&self) -> String {
        let encoded = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
            text.bytes()
                .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
                .collect::<String>()
        };
        let (user, password, database) =
            (encoded(&self.user), encoded(&self.password), encoded(&self.database));
        format!("postgres://{user}:{password}@{}:{}/{database}", self.host, self.port)
    }

    /// The password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The same server with another database.
    #[must_use]
    pub fn database(&self, name: &str) -> Self {
        Self { database: name.to_owned(), ..self.clone() }
    }

    /// The same server with another role.
    #[must_use]
    pub fn role(&self, user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned(), ..self.clone() }
    }

    /// A connection, without encryption.
    ///
    /// # Errors
    /// When the server does not take the login.
    pub fn connect(&self) -> Result<Session, Failure> {
        let failed = |error| Failure::Program("a runtime".to_owned(), error);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(failed)?;
        let mut config = Config::new();
        config.host(&self.host).port(self.port).user(&self.user).dbname(&self.database);
        config.password(&self.password);
        let (client, connection) = runtime.block_on(config.connect(NoTls))?;
        runtime.spawn(connection);
        Ok(Session { client, runtime })
    }
}

/// A connection.
pub struct Session {
    client: tokio_postgres::Client,
    runtime: Runtime,
}

impl Session {
    /// Runs a statement and gives the number of its rows.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn execute(&self, sql: &str) -> Result<u64, Failure> {
        Ok(self.runtime.block_on(self.client.execute(sql, &[]))?)
    }

    /// Runs a query.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn query(&self, sql: &str) -> Result<Vec<tokio_postgres::Row>, Failure> {
        Ok(self.runtime.block_on(self.client.query(sql, &[]))?)
    }
}

/// A running server, with the login of its superuser.
#[derive(Debug)]
pub struct Server {
    login: Login,
    pid: u32,
    watchdog: Child,
}

impl Server {
    /// Starts a server with further settings, such as `shared_buffers=64MB`.
    ///
    /// # Errors
    /// When PostgreSQL's server is not installed or does not start.
    pub fn start(settings: &[&str]) -> Result<Self, Failure> {
        // A port that was free may be taken a moment later: then another is tried.
        for _ in 0..5 {
            if let Some(server) = Self::try_start(settings)? {
                return Ok(server);
            }
        }
        Err(Failure::Postgres("no port stays free for it".to_owned()))
    }

    fn try_start(settings: &[&str]) -> Result<Option<Self>, Failure> {
        let owner = unprivileged_user()?;
        let (initdb, postgres) = (find("initdb")?, find("postgres")?);
        let folder = tempfile::Builder::new().prefix("grouparoo-pg-").tempdir();
        let folder = folder.map_err(|error| Failure::file(&std::env::temp_dir(), error))?;
        let (path, password) = (folder.path(), uuid::Uuid::new_v4().to_string());
        let password_file = path.join("password");
        let give = |path: &Path, mode| {
            let (user, group) = owner.unzip();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
                .and_then(|()| chown(path, user, group))
                .map_err(|error| Failure::file(path, error))
        };
        std::fs::write(&password_file, &password).map_err(|error| Failure::file(&password_file, error))?;
        give(&password_file, 0o600)?;
        give(path, 0o700)?;
        let data = path.join("data");
        let made = as_user(Command::new(initdb), owner)
            .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"])
            .arg("--no-sync")
            .arg(format!("--pwfile={}", password_file.display()))
            .arg(&data)
            .output()
            .map_err(|error| Failure::Program("initdb".to_owned(), error))?;
        if !made.status.success() {
            return Err(Failure::Postgres(format!(
                "initdb: {}",
                String::from_utf8_lossy(&made.stderr).trim()
            )));
        }
        let port = free_port()?;
        let fixed = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            "fsync=off".to_owned(),
        ];
        let settings = fixed.iter().map(String::as_str).chain(settings.iter().copied());
        // From here on the shell removes the folder.
        let folder = folder.keep();
        let mut command = as_user(Command::new("sh"), owner);
        command.args(["-c", WATCHDOG, "watchdog"]).arg(&folder).arg(postgres).arg("-D").arg(&data);
        command.args(settings.flat_map(|setting| ["-c", setting]));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let mut watchdog = command.spawn().map_err(|error| Failure::Program("sh".to_owned(), error))?;
        let log = watchdog.stderr.take().map(BufReader::new);
        if let Err(words) = log.map_or(Ok(()), wait_until_ready) {
            let _ = watchdog.wait();
            if words.contains("could not bind") {
                return Ok(None);
            }
            return Err(Failure::Postgres(format!("the server does not start: {words}")));
        }
        let pid = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        let login = Login {
            host: "127.0.0.1".to_owned(),
            port,
            database: "postgres".to_owned(),
            user: "postgres".to_owned(),
            password,
        };
        let pid = pid.lines().next().and_then(|line| line.trim().parse().ok()).unwrap_or(0);
        Ok(Some(Self { login, pid, watchdog }))
    }

    /// Login of the superuser.
    pub const fn login(&self) -> &Login {
        &self.login
    }

    /// Id of the postmaster's process.
    pub const fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Waits for the server's own word. Its later messages are read and dropped, so that it never waits for us.
fn wait_until_ready(mut log: BufReader<std::process::ChildStderr>) -> Result<(), String> {
    let (mut words, mut line) = (String::new(), String::new());
    while log.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        if line.contains(READY) {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while log.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {}
            });
            return Ok(());
        }
        words.push_str(&line);
        line.clear();
    }
    Err(words.trim().to_owned())
}

fn as_user(mut command: Command, owner: Option<(u32, u32)>) -> Command {
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    // Messages in English, whatever the user's language: one of them is waited for.
    command.env("LC_ALL", "C").current_dir("/");
    command
}

fn free_port() -> Result<u16, Failure> {
    let bound = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(bound.map_err(|error| Failure::Postgres(format!("no free port: {error}")))?.port())
}

/// Whom to run the server as when we are root, as which it refuses to run: user id and group id.
fn unprivileged_user() -> Result<Option<(u32, u32)>, Failure> {
    let own =
        std::fs::metadata("/proc/self").map_err(|error| Failure::file(Path::new("/proc/self"), error))?;
    if own.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = ["postgres", "nobody"].iter().find_map(|name| {
        let fields: Vec<&str> =
            users.lines().map(|l| l.split(':').collect()).find(|f: &Vec<&str>| f[0] == *name)?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    });
    let missing = "as root it needs a user 'postgres' or 'nobody' to run as";
    found.map(Some).ok_or_else(|| Failure::Postgres(missing.to_owned()))
}

/// A program of PostgreSQL: of the distribution's newest version, else in PATH.
///
/// # Errors
/// When there is none.
pub fn find(program: &str) -> Result<PathBuf, Failure> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let path = entry.path().join("bin").join(program);
            path.is_file().then_some((version, path))
        })
        .max();
    let in_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
    };
    newest.map(|(_, path)| path).or_else(in_path).ok_or_else(|| {
        Failure::Postgres(format!(
            "{program} is not there; install the package `postgresql` (`scripts/postgres` does it where it can)"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_ones_own_answers_and_leaves_nothing_behind() {
        let server = Server::start(&["shared_buffers=16MB"]).expect("a server");
        let session = server.login().connect().expect("a login");
        assert_eq!(session.query("select 40 + 2").expect("an answer")[0].get::<_, i32>(0), 42);
        let data: String = session.query("show data_directory").expect("an answer")[0].get(0);
        let folder = Path::new(&data).parent().expect("a folder").to_owned();
        assert!(folder.exists());
        drop(session);
        drop(server);
        assert!(!folder.exists(), "{}", folder.display());
    }

    #[test]
    fn a_url_gives_a_login_and_back_without_showing_its_password() {
        let login = Login::from_url("postgres://me:p%40ss%2F@db.example.com:6000/crm").expect("a URL");
        assert_eq!(
            (login.host.as_str(), login.port, login.database.as_str()),
            ("db.example.com", 6000, "crm")
        );
        assert_eq!(login.password(), "p@ss/");
        assert_eq!(login.url(), "postgres://me:p%40ss%2F@db.example.com:6000/crm");
        assert!(!format!("{login:?}").contains("p@ss"));
        assert!(Login::from_url("mysql://x").is_err());
    }
}
