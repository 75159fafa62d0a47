//! Steps into tx-steps, and the attrs they need (instant.md sections 4.3 and 4.4).

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::step::{Action, Eid, EntityStep, Step};
use super::{AttrStep, EntityRef, Mode, TxPlan, TxStep, TxValue};
use crate::error::{Error, Problem, Result, brief};
use crate::schema::{Attr, Cardinality, Catalog, Direction, EXTENSIBLE, ID, Label, Link};

/// Turns steps into tx-steps over `catalog`. `new_id` makes ids for new attrs and their names; with
/// `throw_on_missing` (the client has a schema) a missing attr is an error instead.
///
/// # Errors
/// `validation-failed` for `lookup`, `steps` (missing attrs are in `hint.errors[0].hint.attributes`) or `attributes`.
pub fn expand(
    steps: &[Step],
    catalog: &Arc<Catalog>,
    throw_on_missing: bool,
    new_id: &mut dyn FnMut() -> Uuid,
) -> Result<TxPlan> {
    let mut expander = Expander {
        plan: TxPlan { catalog: Arc::clone(catalog), attrs: Vec::new(), steps: Vec::new() },
        new_id,
        missing: Vec::new(),
    };
    for step in steps {
        match step {
            Step::Attr(step) => {
                if let AttrStep::Add(attr) = step {
                    Arc::make_mut(&mut expander.plan.catalog).insert(attr.clone());
                }
                expander.plan.attrs.push(step.clone());
            }
            Step::Entity(step) => expander.make_attrs(step)?,
        }
    }
    if throw_on_missing && !expander.missing.is_empty() {
        let problem = Problem {
            message: format!("these attributes do not exist: {}", expander.missing.join(", ")),
            hint: Some(json!({"attributes": expander.missing})),
            ..Problem::default()
        };
        return Err(Error::validation("steps", Value::Null, &[problem]));
    }
    for step in steps {
        if let Step::Entity(step) = step {
            expander.entity(step)?;
        }
    }
    Ok(expander.plan)
}

struct Expander<'a> {
    plan: TxPlan,
    new_id: &'a mut dyn FnMut() -> Uuid,
    /// `namespace.label` of what was made.
    missing: Vec<String>,
}

/// A link named in a lookup: `link.id`.
fn lookup_link(label: &str) -> Result<Option<&str>> {
    match label.split_once('.') {
        None => Ok(None),
        Some((link, ID)) => Ok(Some(link)),
        Some(_) => {
            let problem =
                Problem::message(Vec::new(), format!("a lookup goes by an attribute or by link.id, got {label}"));
            Err(Error::validation("lookup", label.into(), &[problem]))
        }
    }
}

impl Expander<'_> {
    // Attrs that do not exist yet.

    fn make_attrs(&mut self, step: &EntityStep) -> Result<()> {
        let etype = step.etype.as_str();
        if step.action != Action::RuleParams {
            self.namespace(etype)?;
        }
        if let Eid::Lookup(label, _) = &step.eid {
            self.lookup(etype, label)?;
        }
        for (label, value) in step.args.iter().filter(|(label, _)| *label != ID) {
            match step.action {
                Action::Create | Action::Update | Action::Merge => {
                    if self.plan.catalog.label(etype, label).is_none() {
                        let attr = self.blob(etype, label);
                        self.add(attr)?;
                    }
                }
                Action::Link | Action::Unlink => {
                    let lookups: Vec<String> = targets(value)
                        .filter_map(|target| match Eid::parse(target) {
                            Some(Eid::Lookup(label, _)) => Some(label),
                            _ => None,
                        })
                        .collect();
                    if self.plan.catalog.label(etype, label).is_none() {
                        let mut attr = self.link(etype, label);
                        if !lookups.is_empty() {
                            (attr.cardinality, attr.unique, attr.index) = (Cardinality::One, true, true);
                        }
                        self.add(attr)?;
                    }
                    if let Some(target) = self.plan.catalog.link(etype, label).map(|link| link.target().to_owned()) {
                        self.namespace(&target)?;
                        for label in lookups {
                            self.lookup(&target, &label)?;
                        }
                    }
                }
                Action::Delete | Action::RuleParams => {}
            }
        }
        Ok(())
    }

    fn namespace(&mut self, etype: &str) -> Result<()> {
        if self.plan.catalog.id_attr(etype).is_some() {
            return Ok(());
        }
        let attr = Attr { unique: true, ..self.blob(etype, ID) };
        self.add(attr)
    }

    fn lookup(&mut self, etype: &str, label: &str) -> Result<()> {
        let by_link = lookup_link(label)?;
        if self.plan.catalog.label(etype, by_link.unwrap_or(label)).is_some() {
            return Ok(());
        }
        let attr = match by_link {
            None => self.blob(etype, label),
            Some(link) => Attr { cardinality: Cardinality::One, ..self.link(etype, link) },
        };
        self.add(Attr { unique: true, index: true, ..attr })
    }

    fn blob(&mut self, etype: &str, label: &str) -> Attr {
        Attr::blob((self.new_id)(), (self.new_id)(), etype, label)
    }

    /// A link to a namespace of the link's own name, and back by ours.
    fn link(&mut self, etype: &str, label: &str) -> Attr {
        let ids = ((self.new_id)(), (self.new_id)());
        Attr::link((self.new_id)(), ids, (etype, label), (label, etype))
    }

    fn add(&mut self, attr: Attr) -> Result<()> {
        attr.validate()?;
        if attr.etype().starts_with('$') && (attr.is_id() || !EXTENSIBLE.contains(&attr.etype())) {
            let problem = Problem::message(vec![attr.etype().into()], format!("{} is reserved", attr.etype()));
            return Err(Error::validation("attributes", attr.etype().into(), &[problem]));
        }
        self.missing.push(attr.name());
        Arc::make_mut(&mut self.plan.catalog).insert(attr.clone());
        self.plan.attrs.push(AttrStep::Add(attr));
        Ok(())
    }

    // Steps.

    fn entity(&mut self, step: &EntityStep) -> Result<()> {
        let entity = self.entity_ref(&step.etype, &step.eid)?;
        let mode = match (step.action, step.upsert) {
            (Action::Create, _) => Some(Mode::Create),
            (_, Some(true)) => Some(Mode::Upsert),
            (_, Some(false)) => Some(Mode::Update),
            (_, None) => None,
        };
        match step.action {
            Action::Create | Action::Update | Action::Merge => {
                self.id_triple(step, &entity, mode)?;
                for (label, value) in step.args.iter().filter(|(label, _)| *label != ID) {
                    match self.plan.catalog.label(&step.etype, label) {
                        Some(Label::Link(link)) => self.link_steps(&link, &entity, value, mode, true)?,
                        Some(Label::Blob(attr)) if step.action == Action::Merge => {
                            self.plan.steps.push(TxStep::DeepMerge {
                                entity: entity.clone(),
                                attr: attr.id,
                                value: value.clone(),
                                mode,
                            });
                        }
                        Some(Label::Blob(attr)) => self.plan.steps.push(TxStep::AddTriple {
                            entity: entity.clone(),
                            attr: attr.id,
                            value: TxValue::Json(value.clone()),
                            mode,
                        }),
                        None => {}
                    }
                }
            }
            Action::Link | Action::Unlink => {
                let add = step.action == Action::Link;
                if matches!(entity, EntityRef::Lookup(..)) {
                    self.id_triple(step, &entity, mode)?;
                }
                for (label, value) in step.args.iter().filter(|(label, _)| *label != ID) {
                    let Some(link) = self.plan.catalog.link(&step.etype, label) else {
                        let problem = Problem::message(
                            vec![label.as_str().into()],
                            format!("{}.{label} is not a link", step.etype),
                        );
                        return Err(Error::validation("steps", label.as_str().into(), &[problem]));
                    };
                    self.link_steps(&link, &entity, value, mode, add)?;
                }
            }
            Action::Delete => self.plan.steps.push(TxStep::DeleteEntity { entity, etype: Some(step.etype.clone()) }),
            Action::RuleParams => {
                self.plan.steps.push(TxStep::RuleParams {
                    entity,
                    etype: step.etype.clone(),
                    params: step.args.clone(),
                });
            }
        }
        Ok(())
    }

    fn id_triple(&mut self, step: &EntityStep, entity: &EntityRef, mode: Option<Mode>) -> Result<()> {
        let Some(attr) = self.plan.catalog.id_attr(&step.etype) else { return Ok(()) };
        let value = match entity {
            EntityRef::Id(id) => TxValue::Json(id.to_string().into()),
            EntityRef::Lookup(attr, value) => TxValue::Lookup(*attr, value.clone()),
        };
        self.plan.steps.push(TxStep::AddTriple { entity: entity.clone(), attr: attr.id, value, mode });
        Ok(())
    }

    fn link_steps(
        &mut self,
        link: &Link,
        entity: &EntityRef,
        value: &Value,
        mode: Option<Mode>,
        add: bool,
    ) -> Result<()> {
        for target in targets(value) {
            if let Some(e) = Eid::broken_lookup(target) {
                return Err(e);
            }
            let target_ref = match Eid::parse(target) {
                Some(eid) => self.entity_ref(link.target(), &eid)?,
                None => return Err(bad_target(&link.attr, target)),
            };
            let (from, to) = match link.direction {
                Direction::Forward => (entity.clone(), target_ref),
                Direction::Reverse => (target_ref, entity.clone()),
            };
            let value = match to {
                EntityRef::Id(id) => TxValue::Json(id.to_string().into()),
                EntityRef::Lookup(attr, value) => TxValue::Lookup(attr, value),
            };
            let attr = link.attr.id;
            self.plan.steps.push(if add {
                // What a reverse link is put on need not be there: the mode is about the entity that was named.
                let mode = if link.direction == Direction::Forward { mode } else { None };
                TxStep::AddTriple { entity: from, attr, value, mode }
            } else {
                TxStep::RetractTriple { entity: from, attr, value }
            });
        }
        Ok(())
    }

    fn entity_ref(&self, etype: &str, eid: &Eid) -> Result<EntityRef> {
        let (label, value) = match eid {
            Eid::Id(id) => return Ok(EntityRef::Id(*id)),
            Eid::Lookup(label, value) => (label, value),
        };
        let attr: Option<&Arc<Attr>> = self.plan.catalog.forward(etype, lookup_link(label)?.unwrap_or(label));
        match attr {
            Some(attr) if attr.unique && !value.is_null() => Ok(EntityRef::Lookup(attr.id, value.clone())),
            _ => {
                let problem = Problem::message(
                    vec![etype.into(), label.as_str().into()],
                    format!("{etype}.{label} is not a unique attribute"),
                );
                Err(Error::validation("lookup", json!([label, value]), &[problem]))
            }
        }
    }
}

fn bad_target(attr: &Attr, target: &Value) -> Error {
    Error::new(
        crate::error::Kind::ValidationFailed,
        format!("{} is a link: its value must be a uuid or a lookup, got {}", attr.name(), brief(target)),
        json!({"namespace": attr.etype(), "attribute": attr.label(), "value": target, "attr-id": attr.id}),
    )
}

/// A link's value: one target, or a list of them. A pair of a label and a value is never meant there.
fn targets(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    }
    .iter()
}
