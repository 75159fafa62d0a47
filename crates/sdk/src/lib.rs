//! Client of the Keystead key API: accounts and groups whose keys the server cannot read.
//!
//! ```no_run
//! use keystead::keys::StdUser;
//!
//! # async fn example() -> Result<(), keystead::Error> {
//! keystead::init("http://127.0.0.1:8090", "<public app token>")?;
//! StdUser::register("alice", "a password").await?;
//! let alice = StdUser::login("alice", "a password").await?;
//!
//! let group = alice.get_group(&alice.create_group().await?).await?;
//! let secret = group.encrypt_string("hello")?;
//! assert_eq!(group.decrypt_string(&secret)?, "hello");
//! # Ok(()) }
//! ```
//!
//! Every call exists twice. [`init`] sets a process-wide client for `StdUser::login(..)` and its like; programs that talk
//! to several servers or apps hold a [`Client`] each and say `client.login(..)`. Every call that sends something also has
//! a `prepare_*` and a `done_*` half for a transport of your own: registration goes through the app's own backend with
//! the secret token, say. Without the feature `network` only these are left.
//!
//! JWTs last five minutes; the application refreshes them itself with [`Account::refresh_jwt`]: `examples/manual_refresh.rs`
//! shows the ways. What a client believes of the server is its [`policy`]; `examples/trust.rs` shows what a careful
//! application does.

#[cfg(feature = "network")]
mod account;
#[cfg(feature = "network")]
mod client;
mod error;
#[cfg(feature = "file")]
mod files;
#[cfg(feature = "network")]
mod light_user;
mod prepare;
#[cfg(feature = "network")]
mod std_group;
mod std_user;
#[cfg(feature = "network")]
mod trust;
pub mod user;

#[cfg(feature = "network")]
pub use account::{Account, OtpUrl, SecondFactor};
#[cfg(feature = "network")]
pub use client::{Client, default_client, init};
pub use error::Error;
#[cfg(feature = "file")]
pub use files::{CreateFile, CreatedFile, DownloadFile, DownloadedFile, Progress};
pub use keystead_sdk_core as core;
pub use keystead_sdk_core::{SdkError, Suite};
#[cfg(feature = "network")]
pub use light_user::{LightLogin, LightUser, PendingLightLogin};
#[cfg(feature = "network")]
pub use std_user::{Login, PendingLogin};

/// Result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Users and groups with the standard algorithms.
pub mod keys {
    #[cfg(feature = "network")]
    pub use crate::std_group::StdGroup;
    pub use crate::std_user::StdUser;
}

/// What a client believes of a server: see [`Client::with_policy`](crate::Client::with_policy).
pub mod policy {
    pub use keystead_sdk_core::policy::{Changed, Policy, Unsigned};
    pub use keystead_sdk_core::suite::Algorithms;
}

/// Groups: options, and what the server tells about them.
pub mod group {
    pub use keystead_sdk_core::group::{
        AccessBy, CreateGroup, GroupChildListItem, GroupLightData, GroupListItem, GroupUserListItem, InviteListItem,
        JoinRequestListItem, KeyWarning, done_create_group, done_get_group_light, get_access_by,
    };
}
