//! The tx-steps of the WebSocket (instant.md section 17.3).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{AttrStep, EntityRef, MAX_STEPS, Mode, TxPlan, TxStep, TxValue};
use crate::error::{Error, Kind, Problem, Result, brief};
use crate::schema::{Attr, Catalog, EntityId};

/// Reads `tx-steps`. Attrs that they add are in the plan's catalog.
///
/// # Errors
/// `param-missing` or `param-malformed` when there is no list; `validation-failed` for `tx-steps` with the place; for
/// `attributes` where an attr is not valid.
pub fn parse(steps: Option<&Value>, catalog: &Arc<Catalog>) -> Result<TxPlan> {
    let Some(steps) = steps.filter(|steps| !steps.is_null()) else { return Err(Error::missing(&["tx-steps"])) };
    let Some(list) = steps.as_array() else { return Err(Error::malformed(&["tx-steps"], steps.clone())) };
    if list.len() > MAX_STEPS {
        let message = format!("A transaction has at most {MAX_STEPS} steps");
        return Err(Error::new(Kind::ParameterLimitExceeded, message, Value::Null));
    }
    let mut plan = TxPlan { catalog: Arc::clone(catalog), attrs: Vec::new(), steps: Vec::new() };
    for (at, step) in list.iter().enumerate() {
        let reader = Reader { at, parts: step.as_array().map_or(&[], Vec::as_slice), step };
        match reader.read()? {
            Read::Attr(step) => {
                if let AttrStep::Add(attr) = &step {
                    attr.validate()?;
                    Arc::make_mut(&mut plan.catalog).insert(attr.clone());
                }
                plan.attrs.push(step);
            }
            Read::Triple(step) => plan.steps.push(step),
        }
    }
    Ok(plan)
}

enum Read {
    Attr(AttrStep),
    Triple(TxStep),
}

struct Reader<'a> {
    at: usize,
    parts: &'a [Value],
    step: &'a Value,
}

impl Reader<'_> {
    fn read(&self) -> Result<Read> {
        Ok(match self.part(0).as_str() {
            Some("add-attr") => {
                let attr: Attr =
                    serde_json::from_value(self.part(1).clone()).map_err(|_shape| self.wrong(1, "this is no attr"))?;
                Read::Attr(AttrStep::Add(attr))
            }
            Some("update-attr") => {
                let patch = self.object(1)?;
                let id = patch.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
                Read::Attr(AttrStep::Update(id.ok_or_else(|| self.wrong(1, "the attr has no id"))?, patch))
            }
            Some("delete-attr") => Read::Attr(AttrStep::Delete(self.id(1)?)),
            Some("restore-attr") => Read::Attr(AttrStep::Restore(self.id(1)?)),
            Some("add-triple") => {
                let (entity, attr, value, mode) = (self.entity()?, self.id(2)?, self.value()?, self.mode()?);
                Read::Triple(TxStep::AddTriple { entity, attr, value, mode })
            }
            Some("deep-merge-triple") => {
                let (entity, attr, mode) = (self.entity()?, self.id(2)?, self.mode()?);
                Read::Triple(TxStep::DeepMerge { entity, attr, value: self.part(3).clone(), mode })
            }
            Some("retract-triple") => {
                let (entity, attr, value) = (self.entity()?, self.id(2)?, self.value()?);
                Read::Triple(TxStep::RetractTriple { entity, attr, value })
            }
            Some("delete-entity") => {
                let etype = self.part(2).as_str().map(str::to_owned);
                Read::Triple(TxStep::DeleteEntity { entity: self.entity()?, etype })
            }
            Some("rule-params") => {
                let etype = self.part(2).as_str().ok_or_else(|| self.wrong(2, "the namespace is a string"))?.to_owned();
                Read::Triple(TxStep::RuleParams { entity: self.entity()?, etype, params: self.object(3)? })
            }
            Some(word) => return Err(self.wrong(0, &format!("{word} is not a supported step"))),
            None => return Err(self.wrong(0, "a step is a list that starts with its name")),
        })
    }

    fn part(&self, place: usize) -> &Value {
        self.parts.get(place).unwrap_or(&Value::Null)
    }

    fn wrong(&self, place: usize, message: &str) -> Error {
        let problem = Problem::message(vec![self.at.into(), place.into()], message);
        Error::validation("tx-steps", self.step.clone(), &[problem])
    }

    fn id(&self, place: usize) -> Result<EntityId> {
        let part = self.part(place);
        let id = part.as_str().and_then(|text| text.parse().ok());
        id.ok_or_else(|| self.wrong(place, &format!("expected a uuid, got {}", brief(part))))
    }

    fn object(&self, place: usize) -> Result<Map<String, Value>> {
        self.part(place).as_object().cloned().ok_or_else(|| self.wrong(place, "expected an object"))
    }

    fn lookup(&self, place: usize) -> Result<Option<(EntityId, Value)>> {
        let Some([attr, value]) = self.part(place).as_array().map(Vec::as_slice) else { return Ok(None) };
        let attr = attr.as_str().and_then(|text| text.parse().ok());
        Ok(attr.map(|attr| (attr, value.clone())))
    }

    fn entity(&self) -> Result<EntityRef> {
        if self.part(1).is_array() {
            let lookup = self.lookup(1)?.ok_or_else(|| self.wrong(1, "a lookup is [attr id, value]"))?;
            return Ok(EntityRef::Lookup(lookup.0, lookup.1));
        }
        self.id(1).map(EntityRef::Id)
    }

    /// A list of two that starts with the id of an attr is a lookup only where the attr is a link; whether it is one is
    /// known when the step runs, so both are kept apart here by the shape alone.
    fn value(&self) -> Result<TxValue> {
        if self.parts.len() < 4 {
            return Err(self.wrong(3, "the value is missing"));
        }
        Ok(match self.lookup(3)? {
            Some((attr, value)) => TxValue::Lookup(attr, value),
            None => TxValue::Json(self.part(3).clone()),
        })
    }

    fn mode(&self) -> Result<Option<Mode>> {
        match self.part(4).get("mode") {
            None | Some(Value::Null) => Ok(None),
            Some(mode) => {
                let known = [Mode::Create, Mode::Update, Mode::Upsert].into_iter().find(|m| mode == m.name());
                known.map(Some).ok_or_else(|| self.wrong(4, &format!("unknown mode {}", brief(mode))))
            }
        }
    }
}
