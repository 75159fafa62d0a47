//! Users of apps and how they sign in (instant.md section 8): `$users` entities, whose ids are the directory's, refresh tokens, codes by
//! mail, guests.

pub mod http;
mod mails;
pub mod rules;
mod store;
