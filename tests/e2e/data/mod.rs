//! The data API.

mod coverage;
mod differential;
mod npm;
mod persons;
mod query;
mod rules;
mod storage;
mod transact;
mod users;
