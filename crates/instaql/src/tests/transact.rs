//! Transactions: the semantics of section 4, step by step.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{App, SAMPLE, id};
use crate::query::plan::Caller;
use crate::schema::{Attr, Cardinality, CheckedType, OnDelete};
use crate::tx::outcome::LinkChange;
use crate::{Error, Kind, system, tx};

fn list(answer: &Value, etype: &str) -> Vec<Value> {
    answer[etype].as_array().unwrap().clone()
}

fn data_type(result: crate::Result<tx::Outcome>) -> Value {
    let e = result.unwrap_err();
    assert_eq!(e.kind, Kind::ValidationFailed, "{e}");
    e.hint["data-type"].clone()
}

#[test]
fn missing_attrs_are_made_with_the_right_flags() {
    let mut app = App::default();
    app.transact(&json!([
        ["update", "goals", id(1), {"title": "Get fit", "id": "ignored"}],
        ["link", "goals", id(1), {"todos": [id(2), id(3)]}],
        ["create", "todos", id(2), {"done": false}],
        ["update", "people", ["email", "a@b.co"], {"name": "Ada"}],
        ["link", "goals", id(1), {"owner": "lookup__handle__\"x\"", "todos": id(2)}],
    ]))
    .unwrap_err();
    // The last one looked up somebody who is not there, so nothing of it all happened.
    assert!(app.db.triples.is_empty() && app.db.catalog.etypes().is_empty());
    app.transact(&json!([
        ["update", "goals", id(1), {"title": "Get fit"}],
        ["link", "goals", id(1), {"todos": [id(2), id(3)]}],
        ["create", "todos", id(2), {"done": false}],
        ["update", "people", ["email", "a@b.co"], {"name": "Ada"}],
        ["link", "goals", id(1), {"person": id(7)}],
    ]))
    .unwrap();
    let attr = |etype: &str, label: &str| app.db.catalog.forward(etype, label).unwrap().clone();
    assert!(attr("goals", "id").unique && !attr("goals", "id").index);
    let title = attr("goals", "title");
    assert!(title.is_one() && !title.unique && !title.index && !title.is_ref());
    let todos = attr("goals", "todos");
    assert!(todos.is_ref() && !todos.is_one() && todos.reverse_identity.as_ref().unwrap().1 == "todos");
    assert!(attr("people", "email").unique && attr("people", "email").index);
    assert!(app.db.catalog.id_attr("person").is_some());
    let answer = app.query(&json!({"goals": {"todos": {}}, "people": {}}));
    // The link to what does not exist leads nowhere.
    assert_eq!(answer["goals"], json!([{"id": id(1), "title": "Get fit", "todos": [{"id": id(2), "done": false}]}]));
    let ada = &answer["people"][0];
    assert_eq!((&ada["name"], &ada["email"]), (&json!("Ada"), &json!("a@b.co")));
    // Who has a schema wants to hear of it instead.
    let e =
        app.transact_as(&json!([["update", "goals", id(1), {"x": 1, "title": "t"}]]), Caller::Admin, true).unwrap_err();
    assert_eq!(e.hint["errors"][0]["hint"]["attributes"], json!(["goals.x"]));
    assert_eq!(data_type(app.transact(&json!([["update", "$mine", id(1), {"x": 1}]]))), "attributes");
}

#[test]
fn modes_say_whether_the_entity_must_be_there() {
    let mut app = App::default();
    app.transact(&json!([["create", "goals", id(1), {"a": 1}]])).unwrap();
    assert_eq!(data_type(app.transact(&json!([["create", "goals", id(1), {"a": 2}]]))), "tx-step");
    let missing = app.transact(&json!([["update", "goals", id(2), {"a": 2}, {"upsert": false}]])).unwrap_err();
    assert!(missing.message.contains(&id(2).to_string()));
    app.transact(&json!([["update", "goals", id(2), {"a": 2}, {"upsert": true}], ["create", "other", id(1), {}]]))
        .unwrap();
    assert_eq!(list(&app.query(&json!({"goals": {}, "other": {}})), "goals").len(), 2);
}

#[test]
fn values_are_replaced_merged_and_kept_with_their_time() {
    let mut app = App::default();
    app.transact(&json!([["update", "t", id(1), {"m": {"x": 1, "y": {"z": 1}}, "n": null, "list": [1]}]])).unwrap();
    app.transact(&json!([["merge", "t", id(1), {"m": {"y": {"z": null, "w": [2]}, "v": null}, "list": [3]}]])).unwrap();
    assert_eq!(
        app.query(&json!({"t": {}}))["t"][0],
        json!({"id": id(1), "m": {"x": 1, "y": {"w": [2]}}, "n": null, "list": [3]})
    );
    let m = app.db.catalog.forward("t", "m").unwrap().id;
    assert_eq!(app.db.triple(id(1), m).unwrap().created_ms, 1);
    let same = app.transact(&json!([["update", "t", id(1), {"list": [3]}]])).unwrap();
    assert!(same.changes.is_empty(), "what stays the same is no change");
    assert_eq!(same.touched[0].modified, ["list"], "and rules are asked all the same");
}

#[test]
fn links_are_sets_and_go_both_ways() {
    let mut app = App::default();
    app.transact(&json!([["create", "a", id(1), {}], ["create", "b", id(2), {}], ["link", "a", id(1), {"b": id(2)}]]))
        .unwrap();
    let again = app.transact(&json!([["link", "b", id(2), {"a": id(1).to_string().to_uppercase()}]])).unwrap();
    assert!(again.changes.is_empty() && again.links.is_empty());
    let linked = |app: &App| list(&app.query(&json!({"a": {"b": {}}}))["a"][0].clone(), "b").len();
    assert_eq!(linked(&app), 1);
    let gone = app.transact(&json!([["unlink", "b", id(2), {"a": [id(1)]}]])).unwrap();
    let b = app.db.catalog.forward("a", "b").unwrap().id;
    assert_eq!(gone.links, [LinkChange { attr: b, entity: id(1), target: id(2), added: false }]);
    assert!(gone.touched.is_empty(), "links have rules of their own");
    assert_eq!(linked(&app), 0);
    let e = app.transact(&json!([["link", "a", id(1), {"b": "no uuid"}]])).unwrap_err();
    assert_eq!((e.kind, &e.hint["attribute"]), (Kind::ValidationFailed, &json!("b")));
    assert!(!e.message.starts_with("Validation failed"));
}

#[test]
fn lookups_find_or_make() {
    let mut app = App::default();
    app.transact(&json!([["update", "users", ["email", "a@b.co"], {"n": 1}], ["update", "users", {"email": "a@b.co"}, {"m": 2}]])).unwrap();
    let users = list(&app.query(&json!({"users": {}})), "users");
    assert_eq!((users.len(), &users[0]["n"], &users[0]["m"]), (1, &json!(1), &json!(2)));
    app.transact(&json!([["link", "posts", id(5), {"author": id(6)}]])).unwrap();
    app.transact(
        &json!([["create", "posts", id(5), {}], ["link", "posts", id(5), {"users": "lookup__email__\"a@b.co\""}]]),
    )
    .unwrap();
    assert_eq!(app.query(&json!({"posts": {"users": {}}}))["posts"][0]["users"][0]["email"], "a@b.co");
    app.transact(&json!([["delete", "users", ["email", "nobody"], null]])).unwrap();
    app.transact(&json!([["delete", "users", ["email", "a@b.co"], null]])).unwrap();
    assert!(list(&app.query(&json!({"users": {}})), "users").is_empty());
    // An entity found by a link it has.
    app.transact(&json!([["update", "profiles", ["user.id", id(9)], {"bio": "x"}]])).unwrap();
    app.transact(&json!([["update", "profiles", ["user.id", id(9)], {"bio": "y"}]])).unwrap();
    let profiles = list(&app.query(&json!({"profiles": {}})), "profiles");
    assert_eq!((profiles.len(), &profiles[0]["bio"], &profiles[0]["user"]), (1, &json!("y"), &json!(id(9))));
    for (step, expected) in [
        (json!(["update", "users", ["n", 1], {}]), "lookup"),
        (json!(["update", "users", ["user.name", 1], {}]), "lookup"),
        (json!(["link", "posts", id(5), {"users": "lookup__email__{"}]), "lookup"),
        (json!(["link", "posts", id(5), {"users": "lookup__email__\"nobody\""}]), "lookup"),
        (json!(["update", "users", "no uuid", {}]), "steps"),
        (json!(["update", "users", id(1), []]), "steps"),
        (json!(["update", 5, id(1), {}]), "steps"),
        (json!(["destroy", "users", id(1), {}]), "action"),
        (json!("update"), "steps"),
    ] {
        assert_eq!(data_type(app.transact(&json!([step]))), expected, "{step}");
    }
    assert_eq!(tx::step::parse(None).unwrap_err(), Error::missing(&["body", "steps"]));
    assert_eq!(tx::step::parse(Some(&json!({}))).unwrap_err().kind, Kind::ParamMalformed);
}

#[test]
fn unique_values_have_one_holder() {
    let mut app = App::default();
    app.transact(&json!([["create", "u", id(1), {"e": "a"}], ["create", "u", id(2), {"e": "b"}]])).unwrap();
    app.flag("u", "e", |attr| (attr.unique, attr.index) = (true, true));
    let taken = |app: &mut App, steps: Value| app.transact(&steps).unwrap_err().kind == Kind::RecordNotUnique;
    assert!(taken(&mut app, json!([["update", "u", id(2), {"e": "a"}]])));
    assert!(taken(&mut app, json!([["create", "u", id(3), {"e": "c"}], ["create", "u", id(4), {"e": "c"}]])));
    app.transact(&json!([["update", "u", id(1), {"e": "b"}], ["update", "u", id(2), {"e": "a"}]])).unwrap();
    app.transact(&json!([["create", "u", id(5), {}], ["create", "u", id(6), {}]])).unwrap();
    assert_eq!(
        app.query(&json!({"u": {"$": {"where": {"id": id(6)}}}}))["u"][0]["e"],
        Value::Null,
        "indexed columns show as null"
    );
    // has-one on the reverse side: a link whose target is taken.
    app.transact(&json!([["link", "u", id(1), {"desk": id(9)}]])).unwrap();
    app.flag("u", "desk", |attr| (attr.unique, attr.cardinality) = (true, Cardinality::One));
    assert!(taken(&mut app, json!([["link", "u", id(2), {"desk": id(9)}]])));
    app.transact(&json!([["unlink", "u", id(1), {"desk": id(9)}]])).unwrap();
    app.transact(&json!([["link", "u", id(2), {"desk": id(9)}]])).unwrap();
}

#[test]
fn required_and_checked_values_are_held() {
    let mut app = App::default();
    app.transact(&json!([["create", "t", id(1), {"title": "x", "n": 1, "d": "2025-01-01"}]])).unwrap();
    app.flag("t", "title", |attr| (attr.required, attr.checked_data_type) = (true, Some(CheckedType::String)));
    app.flag("t", "n", |attr| attr.checked_data_type = Some(CheckedType::Number));
    app.flag("t", "d", |attr| attr.checked_data_type = Some(CheckedType::Date));
    for (args, label) in [(json!({"title": null}), "t/title"), (json!({"n": 2, "title": null}), "t/title")] {
        let e = app.transact(&json!([["update", "t", id(1), args]])).unwrap_err();
        assert_eq!(e.hint["errors"][0]["hint"]["attribute"], label);
    }
    assert!(app.transact(&json!([["create", "t", id(2), {"n": 1}]])).is_err());
    for args in
        [json!({"title": 5}), json!({"n": "5"}), json!({"d": "soon"}), json!({"d": true}), json!({"title": "a\u{0}b"})]
    {
        let e = app.transact(&json!([["update", "t", id(1), args]])).unwrap_err();
        assert_eq!(
            (e.kind, &e.hint["namespace"], &e.hint["entity-id"]),
            (Kind::ValidationFailed, &json!("t"), &json!(id(1)))
        );
    }
    for d in [json!("now"), json!(5), json!("2025-02-25T12:00:00Z"), Value::Null] {
        app.transact(&json!([["update", "t", id(1), {"d": d}]])).unwrap();
    }
}

#[test]
fn deletes_take_links_and_cascades_along() {
    let mut app = App::default();
    app.transact(&json!([
        ["create", "users", id(1), {}], ["create", "users", id(2), {}],
        ["create", "posts", id(3), {}], ["create", "posts", id(4), {}], ["create", "tags", id(5), {}],
        ["create", "comments", id(6), {}],
        ["link", "posts", id(3), {"users": id(1), "tags": id(5)}], ["link", "posts", id(4), {"users": id(2)}],
        ["link", "comments", id(6), {"posts": id(3)}],
    ]))
    .unwrap();
    for (etype, label) in [("posts", "users"), ("comments", "posts")] {
        app.flag(etype, label, |attr| (attr.cardinality, attr.on_delete) = (Cardinality::One, Some(OnDelete::Cascade)));
        // The links were to many; as links to one they are one triple each all the same.
    }
    let gone =
        app.transact(&json!([["ruleParams", "users", id(1), {"why": "x"}], ["delete", "users", id(1), null]])).unwrap();
    let deleted: Vec<_> = gone.touched.iter().map(|t| (t.entity, t.action())).collect();
    assert_eq!(deleted, [(id(1), "delete"), (id(3), "delete"), (id(6), "delete")]);
    assert_eq!(
        gone.rule_params[&(id(6), "comments".to_owned())]["why"],
        "x",
        "who cascades is told what the root was told"
    );
    let left = app.query(&json!({"users": {}, "posts": {}, "tags": {"posts": {}}, "comments": {}}));
    assert_eq!((list(&left, "users").len(), list(&left, "posts").len(), list(&left, "comments").len()), (1, 1, 0));
    assert_eq!(left["tags"][0]["posts"], json!([]));
    // The other way round: the forward side takes the reverse side along.
    app.flag("posts", "tags", |attr| (attr.unique, attr.on_delete_reverse) = (true, Some(OnDelete::Cascade)));
    app.transact(&json!([["link", "posts", id(4), {"tags": id(5)}]])).unwrap();
    app.transact(&json!([["delete", "posts", id(4), null]])).unwrap();
    assert!(list(&app.query(&json!({"tags": {}})), "tags").is_empty());
    assert_eq!(app.db.triples.len(), 1, "the second user's id is all that is left");
}

#[test]
fn steps_run_by_kind_in_the_order_of_first_appearance() {
    let mut app = App::default();
    app.transact(&json!([["create", "t", id(1), {"a": 1}]])).unwrap();
    // All writes come first because the first step is one; then the delete takes the entity.
    app.transact(
        &json!([["update", "t", id(2), {"a": 1}], ["delete", "t", id(1), null], ["update", "t", id(1), {"a": 2}]]),
    )
    .unwrap();
    assert_eq!(list(&app.query(&json!({"t": {}})), "t").len(), 1);
    app.transact(&json!([["delete", "t", id(2), null], ["update", "t", id(2), {"a": 3}]])).unwrap();
    assert_eq!(app.query(&json!({"t": {}}))["t"], json!([{"id": id(2), "a": 3}]));
}

#[test]
fn system_namespaces_are_guarded() {
    let mut app = App::default();
    for attr in system::attrs() {
        Arc::make_mut(&mut app.db.catalog).insert(attr);
    }
    app.transact(&json!([["create", "$users", id(1), {"email": "a@b.co", "nick": "a"}]])).unwrap();
    let as_user = |app: &mut App, step: Value| app.transact_as(&json!([step]), Caller::User, false);
    assert!(as_user(&mut app, json!(["update", "$users", id(1), {"nick": "b"}])).is_ok());
    assert_eq!(data_type(as_user(&mut app, json!(["update", "$users", id(1), {"email": "x@y.z"}]))), "tx-step");
    assert_eq!(data_type(as_user(&mut app, json!(["update", "$users", id(2), {"nick": "b"}]))), "tx-step");
    assert_eq!(data_type(as_user(&mut app, json!(["delete", "$users", id(1), null]))), "tx-step");
    assert_eq!(data_type(app.transact(&json!([["update", "$files", id(3), {"path": "a"}]]))), "tx-step");
    app.transact(&json!([["delete", "$users", id(1), null]])).unwrap();
}

#[test]
fn the_socket_s_steps_mean_the_same() {
    let mut app = App::default();
    app.transact(&json!([["create", "goals", id(1), {"title": "x"}]])).unwrap();
    let title = app.db.catalog.forward("goals", "title").unwrap().id;
    let id_attr = app.db.catalog.id_attr("goals").unwrap().id;
    let priority = json!({
        "id": id(50), "forward-identity": [id(51), "goals", "priority"], "value-type": "blob", "cardinality": "one",
        "unique?": false, "index?": false, "isUnsynced": true,
    });
    let steps = json!([
        ["add-attr", priority],
        ["add-triple", id(1), id_attr, id(1), {"mode": "update"}],
        ["add-triple", id(1), title, "Get fitter", {"mode": "update"}],
        ["add-triple", id(1), id(50), 3],
        ["deep-merge-triple", id(1), title, {"now": "an object"}],
    ]);
    let plan = tx::wire::parse(Some(&steps), &app.db.catalog).unwrap();
    let context = tx::execute::Context { caller: Caller::User, now_ms: 9, new_id: &mut || id(99) };
    let outcome = tx::execute(&plan, &mut app.db, context).unwrap();
    app.db.catalog = plan.catalog;
    app.db.apply(&outcome);
    assert_eq!(
        app.query(&json!({"goals": {}}))["goals"][0],
        json!({"id": id(1), "title": {"now": "an object"}, "priority": 3})
    );
    for step in [
        json!(["add-triple", "x", title, 1]),
        json!(["add-triple", id(1), "x", 1]),
        json!(["add-triple", id(1), title]),
        json!(["add-attr", {}]),
        json!(["add-triple", id(1), title, 1, {"mode": "sometimes"}]),
        json!(["jump"]),
        json!(5),
        json!(["rule-params", id(1), "goals", 5]),
    ] {
        let e = tx::wire::parse(Some(&json!([step])), &app.db.catalog).unwrap_err();
        assert_eq!(e.hint["data-type"], "tx-steps", "{step}");
    }
    // An attr nobody knows is found when the step runs.
    let plan = tx::wire::parse(Some(&json!([["add-triple", id(1), id(77), 1]])), &app.db.catalog).unwrap();
    let context = tx::execute::Context { caller: Caller::User, now_ms: 9, new_id: &mut || id(99) };
    assert!(tx::execute(&plan, &mut app.db, context).is_err());
}

#[test]
fn a_transaction_loads_in_batches_whatever_its_size() {
    struct Counting(crate::naive::Db, usize);
    impl tx::Source for Counting {
        type Error = Error;
        fn holders(&mut self, wanted: &[(crate::schema::AttrId, Vec<u8>)]) -> crate::Result<Vec<Option<uuid::Uuid>>> {
            self.1 += 1;
            self.0.holders(wanted)
        }
        fn triples(&mut self, entities: &[uuid::Uuid]) -> crate::Result<Vec<tx::Triple>> {
            self.1 += 1;
            tx::Source::triples(&mut self.0, entities)
        }
        fn references(&mut self, entities: &[uuid::Uuid]) -> crate::Result<Vec<tx::Triple>> {
            self.1 += 1;
            self.0.references(entities)
        }
    }
    let steps: Vec<Value> = (0..200_u128)
        .map(|n| json!(["update", "users", id(1_000 + n), {"handle": format!("h{n}"), "email": "e"}]))
        .collect();
    let plan =
        tx::expand(&tx::step::parse(Some(&json!(steps))).unwrap(), &SAMPLE.catalog, false, &mut || id(5)).unwrap();
    let mut source = Counting(SAMPLE.clone(), 0);
    let outcome = tx::execute(
        &plan,
        &mut source,
        tx::execute::Context { caller: Caller::Admin, now_ms: 1, new_id: &mut || id(6) },
    )
    .unwrap();
    assert!(source.1 <= 3 && outcome.touched.len() == 200, "{} loads", source.1);
    let indexed: Vec<Attr> =
        SAMPLE.catalog.of("users").filter(|attr| attr.index).map(|attr| attr.as_ref().clone()).collect();
    assert_eq!(outcome.changes.len(), 200 * (1 + indexed.len()), "the id, and a triple for every indexed column");
}
