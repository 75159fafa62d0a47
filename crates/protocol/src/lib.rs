//! Wire types of Keystead's APIs, their ids, algorithm-free: plain serde structs with the wire's own field names.
//!
//! One file per room, named like the room in every other layer. Unknown JSON fields are ignored by every type here, so
//! an older reader accepts a newer writer. Times are integer milliseconds since 1970 UTC; ids are lower-case hyphenated
//! UUIDs; `b64` means RFC 4648 standard base64 with padding.

pub mod apps;
pub mod customers;
pub mod data;
pub mod devices;
pub mod envelope;
pub mod error;
pub mod files;
pub mod groups;
pub mod jwt;
pub mod keys;
pub mod rotation;

pub use envelope::{Envelope, Failure, ServerOutput, parse};
pub use error::ErrorCode;
