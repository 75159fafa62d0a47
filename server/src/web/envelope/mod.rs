//! The answer formats of the APIs: inside, an error says what happened; the envelope says how it is told.

pub mod data;
pub mod identity;
pub mod keys;
