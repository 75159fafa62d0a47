//! Data of today must open for ever, and so must data of the real client of 2022.
//!
//! `vectors/v1.json` was made with `KEYSTEAD_WRITE_VECTORS=1 cargo test -p keystead-sdk-core --test flows frozen` and is
//! never made again: a further format gets a further file.

use keystead_sdk_core::content::{self, DecryptOptions, EncryptOptions};
use keystead_sdk_core::crypto::encoding::b64_decode;
use keystead_sdk_core::group::{self, CreateGroup};
use keystead_sdk_core::user::{self, LoginStep, VerifyKeys};
use keystead_sdk_core::{handle::KeyHandle, search, sym_key};
use serde_json::{Value, json};

use crate::fake_server::{FakeServer, ok};
use crate::parsers::{Fixture, fixture};
use crate::seeded::Seeded;

const NPM_CLIENT: &str = include_str!("../../../crates/crypto/tests/vectors/npm_client_0_3_1.json");

#[test]
fn version_1_opens() {
    if std::env::var_os("KEYSTEAD_WRITE_VECTORS").is_some() {
        return write_version_1();
    }
    let f: &Fixture = fixture();
    assert_eq!(user::prepare_verify_login(&f.start, &f.login()), f.text("verify_login_body"));
    f.group.require_signed_keys().unwrap();
    let key = f.group.newest_key().unwrap();
    let verify = f.user.newest_key().unwrap().verify_key();
    let checked = DecryptOptions { aad: b"", verify: Some(verify) };
    assert_eq!(content::decrypt_string(key.key(), f.text("content"), &checked).unwrap(), "frozen text");
    let bound = DecryptOptions { aad: b"slot", verify: None };
    assert_eq!(content::decrypt_string(key.key(), f.text("content_aad"), &bound).unwrap(), "bound text");
    let own = f.user.newest_key().unwrap().group_key().secret();
    assert_eq!(content::decrypt_string_asymmetric(own, f.text("sealed"), None).unwrap(), "sealed text");
    let public = user::done_fetch_public_key(f.text("public_key")).unwrap().check(verify).unwrap();
    assert_eq!(public.key(), f.user.newest_key().unwrap().group_key().public());
    assert_eq!(VerifyKeys::import(f.text("pins")).unwrap().get(f.user.user_id(), f.user.keys()[0].id()), Some(verify));
    let sym = sym_key::open_sym_key(&sym_key::read_sym_key(f.text("sym_key")).unwrap(), key).unwrap();
    assert_eq!(KeyHandle::from_sym_key(&sym.key, "k").to_json(), f.text("handle"));
    assert_eq!(search::search_raw(&f.group.search_keys()[0].key, "frozen"), f.text("search_full"));
    assert_eq!(
        search::encrypt_sortable_number_raw(&f.group.sort_keys()[0].key, 4711).unwrap().to_string(),
        f.text("sort_number")
    );
    assert_eq!(user::create_safety_number((verify, f.user.user_id()), None), f.text("safety_number"));
}

#[test]
fn the_real_client_of_2022_opens() {
    let vector: Value = serde_json::from_str(NPM_CLIENT).unwrap();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let (name, password) = (text(&vector["identifier"]), text(&vector["password"]));
    let mut server = FakeServer::new();
    let registration = &vector["registration"];
    let mut body = registration.clone();
    body["group"]["creator_public_key_id"] = "non_registered".into();
    user::done_register(&server.register(&body.to_string())).unwrap();

    let salt = server.prepare_login(&user::prepare_login_start(&name));
    let (body, start) = user::prepare_login_g03(&name, &password, &salt).unwrap();
    assert_eq!(start.auth_key().to_b64(), text(&vector["login"]["auth_key"]));
    let LoginStep::Done(alice) = user::done_login(&start, &server.done_login(&body)).unwrap() else {
        panic!("complete login expected");
    };
    let key = alice.newest_key().unwrap();
    assert!(!key.public_key_signed());
    let head = |name: &str| {
        serde_json::from_value(vector[name].clone()).or_else(|_| serde_json::from_str(&text(&vector[name])))
    };
    let bytes = |name: &str| b64_decode(&text(&vector[name])).unwrap();
    let plain = text(&vector["plain"]).into_bytes();
    let sym = key.group_key().key();
    let none = DecryptOptions::default();
    let opened = content::decrypt_raw(sym, &head("sym_head").unwrap(), &bytes("sym"), &none).unwrap();
    assert_eq!(*opened, plain);
    let verify = DecryptOptions { aad: b"", verify: Some(alice.device().verify_key()) };
    for options in [none, verify] {
        let opened = content::decrypt_raw(sym, &head("signed_head").unwrap(), &bytes("signed"), &options).unwrap();
        assert_eq!(*opened, plain);
    }
    assert_eq!(*key.group_key().secret().decrypt(&bytes("asym")).unwrap(), plain);
}

fn write_version_1() {
    let r = &mut Seeded::new(1);
    let mut server = FakeServer::new();
    let register = user::prepare_register(r, "alice", "frozen password").unwrap();
    let register_answer = server.register(&register);
    let prepare_login = server.prepare_login(&user::prepare_login_start("alice"));
    let (body, start) = user::prepare_login("alice", "frozen password", &prepare_login).unwrap();
    let done_login = server.done_login(&body);
    let LoginStep::Direct(login) = user::done_login(&start, &done_login).unwrap() else { panic!("direct") };
    let verify_login_body = user::prepare_verify_login(&start, &login);
    let verify_login = server.verify_login(&verify_login_body);
    let alice = user::done_verify_login(*login, &verify_login).unwrap();
    let create = group::prepare_create_group(r, &alice, CreateGroup::default()).unwrap();
    let id = group::done_create_group(&server.create_group(alice.user_id(), &create)).unwrap();
    let get_group = server.get_group(&id, alice.user_id());
    let mut pins = VerifyKeys::new();
    pins.pin(alice.user_id(), &alice.newest_key().unwrap().exported_verify_key()).unwrap();
    let group = group::done_get_group(&get_group, &alice, &pins).unwrap();
    let key = group.newest_key().unwrap();
    let signed = EncryptOptions { aad: b"", signer: Some(alice.signer().unwrap()) };
    let bound = EncryptOptions { aad: b"slot", signer: None };
    let own = alice.newest_key().unwrap();
    let public_key = server.public_key(alice.user_id());
    let public = user::done_fetch_public_key(&public_key).unwrap().check(own.verify_key()).unwrap();
    let (sym_json, sym) = sym_key::make_non_registered_sym_key(r, key).unwrap();
    let keys: Value = serde_json::from_str::<Value>(&get_group).unwrap()["result"]["keys"].clone();
    let vector = json!({
        "identifier": "alice",
        "password": "frozen password",
        "register": register,
        "register_answer": register_answer,
        "prepare_login": prepare_login,
        "done_login": done_login,
        "verify_login_body": verify_login_body,
        "verify_login": verify_login,
        "public_key": public_key,
        "verify_key": server.verify_key(alice.user_id()),
        "create_group": create,
        "get_group": get_group,
        "group_keys": ok(keys),
        "content": content::encrypt_string(r, key.into(), "frozen text", &signed).unwrap(),
        "content_aad": content::encrypt_string(r, key.into(), "bound text", &bound).unwrap(),
        "sealed": content::encrypt_string_asymmetric(r, &public, "sealed text", None).unwrap(),
        "sym_key": sym_json,
        "handle": KeyHandle::from_sym_key(&sym.key, "k").to_json(),
        "search_full": search::search_raw(&group.search_keys()[0].key, "frozen"),
        "sort_number": search::encrypt_sortable_number_raw(&group.sort_keys()[0].key, 4711).unwrap().to_string(),
        "safety_number": user::create_safety_number((own.verify_key(), alice.user_id()), None),
        "pins": pins.export(),
        "jwt": "e30.eyJhdWQiOiJ1Iiwic3ViIjoiZCIsImV4cCI6MzAwLCJpYXQiOjAsImZyZXNoIjp0cnVlfQ.c2ln",
    });
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flows/vectors/v1.json");
    std::fs::write(path, format!("{vector:#}\n")).unwrap();
}
