//! What a caller may see: rules as filters where they are simple, on loaded rows otherwise (instant.md section 15.3).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use keystead_instaql::query::plan::{Filter, IdTest, Leaf, Plan, Test};
use keystead_instaql::rules::predicate::Known;
use keystead_instaql::rules::{Base, Input, Program, Record, Refs, Request, Rule};
use keystead_instaql::schema::{Direction, EntityId, Label, Link};
use keystead_instaql::system::USERS;
use keystead_instaql::topics::{self, Topic};
use keystead_instaql::{Error, Kind};
use serde_json::{Map, Value, json};

use super::store::{self, Views};
use crate::db::Conn;
use crate::rooms::data::auth::Auth;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::rate_limits;
use crate::rooms::data::space::Space;

/// Entities of a namespace that a path may lead through when its rule has to be asked of each.
const MOST_ON_PATHS: usize = 10_000;

/// Who looks.
pub(super) struct Viewer<'a> {
    pub(super) space: &'a Space,
    pub(super) auth: &'a Auth,
    pub(super) rule_params: Record,
    pub(super) request: &'a Request,
    /// Errors of rules tell expression and values.
    pub(super) tells: bool,
    /// Every rule is asked of every row, and what it said is kept.
    pub(super) records: Option<Vec<Value>>,
    /// What the rules looked at, for live queries.
    pub(super) topics: HashSet<Topic>,
}

/// What a caller may see of a plan.
#[derive(Default)]
pub(super) struct Sight {
    /// Of each node, in the order of [`Plan::all_nodes`]: what its entities must pass.
    pub(super) filters: Vec<Filter>,
    /// The programs that are asked of its rows.
    pub(super) programs: Vec<Option<Arc<Program>>>,
    /// Of namespaces that paths lead through.
    pub(super) views: Views,
}

enum View {
    Filter(Filter),
    Program(Arc<Program>),
}

impl Viewer<'_> {
    /// What the rules make of a plan.
    pub(super) fn look(&mut self, conn: &mut Conn, plan: &Plan) -> DataResult<Sight> {
        let nodes = plan.all_nodes();
        let mut sight = Sight::default();
        if self.auth.is_admin() {
            sight.filters = nodes.iter().map(|node| node.filter.clone()).collect();
            sight.programs = nodes.iter().map(|_| None).collect();
            return Ok(sight);
        }
        for node in &nodes {
            let (filter, program) = match self.view(conn, &node.etype)? {
                View::Filter(filter) => (node.filter.clone().and(filter), None),
                View::Program(program) => (node.filter.clone(), Some(program)),
            };
            sight.filters.push(filter);
            sight.programs.push(program);
        }
        for etype in nodes.iter().flat_map(|node| on_paths(&node.filter)) {
            if sight.views.contains_key(&etype) {
                continue;
            }
            let filter = match self.view(conn, &etype)? {
                View::Filter(filter) => filter,
                View::Program(program) => self.allowed(conn, &etype, &program)?,
            };
            if filter != Filter::ALWAYS {
                sight.views.insert(etype, filter);
            }
        }
        // What hides entities on paths is looked at, too.
        for view in sight.views.values() {
            topics::of_filter(view, &mut self.topics);
        }
        Ok(sight)
    }

    fn view(&mut self, conn: &mut Conn, etype: &str) -> DataResult<View> {
        let program = match self.space.rules.view(etype) {
            Rule::Allow => return Ok(View::Filter(Filter::ALWAYS)),
            Rule::Deny => return Ok(View::Filter(Filter::NEVER)),
            Rule::Program(program) => program,
        };
        if self.records.is_none()
            && let Some(filter) = self.bind(conn, etype, &program)?
        {
            return Ok(View::Filter(filter));
        }
        topics::of_program(
            &program,
            etype,
            self.auth.user().map(|user| user.id),
            &self.space.catalog,
            &mut self.topics,
        );
        Ok(View::Program(program))
    }

    /// A simple rule as a filter.
    fn bind(&mut self, conn: &mut Conn, etype: &str, program: &Program) -> DataResult<Option<Filter>> {
        let Some(predicate) = program.predicate() else { return Ok(None) };
        let mut refs = Refs::default();
        if let Some(user) = self.auth.user() {
            for reference in program.refs().iter().filter(|reference| reference.base == Base::Auth) {
                load_ref(conn, self.space, USERS, &reference.path, &[user.id], &mut refs)?;
            }
            self.topics.insert(Topic::Entity(user.id));
            if program.refs().iter().any(|reference| reference.base == Base::Auth) {
                topics::of_program(program, etype, Some(user.id), &self.space.catalog, &mut self.topics);
            }
        }
        let user = self.auth.user();
        let auth_ref = |path: &[String]| user.map_or_else(Vec::new, |user| refs.get(USERS, path, user.id).to_vec());
        let known = Known {
            catalog: &self.space.catalog,
            auth: user.map(|user| &*user.record),
            rule_params: &self.rule_params,
            auth_ref: &auth_ref,
        };
        Ok(predicate.bind(etype, known))
    }

    /// The entities of a namespace that a rule allows, one by one.
    fn allowed(&mut self, conn: &mut Conn, etype: &str, program: &Arc<Program>) -> DataResult<Filter> {
        let ids = store::all_of(conn, self.space, etype, MOST_ON_PATHS + 1)?;
        if ids.len() > MOST_ON_PATHS {
            let text = format!(
                "The view rule of {etype} is too complex to query through more than {MOST_ON_PATHS} of its entities"
            );
            return Err(Error::new(Kind::ParameterLimitExceeded, text, json!({"rule": [etype, "view"]})).into());
        }
        let records = super::rules::records(conn, self.space, etype, &ids)?;
        let seen = self.ask(conn, etype, program, &records)?;
        let leaf = Leaf::Id(IdTest::In(ids.into_iter().filter(|id| seen.contains(id)).collect()));
        Ok(Filter::Test(Test { path: Vec::new(), leaf }))
    }

    /// The entities that a rule allows.
    pub(super) fn ask(
        &mut self,
        conn: &mut Conn,
        etype: &str,
        program: &Arc<Program>,
        records: &HashMap<EntityId, Record>,
    ) -> DataResult<HashSet<EntityId>> {
        let ids: Vec<EntityId> = records.keys().copied().collect();
        let mut refs = Refs::default();
        load_refs(conn, self.space, program, &[(Base::Data, etype, &ids)], self.auth, &mut refs)?;
        let mut seen = HashSet::new();
        // Who only wants to know what rules say uses nothing up.
        let limiter = self.records.is_none().then(|| rate_limits::limiter(self.space, self.request)).flatten();
        for (id, record) in records {
            let input = Input {
                data: Some((etype, *id, record)),
                auth: self.auth.user().map(|user| (user.id, &user.record)),
                rule_params: Some(&self.rule_params),
                request: Some(self.request),
                refs: Some(&refs),
                limiter: limiter.as_ref(),
                ..Input::default()
            };
            let said = program.run(&input).map_err(|e| DataError::from(e.to_error(etype, "view", self.tells)))?;
            if said {
                seen.insert(*id);
            }
            if let Some(kept) = &mut self.records {
                kept.push(json!({
                    "id": id, "entity": etype, "record": **record, "check": said,
                    "program": {"code": program.code, "display-code": program.code, "etype": etype, "action": "view"},
                }));
            }
        }
        Ok(seen)
    }

    /// Labels that the rules of single fields hide, by entity.
    pub(super) fn hidden(
        &mut self,
        conn: &mut Conn,
        etype: &str,
        records: &dyn Fn(&mut Conn) -> DataResult<HashMap<EntityId, Record>>,
    ) -> DataResult<Vec<(String, HashSet<EntityId>)>> {
        let space = self.space;
        let rules = space.rules.fields(etype);
        if rules.is_empty() || self.auth.is_admin() {
            return Ok(Vec::new());
        }
        let records = records(conn)?;
        let mut hidden = Vec::new();
        for (label, rule) in rules {
            let hides: HashSet<EntityId> = match rule {
                Rule::Allow => continue,
                Rule::Deny => records.keys().copied().collect(),
                Rule::Program(program) => {
                    let user = self.auth.user().map(|user| user.id);
                    topics::of_program(&program, etype, user, &space.catalog, &mut self.topics);
                    let seen = self.ask(conn, etype, &program, &records)?;
                    records.keys().copied().filter(|id| !seen.contains(id)).collect()
                }
            };
            hidden.push((label.to_owned(), hides));
        }
        Ok(hidden)
    }
}

/// The namespaces that paths of a filter lead through, and those whose triples it looks at from the other side.
fn on_paths(filter: &Filter) -> Vec<String> {
    let mut found = Vec::new();
    for Test { path, leaf } in filter.tests() {
        found.extend(path.iter().map(|link| link.target().to_owned()));
        if let Leaf::Link(link @ Link { direction: Direction::Reverse, .. }, _) = leaf {
            found.push(link.target().to_owned());
        }
    }
    found
}

/// Loads what the refs of a program need: of rows (`data`, `linkedData`) and of the user.
pub(in crate::rooms) fn load_refs(
    conn: &mut Conn,
    space: &Space,
    program: &Program,
    bases: &[(Base, &str, &[EntityId])],
    auth: &Auth,
    refs: &mut Refs,
) -> DataResult<()> {
    for reference in program.refs() {
        if reference.base == Base::Auth {
            if let Some(user) = auth.user() {
                load_ref(conn, space, USERS, &reference.path, &[user.id], refs)?;
            }
            continue;
        }
        for (_, etype, ids) in bases.iter().filter(|(base, _, _)| *base == reference.base) {
            load_ref(conn, space, etype, &reference.path, ids, refs)?;
        }
    }
    Ok(())
}

/// Follows a path from many entities at once: one statement for each of its steps.
fn load_ref(
    conn: &mut Conn,
    space: &Space,
    etype: &str,
    path: &[String],
    ids: &[EntityId],
    refs: &mut Refs,
) -> DataResult<()> {
    let Some((last, steps)) = path.split_last() else { return Ok(()) };
    let mut at = etype.to_owned();
    // Who got where.
    let mut reached: Vec<(EntityId, EntityId)> = ids.iter().map(|id| (*id, *id)).collect();
    let follow = |conn: &mut Conn, link: &Link, reached: &[(EntityId, EntityId)]| -> DataResult<Vec<_>> {
        let ends: HashSet<EntityId> = reached.iter().map(|(_, end)| *end).collect();
        let mut next: HashMap<EntityId, Vec<EntityId>> = HashMap::new();
        for (from, to) in store::links_of(conn, space, link, &ends.into_iter().collect::<Vec<_>>())? {
            next.entry(from).or_default().push(to);
        }
        let lead = |(origin, end): &(EntityId, EntityId)| {
            let origin = *origin;
            next.get(end).into_iter().flatten().map(move |to| (origin, *to)).collect::<Vec<_>>()
        };
        let found: HashSet<_> = reached.iter().flat_map(lead).collect();
        Ok(found.into_iter().collect())
    };
    for step in steps {
        let Some(link) = space.catalog.link(&at, step) else { return Ok(()) };
        reached = follow(conn, &link, &reached)?;
        link.target().clone_into(&mut at);
    }
    if last == keystead_instaql::schema::ID {
        for (origin, end) in reached {
            refs.add(etype, path, origin, end.to_string().into());
        }
        return Ok(());
    }
    match space.catalog.label(&at, last) {
        None => {}
        Some(Label::Link(link)) => {
            for (origin, end) in follow(conn, &link, &reached)? {
                refs.add(etype, path, origin, end.to_string().into());
            }
        }
        Some(Label::Blob(attr)) => {
            let ends: HashSet<EntityId> = reached.iter().map(|(_, end)| *end).collect();
            let mut values: HashMap<EntityId, Value> = HashMap::new();
            for (entity, text) in store::path_values(conn, space, &attr, &ends.into_iter().collect::<Vec<_>>())? {
                values.insert(entity, serde_json::from_str(&text).map_err(DataError::internal)?);
            }
            for (origin, end) in reached {
                if let Some(value) = values.get(&end) {
                    refs.add(etype, path, origin, value.clone());
                }
            }
        }
    }
    Ok(())
}

/// The values of an entity by label, from rows of JSON.
pub(super) fn record_of<'a>(
    space: &Space,
    etype: &str,
    values: impl Iterator<Item = (i64, &'a str)>,
) -> DataResult<Map<String, Value>> {
    let mut record = Map::new();
    for (number, text) in values {
        let Some(attr) = space.attr(number).filter(|attr| attr.etype() == etype && attr.is_one()) else { continue };
        record.insert(attr.label().to_owned(), serde_json::from_str(text).map_err(DataError::internal)?);
    }
    Ok(record)
}
