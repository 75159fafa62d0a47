//! The entities of a transaction in memory: as they were and as they become.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{AttrId, Catalog, EntityId, Triple};
use crate::key;
use crate::schema::Attr;

/// The values of an entity's attr.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slot {
    /// Of an attr of cardinality one: the value and when its triple was made.
    One(Value, i64),
    /// Of a link to many: the targets and when each was linked.
    Many(BTreeMap<EntityId, i64>),
}

impl Slot {
    /// The value of an attr of cardinality one.
    pub(super) fn one(&self) -> Option<&Value> {
        match self {
            Self::One(value, _) => Some(value),
            Self::Many(_) => None,
        }
    }

    /// The entities a link leads to.
    pub(super) fn targets(&self) -> Vec<EntityId> {
        match self {
            Self::One(value, _) => entity_id(value).into_iter().collect(),
            Self::Many(targets) => targets.keys().copied().collect(),
        }
    }

    fn is_nothing(&self) -> bool {
        match self {
            Self::One(value, _) => value.is_null(),
            Self::Many(targets) => targets.is_empty(),
        }
    }
}

pub(super) type Slots = BTreeMap<AttrId, Slot>;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) before: Slots,
    pub(super) now: Slots,
    /// What a step set, changed or not.
    pub(super) set: BTreeSet<AttrId>,
}

pub(super) struct Work<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) now_ms: i64,
    pub(super) entities: BTreeMap<EntityId, State>,
}

impl<'a> Work<'a> {
    pub(super) fn new(catalog: &'a Catalog, now_ms: i64) -> Self {
        Self { catalog, now_ms, entities: BTreeMap::new() }
    }

    /// Takes in what was loaded of `entities`. Triples of attrs that do not exist any more are not looked at.
    pub(super) fn load(&mut self, entities: &[EntityId], triples: Vec<Triple>) {
        for entity in entities {
            self.entities.entry(*entity).or_default();
        }
        for triple in triples {
            let Some(attr) = self.catalog.get(triple.attr) else { continue };
            let Some(state) = self.entities.get_mut(&triple.entity) else { continue };
            if attr.is_one() {
                state.before.insert(attr.id, Slot::One(triple.value, triple.created_ms));
            } else if let Some(target) = entity_id(&triple.value) {
                let slot = state.before.entry(attr.id).or_insert_with(|| Slot::Many(BTreeMap::new()));
                if let Slot::Many(targets) = slot {
                    targets.insert(target, triple.created_ms);
                }
            }
        }
        for entity in entities {
            if let Some(state) = self.entities.get_mut(entity) {
                state.now.clone_from(&state.before);
            }
        }
    }

    pub(super) fn is_loaded(&self, entity: EntityId) -> bool {
        self.entities.contains_key(&entity)
    }

    pub(super) fn existed(&self, entity: EntityId, etype: &str) -> bool {
        self.has_id(etype, self.entities.get(&entity).map(|state| &state.before))
    }

    pub(super) fn exists(&self, entity: EntityId, etype: &str) -> bool {
        self.has_id(etype, self.entities.get(&entity).map(|state| &state.now))
    }

    fn has_id(&self, etype: &str, slots: Option<&Slots>) -> bool {
        let id = self.catalog.id_attr(etype);
        id.is_some_and(|id| slots.is_some_and(|slots| slots.contains_key(&id.id)))
    }

    pub(super) fn value(&self, entity: EntityId, attr: AttrId) -> Option<&Value> {
        self.entities.get(&entity)?.now.get(&attr)?.one()
    }

    /// Sets a value or adds a link. Links must have been checked to be ids.
    pub(super) fn put(&mut self, entity: EntityId, attr: &Attr, value: Value) {
        let now_ms = self.now_ms;
        let state = self.entities.entry(entity).or_default();
        state.set.insert(attr.id);
        if attr.is_one() {
            let created = match state.now.get(&attr.id).or_else(|| state.before.get(&attr.id)) {
                Some(Slot::One(_, created)) => *created,
                _ => now_ms,
            };
            state.now.insert(attr.id, Slot::One(value, created));
        } else if let Some(target) = entity_id(&value) {
            let slot = state.now.entry(attr.id).or_insert_with(|| Slot::Many(BTreeMap::new()));
            if let Slot::Many(targets) = slot {
                targets.entry(target).or_insert(now_ms);
            }
        }
    }

    /// Takes a value or link away, if it is there.
    pub(super) fn retract(&mut self, entity: EntityId, attr: &Attr, value: &Value) {
        let Some(state) = self.entities.get_mut(&entity) else { return };
        state.set.insert(attr.id);
        let gone = match state.now.get_mut(&attr.id) {
            Some(Slot::One(there, _)) => key_of(attr, there, 0) == key_of(attr, value, 0),
            Some(Slot::Many(targets)) => {
                if let Some(target) = entity_id(value) {
                    targets.remove(&target);
                }
                targets.is_empty()
            }
            None => false,
        };
        if gone {
            state.now.remove(&attr.id);
        }
    }

    /// Takes a link away that nobody asked about: its target goes.
    pub(super) fn unlink(&mut self, entity: EntityId, attr: &Attr, target: EntityId) {
        let Some(state) = self.entities.get_mut(&entity) else { return };
        let gone = match state.now.get_mut(&attr.id) {
            Some(Slot::One(value, _)) => entity_id(value) == Some(target),
            Some(Slot::Many(targets)) => {
                targets.remove(&target);
                targets.is_empty()
            }
            None => false,
        };
        if gone {
            state.now.remove(&attr.id);
        }
    }

    /// Removes an entity's triples of a namespace; gives the slots of its links.
    pub(super) fn remove(&mut self, entity: EntityId, etype: &str) -> Vec<(AttrId, Slot)> {
        let catalog = self.catalog;
        let Some(state) = self.entities.get_mut(&entity) else { return Vec::new() };
        let ours = |attr: &AttrId| catalog.get(*attr).is_some_and(|attr| attr.etype() == etype);
        let gone: Vec<AttrId> = state.now.keys().filter(|attr| ours(attr)).copied().collect();
        let slots = gone.into_iter().filter_map(|attr| Some((attr, state.now.remove(&attr)?)));
        slots.filter(|(attr, _)| catalog.get(*attr).is_some_and(|attr| attr.is_ref())).collect()
    }

    /// The namespaces an id is in now.
    pub(super) fn etypes(&self, entity: EntityId) -> Vec<String> {
        let Some(state) = self.entities.get(&entity) else { return Vec::new() };
        let ids = state.now.keys().filter_map(|attr| self.catalog.get(*attr)).filter(|attr| attr.is_id());
        ids.map(|attr| attr.etype().to_owned()).collect()
    }

    /// Who links to whom among the loaded entities now: target → (entity, link).
    pub(super) fn references(&self) -> HashMap<EntityId, Vec<(EntityId, AttrId)>> {
        let mut found: HashMap<EntityId, Vec<(EntityId, AttrId)>> = HashMap::new();
        for (entity, state) in &self.entities {
            for (attr, slot) in &state.now {
                if self.catalog.get(*attr).is_some_and(|attr| attr.is_ref()) {
                    for target in slot.targets() {
                        found.entry(target).or_default().push((*entity, *attr));
                    }
                }
            }
        }
        found
    }

    /// True when an entity has a value that is not null.
    pub(super) fn has_value(&self, entity: EntityId, attr: AttrId) -> bool {
        self.entities.get(&entity).and_then(|state| state.now.get(&attr)).is_some_and(|slot| !slot.is_nothing())
    }
}

/// The index key of a value of an attr.
pub(super) fn key_of(attr: &Attr, value: &Value, now_ms: i64) -> Vec<u8> {
    key::of(value, attr.checked_data_type, now_ms)
}

/// The entity a link's value means.
pub(super) fn entity_id(value: &Value) -> Option<EntityId> {
    value.as_str()?.parse().ok()
}
