//! Login challenges that were answered: none is answered twice.

use std::collections::VecDeque;

use super::DirectLogin;
use crate::{Result, SdkError};

/// As many logins as one process begins before an old challenge could be forgotten.
const KEPT: usize = 1024;

/// The challenges a client answered lately, as hashes. A server that shows one again wants the opened token of an
/// earlier login (better-than 5, 8), or somebody between replays its answer.
///
/// ```
/// use keystead_sdk_core::user::{Challenges, DirectLogin};
///
/// fn answer(seen: &mut Challenges, login: &DirectLogin) -> Result<(), keystead_sdk_core::SdkError> {
///     seen.answer(login)?; // `ReplayedChallenge` the second time
///     // … now prepare_verify_login
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Challenges {
    seen: VecDeque<[u8; 32]>,
}

impl Challenges {
    /// None seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Call it right before [`prepare_verify_login`](super::prepare_verify_login). Errors: `ReplayedChallenge`.
    pub fn answer(&mut self, login: &DirectLogin) -> Result<()> {
        let hash = login.challenge_hash();
        if self.seen.contains(&hash) {
            return Err(SdkError::ReplayedChallenge);
        }
        if self.seen.len() >= KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back(hash);
        Ok(())
    }
}
