//! Entities as their values by label, as rules and other rooms look at them.

use std::collections::HashMap;
use std::sync::Arc;

use keystead_instaql::rules::Record;
use keystead_instaql::schema::{AttrId, EntityId};
use serde_json::{Map, Value};

use super::store::{self, Found};
use super::view::record_of;
use crate::db::Conn;
use crate::rooms::data::error::DataResult;
use crate::rooms::data::space::Space;
use crate::rooms::data::transact;

pub(super) fn records_of(space: &Space, etype: &str, found: &Found) -> DataResult<HashMap<EntityId, Record>> {
    let mut records = HashMap::new();
    for item in &found.items {
        let Some(values) = found.values.get(&item.entity) else { continue };
        let values = values.iter().map(|(number, (text, _))| (*number, &**text));
        records.insert(item.entity, Arc::new(record_of(space, etype, values)?));
    }
    Ok(records)
}

/// The values of entities of a namespace by label; who is not in it is left out.
///
/// # Errors
/// What the database says.
pub fn records(conn: &mut Conn, space: &Space, etype: &str, ids: &[EntityId]) -> DataResult<HashMap<EntityId, Record>> {
    let mut rows: HashMap<EntityId, Vec<(i64, String)>> = HashMap::new();
    for (entity, number, text) in store::record_rows(conn, ids)? {
        rows.entry(entity).or_default().push((number, text));
    }
    let mut records = HashMap::new();
    for (entity, values) in rows {
        if let Some(record) = record_from(space, etype, &values)? {
            records.insert(entity, Arc::new(record));
        }
    }
    Ok(records)
}

/// The values of an entity by label, from all of its (attr, JSON); none when it is not in the namespace.
///
/// # Errors
/// What is no JSON.
pub fn record_from(space: &Space, etype: &str, values: &[(i64, String)]) -> DataResult<Option<Map<String, Value>>> {
    let id = space.catalog.id_attr(etype).and_then(|attr| space.number(attr.id));
    if !values.iter().any(|(number, _)| Some(*number) == id) {
        return Ok(None);
    }
    record_of(space, etype, values.iter().map(|(number, text)| (*number, text.as_str()))).map(Some)
}

/// The values of an entity of a namespace by label; none when it is not in it.
///
/// # Errors
/// What the database says.
pub fn record(conn: &mut Conn, space: &Space, etype: &str, id: EntityId) -> DataResult<Option<Map<String, Value>>> {
    let found = records(conn, space, etype, &[id])?;
    Ok(found.into_values().next().map(Arc::unwrap_or_clone))
}

/// Who has a value of a unique attr, by its index key.
///
/// # Errors
/// What the database says.
pub fn holder(conn: &mut Conn, space: &Space, wanted: &(AttrId, Vec<u8>)) -> DataResult<Option<EntityId>> {
    let (Some(attr), Some(number)) = (space.catalog.get(wanted.0), space.number(wanted.0)) else { return Ok(None) };
    if attr.is_id() {
        let Some(id) = transact::id_of_key(&wanted.1) else { return Ok(None) };
        return Ok(records(conn, space, attr.etype(), &[id])?.contains_key(&id).then_some(id));
    }
    Ok(store::holder(conn, number, &transact::sort_of_key(attr, &wanted.1))?)
}
