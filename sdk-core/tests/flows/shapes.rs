//! The JSON shapes that are sent (keys and value kinds), and that secrets do not print.

use keystead_sdk_core::content::{self, EncryptOptions};
use keystead_sdk_core::group::{self, CreateGroup};
use keystead_sdk_core::user::{self, LoginStep, VerifyKeys};
use keystead_sdk_core::{Suite, handle::KeyHandle, rng, sym_key};
use serde_json::Value;

use crate::fake_server::FakeServer;
use crate::happy::{checked_key, new_group, new_user};

/// The keys of a JSON text, each with the kind of its value; of texts the length when it is always the same.
pub(crate) fn keys_only(json: &str) -> Vec<String> {
    fn walk(path: &str, value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(k, v)| walk(&format!("{path}.{k}"), v, out)),
            Value::Array(items) => items.iter().take(1).for_each(|v| walk(&format!("{path}[]"), v, out)),
            Value::String(s) if path.ends_with("_alg") || path.ends_with(".alg") => out.push(format!("{path}: {s}")),
            Value::String(s) => out.push(format!("{path}: {} characters", s.len())),
            Value::Number(_) => out.push(format!("{path}: number")),
            other => out.push(format!("{path}: {other}")),
        }
    }
    let mut out = Vec::new();
    walk("", &serde_json::from_str(json).unwrap(), &mut out);
    out.sort();
    out
}

#[test]
fn registration() {
    let r = &mut rng::os();
    let hybrid = user::prepare_register(r, "identifier", "password").unwrap();
    insta::assert_debug_snapshot!("registration_hybrid", keys_only(&hybrid));
    let g03 = user::prepare_register_with(r, Suite::G03, "identifier", "password").unwrap();
    insta::assert_debug_snapshot!("registration_g03", keys_only(&g03));
    // The captured registrations had 34183 and 1693 bytes, with identifiers of their own.
    assert!((34_000..34_400).contains(&hybrid.len()), "{}", hybrid.len());
    assert!((1_650..1_750).contains(&g03.len()), "{}", g03.len());
    let device = user::prepare_register_device_start(r, Suite::CLASSIC, "identifier", "password").unwrap();
    insta::assert_debug_snapshot!("device", keys_only(&device));
}

#[test]
fn login_and_small_bodies() {
    let mut server = FakeServer::new();
    new_user(&mut server, Suite::HYBRID, "alice");
    let start_body = user::prepare_login_start("alice");
    let (body, start) = user::prepare_login("alice", "password", &server.prepare_login(&start_body)).unwrap();
    let LoginStep::Direct(login) = user::done_login(&start, &server.done_login(&body)).unwrap() else {
        panic!("direct login expected");
    };
    let bodies = [
        start_body,
        body,
        user::prepare_verify_login(&start, &login),
        user::prepare_validate_mfa(&start, "123456"),
        user::prepare_check_identifier("alice"),
        user::prepare_user_identifier_update("alice2"),
        user::prepare_refresh("token"),
        user::prepare_init("token"),
        group::prepare_change_rank("u", 3, 1).unwrap(),
        group::prepare_light_invite(None, 2).unwrap(),
    ];
    insta::assert_debug_snapshot!(bodies.iter().map(|b| keys_only(b)).collect::<Vec<_>>());
}

#[test]
fn groups() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let r = &mut rng::os();
    let unsigned = CreateGroup { sign: false, ..CreateGroup::default() };
    insta::assert_debug_snapshot!(
        "group_unsigned",
        keys_only(&group::prepare_create_group(r, &alice, unsigned).unwrap())
    );
    let signed = group::prepare_create_group(r, &alice, CreateGroup::default()).unwrap();
    insta::assert_debug_snapshot!("group_signed", keys_only(&signed));
    let made = new_group(&mut server, &alice, CreateGroup::default());
    let child = group::prepare_create_child_group(r, made.keys(), &alice, unsigned).unwrap();
    assert!(child.contains(&format!(r#""creator_public_key_id":"{}""#, made.keys()[0].id())));
    let key = checked_key(&server, &mut VerifyKeys::new(), alice.user_id());
    let pages = group::prepare_group_keys_for_new_member(r, made.keys(), &key, None, 0).unwrap();
    insta::assert_debug_snapshot!("new_member", keys_only(&pages.first));
    let (registered, _key) = sym_key::prepare_register_sym_key(r, &made.keys()[0]).unwrap();
    let (kept, _key) = sym_key::make_non_registered_sym_key(r, &made.keys()[0]).unwrap();
    insta::assert_debug_snapshot!("sym_key", [keys_only(&registered), keys_only(&kept)]);
    let (head, _body) = content::encrypt_raw(
        r,
        made.newest_key().unwrap().into(),
        b"x",
        &EncryptOptions { aad: b"", signer: Some(alice.signer().unwrap()) },
    )
    .unwrap();
    insta::assert_debug_snapshot!("content_head", head);
}

#[test]
fn secrets_do_not_print() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let group = new_group(&mut server, &alice, CreateGroup::default());
    let salt = server.prepare_login(&user::prepare_login_start("alice"));
    let (body, start) = user::prepare_login("alice", "password", &salt).unwrap();
    let step = user::done_login(&start, &server.done_login(&body)).unwrap();
    let handle = KeyHandle::from_sym_key(group.keys()[0].key(), "k");
    let (_json, sym) = sym_key::make_non_registered_sym_key(&mut rng::os(), &group.keys()[0]).unwrap();
    insta::assert_snapshot!(format!(
        "{start:?}\n{step:?}\n{alice:?}\n{:#?}\n{:#?}\n{group:#?}\n{handle:?}\n{sym:?}\n{:?}",
        alice.device(),
        alice.keys()[0],
        alice.signer().unwrap(),
    ));
}
