//! Files of apps: `$files` rows, and their bytes beside the database (instant.md section 10).

pub mod rules;
