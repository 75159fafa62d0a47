//! A query as it was written: names instead of attrs.

use serde_json::{Map, Value};

use super::cursor::Cursor;

/// The order nobody asked for, and the name to ask for it.
pub const SERVER_CREATED_AT: &str = "serverCreatedAt";
/// The where-key that explorers use.
pub const ENTITY_ID_STARTS_WITH: &str = "$entityIdStartsWith";

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The namespaces asked for.
    pub nodes: Vec<Node>,
    /// `$$ruleParams`, for the permission rules.
    pub rule_params: Map<String, Value>,
    /// Extension, off unless `$$extensions: {"nested-limits": {}}` is in the query: links honour `limit` and `first`.
    pub nested_limits: bool,
}

/// A namespace or a link of the level above, with what is asked of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// The namespace, or the label of the link.
    pub key: String,
    /// `$`.
    pub options: Options,
    /// The links below.
    pub children: Vec<Node>,
}

/// The `$` of a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// `where`; none is everything.
    pub filter: Option<Condition>,
    /// `order`: (name, descending).
    pub order: Option<(String, bool)>,
    /// `limit`, `first` or `last`.
    pub count: Option<Count>,
    /// `offset`.
    pub offset: u64,
    /// `after` and whether it is `afterInclusive`.
    pub after: Option<(Cursor, bool)>,
    /// `before` and whether it is `beforeInclusive`.
    pub before: Option<(Cursor, bool)>,
    /// `fields`; none is every attr.
    pub fields: Option<Vec<String>>,
    /// `aggregate`; empty is none.
    pub aggregates: Vec<Aggregate>,
}

impl Options {
    /// True when page info is owed for a namespace with these options.
    #[must_use]
    pub fn is_paged(&self) -> bool {
        self.count.is_some() || self.offset > 0 || self.after.is_some() || self.before.is_some() || self.order.is_some()
    }
}

/// How many, and from which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// `limit` or `first`.
    First(u64),
    /// `last`.
    Last(u64),
}

/// One number over all matching entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// Which number.
    pub function: Function,
    /// Of which attr; none for the count.
    pub label: Option<String>,
}

/// The aggregate functions. All but the count are extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// How many entities.
    Count,
    /// Sum of a number.
    Sum,
    /// Mean of a number.
    Avg,
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 5] = [Self::Count, Self::Sum, Self::Avg, Self::Min, Self::Max];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// A `where`.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of these; empty is true.
    All(Vec<Condition>),
    /// One of these.
    Any(Vec<Condition>),
    /// What a path leads to passes all of these.
    Is {
        /// `link.link.attr`, cut at its dots.
        path: Vec<String>,
        /// What is asked.
        ops: Vec<Op>,
    },
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Equal to this; never null.
    Eq(Value),
    /// Equal to one of these; may hold null.
    In(Vec<Value>),
    /// Different, null or missing.
    Not(Value),
    /// Null or missing (true), or there (false).
    IsNull(bool),
    /// On one side of this; never null.
    Compare(Comparison, Value),
    /// Matches an SQL pattern.
    Like {
        /// With `%` and `_`.
        pattern: String,
        /// `$ilike`.
        ignore_case: bool,
    },
    /// The id, as text, starts so.
    IdStartsWith(String),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `$gt`
    Greater,
    /// `$gte`
    GreaterOrEqual,
    /// `$lt`
    Less,
    /// `$lte`
    LessOrEqual,
}

impl Comparison {
    /// True when a value that is in this `order` to the bound passes.
    #[must_use]
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        }
    }

    /// The operator in SQL.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

/// True when `text` matches an SQL pattern: `%` is any text, `_` any one character. There is no escape.
#[must_use]
pub fn like(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let fold = |s: &str| -> Vec<char> {
        if ignore_case { s.chars().flat_map(char::to_lowercase).collect() } else { s.chars().collect() }
    };
    let (pattern, text) = (fold(pattern), fold(text));
    // Where the last % was, and how much of the text it has eaten.
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '_' || Some(c) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, eaten)) => {
                    star = Some((at, eaten + 1));
                    p = at + 1;
                    t = eaten + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == '%'))
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn patterns_match_as_in_sql() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("a%", "abc", true),
            ("%c", "abc", true),
            ("%b%", "abc", true),
            ("a_c", "abc", true),
            ("a_c", "ac", false),
            ("%a%b%", "xxaxxbxx", true),
            ("%ab", "aab", true),
            ("A%", "abc", false),
            ("_", "ä", true),
            ("%%", "x", true),
            ("a%b%c", "a-b-b", false),
        ] {
            assert_eq!(like(pattern, text, false), expected, "{pattern} {text}");
        }
        assert!(like("ÄB%", "äbc", true));
    }

    #[test]
    fn many_wildcards_take_no_time() {
        assert!(!like(&"%a".repeat(500), &"b".repeat(10_000), false));
    }
}
