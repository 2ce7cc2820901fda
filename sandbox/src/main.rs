//! `braze-sandbox`: a local Braze to try a sync against.

mod arguments;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use braze_sandbox::{Dump, Sandbox};
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use arguments::Arguments;

/// Why the sandbox did not run, or did not end well.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Arguments(#[from] arguments::BadArguments),
    #[error(transparent)]
    Start(#[from] braze_sandbox::StartError),
    #[error(transparent)]
    Dump(#[from] braze_sandbox::BadDump),
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let level = if arguments.verbose { "braze_sandbox=debug" } else { "braze_sandbox=info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("braze-sandbox: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut options = arguments.options()?;
    if let Some(path) = &arguments.state
        && path.exists()
    {
        let bytes = std::fs::read(path).map_err(|error| file(path, error))?;
        options.content = serde_json::from_slice(&bytes).map_err(braze_sandbox::BadDump::from)?;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Signals)?;
    // Signals are caught before anybody is told that the sandbox is up.
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new().map_err(Failure::Signals)?
    };
    let sandbox = Sandbox::try_start(options)?;
    announce(arguments, &sandbox)?;
    runtime.block_on(signals.next());
    if let Some(path) = &arguments.state {
        save(path, &sandbox.dump())?;
    }
    sandbox.stop();
    Ok(())
}

fn announce(arguments: &Arguments, sandbox: &Sandbox) -> Result<(), Failure> {
    if let Some(path) = &arguments.ca_file {
        write(path, sandbox.ca_pem().as_bytes())?;
    }
    let mut lines = format!("Braze sandbox at {}\n", sandbox.url());
    if sandbox.https_address().is_some() {
        lines.push_str(&format!("         with TLS {}\n", sandbox.https_url()));
    }
    // A reader that has gone away is no reason to stop.
    let _ = std::io::stdout().write_all(lines.as_bytes());
    let _ = std::io::stdout().flush();
    if let Some(path) = &arguments.port_file {
        write(path, format!("{}\n", sandbox.address().port()).as_bytes())?;
    }
    Ok(())
}

fn save(path: &Path, dump: &Dump) -> Result<(), Failure> {
    write(path, &serde_json::to_vec_pretty(dump).map_err(braze_sandbox::BadDump::from)?)
}

/// Replaces a file in one step: who waits for it finds it whole.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| file(path, error))
}

fn file(path: &Path, error: std::io::Error) -> Failure {
    Failure::File(path.display().to_string(), error)
}

/// The signals that end the sandbox.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
