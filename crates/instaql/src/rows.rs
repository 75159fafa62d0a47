//! The answer of a query as triples, for clients that run the query again over them (instant.md section 17.2).
//!
//! The set holds what such a client needs: of each entity found its columns, what its filter and order looked at, and the
//! links that were followed, for answers and along the paths of filters. Nothing of an entity that the caller may not see.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::query::plan::{Leaf, LinkTest, Node, OrderBy, Plan, Test};
use crate::schema::{AttrId, Catalog, Direction, EntityId, Link};
use crate::tree::Level;
use crate::tx::Triple;

/// Where triples come from. Every call is a batch.
pub trait Triples {
    /// What can go wrong there.
    type Error;

    /// Triples of these entities with these attrs.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn of(&mut self, attrs: &[AttrId], entities: &[EntityId]) -> Result<Vec<Triple>, Self::Error>;

    /// Triples of a link that lead to these entities.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn to(&mut self, attr: AttrId, entities: &[EntityId]) -> Result<Vec<Triple>, Self::Error>;

    /// Which of these entities of a namespace the caller may see.
    ///
    /// # Errors
    /// When the source cannot be read, or a rule cannot be evaluated.
    fn visible(&mut self, etype: &str, entities: &[EntityId]) -> Result<HashSet<EntityId>, Self::Error>;
}

/// The triples of an answer, each once. `levels` as for [`crate::tree::write`], with what is hidden taken out.
///
/// # Errors
/// What the source says.
pub fn collect<T: Triples>(
    plan: &Plan,
    levels: &[Level],
    catalog: &Catalog,
    source: &mut T,
) -> Result<Vec<Triple>, T::Error> {
    let mut rows = Rows { source, catalog, seen: HashSet::new(), found: Vec::new() };
    for (node, level) in plan.all_nodes().into_iter().zip(levels) {
        rows.node(node, level)?;
    }
    Ok(rows.found)
}

/// The triples as the wire has them: `[[entity, attr, value, created]]`.
#[must_use]
pub fn to_json(triples: &[Triple]) -> String {
    let mut out = String::with_capacity(triples.len() * 128 + 2);
    out.push('[');
    for (at, Triple { entity, attr, value, created_ms }) in triples.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&format!("[\"{entity}\",\"{attr}\",{value},{created_ms}]"));
    }
    out.push(']');
    out
}

struct Rows<'a, T> {
    source: &'a mut T,
    catalog: &'a Catalog,
    seen: HashSet<(EntityId, AttrId, String)>,
    found: Vec<Triple>,
}

impl<T: Triples> Rows<'_, T> {
    fn node(&mut self, node: &Node, level: &Level) -> Result<(), T::Error> {
        let entities: Vec<EntityId> = level.entities.keys().copied().collect();
        if entities.is_empty() {
            return Ok(());
        }
        let mut attrs: BTreeSet<AttrId> = node.columns.iter().map(|attr| attr.id).collect();
        attrs.extend(node.id_attr.as_ref().map(|attr| attr.id));
        if let OrderBy::Attr(attr) = &node.order.by {
            attrs.insert(attr.id);
        }
        let place: HashMap<AttrId, usize> = node.columns.iter().enumerate().map(|(at, attr)| (attr.id, at)).collect();
        let attrs: Vec<AttrId> = attrs.into_iter().collect();
        for triple in self.source.of(&attrs, &entities)? {
            // A column that is not there was hidden by a rule, or has gone in the meantime.
            let hidden = place.get(&triple.attr).is_some_and(|at| {
                level.entities.get(&triple.entity).and_then(|columns| columns.get(*at)).is_none_or(Option::is_none)
            });
            if !hidden {
                self.add(triple);
            }
        }
        if let Some(link) = &node.via {
            self.links(link, level)?;
        }
        for test in node.filter.tests() {
            self.test(test, &entities)?;
        }
        Ok(())
    }

    /// The links from parents to children.
    fn links(&mut self, link: &Link, level: &Level) -> Result<(), T::Error> {
        let forward = |(parent, child): &(Option<EntityId>, EntityId)| {
            let parent = (*parent)?;
            Some(match link.direction {
                Direction::Forward => (parent, *child),
                Direction::Reverse => (*child, parent),
            })
        };
        let pairs: HashSet<(EntityId, EntityId)> = level.list.iter().filter_map(forward).collect();
        let from: BTreeSet<EntityId> = pairs.iter().map(|(from, _)| *from).collect();
        let from: Vec<EntityId> = from.into_iter().collect();
        for triple in self.source.of(&[link.attr.id], &from)? {
            if target(&triple).is_some_and(|to| pairs.contains(&(triple.entity, to))) {
                self.add(triple);
            }
        }
        Ok(())
    }

    /// What a test of a filter looked at, as far as the caller may see it.
    fn test(&mut self, Test { path, leaf }: &Test, entities: &[EntityId]) -> Result<(), T::Error> {
        let mut at = entities.to_vec();
        for link in path {
            at = self.follow(link, &at, &[])?;
            if at.is_empty() {
                return Ok(());
            }
        }
        match leaf {
            Leaf::Attr(attr, _) => {
                for triple in self.source.of(&[attr.id], &at)? {
                    self.add(triple);
                }
            }
            Leaf::Id(_) => {
                if let Some(id) = path.last().and_then(|link| self.catalog.id_attr(link.target())) {
                    for triple in self.source.of(&[id.id], &at)? {
                        self.add(triple);
                    }
                }
            }
            Leaf::Link(link, test) => {
                let asked: &[EntityId] = match test {
                    LinkTest::In(ids) => ids,
                    LinkTest::OtherThan(id) => std::slice::from_ref(id),
                    LinkTest::IsNull(_) => &[],
                };
                self.follow(link, &at, asked)?;
            }
        }
        Ok(())
    }

    /// Adds the triples of a link from some entities to those that the caller may see, or names himself; gives those.
    fn follow(&mut self, link: &Link, from: &[EntityId], named: &[EntityId]) -> Result<Vec<EntityId>, T::Error> {
        let triples = match link.direction {
            Direction::Forward => self.source.of(&[link.attr.id], from)?,
            Direction::Reverse => self.source.to(link.attr.id, from)?,
        };
        let end = |triple: &Triple| match link.direction {
            Direction::Forward => target(triple),
            Direction::Reverse => Some(triple.entity),
        };
        let ends: BTreeSet<EntityId> = triples.iter().filter_map(end).collect();
        let ends: Vec<EntityId> = ends.into_iter().collect();
        let mut visible = self.source.visible(link.target(), &ends)?;
        let seen: Vec<EntityId> = ends.iter().copied().filter(|id| visible.contains(id)).collect();
        visible.extend(named);
        for triple in triples {
            if end(&triple).is_some_and(|id| visible.contains(&id)) {
                self.add(triple);
            }
        }
        Ok(seen)
    }

    fn add(&mut self, triple: Triple) {
        if self.seen.insert((triple.entity, triple.attr, triple.value.to_string())) {
            self.found.push(triple);
        }
    }
}

fn target(triple: &Triple) -> Option<EntityId> {
    match &triple.value {
        Value::String(id) => id.parse().ok(),
        _ => None,
    }
}
