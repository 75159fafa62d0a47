//! Public keys of users, and a user's own key list.

use e2e::users::NOBODY;
use e2e::{TestServer, both, generations};
use keystead_protocol::apps::EndpointOptions;
use keystead_protocol::groups::GroupKey;
use keystead_protocol::keys::{PublicKeyData, UserPublicDataG03, VerifyKeyData, VerifyKeyDataG03};
use keystead_sdk_core::Suite;

both! {
    public_keys_need_no_jwt_and_carry_their_signature,
    a_client_of_2022_asks_without_key_ids,
    public_data_stays_in_its_app,
    own_keys_come_in_pages_newest_first,
    a_key_of_somebody_else_is_not_found,
}

async fn public_keys_need_no_jwt_and_carry_their_signature(server: TestServer) {
    let alice = server.session_in(&server.lax, Suite::HYBRID, "alice").await;
    let path = format!("/user/{}", alice.user_id);
    let newest: PublicKeyData = server.get(&format!("{path}/public_key")).ok_as().await;
    assert_eq!(newest.public_key_id, alice.key_id);
    assert_eq!(newest.public_key_sig_key_id.as_ref(), Some(&alice.key_id));
    let by_id: PublicKeyData = server.get(&format!("{path}/public_key/{}", alice.key_id)).ok_as().await;
    assert_eq!(newest, by_id);
    let verify: VerifyKeyData = server.get(&format!("{path}/verify_key/{}", alice.key_id)).ok_as().await;
    assert_eq!(verify.verify_key_id, alice.key_id);

    use keystead_crypto::{asym::PublicKey, sign::Signature, sign::VerifyKey};
    let public = PublicKey::from_wire(&newest.public_key_alg, &newest.public_key).expect("a key");
    let key = VerifyKey::from_wire(&verify.verify_key_alg, &verify.verify_key).expect("a key");
    let signature = newest.public_key_sig.expect("signed");
    let signature = Signature::from_wire(&verify.verify_key_alg, &signature).expect("a signature");
    key.verify(&public.to_bytes(), &signature).expect("verifies");
}

async fn a_client_of_2022_asks_without_key_ids(server: TestServer) {
    let old = server.session_in(&server.lax, Suite::G03, "old").await;
    let data: UserPublicDataG03 = server.get(&format!("/user/{}", old.user_id)).ok_as().await;
    let verify: VerifyKeyDataG03 = server.get(&format!("/user/{}/verify_key", old.user_id)).ok_as().await;
    let public: PublicKeyData = server.get(&format!("/user/{}/public_key", old.user_id)).ok_as().await;
    assert_eq!((&data.public_key, &data.verify_key), (&public.public_key, &verify.verify_key));
    assert_eq!((data.verify_alg.as_str(), verify.verify_alg.as_str()), ("ED25519", "ED25519"));
    assert_eq!((public.public_key_sig, public.public_key_sig_key_id), (None, None));
}

async fn public_data_stays_in_its_app(server: TestServer) {
    let other = server.create_app("other", EndpointOptions::preset_lax());
    let alice = server.session("alice").await;
    let group = server.group(&alice).await;
    let user = format!("/user/{}", alice.user_id);
    let paths = [
        user.clone(),
        format!("{user}/public_key"),
        format!("{user}/public_key/{}", alice.key_id),
        format!("{user}/verify_key"),
        format!("{user}/verify_key/{}", alice.key_id),
    ];
    for path in &paths {
        server.get(path).ok().await;
        server.get(path).token(&other.public).refused(100).await;
        server.get(&path.replace(&alice.user_id, NOBODY)).refused(100).await;
    }
    for bad in [NOBODY, "x", &"a".repeat(1000), "%00"] {
        server.get(&format!("{user}/public_key/{bad}")).refused(100).await;
        server.get(&format!("{user}/verify_key/{bad}")).refused(100).await;
    }
    let path = format!("/group/{}/public_key", group.id);
    let key: PublicKeyData = server.get(&path).ok_as().await;
    assert_eq!(key.public_key_id, group.key_id);
    server.get(&path).token(&other.public).refused(304).await;
    server.get(&format!("/group/{NOBODY}/public_key")).refused(304).await;
    server.get(&format!("/group/{}/public_key", alice.user_group_id)).refused(304).await;
}

async fn own_keys_come_in_pages_newest_first(server: TestServer) {
    for suite in [Suite::CLASSIC, Suite::G03] {
        let user = server.session_in(&server.lax, suite, if suite.g03 { "old" } else { "new" }).await;
        let mut expected = generations::add(&server, &user.key_id, 1..=60);
        expected.insert(0, user.key_id.clone());
        expected.reverse();
        let mut seen: Vec<GroupKey> = Vec::new();
        loop {
            let (time, id) = seen.last().map_or((0, "none"), |k| (k.time, k.group_key_id.as_str()));
            let path = format!("/user/user_keys/keys/{time}/{id}");
            let page: Vec<GroupKey> = server.get(&path).jwt(&user.jwt).ok_as().await;
            assert!(page.len() <= 50);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen.iter().map(|k| k.group_key_id.clone()).collect::<Vec<_>>(), expected);
        let first: Vec<GroupKey> = server.get("/user/user_keys").jwt(&user.jwt).ok_as().await;
        assert_eq!(first, seen[..50]);
        let login = server.forced_login(&server.lax, &user.identifier).await;
        assert_eq!(login.key_id, expected[0], "a login hands out the newest first");
        let newest: PublicKeyData = server.get(&format!("/user/{}/public_key", user.user_id)).ok_as().await;
        assert_eq!(newest.public_key_id, expected[0]);
    }
}

async fn a_key_of_somebody_else_is_not_found(server: TestServer) {
    let (alice, bob) = (server.session("alice").await, server.session("bob").await);
    for path in ["/user/user_keys/key", "/user/user_key"] {
        let key: GroupKey = server.get(&format!("{path}/{}", alice.key_id)).jwt(&alice.jwt).ok_as().await;
        assert_eq!(key.group_key_id, alice.key_id);
        assert_eq!(key.user_public_key_id, alice.device_id);
        server.get(&format!("{path}/{}", bob.key_id)).jwt(&alice.jwt).refused(304).await;
        server.get(&format!("{path}/{NOBODY}")).jwt(&alice.jwt).refused(304).await;
    }
    for time in ["x", "-1", "1.5", "99999999999999999999", "%20"] {
        server.get(&format!("/user/user_keys/keys/{time}/none")).jwt(&alice.jwt).refused(13).await;
    }
}
