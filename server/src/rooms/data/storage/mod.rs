//! Files of apps: `$files` rows, and their bytes beside the database (instant.md section 10).

mod download;
pub mod http;
pub mod rules;
mod store;
