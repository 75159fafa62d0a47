//! What a careful application does about a server that might lie: keep the pins, compare safety numbers, decide.
//!
//! `KEYSTEAD_URL=http://127.0.0.1:8090 KEYSTEAD_TOKEN=<token> cargo run -p keystead --example trust`

use keystead::keys::StdUser;
use keystead::policy::{Policy, Unsigned};
use keystead::{Client, Error, SdkError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::new(&std::env::var("KEYSTEAD_URL")?, &std::env::var("KEYSTEAD_TOKEN")?)?;
    // No unsigned group key, whoever made it.
    let client = client.with_policy(Policy { group_keys: Unsigned::Require, ..Policy::default() });
    let ((alice_name, password), (bob_name, bob_password)) =
        (StdUser::generate_register_data(), StdUser::generate_register_data());
    client.register(&alice_name, &password).await?;
    let bob_id = client.register(&bob_name, &bob_password).await?;
    let alice = client.login(&alice_name, &password).await?;

    // What was seen outlives the process: the next start begins with it.
    let stored = client.export_pins();
    client.import_pins(&stored)?;

    // Encrypting for Bob: his key is checked, and from now on it is known.
    let letter = match alice.encrypt_string_for(&bob_id, "hello bob", true).await {
        // The server shows another key, and Bob's old one does not vouch for it. Ask him.
        Err(Error::Sdk(SdkError::ChangedKey)) => {
            let shown = client.shown_verify_key(&bob_id).await?;
            let number = alice.safety_number_with(&bob_id, &shown)?;
            assert!(bob_says_the_same(&number), "somebody stands between");
            client.accept_verify_key(&bob_id, &shown)?;
            alice.encrypt_string_for(&bob_id, "hello bob", true).await?
        }
        other => other?,
    };

    // Both see the same number when nobody stands between.
    let bob = client.login(&bob_name, &bob_password).await?;
    let seen_by_alice = alice.create_safety_number(Some((&bob_id, &bob.verify_key_id()?))).await?;
    let seen_by_bob = bob.create_safety_number(Some((alice.user_id(), &alice.verify_key_id()?))).await?;
    assert_eq!(seen_by_alice, seen_by_bob);
    assert_eq!(bob.decrypt_string_for_me(&letter, Some(alice.user_id())).await?, "hello bob");
    Ok(())
}

/// On the phone, or by a QR code.
fn bob_says_the_same(number: &str) -> bool {
    number.len() == 43
}
