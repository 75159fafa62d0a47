//! The parts of a file and the session in which they are uploaded.

pub mod http;
pub mod rules;
mod store;
