//! Handlers of the identity API: read the input, ask the rules, answer. One file per group of endpoints.

pub mod authn;
pub mod keys;
pub mod mail_flows;
pub mod providers;
pub mod refresh_tokens;
pub mod sessions;
pub mod users;
