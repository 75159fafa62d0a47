//! Objects outside the database: bytes under random names, in a local directory or a bucket. Written once, never changed.
//!
//! What a [`Writer`] has finished is on disk (fsync of file and directory), or the bucket has said that it has it. Bytes
//! stream through in chunks; a bucket takes an object only as a whole, so a slow sender's bytes wait in the local directory
//! and are read back when all are there, a few objects at a time.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use keystead_crypto::rng;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;

use crate::app::create_private_dir;
use crate::config::{Config, FileStorage, FilesConfig};
use crate::error::StartError;

/// Bytes that are written or read at once.
const CHUNK: usize = 256 * 1024;

/// Why an object cannot be written, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The storage refuses.
    #[error("file storage: {0}")]
    Store(#[from] object_store::Error),
    /// The local file system refuses.
    #[error("file storage: {0}")]
    Io(#[from] std::io::Error),
    /// The server is stopping.
    #[error("file storage: the server is stopping")]
    Stopping,
}

/// Where objects are.
pub struct Blobs {
    local: LocalFileSystem,
    root: PathBuf,
    bucket: Option<Bucket>,
}

struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    transfers: Semaphore,
}

/// An object that is being written. Dropped unfinished, it leaves nothing.
pub struct Writer<'a> {
    blobs: &'a Blobs,
    name: String,
    upload: Box<dyn MultipartUpload>,
    buffer: BytesMut,
    size: u64,
}

/// An object that is being read.
pub struct Blob {
    /// Bytes.
    pub size: u64,
    /// Its content, in chunks.
    pub content: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl Blobs {
    /// Opens the storage of this configuration; its directory is made, a bucket is not asked yet.
    ///
    /// # Errors
    /// When the directory cannot be made, or the bucket's settings make no sense.
    pub fn open(config: &Config) -> Result<Self, StartError> {
        let files = &config.files;
        let root = files.dir.clone().unwrap_or_else(|| config.server.data_dir.join("files"));
        let failed = |e: object_store::Error| StartError::Refused(format!("file storage: {e}"));
        create_private_dir(&root).map_err(StartError::io(format!("file storage {}", root.display())))?;
        let local = LocalFileSystem::new_with_prefix(&root).map_err(failed)?;
        let bucket = match files.storage {
            FileStorage::Local => None,
            FileStorage::S3 => Some(Bucket {
                store: Arc::new(s3(files).map_err(failed)?),
                prefix: files.s3_prefix.clone(),
                transfers: Semaphore::new(files.s3_transfers),
            }),
        };
        // Bytes on their way to a bucket need not survive a power cut.
        let local = local.with_fsync(bucket.is_none());
        Ok(Self { local, root, bucket })
    }

    /// A new name: 32 hex digits.
    #[must_use]
    pub fn new_name() -> String {
        format!("{:032x}", u128::from_be_bytes(rng::bytes(&mut rng::os())))
    }

    /// Begins an object.
    ///
    /// # Errors
    /// What the storage says.
    pub async fn write(&self, name: &str) -> Result<Writer<'_>, BlobError> {
        let upload = self.local.put_multipart(&path("", name)).await?;
        Ok(Writer { blobs: self, name: name.to_owned(), upload, buffer: BytesMut::with_capacity(CHUNK), size: 0 })
    }

    /// Opens an object; `None` when there is none.
    ///
    /// # Errors
    /// What the storage says.
    pub async fn read(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        self.get(name, None).await
    }

    /// Opens a part of an object, which must not be empty and must lie within it; `None` when there is no object.
    ///
    /// # Errors
    /// What the storage says.
    pub async fn read_range(&self, name: &str, range: Range<u64>) -> Result<Option<Blob>, BlobError> {
        self.get(name, Some(range)).await
    }

    async fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Option<Blob>, BlobError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let found = match &self.bucket {
            None => self.local.get_opts(&path("", name), options).await,
            Some(bucket) => bucket.store.get_opts(&path(&bucket.prefix, name), options).await,
        };
        let result = match found {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let range = result.range.clone();
        let size = range.end - range.start;
        let content = match result.payload {
            GetResultPayload::File(file, _path) => chunks_of(file, range).boxed(),
            GetResultPayload::Stream(stream) => stream.map(|chunk| Ok(chunk?)).boxed(),
        };
        Ok(Some(Blob { size, content }))
    }

    /// Removes an object and what an interrupted write of it has left. That there is none is no failure.
    ///
    /// # Errors
    /// What the storage says.
    pub async fn delete(&self, name: &str) -> Result<(), BlobError> {
        if let Some(bucket) = &self.bucket {
            gone(bucket.store.delete(&path(&bucket.prefix, name)).await)?;
        }
        gone(self.local.delete(&path("", name)).await)?;
        let unfinished = unfinished(&self.root, name);
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_file(unfinished)).await;
        match removed.map_err(|_cancelled| BlobError::Stopping)? {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// Names of all objects in the local directory, finished or not. For tests and the operator.
    ///
    /// # Errors
    /// What the file system says.
    pub fn local_names(&self) -> Result<Vec<String>, BlobError> {
        let mut names = Vec::new();
        let parts = self.root.join("parts");
        if !parts.exists() {
            return Ok(names);
        }
        for folder in std::fs::read_dir(parts)? {
            for file in std::fs::read_dir(folder?.path())? {
                names.push(file?.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(names)
    }
}

impl Writer<'_> {
    /// Bytes so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// What the storage says.
    pub async fn add(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.size += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK { self.flush().await } else { Ok(()) }
    }

    /// Ends the object and gives its size; it is safe when this comes back.
    ///
    /// # Errors
    /// What the storage says.
    pub async fn finish(mut self) -> Result<u64, BlobError> {
        self.flush().await?;
        self.upload.complete().await?;
        if let Some(bucket) = &self.blobs.bucket {
            let _permit = bucket.transfers.acquire().await.map_err(|_closed| BlobError::Stopping)?;
            let local = path("", &self.name);
            let whole = self.blobs.local.get(&local).await?.bytes().await?;
            bucket.store.put(&path(&bucket.prefix, &self.name), whole.into()).await?;
            self.blobs.local.delete(&local).await?;
        }
        Ok(self.size)
    }

    /// Gives it up and leaves nothing.
    ///
    /// # Errors
    /// What the storage says.
    pub async fn abort(mut self) -> Result<(), BlobError> {
        Ok(self.upload.abort().await?)
    }

    async fn flush(&mut self) -> Result<(), BlobError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(CHUNK)).freeze();
        Ok(self.upload.put_part(full.into()).await?)
    }
}

fn s3(files: &FilesConfig) -> Result<impl ObjectStore, object_store::Error> {
    // Credentials that are not set here come from the machine: environment, instance role.
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&files.s3_bucket).with_region(&files.s3_region);
    if !files.s3_endpoint.is_empty() {
        builder = builder.with_endpoint(&files.s3_endpoint).with_allow_http(files.s3_endpoint.starts_with("http://"));
    }
    if let (Some(access), Some(secret)) = (&files.s3_access_key, &files.s3_secret_key) {
        builder = builder.with_access_key_id(access.expose()).with_secret_access_key(secret.expose());
    }
    builder.build()
}

/// Two hex digits of folder keep folders small.
fn path(prefix: &str, name: &str) -> Path {
    let folder = name.get(..2).unwrap_or("xx");
    Path::from(format!("{prefix}/parts/{folder}/{name}"))
}

/// Where `object_store` keeps an object until it is finished; names are used once, so it is the first try.
fn unfinished(root: &FilePath, name: &str) -> PathBuf {
    root.join("parts").join(name.get(..2).unwrap_or("xx")).join(format!("{name}#1"))
}

fn gone(deleted: Result<(), object_store::Error>) -> Result<(), object_store::Error> {
    match deleted {
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        other => other,
    }
}

/// A file's bytes, read on threads that may wait.
pub(crate) fn chunks_of(
    file: std::fs::File,
    range: Range<u64>,
) -> impl futures_util::Stream<Item = Result<Bytes, BlobError>> + Send {
    stream::try_unfold((file, range), |(mut file, range)| async move {
        let most = usize::try_from(range.end - range.start).unwrap_or(CHUNK).min(CHUNK);
        // Made here, where it is freed: each of the many threads that may wait would keep its own.
        let mut chunk = vec![0; most];
        let read = move || {
            file.seek(SeekFrom::Start(range.start))?;
            let length = file.read(&mut chunk)?;
            chunk.truncate(length);
            Ok::<_, std::io::Error>((Bytes::from(chunk), (file, range.start + length as u64..range.end)))
        };
        let (chunk, rest) = tokio::task::spawn_blocking(read).await.map_err(|_cancelled| BlobError::Stopping)??;
        Ok(if chunk.is_empty() { None } else { Some((chunk, rest)) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;

    fn blobs(dir: &FilePath) -> Blobs {
        let mut config = Config::default();
        config.server.data_dir = dir.into();
        Blobs::open(&config).expect("opens")
    }

    async fn content(blobs: &Blobs, name: &str) -> Option<Vec<u8>> {
        let blob = blobs.read(name).await.expect("reads")?;
        let chunks: Vec<Bytes> = blob.content.try_collect().await.expect("reads");
        let content = chunks.concat();
        assert_eq!(content.len() as u64, blob.size);
        Some(content)
    }

    #[tokio::test]
    async fn what_is_finished_is_there_and_what_is_not_leaves_nothing() {
        let dir = tempfile::tempdir().expect("temp dir");
        let blobs = blobs(dir.path());
        let name = Blobs::new_name();
        let bytes: Vec<u8> = (0..3 * CHUNK + 5).map(|i| u8::try_from(i % 251).expect("below 256")).collect();
        let mut writer = blobs.write(&name).await.expect("begins");
        for piece in bytes.chunks(10_000) {
            writer.add(piece).await.expect("writes");
        }
        assert!(content(&blobs, &name).await.is_none(), "not before it is finished");
        assert_eq!(writer.finish().await.expect("finishes"), bytes.len() as u64);
        assert_eq!(content(&blobs, &name).await.expect("there"), bytes);
        let part = blobs.read_range(&name, 5..CHUNK as u64 + 9).await.expect("reads").expect("there");
        assert_eq!(part.size, CHUNK as u64 + 4);
        let chunks: Vec<Bytes> = part.content.try_collect().await.expect("reads");
        assert_eq!(chunks.concat(), bytes.get(5..CHUNK + 9).expect("long enough"));

        let other = Blobs::new_name();
        let mut writer = blobs.write(&other).await.expect("begins");
        writer.add(&bytes).await.expect("writes");
        writer.abort().await.expect("gives up");
        assert_eq!(blobs.local_names().expect("lists"), [name.as_str()]);

        // As after a kill: the unfinished file is there, and nobody who would remove it.
        let writer = blobs.write(&other).await.expect("begins");
        std::mem::forget(writer);
        assert_eq!(blobs.local_names().expect("lists").len(), 2);
        for name in [&name, &other, &Blobs::new_name()] {
            blobs.delete(name).await.expect("deletes");
        }
        assert!(blobs.local_names().expect("lists").is_empty());
        assert!(content(&blobs, &name).await.is_none());
    }
}
