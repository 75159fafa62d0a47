//! Searchable and sortable values (sentc.md 12.6): what the application stores beside its encrypted data, so that a
//! server without any key can find and order it.
//!
//! *Search*: the hash of a whole text, or of each of its byte prefixes. Equal texts have equal hashes within a group.
//! The one who looks for something makes the hash of what was typed ([`search`]) and asks the server for rows that have
//! it. *Sort*: a number or the first four bytes of a text, encrypted so that the order stays.
//!
//! Equality and order are what the server learns; use it for nothing where that is too much. The forms with `_raw` take a
//! key, the others an entry with its id and say in their output which key was used: after a key rotation a group has
//! several, and values of different keys cannot be compared.
//!
//! ```
//! use keystead_sdk_core::crypto::{rng, search::SearchKey, sort::SortKey};
//! use keystead_sdk_core::search::{self, MAX_PREFIXES};
//!
//! let key = SearchKey::generate(&mut rng::os());
//! let stored = search::create_search_raw(&key, "hello", false, None);
//! assert_eq!(stored.len(), 5); // h, he, hel, hell, hello
//! assert!(stored.contains(&search::search_raw(&key, "hel")));
//! assert_eq!(search::create_search_raw(&key, "hello", true, None), [search::search_raw(&key, "hello")]);
//! assert_eq!(search::create_search_raw(&key, &"a".repeat(500), false, None).len(), MAX_PREFIXES);
//!
//! let key = SortKey::generate(&mut rng::os());
//! assert!(search::encrypt_sortable_number_raw(&key, 4)? < search::encrypt_sortable_number_raw(&key, 5)?);
//! assert!(search::encrypt_sortable_string_raw(&key, "abc")? < search::encrypt_sortable_string_raw(&key, "dbc")?);
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```

pub use keystead_crypto::search::MAX_PREFIXES;
use keystead_crypto::search::SearchKey;
pub use keystead_crypto::sort::MAX_NUMBER;
use keystead_crypto::sort::SortKey;
use serde::{Deserialize, Serialize};

use crate::group::{SearchKeyEntry, SortKeyEntry};
use crate::{Result, SdkError};

/// Hashes of a text, and the key they were made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchOutput {
    /// b64url, 43 characters each.
    pub hashes: Vec<String>,
    /// Algorithm of the key.
    pub alg: String,
    /// Id of the search key.
    pub key_id: String,
}

/// A sortable value, and the key it was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortableOutput {
    /// Below 2^32.
    pub number: u64,
    /// Algorithm of the key.
    pub alg: String,
    /// Id of the sort key.
    pub key_id: String,
}

/// The hashes to store for `data`: with `full` one of the whole text, else one of each byte prefix, shortest first, at
/// most `limit` and at most [`MAX_PREFIXES`] of them (the same number without a limit). b64url, 43 characters each.
#[must_use]
pub fn create_search_raw(key: &SearchKey, data: &str, full: bool, limit: Option<usize>) -> Vec<String> {
    if full { vec![key.search_full(data)] } else { key.search_prefixes(data, limit.unwrap_or(MAX_PREFIXES)) }
}

/// As [`create_search_raw`], with the key's id and algorithm.
///
/// ```
/// use keystead_sdk_core::crypto::search::SearchKey;
/// use keystead_sdk_core::group::SearchKeyEntry;
/// use keystead_sdk_core::search::create_search;
///
/// let entry = SearchKeyEntry { id: "h1".into(), key: SearchKey::from_bytes(&[1; 32])? };
/// let out = create_search(&entry, "hello", true, None);
/// assert_eq!((out.hashes.len(), out.alg.as_str(), out.key_id.as_str()), (1, "HMAC-SHA256", "h1"));
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
#[must_use]
pub fn create_search(entry: &SearchKeyEntry, data: &str, full: bool, limit: Option<usize>) -> SearchOutput {
    let hashes = create_search_raw(&entry.key, data, full, limit);
    SearchOutput { hashes, alg: entry.key.alg().to_owned(), key_id: entry.id.clone() }
}

/// The hash of what is looked for: it is among the stored ones of each text that begins with it, as far as their limit
/// goes. b64url, 43 characters.
#[must_use]
pub fn search_raw(key: &SearchKey, data: &str) -> String {
    key.search_full(data)
}

/// As [`search_raw`], with the newest of `entries`. Errors: `KeyNotFound` when there is none (a group of a client of 2022).
///
/// ```
/// use keystead_sdk_core::{SdkError, search::search};
/// assert_eq!(search(&[], "hello"), Err(SdkError::KeyNotFound));
/// ```
pub fn search(entries: &[SearchKeyEntry], data: &str) -> Result<String> {
    Ok(search_raw(&newest(entries)?.key, data))
}

/// The newest of a group's search or sort keys. Errors: `KeyNotFound`.
///
/// ```
/// use keystead_sdk_core::{SdkError, search::newest};
/// assert_eq!(newest(&["second", "first"]), Ok(&"second"));
/// assert_eq!(newest::<u8>(&[]), Err(SdkError::KeyNotFound));
/// ```
pub fn newest<T>(entries: &[T]) -> Result<&T> {
    entries.first().ok_or(SdkError::KeyNotFound)
}

/// Sortable form of a number of 0 to 65532. Errors: `Crypto(Input)` above.
pub fn encrypt_sortable_number_raw(key: &SortKey, number: u64) -> Result<u64> {
    Ok(key.encrypt_number(number)?)
}

/// As [`encrypt_sortable_number_raw`], with the key's id and algorithm.
///
/// ```
/// use keystead_sdk_core::crypto::sort::SortKey;
/// use keystead_sdk_core::group::SortKeyEntry;
/// use keystead_sdk_core::search::{encrypt_sortable_number, encrypt_sortable_string};
///
/// let entry = SortKeyEntry { id: "s1".into(), key: SortKey::from_bytes(&[1; 16])? };
/// let (low, high) = (encrypt_sortable_number(&entry, 262)?, encrypt_sortable_number(&entry, 263)?);
/// assert!(low.number < high.number);
/// assert_eq!((low.alg.as_str(), low.key_id.as_str()), ("OPE-16", "s1"));
/// assert!(encrypt_sortable_number(&entry, 65_533).is_err());
/// assert_eq!(encrypt_sortable_string(&entry, "hello")?, encrypt_sortable_string(&entry, "hell")?);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn encrypt_sortable_number(entry: &SortKeyEntry, number: u64) -> Result<SortableOutput> {
    Ok(sortable(entry, encrypt_sortable_number_raw(&entry.key, number)?))
}

/// Sortable form of a text's first four bytes. Errors: `Crypto`.
pub fn encrypt_sortable_string_raw(key: &SortKey, text: &str) -> Result<u64> {
    Ok(key.encrypt_str(text)?)
}

/// As [`encrypt_sortable_string_raw`], with the key's id and algorithm.
///
/// ```
/// use keystead_sdk_core::{crypto::sort::SortKey, group::SortKeyEntry, search::encrypt_sortable_string};
/// let entry = SortKeyEntry { id: "s1".into(), key: SortKey::from_bytes(&[1; 16])? };
/// assert!(encrypt_sortable_string(&entry, "alice")?.number < encrypt_sortable_string(&entry, "bob")?.number);
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn encrypt_sortable_string(entry: &SortKeyEntry, text: &str) -> Result<SortableOutput> {
    Ok(sortable(entry, encrypt_sortable_string_raw(&entry.key, text)?))
}

fn sortable(entry: &SortKeyEntry, number: u64) -> SortableOutput {
    SortableOutput { number, alg: entry.key.alg().to_owned(), key_id: entry.id.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_frozen() {
        let search = SearchKeyEntry { id: "h1".into(), key: SearchKey::from_bytes(&[7; 32]).expect("32 bytes") };
        let sort = SortKeyEntry { id: "s1".into(), key: SortKey::from_bytes(b"this is a key 10").expect("16 bytes") };
        let shown = [
            crate::wire::to_json(&create_search(&search, "hä", false, None)),
            crate::wire::to_json(&create_search(&search, "hä", true, None)),
            crate::wire::to_json(&create_search(&search, "hello", false, Some(2))),
            crate::wire::to_json(&encrypt_sortable_number(&sort, 262).expect("in range")),
            crate::wire::to_json(&encrypt_sortable_string(&sort, "hello").expect("a text")),
        ];
        insta::assert_snapshot!(shown.join("\n"));
        assert_eq!(create_search_raw(&search.key, "", false, None), Vec::<String>::new());
    }
}
