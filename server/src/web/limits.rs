//! Rate limits. Memory is bounded: a limiter counts slots, not names, and a name's slot comes from a keyed hash, so that
//! nobody can aim at another's.

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;
use crate::config::{LimitsConfig, Rate};
use crate::error::{KeyError, KeyResult};

/// What a route's limiter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Nothing.
    None,
    /// Login calls, by address and app; the handler adds the identifier.
    Login,
    /// Registrations, by address and app.
    Register,
    /// `exists`, by address and app.
    Exists,
    /// Logins of the identity API, by address.
    IamLogin,
    /// Registrations of the identity API, by address.
    IamRegister,
    /// Asked-for mails and tried links of the identity API, by address.
    IamMail,
    /// Sign-ins of the data API, by address.
    DataLogin,
    /// Asked-for codes by mail of the data API, by address.
    DataMail,
}

/// All limiters of a server.
pub struct Limits {
    enabled: bool,
    hasher: RandomState,
    login: Pair,
    register: Pair,
    exists: Pair,
    iam_login_per_ip: Keyed,
    iam_register_per_ip: Keyed,
    iam_mail_per_ip: Keyed,
    data_login_per_ip: Keyed,
    data_mail_per_ip: Keyed,
    login_per_identifier: Keyed,
    wrong_secrets: WrongSecrets,
}

struct Pair {
    per_ip: Keyed,
    per_app: Keyed,
}

impl Limits {
    /// Limiters with these rates and this clock.
    #[must_use]
    pub fn new(config: &LimitsConfig, clock: Clock) -> Self {
        let keyed = |rate| Keyed::new(rate, config.tracked, clock.clone());
        Self {
            enabled: config.rate_limit,
            hasher: RandomState::new(),
            login: Pair { per_ip: keyed(config.login_per_ip), per_app: keyed(config.login_per_app) },
            register: Pair { per_ip: keyed(config.register_per_ip), per_app: keyed(config.register_per_app) },
            exists: Pair { per_ip: keyed(config.exists_per_ip), per_app: keyed(config.exists_per_app) },
            iam_login_per_ip: keyed(config.iam_login_per_ip),
            iam_register_per_ip: keyed(config.iam_register_per_ip),
            iam_mail_per_ip: keyed(config.iam_mail_per_ip),
            data_login_per_ip: keyed(config.data_login_per_ip),
            data_mail_per_ip: keyed(config.data_mail_per_ip),
            login_per_identifier: keyed(config.login_per_identifier),
            wrong_secrets: WrongSecrets::new(config, clock.clone()),
        }
    }

    /// Counts a call by address.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub fn by_ip(&self, limit: Limit, key: &[u8]) -> KeyResult<()> {
        let keyed = match limit {
            _ if !self.enabled => None,
            Limit::IamLogin => Some(&self.iam_login_per_ip),
            Limit::IamRegister => Some(&self.iam_register_per_ip),
            Limit::IamMail => Some(&self.iam_mail_per_ip),
            Limit::DataLogin => Some(&self.data_login_per_ip),
            Limit::DataMail => Some(&self.data_mail_per_ip),
            _ => self.pair(limit).map(|pair| &pair.per_ip),
        };
        match keyed {
            Some(keyed) => keyed.check(self.hasher.hash_one(key)),
            None => Ok(()),
        }
    }

    /// Counts a call by app.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub fn by_app(&self, limit: Limit, app_id: &str) -> KeyResult<()> {
        match self.pair(limit) {
            Some(pair) => pair.per_app.check(self.hasher.hash_one(app_id)),
            None => Ok(()),
        }
    }

    /// Counts a login call by identifier, known or not.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub fn by_identifier(&self, app_id: &str, identifier_hash: &str) -> KeyResult<()> {
        if !self.enabled {
            return Ok(());
        }
        self.login_per_identifier.check(self.hash((app_id, identifier_hash)))
    }

    /// Asks to judge a secret of an account, known or not. Counts as wrong until [`Limits::secret_was_right`].
    ///
    /// # Errors
    /// 429 when too many wrong ones came in a row; the right one waits too.
    pub fn may_judge_secret(&self, app_id: &str, account: &str) -> KeyResult<()> {
        if !self.enabled {
            return Ok(());
        }
        self.wrong_secrets.begin(self.hash((app_id, account)))
    }

    /// The secret was right: the row of wrong ones ends.
    pub fn secret_was_right(&self, app_id: &str, account: &str) {
        self.wrong_secrets.reset(self.hash((app_id, account)));
    }

    fn pair(&self, limit: Limit) -> Option<&Pair> {
        match limit {
            _ if !self.enabled => None,
            Limit::None
            | Limit::IamLogin
            | Limit::IamRegister
            | Limit::IamMail
            | Limit::DataLogin
            | Limit::DataMail => None,
            Limit::Login => Some(&self.login),
            Limit::Register => Some(&self.register),
            Limit::Exists => Some(&self.exists),
        }
    }

    fn hash(&self, what: impl Hash) -> u64 {
        self.hasher.hash_one(what)
    }
}

struct Keyed {
    limiter: RateLimiter<u64, DashMapStateStore<u64>, AppClock, NoOpMiddleware<Nanos>>,
    slots: u64,
}

impl Keyed {
    fn new(rate: Rate, tracked: u32, clock: Clock) -> Self {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(rate.per_minute)).allow_burst(at_least_one(rate.burst));
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), AppClock(clock));
        Self { limiter, slots: u64::from(tracked.max(1)) }
    }

    fn check(&self, hash: u64) -> KeyResult<()> {
        self.limiter.check_key(&(hash % self.slots)).map_err(|until| {
            let wait = until.wait_time_from(self.limiter.clock().now());
            KeyError::limited(wait.as_secs() + 1)
        })
    }
}

/// Governor on the server's own clock.
#[derive(Clone)]
struct AppClock(Clock);

impl GovernorClock for AppClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(u64::try_from(self.0.now_ms()).unwrap_or(0).saturating_mul(1_000_000))
    }
}

/// Wrong secrets in a row by account. A cell holds the time at which the account has all its attempts back (the
/// generic cell rate algorithm; governor has no way to forget a row when a secret was right). Untouched cells cost
/// address space only.
struct WrongSecrets {
    full_again_ms: Box<[AtomicI64]>,
    refill_ms: i64,
    window_ms: i64,
    clock: Clock,
}

impl WrongSecrets {
    fn new(config: &LimitsConfig, clock: Clock) -> Self {
        let refill_ms = i64::from(config.wrong_secret_refill_seconds) * 1000;
        Self {
            full_again_ms: std::iter::repeat_with(|| AtomicI64::new(0)).take(config.tracked as usize).collect(),
            refill_ms,
            window_ms: refill_ms * i64::from(config.wrong_secrets),
            clock,
        }
    }

    fn begin(&self, hash: u64) -> KeyResult<()> {
        let now = self.clock.now_ms();
        let cell = self.cell(hash);
        let counted = cell.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_again| {
            let next = full_again.max(now) + self.refill_ms;
            (next - now <= self.window_ms).then_some(next)
        });
        counted.map(drop).map_err(|full_again| {
            let wait_ms = full_again + self.refill_ms - self.window_ms - now;
            KeyError::limited(u64::try_from(wait_ms / 1000).unwrap_or(0) + 1)
        })
    }

    fn reset(&self, hash: u64) {
        self.cell(hash).store(0, Ordering::Release);
    }

    fn cell(&self, hash: u64) -> &AtomicI64 {
        let slot = usize::try_from(hash % self.full_again_ms.len() as u64).unwrap_or(0);
        self.full_again_ms.get(slot).expect("the remainder is below the length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(offset: &std::path::Path) -> Limits {
        Limits::new(&LimitsConfig::default(), Clock::new(Some(offset.into())))
    }

    #[test]
    fn thirty_wrong_secrets_then_even_the_right_one_waits() {
        let file = tempfile::NamedTempFile::new().expect("temp file");
        let limits = limits(file.path());
        for _ in 0..30 {
            limits.may_judge_secret("app", "anna").expect("judged");
        }
        let refused = limits.may_judge_secret("app", "anna").expect_err("limited");
        assert!(refused.retry_after_s.is_some_and(|s| (1..=61).contains(&s)), "{refused:?}");
        limits.may_judge_secret("app", "berta").expect("another account is free");
        std::fs::write(file.path(), "61").expect("written");
        limits.may_judge_secret("app", "anna").expect("one more after a minute");
        limits.may_judge_secret("app", "anna").expect_err("only one");
        std::fs::write(file.path(), "122").expect("written");
        limits.may_judge_secret("app", "anna").expect("judged");
        limits.secret_was_right("app", "anna");
        for _ in 0..30 {
            limits.may_judge_secret("app", "anna").expect("a new row");
        }
    }

    #[test]
    fn a_burst_then_429_with_the_time_to_wait() {
        let file = tempfile::NamedTempFile::new().expect("temp file");
        let limits = limits(file.path());
        let allowed = (0..1000).take_while(|_| limits.by_ip(Limit::Register, &[1]).is_ok()).count();
        assert!((120..=122).contains(&allowed), "{allowed}");
        assert!(limits.by_ip(Limit::Register, &[1]).expect_err("limited").retry_after_s.is_some());
        limits.by_ip(Limit::Register, &[2]).expect("another address is free");
        limits.by_ip(Limit::None, &[1]).expect("not counted");
    }
}
