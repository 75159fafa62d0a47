//! Customer groups: several customers own apps together.

pub mod http;
pub mod rules;
mod store;
