//! Runs programs on rows, and says of one that fails which expression and which values it was.

use std::sync::{Arc, Mutex};

use cel::common::types::{CelBool, CelInt, CelNull, CelString, CelTimestamp, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::context::VariableResolver;
use cel::parser::Expression;
use cel::{Context, ExecutionError, Value as CelValue};
use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::compile::{LIMITS, Program, REF, children};
use super::env::ENV;
use super::print::print;
use super::value::{Object, list_to_cel, show, to_cel};
use super::{Base, Record, Refs};
use crate::error::{Error, Kind};
use crate::schema::EntityId;

/// What a rule sees. Absent things are null.
#[derive(Clone, Default)]
pub struct Input<'a> {
    /// The namespace of `data`, its id and its values.
    pub data: Option<(&'a str, EntityId, &'a Record)>,
    /// The values after the write.
    pub new_data: Option<&'a Record>,
    /// The other side of a link.
    pub linked_data: Option<(&'a str, EntityId, &'a Record)>,
    /// For link rules: what happens to both sides, as `{"data": "create", "linkedData": "update"}`.
    pub actions: Option<&'a Record>,
    /// The user: his id and his `$users` values; none for nobody.
    pub auth: Option<(EntityId, &'a Record)>,
    /// What the caller said to the rules.
    pub rule_params: Option<&'a Record>,
    /// The request.
    pub request: Option<&'a Request>,
    /// The loaded refs.
    pub refs: Option<&'a Refs>,
    /// Counts rate limits.
    pub limiter: Option<&'a Arc<dyn Limiter>>,
}

/// What rules see of the request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Now, in milliseconds.
    pub time_ms: i64,
    /// The caller's address.
    pub ip: Option<String>,
    /// The caller's `origin` header.
    pub origin: Option<String>,
    /// The labels a write sets.
    pub modified_fields: Vec<String>,
}

/// The server's counter of rate limits.
pub trait Limiter: Send + Sync {
    /// Takes tokens from the bucket `key` of a limit.
    ///
    /// # Errors
    /// `rate-limited` when there are not enough; the whole call then fails with it.
    fn take(&self, name: &str, key: &Value, tokens: i64) -> crate::Result<()>;
}

/// Why a rule gave no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleError {
    /// It could not be evaluated.
    Evaluation {
        /// What CEL says.
        message: String,
        /// The smallest expression that fails.
        expression: String,
        /// What is in it: (expression, value).
        values: Vec<(String, String)>,
    },
    /// A rate limit.
    Limited(Error),
}

impl RuleError {
    /// What the client is told. `etype` and `action` name the rule; expression and values are for admins only.
    #[must_use]
    pub fn to_error(&self, etype: &str, action: &str, admin: bool) -> Error {
        let (message, expression, values) = match self {
            Self::Limited(e) => return e.clone(),
            Self::Evaluation { message, expression, values } => (message, expression, values),
        };
        let rule = json!([etype, action]);
        if !admin {
            let text = format!("Could not evaluate permission rule for `{etype}.{action}`");
            return Error::new(Kind::PermissionEvaluationFailed, text, json!({"rule": rule}));
        }
        let shown: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let with = if shown.is_empty() { String::new() } else { format!(" with {}", shown.join(", ")) };
        let text =
            format!("Could not evaluate permission rule for `{etype}.{action}`: `{expression}`{with}: {message}");
        let values: Map<String, Value> =
            values.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let error =
            json!({"type": "evaluation", "message": message, "hint": {"expression": expression, "values": values}});
        Error::new(Kind::PermissionEvaluationFailed, text, json!({"rule": rule, "error": error}))
    }
}

impl Program {
    /// Asks the rule. `false` and null are no.
    ///
    /// # Errors
    /// When the expression cannot be evaluated, its value is neither, or a rate limit is reached.
    pub fn run(&self, input: &Input<'_>) -> Result<bool, RuleError> {
        let limited = Arc::new(Mutex::new(None));
        let scope = Scope { program: self, input, limited: Arc::clone(&limited) };
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.set_variable_resolver(&scope);
        let failed = match CelValue::resolve_val(&self.expression, &context) {
            Ok(value) => match (value.downcast_ref::<CelBool>(), value.downcast_ref::<CelNull>()) {
                (Some(answer), _) => return Ok(*answer.inner()),
                (None, Some(_)) => return Ok(false),
                (None, None) => format!("a rule is true or false, this is {}", show(value.as_ref())),
            },
            Err(e) => {
                if let Some(e) = limited.lock().ok().and_then(|mut limited| limited.take()) {
                    return Err(RuleError::Limited(e));
                }
                let mut culprit = &self.expression;
                while let Some(part) = failing_part(culprit, &context) {
                    culprit = part;
                }
                let message = match CelValue::resolve_val(culprit, &context) {
                    Err(inner) => describe(&inner),
                    Ok(_) => describe(&e),
                };
                let values = values_in(culprit, &context);
                return Err(RuleError::Evaluation {
                    message,
                    expression: self.print(culprit),
                    values: self.named(values),
                });
            }
        };
        let values = self.named(values_in(&self.expression, &context));
        Err(RuleError::Evaluation { message: failed, expression: self.print(&self.expression), values })
    }

    /// The expression with refs written as their author did.
    fn print(&self, expression: &Expression) -> String {
        self.with_refs(print(expression))
    }

    fn named(&self, values: Vec<(String, String)>) -> Vec<(String, String)> {
        values.into_iter().map(|(name, value)| (self.with_refs(name), value)).collect()
    }

    fn with_refs(&self, mut text: String) -> String {
        for (at, reference) in self.refs().iter().enumerate().rev() {
            let (base, first) = match reference.base {
                Base::Data => ("data", ""),
                Base::LinkedData => ("linkedData", ""),
                Base::Auth => ("auth", "$user."),
            };
            text = text.replace(&format!("{REF}{at}"), &format!("{base}.ref(\"{first}{}\")", reference.path.join(".")));
        }
        text
    }
}

/// A part of a failing expression that fails by itself. Loops are not entered: their variables are not known here.
fn failing_part<'e>(expression: &'e Expression, context: &Context<'_, '_>) -> Option<&'e Expression> {
    if matches!(expression.expr, cel::common::ast::Expr::Comprehension(_)) {
        return None;
    }
    children(expression).into_iter().find(|part| match CelValue::resolve_val(part, context) {
        // `math` in `math.abs(1)` is no value and no failure.
        Err(ExecutionError::UndeclaredReference(_)) | Ok(_) => false,
        Err(_) => true,
    })
}

fn values_in(expression: &Expression, context: &Context<'_, '_>) -> Vec<(String, String)> {
    const MOST: usize = 8;
    let mut found: Vec<(String, String)> = Vec::new();
    let mut open = vec![expression];
    while let Some(next) = open.pop() {
        let is_name = matches!(next.expr, cel::common::ast::Expr::Ident(_) | cel::common::ast::Expr::Select(_));
        match (is_name, CelValue::resolve_val(next, context)) {
            (true, Ok(value)) => {
                let entry = (print(next), show(value.as_ref()));
                if !found.contains(&entry) && !entry.0.starts_with(LIMITS) {
                    found.push(entry);
                }
            }
            _ => open.extend(children(next).into_iter().rev()),
        }
        if found.len() >= MOST {
            break;
        }
    }
    found
}

fn describe(e: &ExecutionError) -> String {
    match e {
        ExecutionError::NoSuchOverload(overload) => {
            let types = overload.argument_types().join(", ");
            format!("`{}` does not take ({types})", overload.function().trim_matches('_').trim_start_matches('@'))
        }
        other => other.to_string(),
    }
}

/// The variables of one evaluation.
struct Scope<'a> {
    program: &'a Program,
    input: &'a Input<'a>,
    limited: Arc<Mutex<Option<Error>>>,
}

fn object<'b>(record: Option<&Record>) -> CowVal<'b, 'b> {
    match record {
        Some(record) => CowVal::owned(Object::new(Arc::clone(record))),
        None => CowVal::owned(CelNull),
    }
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let input = self.input;
        Some(match name {
            "data" => object(input.data.map(|(_, _, record)| record)),
            "newData" => object(input.new_data),
            "linkedData" => object(input.linked_data.map(|(_, _, record)| record)),
            "actions" => object(input.actions),
            // Nobody has no values, so that `auth.id` is null.
            "auth" => match input.auth {
                Some((_, record)) => object(Some(record)),
                None => CowVal::owned(Object::new(Record::default())),
            },
            "ruleParams" => match input.rule_params {
                Some(params) => object(Some(params)),
                None => CowVal::owned(Object::new(Record::default())),
            },
            "request" => CowVal::owned(RequestVal(input.request.cloned().unwrap_or_default())),
            LIMITS => CowVal::owned(Limits(input.limiter.cloned(), Arc::clone(&self.limited))),
            _ => {
                let at: usize = name.strip_prefix(REF)?.parse().ok()?;
                let reference = self.program.refs().get(at)?;
                let from = match reference.base {
                    Base::Data => input.data.map(|(etype, id, _)| (etype, id)),
                    Base::LinkedData => input.linked_data.map(|(etype, id, _)| (etype, id)),
                    Base::Auth => input.auth.map(|(id, _)| (crate::system::USERS, id)),
                };
                let values =
                    from.zip(input.refs).map_or(&[][..], |((etype, id), refs)| refs.get(etype, &reference.path, id));
                CowVal::Owned(list_to_cel(values))
            }
        })
    }
}

/// `request`, whose time is a timestamp and so no JSON.
#[derive(Debug, Clone)]
struct RequestVal(Request);

static REQUEST_TYPE: Type = Type::new_unspecified_type("request");
static LIMITS_TYPE: Type = Type::new_unspecified_type("rateLimit");

impl StaticVal for RequestVal {}

impl Val for RequestVal {
    fn get_type(&self) -> &Type {
        &REQUEST_TYPE
    }

    fn cel_type() -> &'static Type {
        &REQUEST_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn cel::common::traits::Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl cel::common::traits::Indexer for RequestVal {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let text =
            |text: &Option<String>| -> Box<dyn Val + 'v> { to_cel(&text.as_deref().map_or(Value::Null, Value::from)) };
        let key = key.downcast_ref::<CelString<'_>>().map_or("", |key| key.inner());
        Ok(CowVal::Owned(match key {
            "time" => match DateTime::from_timestamp_millis(self.0.time_ms) {
                Some(time) => Box::new(CelTimestamp::from(time.fixed_offset())),
                None => Box::new(CelNull),
            },
            "ip" => text(&self.0.ip),
            "origin" => text(&self.0.origin),
            "modifiedFields" => {
                list_to_cel(&self.0.modified_fields.iter().map(|field| field.as_str().into()).collect::<Vec<_>>())
            }
            _ => Box::new(CelNull),
        }))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

/// The server's limiter, and where the error goes that it gives.
struct Limits(Option<Arc<dyn Limiter>>, Arc<Mutex<Option<Error>>>);

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Limits")
    }
}

impl StaticVal for Limits {}

impl Val for Limits {
    fn get_type(&self) -> &Type {
        &LIMITS_TYPE
    }

    fn cel_type() -> &'static Type {
        &LIMITS_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(Self(self.0.clone(), Arc::clone(&self.1)))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

/// `rateLimit.NAME.limit(key, tokens)`: true, or the call fails.
pub(super) fn limit<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [limits, name, key, tokens] = args.as_slice() else {
        return Err(ExecutionError::invalid_argument_count(4, args.len()));
    };
    let (Some(limits), Some(name), Some(tokens)) =
        (limits.downcast_ref::<Limits>(), name.downcast_ref::<CelString<'_>>(), tokens.downcast_ref::<CelInt>())
    else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    let key = Value::from(show(key.as_ref()));
    if let Some(limiter) = &limits.0
        && let Err(e) = limiter.take(name.inner(), &key, *tokens.inner())
    {
        let said = ExecutionError::function_error("limit", &e);
        if let Ok(mut limited) = limits.1.lock() {
            *limited = Some(e);
        }
        return Err(said);
    }
    Ok(CowVal::owned(CelBool::from(true)))
}
