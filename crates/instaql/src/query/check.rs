//! From names to attrs, with the errors that need the app's schema (instant.md section 3.6).

use std::sync::Arc;

use serde_json::Value;

use super::ast::{self, Condition, Op, Options};
use super::cursor::Cursor;
use super::plan::{
    AggregateOf, Caller, Filter, IdTest, Leaf, LinkTest, Node, Order, OrderBy, Page, Plan, Test, ValueTest,
};
use crate::date;
use crate::error::{Error, Problem, Result, brief};
use crate::key;
use crate::schema::{Attr, Catalog, CheckedType, EntityId, ID, Label, Link};

/// Most problems that are told.
const MAX_PROBLEMS: usize = 20;

pub(super) struct Check<'a> {
    catalog: &'a Catalog,
    caller: Caller,
    nested_limits: bool,
    /// The path of keys to where we are.
    at: Vec<Value>,
    problems: Vec<Problem>,
    /// Steps of paths that are no links: they have a data type of their own.
    not_links: Vec<Problem>,
}

impl<'a> Check<'a> {
    pub(super) fn new(catalog: &'a Catalog, caller: Caller, nested_limits: bool) -> Self {
        Self { catalog, caller, nested_limits, at: Vec::new(), problems: Vec::new(), not_links: Vec::new() }
    }

    pub(super) fn finish(self, plan: Plan) -> Result<Plan> {
        if !self.not_links.is_empty() {
            return Err(Error::validation("attr", Value::Null, &self.not_links));
        }
        if !self.problems.is_empty() {
            return Err(Error::validation("query", Value::Null, &self.problems));
        }
        Ok(plan)
    }

    pub(super) fn top(&mut self, node: &ast::Node) -> Node {
        self.node(node, node.key.clone(), None)
    }

    fn node(&mut self, node: &ast::Node, etype: String, via: Option<Link>) -> Node {
        self.at.push(node.key.as_str().into());
        let top = via.is_none() && self.at.len() == 1;
        let options = &node.options;
        let id_attr = self.catalog.id_attr(&etype).cloned();
        self.at.push("$".into());
        let mut out = Node {
            key: node.key.clone(),
            filter: options.filter.as_ref().map_or(Filter::ALWAYS, |filter| self.filter(&etype, filter)),
            order: self.order(&etype, options),
            page: Page::default(),
            columns: self.columns(&etype, options),
            has_fields: options.fields.is_some(),
            aggregates: self.aggregates(&etype, options),
            is_paged: top && options.is_paged(),
            children: Vec::new(),
            id_attr,
            via,
            etype,
        };
        if top || self.nested_limits {
            self.check_cursors(&out, options);
            out.page = Page {
                count: options.count,
                offset: options.offset,
                after: options.after.clone(),
                before: options.before.clone(),
            };
        }
        self.at.pop();
        for child in &node.children {
            let link = self.catalog.link(&out.etype, &child.key);
            let etype = link.as_ref().map_or_else(String::new, |link| link.target().to_owned());
            out.children.push(self.node(child, etype, link));
        }
        self.at.pop();
        out
    }

    fn order(&mut self, etype: &str, options: &Options) -> Order {
        let created = |descending| Order { by: OrderBy::Created, descending };
        let Some((name, descending)) = &options.order else { return created(false) };
        if name == ast::SERVER_CREATED_AT {
            return created(*descending);
        }
        // Nothing is known of a namespace without attrs, and nothing is found in it.
        if self.catalog.id_attr(etype).is_none() {
            return created(*descending);
        }
        self.at.push("order".into());
        let attr = match self.catalog.label(etype, name) {
            Some(Label::Blob(attr)) => Some(attr),
            Some(Label::Link(_)) => {
                self.problem("supported-order?", format!("cannot order by {etype}.{name}: it is a link"));
                None
            }
            None => {
                self.problem("supported-order?", format!("cannot order by {etype}.{name}: there is no such attribute"));
                None
            }
        };
        if let Some(attr) = &attr {
            let reasons = [
                (!attr.index, "it is not indexed"),
                (attr.checked_data_type.is_none(), "it has no checked type"),
                (!attr.is_one(), "it has many values"),
                (attr.indexing, "it is still being indexed"),
                (attr.checking_data_type, "its type is still being checked"),
            ];
            for (_, reason) in reasons.iter().filter(|(wrong, _)| *wrong) {
                self.problem("supported-order?", format!("cannot order by {etype}.{name}: {reason}"));
            }
        }
        self.at.pop();
        attr.map_or_else(|| created(*descending), |attr| Order { by: OrderBy::Attr(attr), descending: *descending })
    }

    fn check_cursors(&mut self, node: &Node, options: &Options) {
        let attr = match &node.order.by {
            OrderBy::Created => node.id_attr.as_ref(),
            OrderBy::Attr(attr) => Some(attr),
        };
        let Some(attr) = attr.cloned() else { return };
        for (name, cursor) in [("after", &options.after), ("before", &options.before)] {
            let Some((Cursor { attr: given, .. }, _)) = cursor else { continue };
            if *given != attr.id {
                let given =
                    self.catalog.get(*given).map_or_else(|| "an unknown attribute".to_owned(), |attr| attr.name());
                self.at.push(name.into());
                self.problem(
                    "valid-cursor?",
                    format!("the cursor is for the order of {given}, the list is ordered by {}", attr.name()),
                );
                self.at.pop();
            }
        }
    }

    /// The id first, then the others by label, so that answers do not depend on a hash map.
    fn columns(&self, etype: &str, options: &Options) -> Vec<Arc<Attr>> {
        let chosen = |attr: &Attr| {
            attr.is_one()
                && (attr.is_id()
                    || options.fields.as_ref().is_none_or(|names| names.iter().any(|name| name == attr.label())))
        };
        let mut columns: Vec<_> = self.catalog.of(etype).filter(|attr| chosen(attr)).cloned().collect();
        columns.sort_by(|a, b| b.is_id().cmp(&a.is_id()).then_with(|| a.label().cmp(b.label())));
        columns
    }

    fn aggregates(&mut self, etype: &str, options: &Options) -> Vec<AggregateOf> {
        if !options.aggregates.is_empty() && self.caller != Caller::Admin {
            self.problem("admin?", "only the app's admin may aggregate".into());
        }
        let mut found = Vec::new();
        for aggregate in &options.aggregates {
            let attr = aggregate.label.as_deref().map(|label| (label, self.catalog.forward(etype, label).cloned()));
            let numeric = matches!(aggregate.function, ast::Function::Sum | ast::Function::Avg);
            match attr {
                Some((label, None)) => {
                    self.problem("supported-options?", format!("there is no {etype}.{label} to aggregate"))
                }
                Some((_, Some(attr))) if numeric && attr.checked_data_type != Some(CheckedType::Number) => {
                    self.problem("number?", format!("{} is not a checked number", attr.name()));
                }
                Some((_, Some(attr))) if attr.checked_data_type.is_none() => {
                    self.problem("checked-data-type?", format!("{} has no checked type", attr.name()));
                }
                Some((_, Some(attr))) => found.push(AggregateOf { function: aggregate.function, attr: Some(attr) }),
                None => found.push(AggregateOf { function: aggregate.function, attr: None }),
            }
        }
        found
    }

    fn filter(&mut self, etype: &str, condition: &Condition) -> Filter {
        match condition {
            Condition::All(parts) => {
                let parts = parts.iter().map(|part| self.filter(etype, part));
                parts.fold(Filter::ALWAYS, Filter::and)
            }
            Condition::Any(parts) => Filter::Any(parts.iter().map(|part| self.filter(etype, part)).collect()),
            Condition::Is { path, ops } => self.is(etype, path, ops),
        }
    }

    fn is(&mut self, etype: &str, names: &[String], ops: &[Op]) -> Filter {
        self.at.extend(["where".into(), names.join(".").into()]);
        let filter = match self.resolve(etype, names) {
            Some(place) => ops.iter().map(|op| self.op(&place, op)).fold(Filter::ALWAYS, Filter::and),
            None => Filter::NEVER,
        };
        self.at.truncate(self.at.len().saturating_sub(2));
        filter
    }

    /// Where a path leads; none when a name is unknown.
    fn resolve(&mut self, etype: &str, names: &[String]) -> Option<Place> {
        self.catalog.id_attr(etype)?;
        let mut at = etype.to_owned();
        let mut path = Vec::new();
        let (last, steps) = names.split_last()?;
        for name in steps {
            match self.catalog.label(&at, name)? {
                Label::Link(link) => {
                    link.target().clone_into(&mut at);
                    path.push(link);
                }
                Label::Blob(_) => {
                    if self.not_links.len() < MAX_PROBLEMS {
                        self.not_links
                            .push(Problem::message(self.at.clone(), format!("{at}.{name} needs to be a link")));
                    }
                    return None;
                }
            }
        }
        if last == ID {
            // `link.id` is the link itself.
            return Some(match path.pop() {
                Some(link) => Place { path, end: End::Link(link) },
                None => Place { path, end: End::Id },
            });
        }
        let end = match self.catalog.label(&at, last)? {
            Label::Blob(attr) => End::Attr(attr),
            Label::Link(link) => End::Link(link),
        };
        Some(Place { path, end })
    }

    fn op(&mut self, place: &Place, op: &Op) -> Filter {
        match &place.end {
            End::Id => self.id_op(place, op),
            End::Link(link) => self.link_op(place, link, op),
            End::Attr(attr) => self.attr_op(place, attr, op),
        }
    }

    /// An id that is no uuid is nobody's.
    fn id_op(&mut self, place: &Place, op: &Op) -> Filter {
        let id = |value: &Value| value.as_str().and_then(|text| text.parse::<EntityId>().ok());
        match op {
            Op::Eq(value) => place.test(Leaf::Id(IdTest::In(id(value).into_iter().collect()))),
            Op::In(values) => place.test(Leaf::Id(IdTest::In(values.iter().filter_map(id).collect()))),
            Op::Not(value) => id(value).map_or(Filter::ALWAYS, |id| place.test(Leaf::Id(IdTest::Not(id)))),
            Op::IsNull(true) => Filter::NEVER,
            Op::IsNull(false) => Filter::ALWAYS,
            Op::IdStartsWith(start) => place.test(Leaf::Id(IdTest::StartsWith(start.clone()))),
            Op::Compare(..) | Op::Like { .. } => {
                self.problem("checked-data-type?", "ids are only compared for equality".into());
                Filter::NEVER
            }
        }
    }

    fn link_op(&mut self, place: &Place, link: &Link, op: &Op) -> Filter {
        let test = |test: LinkTest| place.test(Leaf::Link(link.clone(), test));
        match op {
            Op::Eq(value) => test(LinkTest::In(self.uuid(link, value).into_iter().collect())),
            Op::In(values) => {
                let ids =
                    values.iter().filter(|value| !value.is_null()).filter_map(|value| self.uuid(link, value)).collect();
                if values.iter().any(Value::is_null) {
                    Filter::Any(vec![test(LinkTest::In(ids)), place.nothing()])
                } else {
                    test(LinkTest::In(ids))
                }
            }
            Op::Not(value) => match self.uuid(link, value) {
                Some(id) => Filter::Any(vec![test(LinkTest::OtherThan(id)), place.nothing()]),
                None => Filter::NEVER,
            },
            Op::IsNull(true) => place.nothing(),
            Op::IsNull(false) => test(LinkTest::IsNull(false)),
            Op::Compare(..) | Op::Like { .. } | Op::IdStartsWith(_) => {
                self.problem(
                    "checked-data-type?",
                    format!("{} is a link: it is only compared for equality", link.attr.name()),
                );
                Filter::NEVER
            }
        }
    }

    fn uuid(&mut self, link: &Link, value: &Value) -> Option<EntityId> {
        let id = value.as_str().and_then(|text| text.parse().ok());
        if id.is_none() {
            self.problem(
                "uuid?",
                format!("{} is a link: its value must be a uuid, got {}", link.attr.name(), brief(value)),
            );
        }
        id
    }

    fn attr_op(&mut self, place: &Place, attr: &Arc<Attr>, op: &Op) -> Filter {
        let test = |test: ValueTest| place.test(Leaf::Attr(Arc::clone(attr), test));
        let key = |value: &Value| key::of(value, attr.checked_data_type, 0);
        match op {
            Op::Eq(value) if self.has_type(attr, value) => test(ValueTest::In(vec![key(value)])),
            Op::In(values) => {
                let mut keys = Vec::new();
                let mut or_null = false;
                for value in values {
                    if value.is_null() {
                        or_null = true;
                    } else if self.has_type(attr, value) {
                        keys.push(key(value));
                    }
                }
                if !or_null {
                    return test(ValueTest::In(keys));
                }
                self.indexed(attr, "null in `$in`");
                Filter::Any(vec![test(ValueTest::In(keys)), place.nothing()])
            }
            Op::Not(value) if self.has_type(attr, value) => match place.missing_step() {
                Filter::Any(steps) if steps.is_empty() => test(ValueTest::Not(key(value))),
                missing => Filter::Any(vec![test(ValueTest::Not(key(value))), missing]),
            },
            Op::IsNull(true) => place.nothing(),
            Op::IsNull(false) => test(ValueTest::IsNull(false)),
            Op::Compare(comparison, value) => {
                let fits = self.indexed(attr, "a comparison") & self.checked(attr) && self.has_type(attr, value);
                if fits { test(ValueTest::Compare(*comparison, key(value))) } else { Filter::NEVER }
            }
            Op::Like { pattern, ignore_case } => {
                let fits = self.indexed(attr, "a pattern") & self.checked(attr);
                if fits && attr.checked_data_type != Some(CheckedType::String) {
                    self.problem("string?", format!("{} is not a checked string: it matches no pattern", attr.name()));
                }
                test(ValueTest::Like { pattern: pattern.clone(), ignore_case: *ignore_case })
            }
            Op::Eq(_) | Op::Not(_) | Op::IdStartsWith(_) => Filter::NEVER,
        }
    }

    fn indexed(&mut self, attr: &Attr, what: &str) -> bool {
        let ready = attr.index && !attr.indexing;
        if !ready {
            self.problem("indexed?", format!("{what} needs an index on {}", attr.name()));
        }
        ready
    }

    fn checked(&mut self, attr: &Attr) -> bool {
        let ready = attr.checked_data_type.is_some() && !attr.checking_data_type;
        if !ready {
            self.problem("checked-data-type?", format!("{} needs a checked type for this", attr.name()));
        }
        ready
    }

    /// True when a value of the query fits the attr's checked type, if it has one.
    fn has_type(&mut self, attr: &Attr, value: &Value) -> bool {
        let Some(checked) = attr.checked_data_type else { return true };
        let fits = if checked == CheckedType::Date { date::parse(value).is_some() } else { checked.accepts(value) };
        if !fits {
            let expected = match (checked, value) {
                (CheckedType::String, _) => "string?",
                (CheckedType::Number, _) => "number?",
                (CheckedType::Boolean, _) => "boolean?",
                (CheckedType::Date, Value::String(_)) => "date-string?",
                (CheckedType::Date, _) => "timestamp?",
            };
            self.problem(
                expected,
                format!("{} is a {}, got the {} {}", attr.name(), checked.name(), json_type(value), brief(value)),
            );
        }
        fits
    }

    fn problem(&mut self, expected: &'static str, message: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::expected(expected, self.at.clone(), message));
        }
    }
}

/// Where a path leads.
struct Place {
    path: Vec<Link>,
    end: End,
}

enum End {
    Id,
    Attr(Arc<Attr>),
    Link(Link),
}

impl Place {
    fn test(&self, leaf: Leaf) -> Filter {
        Filter::Test(Test { path: self.path.clone(), leaf })
    }

    /// No value at the end, or a path that breaks off on the way there.
    fn nothing(&self) -> Filter {
        let leaf = match &self.end {
            End::Id => return Filter::NEVER,
            End::Attr(attr) => Leaf::Attr(Arc::clone(attr), ValueTest::IsNull(true)),
            End::Link(link) => Leaf::Link(link.clone(), LinkTest::IsNull(true)),
        };
        match self.missing_step() {
            Filter::Any(mut steps) => {
                steps.push(self.test(leaf));
                Filter::Any(steps)
            }
            other => other,
        }
    }

    /// A path that breaks off before its end.
    fn missing_step(&self) -> Filter {
        let steps = self.path.iter().enumerate().map(|(at, link)| {
            let path = self.path.get(..at).unwrap_or_default().to_vec();
            Filter::Test(Test { path, leaf: Leaf::Link(link.clone(), LinkTest::IsNull(true)) })
        });
        Filter::Any(steps.collect())
    }
}

/// The JSON type of a value, for messages.
pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}
