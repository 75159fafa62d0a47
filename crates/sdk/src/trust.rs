//! Keys of others: fetched, checked, pinned.

use keystead_sdk_core::SdkError;
use keystead_sdk_core::crypto::sign::VerifyKey;
use keystead_sdk_core::user::{
    self, Pin, UncheckedPublicKey, UserPublicKey, VerifyKeyData, VerifyKeyProof, VerifyKeys,
};

use crate::client::{Call, id};
use crate::{Client, Result};

/// More rotations than a client can have slept through; the rest of a longer chain is not fetched.
const MAX_CHAIN: usize = 64;

impl Client {
    /// A user's newest public key, its signature checked with his pinned verify key.
    ///
    /// # Errors
    /// Each lie has its own: `Sdk(PublicKeySignature)` for a wrong signature, `Sdk(UnsignedPublicKey)` when a user who
    /// signed before shows an unsigned key, `Sdk(PinnedKey)` for another key under a known id, `Sdk(ChangedKey)` for a
    /// further one that the known one does not vouch for ([`shown_verify_key`](Self::shown_verify_key)), `Sdk(OldKey)`
    /// for one that was replaced, `Sdk(WeakAlgorithm)`; `Sdk(Server)` 100 when there is no such user.
    pub async fn public_key(&self, user_id: &str) -> Result<UserPublicKey> {
        let key = self.fetch_public_key(user_id).await?;
        if let Some(sig_key_id) = key.sig_key_id() {
            self.pin_verify_key(user_id, sig_key_id).await?;
        }
        Ok(self.pins().check_public_key(user_id, key)?)
    }

    /// The verify key that the server shows for this user now. It is not believed: after `ChangedKey` compare the safety
    /// number ([`StdUser::safety_number_with`](crate::keys::StdUser::safety_number_with)), then
    /// [`accept_verify_key`](Self::accept_verify_key). Errors: `Sdk(UnsignedPublicKey)` for an account of a client of
    /// 2022, which has nothing to compare; `Sdk(Server)` 100.
    pub async fn shown_verify_key(&self, user_id: &str) -> Result<VerifyKeyData> {
        let key = self.fetch_public_key(user_id).await?;
        let key_id = key.sig_key_id().ok_or(SdkError::UnsignedPublicKey)?;
        Ok(self.fetch_verify_key(user_id, key_id).await?.0)
    }

    /// Believes a user's new verify key because the application knows better. Errors: `Sdk(PinnedKey)` when another key
    /// is pinned under its id ([`forget_user`](Self::forget_user) first).
    pub fn accept_verify_key(&self, user_id: &str, key: &VerifyKeyData) -> Result<()> {
        Ok(self.pins().accept(user_id, key)?)
    }

    /// Believes an older verify key of a user, as it stands under content of long ago. Errors: as
    /// [`accept_verify_key`](Self::accept_verify_key); `Sdk(Server)` 100.
    pub async fn accept_old_verify_key(&self, user_id: &str, key_id: &str) -> Result<()> {
        let (data, _proof) = self.fetch_verify_key(user_id, key_id).await?;
        Ok(self.pins().accept_old(user_id, &data)?)
    }

    /// Forgets all keys of a user: he is a stranger again, whose next key is believed. For accounts that were reset.
    ///
    /// ```
    /// let client = keystead::Client::new("http://127.0.0.1:8090", "token")?;
    /// client.forget_user("user-1");
    /// assert!(!client.verify_key_changed("user-1"));
    /// # Ok::<(), keystead::Error>(())
    /// ```
    pub fn forget_user(&self, user_id: &str) {
        self.pins().forget(user_id);
    }

    /// Forgets what was seen of a group, as after it was reset: see `MissingKeys`, `OldKey`.
    pub fn forget_group(&self, group_id: &str) {
        self.pins().forget_group(group_id);
    }

    /// True when a further verify key of this user was taken without proof, as the policy `Changed::Report` has it: he
    /// rotated his keys, or the server lies. Compare safety numbers.
    #[must_use]
    pub fn verify_key_changed(&self, user_id: &str) -> bool {
        self.pins().changed(user_id)
    }

    /// What was seen so far of users and groups, as JSON text for storage on the device. Tells whom this client knows.
    ///
    /// ```
    /// let client = keystead::Client::new("http://127.0.0.1:8090", "token")?;
    /// let stored = client.export_pins();
    /// assert_eq!(stored, r#"{"users":[],"groups":[],"devices":[]}"#);
    /// client.import_pins(&stored)?; // at the next start
    /// # Ok::<(), keystead::Error>(())
    /// ```
    #[must_use]
    pub fn export_pins(&self) -> String {
        self.pins().export()
    }

    /// Puts stored pins in place, replacing those seen so far. Errors: `Sdk(Input)` for another text.
    pub fn import_pins(&self, json: &str) -> Result<()> {
        *self.pins() = VerifyKeys::import(json)?;
        Ok(())
    }

    /// A group's public key (for an invite of a group). Groups do not sign; when a user of this client opened the group,
    /// the key must be the one he saw or a newer one. Errors: `Sdk(PinnedKey)`, `Sdk(OldKey)`, `Sdk(WeakAlgorithm)`;
    /// `Sdk(Server)` 304.
    pub async fn group_public_key(&self, group_id: &str) -> Result<UserPublicKey> {
        let out = self.get(&format!("/group/{}/public_key", id(group_id)?), Call::default()).await?;
        let key = user::done_fetch_public_key(&out)?;
        Ok(self.pins().check_group_public_key(group_id, key)?)
    }

    /// A user's verify key by id, pinned from now on. Errors: `Sdk(PinnedKey)`, `Sdk(ChangedKey)` (for a key of long ago
    /// see [`accept_old_verify_key`](Self::accept_old_verify_key)), `Sdk(Server)` 100.
    pub async fn verify_key(&self, user_id: &str, key_id: &str) -> Result<VerifyKey> {
        self.pin_verify_key(user_id, key_id).await?;
        Ok(self.pins().get(user_id, key_id).ok_or(SdkError::KeyNotFound)?.clone())
    }

    /// Fetches a verify key unless it is known. Of a known user also the keys between, as far as each names the one that
    /// vouches for it.
    pub(crate) async fn pin_verify_key(&self, user_id: &str, key_id: &str) -> Result<Pin> {
        let stranger = self.pins().newest(user_id).is_none();
        let mut chain: Vec<(VerifyKeyData, Option<VerifyKeyProof>)> = Vec::new();
        let mut at = key_id.to_owned();
        while self.pins().get(user_id, &at).is_none() {
            let (data, proof) = self.fetch_verify_key(user_id, &at).await?;
            let before = proof.as_ref().map(|p| p.signed_by_key_id.clone());
            chain.push((data, proof));
            match before {
                Some(before) if !stranger && chain.len() < MAX_CHAIN => at = before,
                _ => break,
            }
        }
        let mut pins = self.pins();
        // All or nothing: a chain that breaks leaves no trace.
        let mut after = pins.clone();
        let mut pin = Pin::Known;
        for (data, proof) in chain.iter().rev() {
            pin = after.pin_proven(user_id, data, proof.as_ref())?;
        }
        *pins = after;
        Ok(pin)
    }

    async fn fetch_public_key(&self, user_id: &str) -> Result<UncheckedPublicKey> {
        let out = self.get(&format!("/user/{}/public_key", id(user_id)?), Call::default()).await?;
        Ok(user::done_fetch_public_key(&out)?)
    }

    /// A verify key as the server shows it. Errors: `Sdk(WrongId)` for another one than was asked for.
    async fn fetch_verify_key(&self, user_id: &str, key_id: &str) -> Result<(VerifyKeyData, Option<VerifyKeyProof>)> {
        let out = self.get(&format!("/user/{}/verify_key/{}", id(user_id)?, id(key_id)?), Call::default()).await?;
        let data = user::done_fetch_verify_key(&out)?;
        if data.verify_key_id != key_id {
            return Err(SdkError::WrongId.into());
        }
        Ok((data, user::done_fetch_verify_key_proof(&out)?))
    }
}
