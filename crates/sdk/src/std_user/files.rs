//! Files of a user: his own, and for another user.

use keystead_sdk_core::file::FileData;
use keystead_sdk_core::group::GroupKey;
use keystead_sdk_core::rng;
use keystead_sdk_core::sym_key::{self, SymmetricKey};
use tokio::io::{AsyncRead, AsyncWrite};

use super::StdUser;
use crate::Result;
use crate::files::{CreateFile, CreatedFile, DownloadFile, DownloadedFile, Place};

impl StdUser {
    /// Encrypts a file with a new key and uploads it, part by part. The key is wrapped by this user's newest key, or for
    /// [`CreateFile::to`].
    ///
    /// # Errors
    /// `Io` when it cannot be read; `Sdk(Server)` 520 when the app takes no files; `Network` after several tries.
    pub async fn create_file(
        &self,
        source: &mut (impl AsyncRead + Unpin + Send),
        options: CreateFile<'_>,
    ) -> Result<CreatedFile> {
        let (wrapped, key) = match options.to {
            None => self.generate_non_register_key()?,
            Some(user_id) => {
                let to = self.get_user_public_key(user_id).await?;
                sym_key::make_non_registered_sym_key_by_public_key(&mut rng::os(), &to)?
            }
        };
        self.files().create(source, &wrapped, key, options).await
    }

    /// Downloads a file and writes it, decrypted, part by part.
    ///
    /// # Errors
    /// `Io` when it cannot be written; `Sdk(Server)` 512, 521; `Sdk(KeyNotFound)` when its key is not for this user.
    pub async fn download_file(
        &self,
        file_id: &str,
        sink: &mut (impl AsyncWrite + Unpin + Send),
        options: DownloadFile<'_>,
    ) -> Result<DownloadedFile> {
        self.files().download(file_id, sink, options, |id| self.master_key(id)).await
    }

    /// What the server tells about a file.
    pub async fn get_file(&self, file_id: &str) -> Result<FileData> {
        self.files().data(file_id).await
    }

    /// The key of a file.
    pub async fn get_file_key(&self, file: &FileData) -> Result<SymmetricKey> {
        self.files().open_key(file, |id| self.master_key(id)).await
    }

    /// Gives a file of this user another name; `None` removes it.
    pub async fn update_file_name(&self, file_id: &str, key: &SymmetricKey, name: Option<&str>) -> Result<()> {
        self.files().rename(file_id, key, name).await
    }

    /// Deletes a file of this user.
    pub async fn delete_file(&self, file_id: &str) -> Result<()> {
        self.files().delete(file_id).await
    }

    fn files(&self) -> Place<'_> {
        Place { user: self, group_id: None, via: None }
    }

    fn master_key(&self, id: &str) -> Result<GroupKey> {
        Ok(self.data().key(id)?.group_key().clone())
    }
}
