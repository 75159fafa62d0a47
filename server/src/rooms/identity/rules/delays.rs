//! Waits after wrong passwords. The first ones cost nothing; then each wrong one doubles the wait, up to a limit.
//!
//! Two rows are counted: the account from this network, and the account from networks it never logged in from. Who comes from
//! where the account usually logs in waits for the first row only, so strangers cannot keep the owner out (better-than 10).
//! Where the owner has no such network, a password reset gives one.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;

use super::super::error::{IamError, IamResult};
use crate::clock::Clock;
use crate::config::{IdentityConfig, LimitsConfig};

/// After this long without a wrong password a row begins anew.
const FORGET_MS: u64 = 3_600_000;
/// For how long a network counts as the owner's after a reset.
const TRUSTED: Duration = Duration::from_secs(3_600);

/// The rows. A cell is the end of the wait (milliseconds, upper 48 bits) and the number of wrong passwords (16 bits); accounts
/// share cells only by chance of a keyed hash.
pub struct Delays {
    enabled: bool,
    hasher: RandomState,
    cells: Box<[AtomicU64]>,
    free: u64,
    longest_ms: u64,
    trusted: Cache<u64, ()>,
    clock: Clock,
}

/// Whose password is tried, from where.
#[derive(Debug, Clone)]
pub struct Attempt {
    own: u64,
    account: u64,
    known: bool,
}

impl Delays {
    /// Rows as they are configured.
    #[must_use]
    pub fn new(limits: &LimitsConfig, identity: &IdentityConfig, clock: Clock) -> Self {
        Self {
            enabled: limits.rate_limit,
            hasher: RandomState::new(),
            cells: std::iter::repeat_with(|| AtomicU64::new(0)).take(limits.tracked as usize).collect(),
            free: u64::from(limits.wrong_secrets),
            longest_ms: identity.login_delay_max_seconds.unsigned_abs() * 1_000,
            trusted: Cache::builder().max_capacity(10_000).time_to_live(TRUSTED).build(),
            clock,
        }
    }

    /// An attempt on an account, known or not. `known`: the account has logged in from this network before.
    #[must_use]
    pub fn attempt(&self, app_id: &str, account: &str, network: Option<&str>, known: bool) -> Attempt {
        let own = self.hash(("own", app_id, account, network));
        let known = known || self.trusted.contains_key(&own);
        Attempt { own, account: self.hash(("all", app_id, account)), known }
    }

    /// Asks to judge a password. It counts as wrong until [`Delays::was_right`].
    ///
    /// # Errors
    /// 429 with the seconds to wait; the right password waits too.
    pub fn begin(&self, attempt: &Attempt) -> IamResult<()> {
        if !self.enabled {
            return Ok(());
        }
        self.count(attempt.own)?;
        if attempt.known { Ok(()) } else { self.count(attempt.account) }
    }

    /// The password was right: its rows end.
    pub fn was_right(&self, attempt: &Attempt) {
        self.cell(attempt.own).store(0, Ordering::Release);
        if !attempt.known {
            self.cell(attempt.account).store(0, Ordering::Release);
        }
    }

    /// The owner has shown himself from this network by other means than the password.
    pub fn trust(&self, attempt: &Attempt) {
        self.trusted.insert(attempt.own, ());
        self.was_right(attempt);
    }

    fn count(&self, hash: u64) -> IamResult<()> {
        let now = u64::try_from(self.clock.now_ms()).unwrap_or(0);
        let counted = self.cell(hash).fetch_update(Ordering::AcqRel, Ordering::Acquire, |cell| {
            let (until, wrong) = (cell >> 16, cell & 0xffff);
            if now < until {
                return None;
            }
            let wrong = if now - until > FORGET_MS { 1 } else { (wrong + 1).min(0xffff) };
            Some(((now + self.wait_ms(wrong)) << 16) | wrong)
        });
        counted.map(drop).map_err(|cell| IamError::limited((cell >> 16).saturating_sub(now) / 1_000 + 1))
    }

    /// How long to wait after so many wrong passwords.
    fn wait_ms(&self, wrong: u64) -> u64 {
        match wrong.checked_sub(self.free) {
            None => 0,
            Some(beyond) => (1_000_u64 << beyond.min(32)).min(self.longest_ms),
        }
    }

    fn cell(&self, hash: u64) -> &AtomicU64 {
        let slot = usize::try_from(hash % self.cells.len() as u64).unwrap_or(0);
        self.cells.get(slot).expect("the remainder is below the length")
    }

    fn hash(&self, what: impl Hash) -> u64 {
        self.hasher.hash_one(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        delays: Delays,
        clock: tempfile::NamedTempFile,
    }

    impl Fixture {
        fn new() -> Self {
            let clock = tempfile::NamedTempFile::new().expect("temp file");
            let config = (LimitsConfig::default(), IdentityConfig::default());
            Self { delays: Delays::new(&config.0, &config.1, Clock::new(Some(clock.path().into()))), clock }
        }

        fn set(&self, seconds: i64) {
            std::fs::write(self.clock.path(), seconds.to_string()).expect("written");
        }

        fn try_from(&self, network: &str, known: bool) -> Result<(), u64> {
            let attempt = self.delays.attempt("app", "anna@example.com", Some(network), known);
            self.delays.begin(&attempt).map_err(|e| e.retry_after_s.expect("a wait"))
        }
    }

    #[test]
    fn the_wait_begins_after_thirty_and_doubles() {
        let f = Fixture::new();
        for _ in 0..30 {
            f.try_from("n", false).expect("judged");
        }
        f.try_from("n", false).expect_err("waits");
        let mut now = 0;
        for longest in [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            now += 2_000;
            f.set(now);
            f.try_from("n", false).expect("judged after the wait");
            let wait = f.try_from("n", false).expect_err("waits again");
            assert!((longest / 2..=longest + 1).contains(&wait), "{wait} of {longest}");
        }
        now += 10_000;
        f.set(now);
        for _ in 0..30 {
            f.try_from("n", false).expect("forgotten after an hour");
        }
    }

    /// better-than 10: no lock-out that strangers can bring about.
    #[test]
    fn strangers_do_not_keep_the_owner_out() {
        let f = Fixture::new();
        for n in 0..30 {
            f.try_from(&format!("stranger {n}"), false).expect("judged");
        }
        f.try_from("another stranger", false).expect_err("the account waits for strangers");
        f.try_from("home", true).expect("not for the owner at home");
        let away = f.delays.attempt("app", "anna@example.com", Some("hotel"), false);
        f.delays.trust(&away);
        f.try_from("hotel", false).expect("nor after a reset, wherever he is");
    }

    #[test]
    fn a_right_password_ends_the_row() {
        let f = Fixture::new();
        for _ in 0..3 {
            for _ in 0..29 {
                f.try_from("n", false).expect("judged");
            }
            f.delays.was_right(&f.delays.attempt("app", "anna@example.com", Some("n"), false));
        }
    }
}
