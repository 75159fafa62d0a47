//! Two users share a group through a running server.
//!
//! `KEYSTEAD_URL=http://127.0.0.1:8090 KEYSTEAD_TOKEN=<token> cargo run -p keystead --example register_login_group`
//!
//! The token must be allowed to register: the secret one, or one of an app with the preset `lax`.

use keystead::keys::StdUser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    keystead::init(&std::env::var("KEYSTEAD_URL")?, &std::env::var("KEYSTEAD_TOKEN")?)?;

    // Names of a throw-away account each.
    let (alice_name, alice_password) = StdUser::generate_register_data();
    let (bob_name, bob_password) = StdUser::generate_register_data();
    StdUser::register(&alice_name, &alice_password).await?;
    let bob_id = StdUser::register(&bob_name, &bob_password).await?;

    let alice = StdUser::login(&alice_name, &alice_password).await?;
    let group_id = alice.create_group().await?;
    let group = alice.get_group(&group_id).await?;
    group.invite_auto(&bob_id, None).await?;
    let letter = group.encrypt_string_signed("hello bob")?;

    let bob = StdUser::login(&bob_name, &bob_password).await?;
    let text = bob.get_group(&group_id).await?.decrypt_string_verified(&letter, alice.user_id()).await?;
    assert_eq!(text, "hello bob");
    Ok(())
}
