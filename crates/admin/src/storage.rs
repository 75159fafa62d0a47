//! Files.

use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method};
use serde::Deserialize;
use serde_json::json;

use crate::client::send;
use crate::{Db, Error, Result};

/// Calls about files, with permission rules on an [`as_user`](Db::as_user) client.
#[derive(Debug, Clone, Copy)]
pub struct Storage<'a>(pub(crate) &'a Db);

/// What is said of a file beside its content.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// MIME type; default `application/octet-stream`.
    pub content_type: Option<String>,
    /// How browsers treat a download.
    pub content_disposition: Option<String>,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct One {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Many {
    ids: Vec<String>,
}

impl Storage<'_> {
    /// Puts a file at a path, over the one that is there; gives the id of its `$files` entity.
    ///
    /// # Errors
    /// `Config` for a path or type that cannot stand in a header; refusals.
    pub async fn upload_file(&self, path: &str, content: impl Into<Body>, about: &Upload) -> Result<String> {
        self.0.check_caller()?;
        let header = |text: &str, what| HeaderValue::from_str(text).or(Err(Error::Config(what)));
        let mut request = self.0.request(Method::PUT, "/admin/storage/upload", &[])?;
        request = request.header("path", header(path, "the path")?);
        let kind = about.content_type.as_deref().unwrap_or("application/octet-stream");
        request = request.header(CONTENT_TYPE, header(kind, "the content type")?);
        if let Some(disposition) = &about.content_disposition {
            request = request.header(CONTENT_DISPOSITION, header(disposition, "the content disposition")?);
        }
        let answer: Answer<One> = send(request.body(content)).await?;
        answer.data.id.ok_or_else(|| Error::Answer(serde::de::Error::missing_field("id")))
    }

    /// Deletes a file; gives the id it had, none where there was none.
    ///
    /// # Errors
    /// Refusals.
    pub async fn delete(&self, path: &str) -> Result<Option<String>> {
        self.0.check_caller()?;
        let request = self.0.request(Method::DELETE, "/admin/storage/files", &[("filename", path)])?;
        Ok(send::<Answer<One>>(request).await?.data.id)
    }

    /// Deletes files; gives the ids of those that were there.
    ///
    /// # Errors
    /// Refusals.
    pub async fn delete_many(&self, paths: &[&str]) -> Result<Vec<String>> {
        self.0.check_caller()?;
        let request = self.0.request(Method::POST, "/admin/storage/files/delete", &[])?;
        Ok(send::<Answer<Many>>(request.json(&json!({"filenames": paths}))).await?.data.ids)
    }
}
