//! The triples that an answer for `@instantdb/core` consists of (instant.md section 17.2).

use std::collections::HashSet;

use keystead_instaql::schema::{AttrId, EntityId};

/// Triples as JSON text, each once.
#[derive(Default)]
pub(super) struct Triples {
    seen: HashSet<(EntityId, AttrId, Option<EntityId>)>,
    out: String,
}

impl Triples {
    pub(super) fn add(&mut self, entity: EntityId, attr: AttrId, value: &str, created_ms: i64) {
        if self.seen.insert((entity, attr, None)) {
            self.push(entity, attr, value, created_ms);
        }
    }

    pub(super) fn add_link(&mut self, entity: EntityId, attr: AttrId, target: EntityId, created_ms: i64) {
        if self.seen.insert((entity, attr, Some(target))) {
            self.push(entity, attr, &format!("\"{target}\""), created_ms);
        }
    }

    fn push(&mut self, entity: EntityId, attr: AttrId, value: &str, created_ms: i64) {
        self.out.push(if self.out.is_empty() { '[' } else { ',' });
        self.out.push_str(&format!("[\"{entity}\",\"{attr}\",{value},{created_ms}]"));
    }

    pub(super) fn finish(mut self) -> String {
        if self.out.is_empty() {
            self.out.push('[');
        }
        self.out.push(']');
        self.out
    }
}
