//! The crypto suites of Keystead, by the algorithm names of the wire.
//!
//! Each module is one kind of primitive and opens with the table of its algorithm names. Byte layouts are those of the
//! sentc wire (`docs/crypto.md`); they are frozen by test vectors. The crate does no I/O and takes all randomness from
//! the caller through [`rng::CryptoRng`]: the same bytes from the rng give the same output.
//!
//! What the caller holds: key newtypes that are wiped on drop and never print their content. What leaves them does so
//! through `to_bytes`/`as_bytes` only.

pub mod asym;
pub mod encoding;
mod error;
pub mod fingerprint;
pub mod hash;
pub mod password;
pub mod password_hash;
pub mod rng;
pub mod search;
pub mod secret;
pub mod sign;
pub mod sort;
pub mod sym;
mod wire;

pub use error::CryptoError;

/// Result of every fallible call of this crate.
pub type Result<T, E = CryptoError> = core::result::Result<T, E>;
