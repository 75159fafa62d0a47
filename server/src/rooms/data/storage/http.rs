//! Routes of files.

use std::sync::Arc;

use actix_web::HttpResponse;
use keystead_crypto::hash::ct_eq;
use keystead_instaql::rules::Request;
use keystead_instaql::{Error, Kind};
use serde_json::{Map, Value, json};

use super::download;
use super::rules::{self, NewFile, Stored, UploadUrl};
use crate::app::App;
use crate::blobs::Blobs;
use crate::rooms::data::auth::Auth;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::transact::rules as transact;
use crate::web::data::DataCall;
use crate::web::envelope::data as envelope;
use crate::web::upload::Upload;

/// Most paths of one call.
const MOST_PATHS: usize = 1_000;

/// `PUT /admin/storage/upload` and `PUT /storage/upload`: the body is the file.
pub async fn upload(call: DataCall) -> DataResult<HttpResponse> {
    let path = header(&call, "path").ok_or_else(|| Error::missing(&["headers", "path"]))?;
    let auth = call.auth.clone();
    let stored = put(call, auth, path, None).await?;
    Ok(envelope::value(&json!({"data": {"id": stored.id, "location-id": stored.location, "size": stored.size}})))
}

/// `PUT /storage/:id/consume-upload-url`: the body is the file that an address was given out for.
pub async fn consume_upload_url(call: DataCall) -> DataResult<HttpResponse> {
    let value = |name: &str| call.query(name).ok_or_else(|| Error::missing(&["params", name]));
    let (by, path, signature) = (value("by")?, value("path")?, value("signature")?);
    let until_s = value("until")?.parse().map_err(|_none| Error::malformed(&["params", "until"], Value::Null))?;
    let url = Arc::new(UploadUrl { id: call.param(0), by, path: path.clone(), until_s, signature });
    let (app, space, shown) = (Arc::clone(&call.app), Arc::clone(call.space()?), Arc::clone(&url));
    let auth = call.app.db.read(move |conn| rules::uploader(&app, conn, &space, &shown)).await?;
    let stored = put(call, auth, path, Some(url)).await?;
    Ok(envelope::value(&json!({"data": {"id": stored.id}})))
}

/// `DELETE /admin/storage/files` and `DELETE /storage/files`
pub async fn delete(call: DataCall) -> DataResult<HttpResponse> {
    let path = call.query("filename").ok_or_else(|| Error::missing(&["params", "filename"]))?;
    let ids = remove(&call, vec![path]).await?;
    Ok(envelope::value(&json!({"data": {"id": ids.first()}})))
}

/// `POST /admin/storage/files/delete`
pub async fn delete_many(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let Some(list) = body.get("filenames") else { return Err(Error::missing(&["body", "filenames"]).into()) };
    let paths: Option<Vec<String>> =
        list.as_array().and_then(|list| list.iter().map(|path| path.as_str().map(str::to_owned)).collect());
    let paths = paths.ok_or_else(|| Error::malformed(&["body", "filenames"], list.clone()))?;
    if paths.len() > MOST_PATHS {
        let text = format!("At most {MOST_PATHS} files can be deleted at once");
        return Err(Error::new(Kind::ParameterLimitExceeded, text, Value::Null).into());
    }
    let ids = remove(&call, paths).await?;
    Ok(envelope::value(&json!({"data": {"ids": ids}})))
}

/// `GET /admin/storage/files`: of older clients.
pub async fn list(call: DataCall) -> DataResult<HttpResponse> {
    let (app, space, request) = (Arc::clone(&call.app), Arc::clone(call.space()?), call.request());
    let files = call.app.db.read_snapshot(move |conn| rules::list(&app, conn, &space, &request)).await?;
    Ok(envelope::value(&json!({"data": files})))
}

/// `POST /admin/storage/signed-upload-url` and `POST /storage/signed-upload-url`: of older clients. Rules are asked when it is used.
pub async fn signed_upload_url(call: DataCall) -> DataResult<HttpResponse> {
    let path = text(&call.object()?, "filename")?;
    let file = NewFile { path, content_type: String::new(), content_disposition: None };
    file.check()?;
    let url = rules::upload_url(&call.app, &call.space()?.app_id, &call.auth, &file.path);
    Ok(envelope::value(&json!({"data": url})))
}

/// `GET /admin/storage/signed-download-url` and `GET /storage/signed-download-url`: of older clients.
pub async fn signed_download_url(call: DataCall) -> DataResult<HttpResponse> {
    let path = call.query("filename").ok_or_else(|| Error::missing(&["params", "filename"]))?;
    let (app, space, auth, request) =
        (Arc::clone(&call.app), Arc::clone(call.space()?), call.auth.clone(), call.request());
    let look = move |conn: &mut _| rules::url_of(&app, conn, &space, (&auth, &request), &path);
    let url = call.app.db.read_snapshot(look).await?;
    Ok(envelope::value(&json!({"data": url})))
}

/// `GET /storage/files/:app_id/:location`: the bytes, for whoever has an address that this server gave out.
pub async fn download(call: DataCall) -> DataResult<HttpResponse> {
    let (app_id, location) = (call.param(0), call.param(1));
    let unknown = || Error::not_found("file");
    let until: i64 = call.query("until").and_then(|until| until.parse().ok()).ok_or_else(unknown)?;
    let wanted = rules::signature(&call.app, &app_id, &location, until);
    if !ct_eq(wanted.as_bytes(), call.query("signature").unwrap_or_default().as_bytes()) {
        return Err(unknown().into());
    }
    if call.app.clock.now_ms() / 1_000 >= until {
        return Err(rules::expired("file-url"));
    }
    let row = call.app.db.read(move |conn| rules::bytes_of(conn, &app_id, &location)).await?;
    download::answer(&call.app.blobs, &call.req, &row.ok_or_else(unknown)?).await
}

/// Takes the body into the storage and then into `$files`, for whoever the rules let.
async fn put(mut call: DataCall, auth: Auth, path: String, url: Option<Arc<UploadUrl>>) -> DataResult<Stored> {
    let content_type = header(&call, "content-type").filter(|kind| !kind.is_empty());
    let file = NewFile {
        path,
        content_type: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        content_disposition: header(&call, "content-disposition").filter(|text| !text.is_empty()),
    };
    let payload = call.payload.take().ok_or_else(|| DataError::internal("the route does not stream"))?;
    let mut body = Upload::new(payload, &call.req);
    let stored = receive(&call.app, &call.space()?.app_id, (auth, call.request()), (file, url), &mut body).await;
    if stored.is_err() {
        body.drain().await;
    }
    stored
}

async fn receive(
    app: &Arc<App>,
    app_id: &str,
    by: (Auth, Request),
    (file, url): (NewFile, Option<Arc<UploadUrl>>),
    body: &mut Upload,
) -> DataResult<Stored> {
    file.check()?;
    let most = app.config.data.file_bytes;
    let announced = body.announced().unwrap_or_default();
    if announced > most {
        return Err(too_large(most));
    }
    let (object, by, file) = (Blobs::new_name(), Arc::new(by), Arc::new(file));
    // Who may not write is told so before his bytes are taken.
    let begin = {
        let (app, app_id, object) = (Arc::clone(app), app_id.to_owned(), object.clone());
        let (by, file) = (Arc::clone(&by), Arc::clone(&file));
        move |tx: &mut _| rules::begin(&app, tx, &app_id, (&by.0, &by.1), (&file, announced), &object)
    };
    app.db.write(begin).await?;
    let mut writer = app.blobs.write(&object).await.map_err(DataError::internal)?;
    let size = loop {
        let result = match body.chunk().await {
            Ok(None) => break writer.finish().await.map_err(DataError::internal)?,
            Ok(Some(bytes)) => add(&mut writer, &bytes, most).await,
            Err(e) => Err(Error::malformed(&["body"], e.message.unwrap_or_default().into()).into()),
        };
        if let Err(e) = result {
            // The note deletes what is left where this fails, too.
            writer.abort().await.map_err(DataError::internal)?;
            return Err(e);
        }
    };
    let store = {
        let (app, app_id, object) = (Arc::clone(app), app_id.to_owned(), object.clone());
        move |tx: &mut _| {
            url.as_deref().map_or(Ok(()), |url| rules::use_up(tx, url))?;
            rules::store(&app, tx, &app_id, (&by.0, &by.1), (&file, size), &object)
        }
    };
    let (stored, committed) = match app.db.write(store).await {
        Ok(done) => done,
        Err(e) => {
            // Its note stays: where this fails the object goes later.
            if let Err(e) = app.blobs.delete(&object).await {
                tracing::warn!(error = %e, object, "a refused file cannot be deleted yet");
            }
            return Err(e);
        }
    };
    transact::tell(app, &committed);
    Ok(stored)
}

async fn add(writer: &mut crate::blobs::Writer<'_>, bytes: &[u8], most: u64) -> DataResult<()> {
    if writer.size() + bytes.len() as u64 > most {
        return Err(too_large(most));
    }
    writer.add(bytes).await.map_err(DataError::internal)
}

async fn remove(call: &DataCall, paths: Vec<String>) -> DataResult<Vec<uuid::Uuid>> {
    let (app, app_id) = (Arc::clone(&call.app), call.space()?.app_id.clone());
    let (auth, request) = (call.auth.clone(), call.request());
    let write = move |tx: &mut _| rules::delete(&app, tx, &app_id, (&auth, &request), &paths);
    let (ids, committed) = call.app.db.write(write).await?;
    if let Some(committed) = committed {
        transact::tell(&call.app, &committed);
    }
    Ok(ids)
}

fn too_large(most: u64) -> DataError {
    let text = format!("A file has at most {most} bytes");
    Error::new(Kind::ParameterLimitExceeded, text, json!({"most-bytes": most})).into()
}

/// A header as text. What is no UTF-8 is Latin-1, as browsers send it.
fn header(call: &DataCall, name: &str) -> Option<String> {
    let bytes = call.req.headers().get(name)?.as_bytes();
    let latin = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    Some(std::str::from_utf8(bytes).map_or_else(|_| latin(bytes), str::to_owned))
}

fn text(body: &Map<String, Value>, name: &str) -> DataResult<String> {
    match body.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        None | Some(Value::Null) => Err(Error::missing(&["body", name]).into()),
        Some(other) => Err(Error::malformed(&["body", name], other.clone()).into()),
    }
}
