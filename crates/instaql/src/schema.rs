//! Attrs and the catalog of an app's attrs (instant.md section 13.1).
//!
//! An attr is a column of a namespace (`blob`) or a link between two (`ref`). A server loads an app's attrs into a
//! [`Catalog`] once, keeps it until they change, and hands it to everything else of this crate.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Error, Problem, Result};

/// The id of an attr.
pub type AttrId = Uuid;
/// The id of an entity. The same id may exist in several namespaces.
pub type EntityId = Uuid;

/// The label every namespace has.
pub const ID: &str = "id";
/// Longest name of a namespace or label, in bytes.
pub const MAX_NAME: usize = 256;

/// What the values of an attr are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Any JSON.
    Blob,
    /// The id of another entity.
    Ref,
}

/// How many values an entity has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cardinality {
    /// At most one.
    One,
    /// A set.
    Many,
}

/// The type that values are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckedType {
    /// A JSON string.
    String,
    /// A JSON number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Milliseconds or a string that [`crate::date::parse`] reads.
    Date,
}

impl CheckedType {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
        }
    }

    /// True when `value` may be stored. `null` always may: whether a value is required is another question.
    #[must_use]
    pub fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null)
            | (Self::String, Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Boolean, Value::Bool(_)) => true,
            (Self::Date, value) => crate::date::parse(value).is_some() || crate::date::is_word(value),
            _ => false,
        }
    }
}

/// Who owns an attr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The app's developer.
    #[default]
    User,
    /// The server: `$users`, `$files` …
    System,
}

/// What happens to the other side when an entity is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDelete {
    /// It is deleted too.
    Cascade,
}

/// A name of an attr: (id of the name, namespace, label). The id has no meaning any more and is kept for the wire.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ident(pub Uuid, pub String, pub String);

/// An attr as it is on the wire. Unknown keys (`isUnsynced` …) are ignored when it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attr {
    /// The attr's id.
    pub id: AttrId,
    /// Column or link.
    pub value_type: ValueType,
    /// One or many values.
    pub cardinality: Cardinality,
    /// Name on its own namespace.
    pub forward_identity: Ident,
    /// Name on the other side; links only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverse_identity: Option<Ident>,
    /// No two entities have the same value. On a link: the other side has at most one.
    #[serde(rename = "unique?", default)]
    pub unique: bool,
    /// Values can be compared and ordered by an index.
    #[serde(rename = "index?", default)]
    pub index: bool,
    /// Every entity of the namespace must have a value.
    #[serde(rename = "required?", default)]
    pub required: bool,
    /// The type values are held to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_data_type: Option<CheckedType>,
    /// What was seen in the values, for explorers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inferred_types: Option<Vec<String>>,
    /// Whose it is.
    #[serde(rename = "catalog", default)]
    pub owner: Owner,
    /// Deleting the entity on the value side deletes the forward-side ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<OnDelete>,
    /// Deleting the forward-side entity deletes the linked ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete_reverse: Option<OnDelete>,
    /// A job is filling the index.
    #[serde(rename = "indexing?", default, skip_serializing_if = "std::ops::Not::not")]
    pub indexing: bool,
    /// A job is checking the values.
    #[serde(rename = "checking-data-type?", default, skip_serializing_if = "std::ops::Not::not")]
    pub checking_data_type: bool,
}

impl Attr {
    /// A blob attr of cardinality one without flags.
    #[must_use]
    pub fn blob(id: AttrId, ident: Uuid, etype: &str, label: &str) -> Self {
        Self {
            id,
            value_type: ValueType::Blob,
            cardinality: Cardinality::One,
            forward_identity: Ident(ident, etype.into(), label.into()),
            reverse_identity: None,
            unique: false,
            index: false,
            required: false,
            checked_data_type: None,
            inferred_types: None,
            owner: Owner::User,
            on_delete: None,
            on_delete_reverse: None,
            indexing: false,
            checking_data_type: false,
        }
    }

    /// A link from `forward` to `reverse`, each (namespace, label), of cardinality many.
    #[must_use]
    pub fn link(id: AttrId, idents: (Uuid, Uuid), forward: (&str, &str), reverse: (&str, &str)) -> Self {
        Self {
            value_type: ValueType::Ref,
            cardinality: Cardinality::Many,
            reverse_identity: Some(Ident(idents.1, reverse.0.into(), reverse.1.into())),
            ..Self::blob(id, idents.0, forward.0, forward.1)
        }
    }

    /// The namespace it belongs to.
    #[must_use]
    pub fn etype(&self) -> &str {
        &self.forward_identity.1
    }

    /// Its label there.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.forward_identity.2
    }

    /// `namespace.label`, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.etype(), self.label())
    }

    /// True for a link.
    #[must_use]
    pub fn is_ref(&self) -> bool {
        self.value_type == ValueType::Ref
    }

    /// True for the namespace's `id`.
    #[must_use]
    pub fn is_id(&self) -> bool {
        self.label() == ID && !self.is_ref()
    }

    /// True for an indexed column: every entity has a triple of it, of null where there is no value, so that the index alone can
    /// order by it. (Columns of the system have values only.)
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.index && !self.is_ref() && self.owner == Owner::User
    }

    /// True when an entity has at most one value.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.cardinality == Cardinality::One
    }

    /// Checks what a client or a file said about an attr.
    ///
    /// # Errors
    /// `validation-failed` for `attributes` where a name is empty, too long or reserved, or the shape contradicts itself.
    pub fn validate(&self) -> Result<()> {
        let mut problems = Vec::new();
        let names = [Some(&self.forward_identity), self.reverse_identity.as_ref()];
        for Ident(_, etype, label) in names.into_iter().flatten() {
            for name in [etype, label] {
                if name.is_empty() || name.len() > MAX_NAME || name.contains('\0') {
                    problems.push(Problem::message(vec![name.as_str().into()], "a name has 1 to 256 bytes and no NUL"));
                }
            }
            let reserved = etype.starts_with('$') && !EXTENSIBLE.contains(&etype.as_str());
            if self.owner == Owner::User && reserved {
                let message = format!("{etype}.{label}: names that start with $ are reserved");
                problems.push(Problem::message(vec![etype.as_str().into(), label.as_str().into()], message));
            }
        }
        if self.is_ref() != self.reverse_identity.is_some() {
            problems.push(Problem::message(
                Vec::new(),
                format!("{}: links, and only links, have a reverse name", self.name()),
            ));
        }
        if self.is_ref() && self.checked_data_type.is_some() {
            problems.push(Problem::message(Vec::new(), format!("{}: a link has no checked type", self.name())));
        }
        if !self.is_ref() && !self.is_one() {
            problems.push(Problem::message(Vec::new(), format!("{}: only links have many values", self.name())));
        }
        if self.is_ref() && self.label() == ID {
            problems.push(Problem::message(Vec::new(), format!("{}: a link cannot be called id", self.name())));
        }
        if self.on_delete.is_some() && !self.is_one() {
            problems.push(Problem::message(Vec::new(), format!("{}: on-delete needs a link to one", self.name())));
        }
        if self.on_delete_reverse.is_some() && !self.unique {
            problems.push(Problem::message(
                Vec::new(),
                format!("{}: on-delete-reverse needs a link from one", self.name()),
            ));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::validation("attributes", serde_json::to_value(self).unwrap_or_default(), &problems))
    }
}

/// System namespaces that may get attrs of the app's own.
pub const EXTENSIBLE: [&str; 3] = ["$users", "$files", "$streams"];

/// Which way a link is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the entity that holds the triple to its value.
    Forward,
    /// From the value to the entities that hold it.
    Reverse,
}

/// A link followed in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The link.
    pub attr: Arc<Attr>,
    /// Which way.
    pub direction: Direction,
}

impl Link {
    /// The namespace it leads to.
    #[must_use]
    pub fn target(&self) -> &str {
        match (self.direction, &self.attr.reverse_identity) {
            (Direction::Forward, Some(Ident(_, etype, _))) => etype,
            _ => self.attr.etype(),
        }
    }

    /// True when it leads to at most one entity.
    #[must_use]
    pub fn is_one(&self) -> bool {
        match self.direction {
            Direction::Forward => self.attr.is_one(),
            Direction::Reverse => self.attr.unique,
        }
    }

    /// The same link, back.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let direction = match self.direction {
            Direction::Forward => Direction::Reverse,
            Direction::Reverse => Direction::Forward,
        };
        Self { attr: Arc::clone(&self.attr), direction }
    }
}

/// What a label of a namespace is.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    /// A column.
    Blob(Arc<Attr>),
    /// A link.
    Link(Link),
}

/// The attrs of an app, found by id and by name. Cloning shares the attrs.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    by_id: HashMap<AttrId, Arc<Attr>>,
    forward: HashMap<String, HashMap<String, Arc<Attr>>>,
    reverse: HashMap<String, HashMap<String, Arc<Attr>>>,
}

impl Catalog {
    /// A catalog of `attrs`. A later one of the same id or name takes the place of an earlier one.
    #[must_use]
    pub fn new(attrs: impl IntoIterator<Item = Attr>) -> Self {
        let mut catalog = Self::default();
        for attr in attrs {
            catalog.insert(attr);
        }
        catalog
    }

    /// Adds or replaces an attr.
    pub fn insert(&mut self, attr: Attr) -> Arc<Attr> {
        self.remove(attr.id);
        let attr = Arc::new(attr);
        self.by_id.insert(attr.id, Arc::clone(&attr));
        let Ident(_, etype, label) = &attr.forward_identity;
        self.forward.entry(etype.clone()).or_default().insert(label.clone(), Arc::clone(&attr));
        if let Some(Ident(_, etype, label)) = &attr.reverse_identity {
            self.reverse.entry(etype.clone()).or_default().insert(label.clone(), Arc::clone(&attr));
        }
        attr
    }

    /// Takes an attr out.
    pub fn remove(&mut self, id: AttrId) -> Option<Arc<Attr>> {
        let attr = self.by_id.remove(&id)?;
        let idents =
            [(&mut self.forward, Some(&attr.forward_identity)), (&mut self.reverse, attr.reverse_identity.as_ref())];
        for (map, ident) in idents {
            let Some(Ident(_, etype, label)) = ident else { continue };
            if let Some(labels) = map.get_mut(etype)
                && labels.get(label).is_some_and(|found| found.id == id)
            {
                labels.remove(label);
                if labels.is_empty() {
                    map.remove(etype);
                }
            }
        }
        Some(attr)
    }

    /// The attr with this id.
    #[must_use]
    pub fn get(&self, id: AttrId) -> Option<&Arc<Attr>> {
        self.by_id.get(&id)
    }

    /// The attr of this name on its own namespace.
    #[must_use]
    pub fn forward(&self, etype: &str, label: &str) -> Option<&Arc<Attr>> {
        self.forward.get(etype)?.get(label)
    }

    /// The link of this name on its other side.
    #[must_use]
    pub fn reverse(&self, etype: &str, label: &str) -> Option<&Arc<Attr>> {
        self.reverse.get(etype)?.get(label)
    }

    /// What `label` is on `etype`: a column or a link in either direction. Forward names win.
    #[must_use]
    pub fn label(&self, etype: &str, label: &str) -> Option<Label> {
        if let Some(attr) = self.forward(etype, label) {
            let attr = Arc::clone(attr);
            return Some(if attr.is_ref() {
                Label::Link(Link { attr, direction: Direction::Forward })
            } else {
                Label::Blob(attr)
            });
        }
        let attr = Arc::clone(self.reverse(etype, label)?);
        Some(Label::Link(Link { attr, direction: Direction::Reverse }))
    }

    /// The link `label` of `etype`, in either direction.
    #[must_use]
    pub fn link(&self, etype: &str, label: &str) -> Option<Link> {
        match self.label(etype, label)? {
            Label::Link(link) => Some(link),
            Label::Blob(_) => None,
        }
    }

    /// The `id` attr of a namespace; none when the namespace does not exist.
    #[must_use]
    pub fn id_attr(&self, etype: &str) -> Option<&Arc<Attr>> {
        self.forward(etype, ID)
    }

    /// Columns and forward links of a namespace, in no order.
    pub fn of(&self, etype: &str) -> impl Iterator<Item = &Arc<Attr>> {
        self.forward.get(etype).into_iter().flat_map(HashMap::values)
    }

    /// Links that lead to a namespace, in no order.
    pub fn to(&self, etype: &str) -> impl Iterator<Item = &Arc<Attr>> {
        self.reverse.get(etype).into_iter().flat_map(HashMap::values)
    }

    /// Every attr, in no order.
    pub fn attrs(&self) -> impl Iterator<Item = &Arc<Attr>> {
        self.by_id.values()
    }

    /// The namespaces, sorted.
    #[must_use]
    pub fn etypes(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.forward.keys().map(String::as_str).collect();
        names.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn link() -> Attr {
        Attr::link(Uuid::from_u128(1), (Uuid::from_u128(2), Uuid::from_u128(3)), ("goals", "todos"), ("todos", "goal"))
    }

    #[test]
    fn the_wire_form_is_that_of_the_reference() {
        insta::assert_json_snapshot!(link());
        let sent = json!({
            "id": Uuid::from_u128(9), "value-type": "blob", "cardinality": "one", "unique?": false, "index?": true,
            "forward-identity": [Uuid::from_u128(8), "goals", "title"], "isUnsynced": true,
            "checked-data-type": "date", "catalog": "system",
        });
        let attr: Attr = serde_json::from_value(sent).unwrap();
        assert!(attr.index && attr.checked_data_type == Some(CheckedType::Date) && attr.owner == Owner::System);
        assert_eq!(attr.name(), "goals.title");
    }

    #[test]
    fn labels_are_found_in_both_directions() {
        let mut catalog = Catalog::new([link()]);
        let forward = catalog.link("goals", "todos").unwrap();
        assert_eq!((forward.direction, forward.target(), forward.is_one()), (Direction::Forward, "todos", false));
        let reverse = catalog.link("todos", "goal").unwrap();
        assert_eq!((reverse.direction, reverse.target(), reverse.is_one()), (Direction::Reverse, "goals", false));
        assert!(catalog.label("goals", "goal").is_none());
        let mut renamed = link();
        renamed.forward_identity.2 = "tasks".into();
        catalog.insert(renamed);
        assert!(catalog.label("goals", "todos").is_none());
        assert!(catalog.label("goals", "tasks").is_some());
        assert!(catalog.remove(link().id).is_some());
        assert!(catalog.etypes().is_empty());
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(link().validate().is_ok());
        let broken: [fn(&mut Attr); 6] = [
            |a| a.reverse_identity = None,
            |a| a.checked_data_type = Some(CheckedType::String),
            |a| a.forward_identity.1 = "$mine".into(),
            |a| a.forward_identity.2 = String::new(),
            |a| a.on_delete = Some(OnDelete::Cascade),
            |a| a.forward_identity.2 = "id".into(),
        ];
        for break_it in broken {
            let mut attr = link();
            break_it(&mut attr);
            assert!(attr.validate().is_err());
        }
        let mut users = link();
        users.forward_identity.1 = "$users".into();
        assert!(users.validate().is_ok());
    }
}
