//! Values of records that only the holders of a key can read, for a data API that stores them as text.
//!
//! A sealed value is `ks1:<key id>:<b64url of nonce, ciphertext and tag>`: it says itself how it is opened. Inside is JSON text. Bound to
//! it (AAD) is its [`Place`], so that a server cannot show the value of one record, attribute or namespace as another's. It can still show
//! an older value of the same place, or none; and the length is about that of the JSON text (docs/adr/0022).
//!
//! *Search*: [`search_value`] gives a token to store beside the sealed text. Equal texts of one attribute have equal tokens, and that is
//! what the server learns.
//!
//! ```
//! use keystead_sdk_core::content::ContentKey;
//! use keystead_sdk_core::crypto::{search::SearchKey, sym::SymKey};
//! use keystead_sdk_core::record::{self, Place};
//! use keystead_sdk_core::{SdkError, rng};
//!
//! let key = SymKey::generate(&mut rng::os());
//! let place = Place { namespace: "notes", entity_id: "0198f0a2-0000-7000-8000-000000000001", attribute: "title" };
//! let sealed = record::seal_value(&mut rng::os(), ContentKey { id: "k1", key: &key }, &place, r#""Milk""#)?;
//! assert!(sealed.starts_with("ks1:k1:"));
//! // The key is found by its id …
//! assert_eq!(record::sealed_key_id(&sealed)?, "k1");
//! assert_eq!(record::open_value(&key, &place, &sealed)?, r#""Milk""#);
//! // … and opens the value in its place only.
//! let other = Place { attribute: "body", ..place };
//! assert_eq!(record::open_value(&key, &other, &sealed).unwrap_err().name(), "decrypt");
//! assert_eq!(record::open_value(&key, &place, "Milk"), Err(SdkError::NotSealed));
//!
//! let search = SearchKey::generate(&mut rng::os());
//! let token = record::search_value(&search, "people", "email", "a@example.com")?;
//! assert_eq!((token.len(), &token), (43, &record::search_value(&search, "people", "email", "a@example.com")?));
//! assert_ne!(token, record::search_value(&search, "people", "name", "a@example.com")?);
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```

use keystead_crypto::encoding::{b64url_decode, b64url_encode};
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::search::SearchKey;
use keystead_crypto::sym::{self, SymKey};

use crate::content::ContentKey;
use crate::{Result, SdkError};

/// Most bytes of a value's JSON text. What is larger is a file.
pub const MAX_VALUE: usize = 1 << 20;
/// Most bytes of a namespace's or attribute's name, as in the data API.
pub const MAX_NAME: usize = 256;

const VERSION: &str = "ks1";
const MAX_KEY_ID: usize = 128;
const MAX_SEALED: usize = VERSION.len() + MAX_KEY_ID + 2 + (MAX_VALUE + sym::OVERHEAD).div_ceil(3) * 4;
const LABEL: &str = "keystead record value 1";
const SEARCH_LABEL: &str = "keystead record search 1";

/// Where a value belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Name of the namespace (entity), as `notes`.
    pub namespace: &'a str,
    /// Id of the record, a UUID.
    pub entity_id: &'a str,
    /// Name of the attribute, as `title`.
    pub attribute: &'a str,
}

/// Seals the JSON text of a value for its place.
///
/// # Errors
/// `Input` for a place that no record has or a key whose id cannot stand in the text; `ValueTooLarge` beyond [`MAX_VALUE`].
pub fn seal_value(rng: &mut dyn CryptoRng, key: ContentKey<'_>, place: &Place<'_>, json: &str) -> Result<String> {
    if json.len() > MAX_VALUE {
        return Err(SdkError::ValueTooLarge);
    }
    if !is_key_id(key.id) {
        return Err(SdkError::Input);
    }
    let sealed = key.key.encrypt(rng, json.as_bytes(), &aad(key.id, place)?)?;
    Ok(format!("{VERSION}:{}:{}", key.id, b64url_encode(&sealed)))
}

/// Opens a sealed value: its JSON text. Find `key` by [`sealed_key_id`].
///
/// # Errors
/// `NotSealed` for any other text; `Algorithm` for a version that this crate does not know; `Content` for a cut or damaged text;
/// `Input` for a place that no record has; `Crypto(Decrypt)` for another key or place and for changed text.
pub fn open_value(key: &SymKey, place: &Place<'_>, sealed: &str) -> Result<String> {
    let (key_id, body) = split(sealed)?;
    let body = b64url_decode(body).or(Err(SdkError::Content))?;
    let plain = key.decrypt(&body, &aad(key_id, place)?)?;
    Ok(core::str::from_utf8(&plain).or(Err(SdkError::Content))?.to_owned())
}

/// Id of the key that opens a sealed value. Errors: `NotSealed`, `Algorithm`, `Content`.
pub fn sealed_key_id(sealed: &str) -> Result<&str> {
    Ok(split(sealed)?.0)
}

/// The token of a text, to be stored beside its sealed value and looked for. b64url, 43 characters. The same text has another token in
/// another attribute. Errors: `Input` for names that no attribute has; `ValueTooLarge` beyond [`MAX_VALUE`].
pub fn search_value(key: &SearchKey, namespace: &str, attribute: &str, text: &str) -> Result<String> {
    if text.len() > MAX_VALUE {
        return Err(SdkError::ValueTooLarge);
    }
    check_name(namespace)?;
    check_name(attribute)?;
    // Names hold no 0x00, so this has one reading.
    Ok(key.search_full(&format!("{SEARCH_LABEL}\0{namespace}\0{attribute}\0{text}")))
}

fn split(sealed: &str) -> Result<(&str, &str)> {
    let (version, rest) = sealed.split_once(':').ok_or(SdkError::NotSealed)?;
    if version != VERSION {
        let is_other =
            version.strip_prefix("ks").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        return Err(if is_other { SdkError::Algorithm } else { SdkError::NotSealed });
    }
    let (key_id, body) = rest.split_once(':').ok_or(SdkError::Content)?;
    if sealed.len() > MAX_SEALED || !is_key_id(key_id) {
        return Err(SdkError::Content);
    }
    Ok((key_id, body))
}

/// The label, then key id, namespace, entity id and attribute, each with its length as 8 bytes, big endian, in front.
fn aad(key_id: &str, place: &Place<'_>) -> Result<Vec<u8>> {
    check_name(place.namespace)?;
    check_name(place.attribute)?;
    if !is_uuid(place.entity_id) {
        return Err(SdkError::Input);
    }
    // The data API answers in lower case, whatever it was given.
    let entity_id = place.entity_id.to_ascii_lowercase();
    let mut out = LABEL.as_bytes().to_vec();
    for part in [key_id, place.namespace, &entity_id, place.attribute] {
        out.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    Ok(out)
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME || name.contains('\0') { Err(SdkError::Input) } else { Ok(()) }
}

fn is_key_id(id: &str) -> bool {
    (1..=MAX_KEY_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use keystead_crypto::{CryptoError, rng};
    use proptest::prelude::*;

    const ID: &str = "0198f0a2-3c4d-7e5f-8a6b-7c8d9e0fa1b2";
    const PLACE: Place<'static> = Place { namespace: "notes", entity_id: ID, attribute: "title" };
    const DECRYPT: SdkError = SdkError::Crypto(CryptoError::Decrypt);

    fn key(id: &str, byte: u8) -> (String, SymKey) {
        (id.to_owned(), SymKey::from_bytes(&[byte; 32]).expect("32 bytes"))
    }

    fn seal((id, key): &(String, SymKey), place: &Place<'_>, json: &str) -> String {
        seal_value(&mut rng::os(), ContentKey { id, key }, place, json).expect("seals")
    }

    #[test]
    fn a_value_opens_in_its_place_only() {
        let key = key("k1", 1);
        let sealed = seal(&key, &PLACE, r#"{"a":[1,null,"ä"]}"#);
        assert_eq!(open_value(&key.1, &PLACE, &sealed).as_deref(), Ok(r#"{"a":[1,null,"ä"]}"#));
        let upper = ID.to_uppercase();
        assert!(open_value(&key.1, &Place { entity_id: &upper, ..PLACE }, &sealed).is_ok());
        let other = ID.replace('b', "c");
        for moved in [
            Place { namespace: "drafts", ..PLACE },
            Place { entity_id: &other, ..PLACE },
            Place { attribute: "body", ..PLACE },
            Place { namespace: "note", attribute: "stitle", ..PLACE },
        ] {
            assert_eq!(open_value(&key.1, &moved, &sealed), Err(DECRYPT), "{moved:?}");
        }
    }

    #[test]
    fn the_head_is_bound_too() {
        let (one, two) = (key("k1", 1), key("k2", 1));
        let sealed = seal(&one, &PLACE, "1");
        assert_eq!(open_value(&two.1, &PLACE, &sealed.replace("k1", "k2")), Err(DECRYPT));
        assert_eq!(open_value(&key("k1", 2).1, &PLACE, &sealed), Err(DECRYPT));
    }

    #[test]
    fn cut_and_changed_texts_are_errors() {
        let key = key("k1", 1);
        let sealed = seal(&key, &PLACE, r#""a text""#);
        for end in 0..sealed.len() {
            assert!(open_value(&key.1, &PLACE, sealed.get(..end).expect("ASCII")).is_err(), "{end}");
        }
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(open_value(&key.1, &PLACE, core::str::from_utf8(&bytes).expect("ASCII")).is_err(), "{at}");
        }
        for other in ["", "Milk", "ks1", "ks:k1:AA", "ksx:k1:AA", "KS1:k1:AA", "{\"id\":1}", "https://example.com"] {
            assert_eq!(sealed_key_id(other), Err(SdkError::NotSealed), "{other}");
        }
        assert_eq!(sealed_key_id("ks2:k1:AA"), Err(SdkError::Algorithm));
        let long = format!("ks1:k1:{}", "A".repeat(MAX_SEALED));
        for damaged in ["ks1:", "ks1:k1", "ks1::AA", "ks1:k 1:AA", &long] {
            assert_eq!(sealed_key_id(damaged), Err(SdkError::Content));
        }
        assert_eq!(open_value(&key.1, &PLACE, "ks1:k1:A=="), Err(SdkError::Content));
        assert_eq!(open_value(&key.1, &PLACE, "ks1:k1:"), Err(DECRYPT));
    }

    #[test]
    fn limits() {
        let (id, key) = key("k1", 1);
        let r = &mut rng::os();
        let content_key = ContentKey { id: &id, key: &key };
        let most = "1".repeat(MAX_VALUE);
        let sealed = seal_value(r, content_key, &PLACE, &most).expect("seals");
        assert_eq!(open_value(&key, &PLACE, &sealed), Ok(most.clone()));
        assert_eq!(seal_value(r, content_key, &PLACE, &(most + "1")), Err(SdkError::ValueTooLarge));
        let name = "n".repeat(MAX_NAME + 1);
        for place in [
            Place { namespace: "", ..PLACE },
            Place { attribute: &name, ..PLACE },
            Place { namespace: "a\0b", ..PLACE },
            Place { entity_id: "lookup__slug__\"a\"", ..PLACE },
            Place { entity_id: "0198f0a2x3c4d-7e5f-8a6b-7c8d9e0fa1b2", ..PLACE },
        ] {
            assert_eq!(seal_value(r, content_key, &place, "1"), Err(SdkError::Input), "{place:?}");
        }
        for id in ["", "a:b", &"k".repeat(MAX_KEY_ID + 1)] {
            assert_eq!(seal_value(r, ContentKey { id, key: &key }, &PLACE, "1"), Err(SdkError::Input));
        }
    }

    #[test]
    fn tokens_are_per_attribute() {
        let key = SearchKey::from_bytes(&[7; 32]).expect("32 bytes");
        let token = |namespace, attribute, text| search_value(&key, namespace, attribute, text).expect("a token");
        let one = token("people", "email", "a@example.com");
        assert_eq!(one, token("people", "email", "a@example.com"));
        for other in [
            token("people", "email", "A@example.com"),
            token("people", "name", "a@example.com"),
            token("staff", "email", "a@example.com"),
            key.search_full("a@example.com"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(search_value(&key, "people", "", "a"), Err(SdkError::Input));
        assert_eq!(search_value(&key, "people", "a", &"a".repeat(MAX_VALUE + 1)), Err(SdkError::ValueTooLarge));
    }

    proptest! {
        #[test]
        fn whatever_text_comes_nothing_panics(text in "\\PC*", head in "ks[0-9]{0,2}:[a-z0-9-]{0,8}:?") {
            let key = SymKey::from_bytes(&[1; 32]).expect("32 bytes");
            prop_assert!(open_value(&key, &PLACE, &text).is_err());
            prop_assert!(open_value(&key, &PLACE, &(head + &text)).is_err());
        }

        #[test]
        fn every_text_comes_back(text in "\\PC{0,200}") {
            let key = key("k1", 1);
            let sealed = seal(&key, &PLACE, &text);
            prop_assert_eq!(open_value(&key.1, &PLACE, &sealed), Ok(text));
        }
    }
}
