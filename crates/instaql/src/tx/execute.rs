//! Runs tx-steps over what a source loads (instant.md section 4.5).
//!
//! Steps are grouped by kind, in the order in which the kinds first appear, as the original does. An entity whose value is
//! set gets its `id` triple with it. Values may have any length: keys of long ones end in a hash ([`crate::key`]).
//! Deleting an entity may leave others without a required link: the delete wins.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::merge::deep_merge;
use super::outcome::Outcome;
use super::work::{Work, entity_id, key_of};
use super::{EntityRef, Mode, Source, TxPlan, TxStep, TxValue};
use crate::error::{Error, Kind, Problem, Result, brief};
use crate::query::plan::Caller;
use crate::schema::{Attr, AttrId, EntityId, OnDelete, Owner};
use crate::system::{FILES, USERS};

/// What a transaction needs to know besides its steps.
pub struct Context<'a> {
    /// Who writes. Users may not touch system columns.
    pub caller: Caller,
    /// The time of new triples.
    pub now_ms: i64,
    /// Makes ids of entities that a lookup creates.
    pub new_id: &'a mut dyn FnMut() -> Uuid,
}

/// Most entities one transaction deletes by cascade.
const MAX_CASCADE: usize = 200_000;

/// Runs the steps. Nothing is written: the outcome says what to write.
///
/// # Errors
/// `validation-failed` (data types `tx-step`, `lookup`, or a value that does not fit its attr), `record-not-unique`,
/// `parameter-limit-exceeded`; and what the source says.
pub fn execute<S: Source>(
    plan: &TxPlan,
    source: &mut S,
    context: Context<'_>,
) -> std::result::Result<Outcome, S::Error> {
    let mut run =
        Run { plan, source, context, lookups: HashMap::new(), made: Vec::new(), rule_params: BTreeMap::new() };
    run.resolve_lookups()?;
    let mut work = Work::new(&plan.catalog, run.context.now_ms);
    run.load(&mut work)?;
    run.check_modes(&work)?;
    for (attr, entity, value) in std::mem::take(&mut run.made) {
        run.put(&mut work, entity, &attr, value)?;
    }
    for kind in run.kinds() {
        let steps: Vec<&TxStep> = plan.steps.iter().filter(|step| std::mem::discriminant(*step) == kind).collect();
        if steps.iter().any(|step| matches!(step, TxStep::DeleteEntity { .. })) {
            run.delete(&mut work, &steps)?;
        } else {
            for step in steps {
                run.step(&mut work, step)?;
            }
        }
    }
    super::outcome::finish(plan, work, run.source, run.rule_params)
}

type Key = (AttrId, Vec<u8>);

struct Run<'a, 'c, S> {
    plan: &'a TxPlan,
    source: &'a mut S,
    context: Context<'c>,
    /// Who has the looked-up values; none for nobody.
    lookups: HashMap<Key, Option<EntityId>>,
    /// Values of entities that lookups create.
    made: Vec<(Arc<Attr>, EntityId, Value)>,
    rule_params: BTreeMap<(EntityId, String), Map<String, Value>>,
}

impl<S: Source> Run<'_, '_, S> {
    fn attr(&self, id: AttrId) -> Result<&Arc<Attr>> {
        self.plan.catalog.get(id).ok_or_else(|| {
            let problem = Problem::message(vec![id.to_string().into()], "there is no attribute with this id");
            Error::validation("tx-step", id.to_string().into(), &[problem])
        })
    }

    // Lookups.

    fn lookup_key(&self, attr: AttrId, value: &Value) -> Result<Key> {
        let attr = self.attr(attr)?;
        if !attr.unique || value.is_null() {
            let problem =
                Problem::message(vec![attr.name().into()], format!("{} is not a unique attribute", attr.name()));
            return Err(Error::validation("lookup", json!([attr.id, value]), &[problem]));
        }
        let value = if attr.is_ref() { normal_id(attr, value)? } else { value.clone() };
        Ok((attr.id, key_of(attr, &value, self.context.now_ms)))
    }

    fn resolve_lookups(&mut self) -> std::result::Result<(), S::Error> {
        // Which lookups may create: those of an entity that is written.
        let mut wanted: BTreeMap<Key, Option<Value>> = BTreeMap::new();
        for step in &self.plan.steps {
            let (entity, value, creates) = parts(step);
            if let EntityRef::Lookup(attr, value) = entity {
                let entry = wanted.entry(self.lookup_key(*attr, value)?).or_default();
                if creates {
                    *entry = Some(value.clone());
                }
            }
            if let Some((of, TxValue::Lookup(attr, value))) = value
                && self.takes_lookup(of)?
            {
                wanted.entry(self.lookup_key(*attr, value)?).or_default();
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let keys: Vec<Key> = wanted.keys().cloned().collect();
        let found = self.source.holders(&keys)?;
        for (key, found) in keys.into_iter().zip(found) {
            let found = match (found, wanted.get(&key).cloned().flatten()) {
                (None, Some(value)) => {
                    let entity = (self.context.new_id)();
                    let attr = Arc::clone(self.attr(key.0)?);
                    let value = if attr.is_ref() { normal_id(&attr, &value)? } else { value };
                    self.made.push((attr, entity, value));
                    Some(entity)
                }
                (found, _) => found,
            };
            self.lookups.insert(key, found);
        }
        Ok(())
    }

    /// Links and ids take a lookup; elsewhere a list of an id and a value is just that.
    fn takes_lookup(&self, attr: AttrId) -> Result<bool> {
        self.attr(attr).map(|attr| attr.is_ref() || attr.is_id())
    }

    fn entity(&self, entity: &EntityRef) -> Result<Option<EntityId>> {
        match entity {
            EntityRef::Id(id) => Ok(Some(*id)),
            EntityRef::Lookup(attr, value) => Ok(self.lookups.get(&self.lookup_key(*attr, value)?).copied().flatten()),
        }
    }

    // Loading and first checks.

    fn load(&mut self, work: &mut Work<'_>) -> std::result::Result<(), S::Error> {
        let mut entities = BTreeSet::new();
        for step in &self.plan.steps {
            entities.extend(self.entity(parts(step).0)?);
        }
        let made: BTreeSet<EntityId> = self.made.iter().map(|(_, entity, _)| *entity).collect();
        let entities: Vec<EntityId> = entities.difference(&made).copied().collect();
        let triples = if entities.is_empty() { Vec::new() } else { self.source.triples(&entities)? };
        work.load(&entities, triples);
        work.load(&made.into_iter().collect::<Vec<_>>(), Vec::new());
        Ok(())
    }

    fn check_modes(&self, work: &Work<'_>) -> Result<()> {
        let (mut exist, mut missing) = (BTreeSet::new(), BTreeSet::new());
        for step in &self.plan.steps {
            let (TxStep::AddTriple { entity, attr, mode: Some(mode), .. }
            | TxStep::DeepMerge { entity, attr, mode: Some(mode), .. }) = step
            else {
                continue;
            };
            let Some(entity) = self.entity(entity)? else { continue };
            let etype = self.attr(*attr)?.etype();
            match (mode, work.existed(entity, etype)) {
                (Mode::Create, true) => exist.insert((etype, entity)),
                (Mode::Update, false) => missing.insert((etype, entity)),
                _ => continue,
            };
        }
        for (list, what) in [(exist, "Creating entities that exist"), (missing, "Updating entities that don't exist")] {
            if !list.is_empty() {
                let names: Vec<String> = list.iter().map(|(etype, entity)| format!("{etype} {entity}")).collect();
                let problem = Problem::message(Vec::new(), format!("{what}: {}", names.join(", ")));
                return Err(Error::validation("tx-step", json!(names), &[problem]));
            }
        }
        Ok(())
    }

    fn kinds(&self) -> Vec<std::mem::Discriminant<TxStep>> {
        let mut kinds = Vec::new();
        for step in &self.plan.steps {
            let kind = std::mem::discriminant(step);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    // Steps.

    fn step(&mut self, work: &mut Work<'_>, step: &TxStep) -> Result<()> {
        match step {
            TxStep::AddTriple { entity, attr, value, .. } => {
                let Some(entity) = self.entity(entity)? else { return Ok(()) };
                let attr = Arc::clone(self.attr(*attr)?);
                let value = self.value(&attr, value)?;
                self.put(work, entity, &attr, value)
            }
            TxStep::DeepMerge { entity, attr, value, .. } => {
                let Some(entity) = self.entity(entity)? else { return Ok(()) };
                let attr = Arc::clone(self.attr(*attr)?);
                if attr.is_ref() {
                    return Err(bad_value(&attr, entity, value, "a link cannot be merged"));
                }
                let mut merged = work.value(entity, attr.id).cloned().unwrap_or_default();
                deep_merge(&mut merged, value);
                self.put(work, entity, &attr, merged)
            }
            TxStep::RetractTriple { entity, attr, value } => {
                let Some(entity) = self.entity(entity)? else { return Ok(()) };
                let attr = Arc::clone(self.attr(*attr)?);
                if attr.is_id() {
                    return Err(bad_value(&attr, entity, &Value::Null, "an id cannot be retracted; delete the entity"));
                }
                self.guard(work, entity, &attr)?;
                let value = self.value(&attr, value)?;
                work.retract(entity, &attr, &value);
                Ok(())
            }
            TxStep::RuleParams { entity, etype, params } => {
                if let Some(entity) = self.entity(entity)? {
                    self.rule_params.entry((entity, etype.clone())).or_default().extend(params.clone());
                }
                Ok(())
            }
            TxStep::DeleteEntity { .. } => Ok(()),
        }
    }

    /// The value a step means: lookups resolved.
    fn value(&self, attr: &Attr, value: &TxValue) -> Result<Value> {
        match value {
            TxValue::Json(value) => Ok(value.clone()),
            TxValue::Lookup(of, value) if attr.is_ref() || attr.is_id() => {
                match self.lookups.get(&self.lookup_key(*of, value)?).copied().flatten() {
                    Some(entity) => Ok(entity.to_string().into()),
                    None => {
                        let problem = Problem::message(
                            vec![self.plan.name(*of).into()],
                            format!("no entity has {} = {}", self.plan.name(*of), brief(value)),
                        );
                        Err(Error::validation("lookup", json!([of, value]), &[problem]))
                    }
                }
            }
            TxValue::Lookup(of, value) => Ok(json!([of, value])),
        }
    }

    fn put(&self, work: &mut Work<'_>, entity: EntityId, attr: &Arc<Attr>, value: Value) -> Result<()> {
        self.guard(work, entity, attr)?;
        let value = if attr.is_id() {
            // The id of an entity is its id, whatever the step says.
            entity.to_string().into()
        } else if attr.is_ref() {
            normal_id(attr, &value).map_err(|_e| bad_value(attr, entity, &value, "a link's value must be a uuid"))?
        } else {
            value
        };
        if has_nul(&value) {
            return Err(bad_value(attr, entity, &value, "text must not hold NUL characters"));
        }
        if let Some(checked) = attr.checked_data_type
            && !checked.accepts(&value)
        {
            let given = crate::query::json_type(&value);
            return Err(bad_value(
                attr,
                entity,
                &value,
                &format!("the value must be a {}, got the {given} {}", checked.name(), brief(&value)),
            ));
        }
        if !attr.is_ref()
            && !work.exists(entity, attr.etype())
            && let Some(id) = self.plan.catalog.id_attr(attr.etype())
            && id.id != attr.id
        {
            work.put(entity, &Arc::clone(id), entity.to_string().into());
        }
        work.put(entity, attr, value);
        Ok(())
    }

    /// What may be written to system namespaces (end of section 4.5).
    fn guard(&self, work: &Work<'_>, entity: EntityId, attr: &Attr) -> Result<()> {
        if attr.owner == Owner::User && !attr.etype().starts_with('$') {
            return Ok(());
        }
        let admin = self.context.caller == Caller::Admin;
        let exists = work.existed(entity, attr.etype());
        let allowed = match attr.etype() {
            // Files come by upload.
            FILES if !exists && attr.is_id() => false,
            _ if admin => true,
            USERS => exists && (attr.is_id() || attr.owner == Owner::User),
            FILES => attr.is_id() || attr.label() == "path" || attr.owner == Owner::User,
            _ => attr.owner == Owner::User,
        };
        if allowed {
            return Ok(());
        }
        let what = if exists { "cannot be changed by a transaction" } else { "cannot be created by a transaction" };
        Err(Error::validation(
            "tx-step",
            attr.name().into(),
            &[Problem::message(vec![attr.etype().into()], format!("{} {what}", attr.name()))],
        ))
    }

    // Deleting.

    fn delete(&mut self, work: &mut Work<'_>, steps: &[&TxStep]) -> std::result::Result<(), S::Error> {
        let mut level: Vec<(EntityId, String)> = Vec::new();
        for step in steps {
            let TxStep::DeleteEntity { entity, etype } = step else { continue };
            let Some(entity) = self.entity(entity)? else { continue };
            match etype {
                Some(etype) => level.push((entity, etype.clone())),
                None => level.extend(work.etypes(entity).into_iter().map(|etype| (entity, etype))),
            }
        }
        for (_, etype) in &level {
            if self.context.caller != Caller::Admin && etype.starts_with('$') && etype != FILES {
                let problem = Problem::message(
                    vec![etype.as_str().into()],
                    format!("{etype} cannot be deleted by a transaction"),
                );
                return Err(Error::validation("tx-step", etype.as_str().into(), &[problem]).into());
            }
        }
        // Who was told what the root was told.
        let mut seen: BTreeSet<(EntityId, String)> = level.iter().cloned().collect();
        while !level.is_empty() {
            if seen.len() > MAX_CASCADE {
                let message = format!("The delete cascades to more than {MAX_CASCADE} entities");
                return Err(Error::new(Kind::ParameterLimitExceeded, message, Value::Null).into());
            }
            let ids: BTreeSet<EntityId> = level.iter().map(|(entity, _)| *entity).collect();
            let ids: Vec<EntityId> = ids.into_iter().collect();
            let references = self.source.references(&ids)?;
            let unknown: BTreeSet<EntityId> =
                references.iter().map(|t| t.entity).filter(|entity| !work.is_loaded(*entity)).collect();
            self.load_more(work, unknown.into_iter().collect())?;
            let mut next = Vec::new();
            let incoming = work.references();
            for (entity, etype) in &level {
                let cascaded = self.delete_one(work, *entity, etype, incoming.get(entity).map_or(&[], Vec::as_slice));
                for found in cascaded {
                    if seen.insert(found.clone()) {
                        if let Some(params) = self.rule_params.get(&(*entity, etype.clone())).cloned() {
                            self.rule_params.entry(found.clone()).or_insert(params);
                        }
                        next.push(found);
                    }
                }
            }
            let unknown = next.iter().map(|(entity, _)| *entity).filter(|entity| !work.is_loaded(*entity));
            let unknown: BTreeSet<EntityId> = unknown.collect();
            self.load_more(work, unknown.into_iter().collect())?;
            level = next;
        }
        Ok(())
    }

    fn load_more(&mut self, work: &mut Work<'_>, entities: Vec<EntityId>) -> std::result::Result<(), S::Error> {
        if !entities.is_empty() {
            let triples = self.source.triples(&entities)?;
            work.load(&entities, triples);
        }
        Ok(())
    }

    /// Deletes one entity and the links to it; gives what must go with it.
    fn delete_one(
        &self,
        work: &mut Work<'_>,
        entity: EntityId,
        etype: &str,
        incoming: &[(EntityId, AttrId)],
    ) -> Vec<(EntityId, String)> {
        let catalog = &self.plan.catalog;
        let mut cascaded = Vec::new();
        for (attr, slot) in work.remove(entity, etype) {
            let Some(attr) = catalog.get(attr) else { continue };
            if attr.on_delete_reverse == Some(OnDelete::Cascade)
                && let Some(reverse) = &attr.reverse_identity
            {
                cascaded.extend(slot.targets().into_iter().map(|target| (target, reverse.1.clone())));
            }
        }
        for (from, attr) in incoming {
            let Some(attr) = catalog.get(*attr) else { continue };
            if attr.reverse_identity.as_ref().is_none_or(|reverse| reverse.1 != etype) {
                continue;
            }
            work.unlink(*from, attr, entity);
            if attr.on_delete == Some(OnDelete::Cascade) {
                cascaded.push((*from, attr.etype().to_owned()));
            }
        }
        cascaded
    }
}

/// The entity of a step, its value with the attr it is for, and whether the step makes the entity.
fn parts(step: &TxStep) -> (&EntityRef, Option<(AttrId, &TxValue)>, bool) {
    match step {
        TxStep::AddTriple { entity, attr, value, .. } => (entity, Some((*attr, value)), true),
        TxStep::RetractTriple { entity, attr, value } => (entity, Some((*attr, value)), true),
        TxStep::DeepMerge { entity, .. } => (entity, None, true),
        TxStep::DeleteEntity { entity, .. } | TxStep::RuleParams { entity, .. } => (entity, None, false),
    }
}

/// A link's value in lower case.
fn normal_id(attr: &Attr, value: &Value) -> Result<Value> {
    match entity_id(value) {
        Some(id) => Ok(id.to_string().into()),
        None => {
            let problem =
                Problem::message(vec![attr.name().into()], format!("{} is a link, got {}", attr.name(), brief(value)));
            Err(Error::validation("lookup", value.clone(), &[problem]))
        }
    }
}

/// A value that does not fit its attr: the one validation error without the usual prefix (section 4.5, point 7).
fn bad_value(attr: &Attr, entity: EntityId, value: &Value, why: &str) -> Error {
    Error::new(
        Kind::ValidationFailed,
        format!("Invalid value for {}: {why}", attr.name()),
        json!({
            "namespace": attr.etype(), "attribute": attr.label(), "value": value, "attr-id": attr.id, "entity-id": entity,
            "checked-data-type": attr.checked_data_type.map(crate::schema::CheckedType::name),
        }),
    )
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}
