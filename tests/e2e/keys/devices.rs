//! Further devices of a user (sentc.md section 5).

use e2e::users::{NOBODY, Session, Template};
use e2e::{TestServer, bodies, both, generations, tokens};
use futures_util::future::join_all;
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::devices::DeviceListItem;
use keystead_protocol::groups::{GroupKey, InviteOutput};
use keystead_sdk_core::Suite;
use serde_json::{Value, json};

const HOUR: i64 = 3600;

both! {
    a_second_device_gets_the_user_keys_and_logs_in,
    an_identifier_is_used_while_its_device_waits,
    a_device_that_waits_in_vain_frees_its_identifier,
    a_token_lets_one_device_in_once,
    of_twenty_parallel_uses_of_a_token_one_succeeds,
    parallel_devices_of_one_identifier_make_one,
    tokens_of_devices_rest_hashed,
    keys_of_a_new_device_are_checked,
    more_than_fifty_keys_come_in_pages,
    devices_are_listed_in_pages,
    a_deleted_device_takes_exactly_its_rows,
    the_last_device_stays,
    of_two_devices_that_delete_each_other_one_stays,
    the_generation_of_a_new_device,
}

async fn a_second_device_gets_the_user_keys_and_logs_in(server: TestServer) {
    let phone = server.session("phone").await;
    let new = server.prepare_device(Suite::CLASSIC, "laptop").await;
    assert_eq!((new.device_identifier.as_str(), new.token.len()), ("laptop", 67));
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "laptop").await.code(), Some(112), "not let in yet");
    let out: InviteOutput = server.let_in(&phone, &new).ok_as().await;
    assert_eq!(out.session_id, None);
    let laptop = server.login(&server.lax, Suite::CLASSIC, "laptop").await;
    assert_eq!((&laptop.user_id, &laptop.device_id), (&phone.user_id, &new.device_id));
    assert_eq!((&laptop.key_id, &laptop.user_group_id), (&phone.key_id, &phone.user_group_id));
    let keys: Vec<GroupKey> = server.get("/user/user_keys/keys/0/none").jwt(&laptop.jwt).ok_as().await;
    assert_eq!(keys[0].user_public_key_id, new.device_id, "wrapped for the device, whatever the body said");
    // Whatever group one of them is in, the other is too.
    let group = server.group(&phone).await;
    assert_eq!(server.rank_of(&group, &laptop).await, Some(0));
}

async fn an_identifier_is_used_while_its_device_waits(server: TestServer) {
    let alice = server.session("alice").await;
    let template = Template::of(Suite::CLASSIC);
    let prepare = |name: &str| server.post("/user/prepare_register_device").json(&template.device(name));
    prepare("alice").refused(101).await;
    prepare("tablet").ok().await;
    prepare("tablet").refused(101).await;
    server.post("/register").token(&server.lax.secret).json(&template.register("tablet")).refused(101).await;
    server.post("/register_light").token(&server.lax.secret).json(&template.device("tablet")).refused(101).await;
    server.put("/user").jwt(&alice.jwt).json(&json!({ "user_identifier": "tablet" })).refused(101).await;
    let exists = server.post("/exists").json(&json!({ "user_identifier": "tablet" })).ok().await;
    assert_eq!(exists["available"], false);
    // Another app has names of its own.
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let body = template.device("tablet");
    server.post("/user/prepare_register_device").token(&other.public).json(&body).ok().await;
}

async fn a_device_that_waits_in_vain_frees_its_identifier(server: TestServer) {
    let alice = server.session("alice").await;
    let old = server.prepare_device(Suite::CLASSIC, "tablet").await;
    server.prepare_device(Suite::CLASSIC, "watch").await;
    server.advance(25 * HOUR);
    let alice = server.login(&server.lax, Suite::CLASSIC, &alice.identifier).await;
    server.let_in(&alice, &old).refused(100).await;
    let exists = server.post("/exists").json(&json!({ "user_identifier": "tablet" })).ok().await;
    assert_eq!(exists["available"], true);
    let new = server.prepare_device(Suite::CLASSIC, "tablet").await;
    server.let_in(&alice, &old).refused(100).await;
    server.let_in(&alice, &new).ok().await;
    server.register(&server.lax, Suite::CLASSIC, "watch").await;
    // What is left is swept away.
    let app = server.app();
    let swept = app.clone();
    app.db.write(move |tx| keystead_server::rooms::keys::rules::sweep(&swept, tx)).await.expect("swept");
    let left = server.database().number("SELECT CAST(count(*) AS TEXT) AS line FROM key_pending_devices");
    assert_eq!(left, 0);
}

async fn a_token_lets_one_device_in_once(server: TestServer) {
    let (alice, mallory) = (server.session("alice").await, server.session("mallory").await);
    let other_app = server.create_app("other", EndpointOptions::preset_lax());
    let foreigner = server.session_in(&other_app, Suite::CLASSIC, "foreigner").await;
    let new = server.prepare_device(Suite::CLASSIC, "laptop").await;
    server.let_in(&foreigner, &new).token(&other_app.public).refused(100).await;
    server.let_in(&alice, &new).ok().await;
    server.let_in(&alice, &new).refused(100).await;
    server.let_in(&mallory, &new).refused(100).await;
    for token in ["", "x", &"A".repeat(67), &"A".repeat(10_000)] {
        let body = json!({ "user_keys": bodies::new_member(&[&alice.key_id], &alice, None), "token": token });
        server.put("/user/done_register_device").jwt(&alice.jwt).json(&body).refused(100).await;
    }
}

/// better-than 20c: single use under parallel use.
async fn of_twenty_parallel_uses_of_a_token_one_succeeds(server: TestServer) {
    let (alice, mallory) = (server.session("alice").await, server.session("mallory").await);
    let new = server.prepare_device(Suite::CLASSIC, "laptop").await;
    let by = |i: usize| if i.is_multiple_of(2) { &alice } else { &mallory };
    let codes = join_all((0..20).map(|i| server.let_in(by(i), &new).code())).await;
    assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(100)), "{codes:?}");
}

/// better-than 20c: parallel registrations of one identifier, of any kind.
async fn parallel_devices_of_one_identifier_make_one(server: TestServer) {
    let alice = server.session("alice").await;
    let template = Template::of(Suite::CLASSIC);
    let call = |i: usize| match i % 4 {
        0 => server.post("/register").json(&template.register("name")),
        1 => server.post("/register_light").json(&template.device("name")),
        2 => server.put("/user").jwt(&alice.jwt).json(&json!({ "user_identifier": "name" })),
        _ => server.post("/user/prepare_register_device").json(&template.device("name")),
    };
    let codes = join_all((0..24).map(|i| call(i).code())).await;
    // A device that has the name already may take it again.
    let (renames, others): (Vec<_>, Vec<_>) = codes.iter().enumerate().partition(|(i, _)| i % 4 == 2);
    let won = |list: &[(usize, &Option<u32>)]| list.iter().filter(|(_, c)| c.is_none()).count();
    assert!(matches!((won(&renames), won(&others)), (0, 1) | (1.., 0)), "{codes:?}");
    assert!(codes.iter().all(|c| c.is_none() || *c == Some(101)), "{codes:?}");
}

async fn tokens_of_devices_rest_hashed(server: TestServer) {
    let new = server.prepare_device(Suite::CLASSIC, "laptop").await;
    let mut database = server.database();
    assert!(database.find(&new.token).is_empty() && database.find("laptop").is_empty());
    assert_eq!(database.find(&new.device_id).len(), 1);
}

async fn keys_of_a_new_device_are_checked(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let new = server.prepare_device(Suite::CLASSIC, "laptop").await;
    let put = |keys: Value| {
        let body = json!({ "user_keys": keys, "token": new.token });
        server.put("/user/done_register_device").jwt(&alice.jwt).json(&body)
    };
    put(json!(bodies::new_member(&[], &alice, None))).refused(303).await;
    put(json!(bodies::new_member(&[&bob.key_id], &alice, None))).refused(304).await;
    put(json!(bodies::new_member(&[NOBODY], &alice, None))).refused(304).await;
    put(json!(bodies::new_member(&vec![NOBODY; 101], &alice, None))).refused(305).await;
    put(json!({ "keys": [{}], "key_session": false })).refused(11).await;
    // None of it has used the token up.
    server.let_in(&alice, &new).ok().await;
}

/// better-than 11: a session opens whenever it is asked for.
async fn more_than_fifty_keys_come_in_pages(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let mut ids = generations::add(&server, &alice.key_id, 1..60);
    ids.push(alice.key_id.clone());
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let new = server.prepare_device(Suite::CLASSIC, "laptop").await;
    let (first, rest) = ids.split_at(50);
    let mut keys = bodies::new_member(first, &alice, None);
    keys.key_session = true;
    let body = json!({ "user_keys": keys, "token": new.token });
    let out: InviteOutput = server.put("/user/done_register_device").jwt(&alice.jwt).json(&body).ok_as().await;
    let path = format!("/user/user_keys/session/{}", out.session_id.expect("a session"));
    let further = bodies::member_keys(rest, &alice);
    server.put(&path).jwt(&bob.jwt).json(&further).refused(306).await;
    server.put(&path).jwt(&alice.jwt).json(&further).ok().await;
    // Once more changes nothing.
    server.put(&path).jwt(&alice.jwt).json(&bodies::member_keys(rest, &alice)).ok().await;
    server.put(&path).jwt(&alice.jwt).json(&bodies::member_keys(&[&bob.key_id], &alice)).refused(304).await;

    let laptop = server.login(&server.lax, Suite::CLASSIC, "laptop").await;
    let (mut seen, mut at): (Vec<GroupKey>, _) = (Vec::new(), "0/none".to_owned());
    loop {
        let path = format!("/user/user_keys/keys/{at}");
        let page: Vec<GroupKey> = server.get(&path).jwt(&laptop.jwt).ok_as().await;
        let Some(last) = page.last() else { break };
        at = format!("{}/{}", last.time, last.group_key_id);
        seen.extend(page);
    }
    assert_eq!(seen.len(), 60);
    let kept = &seen.iter().find(|k| k.group_key_id == rest[0]).expect("there").encrypted_group_key;
    assert_eq!(*kept, further[0].encrypted_group_key);
    server.advance(25 * HOUR);
    let alice = server.login(&server.lax, Suite::CLASSIC, "alice").await;
    server.put(&path).jwt(&alice.jwt).json(&further).refused(306).await;
}

async fn devices_are_listed_in_pages(server: TestServer) {
    let (alice, _bob) = (server.session("alice").await, server.session("bob").await);
    let mut ids = vec![alice.device_id.clone()];
    // Some at one time: pages must neither skip nor repeat.
    for i in 0..53 {
        let new = server.prepare_device(Suite::CLASSIC, &format!("device {i}")).await;
        server.let_in(&alice, &new).ok().await;
        ids.push(new.device_id);
    }
    server.database().execute(&format!(
        "UPDATE key_devices SET created_ms = (SELECT min(created_ms) + 5 FROM key_devices) \
         WHERE user_id = '{}' AND id <> '{}'",
        alice.user_id, alice.device_id
    ));
    let mut seen: Vec<DeviceListItem> = Vec::new();
    let mut at = "0/none".to_owned();
    loop {
        let page: Vec<DeviceListItem> = server.get(&format!("/user/device/{at}")).jwt(&alice.jwt).ok_as().await;
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 50);
        at = format!("{}/{}", last.time, last.device_id);
        seen.extend(page);
    }
    assert!(seen.is_sorted_by_key(|d| (d.time, d.device_id.clone())));
    assert_eq!(seen[0].device_identifier, tokens::claims(&alice.jwt).device_identifier, "hashed");
    let mut seen: Vec<String> = seen.into_iter().map(|d| d.device_id).collect();
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
    server.get("/user/device/x/none").jwt(&alice.jwt).refused(13).await;
}

/// better-than 15: the original removes the wrong member row.
async fn a_deleted_device_takes_exactly_its_rows(server: TestServer) {
    let (phone, bob) = (server.session("phone").await, server.session("bob").await);
    let laptop = server.add_device(&phone, "laptop").await;
    let group = server.group_with(&phone, &[(&bob, 1)]).await;
    server.done_login(&server.lax, Suite::CLASSIC, "laptop").await;
    // But the audit log, which remembers what is gone.
    let rows = |server: &TestServer| {
        let tables = server.database().rows().into_iter().filter(|(table, _)| table != "audit_log");
        tables.flat_map(|(_, rows)| rows).collect::<Vec<String>>()
    };
    let before = rows(&server);
    server.delete(&format!("/user/device/{}", laptop.device_id)).jwt(&phone.jwt).ok().await;
    let after = rows(&server);
    let gone: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
    let of_laptop = |row: &str| row.contains(&laptop.device_id);
    assert!(!gone.is_empty() && gone.iter().all(|row| of_laptop(row)), "{gone:?}");
    assert!(after.iter().all(|row| !of_laptop(row)));
    assert!(after.iter().all(|row| before.contains(row)), "nothing else was touched");

    server.get("/group/all/0/none").jwt(&laptop.jwt).refused(100).await;
    server.put("/refresh").jwt(&laptop.jwt).json(&laptop.refresh_body()).refused(100).await;
    assert_eq!(server.done_login(&server.lax, Suite::CLASSIC, "laptop").await.code(), Some(112));
    // The other device goes on, and the name is free.
    server.put("/refresh").jwt(&phone.jwt).json(&phone.refresh_body()).ok().await;
    assert_eq!(server.rank_of(&group, &phone).await, Some(0));
    server.add_device(&phone, "laptop").await;
}

async fn the_last_device_stays(server: TestServer) {
    let (phone, bob) = (server.session("phone").await, server.session("bob").await);
    let laptop = server.add_device(&phone, "laptop").await;
    let delete = |device: &str, by: &Session| server.delete(&format!("/user/device/{device}")).jwt(&by.jwt);
    delete(&bob.device_id, &phone).refused(116).await;
    delete(NOBODY, &phone).refused(116).await;
    delete("x", &phone).refused(116).await;
    delete(&phone.device_id, &bob).refused(116).await;
    let refreshed = server.put("/refresh").jwt(&phone.jwt).json(&phone.refresh_body()).ok().await;
    let stale = refreshed["jwt"].as_str().expect("a JWT");
    server.delete(&format!("/user/device/{}", laptop.device_id)).jwt(stale).refused(113).await;
    // The first device may go, too, by its own hand.
    delete(&phone.device_id, &phone).ok().await;
    delete(&laptop.device_id, &laptop).refused(115).await;
    server.get("/group/all/0/none").jwt(&laptop.jwt).ok().await;
}

/// better-than 20c.
async fn of_two_devices_that_delete_each_other_one_stays(server: TestServer) {
    for i in 0..5 {
        let phone = server.session(&format!("phone {i}")).await;
        let laptop = server.add_device(&phone, &format!("laptop {i}")).await;
        let delete =
            |of: &Session, by: &Session| server.delete(&format!("/user/device/{}", of.device_id)).jwt(&by.jwt).code();
        let codes = join_all([delete(&phone, &laptop), delete(&laptop, &phone)]).await;
        assert_eq!(codes.iter().filter(|c| c.is_none()).count(), 1, "{codes:?}");
        let sql = format!("SELECT CAST(count(*) AS TEXT) AS line FROM key_devices WHERE user_id = '{}'", phone.user_id);
        assert_eq!(server.database().number(&sql), 1);
    }
}

/// better-than 20: both generations at one server. A new device follows the one that lets it in.
async fn the_generation_of_a_new_device(server: TestServer) {
    let (old, new) = (server.session_in(&server.lax, Suite::G03, "old").await, server.session("new").await);
    let answer = async |by: &Session, suite: Suite, name: &str| {
        let device = server.prepare_device(suite, name).await;
        server.let_in(by, &device).ok().await;
        server.done_login(&server.lax, suite, name).await.result()
    };
    assert!(answer(&old, Suite::G03, "old too").await.get("jwt").is_some(), "complete at once");
    assert!(answer(&new, Suite::CLASSIC, "new too").await.get("Direct").is_some());
    // Keys that npm 0.3.1 cannot make: a client of today, whoever let it in.
    assert!(answer(&old, Suite::HYBRID, "today's").await.get("Direct").is_some());
}
