//! Routes of transactions.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpResponse;
use keystead_instaql::{Error, Kind};
use serde_json::{Map, Value, json};

use super::Tx;
use super::rules::{self, Posted, Steps};
use crate::db::Conn;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::query::http as query;
use crate::web::data::DataCall;
use crate::web::envelope::data as envelope;

/// `POST /admin/transact`
pub async fn transact(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let posted = posted(&call, body)?;
    let done = rules::run(&call.app, &call.space()?.app_id, &call.auth, posted).await?;
    Ok(envelope::value(&json!({"tx-id": done.tx_id})))
}

/// `POST /admin/transact_perms_check`: says what the rules say, and writes only when it is told to.
pub async fn perms_check(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let mut posted = posted(&call, body.clone())?;
    query::for_debug(&call, &body, &mut posted.request)?;
    let overridden = match body.get("rules-override") {
        None | Some(Value::Null) => None,
        Some(document) => Some(keystead_instaql::rules::Rules::parse(document)?),
    };
    let commits = body.get("dangerously-commit-tx").and_then(Value::as_bool).unwrap_or(false);
    let (app, id, auth) = (Arc::clone(&call.app), call.space()?.app_id.clone(), call.auth.clone());
    let said: Arc<Mutex<Option<Value>>> = Arc::default();
    let kept = Arc::clone(&said);
    let write = move |tx: &mut Conn| {
        let mut checks = Vec::new();
        let done =
            rules::run_as(&app, &mut Tx::alone(tx), &id, &auth, &posted, Some(&mut checks), overridden.as_ref())?;
        let passes = checks.iter().all(|check| check.get("check-pass?") == Some(&Value::Bool(true)));
        let answer = json!({
            "tx-id": done.tx_id, "all-checks-ok?": passes, "committed?": commits && passes, "check-results": checks,
        });
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        // The way to undo all of it.
        if commits && passes { Ok(Some(done)) } else { Err(DataError::from(undone())) }
    };
    match call.app.db.write(write).await {
        Ok(done) => {
            if let Some(done) = done {
                rules::tell(&call.app, &done);
            }
        }
        Err(e) if e.cause.is_none() && e.told == undone() => {}
        Err(e) => return Err(e),
    }
    let answer = said.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(envelope::value(&answer.ok_or_else(|| DataError::internal("no checks"))?))
}

fn undone() -> Error {
    Error::new(Kind::Unknown, "not to be committed", json!("dry run"))
}

fn posted(call: &DataCall, mut body: Map<String, Value>) -> DataResult<Posted> {
    let steps = match body.remove("steps") {
        None | Some(Value::Null) => return Err(Error::missing(&["body", "steps"]).into()),
        Some(steps) => Some(steps),
    };
    let throw_on_missing = body.get("throw-on-missing-attrs?").and_then(Value::as_bool).unwrap_or(false);
    Ok(Posted { steps: Steps::Admin(steps), throw_on_missing, request: call.request() })
}
