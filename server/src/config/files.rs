//! Where file parts are kept, and for how long uploads are waited for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// Where file parts are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileStorage {
    /// A directory of this machine.
    Local,
    /// A bucket of S3 or what speaks its language.
    S3,
}

/// `[files]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilesConfig {
    /// `local` or `s3`.
    pub storage: FileStorage,
    /// Local: the directory, instead of `<data-dir>/files`. S3: parts wait there while they come in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// S3: the bucket.
    pub s3_bucket: String,
    /// S3: its region.
    pub s3_region: String,
    /// S3: URL of the service; empty = AWS.
    pub s3_endpoint: String,
    /// S3: what all object names begin with.
    pub s3_prefix: String,
    /// S3: access key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_access_key: Option<Secret>,
    /// S3: secret key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_secret_key: Option<Secret>,
    /// S3: parts that are sent there at the same time; each takes its size of memory.
    pub s3_transfers: usize,
    /// Most bytes of a part.
    pub part_bytes: u64,
    /// Most parts of a file.
    pub parts: i32,
    /// Hours after which an upload session is refused.
    pub session_hours: i64,
    /// Days after which a file whose upload was never finished is deleted.
    pub unfinished_days: i64,
    /// True: parts of files that belong to a user or group are given to his or its JWTs only. Clients of sentc send none.
    pub parts_need_jwt: bool,
    /// Seconds between two looks for what is to be deleted.
    pub delete_every_seconds: u64,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self {
            storage: FileStorage::Local,
            dir: None,
            s3_bucket: String::new(),
            s3_region: "us-east-1".into(),
            s3_endpoint: String::new(),
            s3_prefix: String::new(),
            s3_access_key: None,
            s3_secret_key: None,
            s3_transfers: 8,
            part_bytes: keystead_protocol::files::MAX_PART_SIZE as u64,
            parts: 25_000,
            session_hours: 24,
            unfinished_days: 7,
            parts_need_jwt: false,
            delete_every_seconds: 10,
        }
    }
}

impl FilesConfig {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if self.storage == FileStorage::S3 && self.s3_bucket.is_empty() {
            problems.push("files.s3_bucket: storage = \"s3\" needs a bucket".into());
        }
        let endpoint = &self.s3_endpoint;
        if !(endpoint.is_empty() || endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
            problems.push("files.s3_endpoint: must start with http:// or https://".into());
        }
        if self.s3_access_key.is_some() != self.s3_secret_key.is_some() {
            problems.push("files.s3_access_key and s3_secret_key: both or none".into());
        }
        if !(1..=256).contains(&self.s3_transfers) {
            problems.push("files.s3_transfers: must be from 1 to 256".into());
        }
        if !(1024..=(64 << 20)).contains(&self.part_bytes) {
            problems.push("files.part_bytes: must be from 1 KiB to 64 MiB".into());
        }
        if !(1..=100_000).contains(&self.parts) {
            problems.push("files.parts: must be from 1 to 100,000".into());
        }
        for (name, value) in
            [("files.session_hours", self.session_hours), ("files.unfinished_days", self.unfinished_days)]
        {
            if !(1..=1_000_000).contains(&value) {
                problems.push(format!("{name}: must be from 1 to 1,000,000"));
            }
        }
        if self.delete_every_seconds == 0 {
            problems.push("files.delete_every_seconds: must be at least 1".into());
        }
    }

    /// Age limit of upload sessions in milliseconds.
    #[must_use]
    pub const fn session_ms(&self) -> i64 {
        self.session_hours * 3_600_000
    }

    /// Age limit of unfinished files in milliseconds.
    #[must_use]
    pub const fn unfinished_ms(&self) -> i64 {
        self.unfinished_days * 24 * 3_600_000
    }
}
