//! One connection type over both databases.

use std::sync::LazyLock;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::sqlite::Sqlite;
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
        let cache = if writer { 16_000 } else { 8_000 };
        c.batch_execute(&format!(
            "PRAGMA busy_timeout = 10000; PRAGMA synchronous = {level}; PRAGMA foreign_keys = ON; \
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{cache}; PRAGMA wal_autocheckpoint = 4000;"
        ))
        .and_then(|()| if writer { switch_to_wal(&mut c) } else { Ok(()) })
        .and_then(|()| register_functions(&mut c))
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
                .bind::<Text, _>(what)
                .execute(c)
                .map(|_rows| ()),
        }
    }

    /// A number that this connection sees change whenever another one, of whatever process, has committed. SQLite only.
    ///
    /// # Errors
    /// What SQLite says; on PostgreSQL always.
    pub(super) fn data_version(&mut self) -> QueryResult<i64> {
        match self {
            Self::Sqlite(c) => DataVersion.get_result(c),
            Self::Postgres(_) => Err(diesel::result::Error::NotFound),
        }
    }

    /// Runs `f` in one read transaction of SQLite.
    ///
    /// # Errors
    /// Those of `f`, and what SQLite says.
    pub(super) fn in_snapshot<T, E: From<diesel::result::Error>>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Self::Sqlite(c) = self {
            Begin.execute(c)?;
        }
        let open = Snapshot(self);
        f(open.0)
    }

    /// Runs `f` in a savepoint of SQLite's open transaction: what a failed `f` has done is undone.
    ///
    /// # Errors
    /// The outer one when the savepoint cannot be left, which spoils the connection; the inner one is that of `f`.
    pub(super) fn in_savepoint<T, E: From<diesel::result::Error>>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> QueryResult<Result<T, E>> {
        if let Self::Sqlite(c) = self {
            Savepoint.execute(c)?;
        }
        let result = f(self);
        if let Self::Sqlite(c) = self {
            if result.is_err() {
                RollBack.execute(c)?;
            }
            Release.execute(c)?;
        }
        Ok(result)
    }

    /// Runs a part of a transaction that may fail alone: what a failed `f` has done is undone, the rest stays. Not inside another.
    ///
    /// # Errors
    /// The outer one when the savepoint cannot be left; the inner one is that of `f`.
    pub(crate) fn attempt<T, E>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, E>) -> QueryResult<Result<T, E>> {
        self.raw("SAVEPOINT attempt")?;
        let result = f(self);
        if result.is_err() {
            self.raw("ROLLBACK TO SAVEPOINT attempt")?;
        }
        self.raw("RELEASE SAVEPOINT attempt")?;
        Ok(result)
    }

    fn raw(&mut self, sql: &str) -> QueryResult<()> {
        match self {
            Self::Sqlite(c) => diesel::sql_query(sql).execute(c),
            Self::Postgres(c) => diesel::sql_query(sql).execute(c),
        }
        .map(drop)
    }

    /// True for SQLite.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

/// A statement of SQLite without parameters that is known by its type: it is prepared once and found again without parsing.
macro_rules! statement {
    ($(#[$doc:meta])* $name:ident, $sql:literal) => {
        $(#[$doc])*
        #[derive(QueryId)]
        struct $name;

        impl Query for $name {
            type SqlType = BigInt;
        }

        impl RunQueryDsl<SqliteConnection> for $name {}

        impl QueryFragment<Sqlite> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                out.push_sql($sql);
                Ok(())
            }
        }
    };
}

statement!(
    /// Reads no page: it compares the head of the WAL's index with what the connection saw last.
    DataVersion,
    "PRAGMA data_version"
);
statement!(Begin, "BEGIN");
statement!(End, "END");
statement!(Savepoint, "SAVEPOINT keystead");
statement!(Release, "RELEASE keystead");
statement!(RollBack, "ROLLBACK TO keystead");

/// A read transaction of SQLite, which ends when this is dropped.
struct Snapshot<'a>(&'a mut Conn);

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if let Conn::Sqlite(c) = &mut self.0 {
            drop(End.execute(c).inspect_err(|e| tracing::warn!(error = %e, "a read transaction cannot be ended")));
        }
    }
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// True when `value`, JSON, is a text that matches a pattern of `$like` (or, folded, of `$ilike`).
    fn keystead_like(value: Text, pattern: Text, fold: Bool) -> Bool;
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// True until [`elapsed_ms`] is this.
    fn keystead_in_time(until_ms: BigInt) -> Bool;
}

/// Milliseconds since the process first asked: what the limits of statements are told in.
#[must_use]
pub(crate) fn elapsed_ms() -> i64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    i64::try_from(START.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// Functions of ours that statements on SQLite call: its own LIKE folds ASCII only, and always; and it has no limit of time, so
/// that a long statement asks at every row and finds nothing more when its time is over.
fn register_functions(c: &mut SqliteConnection) -> QueryResult<()> {
    // Not deterministic: else it would be asked once, before the first row.
    keystead_in_time_utils::register_nondeterministic_impl(c, |until_ms: i64| elapsed_ms() < until_ms)?;
    keystead_like_utils::register_impl(c, |value: String, pattern: String, fold: bool| {
        let text: Option<String> = serde_json::from_str(&value).ok();
        text.is_some_and(|text| keystead_instaql::query::ast::like(&pattern, &text, fold))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_with_its_time() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("db");
        let Conn::Sqlite(mut c) =
            Conn::open_sqlite(path.to_str().expect("a path"), Synchronous::Full, true).expect("opens")
        else {
            panic!("SQLite")
        };
        // Minutes, if nothing ended it.
        let sql = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000 AND keystead_in_time(?)) \
                   SELECT i AS value FROM n ORDER BY i DESC LIMIT 1";
        let begun = Instant::now();
        let rows = diesel::sql_query(sql).bind::<BigInt, _>(elapsed_ms() + 200).load::<Value>(&mut c).expect("runs");
        assert!(rows[0].value > 0 && rows[0].value < 1_000_000_000);
        let took = begun.elapsed().as_millis();
        assert!((200..10_000).contains(&took), "{took} ms");
    }

    #[derive(diesel::QueryableByName)]
    struct Value {
        #[diesel(sql_type = BigInt)]
        value: i64,
    }
}
