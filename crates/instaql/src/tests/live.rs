//! If a change changed an answer, then a topic of the query is a topic of the change.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{App, SAMPLE, by_plan, by_words};
use crate::naive;
use crate::query::Query;
use crate::query::plan::{Caller, Plan};
use crate::rows;
use crate::rules::{Rule, Rules};
use crate::schema::CheckedType;
use crate::topics::{self, Index, Topic};

fn topics_of(app: &App, query: &Value) -> std::collections::HashSet<Topic> {
    let plan = Plan::new(&Query::parse(query).unwrap(), &app.db.catalog, Caller::Admin).unwrap();
    topics::of_query(&plan, &naive::levels(&app.db, &plan, &|_etype, _entity| true))
}

fn sample() -> App {
    App { db: SAMPLE.clone(), now_ms: 1_700_000_000_000, ids: 0 }
}

/// A tiny app, so that writes meet queries often: users `u` with shelves `s` with books `b`, three of each, and values of
/// a few letters and numbers.
fn tiny() -> App {
    let mut app = App::default();
    let mut steps = Vec::new();
    for (etype, first) in [("u", 10), ("s", 20), ("b", 30)] {
        steps.extend((0..3).map(|n| json!(["create", etype, super::id(first + n), {"t": "a", "n": n}])));
    }
    steps.push(json!(["link", "u", super::id(10), {"s": [super::id(20), super::id(21)]}]));
    steps.push(json!(["link", "s", super::id(20), {"b": [super::id(30), super::id(31)]}]));
    app.transact(&Value::Array(steps)).unwrap();
    for etype in ["u", "s", "b"] {
        app.flag(etype, "t", |attr| (attr.index, attr.checked_data_type) = (true, Some(CheckedType::String)));
        app.flag(etype, "n", |attr| (attr.index, attr.checked_data_type) = (true, Some(CheckedType::Number)));
    }
    app
}

/// Ids of a namespace: those that are there and one that is not yet.
fn ids(etype: &str) -> impl Strategy<Value = String> + use<> {
    let first = match etype {
        "u" => 10,
        "s" => 20,
        _ => 30,
    };
    (0..4_u128).prop_map(move |n| super::id(first + n).to_string())
}

fn step() -> impl Strategy<Value = Value> {
    let values = prop_oneof![
        "[abc]".prop_map(|t| json!({"t": t})),
        (0..4).prop_map(|n| json!({"n": n})),
        Just(json!({"t": null})),
        ("[abc]", 0..4).prop_map(|(t, n)| json!({"t": t, "n": n})),
        Just(json!({})),
    ];
    let of = |etype: &'static str| {
        (ids(etype), values.clone()).prop_map(move |(id, values)| json!(["update", etype, id, values]))
    };
    let delete = |etype: &'static str| ids(etype).prop_map(move |id| json!(["delete", etype, id, null]));
    prop_oneof![
        3 => prop_oneof![of("u"), of("s"), of("b")],
        2 => (ids("u"), ids("s"), "link|unlink").prop_map(|(a, b, op)| json!([op, "u", a, {"s": b}])),
        2 => (ids("s"), ids("b"), "link|unlink").prop_map(|(a, b, op)| json!([op, "s", a, {"b": b}])),
        1 => prop_oneof![delete("u"), delete("s"), delete("b")],
    ]
}

fn condition(etype: &'static str) -> BoxedStrategy<Value> {
    // Along no link, along one, along two: in both directions.
    let (near, far): (&[&str], &[&str]) = match etype {
        "u" => (&["s"], &["s.b"]),
        "s" => (&["u", "b"], &["u.s", "b.s"]),
        _ => (&["s"], &["s.u", "s.b"]),
    };
    let links = [near, far].concat();
    let attr = |label: &'static str| {
        let mut paths = vec![label.to_owned(), label.to_owned()];
        paths.extend(links.iter().map(|link| format!("{link}.{label}")));
        prop::sample::select(paths)
    };
    let link = prop::sample::select(links.clone());
    let leaf = prop_oneof![
        (attr("t"), "[abc]").prop_map(|(path, t)| json!({path: t})),
        (attr("t"), "[abc]", "[$](not|gt|lte)").prop_map(|(path, t, op)| json!({path: {op: t}})),
        (attr("t"), "[abc]").prop_map(|(path, t)| json!({path: {"$in": [t, null]}})),
        (attr("n"), 0..4, "[$](eq|not|gte|lt)").prop_map(|(path, n, op)| json!({path: {op: n}})),
        (prop_oneof![attr("t"), attr("n")], any::<bool>()).prop_map(|(path, b)| json!({path: {"$isNull": b}})),
        (link.clone(), any::<bool>()).prop_map(|(path, b)| json!({path: {"$isNull": b}})),
        (link.clone(), prop_oneof![ids("u"), ids("s"), ids("b")], "[$](eq|not)")
            .prop_map(|(path, id, op)| json!({path: {op: id}})),
        (ids(etype), "[$](eq|not)").prop_map(|(id, op)| json!({"id": {op: id}})),
        (attr("t"), "[abc%]{1,2}").prop_map(|(path, pattern)| json!({path: {"$like": pattern}})),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"or": [a, b]})),
            (inner.clone(), inner).prop_map(|(a, b)| json!({"and": [a, b]})),
        ]
    })
    .boxed()
}

fn options(etype: &'static str, top: bool) -> impl Strategy<Value = Value> {
    let order = prop::option::of(("t|n|serverCreatedAt", "asc|desc"));
    let count = prop::option::of(("limit|last", 1..3));
    (prop::option::of(condition(etype)), order, count, 0..2).prop_map(move |(filter, order, count, offset)| {
        let mut options = serde_json::Map::new();
        options.extend(filter.map(|filter| ("where".to_owned(), filter)));
        options.extend(order.map(|(name, direction)| ("order".to_owned(), json!({name: direction}))));
        options.extend(count.map(|(name, n)| (name, json!(n))));
        if top {
            options.insert("offset".to_owned(), json!(offset));
        }
        Value::Object(options)
    })
}

fn query() -> impl Strategy<Value = Value> {
    let top = |etype| options(etype, true);
    let below = |etype| options(etype, false);
    prop_oneof![
        top("u").prop_map(|o| json!({"u": {"$": o}})),
        top("s").prop_map(|o| json!({"s": {"$": o}})),
        (top("u"), below("s")).prop_map(|(u, s)| json!({"u": {"$": u, "s": {"$": s}}})),
        (top("s"), below("u"), below("b")).prop_map(|(s, u, b)| json!({"s": {"$": s, "u": {"$": u}, "b": {"$": b}}})),
        (top("b"), below("s"), below("u")).prop_map(
            |(b, s, u)| json!({"b": {"$": b, "s": {"$": s, "u": {"$": u}}}, "$$extensions": {"nested-limits": {}}})
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_changed_answer_has_a_topic(
        query in query(),
        writes in prop::collection::vec(prop::collection::vec(step(), 1..3), 1..12),
    ) {
        let mut app = tiny();
        for steps in writes {
            let (topics, before) = (topics_of(&app, &query), by_words(&app.db, &query, false));
            prop_assert_eq!(&by_plan(&app.db, &query, false).unwrap(), &before);
            let outcome = app.transact(&json!(steps)).unwrap();
            if by_words(&app.db, &query, false) != before {
                let changed = topics::of_outcome(&outcome);
                prop_assert!(!topics.is_disjoint(&changed), "{} after {:?}\n{:?}\n{:?}", query, steps, topics, changed);
            }
        }
    }
}

/// The query without what only the server can do: a client that queries again knows no places in a list.
fn without_pages(query: &Value) -> Value {
    let mut query = query.clone();
    fn strip(node: &mut Value) {
        let Some(node) = node.as_object_mut() else { return };
        if let Some(options) = node.get_mut("$").and_then(Value::as_object_mut) {
            for key in ["limit", "last", "offset"] {
                options.remove(key);
            }
        }
        node.values_mut().for_each(strip);
    }
    strip(&mut query);
    query
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_client_finds_the_same_in_the_triples(
        query in query(),
        writes in prop::collection::vec(prop::collection::vec(step(), 1..3), 1..8),
    ) {
        let mut app = tiny();
        for steps in writes {
            app.transact(&json!(steps)).unwrap();
        }
        let query = without_pages(&query);
        let plan = Plan::new(&Query::parse(&query).unwrap(), &app.db.catalog, Caller::Admin).unwrap();
        let levels = naive::levels(&app.db, &plan, &|_etype, _entity| true);
        let triples = rows::collect(&plan, &levels, &app.db.catalog.clone(), &mut app.db).unwrap();
        let mut sent = naive::Db { catalog: app.db.catalog.clone(), triples };
        prop_assert_eq!(by_words(&sent, &query, false), by_words(&app.db, &query, false), "{}", query);
        // No more than what is there, and nothing twice.
        let all = app.db.triples.len();
        prop_assert!(sent.triples.iter().all(|triple| app.db.triples.contains(triple)) && sent.triples.len() <= all);
        let wire: Value = serde_json::from_str(&rows::to_json(&sent.triples)).unwrap();
        prop_assert_eq!(wire.as_array().unwrap().len(), sent.triples.len());
        sent.triples.clear();
    }
}

#[test]
fn changes_of_others_do_not_concern_a_query() {
    let mut app = sample();
    let joe =
        by_words(&app.db, &json!({"users": {"$": {"where": {"handle": "joe"}}}}), false)["users"][0]["id"].clone();
    let stopa =
        by_words(&app.db, &json!({"users": {"$": {"where": {"handle": "stopa"}}}}), false)["users"][0]["id"].clone();
    let query = json!({"bookshelves": {"$": {"where": {"users": joe}}}});
    let mut index = Index::default();
    index.set("joe's shelves", topics_of(&app, &query));
    index.set("all books", topics_of(&app, &json!({"books": {}})));
    let concerned = |app: &mut App, steps: Value| {
        let topics = topics::of_outcome(&app.transact(&steps).unwrap());
        let mut found: Vec<&str> = index.matching(&topics).into_iter().copied().collect();
        found.sort_unstable();
        found
    };
    let other = json!([["create", "bookshelves", super::id(1), {"name": "x"}], ["link", "bookshelves", super::id(1), {"users": stopa}]]);
    assert_eq!(concerned(&mut app, other), [""; 0], "somebody else's shelf");
    assert_eq!(concerned(&mut app, json!([["update", "users", stopa, {"handle": "s"}]])), [""; 0]);
    let mine = json!([["create", "bookshelves", super::id(2), {"name": "x"}], ["link", "bookshelves", super::id(2), {"users": joe}]]);
    assert_eq!(concerned(&mut app, mine), ["joe's shelves"]);
    assert_eq!(concerned(&mut app, json!([["create", "books", super::id(3), {"title": "x"}]])), ["all books"]);
    index.remove(&"all books");
    index.remove(&"joe's shelves");
    assert!(index.is_empty() && index.matching(&[Topic::Entity(super::id(2))]).is_empty());
}

#[test]
fn a_rule_on_rows_has_the_topics_of_what_it_looks_at() {
    let app = tiny();
    let attr = |etype: &str, label: &str| Topic::Attr(app.db.catalog.forward(etype, label).unwrap().id);
    let of = |code: &str| {
        let rules = Rules::parse(&json!({"s": {"allow": {"view": code}}})).unwrap();
        let Rule::Program(program) = rules.view("s") else { panic!() };
        let mut topics = std::collections::HashSet::new();
        topics::of_program(&program, "s", Some(super::id(1)), &app.db.catalog, &mut topics);
        topics
    };
    let user = Topic::Entity(super::id(1));
    assert_eq!(of("has(data.n) && data.n > 1"), [user.clone(), attr("s", "n")].into());
    let refs = of("size(data.ref('u.s.t')) > 1 || data['t'].startsWith('a')");
    assert_eq!(refs, [user, attr("u", "s"), attr("s", "t")].into());
    let whole = of("data.exists(k, k == 'n')");
    assert!(["id", "n", "t", "b"].iter().all(|label| whole.contains(&attr("s", label))));
}
