//! Rules that are made of comparisons only, as a filter that goes into the query's statement.
//!
//! What is compiled cannot fail: `==`, `!=`, `in`, `&&`, `||`, `!` and the constants, over `data.label`, literals,
//! `auth.label` and `ruleParams.label`, and membership in `data.ref(…)` and `auth.ref(…)`. A property test holds a bound
//! predicate and the program equal on every entity.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::compile::{REF, select_of};
use super::{Base, RefPath};
use crate::key;
use crate::query::plan::{Filter, IdTest, Leaf, LinkTest, Test, ValueTest};
use crate::schema::{Attr, Catalog, CheckedType, ID, Label, Link};

/// A simple rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// This.
    Constant(bool),
    /// All of these.
    All(Vec<Predicate>),
    /// One of these.
    Any(Vec<Predicate>),
    /// Not this.
    Not(Box<Predicate>),
    /// Both are equal.
    Equal(Operand, Operand),
    /// It is in the list.
    In(Operand, Vec<Value>),
    /// It is among the values along links of the entity.
    InRef(Operand, Vec<String>),
    /// It is among the values along links of the user.
    InAuthRef(Operand, Vec<String>),
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A value of the entity.
    Data(String),
    /// A literal; never a list or an object.
    Literal(Value),
    /// A value of the user.
    Auth(String),
    /// Something the caller said.
    RuleParam(String),
}

/// What is known when a predicate is bound.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The app's attrs.
    pub catalog: &'a Catalog,
    /// The user's values; none for nobody.
    pub auth: Option<&'a Map<String, Value>>,
    /// What the caller said.
    pub rule_params: &'a Map<String, Value>,
    /// The values of `auth.ref` by its path without `$user`.
    pub auth_ref: &'a dyn Fn(&[String]) -> Vec<Value>,
}

pub(super) fn compile(expression: &Expression, refs: &[RefPath]) -> Option<Predicate> {
    let part = |part: &Expression| compile(part, refs);
    match &expression.expr {
        Expr::Literal(LiteralValue::Boolean(value)) => Some(Predicate::Constant(*value.inner())),
        Expr::Call(CallExpr { func_name, target: None, args }) => match (func_name.as_str(), args.as_slice()) {
            (operators::LOGICAL_AND, [a, b]) => Some(Predicate::All(vec![part(a)?, part(b)?])),
            (operators::LOGICAL_OR, [a, b]) => Some(Predicate::Any(vec![part(a)?, part(b)?])),
            (operators::LOGICAL_NOT, [a]) => Some(Predicate::Not(Box::new(part(a)?))),
            (operators::EQUALS, [a, b]) => Some(Predicate::Equal(operand(a)?, operand(b)?)),
            (operators::NOT_EQUALS, [a, b]) => {
                Some(Predicate::Not(Box::new(Predicate::Equal(operand(a)?, operand(b)?))))
            }
            (operators::IN, [a, list]) => membership(operand(a)?, list, refs),
            _ => None,
        },
        _ => None,
    }
}

fn membership(needle: Operand, list: &Expression, refs: &[RefPath]) -> Option<Predicate> {
    match &list.expr {
        Expr::List(list) if list.optional_indices.is_empty() => {
            let values = list.elements.iter().map(|element| match operand(element)? {
                Operand::Literal(value) => Some(value),
                _ => None,
            });
            Some(Predicate::In(needle, values.collect::<Option<_>>()?))
        }
        Expr::Ident(name) => {
            let reference = refs.get(name.strip_prefix(REF)?.parse::<usize>().ok()?)?;
            match (reference.base, &needle) {
                (Base::Data, Operand::Data(_)) | (Base::LinkedData, _) => None,
                (Base::Data, _) => Some(Predicate::InRef(needle, reference.path.clone())),
                (Base::Auth, _) => Some(Predicate::InAuthRef(needle, reference.path.clone())),
            }
        }
        _ => None,
    }
}

fn operand(expression: &Expression) -> Option<Operand> {
    if let Expr::Literal(literal) = &expression.expr {
        return Some(Operand::Literal(match literal {
            LiteralValue::Null => Value::Null,
            LiteralValue::Boolean(value) => (*value.inner()).into(),
            LiteralValue::Int(value) => (*value.inner()).into(),
            LiteralValue::Double(value) => serde_json::Number::from_f64(*value.inner()).map(Value::Number)?,
            LiteralValue::String(value) => value.inner().into(),
            LiteralValue::Bytes(_) | LiteralValue::UInt(_) => return None,
        }));
    }
    let of = |name| select_of(expression, name).map(str::to_owned);
    of("data")
        .map(Operand::Data)
        .or_else(|| of("auth").map(Operand::Auth))
        .or_else(|| of("ruleParams").map(Operand::RuleParam))
}

impl Predicate {
    /// The filter for entities of a namespace; none where rows must be looked at (a date compared as text, two values of
    /// one entity compared, a list or object compared).
    #[must_use]
    pub fn bind(&self, etype: &str, known: Known<'_>) -> Option<Filter> {
        Some(match self {
            Self::Constant(true) => Filter::ALWAYS,
            Self::Constant(false) => Filter::NEVER,
            Self::All(parts) => {
                let parts = parts.iter().map(|part| part.bind(etype, known)).collect::<Option<Vec<_>>>()?;
                parts.into_iter().fold(Filter::ALWAYS, Filter::and)
            }
            Self::Any(parts) => Filter::Any(parts.iter().map(|part| part.bind(etype, known)).collect::<Option<_>>()?),
            Self::Not(part) => Filter::Not(Box::new(part.bind(etype, known)?)),
            Self::Equal(a, b) => match (known.value(a), known.value(b)) {
                (Some(a), Some(b)) => constant(scalar(&a)? == scalar(&b)?),
                (Some(value), None) => data_in(etype, label(b)?, &[value], known)?,
                (None, Some(value)) => data_in(etype, label(a)?, &[value], known)?,
                (None, None) => return None,
            },
            Self::In(needle, values) => known.one_of(etype, needle, values)?,
            Self::InAuthRef(needle, path) => known.one_of(etype, needle, &(known.auth_ref)(path))?,
            Self::InRef(needle, path) => {
                let value = known.value(needle)?;
                scalar(&value)?;
                // Refs hold no nulls.
                if value.is_null() { Filter::NEVER } else { in_ref(etype, path, &value, known)? }
            }
        })
    }
}

impl Known<'_> {
    /// The value of an operand that does not depend on the entity.
    fn value(&self, operand: &Operand) -> Option<Value> {
        let of = |map: Option<&Map<String, Value>>, label: &str| {
            map.and_then(|map| map.get(label)).cloned().unwrap_or_default()
        };
        match operand {
            Operand::Data(_) => None,
            Operand::Literal(value) => Some(value.clone()),
            Operand::Auth(label) => Some(of(self.auth, label)),
            Operand::RuleParam(label) => Some(of(Some(self.rule_params), label)),
        }
    }

    fn one_of(self, etype: &str, needle: &Operand, values: &[Value]) -> Option<Filter> {
        match self.value(needle) {
            Some(value) => {
                let value = scalar(&value)?;
                let keys = values.iter().map(scalar).collect::<Option<Vec<_>>>()?;
                Some(constant(keys.contains(&value)))
            }
            None => data_in(etype, label(needle)?, values, self),
        }
    }
}

fn label(operand: &Operand) -> Option<&str> {
    match operand {
        Operand::Data(label) => Some(label),
        _ => None,
    }
}

const fn constant(value: bool) -> Filter {
    if value { Filter::ALWAYS } else { Filter::NEVER }
}

/// The key of a value that CEL and keys compare alike.
fn scalar(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Array(_) | Value::Object(_) => None,
        // CEL has 64-bit integers and doubles; keys tell apart what a double does not.
        Value::Number(number) if number.as_i64().is_none_or(|n| n.abs() > 1 << 53) && !is_small(number) => None,
        _ => Some(key::of(value, None, 0)),
    }
}

fn is_small(number: &serde_json::Number) -> bool {
    number.is_f64() && number.as_f64().is_some_and(|n| n.abs() < 9e15)
}

/// `data.label` is one of the values.
fn data_in(etype: &str, label: &str, values: &[Value], known: Known<'_>) -> Option<Filter> {
    for value in values {
        scalar(value)?;
    }
    let or_null = values.iter().any(Value::is_null);
    let attr = known.catalog.forward(etype, label).filter(|attr| attr.is_one());
    let Some(attr) = attr else {
        // There is no such value: it reads as null.
        return Some(constant(or_null));
    };
    let test = |leaf: Leaf| Filter::Test(Test { path: Vec::new(), leaf });
    let there = end_in(attr, values, &[])?;
    if !or_null {
        return Some(there);
    }
    let missing = if attr.is_id() {
        Filter::NEVER
    } else if attr.is_ref() {
        test(Leaf::Link(
            Link { attr: Arc::clone(attr), direction: crate::schema::Direction::Forward },
            LinkTest::IsNull(true),
        ))
    } else {
        test(Leaf::Attr(Arc::clone(attr), ValueTest::IsNull(true)))
    };
    Some(Filter::Any(vec![there, missing]))
}

/// The value of an attr at the end of a path is one of the values, nulls aside.
fn end_in(attr: &Arc<Attr>, values: &[Value], path: &[Link]) -> Option<Filter> {
    let test = |leaf: Leaf| Filter::Test(Test { path: path.to_vec(), leaf });
    let ids = || values.iter().filter_map(exact_id).collect::<Vec<_>>();
    if attr.is_id() {
        return Some(test(Leaf::Id(IdTest::In(ids()))));
    }
    if attr.is_ref() {
        let link = Link { attr: Arc::clone(attr), direction: crate::schema::Direction::Forward };
        return Some(test(Leaf::Link(link, LinkTest::In(ids()))));
    }
    // CEL compares what is written, keys of dates compare instants.
    if attr.checked_data_type == Some(CheckedType::Date) && values.iter().any(|value| !value.is_null()) {
        return None;
    }
    let keys = values.iter().filter(|value| !value.is_null()).map(scalar).collect::<Option<_>>()?;
    Some(test(Leaf::Attr(Arc::clone(attr), ValueTest::In(keys))))
}

fn in_ref(etype: &str, path: &[String], value: &Value, known: Known<'_>) -> Option<Filter> {
    let (last, steps) = path.split_last()?;
    let mut at = etype.to_owned();
    let mut links: Vec<Link> = Vec::new();
    for step in steps {
        let Some(link) = known.catalog.link(&at, step) else { return Some(Filter::NEVER) };
        link.target().clone_into(&mut at);
        links.push(link);
    }
    let values = std::slice::from_ref(value);
    if last == ID {
        let Some(link) = links.pop() else {
            let ids = exact_id(value).into_iter().collect();
            return Some(Filter::Test(Test { path: links, leaf: Leaf::Id(IdTest::In(ids)) }));
        };
        let ids = exact_id(value).into_iter().collect();
        return Some(Filter::Test(Test { path: links, leaf: Leaf::Link(link, LinkTest::In(ids)) }));
    }
    match known.catalog.label(&at, last) {
        None => Some(Filter::NEVER),
        Some(Label::Blob(attr)) => end_in(&attr, values, &links),
        Some(Label::Link(link)) => {
            let ids = exact_id(value).into_iter().collect();
            Some(Filter::Test(Test { path: links, leaf: Leaf::Link(link, LinkTest::In(ids)) }))
        }
    }
}

/// The id that a text is, letter by letter: CEL compares texts.
fn exact_id(value: &Value) -> Option<Uuid> {
    let text = value.as_str()?;
    text.parse::<Uuid>().ok().filter(|id| id.to_string() == text)
}
