//! Table `data_triples` inside a transaction, and the log in `data_transactions`.

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};
use keystead_instaql::schema::{Attr, AttrId, EntityId};
use keystead_instaql::tx::{Source, Triple};
use serde_json::Value;

use super::ledger::{Ledger, Tx};
use super::{id_of_key, sort_of_key};
use crate::db::Conn;
use crate::db::schema::data_transactions as log;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::space::Space;
use crate::rooms::data::sql::Sql;

/// What a transaction reads: the table, with the rows laid over it that its batch still keeps back.
pub(super) struct Reader<'a, 't> {
    tx: &'a mut Tx<'t>,
    space: &'a Space,
}

impl<'a, 't> Reader<'a, 't> {
    pub(super) const fn new(tx: &'a mut Tx<'t>, space: &'a Space) -> Self {
        Self { tx, space }
    }
}

impl Source for Reader<'_, '_> {
    type Error = DataError;

    fn holders(&mut self, wanted: &[(AttrId, Vec<u8>)]) -> DataResult<Vec<Option<EntityId>>> {
        let mut by_attr: HashMap<AttrId, Vec<&[u8]>> = HashMap::new();
        for (attr, key) in wanted {
            by_attr.entry(*attr).or_default().push(key);
        }
        let mut found: HashMap<(AttrId, Vec<u8>), EntityId> = HashMap::new();
        for (id, keys) in by_attr {
            let (Some(attr), Some(number)) = (self.space.catalog.get(id), self.space.number(id)) else { continue };
            // Of an id attr what is looked for is the entity itself.
            let sorts: HashMap<Vec<u8>, &[u8]> = keys
                .iter()
                .filter_map(|key| match attr.is_id() {
                    true => Some((id_of_key(key)?.as_bytes().to_vec(), *key)),
                    false => Some((sort_of_key(attr, key), *key)),
                })
                .collect();
            let (conn, ledger) = self.tx.parts();
            let over = ledger.map(|ledger| overlaid(ledger, attr, number, &sorts)).unwrap_or_default();
            for (sort, entity) in holders_of(conn, attr, number, &sorts)? {
                if let (Some(key), false) = (sorts.get(&sort), over.contains_key(&entity)) {
                    found.insert((id, key.to_vec()), entity);
                }
            }
            for (entity, sort) in over {
                if let Some(key) = sort.and_then(|sort| sorts.get(&sort)) {
                    found.insert((id, key.to_vec()), entity);
                }
            }
        }
        Ok(wanted.iter().map(|place| found.get(place).copied()).collect())
    }

    fn triples(&mut self, entities: &[EntityId]) -> DataResult<Vec<Triple>> {
        let (conn, ledger) = self.tx.parts();
        let mut found = triples_of(conn, self.space, entities)?;
        let Some(ledger) = ledger else { return Ok(found) };
        for entity in entities.iter().collect::<HashSet<_>>() {
            for (number, slot, row) in ledger.of(*entity) {
                let Some(attr) = self.space.attr(number) else { continue };
                let stands_there =
                    |t: &Triple| t.entity == *entity && t.attr == attr.id && super::slot(attr, &t.value) == slot;
                found.retain(|triple| !stands_there(triple));
                if let Some(row) = row {
                    let value = serde_json::from_str(&row.value).map_err(DataError::internal)?;
                    found.push(Triple { entity: *entity, attr: attr.id, value, created_ms: row.created_ms });
                }
            }
        }
        Ok(found)
    }

    fn references(&mut self, entities: &[EntityId]) -> DataResult<Vec<Triple>> {
        let links = self.space.links();
        if entities.is_empty() || links.is_empty() {
            return Ok(Vec::new());
        }
        let conn = self.tx.reading()?;
        let mut sql = Sql::new(conn);
        sql.text("SELECT entity, attr, value, created_ms FROM data_triples WHERE attr").one_int_of(links);
        sql.text(" AND indexed = 1 AND sort").one_id_of(entities);
        triples(conn, self.space, sql)
    }
}

/// For entities whose row of the attr is kept back: what it will be sorted by; none when it is taken away.
fn overlaid(
    ledger: &Ledger,
    attr: &Attr,
    number: i64,
    sorts: &HashMap<Vec<u8>, &[u8]>,
) -> HashMap<EntityId, Option<Vec<u8>>> {
    if attr.is_id() {
        let ids = sorts.keys().filter_map(|id| EntityId::from_slice(id).ok());
        let last = |id: EntityId| ledger.of(id).filter(|(of, _, _)| *of == number).last();
        return ids.filter_map(|id| Some((id, last(id)?.2.map(|_| id.as_bytes().to_vec())))).collect();
    }
    ledger.of_attr(number).map(|(entity, row)| (entity, row.map(|row| row.sort.clone()))).collect()
}

/// Which entities have what is looked for, with it.
fn holders_of(
    conn: &mut Conn,
    attr: &Attr,
    number: i64,
    sorts: &HashMap<Vec<u8>, &[u8]>,
) -> DataResult<Vec<(Vec<u8>, EntityId)>> {
    let mut sql = Sql::new(conn);
    if attr.is_id() {
        sql.text("SELECT entity, entity FROM data_triples WHERE attr = ").int(number);
        sql.text(" AND slot = ").either("x''", "'\\x'::bytea").text(" AND entity");
    } else {
        sql.text("SELECT sort, entity FROM data_triples WHERE attr = ").int(number).text(" AND indexed = 1 AND sort");
    }
    sql.one_of(sorts.keys().cloned().collect());
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sql.load::<(Binary, Binary), _>(conn)?;
    Ok(rows.into_iter().filter_map(|(sort, entity)| Some((sort, EntityId::from_slice(&entity).ok()?))).collect())
}

/// Every triple of these entities.
pub(super) fn triples_of(conn: &mut Conn, space: &Space, entities: &[EntityId]) -> DataResult<Vec<Triple>> {
    if entities.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(conn);
    sql.text("SELECT entity, attr, value, created_ms FROM data_triples WHERE entity").one_id_of(entities);
    triples(conn, space, sql)
}

fn triples(conn: &mut Conn, space: &Space, sql: Sql) -> DataResult<Vec<Triple>> {
    let rows: Vec<(Vec<u8>, i64, String, i64)> = sql.load::<(Binary, BigInt, Text, BigInt), _>(conn)?;
    let mut triples = Vec::with_capacity(rows.len());
    for (entity, number, value, created_ms) in rows {
        // Other apps may have the same ids.
        let (Some(attr), Ok(entity)) = (space.attr(number), EntityId::from_slice(&entity)) else { continue };
        let value: Value = serde_json::from_str(&value).map_err(DataError::internal)?;
        triples.push(Triple { entity, attr: attr.id, value, created_ms });
    }
    Ok(triples)
}

/// A row of `data_triples`.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) entity: EntityId,
    pub(super) attr: i64,
    pub(super) slot: Vec<u8>,
    pub(super) sort: Vec<u8>,
    pub(super) indexed: bool,
    pub(super) value: String,
    pub(super) created_ms: i64,
}

const UPSERT: &str = " ON CONFLICT (entity, attr, slot) DO UPDATE SET sort = excluded.sort, indexed = excluded.indexed, \
                      value = excluded.value, created_ms = excluded.created_ms";
const INSERT: &str = "INSERT INTO data_triples (entity, attr, slot, sort, indexed, value, created_ms) ";

/// Writes rows; one that is there is replaced.
pub(super) fn put(conn: &mut Conn, rows: Vec<Row>) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    if conn.is_sqlite() {
        for row in rows {
            let mut sql = Sql::new(conn);
            sql.text(INSERT).text("VALUES (").id(row.entity).text(", ").int(row.attr).text(", ").bytes(&row.slot);
            sql.text(", ").bytes(&row.sort).text(", ").int(i64::from(row.indexed)).text(", ").string(&row.value);
            sql.text(", ").int(row.created_ms).text(")").text(UPSERT);
            sql.execute(conn)?;
        }
        return Ok(());
    }
    let mut sql = Sql::new(conn);
    sql.text(INSERT).text("SELECT u.e, u.a, u.s, u.k, u.i::int, u.v, u.c FROM unnest(");
    sql.byte_list(rows.iter().map(|row| row.entity.as_bytes().to_vec()).collect()).text(", ");
    sql.ints(rows.iter().map(|row| row.attr).collect()).text(", ");
    sql.byte_list(rows.iter().map(|row| row.slot.clone()).collect()).text(", ");
    sql.byte_list(rows.iter().map(|row| row.sort.clone()).collect()).text(", ");
    sql.ints(rows.iter().map(|row| i64::from(row.indexed)).collect()).text(", ");
    sql.ints(rows.iter().map(|row| row.created_ms).collect()).text(", ");
    sql.strings(rows.into_iter().map(|row| row.value).collect()).text(") AS u(e, a, s, k, i, c, v)").text(UPSERT);
    sql.execute(conn).map(drop)
}

/// Takes rows away.
pub(super) fn take(conn: &mut Conn, places: &[(EntityId, i64, Vec<u8>)]) -> QueryResult<()> {
    if places.is_empty() {
        return Ok(());
    }
    if conn.is_sqlite() {
        for (entity, attr, slot) in places {
            let mut sql = Sql::new(conn);
            sql.text("DELETE FROM data_triples WHERE entity = ").id(*entity).text(" AND attr = ").int(*attr);
            sql.text(" AND slot = ").bytes(slot);
            sql.execute(conn)?;
        }
        return Ok(());
    }
    let mut sql = Sql::new(conn);
    sql.text("DELETE FROM data_triples t USING unnest(");
    sql.byte_list(places.iter().map(|(entity, _, _)| entity.as_bytes().to_vec()).collect()).text(", ");
    sql.ints(places.iter().map(|(_, attr, _)| *attr).collect()).text(", ");
    sql.byte_list(places.iter().map(|(_, _, slot)| slot.clone()).collect());
    sql.text(") AS u(e, a, s) WHERE t.entity = u.e AND t.attr = u.a AND t.slot = u.s");
    sql.execute(conn).map(drop)
}

/// A stored value: whose, where it stands, JSON, and when it was first written.
pub(super) type Stored = (EntityId, Vec<u8>, String, i64);

/// Every stored value of an attr, by way of the entities of its namespace.
pub(super) fn values_of(conn: &mut Conn, id: i64, attr: i64) -> QueryResult<Vec<Stored>> {
    let mut sql = Sql::new(conn);
    sql.text("SELECT c.entity, c.slot, c.value, c.created_ms FROM data_triples t ").either("CROSS JOIN", "JOIN");
    sql.text(" data_triples c ON c.entity = t.entity AND c.attr = ").int(attr);
    sql.text(" WHERE t.attr = ").int(id).text(" AND t.indexed = 1");
    let rows: Vec<(Vec<u8>, Vec<u8>, String, i64)> = sql.load::<(Binary, Binary, Text, BigInt), _>(conn)?;
    let read = |(entity, slot, value, created): (Vec<u8>, _, _, _)| {
        Some((EntityId::from_slice(&entity).ok()?, slot, value, created))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// The entities of a namespace without a triple of an attr.
pub(super) fn without(conn: &mut Conn, id: i64, attr: i64) -> QueryResult<Vec<EntityId>> {
    let mut sql = Sql::new(conn);
    sql.text("SELECT t.entity FROM data_triples t WHERE t.attr = ").int(id).text(" AND t.indexed = 1 AND NOT EXISTS (");
    sql.text("SELECT 1 FROM data_triples c WHERE c.entity = t.entity AND c.attr = ").int(attr).text(")");
    let rows: Vec<Vec<u8>> = sql.load::<Binary, Vec<u8>>(conn)?;
    Ok(rows.iter().filter_map(|id| EntityId::from_slice(id).ok()).collect())
}

/// A row of `data_transactions`.
#[derive(Debug, Insertable)]
#[diesel(table_name = log)]
pub(super) struct LogRow {
    pub(super) app_id: String,
    pub(super) tx_id: i64,
    pub(super) created_ms: i64,
    /// None: everything may have changed.
    pub(super) changes: Option<String>,
}

pub(super) fn insert_log(conn: &mut Conn, rows: Vec<LogRow>) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) => {
            rows.iter().try_for_each(|row| diesel::insert_into(log::table).values(row).execute(c).map(drop))
        }
        Conn::Postgres(_) if rows.is_empty() => Ok(()),
        Conn::Postgres(_) => {
            let mut sql = Sql::new(conn);
            sql.text("INSERT INTO data_transactions (tx_id, created_ms, app_id, changes) ");
            sql.text("SELECT u.t, u.m, u.a, NULLIF(u.c, '') FROM unnest(");
            sql.ints(rows.iter().map(|row| row.tx_id).collect()).text(", ");
            sql.ints(rows.iter().map(|row| row.created_ms).collect()).text(", ");
            let (apps, changes) = rows.into_iter().map(|row| (row.app_id, row.changes.unwrap_or_default())).unzip();
            sql.strings(apps).text(", ").strings(changes).text(") AS u(t, m, a, c)");
            sql.execute(conn).map(drop)
        }
    }
}

/// Rows of the log after a transaction, the oldest first.
pub(super) fn log_after(
    conn: &mut Conn,
    app_id: &str,
    tx_id: i64,
    most: i64,
) -> QueryResult<Vec<(i64, Option<String>)>> {
    log::table
        .filter(log::app_id.eq(app_id))
        .filter(log::tx_id.gt(tx_id))
        .order(log::tx_id)
        .limit(most)
        .select((log::tx_id, log::changes))
        .load(conn)
}

/// Forgets old rows of the log.
pub(super) fn sweep_log(conn: &mut Conn, before_ms: i64) -> QueryResult<usize> {
    diesel::delete(log::table.filter(log::created_ms.lt(before_ms))).execute(conn)
}

/// For a row of an attr.
pub(super) fn row(
    space: &Space,
    attr: &Attr,
    entity: EntityId,
    value: &Value,
    key: &[u8],
    created_ms: i64,
) -> Option<Row> {
    let sort = match attr.is_id() {
        true => super::created_sort(created_ms).to_vec(),
        false => sort_of_key(attr, key),
    };
    Some(Row {
        entity,
        attr: space.number(attr.id)?,
        slot: super::slot(attr, value),
        sort,
        indexed: super::is_sorted(attr),
        value: value.to_string(),
        created_ms,
    })
}
