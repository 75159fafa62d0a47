//! Schemas, rules and apps as `instant-cli` pushes and pulls them (instant.md section 16).

use e2e::data::{DataApp, DataRequest};
use e2e::{Setup, TestServer, both};
use keystead_server::config::{Config, Secret};
use keystead_server::jobs::deleted_attrs;
use serde_json::{Value, json};

both! {
    a_schema_is_pushed_and_pulled,
    deleted_attrs_go_for_good_after_their_days,
    jobs_fit_the_data_or_say_what_does_not,
    rules_are_refused_with_every_mistake,
    the_operator_makes_and_deletes_apps,
    a_login_waits_for_the_operator;
    with Setup::default().with(with_operator)
}
both! { apps_that_expire; with Setup::default().with(with_ephemeral) }

const OPERATOR: &str = "operator-of-the-push-tests";
const A: &str = "00000000-0000-4000-8000-00000000000a";
const B: &str = "00000000-0000-4000-8000-00000000000b";

fn with_operator(config: &mut Config) {
    config.data.operator_token = Secret::new(OPERATOR);
}

fn with_ephemeral(config: &mut Config) {
    with_operator(config);
    config.data.ephemeral_apps = true;
    config.data.ephemeral_most = 2;
}

async fn dash(app: &DataApp, method: &str, path: &str, body: Value) -> Value {
    app.call(method, &format!("/dash/apps/{}{path}", app.id)).body(&body).ok().await
}

fn operator(app: &DataApp, method: &str, path: &str) -> DataRequest {
    app.anybody(method, path).header("authorization", &format!("Bearer {OPERATOR}"))
}

fn schema() -> Value {
    json!({
        "entities": {"books": {"attrs": {
            "title": {"valueType": "string", "config": {"unique": false, "indexed": true}, "required": true},
            "isbn": {"valueType": "string", "config": {"unique": true, "indexed": false}},
        }}, "shelves": {"attrs": {}}},
        "links": {"booksShelf": {
            "forward": {"on": "books", "label": "shelf", "has": "one"},
            "reverse": {"on": "shelves", "label": "books", "has": "many"},
        }},
    })
}

async fn a_schema_is_pushed_and_pulled(server: TestServer) {
    let app = server.data();
    let plan = dash(&app, "POST", "/schema/push/plan", json!({"schema": schema()})).await;
    assert!(plan["new-schema"]["blobs"]["books"]["title"].is_object(), "{plan}");
    assert!(plan["current-schema"]["blobs"]["books"].is_null());
    // A plan does nothing.
    assert!(dash(&app, "GET", "/schema/pull", json!({})).await["schema"]["blobs"]["books"].is_null());
    let done = dash(&app, "POST", "/schema/push/apply", json!({"schema": schema()})).await;
    assert!(done["transaction"]["id"].is_i64() && done["indexing-jobs"].is_null(), "{done}");
    let pulled = dash(&app, "GET", "/schema/pull", json!({})).await;
    let title = &pulled["schema"]["blobs"]["books"]["title"];
    assert_eq!(
        (&title["index?"], &title["checked-data-type"], &title["required?"]),
        (&json!(true), &json!("string"), &json!(true))
    );
    assert_eq!(pulled["schema"]["blobs"]["books"]["isbn"]["unique?"], true);
    assert!(
        pulled["schema"]["refs"][r#"["books" "shelf" "shelves" "books"]"#].is_object(),
        "{}",
        pulled["schema"]["refs"]
    );
    assert!(pulled["schema"]["blobs"]["$users"]["email"].is_object(), "clients mention it");
    // The same again changes nothing, and what is not mentioned stays.
    let again = dash(&app, "POST", "/schema/push/plan", json!({"schema": schema()})).await;
    assert_eq!(again["steps"], json!([]));
    let less = json!({"schema": {"entities": {}, "links": {}}});
    assert_eq!(dash(&app, "POST", "/schema/push/plan", less).await["steps"], json!([]));
    // What is pushed holds.
    app.refused(json!([["update", "books", A, {"isbn": "1"}]])).await;
    app.transact(json!([["update", "books", A, {"title": "x", "isbn": "1"}]])).await;
    app.refused(json!([["update", "books", B, {"title": "y", "isbn": "1"}]])).await;
    // Deleted attrs go, and come back.
    let id = pulled["schema"]["blobs"]["books"]["isbn"]["id"].clone();
    dash(&app, "POST", "/schema/steps/apply", json!({"steps": [["delete-attr", id]]})).await;
    assert!(app.query(json!({"books": {}})).await["books"][0]["isbn"].is_null());
    dash(&app, "POST", "/schema/steps/apply", json!({"steps": [["restore-attr", id]]})).await;
    assert_eq!(app.query(json!({"books": {}})).await["books"][0]["isbn"], "1");
}

async fn deleted_attrs_go_for_good_after_their_days(server: TestServer) {
    let app = server.data();
    app.transact(json!([
        ["update", "books", A, {"title": "x", "isbn": "1", "rank": 1}],
        ["update", "books", B, {"title": "y", "isbn": "2", "rank": 2}],
    ]))
    .await;
    let id_of = async |label: &str| {
        let pulled = dash(&app, "GET", "/schema/pull", json!({})).await;
        pulled["schema"]["blobs"]["books"][label]["id"].clone()
    };
    let (isbn, rank) = (id_of("isbn").await, id_of("rank").await);
    let step = |kind: &str, id: &Value| json!({"steps": [[kind, id]]});
    let deleted = async || {
        let told = app.call("GET", "/admin/soft_deleted_attrs").ok().await;
        told["attrs"].as_array().expect("a list").iter().map(|attr| attr["id"].clone()).collect::<Vec<_>>()
    };
    let values = || {
        let sql = "SELECT CAST(COUNT(*) AS TEXT) AS line FROM data_triples WHERE value IN ('\"1\"', '\"2\"', '1', '2')";
        server.database().lines(sql).remove(0)
    };
    dash(&app, "POST", "/schema/steps/apply", step("delete-attr", &isbn)).await;
    server.advance(36 * 3_600);
    dash(&app, "POST", "/schema/steps/apply", step("delete-attr", &rank)).await;
    assert_eq!(deleted_attrs::sweep(&server.app()).await.expect("sweeps"), 0);
    assert_eq!((deleted().await.len(), values().as_str()), (2, "4"));
    // Two days after its own deletion, each for itself.
    server.advance(13 * 3_600);
    assert_eq!(deleted_attrs::sweep(&server.app()).await.expect("sweeps"), 1);
    assert_eq!((deleted().await, values().as_str()), (vec![rank.clone()], "2"));
    let again =
        app.call("POST", &format!("/dash/apps/{}/schema/steps/apply", app.id)).body(&step("restore-attr", &isbn));
    assert_eq!(again.send().await.body["type"], "record-not-found");
    dash(&app, "POST", "/schema/steps/apply", step("restore-attr", &rank)).await;
    server.advance(30 * 86_400);
    assert_eq!(deleted_attrs::sweep(&server.app()).await.expect("sweeps"), 0);
    let books = app.query(json!({"books": {"$": {"where": {"rank": 2}}}})).await;
    assert_eq!((&books["books"][0]["title"], &books["books"][0]["isbn"]), (&json!("y"), &Value::Null));
}

async fn jobs_fit_the_data_or_say_what_does_not(server: TestServer) {
    let app = server.data();
    app.transact(json!([
        ["update", "books", A, {"title": "x", "rank": 1, "mixed": 1}],
        ["update", "books", B, {"title": "x", "rank": 2, "mixed": "one"}],
    ]))
    .await;
    let arg = |label: &str| json!({"forward-identity": ["books", label]});
    let step = |kind: &str, label: &str| json!([kind, arg(label)]);
    let run = async |steps: Value| {
        let done = dash(&app, "POST", "/schema/steps/apply", json!({"steps": steps})).await;
        let jobs = done["indexing-jobs"]["jobs"].as_array().expect("jobs").clone();
        let group = done["indexing-jobs"]["group-id"].as_str().expect("a group").to_owned();
        let polled = dash(&app, "GET", &format!("/indexing-jobs/group/{group}"), json!({})).await;
        assert_eq!(polled["jobs"], Value::Array(jobs.clone()));
        assert_eq!(done["steps"][0][1]["job-id"], jobs[0]["id"]);
        jobs
    };
    let typed = json!(["check-data-type", {"forward-identity": ["books", "rank"], "checked-data-type": "number"}]);
    for job in run(json!([step("index", "rank"), typed, step("required", "title"), step("unique", "rank")])).await {
        assert_eq!((&job["job_status"], &job["error"]), (&json!("completed"), &Value::Null), "{job}");
    }
    let found = app.query(json!({"books": {"$": {"where": {"rank": {"$gt": 1}}, "order": {"rank": "desc"}}}})).await;
    assert_eq!(found["books"].as_array().map(Vec::len), Some(1), "{found}");
    // What does not fit is told with examples, and the flag stays as it was.
    let failed = run(json!([step("unique", "title")])).await;
    assert_eq!((&failed[0]["job_status"], &failed[0]["error"]), (&json!("errored"), &json!("triple-not-unique-error")));
    assert_eq!(failed[0]["invalid_unique_value"], "x");
    let mixed = json!(["check-data-type", {"forward-identity": ["books", "mixed"], "checked-data-type": "number"}]);
    let failed = run(json!([mixed])).await;
    assert_eq!(failed[0]["error"], "invalid-triple-error");
    assert_eq!(failed[0]["invalid_triples_sample"][0]["value"], "one");
    app.transact(json!([["update", "books", "00000000-0000-4000-8000-00000000000c", {"title": "z", "rank": 3}]])).await;
    let failed = run(json!([step("required", "mixed")])).await;
    assert_eq!(failed[0]["error"], "missing-required-error", "{}", failed[0]);
    let pulled = dash(&app, "GET", "/schema/pull", json!({})).await;
    let books = &pulled["schema"]["blobs"]["books"];
    assert_eq!((&books["title"]["unique?"], &books["mixed"]["required?"]), (&json!(false), &json!(false)));
    for job in run(json!([step("remove-unique", "rank"), step("remove-index", "rank")])).await {
        assert_eq!(job["job_status"], "completed", "{job}");
    }
    for wrong in [
        json!([["fly", {}]]),
        json!([["index"]]),
        json!([["check-data-type", {"forward-identity": ["books", "rank"]}]]),
    ] {
        let path = format!("/dash/apps/{}/schema/steps/apply", app.id);
        app.call("POST", &path).body(&json!({"steps": wrong})).refused("validation-failed").await;
    }
}

async fn rules_are_refused_with_every_mistake(server: TestServer) {
    let app = server.data();
    assert_eq!(dash(&app, "GET", "/perms/pull", json!({})).await["perms"], Value::Null);
    let good =
        json!({"books": {"allow": {"view": "true", "create": "isOwner"}, "bind": ["isOwner", "auth.id != null"]}});
    dash(&app, "POST", "/rules", json!({"code": good})).await;
    assert_eq!(dash(&app, "GET", "/perms/pull", json!({})).await["perms"], good);
    let bad = json!({"books": {"allow": {"view": "1 +", "create": "nobody(data)"}}});
    let path = format!("/dash/apps/{}/rules", app.id);
    let told = app.call("POST", &path).body(&json!({"code": bad})).refused("validation-failed").await;
    let told = told["hint"]["errors"].to_string();
    assert!(told.contains("view") && told.contains("create"), "{told}");
    assert_eq!(dash(&app, "GET", "/perms/pull", json!({})).await["perms"], good, "the old ones hold");
}

async fn the_operator_makes_and_deletes_apps(server: TestServer) {
    let app = server.data();
    let rules = json!({"books": {"allow": {"view": "false"}}});
    let wanted = json!({"title": "shop", "id": A, "admin_token": B, "schema": schema(), "rules": rules});
    let made = operator(&app, "POST", "/dash/apps").body(&wanted).ok().await;
    assert_eq!((&made["app"]["id"], &made["app"]["admin-token"]), (&json!(A), &json!(B)));
    let shop = DataApp { id: A.into(), admin: B.into(), ..app.clone() };
    shop.transact(json!([["update", "books", A, {"title": "x"}]])).await;
    assert_eq!(dash(&shop, "GET", "/perms/pull", json!({})).await["perms"], rules);
    let all = operator(&app, "GET", "/dash").ok().await;
    assert!(all["apps"].as_array().is_some_and(|apps| apps.iter().any(|app| app["id"] == A)), "{all}");
    assert!(operator(&app, "POST", "/dash/apps").body(&wanted).send().await.status >= 400, "the id is taken");
    // What is wrong with the schema leaves no app behind.
    let broken =
        json!({"title": "b", "id": B, "schema": {"entities": {"a": {"attrs": {"b": {"valueType": "colour"}}}}}});
    operator(&app, "POST", "/dash/apps").body(&broken).refused("validation-failed").await;
    assert_eq!(operator(&app, "GET", &format!("/dash/apps/{B}")).send().await.status, 401);
    operator(&app, "DELETE", &format!("/dash/apps/{A}")).ok().await;
    assert_eq!(shop.call("POST", "/admin/query").body(&json!({"query": {}})).send().await.status, 400);
}

async fn a_login_waits_for_the_operator(server: TestServer) {
    let app = server.data();
    let begun = app.anybody("POST", "/dash/cli/auth/register").body(&json!({})).ok().await;
    let check = || app.anybody("POST", "/dash/cli/auth/check").body(&json!({"secret": begun["secret"]}));
    let waiting = check().refused("validation-failed").await;
    assert_eq!(waiting["hint"]["errors"][0]["issue"], "waiting-for-user");
    operator(&app, "POST", "/dash/cli/auth/claim").body(&json!({"ticket": begun["ticket"]})).ok().await;
    assert_eq!(check().ok().await["token"], OPERATOR);
    check().refused("record-not-found").await;
}

async fn apps_that_expire(server: TestServer) {
    let app = server.data();
    let make = || app.anybody("POST", "/dash/apps/ephemeral").body(&json!({"title": "try"}));
    let (first, second) = (make().ok().await, make().ok().await);
    assert!(first["expires_ms"].as_i64().is_some_and(|at| at > server.now_ms()));
    make().refused("parameter-limit-exceeded").await;
    // One is claimed and stays, the other goes.
    let id = |made: &Value| made["app"]["id"].as_str().expect("an id").to_owned();
    let claim = |made: &Value, token: &Value| {
        operator(&app, "POST", &format!("/dash/apps/ephemeral/{}/claim", id(made))).body(&json!({"token": token}))
    };
    claim(&first, &json!("wrong")).refused("record-not-found").await;
    claim(&first, &first["app"]["admin-token"]).ok().await;
    server.advance(15 * 86_400);
    let shared = server.app();
    let swept = shared.db.write({
        let shared = server.app();
        move |tx| keystead_server::rooms::data::push::rules::sweep(&shared, tx)
    });
    assert_eq!(swept.await.expect("swept"), 1);
    assert_eq!(operator(&app, "GET", &format!("/dash/apps/{}", id(&first))).send().await.status, 200);
    assert_eq!(operator(&app, "GET", &format!("/dash/apps/{}", id(&second))).send().await.status, 401);
}
