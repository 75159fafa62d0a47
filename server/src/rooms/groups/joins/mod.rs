//! Join requests: users and groups ask, members with rank 2 answer. Their rows stand beside those of invites.

pub mod http;
pub mod rules;
mod store;
