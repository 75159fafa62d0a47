//! Captchas: pictures of letters, good for one try within 20 minutes.

pub mod http;
pub mod rules;
mod store;
