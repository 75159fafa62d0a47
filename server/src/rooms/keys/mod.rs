//! Users and their devices (sentc.md sections 3, 4, 7): registration, login, sessions, public keys.
//!
//! A user is a group of devices: his keys are the keys of his user group, wrapped for each device. The server keeps
//! identifiers as hashes, and of passwords only a hash of a key derived from them.

pub mod http;
pub mod rules;
mod store;
