//! Filters as conditions on an entity. Every look at another triple is one probe of the primary key or of the sorted index.

use std::collections::HashMap;

use keystead_instaql::key;
use keystead_instaql::query::ast::Comparison;
use keystead_instaql::query::plan::{Filter, IdTest, Leaf, LinkTest, Test, ValueTest};
use keystead_instaql::schema::{Attr, Direction, EntityId, Link};

use crate::rooms::data::space::Space;
use crate::rooms::data::sql::Sql;

/// What a caller may see of the namespaces that a query's paths lead through; what is not in here he may see.
pub(in super::super) type Views = HashMap<String, Filter>;

/// Adds conditions to statements.
pub(super) struct Conditions<'a> {
    pub(super) space: &'a Space,
    /// Empty where no rules are asked: for admins, and inside of rules.
    pub(super) views: &'a Views,
    /// When nothing more is looked for.
    pub(super) until_ms: Option<i64>,
}

/// The namespaces without views.
pub(super) static NO_VIEWS: std::sync::LazyLock<Views> = std::sync::LazyLock::new(Views::new);

impl Conditions<'_> {
    /// What stands for an attr; one that is not stored has no triples.
    pub(super) fn number(&self, attr: &Attr) -> i64 {
        self.space.number(attr.id).unwrap_or(-1)
    }

    /// Adds a condition on the entity that `entity`, a piece of SQL, names.
    pub(super) fn filter(&self, sql: &mut Sql, filter: &Filter, entity: &str) {
        match filter {
            Filter::All(parts) => self.list(sql, parts, entity, " AND ", "1 = 1"),
            Filter::Any(parts) => self.list(sql, parts, entity, " OR ", "1 = 0"),
            Filter::Not(part) => {
                sql.text("NOT (");
                self.filter(sql, part, entity);
                sql.text(")");
            }
            Filter::Test(test) => self.test(sql, test, entity),
        }
    }

    /// Adds ` AND …` that ends the walk over many rows when the time is over; PostgreSQL ends statements itself. `nothing`: a term
    /// that adds 0.
    pub(super) fn in_time(&self, sql: &mut Sql, nothing: &str) {
        if let Some(until_ms) = self.until_ms.filter(|_| sql.is_sqlite()) {
            sql.text(" AND keystead_in_time(").int(until_ms).text(nothing).text(")");
        }
    }

    fn list(&self, sql: &mut Sql, parts: &[Filter], entity: &str, word: &str, empty: &str) {
        if parts.is_empty() {
            sql.text(empty);
            return;
        }
        sql.text("(");
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                sql.text(word);
            }
            self.filter(sql, part, entity);
        }
        sql.text(")");
    }

    fn test(&self, sql: &mut Sql, test: &Test, entity: &str) {
        self.path(sql, &test.path, &test.leaf, entity);
    }

    fn path(&self, sql: &mut Sql, path: &[Link], leaf: &Leaf, entity: &str) {
        let Some((link, rest)) = path.split_first() else {
            self.leaf(sql, leaf, entity);
            return;
        };
        let next = self.begin_links(sql, link, entity);
        self.in_time(sql, "");
        sql.text(" AND ");
        self.seen(sql, link.target(), &next);
        self.path(sql, rest, leaf, &next);
        close(sql);
    }

    /// `EXISTS (…` over the links of an entity; gives what names the other side. The caller closes it.
    fn begin_links(&self, sql: &mut Sql, link: &Link, entity: &str) -> String {
        let alias = sql.alias();
        let number = self.number(&link.attr);
        sql.text("EXISTS (SELECT 1 FROM data_triples ").text(&alias).text(" WHERE ").text(&alias);
        match link.direction {
            Direction::Forward => {
                sql.text(".entity = ").text(entity).text(" AND ").text(&alias).text(".attr = ").int(number);
                format!("{alias}.sort")
            }
            Direction::Reverse => {
                sql.text(".attr = ").int(number).text(" AND ").text(&alias).text(".indexed = 1 AND ");
                sql.text(&alias).text(".sort = ").text(entity);
                format!("{alias}.entity")
            }
        }
    }

    /// Adds `… AND ` where not all of a namespace may be seen.
    fn seen(&self, sql: &mut Sql, etype: &str, entity: &str) {
        if let Some(view) = self.views.get(etype) {
            // Rules look at everything.
            Conditions { space: self.space, views: &NO_VIEWS, until_ms: self.until_ms }.filter(sql, view, entity);
            sql.text(" AND ");
        }
    }

    fn leaf(&self, sql: &mut Sql, leaf: &Leaf, entity: &str) {
        match leaf {
            Leaf::Id(test) => id(sql, test, entity),
            Leaf::Attr(attr, test) => self.value(sql, attr, test, entity),
            Leaf::Link(link, test) => self.link(sql, link, test, entity),
        }
    }

    fn value(&self, sql: &mut Sql, attr: &Attr, test: &ValueTest, entity: &str) {
        let (negated, alias) = (matches!(test, ValueTest::Not(_) | ValueTest::IsNull(true)), sql.alias());
        sql.text(if negated { "NOT EXISTS" } else { "EXISTS" });
        sql.text(" (SELECT 1 FROM data_triples ").text(&alias).text(" WHERE ").text(&alias).text(".entity = ");
        sql.text(entity).text(" AND ").text(&alias).text(".attr = ").int(self.number(attr));
        sql.text(" AND ").text(&alias).text(".slot = ").either("x''", "'\\x'::bytea").text(" AND ");
        value_test(sql, test, &alias);
        close(sql);
    }

    fn link(&self, sql: &mut Sql, link: &Link, test: &LinkTest, entity: &str) {
        if matches!(test, LinkTest::IsNull(true)) {
            sql.text("NOT ");
        }
        let other = self.begin_links(sql, link, entity);
        if link.direction == Direction::Reverse {
            // The triple is the other entity's.
            sql.text(" AND ");
            self.seen(sql, link.target(), &other);
            sql.text("1 = 1");
        }
        match test {
            LinkTest::In(ids) => {
                sql.text(" AND ").text(&other).one_id_of(ids);
            }
            LinkTest::OtherThan(id) => {
                sql.text(" AND ").text(&other).text(" <> ").id(*id);
            }
            LinkTest::IsNull(_) => {}
        }
        close(sql);
    }
}

/// Ends an `EXISTS (…`. For PostgreSQL it stays a probe, which it would else make a join with the whole attr of.
fn close(sql: &mut Sql) {
    sql.either(")", " OFFSET 0)");
}

/// The condition on the `sort` (and value) of a triple that is there; of a negated test the one that must not hold.
pub(super) fn value_test(sql: &mut Sql, test: &ValueTest, alias: &str) {
    match test {
        ValueTest::In(keys) => {
            sql.text(alias).text(".sort").one_of(keys.clone());
        }
        ValueTest::Not(key) => {
            sql.text(alias).text(".sort = ").bytes(key);
        }
        ValueTest::IsNull(_) => {
            sql.text(alias).text(".sort <> ").bytes(key::NULL);
        }
        ValueTest::Compare(comparison, bound) => compare(sql, *comparison, bound, alias),
        ValueTest::Like { pattern, ignore_case } => {
            // Texts only: their keys begin with one byte.
            sql.text(alias).text(".sort >= ").bytes(&[key::TEXT]).text(" AND ");
            sql.text(alias).text(".sort < ").bytes(&[key::TEXT + 1]).text(" AND ");
            if sql.is_sqlite() {
                sql.text("keystead_like(")
                    .text(alias)
                    .text(".value, ")
                    .string(pattern)
                    .text(", ")
                    .bool(*ignore_case)
                    .text(")");
            } else {
                let word = if *ignore_case { " ILIKE " } else { " LIKE " };
                sql.text("(").text(alias).text(".value::json #>> '{}')").text(word).string(pattern).text(" ESCAPE ''");
            }
        }
    }
}

/// Of the type of the bound, and on this side of it.
pub(super) fn compare(sql: &mut Sql, comparison: Comparison, bound: &[u8], alias: &str) {
    let tag = bound.first().copied().unwrap_or_default();
    sql.text(alias).text(".sort ").text(comparison.sql()).text(" ").bytes(bound).text(" AND ").text(alias);
    match comparison {
        Comparison::Greater | Comparison::GreaterOrEqual => sql.text(".sort < ").bytes(&[tag.saturating_add(1)]),
        Comparison::Less | Comparison::LessOrEqual => sql.text(".sort >= ").bytes(&[tag]),
    };
}

fn id(sql: &mut Sql, test: &IdTest, entity: &str) {
    match test {
        IdTest::In(ids) if ids.is_empty() => {
            sql.text("1 = 0");
        }
        IdTest::In(ids) => {
            sql.text(entity).one_id_of(ids);
        }
        IdTest::Not(id) => {
            sql.text(entity).text(" <> ").id(*id);
        }
        IdTest::StartsWith(start) => match bounds(start) {
            Some((first, last)) => {
                sql.text(entity).text(" >= ").id(first).text(" AND ").text(entity).text(" <= ").id(last);
            }
            None => {
                sql.text("1 = 0");
            }
        },
    }
}

/// The first and last id whose text starts so.
fn bounds(start: &str) -> Option<(EntityId, EntityId)> {
    const SHAPE: &str = "00000000-0000-0000-0000-000000000000";
    let fits = start.len() <= SHAPE.len()
        && start.chars().zip(SHAPE.chars()).all(|(c, shape)| match shape {
            '-' => c == '-',
            _ => matches!(c, '0'..='9' | 'a'..='f'),
        });
    let rest = fits.then(|| SHAPE.get(start.len()..)).flatten()?;
    let first = format!("{start}{rest}").parse().ok()?;
    let last = format!("{start}{}", rest.replace('0', "f")).parse().ok()?;
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::bounds;

    #[test]
    fn prefixes_of_ids_are_ranges() {
        let text = |start: &str| bounds(start).map(|(a, b)| (a.to_string(), b.to_string()));
        let range = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(text("0a1"), range("0a100000-0000-0000-0000-000000000000", "0a1fffff-ffff-ffff-ffff-ffffffffffff"));
        assert_eq!(
            text("00000000-1"),
            range("00000000-1000-0000-0000-000000000000", "00000000-1fff-ffff-ffff-ffffffffffff")
        );
        assert!(text("").is_some());
        assert_eq!((text("0A"), text("000000001"), text("x")), (None, None, None));
    }
}
