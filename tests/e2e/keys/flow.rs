//! Two people, their own keys, and a third who stays outside: with the SDK, as an application does it.

use e2e::users::Template;
use e2e::{TestServer, both};
use keystead::SdkError;
use keystead::group::AccessBy;
use keystead::keys::StdGroup;
use keystead_sdk_core::content::{self, EncryptOptions};
use keystead_sdk_core::group::{self, CreateGroup};
use keystead_sdk_core::record::Place;
use keystead_sdk_core::user::{self, LoginStep, VerifyKeys};
use keystead_sdk_core::{Suite, rng};

both! {
    two_users_share_a_group_and_a_third_does_not,
    an_invited_user_reads_after_he_accepted,
    users_write_to_each_other,
    a_client_of_2022_and_one_of_today_share_a_group,
    a_second_login_reads_what_the_first_wrote,
}

async fn two_users_share_a_group_and_a_third_does_not(server: TestServer) {
    let alice = server.new_user(Suite::HYBRID, "alice", "alice's password").await;
    let bob = server.new_user(Suite::HYBRID, "bob", "bob's password").await;
    let carol = server.new_user(Suite::CLASSIC, "carol", "carol's password").await;
    assert_eq!(alice.user_id(), alice.id);

    let group_id = alice.create_group().await.expect("created");
    let hers = alice.get_group(&group_id).await.expect("her group");
    assert_eq!((hers.rank(), hers.access_by()), (0, AccessBy::User));
    hers.invite_auto(&bob.id, None).await.expect("added");
    let secret = hers.encrypt_string_signed("for bob only").expect("encrypts");

    let his = bob.get_group(&group_id).await.expect("his group");
    assert_eq!(his.rank(), 4);
    let text = his.decrypt_string_verified(&secret, &alice.id).await.expect("decrypts and verifies");
    assert_eq!(text, "for bob only");
    let answer = his.encrypt_string_with_aad("thanks", "thread 1").expect("encrypts");
    assert_eq!(hers.decrypt_string_with_aad(&answer, "thread 1").expect("decrypts"), "thanks");
    assert!(hers.decrypt_string_with_aad(&answer, "thread 2").is_err());
    let place = Place { namespace: "notes", entity_id: bob.user_id(), attribute: "title" };
    let sealed = hers.seal_value(&place, r#"{"text":"Milk"}"#).expect("seals");
    assert_eq!(his.open_value(&place, &sealed).expect("opens"), r#"{"text":"Milk"}"#);
    assert!(his.open_value(&Place { attribute: "body", ..place }, &sealed).is_err());
    let token = |group: &StdGroup| group.search_value("notes", "title", "Milk").expect("a token");
    assert_eq!(token(&hers), token(&his));
    let stored = hers.create_search_raw("word", false, None).expect("hashes");
    assert!(stored.contains(&his.search("wor").expect("a hash")));
    assert_eq!(
        hers.create_search("word", true, None).expect("one hash"),
        his.create_search("word", true, None).expect("one hash")
    );
    let sortable =
        |n| (hers.encrypt_sortable_number(n).expect("sorts"), his.encrypt_sortable_number(n).expect("sorts"));
    let ((one, same), (two, _)) = (sortable(1), sortable(2));
    assert!(one == same && one.number < two.number);

    let refused = carol.get_group(&group_id).await.expect_err("no member");
    assert_eq!(refused.server_code(), Some(310));
    let own = carol.get_group(&carol.create_group().await.expect("created")).await.expect("her own");
    assert!(own.decrypt_string(&secret).is_err(), "carol's keys do not open it");
}

async fn an_invited_user_reads_after_he_accepted(server: TestServer) {
    let alice = server.user("alice").await;
    let bob = server.new_user(Suite::CLASSIC, "bob", "bob's password").await;
    let group_id = alice.create_group().await.expect("created");
    let hers = alice.get_group(&group_id).await.expect("her group");
    hers.invite(&bob.id, Some(2)).await.expect("invited");

    assert_eq!(bob.get_group(&group_id).await.expect_err("not yet").server_code(), Some(310));
    let invites = bob.get_group_invites(None).await.expect("a list");
    assert_eq!(invites.iter().map(|i| i.group_id.as_str()).collect::<Vec<_>>(), [group_id.as_str()]);
    bob.accept_group_invite(&group_id).await.expect("accepted");
    let his = bob.get_group(&group_id).await.expect("his group");
    assert_eq!(his.rank(), 2);
    let secret = hers.encrypt_string("before").expect("encrypts");
    assert_eq!(his.decrypt_string(&secret).expect("decrypts"), "before");
    assert!(bob.get_group_invites(None).await.expect("a list").is_empty());
}

async fn users_write_to_each_other(server: TestServer) {
    let alice = server.new_user(Suite::HYBRID, "alice", "alice's password").await;
    let bob = server.new_user(Suite::CLASSIC, "bob", "bob's password").await;
    let letter = alice.encrypt_string_for(&bob.id, "dear bob", true).await.expect("encrypts");
    assert_eq!(bob.decrypt_string_for_me(&letter, Some(&alice.id)).await.expect("decrypts"), "dear bob");
    assert!(bob.decrypt_string_for_me(&letter, Some(&bob.id)).await.is_err(), "signed by somebody else");
    assert!(alice.decrypt_string_for_me(&letter, None).await.is_err(), "not for her");
}

/// better-than 20: one server for both generations. The SDK speaks today's, so the older client is put together here.
async fn a_client_of_2022_and_one_of_today_share_a_group(server: TestServer) {
    let new = server.new_user(Suite::HYBRID, "new", "password of today").await;
    server.register(&server.lax, Suite::G03, "old").await;
    let answer = server.done_login(&server.lax, Suite::G03, "old").await.text();
    let step = user::done_login(Template::of(Suite::G03).login_start(), &answer).expect("a login");
    let LoginStep::Done(old) = step else { panic!("{answer}") };

    let options = CreateGroup { suite: Suite::G03, sign: false };
    let body = group::prepare_create_group(&mut rng::os(), &old, options).expect("a group");
    let answer = server.post("/group").jwt(old.jwt()).text(&body).send().await.text();
    let group_id = group::done_create_group(&answer).expect("created");
    let path = format!("/group/{group_id}");
    let answer = server.get(&path).jwt(old.jwt()).send().await.text();
    let his = group::done_get_group(&answer, &*old, &VerifyKeys::new()).expect("his group");

    let public = server.sdk(&server.lax.public).public_key(&new.id).await.expect("a key");
    let pages =
        group::prepare_group_keys_for_new_member(&mut rng::os(), his.keys(), &public, Some(1), 0).expect("wraps");
    server.put(&format!("{path}/invite_auto/{}", new.id)).jwt(old.jwt()).text(&pages.first).ok().await;
    let key = his.newest_key().expect("a key");
    let text = "across the years";
    let secret =
        content::encrypt_string(&mut rng::os(), key.into(), text, &EncryptOptions::default()).expect("encrypts");
    let theirs = new.get_group(&group_id).await.expect("their group");
    assert_eq!((theirs.rank(), theirs.decrypt_string(&secret).expect("decrypts").as_str()), (1, text));
}

async fn a_second_login_reads_what_the_first_wrote(server: TestServer) {
    let first = server.new_user(Suite::HYBRID, "alice", "a password").await;
    let group_id = first.create_group().await.expect("created");
    let secret = first.get_group(&group_id).await.expect("a group").encrypt_string("note").expect("encrypts");

    let client = server.sdk(&server.lax.public);
    let again = client.login("alice", "a password").await.expect("logs in");
    assert_eq!((again.user_id(), again.device_id()), (first.user_id(), first.device_id()));
    let group = again.get_group(&group_id).await.expect("a group");
    assert_eq!(group.decrypt_string(&secret).expect("decrypts"), "note");

    let wrong = client.login("alice", "another password").await.expect_err("refused");
    assert!(matches!(wrong, keystead::Error::Sdk(SdkError::Server { code: 112, .. })), "{wrong:?}");
}
