//! What becomes of a stream: who begins it, what is added, and who may read.

use keystead_instaql::error::Problem;
use keystead_instaql::rules::Request;
use keystead_instaql::schema::EntityId;
use keystead_instaql::system::STREAMS;
use keystead_instaql::tx::outcome::Outcome;
use keystead_instaql::{Error, Kind};
use serde_json::{Map, Value, json};

use super::store::{self, StreamRow};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::auth::Auth;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::permissions::rules::Judge;
use crate::rooms::data::query::rules::{self as query, Asked, Shape};
use crate::rooms::data::space;
use crate::rooms::data::transact::{Committed, Posted, Steps, Tx, rules as transacting};

/// Bytes of a client's name for a stream, and of the reason for its end.
const MAX_NAME: usize = 512;
const MAX_REASON: usize = 1_024;
/// Bytes of a stored piece; a longer text is stored as several.
const PIECE: usize = 64 * 1024;
/// Pieces, and about how many bytes, that are read at once.
const MOST_PIECES: i64 = 256;
const MOST_BYTES: usize = 256 * 1024;

/// A writer who comes, or comes back.
#[derive(Debug, Clone)]
pub struct Start {
    /// His name for the stream.
    pub client_id: String,
    /// Hash of the token that shows that it is his.
    pub token_hash: String,
    /// For the rule `create` of `$streams`.
    pub rule_params: Map<String, Value>,
    /// For the rule, too.
    pub request: Request,
}

/// A stream that may be written to.
pub struct Started {
    /// Its id.
    pub id: String,
    /// How much of it is stored.
    pub size: i64,
    /// The transaction that made it; none when it was there.
    pub committed: Option<Committed>,
}

/// Text that is to be added.
#[derive(Debug, Clone)]
pub struct Append {
    /// The stream's id.
    pub id: String,
    /// Where the text begins. What is stored already is not stored again.
    pub offset: i64,
    /// The text.
    pub text: String,
    /// Nothing follows.
    pub done: bool,
    /// Why it ends, if that is not all.
    pub abort_reason: Option<String>,
}

/// What has become of the text.
pub enum Appended {
    /// It is stored.
    Flushed {
        /// How much of the stream is stored.
        size: i64,
        /// The transaction that ended the stream.
        committed: Option<Committed>,
    },
    /// There is a gap before it: the writer must begin anew where the store ends.
    Gap,
}

/// Who reads.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Whom the rule `view` of `$streams` is asked for.
    pub auth: Auth,
    /// For the rule.
    pub request: Request,
    /// For the rule, too.
    pub rule_params: Map<String, Value>,
}

/// How a reader names a stream.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// By its id.
    Id(String),
    /// By its writer's name for it.
    ClientId(String),
}

/// A stream that its reader may see.
#[derive(Debug, Clone)]
pub struct Visible {
    /// Its id.
    pub id: String,
    /// Its writer's name for it.
    pub client_id: String,
    /// Of the app's rules that said so.
    version: i64,
}

/// What a reader gets.
pub struct Page {
    /// Where the text begins: at the offset asked for, or before it, where a piece begins.
    pub start: i64,
    /// Where it ends.
    pub end: i64,
    /// The text.
    pub text: String,
    /// Nothing follows.
    pub done: bool,
    /// Why it ends.
    pub abort_reason: Option<String>,
}

/// Begins a stream, or goes on with one's own.
///
/// # Errors
/// `validation-failed` for `stream` when the name is another's or the stream has ended; what the rule says.
pub fn start(app: &App, tx: &mut Conn, app_id: &str, auth: &Auth, start: &Start) -> DataResult<Started> {
    if start.client_id.is_empty() || start.client_id.len() > MAX_NAME {
        return Err(Error::malformed(&["client-id"], start.client_id.as_str().into()).into());
    }
    tx.lock(&format!("data stream {app_id}/{}", start.client_id))?;
    if let Some(row) = store::by_client(tx, app_id, &start.client_id)? {
        return match (row.token_hash == start.token_hash, row.done) {
            (false, _) => Err(refused("the client-id is in use by another writer")),
            (true, true) => Err(refused("the stream has ended")),
            (true, false) => Ok(Started { id: row.stream_id, size: row.size, committed: None }),
        };
    }
    let id: EntityId = app.new_id().parse().map_err(DataError::internal)?;
    let values = json!({"clientId": start.client_id, "done": false, "size": 0});
    let committed = write(app, tx, app_id, (id, values), &start.request)?;
    let space = space::rules::in_tx(app, tx, app_id)?.ok_or_else(|| Error::not_found("app"))?;
    let mut outcome = Outcome::clone(&committed.outcome);
    outcome.rule_params.insert((id, STREAMS.to_owned()), start.rule_params.clone());
    Judge::new(auth, &start.request, None).after(&mut Tx::alone(tx), &space, &outcome)?;
    let row = StreamRow {
        app_id: app_id.to_owned(),
        stream_id: id.to_string(),
        client_id: start.client_id.clone(),
        token_hash: start.token_hash.clone(),
        size: 0,
        done: false,
        abort_reason: None,
        created_ms: app.clock.now_ms(),
    };
    store::insert(tx, &row)?;
    Ok(Started { id: row.stream_id, size: 0, committed: Some(committed) })
}

/// Adds text to a stream.
///
/// # Errors
/// `record-not-found`, `parameter-limit-exceeded`, `validation-failed` for `stream` when it has ended or the offset is inside a letter.
pub fn append(app: &App, tx: &mut Conn, app_id: &str, append: &Append) -> DataResult<Appended> {
    let mut row = store::hold(tx, app_id, &append.id)?.ok_or_else(|| Error::not_found("stream"))?;
    let length = i64::try_from(append.text.len()).unwrap_or(i64::MAX);
    let end = append.offset.saturating_add(length);
    if row.done {
        // A writer who has not heard the answer says it again.
        return match append.done && end <= row.size {
            true => Ok(Appended::Flushed { size: row.size, committed: None }),
            false => Err(refused("the stream has ended")),
        };
    }
    if append.offset > row.size {
        return Ok(Appended::Gap);
    }
    if end > i64::try_from(app.config.live.stream_bytes).unwrap_or(i64::MAX) {
        let most = app.config.live.stream_bytes;
        let text = format!("A stream has at most {most} bytes");
        return Err(Error::new(Kind::ParameterLimitExceeded, text, json!({"limit": most})).into());
    }
    if end > row.size {
        let stored = usize::try_from(row.size - append.offset).unwrap_or(usize::MAX);
        let rest = append.text.get(stored..).ok_or_else(|| refused("the offset is inside a letter"))?;
        for piece in pieces(rest) {
            row.size += i64::try_from(piece.len()).map_err(DataError::internal)?;
            store::add(tx, app_id, &row.stream_id, row.size, piece)?;
        }
    }
    let mut committed = None;
    if append.done {
        row.done = true;
        row.abort_reason = append.abort_reason.as_deref().map(|reason| brief(reason).to_owned());
        let id: EntityId = row.stream_id.parse().map_err(DataError::internal)?;
        let values = json!({"done": true, "size": row.size, "abortReason": row.abort_reason});
        let request = Request { time_ms: app.clock.now_ms(), ip: None, origin: None, modified_fields: Vec::new() };
        committed = Some(write(app, tx, app_id, (id, values), &request)?);
    }
    store::update(tx, &row)?;
    Ok(Appended::Flushed { size: row.size, committed })
}

/// A stream that the caller may see.
///
/// # Errors
/// `record-not-found` for one that there is not, or that the rule `view` of `$streams` hides.
pub fn visible(app: &App, conn: &mut Conn, app_id: &str, viewer: &Viewer, wanted: &Wanted) -> DataResult<Visible> {
    let space = space::current(app, conn, app_id)?.ok_or_else(|| Error::not_found("app"))?;
    let (label, value) = match wanted {
        Wanted::Id(id) => ("id", id),
        Wanted::ClientId(client_id) => ("clientId", client_id),
    };
    let asked = Asked {
        query: json!({STREAMS: {"$": {"where": {label: value}}}, "$$ruleParams": viewer.rule_params}),
        singular: false,
        meta: false,
        topics: false,
        shape: Shape::Tree,
        request: viewer.request.clone(),
    };
    let found = query::run(app, conn, &space, &viewer.auth, &asked)?;
    let found: Value = serde_json::from_str(&found.body).map_err(DataError::internal)?;
    let text = |key: &str| found.pointer(&format!("/{STREAMS}/0/{key}"))?.as_str().map(str::to_owned);
    let (id, client_id) = text("id").zip(text("clientId")).ok_or_else(|| Error::not_found("stream"))?;
    Ok(Visible { id, client_id, version: space.version })
}

/// Text of a stream from an offset on. When the app's rules have changed since the reader was let in, they are asked again, and
/// `seen` follows.
///
/// # Errors
/// As [`visible`]; also when the stream is gone.
pub fn read(
    app: &App,
    conn: &mut Conn,
    app_id: &str,
    viewer: &Viewer,
    seen: &mut Visible,
    from: i64,
) -> DataResult<Page> {
    let row = store::find(conn, app_id, &seen.id)?.ok_or_else(|| Error::not_found("stream"))?;
    let space = space::current(app, conn, app_id)?.ok_or_else(|| Error::not_found("app"))?;
    if space.version != seen.version {
        *seen = visible(app, conn, app_id, viewer, &Wanted::Id(seen.id.clone()))?;
    }
    let (mut start, mut end, mut text) = (None, from, String::new());
    for (piece_end, piece) in store::pieces(conn, app_id, &row.stream_id, from, MOST_PIECES)? {
        let length = i64::try_from(piece.len()).unwrap_or(i64::MAX);
        start = start.or(Some(piece_end - length));
        text.push_str(&piece);
        end = piece_end;
        if text.len() >= MOST_BYTES {
            break;
        }
    }
    let done = row.done && end >= row.size;
    Ok(Page { start: start.unwrap_or(from), end, text, done, abort_reason: row.abort_reason })
}

/// Deletes the text of streams whose entity a transaction has deleted.
///
/// # Errors
/// What the database says.
pub fn release(tx: &mut Tx<'_>, app_id: &str, outcome: &Outcome) -> DataResult<()> {
    let ids: Vec<String> = gone(outcome).collect();
    if !ids.is_empty() {
        store::delete(tx.beside(), app_id, &ids)?;
    }
    Ok(())
}

/// The streams that a transaction has deleted.
pub(super) fn gone(outcome: &Outcome) -> impl Iterator<Item = String> {
    let gone = outcome.touched.iter().filter(|touched| touched.etype == STREAMS && touched.after.is_none());
    gone.map(|touched| touched.entity.to_string())
}

fn write(
    app: &App,
    tx: &mut Conn,
    app_id: &str,
    (id, values): (EntityId, Value),
    request: &Request,
) -> DataResult<Committed> {
    let steps = Steps::Admin(Some(json!([["update", STREAMS, id, values]])));
    let posted = Posted { steps, throw_on_missing: true, request: request.clone() };
    transacting::run_in(app, tx, app_id, &Auth::Admin, &posted)
}

fn refused(text: &str) -> DataError {
    Error::validation("stream", Value::Null, &[Problem::message(Vec::new(), text)]).into()
}

/// As much as is stored.
fn brief(reason: &str) -> &str {
    reason.get(..reason.floor_char_boundary(MAX_REASON)).unwrap_or(reason)
}

/// The text as pieces of at most [`PIECE`] bytes.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = text.split_at_checked(text.floor_char_boundary(PIECE))?;
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters() {
        let text = format!("x{}", "\u{1f30d}".repeat(PIECE / 2));
        let cut: Vec<&str> = pieces(&text).collect();
        assert_eq!(cut.concat(), text);
        assert!(cut.len() == 3 && cut.iter().all(|piece| piece.len() <= PIECE), "{}", cut.len());
        assert_eq!(pieces("").count(), 0);
        assert_eq!(brief(&"\u{e9}".repeat(MAX_REASON)).len(), MAX_REASON);
    }
}
