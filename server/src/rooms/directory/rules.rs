//! Who is known in an app.

use diesel::QueryResult;

use super::store;
use crate::app::App;
use crate::db::Conn;

/// Makes a new person in an app and gives the user id.
///
/// # Errors
/// What the database says.
pub fn create_user(app: &App, tx: &mut Conn, app_id: &str) -> QueryResult<String> {
    let id = app.row_id();
    store::insert(tx, app_id, &id, app.clock.now_ms())?;
    Ok(id)
}

/// Takes a person over with the user id that he has elsewhere (import).
///
/// # Errors
/// What the database says; a unique violation when the id is taken.
pub fn adopt_user(app: &App, tx: &mut Conn, app_id: &str, user_id: &str) -> QueryResult<()> {
    store::insert(tx, app_id, user_id, app.clock.now_ms())
}

/// True when a user id is anybody's, in whichever app.
///
/// # Errors
/// What the database says.
pub fn is_taken(conn: &mut Conn, user_id: &str) -> QueryResult<bool> {
    store::is_taken(conn, user_id)
}

/// True when the app has this user.
///
/// # Errors
/// What the database says.
pub fn user_exists(conn: &mut Conn, app_id: &str, user_id: &str) -> QueryResult<bool> {
    store::exists(conn, app_id, user_id)
}

/// Removes a person; everything that hangs on the user id goes too.
///
/// # Errors
/// What the database says.
pub fn delete_user(tx: &mut Conn, user_id: &str) -> QueryResult<bool> {
    store::delete(tx, user_id)
}

/// Removes everybody in an app.
///
/// # Errors
/// What the database says.
pub fn delete_all(tx: &mut Conn, app_id: &str) -> QueryResult<usize> {
    store::delete_all(tx, app_id)
}
