//! The one writer of SQLite: takes the queued transactions, runs each in a savepoint of one real transaction, commits
//! once, and answers all of them after the commit. Durability so costs one fsync per batch instead of one per request.
//!
//! Between batches it holds a snapshot open. A reader that finds its snapshot held by another connection of the process
//! counts itself in, where else it would lock and unlock a file: three system calls of every read, under a mutex that
//! all readers share. Before a batch the snapshot is let go, so that the WAL can start over.

use std::sync::mpsc;
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use diesel::result::Error as DieselError;

use super::batch::{self, Job};
use super::{Conn, DbError};

/// Transactions of one commit at most; more would only make the first ones wait.
const MAX_BATCH: usize = 256;

type Open = Box<dyn Fn() -> Result<Conn, DbError> + Send>;

pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// `open` makes the connection, now and again after a failure that leaves its state unknown.
    pub(super) fn start(open: Open) -> Result<Self, DbError> {
        let mut conn = Some(open()?);
        let mut snapshot = Snapshot::new(open()?);
        let (queue, jobs) = mpsc::channel::<Job>();
        let work = move || {
            while let Ok(first) = jobs.recv() {
                let batch = std::iter::once(first).chain(std::iter::from_fn(|| jobs.try_recv().ok()));
                snapshot.release();
                let good = conn.take().or_else(|| reopen(&open));
                conn = good.and_then(|mut conn| batch::run(&mut conn, batch.take(MAX_BATCH)).then_some(conn));
                snapshot.hold();
            }
        };
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(work)
            .map_err(|e| DbError::Thread(e.to_string()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) async fn run<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        let (job, answered) = batch::job(f);
        let queued = self.queue.as_ref().is_some_and(|q| q.send(job).is_ok());
        if !queued {
            return Err(DbError::Writer.into());
        }
        answered.await.unwrap_or_else(|_gone| Err(DbError::Writer.into()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take().filter(|t| t.thread().id() != std::thread::current().id()) {
            // What was queued is committed before the thread ends; a panicked writer has nothing left to finish.
            drop(thread.join());
        }
    }
}

/// A read transaction that serves no query.
struct Snapshot {
    conn: Conn,
    held: bool,
}

impl Snapshot {
    fn new(conn: Conn) -> Self {
        let mut snapshot = Self { conn, held: false };
        snapshot.hold();
        snapshot
    }

    /// Reads go on without it, only slower: a failure is no more than worth a note.
    fn hold(&mut self) {
        // A read transaction begins with the first read.
        let begun = self.conn.batch_execute("BEGIN; SELECT name FROM settings LIMIT 1");
        self.held = begun.inspect_err(|e| tracing::debug!(error = %e, "no snapshot is held")).is_ok();
    }

    fn release(&mut self) {
        if self.held {
            self.held = false;
            let ended = self.conn.batch_execute("ROLLBACK");
            drop(ended.inspect_err(|e| tracing::warn!(error = %e, "the held snapshot cannot be let go")));
        }
    }
}

fn reopen(open: &Open) -> Option<Conn> {
    open().inspect_err(|e| tracing::error!(error = %e, "cannot open the database again")).ok()
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::super::{Db, DbError, Synchronous, Target, schema::settings};

    fn put(name: &'static str) -> impl Fn(&mut super::Conn) -> Result<(), DbError> + Send {
        move |tx| {
            diesel::insert_into(settings::table)
                .values((settings::name.eq(name), settings::value.eq("x")))
                .execute(tx)?;
            Ok(())
        }
    }

    async fn names(db: &Db) -> Vec<String> {
        db.read(|c| Ok::<_, DbError>(settings::table.select(settings::name).order(settings::name).load(c)?))
            .await
            .expect("reads")
    }

    #[tokio::test]
    async fn a_failed_or_panicked_transaction_leaves_nothing_and_harms_nobody() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("db");
        let db = Db::open(&Target::Sqlite { path, synchronous: Synchronous::Full, readers: 2 }).expect("opens");

        db.write(put("a")).await.expect("written");
        // In one batch: a good one, one that fails after it has written, and one that breaks a constraint.
        let (good, failed, twice) = tokio::join!(
            db.write(put("b")),
            db.write(|tx| put("c")(tx).and(Err::<(), _>(DbError::Url))),
            db.write(put("a")),
        );
        good.expect("written");
        assert!(matches!(failed, Err(DbError::Url)));
        assert!(twice.is_err());
        assert_eq!(names(&db).await, ["a", "b"]);

        let panicked = db
            .write(|tx| -> Result<(), DbError> {
                put("d")(tx)?;
                panic!("a bug in a rule")
            })
            .await;
        assert!(matches!(panicked, Err(DbError::Writer)));
        db.write(put("e")).await.expect("the writer goes on");
        assert_eq!(names(&db).await, ["a", "b", "e"]);
    }
}
