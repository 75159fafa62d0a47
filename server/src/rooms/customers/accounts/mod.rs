//! Accounts of customers: registration with a confirmed address, own data, forgotten passwords.

pub mod http;
pub mod rules;
mod store;
