//! The identity API (`/api/iam`): accounts with e-mail and password, sessions and their tokens, roles, mail flows.
//!
//! The wire is that of Nuxt IAM's front end; its reference is iam.md. Beside the envelope, what differs from the original is in
//! docs/api.md. Files carry the name of their feature in every layer.

pub mod error;
pub mod http;
mod mails;
mod model;
pub mod rules;
pub mod state;
mod store;

pub use model::{Client, Role, Session, User};
pub use state::Identity;
