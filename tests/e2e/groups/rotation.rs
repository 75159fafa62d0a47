//! Key rotation on the wire: who may start it, who is served, and what the server refuses.

use e2e::process::{Process, Site};
use e2e::users::{NOBODY, Session, Template, TestGroup};
use e2e::{Backend, TestServer, block_on, bodies, both};
use futures_util::future::join_all;
use keystead_protocol::groups::GroupCreateOutput;
use keystead_protocol::keys::ForcedLoginOutput;
use keystead_protocol::rotation::{KeyRotationInput, KeyRotationOutput};
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

both! {
    the_answer_comes_at_once_and_the_others_follow,
    the_apps_options_limit_rotations,
    of_many_takers_at_once_all_are_well_and_one_key_is_stored,
    rotations_at_the_same_time_all_arrive,
    bad_input_is_refused,
    a_rotation_goes_on_after_a_restart,
    user_keys_are_rotated_under_their_own_option,
}

async fn start(server: &TestServer, by: &Session, group: &TestGroup) -> String {
    let call = server.post(&format!("/group/{}/key_rotation", group.id)).jwt(&by.jwt);
    let out: KeyRotationOutput = call.json(&bodies::rotation(by, &group.key_id)).ok_as().await;
    assert_eq!(out.group_id, group.id);
    out.key_id
}

async fn waiting(server: &TestServer, who: &Session, group: &TestGroup) -> Vec<KeyRotationInput> {
    server.get(&format!("/group/{}/key_rotation", group.id)).jwt(&who.jwt).ok_as().await
}

fn finish(server: &TestServer, who: &Session, group: &TestGroup, key_id: &str) -> e2e::raw::Call {
    let call = server.put(&format!("/group/{}/key_rotation/{key_id}", group.id)).jwt(&who.jwt);
    call.json(&bodies::done_rotation(who))
}

async fn the_answer_comes_at_once_and_the_others_follow(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let hybrid = server.session_in(&server.lax, Suite::HYBRID, "hybrid").await;
    let group = server.group_with(&alice, &[(&bob, 4), (&hybrid, 4)]).await;
    let key_id = start(&server, &alice, &group).await;
    let key = |who: &Session| server.get(&format!("/group/{}/key/{key_id}", group.id)).jwt(&who.jwt);
    key(&alice).ok().await;
    // better-than 14: a row with the newest key of each member, whatever its algorithm.
    for (member, sealed) in [(&bob, 60 + 60), (&hybrid, 60 + 1176)] {
        server.rotation_served(&group, member).await;
        key(member).refused(304).await;
        let item = waiting(&server, member, &group).await.remove(0);
        assert_eq!((&item.new_group_key_id, &item.previous_group_key_id), (&key_id, &group.key_id));
        let bytes = keystead_crypto::encoding::b64_decode(&item.encrypted_ephemeral_key_by_group_key_and_public_key);
        assert_eq!((bytes.expect("b64").len(), &item.encrypted_eph_key_key_id), (sealed, &member.key_id));
    }
    finish(&server, &bob, &group, &key_id).ok().await;
    key(&bob).ok().await;
    let data = server.get(&format!("/group/{}", group.id)).jwt(&bob.jwt).ok().await;
    assert_eq!((&data["key_update"], &data["keys"][0]["group_key_id"]), (&json!(false), &json!(key_id)));
    let data = server.get(&format!("/group/{}", group.id)).jwt(&hybrid.jwt).ok().await;
    assert_eq!((&data["key_update"], &data["keys"][0]["group_key_id"]), (&json!(true), &json!(group.key_id)));
    // Who is thrown out takes nothing.
    server.delete(&format!("/group/{}/kick/{}", group.id, hybrid.user_id)).jwt(&alice.jwt).ok().await;
    finish(&server, &hybrid, &group, &key_id).refused(310).await;
    assert_eq!(server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM group_rotation_keys"), 0);
    assert_eq!(server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM group_rotation_jobs"), 0);
}

async fn the_apps_options_limit_rotations(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 3)]).await;
    let set = async |options: [(&str, &str); 2]| server.set_options(&server.lax, &options).await;
    let code = |who: &Session| {
        let body = bodies::rotation(who, &group.key_id);
        server.post(&format!("/group/{}/key_rotation", group.id)).jwt(&who.jwt).json(&body).code()
    };
    set([("min_rank_key_rotation", "2"), ("max_key_rotation_month", "2")]).await;
    assert_eq!((code(&bob).await, code(&alice).await, code(&alice).await), (Some(301), None, None));
    assert_eq!(code(&alice).await, Some(321));
    set([("min_rank_key_rotation", "4"), ("max_key_rotation_month", "3")]).await;
    // Many at once: the limit holds.
    let codes = join_all((0..6).map(|_| code(&bob))).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| matches!(c, None | Some(321))), "{codes:?}");
    server.advance(32 * 86_400);
    let bob = server.forced_login(&server.lax, "bob").await;
    assert_eq!(code(&bob).await, None, "another month");
}

async fn of_many_takers_at_once_all_are_well_and_one_key_is_stored(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    let key_id = start(&server, &alice, &group).await;
    server.rotation_served(&group, &bob).await;
    // Two devices of a user finish at the same time.
    let codes = join_all((0..8).map(|_| finish(&server, &bob, &group, &key_id).code())).await;
    assert!(codes.iter().all(Option::is_none), "{codes:?}");
    let keys = server.get(&format!("/group/{}/keys/0/none", group.id)).jwt(&bob.jwt).ok().await;
    assert_eq!(keys.as_array().map(Vec::len), Some(2));
    assert!(waiting(&server, &bob, &group).await.is_empty());
}

async fn rotations_at_the_same_time_all_arrive(server: TestServer) {
    let (alice, bob, carol) =
        (server.session("alice").await, server.session("bob").await, server.session("carol").await);
    let group = server.group_with(&alice, &[(&bob, 4), (&carol, 4)]).await;
    let starts = (0..10).map(|i| start(&server, if i % 2 == 0 { &alice } else { &bob }, &group));
    let mut made = join_all(starts).await;
    made.sort();
    server.until(async || waiting(&server, &carol, &group).await.len() == 10).await;
    let items = waiting(&server, &carol, &group).await;
    assert!(items.is_sorted_by(|a, b| a.time < b.time), "oldest first, no two at one time");
    let mut ids: Vec<_> = items.into_iter().map(|i| i.new_group_key_id).collect();
    ids.sort();
    assert_eq!(ids, made);
    server.until(async || waiting(&server, &alice, &group).await.len() == 5).await;
}

async fn bad_input_is_refused(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let (group, other) = (server.group_with(&alice, &[(&bob, 4)]).await, server.group(&alice).await);
    let post = |body: Value| server.post(&format!("/group/{}/key_rotation", group.id)).jwt(&alice.jwt).json(&body);
    let good = json!(bodies::rotation(&alice, &group.key_id));
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        post(body)
    };
    for field in ["encrypted_ephemeral_key", "encrypted_group_key_by_ephemeral", "encrypted_group_key_by_user"] {
        with(field, "AAAA".into()).refused(11).await;
        with(field, "A".repeat(20_000).into()).refused(11).await;
        with(field, Value::Null).refused(11).await;
    }
    with("ephemeral_alg", "ROT13".into()).refused(11).await;
    with("previous_group_key_id", other.key_id.clone().into()).refused(304).await;
    with("previous_group_key_id", "\u{0}".into()).refused(11).await;
    with("invoker_public_key_id", bob.key_id.clone().into()).refused(304).await;
    let key_id = start(&server, &alice, &group).await;
    server.rotation_served(&group, &bob).await;
    for id in [NOBODY, "x", "%00", &group.id] {
        finish(&server, &bob, &group, id).refused(311).await;
    }
    let put = |body: Value| server.put(&format!("/group/{}/key_rotation/{key_id}", group.id)).jwt(&bob.jwt).json(&body);
    let mut done = json!(bodies::done_rotation(&bob));
    done["public_key_id"] = alice.key_id.clone().into();
    put(done.clone()).refused(304).await;
    done["encrypted_new_group_key"] = "AAAA".into();
    put(done).refused(11).await;
    finish(&server, &bob, &group, &key_id).ok().await;
}

async fn a_rotation_goes_on_after_a_restart(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    start(&server, &alice, &group).await;
    server.rotation_served(&group, &bob).await;
    server.stop();
    // As if it had stopped before it came to Bob: the state is what the start has left.
    let wrapped = keystead_crypto::encoding::b64_encode(&[1; 60]);
    server.database().execute(&format!(
        "DELETE FROM group_rotation_jobs; INSERT INTO group_rotation_jobs SELECT key_id, '{wrapped}', 0, '', 0, 'a node that is gone', created_ms \
         FROM group_rotations; DELETE FROM group_rotation_keys"
    ));
    server.restart();
    server.rotation_served(&group, &bob).await;
}

async fn user_keys_are_rotated_under_their_own_option(server: TestServer) {
    let alice = server.session("alice").await;
    let post = |body: Value| server.post("/user/user_keys/rotation").jwt(&alice.jwt).json(&body);
    let good = json!(bodies::user_rotation(&alice));
    for field in ["encrypted_sign_key", "verify_key", "keypair_sign_alg", "public_key_sig"] {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(field);
        post(body).refused(117).await;
    }
    let before = server.get(&format!("/user/{}/public_key", alice.user_id)).ok().await;
    let out: KeyRotationOutput = post(good).ok_as().await;
    assert_eq!(out.group_id, alice.user_group_id);
    let after = server.get(&format!("/user/{}/public_key", alice.user_id)).ok().await;
    assert_eq!((&before["public_key_id"], &after["public_key_id"]), (&json!(alice.key_id), &json!(out.key_id)));
    let keys = server.get("/user/user_keys/keys/0/none").jwt(&alice.jwt).ok().await;
    assert_eq!(
        (keys[0]["group_key_id"].as_str(), keys[1]["group_key_id"].as_str()),
        (Some(&*out.key_id), Some(&*alice.key_id))
    );
    assert_eq!(server.get("/user/user_keys/rotation").jwt(&alice.jwt).ok().await, json!([]));
    // No route for groups reaches a user group.
    server.get(&format!("/group/{}/key_rotation", alice.user_group_id)).jwt(&alice.jwt).refused(310).await;
}

/// The real binary, killed while it serves the members: after the start it goes on where it was.
#[test]
fn killed_in_the_middle_it_finishes_after_a_restart_sqlite() {
    killed_in_the_middle(Backend::Sqlite);
}

#[test]
fn killed_in_the_middle_it_finishes_after_a_restart_postgres() {
    killed_in_the_middle(Backend::Postgres);
}

const CLONES: i64 = 3000;

fn killed_in_the_middle(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&["--rate-limit", "off"]);
    let app = site.json(&["app", "create", "killed", "--preset", "lax", "--json"]);
    let secret = app["secret_token"].as_str().expect("a token").to_owned();
    let (owner, group) = block_on(owner_and_group(&server, &secret));
    // Members who share the keys of one user: quickly made, served like any.
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CLONES})");
    site.database().execute(&format!(
        "{numbers} INSERT INTO directory_users (id, app_id, created_ms) \
         SELECT 'clone-' || i, u.app_id, 1 FROM n, key_users u WHERE u.id = '{0}'; \
         {numbers} INSERT INTO key_users (id, app_id, user_group_id, created_ms) \
         SELECT 'clone-' || i, u.app_id, u.user_group_id, 1 FROM n, key_users u WHERE u.id = '{0}'; \
         {numbers} INSERT INTO group_members (group_id, member_id, member_type, rank, joined_ms, group_created_ms) \
         SELECT '{1}', 'clone-' || i, 0, 4, 5, 1 FROM n;",
        owner.user_id, group.id
    ));
    let count = |table: &str| site.database().number(&format!("SELECT CAST(count(*) AS TEXT) AS line FROM {table}"));
    let body = json!(bodies::rotation(&owner, &group.key_id));
    block_on(call(&server, &secret, &owner, "POST", &format!("/group/{}/key_rotation", group.id), &body));
    let before = std::time::Instant::now();
    while count("group_rotation_keys") == 0 {
        assert!(before.elapsed().as_secs() < 30, "the job does not begin");
    }
    server.signal("KILL");
    server.wait(std::time::Duration::from_secs(5));
    let served = count("group_rotation_keys");
    assert!(served > 0 && served < CLONES && served % 100 == 0, "{served} when it was killed: whole rounds, not all");
    assert_eq!(count("group_rotation_jobs"), 1);

    let server = site.serve(&["--rate-limit", "off"]);
    let before = std::time::Instant::now();
    while count("group_rotation_jobs") == 1 {
        assert!(before.elapsed().as_secs() < 60, "the job does not end: {}", server.output());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(count("group_rotation_keys"), CLONES);
    assert_eq!(count("group_rotation_keys WHERE error IS NOT NULL"), 0);
}

async fn owner_and_group(server: &Process, secret: &str) -> (Session, TestGroup) {
    let send = async |path: &str, jwt: &str, body: Value| {
        server.call("POST", path).token(secret).jwt(jwt).json(&body).ok().await
    };
    send("/register", "", json!(Template::of(Suite::HYBRID).register("owner"))).await;
    let login = send("/user/forced/login", "", json!({ "user_identifier": "owner" })).await;
    let login: ForcedLoginOutput = serde_json::from_value(login).expect("a login");
    let owner = Session::from_login("owner", login.verify);
    let made = send("/group", &owner.jwt, json!(bodies::group(&owner.key_id))).await;
    let made: GroupCreateOutput = serde_json::from_value(made).expect("a group");
    let data = call(server, secret, &owner, "GET", &format!("/group/{}", made.group_id), &Value::Null).await;
    let key_id = data["keys"][0]["group_key_id"].as_str().expect("a key").to_owned();
    (owner, TestGroup { id: made.group_id, key_id })
}

async fn call(server: &Process, secret: &str, by: &Session, method: &str, path: &str, body: &Value) -> Value {
    server.call(method, path).token(secret).jwt(&by.jwt).json(body).ok().await
}
