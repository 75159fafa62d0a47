//! InstaQL: from the JSON of a query to a typed plan (instant.md section 3).
//!
//! [`Query::parse`] reads the JSON and finds what is wrong without knowing the app. [`Plan::new`] gives every name its
//! attr and finds the rest. A server then answers a plan level by level: for each [`plan::Node`] one statement for all
//! parents of the level, whatever their number.

pub mod ast;
mod check;
pub mod cursor;
mod parse;
pub mod plan;

pub use ast::Query;
pub(crate) use check::json_type;
pub use cursor::Cursor;
pub use plan::Plan;
