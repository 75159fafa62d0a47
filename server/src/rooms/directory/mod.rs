//! The directory: one user id per person and app, whichever API he came in by.

pub mod rules;
mod store;
