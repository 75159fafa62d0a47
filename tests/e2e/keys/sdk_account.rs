//! What a user does with his account, with the SDK as an application does it.

use e2e::devices::code_at;
use e2e::{Setup, TestServer, both};
use keystead::keys::StdUser;
use keystead::{Error, LightLogin, Login, SecondFactor};
use keystead_sdk_core::Suite;
use keystead_server::config::Config;

both! {
    a_second_device_reads_what_the_first_wrote,
    a_changed_password_opens_the_same_keys,
    a_reset_password_opens_the_same_keys,
    a_second_factor_from_registration_to_recovery,
    a_light_user_with_two_devices_and_a_second_factor,
    sessions_are_seen_and_ended,
    an_account_is_deleted_with_its_password,
}
both! { a_second_factor_is_confirmed; with Setup::default().with(with_confirmation) }

const PASSWORD: &str = "a password";

fn with_confirmation(config: &mut Config) {
    config.keys.otp_confirmation = true;
}

fn code(e: &Error) -> Option<u32> {
    e.server_code()
}

/// The secret in an `otpauth` address.
fn secret_of(url: &str) -> String {
    let query = url.split_once("?secret=").expect("a secret").1;
    query.split('&').next().expect("the secret").to_owned()
}

fn now_s(server: &TestServer) -> i64 {
    server.now_ms() / 1000
}

async fn a_second_device_reads_what_the_first_wrote(server: TestServer) {
    let phone = server.new_user(Suite::HYBRID, "phone", PASSWORD).await;
    let group = phone.get_group(&phone.create_group().await.expect("created")).await.expect("a group");
    let secret = group.encrypt_string("for all my devices").expect("encrypts");

    // The text travels as a QR code, say.
    let client = server.sdk(&server.lax.public);
    let text = client.register_device_start("laptop", "another password").await.expect("prepared");
    let new = keystead::user::done_register_device_start(&text).expect("an answer");
    assert_eq!(new.device_identifier, "laptop");
    phone.register_device(&text).await.expect("let in");
    assert_eq!(code(&phone.register_device(&text).await.expect_err("once")), Some(100));

    let laptop = client.login("laptop", "another password").await.expect("logs in");
    assert_eq!((laptop.user_id(), laptop.device_id()), (phone.user_id(), new.device_id.as_str()));
    let theirs = laptop.get_group(group.group_id()).await.expect("the group");
    assert_eq!(theirs.decrypt_string(&secret).expect("decrypts"), "for all my devices");
    let devices = phone.get_devices(None).await.expect("a list");
    assert_eq!(
        devices.iter().map(|d| d.device_id.as_str()).collect::<Vec<_>>(),
        [phone.device_id(), laptop.device_id()]
    );
    assert!(phone.get_devices(devices.last()).await.expect("a page").is_empty());

    // A password is a device's own: the other one's is no good here.
    let wrong = laptop.delete_device(PASSWORD, None, phone.device_id()).await.expect_err("refused");
    assert_eq!(code(&wrong), Some(112));
    // Long after the login: the fresh one is made in the background, and leaves no session behind.
    server.advance(600);
    phone.refresh_jwt().await.expect("refreshed");
    phone.delete_device(PASSWORD, None, laptop.device_id()).await.expect("deleted");
    assert_eq!(code(&phone.delete_device(PASSWORD, None, phone.device_id()).await.expect_err("last")), Some(115));
    assert_eq!(code(&laptop.refresh_jwt().await.expect_err("gone")), Some(100));
    assert_eq!(phone.get_sessions(None).await.expect("a list").len(), 1);
}

async fn reads(user: &StdUser, group_id: &str, secret: &str) -> String {
    user.get_group(group_id).await.expect("a group").decrypt_string(secret).expect("decrypts")
}

async fn a_changed_password_opens_the_same_keys(server: TestServer) {
    let alice = server.new_user(Suite::HYBRID, "alice", PASSWORD).await;
    let client = server.sdk(&server.lax.public);
    let other = client.login("alice", PASSWORD).await.expect("logs in");
    let group = alice.get_group(&alice.create_group().await.expect("created")).await.expect("a group");
    let secret = group.encrypt_string("mine").expect("encrypts");
    assert_eq!(code(&alice.change_password("wrong", "new", None).await.expect_err("refused")), Some(112));
    alice.change_password(PASSWORD, "new", None).await.expect("changed");

    // This session goes on, the other one does not.
    alice.get_groups(None).await.expect("still logged in");
    alice.refresh_jwt().await.expect("refreshes");
    assert_eq!(code(&other.refresh_jwt().await.expect_err("ended")), Some(114));
    assert_eq!(code(&client.login("alice", PASSWORD).await.expect_err("old")), Some(112));
    let again = client.login("alice", "new").await.expect("logs in");
    assert_eq!(reads(&again, group.group_id(), &secret).await, "mine");
    again.change_password("new", "newer", None).await.expect("changed again");
    client.login("alice", "newer").await.expect("logs in");
}

async fn a_reset_password_opens_the_same_keys(server: TestServer) {
    let alice = server.new_user(Suite::CLASSIC, "alice", PASSWORD).await;
    let client = server.sdk(&server.lax.public);
    let group = alice.get_group(&alice.create_group().await.expect("created")).await.expect("a group");
    let secret = group.encrypt_string("mine").expect("encrypts");
    alice.reset_password("forgot the old one").await.expect("reset");
    alice.refresh_jwt().await.expect("this session goes on");
    // better-than 7: not with a refreshed JWT.
    assert_eq!(code(&alice.reset_password("again").await.expect_err("not fresh")), Some(113));
    let again = client.login("alice", "forgot the old one").await.expect("logs in");
    assert_eq!(reads(&again, group.group_id(), &secret).await, "mine");
    assert_eq!(code(&client.login("alice", PASSWORD).await.expect_err("old")), Some(112));
}

async fn a_second_factor_from_registration_to_recovery(server: TestServer) {
    let alice = server.new_user(Suite::CLASSIC, "alice", PASSWORD).await;
    let client = server.sdk(&server.lax.public);
    let otp = alice.register_otp(PASSWORD, "My app", "alice@example.org").await.expect("switched on");
    assert!(otp.url.starts_with("otpauth://totp/My%20app:alice%40example.org?secret="), "{}", otp.url);
    let secret = secret_of(&otp.url);
    let again = alice.register_raw_otp(PASSWORD).await.err();
    assert!(matches!(again, Some(Error::SecondFactor)), "it is asked for now: {again:?}");

    let refused = client.login("alice", PASSWORD).await.expect_err("a second factor");
    assert!(matches!(refused, Error::SecondFactor), "{refused:?}");
    let Login::SecondFactor(pending) = client.begin_login("alice", PASSWORD).await.expect("begun") else {
        panic!("a second factor is asked for")
    };
    assert_eq!(code(&pending.mfa_login("000 000").await.expect_err("wrong")), Some(902));
    let totp = code_at(&secret, now_s(&server));
    let user = pending.mfa_login(&totp).await.expect("logs in");
    assert_eq!(user.user_id(), alice.user_id());
    assert_eq!(code(&pending.mfa_login(&totp).await.expect_err("used")), Some(902));
    assert_eq!(code(&pending.mfa_recovery_login("wrong").await.expect_err("wrong")), Some(901));
    pending.mfa_recovery_login(&otp.recover[0]).await.expect("logs in");

    // Calls in the background take it too.
    let key = |i: usize| SecondFactor::RecoveryKey(&otp.recover[i]);
    let left = alice.get_otp_recover_keys(PASSWORD, key(1)).await.expect("a list");
    assert_eq!(left, otp.recover[2..]);
    let missing = alice.change_password(PASSWORD, "new", None).await.expect_err("no factor given");
    assert!(matches!(missing, Error::SecondFactor));
    alice.change_password(PASSWORD, "new", Some(key(2))).await.expect("changed");
    let new = alice.reset_otp("new", key(3), "My app", "alice").await.expect("replaced");
    assert_ne!(secret_of(&new.url), secret);
    let totp = code_at(&secret_of(&new.url), now_s(&server));
    alice.disable_otp("new", SecondFactor::Code(&totp)).await.expect("switched off");
    client.login("alice", "new").await.expect("logs in");
    assert_eq!(format!("{:?}", SecondFactor::Code(&totp)), "Code(..)");
}

async fn a_second_factor_is_confirmed(server: TestServer) {
    let alice = server.user("alice").await;
    let client = server.sdk(&server.lax.public);
    let otp = alice.register_raw_otp(&alice.password).await.expect("made");
    client.login("alice", &alice.password).await.expect("does not count yet");
    let wrong = alice.confirm_otp(&alice.password, None, "000000").await;
    assert!(matches!(wrong.as_ref().map_err(code), Err(Some(902)) | Ok(())), "{wrong:?}");
    let totp = code_at(&otp.secret, now_s(&server));
    alice.confirm_otp(&alice.password, None, &totp).await.expect("confirmed");
    assert!(matches!(client.login("alice", &alice.password).await, Err(Error::SecondFactor)));
}

async fn a_light_user_with_two_devices_and_a_second_factor(server: TestServer) {
    let client = server.sdk(&server.lax.public);
    let id = client.register_light("phone", PASSWORD).await.expect("registers");
    let phone = client.login_light("phone", PASSWORD).await.expect("logs in");
    assert_eq!(phone.user_id(), id);
    phone.refresh_jwt().await.expect("refreshes");
    let text = client.register_device_start("laptop", "another").await.expect("prepared");
    phone.register_device(&text).await.expect("let in");
    let laptop = client.login_light("laptop", "another").await.expect("logs in");
    assert_eq!(laptop.user_id(), id);
    assert_eq!(phone.get_devices(None).await.expect("a list").len(), 2);

    let group = phone.create_light_group().await.expect("created");
    assert_eq!(laptop.get_light_group(&group).await.expect("access").rank, 0);
    assert_eq!(laptop.get_groups(None).await.expect("a list").len(), 1);

    let otp = phone.register_raw_otp(PASSWORD).await.expect("switched on");
    let LightLogin::SecondFactor(pending) = client.begin_login_light("laptop", "another").await.expect("begun") else {
        panic!("a second factor is asked for")
    };
    pending.mfa_recovery_login(&otp.recover[0]).await.expect("logs in");
    let totp = code_at(&otp.secret, now_s(&server));
    phone.change_password(PASSWORD, "new", Some(SecondFactor::Code(&totp))).await.expect("changed");
    assert_eq!(code(&laptop.get_devices(None).await.expect_err("ended")), Some(30));
    let key = SecondFactor::RecoveryKey(&otp.recover[1]);
    phone.delete_device("new", Some(key), laptop.device_id()).await.expect("deleted");
    let fresh = client.begin_login_light("phone", "new").await.expect("begun");
    let LightLogin::SecondFactor(pending) = fresh else { panic!("a second factor is asked for") };
    let user = pending.mfa_recovery_login(&otp.recover[2]).await.expect("logs in");
    user.reset_password("newest").await.expect("reset");
    user.delete_user("newest", Some(SecondFactor::RecoveryKey(&otp.recover[3]))).await.expect("deleted");
    assert!(server.database().find(&id).is_empty());
}

async fn sessions_are_seen_and_ended(server: TestServer) {
    let alice = server.user("alice").await;
    let client = server.sdk(&server.lax.public);
    let other = client.login("alice", &alice.password).await.expect("logs in");
    let third = client.login("alice", &alice.password).await.expect("logs in");
    let seen = alice.get_sessions(None).await.expect("a list");
    assert_eq!(seen.iter().map(|s| s.current).collect::<Vec<_>>(), [true, false, false]);
    alice.end_session(&seen[1].session_id).await.expect("ended");
    assert_eq!(code(&other.get_groups(None).await.expect_err("ended")), Some(30));
    third.get_groups(None).await.expect("still there");
    alice.end_other_sessions().await.expect("ended");
    assert_eq!(code(&third.refresh_jwt().await.expect_err("ended")), Some(114));
    alice.logout().await.expect("logged out");
    assert_eq!(code(&alice.get_groups(None).await.expect_err("ended")), Some(30));
}

async fn an_account_is_deleted_with_its_password(server: TestServer) {
    let alice = server.user("alice").await;
    server.advance(600);
    alice.refresh_jwt().await.expect("refreshed");
    assert_eq!(code(&alice.delete_user("wrong", None).await.expect_err("refused")), Some(112));
    alice.delete_user(&alice.password, None).await.expect("deleted");
    assert!(server.database().find(&alice.id).is_empty());
}
