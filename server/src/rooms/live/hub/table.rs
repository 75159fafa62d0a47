//! A namespace as clients hold a copy of it (`start-sync`): its entities in order, and what turns one state into the next.

use std::collections::{HashMap, VecDeque};

use keystead_instaql::schema::{AttrId, EntityId};
use serde_json::{Value, json};

/// Bytes of changes that are kept for clients who have not taken them; whoever is further behind loads anew.
const MAX_KEPT: usize = 1024 * 1024;
/// Bytes of one transaction's changes; beyond that loading anew, in batches, is better for everybody.
const MAX_CHANGES: usize = 4 * 1024 * 1024;

/// A state of a namespace, as one permission context sees it.
#[derive(Debug, PartialEq)]
pub struct Table {
    /// The attrs of an entity, `id` first. A client reads triples by the attrs that it knew when it loaded.
    pub columns: Vec<AttrId>,
    /// The entities, each with its triples: JSON, a list of `[entity, attr, value, created]`.
    pub rows: Vec<(EntityId, Box<str>)>,
}

impl Table {
    /// The changes that lead here from another state: JSON, separated by commas. None when a client must load anew.
    #[must_use]
    pub fn since(&self, old: &Self) -> Option<String> {
        if self.columns != old.columns {
            return None;
        }
        let mut before: HashMap<EntityId, &str> = old.rows.iter().map(|(id, row)| (*id, &**row)).collect();
        let mut changes = Changes::default();
        for (id, row) in &self.rows {
            match before.remove(id) {
                Some(same) if *same == **row => {}
                Some(other) => changes.between(&triples(other), &triples(row))?,
                None => triples(row).iter().for_each(|triple| changes.push("added", triple)),
            }
        }
        for (id, row) in &old.rows {
            if before.contains_key(id) {
                triples(row).iter().for_each(|triple| changes.push("removed", triple));
            }
        }
        changes.finish()
    }
}

/// The triples of a row.
#[must_use]
pub fn triples(row: &str) -> Vec<Value> {
    serde_json::from_str(row).unwrap_or_default()
}

/// Changes on their way to a client.
#[derive(Default)]
pub struct Changes(String);

impl Changes {
    /// `action`: `added` or `removed`.
    pub fn push(&mut self, action: &str, triple: &Value) {
        if self.0.len() <= MAX_CHANGES {
            if !self.0.is_empty() {
                self.0.push(',');
            }
            self.0.push_str(&json!({"action": action, "triple": triple}).to_string());
        }
    }

    /// None when a client could not follow.
    fn between(&mut self, old: &[Value], new: &[Value]) -> Option<()> {
        for triple in old {
            let now = new.iter().find(|other| other.get(1) == triple.get(1));
            if now.is_some_and(|now| now.get(2) == triple.get(2)) {
                continue;
            }
            // Clients find what is removed by its identity, which objects do not share; a new value replaces it in any case.
            if now.is_none() && triple.get(2).is_some_and(|value| value.is_object() || value.is_array()) {
                return None;
            }
            self.push("removed", triple);
        }
        for triple in new {
            let then = old.iter().find(|other| other.get(1) == triple.get(1));
            if then.is_none_or(|then| then.get(2) != triple.get(2)) {
                self.push("added", triple);
            }
        }
        Some(())
    }

    /// JSON, separated by commas; none when they are too many.
    #[must_use]
    pub fn finish(self) -> Option<String> {
        (self.0.len() <= MAX_CHANGES).then_some(self.0)
    }
}

/// The last changes of a table, for clients that have not taken them.
#[derive(Default)]
pub(super) struct Deltas {
    list: VecDeque<(u64, Box<str>)>,
    bytes: usize,
    /// The version that the first one starts from.
    from: u64,
}

impl Deltas {
    /// Adds what leads to a version; `changes` as [`Table::since`] gives them.
    pub(super) fn push(&mut self, version: u64, tx_id: i64, changes: Option<String>) {
        let Some(changes) = changes else {
            *self = Self { from: version, ..Self::default() };
            return;
        };
        let text = format!(r#"{{"tx-id":{tx_id},"changes":[{changes}]}}"#);
        self.bytes += text.len();
        self.list.push_back((version, text.into()));
        // The newest stays whatever its size: most clients wait for it.
        while self.bytes > MAX_KEPT && self.list.len() > 1 {
            if let Some((version, text)) = self.list.pop_front() {
                (self.bytes, self.from) = (self.bytes - text.len(), version);
            }
        }
    }

    /// What leads from a version to the newest, as a JSON list; none when it is not known any more.
    pub(super) fn after(&self, version: u64) -> Option<String> {
        (version >= self.from).then(|| {
            let texts: Vec<&str> = self.list.iter().filter(|(at, _)| *at > version).map(|(_, text)| &**text).collect();
            format!("[{}]", texts.join(","))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(u128, &str)]) -> Table {
        let rows = rows.iter().map(|(id, row)| (EntityId::from_u128(*id), Box::from(*row))).collect();
        Table { columns: Vec::new(), rows }
    }

    #[test]
    fn changes_are_what_differs() {
        let old = table(&[(1, r#"[["1","id","1",5],["1","a",1,5],["1","b",2,5]]"#), (2, r#"[["2","id","2",5]]"#)]);
        let new = table(&[(3, r#"[["3","id","3",6]]"#), (1, r#"[["1","id","1",5],["1","a",7,5],["1","c",{},6]]"#)]);
        let changes: Value = serde_json::from_str(&format!("[{}]", new.since(&old).unwrap())).unwrap();
        assert_eq!(
            changes,
            json!([
                {"action": "added", "triple": ["3", "id", "3", 6]},
                {"action": "removed", "triple": ["1", "a", 1, 5]},
                {"action": "removed", "triple": ["1", "b", 2, 5]},
                {"action": "added", "triple": ["1", "a", 7, 5]},
                {"action": "added", "triple": ["1", "c", {}, 6]},
                {"action": "removed", "triple": ["2", "id", "2", 5]},
            ])
        );
        assert_eq!(old.since(&old).as_deref(), Some(""));
        // An object that goes without a successor, and other attrs: to be loaded anew.
        let gone = table(&[(1, r#"[["1","id","1",5],["1","a",7,5]]"#), (3, r#"[["3","id","3",6]]"#)]);
        assert_eq!(gone.since(&new), None);
        assert_eq!(Table { columns: vec![AttrId::nil()], ..table(&[]) }.since(&table(&[])), None);
    }

    #[test]
    fn whoever_is_too_far_behind_is_told_so() {
        let mut deltas = Deltas::default();
        deltas.push(2, 20, Some("1".into()));
        deltas.push(3, 30, Some("2".into()));
        assert_eq!(deltas.after(2).as_deref(), Some(r#"[{"tx-id":30,"changes":[2]}]"#));
        assert_eq!(deltas.after(3).as_deref(), Some("[]"));
        deltas.push(4, 40, Some("x".repeat(MAX_KEPT)));
        assert!(deltas.after(2).is_none() && deltas.after(3).is_some());
        deltas.push(5, 50, None);
        assert!(deltas.after(4).is_none() && deltas.after(5).is_some());
    }
}
