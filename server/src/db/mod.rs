//! The database: one type, two async doors.
//!
//! `Db::read` runs a query function on a reader, `Db::write` runs one inside a transaction that is on disk before the
//! caller gets the answer. On SQLite, reads run on the calling worker thread (a point read takes a few microseconds,
//! less than handing it to another thread: docs/adr/0003) and all writes go through one writer thread with group
//! commit. On PostgreSQL both run on the blocking pool over a connection pool.

mod conn;
pub mod migrate;
mod pool;
#[expect(missing_docs, reason = "diesel's macro makes the items; the columns are documented in migrations/")]
pub mod schema;
#[cfg(test)]
pub(crate) mod testing;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use diesel::Connection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::sync::Semaphore;

pub(crate) use conn::each;
pub use conn::{Conn, Synchronous};

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
        permits: Semaphore,
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
                let permits = Semaphore::new(*pool as usize);
                Ok(Self(Arc::new(Inner::Postgres { pool: pool::open_postgres(url, *pool)?, permits })))
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
        self.read(move |c| {
            if let Conn::Postgres(pg) = c {
                use diesel::connection::TransactionManager;
                diesel::connection::AnsiTransactionManager::begin_transaction_sql(
                    pg,
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                )?;
                let result = f(c);
                if let Conn::Postgres(pg) = c {
                    <diesel::PgConnection as Connection>::TransactionManager::rollback_transaction(pg)?;
                }
                return result;
            }
            c.transaction(f)
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
