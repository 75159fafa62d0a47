//! The language of the data API as pure code: no I/O, no database, no clock, no async.
//!
//! **A query.** [`query::Query::parse`] reads its JSON, [`query::Plan::new`] gives names their attrs (from the app's
//! [`schema::Catalog`]); the server runs the plan, one statement per level; [`tree::write`] makes the answer.
//!
//! **A transaction.** [`tx::step::parse`] (or [`tx::wire::parse`] for a WebSocket) reads the steps, [`tx::expand`] turns
//! them into triples and says which attrs are new, [`tx::execute`] runs them over a [`tx::Source`], the server's reads
//! inside its transaction, and says what changes.
//!
//! **Everything that fails** is an [`Error`], which is what the client is told.
//!
//! Values are compared by their index [`key`]s everywhere, so memory and both databases agree.

pub mod date;
pub mod error;
pub mod key;
pub mod query;
pub mod schema;
pub mod system;
pub mod tree;
pub mod tx;

pub use error::{Error, Kind, Result};
