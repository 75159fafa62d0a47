//! Callers whom the guard has let in, remembered for as long as nobody commits anything.
//!
//! What the guard finds depends on the request's headers and path, on the database and on the time. An entry keeps the first two,
//! holds good for exactly one state of the database, and is looked at with the time; so nothing is ever answered
//! that the database would not answer now: a kick, a changed rank, an ended session count for the next request, whichever process
//! committed them. Refusals are not remembered.

use super::guard::{Caller, Guard};
use crate::clock::Clock;
use crate::db::{AsOf, Remembered};

/// What a caller asked: all that the answer depends on besides the database and the time. What is absent or does not
/// matter for the guard is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    pub(super) guard: Guard,
    pub(super) app_token: &'a str,
    pub(super) jwt: &'a str,
    pub(super) path_user: &'a str,
    pub(super) group_id: &'a str,
    /// The group that he wants to enter through.
    pub(super) via: &'a str,
}

/// [`Asked`] as it is kept.
struct Kept {
    guard: Guard,
    app_token: Box<str>,
    jwt: Box<str>,
    path_user: Box<str>,
    group_id: Box<str>,
    via: Box<str>,
}

/// Callers by what they asked; about 1.5 KiB each.
pub struct Callers(Remembered<Kept, Caller>);

impl Callers {
    /// For a database with so many readers.
    #[must_use]
    pub fn new(readers: usize) -> Self {
        Self(Remembered::new(readers))
    }

    /// The caller who asked the same in the same state of the database, unless his JWT has expired since.
    pub(super) fn find(&self, as_of: AsOf, asked: &Asked<'_>, clock: &Clock) -> Option<Caller> {
        let caller = self.0.find(as_of, asked.mark(), |kept| kept.asked() == *asked)?;
        let expired = |at: i64| at <= clock.now_ms().div_euclid(1000);
        let expired = asked.guard.needs_unexpired() && caller.expires_s.is_none_or(expired);
        (!expired).then_some(caller)
    }

    /// Remembers whom [`super::guard::Credentials::check`] has let in when it was run after `as_of` was read.
    pub(super) fn remember(&self, as_of: AsOf, asked: &Asked<'_>, caller: &Caller) {
        let kept = Kept {
            guard: asked.guard,
            app_token: asked.app_token.into(),
            jwt: asked.jwt.into(),
            path_user: asked.path_user.into(),
            group_id: asked.group_id.into(),
            via: asked.via.into(),
        };
        self.0.remember(as_of, asked.mark(), kept, caller.clone());
    }
}

impl Asked<'_> {
    /// A JWT ends with its signature, and a token with random characters: their ends tell them apart.
    fn mark(&self) -> (Option<&[u8; 16]>, Option<&[u8; 8]>, &str, &str) {
        let (jwt, token) = (self.jwt.as_bytes().last_chunk(), self.app_token.as_bytes().last_chunk());
        (jwt, token, self.path_user, self.group_id)
    }
}

impl Kept {
    fn asked(&self) -> Asked<'_> {
        Asked {
            guard: self.guard,
            app_token: &self.app_token,
            jwt: &self.jwt,
            path_user: &self.path_user,
            group_id: &self.group_id,
            via: &self.via,
        }
    }
}
