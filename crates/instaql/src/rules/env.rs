//! The CEL environment of rules: the standard library, the strings and math extensions, `cel.bind`, and ours.

use std::sync::{Arc, LazyLock};

use cel::common::ast::{ComprehensionExpr, Expr, ListExpr, LiteralValue};
use cel::common::types::{
    CelBool, CelInt, CelNull, CelString, CelTimestamp, DOUBLE_TYPE, DYN_TYPE, INT_TYPE, STRING_TYPE, TIMESTAMP_TYPE,
};
use cel::common::value::CowVal;
use cel::parser::Macro;
use cel::{Env, ExecutionError, extensions};
use chrono::DateTime;
use serde_json::Value;

use super::eval::limit;
use super::value::Object;
use crate::date;

/// Names that no expression can spell: what [`super::compile`] rewrites to.
pub(super) const HAS: &str = "@has";
pub(super) const TIMESTAMP: &str = "@timestamp";
pub(super) const LIMIT: &str = "@limit";

/// The environment, shared by all rules.
pub(super) static ENV: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(env().expect("no two of these declarations are the same")));

/// The functions an expression may call, for the check when rules are pushed.
pub(super) const FUNCTIONS: [&str; 70] = [
    // The standard library. Operators have names of their own and are not here.
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "dyn",
    "type",
    "timestamp",
    "duration",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "optional.of",
    "optional.none",
    "optional.ofNonZeroValue",
    "hasValue",
    "value",
    "or",
    "orValue",
    // Strings.
    "charAt",
    "indexOf",
    "lastIndexOf",
    "join",
    "lowerAscii",
    "upperAscii",
    "trim",
    "replace",
    "split",
    "substring",
    "format",
    "reverse",
    "strings.quote",
    // Math.
    "math.greatest",
    "math.least",
    "math.ceil",
    "math.floor",
    "math.round",
    "math.trunc",
    "math.abs",
    "math.sign",
    "math.isNaN",
    "math.isInf",
    "math.isFinite",
    "math.sqrt",
    "math.bitAnd",
    "math.bitOr",
    "math.bitXor",
    "math.bitNot",
    "math.bitShiftLeft",
    "math.bitShiftRight",
    "math.@max",
    "math.@min",
    // Ours.
    "getTime",
    HAS,
    TIMESTAMP,
    LIMIT,
    "@not_strictly_false",
];

fn env() -> Result<Env, cel::DeclarationError> {
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings)?;
    env.add_extension(extensions::math)?;
    env.add_macro(bind())?;
    env.add_overload(HAS, "has_field", vec![DYN_TYPE, STRING_TYPE], has)?;
    env.add_overload(TIMESTAMP, "timestamp_of_text", vec![STRING_TYPE], timestamp)?;
    env.add_overload(TIMESTAMP, "timestamp_of_seconds", vec![INT_TYPE], timestamp)?;
    env.add_overload(TIMESTAMP, "timestamp_of_fraction", vec![DOUBLE_TYPE], timestamp)?;
    env.add_overload(TIMESTAMP, "timestamp_of_timestamp", vec![TIMESTAMP_TYPE], timestamp)?;
    env.add_member_overload("getTime", "timestamp_get_time", TIMESTAMP_TYPE, vec![], get_time)?;
    env.add_overload(LIMIT, "rate_limit", vec![DYN_TYPE, STRING_TYPE, DYN_TYPE, INT_TYPE], limit)?;
    Ok(env)
}

/// `cel.bind(name, value, expression)`: a loop over nothing whose accumulator is the name.
fn bind() -> Macro {
    Macro::receiver("bind", 3, |helper, target, args| {
        let of_cel = target.as_ref().is_some_and(|target| matches!(&target.expr, Expr::Ident(name) if name == "cel"));
        if !of_cel {
            return Ok(None);
        }
        let [name, ..] = args.as_slice() else { return Ok(None) };
        let Expr::Ident(variable) = &name.expr else {
            return Err(helper.new_error(name.id, "cel.bind needs a simple name"));
        };
        let variable = variable.clone();
        let (Some(result), Some(value)) = (args.pop(), args.pop()) else { return Ok(None) };
        let iter_range = helper.next_expr(Expr::List(ListExpr::new(Vec::new())));
        let loop_cond = helper.next_expr(Expr::Literal(LiteralValue::Boolean(CelBool::from(false))));
        let loop_step = helper.next_expr(Expr::Ident(variable.clone()));
        Ok(Some(helper.next_expr(Expr::Comprehension(Box::new(ComprehensionExpr {
            iter_range,
            iter_var: "#unused".into(),
            iter_var2: None,
            accu_var: variable,
            accu_init: value,
            loop_cond,
            loop_step,
            result,
        })))))
    })
}

fn two<'a, 'b, 'v>(args: &'a [CowVal<'b, 'v>]) -> Result<(&'a CowVal<'b, 'v>, &'a CowVal<'b, 'v>), ExecutionError> {
    match args {
        [a, b] => Ok((a, b)),
        _ => Err(ExecutionError::invalid_argument_count(2, args.len())),
    }
}

fn has<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (operand, field) = two(&args)?;
    let there = if let Some(object) = operand.downcast_ref::<Object>() {
        field.downcast_ref::<CelString<'_>>().is_some_and(|field| object.present(field.inner()).is_some())
    } else if operand.downcast_ref::<CelNull>().is_some() {
        false
    } else {
        match operand.as_indexer() {
            Some(indexer) => indexer.get(field.as_ref()).is_ok(),
            None => return Err(ExecutionError::no_such_overload("has", vec![operand.get_type().name().to_owned()])),
        }
    };
    Ok(CowVal::owned(CelBool::from(there)))
}

fn timestamp<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let Some(value) = args.into_iter().next() else { return Err(ExecutionError::missing_argument_or_target()) };
    if value.downcast_ref::<CelTimestamp>().is_some() {
        return Ok(value);
    }
    let micros = if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        date::parse(&Value::from(text.inner()))
    } else if let Some(seconds) = value.downcast_ref::<CelInt>() {
        seconds.inner().checked_mul(1_000_000)
    } else if let Some(seconds) = value.downcast_ref::<cel::common::types::CelDouble>() {
        date::parse(&Value::from(seconds.inner() * 1_000.0))
    } else {
        None
    };
    match micros.and_then(DateTime::from_timestamp_micros) {
        Some(time) => Ok(CowVal::owned(CelTimestamp::from(time.fixed_offset()))),
        None => Err(ExecutionError::function_error(
            "timestamp",
            format!("{} is no date", super::value::show(value.as_ref())),
        )),
    }
}

/// Whole seconds since 1970.
fn get_time<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    match args.first().and_then(|value| value.downcast_ref::<CelTimestamp>()) {
        Some(time) => Ok(CowVal::owned(CelInt::from(time.inner().timestamp()))),
        None => Err(ExecutionError::missing_argument_or_target()),
    }
}
