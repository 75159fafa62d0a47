//! The wire as snapshots: names and kinds of all fields of the main answers. Ids, times and key material are
//! replaced by what they are, so that both databases give the same text.

use e2e::raw::Answer;
use e2e::users::{NOBODY, Template};
use e2e::{TestServer, bodies, both};
use keystead_crypto::encoding::{b64_decode, b64url_decode};
use keystead_protocol::apps::EndpointOptions;
use keystead_sdk_core::Suite;
use keystead_server::operator;
use serde_json::{Value, json};

both! {
    registration_and_login_of_today,
    registration_and_login_of_2022,
    accounts,
    light_users,
    groups,
    files,
    group_graph,
    key_rotation,
    refusals,
    a_new_app,
}

fn redacted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), redacted(value))).collect(),
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::Number(n) if n.as_i64().is_some_and(|n| n > 1_600_000_000_000) => "[ms]".into(),
        Value::String(text) => redacted_text(text).into(),
        other => other.clone(),
    }
}

fn redacted_text(text: &str) -> String {
    if text == NOBODY || text.len() < 36 {
        return text.to_owned();
    }
    if uuid::Uuid::parse_str(text).is_ok() {
        return "[uuid]".into();
    }
    if text.starts_with("-----BEGIN PUBLIC KEY-----\n") {
        return format!("[pem of {} characters]", text.len());
    }
    if let Ok(pair @ Value::Object(_)) = serde_json::from_str(text) {
        return format!("[text of JSON] {}", redacted(&pair));
    }
    if text.starts_with("ey") && text.matches('.').count() == 2 {
        let claims = serde_json::to_value(e2e::tokens::claims(text)).expect("JSON");
        let names: Vec<&String> = claims.as_object().into_iter().flat_map(|c| c.keys()).collect();
        return format!("[jwt with {names:?}]");
    }
    if text.len() == 52 && text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)) {
        return "[base32 of 32 bytes]".into();
    }
    match (b64_decode(text), b64url_decode(text)) {
        (Ok(bytes), _) => format!("[b64 of {} bytes]", bytes.len()),
        (_, Ok(bytes)) => format!("[b64url of {} bytes]", bytes.len()),
        _ => text.to_owned(),
    }
}

fn snapshot(name: &str, answer: Answer) {
    assert_snapshot(name, &answer.envelope());
}

fn assert_snapshot(name: &str, value: &Value) {
    let text = serde_json::to_string_pretty(&redacted(value)).expect("JSON");
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, text) });
}

async fn registration_and_login_of_today(server: TestServer) {
    let template = Template::of(Suite::HYBRID);
    snapshot("register", server.post("/register").json(&template.register("alice")).send().await);
    let identifier = json!({ "user_identifier": "alice" });
    snapshot("prepare_login", server.post("/prepare_login").json(&identifier).send().await);
    let done = server.done_login(&server.lax, Suite::HYBRID, "alice").await;
    let body = template.verify_login("alice", &done.text());
    snapshot("done_login", done);
    let verify = server.post("/verify_login").json(&body).send().await;
    snapshot("verify_login", verify);
    let alice = server.forced_login(&server.lax, "alice").await;
    snapshot("refresh", server.put("/refresh").jwt(&alice.jwt).json(&alice.refresh_body()).send().await);
    snapshot("init", server.post("/init").jwt(&alice.jwt).json(&alice.refresh_body()).send().await);
    let user = format!("/user/{}", alice.user_id);
    snapshot("public_key", server.get(&format!("{user}/public_key")).send().await);
    snapshot("verify_key", server.get(&format!("{user}/verify_key/{}", alice.key_id)).send().await);
    snapshot("user_jwt", server.get("/user/jwt").token(&server.lax.secret).jwt(&alice.jwt).send().await);
    let forced = server.post("/user/forced/login").token(&server.lax.secret).json(&identifier).send().await;
    snapshot("forced_login", forced);
}

async fn registration_and_login_of_2022(server: TestServer) {
    server.register(&server.lax, Suite::G03, "old").await;
    let done = server.done_login(&server.lax, Suite::G03, "old").await;
    let id = e2e::tokens::claims(done.result()["jwt"].as_str().expect("a JWT")).aud;
    snapshot("done_login_g03", done);
    snapshot("public_data_g03", server.get(&format!("/user/{id}")).send().await);
    snapshot("verify_key_g03", server.get(&format!("/user/{id}/verify_key")).send().await);
}

async fn accounts(server: TestServer) {
    let alice = server.session("alice").await;
    let device = Template::of(Suite::CLASSIC).device("laptop");
    let prepared = server.post("/user/prepare_register_device").json(&device).send().await;
    let token = prepared.result()["token"].clone();
    snapshot("device_prepare", prepared);
    let mut keys = bodies::new_member(&[&alice.key_id], &alice, None);
    keys.key_session = true;
    let body = json!({ "user_keys": keys, "token": token });
    snapshot("device_done", server.put("/user/done_register_device").jwt(&alice.jwt).json(&body).send().await);
    snapshot("device_list", server.get("/user/device/0/none").jwt(&alice.jwt).send().await);
    snapshot("sessions", server.get("/user/sessions/0/none").jwt(&alice.jwt).send().await);
    let otp = server.patch("/user/register_otp").jwt(&alice.jwt).send().await;
    let recover = otp.result()["recover"][0].as_str().expect("a key").to_owned();
    snapshot("otp_register", otp);
    snapshot("otp_recovery_keys", server.get("/user/otp_recovery_keys").jwt(&alice.jwt).send().await);
    snapshot("done_login_otp", server.done_login(&server.lax, Suite::CLASSIC, "alice").await);
    snapshot("validate_recovery_otp", server.validate("/validate_recovery_otp", "alice", &recover).send().await);
    snapshot("refused_otp", server.validate("/validate_mfa", "alice", "x").send().await);
    let change = Template::of(Suite::CLASSIC).change_password("new");
    snapshot("update_pw", server.put("/user/update_pw").jwt(&alice.jwt).json(&change).send().await);
}

async fn light_users(server: TestServer) {
    let body = Template::of(Suite::CLASSIC).device("alice");
    snapshot("register_light", server.post("/register_light").json(&body).send().await);
    let done = server.done_login(&server.lax, Suite::CLASSIC, "alice").await;
    let body = Template::of(Suite::CLASSIC).verify_login("alice", &done.text());
    snapshot("verify_login_light", server.post("/verify_login_light").json(&body).send().await);
    let identifier = json!({ "user_identifier": "alice" });
    let forced = server.post("/user/forced/login_light").token(&server.lax.secret).json(&identifier).send().await;
    snapshot("forced_login_light", forced);
}

async fn groups(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let create = server.post("/group").jwt(&alice.jwt).json(&bodies::group(&alice.key_id)).send().await;
    snapshot("group_create", create);
    let group = server.group(&alice).await;
    let path = format!("/group/{}", group.id);
    snapshot("group_get", server.get(&path).jwt(&alice.jwt).send().await);
    snapshot("group_light", server.get(&format!("{path}/light")).jwt(&alice.jwt).send().await);
    let mut body = bodies::new_member(&[&group.key_id], &bob, None);
    snapshot("group_invite", server.put_member("invite", &alice, &group, &bob, &body).send().await);
    snapshot("group_invites", server.get("/group/invite/0/none").jwt(&bob.jwt).send().await);
    body.key_session = true;
    snapshot("group_invite_auto", server.put_member("invite_auto", &alice, &group, &bob, &body).send().await);
    snapshot("group_members", server.get(&format!("{path}/member/0/none")).jwt(&alice.jwt).send().await);
    snapshot("group_list", server.get("/group/all/0/none").jwt(&bob.jwt).send().await);
    snapshot("group_key", server.get(&format!("{path}/key/{}", group.key_id)).jwt(&bob.jwt).send().await);
    // A group of today's client: signed key, search and sort key.
    let carol = server.new_user(Suite::CLASSIC, "carol", "a password").await;
    let id = carol.create_group().await.expect("created");
    snapshot("group_get_signed", server.get(&format!("/group/{id}")).jwt(&carol.jwt()).send().await);
}

async fn group_graph(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let own = server.group_with(&alice, &[(&bob, 2)]).await;
    let path = format!("/group/{}", own.id);
    let body = bodies::group(&own.key_id);
    snapshot("group_child", server.post(&format!("{path}/child")).jwt(&alice.jwt).json(&body).send().await);
    snapshot("group_children", server.get(&format!("{path}/children/0/none")).jwt(&bob.jwt).send().await);
    let child = server.child(&alice, &own).await;
    snapshot("group_get_child", server.get(&format!("/group/{}", child.id)).jwt(&bob.jwt).send().await);
    let connected = server.connected(&alice, &own).await;
    let of = |rest: &str| server.get(&format!("/group/{}{rest}", connected.id)).via(&own).jwt(&bob.jwt);
    snapshot("group_get_connected", of("").send().await);
    snapshot("group_light_connected", of("/light").send().await);
    let below = server.post(&format!("/group/{}/child/light", connected.id)).via(&own).jwt(&alice.jwt).ok().await;
    let below = format!("/group/{}/light", below["group_id"].as_str().expect("an id"));
    snapshot("group_light_below_connected", server.get(&below).via(&own).jwt(&bob.jwt).send().await);
    snapshot("group_list_of_group", server.get(&format!("{path}/all/0/none")).jwt(&bob.jwt).send().await);
    server.add_member(&alice, &child, &bob, 3).await;
    snapshot(
        "group_members_of_child",
        server.get(&format!("/group/{}/member/0/none", child.id)).jwt(&bob.jwt).send().await,
    );

    let guest = server.group(&alice).await;
    let put = |what: &str, group: &e2e::users::TestGroup| {
        let body = bodies::new_guest(&connected, group, None);
        server.put(&format!("/group/{}/{what}/{}", connected.id, group.id)).via(&own).jwt(&alice.jwt).json(&body)
    };
    snapshot("group_invite_group", put("invite_group", &guest).send().await);
    snapshot(
        "group_invites_of_group",
        server.get(&format!("/group/{}/invite/0/none", guest.id)).jwt(&alice.jwt).send().await,
    );
    let asking = server.group(&alice).await;
    let ask = server.patch(&format!("/group/{}/join_req/{}", asking.id, connected.id)).jwt(&alice.jwt);
    snapshot("group_join_request", ask.send().await);
    snapshot(
        "group_sent_join_requests",
        server.get(&format!("/group/{}/joins/0/none", asking.id)).jwt(&alice.jwt).send().await,
    );
    snapshot("group_join_requests", of("/join_req/0/none").send().await);
    snapshot("group_accept_join_request", put("join_req", &asking).send().await);
    snapshot("group_re_invite_group", put("re_invite_group", &asking).send().await);
    let member = server.get(&format!("/group/forced/{}/user/{}", own.id, bob.user_id)).token(&server.lax.secret);
    snapshot("group_forced_member", member.send().await);
}

async fn key_rotation(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let group = server.group_with(&alice, &[(&bob, 4)]).await;
    let path = format!("/group/{}/key_rotation", group.id);
    let start = server.post(&path).jwt(&alice.jwt).json(&bodies::rotation(&alice, &group.key_id)).send().await;
    let key_id = start.result()["key_id"].as_str().expect("an id").to_owned();
    snapshot("key_rotation_start", start);
    server.rotation_served(&group, &bob).await;
    snapshot("key_rotation_waiting", server.get(&path).jwt(&bob.jwt).send().await);
    snapshot("group_update_check", server.get(&format!("/group/{}/update_check", group.id)).jwt(&bob.jwt).send().await);
    let done = server.put(&format!("{path}/{key_id}")).jwt(&bob.jwt).json(&bodies::done_rotation(&bob)).send().await;
    snapshot("key_rotation_done", done);
    let start =
        server.post("/user/user_keys/rotation").jwt(&alice.jwt).json(&bodies::user_rotation(&alice)).send().await;
    snapshot("user_key_rotation_start", start);
}

async fn files(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    let body = e2e::files::for_user(&bob.user_id);
    snapshot("file_register", server.post("/file").jwt(&alice.jwt).json(&body).send().await);
    let file = server.file(&alice, &body).await;
    snapshot("file_part", server.part(&alice, &file, 2, true, b"end").send().await);
    let session = format!("/file/session/{}", file.session_id);
    snapshot("file_session", server.get(&session).jwt(&alice.jwt).send().await);
    snapshot("file_get", server.get(&format!("/file/{}", file.file_id)).jwt(&bob.jwt).send().await);
    let fetch = format!("/file/{}/part_fetch/0", file.file_id);
    snapshot("file_part_fetch", server.get(&fetch).jwt(&bob.jwt).send().await);
    snapshot("refused_file", server.get(&fetch).send().await);
    let old =
        json!({ "key_id": "some-key", "belongs_to_id": "", "belongs_to_type": "None", "encrypted_file_name": "n" });
    let old = server.file(&alice, &old).await;
    snapshot("file_get_g03", server.get(&format!("/file/{}", old.file_id)).send().await);
    let wrapped = keystead_crypto::encoding::b64_encode(&[7; 60]);
    let key = json!({ "alg": "AES-GCM-256", "encrypted_key_string": wrapped, "master_key_id": "some-key" });
    let made = server.post("/keys/sym_key").jwt(&alice.jwt).json(&key).send().await;
    snapshot("sym_keys", server.get("/keys/sym_key/master_key/some-key/0/none").send().await);
    snapshot("sym_key_register", made);
    // The customer's own storage.
    server.set_options(&server.lax, &[("storage_url", "http://127.0.0.1:9/"), ("file_storage", "1")]).await;
    let patch = format!("/file/part/{}/1/true/{}", old.session_id, alice.user_id);
    snapshot("file_part_register", server.patch(&patch).token(&server.lax.secret).send().await);
}

async fn refusals(server: TestServer) {
    let alice = server.session("alice").await;
    snapshot("refused_token", server.post("/exists").without_token().send().await);
    snapshot("refused_input", server.post("/exists").text("{\"user_identifier\":").send().await);
    snapshot("refused_type", server.post("/exists").json(&json!({ "user_identifier": 1 })).send().await);
    snapshot("refused_group", server.get(&format!("/group/{NOBODY}")).jwt(&alice.jwt).send().await);
    snapshot("refused_route", server.get("/nothing").send().await);
    snapshot("refused_backend_route", server.post("/user/forced/login").send().await);
}

async fn a_new_app(server: TestServer) {
    let new = operator::create_app(&server.app(), "new", EndpointOptions::preset_default()).await.expect("made");
    let new = serde_json::to_value(new).expect("JSON");
    assert_snapshot("app_create", &new);
}
