//! The data API: an app's records as triples, asked by InstaQL, changed by transactions, guarded by rules (instant.md).
//!
//! | part | what it does |
//! |---|---|
//! | `space` | one app's attrs, rules and state, cached by version |
//! | `auth` | admin tokens, and users as rules see them |
//! | `sql` | statements whose shape depends on the query |
//! | `query` | plans into statements, one per level; answers |
//! | `transact` | steps into rows, in one transaction |
//! | `permissions` | what rules say to reads and writes |
//! | `rate_limits` | what rules count with |
//! | `users` | `$users` and signing in |
//! | `webhooks` | who is told of changes over HTTP |
//! | `push` | schema and rules from `instant-cli`; apps made over HTTP |
//! | `backup` | whole apps as zip files |

pub mod auth;
pub mod backup;
pub mod error;
pub mod oauth;
pub mod permissions;
pub mod push;
pub mod query;
pub mod rate_limits;
pub mod space;
pub(crate) mod sql;
pub mod storage;
pub mod transact;
pub mod users;
pub mod webhooks;
