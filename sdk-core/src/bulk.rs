//! Large data for callers with a faster AES-GCM than this crate's, such as WebCrypto in a browser: this crate writes and
//! reads what stands around the ciphertext, they encrypt. The results are those of [`content`] and
//! [`file`](mod@crate::file), byte by byte.
//!
//! ```
//! use keystead_sdk_core::crypto::sym::SymKey;
//! use keystead_sdk_core::{bulk, content, rng};
//! # let r = &mut rng::os();
//! let key = SymKey::generate(r);
//! let prefix = bulk::seal_content(r, "k1");
//! // Elsewhere: AES-256-GCM with the last twelve bytes of `prefix` as nonce; 16 bytes of tag at the end.
//! # let sealed = content::encrypt(r, content::ContentKey { id: "k1", key: &key }, b"large", &Default::default())?;
//! # assert_eq!(prefix.len() + b"large".len() + 16, sealed.len());
//! let open = bulk::open_content(&sealed)?;
//! assert_eq!((open.key_id.as_str(), open.nonce, open.body), ("k1", prefix.len() - 12, prefix.len()));
//!
//! // A file: each part's key is wrapped by the one before, the first by the file's own.
//! let (head, part_key) = bulk::seal_file_part(r, &key)?;
//! let (opened, nonce) = bulk::open_file_part(&key, &head)?;
//! assert_eq!((opened, nonce), (part_key, head.len() - 12));
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```

use keystead_crypto::rng::{self, CryptoRng};
use keystead_crypto::sym::SymKey;

use crate::content::{self, Head};
use crate::file;
use crate::{Result, SdkError, wire};

const NONCE: usize = 12;

/// Where in a sealed content the parts stand. A signature before the nonce is left out; it is not checked by this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Id of the key.
    pub key_id: String,
    /// Offset of the nonce, 12 bytes.
    pub nonce: usize,
    /// Offset of ciphertext and tag, to the end.
    pub body: usize,
}

/// What stands before the ciphertext of an unsigned content: head, 0x00, a fresh nonce of 12 bytes. One nonce encrypts once.
pub fn seal_content(rng: &mut dyn CryptoRng, key_id: &str) -> Vec<u8> {
    let mut out = wire::to_json(&Head { id: key_id.to_owned(), sign: None }).into_bytes();
    out.push(0);
    out.extend_from_slice(&rng::bytes::<NONCE>(rng));
    out
}

/// Reads what stands before the ciphertext; the beginning of the content is enough (8 KiB). Errors: `Content`, `Algorithm`.
pub fn open_content(content: &[u8]) -> Result<Opening> {
    let (head, body) = content::split(content)?;
    let sealed = content::detach_signature(head.sign.as_ref(), body, None)?;
    let nonce = content.len() - sealed.len();
    if sealed.len() < NONCE {
        Err(SdkError::Content)
    } else {
        Ok(Opening { key_id: head.id, nonce, body: nonce + NONCE })
    }
}

/// What stands before the ciphertext of the next part of a file: head, 0x00, a fresh nonce; and the key that encrypts it, which
/// is `previous` of the part after. Errors: `Crypto`.
pub fn seal_file_part(rng: &mut dyn CryptoRng, previous: &SymKey) -> Result<(Vec<u8>, SymKey)> {
    let key = SymKey::generate(rng);
    let mut out = file::part_head(rng, previous, &key, None)?;
    out.extend_from_slice(&rng::bytes::<NONCE>(rng));
    Ok((out, key))
}

/// Reads what stands before the ciphertext of a part: the key that opens it and is `previous` of the part after, and the
/// offset of the nonce; ciphertext and tag follow it. Errors: `Content`, `Algorithm`, `Crypto`.
pub fn open_file_part(previous: &SymKey, part: &[u8]) -> Result<(SymKey, usize)> {
    let (key, sealed) = file::open_part_head(previous, part, None)?;
    if sealed.len() < NONCE { Err(SdkError::Content) } else { Ok((key, part.len() - sealed.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ContentKey, DecryptOptions, EncryptOptions};
    use keystead_crypto::rng::os;

    /// AES-GCM with a given nonce, through this crate: only tests may choose one.
    struct Fixed(Vec<u8>);

    impl rand_core::TryRng for Fixed {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(0)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            out.copy_from_slice(&self.0);
            Ok(())
        }
    }
    impl rand_core::TryCryptoRng for Fixed {}

    fn elsewhere(key: &SymKey, prefix: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = prefix[prefix.len() - NONCE..].to_vec();
        let sealed = key.encrypt(&mut Fixed(nonce), plain, b"").expect("encrypts");
        [prefix, &sealed[NONCE..]].concat()
    }

    #[test]
    fn what_others_encrypt_opens_here() {
        let r = &mut os();
        let key = SymKey::generate(r);
        let prefix = seal_content(r, "k");
        let sealed = elsewhere(&key, &prefix, b"large");
        assert_eq!(content::decrypt(&key, &sealed, &DecryptOptions::default()).expect("opens").as_slice(), b"large");
        assert_eq!(open_content(&sealed).expect("reads").body, prefix.len());

        let (prefix, first) = seal_file_part(r, &key).expect("seals");
        let part = elsewhere(&first, &prefix, b"part");
        let (plain, next) = file::decrypt_file_part(&key, &part, None).expect("opens");
        assert_eq!((plain.as_slice(), next), (b"part".as_slice(), first.clone()));
        let (opened, nonce) = open_file_part(&key, &part).expect("reads");
        assert_eq!((opened, nonce), (first, prefix.len() - NONCE));
    }

    #[test]
    fn signatures_stand_before_the_nonce() {
        let r = &mut os();
        let key = SymKey::generate(r);
        let (sign, _verify) = keystead_crypto::sign::generate("ED25519", r).expect("known");
        let signer = crate::group::Signer { user_id: "u", key_id: "s", key: &sign };
        let options = EncryptOptions { aad: b"", signer: Some(signer) };
        let sealed = content::encrypt(r, ContentKey { id: "k", key: &key }, b"text", &options).expect("encrypts");
        let open = open_content(&sealed).expect("reads");
        assert_eq!(key.decrypt(&sealed[open.nonce..], b"").expect("opens").as_slice(), b"text");
        for cut in [&sealed[..open.nonce + 5], &sealed[..30], b""] {
            assert_eq!(open_content(cut), Err(SdkError::Content));
        }
    }
}
