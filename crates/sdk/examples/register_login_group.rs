//! Two users share a group through a running server.
//!
//! `KEYSTEAD_URL=http://127.0.0.1:8090 KEYSTEAD_TOKEN=<token> cargo run -p keystead --example register_login_group`
//!
//! The token must be allowed to register: the secret one, or one of an app with the preset `lax`.

use keystead::keys::StdUser;

// The end-to-end tests run it too, against a server of their own.
#[cfg_attr(test, expect(dead_code, reason = "the tests call `run`"))]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&std::env::var("KEYSTEAD_URL")?, &std::env::var("KEYSTEAD_TOKEN")?).await
}

pub(crate) async fn run(url: &str, token: &str) -> Result<(), Box<dyn std::error::Error>> {
    // Names of a throw-away account each.
    let (alice_name, alice_password) = StdUser::generate_register_data();
    let (bob_name, bob_password) = StdUser::generate_register_data();

    // doc: first decrypt
    let client = keystead::Client::new(url, token)?;
    client.register(&alice_name, &alice_password).await?;
    let bob_id = client.register(&bob_name, &bob_password).await?;

    let alice = client.login(&alice_name, &alice_password).await?;
    let group_id = alice.create_group().await?;
    let group = alice.get_group(&group_id).await?;
    group.invite_auto(&bob_id, None).await?;
    let letter = group.encrypt_string_signed("hello bob")?;

    let bob = client.login(&bob_name, &bob_password).await?;
    let text = bob.get_group(&group_id).await?.decrypt_string_verified(&letter, alice.user_id()).await?;
    // doc: end
    assert_eq!(text, "hello bob");
    Ok(())
}
