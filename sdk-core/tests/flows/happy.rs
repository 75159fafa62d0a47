//! What must work: users, devices, groups, content, with each suite.

use keystead_sdk_core::content::{self, DecryptOptions, EncryptOptions};
use keystead_sdk_core::group::{self, CreateGroup, GroupData, KeySignature, KeyWarning, PageCursor};
use keystead_sdk_core::suite::{ASYM, SIGN};
use keystead_sdk_core::user::{self, LoginStep, UserData, UserPublicKey, VerifyKeys};
use keystead_sdk_core::{SdkError, Suite, rng, search, sym_key};

use crate::fake_server::{FakeServer, ok};
use crate::seeded::Seeded;

/// Registers and logs in.
pub(crate) fn new_user(server: &mut FakeServer, suite: Suite, name: &str) -> UserData {
    let body = user::prepare_register_with(&mut rng::os(), suite, name, "password").unwrap();
    user::done_register(&server.register(&body)).unwrap();
    login(server, suite, name)
}

pub(crate) fn login(server: &mut FakeServer, suite: Suite, name: &str) -> UserData {
    let salt = server.prepare_login(&user::prepare_login_start(name));
    let prepare = if suite.g03 { user::prepare_login_g03 } else { user::prepare_login };
    let (body, start) = prepare(name, "password", &salt).unwrap();
    match user::done_login(&start, &server.done_login(&body)).unwrap() {
        LoginStep::Direct(login) => {
            let body = user::prepare_verify_login(&start, &login);
            user::done_verify_login(*login, &server.verify_login(&body)).unwrap()
        }
        LoginStep::Done(user) => *user,
        LoginStep::Otp => panic!("no second factor here"),
    }
}

pub(crate) fn checked_key(server: &FakeServer, pins: &mut VerifyKeys, user_id: &str) -> UserPublicKey {
    let key = user::done_fetch_public_key(&server.public_key(user_id)).unwrap();
    if key.sig_key_id().is_some() {
        pins.pin(user_id, &user::done_fetch_verify_key(&server.verify_key(user_id)).unwrap()).unwrap();
    }
    pins.check_public_key(user_id, key).unwrap()
}

pub(crate) fn new_group(server: &mut FakeServer, owner: &UserData, options: CreateGroup) -> GroupData {
    let body = group::prepare_create_group(&mut rng::os(), owner, options).unwrap();
    let id = group::done_create_group(&server.create_group(owner.user_id(), &body)).unwrap();
    group::done_get_group(&server.get_group(&id, owner.user_id()), owner, &VerifyKeys::new()).unwrap()
}

#[test]
fn two_users_share_a_group() {
    for suite in [Suite::HYBRID, Suite::CLASSIC, Suite::G03] {
        let mut server = FakeServer::new();
        let alice = new_user(&mut server, suite, "alice");
        let bob = new_user(&mut server, suite, "bob");
        let carol = new_user(&mut server, Suite::CLASSIC, "carol");

        let of_alice = new_group(&mut server, &alice, CreateGroup { suite, sign: true });
        let mut pins = VerifyKeys::new();
        let bob_key = checked_key(&server, &mut pins, bob.user_id());
        assert_eq!(bob_key.verified(), !suite.g03);
        let r = &mut rng::os();
        let pages = group::prepare_group_keys_for_new_member(r, of_alice.keys(), &bob_key, None, 0).unwrap();
        assert!(pages.further.is_empty());
        let out = server.invite_auto(&of_alice.group_id, bob.user_id(), &pages.first);
        assert_eq!(group::done_invite(&out), Ok(None));

        // Bob knows who signed before he believes it.
        let out = server.get_group(&of_alice.group_id, bob.user_id());
        let signers = group::group_key_signers(&out).unwrap();
        assert_eq!(signers, [(alice.user_id().to_owned(), alice.keys()[0].id().to_owned())]);
        let unchecked = group::done_get_group(&out, &bob, &pins).unwrap();
        assert!(matches!(unchecked.keys()[0].signature(), KeySignature::Unchecked { .. }));
        assert_eq!(unchecked.require_signed_keys(), Err(SdkError::UnsignedGroupKey));
        assert!(matches!(unchecked.warnings()[..], [KeyWarning::Unchecked { .. }]));
        let alice_verify = user::done_fetch_verify_key(&server.verify_key(alice.user_id())).unwrap();
        pins.pin(alice.user_id(), &alice_verify).unwrap();
        let of_bob = group::done_get_group(&out, &bob, &pins).unwrap();
        assert_eq!(of_bob.require_signed_keys(), Ok(()));

        // Content: both directions, signed by Alice.
        let options = EncryptOptions { aad: b"", signer: Some(alice.signer().unwrap()) };
        let key = of_alice.newest_key().unwrap().into();
        let text = content::encrypt_string(r, key, "für Bob", &options).unwrap();
        let head = content::string_head(&text).unwrap();
        let verify = pins.get(alice.user_id(), &head.sign.unwrap().id).unwrap();
        let options = DecryptOptions { aad: b"", verify: Some(verify) };
        assert_eq!(content::decrypt_string(of_bob.key(&head.id).unwrap().key(), &text, &options).unwrap(), "für Bob");

        // Search and sort agree between members.
        if !suite.g03 {
            let (a, b) = (&of_alice.search_keys()[0].key, &of_bob.search_keys()[0].key);
            assert_eq!(search::search_raw(a, "x"), search::search_raw(b, "x"));
            assert_eq!(search::create_search_raw(a, "xyz", false, None).len(), 3);
            let (a, b) = (&of_alice.sort_keys()[0].key, &of_bob.sort_keys()[0].key);
            assert_eq!(search::encrypt_sortable_number_raw(a, 7), search::encrypt_sortable_number_raw(b, 7));
            assert!(
                search::encrypt_sortable_string_raw(a, "a").unwrap()
                    < search::encrypt_sortable_string_raw(b, "b").unwrap()
            );
            assert_eq!(alice.search_keys().len(), 1);
        }

        // Carol is no member.
        let out = server.get_group(&of_alice.group_id, carol.user_id());
        let refused = group::done_get_group(&out, &carol, &pins).unwrap_err();
        assert_eq!(refused.status(), "server_310");
        let stolen = server.get_group(&of_alice.group_id, bob.user_id());
        assert_eq!(group::done_get_group(&stolen, &carol, &pins).unwrap_err(), SdkError::KeyNotFound);
    }
}

#[test]
fn asymmetric_content_and_sym_keys() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let bob = new_user(&mut server, Suite::CLASSIC, "bob");
    let r = &mut rng::os();
    let bob_key = checked_key(&server, &mut VerifyKeys::new(), bob.user_id());
    let text = content::encrypt_string_asymmetric(r, &bob_key, "hi", Some(alice.signer().unwrap())).unwrap();
    let own = bob.key(&content::string_head(&text).unwrap().id).unwrap();
    let verify = alice.keys()[0].verify_key();
    let opened = content::decrypt_string_asymmetric(own.group_key().secret(), &text, Some(verify));
    assert_eq!(opened.unwrap(), "hi");
    let wrong = content::decrypt_string_asymmetric(own.group_key().secret(), &text, Some(own.verify_key()));
    assert!(matches!(wrong, Err(SdkError::Crypto(_))));

    let group = new_group(&mut server, &alice, CreateGroup::default());
    let master = group.newest_key().unwrap();
    let (json, key) = sym_key::make_non_registered_sym_key(r, master).unwrap();
    let read = sym_key::read_sym_key(&json).unwrap();
    assert_eq!((read.key_id.as_str(), read.time), ("non_registered", 0));
    assert_eq!(sym_key::open_sym_key(&read, master).unwrap().key, key.key);
    let (body, key) = sym_key::prepare_register_sym_key(r, master).unwrap();
    assert!(body.starts_with(r#"{"alg":"AES-GCM-256","encrypted_key_string":""#));
    let kept = sym_key::done_register_sym_key(&ok(serde_json::json!({"key_id": "k9"})), key, master).unwrap();
    let text = content::encrypt_string(r, (&kept).into(), "doc", &EncryptOptions::default()).unwrap();
    assert_eq!(content::string_head(&text).unwrap().id, "k9");
    let (json, key) = sym_key::make_non_registered_sym_key_by_public_key(r, &bob_key).unwrap();
    let opened = sym_key::open_sym_key_by_private_key(&sym_key::read_sym_key(&json).unwrap(), &bob).unwrap();
    assert_eq!(opened.key, key.key);
}

#[test]
fn a_second_device_gets_the_user_keys() {
    let mut server = FakeServer::new();
    let first = new_user(&mut server, Suite::HYBRID, "phone");
    let r = &mut rng::os();
    let body = user::prepare_register_device_start(r, Suite::HYBRID, "laptop", "password").unwrap();
    let code = server.prepare_register_device(&body);
    assert_eq!(user::done_register_device_start(&code).unwrap().device_identifier, "laptop");
    let pages = user::prepare_register_device(r, &code, &first).unwrap();
    let out = server.done_register_device(first.user_id(), &pages.first);
    assert_eq!(group::done_invite(&out), Ok(None));
    let second = login(&mut server, Suite::HYBRID, "laptop");
    assert_eq!((second.user_id(), second.keys()[0].id()), (first.user_id(), first.keys()[0].id()));
    assert_ne!(second.device().device_id(), first.device().device_id());

    let group = new_group(&mut server, &first, CreateGroup::default());
    let out = server.get_group(&group.group_id, second.user_id());
    assert!(group::done_get_group(&out, &second, &VerifyKeys::new()).is_ok());
}

#[test]
fn many_keys_go_in_pages() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::CLASSIC, "alice");
    let group = new_group(&mut server, &alice, CreateGroup { suite: Suite::CLASSIC, sign: false });
    let member = checked_key(&server, &mut VerifyKeys::new(), alice.user_id());
    let key = group.keys()[0].clone();
    for (count, further) in [(1, vec![]), (50, vec![]), (51, vec![1]), (150, vec![50, 50])] {
        let keys = vec![key.clone(); count];
        let pages = group::prepare_group_keys_for_new_member(&mut rng::os(), &keys, &member, Some(3), 1).unwrap();
        let first: serde_json::Value = serde_json::from_str(&pages.first).unwrap();
        assert_eq!(first["keys"].as_array().unwrap().len(), count.min(50));
        assert_eq!((first["key_session"].as_bool(), first["rank"].as_i64()), (Some(count > 50), Some(3)));
        let sizes: Vec<usize> = pages
            .further
            .iter()
            .map(|p| serde_json::from_str::<serde_json::Value>(p).unwrap().as_array().unwrap().len())
            .collect();
        assert_eq!(sizes, further);
    }
    assert_eq!(group::next_page(&vec![key.clone(); 49]), None);
    let next = PageCursor { time: 1, id: key.id().to_owned() };
    assert_eq!(group::next_page(&vec![key; 50]), Some(next));
    let none = group::prepare_group_keys_for_new_member(&mut rng::os(), &[], &member, None, 0);
    assert_eq!(none.unwrap_err(), SdkError::NoKeys);
    // An empty next page is no error.
    assert!(group::done_get_group_keys(&ok([0; 0]), &alice, &VerifyKeys::new()).unwrap().is_empty());
}

#[test]
fn every_pair_of_algorithms() {
    for asym in ASYM {
        for sign in SIGN {
            let suite = Suite::of(asym, sign).unwrap();
            let mut server = FakeServer::new();
            let user = new_user(&mut server, suite, "u");
            let group = new_group(&mut server, &user, CreateGroup { suite, sign: true });
            assert_eq!(group.newest_key().unwrap().public().alg(), *asym);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_output() {
    let make = |seed| user::prepare_register(&mut Seeded::new(seed), "a", "b").unwrap();
    assert_eq!(make(1), make(1));
    assert_ne!(make(1), make(2));
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let group = |seed| group::prepare_create_group(&mut Seeded::new(seed), &alice, CreateGroup::default()).unwrap();
    assert_eq!(group(1), group(1));
    assert_ne!(group(1), group(2));
}

#[test]
fn password_change_and_reset() {
    let mut server = FakeServer::new();
    let user = new_user(&mut server, Suite::CLASSIC, "alice");
    let salt = server.prepare_login(&user::prepare_login_start("alice"));
    let (body, start) = user::prepare_login("alice", "password", &salt).unwrap();
    let LoginStep::Direct(login) = user::done_login(&start, &server.done_login(&body)).unwrap() else {
        panic!("direct login expected");
    };
    let r = &mut rng::os();
    let (changed, reset) = (
        user::prepare_change_password(r, &start, &login, "new", None).unwrap(),
        user::prepare_reset_password(r, "new", user.device(), None).unwrap(),
    );
    insta::assert_debug_snapshot!(crate::shapes::keys_only(&changed));
    insta::assert_debug_snapshot!(crate::shapes::keys_only(&reset));
    // A session of one's own that is to stay is one field more.
    let named = user::prepare_change_password(r, &start, &login, "new", Some("token")).unwrap();
    assert!(named.ends_with(r#","refresh_token":"token"}"#), "{named}");
    let named = user::prepare_reset_password(r, "new", user.device(), Some("token")).unwrap();
    assert!(named.ends_with(r#","refresh_token":"token"}"#), "{named}");
    // What was sent opens with the new password, to the same keys.
    for body in [changed, reset] {
        server.set_password("alice", &body);
        let salt = server.prepare_login(&user::prepare_login_start("alice"));
        let (_body, old) = user::prepare_login("alice", "password", &salt).unwrap();
        let (body, new) = user::prepare_login("alice", "new", &salt).unwrap();
        let answer = server.done_login(&body);
        assert_eq!(user::done_login(&old, &answer).unwrap_err().name(), "decrypt");
        let LoginStep::Direct(login) = user::done_login(&new, &answer).unwrap() else {
            panic!("direct login expected");
        };
        assert_eq!(login.device().secret().to_bytes().as_slice(), user.device().secret().to_bytes().as_slice());
        assert_eq!(login.device().sign_key().to_bytes().as_slice(), user.device().sign_key().to_bytes().as_slice());
    }
}

#[test]
fn a_light_user_logs_in_without_user_keys() {
    let mut server = FakeServer::new();
    let body = user::prepare_register_light(&mut rng::os(), Suite::CLASSIC, "alice", "password").unwrap();
    let id = user::done_register(&server.register_light(&body)).unwrap();
    let salt = server.prepare_login(&user::prepare_login_start("alice"));
    let (body, start) = user::prepare_login("alice", "password", &salt).unwrap();
    let LoginStep::Direct(login) = user::done_login(&start, &server.done_login(&body)).unwrap() else {
        panic!("direct login expected");
    };
    let answer = ok(serde_json::json!({ "jwt": "a.b.c", "refresh_token": "r" }));
    let alice = user::done_verify_login_light(*login, &answer).unwrap();
    assert_eq!((alice.user_id(), alice.jwt(), alice.refresh_token()), (id.as_str(), "a.b.c", "r"));
    assert_eq!(format!("{alice:?}"), format!(r#"LightUserData {{ user_id: "{id}", .. }}"#));
    let code = server.prepare_register_device(
        &user::prepare_register_device_start(&mut rng::os(), Suite::CLASSIC, "laptop", "password").unwrap(),
    );
    let body = user::prepare_register_device_light(&code).unwrap();
    assert_eq!(body, r#"{"user_group":{"rank":null},"token":"t"}"#);
}
