//! The same statements on bare databases: a prepared read, a read of a parent with ten children, a committed update of one row;
//! one connection a thread, nothing around it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::{Connection, ExpressionMethods, PgConnection, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection};

use crate::server::cpu_seconds;
use crate::stage::Site;
use crate::stats::Slice;

diesel::table! {
    bare_items (id) {
        id -> BigInt,
        parent -> BigInt,
        title -> Text,
    }
}

const ROWS: i64 = 10_000;
const CHILDREN: i64 = 10;
/// More threads than this add nothing but switches.
const MOST_THREADS: usize = 16;

/// A database with rows.
pub(crate) enum Bare {
    /// A file of its own, WAL, `synchronous=FULL`.
    Sqlite(PathBuf),
    /// A table in the site's database.
    Postgres(String),
}

/// Runs on so many connections for so long.
type Run<'a> = Box<dyn Fn(usize, Duration) -> Result<Slice> + 'a>;

/// Makes the rows beside a site.
///
/// # Errors
/// What the database says.
pub(crate) fn open(site: &Site, folder: &Path) -> Result<Bare> {
    let table = "CREATE TABLE bare_items (id BIGINT PRIMARY KEY, parent BIGINT NOT NULL, title TEXT NOT NULL);
                 CREATE INDEX bare_items_parent ON bare_items (parent);";
    match &site.keystead.database_url {
        Some(url) => {
            let mut db = PgConnection::establish(url)?;
            db.batch_execute(table)?;
            db.batch_execute(&format!(
                "INSERT INTO bare_items SELECT n, n / {CHILDREN}, 'item ' || n FROM generate_series(0, {ROWS} - 1) n"
            ))?;
            Ok(Bare::Postgres(url.clone()))
        }
        None => {
            let path = folder.join("bare.db");
            let mut db = sqlite(&path)?;
            db.batch_execute(table)?;
            db.batch_execute(&format!(
                "WITH RECURSIVE c (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < {ROWS} - 1)
                 INSERT INTO bare_items SELECT n, n / {CHILDREN}, 'item ' || n FROM c"
            ))?;
            Ok(Bare::Sqlite(path))
        }
    }
}

fn sqlite(path: &Path) -> Result<SqliteConnection> {
    let mut db = SqliteConnection::establish(path.to_str().context("path")?)?;
    db.batch_execute("PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")?;
    Ok(db)
}

/// One statement of each kind; the same text for both databases, typed for each.
macro_rules! statements {
    ($connection:ty, $read:ident, $nested:ident, $update:ident) => {
        fn $read(db: &mut $connection, n: i64) -> QueryResult<()> {
            bare_items::table.find(n % ROWS).load::<(i64, i64, String)>(db).map(drop)
        }

        fn $nested(db: &mut $connection, n: i64) -> QueryResult<()> {
            bare_items::table.find(n % ROWS).load::<(i64, i64, String)>(db)?;
            let children = bare_items::table.filter(bare_items::parent.eq(n % (ROWS / CHILDREN)));
            children.load::<(i64, i64, String)>(db).map(drop)
        }

        fn $update(db: &mut $connection, n: i64) -> QueryResult<()> {
            let row = diesel::update(bare_items::table.find(n % ROWS));
            row.set(bare_items::title.eq(format!("written {n}"))).execute(db).map(drop)
        }
    };
}
statements!(SqliteConnection, read_sqlite, nested_sqlite, update_sqlite);
statements!(PgConnection, read_postgres, nested_postgres, update_postgres);

impl Bare {
    /// Each with its name in the table.
    pub(crate) fn contestants(&self) -> Vec<(&'static str, Run<'_>)> {
        match self {
            Self::Sqlite(path) => {
                let run = move |statement: fn(&mut SqliteConnection, i64) -> QueryResult<()>| -> Run<'_> {
                    Box::new(move |connections, time| drive(connections, time, &|| sqlite(path), &statement))
                };
                vec![
                    ("bare_read", run(read_sqlite)),
                    ("bare_nest", run(nested_sqlite)),
                    ("bare_upd", run(update_sqlite)),
                ]
            }
            Self::Postgres(url) => {
                let run = move |statement: fn(&mut PgConnection, i64) -> QueryResult<()>| -> Run<'_> {
                    let open = move || Ok(PgConnection::establish(url)?);
                    Box::new(move |connections, time| drive(connections, time, &open, &statement))
                };
                vec![
                    ("bare_read", run(read_postgres)),
                    ("bare_nest", run(nested_postgres)),
                    ("bare_upd", run(update_postgres)),
                ]
            }
        }
    }
}

fn drive<C>(
    connections: usize,
    time: Duration,
    open: &(dyn Fn() -> Result<C> + Sync),
    statement: &(dyn Fn(&mut C, i64) -> QueryResult<()> + Sync),
) -> Result<Slice> {
    let threads = connections.min(MOST_THREADS);
    let before = cpu_seconds(std::process::id())?;
    let began = Instant::now();
    let work = |thread: usize| -> Result<Vec<u64>> {
        let mut db = open()?;
        let (mut nanos, mut n) = (Vec::new(), i64::try_from(thread)?);
        let end = Instant::now() + time;
        loop {
            let begun = Instant::now();
            n += 7_919;
            statement(&mut db, n)?;
            if Instant::now() >= end {
                return Ok(nanos);
            }
            nanos.push(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    };
    let all = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        let joined = workers.into_iter().map(|w| w.join().ok().context("a thread panicked")?);
        joined.collect::<Result<Vec<_>>>()
    })?;
    let used = cpu_seconds(std::process::id())? - before;
    let nanos: Vec<u64> = all.into_iter().flatten().collect();
    Ok(Slice { seconds: began.elapsed().as_secs_f64(), nanos, server_cpu: 0.0, client_cpu: used })
}
