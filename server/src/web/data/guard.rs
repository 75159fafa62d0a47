//! Guards of the data API (instant.md sections 1.6 and 7). Authorisation failures are 400 here, on dashboard routes 401.

use std::sync::Arc;

use actix_web::http::header;
use keystead_crypto::hash;
use keystead_instaql::Error;
use serde_json::Value;
use uuid::Uuid;

use super::call::query_value;
use crate::app::App;
use crate::db::{Conn, Remembered};
use crate::rooms::data::auth::{self, Auth};
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::space::{self, Seen, Space};
use crate::routes::Params;
use crate::web::request::Request;

/// What a route of the data API asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataGuard {
    /// Nobody and no app: the handler looks for itself.
    Open,
    /// The app by `app-id` (header or query); anybody.
    App,
    /// The app's admin token.
    Admin,
    /// The admin token, or one of the `as-…` headers.
    AdminOrUser,
    /// The app, and the user of `Authorization: Bearer` with a user's token; nobody without one.
    User,
    /// The app of the first path value, and its admin token or the operator's; 401 without it.
    Dash,
    /// The operator's token; 401 without it.
    Operator,
}

/// Who came in.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) space: Option<Arc<Space>>,
    pub(super) auth: Auth,
    pub(super) is_backend: bool,
}

/// Who was let in by what he has shown; only what does not depend on the time.
pub struct Entries(Remembered<(DataGuard, Arc<Shown>), Entry>);

impl Entries {
    /// For a database with so many readers.
    #[must_use]
    pub fn new(readers: usize) -> Self {
        Self(Remembered::new(readers))
    }
}

/// What the request shows.
#[derive(PartialEq, Eq)]
struct Shown {
    app_id: String,
    bearer: Bearer,
    imposed: Option<Imposed>,
}

#[derive(PartialEq, Eq)]
enum Bearer {
    None,
    Malformed(String),
    Token(String),
}

/// The `as-…` headers, in the order in which they count.
#[derive(PartialEq, Eq)]
enum Imposed {
    Token(String),
    Email(String),
    Guest,
}

/// Lets the caller in.
pub(super) async fn enter(app: &Arc<App>, guard: DataGuard, req: &Request, params: &Params) -> DataResult<Entry> {
    if guard == DataGuard::Open {
        return Ok(Entry { space: None, auth: Auth::Nobody, is_backend: false });
    }
    if guard == DataGuard::Operator {
        return match bearer(req) {
            Bearer::Token(token) if is_operator(app, &token) => {
                Ok(Entry { space: None, auth: Auth::Admin, is_backend: true })
            }
            _ => Err(DataError::unauthorized("operator-token")),
        };
    }
    let app_id = match guard {
        DataGuard::Dash => params.get(0).map(str::to_owned),
        _ => text(req, "app-id").or_else(|| text(req, "app_id")).map(str::to_owned).or_else(|| {
            query_value(req.query_string(), "app_id").or_else(|| query_value(req.query_string(), "app-id"))
        }),
    };
    let app_id = app_id.ok_or_else(|| Error::missing(&["headers", "app-id"]))?;
    if app_id.parse::<Uuid>().is_err() {
        return Err(Error::malformed(&["headers", "app-id"], app_id.into()).into());
    }
    let shown = Shown { app_id: app_id.to_ascii_lowercase(), bearer: bearer(req), imposed: imposed(req) };
    let shown = Arc::new(shown);
    match look(app, guard, &shown).await? {
        Some(entry) => Ok(entry),
        // The app's first call to the data API.
        None => {
            space::found(app, &shown.app_id).await?;
            look(app, guard, &shown).await?.ok_or_else(|| Error::not_found("app").into())
        }
    }
}

/// From what is remembered where nothing has changed, else from the database. None when the app is there and has no data yet.
async fn look(app: &Arc<App>, guard: DataGuard, shown: &Arc<Shown>) -> DataResult<Option<Entry>> {
    let here = app.db.read_here(|conn, as_of| {
        let same = |(of, known): &(DataGuard, Arc<Shown>)| *of == guard && **known == **shown;
        if let Some(entry) = app.entries.0.find(as_of, shown.mark(), same) {
            return Ok(Some(entry));
        }
        let found = check(app, conn, guard, shown)?;
        if let Some(entry) = found.as_ref().filter(|_| !shown.may_expire()) {
            app.entries.0.remember(as_of, shown.mark(), (guard, Arc::clone(shown)), entry.clone());
        }
        Ok(found)
    });
    if let Some(found) = here {
        return found;
    }
    let (shared, shown) = (Arc::clone(app), Arc::clone(shown));
    app.db.read(move |conn| check(&shared, conn, guard, &shown)).await
}

impl Shown {
    /// The ends of tokens tell callers apart.
    fn mark(&self) -> (Option<&[u8; 16]>, Option<&[u8; 16]>, &str) {
        let bearer = match &self.bearer {
            Bearer::Token(token) => token.as_bytes().last_chunk(),
            Bearer::None | Bearer::Malformed(_) => None,
        };
        let imposed = match &self.imposed {
            Some(Imposed::Token(text) | Imposed::Email(text)) => text.as_bytes().last_chunk(),
            Some(Imposed::Guest) | None => None,
        };
        (bearer, imposed, &self.app_id)
    }

    /// Tokens of the other APIs are JWTs, which end by themselves.
    fn may_expire(&self) -> bool {
        let is_jwt = |token: &String| token.parse::<Uuid>().is_err();
        matches!(&self.bearer, Bearer::Token(token) if is_jwt(token))
            || matches!(&self.imposed, Some(Imposed::Token(token)) if is_jwt(token))
    }
}

/// None when the app is there and has no data yet.
fn check(app: &Arc<App>, conn: &mut Conn, guard: DataGuard, shown: &Shown) -> DataResult<Option<Entry>> {
    let token = match (guard, &shown.imposed, &shown.bearer) {
        (DataGuard::AdminOrUser, Some(Imposed::Token(token)), _) | (DataGuard::User, _, Bearer::Token(token)) => {
            Some(token)
        }
        _ => None,
    };
    // A backend is told apart from a user by its own token, which takes another look.
    if let Some(token) = token.filter(|_| guard == DataGuard::User || matches!(shown.bearer, Bearer::None))
        && let Some((space, auth)) = auth::plain(app, conn, &shown.app_id, token)?
    {
        return Ok(Some(Entry { space: Some(space), auth, is_backend: false }));
    }
    let Some(seen) = space::seen(app, conn, &shown.app_id)? else {
        return match space::is_app(conn, &shown.app_id)? {
            true => Ok(None),
            false if guard == DataGuard::Dash => Err(DataError::unauthorized("app")),
            false => Err(unknown_app(guard).into()),
        };
    };
    let admin = || admin(&seen, &shown.bearer);
    let space = Arc::clone(&seen.space);
    let (auth, is_backend) = match guard {
        DataGuard::Open | DataGuard::App | DataGuard::Operator => (Auth::Nobody, false),
        DataGuard::Admin => {
            admin()?;
            (Auth::Admin, true)
        }
        DataGuard::Dash => {
            if !matches!(&shown.bearer, Bearer::Token(token) if is_operator(app, token)) {
                admin().map_err(|e| DataError { status: Some(401), ..e })?;
            }
            (Auth::Admin, true)
        }
        DataGuard::User => match &shown.bearer {
            // Guests without a token send the word `undefined`.
            Bearer::Token(token) if token != "undefined" => (auth::by_token(app, conn, &space, token)?, false),
            Bearer::Malformed(raw) => {
                return Err(Error::malformed(&["headers", "authorization"], raw.clone().into()).into());
            }
            _ => (Auth::Nobody, false),
        },
        DataGuard::AdminOrUser => match &shown.imposed {
            Some(Imposed::Token(token)) => (auth::by_token(app, conn, &space, token)?, admin().is_ok()),
            Some(Imposed::Email(email)) => {
                admin()?;
                (auth::by_email(conn, &space, email)?, true)
            }
            Some(Imposed::Guest) => (Auth::Nobody, admin().is_ok()),
            None => {
                admin()?;
                (Auth::Admin, true)
            }
        },
    };
    Ok(Some(Entry { space: Some(space), auth, is_backend }))
}

/// Compared by hash, whose bytes nobody can aim at.
fn is_operator(app: &App, token: &str) -> bool {
    let wanted = app.config.data.operator_token.expose();
    !wanted.is_empty() && hash::sha256(wanted.as_bytes()) == hash::sha256(token.as_bytes())
}

/// The admin token of this very app.
fn admin(seen: &Seen, bearer: &Bearer) -> DataResult<()> {
    match bearer {
        Bearer::None => Err(Error::missing(&["headers", "authorization"]).into()),
        Bearer::Malformed(raw) => Err(Error::malformed(&["headers", "authorization"], raw.clone().into()).into()),
        Bearer::Token(token) => {
            if token.parse::<Uuid>().is_err() {
                return Err(Error::malformed(&["headers", "authorization"], Value::Null).into());
            }
            match seen.is_admin_token(token) {
                true => Ok(()),
                false => Err(Error::not_found("app-admin-token").into()),
            }
        }
    }
}

fn unknown_app(guard: DataGuard) -> Error {
    match guard {
        DataGuard::Admin | DataGuard::AdminOrUser => Error::not_found("app-admin-token"),
        _ => Error::not_found("app"),
    }
}

fn bearer(req: &Request) -> Bearer {
    let Some(value) = req.headers().get(header::AUTHORIZATION) else { return Bearer::None };
    let value = value.to_str().unwrap_or_default();
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Bearer::Token(token.trim().to_owned())
        }
        _ => Bearer::Malformed("not Bearer TOKEN".to_owned()),
    }
}

fn imposed(req: &Request) -> Option<Imposed> {
    if let Some(token) = text(req, "as-token") {
        return Some(Imposed::Token(token.to_owned()));
    }
    if let Some(email) = text(req, "as-email") {
        return Some(Imposed::Email(email.to_owned()));
    }
    text(req, "as-guest").filter(|value| *value != "false").map(|_| Imposed::Guest)
}

fn text<'a>(req: &'a Request, name: &str) -> Option<&'a str> {
    req.headers().get(name)?.to_str().ok()
}
