//! What holds for users: who they are, how they look on the wire, what comes and goes with them.

pub mod codes;
pub mod sign_in;

use std::sync::Arc;

use keystead_instaql::schema::EntityId;
use keystead_instaql::system::{USERS, USERS_EMAIL, USERS_ID};
use keystead_instaql::tx::outcome::Outcome;
use keystead_instaql::{Error, key};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::store;
use crate::app::App;
use crate::clock::iso8601;
use crate::db::Conn;
use crate::mail;
use crate::rooms::data::auth;
use crate::rooms::data::error::DataResult;
use crate::rooms::data::oauth::rules as oauth;
use crate::rooms::data::query::rules as query;
use crate::rooms::data::space::{self, Space};
use crate::rooms::data::transact::Tx;
use crate::rooms::data::transact::rules::{self as transact, Committed};
use crate::rooms::directory::rules as directory;
use crate::rooms::identity::rules::users as accounts;
use crate::rooms::keys::rules as keys;
use crate::rooms::live::news;

/// `type` of guests.
pub const GUEST: &str = "guest";

/// Which user is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Whose address this is, as [`address`] gives it.
    Email(String),
    /// Whose refresh token this is.
    Token(Uuid),
    /// Who has this id.
    Id(EntityId),
}

/// An address in the form in which it is stored; none for what is no address.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (_, domain) = email.rsplit_once('@')?;
    (domain.contains('.') && mail::is_address(&email)).then_some(email)
}

/// The user who is meant.
///
/// # Errors
/// What the database says.
pub fn find(conn: &mut Conn, space: &Space, which: &Which) -> DataResult<Option<EntityId>> {
    let wanted = match which {
        Which::Email(email) => (USERS_EMAIL, key::of(&email.as_str().into(), None, 0)),
        Which::Id(id) => (USERS_ID, key::of(&id.to_string().into(), None, 0)),
        Which::Token(token) => match auth::rules::holder(conn, space, *token)? {
            Some(id) => (USERS_ID, key::of(&id.to_string().into(), None, 0)),
            None => return Ok(None),
        },
    };
    query::holder(conn, space, &wanted)
}

/// A user as clients are told: his `$users` values, `app_id`, `created_at`, `isGuest`.
///
/// # Errors
/// What the database says.
pub fn json_of(conn: &mut Conn, space: &Space, id: EntityId) -> DataResult<Option<Map<String, Value>>> {
    let Some(mut user) = query::record(conn, space, USERS, id)? else { return Ok(None) };
    user.retain(|_, value| !value.is_null());
    let created = match space.number(USERS_ID) {
        Some(number) => store::created_ms(conn, number, id)?,
        None => None,
    };
    let is_guest = is_guest(&user);
    user.insert("app_id".into(), space.app_id.as_str().into());
    user.insert("created_at".into(), iso8601(created.unwrap_or_default()).into());
    user.insert("isGuest".into(), is_guest.into());
    Ok(Some(user))
}

/// As [`json_of`], with a refresh token.
///
/// # Errors
/// `record-not-found` of `app-user`.
pub fn json_with(conn: &mut Conn, space: &Space, id: EntityId, token: Uuid) -> DataResult<Map<String, Value>> {
    let mut user = json_of(conn, space, id)?.ok_or_else(|| Error::not_found("app-user"))?;
    user.insert("refresh_token".into(), token.to_string().into());
    Ok(user)
}

/// Deletes a user and what hangs on him: tokens, and entities whose link to him cascades. Gives him as he was.
///
/// # Errors
/// What the database says.
pub fn delete(
    app: &App,
    tx: &mut Conn,
    space: &Space,
    which: &Which,
) -> DataResult<Option<(Map<String, Value>, Committed)>> {
    let Some(id) = find(tx, space, which)? else { return Ok(None) };
    let Some(user) = json_of(tx, space, id)? else { return Ok(None) };
    let done = sign_in::write(app, tx, &space.app_id, &[json!(["delete", USERS, id, {}])])?;
    Ok(Some((user, done)))
}

/// What an app's data has forgotten of a user; to be told after the commit.
#[must_use]
#[derive(Debug)]
pub struct Forgotten {
    app_id: String,
    user_ids: Vec<String>,
    done: Vec<Committed>,
}

impl Forgotten {
    /// Ends his live connections and tells everybody who saw him.
    pub fn tell(&self, app: &Arc<App>) {
        tell(app, &self.done);
        for user_id in &self.user_ids {
            news::signed_out(app, &self.app_id, Some(user_id), None);
        }
    }
}

/// Removes a user whom another API deletes from an app's data: his tokens and his `$users` entity with what hangs on it, and
/// the one that his verified address makes his (docs/adr/0020). It comes before the deletion in the directory, which is the
/// caller's business: writers of data take the same locks in this order. An app that takes no writes keeps the entity; its tokens
/// go all the same.
///
/// # Errors
/// What the database says.
pub fn forget(app: &App, tx: &mut Conn, app_id: &str, user_id: &str) -> DataResult<Forgotten> {
    let mut forgotten = Forgotten { app_id: app_id.to_owned(), user_ids: vec![user_id.to_owned()], done: Vec::new() };
    let Some(space) = space::rules::in_tx(app, tx, app_id)? else { return Ok(forgotten) };
    forgotten.user_ids = ids_of_person(tx, &space, user_id)?;
    for id in forgotten.user_ids.iter().filter_map(|id| id.parse().ok()) {
        if space.writable {
            forgotten.done.extend(delete(app, tx, &space, &Which::Id(id))?.map(|(_, done)| done));
        } else {
            auth::rules::end_all(tx, app_id, id)?;
        }
    }
    Ok(forgotten)
}

/// The ids under which an app's data knows a user of another API: his own, and that of the `$users` entity whose address is his,
/// once he has verified it (docs/adr/0020).
fn ids_of_person(conn: &mut Conn, space: &Space, user_id: &str) -> DataResult<Vec<String>> {
    let mut ids = vec![user_id.to_owned()];
    let verified = accounts::verified_email_of(conn, &space.app_id, user_id)?;
    if let Some(email) = verified.as_deref().and_then(address)
        && let Some(other) = find(conn, space, &Which::Email(email))?
        && other.to_string() != user_id
    {
        ids.push(other.to_string());
    }
    Ok(ids)
}

/// The tokens of a user of another API are no good any more: his live connections end, here and at other nodes. After the
/// commit, so it cannot fail: when the database does not say who else he is, his own id counts.
pub async fn signed_out(app: &Arc<App>, app_id: &str, user_id: &str) {
    let (shared, id, user) = (Arc::clone(app), app_id.to_owned(), user_id.to_owned());
    let ids = app.db.read(move |conn| known_as(&shared, conn, &id, &user)).await.unwrap_or_else(|e| {
        tracing::error!(cause = ?e.cause, "cannot look for whose connections must end");
        vec![user_id.to_owned()]
    });
    for user_id in ids {
        news::signed_out(app, app_id, Some(&user_id), None);
    }
}

/// As [`signed_out`], in a process that serves nobody: the servers hear of it within seconds.
///
/// # Errors
/// What the database says.
pub fn note_signed_out(app: &App, tx: &mut Conn, app_id: &str, user_id: &str) -> DataResult<()> {
    for user_id in known_as(app, tx, app_id, user_id)? {
        news::note_signed_out(app, tx, app_id, &user_id)?;
    }
    Ok(())
}

fn known_as(app: &App, conn: &mut Conn, app_id: &str, user_id: &str) -> DataResult<Vec<String>> {
    match space::rules::in_tx(app, conn, app_id)? {
        Some(space) => ids_of_person(conn, &space, user_id),
        None => Ok(vec![user_id.to_owned()]),
    }
}

/// Keeps directory and tokens in step with `$users`, whoever writes that: part of every transaction.
///
/// # Errors
/// What the database says.
pub fn follow(app: &App, tx: &mut Tx<'_>, app_id: &str, outcome: &Outcome) -> DataResult<()> {
    for touched in outcome.touched.iter().filter(|touched| touched.etype == USERS) {
        let id = touched.entity.to_string();
        let tx = tx.conn()?;
        if touched.before.is_none() && touched.after.is_some() {
            // A backup can be imported into two apps: the second one's users are in no directory.
            if !directory::is_taken(tx, &id)? {
                directory::adopt_user(app, tx, app_id, &id)?;
            }
        } else if touched.after.is_none() {
            auth::rules::end_all(tx, app_id, touched.entity)?;
            oauth::unlink(tx, app_id, &id)?;
            // The account of another API stays.
            if directory::user_exists(tx, app_id, &id)?
                && !accounts::exists(tx, app_id, &id)?
                && keys::user_group_of(tx, app_id, &id)?.is_none()
            {
                directory::delete_user(tx, &id)?;
            }
        }
    }
    Ok(())
}

/// True for a guest's `$users` values.
pub(super) fn is_guest(user: &Map<String, Value>) -> bool {
    user.get("type").and_then(Value::as_str) == Some(GUEST)
}

/// Tells everybody whom transactions concern, once they are committed.
pub fn tell(app: &Arc<App>, done: &[Committed]) {
    for committed in done {
        transact::tell(app, committed);
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_trimmed_and_lower_cased() {
        assert_eq!(address(" Jo@Example.COM ").as_deref(), Some("jo@example.com"));
        for bad in ["", "jo", "jo@", "@example.com", "jo@example", "a b@example.com", "jo@example.com\r\nBcc: x@y.z"] {
            assert_eq!(address(bad), None, "{bad:?}");
        }
    }
}
