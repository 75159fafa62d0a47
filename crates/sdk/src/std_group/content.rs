//! Encrypting and decrypting with the group's keys. No call is needed but to find another member's verify key.

use keystead_sdk_core::content::{self, DecryptOptions, EncryptOptions, Head};
use keystead_sdk_core::record::{self, Place};
use keystead_sdk_core::search::{self, SearchOutput, SortableOutput};
use keystead_sdk_core::{SdkError, rng};

use super::StdGroup;
use crate::Result;

impl StdGroup {
    /// Encrypts bytes with the newest group key.
    pub fn encrypt(&self, plain: &[u8]) -> Result<Vec<u8>> {
        self.encrypt_bytes(plain, b"", false)
    }

    /// As [`encrypt`](Self::encrypt), bound to `aad`: the same is needed to decrypt.
    pub fn encrypt_with_aad(&self, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>> {
        self.encrypt_bytes(plain, aad, false)
    }

    /// As [`encrypt`](Self::encrypt), signed by this user.
    pub fn encrypt_signed(&self, plain: &[u8]) -> Result<Vec<u8>> {
        self.encrypt_bytes(plain, b"", true)
    }

    /// Encrypts text with the newest group key: b64.
    pub fn encrypt_string(&self, plain: &str) -> Result<String> {
        self.encrypt_text(plain, b"", false)
    }

    /// As [`encrypt_string`](Self::encrypt_string), bound to `aad`.
    pub fn encrypt_string_with_aad(&self, plain: &str, aad: &str) -> Result<String> {
        self.encrypt_text(plain, aad.as_bytes(), false)
    }

    /// As [`encrypt_string`](Self::encrypt_string), signed by this user.
    pub fn encrypt_string_signed(&self, plain: &str) -> Result<String> {
        self.encrypt_text(plain, b"", true)
    }

    /// Decrypts bytes; a signature is not checked. Errors: `Sdk(KeyNotFound)` when the key is newer than this object:
    /// [`fetch_key`](Self::fetch_key) with the id in the head.
    pub fn decrypt(&self, encrypted: &[u8]) -> Result<Vec<u8>> {
        self.decrypt_with_aad(encrypted, b"")
    }

    /// As [`decrypt`](Self::decrypt), with the `aad` of the encryption.
    pub fn decrypt_with_aad(&self, encrypted: &[u8], aad: &[u8]) -> Result<Vec<u8>> {
        let data = self.data();
        let key = data.key(&content::head(encrypted)?.id)?.key();
        Ok(content::into_vec(content::decrypt(key, encrypted, &DecryptOptions { aad, verify: None })?))
    }

    /// As [`decrypt`](Self::decrypt), and demands the signature of this user. Fetches his verify key when it is not known.
    pub async fn decrypt_verified(&self, encrypted: &[u8], user_id: &str) -> Result<Vec<u8>> {
        let head = content::head(encrypted)?;
        let verify = self.verify_key(&head, user_id).await?;
        let data = self.data();
        let options = DecryptOptions { aad: b"", verify: Some(&verify) };
        Ok(content::into_vec(content::decrypt(data.key(&head.id)?.key(), encrypted, &options)?))
    }

    /// Decrypts text; a signature is not checked. Errors: as [`decrypt`](Self::decrypt).
    pub fn decrypt_string(&self, encrypted: &str) -> Result<String> {
        self.decrypt_string_with_aad(encrypted, "")
    }

    /// As [`decrypt_string`](Self::decrypt_string), with the `aad` of the encryption.
    pub fn decrypt_string_with_aad(&self, encrypted: &str, aad: &str) -> Result<String> {
        let data = self.data();
        let key = data.key(&content::string_head(encrypted)?.id)?.key();
        Ok(content::decrypt_string(key, encrypted, &DecryptOptions { aad: aad.as_bytes(), verify: None })?)
    }

    /// As [`decrypt_string`](Self::decrypt_string), and demands the signature of this user.
    pub async fn decrypt_string_verified(&self, encrypted: &str, user_id: &str) -> Result<String> {
        let head = content::string_head(encrypted)?;
        let verify = self.verify_key(&head, user_id).await?;
        let data = self.data();
        let options = DecryptOptions { aad: b"", verify: Some(&verify) };
        Ok(content::decrypt_string(data.key(&head.id)?.key(), encrypted, &options)?)
    }

    /// Seals the JSON text of a value, at most 1 MiB, as an attribute of a record of the data API: text that opens in this place only.
    /// Errors: `Sdk(Input)` for a place that no record has; `Sdk(ValueTooLarge)`.
    pub fn seal_value(&self, place: &Place<'_>, json: &str) -> Result<String> {
        Ok(record::seal_value(&mut rng::os(), self.data().newest_key()?.into(), place, json)?)
    }

    /// Opens a sealed value in its place: its JSON text. Errors: `Sdk(NotSealed)` for any other text; `Sdk(KeyNotFound)` when the key is
    /// newer than this object: [`fetch_key`](Self::fetch_key) with the id that `core::record::sealed_key_id` tells.
    pub fn open_value(&self, place: &Place<'_>, sealed: &str) -> Result<String> {
        let data = self.data();
        let key = data.key(record::sealed_key_id(sealed)?)?.key();
        Ok(record::open_value(key, place, sealed)?)
    }

    /// The token of a text, to be stored beside its sealed value and looked for. Errors: as [`search`](Self::search).
    pub fn search_value(&self, namespace: &str, attribute: &str, text: &str) -> Result<String> {
        let data = self.data();
        Ok(record::search_value(&search::newest(data.search_keys())?.key, namespace, attribute, text)?)
    }

    /// The hashes to store beside encrypted text, so that it can be found: with `full` one of the whole text, else one of
    /// each byte prefix, at most `limit` and at most 200. With the newest search key. Errors: `Sdk(KeyNotFound)` for a
    /// group of a client of 2022, which has none.
    pub fn create_search_raw(&self, text: &str, full: bool, limit: Option<usize>) -> Result<Vec<String>> {
        Ok(self.create_search(text, full, limit)?.hashes)
    }

    /// As [`create_search_raw`](Self::create_search_raw), with the id of the key: hashes of different keys cannot be
    /// compared.
    pub fn create_search(&self, text: &str, full: bool, limit: Option<usize>) -> Result<SearchOutput> {
        Ok(search::create_search(search::newest(self.data().search_keys())?, text, full, limit))
    }

    /// The hash of what is looked for: ask for rows that have it.
    pub fn search(&self, text: &str) -> Result<String> {
        Ok(search::search(self.data().search_keys(), text)?)
    }

    /// Sortable form of a number of 0 to 65532. Errors: `Sdk(KeyNotFound)` for a group without sort key;
    /// `Sdk(Crypto(Input))` above.
    pub fn encrypt_sortable_raw_number(&self, number: u64) -> Result<u64> {
        Ok(self.encrypt_sortable_number(number)?.number)
    }

    /// As [`encrypt_sortable_raw_number`](Self::encrypt_sortable_raw_number), with the id of the key.
    pub fn encrypt_sortable_number(&self, number: u64) -> Result<SortableOutput> {
        Ok(search::encrypt_sortable_number(search::newest(self.data().sort_keys())?, number)?)
    }

    /// Sortable form of a text's first four bytes.
    pub fn encrypt_sortable_raw_string(&self, text: &str) -> Result<u64> {
        Ok(self.encrypt_sortable_string(text)?.number)
    }

    /// As [`encrypt_sortable_raw_string`](Self::encrypt_sortable_raw_string), with the id of the key.
    pub fn encrypt_sortable_string(&self, text: &str) -> Result<SortableOutput> {
        Ok(search::encrypt_sortable_string(search::newest(self.data().sort_keys())?, text)?)
    }

    fn encrypt_bytes(&self, plain: &[u8], aad: &[u8], sign: bool) -> Result<Vec<u8>> {
        let (data, user) = (self.data(), self.user().data());
        let signer = if sign { Some(user.signer()?) } else { None };
        Ok(content::encrypt(&mut rng::os(), data.newest_key()?.into(), plain, &EncryptOptions { aad, signer })?)
    }

    fn encrypt_text(&self, plain: &str, aad: &[u8], sign: bool) -> Result<String> {
        let (data, user) = (self.data(), self.user().data());
        let signer = if sign { Some(user.signer()?) } else { None };
        Ok(content::encrypt_string(&mut rng::os(), data.newest_key()?.into(), plain, &EncryptOptions { aad, signer })?)
    }

    async fn verify_key(&self, head: &Head, user_id: &str) -> Result<keystead_sdk_core::crypto::sign::VerifyKey> {
        let sign = head.sign.as_ref().ok_or(SdkError::NotSigned)?;
        self.user().client().verify_key(user_id, &sign.id).await
    }
}
