//! The steps of the admin API as they are on the wire (instant.md sections 4.1 and 4.2).

use serde_json::{Map, Value};

use super::{AttrStep, MAX_STEPS};
use crate::error::{Error, Kind, Problem, Result, brief};
use crate::schema::{Attr, EntityId};

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// On an entity.
    Entity(EntityStep),
    /// On the schema.
    Attr(AttrStep),
}

/// What is done to an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityStep {
    /// What.
    pub action: Action,
    /// The namespace.
    pub etype: String,
    /// Which entity.
    pub eid: Eid,
    /// The values by label; empty for delete.
    pub args: Map<String, Value>,
    /// `upsert` of the options.
    pub upsert: Option<bool>,
}

/// The actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A new entity.
    Create,
    /// Sets values.
    Update,
    /// Merges into values.
    Merge,
    /// Adds links.
    Link,
    /// Takes links away.
    Unlink,
    /// Deletes the entity.
    Delete,
    /// Says something to the rules.
    RuleParams,
}

impl Action {
    /// The actions by their words on the wire.
    pub const ALL: [(&'static str, Self); 7] = [
        ("create", Self::Create),
        ("update", Self::Update),
        ("merge", Self::Merge),
        ("link", Self::Link),
        ("unlink", Self::Unlink),
        ("delete", Self::Delete),
        ("ruleParams", Self::RuleParams),
    ];
}

/// An entity by its id or by a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Eid {
    /// Its id.
    Id(EntityId),
    /// A unique attr's label (or `link.id`) and its value.
    Lookup(String, Value),
}

/// The prefix of a lookup that stands as the value of a link.
const LOOKUP: &str = "lookup__";

impl Eid {
    /// Reads an id, `[label, value]`, `{label: value}` or `lookup__label__value`.
    #[must_use]
    pub fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => match text.parse() {
                Ok(id) => Some(Self::Id(id)),
                Err(_not_a_uuid) => Self::parse_text(text),
            },
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(label), value] => Some(Self::Lookup(label.clone(), value.clone())),
                _ => None,
            },
            Value::Object(map) if map.len() == 1 => {
                let (label, value) = map.iter().next()?;
                Some(Self::Lookup(label.clone(), value.clone()))
            }
            _ => None,
        }
    }

    fn parse_text(text: &str) -> Option<Self> {
        let (label, json) = text.strip_prefix(LOOKUP)?.split_once("__")?;
        Some(Self::Lookup(label.to_owned(), serde_json::from_str(json).ok()?))
    }

    /// Says that a text claims to be a lookup and is none, because its value is no JSON.
    pub(super) fn broken_lookup(value: &Value) -> Option<Error> {
        let (label, json) = value.as_str()?.strip_prefix(LOOKUP)?.split_once("__")?;
        if serde_json::from_str::<Value>(json).is_ok() {
            return None;
        }
        let problem = Problem {
            message: format!("the value of the lookup {label} is no JSON"),
            hint: Some(serde_json::json!({"attribute": label, "value": json})),
            ..Problem::default()
        };
        Some(Error::validation("lookup", value.clone(), &[problem]))
    }
}

/// Reads `steps` of a request body.
///
/// # Errors
/// `param-missing` or `param-malformed` when there is no list; `validation-failed` for `action` or `steps` with the place;
/// `parameter-limit-exceeded` when it is too long.
pub fn parse(steps: Option<&Value>) -> Result<Vec<Step>> {
    let Some(steps) = steps.filter(|steps| !steps.is_null()) else { return Err(Error::missing(&["body", "steps"])) };
    let Some(list) = steps.as_array() else { return Err(Error::malformed(&["body", "steps"], steps.clone())) };
    if list.len() > MAX_STEPS {
        let message = format!("A transaction has at most {MAX_STEPS} steps");
        return Err(Error::new(Kind::ParameterLimitExceeded, message, Value::Null));
    }
    list.iter().enumerate().map(|(at, step)| parse_one(at, step)).collect()
}

fn parse_one(at: usize, step: &Value) -> Result<Step> {
    let wrong = |place: usize, message: &str| {
        let problem = Problem::message(vec![at.into(), place.into()], message);
        Error::validation("steps", step.clone(), &[problem])
    };
    let Some(parts) = step.as_array() else { return Err(wrong(0, "a step is a list")) };
    let Some(word) = parts.first().and_then(Value::as_str) else {
        return Err(wrong(0, "a step starts with its action"));
    };
    match word {
        "add-attr" => {
            let attr: Attr = parts
                .get(1)
                .and_then(|attr| serde_json::from_value(attr.clone()).ok())
                .ok_or_else(|| wrong(1, "this is no attr"))?;
            attr.validate()?;
            return Ok(Step::Attr(AttrStep::Add(attr)));
        }
        "delete-attr" => {
            let id = parts.get(1).and_then(Value::as_str).and_then(|id| id.parse().ok());
            return Ok(Step::Attr(AttrStep::Delete(id.ok_or_else(|| wrong(1, "this is no attr id"))?)));
        }
        _ => {}
    }
    let Some((_, action)) = Action::ALL.into_iter().find(|(name, _)| *name == word) else {
        let problem = Problem::message(vec![at.into(), 0.into()], format!("{word} is not a supported action"));
        return Err(Error::validation("action", step.clone(), &[problem]));
    };
    let etype = parts
        .get(1)
        .and_then(Value::as_str)
        .filter(|etype| !etype.is_empty())
        .ok_or_else(|| wrong(1, "the namespace is a string"))?;
    let eid = parts.get(2).unwrap_or(&Value::Null);
    if let Some(e) = Eid::broken_lookup(eid) {
        return Err(e);
    }
    let eid = Eid::parse(eid).ok_or_else(|| wrong(2, &format!("expected a uuid or a lookup, got {}", brief(eid))))?;
    let args = match parts.get(3) {
        Some(Value::Object(args)) => args.clone(),
        None | Some(Value::Null) => Map::new(),
        Some(_) if action == Action::Delete => Map::new(),
        Some(other) => return Err(wrong(3, &format!("expected an object, got {}", brief(other)))),
    };
    let upsert = parts.get(4).and_then(|options| options.get("upsert")).and_then(Value::as_bool);
    Ok(Step::Entity(EntityStep { action, etype: etype.to_owned(), eid, args, upsert }))
}
