//! Runs a query: parse, plan, rules, one statement per level, answer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use keystead_instaql::query::cursor::{Cursor, PageInfo};
use keystead_instaql::query::plan::{AggregateOf, Filter, IdTest, Leaf, Node, Order, OrderBy, Page, Test};
use keystead_instaql::query::{Plan, Query};
use keystead_instaql::rules::Request;
use keystead_instaql::schema::{Attr, AttrId, EntityId, Link};
use keystead_instaql::system::{FILES, FILES_URL};
use keystead_instaql::topics::{self, Topic};
use keystead_instaql::tree::{self, Columns, Level};
use keystead_instaql::{Error, Kind};
use serde_json::{Map, Value, json};

use super::aggregate::number;
use super::limit;
use super::records::records_of;
pub use super::records::{holder, record, record_from, records};
use super::store::{self, Found, Item, Wanted};
use super::triples::Triples;
pub(in crate::rooms) use super::view::load_refs;
use super::view::{Sight, Viewer};
use crate::app::App;
use crate::db::{Conn, elapsed_ms};
use crate::rooms::data::auth::Auth;
use crate::rooms::data::error::DataResult;
use crate::rooms::data::space::Space;
use crate::rooms::data::storage::rules as storage;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The query as it came, with `$$ruleParams` inside.
    pub query: Value,
    /// `inference?`: links to one are objects.
    pub singular: bool,
    /// Page info and aggregates are wanted, too.
    pub meta: bool,
    /// What the answer depends on is wanted, too.
    pub topics: bool,
    /// In what form the answer is wanted.
    pub shape: Shape,
    /// What rules see of the request.
    pub request: Request,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Nested objects.
    Tree,
    /// The triples of all levels, each once.
    JoinRows,
    /// The entities of the top level in their order, each with its triples.
    Rows,
}

impl Asked {
    /// A plain query.
    #[must_use]
    pub const fn plain(query: Value, singular: bool, request: Request) -> Self {
        Self { query, singular, meta: false, topics: false, shape: Shape::Tree, request }
    }
}

/// An answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// The tree, or the list of triples, as JSON.
    pub body: String,
    /// What [`Shape::Rows`] asks for: lists of triples as JSON.
    pub rows: Vec<(EntityId, Box<str>)>,
    /// The attrs of the top level that an entity shows, `id` first; with [`Shape::Rows`] only.
    pub columns: Vec<AttrId>,
    /// Page info and aggregates.
    pub meta: Meta,
    /// What the answer depends on.
    pub topics: HashSet<Topic>,
    /// What rules said, for debug calls.
    pub checks: Vec<Value>,
}

/// What is said beside the tree.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Meta {
    /// By namespace.
    pub page_info: Map<String, Value>,
    /// By namespace: numbers by function.
    pub aggregate: Map<String, Value>,
}

impl Meta {
    /// As it is on the wire beside a result.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"page-info": self.page_info, "aggregate": self.aggregate})
    }
}

/// Runs a query in one state of the database: call it inside of a snapshot.
///
/// # Errors
/// What is wrong with the query, what the rules say, `timeout`, `parameter-limit-exceeded`.
pub fn run(app: &App, conn: &mut Conn, space: &Space, auth: &Auth, asked: &Asked) -> DataResult<Answer> {
    run_with(app, conn, space, auth, asked, None)
}

/// As [`run`]; with `Some`, every rule is asked of every row and what it said is told.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    app: &App,
    conn: &mut Conn,
    space: &Space,
    auth: &Auth,
    asked: &Asked,
    checks: Option<Vec<Value>>,
) -> DataResult<Answer> {
    let seconds = i64::try_from(app.config.data.query_seconds).unwrap_or(i64::MAX);
    let until_ms = elapsed_ms().saturating_add(seconds.saturating_mul(1_000));
    let query = Query::parse(&asked.query)?;
    let plan = Plan::new(&query, &space.catalog, auth.caller())?;
    let mut viewer = Viewer {
        space,
        auth,
        rule_params: Arc::new(plan.rule_params.clone()),
        request: &asked.request,
        tells: checks.is_some(),
        records: checks,
        topics: HashSet::new(),
    };
    let sight = viewer.look(conn, &plan)?;
    let mut run =
        Run { app, space, plan: &plan, sight: &sight, asked, until_ms, levels: Vec::new(), meta: Meta::default() };
    run.levels(conn)?;
    let mut answer = Answer { meta: std::mem::take(&mut run.meta), ..Answer::default() };
    if asked.topics {
        let levels: Vec<Level> = run.levels.iter().map(plain_level).collect();
        answer.topics = topics::of_query(&plan, &levels);
        for filter in &sight.filters {
            topics::of_filter(filter, &mut answer.topics);
        }
    }
    run.hide(conn, &mut viewer)?;
    match asked.shape {
        Shape::Tree => answer.body = run.tree(),
        Shape::JoinRows => answer.body = run.join_rows(conn)?,
        Shape::Rows => (answer.columns, answer.rows) = run.rows(),
    }
    run.check_time()?;
    answer.topics.extend(std::mem::take(&mut viewer.topics));
    answer.checks = viewer.records.take().unwrap_or_default();
    Ok(answer)
}

struct Run<'a> {
    app: &'a App,
    space: &'a Space,
    plan: &'a Plan,
    sight: &'a Sight,
    asked: &'a Asked,
    until_ms: i64,
    levels: Vec<Found>,
    meta: Meta,
}

impl Run<'_> {
    fn levels(&mut self, conn: &mut Conn) -> DataResult<()> {
        let nodes = self.plan.all_nodes();
        let mut parent_of: HashMap<*const Node, usize> = HashMap::new();
        for (at, node) in nodes.iter().enumerate() {
            parent_of.extend(node.children.iter().map(|child| (std::ptr::from_ref(child), at)));
        }
        for (at, node) in nodes.iter().enumerate() {
            self.check_time()?;
            let above = parent_of.get(&std::ptr::from_ref(*node)).and_then(|parent| self.levels.get(*parent));
            let parents: Option<Vec<EntityId>> = above.map(|found| {
                let parents: HashSet<EntityId> = found.items.iter().map(|item| item.entity).collect();
                parents.into_iter().collect()
            });
            let found = self.level(conn, at, node, parents.as_deref())?;
            self.levels.push(found);
        }
        Ok(())
    }

    /// A statement whose time is over has found too little.
    fn check_time(&self) -> DataResult<()> {
        if elapsed_ms() >= self.until_ms { Err(limit::too_long()) } else { Ok(()) }
    }

    fn level(&mut self, conn: &mut Conn, at: usize, node: &Node, parents: Option<&[EntityId]>) -> DataResult<Found> {
        let nothing = node.id_attr.is_none() || parents.is_some_and(|parents| parents.is_empty() || node.via.is_none());
        let (Some(filter), Some(program)) = (self.sight.filters.get(at), self.sight.programs.get(at)) else {
            return Ok(Found::default());
        };
        if nothing {
            if node.is_paged && parents.is_none() {
                self.meta.page_info.insert(node.key.clone(), PageInfo::default().to_json());
            }
            return Ok(Found::default());
        }
        let most = self.app.config.data.level_entities;
        let whole = program.is_some() || !self.space.rules.fields(&node.etype).is_empty();
        let wanted = Wanted {
            space: self.space,
            node,
            filter,
            views: &self.sight.views,
            parents,
            whole,
            most,
            until_ms: self.until_ms,
        };
        if !node.aggregates.is_empty() {
            let numbers = self.aggregates(conn, &wanted)?;
            self.meta.aggregate.insert(node.key.clone(), numbers);
            return Ok(Found::default());
        }
        let found = store::level(conn, &wanted)?;
        if found.items.len() as u64 > most || (found.more && node.page.count.is_none()) {
            let text = format!("{} has more than {most} results: use limits", node.key);
            return Err(Error::new(Kind::ParameterLimitExceeded, text, Value::Null).into());
        }
        if self.asked.meta && node.is_paged && parents.is_none() {
            let info = self.page_info(conn, &wanted, &found)?;
            self.meta.page_info.insert(node.key.clone(), info.to_json());
        }
        Ok(found)
    }

    fn page_info(&self, conn: &mut Conn, wanted: &Wanted<'_>, found: &Found) -> DataResult<PageInfo> {
        let node = wanted.node;
        let is_last = matches!(node.page.count, Some(keystead_instaql::query::ast::Count::Last(_)));
        let before = if is_last { found.more } else { store::before_first(conn, wanted, found.items.first())? };
        let after = if is_last { node.page.offset > 0 || node.page.before.is_some() } else { found.more };
        let cursor = |item: &Item| self.cursor(node, found, item);
        Ok(PageInfo {
            start: found.items.first().and_then(cursor),
            end: found.items.last().and_then(cursor),
            has_next: after,
            has_previous: before,
        })
    }

    fn cursor(&self, node: &Node, found: &Found, item: &Item) -> Option<Cursor> {
        let id = node.id_attr.as_ref()?;
        let attr: &Attr = match &node.order.by {
            OrderBy::Created => id,
            OrderBy::Attr(attr) => attr,
        };
        let stored = found.values.get(&item.entity).zip(self.space.number(attr.id)).and_then(|(v, n)| v.get(&n));
        let (value, created_ms) = match stored {
            Some((text, created)) => (serde_json::from_str(text).ok()?, *created),
            None => (Value::Null, item.created_ms),
        };
        Some(Cursor { entity: item.entity, attr: attr.id, value, created_ms })
    }

    fn aggregates(&self, conn: &mut Conn, wanted: &Wanted<'_>) -> DataResult<Value> {
        let mut numbers = Map::new();
        for AggregateOf { function, attr } in &wanted.node.aggregates {
            let (count, values) = store::aggregate(conn, wanted, attr.as_deref())?;
            let name = match attr {
                None => function.name().to_owned(),
                Some(attr) => format!("{}:{}", function.name(), attr.label()),
            };
            numbers.insert(name, number(*function, count, &values)?);
        }
        Ok(Value::Object(numbers))
    }

    /// Takes out what the rules hide: entities with their subtree, and single values.
    fn hide(&mut self, conn: &mut Conn, viewer: &mut Viewer<'_>) -> DataResult<()> {
        let nodes = self.plan.all_nodes();
        for (at, node) in nodes.iter().enumerate() {
            let Some(found) = self.levels.get(at) else { continue };
            if found.items.is_empty() {
                continue;
            }
            let program = self.sight.programs.get(at).and_then(Option::as_ref);
            let seen = match program {
                Some(program) => {
                    let records = records_of(self.space, &node.etype, found)?;
                    Some(viewer.ask(conn, &node.etype, program, &records)?)
                }
                None => None,
            };
            let hidden = viewer.hidden(conn, &node.etype, &|_conn| records_of(self.space, &node.etype, found))?;
            let Some(found) = self.levels.get_mut(at) else { continue };
            if let Some(seen) = seen {
                found.items.retain(|item| seen.contains(&item.entity));
            }
            for (label, entities) in hidden {
                let number =
                    self.space.catalog.forward(&node.etype, &label).and_then(|attr| self.space.number(attr.id));
                for entity in entities {
                    if let (Some(values), Some(number)) = (found.values.get_mut(&entity), number) {
                        values.remove(&number);
                    }
                }
            }
        }
        Ok(())
    }

    fn tree(&self) -> String {
        let nodes = self.plan.all_nodes();
        let levels: Vec<Level> =
            nodes.iter().zip(&self.levels).map(|(node, found)| self.tree_level(node, found)).collect();
        tree::write(self.plan, &levels, self.asked.singular)
    }

    fn tree_level(&self, node: &Node, found: &Found) -> Level {
        let numbers: Vec<Option<i64>> = node.columns.iter().map(|attr| self.space.number(attr.id)).collect();
        let mut level = Level { list: Vec::with_capacity(found.items.len()), entities: HashMap::new() };
        for item in &found.items {
            level.list.push((item.parent, item.entity));
            if level.entities.contains_key(&item.entity) {
                continue;
            }
            let Some(values) = found.values.get(&item.entity) else { continue };
            let column = |(attr, number): (&Arc<Attr>, &Option<i64>)| {
                if attr.id == FILES_URL {
                    return self.file_url(values);
                }
                values.get(number.as_ref()?).map(|(text, _)| text.clone())
            };
            let columns: Columns = node.columns.iter().zip(&numbers).map(column).collect();
            level.entities.insert(item.entity, columns);
        }
        level
    }

    /// `$files.url`, which is made when it is read. JSON.
    fn file_url(&self, values: &HashMap<i64, store::Stored>) -> Option<Box<str>> {
        let location = self.space.catalog.forward(FILES, "location-id").and_then(|attr| self.space.number(attr.id))?;
        let (location, _) = values.get(&location)?;
        let location: String = serde_json::from_str(location).ok()?;
        Some(Value::from(storage::url(self.app, &self.space.app_id, &location)).to_string().into())
    }

    /// The triples that a client needs to run the query itself (section 17.2): of each entity its columns, the links to
    /// children, and what paths of the filter lead through.
    fn join_rows(&self, conn: &mut Conn) -> DataResult<String> {
        let mut rows = Triples::default();
        let nodes = self.plan.all_nodes();
        for (node, found) in nodes.iter().zip(&self.levels) {
            let numbers = self.numbers(node);
            let shown: HashSet<EntityId> = found.items.iter().map(|item| item.entity).collect();
            let ids: Vec<EntityId> = shown.iter().copied().collect();
            for entity in &ids {
                self.values(&numbers, found, *entity, &mut rows);
            }
            if let Some(link) = &node.via {
                let parents: HashSet<EntityId> = found.items.iter().filter_map(|item| item.parent).collect();
                let back = link.reversed();
                for (entity, target, created) in store::link_triples(conn, self.space, &back, &ids)? {
                    let parent =
                        if link.direction == keystead_instaql::schema::Direction::Forward { entity } else { target };
                    if parents.contains(&parent) {
                        rows.add_link(entity, link.attr.id, target, created);
                    }
                }
            }
            self.paths(conn, node, &ids, &mut rows)?;
        }
        Ok(rows.finish())
    }

    /// The columns of the top level, and its entities with their triples.
    fn rows(&self) -> (Vec<AttrId>, Vec<(EntityId, Box<str>)>) {
        let nodes = self.plan.all_nodes();
        let (Some(node), Some(found)) = (nodes.first(), self.levels.first()) else { return Default::default() };
        let numbers = self.numbers(node);
        let row = |item: &Item| {
            let mut rows = Triples::default();
            self.values(&numbers, found, item.entity, &mut rows);
            (item.entity, rows.finish().into_boxed_str())
        };
        (node.columns.iter().map(|attr| attr.id).collect(), found.items.iter().map(row).collect())
    }

    /// The attrs of an entity that an answer of triples shows: its columns, and what it is ordered by.
    fn numbers(&self, node: &Node) -> Vec<(i64, AttrId)> {
        let order = match &node.order.by {
            OrderBy::Attr(attr) => Some(attr),
            OrderBy::Created => None,
        };
        let attrs = node.columns.iter().chain(order);
        attrs.filter_map(|attr| Some((self.space.number(attr.id)?, attr.id))).collect()
    }

    fn values(&self, numbers: &[(i64, AttrId)], found: &Found, entity: EntityId, rows: &mut Triples) {
        let Some(values) = found.values.get(&entity) else { return };
        for (number, attr) in numbers {
            if *attr == FILES_URL {
                if let Some(url) = self.file_url(values) {
                    rows.add(entity, *attr, &url, 0);
                }
            } else if let Some((text, created)) = values.get(number) {
                rows.add(entity, *attr, text, *created);
            }
        }
    }

    /// What the paths of a node's own filter look at, from the entities that are shown.
    fn paths(&self, conn: &mut Conn, node: &Node, ids: &[EntityId], rows: &mut Triples) -> DataResult<()> {
        for test in node.filter.tests() {
            let mut at: Vec<EntityId> = ids.to_vec();
            for link in &test.path {
                at = self.step(conn, link, &at, rows)?;
            }
            match &test.leaf {
                Leaf::Id(_) => {
                    if let Some(id) = test.path.last().and_then(|link| self.space.catalog.id_attr(link.target())) {
                        for (entity, text, created) in store::value_triples(conn, self.space, id, &at)? {
                            rows.add(entity, id.id, &text, created);
                        }
                    }
                }
                Leaf::Link(link, _) => {
                    self.step(conn, link, &at, rows)?;
                }
                Leaf::Attr(attr, _) => {
                    for (entity, text, created) in store::value_triples(conn, self.space, attr, &at)? {
                        rows.add(entity, attr.id, &text, created);
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the links from some entities to those that the caller may see, and gives these.
    fn step(&self, conn: &mut Conn, link: &Link, at: &[EntityId], rows: &mut Triples) -> DataResult<Vec<EntityId>> {
        let triples = store::link_triples(conn, self.space, link, at)?;
        let is_forward = link.direction == keystead_instaql::schema::Direction::Forward;
        let end = |entity: EntityId, target: EntityId| if is_forward { target } else { entity };
        let ends: HashSet<EntityId> = triples.iter().map(|(entity, target, _)| end(*entity, *target)).collect();
        let seen = self.seen(conn, link.target(), ends.into_iter().collect())?;
        for (entity, target, created) in triples {
            if seen.contains(&end(entity, target)) {
                rows.add_link(entity, link.attr.id, target, created);
            }
        }
        Ok(seen.into_iter().collect())
    }

    /// Those of the entities of a namespace that paths of filters may lead through.
    fn seen(&self, conn: &mut Conn, etype: &str, ids: Vec<EntityId>) -> DataResult<HashSet<EntityId>> {
        let Some(view) = self.sight.views.get(etype).filter(|_| !ids.is_empty()) else {
            return Ok(ids.into_iter().collect());
        };
        let Some(id_attr) = self.space.catalog.id_attr(etype) else { return Ok(HashSet::new()) };
        let node = Node {
            key: etype.to_owned(),
            etype: etype.to_owned(),
            id_attr: Some(Arc::clone(id_attr)),
            via: None,
            filter: Filter::ALWAYS,
            order: Order { by: OrderBy::Created, descending: false },
            page: Page::default(),
            columns: Vec::new(),
            has_fields: true,
            aggregates: Vec::new(),
            is_paged: false,
            children: Vec::new(),
        };
        let most = ids.len() as u64;
        let filter = Filter::Test(Test { path: Vec::new(), leaf: Leaf::Id(IdTest::In(ids)) }).and(view.clone());
        let views = &self.sight.views;
        let wanted = Wanted {
            space: self.space,
            node: &node,
            filter: &filter,
            views,
            parents: None,
            whole: false,
            most,
            until_ms: self.until_ms,
        };
        Ok(store::level(conn, &wanted)?.items.into_iter().map(|item| item.entity).collect())
    }
}

/// For topics only the entities count.
fn plain_level(found: &Found) -> Level {
    Level {
        list: found.items.iter().map(|item| (item.parent, item.entity)).collect(),
        entities: found.items.iter().map(|item| (item.entity, Columns::new())).collect(),
    }
}
