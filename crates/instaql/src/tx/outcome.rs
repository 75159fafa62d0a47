//! What a transaction changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::work::{Slot, Slots, State, Work, key_of};
use super::{Source, TxPlan};
use crate::error::{Error, Kind, Result};
use crate::schema::{Attr, AttrId, Catalog, EntityId};

/// Everything a server needs to write a transaction down, check its rules and tell others.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Triples that appear, change or go. No two are about the same triple, and none leaves things as they were.
    pub changes: Vec<Change>,
    /// The entities whose existence or values change, for the rules `create`, `update` and `delete`.
    pub touched: Vec<Touched>,
    /// The links that appear or go, for the rules `link` and `unlink`. Those that a delete takes along are not here.
    pub links: Vec<LinkChange>,
    /// Triples that did not change and yet count as changed for live queries: those of an entity that appears or goes
    /// and of what links to it.
    pub stirred: Vec<Stirred>,
    /// What `ruleParams` said, by entity and namespace; entities that a delete cascades to are told what its root was.
    pub rule_params: Params,
}

/// `ruleParams` by entity and namespace.
pub type Params = BTreeMap<(EntityId, String), Map<String, Value>>;

/// A triple that changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whose.
    pub entity: EntityId,
    /// Of what.
    pub attr: AttrId,
    /// What was there; none when it appears.
    pub old: Option<Value>,
    /// What is there now; none when it goes. Of a link to many, one of both is none.
    pub new: Option<Value>,
    /// The index key of `old`.
    pub old_key: Option<Vec<u8>>,
    /// The index key of `new`.
    pub new_key: Option<Vec<u8>>,
    /// When the triple was first written: now, or kept.
    pub created_ms: i64,
}

/// A triple that only counts as changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stirred {
    /// Whose.
    pub entity: EntityId,
    /// Of what.
    pub attr: AttrId,
    /// The index key of its value.
    pub key: Vec<u8>,
}

/// An entity of one namespace that a transaction touches.
#[derive(Debug, Clone, PartialEq)]
pub struct Touched {
    /// Which.
    pub entity: EntityId,
    /// In which namespace.
    pub etype: String,
    /// Its values before, by label; none when it was not there.
    pub before: Option<Map<String, Value>>,
    /// Its values after; none when it is gone.
    pub after: Option<Map<String, Value>>,
    /// Labels of the values that changed, and of those that were set to what they were.
    pub modified: Vec<String>,
}

impl Touched {
    /// The rule that is asked: `create`, `update` or `delete`.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "create",
            (Some(_), Some(_)) => "update",
            (Some(_), None) => "delete",
        }
    }
}

/// A link that appears or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkChange {
    /// The link.
    pub attr: AttrId,
    /// The forward side.
    pub entity: EntityId,
    /// The other.
    pub target: EntityId,
    /// True when it appears.
    pub added: bool,
}

/// Adds what creation adds, checks what must hold in the end, and compares after with before.
pub(super) fn finish<S: Source>(
    plan: &TxPlan,
    mut work: Work<'_>,
    source: &mut S,
    rule_params: Params,
) -> std::result::Result<Outcome, S::Error> {
    let created = created(&work);
    add_nulls(&mut work, &created);
    let mut outcome =
        Outcome { changes: Vec::new(), touched: Vec::new(), links: Vec::new(), stirred: Vec::new(), rule_params };
    for (entity, state) in &work.entities {
        compare(&work, *entity, state, &mut outcome);
        touched(&work, *entity, state, &mut outcome.touched);
    }
    check_required(&work, &outcome.touched)?;
    check_unique(&work, source, &outcome.changes)?;
    stir(&work, source, &created, &mut outcome)?;
    debug_assert!(outcome.changes.iter().all(|change| plan.catalog.get(change.attr).is_some()));
    Ok(outcome)
}

/// The entities that were not in a namespace before and are now.
fn created(work: &Work<'_>) -> BTreeSet<(EntityId, String)> {
    let mut found = BTreeSet::new();
    for (entity, state) in &work.entities {
        let ids = state
            .now
            .keys()
            .filter(|attr| !state.before.contains_key(*attr))
            .filter_map(|attr| work.catalog.get(*attr));
        found.extend(ids.filter(|attr| attr.is_id()).map(|attr| (*entity, attr.etype().to_owned())));
    }
    found
}

/// Indexed columns of a new entity have a triple even without a value, so that an index alone can order by them.
fn add_nulls(work: &mut Work<'_>, created: &BTreeSet<(EntityId, String)>) {
    for (entity, etype) in created {
        let empty: Vec<_> = work.catalog.of(etype).filter(|attr| attr.is_filled()).cloned().collect();
        for attr in empty {
            if let Some(state) = work.entities.get_mut(entity) {
                state.now.entry(attr.id).or_insert(Slot::One(Value::Null, work.now_ms));
            }
        }
    }
}

fn compare(work: &Work<'_>, entity: EntityId, state: &State, outcome: &mut Outcome) {
    let attrs: BTreeSet<AttrId> = state.before.keys().chain(state.now.keys()).copied().collect();
    for id in attrs {
        let Some(attr) = work.catalog.get(id) else { continue };
        let (before, now) = (state.before.get(&id), state.now.get(&id));
        if before == now {
            continue;
        }
        let change = |old: Option<Value>, new: Option<Value>, created_ms: i64| Change {
            entity,
            attr: id,
            old_key: old.as_ref().map(|value| key_of(attr, value, work.now_ms)),
            new_key: new.as_ref().map(|value| key_of(attr, value, work.now_ms)),
            old,
            new,
            created_ms,
        };
        if attr.is_one() {
            let (old, new) = (before.and_then(Slot::one).cloned(), now.and_then(Slot::one).cloned());
            let created = match now.or(before) {
                Some(Slot::One(_, created)) => *created,
                _ => work.now_ms,
            };
            outcome.changes.push(change(old, new, created));
        } else {
            let empty = BTreeMap::new();
            let set = |slot: Option<&'_ Slot>| match slot {
                Some(Slot::Many(targets)) => targets.clone(),
                _ => empty.clone(),
            };
            let (before, now) = (set(before), set(now));
            for (target, created) in before.iter().filter(|(target, _)| !now.contains_key(*target)) {
                outcome.changes.push(change(Some(target.to_string().into()), None, *created));
            }
            for (target, created) in now.iter().filter(|(target, _)| !before.contains_key(*target)) {
                outcome.changes.push(change(None, Some(target.to_string().into()), *created));
            }
        }
        if attr.is_ref() && state.set.contains(&id) {
            links(entity, id, before, now, &mut outcome.links);
        }
    }
}

fn links(entity: EntityId, attr: AttrId, before: Option<&Slot>, now: Option<&Slot>, out: &mut Vec<LinkChange>) {
    let targets = |slot: Option<&Slot>| -> BTreeSet<EntityId> {
        slot.map(Slot::targets).unwrap_or_default().into_iter().collect()
    };
    let (before, now) = (targets(before), targets(now));
    out.extend(before.difference(&now).map(|target| LinkChange { attr, entity, target: *target, added: false }));
    out.extend(now.difference(&before).map(|target| LinkChange { attr, entity, target: *target, added: true }));
}

fn touched(work: &Work<'_>, entity: EntityId, state: &State, out: &mut Vec<Touched>) {
    let mut by_etype: BTreeMap<&str, Vec<&Attr>> = BTreeMap::new();
    let changed =
        state.before.keys().chain(state.now.keys()).filter(|attr| state.before.get(*attr) != state.now.get(*attr));
    for id in state.set.iter().chain(changed) {
        if let Some(attr) = work.catalog.get(*id) {
            by_etype.entry(attr.etype()).or_default().push(attr);
        }
    }
    for (etype, attrs) in by_etype {
        let record =
            |slots: &Slots, exists: bool| exists.then(|| record(work.catalog, etype, |attr| slots.get(&attr)?.one()));
        let before = record(&state.before, work.existed(entity, etype));
        let after = record(&state.now, work.exists(entity, etype));
        // A link alone is the business of the rules for links.
        if before.is_some() == after.is_some() && (before.is_none() || attrs.iter().all(|attr| attr.is_ref())) {
            continue;
        }
        let modified: BTreeSet<&str> = attrs.iter().filter(|attr| !attr.is_id()).map(|attr| attr.label()).collect();
        let modified = modified.into_iter().map(str::to_owned).collect();
        out.push(Touched { entity, etype: etype.to_owned(), before, after, modified });
    }
}

/// Entities that were written must have what is required. Links that a delete took along are not asked about.
fn check_required(work: &Work<'_>, touched: &[Touched]) -> Result<()> {
    let mut missing: BTreeMap<String, Vec<EntityId>> = BTreeMap::new();
    let written = work.entities.iter().flat_map(|(entity, state)| {
        let retracted = state.set.iter().filter_map(|attr| work.catalog.get(*attr));
        retracted.map(|attr| (*entity, attr.etype()))
    });
    let asked: BTreeSet<(EntityId, &str)> =
        written.chain(touched.iter().filter(|t| t.before.is_none()).map(|t| (t.entity, t.etype.as_str()))).collect();
    for (entity, etype) in asked {
        if !work.exists(entity, etype) {
            continue;
        }
        for attr in work.catalog.of(etype).filter(|attr| attr.required && !attr.is_id()) {
            if !work.has_value(entity, attr.id) {
                missing.entry(format!("{etype}/{}", attr.label())).or_default().push(entity);
            }
        }
    }
    let Some((name, entities)) = missing.first_key_value() else { return Ok(()) };
    let ids: Vec<String> = entities.iter().map(EntityId::to_string).collect();
    Err(Error::new(
        Kind::ValidationFailed,
        format!("Missing required attributes: {name} on {}", ids.join(", ")),
        json!({"data-type": "tx-step", "errors": [{"message": format!("{name} is required"), "hint": {"attribute": name, "entity-ids": ids}}]}),
    ))
}

/// Nobody else may have a new value of a unique attr, neither in the transaction nor in the database.
fn check_unique<S: Source>(work: &Work<'_>, source: &mut S, changes: &[Change]) -> std::result::Result<(), S::Error> {
    let mut wanted: HashMap<(AttrId, Vec<u8>), (EntityId, &Value)> = HashMap::new();
    for change in changes {
        let (Some(new), Some(key), Some(attr)) = (&change.new, &change.new_key, work.catalog.get(change.attr)) else {
            continue;
        };
        if !attr.unique || attr.is_id() || new.is_null() || change.old_key.as_ref() == Some(key) {
            continue;
        }
        let before = wanted.insert((attr.id, key.clone()), (change.entity, new));
        if before.is_some_and(|(other, _)| other != change.entity) {
            return Err(Error::not_unique(attr, new).into());
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let keys: Vec<(AttrId, Vec<u8>)> = wanted.keys().cloned().collect();
    let holders = source.holders(&keys)?;
    for (place, holder) in keys.iter().zip(holders) {
        let (Some(holder), Some((entity, value)), Some(attr)) = (holder, wanted.get(place), work.catalog.get(place.0))
        else {
            continue;
        };
        if holder != *entity && still_holds(work, holder, attr, &place.1) {
            return Err(Error::not_unique(attr, value).into());
        }
    }
    Ok(())
}

fn still_holds(work: &Work<'_>, holder: EntityId, attr: &Attr, key: &[u8]) -> bool {
    let Some(state) = work.entities.get(&holder) else { return true };
    match state.now.get(&attr.id) {
        Some(Slot::One(value, _)) => key_of(attr, value, work.now_ms) == key,
        Some(Slot::Many(targets)) => targets.keys().any(|target| key_of(attr, &target.to_string().into(), 0) == key),
        None => false,
    }
}

/// What was there before an entity came, and now counts.
fn stir<S: Source>(
    work: &Work<'_>,
    source: &mut S,
    created: &BTreeSet<(EntityId, String)>,
    outcome: &mut Outcome,
) -> std::result::Result<(), S::Error> {
    let ids: BTreeSet<EntityId> = created.iter().map(|(entity, _)| *entity).collect();
    if ids.is_empty() {
        return Ok(());
    }
    for triple in source.references(&ids.iter().copied().collect::<Vec<_>>())? {
        if let Some(attr) = work.catalog.get(triple.attr) {
            let key = key_of(attr, &triple.value, work.now_ms);
            outcome.stirred.push(Stirred { entity: triple.entity, attr: triple.attr, key });
        }
    }
    for entity in ids {
        let Some(state) = work.entities.get(&entity) else { continue };
        for (id, slot) in &state.before {
            let Some(attr) = work.catalog.get(*id) else { continue };
            let values: Vec<Value> = match slot {
                Slot::One(value, _) => vec![value.clone()],
                Slot::Many(targets) => targets.keys().map(|target| target.to_string().into()).collect(),
            };
            let stirred =
                values.iter().map(|value| Stirred { entity, attr: *id, key: key_of(attr, value, work.now_ms) });
            outcome.stirred.extend(stirred);
        }
    }
    Ok(())
}

/// The values of an entity in a namespace by label: those of cardinality one. `triples` gives the value of an attr.
pub(super) fn record<'a>(
    catalog: &Catalog,
    etype: &str,
    value_of: impl Fn(AttrId) -> Option<&'a Value>,
) -> Map<String, Value> {
    let attrs = catalog.of(etype).filter(|attr| attr.is_one());
    attrs.filter_map(|attr| Some((attr.label().to_owned(), value_of(attr.id)?.clone()))).collect()
}

impl TxPlan {
    /// The namespace of an attr, for messages.
    pub(super) fn name(&self, attr: AttrId) -> String {
        self.catalog.get(attr).map_or_else(|| attr.to_string(), |attr| attr.name())
    }
}
