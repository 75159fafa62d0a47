//! Bad input of any kind: the protocol's code, never a failure of the server, nothing half-written.
//!
//! A case is a valid body with one thing wrong, made by proptest; a failing one is shrunk.

use e2e::raw::{Answer, Call};
use e2e::users::{Session, Template, TestGroup};
use e2e::{Backend, Database, Setup, TestServer, bodies, runtime};
use keystead_sdk_core::Suite;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

/// One thing that is wrong with a body. Numbers choose among what a body has.
#[derive(Debug, Clone)]
enum Wrong {
    Drop(usize),
    Replace(usize, Value),
    Cut(usize, usize),
    Repeat(usize, usize),
    Text(String),
    Bytes(Vec<u8>),
    Json(Value),
    Truncate(usize),
    Nest(usize),
}

fn wrong() -> impl Strategy<Value = Wrong> {
    let at = 0..64_usize;
    prop_oneof![
        4 => at.clone().prop_map(Wrong::Drop),
        6 => (at.clone(), scalar()).prop_map(|(at, value)| Wrong::Replace(at, value)),
        4 => (at.clone(), 0..80_usize).prop_map(|(at, keep)| Wrong::Cut(at, keep)),
        1 => (at, 2..2000_usize).prop_map(|(at, times)| Wrong::Repeat(at, times)),
        1 => ".{0,80}".prop_map(Wrong::Text),
        2 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Wrong::Bytes),
        2 => json_tree().prop_map(Wrong::Json),
        2 => (0..2000_usize).prop_map(Wrong::Truncate),
        1 => (1..5000_usize).prop_map(Wrong::Nest),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300_f64).prop_map(Value::from),
        prop_oneof![Just("".to_owned()), Just("AAAA".into()), Just("\u{0}".into()), Just("../..".into()), ".{0,40}"]
            .prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..3000)
            .prop_map(|bytes| Value::from(keystead_crypto::encoding::b64_encode(&bytes))),
        Just(json!([])),
        Just(json!({})),
    ]
}

fn json_tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map("[a-z_]{1,12}", inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

impl Wrong {
    /// The body with this wrong, as bytes.
    fn apply(&self, good: &Value) -> Vec<u8> {
        let mut body = good.clone();
        let leaves = leaves(good);
        let pick = |at: usize| leaves[at % leaves.len()].clone();
        match self {
            Self::Drop(at) => remove(&mut body, &pick(*at)),
            Self::Replace(at, value) => replace(&mut body, &pick(*at), |_| value.clone()),
            Self::Cut(at, keep) => replace(&mut body, &pick(*at), |old| match old {
                Value::String(text) => text.chars().take(*keep).collect::<String>().into(),
                other => other,
            }),
            Self::Repeat(at, times) => replace(&mut body, &pick(*at), |old| match old {
                Value::String(text) => text.repeat((*times).min(400_000 / text.len().max(1))).into(),
                other => other,
            }),
            Self::Text(text) => return text.clone().into_bytes(),
            Self::Bytes(bytes) => return bytes.clone(),
            Self::Json(value) => body = value.clone(),
            Self::Truncate(keep) => {
                let mut bytes = body.to_string().into_bytes();
                bytes.truncate((*keep).min(bytes.len().saturating_sub(1)));
                return bytes;
            }
            Self::Nest(depth) => return [vec![b'['; *depth], vec![b']'; *depth]].concat(),
        }
        body.to_string().into_bytes()
    }
}

/// Pointers to everything in a body that is no object.
fn leaves(value: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, v)| walk(v, &format!("{path}/{name}"), into)),
            Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| walk(v, &format!("{path}/{i}"), into)),
            _ => into.push(path.to_owned()),
        }
    }
    let mut all = Vec::new();
    walk(value, "", &mut all);
    all
}

fn replace(body: &mut Value, pointer: &str, with: impl FnOnce(Value) -> Value) {
    let slot = body.pointer_mut(pointer).expect("a leaf");
    *slot = with(slot.take());
}

fn remove(body: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a leaf");
    match body.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(name)),
        Some(Value::Array(items)) => items.clear(),
        _ => {}
    }
}

/// A server with two users and a group, and what a case must not change.
struct World {
    server: TestServer,
    database: Database,
    alice: Session,
    bob: Session,
    group: TestGroup,
}

fn world(server: &TestServer) -> World {
    let runtime = runtime();
    let (alice, bob, group) = runtime.block_on(async {
        let (alice, bob) = (server.session("alice").await, server.session("bob").await);
        let group = server.group(&alice).await;
        (alice, bob, group)
    });
    World { server: server.clone(), database: server.database(), alice, bob, group }
}

/// What holds for every answer to any input.
fn judge(answer: &Answer, database: &mut Database, before: i64) -> Result<(), TestCaseError> {
    prop_assert!(answer.status < 500, "{answer}");
    answer.check();
    let after = database.count();
    if answer.code().is_some() {
        prop_assert_eq!(after, before, "refused, but written: {}", answer);
    }
    Ok(())
}

/// Runs the cases of one body. What succeeds all the same (a field nobody reads was hit) may write.
fn hold(world: &mut World, cases: u32, good: &Value, call: impl Fn(&World) -> Call) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let runtime = runtime();
    let database = std::cell::RefCell::new(world.server.database());
    let world = &*world;
    let held = TestRunner::new(config).run(&wrong(), |wrong| {
        let before = database.borrow_mut().count();
        let answer = runtime.block_on(call(world).bytes(&wrong.apply(good)).send_unchecked());
        judge(&answer, &mut database.borrow_mut(), before)
    });
    held.unwrap_or_else(|e| panic!("{e}"));
}

fn run(backend: Backend, test: fn(&mut World)) {
    let Some(server) = TestServer::start(backend, &Setup::default()) else { return };
    let mut world = world(&server);
    test(&mut world);
    // After all of it the server still does its work.
    let (server, alice, group) = (&world.server, &world.alice, &world.group);
    runtime().block_on(async {
        assert_eq!(server.rank_of(group, alice).await, Some(0));
        server.session("carol").await;
    });
    assert_eq!(world.database.number("SELECT CAST(count(*) AS TEXT) AS line FROM apps"), 2);
}

macro_rules! held {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn sqlite() {
                super::run(super::Backend::Sqlite, super::$name);
            }
            #[test]
            fn postgres() {
                super::run(super::Backend::Postgres, super::$name);
            }
        })+
    };
}

held! { registrations, logins, accounts, groups, invites, files, tokens_and_names, paths }

fn registrations(world: &mut World) {
    for (suite, cases) in [(Suite::CLASSIC, 120), (Suite::HYBRID, 40), (Suite::G03, 40)] {
        let good = json!(Template::of(suite).register("mallory"));
        hold(world, cases, &good, |w| w.server.post("/register"));
    }
}

fn logins(world: &mut World) {
    let mut good = Template::of(Suite::CLASSIC).done_login("alice");
    good["challenge"] = "A".repeat(67).into();
    for path in ["/done_login", "/verify_login"] {
        hold(world, 60, &good, |w| w.server.post(path));
    }
    let good = json!({ "user_identifier": "alice" });
    for path in ["/prepare_login", "/exists"] {
        hold(world, 40, &good, |w| w.server.post(path));
    }
}

fn accounts(world: &mut World) {
    let template = Template::of(Suite::CLASSIC);
    let good = json!(template.device("mallory"));
    for path in ["/register_light", "/user/prepare_register_device"] {
        hold(world, 60, &good, |w| w.server.post(path));
    }
    let good = json!({ "user_keys": bodies::new_member(&[&world.alice.key_id], &world.alice, None), "token": "x" });
    hold(world, 60, &good, |w| w.server.put("/user/done_register_device").jwt(&w.alice.jwt));
    let good = json!({ "user_group": { "rank": 4 }, "token": "x" });
    hold(world, 30, &good, |w| w.server.put("/user/done_register_device_light").jwt(&w.alice.jwt));
    // With a wrong old password and another suite's keys: nothing that is nearly right succeeds.
    let mut good = template.change_password("new");
    good["old_auth_key"] = e2e::devices::auth_key("wrong").into();
    hold(world, 60, &good, |w| w.server.put("/user/update_pw").jwt(&w.alice.jwt));
    let good = Template::of(Suite::HYBRID).reset_password("new");
    hold(world, 60, &good, |w| w.server.put("/user/reset_pw").jwt(&w.alice.jwt));
    let mut good = template.done_login("alice");
    good["token"] = "123456".into();
    for path in ["/validate_mfa", "/validate_recovery_otp"] {
        hold(world, 40, &good, |w| w.server.post(path));
    }
    hold(world, 30, &json!({ "token": "123456" }), |w| w.server.patch("/user/confirm_otp").jwt(&w.alice.jwt));
    let good = json!(template.register("nobody"));
    hold(world, 40, &good, |w| w.server.put("/user/forced/reset_user").token(&w.server.lax.secret));
}

fn groups(world: &mut World) {
    let good = json!(bodies::group(&world.alice.key_id));
    hold(world, 120, &good, |w| w.server.post("/group").jwt(&w.alice.jwt));
    hold(world, 30, &good, |w| {
        w.server.post(&format!("/group/forced/{}", w.alice.user_id)).token(&w.server.lax.secret)
    });
    let good = json!(bodies::group(&world.group.key_id));
    for kind in ["child", "connected"] {
        hold(world, 40, &good, |w| w.server.post(&format!("/group/{}/{kind}", w.group.id)).jwt(&w.alice.jwt));
    }
    let good = json!({ "changed_user_id": world.bob.user_id, "new_rank": 3 });
    hold(world, 60, &good, |w| w.server.put(&format!("/group/{}/change_rank", w.group.id)).jwt(&w.alice.jwt));
}

fn invites(world: &mut World) {
    let good = json!(bodies::new_member(&[&world.group.key_id], &world.bob, Some(3)));
    for (kind, cases) in [("invite", 80), ("join_req", 40), ("invite_auto", 80), ("re_invite", 40)] {
        hold(world, cases, &good, |w| {
            w.server.put(&format!("/group/{}/{kind}/{}", w.group.id, w.bob.user_id)).jwt(&w.alice.jwt)
        });
    }
    let (connected, guest) = runtime().block_on(async {
        let connected = world.server.connected(&world.alice, &world.group).await;
        (connected, world.server.group(&world.alice).await)
    });
    let good = json!(bodies::new_guest(&connected, &guest, Some(3)));
    for kind in ["invite_group", "invite_group_auto", "re_invite_group"] {
        hold(world, 40, &good, |w| {
            let path = format!("/group/{}/{kind}/{}", connected.id, guest.id);
            w.server.put(&path).via(&w.group).jwt(&w.alice.jwt)
        });
    }
    let good = json!({ "rank": 3 });
    hold(world, 40, &good, |w| {
        w.server.put(&format!("/group/{}/invite/{}/light", w.group.id, w.bob.user_id)).jwt(&w.alice.jwt)
    });
    let good = json!(bodies::member_keys(&[&world.group.key_id], &world.bob));
    hold(world, 40, &good, |w| {
        let session = "00000000-0000-4000-8000-000000000000";
        w.server.put(&format!("/group/{}/invite/session/{session}", w.group.id)).jwt(&w.alice.jwt)
    });
}

fn files(world: &mut World) {
    let good = e2e::files::for_user(&world.bob.user_id);
    hold(world, 120, &good, |w| w.server.post("/file").jwt(&w.alice.jwt));
    hold(world, 60, &good, |w| w.server.post(&format!("/group/{}/file", w.group.id)).jwt(&w.alice.jwt));
    let old = json!({ "key_id": "k", "belongs_to_id": "", "belongs_to_type": "None", "encrypted_file_name": "n" });
    hold(world, 60, &old, |w| w.server.post("/file").jwt(&w.alice.jwt));
    let file = runtime().block_on(world.server.file(&world.alice, &good));
    let name = json!({ "encrypted_file_name": "n" });
    hold(world, 60, &name, |w| w.server.put(&format!("/file/{}", file.file_id)).jwt(&w.alice.jwt));
    let wrapped = keystead_crypto::encoding::b64_encode(&[7; 60]);
    let key = json!({ "alg": "AES-GCM-256", "encrypted_key_string": wrapped, "master_key_id": "k" });
    hold(world, 80, &key, |w| w.server.post("/keys/sym_key").jwt(&w.alice.jwt));
}

fn tokens_and_names(world: &mut World) {
    let good = world.alice.refresh_body();
    hold(world, 60, &good, |w| w.server.put("/refresh").jwt(&w.alice.jwt));
    hold(world, 40, &good, |w| w.server.post("/init").jwt(&w.alice.jwt));
    let good = json!({ "user_identifier": "bob" });
    for (method, path) in
        [("POST", "/user/forced/login"), ("PUT", "/user/forced/delete"), ("DELETE", "/user/forced/sessions")]
    {
        // Replacing the name never hits a user that the others need: there is no other.
        hold(world, 30, &json!({ "user_identifier": "nobody" }), |w| {
            w.server.call(method, path).token(&w.server.lax.secret)
        });
    }
    hold(world, 40, &good, |w| w.server.put("/user").jwt(&w.alice.jwt));
}

/// Absurd values in paths and headers.
fn paths(world: &mut World) {
    let config = Config { cases: 250, failure_persistence: None, ..Config::default() };
    let value = prop_oneof![
        "[A-Za-z0-9_.~!$&'()*+,;=:@-]{1,80}",
        any::<i64>().prop_map(|n| n.to_string()),
        Just("9".repeat(40)),
        Just("-1".to_owned()),
        Just("1e9".to_owned()),
        Just("NaN".to_owned()),
        proptest::collection::vec(any::<u8>(), 1..20)
            .prop_map(|bytes| bytes.iter().map(|b| format!("%{b:02x}")).collect()),
    ];
    let templates = [
        "GET /group/all/A/B",
        "GET /keys/sym_key/A",
        "GET /keys/sym_key/A/B/A",
        "GET /keys/sym_key/master_key/A/B/A",
        "DELETE /keys/sym_key/A",
        "GET /file/A",
        "GET /file/A/part_fetch/B",
        "GET /file/part/A",
        "GET /file/session/A",
        "POST /file/part/A/B/A",
        "DELETE /file/A",
        "GET /group/G/file/A",
        "DELETE /group/G/file/A",
        "GET /group/invite/A/B",
        "GET /group/A",
        "GET /group/A/light",
        "GET /group/G/keys/A/B",
        "GET /group/G/key/A",
        "GET /group/G/member/A/B",
        "DELETE /group/G/kick/A",
        "PATCH /group/A/invite",
        "DELETE /group/A/invite",
        "GET /group/G/children/A/B",
        "GET /group/G/all/A/B",
        "GET /group/G/invite/A/B",
        "GET /group/G/join_req/A/B",
        "GET /group/G/joins/A/B",
        "GET /group/joins/A/B",
        "DELETE /group/joins/A",
        "DELETE /group/G/join_req/A",
        "DELETE /group/G/joins/A",
        "PATCH /group/A/join_req",
        "PATCH /group/G/join_req/A",
        "PATCH /group/G/invite/A",
        "DELETE /group/G/A/invite",
        "PUT /group/G/invite_group/A/light",
        "PUT /group/G/re_invite_group/A/light",
        "GET /user/A",
        "GET /user/A/public_key/B",
        "GET /user/A/verify_key/B",
        "GET /user/user_keys/keys/A/B",
        "GET /user/user_key/A",
        "GET /group/A/public_key",
        "GET /user/device/A/B",
        "DELETE /user/device/A",
        "GET /user/sessions/A/B",
        "DELETE /user/sessions/A",
    ];
    let (runtime, database) = (runtime(), std::cell::RefCell::new(world.server.database()));
    let world = &*world;
    let strategy = (0..templates.len(), value.clone(), value);
    let held = TestRunner::new(config).run(&strategy, |(template, a, b)| {
        let before = database.borrow_mut().count();
        let (method, path) = templates[template].split_once(' ').expect("two words");
        let path: Vec<&str> = path
            .split('/')
            .map(|part| match part {
                "A" => a.as_str(),
                "B" => b.as_str(),
                "G" => world.group.id.as_str(),
                other => other,
            })
            .collect();
        let call = world.server.call(method, &path.join("/")).jwt(&world.alice.jwt);
        let call = call.header("x-sentc-group-access-id", &b);
        judge(&runtime.block_on(call.send_unchecked()), &mut database.borrow_mut(), before)
    });
    held.unwrap_or_else(|e| panic!("{e}"));
}
