//! Coming in: by a code, by the backend's word, as a guest. A user is made at the first time.

use std::sync::Arc;

use keystead_instaql::Error;
use keystead_instaql::error::Problem;
use keystead_instaql::rules::Request;
use keystead_instaql::schema::{EntityId, Owner};
use keystead_instaql::system::USERS;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::codes::{self, Tried};
use super::{GUEST, Which, find, is_guest, json_with};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::auth::{self, Auth};
use crate::rooms::data::error::DataResult;
use crate::rooms::data::permissions::rules::Judge;
use crate::rooms::data::query::rules as query;
use crate::rooms::data::space::{self, Space};
use crate::rooms::data::transact::Tx;
use crate::rooms::data::transact::rules::{self as transact, Committed, Posted, Steps};
use crate::rooms::identity::rules::users as accounts;

/// Who comes in.
#[derive(Debug, Clone, Default)]
pub struct Arrival {
    /// His address, proved or vouched for.
    pub email: Option<String>,
    /// The id that the backend wants for him.
    pub id: Option<EntityId>,
    /// Values for the new user.
    pub extra: Map<String, Value>,
    /// His picture, for the new user.
    pub image_url: Option<String>,
    /// The token he has as a guest, who becomes a full user.
    pub guest_token: Option<Uuid>,
    /// What rules see of the request; none for the backend, who is not asked.
    pub request: Option<Request>,
}

/// Who has come in.
#[derive(Debug)]
pub struct Signed {
    /// He, with his refresh token.
    pub user: Map<String, Value>,
    /// For the first time.
    pub created: bool,
    /// What was written: to be told after the commit.
    pub done: Vec<Committed>,
}

/// Signs somebody in by his code.
///
/// # Errors
/// What is wrong with `extra`, what the `create` rule says. A wrong code is no error, so that the try is committed.
pub fn by_code(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    arrival: &Arrival,
    code: &str,
) -> DataResult<Result<Signed, Error>> {
    let email = arrival.email.as_deref().unwrap_or_default();
    match codes::try_code(app, tx, app_id, email, code)? {
        Tried::Good => sign_in(app, tx, app_id, arrival).map(Ok),
        Tried::Bad(told) => Ok(Err(told)),
    }
}

/// Signs somebody in whose address or id is certain; without both, as a guest.
///
/// # Errors
/// What is wrong with `extra`, what the `create` rule says.
pub fn sign_in(app: &App, tx: &mut Conn, app_id: &str, arrival: &Arrival) -> DataResult<Signed> {
    let mut done = Vec::new();
    let space = begin(app, tx, app_id, arrival)?;
    check_extra(&space, arrival)?;
    let guest = match arrival.guest_token {
        Some(token) => guest(tx, &space, token)?,
        None => None,
    };
    let (id, created) = match (existing(tx, &space, arrival)?, guest) {
        (Some(id), Some(guest)) if id != guest => {
            let link = json!(["link", USERS, guest, {"linkedPrimaryUser": id}]);
            done.push(write(app, tx, app_id, &[link])?);
            (id, false)
        }
        (Some(id), _) => (id, false),
        (None, Some(guest)) => {
            let full = json!(["update", USERS, guest, {"email": arrival.email, "type": "user"}]);
            done.push(write(app, tx, app_id, &[full])?);
            (guest, false)
        }
        (None, None) => {
            let (id, committed) = create(app, tx, &space, arrival)?;
            done.push(committed);
            (id, true)
        }
    };
    let token = auth::rules::mint(app, tx, &space, id)?;
    Ok(Signed { user: json_with(tx, &space, id, token)?, created, done })
}

/// Runs steps as the app's backend.
pub(super) fn write(app: &App, tx: &mut Conn, app_id: &str, steps: &[Value]) -> DataResult<Committed> {
    let request = Request { time_ms: app.clock.now_ms(), ..Request::default() };
    let posted = Posted { steps: Steps::Admin(Some(steps.into())), throw_on_missing: true, request };
    transact::run_in(app, tx, app_id, &Auth::Admin, &posted)
}

fn begin(app: &App, tx: &mut Conn, app_id: &str, arrival: &Arrival) -> DataResult<Arc<Space>> {
    // Of two first sign-ins at the same time the second finds the user whom the first has made.
    if let Some(email) = &arrival.email {
        tx.lock(&format!("data user {app_id} {email}"))?;
    }
    Ok(space::rules::in_tx(app, tx, app_id)?.ok_or_else(|| Error::not_found("app"))?)
}

/// Who is there already: by the address, or else by the id.
fn existing(tx: &mut Conn, space: &Space, arrival: &Arrival) -> DataResult<Option<EntityId>> {
    match (&arrival.email, arrival.id) {
        (Some(email), _) => find(tx, space, &Which::Email(email.clone())),
        (None, Some(id)) => find(tx, space, &Which::Id(id)),
        (None, None) => Ok(None),
    }
}

fn guest(tx: &mut Conn, space: &Space, token: Uuid) -> DataResult<Option<EntityId>> {
    // A guest who has gone meanwhile signs in like anybody else.
    let Some(id) = find(tx, space, &Which::Token(token))? else { return Ok(None) };
    let user = query::record(tx, space, USERS, id)?;
    Ok(user.filter(is_guest).map(|_| id))
}

fn create(app: &App, tx: &mut Conn, space: &Space, arrival: &Arrival) -> DataResult<(EntityId, Committed)> {
    let app_id = space.app_id.as_str();
    let mut values = arrival.extra.clone();
    let id = match (&arrival.email, arrival.id) {
        (Some(email), _) => {
            values.insert("email".into(), email.as_str().into());
            of_account(tx, space, email)?
        }
        (None, Some(id)) => Some(id),
        (None, None) => {
            values.insert("type".into(), GUEST.into());
            None
        }
    };
    if let Some(url) = &arrival.image_url {
        values.insert("imageURL".into(), url.as_str().into());
    }
    let id = id.unwrap_or_else(|| Uuid::parse_str(&app.new_id()).unwrap_or_default());
    let committed = write(app, tx, app_id, &[json!(["update", USERS, id, values])])?;
    if let Some(request) = &arrival.request {
        Judge::new(&Auth::Nobody, request, None).after(&mut Tx::alone(tx), space, &committed.outcome)?;
    }
    Ok((id, committed))
}

/// The id of the identity API's account with this verified address: it is the same person. Not when that id has another address here.
fn of_account(tx: &mut Conn, space: &Space, email: &str) -> DataResult<Option<EntityId>> {
    let Some(id) = accounts::verified(tx, &space.app_id, email)?.and_then(|id| id.parse().ok()) else {
        return Ok(None);
    };
    let known = query::record(tx, space, USERS, id)?;
    let is_free = known.is_none_or(|user| user.get("email").is_none_or(Value::is_null));
    Ok(is_free.then_some(id))
}

/// Values for a new user must be columns that the app has added. Whoever is not the backend needs a `create` rule that allows them.
fn check_extra(space: &Space, arrival: &Arrival) -> DataResult<()> {
    let is_own = |label: &str| {
        space
            .catalog
            .attrs()
            .any(|attr| attr.etype() == USERS && attr.label() == label && attr.owner == Owner::User && !attr.is_ref())
    };
    let unknown: Vec<Problem> = arrival
        .extra
        .keys()
        .filter(|label| !is_own(label))
        .map(|label| {
            Problem::message(
                vec![label.as_str().into()],
                format!("{label} is no attribute that the app has added to $users"),
            )
        })
        .collect();
    if !unknown.is_empty() {
        return Err(Error::validation("extra-fields", Value::Object(arrival.extra.clone()), &unknown).into());
    }
    if arrival.request.is_some() && !arrival.extra.is_empty() && !has_create_rule(space) {
        return Err(Error::denied(USERS, "create").into());
    }
    Ok(())
}

fn has_create_rule(space: &Space) -> bool {
    let document: Value = serde_json::from_str(&space.rules_text).unwrap_or_default();
    let allow = document.get(USERS).and_then(|rules| rules.get("allow"));
    allow.is_some_and(|allow| allow.get("create").or_else(|| allow.get("$default")).is_some())
}
