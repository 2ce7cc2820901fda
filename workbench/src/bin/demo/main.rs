//! `grouparoo-demo`: a first look at the product, by its own commands, against a made-up customer table.
//!
//! `run` plays the whole story: every command that it runs is printed as one could type it, and after each one the
//! sandbox and the table are compared; when anything is not as announced, the exit code is 1. `cluster` does the same
//! with the operator beside a Kubernetes API. `data`, `changes` and `loss` are the commands of the stories that make and
//! change the table.

mod chosen;
mod cluster;
mod compare;
mod manifests;
mod shell;
mod stage;
mod story;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use grouparoo::demo::DEFAULT_PEOPLE;
use workbench::Failure;
use workbench::postgres::Login;
use workbench::programs::say;

use table::Table;

/// Seed of the people. Of this seed nobody's last purchase becomes a month old while the story is told.
pub(crate) const SEED: u64 = 42;

/// A first look at grouparoo, against a sandbox and a made-up customer table
#[derive(Debug, Parser)]
#[command(name = "grouparoo-demo", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Order>,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Play the whole story
    Run(Play),
    /// Play the story of the operator, beside a Kubernetes API of its own
    Cluster(Cluster),
    /// Write the customer table; one that is there already is replaced
    Data(Place),
    /// Change the table as a day in a shop would
    Changes(Place),
    /// Lose a fifth of the people, as an import that broke off would
    Loss(Place),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Cluster {
    /// Folder with etcd, kube-apiserver and kubectl, as scripts/control-plane prints it
    #[arg(long, value_name = "DIR")]
    pub(crate) programs: PathBuf,
    /// Rows of the table
    #[arg(long, default_value_t = DEFAULT_PEOPLE, value_parser = clap::value_parser!(u32).range(2_000..=1_000_000))]
    pub(crate) people: u32,
    /// Leave everything running until Ctrl-C
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Play {
    /// From PostgreSQL in place of SQLite: a server of its own in a temporary folder, or DATABASE_URL's, in a new
    /// database that is dropped at the end
    #[arg(long)]
    pub(crate) postgres: bool,
    /// Rows of the table
    #[arg(long, default_value_t = DEFAULT_PEOPLE, value_parser = clap::value_parser!(u32).range(2_000..=1_000_000))]
    pub(crate) people: u32,
    /// Leave the sandbox running and the folder in place, until Ctrl-C
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Clone, Debug, Args)]
struct Place {
    /// The SQLite file
    #[arg(long, value_name = "FILE", required_unless_present = "postgres")]
    sqlite: Option<PathBuf>,
    /// The PostgreSQL database whose URL is in the variable CRM_URL
    #[arg(long, conflicts_with = "sqlite")]
    postgres: bool,
    /// Rows of the table
    #[arg(long, default_value_t = DEFAULT_PEOPLE)]
    people: u32,
    /// Seed of the people: the same for the same seed, everywhere
    #[arg(long, default_value_t = SEED)]
    seed: u64,
}

impl Place {
    fn table(&self) -> Result<Table, Failure> {
        match (&self.sqlite, std::env::var("CRM_URL")) {
            (Some(file), _) => Ok(Table::Sqlite(file.clone())),
            (None, Ok(url)) => Ok(Table::Postgres(Login::from_url(&url)?)),
            (None, Err(_)) => Err(Failure::Postgres("the variable CRM_URL is not set".to_owned())),
        }
    }
}

fn main() -> ExitCode {
    let play = Play { postgres: false, people: DEFAULT_PEOPLE, keep: false };
    let done = match Arguments::parse().command.unwrap_or(Order::Run(play)) {
        Order::Run(play) => story::tell(&play),
        Order::Cluster(cluster) => cluster::tell(&cluster),
        Order::Data(place) => {
            place.table().and_then(|table| table.write(place.people, place.seed)).map(say_line)
        }
        Order::Changes(place) => {
            place.table().and_then(|table| table.change(place.people, place.seed)).map(say_line)
        }
        Order::Loss(place) => place.table().and_then(|table| table.lose()).map(say_line),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("grouparoo-demo: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn say_line(line: String) {
    say(&line);
}
