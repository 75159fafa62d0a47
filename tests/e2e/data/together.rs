//! Transactions that come at the same time share a commit (docs/adr/0019). Whatever they share, the outcome is that of running them one
//! by one in the order of their numbers.

use e2e::data::DataApp;
use e2e::{TestServer, both};
use futures_util::future::join_all;
use keystead_protocol::apps::EndpointOptions;
use serde_json::{Value, json};

both! {
    the_numbers_are_the_order,
    who_fails_harms_nobody,
    who_fails_takes_no_number,
    only_one_gets_a_unique_value,
    new_attributes_are_there_for_the_next,
}

const TRANSACTIONS: u64 = 300;

fn id(kind: u64, n: u64) -> String {
    format!("0000000{kind}-0000-4000-8000-{n:012x}")
}

/// Numbers as good as random, the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Steps on few entities, so that many touch what others have just written.
fn steps(dice: &mut Dice, n: u64) -> Value {
    let (todo, goal) = (id(1, dice.below(6)), id(2, dice.below(3)));
    let email = format!("p{}@b.co", dice.below(5));
    match dice.below(11) {
        0 | 1 => json!([["update", "todos", todo, {"title": format!("t{n}"), "done": n.is_multiple_of(2)}]]),
        2 => json!([["deep-merge", "todos", todo, {"meta": {format!("k{}", n % 7): n, "last": {"n": n}}}]]),
        3 => json!([["update", "people", ["email", email], {"name": format!("n{n}")}]]),
        4 => json!([["update", "people", id(3, dice.below(4)), {"email": email, "age": n}]]),
        5 => json!([["create", "notes", id(4, dice.below(40)), {"text": format!("x{n}")}]]),
        6 => json!([["delete", "todos", todo, null]]),
        7 => json!([["update", "goals", goal, {"n": n}], ["link", "goals", goal, {"todos": todo}]]),
        8 => json!([["unlink", "goals", goal, {"todos": [todo]}]]),
        9 => json!([["update", "todos", todo, {"n": n}], ["create", "notes", id(4, dice.below(5)), {"text": "y"}]]),
        _ => json!([["update", "todos", todo, {format!("f{}", n % 9): n}]]),
    }
}

/// All that is there, without what differs from app to app: made-up ids and times.
async fn all(app: &DataApp) -> Value {
    let mut found = app.query(json!({"todos": {"goals": {}}, "goals": {"todos": {}}, "people": {}, "notes": {}})).await;
    for list in found.as_object_mut().expect("a tree").values_mut() {
        for item in list.as_array_mut().expect("a list") {
            if item.get("email").is_some() {
                item.as_object_mut().expect("a record").remove("id");
            }
            for children in item.as_object_mut().expect("a record").values_mut().filter_map(Value::as_array_mut) {
                children.sort_by_key(Value::to_string);
            }
        }
        list.as_array_mut().expect("a list").sort_by_key(Value::to_string);
    }
    found
}

/// The schema that all the steps need, so that the links have their names in both apps.
async fn prepared(app: DataApp) -> DataApp {
    let (todo, goal) = (id(9, 1), id(9, 2));
    app.transact(json!([
        ["update", "todos", todo, {"title": "", "done": false, "meta": {}, "n": 0}],
        ["update", "goals", goal, {"n": 0}],
        ["link", "goals", goal, {"todos": todo}],
        ["update", "people", ["email", "first@b.co"], {"name": "", "age": 0}],
        ["update", "notes", id(9, 3), {"text": ""}],
    ]))
    .await;
    app
}

async fn the_numbers_are_the_order(server: TestServer) {
    let (app, other) = (
        prepared(server.data()).await,
        prepared(server.data_of(&server.create_app("other", EndpointOptions::preset_lax()))).await,
    );
    let mut dice = Dice(7);
    let wanted: Vec<Value> = (0..TRANSACTIONS).map(|n| steps(&mut dice, n)).collect();
    let sent = wanted.iter().map(|steps| {
        let call = app.call("POST", "/admin/transact").body(&json!({ "steps": steps }));
        async move { (call.send().await, steps) }
    });
    let mut done = Vec::new();
    for (answer, steps) in join_all(sent).await {
        assert!(answer.status < 500, "{steps}: {}", answer.body);
        if answer.status == 200 {
            done.push((answer.body["tx-id"].as_i64().expect("a number"), steps));
        }
    }
    assert!(done.len() > 150 && done.len() < 300, "{} of {TRANSACTIONS}", done.len());
    done.sort_unstable_by_key(|(number, _)| *number);
    assert!(done.windows(2).all(|two| two[0].0 < two[1].0), "each number once");
    for (_, steps) in &done {
        other.transact((*steps).clone()).await;
    }
    assert_eq!(all(&app).await, all(&other).await);
}

async fn who_fails_harms_nobody(server: TestServer) {
    let app = prepared(server.data()).await;
    // Refused before anything is written, and refused when all of it is.
    app.set_rules(json!({
        "todos": {"allow": {"update": "false"}},
        "notes": {"allow": {"create": "data.text == 'mine' && size(data.ref('todos.id')) == 0", "view": "true"}},
    }))
    .await;
    let good = (0..60).map(|n| {
        app.call("POST", "/admin/transact").body(&json!({"steps": [["update", "goals", id(2, n), {"n": n}]]}))
    });
    let guest = |steps: Value| {
        app.anybody("POST", "/admin/transact").header("as-guest", "true").body(&json!({ "steps": steps }))
    };
    let denied = (0..30).map(|_| guest(json!([["update", "todos", id(9, 1), {"title": "theirs"}]])));
    let late = (0..30).map(|n| guest(json!([["create", "notes", id(5, n), {"text": "theirs"}]])));
    let mine = (0..30).map(|n| guest(json!([["create", "notes", id(6, n), {"text": "mine"}]])));
    let (good, denied, late, mine) = tokio::join!(
        join_all(good.map(|call| call.send())),
        join_all(denied.map(|call| call.send())),
        join_all(late.map(|call| call.send())),
        join_all(mine.map(|call| call.send())),
    );
    for answer in good.iter().chain(&mine) {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    for answer in denied.iter().chain(&late) {
        assert_eq!(answer.body["type"], "permission-denied", "{}", answer.body);
    }
    let found = app.query(json!({"todos": {}, "goals": {}, "notes": {}})).await;
    assert_eq!(found["todos"][0]["title"], "");
    assert_eq!(found["goals"].as_array().map(Vec::len), Some(61));
    let texts: Vec<&Value> = found["notes"].as_array().expect("a list").iter().map(|note| &note["text"]).collect();
    assert_eq!((texts.len(), texts.iter().filter(|text| **text == "mine").count()), (31, 30));
}

/// Copies are brought up to date from the log as long as it has no gap.
async fn who_fails_takes_no_number(server: TestServer) {
    let app = prepared(server.data()).await;
    app.set_rules(
        json!({"todos": {"allow": {"update": "false"}}, "notes": {"allow": {"create": "data.text == 'mine' && size(data.ref('todos.id')) == 0"}}}),
    )
    .await;
    let guest = |steps: Value| {
        app.anybody("POST", "/admin/transact").header("as-guest", "true").body(&json!({ "steps": steps })).send()
    };
    let before = app.transact(json!([["update", "goals", id(2, 1), {"n": 1}]])).await;
    let denied = (0..20).map(|_| guest(json!([["update", "todos", id(9, 1), {"title": "theirs"}]])));
    let late = (0..20).map(|n| guest(json!([["create", "notes", id(5, n), {"text": "theirs"}]])));
    for answer in [join_all(denied).await, join_all(late).await].concat() {
        assert_eq!(answer.body["type"], "permission-denied", "{}", answer.body);
    }
    assert_eq!(app.transact(json!([["update", "goals", id(2, 1), {"n": 2}]])).await, before + 1);
}

async fn only_one_gets_a_unique_value(server: TestServer) {
    let app = prepared(server.data()).await;
    let calls = (0..50).map(|n| {
        app.call("POST", "/admin/transact")
            .body(&json!({"steps": [["update", "people", id(3, n), {"email": "one@b.co"}]]}))
            .send()
    });
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.body["type"], "record-not-unique", "{}", answer.body);
    }
    // Who looks up what the others have just made finds it.
    let calls = (0..50).map(|n| {
        let steps = json!([["update", "people", ["email", "new@b.co"], {format!("k{n}"): n}]]);
        app.call("POST", "/admin/transact").body(&json!({ "steps": steps })).ok()
    });
    join_all(calls).await;
    let found = app.query(json!({"people": {"$": {"where": {"email": "new@b.co"}}}})).await;
    assert_eq!(found["people"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["people"][0].as_object().map(|person| person.len()), Some(52), "{found}");
}

async fn new_attributes_are_there_for_the_next(server: TestServer) {
    let app = prepared(server.data()).await;
    let calls = (0..60).map(|n| {
        let steps = json!([["update", "todos", id(1, n % 5), {format!("fresh{}", n % 12): n}]]);
        app.call("POST", "/admin/transact").body(&json!({ "steps": steps })).ok()
    });
    join_all(calls).await;
    let schema = app.call("GET", "/admin/schema").ok().await;
    let todos = schema["schema"]["blobs"]["todos"].as_object().expect("labels");
    assert_eq!(todos.keys().filter(|label| label.starts_with("fresh")).count(), 12);
}
