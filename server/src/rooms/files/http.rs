//! Routes of the file itself.

use keystead_protocol::ErrorCode;
use keystead_protocol::envelope::SUCCESS;
use keystead_protocol::files::{
    BelongsToType, FileData, FileNameUpdateInput, FileRegisterInput, FileRegisterOutput, PartListItem,
};

use super::rules::{self, Reader, Writer};
use crate::error::KeyResult;
use crate::web::call::Call;

/// `POST /file`
///
/// # Errors
/// 11, 100, 310.
pub async fn register(call: Call, input: FileRegisterInput) -> KeyResult<FileRegisterOutput> {
    let (app, by) = (call.app.clone(), writer(&call)?);
    call.write(move |tx| rules::register(&app, tx, &by, &input)).await
}

/// `POST /group/:g/file`: the group is the path's, whatever the body says.
///
/// # Errors
/// 11, 310.
pub async fn register_in_group(call: Call, mut input: FileRegisterInput) -> KeyResult<FileRegisterOutput> {
    input.belongs_to_type = BelongsToType::Group;
    input.belongs_to_id = Some(call.group()?.group_id.clone());
    register(call, input).await
}

/// `GET /file/:file_id`
///
/// # Errors
/// 512, 521.
pub async fn get(call: Call) -> KeyResult<FileData> {
    let (reader, file_id) = (reader(&call), call.param(0)?.to_owned());
    call.app.db.read_snapshot(move |c| rules::get(c, &reader, &file_id)).await
}

/// `GET /group/:g/file/:file_id`
///
/// # Errors
/// 512.
pub async fn get_of_group(call: Call) -> KeyResult<FileData> {
    let (app_id, group_id) = (call.tenant.id.clone(), call.group()?.group_id.clone());
    let file_id = call.param(1)?.to_owned();
    call.app.db.read_snapshot(move |c| rules::get_of_group(c, &app_id, &group_id, &file_id)).await
}

/// `GET /file/:file_id/part_fetch/:last_sequence`
///
/// # Errors
/// 12, 512, 521.
pub async fn more_parts(call: Call) -> KeyResult<Vec<PartListItem>> {
    let (reader, file_id) = (reader(&call), call.param(0)?.to_owned());
    let after = call.param(1)?.parse::<i32>().ok().filter(|n| *n >= 0).ok_or(ErrorCode::InputTooBig)?;
    call.app.db.read_snapshot(move |c| rules::more_parts(c, &reader, &file_id, after)).await
}

/// `PUT /file/:file_id`
///
/// # Errors
/// 11, 512, 521.
pub async fn rename(call: Call, input: FileNameUpdateInput) -> KeyResult<&'static str> {
    let (by, file_id) = (writer(&call)?, call.param(0)?.to_owned());
    let rename = move |tx: &mut _| rules::rename(tx, &by, &file_id, input.encrypted_file_name.as_deref());
    call.write(rename).await?;
    Ok(SUCCESS)
}

/// `DELETE /file/:file_id`
///
/// # Errors
/// 512, 521.
pub async fn delete(call: Call) -> KeyResult<&'static str> {
    let (by, file_id) = (writer(&call)?, call.param(0)?.to_owned());
    call.write(move |tx| rules::delete(tx, &by, &file_id)).await?;
    Ok(SUCCESS)
}

/// `DELETE /group/:g/file/:file_id`
///
/// # Errors
/// 301, 512.
pub async fn delete_of_group(call: Call) -> KeyResult<&'static str> {
    let (by, group_id, file_id) = (writer(&call)?, call.group()?.group_id.clone(), call.param(1)?.to_owned());
    call.write(move |tx| rules::delete_of_group(tx, &by, &group_id, &file_id)).await?;
    Ok(SUCCESS)
}

/// Who reads.
pub(super) fn reader(call: &Call) -> Reader {
    let user_id = call.session.as_ref().map(|session| session.user_id.clone());
    Reader { app_id: call.tenant.id.clone(), user_id, via: call.via.clone() }
}

/// Who writes.
pub(super) fn writer(call: &Call) -> KeyResult<Writer> {
    let user_id = call.session()?.user_id.clone();
    Ok(Writer { app_id: call.tenant.id.clone(), user_id, via: call.via.clone() })
}
