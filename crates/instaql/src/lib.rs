//! The language of the data API as pure code: no I/O, no database, no clock, no async.
//!
//! **A query.** [`query::Query::parse`] reads its JSON, [`query::Plan::new`] gives names their attrs (from the app's
//! [`schema::Catalog`]); the server runs the plan, one statement per level; [`tree::write`] makes the answer, or
//! [`rows::collect`] its triples.
//!
//! **A transaction.** [`tx::step::parse`] (or [`tx::wire::parse`] for a WebSocket) reads the steps, [`tx::expand()`] turns
//! them into triples and says which attrs are new, [`tx::execute()`] runs them over a [`tx::Source`], the server's reads
//! inside its transaction, and says what changes.
//!
//! **A rule.** [`rules::Rules::parse`] compiles the app's rules; simple ones become filters of a plan, the others run on rows.
//!
//! **A live query.** [`topics::of_query`] and [`topics::of_outcome`] meet in a [`topics::Index`] exactly when the answer may
//! have changed.
//!
//! **Everything that fails** is an [`Error`], which is what the client is told.
//!
//! Values are compared by their index [`key`]s everywhere, so memory and both databases agree.

pub mod date;
pub mod error;
pub mod key;
#[cfg(any(test, feature = "naive"))]
pub mod naive;
pub mod query;
pub mod rows;
pub mod rules;
pub mod schema;
pub mod system;
pub mod topics;
pub mod tree;
pub mod tx;

// The fuzz targets, which tests replay, know the crate by its name.
#[cfg(test)]
extern crate self as keystead_instaql;
#[cfg(test)]
mod tests;

pub use error::{Error, Kind, Result};
