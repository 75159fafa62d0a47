//! The keys of groups and of user groups: generations, what each member can open of them, search and sort keys.

pub mod rules;
pub(super) mod store;

pub use rules::{
    Order, key_ids, newest_public_key, newest_public_keys, newest_verify_key, one, page, public_key, search_keys,
    verify_key,
};
