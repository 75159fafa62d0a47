//! Apps: tenants with their tokens, endpoint options and JWT keys (sentc.md sections 2 and 3).

pub mod jwt;
pub mod rules;
mod store;
mod tenant;

pub use tenant::{Tenant, Tenants, TokenKind};
