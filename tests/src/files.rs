//! Files on the wire: registration, parts, and what is left of them in the storage.

use std::path::PathBuf;

use keystead_protocol::files::{FileData, FileRegisterOutput, FileSessionOutput};
use keystead_server::jobs::delete_files;
use serde_json::{Value, json};

use crate::TestServer;
use crate::raw::Call;
use crate::users::{Session, TestGroup};

/// Body of a registration that belongs to nobody.
#[must_use]
pub fn for_nobody() -> Value {
    registration("None", None)
}

/// Body of a registration for the owner and another user.
#[must_use]
pub fn for_user(user_id: &str) -> Value {
    registration("User", Some(user_id))
}

/// Body of a registration.
#[must_use]
pub fn registration(belongs_to_type: &str, belongs_to_id: Option<&str>) -> Value {
    json!({
        "encrypted_key": "a wrapped key",
        "encrypted_key_alg": "AES-GCM-256",
        "master_key_id": "some-key",
        "belongs_to_type": belongs_to_type,
        "belongs_to_id": belongs_to_id,
        "encrypted_file_name": "a name",
    })
}

impl TestServer {
    /// A new file.
    pub async fn file(&self, owner: &Session, body: &Value) -> FileRegisterOutput {
        self.post("/file").jwt(&owner.jwt).json(body).ok_as().await
    }

    /// A new file of a group.
    pub async fn group_file(&self, owner: &Session, group: &TestGroup) -> FileRegisterOutput {
        self.post(&format!("/group/{}/file", group.id)).jwt(&owner.jwt).json(&for_nobody()).ok_as().await
    }

    /// `POST /file/part/:session_id/:seq/:end`
    pub fn part(&self, owner: &Session, file: &FileRegisterOutput, seq: i32, end: bool, bytes: &[u8]) -> Call {
        self.post(&format!("/file/part/{}/{seq}/{end}", file.session_id)).jwt(&owner.jwt).bytes(bytes)
    }

    /// Uploads parts; the last one ends the file.
    pub async fn upload(&self, owner: &Session, file: &FileRegisterOutput, parts: &[&[u8]]) {
        for (seq, part) in (1..).zip(parts) {
            self.part(owner, file, seq, usize::try_from(seq) == Ok(parts.len()), part).ok().await;
        }
    }

    /// A file as its reader gets it.
    pub async fn file_data(&self, reader: &Session, file: &FileRegisterOutput) -> FileData {
        self.get(&format!("/file/{}", file.file_id)).jwt(&reader.jwt).ok_as().await
    }

    /// Where an upload stands.
    pub async fn upload_state(&self, owner: &Session, file: &FileRegisterOutput) -> FileSessionOutput {
        self.get(&format!("/file/session/{}", file.session_id)).jwt(&owner.jwt).ok_as().await
    }

    /// The bytes of a part, as an unmodified client gets them: without a JWT.
    ///
    /// # Panics
    /// When they are refused, or the answer is none of bytes.
    pub async fn part_bytes(&self, part_id: &str) -> Vec<u8> {
        let answer = self.get(&format!("/file/part/{part_id}")).send_unchecked().await;
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        answer.body
    }

    /// All bytes of a file.
    pub async fn file_bytes(&self, data: &FileData) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &data.part_list {
            bytes.extend(self.part_bytes(&part.part_id).await);
        }
        bytes
    }

    /// Names of the objects in the local storage, finished or not.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn objects(&self) -> Vec<String> {
        self.app().blobs.local_names().expect("the storage can be read")
    }

    /// Where an object of the local storage lies.
    ///
    /// # Panics
    /// When the name is none.
    #[must_use]
    pub fn object_path(&self, name: &str) -> PathBuf {
        self.dir().join("files/parts").join(name.get(..2).expect("32 hex digits")).join(name)
    }

    /// Runs the job that deletes what has been files', and gives how much that was.
    ///
    /// # Panics
    /// When it fails.
    pub async fn delete_due(&self) -> usize {
        delete_files::delete_due(&self.app()).await.expect("deletes")
    }

    /// Runs the job that removes unfinished files.
    ///
    /// # Panics
    /// When it fails.
    pub async fn sweep_files(&self) {
        let app = self.app();
        let shared = std::sync::Arc::clone(&app);
        let sweep = move |tx: &mut _| keystead_server::rooms::files::rules::sweep(&shared, tx);
        app.db.write(sweep).await.expect("sweeps");
    }
}
