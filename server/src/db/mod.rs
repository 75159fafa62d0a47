//! The database: one type, two async doors.
//!
//! `Db::read` runs a query function on a reader, `Db::write` runs one inside a transaction that is on disk before the
//! caller gets the answer. On SQLite, reads run on the calling worker thread (a point read takes a few microseconds,
//! less than handing it to another thread: docs/adr/0003) and all writes go through one writer thread with group
//! commit. On PostgreSQL both run on the blocking pool over a connection pool.

mod batch;
mod conn;
mod lanes;
pub mod migrate;
mod pool;
mod remembered;
#[expect(missing_docs, reason = "diesel's macro makes the items; the columns are documented in migrations/")]
pub mod schema;
#[cfg(test)]
pub(crate) mod testing;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diesel::Connection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::sync::Semaphore;

pub(crate) use conn::each;
pub(crate) use conn::elapsed_ms;
pub use conn::{Conn, Synchronous};
pub use lanes::{Lanes, Shared};
pub use remembered::Remembered;

/// Where the data is and how it is opened.
#[derive(Debug, Clone)]
pub enum Target {
    /// A SQLite file.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// How safely it commits.
        synchronous: Synchronous,
        /// Reader connections.
        readers: usize,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://…`; may carry a password, so it is never logged.
        url: String,
        /// Connections of the pool.
        pool: u32,
    },
}

impl Target {
    /// Opens one connection of its own, outside the pools.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn connect(&self) -> Result<Conn, DbError> {
        match self {
            Self::Sqlite { path, synchronous, .. } => {
                Ok(Conn::open_sqlite(path.to_str().ok_or(DbError::Url)?, *synchronous, false)?)
            }
            Self::Postgres { url, .. } => Ok(Conn::Postgres(diesel::PgConnection::establish(url)?)),
        }
    }
}

/// What can go wrong before a query even runs.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The database cannot be opened.
    #[error("cannot open the database: {0}")]
    Open(#[from] diesel::ConnectionError),
    /// The pool gave no connection.
    #[error("no database connection: {0}")]
    Pool(#[from] diesel::r2d2::PoolError),
    /// A statement failed.
    #[error("database error: {0}")]
    Query(#[from] DieselError),
    /// The migrations failed.
    #[error("cannot migrate the database: {0}")]
    Migrate(String),
    /// The writer is gone: the server is stopping, or the commit failed.
    #[error("the database writer did not answer")]
    Writer,
    /// The writer's thread cannot be started.
    #[error("cannot start the writer: {0}")]
    Thread(String),
    /// A name in the configuration that is no database.
    #[error("the database URL must start with postgres:// or postgresql://")]
    Url,
}

/// The state of the database that a reader sees. Equal values say that nobody has committed anything in between, in this
/// process or another: what was read then would be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// Number of the reader; versions of different readers cannot be compared.
    pub reader: usize,
    /// Changes with every commit of others; a reader itself commits nothing.
    pub version: i64,
}

/// A handle to the database; clones share it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

enum Inner {
    Sqlite {
        readers: pool::Readers,
        writer: writer::Writer,
    },
    /// As many permits as connections: who waits for one holds no thread.
    Postgres {
        pool: pool::PgPool,
        permits: Arc<Semaphore>,
    },
}

impl Db {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be opened or migrated.
    pub fn open(target: &Target) -> Result<Self, DbError> {
        match target {
            Target::Sqlite { path, synchronous, readers } => {
                let path = path.to_str().ok_or(DbError::Url)?;
                migrate::up(&mut Conn::open_sqlite(path, *synchronous, true)?)?;
                let readers = pool::Readers::open(path, *synchronous, *readers)?;
                let (path, synchronous) = (path.to_owned(), *synchronous);
                let open = Box::new(move || Ok(Conn::open_sqlite(&path, synchronous, true)?));
                Ok(Self(Arc::new(Inner::Sqlite { readers, writer: writer::Writer::start(open)? })))
            }
            Target::Postgres { url, pool } => {
                migrate::up(&mut Conn::Postgres(diesel::PgConnection::establish(url)?))?;
                let permits = Arc::new(Semaphore::new(*pool as usize));
                let pool = pool::open_postgres(url, *pool)?;
                Ok(Self(Arc::new(Inner::Postgres { pool, permits })))
            }
        }
    }

    /// Runs `f` on a reader. Several statements that must see one state belong in [`Db::read_snapshot`].
    ///
    /// # Errors
    /// Those of `f`, or no connection.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        match &*self.0 {
            Inner::Sqlite { readers, .. } => readers.with(f),
            Inner::Postgres { pool, permits } => {
                let _permit = permits.acquire().await.map_err(|_closed| DbError::Writer)?;
                let pool = pool.clone();
                blocking(move || f(&mut *pool.get().map_err(DbError::from)?)).await
            }
        }
    }

    /// SQLite's reader connections; none on PostgreSQL.
    #[must_use]
    pub fn readers(&self) -> usize {
        match &*self.0 {
            Inner::Sqlite { readers, .. } => readers.count(),
            Inner::Postgres { .. } => 0,
        }
    }

    /// Runs `f` on a reader at once, on this thread, and says what state of the database it begins with. `None` on
    /// PostgreSQL, where a read has to wait and changes of other nodes cannot be seen without one.
    pub fn read_here<T, E: From<DbError>>(
        &self,
        f: impl FnOnce(&mut Conn, AsOf) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        match &*self.0 {
            Inner::Sqlite { readers, .. } => Some(readers.as_of(f)),
            Inner::Postgres { .. } => None,
        }
    }

    /// Runs `f` on a reader inside one transaction, so that all its statements see the same state.
    ///
    /// # Errors
    /// Those of `f`, or no connection.
    pub async fn read_snapshot<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        self.snapshot(None, f).await
    }

    /// As [`Db::read_snapshot`]. On PostgreSQL no statement takes longer than `limit`; on SQLite statements have to see to that
    /// themselves (`keystead_in_time`).
    ///
    /// # Errors
    /// As [`Db::read_snapshot`].
    pub async fn read_snapshot_within<T, E, F>(&self, limit: Duration, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        self.snapshot(Some(limit), f).await
    }

    async fn snapshot<T, E, F>(&self, limit: Option<Duration>, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        self.read(move |c| {
            if let Conn::Postgres(pg) = c {
                use diesel::connection::TransactionManager;
                let mut begin = String::from("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
                if let Some(limit) = limit {
                    begin.push_str(&format!("; SET LOCAL statement_timeout = {}", limit.as_millis()));
                }
                diesel::connection::AnsiTransactionManager::begin_transaction_sql(pg, &begin)?;
                let result = f(c);
                if let Conn::Postgres(pg) = c {
                    <diesel::PgConnection as Connection>::TransactionManager::rollback_transaction(pg)?;
                }
                return result;
            }
            c.in_snapshot(f)
        })
        .await
    }

    /// Runs `f` inside a transaction and answers after the commit. An error of `f` rolls its work back and nothing else.
    /// `f` may run again when PostgreSQL asks for a retry, so it must not have effects outside the database.
    ///
    /// # Errors
    /// Those of `f`, no connection, or a failed commit.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<DieselError> + RetryHint + Send + 'static,
        F: Fn(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        match &*self.0 {
            Inner::Sqlite { writer, .. } => writer.run(f).await,
            Inner::Postgres { pool, permits } => {
                let _permit = permits.acquire().await.map_err(|_closed| DbError::Writer)?;
                let pool = pool.clone();
                blocking(move || {
                    let mut pooled = pool.get().map_err(DbError::from)?;
                    let conn: &mut Conn = &mut pooled;
                    let mut left = 8_u32;
                    loop {
                        match conn.transaction(|tx| f(tx)) {
                            Err(e) if left > 0 && e.is_retryable() => left -= 1,
                            result => return result,
                        }
                    }
                })
                .await
            }
        }
    }

    /// True when the data is in SQLite.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(&*self.0, Inner::Sqlite { .. })
    }
}

/// Says of an error whether the same transaction may succeed when it is run again.
pub trait RetryHint {
    /// True for serialization failures, deadlocks, and rows whose parent has just gone.
    fn is_retryable(&self) -> bool;
}

impl RetryHint for DieselError {
    fn is_retryable(&self) -> bool {
        match self {
            // What the row belongs to has gone since the transaction looked: run again, it sees that and says so.
            Self::DatabaseError(
                DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ForeignKeyViolation,
                _,
            ) => true,
            Self::DatabaseError(_, info) => info.message().contains("deadlock detected"),
            _ => false,
        }
    }
}

impl RetryHint for DbError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Query(e) if e.is_retryable())
    }
}

/// True when an insert failed because the row is there already.
#[must_use]
pub fn is_unique_violation(e: &DieselError) -> bool {
    matches!(e, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
}

/// True when what a row refers to is not there (any more).
#[must_use]
pub fn is_foreign_key_violation(e: &DieselError) -> bool {
    matches!(e, DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _))
}

async fn blocking<T, E, F>(f: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    match tokio::task::spawn_blocking(f).await {
        Ok(result) => result,
        Err(_panicked) => Err(DbError::Writer.into()),
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;

    use super::*;

    fn as_of(db: &Db) -> AsOf {
        db.read_here(|_, as_of| Ok::<_, DbError>(as_of)).expect("SQLite").expect("reads")
    }

    #[tokio::test]
    async fn the_state_that_a_reader_sees_has_a_name() {
        let dir = tempfile::tempdir().expect("temp dir");
        let target = Target::Sqlite { path: dir.path().join("db"), synchronous: Synchronous::Full, readers: 2 };
        let db = Db::open(&target).expect("opens");
        let set = |value: &str| format!("INSERT OR REPLACE INTO settings VALUES ('a', '{value}')");
        let mut seen = vec![as_of(&db)];
        assert_eq!(as_of(&db), seen[0], "nobody has committed");

        let (own, theirs) = (set("1"), set("2"));
        db.write(move |tx| Ok::<_, DbError>(each!(tx, |c| c.batch_execute(&own))?)).await.expect("written");
        seen.push(as_of(&db));
        let Conn::Sqlite(mut other) = target.connect().expect("opens") else { panic!("SQLite") };
        other.batch_execute(&theirs).expect("written");
        seen.push(as_of(&db));
        // What is not committed does not count, and reads are no change.
        other.batch_execute("BEGIN IMMEDIATE; DELETE FROM settings").expect("begun");
        assert_eq!(as_of(&db), seen[2]);
        other.batch_execute("ROLLBACK").expect("rolled back");
        db.read_snapshot(|c| Ok::<_, DbError>(each!(c, |c| c.batch_execute("SELECT 1"))?)).await.expect("reads");
        assert_eq!(as_of(&db), seen[2]);
        // A checkpoint empties the log under the readers' feet.
        other.batch_execute(&set("3")).expect("written");
        other.batch_execute("PRAGMA wal_checkpoint(PASSIVE)").expect("checkpointed");
        seen.push(as_of(&db));
        assert!((1..seen.len()).all(|i| !seen[..i].contains(&seen[i])), "{seen:?}");
    }
}
