//! Permission rules on every path (instant.md section 15), and the debug calls (section 6).

use e2e::data::{DataApp, DataRequest};
use e2e::{TestServer, both};
use serde_json::{Value, json};

both! {
    owners_see_and_write_their_own,
    rules_by_links_in_both_forms,
    paths_do_not_show_what_is_hidden,
    fields_hide_values,
    links_ask_both_sides,
    debug_calls_say_what_rules_say,
    a_rule_that_fails_says_why_to_the_backend,
    rate_limits_of_rules_hold,
}

const A: &str = "00000000-0000-4000-8000-00000000000a";
const B: &str = "00000000-0000-4000-8000-00000000000b";
const LINK: &str = "50000000-0000-4000-8000-000000000001";

/// Ann and Bob with a post each.
async fn world(server: &TestServer, rules: Value) -> DataApp {
    let app = server.data();
    app.transact(json!([
        ["update", "$users", A, {"email": "ann@example.com"}],
        ["update", "$users", B, {"email": "bob@example.com"}],
        ["update", "posts", A, {"title": "Ann's", "owner": A, "secret": "s1"}],
        ["update", "posts", B, {"title": "Bob's", "owner": B, "secret": "s2"}],
        ["link", "posts", A, {"author": A}],
        ["link", "posts", B, {"author": B}],
    ]))
    .await;
    app.set_rules(rules).await;
    app
}

fn as_ann(app: &DataApp, path: &str) -> DataRequest {
    app.call("POST", path).header("as-email", "ann@example.com")
}

async fn seen(app: &DataApp, query: Value) -> Value {
    as_ann(app, "/admin/query").body(&json!({ "query": query })).ok().await
}

fn titles(tree: &Value) -> Vec<&str> {
    tree["posts"].as_array().expect("a list").iter().filter_map(|post| post["title"].as_str()).collect()
}

async fn owners_see_and_write_their_own(server: TestServer) {
    let own = "auth.id == data.owner";
    let app =
        world(&server, json!({"posts": {"allow": {"view": own, "update": own, "delete": own, "create": own}}})).await;
    assert_eq!(titles(&seen(&app, json!({"posts": {}})).await), ["Ann's"]);
    let write = async |steps: Value| as_ann(&app, "/admin/transact").body(&json!({ "steps": steps })).send().await;
    assert_eq!(write(json!([["update", "posts", A, {"title": "mine"}]])).await.status, 200);
    let denied = write(json!([["update", "posts", B, {"title": "stolen"}]])).await;
    assert_eq!((denied.status, &denied.body["type"]), (400, &json!("permission-denied")));
    assert_eq!(denied.body["hint"]["input"], json!(["posts", "update"]));
    assert_eq!(write(json!([["delete", "posts", B, null]])).await.status, 400);
    let other = "00000000-0000-4000-8000-00000000000d";
    assert_eq!(write(json!([["create", "posts", other, {"owner": B}]])).await.status, 400);
    assert_eq!(write(json!([["create", "posts", other, {"owner": A}]])).await.status, 200);
    let guest = app.anybody("POST", "/admin/query").header("as-guest", "true").body(&json!({"query": {"posts": {}}}));
    assert_eq!(guest.ok().await, json!({"posts": []}));
    assert_eq!(app.query(json!({"posts": {}})).await["posts"].as_array().map(Vec::len), Some(3));
    // Users see themselves only.
    assert_eq!(seen(&app, json!({"$users": {}})).await["$users"].as_array().map(Vec::len), Some(1));
}

async fn rules_by_links_in_both_forms(server: TestServer) {
    // The first becomes a condition of the statement, the second is asked of each row.
    for rule in ["auth.id in data.ref('author.id')", "data.ref('author.id').exists(id, id == auth.id)"] {
        let app = world(&server, json!({"posts": {"allow": {"view": rule}}})).await;
        assert_eq!(titles(&seen(&app, json!({"posts": {}})).await), ["Ann's"], "{rule}");
    }
}

async fn paths_do_not_show_what_is_hidden(server: TestServer) {
    for rule in ["auth.id == data.owner", "[data.owner].exists(id, id == auth.id)"] {
        let app =
            world(&server, json!({"posts": {"allow": {"view": rule}}, "notes": {"allow": {"view": "true"}}})).await;
        let link = json!({
            "id": LINK, "value-type": "ref", "cardinality": "one",
            "forward-identity": [A, "notes", "post"], "reverse-identity": [B, "posts", "notes"],
        });
        if rule.starts_with("auth") {
            app.transact(json!([["add-attr", link]])).await;
        }
        app.transact(json!([["update", "notes", A, {"n": 1}], ["link", "notes", A, {"post": B}]])).await;
        // That a note's post has some secret is not to be learned by asking.
        let asked = seen(&app, json!({"notes": {"$": {"where": {"post.secret": "s2"}}}})).await;
        assert_eq!(asked, json!({"notes": []}), "{rule}");
        app.transact(json!([["link", "notes", A, {"post": A}]])).await;
        let asked = seen(&app, json!({"notes": {"$": {"where": {"post.secret": "s1"}}}})).await;
        assert_eq!(asked["notes"].as_array().map(Vec::len), Some(1), "{rule}");
        app.transact(json!([["delete", "notes", A, null]])).await;
    }
}

async fn fields_hide_values(server: TestServer) {
    let app = world(&server, json!({"posts": {"fields": {"secret": "auth.id == data.owner"}}})).await;
    let found = seen(&app, json!({"posts": {"$": {"fields": ["secret"]}}})).await;
    assert_eq!(found, json!({"posts": [{"id": A, "secret": "s1"}, {"id": B}]}));
}

async fn links_ask_both_sides(server: TestServer) {
    let rules = json!({"posts": {"allow": {"update": "auth.id == data.owner", "view": "true"}}, "tags": {"allow": {"view": "data.open"}}});
    let app = world(&server, rules).await;
    app.transact(json!([["update", "tags", A, {"open": true}], ["update", "tags", B, {"open": false}]])).await;
    let link = async |post: &str, tag: &str| {
        let steps = json!([["link", "posts", post, {"tags": tag}]]);
        as_ann(&app, "/admin/transact").body(&json!({ "steps": steps })).send().await.status
    };
    assert_eq!(link(A, A).await, 200);
    assert_eq!(link(A, B).await, 400, "what one cannot see one cannot link to");
    assert_eq!(link(B, A).await, 400, "another's post");
}

async fn debug_calls_say_what_rules_say(server: TestServer) {
    let app = world(&server, json!({"posts": {"allow": {"view": "auth.id == data.owner", "update": "false"}}})).await;
    let asked = as_ann(&app, "/admin/query_perms_check").body(&json!({"query": {"posts": {}}})).ok().await;
    assert_eq!(titles(&asked["result"]), ["Ann's"]);
    let said: Vec<bool> =
        asked["check-results"].as_array().expect("a list").iter().filter_map(|c| c["check"].as_bool()).collect();
    assert_eq!(said.iter().filter(|pass| **pass).count(), 1, "{asked}");
    let steps = json!({"steps": [["update", "posts", A, {"title": "x"}]]});
    let asked = as_ann(&app, "/admin/transact_perms_check").body(&steps).ok().await;
    assert_eq!((&asked["all-checks-ok?"], &asked["committed?"]), (&json!(false), &json!(false)), "{asked}");
    let mut open = steps.clone();
    open["rules-override"] = json!({"posts": {"allow": {"update": "true"}}});
    let asked = as_ann(&app, "/admin/transact_perms_check").body(&open).ok().await;
    assert_eq!((&asked["all-checks-ok?"], &asked["committed?"]), (&json!(true), &json!(false)), "{asked}");
    assert_eq!(titles(&app.query(json!({"posts": {}})).await), ["Ann's", "Bob's"], "nothing was written");
    open["dangerously-commit-tx"] = json!(true);
    as_ann(&app, "/admin/transact_perms_check").body(&open).ok().await;
    assert_eq!(titles(&app.query(json!({"posts": {}})).await), ["x", "Bob's"]);
    app.call("POST", "/admin/query_perms_check").body(&json!({"query": {}})).refused("validation-failed").await;
    let guest = app.anybody("POST", "/admin/query_perms_check").header("as-guest", "true");
    guest.body(&json!({"query": {}})).refused("record-not-found").await;
}

async fn a_rule_that_fails_says_why_to_the_backend(server: TestServer) {
    let app = world(&server, json!({"posts": {"allow": {"view": "data.title.size() > data.owner"}}})).await;
    let said = as_ann(&app, "/admin/query")
        .body(&json!({"query": {"posts": {}}}))
        .refused("permission-evaluation-failed")
        .await;
    assert_eq!(said["hint"]["rule"], json!(["posts", "view"]));
    assert!(!said.to_string().contains("Ann's"), "values are for the backend: {said}");
    let told = as_ann(&app, "/admin/query_perms_check").body(&json!({"query": {"posts": {}}})).refused("").await;
    assert!(told["hint"]["error"]["message"].is_string(), "{told}");
}

async fn rate_limits_of_rules_hold(server: TestServer) {
    let limits = json!({"posts": {"limits": [{"capacity": 3, "refill": {"amount": 1, "period": "1 minute"}}]}});
    let rules = json!({"$rateLimits": limits, "posts": {"allow": {"create": "rateLimit.posts.limit(newData.by)"}}});
    let app = server.data();
    app.transact(json!([["update", "posts", server.app().new_id(), {"by": "first"}]])).await;
    app.set_rules(rules).await;
    let post = |by: &str| {
        let steps = json!({"steps": [["create", "posts", server.app().new_id(), {"by": by}]]});
        app.anybody("POST", "/admin/transact").header("as-guest", "true").body(&steps)
    };
    for _ in 0..3 {
        post("ann").ok().await;
    }
    let answer = post("ann").send().await;
    assert_eq!((answer.status, &answer.body["type"]), (429, &json!("rate-limited")), "{}", answer.body);
    let hint = &answer.body["hint"];
    assert_eq!((&hint["retry-after"], &hint["remaining-tokens"]), (&json!(60), &json!(0)), "{hint}");
    assert!(hint["retry-at"].is_string(), "{hint}");
    post("bob").ok().await;
    server.advance(61);
    post("ann").ok().await;
    post("ann").refused("rate-limited").await;
    assert_eq!(app.query(json!({"posts": {}})).await["posts"].as_array().map(Vec::len), Some(6));
}
