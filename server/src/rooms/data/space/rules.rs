//! Finding an app's attrs and rules, and changing them.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::QueryResult;
use keystead_instaql::rules::Rules;
use keystead_instaql::schema::{Attr, AttrId, Catalog, Ident, Owner};
use keystead_instaql::{Error, Kind, system};
use serde_json::Value;

use super::store::{self, AttrRow, Head, NewAttr};
use super::{Space, Spaces, Status};
use crate::app::App;
use crate::db::{Conn, is_unique_violation};
use crate::rooms::apps::rules as apps;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::webhooks::rules as webhooks;

const ACTIVE: &str = Status::Active.name();
const READ_ONLY: &str = Status::ReadOnly.name();

/// True when there is such an app, whether it has data or not.
///
/// # Errors
/// What the database says.
pub fn is_app(conn: &mut Conn, app_id: &str) -> DataResult<bool> {
    Ok(apps::is_enabled(conn, app_id)?)
}

/// What callers of a disabled app are told.
#[must_use]
pub fn switched_off() -> Error {
    Error::new(Kind::AppDisabled, "This app is switched off", serde_json::json!({"status": Status::Disabled.name()}))
}

/// The app as it is now; none before its first call to the data API, or when there is no such app.
///
/// # Errors
/// `app-disabled`, and what the database says.
pub fn current(app: &App, conn: &mut Conn, app_id: &str) -> DataResult<Option<Arc<Space>>> {
    Ok(seen(app, conn, app_id)?.map(|seen| seen.space))
}

/// As [`current`], ready to say who its admin is.
///
/// # Errors
/// As [`current`].
pub fn seen(app: &App, conn: &mut Conn, app_id: &str) -> DataResult<Option<Seen>> {
    let Some((head, disabled_ms, admin_token_hash)) = store::seen(conn, app_id)? else { return Ok(None) };
    if disabled_ms.is_some() {
        return Err(switched_off().into());
    }
    if let Some(space) = known(app, app_id, head.version) {
        return Ok(Some(Seen { space, admin_token_hash }));
    }
    let space = Arc::new(load(conn, app_id, &head)?);
    // What a reader sees is committed, so a version says the same for ever.
    app.spaces.0.insert(app_id.to_owned(), Arc::clone(&space));
    Ok(Some(Seen { space, admin_token_hash }))
}

/// This version of an app, if it has been used lately.
#[must_use]
pub fn known(app: &App, app_id: &str, version: i64) -> Option<Arc<Space>> {
    cached(&app.spaces, app_id, version)
}

/// An app, and who its admin is.
pub struct Seen {
    /// The app.
    pub space: Arc<Space>,
    admin_token_hash: String,
}

impl Seen {
    /// True for the app's admin token.
    #[must_use]
    pub fn is_admin_token(&self, token: &str) -> bool {
        apps::is_admin_token_of(&self.admin_token_hash, token)
    }
}

/// Makes room for an app's data, with the attrs that every app has.
///
/// # Errors
/// `record-not-found` when there is no such app.
pub async fn found(app: &Arc<App>, app_id: &str) -> DataResult<()> {
    let (shared, id) = (Arc::clone(app), app_id.to_owned());
    app.db.write(move |tx| found_in(&shared, tx, &id)).await
}

/// As [`found`], inside a transaction.
///
/// # Errors
/// As [`found`].
pub fn found_in(app: &App, tx: &mut Conn, app_id: &str) -> DataResult<()> {
    if !apps::is_enabled(tx, app_id)? {
        return Err(Error::not_found("app").into());
    }
    if store::insert(tx, app_id, app.clock.now_ms())? {
        for attr in system::attrs() {
            add_attr(tx, app_id, &attr)?;
        }
    }
    Ok(())
}

/// Begins a transaction on an app: the app as it is, and the transaction's number. Other writers of the app wait.
///
/// # Errors
/// `record-not-found` when it has no data, `app-read-only`, and what the database says.
pub fn begin(app: &App, tx: &mut Conn, app_id: &str) -> DataResult<(Arc<Space>, i64)> {
    let head = store::next_tx(tx, app_id)?.ok_or_else(|| Error::not_found("app"))?;
    if head.status == READ_ONLY {
        let hint = serde_json::json!({"status": READ_ONLY});
        return Err(Error::new(Kind::AppReadOnly, "This app takes no writes", hint).into());
    }
    // Not kept: an earlier transaction of the same commit may have made this state, and may still fail to be committed.
    let space = match cached(&app.spaces, app_id, head.version) {
        Some(known) => known,
        None => Arc::new(load(tx, app_id, &head)?),
    };
    Ok((space, head.tx_id))
}

/// Sets the number of the app's last transaction.
///
/// # Errors
/// What the database says.
pub fn set_count(tx: &mut Conn, app_id: &str, tx_id: i64) -> QueryResult<()> {
    store::set_tx(tx, app_id, tx_id)
}

/// The app as it is in a transaction, without beginning a numbered one; none before its first call to the data API.
///
/// # Errors
/// What the database says.
pub fn in_tx(app: &App, tx: &mut Conn, app_id: &str) -> DataResult<Option<Arc<Space>>> {
    let Some(head) = store::head(tx, app_id)? else { return Ok(None) };
    Ok(Some(match cached(&app.spaces, app_id, head.version) {
        Some(known) => known,
        None => Arc::new(load(tx, app_id, &head)?),
    }))
}

/// The app as it is now, with room for its data.
///
/// # Errors
/// `record-not-found` when there is no such app, `app-disabled`.
pub async fn open(app: &Arc<App>, app_id: &str) -> DataResult<Arc<Space>> {
    let look = |shared: Arc<App>, id: String| move |conn: &mut Conn| current(&shared, conn, &id);
    if let Some(space) = app.db.read(look(Arc::clone(app), app_id.to_owned())).await? {
        return Ok(space);
    }
    found(app, app_id).await?;
    let space = app.db.read(look(Arc::clone(app), app_id.to_owned())).await?;
    space.ok_or_else(|| Error::not_found("app").into())
}

/// The number of the app's last transaction.
///
/// # Errors
/// What the database says.
pub fn last_tx(conn: &mut Conn, app_id: &str) -> DataResult<i64> {
    Ok(store::head(conn, app_id)?.map_or(0, |head| head.tx_id))
}

/// The app after changes of attrs or rules in this transaction.
///
/// # Errors
/// What the database says.
pub fn reload(tx: &mut Conn, app_id: &str) -> DataResult<Arc<Space>> {
    store::touch(tx, app_id)?;
    let head = store::head(tx, app_id)?.ok_or_else(|| Error::not_found("app"))?;
    Ok(Arc::new(load(tx, app_id, &head)?))
}

/// Stores a new attr and gives its number. [`reload`] must follow.
///
/// # Errors
/// `record-not-unique` when the id or a name is taken.
pub fn add_attr(tx: &mut Conn, app_id: &str, attr: &Attr) -> DataResult<i64> {
    let text = text_of(attr)?;
    let id = attr.id.to_string();
    store::insert_attr(tx, &row(app_id, &id, attr, &text)).map_err(|e| taken(e, attr))
}

/// Writes a changed attr. [`reload`] must follow.
///
/// # Errors
/// `record-not-unique` when a name is taken.
pub fn change_attr(tx: &mut Conn, space: &Space, attr: &Attr) -> DataResult<()> {
    let number = space.number(attr.id).ok_or_else(|| Error::not_found("attr"))?;
    let text = text_of(attr)?;
    let id = attr.id.to_string();
    store::update_attr(tx, number, &row(&space.app_id, &id, attr, &text)).map_err(|e| taken(e, attr))?;
    Ok(())
}

/// Deletes an attr, so that it can be restored for some days. [`reload`] must follow.
///
/// # Errors
/// `record-not-found`, `validation-failed` for a system attr.
pub fn delete_attr(app: &App, tx: &mut Conn, space: &Space, id: AttrId) -> DataResult<()> {
    let number = space.number(id).ok_or_else(|| Error::not_found("attr"))?;
    if space.catalog.get(id).is_some_and(|attr| attr.owner == Owner::System) {
        return Err(Error::validation("attributes", id.to_string().into(), &[]).into());
    }
    store::set_deleted(tx, number, Some(app.clock.now_ms()))?;
    Ok(())
}

/// Brings a deleted attr back. [`reload`] must follow.
///
/// # Errors
/// `record-not-found`, `record-not-unique` when its name has been taken since.
pub fn restore_attr(tx: &mut Conn, app_id: &str, id: AttrId) -> DataResult<()> {
    let deleted = deleted_attrs(tx, app_id)?;
    let (number, attr, _) =
        deleted.into_iter().find(|(_, attr, _)| attr.id == id).ok_or_else(|| Error::not_found("attr"))?;
    store::set_deleted(tx, number, None).map_err(|e| taken(e, &attr))?;
    Ok(())
}

/// Deleted attrs that can still be restored, with when they were deleted.
///
/// # Errors
/// What the database says.
pub fn deleted_attrs(conn: &mut Conn, app_id: &str) -> DataResult<Vec<(i64, Attr, i64)>> {
    let rows = store::attrs(conn, app_id)?;
    let deleted = rows.iter().filter_map(|row| Some((row, row.deleted_ms.filter(|at| *at != store::ENDED)?)));
    deleted.map(|(row, at)| Ok((row.number, read(row)?, at))).collect()
}

/// Ends attrs whose days are over: they cannot be restored any more. Gives the numbers of all that have ended and still
/// have triples.
///
/// # Errors
/// What the database says.
pub fn end_attrs(app: &App, tx: &mut Conn) -> DataResult<Vec<i64>> {
    const DAY_MS: i64 = 86_400_000;
    let before = app.clock.now_ms() - i64::from(app.config.data.deleted_attr_days) * DAY_MS;
    Ok(store::end_attrs(tx, before)?)
}

/// Forgets attrs that have ended, once their triples are gone.
///
/// # Errors
/// What the database says.
pub fn forget_attrs(tx: &mut Conn, numbers: &[i64]) -> DataResult<usize> {
    Ok(store::forget_attrs(tx, numbers)?)
}

/// Stores a rules document. [`reload`] must follow.
///
/// # Errors
/// `validation-failed` for `rule` with every mistake.
pub fn set_rules(tx: &mut Conn, app_id: &str, document: &Value) -> DataResult<()> {
    Rules::parse(document)?;
    store::set_rules(tx, app_id, &document.to_string())?;
    Ok(())
}

/// Lets an app take writes, or not. [`reload`] must follow.
///
/// # Errors
/// What the database says.
pub fn set_writable(tx: &mut Conn, app_id: &str, writable: bool) -> DataResult<()> {
    store::set_status(tx, app_id, if writable { ACTIVE } else { READ_ONLY })?;
    Ok(())
}

/// Removes everything of an app: triples, attrs, rules, tokens.
///
/// # Errors
/// What the database says.
pub fn delete_all(tx: &mut Conn, app_id: &str) -> QueryResult<()> {
    store::delete_triples(tx, app_id)?;
    store::delete(tx, app_id)
}

/// The visible attrs as `{blobs, refs}`; keys of refs are joined by `joint` (empty: JSON lists).
///
/// # Errors
/// None for our types.
pub fn schema(space: &Space, joint: &str) -> DataResult<Value> {
    schema_of(&space.catalog, joint)
}

/// As [`schema`], of any attrs.
///
/// # Errors
/// None for our types.
pub fn schema_of(catalog: &Catalog, joint: &str) -> DataResult<Value> {
    let (mut blobs, mut refs) = (serde_json::Map::new(), serde_json::Map::new());
    for attr in catalog.attrs().filter(|attr| is_visible(attr)) {
        let json = serde_json::to_value(&**attr).map_err(DataError::internal)?;
        match &attr.reverse_identity {
            Some(Ident(_, etype, label)) if attr.is_ref() => {
                let names = [attr.etype(), attr.label(), etype, label];
                let key = match joint {
                    "" => format!("[{}]", names.map(|name| Value::from(name).to_string()).join(" ")),
                    joint => names.join(joint),
                };
                refs.insert(key, json);
            }
            _ => {
                let labels = blobs.entry(attr.etype()).or_insert_with(|| Value::Object(serde_json::Map::new()));
                if let Value::Object(labels) = labels {
                    labels.insert(attr.label().to_owned(), json);
                }
            }
        }
    }
    Ok(serde_json::json!({"blobs": blobs, "refs": refs}))
}

/// Some system attrs are the server's own business (section 14).
#[must_use]
pub fn is_visible(attr: &Attr) -> bool {
    const HIDDEN: [(&str, &str); 7] = [
        (system::FILES, "content-type"),
        (system::FILES, "content-disposition"),
        (system::FILES, "size"),
        (system::FILES, "location-id"),
        (system::FILES, "key-version"),
        (system::STREAMS, "machineId"),
        (system::STREAMS, "hashedReconnectToken"),
    ];
    !HIDDEN.contains(&(attr.etype(), attr.label()))
}

fn cached(spaces: &Spaces, app_id: &str, version: i64) -> Option<Arc<Space>> {
    spaces.0.get(app_id).filter(|known| known.version == version)
}

fn load(conn: &mut Conn, app_id: &str, head: &Head) -> DataResult<Space> {
    let rules_text = store::rules(conn, app_id)?;
    let document: Value = serde_json::from_str(&rules_text).map_err(DataError::internal)?;
    let rules = Rules::parse(&document)?;
    let (mut numbers, mut attrs, mut catalog) = (HashMap::new(), HashMap::new(), Catalog::default());
    for row in store::attrs(conn, app_id)?.iter().filter(|row| row.deleted_ms.is_none()) {
        let attr = catalog.insert(read(row)?);
        numbers.insert(attr.id, row.number);
        attrs.insert(row.number, attr);
    }
    Ok(Space {
        app_id: app_id.to_owned(),
        version: head.version,
        writable: head.status != READ_ONLY,
        catalog: Arc::new(catalog),
        rules: Arc::new(rules),
        rules_text,
        webhooks: webhooks::active(conn, app_id)?,
        numbers,
        attrs,
    })
}

fn read(row: &AttrRow) -> DataResult<Attr> {
    serde_json::from_str(&row.attr).map_err(DataError::internal)
}

fn text_of(attr: &Attr) -> DataResult<String> {
    serde_json::to_string(attr).map_err(DataError::internal)
}

fn row<'a>(app_id: &'a str, id: &'a str, attr: &'a Attr, text: &'a str) -> NewAttr<'a> {
    let reverse = attr.reverse_identity.as_ref();
    NewAttr {
        app_id,
        id,
        etype: attr.etype(),
        label: attr.label(),
        reverse_etype: reverse.map(|Ident(_, etype, _)| etype.as_str()),
        reverse_label: reverse.map(|Ident(_, _, label)| label.as_str()),
        attr: text,
    }
}

fn taken(e: diesel::result::Error, attr: &Attr) -> DataError {
    if is_unique_violation(&e) {
        let message = format!("There is an attribute {} already", attr.name());
        let hint = serde_json::json!({"record-type": "attr", "etype": attr.etype(), "label": attr.label()});
        return Error::new(Kind::RecordNotUnique, message, hint).into();
    }
    e.into()
}
