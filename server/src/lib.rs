//! The Keystead server as a library: [`run`] starts it, tests and the `keystead` binary embed it.
//!
//! Rooms go `http → rules → store → db`; every route stands in [`routes`]. The server keeps keys and hashed names, and
//! can open none of what it keeps for users: it never depends on the client crates.

pub mod app;
pub mod blobs;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod hashing;
pub mod id_token;
pub mod ids;
pub mod jobs;
pub mod mail;
pub mod operator;
pub mod rooms;
pub mod root_key;
pub mod routes;
mod run;
pub mod web;

pub use config::Config;
pub use error::StartError;
pub use run::{Handle, run};
