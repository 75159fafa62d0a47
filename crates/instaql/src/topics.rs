//! Which changes concern which queries.
//!
//! A query's topics are what its answer depends on; a transaction's topics are what it changed. If the answer changed
//! then the two have a topic in common (a property test holds it); the other way round it is as rare as attrs and
//! values can make it. Matching is a look-up in a map for each topic of the change, whatever the number of queries.
//!
//! A change of the schema concerns every query of the app: plans are made anew.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::key;
use crate::query::plan::{Filter, IdTest, Leaf, LinkTest, Node, OrderBy, Plan, Test, ValueTest};
use crate::rules::{Base, Program, RefPath};
use crate::schema::{Attr, AttrId, Catalog, Direction, EntityId, Label, Link};
use crate::system::USERS;
use crate::tree::Level;
use crate::tx::Outcome;

/// A kind of change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Any triple of an attr.
    Attr(AttrId),
    /// A triple of an attr that gets or loses this value, by its index key; no value counts as null.
    Value(AttrId, Vec<u8>),
    /// Any triple of an entity.
    Entity(EntityId),
}

/// With more entities than this in a level, its attrs are the topics instead of its entities.
pub const MAX_ENTITIES: usize = 1_000;

/// What the answer to `plan` depends on, when `levels` is what was found before the permission rules took out what they
/// hide.
#[must_use]
pub fn of_query(plan: &Plan, levels: &[Level]) -> HashSet<Topic> {
    let mut topics = HashSet::new();
    let nodes = plan.all_nodes();
    let mut level_of: HashMap<*const Node, &Level> = HashMap::new();
    let mut parent_of: HashMap<*const Node, &Level> = HashMap::new();
    for (node, level) in nodes.iter().zip(levels) {
        level_of.insert(std::ptr::from_ref(*node), level);
        parent_of.extend(node.children.iter().map(|child| (std::ptr::from_ref(child), level)));
    }
    for node in nodes {
        let address = std::ptr::from_ref(node);
        node_topics(node, level_of.get(&address).copied(), parent_of.get(&address).copied(), &mut topics);
    }
    topics
}

fn node_topics(node: &Node, level: Option<&Level>, parents: Option<&Level>, topics: &mut HashSet<Topic>) {
    of_filter(&node.filter, topics);
    match (&node.via, parents) {
        (Some(link), Some(parents)) => of_links(link, parents, topics),
        _ => {
            if let Some(id) = &node.id_attr
                && !is_anchored(&node.filter)
            {
                topics.insert(Topic::Attr(id.id));
            }
        }
    }
    let is_cut =
        node.page.count.is_some() || node.page.offset > 0 || node.page.after.is_some() || node.page.before.is_some();
    if let OrderBy::Attr(attr) = &node.order.by
        && is_cut
    {
        topics.insert(Topic::Attr(attr.id));
    }
    for attr in node.aggregates.iter().filter_map(|aggregate| aggregate.attr.as_ref()) {
        topics.insert(Topic::Attr(attr.id));
    }
    let Some(level) = level else { return };
    if level.entities.len() > MAX_ENTITIES {
        topics.extend(node.columns.iter().map(|attr| Topic::Attr(attr.id)));
        if let OrderBy::Attr(attr) = &node.order.by {
            topics.insert(Topic::Attr(attr.id));
        }
    } else {
        topics.extend(level.entities.keys().map(|entity| Topic::Entity(*entity)));
    }
}

/// What leads from the parents to their children.
fn of_links(link: &Link, parents: &Level, topics: &mut HashSet<Topic>) {
    if parents.entities.len() > MAX_ENTITIES {
        topics.insert(Topic::Attr(link.attr.id));
        return;
    }
    let parents = parents.list.iter().map(|(_, entity)| *entity);
    match link.direction {
        Direction::Forward => topics.extend(parents.map(Topic::Entity)),
        Direction::Reverse => topics.extend(parents.map(|parent| Topic::Value(link.attr.id, id_key(parent)))),
    }
}

/// What a filter looks at.
pub fn of_filter(filter: &Filter, topics: &mut HashSet<Topic>) {
    for Test { path, leaf } in filter.tests() {
        topics.extend(path.iter().map(|link| Topic::Attr(link.attr.id)));
        match leaf {
            Leaf::Id(IdTest::In(ids)) => topics.extend(ids.iter().map(|id| Topic::Entity(*id))),
            Leaf::Id(IdTest::Not(_) | IdTest::StartsWith(_)) => {}
            Leaf::Attr(attr, test) => of_value_test(attr, test, topics),
            Leaf::Link(link, LinkTest::In(ids)) => topics.extend(ids.iter().map(|id| match link.direction {
                Direction::Forward => Topic::Value(link.attr.id, id_key(*id)),
                Direction::Reverse => Topic::Entity(*id),
            })),
            Leaf::Link(link, _) => {
                topics.insert(Topic::Attr(link.attr.id));
            }
        }
    }
}

fn of_value_test(attr: &Attr, test: &ValueTest, topics: &mut HashSet<Topic>) {
    match test {
        ValueTest::In(keys) => topics.extend(keys.iter().map(|key| Topic::Value(attr.id, key.clone()))),
        ValueTest::Not(key) => {
            topics.insert(Topic::Value(attr.id, key.clone()));
        }
        ValueTest::IsNull(_) => {
            topics.insert(Topic::Value(attr.id, key::NULL.to_vec()));
        }
        ValueTest::Compare(..) | ValueTest::Like { .. } => {
            topics.insert(Topic::Attr(attr.id));
        }
    }
}

/// What a rule looks at that is evaluated on the rows of a namespace instead of being part of the filter.
pub fn of_program(
    program: &Program,
    etype: &str,
    user: Option<EntityId>,
    catalog: &Catalog,
    topics: &mut HashSet<Topic>,
) {
    topics.extend(user.map(Topic::Entity));
    match program.labels() {
        Some(labels) => {
            let attrs = labels.into_iter().filter_map(|label| catalog.forward(etype, label));
            topics.extend(attrs.map(|attr| Topic::Attr(attr.id)));
        }
        None => topics.extend(catalog.of(etype).map(|attr| Topic::Attr(attr.id))),
    }
    for RefPath { base, path } in program.refs() {
        let mut at = match base {
            Base::Data => etype.to_owned(),
            Base::Auth => USERS.to_owned(),
            Base::LinkedData => continue,
        };
        for label in path {
            match catalog.label(&at, label) {
                Some(Label::Link(link)) => {
                    topics.insert(Topic::Attr(link.attr.id));
                    link.target().clone_into(&mut at);
                }
                Some(Label::Blob(attr)) => {
                    topics.insert(Topic::Attr(attr.id));
                }
                None => break,
            }
        }
    }
}

/// True when whatever passes the filter has a triple that the filter's topics know: then an entity cannot come or go
/// without one of them.
fn is_anchored(filter: &Filter) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().any(is_anchored),
        Filter::Any(parts) => parts.iter().all(is_anchored),
        Filter::Not(_) => false,
        Filter::Test(test) => !test.path.is_empty() || is_positive(&test.leaf),
    }
}

fn is_positive(leaf: &Leaf) -> bool {
    match leaf {
        Leaf::Id(test) => matches!(test, IdTest::In(_)),
        Leaf::Attr(_, ValueTest::Not(_) | ValueTest::IsNull(true)) | Leaf::Link(_, LinkTest::IsNull(true)) => false,
        // A value that is there is not told apart from null by the topic of null alone.
        Leaf::Attr(_, ValueTest::IsNull(false)) => true,
        Leaf::Attr(..) | Leaf::Link(..) => true,
    }
}

/// What a transaction changed.
#[must_use]
pub fn of_outcome(outcome: &Outcome) -> HashSet<Topic> {
    let mut topics = HashSet::new();
    for change in &outcome.changes {
        topics.insert(Topic::Entity(change.entity));
        topics.insert(Topic::Attr(change.attr));
        for key in [&change.old_key, &change.new_key] {
            topics.insert(Topic::Value(change.attr, key.clone().unwrap_or_else(|| key::NULL.to_vec())));
        }
    }
    for stirred in &outcome.stirred {
        topics.insert(Topic::Entity(stirred.entity));
        topics.insert(Topic::Attr(stirred.attr));
        topics.insert(Topic::Value(stirred.attr, stirred.key.clone()));
        topics.insert(Topic::Value(stirred.attr, key::NULL.to_vec()));
    }
    topics
}

fn id_key(id: EntityId) -> Vec<u8> {
    key::of(&id.to_string().into(), None, 0)
}

/// Queries by their topics. `Q` is whatever names a query to the server.
#[derive(Debug)]
pub struct Index<Q> {
    by_topic: HashMap<Topic, HashSet<Q>>,
    topics: HashMap<Q, HashSet<Topic>>,
}

impl<Q> Default for Index<Q> {
    fn default() -> Self {
        Self { by_topic: HashMap::new(), topics: HashMap::new() }
    }
}

impl<Q: Eq + Hash + Clone> Index<Q> {
    /// Says what a query depends on now.
    pub fn set(&mut self, query: Q, topics: HashSet<Topic>) {
        self.remove(&query);
        for topic in &topics {
            self.by_topic.entry(topic.clone()).or_default().insert(query.clone());
        }
        self.topics.insert(query, topics);
    }

    /// Forgets a query.
    pub fn remove(&mut self, query: &Q) {
        for topic in self.topics.remove(query).unwrap_or_default() {
            if let Some(queries) = self.by_topic.get_mut(&topic) {
                queries.remove(query);
                if queries.is_empty() {
                    self.by_topic.remove(&topic);
                }
            }
        }
    }

    /// The queries that a change may concern.
    pub fn matching<'a>(&'a self, changed: impl IntoIterator<Item = &'a Topic>) -> HashSet<&'a Q> {
        changed.into_iter().filter_map(|topic| self.by_topic.get(topic)).flatten().collect()
    }

    /// What a query depends on, as it was said last.
    #[must_use]
    pub fn topics(&self, query: &Q) -> Option<&HashSet<Topic>> {
        self.topics.get(query)
    }

    /// How many queries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }
}
