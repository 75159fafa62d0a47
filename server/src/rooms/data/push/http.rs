//! Routes of `instant-cli` and of whoever makes apps.

use std::sync::Arc;

use actix_web::HttpResponse;
use keystead_instaql::error::Problem;
use keystead_instaql::schema::Attr;
use keystead_instaql::{Error, Kind};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::rules::{self, NewApp};
use super::{Login, document};
use crate::clock::iso8601;
use crate::db::Conn;
use crate::rooms::apps::rules::{self as apps, AppInfo};
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::space::{self, Space};
use crate::web::data::DataCall;
use crate::web::envelope::data as envelope;

/// `GET /dash/apps/{app}/schema/pull`
pub async fn schema_pull(call: DataCall) -> DataResult<HttpResponse> {
    let info = info(&call, &call.space()?.app_id).await?;
    let space = call.space()?;
    let mut catalog = (*space.catalog).clone();
    let attrs: Vec<Attr> =
        space.catalog.attrs().filter(|attr| space::rules::is_visible(attr)).map(|attr| document::shown(attr)).collect();
    for attr in &attrs {
        catalog.insert(attr.clone());
    }
    let schema = space::rules::schema_of(&catalog, "")?;
    Ok(envelope::value(&json!({"schema": schema, "attrs": attrs, "app-title": info.name})))
}

/// `POST /dash/apps/{app}/schema/steps/apply`
pub async fn steps_apply(call: DataCall) -> DataResult<HttpResponse> {
    let mut body = call.object()?;
    let steps = body.remove("steps").ok_or_else(|| Error::missing(&["body", "steps"]))?;
    let pushed = rules::push(&call.app, &call.space()?.app_id, &steps).await?;
    Ok(envelope::value(&answer(&pushed)))
}

fn answer(pushed: &rules::Pushed) -> Value {
    json!({"transaction": {"id": pushed.committed.tx_id}, "steps": pushed.steps, "indexing-jobs": pushed.jobs})
}

/// `GET /dash/apps/{app}/indexing-jobs/group/{group}`
pub async fn jobs(call: DataCall) -> DataResult<HttpResponse> {
    let jobs = call.app.pushes.groups.get(&(call.space()?.app_id.clone(), call.param(1)));
    let jobs = jobs.ok_or_else(|| Error::not_found("indexing-job-group"))?;
    Ok(envelope::value(&json!({"jobs": jobs})))
}

/// `POST /dash/apps/{app}/schema/push/plan`
pub async fn plan(call: DataCall) -> DataResult<HttpResponse> {
    let (_, answer) = planned(&call)?;
    Ok(envelope::value(&Value::Object(answer)))
}

/// `POST /dash/apps/{app}/schema/push/apply`
pub async fn apply(call: DataCall) -> DataResult<HttpResponse> {
    let (steps, mut answer) = planned(&call)?;
    let pushed = rules::push(&call.app, &call.space()?.app_id, &steps).await?;
    if let Value::Object(done) = self::answer(&pushed) {
        answer.extend(done);
    }
    Ok(envelope::value(&Value::Object(answer)))
}

fn planned(call: &DataCall) -> DataResult<(Value, Map<String, Value>)> {
    let body = call.object()?;
    let schema = body.get("schema").ok_or_else(|| Error::missing(&["body", "schema"]))?;
    let flag = |name: &str| body.get(name).and_then(Value::as_bool).unwrap_or(true);
    let space: &Space = call.space()?;
    let steps = rules::plan(&call.app, &space.catalog, schema, flag("check_types"))?;
    let steps = Value::Array(steps);
    let after = rules::planned(space, &rules::parse(&steps)?)?;
    let answer = json!({
        "steps": steps,
        "current-schema": space::rules::schema(space, "")?,
        "new-schema": space::rules::schema_of(&after, "")?,
        "current-attrs": space.catalog.attrs().map(|attr| document::shown(attr)).collect::<Vec<_>>(),
    });
    match answer {
        Value::Object(answer) => Ok((steps, answer)),
        _ => Err(DataError::internal("no object")),
    }
}

/// `GET /dash/apps/{app}/perms/pull`
pub async fn perms_pull(call: DataCall) -> DataResult<HttpResponse> {
    Ok(envelope::value(&json!({"perms": rules::rules(call.space()?)?})))
}

/// `POST /dash/apps/{app}/rules`
pub async fn set_rules(call: DataCall) -> DataResult<HttpResponse> {
    let mut body = call.object()?;
    let code = body.remove("code").ok_or_else(|| Error::missing(&["body", "code"]))?;
    let (app, id, stored) = (Arc::clone(&call.app), call.space()?.app_id.clone(), code.clone());
    let committed = call.app.db.write(move |tx| rules::set_rules(&app, tx, &id, &stored)).await?;
    rules::changed(&call.app, &committed);
    Ok(envelope::value(&json!({"rules": {"app_id": committed.app_id, "code": code}})))
}

/// `GET /dash/apps/{app}`
pub async fn app(call: DataCall) -> DataResult<HttpResponse> {
    let info = info(&call, &call.space()?.app_id).await?;
    Ok(envelope::value(&json!({"app": shown(&info)})))
}

/// `DELETE /dash/apps/{app}`
pub async fn delete_app(call: DataCall) -> DataResult<HttpResponse> {
    let id = app_of_path(&call)?;
    let info = info(&call, &id).await?;
    call.app.db.write(move |tx: &mut Conn| Ok::<_, DataError>(apps::delete(tx, &id)?)).await?;
    Ok(envelope::value(&json!({"app": shown(&info)})))
}

/// `POST /dash/apps`
pub async fn create_app(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let new = NewApp { id: id_of(&body, "id")?, admin_token: id_of(&body, "admin_token")?, ..new_app(&body, false)? };
    create(&call, new).await
}

/// `POST /dash/apps/ephemeral`
pub async fn create_ephemeral(call: DataCall) -> DataResult<HttpResponse> {
    if !call.app.config.data.ephemeral_apps {
        let message = "This server makes no apps that expire: its operator has not said --ephemeral-apps on";
        let denied = Error::new(Kind::PermissionDenied, message, json!({"expected": "ephemeral-apps"}));
        return Err(denied.into());
    }
    create(&call, new_app(&call.object()?, true)?).await
}

async fn create(call: &DataCall, new: NewApp) -> DataResult<HttpResponse> {
    let (app, title) = (Arc::clone(&call.app), new.title.clone());
    let (tokens, expires_ms) = call.app.db.write(move |tx| rules::create(&app, tx, &new)).await?;
    let now_ms = call.app.clock.now_ms();
    let mut answer = json!({"app": {
        "id": tokens.app_id,
        "title": title,
        "admin-token": tokens.admin_token,
        "admin_token": tokens.admin_token,
        "created_at": iso8601(now_ms),
    }});
    if let (Some(expires_ms), Value::Object(answer)) = (expires_ms, &mut answer) {
        answer.insert("expires_ms".into(), expires_ms.into());
    }
    Ok(envelope::value(&answer))
}

/// `POST /dash/apps/ephemeral/{app}/claim`: the app stays.
pub async fn claim(call: DataCall) -> DataResult<HttpResponse> {
    let id = app_of_path(&call)?;
    let body = call.object()?;
    let token = body.get("token").and_then(Value::as_str).ok_or_else(|| Error::missing(&["body", "token"]))?.to_owned();
    let info = info(&call, &id).await?;
    let keep = move |tx: &mut Conn| match apps::is_admin_token(tx, &id, &token)? {
        true if rules::keep(tx, &id)? => Ok(()),
        true => Err(DataError::from(Error::not_found("ephemeral-app"))),
        false => Err(Error::not_found("app-admin-token").into()),
    };
    call.app.db.write(keep).await?;
    Ok(envelope::value(&json!({"app": shown(&info)})))
}

/// `GET /dash`
pub async fn dash(call: DataCall) -> DataResult<HttpResponse> {
    let found = call.app.db.read(|conn: &mut Conn| Ok::<_, DataError>(apps::list(conn)?)).await?;
    let list: Vec<Value> = found.iter().map(shown).collect();
    Ok(envelope::value(&json!({"user": operator(&call), "apps": list, "orgs": [], "invites": []})))
}

/// `GET /dash/me`
pub async fn me(call: DataCall) -> DataResult<HttpResponse> {
    Ok(envelope::value(&json!({"user": operator(&call)})))
}

/// The one account that the dashboard's routes know.
fn operator(call: &DataCall) -> Value {
    let url = &call.app.config.server.public_url;
    let host = url.split("://").nth(1).unwrap_or(url).split(['/', ':']).next().unwrap_or_default();
    json!({"id": Uuid::nil(), "email": format!("operator@{host}"), "created_at": iso8601(0)})
}

/// `POST /dash/cli/auth/register`
pub async fn cli_register(call: DataCall) -> DataResult<HttpResponse> {
    if call.app.config.data.operator_token.expose().is_empty() {
        let message = "This server has no operator token: use the app's admin token (INSTANT_APP_ADMIN_TOKEN)";
        return Err(Error::new(Kind::PermissionDenied, message, json!({"expected": "operator-token"})).into());
    }
    let (secret, ticket) = (call.app.new_id(), call.app.new_id());
    call.app.pushes.logins.insert(ticket.clone(), Login { secret: secret.clone(), granted: false });
    Ok(envelope::value(&json!({"secret": secret, "ticket": ticket})))
}

/// `POST /dash/cli/auth/claim`: the operator lets a login in.
pub async fn cli_claim(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let ticket = body.get("ticket").and_then(Value::as_str).ok_or_else(|| Error::missing(&["body", "ticket"]))?;
    let login = call.app.pushes.logins.get(ticket).ok_or_else(|| Error::not_found("cli-login"))?;
    call.app.pushes.logins.insert(ticket.to_owned(), Login { granted: true, ..login });
    Ok(envelope::value(&json!({"ticket": ticket})))
}

/// `POST /dash/cli/auth/check`: gives the token, once.
pub async fn cli_check(call: DataCall) -> DataResult<HttpResponse> {
    let body = call.object()?;
    let secret = body.get("secret").and_then(Value::as_str).ok_or_else(|| Error::missing(&["body", "secret"]))?;
    let found = call.app.pushes.logins.iter().find(|(_, login)| login.secret == secret);
    let (ticket, login) = found.ok_or_else(|| Error::not_found("cli-login"))?;
    if !login.granted {
        let problem = Problem::message(Vec::new(), "the operator has not let this login in yet");
        let mut waiting = Error::validation("secret", Value::Null, &[problem]);
        if let Some(Value::Object(first)) = waiting.hint.pointer_mut("/errors/0") {
            first.insert("issue".into(), "waiting-for-user".into());
        }
        return Err(waiting.into());
    }
    call.app.pushes.logins.invalidate(ticket.as_str());
    let token = call.app.config.data.operator_token.expose();
    Ok(envelope::value(&json!({"token": token, "email": operator(&call).get("email")})))
}

fn new_app(body: &Map<String, Value>, ephemeral: bool) -> DataResult<NewApp> {
    let title = match body.get("title") {
        Some(Value::String(title)) => title.clone(),
        None => return Err(Error::missing(&["body", "title"]).into()),
        Some(other) => return Err(Error::malformed(&["body", "title"], other.clone()).into()),
    };
    let given = |name: &str| body.get(name).filter(|value| !value.is_null()).cloned();
    // `rules` is the document, or `{code}` around it.
    let code = |rules: Value| match rules.get("code") {
        Some(code) => code.clone(),
        None => rules,
    };
    Ok(NewApp { title, schema: given("schema"), rules: given("rules").map(code), ephemeral, ..NewApp::default() })
}

fn id_of(body: &Map<String, Value>, name: &'static str) -> DataResult<Option<Uuid>> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str().and_then(|text| text.parse().ok()) {
            Some(id) => Ok(Some(id)),
            None => Err(Error::malformed(&["body", name], value.clone()).into()),
        },
    }
}

fn app_of_path(call: &DataCall) -> DataResult<String> {
    let raw = call.param(0);
    let id: Uuid = raw.parse().map_err(|_form| Error::malformed(&["params", "app_id"], raw.clone().into()))?;
    Ok(id.to_string())
}

async fn info(call: &DataCall, id: &str) -> DataResult<AppInfo> {
    let id = id.to_owned();
    call.app
        .db
        .read(move |conn: &mut Conn| match apps::by_id(conn, &id)? {
            Some(info) => Ok(info),
            None => Err(DataError::from(Error::not_found("app"))),
        })
        .await
}

fn shown(info: &AppInfo) -> Value {
    json!({"id": info.app_id, "title": info.name, "created_at": iso8601(info.created_ms)})
}
