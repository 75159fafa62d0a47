//! A query whose names are attrs and whose values are index keys: what a server turns into statements.
//!
//! **How to run a plan.** For the nodes of the top level: the entities that have [`Node::id_attr`], pass [`Node::filter`],
//! in [`Node::order`], cut to [`Node::page`]. For each child: the entities that [`Node::via`] leads to from *all* entities
//! of the level above in one statement, with their parents. Attrs to read for a node's entities are [`Node::columns`].
//! [`crate::tree`] makes the answer of it.
//!
//! **Meaning of a filter.** A [`Test`] is true of an entity when *some* path along its links ends at an entity that passes
//! the leaf. Leaves look at one entity. Everything else of the language (`$not` and `$isNull` along paths, null in
//! `$in`) is already spelt out in `All`, `Any` and `Not`, so a server needs no rules of its own.
//!
//! **An entity** is in a namespace, and so in a result, exactly if it has a triple of the namespace's `id` attr. Paths follow
//! link triples alone: what they lead to is not asked whether it exists. A null triple counts as no value everywhere but
//! in the answer.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::ast::{Comparison, Count, Function, Query};
use super::check::Check;
use super::cursor::Cursor;
use crate::error::Result;
use crate::schema::{Attr, Catalog, EntityId, Link};

/// A typed query.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The namespaces asked for.
    pub nodes: Vec<Node>,
    /// For the permission rules.
    pub rule_params: Map<String, Value>,
}

/// Who asks. Only admins may aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The app's backend.
    Admin,
    /// A user, or nobody.
    User,
}

impl Plan {
    /// Gives every name its attr.
    ///
    /// # Errors
    /// `validation-failed` for `query` (or `attr`, where a step of a path is no link) with every problem and its place.
    pub fn new(query: &Query, catalog: &Catalog, caller: Caller) -> Result<Self> {
        let mut check = Check::new(catalog, caller, query.nested_limits);
        let nodes = query.nodes.iter().map(|node| check.top(node)).collect();
        check.finish(Self { nodes, rule_params: query.rule_params.clone() })
    }

    /// Every node, parents before children.
    #[must_use]
    pub fn all_nodes(&self) -> Vec<&Node> {
        let mut found: Vec<&Node> = self.nodes.iter().collect();
        let mut at = 0;
        while let Some(node) = found.get(at) {
            found.extend(&node.children);
            at += 1;
        }
        found
    }
}

/// One level of a query.
#[derive(Debug, Clone)]
pub struct Node {
    /// The key in the answer: the namespace, or the label of the link.
    pub key: String,
    /// The namespace of its entities; empty where the link is unknown.
    pub etype: String,
    /// The namespace's `id` attr; none when the namespace is unknown, and then nothing is found.
    pub id_attr: Option<Arc<Attr>>,
    /// How to get here from the level above; none on the top level, and where the link is unknown.
    pub via: Option<Link>,
    /// Which entities.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// Which part of the list. Below the top level: of each parent's list, and empty unless the extension is on.
    pub page: Page,
    /// The attrs of an entity that go into the answer, `id` first: all of cardinality one, or the `fields`.
    pub columns: Vec<Arc<Attr>>,
    /// True when `fields` chose the columns.
    pub has_fields: bool,
    /// Numbers instead of entities: the node's level is empty, the numbers go into the answer's meta data.
    pub aggregates: Vec<AggregateOf>,
    /// True when page info is owed.
    pub is_paged: bool,
    /// The links below.
    pub children: Vec<Node>,
}

/// A number to compute over all entities of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateOf {
    /// Which.
    pub function: Function,
    /// Of which attr; none for the count.
    pub attr: Option<Arc<Attr>>,
}

/// The order of a list. Ties go by entity id, in the same direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// From the end.
    pub descending: bool,
}

/// What a list is ordered by.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderBy {
    /// When the entity was made: the time of its `id` triple.
    Created,
    /// The index key of this attr; no value sorts as null, which is first.
    Attr(Arc<Attr>),
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// How many, from which end; none is all.
    pub count: Option<Count>,
    /// How many to leave out at that end.
    pub offset: u64,
    /// Only what comes after this place (or at it: true).
    pub after: Option<(Cursor, bool)>,
    /// Only what comes before this place (or at it: true).
    pub before: Option<(Cursor, bool)>,
}

/// Which entities.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of these; empty is true.
    All(Vec<Filter>),
    /// One of these; empty is false.
    Any(Vec<Filter>),
    /// Not this. Only rules make it.
    Not(Box<Filter>),
    /// A look at values.
    Test(Test),
}

impl Filter {
    /// True of everything.
    pub const ALWAYS: Self = Self::All(Vec::new());
    /// True of nothing.
    pub const NEVER: Self = Self::Any(Vec::new());

    /// Both, without needless nesting.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(all), other) | (other, Self::All(all)) if all.is_empty() => other,
            (Self::All(mut all), other) => {
                all.push(other);
                Self::All(all)
            }
            (this, other) => Self::All(vec![this, other]),
        }
    }

    /// The tests in it.
    #[must_use]
    pub fn tests(&self) -> Vec<&Test> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::tests).collect(),
            Self::Not(part) => part.tests(),
            Self::Test(test) => vec![test],
        }
    }
}

/// Some path along these links leads to an entity that passes the leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// The links; empty looks at the entity itself.
    pub path: Vec<Link>,
    /// What is looked at there.
    pub leaf: Leaf,
}

/// A look at one entity.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf {
    /// Its id.
    Id(IdTest),
    /// Its value of an attr of cardinality one.
    Attr(Arc<Attr>, ValueTest),
    /// Its links.
    Link(Link, LinkTest),
}

/// A test of an id.
#[derive(Debug, Clone, PartialEq)]
pub enum IdTest {
    /// One of these.
    In(Vec<EntityId>),
    /// Not this.
    Not(EntityId),
    /// Its text, lower case with hyphens, starts so.
    StartsWith(String),
}

/// A test of a value, by its index key ([`crate::key::of`] with the attr's checked type).
#[derive(Debug, Clone, PartialEq)]
pub enum ValueTest {
    /// There, and one of these; never the key of null.
    In(Vec<Vec<u8>>),
    /// Not equal to this: null and missing pass.
    Not(Vec<u8>),
    /// Null or missing (true), or there (false).
    IsNull(bool),
    /// There, of the same JSON type as the bound, and on this side of it.
    Compare(Comparison, Vec<u8>),
    /// A string that matches.
    Like {
        /// With `%` and `_`.
        pattern: String,
        /// Compares lower-cased.
        ignore_case: bool,
    },
}

/// A test of an entity's links, by the triples alone.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkTest {
    /// One leads to one of these.
    In(Vec<EntityId>),
    /// One leads elsewhere.
    OtherThan(EntityId),
    /// There is none (true) or one (false).
    IsNull(bool),
}
