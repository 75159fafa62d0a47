//! What a user does with his account: devices, identifier, password, second factor, deletion.

use keystead_sdk_core::group::done_invite;
use keystead_sdk_core::search::{self, SearchOutput};
use keystead_sdk_core::user::{self, DeviceListItem, OtpRegister, UserPublicKey, VerifyKeyData};
use keystead_sdk_core::{content, rng};

use super::StdUser;
use super::session::derive;
use crate::client::{Call, blocking, id};
use crate::{Result, SdkError};

impl StdUser {
    /// Gives a new device all user keys. `server_output`: the text that `Client::register_device_start` gave on the new
    /// device. Afterwards the new device can log in.
    pub async fn register_device(&self, server_output: &str) -> Result<()> {
        let pages = user::prepare_register_device(&mut rng::os(), server_output, &self.data())?;
        let out = self.put("/user/done_register_device", Some(pages.first)).await?;
        let Some(session) = done_invite(&out)? else { return Ok(()) };
        for page in pages.further {
            let out = self.put(&format!("/user/user_keys/session/{}", id(&session)?), Some(page)).await?;
            user::done_success(&out)?;
        }
        Ok(())
    }

    /// A page of the user's devices, oldest first; `last` is the last item of the page before.
    pub async fn get_devices(&self, last: Option<&DeviceListItem>) -> Result<Vec<DeviceListItem>> {
        let (time, last_id) = last.map_or((0, "none"), |d| (d.time, d.device_id.as_str()));
        let out = self.get(&format!("/user/device/{time}/{}", id(last_id)?)).await?;
        Ok(user::done_device_list(&out)?)
    }

    /// Deletes one of the user's devices. Needs a fresh JWT. Errors: `Sdk(Server)` 115 for the last one, 116, 113.
    pub async fn delete_device(&self, device_id: &str) -> Result<()> {
        let out = self.delete(&format!("/user/device/{}", id(device_id)?)).await?;
        Ok(user::done_success(&out)?)
    }

    /// Renames this device. Errors: `Sdk(Server)` 101 when the identifier is taken.
    pub async fn update_identifier(&self, identifier: &str) -> Result<()> {
        let out = self.put("/user", Some(user::prepare_user_identifier_update(identifier))).await?;
        user::done_success(&out)?;
        self.set_identifier(identifier);
        Ok(())
    }

    /// Changes the password of this device. Needs a fresh JWT, and an account without second factor: with one use
    /// [`reset_password`](Self::reset_password). Errors: `Sdk(Server)` 112 for a wrong old password, 113.
    pub async fn change_password(&self, old_password: &str, new_password: &str) -> Result<()> {
        let (body, start) = derive(self.client(), &self.identifier(), old_password).await?;
        let out = self.client().post("/done_login", Call { body: Some(body), ..Call::default() }).await?;
        let user::LoginStep::Direct(login) = user::done_login(&start, &out)? else {
            return Err(crate::Error::SecondFactor);
        };
        let (new, token) = (new_password.to_owned(), self.refresh_token().to_owned());
        let body =
            blocking(move || user::prepare_change_password(&mut rng::os(), &start, &login, &new, Some(&token))).await?;
        let out = self.put("/user/update_pw", Some(body)).await?;
        Ok(user::done_success(&out)?)
    }

    /// Sets a new password for this device, which still holds its keys. Errors: `Sdk(Server)` 113 where the server wants
    /// a fresh JWT.
    pub async fn reset_password(&self, new_password: &str) -> Result<()> {
        let (data, new, token) = (self.data(), new_password.to_owned(), self.refresh_token().to_owned());
        let body =
            blocking(move || user::prepare_reset_password(&mut rng::os(), &new, data.device(), Some(&token))).await?;
        let out = self.put("/user/reset_pw", Some(body)).await?;
        Ok(user::done_success(&out)?)
    }

    /// Deletes the account. Needs a fresh JWT. With the default options of an app only its backend may do this
    /// (`Sdk(Server)` 203).
    pub async fn delete_user(&self) -> Result<()> {
        let out = self.delete("/user").await?;
        Ok(user::done_success(&out)?)
    }

    /// Switches the second factor on: secret (base32) and recovery keys, to be shown once.
    pub async fn register_otp(&self) -> Result<OtpRegister> {
        Ok(user::done_register_otp(&self.patch("/user/register_otp").await?)?)
    }

    /// Replaces the second factor. Needs a fresh JWT.
    pub async fn reset_otp(&self) -> Result<OtpRegister> {
        Ok(user::done_register_otp(&self.patch("/user/reset_otp").await?)?)
    }

    /// Switches the second factor off. Needs a fresh JWT.
    pub async fn disable_otp(&self) -> Result<()> {
        Ok(user::done_success(&self.patch("/user/disable_otp").await?)?)
    }

    /// The unused recovery keys. Needs a fresh JWT.
    pub async fn get_recovery_keys(&self) -> Result<Vec<String>> {
        Ok(user::done_otp_recovery_keys(&self.get("/user/otp_recovery_keys").await?)?)
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
