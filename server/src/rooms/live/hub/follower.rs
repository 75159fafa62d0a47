//! A client that holds a copy of a namespace (`start-sync`): how far it is, and what it is told next.
//!
//! Nothing is queued for it. Batches are cut when its socket takes them, and changes are those between the state it has and
//! the newest; whoever is too far behind is asked to load anew.

use std::sync::{Arc, Mutex, PoisonError};

use keystead_instaql::{Error, Kind};
use serde_json::{Value, json};

use super::query::{Content, Latest, LiveQuery};

/// Bytes of a batch, after which the next one begins.
const BATCH: usize = 64 * 1024;

/// One client's copy of one namespace.
pub struct Follower {
    /// `subscription-id`
    pub id: Arc<str>,
    at: Mutex<At>,
}

enum At {
    /// Loads a state, from the entity of this number on.
    Loading { content: Arc<Content>, tx_id: i64, version: u64, next: usize },
    /// Has this version.
    Following(u64),
    /// Was told that the query has failed.
    Failed,
    /// Was told to load anew, under another id.
    Ended,
}

/// What a query knows that a client does not.
pub(super) enum Since {
    /// Nothing.
    Nothing,
    /// Transactions, as a JSON list, that lead to a version.
    Changes(String, u64),
    /// More than is kept.
    TooMuch,
    /// What is wrong with the query now.
    Failed(Error),
}

impl Follower {
    /// One that loads what was found.
    #[must_use]
    pub fn loads(id: Arc<str>, found: &Latest) -> Self {
        let (content, tx_id, version) = (Arc::clone(&found.content), found.tx_id, found.version());
        Self { id, at: Mutex::new(At::Loading { content, tx_id, version, next: 0 }) }
    }

    /// One that has what was found.
    #[must_use]
    pub fn follows(id: Arc<str>, found: &Latest) -> Self {
        Self { id, at: Mutex::new(At::Following(found.version())) }
    }

    /// The next message; true when another one may follow at once.
    pub(super) fn next(&self, query: &LiveQuery) -> Option<(String, bool)> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let (message, now, more) = match &mut *at {
            At::Loading { content, tx_id, version, next } => {
                if let Some(rows) = batch(content, next) {
                    return Some((self.message("sync-load-batch", "join-rows", &format!("[{rows}]")), true));
                }
                let message = self.message("sync-init-finish", "tx-id", &tx_id.to_string());
                (message, At::Following(*version), true)
            }
            At::Following(version) => match query.since(*version) {
                Since::Nothing => return None,
                Since::Changes(txes, version) => {
                    (self.message("sync-update-triples", "txes", &txes), At::Following(version), false)
                }
                Since::TooMuch => (self.start_again(), At::Ended, false),
                Since::Failed(error) => (self.failure(&error, &query.key.query), At::Failed, false),
            },
            At::Failed => match query.since(0) {
                Since::Nothing | Since::Failed(_) => return None,
                Since::Changes(..) | Since::TooMuch => (self.start_again(), At::Ended, false),
            },
            At::Ended => return None,
        };
        *at = now;
        Some((message, more))
    }

    /// `json`: of the member.
    fn message(&self, op: &str, member: &str, json: &str) -> String {
        // A client that comes back says itself what it is called.
        let id = Value::from(&*self.id);
        format!(r#"{{"op":"{op}","subscription-id":{id},"{member}":{json}}}"#)
    }

    /// Clients take an error about `resync-table` as a call to forget what they have and to start again.
    fn start_again(&self) -> String {
        let original = json!({"op": "resync-table", "subscription-id": &*self.id});
        error(&too_old(), &original)
    }

    fn failure(&self, e: &Error, query: &str) -> String {
        let query: Value = serde_json::from_str(query).unwrap_or_default();
        error(e, &json!({"op": "start-sync", "subscription-id": &*self.id, "q": query}))
    }
}

/// What a client's copy cannot be brought up to date from.
#[must_use]
pub fn too_old() -> Error {
    let text = "The copy is too old to be brought up to date, or is another user's: load it anew";
    Error::new(Kind::RecordExpired, text, json!({"record-type": "sync-subscription"}))
}

fn error(e: &Error, original: &Value) -> String {
    let message = json!({
        "op": "error", "status": e.kind.http_status(), "type": e.kind.name(), "message": e.message, "hint": e.hint,
        "original-event": original,
    });
    message.to_string()
}

/// Entities from one on, as many as make a message; none when there are no more.
fn batch(content: &Content, next: &mut usize) -> Option<String> {
    let Content::Table(table) = content else { return None };
    let mut text = String::new();
    for (_, row) in table.rows.get(*next..)? {
        if text.len() > BATCH {
            break;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(row);
        *next += 1;
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use keystead_instaql::schema::EntityId;

    use super::super::table::Table;
    use super::super::{Context, Form, Found, QueryKey};
    use super::*;

    fn query() -> LiveQuery {
        let key = QueryKey { query: r#"{"a":{}}"#.into(), form: Form::Rows, context: Context::Admin, request: None };
        LiveQuery::new(1, key)
    }

    fn found(query: &LiveQuery, tx_id: i64, rows: &[(u128, String)]) -> Arc<Latest> {
        let rows = rows.iter().map(|(id, row)| (EntityId::from_u128(*id), row.as_str().into())).collect();
        let content = Content::Table(Table { columns: Vec::new(), rows });
        query.install(Found { doubts: query.doubts(), tx_id, content })
    }

    fn row(id: u128, bytes: usize) -> (u128, String) {
        (id, format!(r#"[["{id}","id","{}",1]]"#, "x".repeat(bytes)))
    }

    #[test]
    fn a_copy_is_loaded_in_batches_and_follows_from_its_state() {
        let query = query();
        let first = found(&query, 10, &[row(1, 50_000), row(2, 50_000), row(3, 5)]);
        let follower = Follower::loads("s".into(), &first);
        let next = || follower.next(&query).map(|(message, _)| serde_json::from_str::<Value>(&message).unwrap());
        let batches = [next().unwrap(), next().unwrap()];
        assert_eq!(batches.map(|b| b["join-rows"].as_array().unwrap().len()), [2, 1]);
        // What changes meanwhile is told after the state that was loaded.
        found(&query, 20, &[row(1, 50_000), row(3, 5)]);
        found(&query, 30, &[row(1, 50_000), row(3, 5), row(4, 1)]);
        assert_eq!(next().unwrap(), json!({"op": "sync-init-finish", "subscription-id": "s", "tx-id": 10}));
        let told = next().unwrap();
        assert_eq!((&told["txes"][0]["tx-id"], &told["txes"][1]["tx-id"]), (&json!(20), &json!(30)));
        assert_eq!(told["txes"][0]["changes"][0]["action"], "removed");
        assert_eq!(next(), None);
        found(&query, 40, &[row(1, 50_000), row(3, 5), row(4, 1)]);
        assert_eq!(next(), None, "nothing changed");
    }

    #[test]
    fn any_name_of_a_copy_is_told_as_it_is() {
        let query = query();
        let name = r#"it's "mine" \ ä"#;
        let follower = Follower::follows(name.into(), &found(&query, 10, &[]));
        found(&query, 20, &[row(1, 1)]);
        let (message, _) = follower.next(&query).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&message).unwrap()["subscription-id"], name);
    }

    #[test]
    fn failures_are_told_once_and_end_in_a_new_load() {
        let query = query();
        let follower = Follower::follows("s".into(), &found(&query, 10, &[]));
        let fail = |tx_id| {
            let content = Content::Error(Error::new(Kind::AppDisabled, "off", Value::Null));
            query.install(Found { doubts: 0, tx_id, content });
        };
        let next = || follower.next(&query).map(|(message, _)| serde_json::from_str::<Value>(&message).unwrap());
        fail(20);
        assert_eq!(next().unwrap()["original-event"]["op"], "start-sync");
        assert_eq!(next(), None);
        found(&query, 30, &[row(1, 1)]);
        let again = next().unwrap();
        assert_eq!(again["original-event"], json!({"op": "resync-table", "subscription-id": "s"}));
        found(&query, 40, &[]);
        assert_eq!(next(), None);
    }
}
