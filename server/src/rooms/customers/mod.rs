//! The customer API (sentc.md section 2.1): those who own apps, with accounts, groups of their own, and apps. Off by default;
//! the operator's commands do the same offline.
//!
//! A customer is a light user of the app `sentc_int`, which the server makes for itself and whose tokens nobody knows. So
//! login, sessions, second factor and groups are the key API's own; here is only what it does not have.

pub mod accounts;
pub mod apps;
pub mod captcha;
pub mod groups;
mod mail;
