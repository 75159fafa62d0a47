//! Values along links, and single records.

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Binary, Text};
use keystead_instaql::schema::{Attr, Direction, EntityId, Link};

use crate::db::Conn;
use crate::rooms::data::space::Space;
use crate::rooms::data::sql::Sql;

/// Who has a value of an attr.
///
/// # Errors
/// What the database says.
pub(in super::super) fn holder(conn: &mut Conn, number: i64, sort: &[u8]) -> QueryResult<Option<EntityId>> {
    let mut sql = Sql::new(conn);
    sql.text("SELECT entity FROM data_triples WHERE attr = ").int(number);
    sql.text(" AND indexed = 1 AND sort = ").bytes(sort).text(" LIMIT 1");
    let rows: Vec<Vec<u8>> = sql.load::<Binary, Vec<u8>>(conn)?;
    Ok(rows.first().and_then(|id| EntityId::from_slice(id).ok()))
}

/// The values of entities: (entity, attr, JSON).
///
/// # Errors
/// What the database says.
pub(in super::super) fn record_rows(
    conn: &mut Conn,
    entities: &[EntityId],
) -> QueryResult<Vec<(EntityId, i64, String)>> {
    let mut sql = Sql::new(conn);
    sql.text("SELECT entity, attr, value FROM data_triples WHERE entity").one_id_of(entities);
    sql.text(" AND slot = ").either("x''", "'\\x'::bytea");
    let rows: Vec<(Vec<u8>, i64, String)> = sql.load::<(Binary, BigInt, Text), _>(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(entity, attr, value)| Some((EntityId::from_slice(&entity).ok()?, attr, value)))
        .collect())
}

/// Where a link leads from entities: (from, to).
///
/// # Errors
/// What the database says.
pub(in super::super) fn links_of(
    conn: &mut Conn,
    space: &Space,
    link: &Link,
    entities: &[EntityId],
) -> QueryResult<Vec<(EntityId, EntityId)>> {
    let Some(number) = space.number(link.attr.id) else { return Ok(Vec::new()) };
    let mut sql = Sql::new(conn);
    match link.direction {
        Direction::Forward => {
            sql.text("SELECT entity, sort FROM data_triples WHERE attr = ")
                .int(number)
                .text(" AND entity")
                .one_id_of(entities);
        }
        Direction::Reverse => {
            sql.text("SELECT sort, entity FROM data_triples WHERE attr = ").int(number);
            sql.text(" AND indexed = 1 AND sort").one_id_of(entities);
        }
    }
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sql.load::<(Binary, Binary), _>(conn)?;
    let id = |bytes: &[u8]| EntityId::from_slice(bytes).ok();
    Ok(rows.into_iter().filter_map(|(from, to)| Some((id(&from)?, id(&to)?))).collect())
}

/// The values of an attr of cardinality one: (entity, JSON).
///
/// # Errors
/// What the database says.
pub(in super::super) fn path_values(
    conn: &mut Conn,
    space: &Space,
    attr: &Attr,
    entities: &[EntityId],
) -> QueryResult<Vec<(EntityId, String)>> {
    let Some(number) = space.number(attr.id) else { return Ok(Vec::new()) };
    let mut sql = Sql::new(conn);
    sql.text("SELECT entity, value FROM data_triples WHERE attr = ")
        .int(number)
        .text(" AND entity")
        .one_id_of(entities);
    sql.text(" AND slot = ").either("x''", "'\\x'::bytea");
    let rows: Vec<(Vec<u8>, String)> = sql.load::<(Binary, Text), _>(conn)?;
    Ok(rows.into_iter().filter_map(|(entity, value)| Some((EntityId::from_slice(&entity).ok()?, value))).collect())
}

/// The entities of a namespace, at most so many.
///
/// # Errors
/// What the database says.
pub(in super::super) fn all_of(conn: &mut Conn, space: &Space, etype: &str, most: usize) -> QueryResult<Vec<EntityId>> {
    let Some(number) = space.catalog.id_attr(etype).and_then(|attr| space.number(attr.id)) else {
        return Ok(Vec::new());
    };
    let mut sql = Sql::new(conn);
    sql.text("SELECT entity FROM data_triples WHERE attr = ").int(number).text(" AND indexed = 1 LIMIT ");
    sql.int(i64::try_from(most).unwrap_or(i64::MAX));
    let rows: Vec<Vec<u8>> = sql.load::<Binary, Vec<u8>>(conn)?;
    Ok(rows.iter().filter_map(|id| EntityId::from_slice(id).ok()).collect())
}

/// The triples of a link from (or, reversed, to) entities: (entity, target, created).
///
/// # Errors
/// What the database says.
pub(in super::super) fn link_triples(
    conn: &mut Conn,
    space: &Space,
    link: &Link,
    entities: &[EntityId],
) -> QueryResult<Vec<(EntityId, EntityId, i64)>> {
    let Some(number) = space.number(link.attr.id) else { return Ok(Vec::new()) };
    let mut sql = Sql::new(conn);
    sql.text("SELECT entity, sort, created_ms FROM data_triples WHERE attr = ").int(number).text(" AND ");
    match link.direction {
        Direction::Forward => sql.text("entity").one_id_of(entities),
        Direction::Reverse => sql.text("indexed = 1 AND sort").one_id_of(entities),
    };
    let rows: Vec<(Vec<u8>, Vec<u8>, i64)> = sql.load::<(Binary, Binary, BigInt), _>(conn)?;
    let id = |bytes: &[u8]| EntityId::from_slice(bytes).ok();
    Ok(rows.into_iter().filter_map(|(from, to, created)| Some((id(&from)?, id(&to)?, created))).collect())
}

/// As [`path_values`], with the times.
///
/// # Errors
/// What the database says.
pub(in super::super) fn value_triples(
    conn: &mut Conn,
    space: &Space,
    attr: &Attr,
    entities: &[EntityId],
) -> QueryResult<Vec<(EntityId, String, i64)>> {
    let Some(number) = space.number(attr.id) else { return Ok(Vec::new()) };
    let mut sql = Sql::new(conn);
    sql.text("SELECT entity, value, created_ms FROM data_triples WHERE attr = ").int(number);
    sql.text(" AND entity").one_id_of(entities).text(" AND slot = ").either("x''", "'\\x'::bytea");
    let rows: Vec<(Vec<u8>, String, i64)> = sql.load::<(Binary, Text, BigInt), _>(conn)?;
    Ok(rows.into_iter().filter_map(|(e, value, at)| Some((EntityId::from_slice(&e).ok()?, value, at))).collect())
}
