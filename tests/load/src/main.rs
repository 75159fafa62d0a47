//! Load generator of `cargo xtask bench NAME`: drives a `keystead` server and, side by side in the same run, the
//! yardsticks that its figures are compared with. A bench is one module here and one subcommand.

mod bare;
mod broadcast;
mod clients;
mod data;
mod engine;
mod files;
mod hello;
mod http;
mod identity;
mod keys;
mod live;
mod members;
mod postgres;
mod report;
mod rotation;
mod sdk;
mod server;
mod sockets;
mod sqlite_commits;
mod stage;
mod stats;
mod stop;
mod users;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::report::Report;

// As in the server, so that its yardstick has the same allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Registration, login, group access and group read, on SQLite and PostgreSQL
    Keys(BenchArgs),
    /// Files of 64 MiB up and down: MB/s, memory of the server
    Files(BenchArgs),
    /// Pages of the member list of a group with a thousand members
    Members(BenchArgs),
    /// Accounts: logins beside raw Argon2, sessions beside hello, sessions during a storm of logins
    Identity(BenchArgs),
    /// Key rotation of a group of a thousand members
    Rotation(BenchArgs),
    /// Records of the data API: reads, pages, nested reads, updates, batches, with rules and without
    Data(BenchArgs),
    /// Live queries: delivery, cost to writers, memory, rooms
    Live(BenchArgs),
    /// Clients: register, login, encrypt, decrypt, files; in Rust, Node.js and Chromium, beside raw AES-GCM
    Sdk(BenchArgs),
    /// The bare broadcast that live queries are compared with
    #[command(hide = true)]
    BroadcastServer,
    /// The bare actix server that others are compared with
    #[command(hide = true)]
    HelloServer,
}

/// What every bench takes.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// The server's binary, built for release
    #[arg(long, value_name = "FILE")]
    keystead: PathBuf,
    /// Seconds measured per figure, all rounds together
    #[arg(long, default_value_t = 2.5)]
    seconds: f64,
    /// Rounds in which the contestants take turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Keep-alive connections; the goals are judged at the last number (`identity` has sixteen)
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    connections: Vec<usize>,
    /// Threads of the load generator; with one, the hello server is faster than its client
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Directory for the databases; its file system is what commits are measured on [default: the system's]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Operations to run, by their name in the table; `keys` also knows commits and start. Goals are judged when all run
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<String>,
    /// Which databases
    #[arg(long, default_value = "both")]
    database: Databases,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Databases {
    Both,
    Sqlite,
    Postgres,
}

impl BenchArgs {
    /// True when the operation is wanted.
    pub(crate) fn wants(&self, operation: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == operation)
    }

    fn check(&self) -> Result<()> {
        ensure!(self.seconds > 0.0 && self.seconds <= 60.0, "--seconds is between 0 and 60");
        ensure!((1..=100).contains(&self.rounds), "--rounds is between 1 and 100");
        ensure!((1..=64).contains(&self.threads), "--threads is between 1 and 64");
        let usable = !self.connections.is_empty() && self.connections.iter().all(|c| (1..=users::USERS).contains(c));
        ensure!(usable, "--connections are between 1 and {}", users::USERS);
        Ok(())
    }
}

fn main() -> Result<()> {
    let (args, run): (_, fn(&BenchArgs) -> Result<Report>) = match Arguments::parse().bench {
        Bench::Keys(args) => (args, keys::run),
        Bench::Files(args) => (args, files::run),
        Bench::Members(args) => (args, members::run),
        Bench::Identity(args) => (args, identity::run),
        Bench::Rotation(args) => (args, rotation::run),
        Bench::Data(args) => (args, data::run),
        Bench::Live(args) => (args, live::run),
        Bench::Sdk(args) => (args, sdk::run),
        Bench::BroadcastServer => return broadcast::serve(),
        Bench::HelloServer => return hello::serve(),
    };
    args.check()?;
    stop::listen()?;
    run(&args)?.print();
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
