//! The Rust client against a server that lies over HTTP: each lie is refused with its own error, where an application
//! meets it. The flows behind it have their tests in `sdk-core/tests/flows/lies.rs`; numbers are those of
//! `better-than.md`, part 1.
#![cfg(feature = "network")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop where it fails")]

#[path = "../../../../sdk-core/tests/flows/fake_server.rs"]
#[expect(dead_code, reason = "the flows have tests of their own")]
mod fake_server;
mod proxy;
use keystead_sdk_core::seeded;

use keystead::core::crypto::{asym, sign};
use keystead::core::rng;
use keystead::keys::{StdGroup, StdUser};
use keystead::policy::{Changed, Policy, Unsigned};
use keystead::{Client, Error, SdkError, Suite};
use serde_json::{Value, json};

use proxy::{Proxy, result, with};

async fn user(client: &Client, name: &str) -> StdUser {
    client.register(name, "password").await.unwrap();
    client.login(name, "password").await.unwrap()
}

async fn group(user: &StdUser) -> StdGroup {
    user.get_group(&user.create_group().await.unwrap()).await.unwrap()
}

/// The flow's error inside the client's.
fn lie<T>(got: Result<T, Error>) -> SdkError {
    match got {
        Err(Error::Sdk(e)) => e,
        Err(other) => unreachable!("{other}"),
        Ok(_) => unreachable!("the lie was believed"),
    }
}

fn foreign_public_key() -> Value {
    json!(asym::generate(asym::DEFAULT, &mut rng::os()).unwrap().1.to_wire())
}

fn foreign_verify_key() -> Value {
    json!(sign::generate(sign::DEFAULT, &mut rng::os()).unwrap().1.to_wire())
}

#[tokio::test]
async fn better_than_21_swapped_public_key_at_invite() {
    let proxy = Proxy::start().await;
    let client = proxy.client();
    let (alice, bob) = (user(&client, "alice").await, user(&proxy.client(), "bob").await);
    let hers = group(&alice).await;
    // The first sight of Bob: the signature does not fit.
    proxy.lie_at("/public_key", "/public_key", foreign_public_key());
    assert_eq!(lie(hers.invite_auto(bob.user_id(), None).await), SdkError::PublicKeySignature);
    proxy.honest();
    hers.invite_auto(bob.user_id(), None).await.unwrap();
    // Later without a signature at all, also after a restart.
    let stored = client.export_pins();
    let again = proxy.client();
    again.import_pins(&stored).unwrap();
    let alice = again.login("alice", "password").await.unwrap();
    let hers = alice.get_group(hers.group_id()).await.unwrap();
    let foreign = foreign_public_key();
    proxy.lie(move |path, answer| {
        let lie = |a| with(&with(a, "/public_key_sig", Value::Null), "/public_key", foreign.clone());
        path.ends_with("/public_key").then(|| lie(answer))
    });
    assert_eq!(lie(hers.invite_auto(bob.user_id(), None).await), SdkError::UnsignedPublicKey);
    assert_eq!(lie(alice.encrypt_string_for(bob.user_id(), "hi", true).await), SdkError::UnsignedPublicKey);
}

#[tokio::test]
async fn better_than_21_changed_verify_key() {
    let proxy = Proxy::start().await;
    let client = proxy.client();
    let (alice, bob) = (user(&client, "alice").await, user(&proxy.client(), "bob").await);
    client.public_key(bob.user_id()).await.unwrap();
    // A complete second account of the server's own in Bob's name, under new ids.
    let mallory = user(&proxy.client(), "mallory").await;
    let bob_id = bob.user_id().to_owned();
    let (public, verify) = {
        let data = mallory.data();
        let key = &data.keys()[0];
        let sig = key.sign_key().sign(&mut rng::os(), &key.group_key().public().to_bytes()).unwrap();
        let public = json!({
            "public_key_id": "k9", "public_key": key.group_key().public().to_wire(),
            "public_key_alg": key.group_key().public().alg(),
            "public_key_sig": sig.to_wire(), "public_key_sig_key_id": "k9",
        });
        let verify = json!({"verify_key_id": "k9", "verify_key": key.verify_key().to_wire(),
            "verify_key_alg": key.verify_key().alg()});
        (public, verify)
    };
    proxy.lie(move |path, answer| {
        let about_bob = path.contains(&bob_id);
        if about_bob && path.ends_with("/public_key") {
            Some(with(answer, "", public.clone()))
        } else {
            (about_bob && path.contains("/verify_key/")).then(|| with(answer, "", verify.clone()))
        }
    });
    assert_eq!(lie(client.public_key(bob.user_id()).await), SdkError::ChangedKey);
    // Safety numbers tell: what is shown is not what Bob has.
    let shown = client.shown_verify_key(bob.user_id()).await.unwrap();
    let own = bob.safety_number_with(alice.user_id(), &alice.data().keys()[0].exported_verify_key()).unwrap();
    assert_ne!(alice.safety_number_with(bob.user_id(), &shown).unwrap(), own);
    // An application that accepts it all the same, or one that only wants to be told.
    let easy = client.with_policy(Policy { changed_keys: Changed::Report, ..Policy::default() });
    let stored = client.export_pins();
    easy.public_key(bob.user_id()).await.unwrap();
    assert!(easy.verify_key_changed(bob.user_id()));
    client.import_pins(&stored).unwrap();
    client.accept_verify_key(bob.user_id(), &shown).unwrap();
    client.public_key(bob.user_id()).await.unwrap();
    proxy.honest();
    assert_eq!(lie(client.public_key(bob.user_id()).await), SdkError::OldKey);
    client.forget_user(bob.user_id());
    client.public_key(bob.user_id()).await.unwrap();
    // Another key under the known id.
    let strangers = proxy.client();
    strangers.verify_key(bob.user_id(), bob.data().keys()[0].id()).await.unwrap();
    let changed = json!({"verify_key_id": "k8"});
    proxy.lie(move |path, answer| {
        path.contains("/verify_key/").then(|| with(answer, "/verify_key_id", changed["verify_key_id"].clone()))
    });
    assert_eq!(lie(proxy.client().verify_key(bob.user_id(), "k7").await), SdkError::WrongId);
}

#[tokio::test]
async fn better_than_22_injected_group_key() {
    let proxy = Proxy::start().await;
    let alice = user(&proxy.client(), "alice").await;
    let hers = group(&alice).await;
    // A whole group of the server's account, its key encrypted for Alice: the server has all it needs for that.
    let mallory = user(&proxy.client(), "mallory").await;
    let of_mallory = group(&mallory).await;
    of_mallory.invite_auto(alice.user_id(), None).await.unwrap();
    let injected = {
        let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
        let keep = std::sync::Arc::clone(&seen);
        let id = of_mallory.group_id().to_owned();
        proxy.lie(move |path, answer| {
            if path.ends_with(&id) {
                *keep.lock().unwrap() = Some(result(answer)["keys"][0].clone());
            }
            None
        });
        alice.get_group(of_mallory.group_id()).await.unwrap();
        let mut key = seen.lock().unwrap().take().unwrap();
        key["time"] = json!(99);
        key
    };
    let inject = |key: Value| {
        let id = hers.group_id().to_owned();
        proxy.lie(move |path, answer| {
            path.ends_with(&id).then(|| {
                let mut keys = result(answer)["keys"].as_array().unwrap().clone();
                keys.insert(0, key.clone());
                with(answer, "/keys", json!(keys))
            })
        });
    };
    // Signed by the server's account: a key of another group. Without signature. With Alice as signer.
    inject(injected.clone());
    assert_eq!(lie(alice.get_group(hers.group_id()).await), SdkError::SwappedWrap);
    let mut bare = injected.clone();
    bare["group_key_sig"] = Value::Null;
    inject(bare.clone());
    assert_eq!(lie(alice.get_group(hers.group_id()).await), SdkError::UnsignedGroupKey);
    let mut borrowed = injected.clone();
    borrowed["signed_by_user_id"] = json!(alice.user_id());
    borrowed["signed_by_user_sign_key_id"] = json!(alice.data().keys()[0].id());
    inject(borrowed);
    assert_eq!(lie(alice.get_group(hers.group_id()).await), SdkError::GroupKeySignature);
    // As an answer to the question for one key.
    let key_id = bare["group_key_id"].as_str().unwrap().to_owned();
    proxy.lie(move |path, _| path.contains("/key/").then(|| json!({"status": true, "result": bare}).to_string()));
    assert_eq!(lie(hers.fetch_key("another").await), SdkError::WrongId);
    assert_eq!(lie(hers.fetch_key(&key_id).await), SdkError::UnsignedGroupKey);
    assert_eq!(hers.keys().len(), 1);
    proxy.honest();

    // A group of a client that does not sign opens with a warning, or not at all.
    let unsigned = keystead::group::CreateGroup { sign: false, ..Default::default() };
    let id = alice.create_group_with(unsigned).await.unwrap();
    assert_eq!(alice.get_group(&id).await.unwrap().warnings().len(), 1);
    let strict = proxy.client().with_policy(Policy { group_keys: Unsigned::Require, ..Policy::default() });
    let alice = strict.login("alice", "password").await.unwrap();
    assert_eq!(lie(alice.get_group(&id).await), SdkError::UnsignedGroupKey);
}

#[tokio::test]
async fn better_than_23_foreign_user_keys_at_login() {
    let proxy = Proxy::start().await;
    let client = proxy.client();
    let alice = user(&client, "alice").await;
    assert_eq!(client.login("alice", "password").await.unwrap().user_id(), alice.user_id());
    proxy.lie_at("/verify_login", "/user_keys/0/public_group_key", foreign_public_key());
    assert_eq!(lie(client.login("alice", "password").await), SdkError::ForeignKey);
    let foreign = foreign_verify_key();
    proxy.lie(move |path, answer| {
        let lie =
            |a| with(&with(a, "/user_keys/0/public_key_sig", Value::Null), "/user_keys/0/verify_key", foreign.clone());
        path.ends_with("/verify_login").then(|| lie(answer))
    });
    assert_eq!(lie(client.login("alice", "password").await), SdkError::ForeignKey);
    proxy.lie_at("/done_login", "/Direct/device_keys/public_key_string", foreign_public_key());
    assert_eq!(lie(client.login("alice", "password").await), SdkError::ForeignKey);
    // The true keys under another id: the device that knows them misses its own.
    proxy.lie(|path, answer| {
        path.ends_with("/verify_login").then(|| {
            let mut answer = with(answer, "/user_keys/0/group_key_id", json!("k9"));
            answer = with(&answer, "/hmac_keys", json!([]));
            answer
        })
    });
    assert_eq!(lie(client.login("alice", "password").await), SdkError::MissingKeys);
    proxy.lie_at("/verify_login", "/user_keys", json!([]));
    assert_eq!(lie(client.login("alice", "password").await), SdkError::NoKeys);
}

#[tokio::test]
async fn better_than_25_swapped_wraps() {
    let proxy = Proxy::start().await;
    let client = proxy.client();
    client.register_suite(Suite::CLASSIC, "alice", "password").await.unwrap();
    proxy.lie(|path, answer| {
        path.ends_with("/done_login").then(|| {
            let keys = result(answer)["Direct"]["device_keys"].clone();
            let (secret, sign) = (&keys["encrypted_private_key"], &keys["encrypted_sign_key"]);
            let answer = with(answer, "/Direct/device_keys/encrypted_private_key", sign.clone());
            with(&answer, "/Direct/device_keys/encrypted_sign_key", secret.clone())
        })
    });
    assert_eq!(lie(client.login("alice", "password").await), SdkError::SwappedWrap);
}

#[tokio::test]
async fn better_than_27_weaker_and_unknown_algorithms() {
    let proxy = Proxy::start().await;
    let client = proxy.client();
    client.register_suite(Suite::CLASSIC, "alice", "password").await.unwrap();
    assert_eq!(lie(client.strict().login("alice", "password").await), SdkError::WeakAlgorithm);
    client.login("alice", "password").await.unwrap();
    proxy.lie_at("/prepare_login", "/derived_encryption_key_alg", json!("MD5"));
    assert_eq!(lie(client.login("alice", "password").await), SdkError::Algorithm);
    proxy.lie_at("/prepare_login", "/salt_string", json!("AAAA"));
    assert_eq!(lie(client.login("alice", "password").await), SdkError::Salt);
}

#[tokio::test]
async fn better_than_8_replayed_challenge() {
    let proxy = Proxy::start().await;
    let client = proxy.client();
    user(&client, "alice").await;
    let mut first = None;
    proxy.lie(move |path, answer| {
        path.ends_with("/done_login").then(|| first.get_or_insert_with(|| answer.to_owned()).clone())
    });
    client.login("alice", "password").await.unwrap();
    assert_eq!(lie(client.login("alice", "password").await), SdkError::ReplayedChallenge);
    proxy.lie_at("/done_login", "/Direct/challenge", json!("AAAA"));
    assert_eq!(lie(client.login("alice", "password").await), SdkError::Challenge);
}

#[tokio::test]
async fn better_than_11_truncated_key_list() {
    let proxy = Proxy::start().await;
    let alice = user(&proxy.client(), "alice").await;
    let hers = group(&alice).await;
    let text = hers.encrypt_string("new").unwrap();
    proxy.lie_at(leak(hers.group_id()), "/keys", json!([]));
    assert_eq!(lie(alice.get_group(hers.group_id()).await), SdkError::NoKeys);
    // Under another id, as if the true one had never been.
    proxy.lie(|path, answer| {
        path.starts_with("/group/").then(|| {
            let answer = with(&with(answer, "/hmac_keys", json!([])), "/sortable_keys", json!([]));
            with(&answer, "/keys/0/group_key_id", json!("k9"))
        })
    });
    assert_eq!(lie(alice.get_group(hers.group_id()).await), SdkError::MissingKeys);
    // A client that does not know the group yet opens it, and says which content it cannot read.
    let new = proxy.client().login("alice", "password").await.unwrap();
    let cut = new.get_group(hers.group_id()).await.unwrap();
    assert_eq!(lie(cut.decrypt_string(&text)), SdkError::KeyNotFound);
    // The same page for ever.
    proxy.lie(|path, answer| {
        path.starts_with("/group/").then(|| {
            let one = result(answer).pointer("/keys/0").cloned().unwrap_or_else(|| result(answer)[0].clone());
            let key = |i: usize| {
                let mut key = one.clone();
                key["group_key_id"] = json!(format!("k{i}"));
                key
            };
            let page = json!((0..50).map(key).collect::<Vec<_>>());
            if path.contains("/keys/") {
                return with(answer, "", page);
            }
            let answer = with(&with(answer, "/hmac_keys", json!([])), "/sortable_keys", json!([]));
            with(&answer, "/keys", page)
        })
    });
    let new = proxy.client().login("alice", "password").await.unwrap();
    assert_eq!(lie(new.get_group(hers.group_id()).await), SdkError::Paging);
}

#[tokio::test]
async fn answers_about_something_else() {
    let proxy = Proxy::start().await;
    let alice = user(&proxy.client(), "alice").await;
    let hers = group(&alice).await;
    proxy.lie_at(leak(hers.group_id()), "/group_id", json!("another"));
    assert_eq!(lie(alice.get_group(hers.group_id()).await), SdkError::WrongId);
    proxy.lie_at("/refresh", "/user_id", json!("somebody"));
    assert_eq!(lie(alice.refresh_jwt().await), SdkError::WrongId);
}

#[tokio::test]
async fn better_than_3_member_lists() {
    let proxy = Proxy::start().await;
    let alice = user(&proxy.client(), "alice").await;
    let hers = group(&alice).await;
    // The fake server calls everybody the creator.
    let item = |id: &str, rank: i32| json!({"user_id": id, "rank": rank, "joined_time": 1, "user_type": 0});
    proxy.members(json!([item("bob", 4), item("carol", 1)]));
    assert_eq!(hers.get_members(None).await.unwrap().len(), 2);
    for list in [json!([item("bob", -5)]), json!([item("bob", 0)]), json!([item("bob", 4), item("bob", 4)])] {
        proxy.members(list);
        assert_eq!(lie(hers.get_members(None).await), SdkError::MemberList);
    }
}

#[tokio::test]
async fn better_than_20_accounts_of_2022_have_a_call_of_their_own() {
    let proxy = Proxy::start().await;
    let client = proxy.client();
    client.register_suite(Suite::G03, "old", "password").await.unwrap();
    // The server refuses; nothing weaker is tried by itself.
    assert_eq!(client.login("old", "password").await.unwrap_err().server_code(), Some(112));
    let old = client.login_g03("old", "password").await.unwrap();
    let his = group(&old).await;
    assert_eq!(his.decrypt_string(&his.encrypt_string("text").unwrap()).unwrap(), "text");
    assert_eq!(lie(old.search("text")), SdkError::KeyNotFound, "his registration has no search key");
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}
