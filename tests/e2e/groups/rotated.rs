//! Key rotation with the real client: three users with two devices each, every algorithm, hierarchies.

use e2e::{TestServer, both};
use keystead::Client;
use keystead::keys::{StdGroup, StdUser};
use keystead_sdk_core::Suite;
use keystead_sdk_core::group::KeySignature;

both! {
    three_users_with_two_devices_each_rotate_groups_and_their_own_keys,
    who_is_behind_takes_everything_at_once,
    through_a_parent_and_as_a_member_group,
}

/// A user on two devices, each with a client of its own: what one has pinned the other has not.
struct User {
    id: String,
    devices: [StdUser; 2],
}

impl User {
    async fn new(server: &TestServer, name: &str, suite: Suite) -> Self {
        let client = || -> Client { server.sdk(&server.lax.public) };
        let id = client().register_suite(suite, name, "a password").await.expect("registers");
        let first = client().login(name, "a password").await.expect("logs in");
        let second = format!("{name} on the phone");
        let text = client().register_device_start(&second, "another password").await.expect("begins");
        first.register_device(&text).await.expect("is let in");
        let second = client().login(&second, "another password").await.expect("logs in");
        Self { id, devices: [first, second] }
    }
}

async fn group(user: &StdUser, id: &str) -> StdGroup {
    user.get_group(id).await.expect("the group")
}

/// Waits for the server's job, then takes what waits.
async fn finish(server: &TestServer, group: &StdGroup) -> usize {
    server.until(async || group.update_check().await.expect("checks")).await;
    let taken = group.finish_key_rotation().await.expect("finishes");
    assert!(!group.key_update());
    taken
}

async fn finish_user(server: &TestServer, user: &StdUser) {
    let taken = std::cell::Cell::new(0);
    let try_it = async || {
        taken.set(taken.get() + user.finish_key_rotation().await.expect("finishes"));
        taken.get() > 0
    };
    server.until(try_it).await;
}

fn newest(group: &StdGroup) -> String {
    group.keys()[0].id().to_owned()
}

async fn three_users_with_two_devices_each_rotate_groups_and_their_own_keys(server: TestServer) {
    let alice = User::new(&server, "alice", Suite::HYBRID).await;
    let bob = User::new(&server, "bob", Suite::CLASSIC).await;
    let kyber = Suite::of("KYBER_768", "DILITHIUM_3").expect("a suite");
    let carol = User::new(&server, "carol", kyber).await;
    let id = alice.devices[0].create_group().await.expect("created");
    let of_alice = group(&alice.devices[0], &id).await;
    for user in [&bob, &carol] {
        of_alice.invite_auto(&user.id, None).await.expect("added");
    }
    let of_bob = group(&bob.devices[0], &id).await;
    let of_carol = group(&carol.devices[0], &id).await;
    let before = of_alice.encrypt_string("before").expect("encrypts");

    let key_id = of_alice.key_rotation().await.expect("rotates");
    assert_eq!(newest(&of_alice), key_id);
    let after = of_alice.encrypt_string("after").expect("encrypts");
    of_bob.decrypt_string(&after).expect_err("Bob has not the new key yet");
    for other in [&of_bob, &of_carol] {
        assert_eq!(finish(&server, other).await, 1);
        assert_eq!(newest(other), key_id);
        assert_eq!(other.decrypt_string(&before).expect("decrypts"), "before");
        assert_eq!(other.decrypt_string(&after).expect("decrypts"), "after");
        let signed = matches!(other.keys()[0].signature(), KeySignature::Valid { user_id, .. } if *user_id == alice.id);
        assert!(signed, "better-than 22: the new key is signed, and checked");
        assert_eq!(other.finish_key_rotation().await.expect("nothing to do"), 0);
    }
    // The other devices have the key by the user's own keys.
    for user in [&alice, &bob, &carol] {
        let on_phone = group(&user.devices[1], &id).await;
        assert_eq!(newest(&on_phone), key_id);
        assert_eq!(on_phone.decrypt_string(&after).expect("decrypts"), "after");
    }

    // Each user gets new keys from his second device; the first one takes them.
    for user in [&bob, &carol, &alice] {
        let old = alice.devices[0].get_user_public_key(&user.id).await.expect("a key").id().to_owned();
        let new = user.devices[1].key_rotation().await.expect("rotates");
        assert_eq!(user.devices[1].data().newest_key().expect("a key").id(), new);
        finish_user(&server, &user.devices[0]).await;
        assert_eq!(user.devices[0].data().newest_key().expect("a key").id(), new);
        // better-than 24: others see that the change is his own.
        let shown = alice.devices[0].get_user_public_key(&user.id).await.expect("the new key is believed");
        assert_eq!((shown.id(), shown.id() == old, shown.verified()), (new.as_str(), false, true));
        assert!(!alice.devices[0].client().verify_key_changed(&user.id));
        let secret = alice.devices[0].encrypt_string_for(&user.id, "for you", true).await.expect("encrypts");
        for device in &user.devices {
            let read = device.decrypt_string_for_me(&secret, Some(&alice.id)).await.expect("decrypts");
            assert_eq!(read, "for you");
        }
    }
    // Groups go on with the new user keys, and what was written before stays readable.
    let of_bob = group(&bob.devices[1], &id).await;
    let key_id = of_bob.key_rotation().await.expect("rotates");
    let newest_text = of_bob.encrypt_string_signed("newest").expect("encrypts");
    for user in [&alice, &carol] {
        let theirs = group(&user.devices[0], &id).await;
        assert_eq!(finish(&server, &theirs).await, 1);
        assert_eq!(newest(&theirs), key_id);
        for (text, plain) in [(&before, "before"), (&after, "after")] {
            assert_eq!(theirs.decrypt_string(text).expect("decrypts"), plain);
        }
        assert_eq!(theirs.decrypt_string_verified(&newest_text, &bob.id).await.expect("decrypts"), "newest");
    }
    // A new member gets all generations from one who has them.
    let dora = server.new_user(Suite::CLASSIC, "dora", "a password").await;
    of_bob.invite_auto(&dora.id, None).await.expect_err("a plain member may not");
    group(&alice.devices[0], &id).await.invite_auto(&dora.id, None).await.expect("added");
    let hers = group(&dora, &id).await;
    assert_eq!(hers.keys().len(), 3);
    assert_eq!(hers.decrypt_string(&before).expect("decrypts"), "before");
}

/// Rotations of the group by two members, and of the user's own keys on his other device, while he was away.
async fn who_is_behind_takes_everything_at_once(server: TestServer) {
    let alice = User::new(&server, "alice", Suite::CLASSIC).await;
    let bob = User::new(&server, "bob", Suite::CLASSIC).await;
    let carol = server.new_user(Suite::HYBRID, "carol", "a password").await;
    let id = alice.devices[0].create_group().await.expect("created");
    let of_alice = group(&alice.devices[0], &id).await;
    of_alice.invite_auto(&bob.id, None).await.expect("added");
    of_alice.invite_auto(&carol.id, None).await.expect("added");
    let (on_laptop, of_carol) = (group(&bob.devices[0], &id).await, group(&carol, &id).await);

    let mut made = vec![of_alice.key_rotation().await.expect("rotates")];
    bob.devices[1].key_rotation().await.expect("rotates");
    made.push(of_alice.key_rotation().await.expect("rotates"));
    // The two may come one after the other.
    server
        .until(async || {
            of_carol.finish_key_rotation().await.expect("finishes");
            made.iter().all(|id| of_carol.data().key(id).is_ok())
        })
        .await;
    made.push(of_carol.key_rotation().await.expect("rotates"));
    let text = of_carol.encrypt_string("for all").expect("encrypts");
    // On the laptop Bob knows neither his new user key nor any of the group's.
    server
        .until(async || {
            on_laptop.finish_key_rotation().await.expect("finishes");
            made.iter().all(|id| on_laptop.data().key(id).is_ok())
        })
        .await;
    made.reverse();
    let ids: Vec<_> = on_laptop.keys().iter().take(3).map(|k| k.id().to_owned()).collect();
    assert_eq!(ids, made);
    assert_eq!(on_laptop.decrypt_string(&text).expect("decrypts"), "for all");
    let on_phone = group(&bob.devices[1], &id).await;
    assert_eq!(on_phone.decrypt_string(&text).expect("decrypts"), "for all");
    assert_eq!(finish(&server, &of_alice).await, 1);
    assert_eq!(of_alice.decrypt_string(&text).expect("decrypts"), "for all");
}

/// better-than 10: groups as members miss no rotation.
async fn through_a_parent_and_as_a_member_group(server: TestServer) {
    let alice = server.new_user(Suite::CLASSIC, "alice", "a password").await;
    let bob = server.new_user(Suite::HYBRID, "bob", "a password").await;
    let carol = server.new_user(Suite::CLASSIC, "carol", "a password").await;
    let parent_id = alice.create_group().await.expect("created");
    let parent = group(&alice, &parent_id).await;
    parent.invite_auto(&bob.id, Some(1)).await.expect("added");
    let child_id = parent.create_child_group().await.expect("created");
    let connected_id = parent.create_connected_group().await.expect("created");

    // Carol is in the child herself, Alice and Bob by the parent.
    let child = parent.get_child_group(&child_id).await.expect("the child");
    child.invite_auto(&carol.id, None).await.expect("added");
    let (bobs, carols) = (group(&bob, &child_id).await, group(&carol, &child_id).await);
    let first = bobs.key_rotation().await.expect("rotates through the parent");
    let text = bobs.encrypt_string("by Bob").expect("encrypts");
    // Who is in by the parent has the key with the starter, Carol takes it.
    child.fetch_key(&first).await.expect("Alice has it");
    assert_eq!(child.decrypt_string(&text).expect("decrypts"), "by Bob");
    assert_eq!(finish(&server, &carols).await, 1);
    assert_eq!(carols.decrypt_string(&text).expect("decrypts"), "by Bob");
    // Carol starts one: the parent takes it once, for all its members; with the parent's own new key.
    let parents_newest = parent.key_rotation().await.expect("rotates");
    let of_bob = group(&bob, &parent_id).await;
    finish(&server, &of_bob).await;
    carols.key_rotation().await.expect("rotates");
    let text = carols.encrypt_string("by Carol").expect("encrypts");
    let bobs = group(&bob, &child_id).await;
    assert_eq!(finish(&server, &bobs).await, 1);
    assert_eq!(bobs.decrypt_string(&text).expect("decrypts"), "by Carol");
    let alices = group(&alice, &child_id).await;
    assert_eq!(alices.decrypt_string(&text).expect("decrypts"), "by Carol");
    assert!(!alices.key_update());
    assert_eq!(parent.data().newest_key().expect("a key").id(), parents_newest);

    // A connected group: Alice is in by the parent group, Carol by a group of her own.
    let connected = parent.get_connected_group(&connected_id).await.expect("the connected group");
    let guest_id = carol.create_group().await.expect("created");
    connected.invite_group_auto(&guest_id, None).await.expect("added");
    let guest = group(&carol, &guest_id).await;
    let carols = guest.get_connected_group(&connected_id).await.expect("through her group");
    let key_id = connected.key_rotation().await.expect("rotates");
    let text = connected.encrypt_string("to the guests").expect("encrypts");
    assert_eq!(finish(&server, &carols).await, 1);
    assert_eq!((newest(&carols), carols.decrypt_string(&text).expect("decrypts").as_str()), (key_id, "to the guests"));
    let back = carols.key_rotation().await.expect("rotates as a guest");
    assert_eq!(finish(&server, &connected).await, 1);
    assert_eq!(newest(&connected), back);
}
