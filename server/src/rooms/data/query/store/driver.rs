//! Where a statement starts: at the few entities that one test of the filter leaves, where the sorted index finds them.

use keystead_instaql::query::plan::{Filter, IdTest, Leaf, LinkTest, Test, ValueTest};
use keystead_instaql::schema::{Attr, Direction, Link};

use super::filter::{Conditions, value_test};
use crate::rooms::data::sql::Sql;

/// The test to start with, the best first: ids, unique values, links, indexed values, paths, ranges.
pub(super) fn choose<'a>(filter: &'a Filter, conditions: &Conditions<'_>, is_cut: bool) -> Option<&'a Test> {
    let parts: Vec<&Filter> = match filter {
        Filter::All(parts) => parts.iter().collect(),
        other => vec![other],
    };
    let tests = parts.into_iter().filter_map(|part| match part {
        Filter::Test(test) => Some((rank(test, conditions, is_cut)?, test)),
        _ => None,
    });
    tests.min_by_key(|(rank, _)| *rank).map(|(_, test)| test)
}

fn rank(test: &Test, conditions: &Conditions<'_>, is_cut: bool) -> Option<u8> {
    // What a path leads through must be seen: that is asked entity by entity.
    let is_open = |link: &Link| !conditions.views.contains_key(link.target());
    if !test.path.iter().all(is_open) {
        return None;
    }
    let of_leaf = match &test.leaf {
        Leaf::Id(IdTest::In(_)) => 0,
        Leaf::Attr(attr, ValueTest::In(_)) if attr.unique => 1,
        Leaf::Attr(attr, ValueTest::In(_)) if is_sorted(attr) => 3,
        // A page may be full long before the range is read.
        Leaf::Attr(attr, ValueTest::Compare(..)) if is_sorted(attr) && !is_cut => 5,
        Leaf::Link(link, LinkTest::In(_)) if link.direction == Direction::Forward || is_open(link) => 2,
        _ => return None,
    };
    Some(if test.path.is_empty() { of_leaf } else { of_leaf.max(4) })
}

/// True when the sorted index has every triple of the attr that has a value.
pub(super) fn is_sorted(attr: &Attr) -> bool {
    (attr.index || attr.unique) && !attr.indexing
}

/// Adds the condition that what stands before it is an entity that passes a test.
pub(super) fn passes(sql: &mut Sql, test: &Test, conditions: &Conditions<'_>) {
    match (&test.leaf, test.path.as_slice()) {
        (Leaf::Id(IdTest::In(ids)), []) => {
            sql.one_id_of(ids);
        }
        (leaf, links) => one_of(sql, |sql| path(sql, links, leaf, conditions)),
    }
}

/// One of what `select` selects. PostgreSQL looks each up in the index when it has them as an array, whatever it guesses of their number.
fn one_of(sql: &mut Sql, select: impl FnOnce(&mut Sql)) {
    sql.either(" IN (", " = ANY(ARRAY(");
    select(sql);
    sql.either(")", "))");
}

fn path(sql: &mut Sql, links: &[Link], leaf: &Leaf, conditions: &Conditions<'_>) {
    let Some((link, rest)) = links.split_first() else {
        of_leaf(sql, leaf, conditions);
        return;
    };
    begin(sql, link, conditions);
    one_of(sql, |sql| path(sql, rest, leaf, conditions));
}

/// `SELECT one side FROM … WHERE other side`, to be continued with which.
fn begin(sql: &mut Sql, link: &Link, conditions: &Conditions<'_>) {
    let number = conditions.number(&link.attr);
    match link.direction {
        Direction::Forward => {
            let alias = sql.alias();
            sql.text("SELECT ")
                .text(&alias)
                .text(".entity FROM data_triples ")
                .text(&alias)
                .text(" WHERE ")
                .text(&alias);
            sql.text(".attr = ")
                .int(number)
                .text(" AND ")
                .text(&alias)
                .text(".indexed = 1 AND ")
                .text(&alias)
                .text(".sort");
        }
        Direction::Reverse => {
            let alias = sql.alias();
            sql.text("SELECT ").text(&alias).text(".sort FROM data_triples ").text(&alias).text(" WHERE ").text(&alias);
            sql.text(".attr = ").int(number).text(" AND ").text(&alias).text(".entity");
        }
    }
}

fn of_leaf(sql: &mut Sql, leaf: &Leaf, conditions: &Conditions<'_>) {
    match leaf {
        Leaf::Id(IdTest::In(ids)) => {
            sql.text("SELECT id FROM ").id_table(ids, "ids");
        }
        Leaf::Attr(attr, test) => {
            let alias = sql.alias();
            sql.text("SELECT ")
                .text(&alias)
                .text(".entity FROM data_triples ")
                .text(&alias)
                .text(" WHERE ")
                .text(&alias);
            sql.text(".attr = ").int(conditions.number(attr)).text(" AND ").text(&alias).text(".indexed = 1 AND ");
            value_test(sql, test, &alias);
        }
        Leaf::Link(link, LinkTest::In(ids)) => {
            begin(sql, link, conditions);
            sql.one_id_of(ids);
        }
        // `rank` takes none of the others.
        Leaf::Id(_) | Leaf::Link(..) => {
            sql.text("SELECT entity FROM data_triples WHERE 1 = 0");
        }
    }
}
