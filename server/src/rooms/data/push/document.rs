//! Schemas as documents `{entities, links}` (instant.md section 13.1): into attrs, and from attrs.

use keystead_instaql::error::Problem;
use keystead_instaql::schema::{Attr, Cardinality, Catalog, CheckedType, ID, OnDelete, Owner};
use keystead_instaql::{Error, system};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::rooms::data::error::DataResult;
use crate::rooms::data::space::rules::is_visible;

/// The attrs that a document describes, with new ids. Each namespace has an `id`.
///
/// # Errors
/// `validation-failed` for `schema` with every mistake.
pub fn attrs(document: &Value, new_id: &mut dyn FnMut() -> Uuid) -> DataResult<Vec<Attr>> {
    let mut problems = Vec::new();
    let mut attrs = Vec::new();
    for (etype, entity) in object(document.get("entities"), "entities", &mut problems) {
        if !etype.starts_with('$') {
            attrs.push(id_attr(&etype, new_id));
        }
        for (label, column) in object(entity.get("attrs"), &format!("entities.{etype}.attrs"), &mut problems) {
            if label == ID {
                continue;
            }
            let checked = match column.get("valueType").and_then(Value::as_str) {
                Some("string") => Some(CheckedType::String),
                Some("number") => Some(CheckedType::Number),
                Some("boolean") => Some(CheckedType::Boolean),
                Some("date") => Some(CheckedType::Date),
                Some("json" | "any" | "blob") | None => None,
                Some(other) => {
                    problems.push(problem(&["entities", &etype, "attrs", &label], &format!("no value type: {other}")));
                    None
                }
            };
            let flag = |name: &str| column.pointer(name).and_then(Value::as_bool).unwrap_or(false);
            attrs.push(Attr {
                unique: flag("/config/unique"),
                index: flag("/config/indexed"),
                required: flag("/required"),
                checked_data_type: checked,
                ..Attr::blob(new_id(), new_id(), &etype, &label)
            });
        }
    }
    for (name, link) in object(document.get("links"), "links", &mut problems) {
        match link_attr(&link, new_id) {
            Some(attr) => attrs.push(attr),
            None => problems.push(problem(&["links", &name], "a link has forward and reverse: {on, label, has}")),
        }
    }
    for attr in &attrs {
        if let Err(e) = attr.validate() {
            problems.push(problem(&[attr.etype(), attr.label()], &e.message));
        }
    }
    match problems.is_empty() {
        true => Ok(attrs),
        false => Err(Error::validation("schema", document.clone(), &problems).into()),
    }
}

/// A namespace's `id`.
#[must_use]
pub fn id_attr(etype: &str, new_id: &mut dyn FnMut() -> Uuid) -> Attr {
    Attr { unique: true, index: true, ..Attr::blob(new_id(), new_id(), etype, ID) }
}

fn link_attr(link: &Value, new_id: &mut dyn FnMut() -> Uuid) -> Option<Attr> {
    let text = |side: &str, name: &str| link.get(side)?.get(name)?.as_str();
    let cascade = |side: &str| (text(side, "onDelete") == Some("cascade")).then_some(OnDelete::Cascade);
    let has_one = |side: &str| match text(side, "has")? {
        "one" => Some(true),
        "many" => Some(false),
        _ => None,
    };
    let forward = (text("forward", "on")?, text("forward", "label")?);
    let reverse = (text("reverse", "on")?, text("reverse", "label")?);
    let is_one = has_one("forward")?;
    Some(Attr {
        cardinality: if is_one { Cardinality::One } else { Cardinality::Many },
        unique: has_one("reverse")?,
        required: link.pointer("/forward/required").and_then(Value::as_bool).unwrap_or(false),
        on_delete: cascade("forward"),
        on_delete_reverse: cascade("reverse"),
        ..Attr::link(new_id(), (new_id(), new_id()), forward, reverse)
    })
}

/// The visible attrs as a document.
#[must_use]
pub fn of(catalog: &Catalog) -> Value {
    let (mut entities, mut links) = (Map::new(), Map::new());
    let mut attrs: Vec<_> = catalog.attrs().filter(|attr| is_visible(attr)).collect();
    attrs.sort_by_key(|attr| (attr.etype(), attr.label()));
    for attr in attrs {
        match &attr.reverse_identity {
            Some(reverse) if attr.is_ref() => {
                let has = |one| if one { "one" } else { "many" };
                let mut forward = json!({"on": attr.etype(), "label": attr.label(), "has": has(attr.is_one())});
                let mut back = json!({"on": reverse.1, "label": reverse.2, "has": has(attr.unique)});
                if attr.required {
                    set(&mut forward, "required", true.into());
                }
                for (side, cascades) in [(&mut forward, attr.on_delete), (&mut back, attr.on_delete_reverse)] {
                    if cascades.is_some() {
                        set(side, "onDelete", "cascade".into());
                    }
                }
                let name = link_name(attr.etype(), attr.label());
                let name = if links.contains_key(&name) { format!("{name}{}", attr.id.simple()) } else { name };
                links.insert(name, json!({"forward": forward, "reverse": back}));
            }
            _ => {
                let entity = entities.entry(attr.etype()).or_insert_with(|| json!({"attrs": {}}));
                if attr.is_id() {
                    continue;
                }
                let mut column = json!({
                    "valueType": attr.checked_data_type.map_or("any", CheckedType::name),
                    "config": {"unique": attr.unique, "indexed": attr.index},
                });
                if attr.required || attr.id == system::FILES_URL {
                    set(&mut column, "required", true.into());
                }
                if let Some(Value::Object(columns)) = entity.get_mut("attrs") {
                    columns.insert(attr.label().to_owned(), column);
                }
            }
        }
    }
    json!({"entities": entities, "links": links})
}

/// An attr as schemas show it.
#[must_use]
pub fn shown(attr: &Attr) -> Attr {
    Attr { required: attr.required || attr.id == system::FILES_URL, ..attr.clone() }
}

/// True for an attr that the server has made.
#[must_use]
pub fn is_system(attr: &Attr) -> bool {
    attr.owner == Owner::System
}

fn link_name(etype: &str, label: &str) -> String {
    let mut chars = label.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{etype}{first}{}", chars.as_str())
}

fn set(value: &mut Value, name: &str, to: Value) {
    if let Value::Object(map) = value {
        map.insert(name.to_owned(), to);
    }
}

fn object(value: Option<&Value>, what: &str, problems: &mut Vec<Problem>) -> Map<String, Value> {
    match value {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) => map.clone(),
        Some(_) => {
            problems.push(problem(&[what], "not an object"));
            Map::new()
        }
    }
}

fn problem(at: &[&str], message: &str) -> Problem {
    Problem::message(at.iter().map(|part| Value::from(*part)).collect(), format!("{}: {message}", at.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_back_from_its_attrs() {
        let document = json!({
            "entities": {
                "books": {"attrs": {
                    "title": {"valueType": "string", "config": {"unique": false, "indexed": true}, "required": true},
                    "data": {"valueType": "any", "config": {"unique": true, "indexed": false}},
                }},
                "shelves": {"attrs": {}},
            },
            "links": {"booksShelf": {
                "forward": {"on": "books", "label": "shelf", "has": "one", "required": true, "onDelete": "cascade"},
                "reverse": {"on": "shelves", "label": "books", "has": "many"},
            }},
        });
        let found = attrs(&document, &mut Uuid::new_v4).expect("valid");
        assert_eq!(of(&Catalog::new(found)), document);
        let broken = json!({"entities": {"a": {"attrs": {"b": {"valueType": "colour"}}}}, "links": {"x": {}}});
        let error = attrs(&broken, &mut Uuid::new_v4).expect_err("two mistakes");
        assert_eq!(error.told.hint["errors"].as_array().map(Vec::len), Some(2));
    }
}
