//! The data API.

mod coverage;
mod differential;
mod query;
mod rules;
mod transact;
