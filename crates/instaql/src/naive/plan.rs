//! A plan, run as a server's statements do: by keys, level by level.

use std::collections::HashMap;

use super::Db;
use crate::key;
use crate::query::ast::{Count, like};
use crate::query::cursor::Cursor;
use crate::query::plan::{Filter, IdTest, Leaf, LinkTest, Node, OrderBy, Plan, Test, ValueTest};
use crate::schema::EntityId;
use crate::tree::{Columns, Level};

/// What every node of the plan finds, for [`crate::tree::write`]. `visible` is asked before paging where the rules
/// became part of the statement, so this asks before.
#[must_use]
pub fn levels(db: &Db, plan: &Plan, visible: &dyn Fn(&str, EntityId) -> bool) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    let nodes = plan.all_nodes();
    let mut parents: HashMap<*const Node, usize> = HashMap::new();
    for (node, at) in nodes.iter().zip(0_usize..) {
        parents.extend(node.children.iter().map(|child| (std::ptr::from_ref(child), at)));
        let level = match parents.get(&std::ptr::from_ref(*node)).and_then(|parent| levels.get(*parent)) {
            None => level(db, node, &[None], visible),
            Some(above) => {
                let mut above: Vec<Option<EntityId>> = above.list.iter().map(|(_, entity)| Some(*entity)).collect();
                above.sort();
                above.dedup();
                level(db, node, &above, visible)
            }
        };
        levels.push(level);
    }
    levels
}

fn level(db: &Db, node: &Node, parents: &[Option<EntityId>], visible: &dyn Fn(&str, EntityId) -> bool) -> Level {
    let mut level = Level::default();
    if !node.aggregates.is_empty() {
        return level;
    }
    let there = db.entities(&node.etype);
    for parent in parents {
        let mut found = match (parent, &node.via) {
            (None, _) => there.clone(),
            (Some(parent), Some(link)) => db.targets(*parent, link),
            (Some(_), None) => Vec::new(),
        };
        found.retain(|entity| {
            there.contains(entity) && passes(db, &node.filter, *entity) && visible(&node.etype, *entity)
        });
        let mut placed: Vec<_> = found.into_iter().map(|entity| (place(db, node, entity), entity)).collect();
        placed.sort();
        if node.order.descending {
            placed.reverse();
        }
        for entity in page(node, placed) {
            level.list.push((*parent, entity));
            let value =
                |attr: &crate::schema::Attr| db.triple(entity, attr.id).map(|triple| triple.value.to_string().into());
            let columns: Columns = node.columns.iter().map(|attr| value(attr)).collect();
            level.entities.insert(entity, columns);
        }
    }
    level
}

type Placed = (Vec<u8>, EntityId);

fn place(db: &Db, node: &Node, entity: EntityId) -> Vec<u8> {
    match &node.order.by {
        OrderBy::Created => {
            let created =
                node.id_attr.as_ref().and_then(|attr| db.triple(entity, attr.id)).map_or(0, |triple| triple.created_ms);
            key::of(&created.into(), None, 0)
        }
        OrderBy::Attr(attr) => match db.triple(entity, attr.id) {
            Some(triple) => key::of(&triple.value, attr.checked_data_type, 0),
            None => key::NULL.to_vec(),
        },
    }
}

fn page(node: &Node, mut placed: Vec<Placed>) -> Vec<EntityId> {
    let cursor = |cursor: &Cursor| match &node.order.by {
        OrderBy::Created => (key::of(&cursor.created_ms.into(), None, 0), cursor.entity),
        OrderBy::Attr(attr) => (key::of(&cursor.value, attr.checked_data_type, 0), cursor.entity),
    };
    let behind = |a: &Placed, b: &Placed| if node.order.descending { a < b } else { a > b };
    if let Some((after, inclusive)) = &node.page.after {
        let after = cursor(after);
        placed.retain(|place| behind(place, &after) || (*inclusive && *place == after));
    }
    if let Some((before, inclusive)) = &node.page.before {
        let before = cursor(before);
        placed.retain(|place| behind(&before, place) || (*inclusive && *place == before));
    }
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let (skip, entities) = (size(node.page.offset), placed.into_iter().map(|(_, entity)| entity));
    match node.page.count {
        None => entities.skip(skip).collect(),
        Some(Count::First(n)) => entities.skip(skip).take(size(n)).collect(),
        Some(Count::Last(n)) => {
            let mut found: Vec<EntityId> = entities.rev().skip(skip).take(size(n)).collect();
            found.reverse();
            found
        }
    }
}

/// True when an entity passes.
#[must_use]
pub fn passes(db: &Db, filter: &Filter, entity: EntityId) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().all(|part| passes(db, part, entity)),
        Filter::Any(parts) => parts.iter().any(|part| passes(db, part, entity)),
        Filter::Not(part) => !passes(db, part, entity),
        Filter::Test(test) => test_passes(db, test, entity),
    }
}

fn test_passes(db: &Db, test: &Test, entity: EntityId) -> bool {
    let mut at = vec![entity];
    for link in &test.path {
        at = at.into_iter().flat_map(|entity| db.targets(entity, link)).collect();
    }
    at.into_iter().any(|entity| leaf_passes(db, &test.leaf, entity))
}

fn leaf_passes(db: &Db, leaf: &Leaf, entity: EntityId) -> bool {
    match leaf {
        Leaf::Id(IdTest::In(ids)) => ids.contains(&entity),
        Leaf::Id(IdTest::Not(id)) => *id != entity,
        Leaf::Id(IdTest::StartsWith(start)) => entity.to_string().starts_with(start.as_str()),
        Leaf::Link(link, test) => {
            let targets = db.targets(entity, link);
            match test {
                LinkTest::In(ids) => targets.iter().any(|target| ids.contains(target)),
                LinkTest::OtherThan(id) => targets.iter().any(|target| target != id),
                LinkTest::IsNull(is_null) => targets.is_empty() == *is_null,
            }
        }
        Leaf::Attr(attr, test) => {
            let value = db.triple(entity, attr.id).map(|triple| &triple.value).filter(|value| !value.is_null());
            let key = value.map(|value| key::of(value, attr.checked_data_type, 0));
            match (test, key) {
                (ValueTest::In(keys), Some(key)) => keys.contains(&key),
                (ValueTest::Not(other), key) => key.as_ref() != Some(other),
                (ValueTest::IsNull(is_null), key) => key.is_none() == *is_null,
                (ValueTest::Compare(comparison, bound), Some(key)) => {
                    key.first() == bound.first() && comparison.holds(key.cmp(bound))
                }
                (ValueTest::Like { pattern, ignore_case }, Some(_)) => {
                    value.and_then(|value| value.as_str()).is_some_and(|text| like(pattern, text, *ignore_case))
                }
                (_, None) => false,
            }
        }
    }
}
