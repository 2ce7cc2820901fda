//! `grouparoo-bench`: how fast the real program is, beside what PostgreSQL alone can do, in one run.
//!
//! Each round measures, one after another: PostgreSQL's own `COPY … TO STDOUT`; a first and an unchanged sync into a
//! sink that counts and answers 201; a first and an unchanged sync into the full sandbox. The first round is thrown
//! away. Before a figure is believed the numbers behind it are checked: every user arrived once, nothing was refused,
//! and an unchanged sync made no request.
//!
//! Figures of other days or other machines are never compared; nothing here is a threshold.

mod figures;
mod manifests;
mod peers;
mod rounds;

use std::process::ExitCode;

use clap::Parser;
use workbench::Failure;
use workbench::programs::say;

/// Measure syncs of a table in PostgreSQL, beside COPY of the same table
#[derive(Debug, Parser)]
#[command(name = "grouparoo-bench", version)]
struct Arguments {
    /// Rows of the table, each of 12 columns
    #[arg(long, env = "BENCH_ROWS", default_value_t = 1_000_000)]
    rows: u64,
    /// Rounds that count; one more is made before them and thrown away
    #[arg(long, env = "BENCH_ROUNDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Leave the full sandbox out: it needs some 3 kB of memory a user
    #[arg(long, env = "BENCH_SINK_ONLY")]
    sink_only: bool,
    /// Of cargo's, without a meaning here
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match bench(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("grouparoo-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &Arguments) -> Result<(), Failure> {
    let stage = peers::Stage::new(arguments.rows)?;
    let mut all = figures::Figures::new(arguments.rows);
    for round in 0..=arguments.rounds {
        let measured = rounds::measure(&stage, arguments.sink_only)?;
        let counts = if round == 0 { "warm-up, not counted" } else { "counted" };
        say(&format!("round {round} ({counts}): {}", measured.line()));
        if round > 0 {
            all.add(measured);
        }
    }
    say(&format!("\n{}", peers::machine()));
    say(&all.table());
    Ok(())
}
