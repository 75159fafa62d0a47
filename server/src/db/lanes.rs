//! Group commit on PostgreSQL, for transactions that would wait for each other's row locks anyway: those of one lane (an app) are
//! queued, run one after the other, and committed together (docs/adr/0019). Lanes do not wait for each other.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::pool::PgPool;
use super::{Conn, Db, DbError, Inner, RetryHint};

/// Transactions of one commit at most; more would only make the first ones wait.
const MAX_BATCH: usize = 64;
/// How often a transaction is run again that PostgreSQL asks to be.
const RETRIES: u32 = 8;

/// What the transactions of one commit share: what one has found out for the others, and what is still to be written for all.
pub trait Shared: Default + Send + 'static {
    /// Writes down what is still to be written; the commit follows.
    ///
    /// # Errors
    /// What the database says.
    fn settle(&mut self, conn: &mut Conn) -> QueryResult<()>;

    /// The transaction that has just run counts.
    fn keep(&mut self);

    /// The transaction that has just run does not count. False when something of it may be in the database already: then all of
    /// the batch has to be undone.
    fn forget(&mut self) -> bool;
}

/// Lanes in which somebody waits, each served by one thread.
pub struct Lanes<S>(Arc<Mutex<HashMap<String, Waiting<S>>>>);

/// What waits in a lane, the first to come first.
type Waiting<S> = VecDeque<Box<dyn Job<S>>>;

impl<S> Clone for Lanes<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Default for Lanes<S> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<S: Shared> Lanes<S> {
    /// As [`Db::write`], for transactions that wait for each other: those of one lane share a commit and, on PostgreSQL, an `S`. On
    /// SQLite all share commits, and `f` gets none. The work goes on when the caller does not wait for it.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write<T, E, F>(&self, db: &Db, lane: &str, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<DieselError> + RetryHint + Send + 'static,
        F: Fn(&mut Conn, Option<&mut S>) -> Result<T, E> + Send + 'static,
    {
        let (pool, permits) = match &*db.0 {
            Inner::Sqlite { writer, .. } => return writer.run(move |conn| f(conn, None)).await,
            Inner::Postgres { pool, permits } => (pool, permits),
        };
        let (answer, answered) = oneshot::channel();
        if self.queue(lane, Box::new(Transaction { f, result: None, answer })) {
            let (lanes, pool, permits, lane) = (self.clone(), pool.clone(), Arc::clone(permits), lane.to_owned());
            tokio::spawn(async move {
                let Ok(permit) = permits.acquire_owned().await else { return lanes.give_up(&lane) };
                let serve = move || {
                    lanes.serve(&pool, &lane);
                    drop(permit);
                };
                drop(tokio::task::spawn_blocking(serve).await);
            });
        }
        answered.await.unwrap_or_else(|_gone| Err(DbError::Writer.into()))
    }

    /// True when nobody serves the lane yet.
    fn queue(&self, lane: &str, job: Box<dyn Job<S>>) -> bool {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match lanes.get_mut(lane) {
            Some(waiting) => {
                waiting.push_back(job);
                false
            }
            None => {
                lanes.insert(lane.to_owned(), VecDeque::from([job]));
                true
            }
        }
    }

    /// What waits, up to a batch; the lane ends when nothing does.
    fn next(&self, lane: &str) -> Option<Vec<Box<dyn Job<S>>>> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = lanes.get_mut(lane)?;
        if waiting.is_empty() {
            lanes.remove(lane);
            return None;
        }
        let most = waiting.len().min(MAX_BATCH);
        Some(waiting.drain(..most).collect())
    }

    fn serve(&self, pool: &PgPool, lane: &str) {
        let mut open = None;
        while let Some(jobs) = self.next(lane) {
            let mut conn = match open.take().map_or_else(|| pool.get(), Ok) {
                Ok(conn) => conn,
                Err(e) => {
                    tracing::error!(error = %e, "no database connection");
                    drop(jobs);
                    return self.give_up(lane);
                }
            };
            // After a failed batch another one, once this is back: the permit is for one, and a broken one does not stay in the pool.
            open = run(&mut conn, jobs).then_some(conn);
        }
    }

    /// Whoever waits hears that the writer did not answer.
    fn give_up(&self, lane: &str) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(lane);
        drop(waiting);
    }
}

/// A transaction that somebody waits for. Dropped without an answer, it says that the writer did not answer.
trait Job<S>: Send {
    /// Runs it, perhaps not for the first time, and keeps its result.
    fn run(&mut self, conn: &mut Conn, shared: &mut S) -> Ran;

    /// Tells its result.
    fn answer(self: Box<Self>);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ran {
    Well,
    Failed,
    /// PostgreSQL asks to run it again.
    ToRepeat,
    Panicked,
}

struct Transaction<T, E, F> {
    f: F,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<S, T, E, F> Job<S> for Transaction<T, E, F>
where
    T: Send,
    E: RetryHint + Send,
    F: Fn(&mut Conn, Option<&mut S>) -> Result<T, E> + Send,
{
    fn run(&mut self, conn: &mut Conn, shared: &mut S) -> Ran {
        let ran = catch_unwind(AssertUnwindSafe(|| (self.f)(conn, Some(shared))));
        let said = match &ran {
            Ok(Ok(_)) => Ran::Well,
            Ok(Err(e)) if e.is_retryable() => Ran::ToRepeat,
            Ok(Err(_)) => Ran::Failed,
            Err(_) => Ran::Panicked,
        };
        self.result = ran.ok();
        said
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // The caller may have gone away; his work is committed all the same.
            drop(self.answer.send(result));
        }
    }
}

/// Runs a batch in one transaction; where that cannot be, each of it in one of its own. True when the connection is still good.
fn run<S: Shared>(conn: &mut Conn, mut jobs: Vec<Box<dyn Job<S>>>) -> bool {
    if jobs.len() == 1 {
        return jobs.into_iter().all(|job| alone(conn, job));
    }
    match together(conn, &mut jobs) {
        Together::Done => {
            jobs.into_iter().for_each(Job::answer);
            true
        }
        Together::Undone => jobs.into_iter().all(|job| alone(conn, job)),
        Together::Broken => false,
    }
}

enum Together {
    /// Committed, without those that have failed and left nothing; rolled back where all have.
    Done,
    /// Nothing of it is in the database.
    Undone,
    /// Nobody knows what is.
    Broken,
}

fn together<S: Shared>(conn: &mut Conn, jobs: &mut [Box<dyn Job<S>>]) -> Together {
    if let Err(e) = begin(conn) {
        tracing::error!(error = %e, "cannot begin a transaction");
        return Together::Broken;
    }
    let (mut shared, mut is_any) = (S::default(), false);
    for job in jobs {
        match job.run(conn, &mut shared) {
            Ran::Well => {
                shared.keep();
                is_any = true;
            }
            Ran::Failed if shared.forget() => {}
            Ran::Failed | Ran::ToRepeat | Ran::Panicked => return undo(conn),
        }
    }
    if !is_any {
        return if roll_back(conn) { Together::Done } else { Together::Broken };
    }
    if let Err(e) = shared.settle(conn) {
        tracing::debug!(error = %e, "a batch is run one by one");
        return undo(conn);
    }
    match commit(conn) {
        Ok(()) => Together::Done,
        Err(e) => {
            tracing::error!(error = %e, "cannot commit");
            Together::Broken
        }
    }
}

fn undo(conn: &mut Conn) -> Together {
    if roll_back(conn) { Together::Undone } else { Together::Broken }
}

/// Runs one transaction by itself. True when the connection is still good.
fn alone<S: Shared>(conn: &mut Conn, mut job: Box<dyn Job<S>>) -> bool {
    for left in (0..=RETRIES).rev() {
        if let Err(e) = begin(conn) {
            tracing::error!(error = %e, "cannot begin a transaction");
            return false;
        }
        let mut shared = S::default();
        let ran = job.run(conn, &mut shared);
        if ran == Ran::Well {
            shared.keep();
            let written = shared.settle(conn).and_then(|()| commit(conn));
            match written {
                Ok(()) => {
                    job.answer();
                    return true;
                }
                Err(e) if left > 0 && e.is_retryable() => {}
                Err(e) => {
                    tracing::error!(error = %e, "cannot commit");
                    return roll_back(conn);
                }
            }
        }
        if !roll_back(conn) {
            return false;
        }
        match ran {
            Ran::Well | Ran::ToRepeat if left > 0 => {}
            Ran::Panicked => {
                tracing::error!("a transaction panicked");
                return true;
            }
            _ => {
                job.answer();
                return true;
            }
        }
    }
    true
}

fn begin(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Postgres(c) => AnsiTransactionManager::begin_transaction(c),
        Conn::Sqlite(_) => Err(DieselError::NotFound),
    }
}

fn commit(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Postgres(c) => AnsiTransactionManager::commit_transaction(c),
        Conn::Sqlite(_) => Err(DieselError::NotInTransaction),
    }
}

/// True when that worked. Nothing is open any more when a commit has failed.
fn roll_back(conn: &mut Conn) -> bool {
    let Conn::Postgres(c) = conn else { return false };
    match AnsiTransactionManager::rollback_transaction(c) {
        Ok(()) | Err(DieselError::NotInTransaction) => true,
        Err(e) => {
            tracing::warn!(error = %e, "a batch cannot be rolled back");
            false
        }
    }
}
