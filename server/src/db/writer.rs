//! The one writer of SQLite: takes the queued transactions, runs each in a savepoint of one real transaction, commits
//! once, and answers all of them after the commit. Durability so costs one fsync per batch instead of one per request.

use std::sync::mpsc;
use std::thread::JoinHandle;

use diesel::Connection;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::{Conn, DbError};

/// Transactions of one commit at most; more would only make the first ones wait.
const MAX_BATCH: usize = 256;

/// Runs inside the batch's transaction; what it returns is called with the outcome of the commit.
type Job = Box<dyn FnOnce(&mut Conn) -> Reply + Send>;
type Reply = Box<dyn FnOnce(bool) + Send>;

pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(mut conn: Conn) -> Self {
        let (queue, jobs) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || {
                while let Ok(first) = jobs.recv() {
                    let batch = std::iter::once(first).chain(std::iter::from_fn(|| jobs.try_recv().ok()));
                    run_batch(&mut conn, batch.take(MAX_BATCH));
                }
            })
            .ok();
        Self { queue: Some(queue), thread }
    }

    pub(super) async fn run<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            let result = conn.transaction(f);
            Box::new(move |committed| {
                let result = if committed || result.is_err() { result } else { Err(DbError::Writer.into()) };
                // The caller may have gone away; his work is committed all the same.
                drop(answer.send(result));
            })
        });
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
            // A panicked writer has nothing left to finish.
            drop(thread.join());
        }
    }
}

fn run_batch(conn: &mut Conn, batch: impl Iterator<Item = Job>) {
    let began = begin(conn);
    let mut replies: Vec<Reply> = Vec::new();
    match began {
        Ok(()) => replies.extend(batch.map(|job| job(conn))),
        // Without a transaction the jobs are dropped, and their callers hear that the writer did not answer.
        Err(e) => {
            tracing::error!(error = %e, "cannot begin a transaction");
            batch.for_each(drop);
            return;
        }
    }
    let committed = commit(conn);
    if let Err(e) = &committed {
        tracing::error!(error = %e, "cannot commit");
    }
    for reply in replies {
        reply(committed.is_ok());
    }
}

fn begin(conn: &mut Conn) -> Result<(), DieselError> {
    match conn {
        // IMMEDIATE: the operator's commands may write from another process, and a late upgrade would fail.
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        Conn::Postgres(c) => AnsiTransactionManager::begin_transaction(c),
    }
}

fn commit(conn: &mut Conn) -> Result<(), DieselError> {
    let committed = match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::commit_transaction(c),
        Conn::Postgres(c) => AnsiTransactionManager::commit_transaction(c),
    };
    committed.inspect_err(|_e| {
        // A failed commit leaves the transaction open in some cases; the next batch needs a clean connection.
        if let Conn::Sqlite(c) = conn
            && let Err(e) = AnsiTransactionManager::rollback_transaction(c)
        {
            tracing::debug!(error = %e, "nothing to roll back");
        }
    })
}
