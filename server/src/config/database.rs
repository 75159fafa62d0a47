//! Which database, and how it is opened.

use serde::{Deserialize, Serialize};

use super::{Config, Secret};
use crate::db::{Synchronous, Target};

/// `[database]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host/name`; absent = SQLite in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// SQLite: reader connections; 0 = one per worker thread and two more.
    pub readers: usize,
    /// SQLite: `full` = an answered write is on disk; `normal` is for comparison in benchmarks only.
    pub synchronous: Synchronous,
    /// PostgreSQL: connections of the pool.
    pub pool: u32,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { url: None, readers: 0, synchronous: Synchronous::Full, pool: 16 }
    }
}

impl DatabaseConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if let Some(url) = &self.url
            && !url.expose().starts_with("postgres://")
            && !url.expose().starts_with("postgresql://")
        {
            problems.push("database.url: must start with postgres:// or postgresql://".into());
        }
        if self.pool == 0 {
            problems.push("database.pool: must be at least 1".into());
        }
    }
}

impl Config {
    /// The database these settings name.
    #[must_use]
    pub fn target(&self) -> Target {
        match &self.database.url {
            Some(url) => Target::Postgres { url: url.expose().to_owned(), pool: self.database.pool },
            None => Target::Sqlite {
                path: self.server.data_dir.join("keystead.sqlite"),
                synchronous: self.database.synchronous,
                readers: match self.database.readers {
                    0 => self.workers() + 2,
                    n => n,
                },
            },
        }
    }

    /// Worker threads after the default is filled in.
    #[must_use]
    pub fn workers(&self) -> usize {
        match self.server.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            n => n,
        }
    }
}
