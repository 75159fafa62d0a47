//! Reader connections of SQLite, and the connection pool of PostgreSQL.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::r2d2::{ManageConnection, Pool};
use diesel::{Connection, PgConnection};

use super::{AsOf, Conn, DbError, Synchronous};

/// SQLite reader connections, one behind each lock. A thread comes back to the reader it used before, so that with as
/// many readers as worker threads no lock is ever waited for.
pub(super) struct Readers(Box<[Mutex<Conn>]>);

static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static THREAD: Cell<usize> = Cell::new(NEXT_THREAD.fetch_add(1, Ordering::Relaxed));
}

impl Readers {
    pub(super) fn open(path: &str, synchronous: Synchronous, count: usize) -> Result<Self, DbError> {
        let readers: Result<Vec<_>, DbError> =
            (0..count.max(1)).map(|_| Ok(Mutex::new(Conn::open_sqlite(path, synchronous, false)?))).collect();
        Ok(Self(readers?.into_boxed_slice()))
    }

    pub(super) fn with<T, E: From<DbError>>(&self, f: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        self.numbered(|_number, conn| f(conn))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Says also what state of the database this reader sees.
    pub(super) fn as_of<T, E: From<DbError>>(&self, f: impl FnOnce(&mut Conn, AsOf) -> Result<T, E>) -> Result<T, E> {
        self.numbered(|reader, conn| {
            let version = conn.data_version().map_err(DbError::from)?;
            f(conn, AsOf { reader, version })
        })
    }

    fn numbered<T, E: From<DbError>>(&self, f: impl FnOnce(usize, &mut Conn) -> Result<T, E>) -> Result<T, E> {
        let start = THREAD.with(Cell::get) % self.0.len();
        let turns = (start..self.0.len()).chain(0..start);
        let free = turns.filter_map(|i| Some((i, self.0.get(i)?.try_lock().ok()?))).next();
        let wait = || Some((start, self.0.get(start)?.lock().unwrap_or_else(PoisonError::into_inner)));
        let (number, mut conn) = free.or_else(wait).ok_or(DbError::Writer)?;
        f(number, &mut conn)
    }
}

pub(super) type PgPool = Pool<PgManager>;

/// Opens PostgreSQL connections as the enum's variant. The variant is chosen here, never by trying.
pub(super) struct PgManager {
    url: String,
}

impl ManageConnection for PgManager {
    type Connection = Conn;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Conn, Self::Error> {
        let mut c = PgConnection::establish(&self.url).map_err(diesel::r2d2::Error::ConnectionError)?;
        // Statements say which index they go by: planning them anew for each value would cost more than running them, and
        // compiling them far more.
        c.batch_execute("SET plan_cache_mode = force_generic_plan; SET jit = off")
            .map_err(diesel::r2d2::Error::QueryError)?;
        Ok(Conn::Postgres(c))
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Self::Error> {
        conn.batch_execute("SELECT 1").map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        std::thread::panicking()
            || match conn {
                Conn::Postgres(c) => diesel::r2d2::R2D2Connection::is_broken(c),
                Conn::Sqlite(_) => false,
            }
    }
}

pub(super) fn open_postgres(url: &str, size: u32) -> Result<PgPool, DbError> {
    Ok(Pool::builder()
        .max_size(size.max(1))
        .min_idle(Some(1))
        .test_on_check_out(false)
        .connection_timeout(Duration::from_secs(10))
        .build(PgManager { url: url.to_owned() })?)
}
