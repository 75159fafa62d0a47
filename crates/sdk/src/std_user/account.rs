//! What a user does with his keys: for his further devices, for other users. The rest of his account is
//! [`Account`](crate::Account).

use keystead_sdk_core::group::done_invite;
use keystead_sdk_core::search::{self, SearchOutput};
use keystead_sdk_core::user::{self, NewDevicePages, UserPublicKey, VerifyKeyData};
use keystead_sdk_core::{content, rng};

use super::StdUser;
use crate::client::id;
use crate::{Result, SdkError};

impl StdUser {
    /// Gives a new device all user keys. `server_output`: the text that `Client::register_device_start` gave on the new
    /// device. Afterwards the new device can log in.
    pub async fn register_device(&self, server_output: &str) -> Result<()> {
        let pages = self.prepare_register_device(server_output)?;
        let out = self.put("/user/done_register_device", Some(pages.first)).await?;
        let Some(session) = done_invite(&out)? else { return Ok(()) };
        for page in pages.further {
            let out = self.put(&format!("/user/user_keys/session/{}", id(&session)?), Some(page)).await?;
            user::done_success(&out)?;
        }
        Ok(())
    }

    /// The bodies of [`register_device`](Self::register_device), for a transport of one's own.
    pub fn prepare_register_device(&self, server_output: &str) -> Result<NewDevicePages> {
        Ok(user::prepare_register_device(&mut rng::os(), server_output, &self.data())?)
    }

    /// Sets a new password for this device, which still holds its keys. Errors: `Sdk(Server)` 113 when the login is older
    /// than five minutes and the server wants a fresh one.
    pub async fn reset_password(&self, new_password: &str) -> Result<()> {
        self.reset_password_of(self.data().device().clone(), new_password).await
    }

    /// Another user's public key, checked. See [`Client::public_key`](crate::Client::public_key).
    pub async fn get_user_public_key(&self, user_id: &str) -> Result<UserPublicKey> {
        self.client().public_key(user_id).await
    }

    /// Encrypts text for another user: b64. `sign` adds this user's signature.
    pub async fn encrypt_string_for(&self, user_id: &str, text: &str, sign: bool) -> Result<String> {
        let to = self.get_user_public_key(user_id).await?;
        let data = self.data();
        let signer = if sign { Some(data.signer()?) } else { None };
        Ok(content::encrypt_string_asymmetric(&mut rng::os(), &to, text, signer)?)
    }

    /// Opens text that another user encrypted for this one. `from`: demands his signature. When the key is not known,
    /// user keys are fetched once more.
    pub async fn decrypt_string_for_me(&self, text: &str, from: Option<&str>) -> Result<String> {
        let head = content::string_head(text)?;
        if self.data().key(&head.id).is_err() {
            self.reload_keys().await?;
        }
        let verify = match from {
            None => None,
            Some(user_id) => {
                let sign = head.sign.as_ref().ok_or(SdkError::NotSigned)?;
                Some(self.client().verify_key(user_id, &sign.id).await?)
            }
        };
        let data = self.data();
        let secret = data.key(&head.id)?.group_key().secret();
        Ok(content::decrypt_string_asymmetric(secret, text, verify.as_ref())?)
    }

    /// The hashes to store beside the user's own encrypted text: as
    /// [`StdGroup::create_search`](crate::keys::StdGroup::create_search), with the search key of the user's devices. There is
    /// no sort key of a user on the wire. Errors: `Sdk(KeyNotFound)` for an account of a client of 2022.
    pub fn create_search(&self, text: &str, full: bool, limit: Option<usize>) -> Result<SearchOutput> {
        Ok(search::create_search(search::newest(self.data().search_keys())?, text, full, limit))
    }

    /// As [`create_search`](Self::create_search), the hashes alone.
    pub fn create_search_raw(&self, text: &str, full: bool, limit: Option<usize>) -> Result<Vec<String>> {
        Ok(self.create_search(text, full, limit)?.hashes)
    }

    /// The hash of what is looked for.
    pub fn search(&self, text: &str) -> Result<String> {
        Ok(search::search(self.data().search_keys(), text)?)
    }

    /// The safety number of this user, alone or with another one (his user id and the id of his verify key): both see the
    /// same 43 characters when nobody stands between. Compare it by voice or QR code. Errors: `Sdk(ChangedKey)` and the
    /// like when the other's key is not believed ([`safety_number_with`](Self::safety_number_with)).
    pub async fn create_safety_number(&self, other: Option<(&str, &str)>) -> Result<String> {
        let other_key = match other {
            None => None,
            Some((user_id, key_id)) => Some((self.client().verify_key(user_id, key_id).await?, user_id)),
        };
        let data = self.data();
        let own = (data.newest_key()?.verify_key(), self.user_id());
        Ok(user::create_safety_number(own, other_key.as_ref().map(|(k, id)| (k, *id))))
    }

    /// The safety number with a key that is only shown ([`Client::shown_verify_key`](crate::Client::shown_verify_key)), to
    /// be compared before it is accepted. Errors: `Sdk(Algorithm)`, `Sdk(Crypto)` for an unusable key.
    pub fn safety_number_with(&self, user_id: &str, key: &VerifyKeyData) -> Result<String> {
        let data = self.data();
        let own = (data.newest_key()?.verify_key(), self.user_id());
        Ok(user::create_safety_number(own, Some((&user::read_verify_key(key)?, user_id))))
    }

    /// Id of this user's newest verify key: with his user id what others need for the safety number.
    pub fn verify_key_id(&self) -> Result<String> {
        Ok(self.data().newest_key()?.id().to_owned())
    }
}
