//! Steps on schemas, jobs on the data that is there, rules, and apps.

use std::sync::Arc;

use keystead_instaql::schema::{Attr, AttrId, Catalog, CheckedType, Owner};
use keystead_instaql::tx::AttrStep;
use keystead_instaql::{Error, Kind};
use keystead_protocol::apps::EndpointOptions;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{document, store};
use crate::app::App;
use crate::clock::iso8601;
use crate::db::Conn;
use crate::rooms::apps::rules::{self as apps, AppTokens};
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::space::{self, Space};
use crate::rooms::data::transact::{self, Committed};
pub use document::{id_attr, of as document_of};

/// Most steps of one push.
const MOST_STEPS: usize = 10_000;
/// Examples of a failed job.
const SAMPLES: usize = 10;
const DAY_MS: i64 = 86_400_000;

/// A step of a push.
#[derive(Debug, Clone)]
pub enum Step {
    /// On the attr itself.
    Attr(AttrStep),
    /// On the data that is there; it may fail alone.
    Job(Job),
}

/// A flag that is set or taken away.
#[derive(Debug, Clone)]
pub struct Job {
    kind: &'static str,
    attr: Option<AttrId>,
    names: Option<(String, String)>,
    checked: Option<CheckedType>,
}

const KINDS: [&str; 8] = [
    "index",
    "remove-index",
    "unique",
    "remove-unique",
    "required",
    "remove-required",
    "check-data-type",
    "remove-data-type",
];

/// What a push did.
pub struct Pushed {
    /// The steps, those with a job with its id.
    pub steps: Vec<Value>,
    /// `{group-id, jobs}`, or null.
    pub jobs: Value,
    /// For [`transact::rules::tell`].
    pub committed: Committed,
}

/// Reads the steps of a push.
///
/// # Errors
/// `validation-failed` for `steps` at the first that is none.
pub fn parse(steps: &Value) -> DataResult<Vec<Step>> {
    let Value::Array(steps) = steps else { return Err(Error::malformed(&["body", "steps"], steps.clone()).into()) };
    if steps.len() > MOST_STEPS {
        let message = format!("A push has at most {MOST_STEPS} steps");
        return Err(Error::new(Kind::ParameterLimitExceeded, message, Value::Null).into());
    }
    let wrong = |index: usize, step: &Value, message: &str| {
        let problem = keystead_instaql::error::Problem::message(vec![index.into()], message);
        DataError::from(Error::validation("steps", step.clone(), &[problem]))
    };
    let read = |(index, step): (usize, &Value)| {
        let kind = step.get(0).and_then(Value::as_str).unwrap_or_default();
        let arg = step.get(1).ok_or_else(|| wrong(index, step, "a step is [KIND, ARGUMENT]"))?;
        let id = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|id| id.parse::<Uuid>().ok());
        match (kind, arg) {
            ("add-attr", arg) => match serde_json::from_value::<Attr>(arg.clone()) {
                Ok(attr) => Ok(Step::Attr(AttrStep::Add(attr))),
                Err(e) => Err(wrong(index, step, &format!("this is no attr: {e}"))),
            },
            ("update-attr", Value::Object(patch)) => match id(patch.get("id")) {
                Some(id) => Ok(Step::Attr(AttrStep::Update(id, patch.clone()))),
                None => Err(wrong(index, step, "the attr has no id")),
            },
            ("delete-attr" | "restore-attr", arg) => match id(Some(arg)) {
                Some(id) if kind == "delete-attr" => Ok(Step::Attr(AttrStep::Delete(id))),
                Some(id) => Ok(Step::Attr(AttrStep::Restore(id))),
                None => Err(wrong(index, step, "this is no id of an attr")),
            },
            (_, Value::Object(arg)) => {
                let Some(kind) = KINDS.into_iter().find(|known| *known == kind) else {
                    return Err(wrong(index, step, &format!("there is no step '{kind}'")));
                };
                let checked = match arg.get("checked-data-type") {
                    Some(name) if kind == "check-data-type" => Some(
                        serde_json::from_value(name.clone())
                            .map_err(|_name| wrong(index, step, "string, number, boolean or date"))?,
                    ),
                    None if kind == "check-data-type" => {
                        return Err(wrong(index, step, "checked-data-type is missing"));
                    }
                    _ => None,
                };
                Ok(Step::Job(Job { kind, attr: id(arg.get("attr-id")), names: names(arg), checked }))
            }
            _ => Err(wrong(index, step, &format!("there is no step '{kind}'"))),
        }
    };
    steps.iter().enumerate().map(read).collect()
}

/// The last two texts of `forward-identity`.
fn names(arg: &Map<String, Value>) -> Option<(String, String)> {
    let parts = arg.get("forward-identity")?.as_array()?;
    let mut texts = parts.iter().rev().filter_map(Value::as_str);
    let label = texts.next()?.to_owned();
    Some((texts.next()?.to_owned(), label))
}

/// Applies steps. The attrs' own are all or nothing; a job that fails leaves its flag as it was.
///
/// # Errors
/// What is wrong with an attr, and what the database says.
pub fn apply(app: &App, tx: &mut Conn, app_id: &str, steps: &[Step], raw: &[Value]) -> DataResult<Pushed> {
    let (mut space, tx_id) = space::rules::begin(app, tx, app_id)?;
    let group_id = app.new_id();
    let (mut shown, mut jobs) = (raw.to_vec(), Vec::new());
    let mut is_stale = false;
    for (index, step) in steps.iter().enumerate() {
        // New attrs need not know each other; everything else sees what came before.
        if is_stale && !matches!(step, Step::Attr(AttrStep::Add(_))) {
            space = space::rules::reload(tx, app_id)?;
            is_stale = false;
        }
        match step {
            Step::Attr(step) => {
                transact::apply_steps(app, tx, &space, std::slice::from_ref(step))?;
                is_stale = true;
            }
            Step::Job(job) => {
                let attr = of_job(&space, job)?;
                let (job, changed) = run(app, tx, &space, job, &attr, &group_id)?;
                is_stale |= changed;
                if let Some(Value::Object(arg)) = shown.get_mut(index).and_then(|step| step.get_mut(1)) {
                    arg.insert("job-id".into(), job.get("id").cloned().unwrap_or_default());
                }
                jobs.push(job);
            }
        }
    }
    space::rules::reload(tx, app_id)?;
    let committed = transact::rules::log_schema(app, tx, app_id, tx_id)?;
    let jobs = match jobs.is_empty() {
        true => Value::Null,
        false => json!({"group-id": group_id, "jobs": jobs}),
    };
    Ok(Pushed { steps: shown, jobs, committed })
}

fn of_job(space: &Space, job: &Job) -> DataResult<Arc<Attr>> {
    let by_id = job.attr.and_then(|id| space.catalog.get(id));
    let by_name = || job.names.as_ref().and_then(|(etype, label)| space.catalog.forward(etype, label));
    by_id.or_else(by_name).cloned().ok_or_else(|| Error::not_found("attr").into())
}

/// Runs a job and gives its row, and whether the attr is another one now.
fn run(app: &App, tx: &mut Conn, space: &Space, job: &Job, attr: &Attr, group_id: &str) -> DataResult<(Value, bool)> {
    let mut wanted = attr.clone();
    match job.kind {
        "index" => wanted.index = true,
        "remove-index" => wanted.index = false,
        "unique" => wanted.unique = true,
        "remove-unique" => wanted.unique = false,
        "required" => wanted.required = true,
        "remove-required" => wanted.required = false,
        _ => wanted.checked_data_type = job.checked,
    }
    let change = |tx: &mut Conn| match wanted == *attr {
        true => Ok(()),
        false => {
            wanted.validate().map_err(DataError::from).and_then(|()| transact::change_attr(app, tx, space, &wanted))
        }
    };
    let failed = match tx.attempt(change)? {
        Ok(()) => None,
        Err(e) if e.cause.is_some() => return Err(e),
        Err(e) => Some(e.told),
    };
    let now = iso8601(app.clock.now_ms());
    let mut row = json!({
        "id": app.new_id(),
        "app_id": space.app_id,
        "group_id": group_id,
        "attr_id": attr.id,
        "attr_name": attr.name(),
        "job_type": job.kind,
        "job_status": if failed.is_some() { "errored" } else { "completed" },
        "job_stage": job.kind,
        "checked_data_type": job.checked.map(CheckedType::name),
        "work_estimate": 1,
        "work_completed": 1,
        "error": Value::Null,
        "error_message": Value::Null,
        "invalid_unique_value": Value::Null,
        "invalid_triples_sample": Value::Null,
        "created_at": now,
        "updated_at": now,
        "done_at": now,
    });
    let changed = failed.is_none() && wanted != *attr;
    if let (Some(error), Value::Object(row)) = (failed, &mut row) {
        row.extend(failure(job.kind, &error));
    }
    Ok((row, changed))
}

/// What a failed job says.
fn failure(kind: &str, error: &Error) -> Map<String, Value> {
    let sample = |entity: &Value, value: &Value| {
        let json_type = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        json!({"entity_id": entity, "value": value, "json_type": json_type})
    };
    let mut out = Map::new();
    out.insert("error_message".into(), error.message.as_str().into());
    let samples: Vec<Value>;
    if let Some(entities) = error.hint.get("entity-ids").and_then(Value::as_array) {
        let value = error.hint.get("value").cloned().unwrap_or_default();
        samples = entities.iter().map(|entity| sample(entity, &value)).collect();
        out.insert("error".into(), "triple-not-unique-error".into());
        out.insert("invalid_unique_value".into(), value);
    } else {
        let found = error.hint.pointer("/errors/0/hint/sample").and_then(Value::as_array);
        samples = found
            .into_iter()
            .flatten()
            .take(SAMPLES)
            .map(|item| match item.get("entity-id") {
                Some(entity) => sample(entity, item.get("value").unwrap_or(&Value::Null)),
                None => sample(item, &Value::Null),
            })
            .collect();
        let name = match kind {
            "required" if !samples.is_empty() => "missing-required-error",
            _ if !samples.is_empty() => "invalid-triple-error",
            _ => "invalid-attr-state-error",
        };
        out.insert("error".into(), name.into());
    }
    out.insert("invalid_triples_sample".into(), samples.into());
    out
}

/// Applies steps that came as JSON; they are on disk when this answers.
///
/// # Errors
/// As [`parse`] and [`apply`].
pub async fn push(app: &Arc<App>, app_id: &str, steps: &Value) -> DataResult<Pushed> {
    let parsed = parse(steps)?;
    let raw = steps.as_array().cloned().unwrap_or_default();
    let (shared, id) = (Arc::clone(app), app_id.to_owned());
    let pushed = app.db.write(move |tx| apply(&shared, tx, &id, &parsed, &raw)).await?;
    if let Some(group) = pushed.jobs.get("group-id").and_then(Value::as_str) {
        let jobs = pushed.jobs.get("jobs").cloned().unwrap_or_default();
        app.pushes.groups.insert((app_id.to_owned(), group.to_owned()), jobs);
    }
    changed(app, &pushed.committed);
    Ok(pushed)
}

/// Schema or rules of an app are others now: everybody whom it concerns is told.
pub fn changed(app: &Arc<App>, committed: &Committed) {
    transact::rules::tell(app, committed);
}

/// The steps from an app's attrs to those of a document. Nothing is deleted.
///
/// # Errors
/// As [`document::attrs`]; `validation-failed` where a link would become a column.
pub fn plan(app: &App, catalog: &Catalog, wanted: &Value, check_types: bool) -> DataResult<Vec<Value>> {
    let mut new_id = || Uuid::parse_str(&app.new_id()).unwrap_or_default();
    let (mut added, mut changes) = (Vec::new(), Vec::new());
    for attr in document::attrs(wanted, &mut new_id)? {
        let attr = match check_types {
            true => attr,
            false => Attr { checked_data_type: None, ..attr },
        };
        let Some(old) = catalog.forward(attr.etype(), attr.label()) else {
            added.push(json!(["add-attr", attr]));
            continue;
        };
        if old.owner == Owner::System || old.is_id() {
            continue;
        }
        let arg = json!({"attr-id": old.id, "forward-identity": [attr.etype(), attr.label()]});
        let mut flag = |is: bool, was: bool, name: &str| match (is, was) {
            (true, false) => changes.push(json!([name, arg])),
            (false, true) => changes.push(json!([format!("remove-{name}"), arg])),
            _ => {}
        };
        flag(attr.required, old.required, "required");
        if attr.is_ref() {
            let link = |attr: &Attr| (attr.cardinality, attr.unique, attr.on_delete, attr.on_delete_reverse);
            if link(&attr) != link(old) || !old.is_ref() {
                changes.push(json!(["update-attr", {
                    "id": old.id,
                    "value-type": attr.value_type,
                    "cardinality": attr.cardinality,
                    "unique?": attr.unique,
                    "on-delete": attr.on_delete,
                    "on-delete-reverse": attr.on_delete_reverse,
                }]));
            }
            continue;
        }
        flag(attr.index, old.index, "index");
        flag(attr.unique, old.unique, "unique");
        match attr.checked_data_type {
            checked if !check_types || checked == old.checked_data_type => {}
            None => changes.push(json!(["remove-data-type", arg])),
            Some(checked) => changes.push(json!(["check-data-type", {
                "attr-id": old.id,
                "forward-identity": [attr.etype(), attr.label()],
                "checked-data-type": checked.name(),
            }])),
        }
    }
    added.append(&mut changes);
    Ok(added)
}

/// The catalog after steps, if all of them succeed.
///
/// # Errors
/// As [`parse`].
pub fn planned(space: &Space, steps: &[Step]) -> DataResult<Catalog> {
    let mut catalog = (*space.catalog).clone();
    for step in steps {
        match step {
            Step::Attr(AttrStep::Add(attr)) => drop(catalog.insert(attr.clone())),
            Step::Attr(AttrStep::Update(id, patch)) => drop(catalog.insert(transact::patched(space, *id, patch)?)),
            Step::Attr(AttrStep::Delete(id)) => drop(catalog.remove(*id)),
            Step::Attr(AttrStep::Restore(_)) => {}
            Step::Job(job) => {
                let Some(attr) = job.attr.and_then(|id| catalog.get(id)) else { continue };
                let mut attr = Attr::clone(attr);
                match job.kind {
                    "index" | "remove-index" => attr.index = job.kind == "index",
                    "unique" | "remove-unique" => attr.unique = job.kind == "unique",
                    "required" | "remove-required" => attr.required = job.kind == "required",
                    _ => attr.checked_data_type = job.checked,
                }
                catalog.insert(attr);
            }
        }
    }
    Ok(catalog)
}

/// Stores a rules document; null is none.
///
/// # Errors
/// `validation-failed` for `rule` with every mistake.
pub fn set_rules(app: &App, tx: &mut Conn, app_id: &str, code: &Value) -> DataResult<Committed> {
    let code = if code.is_null() { json!({}) } else { code.clone() };
    let (_, tx_id) = space::rules::begin(app, tx, app_id)?;
    space::rules::set_rules(tx, app_id, &code)?;
    space::rules::reload(tx, app_id)?;
    transact::rules::log_schema(app, tx, app_id, tx_id)
}

/// The rules document; null before any was pushed.
///
/// # Errors
/// None for what is stored.
pub fn rules(space: &Space) -> DataResult<Value> {
    match space.rules_text.as_str() {
        "{}" => Ok(Value::Null),
        text => serde_json::from_str(text).map_err(DataError::internal),
    }
}

/// A new app as a client asks for it.
#[derive(Debug, Clone, Default)]
pub struct NewApp {
    /// Its name.
    pub title: String,
    /// Its id, when the client has chosen one.
    pub id: Option<Uuid>,
    /// Its admin token, likewise.
    pub admin_token: Option<Uuid>,
    /// A schema document.
    pub schema: Option<Value>,
    /// A rules document.
    pub rules: Option<Value>,
    /// It expires.
    pub ephemeral: bool,
}

/// Makes an app, with schema and rules. Gives its tokens and when it expires.
///
/// # Errors
/// What is wrong with name, id, schema or rules; `parameter-limit-exceeded` when there are too many ephemeral ones.
pub fn create(app: &App, tx: &mut Conn, new: &NewApp) -> DataResult<(AppTokens, Option<i64>)> {
    let config = &app.config.data;
    if new.ephemeral {
        tx.lock("ephemeral apps")?;
        if store::count(tx)? >= i64::from(config.ephemeral_most) {
            let message = "There are too many apps that expire: try again later";
            return Err(Error::new(Kind::ParameterLimitExceeded, message, Value::Null).into());
        }
    }
    let id = new.id.unwrap_or_else(|| Uuid::parse_str(&app.new_id()).unwrap_or_default());
    let options = EndpointOptions::preset_default();
    let tokens = apps::create_chosen(app, tx, &new.title, &options, id, new.admin_token)?.tokens;
    space::rules::found_in(app, tx, &tokens.app_id)?;
    if let Some(document) = &new.schema {
        let (space, _) = space::rules::begin(app, tx, &tokens.app_id)?;
        let steps = plan(app, &space.catalog, document, true)?;
        apply(app, tx, &tokens.app_id, &parse(&Value::Array(steps.clone()))?, &steps)?;
    }
    if let Some(code) = &new.rules {
        set_rules(app, tx, &tokens.app_id, code)?;
    }
    let expires_ms = new.ephemeral.then(|| app.clock.now_ms() + i64::from(config.ephemeral_days) * DAY_MS);
    if let Some(expires_ms) = expires_ms {
        store::insert(tx, &tokens.app_id, expires_ms)?;
    }
    Ok((tokens, expires_ms))
}

/// Lets an ephemeral app stay; false when it is none.
///
/// # Errors
/// What the database says.
pub fn keep(tx: &mut Conn, app_id: &str) -> DataResult<bool> {
    Ok(store::delete(tx, app_id)? > 0)
}

/// Removes ephemeral apps whose time is over.
///
/// # Errors
/// What the database says.
pub fn sweep(app: &App, tx: &mut Conn) -> crate::error::KeyResult<usize> {
    const AT_ONCE: i64 = 20;
    let expired = store::expired(tx, app.clock.now_ms(), AT_ONCE)?;
    for id in &expired {
        apps::delete(tx, id)?;
    }
    Ok(expired.len())
}
