//! What a call of the data API is told when it fails: the `type`, `message` and `hint` of instant.md sections 1.4 and 3.6.
//!
//! Clients branch on `type` and `hint` only. One type serves the whole crate, because one envelope tells all of them;
//! errors that only a server can find (a wrong token, a rate limit) are made with the same constructors.

use serde_json::{Map, Value, json};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($name:ident = $text:literal, $status:literal, $doc:literal;)*) => {
        /// The `type` of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = $doc] $name,)*
        }

        impl Kind {
            /// The word on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that goes with it. Authorisation failures are 400 in this API.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

kinds! {
    ParamMissing = "param-missing", 400, "A header, query parameter or body key is missing.";
    ParamMalformed = "param-malformed", 400, "A header, query parameter or body key has the wrong form.";
    ValidationFailed = "validation-failed", 400, "A query, step, rule or value is not valid.";
    RecordNotFound = "record-not-found", 400, "There is no such app, token, user or code.";
    RecordExpired = "record-expired", 400, "It was there and is too old.";
    RecordNotUnique = "record-not-unique", 400, "Another entity holds this unique value.";
    PermissionDenied = "permission-denied", 400, "A rule said no.";
    PermissionEvaluationFailed = "permission-evaluation-failed", 400, "A rule could not be evaluated.";
    RateLimited = "rate-limited", 429, "Too many of these.";
    Timeout = "timeout", 429, "The query took too long.";
    AppReadOnly = "app-read-only", 400, "The app takes no writes.";
    AppDisabled = "app-disabled", 400, "The app is switched off.";
    ParameterLimitExceeded = "parameter-limit-exceeded", 400, "The query or transaction is too big.";
    SessionMissing = "session-missing", 400, "There is no such session.";
    OperationTimedOut = "operation-timed-out", 500, "A socket operation took too long.";
    EmailSendFailed = "email-send-failed", 500, "The letter could not be sent.";
    Unknown = "unknown", 500, "The server failed.";
}

/// An error as the client is told it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The `type`.
    pub kind: Kind,
    /// For a person.
    pub message: String,
    /// For a program.
    pub hint: Value,
}

/// One entry of `hint.errors`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Problem {
    /// What was expected there, a word ending in `?`.
    pub expected: Option<&'static str>,
    /// The path of keys to the place.
    pub at: Vec<Value>,
    /// For a person; empty says nothing.
    pub message: String,
    /// More for a program.
    pub hint: Option<Value>,
}

impl Problem {
    /// A problem that expected `expected`.
    #[must_use]
    pub fn expected(expected: &'static str, at: Vec<Value>, message: impl Into<String>) -> Self {
        Self { expected: Some(expected), at, message: message.into(), hint: None }
    }

    /// A problem that only has something to say.
    #[must_use]
    pub fn message(at: Vec<Value>, message: impl Into<String>) -> Self {
        Self { expected: None, at, message: message.into(), hint: None }
    }

    fn to_json(&self) -> Value {
        let mut out = Map::new();
        if let Some(expected) = self.expected {
            out.insert("expected".into(), expected.into());
        }
        if !self.at.is_empty() {
            out.insert("in".into(), self.at.clone().into());
        }
        if !self.message.is_empty() {
            out.insert("message".into(), self.message.clone().into());
        }
        if let Some(hint) = &self.hint {
            out.insert("hint".into(), hint.clone());
        }
        Value::Object(out)
    }
}

impl Error {
    /// An error of any kind.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>, hint: Value) -> Self {
        Self { kind, message: message.into(), hint }
    }

    /// `validation-failed` for a thing of the wire (`query`, `steps`, `rule` …) with what is wrong in it.
    #[must_use]
    pub fn validation(data_type: &str, input: Value, problems: &[Problem]) -> Self {
        let said: Vec<&str> = problems.iter().map(|p| p.message.as_str()).filter(|m| !m.is_empty()).collect();
        let message = if said.is_empty() {
            format!("Validation failed for {data_type}")
        } else {
            format!("Validation failed for {data_type}: {}", said.join(", "))
        };
        let errors: Vec<Value> = problems.iter().map(Problem::to_json).collect();
        Self::new(
            Kind::ValidationFailed,
            message,
            json!({"data-type": data_type, "input": shortened(input), "errors": errors}),
        )
    }

    /// `param-missing` for a path such as `["body" "steps"]`.
    #[must_use]
    pub fn missing(path: &[&str]) -> Self {
        Self::new(Kind::ParamMissing, format!("Missing parameter: {}", edn_list(path)), json!({"in": path}))
    }

    /// `param-malformed` for a path, with what was there.
    #[must_use]
    pub fn malformed(path: &[&str], original: Value) -> Self {
        Self::new(
            Kind::ParamMalformed,
            format!("Malformed parameter: {}", edn_list(path)),
            json!({"in": path, "original-input": shortened(original)}),
        )
    }

    /// `record-not-found` for a type of record such as `app-user`.
    #[must_use]
    pub fn not_found(record_type: &str) -> Self {
        Self::new(Kind::RecordNotFound, format!("Record not found: {record_type}"), json!({"record-type": record_type}))
    }

    /// `permission-denied`: a rule of `etype` said no to `action` (`view`, `create` …).
    #[must_use]
    pub fn denied(etype: &str, action: &str) -> Self {
        Self::new(
            Kind::PermissionDenied,
            "Permission denied: not perms-pass?",
            json!({"input": [etype, action], "expected": "perms-pass?"}),
        )
    }

    /// `record-not-unique`: another entity holds the value of a unique attr.
    #[must_use]
    pub fn not_unique(attr: &crate::schema::Attr, value: &Value) -> Self {
        let (etype, label) = (attr.etype(), attr.label());
        Self::new(
            Kind::RecordNotUnique,
            format!(
                "`{label}` is a unique attribute on `{etype}` and an entity already has the value {}",
                brief(value)
            ),
            json!({"record-type": "triple", "attr-id": attr.id, "etype": etype, "label": label, "value": value}),
        )
    }

    /// The body of the answer without `trace-id`, which the server adds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"type": self.kind.name(), "message": self.message, "hint": self.hint})
    }
}

/// A value for a message: cut where it is long.
#[must_use]
pub fn brief(value: &Value) -> String {
    const LONGEST: usize = 100;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

/// What came in, in full where it is small: an answer must not be larger than its question.
fn shortened(input: Value) -> Value {
    const LONGEST: usize = 2_000;
    let text = input.to_string();
    if text.len() <= LONGEST { input } else { Value::String(brief(&input)) }
}

/// `["body" "query"]`, as the original prints lists.
fn edn_list(path: &[&str]) -> String {
    let quoted: Vec<String> = path.iter().map(|part| format!("{part:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_those_of_the_wire() {
        insta::assert_json_snapshot!([
            Error::missing(&["headers", "app-id"]).to_json(),
            Error::malformed(&["body", "email"], json!(3)).to_json(),
            Error::not_found("app-admin-token").to_json(),
            Error::denied("goals", "view").to_json(),
            Error::validation(
                "query",
                json!({"goals": {"$": {"limit": -1}}}),
                &[Problem::expected("supported-options?", vec!["goals".into(), "$".into()], "limit must be positive")],
            )
            .to_json(),
        ]);
    }

    #[test]
    fn an_answer_is_not_larger_than_its_question() {
        let long = Value::String("ä".repeat(10_000));
        let e = Error::validation("query", long.clone(), &[]);
        assert!(e.to_json().to_string().len() < 500);
        assert!(brief(&long).chars().count() <= 101);
    }
}
