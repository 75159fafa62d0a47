//! One part of a file: head, 0x00, body.

use keystead_crypto::encoding::b64_encode;
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::sign::VerifyKey;
use keystead_crypto::sym::SymKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::content::{self, SignHead};
use crate::group::Signer;
use crate::{Result, wire};

/// What stands in front of a part of today's files.
#[derive(Serialize, Deserialize)]
struct PartHead {
    /// b64; the part's key, wrapped by the key of the part before.
    key: String,
    /// Who signed.
    sign: Option<SignHead>,
    /// Algorithm of the part's key.
    sym_key_alg: String,
}

/// Both forms of a head.
#[derive(Deserialize)]
#[serde(untagged)]
enum AnyHead {
    Chained(PartHead),
    /// 2022: content like any other, encrypted with the file's key.
    Plain(content::Head),
}

impl AnyHead {
    fn sign(&self) -> Option<&SignHead> {
        match self {
            Self::Chained(head) => head.sign.as_ref(),
            Self::Plain(head) => head.sign.as_ref(),
        }
    }
}

/// Encrypts the first part of a file. `content_key` is the file's key. Output and errors: as [`encrypt_file_part`].
pub fn encrypt_file_part_start(
    rng: &mut dyn CryptoRng,
    content_key: &SymKey,
    plain: &[u8],
    signer: Option<Signer<'_>>,
) -> Result<(Vec<u8>, SymKey)> {
    encrypt_file_part(rng, content_key, plain, signer)
}

/// Encrypts a part. `previous` is the key that the part before gave. Output: the part as it is sent (head, 0x00, body), and the
/// key for the next one. Errors: `Crypto`.
pub fn encrypt_file_part(
    rng: &mut dyn CryptoRng,
    previous: &SymKey,
    plain: &[u8],
    signer: Option<Signer<'_>>,
) -> Result<(Vec<u8>, SymKey)> {
    let key = SymKey::generate(rng);
    let body = key.encrypt(rng, plain, b"")?;
    let (sign, mut part) = content::sign_body(rng, body, signer)?;
    // In place: a part is large.
    part.splice(0..0, part_head(rng, previous, &key, sign)?);
    Ok((part, key))
}

/// Head and 0x00 of a part that `key` encrypts.
pub(crate) fn part_head(
    rng: &mut dyn CryptoRng,
    previous: &SymKey,
    key: &SymKey,
    sign: Option<SignHead>,
) -> Result<Vec<u8>> {
    let wrapped = b64_encode(&previous.encrypt(rng, key.as_bytes(), b"")?);
    let mut head = wire::to_json(&PartHead { key: wrapped, sign, sym_key_alg: key.alg().to_owned() }).into_bytes();
    head.push(0);
    Ok(head)
}

/// Opens the first part of a file. `content_key` is the file's key. Output and errors: as [`decrypt_file_part`].
pub fn decrypt_file_part_start(
    content_key: &SymKey,
    part: &[u8],
    verify: Option<&VerifyKey>,
) -> Result<(Zeroizing<Vec<u8>>, SymKey)> {
    decrypt_file_part(content_key, part, verify)
}

/// Opens a part. `previous` is the key that the part before gave. Output: the plain bytes, and the key for the next part.
///
/// # Errors
/// `Content` for what is no part; `Crypto(Decrypt)` for a wrong key, which another order of parts is too, and for changed
/// data; `NotSigned` and `Crypto(Signature)` when a signature is demanded; `Algorithm`.
pub fn decrypt_file_part(
    previous: &SymKey,
    part: &[u8],
    verify: Option<&VerifyKey>,
) -> Result<(Zeroizing<Vec<u8>>, SymKey)> {
    let (key, sealed) = open_part_head(previous, part, verify)?;
    Ok((key.decrypt(sealed, b"")?, key))
}

/// The key that opens a part, and nonce, ciphertext and tag. Errors: as [`decrypt_file_part`].
pub(crate) fn open_part_head<'p>(
    previous: &SymKey,
    part: &'p [u8],
    verify: Option<&VerifyKey>,
) -> Result<(SymKey, &'p [u8])> {
    let (head, body): (AnyHead, &[u8]) = content::split_as(part)?;
    let sealed = content::detach_signature(head.sign(), body, verify)?;
    let key = match &head {
        AnyHead::Chained(head) => wire::sym_key(&head.sym_key_alg, &wire::unwrap(previous, &head.key, b"")?)?,
        AnyHead::Plain(_) => previous.clone(),
    };
    Ok((key, sealed))
}

/// Id of the verify key that a part's signature needs; `None` when it is not signed. Errors: `Content`.
///
/// ```
/// # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
/// # let alice = alice();
/// use keystead_sdk_core::{crypto::sym::SymKey, file, rng};
/// let key = SymKey::generate(&mut rng::os());
/// let (part, _next) = file::encrypt_file_part_start(&mut rng::os(), &key, b"text", Some(alice.signer()?))?;
/// let signer = file::part_sign_key_id(&part)?.expect("it is signed");
/// let verify = alice.key(&signer)?.verify_key();
/// assert_eq!(file::decrypt_file_part_start(&key, &part, Some(verify))?.0.as_slice(), b"text");
/// # Ok::<(), keystead_sdk_core::SdkError>(())
/// ```
pub fn part_sign_key_id(part: &[u8]) -> Result<Option<String>> {
    let (head, _body): (AnyHead, &[u8]) = content::split_as(part)?;
    Ok(head.sign().map(|sign| sign.id.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SdkError;
    use crate::content::{ContentKey, EncryptOptions};
    use keystead_crypto::{CryptoError, rng, sign};

    #[test]
    fn parts_open_in_their_order_only() {
        let r = &mut rng::os();
        let content_key = SymKey::generate(r);
        let mut key = content_key.clone();
        let parts: Vec<Vec<u8>> = (0..3_u8)
            .map(|i| {
                let (part, next) = encrypt_file_part(r, &key, &[i; 1000], None).expect("encrypts");
                key = next;
                part
            })
            .collect();
        let mut key = content_key.clone();
        for (i, part) in parts.iter().enumerate() {
            let (plain, next) = decrypt_file_part(&key, part, None).expect("opens");
            assert!(plain.iter().all(|b| usize::from(*b) == i) && plain.len() == 1000);
            key = next;
        }
        let (_first, next) = decrypt_file_part_start(&content_key, &parts[0], None).expect("opens");
        for (key, part) in [(&content_key, &parts[1]), (&next, &parts[0]), (&next, &parts[2])] {
            assert_eq!(decrypt_file_part(key, part, None).map(drop), Err(CryptoError::Decrypt.into()));
        }
        let head = parts[0].split(|b| *b == 0).next().expect("a head");
        let head: serde_json::Value = serde_json::from_slice(head).expect("JSON");
        assert_eq!(head["sym_key_alg"], "AES-GCM-256");
        assert_eq!(head["sign"], serde_json::Value::Null);
    }

    #[test]
    fn signatures_are_checked_where_they_are_demanded() {
        let r = &mut rng::os();
        let key = SymKey::generate(r);
        for alg in crate::suite::SIGN {
            let (sign_key, verify) = sign::generate(alg, r).expect("allowed algorithm");
            let signer = Signer { user_id: "u", key_id: "s1", key: &sign_key };
            let (mut part, _) = encrypt_file_part_start(r, &key, b"plain", Some(signer)).expect("encrypts");
            assert_eq!(part_sign_key_id(&part).expect("reads").as_deref(), Some("s1"));
            assert_eq!(decrypt_file_part_start(&key, &part, None).expect("opens").0.as_slice(), b"plain");
            assert_eq!(decrypt_file_part_start(&key, &part, Some(&verify)).expect("opens").0.as_slice(), b"plain");
            let (unsigned, _) = encrypt_file_part_start(r, &key, b"plain", None).expect("encrypts");
            assert_eq!(decrypt_file_part(&key, &unsigned, Some(&verify)).map(drop), Err(SdkError::NotSigned));
            *part.last_mut().expect("not empty") ^= 1;
            assert_eq!(decrypt_file_part(&key, &part, Some(&verify)).map(drop), Err(CryptoError::Signature.into()));
        }
    }

    #[test]
    fn parts_of_2022_share_one_key() {
        let r = &mut rng::os();
        let key = SymKey::generate(r);
        let content_key = ContentKey { id: "k", key: &key };
        for text in ["one", "two"] {
            let part = content::encrypt(r, content_key, text.as_bytes(), &EncryptOptions::default()).expect("encrypts");
            let (plain, next) = decrypt_file_part(&key, &part, None).expect("opens");
            assert_eq!(plain.as_slice(), text.as_bytes());
            assert_eq!(next, key);
        }
        for broken in [b"".as_slice(), b"{}\0x", b"{\"key\":\"\",\"sign\":null}\0", b"no end"] {
            assert_eq!(decrypt_file_part(&key, broken, None).map(drop), Err(SdkError::Content));
        }
    }
}
