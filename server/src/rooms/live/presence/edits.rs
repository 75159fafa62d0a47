//! What changes in a room, as the wire tells it: `[path, "+"|"r"|"-", value?]`.

use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::Value;

/// One change at a place of `{session: {"peer-id", user, data}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    path: Vec<String>,
    change: Change,
}

#[derive(Debug, Clone, PartialEq)]
enum Change {
    Add(Value),
    Replace(Value),
    Remove,
}

impl Edit {
    /// Something that was not there.
    #[must_use]
    pub fn add(path: &[&str], value: Value) -> Self {
        Self::new(path, Change::Add(value))
    }

    /// Something else than what was there.
    #[must_use]
    pub fn replace(path: &[&str], value: Value) -> Self {
        Self::new(path, Change::Replace(value))
    }

    /// Something that is not there any more.
    #[must_use]
    pub fn remove(path: &[&str]) -> Self {
        Self::new(path, Change::Remove)
    }

    fn new(path: &[&str], change: Change) -> Self {
        Self { path: path.iter().map(|&step| step.to_owned()).collect(), change }
    }

    /// What turns the old data of a session into the new: by member where both are objects.
    #[must_use]
    pub fn between(session: &str, old: &Value, new: &Value) -> Vec<Self> {
        if old == new {
            return Vec::new();
        }
        let (Value::Object(old), Value::Object(new)) = (old, new) else {
            return vec![Self::replace(&[session, "data"], new.clone())];
        };
        let at = |key: &str, change| Self::new(&[session, "data", key], change);
        let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| at(key, Change::Remove));
        let there = new.iter().filter_map(|(key, value)| match old.get(key) {
            None => Some(at(key, Change::Add(value.clone()))),
            Some(before) if before != value => Some(at(key, Change::Replace(value.clone()))),
            Some(_) => None,
        });
        gone.chain(there).collect()
    }
}

impl Serialize for Edit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element(&self.path)?;
        match &self.change {
            Change::Add(value) => {
                list.serialize_element("+")?;
                list.serialize_element(value)?;
            }
            Change::Replace(value) => {
                list.serialize_element("r")?;
                list.serialize_element(value)?;
            }
            Change::Remove => list.serialize_element("-")?,
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn edits_are_as_small_as_the_change() {
        let edits = |old, new| serde_json::to_value(Edit::between("s", &old, &new)).unwrap();
        assert_eq!(edits(json!({"a": 1}), json!({"a": 1})), json!([]));
        assert_eq!(
            edits(json!({"a": 1, "b": 2}), json!({"b": 3, "c": {}})),
            json!([[["s", "data", "a"], "-"], [["s", "data", "b"], "r", 3], [["s", "data", "c"], "+", {}]])
        );
        assert_eq!(edits(json!(null), json!({"b": 3})), json!([[["s", "data"], "r", {"b": 3}]]));
    }
}
