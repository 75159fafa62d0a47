//! Key rotation of a group.

use keystead_sdk_core::group::{
    KeyRotationInput, PageCursor, PrivateKeys, done_key_rotation, done_key_rotation_start,
    get_done_key_rotation_server_input, prepare_key_rotation,
};
use keystead_sdk_core::{SdkError, rng, user};

use super::StdGroup;
use crate::client::id;
use crate::{Error, Result};

/// Lists that are asked for at most: of 50 keys each, and a key that another one needs comes in a later one.
const MAX_ROUNDS: usize = 10;

impl StdGroup {
    /// The body of `POST /group/:g/key_rotation`, for a transport of your own. The new group key is signed by this user.
    pub fn prepare_key_rotation(&self) -> Result<String> {
        let (data, user) = (self.data(), self.user().data());
        let own = match &self.inner.opener {
            None => user.newest_key()?.group_key().clone(),
            Some(group) => group.data().newest_key()?.clone(),
        };
        Ok(prepare_key_rotation(&mut rng::os(), data.keys(), &own, &user, true)?)
    }

    /// Gives the group a new key, which encrypts from now on; gives its id. The other members take it with
    /// [`finish_key_rotation`](Self::finish_key_rotation) when the server has got to them ([`key_update`](Self::key_update)).
    ///
    /// # Errors
    /// `Sdk(Server)` 301 for a rank that may not, 321 when the app's limit for this month is reached.
    pub async fn key_rotation(&self) -> Result<String> {
        let out = self.post("key_rotation", Some(self.prepare_key_rotation()?)).await?;
        let key_id = done_key_rotation_start(&out)?;
        self.fetch_key(&key_id).await?;
        Ok(key_id)
    }

    /// Takes the keys of all rotations that wait for this member; gives their number. Keys of the group, of the user or of
    /// the group that lets him in are fetched where they are missing. What the server could not encrypt for this member
    /// stays away: another one has to invite him again.
    ///
    /// # Errors
    /// `Sdk(KeyNotFound)` when a waiting key needs one that this member never got; those before it are taken.
    pub async fn finish_key_rotation(&self) -> Result<usize> {
        let mut taken = 0;
        for _ in 0..MAX_ROUNDS {
            let items = get_done_key_rotation_server_input(&self.get("key_rotation").await?)?;
            let items: Vec<_> = items.into_iter().filter(|item| item.error.is_none()).collect();
            if items.is_empty() {
                self.update_check().await?;
                return Ok(taken);
            }
            let before = taken;
            for item in &items {
                match self.take(item).await {
                    // Its previous key may be one of those behind it.
                    Err(Error::Sdk(SdkError::KeyNotFound)) => {}
                    other => {
                        other?;
                        taken += 1;
                    }
                }
            }
            if taken == before {
                break;
            }
        }
        Err(SdkError::KeyNotFound.into())
    }

    async fn take(&self, item: &KeyRotationInput) -> Result<()> {
        let previous = &item.previous_group_key_id;
        if self.data().key(previous).is_err() {
            match self.fetch_key(previous).await {
                Err(e) if e.server_code() == Some(304) => return Err(SdkError::KeyNotFound.into()),
                other => other?,
            }
        }
        self.hold_private_key(&item.encrypted_eph_key_key_id).await?;
        let body = {
            let (data, user) = (self.data(), self.user().data());
            let previous = data.key(previous)?;
            match &self.inner.opener {
                None => {
                    let own = user.newest_key()?.group_key();
                    done_key_rotation(&mut rng::os(), item, previous, &*user, own)?
                }
                Some(group) => {
                    let by = group.data();
                    done_key_rotation(&mut rng::os(), item, previous, &*by, by.newest_key()?)?
                }
            }
        };
        let out = self.put(&format!("key_rotation/{}", id(&item.new_group_key_id)?), Some(body)).await?;
        user::done_success(&out)?;
        self.fetch_key(&item.new_group_key_id).await
    }

    /// The private key may be of a rotation too: of the user's own keys on another device, or of the group that lets him in.
    async fn hold_private_key(&self, key_id: &str) -> Result<()> {
        match &self.inner.opener {
            None => self.user().hold_private_key(key_id).await,
            Some(group) => {
                let has = || group.data().private_key(key_id).is_some();
                if !has() {
                    Box::pin(group.load_keys_from(Some(PageCursor::first()))).await?;
                }
                if !has() {
                    Box::pin(group.finish_key_rotation()).await?;
                }
                if has() { Ok(()) } else { Err(SdkError::KeyNotFound.into()) }
            }
        }
    }
}
