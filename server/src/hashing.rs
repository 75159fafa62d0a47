//! Password hashing in a pool of its own: few threads at the lowest priority and a bounded queue, so that a storm of logins neither
//! fills the memory nor keeps other requests waiting.
//!
//! Other requests could use up every core; so one more thread, of higher priority, serves whoever has waited for too long. A thread
//! keeps its Argon2 memory while passwords are waiting and gives it back when none are.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use keystead_crypto::password_hash::{self, Cost, Memory};
use keystead_crypto::rng;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::config::IdentityConfig;

/// Niceness of the threads: they take what nobody else wants. At 10 they kept other requests waiting for a time slice.
const NICENESS: i32 = 19;
/// Niceness of the thread for those who have waited for too long: about a tenth of a core's share when others want it too.
const OVERDUE_NICENESS: i32 = 10;
/// Too long.
const OVERDUE: Duration = Duration::from_secs(3);

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue is full.
    #[error("too many passwords wait for being hashed")]
    Busy,
    /// The hash function refused, or a thread cannot be started.
    #[error("the password cannot be hashed")]
    Failed,
}

/// The pool. Its threads are started at the first use.
pub struct Hasher {
    cost: Cost,
    threads: usize,
    queue: usize,
    overdue: Duration,
    jobs: OnceLock<Option<Arc<Queue>>>,
    nobody: OnceLock<String>,
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Passwords that wait, the oldest first.
struct Queue {
    most: usize,
    overdue: Duration,
    waiting: Mutex<Waiting>,
    /// There is one.
    some: Condvar,
    /// There is a new oldest one.
    oldest: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<(Instant, Job)>,
    closed: bool,
}

/// What a password turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not this one.
    Wrong,
    /// The right one, hashed at today's cost.
    Right,
    /// The right one; here it is hashed anew at today's cost.
    Rehashed(String),
}

impl Hasher {
    /// A pool as it is configured.
    #[must_use]
    pub fn new(config: &IdentityConfig) -> Self {
        let cost = Cost { memory_kib: config.hash_memory_kib, passes: config.hash_passes, lanes: config.hash_lanes };
        let threads = match config.hash_threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            n => n,
        };
        Self {
            cost,
            threads,
            queue: config.hash_queue,
            overdue: OVERDUE,
            jobs: OnceLock::new(),
            nobody: OnceLock::new(),
        }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// `Busy`, `Failed`.
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, HashError> {
        let cost = self.cost;
        let hashed = self.run(move |memory| password_hash::make(&mut rng::os(), &password, cost, memory)).await?;
        hashed.map_err(|_refused| HashError::Failed)
    }

    /// Judges a password. Without a hash, for an account that does not exist or has no password, it takes as long and is wrong.
    ///
    /// # Errors
    /// `Busy`, `Failed`.
    pub async fn verify(&self, password: Zeroizing<String>, phc: Option<String>) -> Result<Verdict, HashError> {
        let cost = self.cost;
        let (phc, known) = match phc.filter(|phc| password_hash::is_readable(phc)) {
            Some(phc) => (phc, true),
            None => (self.nobody().await?, false),
        };
        self.run(move |memory| {
            if !password_hash::verify(&password, &phc, memory) || !known {
                return Verdict::Wrong;
            }
            if !password_hash::needs_rehash(&phc, cost) {
                return Verdict::Right;
            }
            // A password that cannot be hashed anew is right all the same.
            password_hash::make(&mut rng::os(), &password, cost, memory).map_or(Verdict::Right, Verdict::Rehashed)
        })
        .await
    }

    /// The hash that stands for accounts that do not exist.
    async fn nobody(&self) -> Result<String, HashError> {
        if let Some(phc) = self.nobody.get() {
            return Ok(phc.clone());
        }
        let password: [u8; 16] = rng::bytes(&mut rng::os());
        let phc = self.hash(Zeroizing::new(keystead_crypto::encoding::b64_encode(&password))).await?;
        Ok(self.nobody.get_or_init(|| phc).clone())
    }

    async fn run<T: Send + 'static>(&self, f: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<T, HashError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // Nobody waits for it any more: the work is saved.
            if !answer.is_closed() {
                drop(answer.send(f(memory)));
            }
        });
        let jobs = self
            .jobs
            .get_or_init(|| start(self.threads, self.queue, self.overdue))
            .as_ref()
            .ok_or(HashError::Failed)?;
        jobs.push(job)?;
        answered.await.map_err(|_gone| HashError::Failed)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        if let Some(Some(jobs)) = self.jobs.get() {
            jobs.lock().closed = true;
            jobs.some.notify_all();
            jobs.oldest.notify_all();
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), HashError> {
        let mut waiting = self.lock();
        if waiting.jobs.len() >= self.most {
            return Err(HashError::Busy);
        }
        waiting.jobs.push_back((Instant::now(), job));
        self.some.notify_one();
        if waiting.jobs.len() == 1 {
            self.oldest.notify_one();
        }
        Ok(())
    }

    /// The oldest job; waits for one. `None` when the server ends. `idle` is called before it waits.
    fn next(&self, mut idle: impl FnMut()) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if let Some((_, job)) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            idle();
            waiting = self.some.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`Queue::next`], of those who have waited for too long.
    fn next_overdue(&self, mut idle: impl FnMut()) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            let left = waiting.jobs.front().map(|(since, _)| self.overdue.saturating_sub(since.elapsed()));
            if left == Some(Duration::ZERO)
                && let Some((_, job)) = waiting.jobs.pop_front()
            {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            idle();
            waiting = match left {
                Some(left) => self.oldest.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.oldest.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// Starts the threads; they end when the queue is closed. `None` when there is not one.
fn start(threads: usize, most: usize, overdue: Duration) -> Option<Arc<Queue>> {
    let jobs = Queue { most, overdue, waiting: Mutex::default(), some: Condvar::new(), oldest: Condvar::new() };
    let jobs = Arc::new(jobs);
    let spawn = |name: String, niceness: i32, next: fn(&Queue, &mut Memory) -> Option<Job>| {
        let jobs = Arc::clone(&jobs);
        let work = move || {
            be_nice(niceness);
            let mut memory = Memory::default();
            while let Some(job) = next(&jobs, &mut memory) {
                job(&mut memory);
            }
        };
        let started = std::thread::Builder::new().name(name).spawn(work);
        started.map_err(|e| tracing::error!(error = %e, "cannot start a hashing thread")).is_ok()
    };
    let started = (0..threads)
        .filter(|n| spawn(format!("hashing-{n}"), NICENESS, |jobs, memory| jobs.next(|| *memory = Memory::default())))
        .count();
    let overdue = |jobs: &Queue, memory: &mut Memory| jobs.next_overdue(|| *memory = Memory::default());
    (spawn("hashing-overdue".into(), OVERDUE_NICENESS, overdue) || started > 0).then_some(jobs)
}

/// On Linux niceness is a thread's own; elsewhere it would be the whole server's.
fn be_nice(niceness: i32) {
    #[cfg(target_os = "linux")]
    if let Err(e) = rustix::process::nice(niceness) {
        tracing::warn!(error = %e, niceness, "hashing at normal priority");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(queue: usize) -> Hasher {
        let nominal =
            IdentityConfig { hash_memory_kib: 64, hash_passes: 1, hash_lanes: 1, ..IdentityConfig::default() };
        Hasher::new(&IdentityConfig { hash_threads: 1, hash_queue: queue, ..nominal })
    }

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[actix_web::test]
    async fn judges_and_makes_anew() {
        let hasher = hasher(4);
        let phc = hasher.hash(secret("right")).await.expect("hashed");
        assert_eq!(hasher.verify(secret("right"), Some(phc.clone())).await, Ok(Verdict::Right));
        assert_eq!(hasher.verify(secret("wrong"), Some(phc.clone())).await, Ok(Verdict::Wrong));
        assert_eq!(hasher.verify(secret("right"), None).await, Ok(Verdict::Wrong));
        let mut dearer = self::hasher(4);
        dearer.cost.passes = 2;
        match dearer.verify(secret("right"), Some(phc)).await.expect("judged") {
            Verdict::Rehashed(new) => assert!(new.contains("t=2"), "{new}"),
            other => panic!("{other:?}"),
        }
    }

    /// better-than 26: 64 MiB per login without a queue.
    #[actix_web::test]
    async fn a_full_queue_is_told_at_once() {
        use futures_util::FutureExt;
        let hasher = hasher(1);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let mut working = Box::pin(hasher.run(move |_| {
            begun.send(()).expect("somebody waits");
            wait.recv().expect_err("ends when the sender is dropped");
        }));
        assert!((&mut working).now_or_never().is_none());
        has_begun.await.expect("the thread is at work");
        let mut waiting = Box::pin(hasher.run(|_| ()));
        assert!((&mut waiting).now_or_never().is_none());
        assert_eq!(hasher.hash(secret("x")).await, Err(HashError::Busy));
        drop(go);
        assert_eq!((working.await, waiting.await), (Ok(()), Ok(())));
        hasher.hash(secret("x")).await.expect("there is room again");
    }

    /// Where others use up the cores, a login is late, but it is served.
    #[actix_web::test]
    async fn who_waits_for_too_long_is_served_by_another_thread() {
        // As if the others never came to run.
        let mut hasher = hasher(4);
        (hasher.threads, hasher.overdue) = (0, Duration::from_millis(20));
        let begun = Instant::now();
        let name = hasher.run(|_| std::thread::current().name().map(str::to_owned)).await.expect("served");
        assert_eq!(name.as_deref(), Some("hashing-overdue"));
        assert!(begun.elapsed() >= hasher.overdue);
    }
}
