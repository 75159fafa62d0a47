//! Symmetric keys beside the group's own: one per document, say.

use keystead_sdk_core::rng;
use keystead_sdk_core::sym_key::{self, SymmetricKey};

use super::StdGroup;
use crate::Result;
use crate::client::id;

impl StdGroup {
    /// Makes a symmetric key that the application keeps as JSON text, wrapped by the newest group key.
    pub fn generate_non_register_key(&self) -> Result<(String, SymmetricKey)> {
        Ok(sym_key::make_non_registered_sym_key(&mut rng::os(), self.data().newest_key()?)?)
    }

    /// Opens the JSON text of [`generate_non_register_key`](Self::generate_non_register_key).
    pub fn get_non_registered_key(&self, json: &str) -> Result<SymmetricKey> {
        let wrapped = sym_key::read_sym_key(json)?;
        Ok(sym_key::open_sym_key(&wrapped, self.data().key(&wrapped.master_key_id)?)?)
    }

    /// Makes a symmetric key that the server keeps, wrapped by the newest group key. Every member opens it by its id.
    pub async fn register_key(&self) -> Result<SymmetricKey> {
        let data = self.data();
        let master = data.newest_key()?;
        let (body, key) = sym_key::prepare_register_sym_key(&mut rng::os(), master)?;
        let out = self.user().post("/keys/sym_key", Some(body)).await?;
        Ok(sym_key::done_register_sym_key(&out, key, master)?)
    }

    /// Fetches and opens a registered key of the group. Errors: `Sdk(Server)` 400; `Sdk(KeyNotFound)` when another key
    /// wraps it.
    pub async fn fetch_sym_key(&self, key_id: &str) -> Result<SymmetricKey> {
        let out = self.user().get(&format!("/keys/sym_key/{}", id(key_id)?)).await?;
        let wrapped = sym_key::done_fetch_sym_key(&out)?;
        Ok(sym_key::open_sym_key(&wrapped, self.data().key(&wrapped.master_key_id)?)?)
    }

    /// A page of the keys that one of the group's keys wraps, newest first; `last` is the last one of the page before, with
    /// its time.
    pub async fn fetch_sym_keys(
        &self,
        master_key_id: &str,
        last: Option<(i64, &str)>,
    ) -> Result<Vec<(i64, SymmetricKey)>> {
        let (time, last_id) = last.unwrap_or((0, "none"));
        let path = format!("/keys/sym_key/master_key/{}/{time}/{}", id(master_key_id)?, id(last_id)?);
        let wrapped = sym_key::done_fetch_sym_keys(&self.user().get(&path).await?)?;
        let data = self.data();
        let master = data.key(master_key_id)?;
        let open = |k| Ok((sym_key_time(&k), sym_key::open_sym_key(&k, master)?));
        wrapped.into_iter().map(open).collect()
    }
}

const fn sym_key_time(key: &keystead_sdk_core::protocol::devices::SymKeyData) -> i64 {
    key.time
}
