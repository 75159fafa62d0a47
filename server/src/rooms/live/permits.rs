//! What the rules say of rooms (`$rooms`): asked when somebody joins, shows something or calls out, and again of who is inside
//! when they have changed. Apps without such rules are not asked, and the database is not either.

use std::sync::Arc;
use std::time::Duration;

use keystead_instaql::error::{Error, Kind, Result};
use keystead_instaql::rules::{Input, Record, Refs, Request, Rule};
use keystead_instaql::schema::EntityId;
use serde_json::{Map, Value, json};

use super::door::told;
use super::hub::LiveApp;
use super::rooms;
use super::sessions::{Login, Session};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::auth::{self, Auth};
use crate::rooms::data::error::DataResult;
use crate::rooms::data::query::rules as query;
use crate::rooms::data::rate_limits;
use crate::rooms::data::space::{self, Space};
use crate::web::data::DataCall;

/// The namespace of the rules, as errors name it.
const ROOMS: &str = "$rooms";
/// A look at the members of a room that failed is tried again after this.
const RETRY: Duration = Duration::from_secs(1);

/// What somebody wants to do in a room.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// `join`, `presence` or `broadcast`.
    pub(super) action: &'static str,
    /// The topic of a broadcast.
    pub(super) topic: Option<Value>,
    /// What is shown or called out; rules see the members of objects, and none of anything else.
    pub(super) data: Option<Value>,
}

impl Wish {
    /// To be in the room.
    pub(super) const JOIN: Self = Self { action: "join", topic: None, data: None };
}

/// Why not.
pub(super) struct Refusal {
    /// The wish that was refused.
    pub(super) action: &'static str,
    /// What is told.
    pub(super) error: Error,
}

/// Who asks, for a room of which type and id.
struct Question {
    auth: Auth,
    request: Request,
    kind: String,
    id: String,
    wishes: Vec<Wish>,
}

/// May a connection do these things in a room?
///
/// # Errors
/// The first thing that it may not.
pub(super) async fn may(
    app: &Arc<App>,
    session: &Session,
    login: &Login,
    (kind, id): (&str, &str),
    wishes: Vec<Wish>,
) -> Result<(), Refusal> {
    let (_, rules) = login.live.rules();
    let is_open = |wish: &Wish| matches!(rules.room(kind, wish.action), Rule::Allow);
    if login.auth.is_admin() || wishes.iter().all(is_open) {
        return Ok(());
    }
    let request = Request {
        time_ms: app.clock.now_ms(),
        ip: session.origin.ip.map(|ip| ip.to_canonical().to_string()),
        origin: session.origin.origin.clone(),
        modified_fields: Vec::new(),
    };
    let question = Question { auth: login.auth.clone(), request, kind: kind.to_owned(), id: id.to_owned(), wishes };
    ask(app, Arc::clone(&login.live.id), question).await
}

/// May the caller of a request see who is in a room? Where there are no rules, the app's backend only.
///
/// # Errors
/// `permission-denied`, and what the rules or the database say.
pub(super) async fn may_look(call: &DataCall, kind: &str, id: &str) -> Result<()> {
    if call.auth.is_admin() {
        return Ok(());
    }
    let space = call.space().map_err(told)?;
    if !space.rules.has_rooms() {
        return Err(Error::denied(ROOMS, "join"));
    }
    let (auth, request) = (call.auth.clone(), call.request());
    let question = Question { auth, request, kind: kind.to_owned(), id: id.to_owned(), wishes: vec![Wish::JOIN] };
    ask(&call.app, space.app_id.as_str().into(), question).await.map_err(|refusal| refusal.error)
}

/// Asks the rules as they are now, with the user as he is now.
async fn ask(app: &Arc<App>, app_id: Arc<str>, question: Question) -> Result<(), Refusal> {
    let shared = Arc::clone(app);
    let read = move |conn: &mut Conn| -> DataResult<Result<(), Refusal>> {
        let space = space::current(&shared, conn, &app_id)?.ok_or_else(|| Error::not_found("app"))?;
        let auth = match &question.auth {
            Auth::User(user) => auth::by_id(conn, &space, user.id)?,
            other => other.clone(),
        };
        for wish in &question.wishes {
            if let Err(error) = judge(conn, &space, &auth, &question, wish)? {
                return Ok(Err(Refusal { action: wish.action, error }));
            }
        }
        Ok(Ok(()))
    };
    let said = app.db.read_snapshot(read).await;
    said.unwrap_or_else(|e| Err(Refusal { action: "", error: told(e) }))
}

fn judge(conn: &mut Conn, space: &Space, auth: &Auth, question: &Question, wish: &Wish) -> DataResult<Result<()>> {
    let program = match space.rules.room(&question.kind, wish.action) {
        Rule::Allow => return Ok(Ok(())),
        Rule::Deny => return Ok(Err(Error::denied(ROOMS, wish.action))),
        Rule::Program(program) => program,
    };
    let mut room =
        Map::from_iter([("type".into(), question.kind.clone().into()), ("id".into(), question.id.clone().into())]);
    room.extend(wish.topic.clone().map(|topic| ("topic".into(), topic)));
    let room: Record = Arc::new(room);
    let new: Option<Record> = match &wish.data {
        Some(Value::Object(data)) => Some(Arc::new(data.clone())),
        Some(_) => Some(Record::default()),
        None => None,
    };
    let mut refs = Refs::default();
    query::load_refs(conn, space, &program, &[], auth, &mut refs)?;
    let limiter = rate_limits::limiter(space, &question.request);
    let input = Input {
        data: Some((ROOMS, EntityId::nil(), &room)),
        new_data: new.as_ref(),
        auth: auth.user().map(|user| (user.id, &user.record)),
        request: Some(&question.request),
        refs: Some(&refs),
        limiter: limiter.as_ref(),
        ..Input::default()
    };
    Ok(match program.run(&input) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::denied(ROOMS, wish.action)),
        Err(e) => Err(e.to_error(ROOMS, wish.action, false)),
    })
}

/// Takes in an app's rules. If they say something else of rooms, whoever is inside is asked again.
pub(super) fn saw_rules(app: &Arc<App>, live: &Arc<LiveApp>, space: &Space) {
    if live.saw_rules(space.version, &space.rules) {
        let (app, id) = (Arc::clone(app), Arc::clone(&live.id));
        actix_web::rt::spawn(async move {
            for session in app.live.sessions.all() {
                if session.login().is_some_and(|login| login.live.id == id) {
                    look_again(&app, &session).await;
                }
            }
        });
    }
}

/// Asks whether a connection may be in the rooms that it is in, and under which names.
pub(super) async fn look_again(app: &Arc<App>, session: &Arc<Session>) {
    let Some(login) = session.login() else { return };
    for (id, joined) in session.all_joined() {
        loop {
            match may(app, session, login, (&joined.kind, &id), vec![Wish::JOIN]).await {
                Ok(()) => {
                    rooms::rename(app, session, login, &id);
                    break;
                }
                Err(Refusal { error, .. }) if is_no(&error) => {
                    evict(app, session, login, &id, &error);
                    break;
                }
                // The database did not answer: neither yes nor no.
                Err(_) if session.outbox.is_closed() => return,
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }
}

/// True of an error that is the rules' own.
fn is_no(error: &Error) -> bool {
    matches!(
        error.kind,
        Kind::PermissionDenied | Kind::PermissionEvaluationFailed | Kind::RecordNotFound | Kind::AppDisabled
    )
}

/// Takes a connection out of a room that it may not be in any more. It sees nobody there from now on.
pub(super) fn evict(app: &Arc<App>, session: &Session, login: &Login, id: &str, error: &Error) {
    let Some(joined) = session.left(id) else { return };
    rooms::leave_room(app, &(Arc::clone(&login.live.id), joined.room), &session.id);
    let empty = json!({"op": "refresh-presence", "room-id": id, "data": {}});
    session.outbox.answer(&empty.to_string());
    let refused = json!({"op": "join-room-error", "room-id": id, "error": error.message, "type": error.kind.name()});
    session.outbox.answer(&refused.to_string());
}
