//! The cross vectors, `tests/vectors/sdk.json`: made here, and read by Rust, C, Python and JavaScript. Its README has the format.
//!
//! The same input and seed give the same output, so every reader is a producer too: it makes each `out` again. Written anew
//! with `KEYSTEAD_WRITE_VECTORS=1 cargo test -p keystead-sdk-core --test flows sdk_vectors`.

use keystead_sdk_core::content::{self, DecryptOptions, EncryptOptions};
use keystead_sdk_core::crypto::CryptoError;
use keystead_sdk_core::crypto::encoding::{b64_decode, b64_encode};
use keystead_sdk_core::file::{self, BelongsTo};
use keystead_sdk_core::group::{self, CreateGroup, GroupData};
use keystead_sdk_core::record::{self, Place};
use keystead_sdk_core::user::{self, LoginStep, UserData, VerifyKeys};
use keystead_sdk_core::{SdkError, Suite, handle::KeyHandle, search, sym_key};
use serde_json::{Value, json};

use crate::fake_server::{FakeServer, ok, refused};
use crate::seeded::Seeded;

const NPM_CLIENT: &str = include_str!("../../../crates/crypto/tests/vectors/npm_client_0_3_1.json");
const PASSWORD: &str = "a password of the vectors";
const AAD: &str = "page 3";

#[test]
fn sdk_vectors_are_made_again_and_open() {
    let made = format!("{:#}\n", vectors());
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/sdk.json");
    if std::env::var_os("KEYSTEAD_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == made, "sdk-core makes other vectors than the committed ones");
    open_them(&serde_json::from_str(&committed).unwrap());
}

/// Alice's keys and her group, as the answers in `world` give them.
struct World {
    answers: Value,
    alice: UserData,
    group: GroupData,
    start: user::LoginStart,
    login: user::DirectLogin,
}

fn vectors() -> Value {
    let world = world();
    let mut cases = account_cases(&world);
    cases.extend(key_cases(&world));
    cases.extend(content_cases(&world));
    cases.extend(record_cases(&world));
    cases.extend(file_cases(&world));
    json!({ "version": 1, "world": world.answers, "npm": npm(), "cases": cases, "errors": errors(&world) })
}

fn world() -> World {
    let r = &mut Seeded::new(1);
    let mut server = FakeServer::new();
    let register = user::prepare_register(r, "alice", PASSWORD).unwrap();
    let register_answer = server.register(&register);
    let prepare_login = server.prepare_login(&user::prepare_login_start("alice"));
    let (done_login_body, start) = user::prepare_login("alice", PASSWORD, &prepare_login).unwrap();
    let done_login = server.done_login(&done_login_body);
    let direct = |answer: &str| match user::done_login(&start, answer).unwrap() {
        LoginStep::Direct(login) => *login,
        _ => panic!("no second factor"),
    };
    let login = direct(&done_login);
    let verify_login_body = user::prepare_verify_login(&start, &login);
    let verify_login = server.verify_login(&verify_login_body);
    let alice = user::done_verify_login(login, &verify_login).unwrap();
    let login = direct(&done_login);
    let create_group = group::prepare_create_group(r, &alice, CreateGroup::default()).unwrap();
    let create_group_answer = server.create_group(alice.user_id(), &create_group);
    let id = group::done_create_group(&create_group_answer).unwrap();
    let get_group = server.get_group(&id, alice.user_id());
    let mut pins = VerifyKeys::new();
    pins.pin(alice.user_id(), &alice.newest_key().unwrap().exported_verify_key()).unwrap();
    let group = group::done_get_group(&get_group, &alice, &pins).unwrap();
    let answers = json!({
        "identifier": "alice", "password": PASSWORD, "user_id": alice.user_id(), "device_id": alice.device().device_id(),
        "register_answer": register_answer, "prepare_login_answer": prepare_login, "done_login_answer": done_login,
        "verify_login_answer": verify_login, "create_group_answer": create_group_answer, "get_group_answer": get_group,
        "public_key_answer": server.public_key(alice.user_id()), "verify_key_answer": server.verify_key(alice.user_id()),
        "user_key_id": alice.newest_key().unwrap().id(), "group_id": id, "group_key_id": group.newest_key().unwrap().id(),
        "verify_key": alice.newest_key().unwrap().exported_verify_key(), "pins": pins.export(),
    });
    World { answers, alice, group, start, login }
}

/// One case. Without `seed` the call takes no randomness.
#[expect(clippy::needless_pass_by_value, reason = "made in place")]
fn case(name: &str, call: &str, seed: Option<u64>, args: Value, out: Value) -> Value {
    json!({ "name": name, "call": call, "seed": seed, "args": args, "out": out })
}

fn account_cases(w: &World) -> Vec<Value> {
    let user = json!({ "identifier": "bob", "password": "bob's password" });
    let classic =
        json!({ "identifier": "bob", "password": "bob's password", "asym": "ECIES-ed25519", "sign": "ED25519" });
    let made = |seed: u64, suite: Suite| {
        user::prepare_register_with(&mut Seeded::new(seed), suite, "bob", "bob's password").unwrap()
    };
    let (generated, secret) = user::generate_user_register_data(&mut Seeded::new(4));
    let device = user::prepare_register_device_start(&mut Seeded::new(5), Suite::HYBRID, "laptop", "pw").unwrap();
    let (login_body, _) = user::prepare_login("alice", PASSWORD, w.text("prepare_login_answer")).unwrap();
    let refresh = Some("refresh token");
    let change = user::prepare_change_password(&mut Seeded::new(6), &w.start, &w.login, "new", refresh).unwrap();
    let reset = user::prepare_reset_password(&mut Seeded::new(7), "new", w.alice.device(), None).unwrap();
    let light = user::prepare_register_light(&mut Seeded::new(8), Suite::HYBRID, "bob", "bob's password").unwrap();
    let verify_body = user::prepare_verify_login(&w.start, &w.login);
    vec![
        case("registration", "prepare_register", Some(2), user.clone(), made(2, Suite::HYBRID).into()),
        case("small registration", "prepare_register_with", Some(3), classic, made(3, Suite::CLASSIC).into()),
        case("generated credentials", "generate_user_register_data", Some(4), json!({}), json!([generated, secret])),
        case(
            "new device",
            "prepare_register_device_start",
            Some(5),
            json!({ "identifier": "laptop", "password": "pw" }),
            device.into(),
        ),
        case("light registration", "prepare_register_light", Some(8), user, light.into()),
        case(
            "registered",
            "done_register",
            None,
            json!({ "answer": w.text("register_answer") }),
            w.alice.user_id().into(),
        ),
        case(
            "login, first",
            "prepare_login_start",
            None,
            json!({ "identifier": "alice" }),
            user::prepare_login_start("alice").into(),
        ),
        case("login, second", "prepare_login", None, json!({}), login_body.into()),
        case("login, third", "prepare_verify_login", None, json!({}), verify_body.into()),
        case(
            "new password",
            "prepare_change_password",
            Some(6),
            json!({ "new_password": "new", "refresh_token": refresh }),
            change.into(),
        ),
        case("reset password", "prepare_reset_password", Some(7), json!({ "new_password": "new" }), reset.into()),
    ]
}

fn key_cases(w: &World) -> Vec<Value> {
    let (alice, group) = (&w.alice, &w.group);
    let create = |seed: u64, sign: bool| {
        let options = CreateGroup { suite: Suite::HYBRID, sign };
        group::prepare_create_group(&mut Seeded::new(seed), alice, options).unwrap()
    };
    let child =
        group::prepare_create_child_group(&mut Seeded::new(12), group.keys(), alice, CreateGroup::default()).unwrap();
    let public = public_key(w);
    let member =
        group::prepare_group_keys_for_new_member(&mut Seeded::new(13), group.keys(), &public, Some(3), group.rank)
            .unwrap();
    let own = alice.newest_key().unwrap();
    let rotation =
        group::prepare_key_rotation(&mut Seeded::new(14), group.keys(), own.group_key(), alice, true).unwrap();
    let user_rotation = user::prepare_user_key_rotation(&mut Seeded::new(15), alice).unwrap();
    let (wrapped, key) =
        sym_key::make_non_registered_sym_key(&mut Seeded::new(16), group.newest_key().unwrap()).unwrap();
    let number = user::create_safety_number((own.verify_key(), alice.user_id()), None);
    let search = &group.search_keys()[0];
    let sort = &group.sort_keys()[0];
    vec![
        case("signed group", "prepare_create_group", Some(10), json!({ "sign": true }), create(10, true).into()),
        case("unsigned group", "prepare_create_group", Some(11), json!({ "sign": false }), create(11, false).into()),
        case("child group", "prepare_create_child_group", Some(12), json!({ "sign": true }), child.into()),
        case("new member", "prepare_group_keys_for_new_member", Some(13), json!({ "rank": 3 }), member.first.into()),
        case("group rotation", "prepare_key_rotation", Some(14), json!({ "sign": true }), rotation.into()),
        case("user rotation", "prepare_user_key_rotation", Some(15), json!({}), user_rotation.into()),
        case(
            "symmetric key",
            "make_non_registered_sym_key",
            Some(16),
            json!({}),
            json!({ "wrapped": wrapped, "key": KeyHandle::from_sym_key(&key.key, &key.id).to_json() }),
        ),
        case("safety number", "create_safety_number", None, json!({}), number.into()),
        case("public key", "fingerprint", None, json!({}), public.fingerprint().into()),
        case(
            "search prefixes",
            "create_search_raw",
            None,
            json!({ "text": "hello", "full": false }),
            json!(search::create_search_raw(&search.key, "hello", false, None)),
        ),
        case(
            "search whole",
            "search",
            None,
            json!({ "text": "hello" }),
            search::search_raw(&search.key, "hello").into(),
        ),
        case(
            "sortable number",
            "encrypt_sortable_number_raw",
            None,
            json!({ "number": 4711 }),
            search::encrypt_sortable_number_raw(&sort.key, 4711).unwrap().to_string().into(),
        ),
        case(
            "sortable text",
            "encrypt_sortable_string_raw",
            None,
            json!({ "text": "hello" }),
            search::encrypt_sortable_string_raw(&sort.key, "hello").unwrap().to_string().into(),
        ),
    ]
}

fn content_cases(w: &World) -> Vec<Value> {
    let key = w.group.newest_key().unwrap();
    let signer = || Some(w.alice.signer().unwrap());
    let text = |seed: u64, options: EncryptOptions<'_>| {
        content::encrypt_string(&mut Seeded::new(seed), key.into(), "hello", &options).unwrap()
    };
    let plain = EncryptOptions::default();
    let bound = EncryptOptions { aad: AAD.as_bytes(), signer: None };
    let both = EncryptOptions { aad: AAD.as_bytes(), signer: signer() };
    let bytes = content::encrypt(&mut Seeded::new(23), key.into(), &[0, 1, 254, 255], &plain).unwrap();
    let public = public_key(w);
    let sealed = |seed: u64, signer| {
        content::encrypt_string_asymmetric(&mut Seeded::new(seed), &public, "hello", signer).unwrap()
    };
    let args = |aad: Option<&str>, sign: bool| json!({ "text": "hello", "aad": aad, "sign": sign });
    vec![
        case("text", "encrypt_string", Some(20), args(None, false), text(20, plain).into()),
        case("text with aad", "encrypt_string", Some(21), args(Some(AAD), false), text(21, bound).into()),
        case("text with aad and signature", "encrypt_string", Some(22), args(Some(AAD), true), text(22, both).into()),
        case(
            "bytes",
            "encrypt",
            Some(23),
            json!({ "plain": b64_encode(&[0, 1, 254, 255]) }),
            b64_encode(&bytes).into(),
        ),
        case("sealed", "encrypt_string_asymmetric", Some(24), args(None, false), sealed(24, None).into()),
        case("sealed and signed", "encrypt_string_asymmetric", Some(25), args(None, true), sealed(25, signer()).into()),
    ]
}

/// A value of a record of the data API.
fn record_cases(w: &World) -> Vec<Value> {
    let json = r#"{"text":"Milk","n":[1,2.5,null]}"#;
    let sealed = record::seal_value(&mut Seeded::new(26), w.group.newest_key().unwrap().into(), &RECORD, json).unwrap();
    let token =
        record::search_value(&w.group.search_keys()[0].key, RECORD.namespace, RECORD.attribute, "Milk").unwrap();
    vec![
        case("value of a record", "seal_value", Some(26), record_args("json", json), sealed.into()),
        case("token of a value", "search_value", None, record_args("text", "Milk"), token.into()),
    ]
}

const RECORD: Place<'static> =
    Place { namespace: "notes", entity_id: "0198f0a2-3c4d-7e5f-8a6b-7c8d9e0fa1b2", attribute: "title" };

fn record_args(name: &str, value: &str) -> Value {
    let mut args =
        json!({ "namespace": RECORD.namespace, "entity_id": RECORD.entity_id, "attribute": RECORD.attribute });
    args[name] = value.into();
    args
}

/// A file of two parts in the group: its key, its registration, its parts.
fn file_cases(w: &World) -> Vec<Value> {
    let (wrapped, key) =
        sym_key::make_non_registered_sym_key(&mut Seeded::new(30), w.group.newest_key().unwrap()).unwrap();
    let place = BelongsTo::Group(&w.group.group_id);
    let body = file::prepare_register_file(&mut Seeded::new(31), &wrapped, &key, place, Some("a.txt"), None).unwrap();
    let (first, next) = file::encrypt_file_part_start(&mut Seeded::new(32), &key.key, b"first part", None).unwrap();
    let (second, _) =
        file::encrypt_file_part(&mut Seeded::new(33), &next, b"second part", Some(w.alice.signer().unwrap())).unwrap();
    let name = file::encrypt_file_name(&mut Seeded::new(34), &key, "b.txt", None).unwrap();
    let handle = |key: &_, id: &str| KeyHandle::from_sym_key(key, id).to_json();
    let part = |plain: &str, key: String, sign: bool| json!({ "plain": b64_encode(plain.as_bytes()), "key": key, "sign": sign });
    vec![
        case(
            "file",
            "prepare_register_file",
            Some(31),
            json!({ "wrapped": wrapped, "key": handle(&key.key, &key.id), "group_id": w.group.group_id, "name": "a.txt" }),
            body.into(),
        ),
        case(
            "first part",
            "encrypt_file_part",
            Some(32),
            part("first part", handle(&key.key, &key.id), false),
            json!({ "part": b64_encode(&first), "next": handle(&next, &key.id) }),
        ),
        case(
            "second part",
            "encrypt_file_part",
            Some(33),
            part("second part", handle(&next, &key.id), true),
            json!({ "part": b64_encode(&second), "next": Value::Null }),
        ),
        case(
            "file name",
            "encrypt_file_name",
            Some(34),
            json!({ "key": handle(&key.key, &key.id), "name": "b.txt" }),
            name.into(),
        ),
    ]
}

/// What a client must refuse, and with which number.
fn errors(w: &World) -> Value {
    let key = w.group.newest_key().unwrap();
    let bound = EncryptOptions { aad: AAD.as_bytes(), signer: None };
    let text = content::encrypt_string(&mut Seeded::new(40), key.into(), "hello", &bound).unwrap();
    let value = record::seal_value(&mut Seeded::new(41), key.into(), &RECORD, "1").unwrap();
    let none = DecryptOptions::default();
    let wrong_aad = content::decrypt_string(key.key(), &text, &none).unwrap_err();
    let own = w.alice.newest_key().unwrap().verify_key();
    let demanded = DecryptOptions { aad: AAD.as_bytes(), verify: Some(own) };
    let unsigned = content::decrypt_string(key.key(), &text, &demanded).unwrap_err();
    let salt = ok(
        json!({ "salt_string": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "derived_encryption_key_alg": "MD5" }),
    );
    let md5 = user::prepare_login("alice", PASSWORD, &salt).unwrap_err();
    let error = |name: &str, call: &str, args: Value, error: &SdkError| json!({ "name": name, "call": call, "args": args, "code": error.code(), "status": error.status() });
    json!([
        error("another aad", "decrypt_string", json!({ "content": text, "aad": null, "verify": false }), &wrong_aad),
        error("no signature", "decrypt_string", json!({ "content": text, "aad": AAD, "verify": true }), &unsigned),
        error(
            "no base64",
            "decrypt_string",
            json!({ "content": "§", "aad": null, "verify": false }),
            &SdkError::Content
        ),
        error(
            "a value of another record",
            "open_value",
            {
                let mut args = record_args("sealed", &value);
                args["entity_id"] = "0198f0a2-3c4d-7e5f-8a6b-000000000000".into();
                args
            },
            &SdkError::Crypto(CryptoError::Decrypt)
        ),
        error("no sealed value", "open_value", record_args("sealed", "Milk"), &SdkError::NotSealed),
        error("unknown password hash", "prepare_login", json!({ "answer": salt }), &md5),
        error(
            "refused",
            "done_register",
            json!({ "answer": refused(101) }),
            &user::done_register(&refused(101)).unwrap_err()
        ),
        error("no envelope", "done_register", json!({ "answer": "[]" }), &SdkError::ServerOutput),
    ])
}

/// What the unmodified npm client 0.3.1 made, in answers of a server: a user, a text in her user group, one for her key.
fn npm() -> Value {
    let vector: Value = serde_json::from_str(NPM_CLIENT).unwrap();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let mut server = FakeServer::new();
    server.register(&vector["registration"].to_string());
    let (name, password) = (text(&vector["identifier"]), text(&vector["password"]));
    let salt = server.prepare_login(&user::prepare_login_start(&name));
    let (body, start) = user::prepare_login_g03(&name, &password, &salt).unwrap();
    let answer = server.done_login(&body);
    let LoginStep::Done(alice) = user::done_login(&start, &answer).unwrap() else { panic!("complete login") };
    // The server of the recording gave the key another id; heads name it and bind nothing.
    let joined = |body: &str| {
        let head = json!({ "id": alice.newest_key().unwrap().id(), "sign": null }).to_string();
        b64_encode(&[head.as_bytes(), b"\0", &b64_decode(&text(&vector[body])).unwrap()].concat())
    };
    json!({
        "identifier": name, "password": password, "prepare_login_answer": salt, "done_login_body": body,
        "done_login_answer": answer, "user_id": alice.user_id(), "plain": vector["plain"],
        "content": joined("sym"), "sealed": joined("asym"),
    })
}

impl World {
    fn text(&self, name: &str) -> &str {
        self.answers[name].as_str().unwrap()
    }
}

fn public_key(w: &World) -> user::UserPublicKey {
    let verify = w.alice.newest_key().unwrap().verify_key();
    user::done_fetch_public_key(w.text("public_key_answer")).unwrap().check(verify).unwrap()
}

/// Everything encrypted opens again.
fn open_them(file: &Value) {
    let w = world();
    let key = w.group.newest_key().unwrap();
    let own = w.alice.newest_key().unwrap();
    let find = |name: &str| file["cases"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap();
    for name in ["text", "text with aad", "text with aad and signature"] {
        let case = find(name);
        let verify = (case["args"]["sign"] == true).then(|| own.verify_key());
        let options = DecryptOptions { aad: case["args"]["aad"].as_str().unwrap_or("").as_bytes(), verify };
        assert_eq!(content::decrypt_string(key.key(), case["out"].as_str().unwrap(), &options).unwrap(), "hello");
    }
    let value = find("value of a record");
    let opened = record::open_value(key.key(), &RECORD, value["out"].as_str().unwrap()).unwrap();
    assert_eq!(opened, value["args"]["json"].as_str().unwrap());
    for (name, verify) in [("sealed", None), ("sealed and signed", Some(own.verify_key()))] {
        let sealed = find(name)["out"].as_str().unwrap();
        assert_eq!(content::decrypt_string_asymmetric(own.group_key().secret(), sealed, verify).unwrap(), "hello");
    }
    let (first, second) = (find("first part"), find("second part"));
    let start = KeyHandle::from_json(first["args"]["key"].as_str().unwrap()).unwrap().sym_key().unwrap().0;
    let part = |case: &Value| b64_decode(case["out"]["part"].as_str().unwrap()).unwrap();
    let (plain, next) = file::decrypt_file_part_start(&start, &part(first), None).unwrap();
    assert_eq!(plain.as_slice(), b"first part");
    let (plain, _) = file::decrypt_file_part(&next, &part(second), Some(own.verify_key())).unwrap();
    assert_eq!(plain.as_slice(), b"second part");

    let npm = &file["npm"];
    let text = |name: &str| npm[name].as_str().unwrap();
    let (_, start) =
        user::prepare_login_g03(text("identifier"), text("password"), text("prepare_login_answer")).unwrap();
    let LoginStep::Done(alice) = user::done_login(&start, text("done_login_answer")).unwrap() else {
        panic!("complete")
    };
    let key = alice.newest_key().unwrap().group_key();
    let opened = content::decrypt_string(key.key(), text("content"), &DecryptOptions::default()).unwrap();
    assert_eq!(opened, text("plain"));
    assert_eq!(content::decrypt_string_asymmetric(key.secret(), text("sealed"), None).unwrap(), opened);
}
