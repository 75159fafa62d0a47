//! Reads the sample files of the original: lists of `[entity, attr, value]` with their attrs described inside.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::Db;
use crate::schema::{Attr, Cardinality, CheckedType};
use crate::tx::Triple;

/// The app in a file such as `zeneca.json`, as far as it describes its attrs. Ids that are no uuids are made into some.
/// Text and numbers that all values of an attr agree on become its checked type, with an index.
#[must_use]
pub fn triples(file: &Value) -> Db {
    let rows: Vec<(String, String, &Value)> = file
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| match row.as_array()?.as_slice() {
            [entity, attr, value] => Some((text(entity), attr.as_str()?.to_owned(), value)),
            _ => None,
        })
        .collect();
    let mut described: BTreeMap<&str, BTreeMap<&str, &Value>> = BTreeMap::new();
    for (entity, attr, value) in &rows {
        if let Some(what) = attr.strip_prefix("db/") {
            described.entry(entity).or_default().insert(what, value);
        }
    }
    let mut db = Db { catalog: Arc::default(), triples: Vec::new() };
    for (name, what) in &described {
        let said = |key: &str| what.get(key).and_then(|value| value.as_str());
        let (Some(etype), Some(label)) = (said("namespace"), said("identity")) else { continue };
        let mut attr = Attr::blob(id(&format!("attr {name}")), id(&format!("name {name}")), etype, label);
        if said("valueType") == Some("ref") {
            let reverse = (said("reverse-namespace").unwrap_or(label), said("reverse-identity").unwrap_or(etype));
            let names = (id(&format!("name {name}")), id(&format!("reverse {name}")));
            attr = Attr::link(attr.id, names, (etype, label), reverse);
            attr.cardinality = if said("cardinality") == Some("many") { Cardinality::Many } else { Cardinality::One };
        } else if label != "id" {
            let values: Vec<&Value> =
                rows.iter().filter(|row| row.1 == **name && !row.2.is_null()).map(|row| row.2).collect();
            let all = |test: fn(&Value) -> bool| !values.is_empty() && values.iter().all(|value| test(value));
            attr.checked_data_type = match () {
                () if label.ends_with("At") => Some(CheckedType::Date),
                () if all(Value::is_string) => Some(CheckedType::String),
                () if all(Value::is_number) => Some(CheckedType::Number),
                () => None,
            };
            attr.index = attr.checked_data_type.is_some();
        } else {
            attr.unique = true;
        }
        Arc::make_mut(&mut db.catalog).insert(attr);
    }
    for ((entity, name, value), at) in rows.iter().zip(1_600_000_000_000_i64..) {
        let Some(attr) = db.catalog.get(id(&format!("attr {name}"))).cloned() else { continue };
        let entity = id(entity);
        let value = if attr.is_id() {
            entity.to_string().into()
        } else if attr.is_ref() {
            id(&text(value)).to_string().into()
        } else {
            (*value).clone()
        };
        if attr.is_one() {
            // Some values are there twice; the last one counts.
            let id = attr.id;
            db.triples.retain(|triple| triple.entity != entity || triple.attr != id);
        }
        db.triples.push(Triple { entity, attr: attr.id, value, created_ms: at });
    }
    db
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A uuid of a name; real uuids stay.
fn id(name: &str) -> Uuid {
    name.parse().unwrap_or_else(|_not_a_uuid| {
        use sha2::{Digest, Sha256};
        let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        Uuid::from_slice(hash.get(..16).unwrap_or_default()).unwrap_or_default()
    })
}
