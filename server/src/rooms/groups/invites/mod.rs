//! Invites to groups, and the wrapped keys that come with them.

pub mod http;
pub mod rules;
mod store;
