//! Runs a transaction: attrs, triples, rules, log, all or nothing.

use std::collections::HashSet;
use std::sync::Arc;

use keystead_crypto::encoding::hex_encode;
use keystead_instaql::rules::{Request, Rules};
use keystead_instaql::schema::{Attr, EntityId, Owner};
use keystead_instaql::topics::{self, Topic};
use keystead_instaql::tx::execute::Context;
use keystead_instaql::tx::outcome::{Change, Outcome};
use keystead_instaql::tx::{AttrStep, TxPlan, execute, expand, step, wire};
use keystead_instaql::{Error, key};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::ledger::{Ledger, Place, Tx};
use super::store::{self, LogRow, Reader};
use super::{schema, slot};
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::auth::Auth;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::permissions::rules::Judge;
use crate::rooms::data::space::{self, Space};
use crate::rooms::data::storage::rules as storage;
use crate::rooms::data::users::rules as users;
use crate::rooms::data::webhooks::rules as webhooks;
use crate::rooms::live::door as live;
use crate::rooms::live::streams;

/// Changes of one transaction that are written down in full.
const LOGGED: usize = 2_000;

/// A transaction as it came.
#[derive(Debug, Clone)]
pub struct Posted {
    /// What is to be done.
    pub steps: Steps,
    /// A missing attr is an error.
    pub throw_on_missing: bool,
    /// What rules see of the request.
    pub request: Request,
}

/// Which kind of steps.
#[derive(Debug, Clone)]
pub enum Steps {
    /// `steps` of the admin API.
    Admin(Option<Value>),
    /// `tx-steps` of the WebSocket.
    Wire(Option<Value>),
}

/// What a transaction did.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The app.
    pub app_id: String,
    /// Its number.
    pub tx_id: i64,
    /// What changed.
    pub outcome: Arc<Outcome>,
    /// Attrs changed, too.
    pub is_schema: bool,
    /// Webhooks have something to deliver.
    pub is_for_webhooks: bool,
}

impl Committed {
    /// What it changed, for live queries.
    #[must_use]
    pub fn topics(&self) -> HashSet<Topic> {
        topics::of_outcome(&self.outcome)
    }
}

/// A transaction of the log.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Its number.
    pub tx_id: i64,
    /// What it changed; none says that everything may have.
    pub topics: Option<HashSet<Topic>>,
    /// The triples that changed.
    pub changes: Vec<LoggedChange>,
}

/// A triple that a transaction of the log has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedChange {
    /// Whose.
    pub entity: EntityId,
    /// Of what.
    pub attr: Uuid,
    /// The index key of the value that was there; none when it appeared.
    pub old_key: Option<Vec<u8>>,
}

/// Runs a transaction and answers when it is on disk. Everybody whom it concerns is told.
///
/// # Errors
/// What is wrong with the steps, what the rules say, what the database says.
pub async fn run(app: &Arc<App>, app_id: &str, auth: &Auth, posted: Posted) -> DataResult<Committed> {
    let (shared, id, auth) = (Arc::clone(app), app_id.to_owned(), auth.clone());
    let done = in_lane(app, app_id, move |tx| run_as(&shared, tx, &id, &auth, &posted, None, None)).await?;
    tell(app, &done);
    Ok(done)
}

/// Runs a transaction on an app among its others, and answers when it is on disk. They would wait for each other: the app
/// counts its transactions.
///
/// # Errors
/// Those of `f`, and what the database says.
pub async fn in_lane<T, F>(app: &App, app_id: &str, f: F) -> DataResult<T>
where
    T: Send + 'static,
    F: Fn(&mut Tx<'_>) -> DataResult<T> + Send + 'static,
{
    let write = move |conn: &mut Conn, mut ledger: Option<&mut Ledger>| {
        let result = f(&mut Tx::one_of(conn, ledger.as_deref_mut()));
        // After a refused statement PostgreSQL takes no other one.
        if let (Err(e), Some(ledger)) = (&result, ledger)
            && e.cause.is_some()
        {
            ledger.spoil();
        }
        result
    };
    app.lanes.write(&app.db, app_id, write).await
}

/// Tells everybody whom a transaction concerns, once it is committed.
pub fn tell(app: &Arc<App>, done: &Committed) {
    tracing::debug!(tx = done.tx_id, changes = done.outcome.changes.len(), "committed");
    if done.is_for_webhooks {
        app.webhooks.wake();
    }
    streams::committed(app, &done.app_id, &done.outcome);
    live::committed(app, done);
}

/// As [`run`], inside a transaction of the caller's, who calls [`tell`] afterwards.
///
/// # Errors
/// As [`run`].
pub fn run_in(app: &App, tx: &mut Conn, app_id: &str, auth: &Auth, posted: &Posted) -> DataResult<Committed> {
    run_as(app, &mut Tx::alone(tx), app_id, auth, posted, None, None)
}

/// As [`run_in`], in a batch or with other rules. With `checks`, every rule is asked and none refuses: what they said is there.
///
/// # Errors
/// As [`run`].
pub fn run_as(
    app: &App,
    tx: &mut Tx<'_>,
    app_id: &str,
    auth: &Auth,
    posted: &Posted,
    checks: Option<&mut Vec<Value>>,
    overridden: Option<&Rules>,
) -> DataResult<Committed> {
    let (mut space, tx_id) = tx.begin(app, app_id)?;
    if let Some(rules) = overridden {
        space = Arc::new(space.with_rules(rules.clone()));
    }
    let mut new_id = || Uuid::parse_str(&app.new_id()).unwrap_or_default();
    let mut plan = match &posted.steps {
        Steps::Admin(steps) => {
            expand(&step::parse(steps.as_ref())?, &space.catalog, posted.throw_on_missing, &mut new_id)?
        }
        Steps::Wire(steps) => wire::parse(steps.as_ref(), &space.catalog)?,
    };
    // A client adds an attr again until it has heard that the attr is there.
    plan.attrs.retain(|step| match step {
        AttrStep::Add(attr) => space.catalog.get(attr.id).is_none_or(|known| known.name() != attr.name()),
        _ => true,
    });
    let mut judge = Judge::new(auth, &posted.request, checks);
    let is_schema = !plan.attrs.is_empty();
    let space = if is_schema {
        may_change_attrs(&space, tx, &plan, &mut judge)?;
        let conn = tx.conn()?;
        schema::apply_steps(app, conn, &space, &plan.attrs)?;
        let changed = space::rules::reload(conn, app_id)?;
        tx.changed(&changed);
        match overridden {
            Some(rules) => Arc::new(changed.with_rules(rules.clone())),
            None => changed,
        }
    } else {
        space
    };
    // Flags that an attr step has changed count for the steps that follow.
    let plan = TxPlan { catalog: Arc::clone(&space.catalog), ..plan };
    let now_ms = app.clock.now_ms();
    let context = Context { caller: auth.caller(), now_ms, new_id: &mut new_id };
    let outcome = execute(&plan, &mut Reader::new(tx, &space), context)?;
    judge.before(tx, &space, &outcome)?;
    write(tx, &space, &outcome)?;
    users::follow(app, tx, app_id, &outcome)?;
    storage::release(tx, &space, &outcome)?;
    streams::rules::release(tx, app_id, &outcome)?;
    judge.after(tx, &space, &outcome)?;
    let changes = logged(&outcome, is_schema)?;
    tx.log(LogRow { app_id: app_id.to_owned(), tx_id, created_ms: now_ms, changes })?;
    let is_for_webhooks = webhooks::queue(tx, &space, tx_id, &outcome, now_ms)?;
    Ok(Committed { app_id: app_id.to_owned(), tx_id, outcome: Arc::new(outcome), is_schema, is_for_webhooks })
}

/// Writes down a change of attrs or rules that is no transaction of a client's: everything may have changed.
/// The caller calls [`tell`] with what this gives once it is committed.
///
/// # Errors
/// What the database says.
pub fn log_schema(app: &App, tx: &mut Conn, app_id: &str, tx_id: i64) -> DataResult<Committed> {
    let created_ms = app.clock.now_ms();
    store::insert_log(tx, vec![LogRow { app_id: app_id.to_owned(), tx_id, created_ms, changes: None }])?;
    Ok(Committed { app_id: app_id.to_owned(), tx_id, outcome: Arc::default(), is_schema: true, is_for_webhooks: false })
}

/// Attrs are made by whom the rule lets; all else about them is for admins.
fn may_change_attrs(space: &Space, tx: &mut Tx<'_>, plan: &TxPlan, judge: &mut Judge<'_>) -> DataResult<()> {
    for step in &plan.attrs {
        match step {
            AttrStep::Add(attr) => judge.attr(tx, space, attr)?,
            _ if judge.is_admin() => {}
            _ => return Err(Error::denied("attrs", "attr").into()),
        }
    }
    Ok(())
}

fn write(tx: &mut Tx<'_>, space: &Space, outcome: &Outcome) -> DataResult<()> {
    let deleted: HashSet<(EntityId, &str)> = outcome
        .touched
        .iter()
        .filter(|touched| touched.after.is_none())
        .map(|touched| (touched.entity, touched.etype.as_str()))
        .collect();
    let (mut rows, mut gone) = (Vec::new(), Vec::new());
    for change in &outcome.changes {
        let Some(attr) = space.catalog.get(change.attr) else { continue };
        match (&change.new, &change.new_key) {
            (Some(value), Some(key)) => {
                rows.extend(store::row(space, attr, change.entity, value, key, change.created_ms));
            }
            _ if keeps_null(attr) && !deleted.contains(&(change.entity, attr.etype())) => {
                rows.extend(store::row(space, attr, change.entity, &Value::Null, key::NULL, change.created_ms));
            }
            _ => gone.extend(place(space, attr, change)),
        }
    }
    Ok(tx.write(gone, rows)?)
}

/// The index orders entities by these alone, so each has a triple.
fn keeps_null(attr: &Attr) -> bool {
    attr.index && !attr.is_ref() && attr.owner == Owner::User
}

fn place(space: &Space, attr: &Attr, change: &Change) -> Option<Place> {
    let old = change.old.as_ref()?;
    Some((change.entity, space.number(attr.id)?, slot(attr, old)))
}

/// What the log says of a transaction.
#[derive(Serialize, Deserialize)]
struct Record {
    /// (entity, attr, old key, new key), keys in hex.
    c: Vec<(EntityId, Uuid, Option<String>, Option<String>)>,
    /// (entity, attr, key).
    s: Vec<(EntityId, Uuid, String)>,
}

/// None when everything may have changed.
fn logged(outcome: &Outcome, is_schema: bool) -> DataResult<Option<String>> {
    if is_schema || outcome.changes.len() + outcome.stirred.len() > LOGGED {
        return Ok(None);
    }
    let hex = |key: &Vec<u8>| hex_encode(key);
    let record = Record {
        c: outcome
            .changes
            .iter()
            .map(|change| {
                let (old, new) = (change.old_key.as_ref().map(hex), change.new_key.as_ref().map(hex));
                (change.entity, change.attr, old, new)
            })
            .collect(),
        s: outcome.stirred.iter().map(|stirred| (stirred.entity, stirred.attr, hex(&stirred.key))).collect(),
    };
    Ok(Some(serde_json::to_string(&record).map_err(DataError::internal)?))
}

/// The transactions after one, the oldest first, at most so many.
///
/// # Errors
/// What the database says.
pub fn log_after(conn: &mut Conn, app_id: &str, tx_id: i64, most: i64) -> DataResult<Vec<Logged>> {
    let rows = store::log_after(conn, app_id, tx_id, most)?;
    let read = |(tx_id, changes): (i64, Option<String>)| {
        Ok(match changes.map(|text| read_logged(&text)).transpose()? {
            Some((topics, changes)) => Logged { tx_id, topics: Some(topics), changes },
            None => Logged { tx_id, topics: None, changes: Vec::new() },
        })
    };
    rows.into_iter().map(read).collect()
}

/// Forgets transactions that are too old to be caught up with.
///
/// # Errors
/// What the database says.
pub fn sweep_log(app: &App, tx: &mut Conn) -> DataResult<usize> {
    const DAY_MS: i64 = 86_400_000;
    let before = app.clock.now_ms() - i64::from(app.config.data.log_days) * DAY_MS;
    Ok(store::sweep_log(tx, before)?)
}

fn read_logged(text: &str) -> DataResult<(HashSet<Topic>, Vec<LoggedChange>)> {
    let record: Record = serde_json::from_str(text).map_err(DataError::internal)?;
    let bytes = |hex: &str| -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).filter_map(|pair| u8::try_from(pair.iter().fold(0, |n, digit| n * 16 + digit)).ok()).collect()
    };
    let (mut topics, mut changes) = (HashSet::new(), Vec::with_capacity(record.c.len()));
    for (entity, attr, old, new) in record.c {
        topics.extend([Topic::Entity(entity), Topic::Attr(attr)]);
        let (old_key, new_key) = (old.as_deref().map(bytes), new.as_deref().map(bytes));
        for key in [&old_key, &new_key] {
            topics.insert(Topic::Value(attr, key.clone().unwrap_or_else(|| key::NULL.to_vec())));
        }
        changes.push(LoggedChange { entity, attr, old_key });
    }
    for (entity, attr, key) in record.s {
        topics.extend([Topic::Entity(entity), Topic::Attr(attr), Topic::Value(attr, bytes(&key))]);
        topics.insert(Topic::Value(attr, key::NULL.to_vec()));
    }
    Ok((topics, changes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keystead_instaql::tx::outcome::Stirred;

    #[test]
    fn the_log_gives_the_topics_of_the_outcome() {
        let id = Uuid::from_u128;
        let outcome = Outcome {
            changes: vec![Change {
                entity: id(1),
                attr: id(2),
                old: None,
                new: Some(Value::from(7)),
                old_key: None,
                new_key: Some(vec![0x30, 0, 255]),
                created_ms: 5,
            }],
            touched: Vec::new(),
            links: Vec::new(),
            stirred: vec![Stirred { entity: id(3), attr: id(4), key: vec![0x50, 1] }],
            rule_params: Default::default(),
        };
        let text = logged(&outcome, false).expect("written").expect("small");
        let (topics, changes) = read_logged(&text).expect("read");
        assert_eq!(topics, topics::of_outcome(&outcome));
        assert_eq!(changes, [LoggedChange { entity: id(1), attr: id(2), old_key: None }]);
        assert!(logged(&outcome, true).expect("written").is_none());
    }
}
