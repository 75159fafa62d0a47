//! The data API.

mod backup;
mod coverage;
mod differential;
mod npm;
mod oauth;
mod persons;
mod push;
mod python;
mod query;
mod rules;
mod storage;
mod transact;
mod users;
mod webhooks;
