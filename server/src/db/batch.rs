//! Many transactions of SQLite in one real one: each runs in a savepoint, all are committed at once, and every caller is answered
//! after the commit. One that fails or panics undoes nothing of the others.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::{Conn, DbError};

/// Runs inside the batch's transaction. What it gives is called with the outcome of the commit; none means that it
/// panicked or could not be undone, which spoils the connection.
pub(super) type Job = Box<dyn FnOnce(&mut Conn) -> Option<Reply> + Send>;
pub(super) type Reply = Box<dyn FnOnce(bool) + Send>;

/// A transaction as a job, and what its caller waits for.
pub(super) fn job<T, E, F>(f: F) -> (Job, oneshot::Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: From<DbError> + From<DieselError> + Send + 'static,
    F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |conn| {
        let result = catch_unwind(AssertUnwindSafe(|| conn.in_savepoint(f))).ok()?.ok()?;
        Some(Box::new(move |committed| {
            let result = if committed || result.is_err() { result } else { Err(DbError::Writer.into()) };
            // The caller may have gone away; his work is committed all the same.
            drop(answer.send(result));
        }))
    });
    (job, answered)
}

/// Runs a batch. True when the connection is still good; without a commit, every caller of the batch hears that the writer did
/// not answer.
pub(super) fn run(conn: &mut Conn, batch: impl Iterator<Item = Job>) -> bool {
    if let Err(e) = begin(conn) {
        tracing::error!(error = %e, "cannot begin a transaction");
        batch.for_each(drop);
        return false;
    }
    let mut replies: Vec<Reply> = Vec::new();
    for job in batch {
        match job(conn) {
            Some(reply) => replies.push(reply),
            None => {
                tracing::error!("a transaction panicked or could not be undone: its batch is rolled back");
                roll_back(conn);
                replies.into_iter().for_each(|reply| reply(false));
                return false;
            }
        }
    }
    let committed = commit(conn);
    if let Err(e) = &committed {
        tracing::error!(error = %e, "cannot commit");
    }
    let good = committed.is_ok();
    replies.into_iter().for_each(|reply| reply(good));
    good
}

fn begin(conn: &mut Conn) -> Result<(), DieselError> {
    match conn {
        // IMMEDIATE: the operator's commands may write from another process, and a late upgrade would fail.
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        Conn::Postgres(_) => Err(DieselError::NotFound),
    }
}

fn commit(conn: &mut Conn) -> Result<(), DieselError> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::commit_transaction(c),
        Conn::Postgres(_) => Err(DieselError::NotInTransaction),
    }
}

/// The writer opens another connection afterwards.
fn roll_back(conn: &mut Conn) {
    if let Conn::Sqlite(c) = conn {
        let done = AnsiTransactionManager::rollback_transaction(c);
        drop(done.inspect_err(|e| tracing::warn!(error = %e, "a batch cannot be rolled back")));
    }
}
