//! Transactions: from steps to rows, all in one database transaction (instant.md section 4).

pub mod bulk;
pub mod http;
mod ledger;
pub mod rules;
mod schema;
mod store;

use keystead_instaql::key;
use keystead_instaql::schema::{Attr, EntityId};
use serde_json::Value;

pub use ledger::{Ledger, Tx};
pub use rules::{Committed, Logged, LoggedChange, Posted, Steps};
pub use schema::{apply_steps, change_attr, patched};

/// What an id triple is sorted by: its time.
#[must_use]
pub fn created_sort(created_ms: i64) -> [u8; 8] {
    (created_ms.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// The entity that the index key of an id or link means.
#[must_use]
pub fn id_of_key(key: &[u8]) -> Option<EntityId> {
    let (tag, text) = key.split_first()?;
    (*tag == key::TEXT).then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

/// What a value with this index key is sorted by; not for id attrs.
#[must_use]
pub fn sort_of_key(attr: &Attr, key: &[u8]) -> Vec<u8> {
    match id_of_key(key) {
        Some(id) if attr.is_ref() => id.as_bytes().to_vec(),
        _ => key.to_vec(),
    }
}

/// True when the sorted index knows the attr's triples.
#[must_use]
pub fn is_sorted(attr: &Attr) -> bool {
    attr.is_id() || attr.is_ref() || attr.index || attr.unique
}

/// Where a value stands: links to many have a triple for each.
fn slot(attr: &Attr, value: &Value) -> Vec<u8> {
    let target = || value.as_str().and_then(|id| id.parse::<EntityId>().ok());
    match attr.is_one() {
        true => Vec::new(),
        false => target().map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
    }
}
