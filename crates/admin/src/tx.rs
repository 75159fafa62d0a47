//! Builder of transactions.

use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A fresh id.
#[must_use]
pub fn id() -> Uuid {
    Uuid::new_v4()
}

/// Which entity: by id, or by the value of a unique attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Eid(Value);

impl From<Uuid> for Eid {
    fn from(id: Uuid) -> Self {
        Self(id.to_string().into())
    }
}

impl From<&str> for Eid {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for Eid {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

/// The entity whose unique attribute has this value; made when there is none.
pub fn lookup(attr: &str, value: impl Into<Value>) -> Eid {
    Eid(json!([attr, value.into()]))
}

/// Steps about one entity, in the order in which they were named.
#[must_use = "a chunk does nothing until it is given to `transact`"]
#[derive(Debug, Clone, PartialEq)]
pub struct TxChunk {
    namespace: String,
    eid: Value,
    steps: Vec<Value>,
}

/// Begins with an entity of a namespace.
pub fn tx(namespace: impl Into<String>, eid: impl Into<Eid>) -> TxChunk {
    TxChunk { namespace: namespace.into(), eid: eid.into().0, steps: Vec::new() }
}

impl TxChunk {
    fn step(mut self, action: &str, args: Value, upsert: Option<bool>) -> Self {
        let mut step = vec![action.into(), self.namespace.as_str().into(), self.eid.clone(), args];
        step.extend(upsert.map(|upsert| json!({"upsert": upsert})));
        self.steps.push(Value::Array(step));
        self
    }

    /// Makes the entity; fails when it exists.
    pub fn create(self, attrs: impl IntoArgs) -> Self {
        self.step("create", attrs.into_args(), None)
    }

    /// Sets attributes; makes the entity when there is none.
    pub fn update(self, attrs: impl IntoArgs) -> Self {
        self.step("update", attrs.into_args(), None)
    }

    /// Sets attributes of an entity that must exist.
    pub fn update_existing(self, attrs: impl IntoArgs) -> Self {
        self.step("update", attrs.into_args(), Some(false))
    }

    /// Merges into JSON values: objects key by key, null takes a key away.
    pub fn merge(self, attrs: impl IntoArgs) -> Self {
        self.step("merge", attrs.into_args(), None)
    }

    /// As [`merge`](Self::merge), into an entity that must exist.
    pub fn merge_existing(self, attrs: impl IntoArgs) -> Self {
        self.step("merge", attrs.into_args(), Some(false))
    }

    /// Links: label to id or list of ids.
    pub fn link(self, links: impl IntoArgs) -> Self {
        self.step("link", links.into_args(), None)
    }

    /// Takes links away.
    pub fn unlink(self, links: impl IntoArgs) -> Self {
        self.step("unlink", links.into_args(), None)
    }

    /// Deletes the entity, its links, and what hangs on it by cascade.
    pub fn delete(self) -> Self {
        self.step("delete", Value::Null, None)
    }

    /// Parameters for the permission rules of this entity.
    pub fn rule_params(self, params: impl IntoArgs) -> Self {
        self.step("ruleParams", params.into_args(), None)
    }

    /// The steps as on the wire.
    #[must_use]
    pub fn into_steps(self) -> Vec<Value> {
        self.steps
    }
}

/// What stands as the argument of a step: a JSON object, or pairs of names and values.
pub trait IntoArgs {
    /// As JSON.
    fn into_args(self) -> Value;
}

impl IntoArgs for Value {
    fn into_args(self) -> Value {
        self
    }
}

impl IntoArgs for Map<String, Value> {
    fn into_args(self) -> Value {
        Value::Object(self)
    }
}

impl<K: Into<String>, V: Serialize, const N: usize> IntoArgs for [(K, V); N] {
    fn into_args(self) -> Value {
        // A value that cannot be written (a map with keys that are no strings) is refused by the server as null.
        self.into_iter()
            .map(|(key, value)| (key.into(), serde_json::to_value(value).unwrap_or(Value::Null)))
            .collect::<Map<_, _>>()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_the_wires() {
        let who = "5d9c6277-e6ac-42d6-8e51-2354b4870c05";
        let chunk = tx("goals", who).create(json!({"a": 1})).update_existing([("b", 2)]).link(json!({"todos": [who]}));
        let chunk = chunk.rule_params(json!({"k": 1})).delete();
        assert_eq!(
            Value::Array(chunk.into_steps()),
            json!([
                ["create", "goals", who, {"a": 1}],
                ["update", "goals", who, {"b": 2}, {"upsert": false}],
                ["link", "goals", who, {"todos": [who]}],
                ["ruleParams", "goals", who, {"k": 1}],
                ["delete", "goals", who, null],
            ])
        );
        let merged = tx("users", lookup("email", "a@b.co")).merge(json!({"m": {"x": null}})).into_steps();
        assert_eq!(Value::Array(merged), json!([["merge", "users", ["email", "a@b.co"], {"m": {"x": null}}]]));
    }
}
