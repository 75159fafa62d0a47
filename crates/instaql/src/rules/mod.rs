//! Permission rules: CEL expressions by namespace and action (instant.md section 15).
//!
//! **When rules are pushed**, [`Rules::parse`] compiles every expression and tells every mistake with its place.
//!
//! **When a rule is asked**, [`Rules::view`] and its like give a [`Rule`]: allowed, denied, or a [`Program`]. A program runs
//! in two phases, so that no row costs a statement: [`Program::refs`] says which `data.ref(…)` paths it needs; the server
//! loads them for all rows at once into [`Refs`]; [`Program::run`] evaluates a row.
//!
//! **Simple rules need no rows at all**: [`Program::predicate`] is there when a rule is made of comparisons only, and
//! [`predicate::Predicate::bind`] makes a [`crate::query::plan::Filter`] of it, which goes into the query's statement.
//! Where it gives none, evaluate rows.
//!
//! Differences from plain CEL: a missing key reads as null, also in nested objects; `has(x.f)` is true when `f` is there
//! and not null; `timestamp(text)` reads what date attrs read; names that an action does not have are null.

mod compile;
mod document;
mod env;
mod eval;
pub mod predicate;
mod print;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::schema::EntityId;

pub use compile::Program;
pub use document::RateLimit;
pub use eval::{Input, Limiter, Request, RuleError};

/// The values of an entity by label, shared by all that look at it.
pub type Record = Arc<Map<String, Value>>;

/// An app's rules, compiled.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    spaces: HashMap<String, Space>,
    /// For namespaces that have no rules of their own.
    default: Space,
    attrs_create: Option<Rule>,
    rate_limits: BTreeMap<String, Vec<RateLimit>>,
    rooms: Option<RoomRules>,
}

/// What is said of rooms: `join`, `presence` (to show something) and `broadcast`, by the type of the room.
#[derive(Debug, Clone, Default)]
struct RoomRules {
    kinds: HashMap<String, BTreeMap<&'static str, Rule>>,
    /// Of types that are not named.
    default: BTreeMap<&'static str, Rule>,
}

impl RoomRules {
    fn insert(&mut self, kind: Option<&String>, rules: BTreeMap<&'static str, Rule>) {
        match kind {
            Some(kind) => drop(self.kinds.insert(kind.clone(), rules)),
            None => self.default = rules,
        }
    }
}

/// The rules of a namespace, `$default`s filled in.
#[derive(Debug, Clone, Default)]
struct Space {
    actions: HashMap<&'static str, Rule>,
    links: HashMap<String, Rule>,
    unlinks: HashMap<String, Rule>,
    fields: BTreeMap<String, Rule>,
}

/// What the rules say to an action.
#[derive(Debug, Clone)]
pub enum Rule {
    /// Yes.
    Allow,
    /// No.
    Deny,
    /// It depends.
    Program(Arc<Program>),
}

impl Rules {
    /// What is said of `view`, `create`, `update` or `delete` in a namespace, with the built-in rules of system namespaces.
    #[must_use]
    pub fn action(&self, etype: &str, action: &'static str) -> Rule {
        if let Some(rule) = self.space(etype).actions.get(action) {
            return rule.clone();
        }
        document::fallback(etype, action)
    }

    /// What is said of seeing an entity.
    #[must_use]
    pub fn view(&self, etype: &str) -> Rule {
        self.action(etype, "view")
    }

    /// What a namespace's own `link` (or `unlink`) rule says of one of its labels; none when it has none, and then
    /// `update` of the forward side and `view` of the other are asked.
    #[must_use]
    pub fn link(&self, etype: &str, label: &str, is_link: bool) -> Option<Rule> {
        let space = self.space(etype);
        let rules = if is_link { &space.links } else { &space.unlinks };
        rules.get(label).or_else(|| rules.get("$default")).cloned()
    }

    /// The rules that hide single values of a namespace, by label.
    #[must_use]
    pub fn fields(&self, etype: &str) -> Vec<(&str, Rule)> {
        self.space(etype).fields.iter().map(|(label, rule)| (label.as_str(), rule.clone())).collect()
    }

    /// What is said of making attrs.
    #[must_use]
    pub fn attrs_create(&self) -> Rule {
        self.attrs_create.clone().unwrap_or(Rule::Allow)
    }

    /// True when `create` of a namespace has a rule of its own: signing up with extra fields needs one.
    #[must_use]
    pub fn has_create(&self, etype: &str) -> bool {
        self.spaces.get(etype).is_some_and(|space| space.actions.contains_key("create"))
    }

    /// True when something is said of rooms; then rooms of different types are different rooms.
    #[must_use]
    pub const fn has_rooms(&self) -> bool {
        self.rooms.is_some()
    }

    /// What is said of `join`, `presence` or `broadcast` in rooms of a type. Where nothing is said, all is allowed.
    #[must_use]
    pub fn room(&self, kind: &str, action: &'static str) -> Rule {
        let Some(rooms) = &self.rooms else { return Rule::Allow };
        rooms.kinds.get(kind).unwrap_or(&rooms.default).get(action).cloned().unwrap_or(Rule::Allow)
    }

    /// True when there are `$rateLimits`.
    #[must_use]
    pub fn has_rate_limits(&self) -> bool {
        !self.rate_limits.is_empty()
    }

    /// The limits of a name in `$rateLimits`.
    #[must_use]
    pub fn rate_limit(&self, name: &str) -> &[RateLimit] {
        self.rate_limits.get(name).map_or(&[], Vec::as_slice)
    }

    fn space(&self, etype: &str) -> &Space {
        static NOTHING: std::sync::LazyLock<Space> = std::sync::LazyLock::new(Space::default);
        // System namespaces are not opened by a default for the app's own.
        let default = if etype.starts_with('$') { &*NOTHING } else { &self.default };
        self.spaces.get(etype).unwrap_or(default)
    }
}

/// Where a `ref` starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// `data.ref`
    Data,
    /// `linkedData.ref`
    LinkedData,
    /// `auth.ref`, whose first step `$user` is not in the path.
    Auth,
}

/// A `ref` of a program: values along links.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefPath {
    /// Where it starts.
    pub base: Base,
    /// The labels; the last one is an attr (or `id`, or a link for its ids).
    pub path: Vec<String>,
}

/// Loaded values of refs: for each (namespace, path) the values by entity, each value once and without nulls. What is
/// not there is empty.
#[derive(Debug, Clone, Default)]
pub struct Refs {
    values: HashMap<(String, Vec<String>), HashMap<EntityId, Vec<Value>>>,
}

impl Refs {
    /// Adds a value that `path` leads to from an entity of a namespace.
    pub fn add(&mut self, etype: &str, path: &[String], entity: EntityId, value: Value) {
        if value.is_null() {
            return;
        }
        let values = self.values.entry((etype.to_owned(), path.to_vec())).or_default().entry(entity).or_default();
        if !values.contains(&value) {
            values.push(value);
        }
    }

    /// The values along a path from an entity.
    #[must_use]
    pub fn get(&self, etype: &str, path: &[String], entity: EntityId) -> &[Value] {
        let by_entity = self.values.get(&(etype.to_owned(), path.to_vec()));
        by_entity.and_then(|by_entity| by_entity.get(&entity)).map_or(&[], Vec::as_slice)
    }
}
