//! Password hashing in a pool of its own: few threads at low priority and a bounded queue, so that a storm of logins neither fills
//! the memory nor keeps other requests waiting.
//!
//! A thread keeps its Argon2 memory while passwords are waiting and gives it back when none are.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use keystead_crypto::password_hash::{self, Cost, Memory};
use keystead_crypto::rng;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::config::IdentityConfig;

/// Niceness of the threads: about a tenth of a core's share when others want it too.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

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
    jobs: OnceLock<Option<SyncSender<Job>>>,
    nobody: OnceLock<String>,
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

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
        Self { cost, threads, queue: config.hash_queue, jobs: OnceLock::new(), nobody: OnceLock::new() }
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
        let jobs = self.jobs.get_or_init(|| start(self.threads, self.queue)).as_ref().ok_or(HashError::Failed)?;
        jobs.try_send(job).map_err(|e| match e {
            TrySendError::Full(_) => HashError::Busy,
            TrySendError::Disconnected(_) => HashError::Failed,
        })?;
        answered.await.map_err(|_gone| HashError::Failed)
    }
}

/// Starts the threads; they end when the sender is dropped. `None` when there is not one.
fn start(threads: usize, queue: usize) -> Option<SyncSender<Job>> {
    let (sender, receiver) = sync_channel::<Job>(queue);
    let receiver = Arc::new(Mutex::new(receiver));
    let mut started = 0;
    for number in 0..threads {
        let receiver = Arc::clone(&receiver);
        let thread = std::thread::Builder::new().name(format!("hashing-{number}")).spawn(move || work(&receiver));
        match thread {
            Ok(_runs_on) => started += 1,
            Err(e) => tracing::error!(error = %e, "cannot start a hashing thread"),
        }
    }
    (started > 0).then_some(sender)
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    // On Linux niceness is a thread's own.
    #[cfg(target_os = "linux")]
    if let Err(e) = rustix::process::nice(NICENESS) {
        tracing::warn!(error = %e, "hashing at normal priority");
    }
    let mut memory = Memory::default();
    loop {
        // Who cannot have the lock finds another thread waiting for a password: there is none.
        let waiting = jobs.try_lock().ok().and_then(|jobs| jobs.try_recv().ok());
        let job = match waiting {
            Some(job) => job,
            None => {
                memory = Memory::default();
                match jobs.lock().unwrap_or_else(PoisonError::into_inner).recv() {
                    Ok(job) => job,
                    Err(_the_server_ends) => return,
                }
            }
        };
        job(&mut memory);
    }
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
        let dearer = Hasher { cost: Cost { passes: 2, ..hasher.cost }, ..self::hasher(4) };
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
}
