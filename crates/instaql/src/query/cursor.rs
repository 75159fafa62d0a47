//! Cursors: a place in an ordered list, as `[entity id, attr id, value, created at in ms]` on the wire.

use serde_json::{Value, json};

use crate::schema::{AttrId, EntityId};

/// A place in an ordered list. What it holds is what a client gave: the entity need not exist any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// The entity there.
    pub entity: EntityId,
    /// The attr the list is ordered by; the namespace's `id` attr where it is ordered by time.
    pub attr: AttrId,
    /// The entity's value of that attr.
    pub value: Value,
    /// When that value's triple was made.
    pub created_ms: i64,
}

impl Cursor {
    /// Reads the wire form; none when it is none.
    #[must_use]
    pub fn parse(value: &Value) -> Option<Self> {
        match value.as_array()?.as_slice() {
            [entity, attr, value, created] => Some(Self {
                entity: entity.as_str()?.parse().ok()?,
                attr: attr.as_str()?.parse().ok()?,
                value: value.clone(),
                created_ms: created.as_i64()?,
            }),
            _ => None,
        }
    }

    /// The wire form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!([self.entity, self.attr, self.value, self.created_ms])
    }
}

/// Page info of a namespace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PageInfo {
    /// The first row.
    pub start: Option<Cursor>,
    /// The last row.
    pub end: Option<Cursor>,
    /// There is more behind.
    pub has_next: bool,
    /// There is more before.
    pub has_previous: bool,
}

impl PageInfo {
    /// The wire form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "start-cursor": self.start.as_ref().map(Cursor::to_json),
            "end-cursor": self.end.as_ref().map(Cursor::to_json),
            "has-next-page?": self.has_next,
            "has-previous-page?": self.has_previous,
        })
    }
}
