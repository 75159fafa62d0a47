//! A query by the words of the reference.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::Db;
use crate::date;
use crate::query::ast::{Condition, Count, Node, Op, Options, Query, SERVER_CREATED_AT, like};
use crate::query::cursor::Cursor;
use crate::schema::{AttrId, CheckedType, EntityId, ID, Label};

/// Where a path of an entity ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// Before its last step, or at null.
    Missing,
    /// At this value.
    Value(Value),
}

/// Which entities of a namespace may be seen.
pub(super) type Visible<'a> = &'a dyn Fn(&str, EntityId) -> bool;

impl Db {
    /// The answer to a valid query.
    #[must_use]
    pub fn query(&self, query: &Query, singular: bool) -> Value {
        self.query_as(query, singular, &|_etype, _entity| true)
    }

    /// The answer to who may not see everything: what he may not see is taken out of the lists, after paging.
    #[must_use]
    pub fn query_as(&self, query: &Query, singular: bool, visible: Visible<'_>) -> Value {
        let list = |node: &Node| -> Value {
            if !node.options.aggregates.is_empty() {
                return Value::Array(Vec::new());
            }
            let mut found = self.entities(&node.key);
            found.retain(|entity| self.matches(*entity, &node.key, node.options.filter.as_ref()));
            self.sort(&node.key, &mut found, &node.options);
            let found = self.page(&node.key, found, &node.options);
            let seen = found.into_iter().filter(|entity| visible(&node.key, *entity));
            seen.map(|entity| self.entity(entity, &node.key, node, (query.nested_limits, singular), visible)).collect()
        };
        Value::Object(query.nodes.iter().map(|node| (node.key.clone(), list(node))).collect())
    }

    /// The entities of a namespace.
    #[must_use]
    pub fn entities(&self, etype: &str) -> Vec<EntityId> {
        let Some(id) = self.catalog.id_attr(etype) else { return Vec::new() };
        self.triples.iter().filter(|triple| triple.attr == id.id).map(|triple| triple.entity).collect()
    }

    fn entity(&self, entity: EntityId, etype: &str, node: &Node, how: (bool, bool), visible: Visible<'_>) -> Value {
        let mut out = Map::new();
        for attr in self.catalog.of(etype).filter(|attr| attr.is_one()) {
            let chosen = node.options.fields.as_ref().is_none_or(|names| names.iter().any(|name| name == attr.label()));
            if (chosen || attr.is_id())
                && let Some(triple) = self.triple(entity, attr.id)
            {
                out.insert(attr.label().into(), triple.value.clone());
            }
        }
        for child in &node.children {
            let Some(link) = self.catalog.link(etype, &child.key) else {
                out.insert(child.key.clone(), Value::Array(Vec::new()));
                continue;
            };
            let target = link.target().to_owned();
            let there = self.entities(&target);
            let mut found = self.targets(entity, &link);
            found.retain(|entity| there.contains(entity));
            found.retain(|entity| self.matches(*entity, &target, child.options.filter.as_ref()));
            self.sort(&target, &mut found, &child.options);
            if how.0 {
                found = self.page(&target, found, &child.options);
            }
            let seen = found.into_iter().filter(|entity| visible(&target, *entity));
            let mut list: Vec<Value> = seen.map(|entity| self.entity(entity, &target, child, how, visible)).collect();
            let value = if how.1 && link.is_one() {
                if list.is_empty() { Value::Null } else { list.swap_remove(0) }
            } else {
                Value::Array(list)
            };
            out.insert(child.key.clone(), value);
        }
        Value::Object(out)
    }

    // Where.

    fn matches(&self, entity: EntityId, etype: &str, condition: Option<&Condition>) -> bool {
        match condition {
            None => true,
            Some(Condition::All(parts)) => parts.iter().all(|part| self.matches(entity, etype, Some(part))),
            Some(Condition::Any(parts)) => parts.iter().any(|part| self.matches(entity, etype, Some(part))),
            Some(Condition::Is { path, ops }) => {
                let Some(ends) = self.ends(entity, etype, path) else { return false };
                let checked = self.checked(etype, path);
                ops.iter().all(|op| ends.iter().any(|end| passes(end, op, checked)))
            }
        }
    }

    /// Where a path leads; none when a name in it is unknown.
    pub(super) fn ends(&self, entity: EntityId, etype: &str, path: &[String]) -> Option<Vec<End>> {
        let (name, rest) = path.split_first()?;
        if name == ID && rest.is_empty() {
            return Some(vec![End::Value(entity.to_string().into())]);
        }
        match self.catalog.label(etype, name)? {
            Label::Blob(attr) => {
                let value =
                    self.triple(entity, attr.id).map(|triple| triple.value.clone()).filter(|value| !value.is_null());
                rest.is_empty().then(|| vec![value.map_or(End::Missing, End::Value)])
            }
            Label::Link(link) => {
                let targets = self.targets(entity, &link);
                if targets.is_empty() {
                    // The names that are not reached must exist all the same.
                    self.known(link.target(), rest)?;
                    return Some(vec![End::Missing]);
                }
                if rest.is_empty() {
                    return Some(targets.into_iter().map(|target| End::Value(target.to_string().into())).collect());
                }
                let ends = targets.into_iter().map(|target| self.ends(target, link.target(), rest));
                Some(ends.collect::<Option<Vec<_>>>()?.concat())
            }
        }
    }

    fn known(&self, etype: &str, path: &[String]) -> Option<()> {
        let Some((name, rest)) = path.split_first() else { return Some(()) };
        if name == ID && rest.is_empty() {
            return Some(());
        }
        match self.catalog.label(etype, name)? {
            Label::Blob(_) => rest.is_empty().then_some(()),
            Label::Link(link) => self.known(link.target(), rest),
        }
    }

    fn checked(&self, etype: &str, path: &[String]) -> Option<CheckedType> {
        let (name, rest) = path.split_first()?;
        match self.catalog.label(etype, name)? {
            Label::Blob(attr) => attr.checked_data_type,
            Label::Link(link) => self.checked(link.target(), rest),
        }
    }

    // Order and pages.

    fn place(&self, etype: &str, entity: EntityId, options: &Options) -> (Option<Value>, i64, Option<CheckedType>) {
        let id = self.catalog.id_attr(etype).and_then(|attr| self.triple(entity, attr.id));
        let created = id.map_or(0, |triple| triple.created_ms);
        match self.order_attr(etype, options) {
            None => (None, created, None),
            Some((attr, checked)) => (self.triple(entity, attr).map(|triple| triple.value.clone()), 0, checked),
        }
    }

    fn order_attr(&self, etype: &str, options: &Options) -> Option<(AttrId, Option<CheckedType>)> {
        let (name, _) = options.order.as_ref()?;
        if name == SERVER_CREATED_AT {
            return None;
        }
        self.catalog.forward(etype, name).map(|attr| (attr.id, attr.checked_data_type))
    }

    fn sort(&self, etype: &str, entities: &mut [EntityId], options: &Options) {
        let descending = options.order.as_ref().is_some_and(|(_, descending)| *descending);
        entities.sort_by(|a, b| {
            let ((va, ca, checked), (vb, cb, _)) = (self.place(etype, *a, options), self.place(etype, *b, options));
            let order = sorting(va.as_ref(), vb.as_ref(), checked).then(ca.cmp(&cb)).then(a.cmp(b));
            if descending { order.reverse() } else { order }
        });
    }

    fn page(&self, etype: &str, mut entities: Vec<EntityId>, options: &Options) -> Vec<EntityId> {
        let descending = options.order.as_ref().is_some_and(|(_, descending)| *descending);
        let by_attr = self.order_attr(etype, options).is_some();
        // The order of an entity to a cursor.
        let to = |entity: EntityId, cursor: &Cursor| {
            let (value, created, checked) = self.place(etype, entity, options);
            let order = if by_attr {
                sorting(value.as_ref(), Some(&cursor.value), checked)
            } else {
                created.cmp(&cursor.created_ms)
            };
            let order = order.then(entity.cmp(&cursor.entity));
            if descending { order.reverse() } else { order }
        };
        if let Some((cursor, inclusive)) = &options.after {
            entities.retain(|entity| to(*entity, cursor).is_gt() || (*inclusive && to(*entity, cursor).is_eq()));
        }
        if let Some((cursor, inclusive)) = &options.before {
            entities.retain(|entity| to(*entity, cursor).is_lt() || (*inclusive && to(*entity, cursor).is_eq()));
        }
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        if let Some(Count::Last(n)) = options.count {
            let end = entities.len().saturating_sub(size(options.offset));
            let start = end.saturating_sub(size(n));
            return entities.get(start..end).unwrap_or_default().to_vec();
        }
        let rest = entities.into_iter().skip(size(options.offset));
        match options.count {
            Some(Count::First(n)) => rest.take(size(n)).collect(),
            _ => rest.collect(),
        }
    }
}

fn passes(end: &End, op: &Op, checked: Option<CheckedType>) -> bool {
    let value = match end {
        End::Missing => {
            return match op {
                Op::Not(_) | Op::IsNull(true) => true,
                Op::In(values) => values.iter().any(Value::is_null),
                _ => false,
            };
        }
        End::Value(value) => value,
    };
    match op {
        Op::Eq(other) => same(value, other, checked),
        Op::In(others) => others.iter().any(|other| same(value, other, checked)),
        Op::Not(other) => !same(value, other, checked),
        Op::IsNull(is_null) => !is_null,
        Op::Compare(comparison, bound) => compare(value, bound, checked).is_some_and(|order| comparison.holds(order)),
        Op::Like { pattern, ignore_case } => value.as_str().is_some_and(|text| like(pattern, text, *ignore_case)),
        Op::IdStartsWith(start) => value.as_str().is_some_and(|text| text.starts_with(start.as_str())),
    }
}

fn same(a: &Value, b: &Value, checked: Option<CheckedType>) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, None)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b, None)))
        }
        // Ids are told apart whatever their case.
        (Value::String(a), Value::String(b)) if a.parse::<EntityId>().is_ok() && checked.is_none() => {
            a == b || a.eq_ignore_ascii_case(b)
        }
        _ => compare(a, b, checked).is_some_and(Ordering::is_eq),
    }
}

/// The order of two values of one type.
fn compare(a: &Value, b: &Value, checked: Option<CheckedType>) -> Option<Ordering> {
    if checked == Some(CheckedType::Date) {
        return Some(date::parse(a)?.cmp(&date::parse(b)?));
    }
    match (a, b) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        _ => None,
    }
}

/// For lists: nothing sorts first.
fn sorting(a: Option<&Value>, b: Option<&Value>, checked: Option<CheckedType>) -> Ordering {
    let there = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    match (there(a), there(b)) {
        (true, true) => a.zip(b).and_then(|(a, b)| compare(a, b, checked)).unwrap_or(Ordering::Equal),
        (a, b) => a.cmp(&b),
    }
}
