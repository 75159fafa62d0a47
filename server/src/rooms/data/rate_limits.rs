//! Rate limits of rules: `rateLimit.NAME.limit(key, tokens)` (instant.md sections 15.1 and 15.2).
//!
//! Buckets of tokens in the memory of this process: each node counts its own calls, and a restart forgets them. What a refused transaction
//! has taken stays taken, as tries are what is limited.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use keystead_crypto::hash;
use keystead_instaql::rules::{Limiter, RateLimit, Request, Rules};
use keystead_instaql::{Error, Kind};
use moka::sync::Cache;
use serde_json::{Value, json};

use super::space::Space;
use crate::clock::iso8601;

/// Buckets that are remembered; those used longest ago go first.
const MOST: u64 = 100_000;
/// A bucket that nobody has used for so long is full again, but for limits of a longer period.
const IDLE: Duration = Duration::from_secs(31 * 86_400);

/// SHA-256 of app, name of the limit and key: whatever a key says, it takes 32 bytes.
type Name = [u8; 32];

/// One for the process, as the limits are.
static BUCKETS: LazyLock<Cache<Name, Arc<Mutex<Vec<Bucket>>>>> =
    LazyLock::new(|| Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build());

/// What rules of an app are given to count with, if they count anything; `request` says when it is.
#[must_use]
pub fn limiter(space: &Space, request: &Request) -> Option<Arc<dyn Limiter>> {
    let (rules, now_ms) = (Arc::clone(&space.rules), request.time_ms);
    let counter = || -> Arc<dyn Limiter> { Arc::new(Counter { app_id: space.app_id.clone(), rules, now_ms }) };
    space.rules.has_rate_limits().then(counter)
}

struct Counter {
    app_id: String,
    rules: Arc<Rules>,
    now_ms: i64,
}

impl Limiter for Counter {
    fn take(&self, name: &str, key: &Value, tokens: i64) -> keystead_instaql::Result<()> {
        let limits = self.rules.rate_limit(name);
        let fresh = || Arc::new(Mutex::new(limits.iter().map(|limit| Bucket::full(limit, self.now_ms)).collect()));
        let bucket = hash::sha256(json!([self.app_id, name, key]).to_string().as_bytes());
        let buckets = BUCKETS.get_with(bucket, fresh);
        let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.iter().map(|bucket| &bucket.limit).eq(limits) {
            // The rules have changed meanwhile.
            *buckets = limits.iter().map(|limit| Bucket::full(limit, self.now_ms)).collect();
        }
        take(&mut buckets, u64::try_from(tokens).unwrap_or(0), self.now_ms).map_err(|short| {
            let retry_ms = i64::try_from(short.wait_ms).unwrap_or(i64::MAX);
            let hint = json!({
                "retry-at": iso8601(self.now_ms.saturating_add(retry_ms).min(LAST_MS)),
                "retry-after": short.wait_ms.div_ceil(1_000),
                "remaining-tokens": short.left,
            });
            Error::new(Kind::RateLimited, format!("The rate limit {name} is reached: try again later"), hint)
        })
    }
}

/// The end of the year 9999: what is later has no name.
const LAST_MS: i64 = 253_402_300_799_999;

/// There are not enough tokens.
#[derive(Debug, PartialEq, Eq)]
struct Short {
    /// When there will be.
    wait_ms: u64,
    /// How many there are, of the limit that has the fewest.
    left: u64,
}

/// Takes tokens from all buckets of a name, or from none.
fn take(buckets: &mut [Bucket], tokens: u64, now_ms: i64) -> Result<(), Short> {
    buckets.iter_mut().for_each(|bucket| bucket.refill(now_ms));
    let wait_ms = buckets.iter().filter_map(|bucket| bucket.wait_ms(tokens, now_ms)).max();
    if let Some(wait_ms) = wait_ms {
        let left = buckets.iter().map(|bucket| bucket.level / bucket.one()).min().unwrap_or(0);
        return Err(Short { wait_ms, left: u64::try_from(left).unwrap_or(u64::MAX) });
    }
    buckets.iter_mut().for_each(|bucket| bucket.level -= u128::from(tokens) * bucket.one());
    Ok(())
}

/// Tokens of one limit, in parts of a token of which `refill` come back in a millisecond: nothing is lost by rounding.
struct Bucket {
    limit: RateLimit,
    level: u128,
    filled_ms: i64,
}

impl Bucket {
    fn full(limit: &RateLimit, now_ms: i64) -> Self {
        let mut bucket = Self { limit: limit.clone(), level: 0, filled_ms: now_ms };
        bucket.level = bucket.most();
        bucket
    }

    /// The parts of one token.
    fn one(&self) -> u128 {
        u128::from(self.limit.period_ms.max(1))
    }

    fn most(&self) -> u128 {
        u128::from(self.limit.capacity) * self.one()
    }

    fn refill(&mut self, now_ms: i64) {
        // A clock that is set back gives nothing and takes nothing.
        let since = u64::try_from(now_ms.saturating_sub(self.filled_ms)).unwrap_or(0);
        let since = if self.limit.interval { since - since % self.limit.period_ms.max(1) } else { since };
        self.filled_ms = self.filled_ms.saturating_add(i64::try_from(since).unwrap_or(i64::MAX)).max(self.filled_ms);
        let more = u128::from(since) * u128::from(self.limit.refill);
        self.level = self.level.saturating_add(more).min(self.most());
    }

    /// How long until there are so many tokens; none when there are. More than the bucket holds are never there: the time to fill it.
    fn wait_ms(&self, tokens: u64, now_ms: i64) -> Option<u64> {
        let wanted = u128::from(tokens) * self.one();
        let missing = wanted.checked_sub(self.level).filter(|missing| *missing > 0)?;
        let mut wait = missing.min(self.most()).div_ceil(u128::from(self.limit.refill.max(1)));
        if self.limit.interval {
            let into_period = u128::try_from(now_ms.saturating_sub(self.filled_ms)).unwrap_or(0);
            wait = (wait.div_ceil(self.one()) * self.one()).saturating_sub(into_period);
        }
        Some(u64::try_from(wait.max(1)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(capacity: u64, refill: u64, period_ms: u64, interval: bool) -> Bucket {
        Bucket::full(&RateLimit { capacity, refill, period_ms, interval }, 0)
    }

    #[test]
    fn greedy_tokens_come_back_one_by_one() {
        let mut buckets = [bucket(3, 2, 1_000, false)];
        assert_eq!(take(&mut buckets, 3, 0), Ok(()));
        assert_eq!(take(&mut buckets, 1, 0), Err(Short { wait_ms: 500, left: 0 }));
        assert_eq!(take(&mut buckets, 1, 499), Err(Short { wait_ms: 1, left: 0 }));
        assert_eq!(take(&mut buckets, 1, 500), Ok(()));
        assert_eq!(take(&mut buckets, 1, 400), Err(Short { wait_ms: 500, left: 0 }), "the clock was set back");
        assert_eq!(take(&mut buckets, 3, 60_000), Ok(()));
        assert_eq!(take(&mut buckets, 1, 60_000), Err(Short { wait_ms: 500, left: 0 }), "never more than it holds");
    }

    #[test]
    fn interval_tokens_come_back_at_the_end_of_the_period() {
        let mut buckets = [bucket(2, 2, 1_000, true)];
        assert_eq!(take(&mut buckets, 2, 100), Ok(()));
        assert_eq!(take(&mut buckets, 1, 999), Err(Short { wait_ms: 1, left: 0 }));
        assert_eq!(take(&mut buckets, 2, 1_000), Ok(()));
        assert_eq!(take(&mut buckets, 1, 1_200), Err(Short { wait_ms: 800, left: 0 }));
    }

    #[test]
    fn all_limits_of_a_name_hold_and_a_refusal_takes_nothing() {
        let mut buckets = [bucket(5, 5, 1_000, false), bucket(2, 1, 60_000, false)];
        assert_eq!(take(&mut buckets, 2, 0), Ok(()));
        assert_eq!(take(&mut buckets, 1, 0), Err(Short { wait_ms: 60_000, left: 0 }));
        assert_eq!(buckets[0].level, 3_000);
        assert_eq!(take(&mut buckets, 0, 0), Ok(()));
        assert!(take(&mut buckets, u64::MAX, i64::MAX).is_err());
    }
}
