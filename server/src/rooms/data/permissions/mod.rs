//! What rules say to writes (instant.md section 15.3). What they say to reads is in `query`.

pub mod rules;
