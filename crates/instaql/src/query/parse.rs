//! Reads a query's JSON. Every mistake found is told, up to a limit.

use serde_json::{Map, Value};

use super::ast::{Aggregate, Comparison, Condition, Count, ENTITY_ID_STARTS_WITH, Function, Node, Op, Options, Query};
use super::cursor::Cursor;
use crate::error::{Error, Kind, Problem, Result, brief};

/// Most namespaces and links in one query.
const MAX_NODES: usize = 500;
/// Deepest nesting of links, and of `and` and `or`.
const MAX_DEPTH: usize = 20;
/// Most conditions in one query.
const MAX_CONDITIONS: usize = 2_000;
/// Most values in one query's `$in` lists.
const MAX_VALUES: usize = 20_000;
/// Most steps in a path.
const MAX_PATH: usize = 12;
/// Most problems that are told.
const MAX_PROBLEMS: usize = 20;
/// The largest `limit` and `offset`.
const MAX_COUNT: u64 = i64::MAX as u64 / 4;

const RULE_PARAMS: &str = "$$ruleParams";
const EXTENSIONS: &str = "$$extensions";
const OPTIONS: [&str; 12] = [
    "where",
    "order",
    "limit",
    "first",
    "last",
    "offset",
    "after",
    "before",
    "afterInclusive",
    "beforeInclusive",
    "fields",
    "aggregate",
];

impl Query {
    /// Reads the `query` of a request.
    ///
    /// # Errors
    /// `param-malformed` when it is no object; `validation-failed` for `query` or `coerced-query` with every problem and
    /// its place; `parameter-limit-exceeded` when it is too big.
    pub fn parse(query: &Value) -> Result<Self> {
        let Some(map) = query.as_object() else {
            return Err(Error::malformed(&["body", "query"], query.clone()));
        };
        let mut parser = Parser {
            nodes: 0,
            conditions: 0,
            values: 0,
            nested_limits: false,
            nulls: Vec::new(),
            problems: Vec::new(),
        };
        let mut rule_params = Map::new();
        if let Some(params) = map.get(RULE_PARAMS) {
            match params {
                Value::Object(params) => rule_params.clone_from(params),
                Value::Null => {}
                _ => parser.problem("map?", &[RULE_PARAMS.into()], String::new()),
            }
        }
        if let Some(extensions) = map.get(EXTENSIONS) {
            parser.extensions(extensions);
        }
        let mut nodes = Vec::new();
        for (key, value) in map.iter().filter(|(key, _)| *key != RULE_PARAMS && *key != EXTENSIONS) {
            nodes.push(parser.node(key, value, &mut Vec::new(), true)?);
        }
        if !parser.nulls.is_empty() {
            return Err(Error::validation("coerced-query", query.clone(), &parser.nulls));
        }
        if !parser.problems.is_empty() {
            return Err(Error::validation("query", query.clone(), &parser.problems));
        }
        Ok(Self { nodes, rule_params, nested_limits: parser.nested_limits })
    }
}

struct Parser {
    nodes: usize,
    conditions: usize,
    values: usize,
    nested_limits: bool,
    /// Nulls where none may be: they have a data type of their own.
    nulls: Vec<Problem>,
    problems: Vec<Problem>,
}

impl Parser {
    fn problem(&mut self, expected: &'static str, at: &[Value], message: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::expected(expected, at.to_vec(), message));
        }
    }

    fn null(&mut self, at: &[Value]) {
        if self.nulls.len() < MAX_PROBLEMS {
            self.nulls.push(Problem::message(at.to_vec(), "null is no value to compare with; use $isNull"));
        }
    }

    fn extensions(&mut self, value: &Value) {
        let Some(map) = value.as_object() else {
            return self.problem("map?", &[EXTENSIONS.into()], String::new());
        };
        for name in map.keys() {
            if name == "nested-limits" {
                self.nested_limits = true;
            } else {
                let message = format!("unknown extension {name}; there is nested-limits");
                self.problem("supported-options?", &[EXTENSIONS.into(), name.as_str().into()], message);
            }
        }
    }

    fn node(&mut self, key: &str, value: &Value, at: &mut Vec<Value>, top: bool) -> Result<Node> {
        self.nodes += 1;
        if self.nodes > MAX_NODES || at.len() >= MAX_DEPTH {
            return Err(too_big(&format!("at most {MAX_NODES} namespaces and links, {MAX_DEPTH} deep")));
        }
        at.push(key.into());
        let mut node = Node { key: key.into(), ..Node::default() };
        match value.as_object() {
            None => self.problem("map?", at, String::new()),
            Some(map) => {
                for (label, child) in map.iter().filter(|(label, _)| *label != "$") {
                    node.children.push(self.node(label, child, at, false)?);
                }
                if let Some(options) = map.get("$") {
                    at.push("$".into());
                    node.options = self.options(options, at, top)?;
                    at.pop();
                }
                if !node.options.aggregates.is_empty() && !node.children.is_empty() {
                    self.problem("valid-query?", at, "an aggregate has no links below it".into());
                }
            }
        }
        at.pop();
        Ok(node)
    }

    fn options(&mut self, value: &Value, at: &mut Vec<Value>, top: bool) -> Result<Options> {
        let Some(map) = value.as_object() else {
            self.problem("map?", at, String::new());
            return Ok(Options::default());
        };
        for name in map.keys().filter(|name| !OPTIONS.contains(&name.as_str())) {
            self.problem("supported-options?", at, format!("unknown option {name}; there are {}", OPTIONS.join(", ")));
        }
        let mut options = Options { count: self.count(map, at), ..Options::default() };
        if let Some(filter) = given(map, "where") {
            at.push("where".into());
            options.filter = Some(self.condition(filter, at, 0)?);
            at.pop();
        }
        options.order = given(map, "order").and_then(|order| self.order(order, at));
        if let Some(offset) = given(map, "offset") {
            match offset.as_u64().filter(|n| *n <= MAX_COUNT) {
                Some(n) => options.offset = n,
                None => self.problem(
                    "supported-options?",
                    at,
                    format!("offset must be an integer >= 0, got {}", brief(offset)),
                ),
            }
        }
        options.after = self.cursor(map, ("after", "afterInclusive"), at);
        options.before = self.cursor(map, ("before", "beforeInclusive"), at);
        if !top && (options.offset > 0 || options.after.is_some() || options.before.is_some()) {
            self.problem("supported-options?", at, "offset, before and after are for the top level only".into());
        }
        options.fields = given(map, "fields").and_then(|fields| self.fields(fields, at));
        if let Some(aggregate) = given(map, "aggregate") {
            options.aggregates = self.aggregates(aggregate, at, top);
        }
        Ok(options)
    }

    fn count(&mut self, map: &Map<String, Value>, at: &[Value]) -> Option<Count> {
        let mut found: Vec<(&str, &Value)> =
            ["limit", "first", "last"].iter().filter_map(|name| Some((*name, given(map, name)?))).collect();
        if found.len() > 1 {
            let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
            self.problem("supported-options?", at, format!("only one of {} may be given", names.join(" and ")));
        }
        let (name, value) = found.pop()?;
        match value.as_u64().filter(|n| (1..=MAX_COUNT).contains(n)) {
            Some(n) => Some(if name == "last" { Count::Last(n) } else { Count::First(n) }),
            None => {
                self.problem(
                    "supported-options?",
                    at,
                    format!("{name} must be a positive integer, got {}", brief(value)),
                );
                None
            }
        }
    }

    fn order(&mut self, value: &Value, at: &mut Vec<Value>) -> Option<(String, bool)> {
        at.push("order".into());
        let mut order = None;
        match value.as_object() {
            None => self.problem("map?", at, String::new()),
            Some(map) if map.len() > 1 => self.problem("single-key?", at, "order has one key".into()),
            Some(map) => {
                for (name, direction) in map {
                    match direction.as_str() {
                        Some("asc") => order = Some((name.clone(), false)),
                        Some("desc") => order = Some((name.clone(), true)),
                        _ => {
                            at.push(name.as_str().into());
                            self.problem(
                                "valid-direction?",
                                at,
                                format!("the direction is asc or desc, got {}", brief(direction)),
                            );
                            at.pop();
                        }
                    }
                }
            }
        }
        at.pop();
        order
    }

    fn cursor(&mut self, map: &Map<String, Value>, names: (&str, &str), at: &[Value]) -> Option<(Cursor, bool)> {
        let value = given(map, names.0)?;
        let cursor = Cursor::parse(value);
        if cursor.is_none() {
            let mut place = at.to_vec();
            place.push(names.0.into());
            self.problem("join-row?", &place, "a cursor is [entity id, attr id, value, created at in ms]".into());
        }
        Some((cursor?, given(map, names.1) == Some(&Value::Bool(true))))
    }

    fn fields(&mut self, value: &Value, at: &mut Vec<Value>) -> Option<Vec<String>> {
        let names =
            value.as_array().and_then(|list| list.iter().map(|name| name.as_str().map(str::to_owned)).collect());
        if names.is_none() {
            at.push("fields".into());
            self.problem("array?", at, "fields is a list of names".into());
            at.pop();
        }
        names
    }

    /// `"count"`, or an object such as `{"count": true, "sum": "price"}`.
    fn aggregates(&mut self, value: &Value, at: &[Value], top: bool) -> Vec<Aggregate> {
        let known = |name: &str| Function::ALL.into_iter().find(|function| function.name() == name);
        let read = |name: &str, label: &Value| match (known(name)?, label) {
            (Function::Count, Value::Bool(true)) => Some(Aggregate { function: Function::Count, label: None }),
            (Function::Count, _) => None,
            (function, Value::String(label)) => Some(Aggregate { function, label: Some(label.clone()) }),
            _ => None,
        };
        let found: Option<Vec<Aggregate>> = match value {
            Value::String(name) if name == "count" => Some(vec![Aggregate { function: Function::Count, label: None }]),
            Value::Object(map) if !map.is_empty() => map.iter().map(|(name, label)| read(name, label)).collect(),
            _ => None,
        };
        if found.is_none() || !top {
            let message =
                "aggregate is \"count\" or {\"sum\"|\"avg\"|\"min\"|\"max\": attr}, on the top level".to_owned();
            self.problem("supported-options?", at, message);
        }
        found.unwrap_or_default()
    }

    fn condition(&mut self, value: &Value, at: &mut Vec<Value>, depth: usize) -> Result<Condition> {
        if depth > MAX_DEPTH {
            return Err(too_big(&format!("`and` and `or` at most {MAX_DEPTH} deep")));
        }
        let Some(map) = value.as_object() else {
            self.problem("map?", at, String::new());
            return Ok(Condition::All(Vec::new()));
        };
        let mut all = Vec::new();
        for (key, value) in map {
            self.conditions += 1;
            if self.conditions > MAX_CONDITIONS {
                return Err(too_big(&format!("at most {MAX_CONDITIONS} conditions")));
            }
            at.push(key.as_str().into());
            match (key.as_str(), value) {
                ("and" | "or", Value::Array(list)) => {
                    if list.is_empty() {
                        self.problem("non-empty-list?", at, format!("the list of `{key}` is empty"));
                    }
                    let parts = list.iter().enumerate().map(|(i, part)| {
                        at.push(i.into());
                        let part = self.condition(part, at, depth + 1);
                        at.pop();
                        part
                    });
                    let parts = parts.collect::<Result<Vec<_>>>()?;
                    all.push(if key == "or" { Condition::Any(parts) } else { Condition::All(parts) });
                }
                (ENTITY_ID_STARTS_WITH, Value::String(start)) => {
                    let ops = vec![Op::IdStartsWith(start.to_lowercase())];
                    all.push(Condition::Is { path: vec!["id".into()], ops });
                }
                (ENTITY_ID_STARTS_WITH, _) => self.problem("string?", at, "the start of an id is a string".into()),
                _ => {
                    let path: Vec<String> = key.split('.').map(str::to_owned).collect();
                    if path.len() > MAX_PATH {
                        return Err(too_big(&format!("a path has at most {MAX_PATH} steps")));
                    }
                    let ops = self.ops(value, at)?;
                    if !ops.is_empty() {
                        all.push(Condition::Is { path, ops });
                    }
                }
            }
            at.pop();
        }
        Ok(Condition::All(all))
    }

    fn ops(&mut self, value: &Value, at: &mut Vec<Value>) -> Result<Vec<Op>> {
        match value {
            Value::Null => {
                self.null(at);
                Ok(Vec::new())
            }
            // An object whose keys are no operators is a value of a JSON attr.
            Value::Object(map) if map.keys().any(|key| is_operator(key)) => {
                let mut ops = Vec::new();
                for (name, operand) in map {
                    at.push(name.as_str().into());
                    ops.extend(self.op(name, operand, at)?);
                    at.pop();
                }
                Ok(ops)
            }
            _ => Ok(vec![Op::Eq(value.clone())]),
        }
    }

    fn op(&mut self, name: &str, operand: &Value, at: &[Value]) -> Result<Option<Op>> {
        let comparison = match name {
            "$gt" => Some(Comparison::Greater),
            "$gte" => Some(Comparison::GreaterOrEqual),
            "$lt" => Some(Comparison::Less),
            "$lte" => Some(Comparison::LessOrEqual),
            _ => None,
        };
        Ok(match (name, operand) {
            ("in" | "$in", Value::Array(list)) => {
                self.values += list.len();
                if self.values > MAX_VALUES {
                    return Err(too_big(&format!("at most {MAX_VALUES} values in `$in`")));
                }
                Some(Op::In(list.clone()))
            }
            ("in" | "$in", _) => {
                self.problem("array?", at, "`$in` takes a list".into());
                None
            }
            ("$isNull", Value::Bool(is_null)) => Some(Op::IsNull(*is_null)),
            ("$isNull", _) => {
                self.problem("boolean?", at, "`$isNull` takes true or false".into());
                None
            }
            ("$like" | "$ilike", Value::String(pattern)) => {
                Some(Op::Like { pattern: pattern.clone(), ignore_case: name == "$ilike" })
            }
            ("$like" | "$ilike", _) => {
                self.problem("string?", at, format!("`{name}` takes a string, got {}", brief(operand)));
                None
            }
            (_, Value::Null) => {
                self.null(at);
                None
            }
            ("$not" | "$ne", value) => Some(Op::Not(value.clone())),
            ("$eq", value) => Some(Op::Eq(value.clone())),
            (_, value) => match comparison {
                Some(comparison) => Some(Op::Compare(comparison, value.clone())),
                None => {
                    self.problem("supported-options?", at, format!("unknown operator {name}"));
                    None
                }
            },
        })
    }
}

/// The option, unless it is absent or null: a client's `undefined` may arrive as either.
fn given<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).filter(|value| !value.is_null())
}

fn is_operator(key: &str) -> bool {
    key == "in" || key.starts_with('$')
}

fn too_big(what: &str) -> Error {
    Error::new(Kind::ParameterLimitExceeded, format!("The query is too big: {what}"), Value::Null)
}
