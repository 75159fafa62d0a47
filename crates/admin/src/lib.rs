//! Client of the Keystead data API for Rust backends. The admin token skips permission rules; [`Db::as_user`] asks them.
//!
//! ```no_run
//! use keystead_admin::{As, Config, id, init, lookup, tx};
//! use serde_json::{Value, json};
//!
//! # async fn run() -> keystead_admin::Result<()> {
//! let db = init(Config::new("http://127.0.0.1:8090", "00000000-0000-4000-8000-000000000001").admin_token("the token"))?;
//!
//! // Write, then read.
//! let goal = id();
//! let done = db.transact([
//!     tx("goals", goal).create(json!({"title": "Get fit"})),
//!     tx("todos", id()).update(json!({"title": "Run"})).link(json!({"goal": goal})),
//!     tx("users", lookup("email", "a@example.org")).merge(json!({"settings": {"dark": true}})),
//! ]).await?;
//! println!("transaction {}", done.tx_id);
//! let tree: Value = db.query(&json!({"goals": {"todos": {}}})).await?;
//! # drop(tree);
//!
//! // Users.
//! let token = db.auth().create_token(&keystead_admin::Who::email("a@example.org")).await?;
//! let theirs = db.as_user(As::token(token))?;
//! theirs.query::<Value>(&json!({"goals": {}})).await?;
//!
//! // Live.
//! let mut goals = db.subscribe_query(&json!({"goals": {"$": {"limit": 10}}}))?;
//! while let Some(payload) = goals.next().await {
//!     println!("{:?}", payload?.data);
//! }
//! # Ok(())
//! # }
//! ```

mod auth;
mod client;
mod error;
mod rooms;
mod storage;
mod subscribe;
mod tx;

pub use auth::{Auth, MagicCode, Who};
pub use client::{As, Config, Db, Query, Transacted, init};
pub use error::{ApiError, Error, Result};
pub use keystead_protocol::data::{SignedIn, User};
pub use rooms::{Presence, Rooms};
pub use storage::{Storage, Upload};
pub use subscribe::{Payload, Subscription};
pub use tx::{Eid, TxChunk, id, lookup, tx};
pub use uuid::Uuid;
