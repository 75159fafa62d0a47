//! The flows of the key API as pure code: what to send (`prepare_*`) and how to read the answer (`done_*`).
//!
//! Nothing here does I/O: no network, no clock, no files, no async. The caller sends the text of a `prepare_*` function
//! with whatever he has (his own backend, `reqwest`, `fetch`) and hands the answer's text to the matching `done_*`
//! function. Randomness comes from the [`CryptoRng`] that is passed in, so the same input gives the same output.
//!
//! | room | what it holds |
//! |---|---|
//! | [`user`] | registration, login with challenge and second factor, devices, refresh, public keys of others |
//! | [`group`] | creation, keys, members, invites |
//! | [`content`] | encryption and signatures of the application's own data |
//! | [`bulk`] | large data, encrypted by the caller's own AES-GCM |
//! | [`record`] | values of records of the data API, bound to their place |
//! | [`search`] | searchable hashes and sortable numbers beside it |
//! | [`mod@file`] | registration of files, their keys and parts |
//! | [`sym_key`] | symmetric keys beside the group keys |
//! | [`handle`] | keys as JSON text, for storage on the user's device |
//! | [`suite`] | algorithm choice and the allow-lists |
//! | [`policy`] | what a client believes of a server |
//! | [`jwt`] | reading claims without verification, to know the expiry |
//!
//! # What the server cannot do
//!
//! Unknown algorithm names are refused, weaker ones than the client's [`Policy`] allows too. A public key that carries a
//! signature is unusable until the signature was checked ([`user::UncheckedPublicKey`]); verify keys are pinned on first
//! use, and a changed one is refused unless the old one vouches for it ([`user::VerifyKeys`]). A group key that carries a
//! signature is refused when it is wrong, an unsigned newest one in a group of signed keys too. At login every public
//! half must belong to its secret half. Each lie has its own [`SdkError`]; `tests/flows/lies.rs` tells them one by one.
//!
//! ```
//! use keystead_sdk_core::{rng, user};
//!
//! // Send this text to `POST /api/v1/register` …
//! let input = user::prepare_register(&mut rng::os(), "identifier", "password")?;
//! assert!(input.starts_with(r#"{"device":{"master_key":"#));
//! // … and hand the answer back.
//! let answer = r#"{"status":true,"result":{"user_id":"u","device_id":"d","device_identifier":"identifier"}}"#;
//! assert_eq!(user::done_register(answer)?, "u");
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```

pub mod bulk;
pub mod content;
mod error;
pub mod file;
pub mod group;
pub mod handle;
pub mod jwt;
pub mod policy;
pub mod record;
pub mod search;
#[cfg(feature = "vectors")]
pub mod seeded;
pub mod suite;
pub mod sym_key;
pub mod user;
mod wire;

pub use error::SdkError;
pub use keystead_crypto as crypto;
pub use keystead_crypto::rng::{self, CryptoRng};
pub use keystead_protocol as protocol;
pub use policy::Policy;
pub use suite::Suite;

/// Result of every fallible call of this crate.
pub type Result<T, E = SdkError> = core::result::Result<T, E>;
