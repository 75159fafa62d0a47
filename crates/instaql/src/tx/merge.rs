//! Deep merge (instant.md section 4.5): objects merge key by key, null deletes the key, everything else replaces.

use serde_json::{Map, Value};

/// Merges `patch` into `into`. Nulls inside objects of the patch delete, also where the key is not there yet.
pub fn deep_merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        into.clone_from(patch);
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Value::Object(into) = into else { return };
    for (key, value) in patch {
        match (value, into.get_mut(key)) {
            (Value::Null, _) => {
                into.remove(key);
            }
            (value, Some(there)) => deep_merge(there, value),
            (value, None) => {
                let mut fresh = Value::Null;
                deep_merge(&mut fresh, value);
                into.insert(key.clone(), fresh);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merges_as_the_reference_says() {
        for (old, patch, new) in [
            (json!({"a": {"x": 1}, "b": 2}), json!({"a": {"y": 2}}), json!({"a": {"x": 1, "y": 2}, "b": 2})),
            (json!({"a": 1, "b": 2}), json!({"a": null}), json!({"b": 2})),
            (json!({"a": {"x": 1}}), json!({"a": {"x": null}}), json!({"a": {}})),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (json!("text"), json!({"a": 1, "b": null}), json!({"a": 1})),
            (json!({"a": 1}), json!("text"), json!("text")),
            (json!({"a": 1}), json!(null), json!(null)),
            (json!(null), json!({"a": {"b": null, "c": 1}}), json!({"a": {"c": 1}})),
        ] {
            let mut merged = old.clone();
            deep_merge(&mut merged, &patch);
            assert_eq!(merged, new, "{old} + {patch}");
        }
    }
}
