//! One connection type over both databases.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::{ConnectionError, PgConnection, QueryResult, SqliteConnection};

/// A connection to either database. Query functions take `&mut Conn` and run on both.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// Embedded SQLite.
    Sqlite(SqliteConnection),
    /// PostgreSQL.
    Postgres(PgConnection),
}

/// Runs one body on whichever connection it is: for what the enum cannot express (upserts, multi-row inserts).
macro_rules! each {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($c) => $body,
            $crate::db::Conn::Postgres($c) => $body,
        }
    };
}
pub(crate) use each;

/// How safely SQLite commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// A commit is on disk before it is answered.
    Full,
    /// A power cut may lose the last commits. For comparison in benchmarks only.
    Normal,
}

impl Conn {
    /// Opens the SQLite file at `path` and sets it up. The writer connection also switches the file to WAL.
    ///
    /// # Errors
    /// When the file cannot be opened or is no database.
    pub(crate) fn open_sqlite(path: &str, synchronous: Synchronous, writer: bool) -> Result<Self, ConnectionError> {
        let mut c = SqliteConnection::establish(path)?;
        let level = match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        // KiB, taken as they are needed: a batch of registrations touches many index pages and must not spill them.
        let cache = if writer { 16_000 } else { 2_000 };
        c.batch_execute(&format!(
            "PRAGMA busy_timeout = 10000; PRAGMA synchronous = {level}; PRAGMA foreign_keys = ON; \
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{cache}; PRAGMA wal_autocheckpoint = 4000;"
        ))
        .and_then(|()| if writer { switch_to_wal(&mut c) } else { Ok(()) })
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(Self::Sqlite(c))
    }

    /// Serialises transactions that touch the same thing: on PostgreSQL an advisory lock until the transaction's end,
    /// on SQLite nothing, because there is one writer.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn lock(&mut self, what: &str) -> QueryResult<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(c) => diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind::<diesel::sql_types::Text, _>(what)
                .execute(c)
                .map(|_rows| ()),
        }
    }

    /// True for SQLite.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

/// Another process may be switching the same new file: SQLite then answers "locked" at once, whatever the busy timeout.
fn switch_to_wal(c: &mut SqliteConnection) -> QueryResult<()> {
    const TRIES: u32 = 100;
    let mut tries = 1;
    loop {
        match c.batch_execute("PRAGMA journal_mode = WAL") {
            Err(diesel::result::Error::DatabaseError(_, info))
                if info.message().contains("locked") && tries < TRIES =>
            {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            switched => return switched,
        }
    }
}
