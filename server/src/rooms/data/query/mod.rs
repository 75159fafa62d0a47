//! Queries: from the JSON of a query to its answer (instant.md section 3).

pub mod http;
pub mod rules;
mod store;
mod view;

pub use rules::{Answer, Asked, Meta};
