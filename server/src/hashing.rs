//! Password hashing in a pool of its own: few at once and a bounded queue, so that a storm of logins neither fills the memory nor
//! keeps other requests waiting.
//!
//! While there are no more passwords than cores, threads hash them at a tenth of a core's share when others want it too: a login on a
//! busy machine is not much slower. In a storm threads of the lowest priority take over, which run when nothing else does. And since
//! others could use up every core, whoever has waited for too long is served by one more thread, of higher priority again. A thread
//! keeps its Argon2 memory while passwords are waiting and gives it back when none are.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use keystead_crypto::password_hash::{self, Cost, Memory};
use keystead_crypto::rng;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::config::IdentityConfig;

/// Niceness while there is no storm, and for those who have waited for too long: about a tenth of a core's share when others want
/// it too. In a storm it would keep other requests waiting for whole time slices.
const NICENESS: i32 = 10;
/// Niceness in a storm: what nobody else wants.
const STORM_NICENESS: i32 = 19;
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
    /// Passwords hashed at once, the overdue ones aside.
    at_once: usize,
    overdue: Duration,
    waiting: Mutex<Waiting>,
    /// There is one for this kind of thread.
    calm: Condvar,
    storm: Condvar,
    /// There is a new oldest one.
    oldest: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<(Instant, Job)>,
    /// Jobs that are being done, the overdue ones aside.
    busy: usize,
    closed: bool,
}

/// Who does the next job.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Calm,
    Storm,
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
            let mut waiting = jobs.lock();
            waiting.closed = true;
            // Nobody waits for them any more.
            waiting.jobs.clear();
            drop(waiting);
            jobs.calm.notify_all();
            jobs.storm.notify_all();
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
        self.wake(&waiting);
        if waiting.jobs.len() == 1 {
            self.oldest.notify_one();
        }
        Ok(())
    }

    /// Which threads may do the next job; `None` when there is none, or enough are at work.
    fn turn(&self, waiting: &Waiting) -> Option<Weather> {
        let can = !waiting.jobs.is_empty() && waiting.busy < self.at_once;
        let calm = waiting.jobs.len() + waiting.busy <= self.at_once;
        can.then_some(if calm { Weather::Calm } else { Weather::Storm })
    }

    fn wake(&self, waiting: &Waiting) {
        match self.turn(waiting) {
            Some(Weather::Calm) => self.calm.notify_one(),
            Some(Weather::Storm) => self.storm.notify_one(),
            None => {}
        }
    }

    /// Does jobs, the oldest first, for as long as the server runs.
    fn work(&self, of: Weather) {
        let mut memory = Memory::default();
        let mut waiting = self.lock();
        loop {
            let turn = self.turn(&waiting);
            if turn == Some(of)
                && let Some((_, job)) = waiting.jobs.pop_front()
            {
                waiting.busy += 1;
                // A further one may be there for somebody else.
                self.wake(&waiting);
                drop(waiting);
                job(&mut memory);
                waiting = self.lock();
                waiting.busy -= 1;
                continue;
            }
            if waiting.closed {
                return;
            }
            // Whoever was woken in vain wakes the right one.
            self.wake(&waiting);
            memory = Memory::default();
            let mine = if of == Weather::Calm { &self.calm } else { &self.storm };
            waiting = mine.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Does jobs that have waited for too long.
    fn work_overdue(&self) {
        let mut memory = Memory::default();
        let mut waiting = self.lock();
        loop {
            let left = waiting.jobs.front().map(|(since, _)| self.overdue.saturating_sub(since.elapsed()));
            if left == Some(Duration::ZERO)
                && let Some((_, job)) = waiting.jobs.pop_front()
            {
                drop(waiting);
                job(&mut memory);
                waiting = self.lock();
                continue;
            }
            if waiting.closed {
                return;
            }
            memory = Memory::default();
            waiting = match left {
                Some(left) => self.oldest.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.oldest.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// Starts the threads; they end when the queue is closed. `None` when there is not one.
fn start(at_once: usize, most: usize, overdue: Duration) -> Option<Arc<Queue>> {
    let (calm, storm, oldest) = (Condvar::new(), Condvar::new(), Condvar::new());
    let jobs = Arc::new(Queue { most, at_once, overdue, waiting: Mutex::default(), calm, storm, oldest });
    let spawn = |name: String, niceness: i32, work: fn(&Queue)| {
        let jobs = Arc::clone(&jobs);
        let started = std::thread::Builder::new().name(name).spawn(move || {
            be_nice(niceness);
            work(&jobs);
        });
        started.map_err(|e| tracing::error!(error = %e, "cannot start a hashing thread")).is_ok()
    };
    let mut started = spawn("hashing-overdue".into(), NICENESS, Queue::work_overdue);
    for n in 0..at_once {
        started |= spawn(format!("hashing-{n}"), NICENESS, |jobs| jobs.work(Weather::Calm));
        started |= spawn(format!("hashing-storm-{n}"), STORM_NICENESS, |jobs| jobs.work(Weather::Storm));
    }
    started.then_some(jobs)
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

    /// In a storm other threads hash than otherwise, never more at once, and every password is served.
    #[actix_web::test]
    async fn a_storm_is_for_threads_of_the_lowest_priority() {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
        let mut hasher = hasher(64);
        (hasher.threads, hasher.overdue) = (2, Duration::from_secs(3_600));
        let name = || std::thread::current().name().unwrap_or_default().to_owned();
        let alone = hasher.run(move |_| name()).await.expect("served");
        assert!(alone.starts_with("hashing-") && !alone.contains("storm"), "{alone}");
        // Two at work, sixty wait before they are done.
        let go = Arc::new(AtomicUsize::new(0));
        let working = futures_util::future::join_all((0..2).map(|_| {
            let go = Arc::clone(&go);
            hasher.run(move |_| {
                while go.load(SeqCst) == 0 {
                    std::thread::yield_now();
                }
            })
        }));
        let at_once = Arc::new(AtomicUsize::new(0));
        let waiting = futures_util::future::join_all((0..60).map(|_| {
            let at_once = Arc::clone(&at_once);
            hasher.run(move |_| {
                let others = at_once.fetch_add(1, SeqCst);
                std::thread::sleep(Duration::from_millis(1));
                at_once.fetch_sub(1, SeqCst);
                (others, name())
            })
        }));
        let (_, all, ()) = futures_util::future::join3(working, waiting, async { go.store(1, SeqCst) }).await;
        let all: Vec<_> = all.into_iter().map(|done| done.expect("served")).collect();
        assert!(all.iter().all(|(others, _)| *others < 2), "{all:?}");
        // The last two are no storm any more.
        assert!(all.iter().filter(|(_, name)| name.contains("storm")).count() >= 58, "{all:?}");
        assert!(!hasher.run(move |_| name()).await.expect("served").contains("storm"));
    }
}
