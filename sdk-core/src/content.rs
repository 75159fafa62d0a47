//! Encryption and signatures of the application's own data.
//!
//! Encrypted content is `head 0x00 body`: the head is UTF-8 JSON `{"id":<key id>,"sign":null|{"id","alg"}}` and says which
//! keys open and verify; the body is the ciphertext, with the raw signature of the ciphertext in front when it is signed.
//! The string form is b64 of that. The head itself is not authenticated; bind what matters with `aad`.
//!
//! ```
//! use keystead_sdk_core::content::{self, ContentKey, DecryptOptions, EncryptOptions};
//! use keystead_sdk_core::crypto::sym::SymKey;
//! use keystead_sdk_core::rng;
//!
//! let key = SymKey::generate(&mut rng::os());
//! let content_key = ContentKey { id: "k1", key: &key };
//! let text = content::encrypt_string(&mut rng::os(), content_key, "hello", &EncryptOptions::default())?;
//! assert_eq!(content::string_head(&text)?.id, "k1");
//! assert_eq!(content::decrypt_string(&key, &text, &DecryptOptions::default())?, "hello");
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```
//!
//! ```
//! # mod world { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/world.rs")); } use world::*;
//! # let (alice, r) = (alice(), &mut keystead_sdk_core::rng::os());
//! # let group = group(&alice);
//! use keystead_sdk_core::content::{self, DecryptOptions, EncryptOptions};
//!
//! // Bytes, signed by Alice and bound to a place; the reader demands both.
//! let key = group.newest_key()?;
//! let options = EncryptOptions { aad: b"page 3", signer: Some(alice.signer()?) };
//! let sealed = content::encrypt(r, key.into(), b"hello", &options)?;
//! let (head, body) = content::split(&sealed)?;
//! assert_eq!((&head, head.id.as_str()), (&content::head(&sealed)?, key.id()));
//! let verify = alice.key(&head.sign.as_ref().expect("it is signed").id)?.verify_key();
//! let options = DecryptOptions { aad: b"page 3", verify: Some(verify) };
//! assert_eq!(content::decrypt(key.key(), &sealed, &options)?.as_slice(), b"hello");
//! assert_eq!(content::decrypt_raw(key.key(), &head, body, &options)?.as_slice(), b"hello");
//!
//! // Head and body apart, as for a column of its own.
//! let (head, body) = content::encrypt_raw(r, key.into(), b"hello", &EncryptOptions::default())?;
//! assert_eq!(content::decrypt_raw(key.key(), &head, &body, &DecryptOptions::default())?.as_slice(), b"hello");
//!
//! // For the holder of a public key, without a shared group.
//! let to = keystead_sdk_core::user::done_fetch_public_key(&frozen("public_key"))?.check(alice.newest_key()?.verify_key())?;
//! let secret = alice.newest_key()?.group_key().secret();
//! let sealed = content::encrypt_asymmetric(r, &to, b"hello", None)?;
//! assert_eq!(content::decrypt_asymmetric(secret, &sealed, None)?.as_slice(), b"hello");
//! let text = content::encrypt_string_asymmetric(r, &to, "hello", Some(alice.signer()?))?;
//! assert_eq!(content::decrypt_string_asymmetric(secret, &text, Some(verify))?, "hello");
//! # Ok::<(), keystead_sdk_core::SdkError>(())
//! ```

use keystead_crypto::asym::SecretKey;
use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::rng::CryptoRng;
use keystead_crypto::sign::{self, VerifyKey};
use keystead_crypto::sym::SymKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::group::{GroupKey, Signer};
use crate::user::UserPublicKey;
use crate::{Result, SdkError, suite, wire};

/// An honest head has some 150 bytes.
const MAX_HEAD: usize = 4096;

/// Which keys open and verify a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Id of the key that encrypted.
    pub id: String,
    /// Who signed.
    pub sign: Option<SignHead>,
}

/// The signer of a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignHead {
    /// Id of the signer's verify key.
    pub id: String,
    /// Its algorithm.
    pub alg: String,
}

/// A symmetric key with the id that stands in the head.
#[derive(Debug, Clone, Copy)]
pub struct ContentKey<'a> {
    /// Key id.
    pub id: &'a str,
    /// The key.
    pub key: &'a SymKey,
}

impl<'a> From<&'a GroupKey> for ContentKey<'a> {
    fn from(key: &'a GroupKey) -> Self {
        Self { id: key.id(), key: key.key() }
    }
}

/// How to encrypt. The default binds nothing and does not sign.
#[derive(Debug, Clone, Copy, Default)]
pub struct EncryptOptions<'a> {
    /// Bound to the ciphertext and needed again to decrypt; not part of the output.
    pub aad: &'a [u8],
    /// Signs the ciphertext.
    pub signer: Option<Signer<'a>>,
}

/// How to decrypt. The default ignores a signature.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecryptOptions<'a> {
    /// The same as for encryption.
    pub aad: &'a [u8],
    /// Demands a signature of this key. Find the key by the head ([`head`]).
    pub verify: Option<&'a VerifyKey>,
}

/// Encrypts bytes: head and body apart. Errors: `Crypto`.
pub fn encrypt_raw(
    rng: &mut dyn CryptoRng,
    key: ContentKey<'_>,
    plain: &[u8],
    options: &EncryptOptions<'_>,
) -> Result<(Head, Vec<u8>)> {
    let body = key.key.encrypt(rng, plain, options.aad)?;
    attach_signature(rng, key.id, body, options.signer)
}

/// Encrypts bytes to `head 0x00 body`. Errors: `Crypto`.
pub fn encrypt(
    rng: &mut dyn CryptoRng,
    key: ContentKey<'_>,
    plain: &[u8],
    options: &EncryptOptions<'_>,
) -> Result<Vec<u8>> {
    if options.signer.is_some() {
        let (head, body) = encrypt_raw(rng, key, plain, options)?;
        return Ok(join(&head, &body));
    }
    let head = join(&Head { id: key.id.to_owned(), sign: None }, &[]);
    Ok(key.key.encrypt_after(head, rng, plain, options.aad)?)
}

/// Encrypts text to b64 of `head 0x00 body`. Errors: `Crypto`.
pub fn encrypt_string(
    rng: &mut dyn CryptoRng,
    key: ContentKey<'_>,
    plain: &str,
    options: &EncryptOptions<'_>,
) -> Result<String> {
    Ok(b64_encode(&encrypt(rng, key, plain.as_bytes(), options)?))
}

/// Opens a body with its head.
///
/// # Errors
/// `NotSigned` when a signature is demanded and there is none; `Crypto(Signature)` for a wrong one; `Content` for a cut
/// body; `Algorithm`; `Crypto(Decrypt)` for a wrong key or aad and for changed data.
pub fn decrypt_raw(key: &SymKey, head: &Head, body: &[u8], options: &DecryptOptions<'_>) -> Result<Zeroizing<Vec<u8>>> {
    Ok(key.decrypt(detach_signature(head.sign.as_ref(), body, options.verify)?, options.aad)?)
}

/// Opens `head 0x00 body`. Find `key` by the id in [`head`]. Errors: `Content`, and as [`decrypt_raw`].
pub fn decrypt(key: &SymKey, content: &[u8], options: &DecryptOptions<'_>) -> Result<Zeroizing<Vec<u8>>> {
    let (head, body) = split(content)?;
    decrypt_raw(key, &head, body, options)
}

/// Opens the string form. Errors: as [`decrypt`]; `Content` also when the plaintext is no UTF-8.
pub fn decrypt_string(key: &SymKey, content: &str, options: &DecryptOptions<'_>) -> Result<String> {
    utf8(&decrypt(key, &from_string(content)?, options)?)
}

/// Encrypts bytes for the holder of a public key (another user, a group). No AAD in this form.
/// Output: `head 0x00 body`, the head's id is the public key's. Errors: `Crypto`.
pub fn encrypt_asymmetric(
    rng: &mut dyn CryptoRng,
    to: &UserPublicKey,
    plain: &[u8],
    signer: Option<Signer<'_>>,
) -> Result<Vec<u8>> {
    let body = to.key().encrypt(rng, plain)?;
    let (head, body) = attach_signature(rng, to.id(), body, signer)?;
    Ok(join(&head, &body))
}

/// As [`encrypt_asymmetric`], text to b64.
pub fn encrypt_string_asymmetric(
    rng: &mut dyn CryptoRng,
    to: &UserPublicKey,
    plain: &str,
    signer: Option<Signer<'_>>,
) -> Result<String> {
    Ok(b64_encode(&encrypt_asymmetric(rng, to, plain.as_bytes(), signer)?))
}

/// Opens what was encrypted for the public key of `secret`. Errors: as [`decrypt`].
pub fn decrypt_asymmetric(
    secret: &SecretKey,
    content: &[u8],
    verify: Option<&VerifyKey>,
) -> Result<Zeroizing<Vec<u8>>> {
    let (head, body) = split(content)?;
    Ok(secret.decrypt(detach_signature(head.sign.as_ref(), body, verify)?)?)
}

/// As [`decrypt_asymmetric`], b64 to text.
pub fn decrypt_string_asymmetric(secret: &SecretKey, content: &str, verify: Option<&VerifyKey>) -> Result<String> {
    utf8(&decrypt_asymmetric(secret, &from_string(content)?, verify)?)
}

/// The head of `head 0x00 body`: which keys to look for. Errors: `Content`.
pub fn head(content: &[u8]) -> Result<Head> {
    Ok(split(content)?.0)
}

/// The head of the string form. Errors: `Content`.
pub fn string_head(content: &str) -> Result<Head> {
    head(&from_string(content)?)
}

/// Splits `head 0x00 body`. Errors: `Content`.
pub fn split(content: &[u8]) -> Result<(Head, &[u8])> {
    split_as(content)
}

/// Splits what has a head of another kind in front. Errors: `Content`.
pub(crate) fn split_as<H: DeserializeOwned>(content: &[u8]) -> Result<(H, &[u8])> {
    let end = content.iter().take(MAX_HEAD).position(|b| *b == 0).ok_or(SdkError::Content)?;
    let (head, rest) = content.split_at_checked(end).ok_or(SdkError::Content)?;
    let head = serde_json::from_slice(head).or(Err(SdkError::Content))?;
    Ok((head, rest.split_first().ok_or(SdkError::Content)?.1))
}

fn attach_signature(
    rng: &mut dyn CryptoRng,
    id: &str,
    body: Vec<u8>,
    signer: Option<Signer<'_>>,
) -> Result<(Head, Vec<u8>)> {
    let (sign, body) = sign_body(rng, body, signer)?;
    Ok((Head { id: id.to_owned(), sign }, body))
}

/// Puts a signature in front of a body, when there is a signer.
pub(crate) fn sign_body(
    rng: &mut dyn CryptoRng,
    body: Vec<u8>,
    signer: Option<Signer<'_>>,
) -> Result<(Option<SignHead>, Vec<u8>)> {
    let Some(s) = signer else { return Ok((None, body)) };
    let sign = SignHead { id: s.key_id.to_owned(), alg: s.key.alg().to_owned() };
    Ok((Some(sign), s.key.sign_attached(rng, &body)?))
}

/// Takes the signature off a body, and checks it when a key is given.
pub(crate) fn detach_signature<'b>(
    sign: Option<&SignHead>,
    body: &'b [u8],
    verify: Option<&VerifyKey>,
) -> Result<&'b [u8]> {
    match (sign, verify) {
        (None, None) => Ok(body),
        (None, Some(_)) => Err(SdkError::NotSigned),
        (Some(_), Some(verify)) => Ok(verify.verify_attached(body)?),
        (Some(sign), None) => {
            let (_sig, rest) = body.split_at_checked(signature_len(&sign.alg)?).ok_or(SdkError::Content)?;
            Ok(rest)
        }
    }
}

/// Raw length of a signature: how much stands in front of the ciphertext. Errors: `Algorithm`.
fn signature_len(alg: &str) -> Result<usize> {
    const ED25519: usize = 64;
    const DILITHIUM_3: usize = 3293;
    suite::check(suite::SIGN, alg)?;
    match alg {
        sign::ED25519 => Ok(ED25519),
        sign::DILITHIUM_3 => Ok(DILITHIUM_3),
        sign::ED25519_DILITHIUM_3 => Ok(ED25519 + DILITHIUM_3),
        _ => Err(SdkError::Algorithm),
    }
}

fn join(head: &Head, body: &[u8]) -> Vec<u8> {
    let mut out = wire::to_json(head).into_bytes();
    out.push(0);
    out.extend_from_slice(body);
    out
}

/// Moves opened content out of its wrapper, for callers who want a vector of their own: it is neither copied nor wiped.
///
/// ```
/// # use keystead_sdk_core::content::into_vec;
/// # use zeroize::Zeroizing;
/// let opened = Zeroizing::new(b"text".to_vec());
/// assert_eq!(into_vec(opened), b"text");
/// ```
#[must_use]
pub fn into_vec(mut plain: Zeroizing<Vec<u8>>) -> Vec<u8> {
    core::mem::take(&mut *plain)
}

fn from_string(content: &str) -> Result<Vec<u8>> {
    b64_decode(content).or(Err(SdkError::Content))
}

fn utf8(plain: &[u8]) -> Result<String> {
    Ok(core::str::from_utf8(plain).or(Err(SdkError::Content))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use keystead_crypto::{CryptoError, rng};

    #[test]
    fn signed_content_round_trip_and_refusals() {
        let r = &mut rng::os();
        let key = SymKey::generate(r);
        for alg in suite::SIGN {
            let (sign_key, verify) = sign::generate(alg, r).expect("allowed algorithm");
            assert_eq!(sign_key.sign(r, b"").expect("signs").to_bytes().len(), signature_len(alg).expect("known"));
            let signer = Signer { user_id: "u", key_id: "s1", key: &sign_key };
            let options = EncryptOptions { aad: b"slot", signer: Some(signer) };
            let mut out = encrypt(r, ContentKey { id: "k", key: &key }, b"text", &options).expect("encrypts");
            let aad = DecryptOptions { aad: b"slot", verify: None };
            let checked = DecryptOptions { aad: b"slot", verify: Some(&verify) };
            assert_eq!(decrypt(&key, &out, &aad).expect("opens").as_slice(), b"text");
            assert_eq!(decrypt(&key, &out, &checked).expect("opens").as_slice(), b"text");
            assert_eq!(decrypt(&key, &out, &DecryptOptions::default()), Err(CryptoError::Decrypt.into()));
            *out.last_mut().expect("not empty") ^= 1;
            assert_eq!(decrypt(&key, &out, &checked), Err(CryptoError::Signature.into()));
        }
        let plain =
            encrypt(r, ContentKey { id: "k", key: &key }, b"text", &EncryptOptions::default()).expect("encrypts");
        let (_, verify) = sign::generate(sign::ED25519, r).expect("allowed algorithm");
        let want = DecryptOptions { aad: b"", verify: Some(&verify) };
        assert_eq!(decrypt(&key, &plain, &want), Err(SdkError::NotSigned));
    }

    #[test]
    fn broken_heads() {
        let key = SymKey::generate(&mut rng::os());
        let long = [b"{\"id\":\"".as_slice(), &[b'a'; MAX_HEAD], b"\",\"sign\":null}\0"].concat();
        let unknown = b"{\"id\":\"k\",\"sign\":{\"id\":\"s\",\"alg\":\"RSA\"}}\0xxx".as_slice();
        let none = DecryptOptions::default();
        for bad in [b"".as_slice(), b"\0", b"{}\0", b"{\"id\":\"k\",\"sign\":null}", b"[1]\0abc", &long] {
            assert_eq!(decrypt(&key, bad, &none), Err(SdkError::Content));
        }
        assert_eq!(decrypt(&key, unknown, &none), Err(SdkError::Algorithm));
        assert_eq!(decrypt_string(&key, "§", &none), Err(SdkError::Content));
    }

    #[test]
    fn head_layout_is_frozen() {
        let head = Head { id: "k".into(), sign: Some(SignHead { id: "s".into(), alg: "ED25519".into() }) };
        insta::assert_snapshot!(wire::to_json(&head), @r#"{"id":"k","sign":{"id":"s","alg":"ED25519"}}"#);
        insta::assert_snapshot!(wire::to_json(&Head { id: "k".into(), sign: None }), @r#"{"id":"k","sign":null}"#);
    }
}
