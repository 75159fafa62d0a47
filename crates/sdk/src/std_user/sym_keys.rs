//! Symmetric keys beside the user's own: one per document, say.

use keystead_sdk_core::sym_key::{self, SymmetricKey};
use keystead_sdk_core::{rng, user};

use super::StdUser;
use crate::Result;
use crate::client::id;

impl StdUser {
    /// Makes a symmetric key that the application keeps as JSON text, wrapped by this user's newest key.
    pub fn generate_non_register_key(&self) -> Result<(String, SymmetricKey)> {
        let data = self.data();
        Ok(sym_key::make_non_registered_sym_key(&mut rng::os(), data.newest_key()?.group_key())?)
    }

    /// Opens the JSON text of [`generate_non_register_key`](Self::generate_non_register_key).
    pub fn get_non_registered_key(&self, json: &str) -> Result<SymmetricKey> {
        let wrapped = sym_key::read_sym_key(json)?;
        let data = self.data();
        Ok(sym_key::open_sym_key(&wrapped, data.key(&wrapped.master_key_id)?.group_key())?)
    }

    /// Makes a symmetric key that the server keeps, wrapped by this user's newest key.
    pub async fn register_key(&self) -> Result<SymmetricKey> {
        let data = self.data();
        let master = data.newest_key()?.group_key();
        let (body, key) = sym_key::prepare_register_sym_key(&mut rng::os(), master)?;
        let out = self.post("/keys/sym_key", Some(body)).await?;
        Ok(sym_key::done_register_sym_key(&out, key, master)?)
    }

    /// Fetches and opens a registered key of this user. Errors: `Sdk(Server)` 400; `Sdk(KeyNotFound)` when another key
    /// wraps it.
    pub async fn fetch_key(&self, key_id: &str) -> Result<SymmetricKey> {
        let out = self.get(&format!("/keys/sym_key/{}", id(key_id)?)).await?;
        let wrapped = sym_key::done_fetch_sym_key(&out)?;
        let data = self.data();
        Ok(sym_key::open_sym_key(&wrapped, data.key(&wrapped.master_key_id)?.group_key())?)
    }

    /// Deletes a key that this user registered, a group's too. Errors: `Sdk(Server)` 400.
    pub async fn delete_key(&self, key_id: &str) -> Result<()> {
        Ok(user::done_success(&self.delete(&format!("/keys/sym_key/{}", id(key_id)?)).await?)?)
    }
}
