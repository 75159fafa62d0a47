//! Writing and reading the log.

use diesel::QueryResult;

pub use super::entry::{Entry, Event, Filter, PAGE};
use super::store;
use crate::app::App;
use crate::db::Conn;

/// Writes an entry into the transaction of what it tells about.
///
/// # Errors
/// What the database says.
pub fn record(app: &App, tx: &mut Conn, app_id: &str, event: &Event<'_>) -> QueryResult<()> {
    store::insert(tx, app_id, app.clock.now_ms(), event)
}

/// Entries of an app, the newest first, at most [`PAGE`].
///
/// # Errors
/// What the database says.
pub fn list(conn: &mut Conn, app_id: &str, filter: &Filter) -> QueryResult<Vec<Entry>> {
    store::list(conn, app_id, filter)
}

/// Removes entries that are older than the configured age.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> QueryResult<usize> {
    store::delete_before(tx, app.clock.now_ms() - app.config.audit.age_ms())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::db_test;

    db_test! {
        fn entries_are_read_newest_first_by_app_subject_and_event(mut db) {
            let app = std::sync::Arc::clone(&db.app);
            for (app_id, name, subject) in
                [("a", "x.one", "u"), ("a", "x.two", "v"), ("b", "x.one", "u"), ("a", "x.one", "v")]
            {
                let event = Event { name, subject: Some(subject), ip: Some("192.0.2.1"), ..Event::default() };
                record(&app, &mut db.conn, app_id, &event).expect("written");
            }
            let mut names = |filter: Filter| -> Vec<(String, String)> {
                let found = list(&mut db.conn, "a", &filter).expect("read");
                found.into_iter().map(|e| (e.event, e.subject_id.unwrap_or_default())).collect()
            };
            let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
            let all = [pair("x.one", "v"), pair("x.two", "v"), pair("x.one", "u")];
            assert_eq!(names(Filter::default()), all);
            assert_eq!(names(Filter { subject: Some("v".into()), ..Filter::default() }), all[..2]);
            assert_eq!(names(Filter { event: Some("x.two".into()), ..Filter::default() }), all[1..2]);
            let oldest = list(&mut db.conn, "a", &Filter::default()).expect("read").pop().expect("one").id;
            let older = Filter { before_id: Some(oldest), ..Filter::default() };
            assert!(list(&mut db.conn, "a", &older).expect("read").is_empty());

            assert_eq!(sweep(&app, &mut db.conn).expect("swept"), 0);
            db.set_clock_offset(366 * 24 * 3600);
            assert_eq!(sweep(&app, &mut db.conn).expect("swept"), 4);
        }
    }
}
