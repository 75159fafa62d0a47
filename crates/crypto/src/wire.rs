//! JSON pair of the hybrid suites, `{"x":<classic part>,"k":<post-quantum part>}` (sentc.md 12.5).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{CryptoError, Result};

/// The two halves as text: PEM for keys, base64 for signatures.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair<'a> {
    #[serde(borrow)]
    pub(crate) x: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) k: Cow<'a, str>,
}

/// Parses the pair. Errors: `Encoding`.
pub(crate) fn pair_from_json(text: &str) -> Result<Pair<'_>> {
    serde_json::from_str(text).or(Err(CryptoError::Encoding))
}

/// JSON text of the pair, `x` first, without spaces.
pub(crate) fn pair_to_json(x: String, k: String) -> String {
    serde_json::to_string(&Pair { x: x.into(), k: k.into() }).expect("two strings always serialise")
}

/// `bytes` as an array. Errors: `Length`.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().or(Err(CryptoError::Length))
}

/// Splits off the first `N` bytes. Errors: `Length`.
pub(crate) fn split<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], &[u8])> {
    bytes.split_first_chunk::<N>().ok_or(CryptoError::Length)
}
