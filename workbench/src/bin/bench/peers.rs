//! Who takes part: a PostgreSQL with the table, and sandboxes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use workbench::Failure;
use workbench::postgres::{self, Login, Server};
use workbench::process::{self, Usage};
use workbench::programs::{self, say};
use workbench::sandbox::Sandbox;

use super::manifests;

/// PostgreSQL with the table, and a folder.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) login: Login,
    pub(crate) rows: u64,
    psql: PathBuf,
    folder: TempDir,
}

/// What a sandbox keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Nothing: it counts objects and answers 201.
    Sink,
    /// Everything.
    Full,
}

impl Stage {
    /// Starts PostgreSQL and fills the table.
    pub(crate) fn new(rows: u64) -> Result<Self, Failure> {
        programs::find("grouparoo")?;
        programs::find("braze-sandbox")?;
        let psql = postgres::find("psql")?;
        let folder = tempfile::Builder::new().prefix("grouparoo-bench-").tempdir();
        let folder = folder.map_err(|error| Failure::file(&std::env::temp_dir(), error))?;
        say("starting a PostgreSQL of its own");
        let server = Server::start(&["shared_buffers=256MB", "max_wal_size=4GB", "autovacuum=off"])?;
        server.login().connect()?.execute("create database warehouse")?;
        let login = server.login().database("warehouse");
        say(&format!("filling a table of {rows} rows and {} columns", manifests::COLUMNS.len()));
        let session = login.connect()?;
        session.execute(&manifests::table(rows))?;
        session.execute("alter table users add primary key (id)")?;
        session.execute("vacuum (freeze, analyze) users")?;
        session.execute("checkpoint")?;
        Ok(Self { server, login, rows, psql, folder })
    }

    /// A sandbox without ceilings that would be felt, and the manifests that send to it, in a fresh folder.
    pub(crate) fn target(&self, kind: Kind) -> Result<Target, Failure> {
        let folder = tempfile::Builder::new().prefix("round-").tempdir_in(self.folder.path());
        let folder = folder.map_err(|error| Failure::file(self.folder.path(), error))?;
        let mut arguments = vec!["--journal", "0", "--track-limit", "1000000000000"];
        if kind == Kind::Sink {
            arguments.push("--counting-sink");
        }
        let line = Sandbox::line(&arguments, folder.path()).with("RUST_LOG", "warn");
        let sandbox = Sandbox::start(&line)?;
        manifests::write(folder.path(), &sandbox.url(), &self.login)?;
        Ok(Target { sandbox, folder })
    }

    /// PostgreSQL's own way of giving out the table, thrown away by its own client.
    pub(crate) fn copy(&self) -> Result<Usage, Failure> {
        let Login { host, port, database, user, .. } = &self.login;
        let columns: Vec<&str> = manifests::COLUMNS.iter().map(|(name, ..)| *name).collect();
        let mut command = Command::new(&self.psql);
        command.args([
            "--no-psqlrc",
            "--quiet",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            host,
            "-p",
            &port.to_string(),
        ]);
        command.args(["-U", user, "-d", database, "-c"]);
        command.arg(format!("copy (select {} from users) to stdout", columns.join(", ")));
        command.env("PGPASSWORD", self.login.password()).stdin(Stdio::null()).stdout(Stdio::null());
        process::measure(&mut command)
    }
}

/// A sandbox with manifests that send to it.
pub(crate) struct Target {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
}

impl Target {
    /// Runs `grouparoo sync`, measured; its JSON is kept in a file.
    pub(crate) fn sync(&self) -> Result<Usage, Failure> {
        let report = self.folder.path().join("report.json");
        let out = std::fs::File::create(&report).map_err(|error| Failure::file(&report, error))?;
        let line = ["sync", "-f", "manifests.yaml", "--state", "state", "-o", "json"];
        let mut command = programs::Line::new("grouparoo", &line, self.folder.path()).command()?;
        let usage = process::measure(command.stdin(Stdio::null()).stdout(out))?;
        if !usage.status.success() {
            let told = std::fs::read_to_string(&report).unwrap_or_default();
            return Err(Failure::Unexpected(format!("a sync ended with {}: {}", usage.status, told.trim())));
        }
        Ok(usage)
    }

    /// Bytes that the state takes on disk.
    pub(crate) fn state_bytes(&self) -> Result<u64, Failure> {
        let path = self.folder.path().join("state");
        size(&path).map_err(|error| Failure::file(&path, error))
    }
}

fn size(path: &Path) -> std::io::Result<u64> {
    let data = std::fs::symlink_metadata(path)?;
    if !data.is_dir() {
        return Ok(data.len());
    }
    std::fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}

/// The machine, in a line.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let of = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("?", |(_, value)| value.trim()).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = of(&read("/proc/cpuinfo"), "model name");
    let memory: u64 = of(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
    format!("{cores} cores ({model}), {} GiB of memory", memory.div_ceil(1 << 20))
}
