//! Asks the rules about a transaction: updates and deletions before it is written, creations and links afterwards, so that
//! each sees the links it speaks of.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use keystead_instaql::Error;
use keystead_instaql::rules::{Base, Input, Record, Refs, Request, Rule};
use keystead_instaql::schema::{Attr, Direction, EntityId, Link};
use keystead_instaql::tx::outcome::{LinkChange, Outcome, Touched};
use serde_json::{Map, Value, json};

use crate::rooms::data::auth::Auth;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::query::rules as query;
use crate::rooms::data::rate_limits;
use crate::rooms::data::space::Space;
use crate::rooms::data::transact::Tx;

/// Judges a transaction.
pub struct Judge<'a> {
    auth: &'a Auth,
    request: &'a Request,
    /// What rules said, where nobody is refused.
    checks: Option<&'a mut Vec<Value>>,
    /// Records of linked entities before the write.
    before: HashMap<(String, EntityId), Record>,
}

/// One question to one rule.
struct Question<'q> {
    etype: &'q str,
    action: &'static str,
    entity: EntityId,
    data: Record,
    new_data: Option<Record>,
    linked: Option<(&'q str, EntityId, Record)>,
    actions: Option<Record>,
    modified: &'q [String],
}

impl<'a> Judge<'a> {
    /// For a caller. With `checks`, what rules say is kept there and nobody is refused.
    pub fn new(auth: &'a Auth, request: &'a Request, checks: Option<&'a mut Vec<Value>>) -> Self {
        Self { auth, request, checks, before: HashMap::new() }
    }

    /// True when rules are not asked.
    #[must_use]
    pub const fn is_admin(&self) -> bool {
        self.auth.is_admin()
    }

    /// May this attr be made?
    ///
    /// # Errors
    /// `permission-denied` for `attrs`.
    pub fn attr(&mut self, tx: &mut Tx<'_>, space: &Space, attr: &Attr) -> DataResult<()> {
        if self.is_admin() {
            return Ok(());
        }
        let data = serde_json::to_value(attr).map_err(DataError::internal)?;
        let data = Arc::new(data.as_object().cloned().unwrap_or_default());
        let question = Question {
            etype: "attrs",
            action: "create",
            entity: attr.id,
            data,
            new_data: None,
            linked: None,
            actions: None,
            modified: &[],
        };
        self.ask(tx, space, &space.rules.attrs_create(), &[question], &nothing())
    }

    /// Before the write: updates, deletions.
    ///
    /// # Errors
    /// `permission-denied`, `permission-evaluation-failed`, a rule's rate limit.
    pub fn before(&mut self, tx: &mut Tx<'_>, space: &Space, outcome: &Outcome) -> DataResult<()> {
        if self.is_admin() {
            return Ok(());
        }
        self.touched(tx, space, outcome, |touched| touched.before.is_some())?;
        let sides = outcome.links.iter().flat_map(|change| sides(space, change));
        let mut wanted: BTreeMap<String, Vec<EntityId>> = BTreeMap::new();
        for (link, owner, _) in sides {
            wanted.entry(owner_of(&link).to_owned()).or_default().push(owner);
        }
        for (etype, ids) in wanted {
            for (id, record) in query::records(tx.reading()?, space, &etype, &ids)? {
                self.before.insert((etype.clone(), id), record);
            }
        }
        // What is unlinked may be out of sight afterwards.
        self.links(tx, space, outcome, false)
    }

    /// After the write: creations, links.
    ///
    /// # Errors
    /// As [`Judge::before`].
    pub fn after(&mut self, tx: &mut Tx<'_>, space: &Space, outcome: &Outcome) -> DataResult<()> {
        if self.is_admin() {
            return Ok(());
        }
        self.touched(tx, space, outcome, |touched| touched.before.is_none())?;
        self.links(tx, space, outcome, true)
    }

    fn touched(
        &mut self,
        tx: &mut Tx<'_>,
        space: &Space,
        outcome: &Outcome,
        wanted: impl Fn(&Touched) -> bool,
    ) -> DataResult<()> {
        let mut groups: BTreeMap<(&str, &'static str), Vec<&Touched>> = BTreeMap::new();
        for touched in outcome.touched.iter().filter(|touched| wanted(touched)) {
            groups.entry((touched.etype.as_str(), touched.action())).or_default().push(touched);
        }
        for ((etype, action), group) in groups {
            let rule = space.rules.action(etype, action);
            let record = |values: &Option<Map<String, Value>>| values.clone().map(Arc::new);
            let questions: Vec<Question<'_>> = group
                .iter()
                .map(|touched| Question {
                    etype,
                    action,
                    entity: touched.entity,
                    data: record(&touched.before).or_else(|| record(&touched.after)).unwrap_or_default(),
                    new_data: record(&touched.after),
                    linked: None,
                    actions: None,
                    modified: &touched.modified,
                })
                .collect();
            self.ask(tx, space, &rule, &questions, outcome)?;
        }
        Ok(())
    }

    /// A link is the business of the rules `link` of both its sides; where a side has none, of `update` of the forward side
    /// and `view` of the other.
    fn links(&mut self, tx: &mut Tx<'_>, space: &Space, outcome: &Outcome, added: bool) -> DataResult<()> {
        let action = |etype: &str, entity: EntityId| {
            let touched = outcome.touched.iter().find(|touched| touched.entity == entity && touched.etype == etype);
            if touched.is_some_and(|touched| touched.before.is_none()) { "create" } else { "update" }
        };
        let asked: HashSet<(EntityId, &str)> =
            outcome.touched.iter().map(|touched| (touched.entity, touched.etype.as_str())).collect();
        for change in outcome.links.iter().filter(|change| change.added == added) {
            let Ok([forward, reverse]) = <[_; 2]>::try_from(sides(space, change)) else { continue };
            let rules =
                [&forward, &reverse].map(|(link, _, _)| space.rules.link(owner_of(link), label_of(link), added));
            if rules.iter().all(Option::is_none) {
                self.plain_link(tx, space, outcome, &forward, asked.contains(&(forward.1, owner_of(&forward.0))))?;
                continue;
            }
            for ((link, owner, other), rule) in [&forward, &reverse].into_iter().zip(rules) {
                let Some(rule) = rule else { continue };
                let (etype, target) = (owner_of(link), link.target());
                let data = self.record(tx, space, etype, *owner)?;
                let new_data = query::record(tx.reading()?, space, etype, *owner)?.map(Arc::new);
                let linked = self.record(tx, space, target, *other)?;
                let mut actions = Map::new();
                actions.insert("data".into(), action(etype, *owner).into());
                actions.insert("linkedData".into(), action(target, *other).into());
                let question = Question {
                    etype,
                    action: if added { "link" } else { "unlink" },
                    entity: *owner,
                    data,
                    new_data,
                    linked: Some((target, *other, linked)),
                    actions: added.then(|| Arc::new(actions)),
                    modified: &[],
                };
                self.ask(tx, space, &rule, &[question], outcome)?;
            }
        }
        Ok(())
    }

    fn plain_link(
        &mut self,
        tx: &mut Tx<'_>,
        space: &Space,
        outcome: &Outcome,
        (link, owner, other): &(Link, EntityId, EntityId),
        is_asked: bool,
    ) -> DataResult<()> {
        let (etype, target) = (owner_of(link).to_owned(), link.target().to_owned());
        if !is_asked {
            let data = self.record(tx, space, &etype, *owner)?;
            let new_data = query::record(tx.reading()?, space, &etype, *owner)?.map(Arc::new);
            let question = Question {
                etype: &etype,
                action: "update",
                entity: *owner,
                data,
                new_data,
                linked: None,
                actions: None,
                modified: &[],
            };
            self.ask(tx, space, &space.rules.action(&etype, "update"), &[question], outcome)?;
        }
        let data = self.record(tx, space, &target, *other)?;
        let question = Question {
            etype: &target,
            action: "view",
            entity: *other,
            data,
            new_data: None,
            linked: None,
            actions: None,
            modified: &[],
        };
        self.ask(tx, space, &space.rules.view(&target), &[question], outcome)
    }

    /// An entity as it was before the write; a new one as it is now.
    fn record(&self, tx: &mut Tx<'_>, space: &Space, etype: &str, entity: EntityId) -> DataResult<Record> {
        if let Some(known) = self.before.get(&(etype.to_owned(), entity)) {
            return Ok(Arc::clone(known));
        }
        Ok(Arc::new(query::record(tx.reading()?, space, etype, entity)?.unwrap_or_default()))
    }

    /// Asks one rule about several entities; what it refers to is loaded for all of them at once.
    fn ask(
        &mut self,
        tx: &mut Tx<'_>,
        space: &Space,
        rule: &Rule,
        questions: &[Question<'_>],
        outcome: &Outcome,
    ) -> DataResult<()> {
        let Some(first) = questions.first() else { return Ok(()) };
        let program = match rule {
            Rule::Allow => None,
            Rule::Deny if self.checks.is_none() => return Err(Error::denied(first.etype, first.action).into()),
            Rule::Deny => None,
            Rule::Program(program) => Some(program),
        };
        let Some(program) = program else {
            let pass = matches!(rule, Rule::Allow);
            for question in questions {
                self.note(question, if pass { "true" } else { "false" }, &Value::Bool(pass), pass);
            }
            return Ok(());
        };
        let ids: Vec<EntityId> = questions.iter().map(|question| question.entity).collect();
        let others: Vec<EntityId> = questions.iter().filter_map(|q| q.linked.as_ref().map(|(_, id, _)| *id)).collect();
        let mut bases = vec![(Base::Data, first.etype, ids.as_slice())];
        if let Some((etype, _, _)) = &first.linked {
            bases.push((Base::LinkedData, etype, others.as_slice()));
        }
        let mut refs = Refs::default();
        if !program.refs().is_empty() {
            query::load_refs(tx.reading()?, space, program, &bases, self.auth, &mut refs)?;
        }
        // Who only wants to know what rules say uses nothing up.
        let limiter = self.checks.is_none().then(|| rate_limits::limiter(space, self.request)).flatten();
        for question in questions {
            let params = outcome.rule_params.get(&(question.entity, question.etype.to_owned())).cloned();
            let params = Arc::new(params.unwrap_or_default());
            let request = Request { modified_fields: question.modified.to_vec(), ..self.request.clone() };
            let input = Input {
                data: Some((question.etype, question.entity, &question.data)),
                new_data: question.new_data.as_ref(),
                linked_data: question.linked.as_ref().map(|(etype, id, record)| (*etype, *id, record)),
                actions: question.actions.as_ref(),
                auth: self.auth.user().map(|user| (user.id, &user.record)),
                rule_params: Some(&params),
                request: Some(&request),
                refs: Some(&refs),
                limiter: limiter.as_ref(),
            };
            match program.run(&input) {
                Ok(pass) => {
                    if !pass && self.checks.is_none() {
                        return Err(Error::denied(question.etype, question.action).into());
                    }
                    self.note(question, &program.code, &Value::Bool(pass), pass);
                }
                Err(e) => return Err(e.to_error(question.etype, question.action, self.checks.is_some()).into()),
            }
        }
        Ok(())
    }

    fn note(&mut self, question: &Question<'_>, code: &str, said: &Value, pass: bool) {
        let Some(checks) = &mut self.checks else { return };
        let mut bindings = Map::new();
        bindings.insert("data".into(), Value::Object((*question.data).clone()));
        if let Some(new_data) = &question.new_data {
            bindings.insert("new-data".into(), Value::Object((**new_data).clone()));
        }
        checks.push(json!({
            "scope": if question.etype == "attrs" { "attr" } else { "object" },
            "action": question.action,
            "etype": question.etype,
            "eid": question.entity,
            "bindings": bindings,
            "program": {"etype": question.etype, "action": question.action, "code": code, "display-code": code},
            "check-result": said,
            "check-pass?": pass,
        }));
    }
}

/// Both sides of a link: how it is followed from there, whose it is, and the other.
fn sides(space: &Space, change: &LinkChange) -> Vec<(Link, EntityId, EntityId)> {
    let Some(attr) = space.catalog.get(change.attr) else { return Vec::new() };
    let link = |direction| Link { attr: Arc::clone(attr), direction };
    vec![
        (link(Direction::Forward), change.entity, change.target),
        (link(Direction::Reverse), change.target, change.entity),
    ]
}

/// The namespace that a link is followed from.
fn owner_of(link: &Link) -> &str {
    match (link.direction, &link.attr.reverse_identity) {
        (Direction::Reverse, Some(reverse)) => &reverse.1,
        _ => link.attr.etype(),
    }
}

/// Its label there.
fn label_of(link: &Link) -> &str {
    match (link.direction, &link.attr.reverse_identity) {
        (Direction::Reverse, Some(reverse)) => &reverse.2,
        _ => link.attr.label(),
    }
}

fn nothing() -> Outcome {
    Outcome {
        changes: Vec::new(),
        touched: Vec::new(),
        links: Vec::new(),
        stirred: Vec::new(),
        rule_params: BTreeMap::new(),
    }
}
