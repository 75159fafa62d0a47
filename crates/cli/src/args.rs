//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use keystead_protocol::apps::EndpointOptions;
use keystead_server::Config;
use keystead_server::config::{ConfigError, Overrides};

/// A self-hosted backend for apps whose users' secrets the operator must not be able to read.
#[derive(Parser)]
#[command(name = "keystead", version, about)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes. Every other setting comes from `keystead.toml` or the environment.
#[derive(ClapArgs, Default)]
pub(crate) struct Common {
    /// Configuration file [default: keystead.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of the SQLite file, the root key and the default app's tokens [default: keystead-data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// postgres://… [default: a SQLite file in the data directory]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Address and port of the public APIs [default: 127.0.0.1:8090]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// How clients reach the server from outside
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// `off` lifts every rate limit and login delay
    #[arg(long, global = true, value_name = "on|off")]
    rate_limit: Option<Switch>,
    /// `on` lets anybody make apps of the data API that expire
    #[arg(long, global = true, value_name = "on|off")]
    ephemeral_apps: Option<Switch>,
    /// File with seconds by which the clock is moved, read at each use; for tests
    #[arg(long, global = true, value_name = "FILE")]
    clock_offset_file: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves the APIs (also without a command)
    Serve(ServeArgs),
    /// Two users share a secret on a throw-away server; shows what the server stored
    Demo,
    /// Makes and changes apps; works while a server runs
    App {
        #[command(subcommand)]
        command: AppCommand,
    },
    /// Shows an app's audit log, the newest first: who did what to whom, when, from where
    Audit(AuditArgs),
    /// Accounts of the identity API; works while a server runs
    Identity(IdentityArgs),
    /// Takes an app of the data API in from elsewhere; works while a server runs
    Import {
        #[command(subcommand)]
        from: ImportFrom,
    },
    /// Writes an app's schema, rules, records and files as a backup that `import instant` reads; works while a server runs
    Export {
        /// The zip file to write
        file: PathBuf,
        /// App id or name [default: the app that the first start made]
        #[arg(long, value_name = "APP")]
        app: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum ImportFrom {
    /// A backup of an Instant app: ids and times stay, users log in again
    Instant {
        /// The zip file: `npx instant-cli backup download`, or the dashboard's
        backup: PathBuf,
        /// App id or name: an app without records [default: a new app with the backup's name and id]
        #[arg(long, value_name = "APP")]
        app: Option<String>,
        /// Goes on with an import that was interrupted; what it has written is written again
        #[arg(long)]
        resume: bool,
        #[arg(long)]
        json: bool,
    },
}

#[derive(ClapArgs)]
pub(crate) struct AuditArgs {
    /// App id, or a name that only one app has
    #[arg(long)]
    pub(crate) app: String,
    /// From this day (2026-11-21, UTC), or not longer ago than this (30m, 24h, 7d)
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// About this user id only
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// With this event only, as docs/api.md lists the routes: "DELETE /group/{group_id}"
    #[arg(long)]
    pub(crate) event: Option<String>,
    /// Entries at most
    #[arg(long, default_value_t = 1000)]
    pub(crate) most: usize,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs, Default)]
pub(crate) struct ServeArgs {
    /// Prints nothing at the start
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Subcommand)]
pub(crate) enum AppCommand {
    /// Makes an app and shows its tokens, this once
    Create {
        /// Name for people
        name: String,
        /// default: register and delete users with the secret token only; lax: everything with either token
        #[arg(long, default_value = "default")]
        preset: Preset,
        #[arg(long)]
        json: bool,
    },
    /// Lists the apps
    List {
        #[arg(long)]
        json: bool,
    },
    /// Shows or changes an app's options
    Options {
        /// App id, or a name that only one app has
        app: String,
        /// NAME=VALUE: an endpoint option (0 nobody, 1 any token, 2 secret token), file_storage, storage_url, auth_token,
        /// max_key_rotation_month, min_rank_key_rotation, or disabled=true|false
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
        /// Starts from a preset
        #[arg(long)]
        preset: Option<Preset>,
        #[arg(long)]
        json: bool,
    },
    /// Lists an app's JWT verify keys; adds or deletes a key pair
    JwtKeys {
        /// App id, or a name that only one app has
        app: String,
        /// Makes a key pair, which signs from now on, and shows it this once; older tokens stay good
        #[arg(long, conflicts_with = "delete")]
        add: bool,
        /// Deletes a key pair; its tokens are refused at once
        #[arg(long, value_name = "KID")]
        delete: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Gives an app new tokens; the old ones stop at once
    RotateTokens {
        /// App id, or a name that only one app has
        app: String,
        #[arg(long)]
        json: bool,
    },
}

#[derive(ClapArgs)]
pub(crate) struct IdentityArgs {
    /// App id or name [default: the app that the first start made]
    #[arg(long, global = true, value_name = "APP")]
    pub(crate) app: Option<String>,
    #[command(subcommand)]
    pub(crate) command: IdentityCommand,
}

#[derive(Subcommand)]
pub(crate) enum IdentityCommand {
    /// Gives an account a role: the way to the first administrator
    Promote {
        /// Address of the account
        email: String,
        /// SUPER_ADMIN, ADMIN or GENERAL
        #[arg(long, default_value = "SUPER_ADMIN")]
        role: String,
        /// Also says that the address is verified, which an administrator needs
        #[arg(long)]
        verified: bool,
    },
    /// Lists the accounts
    List {
        #[arg(long)]
        json: bool,
    },
    /// Switches an account off and ends its sessions
    Disable {
        /// Address of the account
        email: String,
    },
    /// Switches an account on again
    Enable {
        /// Address of the account
        email: String,
    },
    /// Says whether a registration must bring keys for the key API
    Keys {
        #[arg(value_enum)]
        registration: KeysAt,
    },
    /// Imports a Nuxt IAM `users` table; argon2 hashes are kept, accounts that exist are skipped
    Import {
        /// CSV or `mysql --batch` output with column names, or users.txt of `mysqldump --tab` with users.sql beside
        file: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum KeysAt {
    Demanded,
    Optional,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Preset {
    Default,
    Lax,
}

impl Preset {
    pub(crate) fn options(self) -> EndpointOptions {
        match self {
            Self::Default => EndpointOptions::preset_default(),
            Self::Lax => EndpointOptions::preset_lax(),
        }
    }
}

impl Common {
    /// The configuration with these flags on top.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        let mut flags: Overrides = Vec::new();
        let mut set = |name, value: &Option<String>| flags.extend(value.clone().map(|v| (name, v)));
        set("server.data_dir", &self.data_dir);
        set("database.url", &self.database_url);
        set("server.listen", &self.listen);
        set("server.public_url", &self.public_url);
        set("server.clock_offset_file", &self.clock_offset_file);
        set("limits.rate_limit", &self.rate_limit.map(|s| matches!(s, Switch::On).to_string()));
        set("data.ephemeral_apps", &self.ephemeral_apps.map(|s| matches!(s, Switch::On).to_string()));
        Config::load(self.config.as_deref(), &flags)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
