//! Routes of queries.

use std::sync::Arc;

use actix_web::HttpResponse;
use keystead_instaql::rules::Rules;
use keystead_instaql::schema::Attr;
use keystead_instaql::{Error, Kind};
use serde_json::{Map, Value, json};

use super::limit::Limit;
use super::rules::{self, Asked, Shape};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::auth::Auth;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::space::{self, Space};
use crate::web::data::DataCall;
use crate::web::envelope::data as envelope;

/// Header that asks for page info and aggregates in the answer: `{"result":…,"result-meta":…}`. An extension.
const WITH_META: &str = "x-keystead-result-meta";

/// `POST /admin/query`
pub async fn query(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let asked = Asked { meta: call.header(WITH_META).is_some(), ..asked(&call, &body)? };
    let answer = run(&call, asked.clone()).await?;
    if asked.meta {
        let meta = answer.meta.to_json();
        return Ok(envelope::json(format!(r#"{{"result":{},"result-meta":{meta}}}"#, answer.body)));
    }
    Ok(envelope::json(answer.body))
}

/// `POST /admin/query_perms_check`
pub async fn perms_check(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let mut asked = asked(&call, &body)?;
    for_debug(&call, &body, &mut asked.request)?;
    let overridden = rules_override(call.space()?, &body)?;
    let (app, auth, space) = (Arc::clone(&call.app), call.auth.clone(), overridden);
    let read = move |conn: &mut Conn| rules::run_with(&app, conn, &space, &auth, &asked, Some(Vec::new()));
    let answer = within_time(&call.app, read).await?;
    let checks = Value::Array(answer.checks);
    Ok(envelope::json(format!(r#"{{"result":{},"check-results":{checks},"rule-wheres":{{}}}}"#, answer.body)))
}

/// `POST /runtime/framework/query`: for rendering on a server.
pub async fn framework(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let asked = Asked { meta: true, shape: Shape::JoinRows, ..asked(&call, &body)? };
    let answer = run(&call, asked).await?;
    let attrs: Vec<&Attr> = call.space()?.catalog.attrs().map(AsRef::as_ref).collect();
    let attrs = serde_json::to_string(&attrs).map_err(DataError::internal)?;
    let result = rows_result(&answer);
    Ok(envelope::json(format!(r#"{{"result":{result},"attrs":{attrs}}}"#)))
}

/// The result of section 17.2 around the triples of an answer.
#[must_use]
pub fn rows_result(answer: &rules::Answer) -> String {
    let mut extra = String::new();
    for (name, map) in [("page-info", &answer.meta.page_info), ("aggregate", &answer.meta.aggregate)] {
        if !map.is_empty() {
            extra.push_str(&format!(r#","{name}":{}"#, Value::Object(map.clone())));
        }
    }
    format!(r#"[{{"data":{{"datalog-result":{{"join-rows":[{}]}}{extra}}},"child-nodes":[]}}]"#, answer.body)
}

/// `GET /admin/schema`
pub async fn schema(call: DataCall) -> DataResult<HttpResponse> {
    Ok(envelope::value(&json!({"schema": space::rules::schema(call.space()?, "-")?})))
}

/// `GET /admin/soft_deleted_attrs`
pub async fn soft_deleted_attrs(call: DataCall) -> DataResult<HttpResponse> {
    let id = call.space()?.app_id.clone();
    let deleted = call.app.db.read(move |conn| space::rules::deleted_attrs(conn, &id)).await?;
    let mut attrs = Vec::with_capacity(deleted.len());
    for (_, attr, deleted_ms) in deleted {
        let mut attr = serde_json::to_value(attr).map_err(DataError::internal)?;
        if let Value::Object(map) = &mut attr {
            map.insert("deletion-marked-at".into(), deleted_ms.into());
        }
        attrs.push(attr);
    }
    let days = call.app.config.data.deleted_attr_days;
    Ok(envelope::value(&json!({"attrs": attrs, "grace-period-days": days})))
}

async fn run(call: &DataCall, asked: Asked) -> DataResult<rules::Answer> {
    let (app, auth, space) = (Arc::clone(&call.app), call.auth.clone(), Arc::clone(call.space()?));
    within_time(&call.app, move |conn| rules::run(&app, conn, &space, &auth, &asked)).await
}

async fn within_time<F>(app: &Arc<App>, read: F) -> DataResult<rules::Answer>
where
    F: FnOnce(&mut Conn) -> DataResult<rules::Answer> + Send + 'static,
{
    let limit = Limit::start(app);
    app.db.read_snapshot_within(limit.time(), read).await.map_err(|e| limit.told(e))
}

fn asked(call: &DataCall, body: &Map<String, Value>) -> DataResult<Asked> {
    let query = match body.get("query") {
        None | Some(Value::Null) => return Err(Error::missing(&["body", "query"]).into()),
        Some(Value::Object(query)) => query,
        Some(other) => return Err(Error::malformed(&["body", "query"], other.clone()).into()),
    };
    let mut query = query.clone();
    if let Some(params) = body.get("ruleParams").or_else(|| body.get("rule-params"))
        && !query.contains_key("$$ruleParams")
    {
        query.insert("$$ruleParams".into(), params.clone());
    }
    let singular = body.get("inference?").and_then(Value::as_bool).unwrap_or(false);
    Ok(Asked::plain(Value::Object(query), singular, call.request()))
}

/// Debug calls are the backend's, about somebody else.
pub(in super::super) fn for_debug(
    call: &DataCall,
    body: &Map<String, Value>,
    request: &mut keystead_instaql::rules::Request,
) -> DataResult<()> {
    if matches!(call.auth, Auth::Admin) {
        let message = "debug calls say what somebody may do: add as-email, as-token or as-guest";
        return Err(Error::new(
            Kind::ValidationFailed,
            format!("Validation failed for non-admin: {message}"),
            json!({"data-type": "non-admin", "errors": [{"message": message}]}),
        )
        .into());
    }
    if !call.is_backend {
        return Err(Error::not_found("app-admin-token").into());
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    request.ip = text("ip-override").or_else(|| request.ip.take());
    request.origin = text("origin-override").or_else(|| request.origin.take());
    Ok(())
}

/// The app with the rules that a debug call tries.
pub(in super::super) fn rules_override(space: &Arc<Space>, body: &Map<String, Value>) -> DataResult<Arc<Space>> {
    match body.get("rules-override") {
        None | Some(Value::Null) => Ok(Arc::clone(space)),
        Some(document) => Ok(Arc::new(space.with_rules(Rules::parse(document)?))),
    }
}
