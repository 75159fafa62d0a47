//! Files: read from and written to whatever the caller has, part by part. No more than two parts are in memory.

use keystead_sdk_core::content;
use keystead_sdk_core::crypto::sign::VerifyKey;
use keystead_sdk_core::crypto::sym::SymKey;
use keystead_sdk_core::file::{self, BelongsTo, FileData, FileKey, PART_PAGE, PART_SIZE, PartListItem};
use keystead_sdk_core::group::GroupKey;
use keystead_sdk_core::sym_key::{self, SymmetricKey};
use keystead_sdk_core::{SdkError, rng};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::client::{Call, id};
use crate::keys::StdUser;
use crate::{Error, Result};

/// How often a part is sent when the connection breaks.
const TRIES: usize = 4;

/// Is called after each part with the plain bytes that are done.
pub type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);

/// How a file is made. The default has no name, is not signed and is for nobody else.
#[derive(Default)]
pub struct CreateFile<'a> {
    /// Name, which is encrypted.
    pub name: Option<&'a str>,
    /// Signs name and parts with this user's key.
    pub sign: bool,
    /// Only for files that are no group's: the user who gets it. Only he can open it; keep [`CreatedFile::key`] to do so too.
    pub to: Option<&'a str>,
    /// Is called after each part.
    pub progress: Option<Progress<'a>>,
}

/// How a file is read. The default ignores signatures.
#[derive(Default)]
pub struct DownloadFile<'a> {
    /// Demands that this user has signed the parts.
    pub verify: Option<&'a str>,
    /// Is called after each part.
    pub progress: Option<Progress<'a>>,
}

/// A new file. Secret: `key`.
#[derive(Debug, Clone)]
pub struct CreatedFile {
    /// File id.
    pub file_id: String,
    /// Its key.
    pub key: SymmetricKey,
    /// Plain bytes.
    pub size: u64,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct DownloadedFile {
    /// What the server tells about it.
    pub data: FileData,
    /// Its name.
    pub name: Option<String>,
    /// Plain bytes.
    pub size: u64,
}

/// Where a user's files are: at large, or in one of his groups.
pub(crate) struct Place<'a> {
    pub(crate) user: &'a StdUser,
    pub(crate) group_id: Option<&'a str>,
    pub(crate) via: Option<&'a str>,
}

/// An upload that goes on.
struct Upload<'a> {
    place: &'a Place<'a>,
    session_id: String,
    key: SymKey,
    sequence: i32,
    sign: bool,
}

impl Place<'_> {
    /// Registers a file and uploads it. `wrapped` and `key` are the file's key.
    pub(crate) async fn create(
        &self,
        source: &mut (impl AsyncRead + Unpin + Send),
        wrapped: &str,
        key: SymmetricKey,
        mut options: CreateFile<'_>,
    ) -> Result<CreatedFile> {
        let belongs_to = match (self.group_id, options.to) {
            (Some(group_id), _) => BelongsTo::Group(group_id),
            (None, Some(user_id)) => BelongsTo::User(user_id),
            (None, None) => BelongsTo::Nobody,
        };
        let body = {
            let data = self.user.data();
            let signer = if options.sign { Some(data.signer()?) } else { None };
            file::prepare_register_file(&mut rng::os(), wrapped, &key, belongs_to, options.name, signer)?
        };
        let jwt = self.user.jwt();
        let call = Call { jwt: Some(&jwt), body: Some(body), via: self.via };
        let made = file::done_register_file(&self.user.client().post(&self.path("")?, call).await?)?;
        let mut upload =
            Upload { place: self, session_id: made.session_id, key: key.key.clone(), sequence: 0, sign: options.sign };
        let size = upload.all(source, &mut options.progress).await?;
        Ok(CreatedFile { file_id: made.file_id, key, size })
    }

    /// Reads a file into `sink`. `master` gives the keys that wrap files' keys.
    pub(crate) async fn download(
        &self,
        file_id: &str,
        sink: &mut (impl AsyncWrite + Unpin + Send),
        mut options: DownloadFile<'_>,
        master: impl Fn(&str) -> Result<GroupKey>,
    ) -> Result<DownloadedFile> {
        let data = self.data(file_id).await?;
        let key = self.open_key(&data, master).await?;
        let name = self.name(&data, &key, options.verify).await?;
        let parts = self.parts(&data).await?;
        let (mut key, mut size) = (key.key, 0_u64);
        for (expected, part) in (1..).zip(&parts) {
            // The chain of keys would notice too; this says it better.
            if part.sequence != expected {
                return Err(SdkError::Content.into());
            }
            let (plain, next) = {
                let jwt = self.user.jwt();
                let sealed = self.user.client().get_part(id(&part.part_id)?, &jwt, self.via).await?;
                let verify = self.verify_key(file::part_sign_key_id(&sealed)?, options.verify).await?;
                file::decrypt_file_part(&key, &sealed, verify.as_ref())?
            };
            sink.write_all(&plain).await.map_err(Error::Io)?;
            key = next;
            size += plain.len() as u64;
            if let Some(progress) = &mut options.progress {
                progress(size);
            }
        }
        sink.flush().await.map_err(Error::Io)?;
        Ok(DownloadedFile { data, name, size })
    }

    /// What the server tells about a file.
    pub(crate) async fn data(&self, file_id: &str) -> Result<FileData> {
        let jwt = self.user.jwt();
        let call = Call { jwt: Some(&jwt), body: None, via: self.via };
        let path = self.path(&format!("/{}", id(file_id)?))?;
        Ok(file::done_get_file(&self.user.client().get(&path, call).await?)?)
    }

    pub(crate) async fn delete(&self, file_id: &str) -> Result<()> {
        let jwt = self.user.jwt();
        let call = Call { jwt: Some(&jwt), body: None, via: self.via };
        let path = self.path(&format!("/{}", id(file_id)?))?;
        let out = self.user.client().delete(&path, call).await?;
        Ok(keystead_sdk_core::user::done_success(&out)?)
    }

    /// Gives a file another name; `None` removes it.
    pub(crate) async fn rename(&self, file_id: &str, key: &SymmetricKey, name: Option<&str>) -> Result<()> {
        let body = file::prepare_file_name_update(&mut rng::os(), key, name)?;
        let jwt = self.user.jwt();
        let call = Call { jwt: Some(&jwt), body: Some(body), via: self.via };
        let out = self.user.client().put(&format!("/file/{}", id(file_id)?), call).await?;
        Ok(keystead_sdk_core::user::done_success(&out)?)
    }

    /// The key of a file; that of a file of 2022 is fetched.
    pub(crate) async fn open_key(
        &self,
        data: &FileData,
        master: impl Fn(&str) -> Result<GroupKey>,
    ) -> Result<SymmetricKey> {
        let wrapped = match file::file_key(data)? {
            FileKey::Wrapped(wrapped) => wrapped,
            FileKey::Registered(key_id) => fetch_sym_key(self.user, &key_id).await?,
        };
        Ok(file::open_file_key(&wrapped, &master(&wrapped.master_key_id)?)?)
    }

    async fn name(&self, data: &FileData, key: &SymmetricKey, from: Option<&str>) -> Result<Option<String>> {
        let Some(encrypted) = data.encrypted_file_name.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let signer = content::string_head(encrypted)?.sign.map(|sign| sign.id);
        let verify = self.verify_key(signer, from).await?;
        Ok(Some(file::decrypt_file_name(&key.key, encrypted, verify.as_ref())?))
    }

    /// All parts: other servers give them in pages.
    async fn parts(&self, data: &FileData) -> Result<Vec<PartListItem>> {
        let mut parts = data.part_list.clone();
        let mut last = parts.len();
        while let (true, Some(part)) = (last >= PART_PAGE, parts.last()) {
            let path = format!("/file/{}/part_fetch/{}", id(&data.file_id)?, part.sequence);
            let jwt = self.user.jwt();
            let out = self.user.client().get(&path, Call { jwt: Some(&jwt), body: None, via: self.via }).await?;
            let page = file::done_part_list(&out)?;
            last = page.len();
            parts.extend(page);
        }
        Ok(parts)
    }

    /// The verify key that a signature names, when one is demanded.
    async fn verify_key(&self, key_id: Option<String>, from: Option<&str>) -> Result<Option<VerifyKey>> {
        let Some(user_id) = from else { return Ok(None) };
        let key_id = key_id.ok_or(SdkError::NotSigned)?;
        Ok(Some(self.user.client().verify_key(user_id, &key_id).await?))
    }

    fn path(&self, rest: &str) -> Result<String> {
        Ok(match self.group_id {
            Some(group_id) => format!("/group/{}/file{rest}", id(group_id)?),
            None => format!("/file{rest}"),
        })
    }
}

impl Upload<'_> {
    async fn all(
        &mut self,
        source: &mut (impl AsyncRead + Unpin + Send),
        progress: &mut Option<Progress<'_>>,
    ) -> Result<u64> {
        let mut buffer = Vec::with_capacity(PART_SIZE + 1);
        let mut size = 0;
        loop {
            // One byte more than a part tells whether another one follows.
            let wanted = (PART_SIZE + 1).saturating_sub(buffer.len()) as u64;
            (&mut *source).take(wanted).read_to_end(&mut buffer).await.map_err(Error::Io)?;
            let (plain, rest) = buffer.split_at_checked(PART_SIZE).unwrap_or((&buffer, &[]));
            if plain.is_empty() {
                return Ok(size);
            }
            let (end, first_of_next, length) = (rest.is_empty(), rest.first().copied(), plain.len() as u64);
            self.part(plain, end).await?;
            size += length;
            if let Some(progress) = progress {
                progress(size);
            }
            if end {
                return Ok(size);
            }
            buffer.clear();
            buffer.extend(first_of_next);
        }
    }

    /// Encrypts a part once and sends it until it is answered: the next part's key hangs on these very bytes.
    async fn part(&mut self, plain: &[u8], end: bool) -> Result<()> {
        let (sealed, next) = {
            let data = self.place.user.data();
            let signer = if self.sign { Some(data.signer()?) } else { None };
            file::encrypt_file_part(&mut rng::os(), &self.key, plain, signer)?
        };
        let sealed = bytes::Bytes::from(sealed);
        let place = format!("{}/{}/{end}", id(&self.session_id)?, self.sequence + 1);
        for attempt in 1.. {
            let jwt = self.place.user.jwt();
            match self.place.user.client().post_part(&place, &jwt, sealed.clone()).await {
                Err(Error::Network(_)) if attempt < TRIES => {}
                // The part had arrived, its answer had not.
                Err(e) if attempt > 1 && e.server_code() == Some(510) && self.is_finished().await? => break,
                Err(e) => return Err(e),
                Ok(out) => {
                    keystead_sdk_core::user::done_success(&out)?;
                    break;
                }
            }
        }
        self.key = next;
        self.sequence += 1;
        Ok(())
    }

    async fn is_finished(&self) -> Result<bool> {
        let out = self.place.user.get(&format!("/file/session/{}", id(&self.session_id)?)).await?;
        Ok(file::done_file_session(&out)?.finished)
    }
}

/// A registered key, still wrapped.
pub(crate) async fn fetch_sym_key(
    user: &StdUser,
    key_id: &str,
) -> Result<keystead_sdk_core::protocol::devices::SymKeyData> {
    let out = user.get(&format!("/keys/sym_key/{}", id(key_id)?)).await?;
    Ok(sym_key::done_fetch_sym_key(&out)?)
}
