//! The JSON object of a request. Fields that nobody asks for are ignored; one that has the wrong type is an error that names it.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::rooms::identity::error::{IamError, IamResult};

/// A JSON object.
pub struct Input(Map<String, Value>);

impl Input {
    /// # Errors
    /// 400 with its own HTTP status when it is missing or something else.
    pub(super) fn parse(bytes: &[u8]) -> IamResult<Self> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            _ => Err(IamError::bad("The request body must be a JSON object").thrown()),
        }
    }

    /// True when the field is there, whatever it is.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A field as it is.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text; `None` when the field is absent.
    ///
    /// # Errors
    /// 400 for another type, or a NUL character, which databases do not keep.
    pub fn text(&self, name: &str) -> IamResult<Option<String>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text.clone())),
            Some(_) => Err(wrong_type(name, "a string")),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// 400 `'name' is required`, or as [`Input::text`].
    pub fn required(&self, name: &str) -> IamResult<String> {
        self.text(name)?.ok_or_else(|| IamError::bad(format!("'{name}' is required")))
    }

    /// A text that must be there and is wiped after use.
    ///
    /// # Errors
    /// As [`Input::required`].
    pub fn secret(&self, name: &str) -> IamResult<Zeroizing<String>> {
        self.required(name).map(Zeroizing::new)
    }

    /// A truth value; `None` when the field is absent.
    ///
    /// # Errors
    /// 400 for another type.
    pub fn truth(&self, name: &str) -> IamResult<Option<bool>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(_) => Err(wrong_type(name, "a boolean")),
        }
    }

    /// A text that may be `null`; the outer `None` is an absent field.
    ///
    /// # Errors
    /// 400 for another type.
    pub fn nullable(&self, name: &str) -> IamResult<Option<Option<String>>> {
        match self.0.get(name) {
            Some(Value::Null) => Ok(Some(None)),
            _ => Ok(self.text(name)?.map(Some)),
        }
    }
}

fn wrong_type(name: &str, wanted: &str) -> IamError {
    IamError::bad(format!("'{name}' must be {wanted}"))
}
