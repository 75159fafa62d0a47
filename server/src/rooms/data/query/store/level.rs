//! One level of a plan in one statement: which entities, in which order, and their values.

use std::collections::HashMap;

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use keystead_instaql::key;
use keystead_instaql::query::ast::Count;
use keystead_instaql::query::cursor::Cursor;
use keystead_instaql::query::plan::{Filter, Leaf, Node, OrderBy, Test, ValueTest};
use keystead_instaql::schema::{Attr, Direction, EntityId};

use super::driver;
use super::filter::{Conditions, Views, compare};
use crate::db::Conn;
use crate::rooms::data::space::Space;
use crate::rooms::data::sql::Sql;

/// What is wanted of a level.
pub(in super::super) struct Wanted<'a> {
    pub(in super::super) space: &'a Space,
    pub(in super::super) node: &'a Node,
    /// The node's filter with what the rules make of it.
    pub(in super::super) filter: &'a Filter,
    pub(in super::super) views: &'a Views,
    /// The entities of the level above; none on the top level.
    pub(in super::super) parents: Option<&'a [EntityId]>,
    /// Every value of the entities, whatever the columns.
    pub(in super::super) whole: bool,
    /// Most entities.
    pub(in super::super) most: u64,
    /// When nothing more is looked for, by [`elapsed_ms`](crate::db::elapsed_ms).
    pub(in super::super) until_ms: i64,
}

/// An entity of a level.
#[derive(Debug, Clone)]
pub(in super::super) struct Item {
    pub(in super::super) parent: Option<EntityId>,
    pub(in super::super) entity: EntityId,
    pub(in super::super) created_ms: i64,
    /// What the list is ordered by, where that is an attr.
    pub(in super::super) sort: Option<Vec<u8>>,
}

/// A value of an entity: JSON, and when it was first written.
pub(in super::super) type Stored = (Box<str>, i64);

/// What is found.
#[derive(Debug, Default)]
pub(in super::super) struct Found {
    /// Each parent's entities in order.
    pub(in super::super) items: Vec<Item>,
    /// Values by entity and attr.
    pub(in super::super) values: HashMap<EntityId, HashMap<i64, Stored>>,
    /// There is more behind the page.
    pub(in super::super) more: bool,
}

type Columns = (Nullable<Binary>, Binary, BigInt, Nullable<Binary>, BigInt, Text, BigInt);
type Row = (Option<Vec<u8>>, Vec<u8>, i64, Option<Vec<u8>>, i64, String, i64);

const EMPTY: (&str, &str) = ("x''", "'\\x'::bytea");

/// Runs the statement of a level.
///
/// # Errors
/// What the database says.
pub(in super::super) fn level(conn: &mut Conn, wanted: &Wanted<'_>) -> QueryResult<Found> {
    let mut sql = Sql::new(conn);
    let conditions = Conditions { space: wanted.space, views: wanted.views, until_ms: Some(wanted.until_ms) };
    match wanted.parents {
        None => top(&mut sql, wanted, &conditions),
        Some(parents) => below(&mut sql, wanted, &conditions, parents),
    }
    let rows: Vec<Row> = sql.load::<Columns, Row>(conn)?;
    let mut found = gather(rows);
    if wanted.parents.is_none() {
        cut(wanted, &mut found);
    } else {
        arrange(wanted, &mut found);
    }
    Ok(found)
}

/// How many rows make a page; one more is read, to know whether there is more.
fn page_size(wanted: &Wanted<'_>) -> u64 {
    match wanted.node.page.count {
        Some(Count::First(n) | Count::Last(n)) => n.min(wanted.most),
        None => wanted.most,
    }
}

/// True when the page is taken from the end: it is read backwards.
fn is_backwards(node: &Node) -> bool {
    node.order.descending != matches!(node.page.count, Some(Count::Last(_)))
}

/// The attr that orders, and whether every entity has a triple of it in the sorted index.
fn order_attr(node: &Node) -> Option<(&Attr, bool)> {
    match &node.order.by {
        OrderBy::Created => None,
        OrderBy::Attr(attr) => Some((attr, attr.is_filled() && !attr.indexing)),
    }
}

fn top(sql: &mut Sql, wanted: &Wanted<'_>, conditions: &Conditions<'_>) {
    let direction = if is_backwards(wanted.node) { " DESC" } else { "" };
    sql.text("SELECT NULL, t.entity, t.created_ms, t.osort, c.attr, c.value, c.created_ms FROM (");
    matching(sql, wanted, conditions);
    let entity = subject(sql, by_order(wanted, conditions));
    sql.text(" ORDER BY ").text(order(wanted.node, wanted, conditions)).text(direction);
    sql.text(", ").text(entity).text(direction);
    sql.text(" LIMIT ").int(to_i64(page_size(wanted).saturating_add(1)));
    if wanted.node.page.offset > 0 {
        sql.text(" OFFSET ").int(to_i64(wanted.node.page.offset));
    }
    sql.text(") t");
    look_up(sql, "CROSS", "c", |sql| columns(sql, wanted, conditions));
    if !sql.is_sqlite() {
        // SQLite reads the outer query in its order.
        sql.text(" ORDER BY ");
        let by = if order_attr(wanted.node).is_some() { "t.osort" } else { "t.created_ms" };
        sql.text(by).text(direction).text(", t.entity").text(direction);
    }
}

/// The expression of the inner query that orders.
fn order(node: &Node, wanted: &Wanted<'_>, conditions: &Conditions<'_>) -> &'static str {
    match order_attr(node) {
        Some((_, true)) => "o.sort",
        Some((_, false)) => "osort",
        None if start(wanted, conditions).is_some() => "t.created_ms",
        None => "t.sort",
    }
}

const fn is_cut(node: &Node) -> bool {
    node.page.count.is_some()
}

/// `SELECT …` of the entities that pass filter and cursors, as table `t` with `osort`.
fn matching(sql: &mut Sql, wanted: &Wanted<'_>, conditions: &Conditions<'_>) {
    let node = wanted.node;
    let id = node.id_attr.as_ref().map_or(-1, |attr| conditions.number(attr));
    let (start, by_order) = (start(wanted, conditions), by_order(wanted, conditions));
    let entity = subject(sql, by_order);
    sql.text("SELECT ").text(entity).text(" AS entity, t.created_ms AS created_ms, ");
    match order_attr(node) {
        None => {
            sql.either("NULL AS osort", "NULL::bytea AS osort").text(" FROM data_triples t WHERE ");
        }
        Some((attr, _)) if by_order => {
            sql.text("o.sort AS osort FROM data_triples o");
            look_up(sql, "CROSS", "t", |sql| {
                sql.text("t.entity = o.entity AND t.attr = ").int(id).text(" AND t.slot = ").either(EMPTY.0, EMPTY.1);
            });
            sql.text(" WHERE o.attr = ").int(conditions.number(attr)).text(" AND o.indexed = 1 AND ");
        }
        Some((attr, is_complete)) => {
            if is_complete {
                sql.text("o.sort AS osort FROM data_triples t");
            } else {
                sql.text("COALESCE(o.sort, ").bytes(key::NULL).text(") AS osort FROM data_triples t");
            }
            look_up(sql, if is_complete { "INNER" } else { "LEFT" }, "o", |sql| {
                sql.text("o.entity = t.entity AND o.attr = ").int(conditions.number(attr));
                sql.text(" AND o.slot = ").either(EMPTY.0, EMPTY.1);
            });
            sql.text(" WHERE ");
        }
    }
    if !by_order {
        sql.text("t.attr = ").int(id).text(" AND ");
        match start {
            Some(test) => {
                // Without `indexed`, so that the primary key is what SQLite looks entities up in.
                sql.text("t.slot = ").either(EMPTY.0, EMPTY.1).text(" AND t.entity");
                driver::passes(sql, test, conditions);
                sql.text(" AND ");
            }
            None => {
                sql.text("t.indexed = 1 AND ");
            }
        }
    }
    match start {
        Some(test) => rest(sql, wanted.filter, &[test], conditions, entity),
        None if by_order => {
            let ranges = ranges_of_order(node, wanted.filter);
            for test in &ranges {
                if let Leaf::Attr(_, ValueTest::Compare(comparison, bound)) = &test.leaf {
                    compare(sql, *comparison, bound, "o");
                    sql.text(" AND ");
                }
            }
            rest(sql, wanted.filter, &ranges, conditions, entity);
        }
        None => conditions.filter(sql, wanted.filter, entity),
    }
    let is_few = start.is_some_and(|test| test.path.is_empty() && matches!(test.leaf, Leaf::Id(_)));
    if !is_few {
        conditions.in_time(sql, "");
    }
    cursors(sql, wanted, start.is_some(), entity);
}

/// True when the statement walks the triples of the attr that orders, as table `o`.
fn by_order(wanted: &Wanted<'_>, conditions: &Conditions<'_>) -> bool {
    start(wanted, conditions).is_none() && order_attr(wanted.node).is_some_and(|(_, is_complete)| is_complete)
}

/// What names the entity in conditions and order. PostgreSQL keeps to the index only for columns of its table.
fn subject(sql: &Sql, by_order: bool) -> &'static str {
    if by_order && !sql.is_sqlite() { "o.entity" } else { "t.entity" }
}

/// The test that the statement starts with; none where it walks an order. A page of an ordered range walks that range, because what
/// equals a value (the owner, in many rules) may be nearly everything.
fn start<'a>(wanted: &Wanted<'a>, conditions: &Conditions<'_>) -> Option<&'a Test> {
    let found = driver::choose(wanted.filter, conditions, is_cut(wanted.node))?;
    let is_wide = matches!(&found.leaf, Leaf::Attr(attr, _) if !attr.unique) || !found.path.is_empty();
    let walks = is_wide
        && is_cut(wanted.node)
        && order_attr(wanted.node).is_some_and(|(_, is_complete)| is_complete)
        && !ranges_of_order(wanted.node, wanted.filter).is_empty();
    (!walks).then_some(found)
}

fn parts_of(filter: &Filter) -> &[Filter] {
    match filter {
        Filter::All(parts) => parts,
        other => std::slice::from_ref(other),
    }
}

/// The tests that bound the attr that orders.
fn ranges_of_order<'a>(node: &Node, filter: &'a Filter) -> Vec<&'a Test> {
    let Some((by, _)) = order_attr(node) else { return Vec::new() };
    let ranges = parts_of(filter).iter().filter_map(|part| match part {
        Filter::Test(test) if test.path.is_empty() => Some(test),
        _ => None,
    });
    ranges.filter(|test| matches!(&test.leaf, Leaf::Attr(attr, ValueTest::Compare(..)) if attr.id == by.id)).collect()
}

/// The filter without tests that are asked already.
fn rest(sql: &mut Sql, filter: &Filter, asked: &[&Test], conditions: &Conditions<'_>, entity: &str) {
    sql.text("1 = 1");
    let is_asked = |part: &Filter| match part {
        Filter::Test(test) => asked.iter().any(|other| std::ptr::eq(*other, test)),
        _ => false,
    };
    for part in parts_of(filter).iter().filter(|part| !is_asked(part)) {
        sql.text(" AND ");
        conditions.filter(sql, part, entity);
    }
}

fn cursors(sql: &mut Sql, wanted: &Wanted<'_>, is_driven: bool, entity: &str) {
    let node = wanted.node;
    let ends = [(&node.page.after, true), (&node.page.before, false)];
    for (cursor, inclusive, is_after) in
        ends.into_iter().filter_map(|(end, after)| end.as_ref().map(|(c, i)| (c, *i, after)))
    {
        let operator = match (is_after != node.order.descending, inclusive) {
            (true, false) => ">",
            (true, true) => ">=",
            (false, false) => "<",
            (false, true) => "<=",
        };
        sql.text(" AND (");
        match order_attr(node) {
            Some((_, true)) => sql.text("o.sort"),
            Some((_, false)) => sql.text("COALESCE(o.sort, ").bytes(key::NULL).text(")"),
            None if is_driven => sql.text("t.created_ms"),
            None => sql.text("t.sort"),
        };
        sql.text(", ").text(entity).text(") ").text(operator).text(" (");
        place(sql, node, cursor, is_driven);
        sql.text(", ").id(cursor.entity).text(")");
    }
}

fn place(sql: &mut Sql, node: &Node, cursor: &Cursor, is_driven: bool) {
    match order_attr(node) {
        Some((attr, _)) => sql.bytes(&key::of(&cursor.value, attr.checked_data_type, 0)),
        None if is_driven => sql.int(cursor.created_ms),
        None => sql.bytes(&super::super::super::transact::created_sort(cursor.created_ms)),
    };
}

/// The children of all parents.
fn below(sql: &mut Sql, wanted: &Wanted<'_>, conditions: &Conditions<'_>, parents: &[EntityId]) {
    let node = wanted.node;
    let id = node.id_attr.as_ref().map_or(-1, |attr| conditions.number(attr));
    let (link, target) = match &node.via {
        Some(link) => {
            let target = if link.direction == Direction::Forward { "l.sort" } else { "l.entity" };
            (Some((conditions.number(&link.attr), link.direction)), target)
        }
        None => (None, "l.entity"),
    };
    let (number, direction) = link.unwrap_or((-1, Direction::Forward));
    // PostgreSQL looks the parents up in the index; SQLite wants them as the table to begin with.
    let (sqlite, parent) = (sql.is_sqlite(), if direction == Direction::Forward { "l.entity" } else { "l.sort" });
    sql.text("SELECT ").text(if sqlite { "p.id" } else { parent }).text(", t.entity, t.created_ms, ");
    let by = order_attr(node);
    match by {
        Some(_) => sql.text("COALESCE(o.sort, ").bytes(key::NULL).text(")"),
        None => sql.either("NULL", "NULL::bytea"),
    };
    sql.text(", c.attr, c.value, c.created_ms FROM ");
    if sqlite {
        sql.id_table(parents, "p").text(" CROSS JOIN ");
    }
    sql.text("data_triples l");
    if sqlite {
        sql.text(" ON l.attr = ").int(number).text(" AND ").text(parent).text(" = p.id");
        sql.text(if direction == Direction::Forward { "" } else { " AND l.indexed = 1" });
    }
    look_up(sql, "CROSS", "t", |sql| {
        sql.text("t.entity = ").text(target).text(" AND t.attr = ").int(id);
        sql.text(" AND t.slot = ").either(EMPTY.0, EMPTY.1).text(" AND ");
        conditions.filter(sql, wanted.filter, "t.entity");
        // Of every link: without a column it is asked of every parent only.
        conditions.in_time(sql, " + 0 * l.attr");
    });
    if let Some((attr, _)) = by {
        look_up(sql, "LEFT", "o", |sql| {
            sql.text("o.entity = t.entity AND o.attr = ").int(conditions.number(attr));
            sql.text(" AND o.slot = ").either(EMPTY.0, EMPTY.1);
        });
    }
    look_up(sql, "CROSS", "c", |sql| columns(sql, wanted, conditions));
    if !sqlite {
        sql.text(" WHERE l.attr = ").int(number).text(" AND ").text(parent).one_id_of(parents);
        sql.text(if direction == Direction::Forward { "" } else { " AND l.indexed = 1" });
        sql.text(" ORDER BY 1, t.entity");
    }
    sql.text(" LIMIT ").int(to_i64(wanted.most.saturating_mul(100)));
}

/// Joins triples of the entities that are there, looked up one by one. PostgreSQL is not asked to find a better way: it would read
/// whole attrs where it guesses wrong, and it knows little about a table in which everything lies side by side.
fn look_up(sql: &mut Sql, join: &str, alias: &str, condition: impl FnOnce(&mut Sql)) {
    let sqlite = sql.is_sqlite();
    sql.text(" ").text(join).text(if sqlite {
        " JOIN data_triples "
    } else {
        " JOIN LATERAL (SELECT * FROM data_triples "
    });
    sql.text(alias).text(if sqlite { " ON " } else { " WHERE " });
    condition(sql);
    if !sqlite {
        sql.text(" OFFSET 0) ").text(alias).text(if join == "CROSS" { "" } else { " ON TRUE" });
    }
}

/// The condition on the values that are wanted.
fn columns(sql: &mut Sql, wanted: &Wanted<'_>, conditions: &Conditions<'_>) {
    sql.text("c.entity = t.entity");
    if wanted.node.has_fields && !wanted.whole {
        let numbers = wanted.node.columns.iter().map(|attr| conditions.number(attr)).collect();
        sql.text(" AND c.attr").one_int_of(numbers);
    }
    sql.text(" AND c.slot = ").either(EMPTY.0, EMPTY.1);
}

/// Rows of one entity come one after the other.
fn gather(rows: Vec<Row>) -> Found {
    let mut found = Found::default();
    let mut last: Option<(Option<EntityId>, EntityId)> = None;
    let mut is_new = false;
    for (parent, entity, created_ms, sort, attr, value, value_created) in rows {
        let id = |bytes: &[u8]| EntityId::from_slice(bytes).ok();
        let parent = parent.as_deref().and_then(id);
        let Some(entity) = id(&entity) else { continue };
        if last != Some((parent, entity)) {
            last = Some((parent, entity));
            is_new = !found.values.contains_key(&entity);
            found.items.push(Item { parent, entity, created_ms, sort });
        }
        if is_new {
            found.values.entry(entity).or_default().insert(attr, (value.into(), value_created));
        }
    }
    found
}

/// Takes the one too many off, and turns what was read backwards.
fn cut(wanted: &Wanted<'_>, found: &mut Found) {
    let size = usize::try_from(page_size(wanted)).unwrap_or(usize::MAX);
    if found.items.len() > size {
        found.more = true;
        for item in found.items.drain(size..) {
            found.values.remove(&item.entity);
        }
    }
    if matches!(wanted.node.page.count, Some(Count::Last(_))) {
        found.items.reverse();
    }
}

/// Orders each parent's list; cuts it where the extension is on.
fn arrange(wanted: &Wanted<'_>, found: &mut Found) {
    let node = wanted.node;
    found.items.sort_by(|a, b| {
        let order = (&a.sort, order_time(node, a), a.entity).cmp(&(&b.sort, order_time(node, b), b.entity));
        a.parent.cmp(&b.parent).then(if node.order.descending { order.reverse() } else { order })
    });
    let Some(count) = node.page.count else { return };
    let lists = found.items.chunk_by(|a, b| a.parent == b.parent);
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let kept = lists.flat_map(|list| match count {
        Count::First(n) => list.get(..size(n).min(list.len())).unwrap_or_default(),
        Count::Last(n) => list.get(list.len().saturating_sub(size(n))..).unwrap_or_default(),
    });
    found.items = kept.cloned().collect();
}

/// Ordered by an attr, ties go by id alone.
fn order_time(node: &Node, item: &Item) -> i64 {
    if order_attr(node).is_some() { 0 } else { item.created_ms }
}

/// True when the list has something before its first shown row.
///
/// # Errors
/// What the database says.
pub(in super::super) fn before_first(conn: &mut Conn, wanted: &Wanted<'_>, first: Option<&Item>) -> QueryResult<bool> {
    let page = &wanted.node.page;
    let Some(first) = first else {
        return Ok(page.offset > 0 || page.after.is_some());
    };
    let mut node = wanted.node.clone();
    let attr = node.id_attr.as_ref().map_or_else(EntityId::nil, |attr| attr.id);
    node.page = keystead_instaql::query::plan::Page {
        before: Some((
            Cursor { entity: first.entity, attr, value: serde_json::Value::Null, created_ms: first.created_ms },
            false,
        )),
        ..Default::default()
    };
    let conditions = Conditions { space: wanted.space, views: wanted.views, until_ms: Some(wanted.until_ms) };
    let asked = Wanted { node: &node, ..*wanted };
    let mut sql = Sql::new(conn);
    sql.text("SELECT COUNT(*) FROM (SELECT 1 AS one FROM (");
    let by_attr = order_attr(&node).is_some();
    if by_attr {
        node_before_key(&mut sql, &asked, &conditions, first);
    } else {
        matching(&mut sql, &asked, &conditions);
    }
    sql.text(") t LIMIT 1) u");
    let rows: Vec<i64> = sql.load::<BigInt, i64>(conn)?;
    Ok(rows.first().is_some_and(|count| *count > 0))
}

/// As [`matching`] before a row whose key is known.
fn node_before_key(sql: &mut Sql, wanted: &Wanted<'_>, conditions: &Conditions<'_>, first: &Item) {
    let mut node = wanted.node.clone();
    node.page.before = None;
    let asked = Wanted { node: &node, ..*wanted };
    sql.text("SELECT * FROM (");
    matching(sql, &asked, conditions);
    let operator = if node.order.descending { ">" } else { "<" };
    sql.text(") t WHERE (t.osort, t.entity) ").text(operator).text(" (");
    sql.bytes(first.sort.as_deref().unwrap_or(key::NULL)).text(", ").id(first.entity).text(")");
}

/// The number of matching entities, and the values of an attr of them where one is asked for.
///
/// # Errors
/// What the database says.
pub(in super::super) fn aggregate(
    conn: &mut Conn,
    wanted: &Wanted<'_>,
    attr: Option<&Attr>,
) -> QueryResult<(i64, Vec<String>)> {
    let conditions = Conditions { space: wanted.space, views: wanted.views, until_ms: Some(wanted.until_ms) };
    let mut sql = Sql::new(conn);
    let Some(attr) = attr else {
        sql.text("SELECT COUNT(*) FROM (");
        matching(&mut sql, wanted, &conditions);
        sql.text(") t");
        let rows: Vec<i64> = sql.load::<BigInt, i64>(conn)?;
        return Ok((rows.first().copied().unwrap_or(0), Vec::new()));
    };
    sql.text("SELECT c.value FROM (");
    matching(&mut sql, wanted, &conditions);
    sql.text(") t JOIN data_triples c ON c.entity = t.entity AND c.attr = ").int(conditions.number(attr));
    sql.text(" AND c.sort <> ").bytes(key::NULL).text(" ORDER BY c.sort");
    let values: Vec<String> = sql.load::<Text, String>(conn)?;
    Ok((i64::try_from(values.len()).unwrap_or(i64::MAX), values))
}

fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
