//! Many triples at once, past rules and transactions: for backups.

use diesel::sql_types::{BigInt, Binary, Text};
use keystead_instaql::schema::{Attr, EntityId};
use keystead_instaql::tx::Triple;
use keystead_instaql::{Error, key};
use serde_json::Value;

use super::store;
use crate::app::App;
use crate::db::Conn;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::space::Space;
use crate::rooms::data::sql::Sql;

/// Writes triples as they are, with their times.
///
/// # Errors
/// `validation-failed` for a value that is not of its attr's type.
pub fn put(app: &App, tx: &mut Conn, space: &Space, triples: &[Triple]) -> DataResult<()> {
    let now_ms = app.clock.now_ms();
    let mut rows = Vec::with_capacity(triples.len());
    for triple in triples {
        let Some(attr) = space.catalog.get(triple.attr) else { continue };
        if attr.checked_data_type.is_some_and(|checked| !checked.accepts(&triple.value)) {
            let at = vec![attr.etype().into(), triple.entity.to_string().into(), attr.label().into()];
            let message = format!("{} of {}: not of the type of the schema", attr.name(), triple.entity);
            let problem = keystead_instaql::error::Problem::message(at, message);
            return Err(Error::validation("backup", triple.value.clone(), &[problem]).into());
        }
        let key = key::of(&triple.value, attr.checked_data_type, now_ms);
        rows.extend(store::row(space, attr, triple.entity, &triple.value, &key, triple.created_ms));
    }
    Ok(store::put(tx, rows)?)
}

/// Where a page of entities ended.
pub type Place = (Vec<u8>, EntityId);

/// Entities with the times of their creation, and where the next page begins.
pub type Page = (Vec<(EntityId, i64)>, Option<Place>);

/// The entities of a namespace after a place, by the time of their creation, with these times.
///
/// # Errors
/// What the database says.
pub fn page(conn: &mut Conn, space: &Space, id: &Attr, after: Option<&Place>, most: i64) -> DataResult<Page> {
    let Some(number) = space.number(id.id) else { return Ok((Vec::new(), None)) };
    let mut sql = Sql::new(conn);
    sql.text("SELECT entity, sort, created_ms FROM data_triples WHERE attr = ").int(number).text(" AND indexed = 1");
    if let Some((sort, entity)) = after {
        sql.text(" AND (sort, entity) > (").bytes(sort).text(", ").id(*entity).text(")");
    }
    sql.text(" ORDER BY sort, entity LIMIT ").int(most);
    let rows: Vec<(Vec<u8>, Vec<u8>, i64)> = sql.load::<(Binary, Binary, BigInt), _>(conn)?;
    let (mut found, mut last) = (Vec::with_capacity(rows.len()), None);
    for (entity, sort, created_ms) in rows {
        if let Ok(entity) = EntityId::from_slice(&entity) {
            found.push((entity, created_ms));
            last = Some((sort, entity));
        }
    }
    Ok((found, last))
}

/// How many entities a namespace has; `id`: its id attr.
///
/// # Errors
/// What the database says.
pub fn count(conn: &mut Conn, space: &Space, id: &Attr) -> DataResult<u64> {
    let Some(number) = space.number(id.id) else { return Ok(0) };
    let mut sql = Sql::new(conn);
    sql.text("SELECT COUNT(*) FROM data_triples WHERE attr = ").int(number).text(" AND indexed = 1");
    one_number(conn, sql)
}

/// How many values and links the app has, without those that only fill an index (null, of time 0).
///
/// # Errors
/// What the database says.
pub fn values(conn: &mut Conn, space: &Space) -> DataResult<u64> {
    let mut sql = Sql::new(conn);
    sql.text("SELECT COUNT(*) FROM data_triples WHERE attr").one_int_of(space.all_numbers());
    sql.text(" AND (value <> 'null' OR created_ms <> 0)");
    one_number(conn, sql)
}

fn one_number(conn: &mut Conn, sql: Sql) -> DataResult<u64> {
    let found: Vec<i64> = sql.load::<BigInt, _>(conn)?;
    Ok(found.first().copied().map_or(0, i64::cast_unsigned))
}

/// All triples of entities, of whatever namespace.
///
/// # Errors
/// What the database says.
pub fn triples(conn: &mut Conn, space: &Space, entities: &[EntityId]) -> DataResult<Vec<Triple>> {
    store::triples_of(conn, space, entities)
}

/// Whose triple, of what, in which slot.
pub type TriplePlace = (EntityId, i64, Vec<u8>);

/// The next places of triples of all apps, in their order; as many as are read in a few milliseconds.
///
/// # Errors
/// What the database says.
pub fn places(conn: &mut Conn, after: Option<&TriplePlace>) -> DataResult<Vec<TriplePlace>> {
    const PAGE: i64 = 10_000;
    let mut sql = Sql::new(conn);
    sql.text("SELECT entity, attr, slot FROM data_triples");
    if let Some((entity, attr, slot)) = after {
        sql.text(" WHERE (entity, attr, slot) > (").id(*entity).text(", ").int(*attr).text(", ").bytes(slot).text(")");
    }
    sql.text(" ORDER BY entity, attr, slot LIMIT ").int(PAGE);
    let rows: Vec<(Vec<u8>, i64, Vec<u8>)> = sql.load::<(Binary, BigInt, Binary), _>(conn)?;
    let place = |(entity, attr, slot): (Vec<u8>, i64, Vec<u8>)| {
        Ok((EntityId::from_slice(&entity).map_err(DataError::internal)?, attr, slot))
    };
    rows.into_iter().map(place).collect()
}

/// Takes triples away, past rules and transactions.
///
/// # Errors
/// What the database says.
pub fn take(tx: &mut Conn, places: &[TriplePlace]) -> DataResult<()> {
    Ok(store::take(tx, places)?)
}

/// A value of a unique attr that several entities have; for a link, an entity that several link to.
///
/// # Errors
/// What the database says.
pub fn duplicate(conn: &mut Conn, space: &Space, attr: &Attr) -> DataResult<Option<Value>> {
    let Some(number) = space.number(attr.id) else { return Ok(None) };
    let mut sql = Sql::new(conn);
    sql.text("SELECT MIN(value) FROM data_triples WHERE attr = ").int(number);
    sql.text(" AND indexed = 1 AND value <> 'null' GROUP BY sort HAVING COUNT(*) > 1 LIMIT 1");
    let values: Vec<String> = sql.load::<Text, _>(conn)?;
    Ok(values.first().map(|text| serde_json::from_str(text).unwrap_or(Value::Null)))
}
