//! A data API in memory, as simple as it can be: what tests compare with. Feature `naive`.
//!
//! [`Db::query`] evaluates the query as it was written, by the words of the reference and without keys or plans, so that
//! it can find mistakes in those. [`levels`] runs a plan as a server does.

mod plan;
mod query;
mod sample;

use std::sync::Arc;

use serde_json::Value;

pub use plan::{levels, passes};
pub use sample::triples as sample;

use crate::key;
use crate::schema::{AttrId, Catalog, EntityId};
use crate::tx::{Outcome, Source, Triple};

/// An app's data.
#[derive(Debug, Clone, Default)]
pub struct Db {
    /// The app's attrs.
    pub catalog: Arc<Catalog>,
    /// Its triples, in no order.
    pub triples: Vec<Triple>,
}

impl Db {
    /// Writes an outcome down.
    pub fn apply(&mut self, outcome: &Outcome) {
        for change in &outcome.changes {
            let is_one = self.catalog.get(change.attr).is_some_and(|attr| attr.is_one());
            self.triples.retain(|triple| {
                let same = triple.entity == change.entity && triple.attr == change.attr;
                !(same && (is_one || Some(&triple.value) == change.old.as_ref()))
            });
            if let Some(value) = change.new.clone() {
                self.triples.push(Triple {
                    entity: change.entity,
                    attr: change.attr,
                    value,
                    created_ms: change.created_ms,
                });
            }
        }
    }

    /// The triple of an entity's attr of cardinality one.
    #[must_use]
    pub fn triple(&self, entity: EntityId, attr: AttrId) -> Option<&Triple> {
        self.triples.iter().find(|triple| triple.entity == entity && triple.attr == attr)
    }

    /// The entities that a label of an entity leads to.
    #[must_use]
    pub fn targets(&self, entity: EntityId, link: &crate::schema::Link) -> Vec<EntityId> {
        let of_link = self.triples.iter().filter(|triple| triple.attr == link.attr.id);
        let id = |triple: &Triple| triple.value.as_str().and_then(|id| id.parse::<EntityId>().ok());
        match link.direction {
            crate::schema::Direction::Forward => {
                of_link.filter(|triple| triple.entity == entity).filter_map(id).collect()
            }
            crate::schema::Direction::Reverse => {
                of_link.filter(|triple| id(triple) == Some(entity)).map(|triple| triple.entity).collect()
            }
        }
    }

    /// The values along `labels` from an entity, as `data.ref` gives them: each once, without nulls.
    #[must_use]
    pub fn reference(&self, entity: EntityId, etype: &str, labels: &[String]) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        for end in self.ends(entity, etype, labels).unwrap_or_default() {
            if let query::End::Value(value) = end
                && !found.contains(&value)
            {
                found.push(value);
            }
        }
        found
    }
}

impl Source for Db {
    type Error = crate::Error;

    fn holders(&mut self, wanted: &[(AttrId, Vec<u8>)]) -> crate::Result<Vec<Option<EntityId>>> {
        let holder = |(attr, wanted): &(AttrId, Vec<u8>)| {
            let checked = self.catalog.get(*attr).and_then(|attr| attr.checked_data_type);
            let mut of_attr = self.triples.iter().filter(|triple| triple.attr == *attr);
            of_attr.find(|triple| key::of(&triple.value, checked, 0) == *wanted).map(|triple| triple.entity)
        };
        Ok(wanted.iter().map(holder).collect())
    }

    fn triples(&mut self, entities: &[EntityId]) -> crate::Result<Vec<Triple>> {
        Ok(self.triples.iter().filter(|triple| entities.contains(&triple.entity)).cloned().collect())
    }

    fn references(&mut self, entities: &[EntityId]) -> crate::Result<Vec<Triple>> {
        let is_ref = |triple: &&Triple| self.catalog.get(triple.attr).is_some_and(|attr| attr.is_ref());
        let leads = |triple: &&Triple| entities.iter().any(|id| triple.value.as_str() == Some(&id.to_string()));
        Ok(self.triples.iter().filter(is_ref).filter(leads).cloned().collect())
    }
}

/// Everybody may see everything.
impl crate::rows::Triples for Db {
    type Error = crate::Error;

    fn of(&mut self, attrs: &[AttrId], entities: &[EntityId]) -> crate::Result<Vec<Triple>> {
        let wanted = |triple: &&Triple| attrs.contains(&triple.attr) && entities.contains(&triple.entity);
        Ok(self.triples.iter().filter(wanted).cloned().collect())
    }

    fn to(&mut self, attr: AttrId, entities: &[EntityId]) -> crate::Result<Vec<Triple>> {
        let mut leading = self.references(entities)?;
        leading.retain(|triple| triple.attr == attr);
        Ok(leading)
    }

    fn visible(&mut self, _etype: &str, entities: &[EntityId]) -> crate::Result<std::collections::HashSet<EntityId>> {
        Ok(entities.iter().copied().collect())
    }
}
