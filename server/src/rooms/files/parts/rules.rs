//! What holds for an upload.
//!
//! A part is stored in three steps: *begin* checks everything and notes the object's name for deletion, due long after any
//! upload has ended; the bytes go to the storage; *store* checks again, takes the note away and enters the part, in one
//! transaction. Whatever happens in between, an object is either a part's or waits to be deleted.

use keystead_protocol::ErrorCode;
use keystead_protocol::files::{FileSessionOutput, PartListItem};

use super::super::deletions::rules as deletions;
use super::super::rules::{Reader, is_member, is_readable};
use super::store::{self, NewPart, SessionRow};
use crate::app::App;
use crate::db::{Conn, is_foreign_key_violation};
use crate::error::{KeyError, KeyResult};
use crate::rooms::groups::validate::is_id;

/// `file_storage` of an app: with us.
const SERVER_STORAGE: i32 = 0;
/// `file_storage` of an app: with the customer.
const OWN_STORAGE: i32 = 1;
/// An upload that takes longer than this ended long ago.
const UPLOAD_MS: i64 = 3_600_000;

/// Who uploads.
#[derive(Debug, Clone)]
pub struct Uploader {
    /// The app.
    pub app_id: String,
    /// The user.
    pub user_id: String,
    /// `file_storage` of the app.
    pub storage: i32,
}

/// Where a part goes.
#[derive(Debug, Clone)]
pub struct Place {
    /// Upload session.
    pub session_id: String,
    /// Position in the file, from 1.
    pub sequence: i32,
    /// It is the last one.
    pub end: bool,
}

/// Checks that a part may be uploaded, and notes the name of its object.
///
/// # Errors
/// 510, 511, 520, 12; 310 when the user has left the file's group.
pub fn begin(app: &App, tx: &mut Conn, by: &Uploader, place: &Place, object: &str) -> KeyResult<()> {
    open(app, tx, by, place, SERVER_STORAGE)?;
    deletions::note(tx, &by.app_id, object, app.clock.now_ms() + UPLOAD_MS)
}

/// Enters a part whose object is written. It takes the place of an earlier one with its sequence.
///
/// # Errors
/// As [`begin`]; 502 when the upload took too long.
pub fn store(app: &App, tx: &mut Conn, by: &Uploader, place: &Place, object: &str, size: u64) -> KeyResult<()> {
    let session = open(app, tx, by, place, SERVER_STORAGE)?;
    if !deletions::take_note(tx, object)? {
        return Err(ErrorCode::FileSave.into());
    }
    let (id, size) = (app.new_id(), i64::try_from(size).unwrap_or(i64::MAX));
    enter(app, tx, by, place, &session, &NewPart { id: &id, object, size, own_storage: false })
}

/// Enters a part that the customer's own storage keeps, and gives its id.
///
/// # Errors
/// As [`begin`].
pub fn register(app: &App, tx: &mut Conn, by: &Uploader, place: &Place) -> KeyResult<String> {
    let session = open(app, tx, by, place, OWN_STORAGE)?;
    let id = app.new_id();
    enter(app, tx, by, place, &session, &NewPart { id: &id, object: &id, size: 0, own_storage: true })?;
    Ok(id)
}

/// Removes a part of the customer's own storage, which says itself that it does not have it: nothing is announced. The
/// upload is open again.
///
/// # Errors
/// 512 when there is none.
pub fn delete(app: &App, tx: &mut Conn, app_id: &str, part_id: &str) -> KeyResult<()> {
    let found = if is_id(part_id) { store::find(tx, app_id, part_id)? } else { None };
    let part = found.filter(|part| part.own_storage).ok_or(ErrorCode::FileNotFound)?;
    tx.lock(&part.file_id)?;
    if store::delete(tx, part_id)? == 0 {
        return Err(ErrorCode::FileNotFound.into());
    }
    deletions::take_note(tx, &part.object)?;
    Ok(store::set_finished(tx, &part.file_id, false, Some(app.clock.now_ms()))?)
}

/// Where an upload stands. Told for some time after it is finished or expired.
///
/// # Errors
/// 510.
pub fn session(app: &App, conn: &mut Conn, by: &Uploader, session_id: &str) -> KeyResult<FileSessionOutput> {
    let session = own_session(conn, by, session_id)?;
    let there = store::sequences(conn, &session.file_id)?;
    let greatest = there.last().copied().unwrap_or(0);
    let until = session.end_sequence.unwrap_or(greatest);
    let mut there = there.into_iter().peekable();
    let missing = (1..=until).filter(|n| there.next_if_eq(n).is_none()).collect();
    Ok(FileSessionOutput {
        file_id: session.file_id,
        finished: session.finished,
        end: session.end_sequence,
        missing,
        next: greatest + 1,
        expires: session.created_ms + app.config.files.session_ms(),
    })
}

/// The object of a part of the server's storage. An id that was handed out is enough unless the operator wants more: the
/// lists it stands in are for those who may read the file (docs/adr/0008).
///
/// # Errors
/// 512; 521 where a JWT is wanted and does not allow it.
pub fn readable(app: &App, conn: &mut Conn, reader: &Reader, part_id: &str) -> KeyResult<String> {
    let found = if is_id(part_id) { store::find(conn, &reader.app_id, part_id)? } else { None };
    let part = found.filter(|part| !part.own_storage).ok_or(ErrorCode::FileNotFound)?;
    if app.config.files.parts_need_jwt && !is_readable(conn, reader, &part.file_id)? {
        return Err(ErrorCode::FileAccess.into());
    }
    Ok(part.object)
}

/// The parts of a file after a sequence, ascending.
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, file_id: &str, after: i32, most: usize) -> KeyResult<Vec<PartListItem>> {
    let rows = store::list(conn, file_id, after, i64::try_from(most).unwrap_or(i64::MAX))?;
    let item = |(part_id, sequence, extern_storage)| PartListItem { part_id, sequence, extern_storage };
    Ok(rows.into_iter().map(item).collect())
}

/// The session of an upload that may go on with this part.
fn open(app: &App, tx: &mut Conn, by: &Uploader, place: &Place, storage: i32) -> KeyResult<SessionRow> {
    let session = own_session(tx, by, &place.session_id)?;
    // Parts of one file one after the other.
    tx.lock(&session.file_id)?;
    let session = match own_session(tx, by, &place.session_id)? {
        session if session.finished => return Err(ErrorCode::FileSessionNotFound.into()),
        session => session,
    };
    if app.clock.now_ms() >= session.created_ms + app.config.files.session_ms() {
        return Err(ErrorCode::FileSessionExpired.into());
    }
    if by.storage != storage {
        return Err(ErrorCode::FileUploadNotAllowed.into());
    }
    in_order(tx, &session, place)?;
    if let Some(group_id) = &session.group_id
        && !is_member(tx, &by.app_id, group_id, &by.user_id, session.via_group_id.as_deref())?
    {
        return Err(ErrorCode::GroupAccess.into());
    }
    Ok(session)
}

fn own_session(conn: &mut Conn, by: &Uploader, session_id: &str) -> KeyResult<SessionRow> {
    let found = if is_id(session_id) { store::session(conn, &by.app_id, session_id)? } else { None };
    let own = found.filter(|session| session.owner_id.as_deref() == Some(by.user_id.as_str()));
    own.ok_or_else(|| ErrorCode::FileSessionNotFound.into())
}

/// Parts may come in any order and again, but none after the last.
fn in_order(conn: &mut Conn, session: &SessionRow, place: &Place) -> KeyResult<()> {
    let refuse = |what: &str| Err(KeyError::with(ErrorCode::InputTooBig, what));
    match session.end_sequence {
        Some(end) if place.sequence > end => refuse("the sequence is after the end of the file"),
        Some(end) if place.end && place.sequence != end => refuse("another part is the end of the file"),
        None if place.end && store::has_after(conn, &session.file_id, place.sequence)? => {
            refuse("there are parts after this end")
        }
        _ => Ok(()),
    }
}

fn enter(
    app: &App,
    tx: &mut Conn,
    by: &Uploader,
    place: &Place,
    session: &SessionRow,
    part: &NewPart<'_>,
) -> KeyResult<()> {
    store::delete_at(tx, &session.file_id, place.sequence)?;
    let inserted = store::insert(tx, &by.app_id, &session.file_id, place.sequence, part, app.clock.now_ms());
    inserted.map_err(|e| match is_foreign_key_violation(&e) {
        // The file was deleted in between, with its group or owner.
        true => ErrorCode::FileSessionNotFound.into(),
        false => KeyError::from(e),
    })?;
    if place.end {
        store::set_end(tx, &place.session_id, place.sequence)?;
    }
    let end = if place.end { Some(place.sequence) } else { session.end_sequence };
    if let Some(end) = end
        && store::count(tx, &session.file_id)? == i64::from(end)
    {
        store::set_finished(tx, &session.file_id, true, None)?;
    }
    Ok(())
}
