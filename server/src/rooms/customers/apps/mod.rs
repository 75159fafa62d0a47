//! Apps of customers: who owns which, and what an owner may do.

pub mod http;
pub mod rules;
mod store;
