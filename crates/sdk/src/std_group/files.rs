//! Files of a group.

use keystead_sdk_core::file::FileData;
use keystead_sdk_core::group::GroupKey;
use keystead_sdk_core::sym_key::SymmetricKey;
use tokio::io::{AsyncRead, AsyncWrite};

use super::StdGroup;
use crate::Result;
use crate::files::{CreateFile, CreatedFile, DownloadFile, DownloadedFile, Place};

impl StdGroup {
    /// Encrypts a file for the group and uploads it, part by part. Its key is wrapped by the newest group key.
    ///
    /// # Errors
    /// `Io` when it cannot be read; `Sdk(Server)` 520 when the app takes no files; `Network` after several tries.
    pub async fn create_file(
        &self,
        source: &mut (impl AsyncRead + Unpin + Send),
        options: CreateFile<'_>,
    ) -> Result<CreatedFile> {
        let (wrapped, key) = self.generate_non_register_key()?;
        self.files().create(source, &wrapped, key, options).await
    }

    /// Downloads a file of the group and writes it, decrypted, part by part.
    ///
    /// # Errors
    /// `Io` when it cannot be written; `Sdk(Server)` 512; `Sdk(KeyNotFound)` when the file is newer than the keys of this
    /// object: [`fetch_key`](Self::fetch_key) with the `master_key_id` of [`get_file`](Self::get_file).
    pub async fn download_file(
        &self,
        file_id: &str,
        sink: &mut (impl AsyncWrite + Unpin + Send),
        options: DownloadFile<'_>,
    ) -> Result<DownloadedFile> {
        self.files().download(file_id, sink, options, |id| self.master_key(id)).await
    }

    /// What the server tells about a file of the group.
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

    /// Deletes a file of the group: one's own, or with rank 3 and better any.
    pub async fn delete_file(&self, file_id: &str) -> Result<()> {
        self.files().delete(file_id).await
    }

    fn files(&self) -> Place<'_> {
        Place { user: self.user(), group_id: Some(self.group_id()), via: self.inner.via.as_deref() }
    }

    fn master_key(&self, id: &str) -> Result<GroupKey> {
        Ok(self.data().key(id)?.clone())
    }
}
