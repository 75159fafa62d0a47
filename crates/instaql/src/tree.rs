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
    // A node is found again by its address: the plan does not move while it is written.
    let places = plan
        .all_nodes()
        .into_iter()
        .zip(levels)
        .map(|(node, level)| (std::ptr::from_ref(node), Place::new(node, level)));
    let mut writer = Writer { places: places.collect(), singular, out: String::with_capacity(1_024) };
    writer.out.push('{');
    for (at, node) in plan.nodes.iter().enumerate() {
        if at > 0 {
            writer.out.push(',');
        }
        writer.out.push_str(&json_key(&node.key));
        writer.list(node, None);
    }
    writer.out.push('}');
    writer.out
}

/// What is needed again for every entity of a node.
struct Place<'a> {
    level: &'a Level,
    by_parent: HashMap<Option<EntityId>, Vec<EntityId>>,
    /// `"label":` of the columns in their order; none where a link that is asked for stands instead.
    column_keys: Vec<Option<String>>,
    /// `"label":` of the links below.
    child_keys: Vec<String>,
}

impl<'a> Place<'a> {
    fn new(node: &Node, level: &'a Level) -> Self {
        let mut by_parent: HashMap<_, Vec<EntityId>> = HashMap::new();
        for (parent, entity) in &level.list {
            by_parent.entry(*parent).or_default().push(*entity);
        }
        let replaced = |label: &str| node.children.iter().any(|child| child.key == label);
        let column_keys = node.columns.iter().map(|attr| (!replaced(attr.label())).then(|| json_key(attr.label())));
        let child_keys = node.children.iter().map(|child| json_key(&child.key)).collect();
        Self { level, by_parent, column_keys: column_keys.collect(), child_keys }
    }
}

fn json_key(key: &str) -> String {
    format!("{}:", serde_json::Value::from(key))
}

struct Writer<'a> {
    places: HashMap<*const Node, Place<'a>>,
    singular: bool,
    out: String,
}

impl Writer<'_> {
    fn list(&mut self, node: &Node, parent: Option<EntityId>) {
        let found = self.places.get(&std::ptr::from_ref(node)).and_then(|place| place.by_parent.get(&parent));
        // A parent that stands in several places shows its children in each.
        let entities = found.cloned().unwrap_or_default();
        if self.singular && node.via.as_ref().is_some_and(crate::schema::Link::is_one) {
            match entities.first() {
                Some(entity) => self.entity(node, *entity),
                None => self.out.push_str("null"),
            }
            return;
        }
        self.out.push('[');
        for (at, entity) in entities.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.entity(node, *entity);
        }
        self.out.push(']');
    }

    fn entity(&mut self, node: &Node, entity: EntityId) {
        self.out.push('{');
        let start = self.out.len();
        if let Some(place) = self.places.get(&std::ptr::from_ref(node)) {
            let values = place.level.entities.get(&entity).map_or(&[][..], Vec::as_slice);
            for (key, value) in place.column_keys.iter().zip(values) {
                let (Some(key), Some(value)) = (key, value) else { continue };
                if self.out.len() > start {
                    self.out.push(',');
                }
                self.out.push_str(key);
                self.out.push_str(value);
            }
        }
        for (at, child) in node.children.iter().enumerate() {
            if self.out.len() > start {
                self.out.push(',');
            }
            if let Some(key) = self.places.get(&std::ptr::from_ref(node)).and_then(|place| place.child_keys.get(at)) {
                self.out.push_str(key);
            }
            self.list(child, Some(entity));
        }
        self.out.push('}');
    }
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
