//! Queries: from the JSON of a query to its answer (instant.md section 3).

mod aggregate;
pub mod http;
mod limit;
mod records;
pub mod rules;
mod store;
mod triples;
mod view;

pub use limit::Limit;
pub use rules::{Answer, Asked, Meta, Shape};
