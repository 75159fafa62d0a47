//! Rotation of the user's own keys over his devices.

use keystead_sdk_core::group::{PrivateKeys, done_key_rotation_start, get_done_key_rotation_server_input};
use keystead_sdk_core::user::{self, done_user_key_rotation, prepare_user_key_rotation};
use keystead_sdk_core::{SdkError, rng};

use super::StdUser;
use crate::client::id;
use crate::{Error, Result};

/// Lists that are asked for at most.
const MAX_ROUNDS: usize = 10;

impl StdUser {
    /// The body of `POST /user/user_keys/rotation`, for a transport of your own.
    pub fn prepare_key_rotation(&self) -> Result<String> {
        Ok(prepare_user_key_rotation(&mut rng::os(), &self.data())?)
    }

    /// Gives the user new keys: others encrypt for the new public key, and the new sign key signs from now on; the old one
    /// vouches for it. Gives the new keys' id. The user's other devices take them with
    /// [`finish_key_rotation`](Self::finish_key_rotation). Old keys stay, for what they encrypted.
    ///
    /// # Errors
    /// `Sdk(Server)` 321 when the app's limit for this month is reached.
    pub async fn key_rotation(&self) -> Result<String> {
        let out = self.post("/user/user_keys/rotation", Some(self.prepare_key_rotation()?)).await?;
        let key_id = done_key_rotation_start(&out)?;
        self.reload_keys().await?;
        Ok(key_id)
    }

    /// Takes the user keys of all rotations on other devices that wait for this device; gives their number.
    ///
    /// # Errors
    /// `Sdk(KeyNotFound)` when a waiting key needs one that this device never got; those before it are taken.
    pub async fn finish_key_rotation(&self) -> Result<usize> {
        let mut taken = 0;
        for _ in 0..MAX_ROUNDS {
            let items = get_done_key_rotation_server_input(&self.get("/user/user_keys/rotation").await?)?;
            let items: Vec<_> = items.into_iter().filter(|item| item.error.is_none()).collect();
            if items.is_empty() {
                return Ok(taken);
            }
            let before = taken;
            for item in &items {
                if self.data().key(&item.previous_group_key_id).is_err() {
                    self.reload_keys().await?;
                }
                let body = match done_user_key_rotation(&mut rng::os(), item, &self.data()) {
                    // Its previous key may be one of those behind it.
                    Err(SdkError::KeyNotFound) => continue,
                    other => other?,
                };
                let path = format!("/user/user_keys/rotation/{}", id(&item.new_group_key_id)?);
                user::done_success(&self.put(&path, Some(body)).await?)?;
                taken += 1;
            }
            if taken == before {
                break;
            }
            self.reload_keys().await?;
        }
        Err(Error::Sdk(SdkError::KeyNotFound))
    }

    /// Sees to it that the user's private key with this id is at hand, wherever he rotated it. Errors: `Sdk(KeyNotFound)`.
    pub(crate) async fn hold_private_key(&self, key_id: &str) -> Result<()> {
        let has = || self.data().private_key(key_id).is_some();
        if !has() {
            self.reload_keys().await?;
        }
        if !has() {
            self.finish_key_rotation().await?;
        }
        if has() { Ok(()) } else { Err(SdkError::KeyNotFound.into()) }
    }
}
