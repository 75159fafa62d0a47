//! Files (sentc.md section 10) and registered symmetric keys (section 9).
//!
//! The file itself here: its wrapped key, its name, who may read it. Its parts and their upload in `parts`, the keys in
//! `sym_keys`, and in `deletions` what is still to be removed outside the database.

pub mod deletions;
pub mod http;
pub mod parts;
pub mod rules;
mod store;
pub mod sym_keys;
mod validate;
