//! Changes of attrs: new ones, changed flags on data that is there, deletion.

use keystead_instaql::schema::{Attr, AttrId, Owner};
use keystead_instaql::tx::AttrStep;
use keystead_instaql::{Error, Kind, key};
use serde_json::{Map, Value, json};

use super::store;
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::space::{self, Space};

/// Applies the attr steps of a transaction. `space` is reloaded by the caller afterwards.
///
/// # Errors
/// What is wrong with an attr, `record-not-unique`, `validation-failed` where data that is there does not fit.
pub fn apply_steps(app: &App, tx: &mut Conn, space: &Space, steps: &[AttrStep]) -> DataResult<()> {
    for step in steps {
        match step {
            AttrStep::Add(attr) => add(tx, space, attr)?,
            AttrStep::Update(id, patch) => {
                let attr = patched(space, *id, patch)?;
                change_attr(app, tx, space, &attr)?;
            }
            AttrStep::Delete(id) => space::rules::delete_attr(app, tx, space, *id)?,
            AttrStep::Restore(id) => space::rules::restore_attr(tx, &space.app_id, *id)?,
        }
    }
    Ok(())
}

fn add(tx: &mut Conn, space: &Space, attr: &Attr) -> DataResult<()> {
    attr.validate()?;
    let attr = Attr { owner: Owner::User, indexing: false, checking_data_type: false, ..attr.clone() };
    let number = space::rules::add_attr(tx, &space.app_id, &attr)?;
    if attr.index && !attr.is_ref() {
        fill(tx, space, &attr, number)?;
    }
    Ok(())
}

/// Every entity has a triple of an indexed column, so that the index alone can order by it.
fn fill(tx: &mut Conn, space: &Space, attr: &Attr, number: i64) -> DataResult<()> {
    let Some(id) = space.catalog.id_attr(attr.etype()).and_then(|id| space.number(id.id)) else { return Ok(()) };
    let rows = store::without(tx, id, number)?.into_iter().map(|entity| store::Row {
        entity,
        attr: number,
        slot: Vec::new(),
        sort: key::NULL.to_vec(),
        indexed: true,
        value: "null".into(),
        created_ms: 0,
    });
    Ok(store::put(tx, rows.collect())?)
}

/// An attr with changed keys.
///
/// # Errors
/// `record-not-found`, `param-malformed`, `validation-failed`.
pub fn patched(space: &Space, id: AttrId, patch: &Map<String, Value>) -> DataResult<Attr> {
    let attr = space.catalog.get(id).ok_or_else(|| Error::not_found("attr"))?;
    let mut json = serde_json::to_value(&**attr).map_err(DataError::internal)?;
    if let Value::Object(map) = &mut json {
        for (name, value) in patch.iter().filter(|(name, _)| *name != "id" && *name != "catalog") {
            map.insert(name.clone(), value.clone());
        }
    }
    let attr: Attr = serde_json::from_value(json).map_err(|e| Error::malformed(&["attr"], e.to_string().into()))?;
    attr.validate()?;
    Ok(attr)
}

/// Writes a changed attr and makes the data that is there fit it: types, uniqueness, required values, index.
///
/// # Errors
/// `validation-failed` for `attributes` with the entities whose values do not fit, `record-not-unique`.
pub fn change_attr(app: &App, tx: &mut Conn, space: &Space, attr: &Attr) -> DataResult<()> {
    let old = space.catalog.get(attr.id).ok_or_else(|| Error::not_found("attr"))?;
    let number = space.number(attr.id).ok_or_else(|| Error::not_found("attr"))?;
    if old.owner == Owner::System {
        return Err(misfit(attr, "a system attribute cannot be changed", &[]).into());
    }
    if old.value_type != attr.value_type {
        return Err(misfit(attr, "a column cannot become a link, nor a link a column", &[]).into());
    }
    space::rules::change_attr(tx, space, attr)?;
    let Some(id) = space.catalog.id_attr(attr.etype()).and_then(|id| space.number(id.id)) else { return Ok(()) };
    let touches_rows = old.index != attr.index
        || old.unique != attr.unique
        || old.checked_data_type != attr.checked_data_type
        || old.cardinality != attr.cardinality;
    if touches_rows {
        rewrite(app, tx, id, number, old, attr)?;
    }
    if attr.index && !attr.is_ref() {
        fill(tx, space, attr, number)?;
    }
    if attr.required && !old.required {
        let missing: Vec<_> = store::without(tx, id, number)?
            .into_iter()
            .chain(nulls(tx, id, number)?)
            .map(|entity| json!(entity))
            .collect();
        if !missing.is_empty() {
            return Err(misfit(attr, "is required, and some entities have no value", &missing).into());
        }
    }
    Ok(())
}

fn nulls(tx: &mut Conn, id: i64, number: i64) -> DataResult<Vec<keystead_instaql::schema::EntityId>> {
    let values = store::values_of(tx, id, number)?;
    Ok(values.into_iter().filter(|(_, _, value, _)| value == "null").map(|(entity, ..)| entity).collect())
}

fn rewrite(app: &App, tx: &mut Conn, id: i64, number: i64, old: &Attr, attr: &Attr) -> DataResult<()> {
    let now_ms = app.clock.now_ms();
    let values = store::values_of(tx, id, number)?;
    let (mut rows, mut gone) = (Vec::with_capacity(values.len()), Vec::new());
    let (mut misfits, mut seen) = (Vec::new(), std::collections::HashMap::new());
    let mut holders = std::collections::HashSet::new();
    for (entity, slot, text, created_ms) in values {
        let value: Value = serde_json::from_str(&text).map_err(DataError::internal)?;
        if attr.checked_data_type.is_some_and(|checked| !checked.accepts(&value)) {
            misfits.push(json!({"entity-id": entity, "value": value}));
            continue;
        }
        if attr.is_one() && !old.is_one() && !holders.insert(entity) {
            misfits.push(json!({"entity-id": entity, "value": value}));
            continue;
        }
        let key = key::of(&value, attr.checked_data_type, now_ms);
        let sort = super::sort_of_key(attr, &key);
        if attr.unique
            && !value.is_null()
            && let Some(other) = seen.insert(sort.clone(), entity).filter(|other| *other != entity)
        {
            let mut error = Error::not_unique(attr, &value);
            if let Value::Object(hint) = &mut error.hint {
                hint.insert("entity-ids".into(), json!([other, entity]));
            }
            return Err(error.into());
        }
        let new_slot = super::slot(attr, &value);
        if new_slot != slot {
            gone.push((entity, number, slot));
        }
        rows.push(store::Row {
            entity,
            attr: number,
            slot: new_slot,
            sort,
            indexed: super::is_sorted(attr),
            value: text,
            created_ms,
        });
    }
    if !misfits.is_empty() {
        let wanted = match attr.checked_data_type {
            Some(checked) => format!("values must be of type {}", checked.name()),
            None => "some entities have several values".to_owned(),
        };
        return Err(misfit(attr, &wanted, &misfits).into());
    }
    store::take(tx, &gone)?;
    Ok(store::put(tx, rows)?)
}

/// What does not fit, with the first few examples.
fn misfit(attr: &Attr, message: &str, examples: &[Value]) -> Error {
    const SHOWN: usize = 10;
    let shown = examples.get(..SHOWN.min(examples.len())).unwrap_or_default();
    let hint = json!({
        "data-type": "attributes",
        "errors": [{"message": message, "hint": {"attribute": attr.name(), "count": examples.len(), "sample": shown}}],
    });
    Error::new(Kind::ValidationFailed, format!("Validation failed for attributes: {}: {message}", attr.name()), hint)
}
