//! The answer of a query: nested JSON, written straight from the text of the stored values (instant.md section 3.5).
//!
//! A server hands over one [`Level`] per node of the plan, in the order of [`Plan::all_nodes`], after it has taken out what
//! the permission rules hide: entities from the lists, single values by making them `None`.

use std::collections::HashMap;

use crate::query::plan::{Node, Plan};
use crate::schema::EntityId;

/// What was found for one node.
#[derive(Debug, Clone, Default)]
pub struct Level {
    /// (parent, entity), each parent's entities in the node's order. No parent on the top level.
    pub list: Vec<(Option<EntityId>, EntityId)>,
    /// The values of every entity of the list.
    pub entities: HashMap<EntityId, Columns>,
}

/// The values of an entity as JSON text, in the order of the node's columns. `None` is left out of the answer.
pub type Columns = Vec<Option<Box<str>>>;

/// Writes the answer. `singular` (`inference?` on the wire): a link that leads to at most one entity is an object or
/// null instead of a list.
#[must_use]
pub fn write(plan: &Plan, levels: &[Level], singular: bool) -> String {
    let nodes = plan.all_nodes();
    let mut places = HashMap::with_capacity(nodes.len());
    for ((node, level), at) in nodes.iter().zip(levels).zip(0_usize..) {
        // A node is found again by its address: the plan does not move while it is written.
        places.insert(std::ptr::from_ref::<Node>(node), (level, at));
    }
    let children = levels.iter().map(by_parent).collect();
    let mut writer = Writer { places, children, singular, out: String::with_capacity(1_024) };
    writer.out.push('{');
    for (node, first) in with_first(&plan.nodes) {
        writer.key(&node.key, first);
        writer.list(node, None);
    }
    writer.out.push('}');
    writer.out
}

type Children = HashMap<Option<EntityId>, Vec<EntityId>>;

fn by_parent(level: &Level) -> Children {
    let mut children: Children = HashMap::new();
    for (parent, entity) in &level.list {
        children.entry(*parent).or_default().push(*entity);
    }
    children
}

struct Writer<'a> {
    places: HashMap<*const Node, (&'a Level, usize)>,
    children: Vec<Children>,
    singular: bool,
    out: String,
}

impl Writer<'_> {
    fn list(&mut self, node: &Node, parent: Option<EntityId>) {
        let Some(&(level, at)) = self.places.get(&std::ptr::from_ref(node)) else {
            self.out.push_str("[]");
            return;
        };
        let entities = match self.children.get(at) {
            // A parent that stands in several places shows its children in each.
            Some(children) => children.get(&parent).cloned().unwrap_or_default(),
            None => Vec::new(),
        };
        if self.singular && node.via.as_ref().is_some_and(crate::schema::Link::is_one) {
            match entities.first() {
                Some(entity) => self.entity(node, level, *entity),
                None => self.out.push_str("null"),
            }
            return;
        }
        self.out.push('[');
        for (entity, first) in with_first(&entities) {
            if !first {
                self.out.push(',');
            }
            self.entity(node, level, *entity);
        }
        self.out.push(']');
    }

    fn entity(&mut self, node: &Node, level: &Level, entity: EntityId) {
        self.out.push('{');
        let mut first = true;
        if let Some(values) = level.entities.get(&entity) {
            for (column, value) in node.columns.iter().zip(values) {
                // A link that is asked for stands there instead of its id.
                let Some(value) = value else { continue };
                if node.children.iter().any(|child| child.key == column.label()) {
                    continue;
                }
                self.key(column.label(), first);
                self.out.push_str(value);
                first = false;
            }
        }
        for child in &node.children {
            self.key(&child.key, first);
            self.list(child, Some(entity));
            first = false;
        }
        self.out.push('}');
    }

    fn key(&mut self, key: &str, first: bool) {
        if !first {
            self.out.push(',');
        }
        self.out.push_str(&serde_json::Value::from(key).to_string());
        self.out.push(':');
    }
}

fn with_first<T>(items: &[T]) -> impl Iterator<Item = (&T, bool)> {
    items.iter().zip(std::iter::once(true).chain(std::iter::repeat(false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;
    use crate::query::plan::Caller;
    use crate::schema::{Attr, Cardinality, Catalog};
    use serde_json::{Value, json};
    use uuid::Uuid;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn a_link_asked_for_takes_the_place_of_its_id() {
        let mut owner = Attr::link(id(3), (id(4), id(5)), ("todos", "owner"), ("users", "todos"));
        owner.cardinality = Cardinality::One;
        let catalog = Catalog::new([
            Attr::blob(id(1), id(11), "todos", "id"),
            Attr::blob(id(2), id(12), "todos", "title"),
            Attr::blob(id(6), id(13), "users", "id"),
            owner,
        ]);
        let tree = |query: Value, singular: bool, with_owner: bool| {
            let plan = Plan::new(&Query::parse(&query).unwrap(), &catalog, Caller::Admin).unwrap();
            let todo: Columns = vec![
                Some(format!("\"{}\"", id(20)).into()),
                Some(format!("\"{}\"", id(30)).into()),
                Some("\"a\\\"b\"".into()),
            ];
            let mut levels = vec![Level { list: vec![(None, id(20))], entities: [(id(20), todo)].into() }];
            if plan.all_nodes().len() > 1 {
                let user: Columns = vec![Some(format!("\"{}\"", id(30)).into())];
                let list = if with_owner { vec![(Some(id(20)), id(30))] } else { Vec::new() };
                levels.push(Level { list, entities: [(id(30), user)].into() });
            }
            serde_json::from_str::<Value>(&write(&plan, &levels, singular)).unwrap()
        };
        let plain = json!({"todos": [{"id": id(20), "owner": id(30), "title": "a\"b"}]});
        assert_eq!(tree(json!({"todos": {}}), false, true), plain);
        let nested = json!({"todos": [{"id": id(20), "title": "a\"b", "owner": [{"id": id(30)}]}]});
        assert_eq!(tree(json!({"todos": {"owner": {}}}), false, true), nested);
        let one = json!({"todos": [{"id": id(20), "title": "a\"b", "owner": {"id": id(30)}}]});
        assert_eq!(tree(json!({"todos": {"owner": {}}}), true, true), one);
        let none = json!({"todos": [{"id": id(20), "title": "a\"b", "owner": null}]});
        assert_eq!(tree(json!({"todos": {"owner": {}}}), true, false), none);
        let unknown = json!({"todos": [{"id": id(20), "title": "a\"b", "owner": id(30), "tags": []}]});
        assert_eq!(tree(json!({"todos": {"tags": {}}}), true, false), unknown);
    }
}
