//! Which deletions are due, and what becomes of them.

use keystead_protocol::ErrorCode;

use super::store;
use crate::app::App;
use crate::db::Conn;
use crate::error::KeyResult;
use crate::rooms::apps::rules as apps;

/// Deletions that are taken at once; also the most part ids in one announcement.
const BATCH: i64 = 500;
/// Wait after the first failure; doubled after each further one…
const FIRST_WAIT_MS: i64 = 30_000;
/// … up to this.
const LONGEST_WAIT_MS: i64 = 6 * 3_600_000;
/// A customer's storage that has not listened for about a month is told no more.
const MOST_ANNOUNCEMENTS: i32 = 130;

/// Deletions that somebody has taken on.
#[derive(Debug, Default)]
pub struct Due {
    /// Objects of the server's storage.
    pub objects: Vec<String>,
    /// Parts of the customers' own storages, by app.
    pub announcements: Vec<Announcement>,
}

/// Parts of which a customer's own storage is told.
#[derive(Debug)]
pub struct Announcement {
    /// The app.
    pub app_id: String,
    /// Where; `None` when the app has no own storage any more.
    pub url: Option<String>,
    /// Token of the announcement.
    pub auth_token: Option<String>,
    /// Part ids.
    pub part_ids: Vec<String>,
}

impl Due {
    /// True when there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.announcements.is_empty()
    }
}

/// Notes the name of an object that is about to be written: it is deleted at `due_ms` unless a part takes it.
///
/// # Errors
/// What the database says.
pub fn note(tx: &mut Conn, app_id: &str, object: &str, due_ms: i64) -> KeyResult<()> {
    Ok(store::insert(tx, app_id, object, due_ms)?)
}

/// Takes an object's note away; false when it is gone, or its deletion has begun.
///
/// # Errors
/// What the database says.
pub fn take_note(tx: &mut Conn, object: &str) -> KeyResult<bool> {
    Ok(store::delete_untouched(tx, object)? > 0)
}

/// True when nothing is due: what the job asks first, without a transaction.
///
/// # Errors
/// What the database says.
pub fn nothing_due(conn: &mut Conn, now_ms: i64) -> KeyResult<bool> {
    Ok(store::due(conn, now_ms, 1)?.is_empty())
}

/// Takes on what is due. It is due again after a while, unless it is [`done`] by then: so nothing is lost when whoever took
/// it dies, and several nodes do not do the same work.
///
/// # Errors
/// What the database says.
pub fn take(app: &App, tx: &mut Conn) -> KeyResult<Due> {
    let now = app.clock.now_ms();
    let mut due = Due::default();
    for row in store::due(tx, now, BATCH)? {
        if store::postpone(tx, &row.object, now, now + wait_ms(row.attempts))? == 0 {
            continue;
        }
        if !row.own_storage {
            due.objects.push(row.object);
        } else if row.attempts >= MOST_ANNOUNCEMENTS {
            tracing::error!(
                app.id = row.app_id,
                part.id = row.object,
                "the app's own storage was never told of a deletion"
            );
            store::delete(tx, &[row.object])?;
        } else {
            match due.announcements.iter_mut().find(|a| a.app_id == row.app_id) {
                Some(announcement) => announcement.part_ids.push(row.object),
                None => due.announcements.push(Announcement {
                    app_id: row.app_id,
                    url: None,
                    auth_token: None,
                    part_ids: vec![row.object],
                }),
            }
        }
    }
    let mut known = Vec::with_capacity(due.announcements.len());
    for mut announcement in due.announcements {
        match apps::find(tx, &announcement.app_id) {
            Ok(found) => {
                announcement.url = found.file_options.storage_url;
                announcement.auth_token = found.file_options.auth_token;
                known.push(announcement);
            }
            // With the app its storage has gone from our sight.
            Err(e) if e.code == ErrorCode::AppNotFound => store::delete(tx, &announcement.part_ids)?,
            Err(e) => return Err(e),
        }
    }
    Ok(Due { announcements: known, ..due })
}

/// Forgets what has been deleted.
///
/// # Errors
/// What the database says.
pub fn done(tx: &mut Conn, names: &[String]) -> KeyResult<()> {
    Ok(store::delete(tx, names)?)
}

fn wait_ms(attempts: i32) -> i64 {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(16);
    FIRST_WAIT_MS.saturating_mul(1 << doublings).min(LONGEST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_below_six_hours() {
        assert_eq!([0, 1, 2, 9, 10, 130].map(wait_ms), [30_000, 60_000, 120_000, 15_360_000, 21_600_000, 21_600_000]);
    }
}
