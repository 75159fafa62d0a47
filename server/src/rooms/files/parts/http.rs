//! Routes of parts. Bytes pass through in chunks, up and down.

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use keystead_protocol::ErrorCode;
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::files::{FilePartRegisterOutput, FileSessionOutput};

use super::super::http::reader;
use super::rules::{self, Place, Uploader};
use crate::blobs::{BlobError, Blobs, Writer};
use crate::error::{KeyError, KeyResult};
use crate::web::call::Call;
use crate::web::upload::Upload;

/// `POST /file/part/:session_id/:seq/:end`: the body is the part.
///
/// # Errors
/// 12, 310, 504, 510, 511, 520; 30 when the user's sessions were ended.
pub async fn upload(call: Call, body: &mut Upload) -> KeyResult<&'static str> {
    let session = call.session()?;
    // The guard lets expired JWTs in, so that a long upload goes on; those that were called back stay out.
    if session.revoked {
        return Err(ErrorCode::JwtInvalid.into());
    }
    let (by, place) = (uploader(&call, session.user_id.clone()), place(&call)?);
    let object = Blobs::new_name();
    let begin = {
        let (app, by, place, object) = (call.app.clone(), by.clone(), place.clone(), object.clone());
        move |tx: &mut _| rules::begin(&app, tx, &by, &place, &object)
    };
    call.app.db.write(begin).await?;
    let size = receive(&call, body, &object).await?;
    let app = call.app.clone();
    call.app.db.write(move |tx| rules::store(&app, tx, &by, &place, &object, size)).await?;
    Ok(SUCCESS)
}

/// `PATCH /file/part/:session_id/:seq/:end/:user_id`: the part is in the customer's own storage.
///
/// # Errors
/// 12, 310, 510, 511, 520.
pub async fn register(call: Call) -> KeyResult<FilePartRegisterOutput> {
    let (by, place) = (uploader(&call, call.param(3)?.to_owned()), place(&call)?);
    let app = call.app.clone();
    let part_id = call.app.db.write(move |tx| rules::register(&app, tx, &by, &place)).await?;
    Ok(FilePartRegisterOutput { part_id })
}

/// `DELETE /file/part/:part_id`: the customer's own storage does not have it.
///
/// # Errors
/// 512.
pub async fn delete(call: Call) -> KeyResult<&'static str> {
    let (app_id, part_id) = (call.tenant.id.clone(), call.param(0)?.to_owned());
    let app = call.app.clone();
    call.app.db.write(move |tx| rules::delete(&app, tx, &app_id, &part_id)).await?;
    Ok(SUCCESS)
}

/// `GET /file/session/:session_id` (added by Keystead)
///
/// # Errors
/// 510.
pub async fn session(call: Call) -> KeyResult<FileSessionOutput> {
    let (by, session_id) = (uploader(&call, call.session()?.user_id.clone()), call.param(0)?.to_owned());
    let app = call.app.clone();
    call.app.db.read_snapshot(move |c| rules::session(&app, c, &by, &session_id)).await
}

/// `GET /file/part/:part_id`
///
/// # Errors
/// 512, 521; 503 when the storage does not have it.
pub async fn download(call: Call) -> KeyResult<HttpResponse> {
    let (app, reader, part_id) = (call.app.clone(), reader(&call), call.param(0)?.to_owned());
    let object = call.app.db.read_snapshot(move |c| rules::readable(&app, c, &reader, &part_id)).await?;
    let blob = call.app.blobs.read(&object).await.map_err(|e| KeyError::caused(ErrorCode::FileOpen, e))?;
    let blob = blob.ok_or(ErrorCode::FileDownload)?;
    let mut response = HttpResponse::Ok();
    response.content_type("application/octet-stream");
    Ok(response.body(SizedStream::new(blob.size, blob.content)))
}

/// Takes a part to the storage and gives its size.
async fn receive(call: &Call, body: &mut Upload, object: &str) -> KeyResult<u64> {
    let most = call.app.config.files.part_bytes;
    if body.announced().is_some_and(|bytes| bytes > most) {
        return Err(ErrorCode::FileTooLarge.into());
    }
    let failed = |e: BlobError| KeyError::caused(ErrorCode::FileSave, e);
    let mut writer = call.app.blobs.write(object).await.map_err(failed)?;
    match copy(body, &mut writer, most).await {
        Ok(()) => writer.finish().await.map_err(failed),
        Err(refused) => {
            writer.abort().await.map_err(failed)?;
            Err(refused)
        }
    }
}

async fn copy(body: &mut Upload, writer: &mut Writer<'_>, most: u64) -> KeyResult<()> {
    let mut size = 0;
    while let Some(bytes) = body.chunk().await? {
        size += bytes.len() as u64;
        if size > most {
            return Err(ErrorCode::FileTooLarge.into());
        }
        writer.add(&bytes).await.map_err(|e| KeyError::caused(ErrorCode::FileSave, e))?;
    }
    if size == 0 { Err(KeyError::input("a part has at least one byte")) } else { Ok(()) }
}

fn uploader(call: &Call, user_id: String) -> Uploader {
    Uploader { app_id: call.tenant.id.clone(), user_id, storage: call.tenant.file_options.file_storage }
}

/// Where the part goes: session, sequence, and whether it is the last.
fn place(call: &Call) -> KeyResult<Place> {
    let most = call.app.config.files.parts;
    let bad = |what: &str| KeyError::with(ErrorCode::InputTooBig, what);
    let sequence = call.param(1)?.parse::<i32>().ok().filter(|n| (1..=most).contains(n));
    let end = match call.param(2)? {
        "true" => true,
        "false" => false,
        _ => return Err(bad("the end mark is true or false")),
    };
    let sequence = sequence.ok_or_else(|| bad(&format!("the sequence is a number from 1 to {most}")))?;
    Ok(Place { session_id: call.param(0)?.to_owned(), sequence, end })
}
