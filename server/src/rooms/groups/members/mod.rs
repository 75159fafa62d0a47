//! Members of groups: list, leave, kick, ranks.

pub mod http;
pub mod rules;
mod store;
