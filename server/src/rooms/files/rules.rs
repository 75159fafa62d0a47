//! Who may register, read, rename and delete a file.

use keystead_protocol::ErrorCode;
use keystead_protocol::files::{
    BelongsToType, FileData, FileRegisterInput, FileRegisterOutput, PART_PAGE, PartListItem,
};

use super::store::{self, FileRow, NewFile};
use super::{parts, validate};
use crate::app::App;
use crate::db::{Conn, is_foreign_key_violation};
use crate::error::{KeyError, KeyResult};
use crate::rooms::groups::rules as groups;
use crate::rooms::groups::validate::is_id;
use crate::rooms::keys::rules as users;

/// Greatest rank number that may delete the files of others.
const RANK_DELETE: i32 = 3;

/// Who asks for a file.
#[derive(Debug, Clone)]
pub struct Reader {
    /// The app.
    pub app_id: String,
    /// The user, where a good JWT came along.
    pub user_id: Option<String>,
    /// The group through which he wants to enter.
    pub via: Option<String>,
}

/// A user who does something with a file.
#[derive(Debug, Clone)]
pub struct Writer {
    /// The app.
    pub app_id: String,
    /// The user.
    pub user_id: String,
    /// The group through which he wants to enter.
    pub via: Option<String>,
}

/// Registers a file and opens the upload session for its parts.
///
/// # Errors
/// 11; 310 without access to the group; 100 for an unknown addressee.
pub fn register(app: &App, tx: &mut Conn, by: &Writer, input: &FileRegisterInput) -> KeyResult<FileRegisterOutput> {
    validate::registration(input)?;
    let target = validate::target(input);
    let (belongs_to_type, addressee_id, group_id) = match input.belongs_to_type {
        BelongsToType::None => (store::OF_NOBODY, None, None),
        BelongsToType::User => (store::OF_USER, target, None),
        BelongsToType::Group => (store::OF_GROUP, None, target),
    };
    if let Some(group_id) = group_id {
        tx.lock(group_id)?;
        groups::access(tx, &by.app_id, group_id, &by.user_id, by.via.as_deref())?;
    }
    if let Some(user_id) = addressee_id {
        users::user_group_of(tx, &by.app_id, user_id)?.ok_or(ErrorCode::UserNotFound)?;
    }
    let (file_id, session_id, now_ms) = (app.new_id(), app.new_id(), app.clock.now_ms());
    let file = NewFile {
        id: &file_id,
        app_id: &by.app_id,
        owner_id: Some(&by.user_id),
        // A group's file outlives the account of the member who brought it.
        holder_id: group_id.is_none().then_some(&by.user_id),
        belongs_to_type,
        addressee_id,
        group_id,
        key_id: input.key_id.as_deref(),
        master_key_id: input.master_key_id.as_deref().unwrap_or_default(),
        encrypted_key: input.encrypted_key.as_deref().unwrap_or_default(),
        encrypted_key_alg: input.encrypted_key_alg.as_deref().unwrap_or_default(),
        encrypted_file_name: input.encrypted_file_name.as_deref(),
        created_ms: now_ms,
        unfinished_since_ms: Some(now_ms),
    };
    store::insert(tx, &file).map_err(|e| match is_foreign_key_violation(&e) {
        // User, addressee or group went away in between.
        true => ErrorCode::UserNotFound.into(),
        false => KeyError::from(e),
    })?;
    store::insert_session(tx, &session_id, &file_id, by.via.as_deref(), now_ms)?;
    Ok(FileRegisterOutput { file_id, session_id })
}

/// A file that belongs to nobody or to users, with all its parts.
///
/// # Errors
/// 512; 521 without access.
pub fn get(conn: &mut Conn, reader: &Reader, file_id: &str) -> KeyResult<FileData> {
    let file = find(conn, &reader.app_id, file_id)?;
    if file.belongs_to_type == store::OF_GROUP || !may_read(conn, reader, &file)? {
        return Err(ErrorCode::FileAccess.into());
    }
    with_parts(conn, file)
}

/// A file of this group, with all its parts. The guard has checked the membership.
///
/// # Errors
/// 512, also for a file of another group.
pub fn get_of_group(conn: &mut Conn, app_id: &str, group_id: &str, file_id: &str) -> KeyResult<FileData> {
    let file = of_group(conn, app_id, group_id, file_id)?;
    with_parts(conn, file)
}

/// The parts after a sequence, at most 500. Files are given out with all their parts; whoever got a full list asks for more
/// all the same, often without a JWT, and is told that there is nothing more.
///
/// # Errors
/// 512 for no file or no part; 521 without access.
pub fn more_parts(conn: &mut Conn, reader: &Reader, file_id: &str, after: i32) -> KeyResult<Vec<PartListItem>> {
    let file = find(conn, &reader.app_id, file_id)?;
    let page = parts::rules::list(conn, file_id, after, PART_PAGE)?;
    if page.is_empty() && usize::try_from(after).is_ok_and(|after| after >= PART_PAGE) {
        return Ok(page);
    }
    if !may_read(conn, reader, &file)? {
        return Err(ErrorCode::FileAccess.into());
    }
    if page.is_empty() { Err(ErrorCode::FileNotFound.into()) } else { Ok(page) }
}

/// True when this user may read the file with this id: nobody's files everybody, a user's its owner and addressee, a
/// group's its members.
///
/// # Errors
/// 512.
pub fn is_readable(conn: &mut Conn, reader: &Reader, file_id: &str) -> KeyResult<bool> {
    let file = find(conn, &reader.app_id, file_id)?;
    may_read(conn, reader, &file)
}

/// Gives a file another name.
///
/// # Errors
/// 11, 512; 521 for who is not its owner, or has left its group.
pub fn rename(tx: &mut Conn, by: &Writer, file_id: &str, name: Option<&str>) -> KeyResult<()> {
    validate::file_name(name)?;
    owned(tx, by, file_id)?;
    Ok(store::set_name(tx, file_id, name)?)
}

/// Deletes a file of this user.
///
/// # Errors
/// 512; 521 for who is not its owner, or has left its group.
pub fn delete(tx: &mut Conn, by: &Writer, file_id: &str) -> KeyResult<()> {
    owned(tx, by, file_id)?;
    Ok(store::delete(tx, file_id)?)
}

/// Deletes a file of a group.
///
/// # Errors
/// 310; 512 for no file of this group; 301 for who is not its owner and has a rank above 3.
pub fn delete_of_group(tx: &mut Conn, by: &Writer, group_id: &str, file_id: &str) -> KeyResult<()> {
    tx.lock(group_id)?;
    let access = groups::access(tx, &by.app_id, group_id, &by.user_id, by.via.as_deref())?;
    let file = of_group(tx, &by.app_id, group_id, file_id)?;
    if access.rank > RANK_DELETE && file.owner_id.as_deref() != Some(by.user_id.as_str()) {
        return Err(ErrorCode::GroupRank.into());
    }
    Ok(store::delete(tx, file_id)?)
}

/// Removes expired upload sessions, and files whose upload was never finished.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> KeyResult<usize> {
    let (now, files) = (app.clock.now_ms(), &app.config.files);
    // Where an upload ended is told for a while after its session has expired.
    Ok(store::sweep(tx, now - 2 * files.session_ms(), now - files.session_ms() - files.unfinished_ms())?)
}

/// True when the user has access to the group.
pub(super) fn is_member(
    conn: &mut Conn,
    app_id: &str,
    group_id: &str,
    user_id: &str,
    via: Option<&str>,
) -> KeyResult<bool> {
    match groups::access(conn, app_id, group_id, user_id, via) {
        Ok(_access) => Ok(true),
        Err(e) if e.code == ErrorCode::GroupAccess => Ok(false),
        Err(e) => Err(e),
    }
}

fn find(conn: &mut Conn, app_id: &str, file_id: &str) -> KeyResult<FileRow> {
    let file = if is_id(file_id) { store::find(conn, app_id, file_id)? } else { None };
    file.ok_or_else(|| ErrorCode::FileNotFound.into())
}

fn of_group(conn: &mut Conn, app_id: &str, group_id: &str, file_id: &str) -> KeyResult<FileRow> {
    let file = find(conn, app_id, file_id)?;
    if file.group_id.as_deref() == Some(group_id) { Ok(file) } else { Err(ErrorCode::FileNotFound.into()) }
}

fn may_read(conn: &mut Conn, reader: &Reader, file: &FileRow) -> KeyResult<bool> {
    let user = reader.user_id.as_deref();
    Ok(match (file.belongs_to_type, user, file.group_id.as_deref()) {
        (store::OF_NOBODY, ..) => true,
        (store::OF_USER, Some(_), _) => user == file.owner_id.as_deref() || user == file.addressee_id.as_deref(),
        (store::OF_GROUP, Some(user), Some(group_id)) => {
            is_member(conn, &reader.app_id, group_id, user, reader.via.as_deref())?
        }
        _ => false,
    })
}

/// The file, when it is this user's and, as a group's, still within his reach.
fn owned(conn: &mut Conn, by: &Writer, file_id: &str) -> KeyResult<FileRow> {
    let file = find(conn, &by.app_id, file_id)?;
    let owner = file.owner_id.as_deref() == Some(by.user_id.as_str());
    let within = match &file.group_id {
        Some(group_id) if owner => is_member(conn, &by.app_id, group_id, &by.user_id, by.via.as_deref())?,
        _ => true,
    };
    if owner && within { Ok(file) } else { Err(ErrorCode::FileAccess.into()) }
}

fn with_parts(conn: &mut Conn, file: FileRow) -> KeyResult<FileData> {
    let part_list = parts::rules::list(conn, &file.id, 0, usize::MAX)?;
    Ok(FileData {
        master_key_id: file.master_key_id,
        owner: file.owner_id.unwrap_or_default(),
        belongs_to: file.group_id.or(file.addressee_id),
        belongs_to_type: match file.belongs_to_type {
            store::OF_GROUP => BelongsToType::Group,
            store::OF_USER => BelongsToType::User,
            _ => BelongsToType::None,
        },
        encrypted_key: file.encrypted_key,
        encrypted_key_alg: file.encrypted_key_alg,
        key_id: file.key_id,
        time: file.created_ms,
        encrypted_file_name: file.encrypted_file_name,
        part_list,
        file_id: file.id,
    })
}
