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
mod remembered;
mod rules;
mod storage;
mod together;
mod transact;
mod users;
mod webhooks;
