//! What a client's copy of a namespace has missed, from the log of transactions.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use keystead_instaql::error::{Error, Result};
use keystead_instaql::key;
use keystead_instaql::rules::Rule;
use keystead_instaql::schema::{AttrId, EntityId};
use serde_json::{Value, json};

use super::door::told;
use super::hub::table::{Changes, triples};
use super::hub::{Content, Latest, LiveQuery, Table};
use super::sessions::Login;
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::error::DataResult;
use crate::rooms::data::space::{self, Space};
use crate::rooms::data::transact::{Logged, id_of_key, rules as transacting};

/// Transactions that are read for it; beyond that a new load is less work.
const MOST: i64 = 5_000;

/// What leads from the state after transaction `tx_id` to `latest`: changes as JSON, separated by commas. None when it cannot be
/// told: the log does not reach back, attrs or rules have changed since, or what a rule hides depends on more than the entity.
///
/// # Errors
/// What the database says.
pub async fn missed(
    app: &Arc<App>,
    login: &Login,
    query: &Arc<LiveQuery>,
    latest: &Arc<Latest>,
    tx_id: i64,
) -> Result<Option<String>> {
    if tx_id < 0 || tx_id > latest.tx_id {
        return Ok(None);
    }
    if tx_id == latest.tx_id {
        return Ok(Some(String::new()));
    }
    let (shared, id, auth) = (Arc::clone(app), Arc::clone(&login.live.id), login.auth.clone());
    let found = Arc::clone(latest);
    let read = move |conn: &mut Conn| -> DataResult<_> {
        let space = space::current(&shared, conn, &id)?.ok_or_else(|| Error::not_found("app"))?;
        let log = transacting::log_after(conn, &id, tx_id, MOST)?;
        let is_open = auth.is_admin() || matches!(&*found.content, Content::Table(table) if shows_all(&space, table));
        Ok((space, log, is_open))
    };
    let (space, mut log, is_open) = app.db.read_snapshot(read).await.map_err(told)?;
    log.retain(|logged| logged.tx_id <= latest.tx_id);
    let is_whole = i64::try_from(log.len()).is_ok_and(|n| n == latest.tx_id - tx_id);
    if !is_whole || log.iter().any(|logged| logged.topics.is_none()) {
        return Ok(None);
    }
    if !is_open {
        let changed: HashSet<_> = log.iter().filter_map(|logged| logged.topics.as_ref()).flatten().cloned().collect();
        let same = !login.asks_request && !login.live.concerns(&changed, query);
        return Ok(same.then(String::new));
    }
    Ok(match &*latest.content {
        Content::Table(table) => changes(&space, table, &log),
        _ => None,
    })
}

/// True when no rule hides anything of the namespace: then an entity changes only with its own triples.
fn shows_all(space: &Space, table: &Table) -> bool {
    let id = table.columns.first().and_then(|id| space.catalog.get(*id));
    id.is_some_and(|id| {
        matches!(space.rules.view(id.etype()), Rule::Allow) && space.rules.fields(id.etype()).is_empty()
    })
}

/// The entities that the log names, as they are now.
fn changes(space: &Space, table: &Table, log: &[Logged]) -> Option<String> {
    let id_attr = *table.columns.first()?;
    let columns: HashSet<AttrId> = table.columns.iter().copied().collect();
    // The index keys of the values that the client has, by entity and attr; none: it has no value.
    let mut had: BTreeMap<(EntityId, AttrId), Option<&[u8]>> = BTreeMap::new();
    for change in log.iter().flat_map(|logged| &logged.changes).filter(|change| columns.contains(&change.attr)) {
        had.entry((change.entity, change.attr)).or_insert(change.old_key.as_deref());
    }
    let touched: BTreeSet<EntityId> = had.keys().map(|(entity, _)| *entity).collect();
    let rows: HashMap<EntityId, &str> =
        table.rows.iter().filter(|(id, _)| touched.contains(id)).map(|(id, row)| (*id, &**row)).collect();
    let mut out = Changes::default();
    for entity in touched {
        let Some(row) = rows.get(&entity) else {
            // Without its id it is gone. What came and went meanwhile was never there.
            if !matches!(had.get(&(entity, id_attr)), Some(None)) {
                out.push("removed", &json!([entity, id_attr, entity, 0]));
            }
            continue;
        };
        let now = triples(row);
        let has = |attr: AttrId| {
            let attr = Value::from(attr.to_string());
            now.iter().any(|triple| triple.get(1) == Some(&attr))
        };
        for (attr, old) in
            had.range((entity, AttrId::nil())..=(entity, AttrId::max())).map(|((_, attr), old)| (*attr, old))
        {
            if has(attr) {
                continue;
            }
            match old {
                None => {}
                Some(old) if *old == key::NULL => out.push("removed", &json!([entity, attr, Value::Null, 0])),
                // The log knows where a link led; other values only by their index keys.
                Some(old) if space.catalog.get(attr).is_some_and(|attr| attr.is_ref()) => {
                    out.push("removed", &json!([entity, attr, id_of_key(old)?, 0]));
                }
                Some(_) => return None,
            }
        }
        for triple in &now {
            out.push("added", triple);
        }
    }
    out.finish()
}
