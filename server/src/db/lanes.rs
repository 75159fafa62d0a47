//! Group commit on PostgreSQL, for transactions that would wait for each other's row locks anyway: those of one lane (an app) are
//! queued, and run one after the other in savepoints of one real transaction (docs/adr/0019). Lanes do not wait for each other.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::result::Error as DieselError;
use tokio::sync::Semaphore;

use super::batch::{self, Job};
use super::pool::PgPool;
use super::{Conn, DbError, RetryHint};

/// Transactions of one commit at most; more would only make the first ones wait.
const MAX_BATCH: usize = 64;

/// Lanes in which somebody waits, each served by one thread.
#[derive(Clone, Default)]
pub(super) struct Lanes(Arc<Mutex<HashMap<String, VecDeque<Job>>>>);

impl Lanes {
    /// Queues `f` in a lane and answers after its commit. The work goes on when the caller does not wait for it.
    pub(super) async fn run<T, E, F>(&self, pool: &PgPool, permits: &Arc<Semaphore>, lane: &str, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<DieselError> + RetryHint + Send + 'static,
        F: Fn(&mut Conn) -> Result<T, E> + Send + 'static,
    {
        let (job, answered) = batch::job(move |conn: &mut Conn| again(conn, &f));
        if self.queue(lane, job) {
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
    fn queue(&self, lane: &str, job: Job) -> bool {
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
    fn next(&self, lane: &str) -> Option<Vec<Job>> {
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
            open = batch::run(&mut conn, jobs.into_iter()).then_some(conn);
        }
    }

    /// Whoever waits hears that the writer did not answer.
    fn give_up(&self, lane: &str) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(lane);
        drop(waiting);
    }
}

/// Runs `f` again when PostgreSQL asks for it; what it has done is undone before.
fn again<T, E: From<DieselError> + RetryHint>(conn: &mut Conn, f: impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    let mut left = 8_u32;
    loop {
        match f(conn) {
            Err(e) if left > 0 && e.is_retryable() => {
                conn.undo_savepoint()?;
                left -= 1;
            }
            result => return result,
        }
    }
}
