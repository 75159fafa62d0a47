//! HTTP: from a request to a handler and back. Guards, limits, CORS, request ids, metrics, answer formats.

mod audit;
pub mod call;
pub mod callers;
pub mod data;
pub mod dispatch;
pub mod envelope;
pub mod guard;
pub mod identity;
pub mod limits;
pub mod metrics;
pub mod net;
pub mod pages;
pub mod request;
pub mod upgrade;
pub mod upload;
