//! Queries over the sample data: known answers, all errors of section 3.6, and both roads equal on generated queries.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{SAMPLE, by_plan, by_words};
use crate::error::Error;
use crate::query::Query;
use crate::query::cursor::Cursor;
use crate::query::plan::{Caller, Plan};
use crate::schema::Attr;

/// Both roads' answer, which must be one.
fn ask(query: &Value) -> Value {
    let words = by_words(&SAMPLE, query, false);
    assert_eq!(by_plan(&SAMPLE, query, false).unwrap(), words, "{query}");
    words
}

fn titles(answer: &Value, etype: &str, label: &str) -> Vec<String> {
    answer[etype].as_array().unwrap().iter().map(|entity| entity[label].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn filters_follow_links_both_ways() {
    let handles = |filter: Value| {
        let mut found = titles(&ask(&json!({"users": {"$": {"where": filter}}})), "users", "handle");
        found.sort();
        found
    };
    assert_eq!(handles(json!({})), ["alex", "joe", "nicolegf", "stopa"]);
    assert_eq!(handles(json!({"handle": "joe"})), ["joe"]);
    assert_eq!(handles(json!({"bookshelves.name": "Worldview"})), ["stopa"]);
    assert_eq!(handles(json!({"or": [{"handle": "joe"}, {"bookshelves.name": "Worldview"}]})), ["joe", "stopa"]);
    assert_eq!(handles(json!({"handle": {"$in": ["joe", "alex", "nobody"]}})), ["alex", "joe"]);
    assert_eq!(handles(json!({"handle": {"$not": "joe"}})), ["alex", "nicolegf", "stopa"]);
    assert_eq!(handles(json!({"handle": {"$like": "%o%"}})), ["joe", "nicolegf", "stopa"]);
    assert_eq!(handles(json!({"email": {"$ilike": "%@INSTANTDB.COM"}})).len(), 4);
    assert_eq!(handles(json!({"createdAt": {"$lt": "2021-01-08"}})), ["joe", "stopa"]);
    assert_eq!(handles(json!({"and": [{"createdAt": {"$gt": 0}}, {"handle": "alex"}]})), ["alex"]);
    assert_eq!(handles(json!({"handle": {"$isNull": true}})), [""; 0]);
    assert_eq!(handles(json!({"nothing": "x"})), [""; 0]);
    assert_eq!(handles(json!({"or": [{"nothing": "x"}, {"handle": "joe"}]})), ["joe"]);
    assert_eq!(handles(json!({"id": "no uuid"})), [""; 0]);
    // Back along the link.
    let shelf = ask(&json!({"bookshelves": {"$": {"where": {"users.handle": "joe"}, "limit": 1}, "users": {}}}));
    assert_eq!(shelf["bookshelves"][0]["users"][0]["handle"], "joe");
    let by_id = SAMPLE.entities("users")[0].to_string();
    assert!(
        !ask(&json!({"bookshelves": {"$": {"where": {"users": by_id}}}}))["bookshelves"].as_array().unwrap().is_empty()
    );
    assert_eq!(
        ask(&json!({"bookshelves": {"$": {"where": {"users.id": by_id}}}})),
        ask(&json!({"bookshelves": {"$": {"where": {"users": by_id}}}})),
    );
}

#[test]
fn what_is_unknown_is_empty() {
    assert_eq!(ask(&json!({"nothing": {"$": {"order": {"x": "asc"}}, "below": {}}})), json!({"nothing": []}));
    let answer = ask(&json!({"users": {"$": {"limit": 1}, "nothing": {}}}));
    assert_eq!(answer["users"][0]["nothing"], json!([]));
    assert_eq!(ask(&json!({"$$ruleParams": {"a": 1}})), json!({}));
}

#[test]
fn pages_and_cursors_walk_a_list() {
    let all = titles(&ask(&json!({"books": {"$": {"order": {"title": "asc"}}}})), "books", "title");
    assert!(all.is_sorted() && all.len() > 90);
    let page = |options: Value| titles(&ask(&json!({"books": {"$": options}})), "books", "title");
    assert_eq!(page(json!({"order": {"title": "asc"}, "limit": 5, "offset": 3})), all[3..8]);
    assert_eq!(page(json!({"order": {"title": "asc"}, "last": 4})), all[all.len() - 4..]);
    let reversed: Vec<String> = all.iter().rev().cloned().collect();
    assert_eq!(page(json!({"order": {"title": "desc"}, "first": 6})), reversed[..6]);
    // The place of the fifth book.
    let title = SAMPLE.catalog.forward("books", "title").unwrap();
    let fifth = SAMPLE.triples.iter().find(|triple| triple.attr == title.id && triple.value == json!(all[4])).unwrap();
    let cursor =
        Cursor { entity: fifth.entity, attr: title.id, value: fifth.value.clone(), created_ms: fifth.created_ms }
            .to_json();
    assert_eq!(page(json!({"order": {"title": "asc"}, "first": 2, "after": cursor})), all[5..7]);
    assert_eq!(
        page(json!({"order": {"title": "asc"}, "first": 2, "after": cursor, "afterInclusive": true})),
        all[4..6]
    );
    assert_eq!(page(json!({"order": {"title": "asc"}, "last": 2, "before": cursor})), all[2..4]);
    assert_eq!(
        page(json!({"order": {"title": "desc"}, "first": 2, "after": cursor})),
        [all[3].as_str(), all[2].as_str()]
    );
}

#[test]
fn fields_and_nested_limits() {
    let answer = ask(&json!({"users": {"$": {"fields": ["handle", "nothing"], "where": {"handle": "joe"}}}}));
    let user = answer["users"][0].as_object().unwrap();
    assert_eq!(user.keys().collect::<Vec<_>>(), ["handle", "id"]);
    let shelves = |query: Value| ask(&query)["users"][0]["bookshelves"].as_array().unwrap().len();
    let node =
        json!({"$": {"where": {"handle": "stopa"}}, "bookshelves": {"$": {"limit": 2, "order": {"name": "desc"}}}});
    assert!(shelves(json!({"users": node})) > 2, "nested limits are off unless asked for");
    assert_eq!(shelves(json!({"users": node, "$$extensions": {"nested-limits": {}}})), 2);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let mut catalog = (*SAMPLE.catalog).clone();
    catalog.insert(Attr { index: true, ..Attr::blob(super::id(1), super::id(2), "books", "untyped") });
    catalog.insert(Attr::blob(super::id(3), super::id(4), "books", "bare"));
    let order = SAMPLE.catalog.forward("bookshelves", "order").unwrap().id;
    let cursor = json!([super::id(9), order, 1, 2]);
    let told = |query: Value, caller: Caller| -> Value {
        let result = Query::parse(&query).and_then(|parsed| Plan::new(&parsed, &catalog, caller));
        let e: Error = result.map(|_| ()).unwrap_err();
        let errors = e.hint["errors"].as_array().cloned().unwrap_or_default();
        let problems: Vec<Value> = errors.iter().map(|e| json!([e["expected"], e["in"], e["message"]])).collect();
        json!([query, e.kind.name(), e.hint["data-type"], problems])
    };
    let books = |options: Value| told(json!({"books": {"$": options}}), Caller::Admin);
    let filter = |filter: Value| told(json!({"books": {"$": {"where": filter}}}), Caller::Admin);
    insta::assert_json_snapshot!(vec![
        told(json!([]), Caller::Admin),
        told(json!({"books": 1}), Caller::Admin),
        told(json!({"books": {"$": []}}), Caller::Admin),
        told(json!({"books": {"$": {"where": "x"}}}), Caller::Admin),
        books(json!({"skip": 1})),
        told(json!({"users": {"bookshelves": {"$": {"offset": 1}}}}), Caller::Admin),
        books(json!({"limit": 1, "first": 2})),
        books(json!({"limit": 0})),
        books(json!({"offset": -1})),
        books(json!({"order": {"title": "up"}})),
        books(json!({"order": {"title": "asc", "isbn13": "asc"}})),
        books(json!({"order": {"bare": "asc"}})),
        books(json!({"order": {"nothing": "asc"}})),
        told(json!({"users": {"$": {"order": {"bookshelves": "asc"}}}}), Caller::Admin),
        books(json!({"after": [1, 2]})),
        books(json!({"order": {"title": "asc"}, "after": cursor})),
        filter(json!({"or": []})),
        filter(json!({"bookshelves": "no uuid"})),
        filter(json!({"bare": {"$gt": 1}})),
        filter(json!({"untyped": {"$gt": 1}})),
        filter(json!({"title": 5})),
        filter(json!({"pageCount": {"$gt": "many"}})),
        told(json!({"users": {"$": {"where": {"createdAt": "now"}}}}), Caller::Admin),
        told(json!({"users": {"$": {"where": {"createdAt": true}}}}), Caller::Admin),
        filter(json!({"title": {"$like": 5}})),
        filter(json!({"bare": {"$in": [null, 1]}})),
        filter(json!({"title": null})),
        filter(json!({"title": {"$not": null}})),
        filter(json!({"title.x": 1})),
        filter(json!({"title": {"$near": 1}})),
        books(json!({"fields": "title"})),
        books(json!({"aggregate": "median"})),
        told(json!({"books": {"$": {"aggregate": "count"}}}), Caller::User),
        told(json!({"books": {"$": {"aggregate": "count"}, "bookshelves": {}}}), Caller::Admin),
    ]);
}

#[test]
fn too_much_is_refused() {
    let deep = (0..30).fold(json!({}), |inner, _| json!({"bookshelves": inner}));
    let wide: serde_json::Map<String, Value> = (0..600).map(|n| (format!("n{n}"), json!({}))).collect();
    let many = json!({"books": {"$": {"where": {"id": {"$in": vec!["x"; 30_000]}}}}});
    let path = json!({"books": {"$": {"where": {"a.".repeat(50): 1}}}});
    for query in [deep, Value::Object(wide), many, path] {
        assert_eq!(Query::parse(&query).unwrap_err().kind, crate::Kind::ParameterLimitExceeded);
    }
}

/// Conditions over the sample's schema that are valid.
fn condition(etype: &'static str) -> BoxedStrategy<Value> {
    let text = prop_oneof![Just("joe"), Just("Worldview"), Just("Fiction"), Just("a"), Just("")];
    let texts: &[&str] = match etype {
        "users" => &["handle", "bookshelves.name", "bookshelves.books.title", "bookshelves.users.handle", "nothing.x"],
        "bookshelves" => &["name", "users.handle", "books.title", "users.email", "books.nothing"],
        _ => &["title", "bookshelves.name", "bookshelves.users.handle", "isbn13"],
    };
    let numbers: &[&str] = match etype {
        "users" => &["bookshelves.order", "bookshelves.books.pageCount"],
        "bookshelves" => &["order", "books.pageCount"],
        _ => &["pageCount", "bookshelves.order"],
    };
    let links: &[&str] = match etype {
        "users" => &["bookshelves", "bookshelves.books", "id"],
        "bookshelves" => &["users", "books", "books.id"],
        _ => &["bookshelves", "bookshelves.users.id"],
    };
    let ids: Vec<String> = ["users", "bookshelves", "books"]
        .iter()
        .flat_map(|etype| SAMPLE.entities(etype))
        .map(|id| id.to_string())
        .collect();
    let leaf = prop_oneof![
        (prop::sample::select(texts), text.clone()).prop_map(|(path, v)| json!({path: v})),
        (prop::sample::select(texts), text.clone(), "[$](not|gt|gte|lt|lte)")
            .prop_map(|(path, v, op)| json!({path: {op: v}})),
        (prop::sample::select(texts), prop::collection::vec(text, 0..3), any::<bool>()).prop_map(
            |(path, list, null)| {
                let mut list: Vec<Value> = list.into_iter().map(Value::from).collect();
                if null {
                    list.push(Value::Null);
                }
                json!({path: {"$in": list}})
            }
        ),
        (prop::sample::select(texts), "[%a-e]{0,3}", any::<bool>())
            .prop_map(|(path, pattern, fold)| json!({path: {if fold { "$ilike" } else { "$like" }: pattern}})),
        (prop::sample::select(numbers), 0..400_i64, "[$](not|gt|gte|lt|lte)")
            .prop_map(|(path, n, op)| json!({path: {op: n}})),
        (prop::sample::select(numbers), 0..9_i64).prop_map(|(path, n)| json!({path: n})),
        (prop::sample::select([texts, numbers, links].concat()), any::<bool>())
            .prop_map(|(path, b)| json!({path: {"$isNull": b}})),
        (prop::sample::select(links), prop::sample::select(ids.clone())).prop_map(|(path, id)| json!({path: id})),
        (prop::sample::select(links), prop::sample::select(ids.clone()))
            .prop_map(|(path, id)| json!({path: {"$not": id}})),
        (prop::sample::select(links), prop::collection::vec(prop::sample::select(ids), 0..4))
            .prop_map(|(path, ids)| json!({path: {"$in": ids}})),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|list| json!({"or": list})),
            prop::collection::vec(inner, 1..3).prop_map(|list| json!({"and": list})),
        ]
    })
    .boxed()
}

/// Whole queries over the sample's schema that are valid.
fn valid() -> impl Strategy<Value = Value> {
    let node = |etype: &'static str, orders: &'static [&'static str]| {
        let filter = prop::option::of(condition(etype));
        let order = prop::option::of((prop::sample::select(orders), any::<bool>()));
        let count = prop::option::of((prop::sample::select(&["limit", "first", "last"][..]), 1..6_u64));
        (filter, order, count, prop::option::of(0..4_u64)).prop_map(|(filter, order, count, offset)| {
            let mut options = serde_json::Map::new();
            options.extend(filter.map(|filter| ("where".to_owned(), filter)));
            options.extend(
                order.map(|(name, down)| ("order".to_owned(), json!({name: if down { "desc" } else { "asc" }}))),
            );
            options.extend(count.map(|(name, n)| (name.to_owned(), json!(n))));
            options.extend(offset.map(|n| ("offset".to_owned(), json!(n))));
            options
        })
    };
    let users = node("users", &["handle", "createdAt", "serverCreatedAt"]);
    let shelves = node("bookshelves", &["name", "order", "serverCreatedAt"]);
    let books = node("books", &["title", "pageCount", "serverCreatedAt"]);
    (users, shelves, books, 0..6_u8).prop_map(|(mut users, mut shelves, mut books, shape)| {
        let nested = |options: &mut serde_json::Map<String, Value>| {
            options.remove("offset");
        };
        match shape {
            0 => json!({"users": {"$": users}}),
            1 => json!({"books": {"$": books}, "users": {"$": users}}),
            2 => {
                nested(&mut shelves);
                json!({"users": {"$": users, "bookshelves": {"$": shelves}}})
            }
            3 => {
                nested(&mut shelves);
                nested(&mut users);
                json!({"books": {"$": books, "bookshelves": {"$": shelves, "users": {"$": users}}}, "$$extensions": {"nested-limits": {}}})
            }
            4 => {
                nested(&mut books);
                nested(&mut users);
                json!({"bookshelves": {"$": shelves, "books": {"$": books}, "users": {"$": users}}})
            }
            _ => {
                nested(&mut books);
                json!({"bookshelves": {"$": shelves, "books": {"$": books}}, "$$extensions": {"nested-limits": {}}})
            }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn both_roads_agree(query in valid(), singular: bool) {
        prop_assert_eq!(by_plan(&SAMPLE, &query, singular).unwrap(), by_words(&SAMPLE, &query, singular));
    }
}
