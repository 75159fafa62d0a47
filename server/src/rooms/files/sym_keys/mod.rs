//! Registered symmetric keys: wrapped by a master key that the server does not have.

pub mod http;
pub mod rules;
mod store;
