//! A logged-in user on one device.

#[cfg(feature = "network")]
mod account;
#[cfg(feature = "file")]
mod files;
#[cfg(feature = "network")]
mod groups;
#[cfg(feature = "network")]
mod rotation;
#[cfg(feature = "network")]
mod session;
#[cfg(feature = "network")]
mod sym_keys;

#[cfg(feature = "network")]
pub(crate) use session::{Generation, answer_second_factor, begin_login, derive};
#[cfg(feature = "network")]
pub use session::{Login, PendingLogin};

/// A user: logged in when it is a value, a family of functions (`StdUser::prepare_register`) when it is not.
///
/// Cloning is cheap; all clones share JWT and keys. Holds the user's keys in memory, nothing is written anywhere.
#[cfg(feature = "network")]
#[derive(Clone)]
pub struct StdUser {
    pub(crate) inner: std::sync::Arc<session::Session>,
}

/// A family of functions (`StdUser::prepare_register`); with the feature `network` also a logged-in user.
#[cfg(not(feature = "network"))]
#[derive(Debug)]
#[non_exhaustive]
pub struct StdUser {}

#[cfg(feature = "network")]
impl std::fmt::Debug for StdUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StdUser").field("user_id", &self.user_id()).finish_non_exhaustive()
    }
}
