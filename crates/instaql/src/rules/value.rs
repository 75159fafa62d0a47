//! JSON as CEL values. Objects stay JSON and are converted key by key as they are looked at; a missing key is null.

use std::any::Any;
use std::sync::OnceLock;

use cel::ExecutionError;
use cel::common::traits::{self, Container, Indexer, Iterable, Sizer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelNull, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use serde_json::{Map, Value};

use super::Record;

/// A JSON value as a CEL value.
pub(super) fn to_cel<'v>(value: &Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Box::new(CelInt::from(integer)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Box::new(CelString::from(text.clone())),
        Value::Array(list) => list_to_cel(list),
        Value::Object(map) => Box::new(Object::new(map.clone().into())),
    }
}

pub(super) fn list_to_cel<'v>(list: &[Value]) -> Box<dyn Val + 'v> {
    let list: Vec<Box<dyn Val + 'v>> = list.iter().map(to_cel).collect();
    Box::new(CelList::from(list))
}

/// A JSON object.
#[derive(Debug)]
pub(super) struct Object {
    map: Record,
    /// Its keys as CEL values, for loops over them.
    keys: OnceLock<Vec<CelString<'static>>>,
}

impl Object {
    pub(super) fn new(map: Record) -> Self {
        Self { map, keys: OnceLock::new() }
    }

    pub(super) fn map(&self) -> &Map<String, Value> {
        &self.map
    }

    /// The value of a key; none when it is null or missing.
    pub(super) fn present(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }
}

impl StaticVal for Object {}

impl Val for Object {
    fn get_type(&self) -> &Type {
        &MAP_TYPE_OF_OBJECTS
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE_OF_OBJECTS
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        if let Some(other) = other.downcast_ref::<Self>() {
            let mut pairs = self.map.iter();
            return self.map.len() == other.map.len()
                && pairs.all(|(key, a)| other.map.get(key).is_some_and(|b| to_cel(a).equals(to_cel(b).as_ref())));
        }
        let Some(other) = other.downcast_ref::<CelMap<'_>>() else { return false };
        let mut pairs = self.map.iter();
        other.inner().len() == self.map.len()
            && pairs.all(|(key, value)| {
                let key = CelString::from(key.clone());
                Indexer::get(other, &key).is_ok_and(|there| to_cel(value).equals(there.as_ref()))
            })
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(Self::new(Record::clone(&self.map)))
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

static MAP_TYPE_OF_OBJECTS: Type = MAP_TYPE;

impl Container for Object {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(value.downcast_ref::<CelString<'_>>().is_some_and(|key| self.map.contains_key(key.inner())))
    }
}

impl Indexer for Object {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let Some(key) = key.downcast_ref::<CelString<'_>>() else {
            return Err(ExecutionError::UnexpectedType {
                got: key.get_type().name().to_owned(),
                want: "string".to_owned(),
            });
        };
        Ok(CowVal::Owned(self.map.get(key.inner()).map_or_else(|| Box::new(CelNull) as Box<dyn Val + 'v>, to_cel)))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

impl Sizer for Object {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.map.len()).unwrap_or(i64::MAX))
    }
}

impl Iterable for Object {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        let keys = self.keys.get_or_init(|| self.map.keys().map(|key| CelString::from(key.clone())).collect());
        Box::new(Keys(keys.iter()))
    }
}

struct Keys<'b>(std::slice::Iter<'b, CelString<'static>>);

impl<'b, 'v> traits::Iterator<'b, 'v> for Keys<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|key| key as &(dyn Val + 'v))
    }
}

/// A CEL value for a message.
pub(super) fn show(value: &dyn Val) -> String {
    if let Some(object) = value.downcast_ref::<Object>() {
        return crate::error::brief(&Value::Object(object.map().clone()));
    }
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return crate::error::brief(&Value::from(text.inner()));
    }
    if let Some(number) = value.downcast_ref::<CelInt>() {
        return number.inner().to_string();
    }
    if let Some(number) = value.downcast_ref::<CelDouble>() {
        return number.inner().to_string();
    }
    if let Some(flag) = value.downcast_ref::<CelBool>() {
        return flag.inner().to_string();
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return "null".to_owned();
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        const SHOWN: usize = 10;
        let mut shown: Vec<String> = list.inner().iter().take(SHOWN).map(|item| show(item.as_ref())).collect();
        if list.inner().len() > SHOWN {
            shown.push("…".to_owned());
        }
        return format!("[{}]", shown.join(", "));
    }
    format!("a {}", value.get_type().name())
}
