//! `keystead demo`: a throw-away server and two users, told in a few lines.

#![expect(clippy::print_stdout, reason = "the demo is what it prints")]

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use keystead::Client;
use keystead::keys::StdUser;
use keystead_protocol::apps::EndpointOptions;
use keystead_server::app::App;
use keystead_server::config::Config;
use keystead_server::{operator, run};

const ALICE: (&str, &str) = ("alice@demo.example", "correct horse battery staple");
const BOB: (&str, &str) = ("bob@demo.example", "tr0ub4dor and three");
const MESSAGE: &str = "The treasure is under the old oak.";

/// Runs the demo on a port of its own, in a directory that is removed afterwards.
pub(crate) async fn demo() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut config = Config::default();
    config.server.data_dir = dir.path().into();
    config.server.listen = "127.0.0.1:0".into();
    config.server.workers = 1;
    let handle = run(config).await?;
    let told = tell(&handle.app, &format!("http://{}", handle.addr), dir.path()).await;
    handle.stop().await;
    told
}

async fn tell(app: &Arc<App>, url: &str, dir: &Path) -> anyhow::Result<()> {
    let new = operator::create_app(app, "demo", EndpointOptions::preset_lax()).await?;
    println!(" 1. A throw-away server runs on {url}, with the app \"demo\".");
    let client = Client::new(url, &new.tokens.public_token)?;

    StdUser::register_with(&client, ALICE.0, ALICE.1).await?;
    let bob_id = StdUser::register_with(&client, BOB.0, BOB.1).await?;
    println!(" 2. {} and {} register: their keys are made and wrapped on the client.", ALICE.0, BOB.0);

    let alice = StdUser::login_with(&client, ALICE.0, ALICE.1).await?;
    println!(" 3. {} logs in: her password never leaves the client, a challenge proves her key.", ALICE.0);
    let group_id = alice.create_group().await?;
    let group = alice.get_group(&group_id).await?;
    println!(" 4. She creates the group {group_id}.");
    group.invite_auto(&bob_id, None).await?;
    println!(" 5. She adds {}: the group key is encrypted for his public key.", BOB.0);

    let secret = group.encrypt_string_signed(MESSAGE)?;
    println!(" 6. She encrypts \"{MESSAGE}\"\n    to {}…", head(&secret, 60));
    let bob = StdUser::login_with(&client, BOB.0, BOB.1).await?;
    let text = bob.get_group(&group_id).await?.decrypt_string_verified(&secret, alice.user_id()).await?;
    ensure!(text == MESSAGE, "decrypted something else");
    println!(" 7. {} logs in and decrypts: \"{text}\" (signature checked).", BOB.0);

    println!(" 8. What the server stored of {}:", ALICE.0);
    for (name, value) in operator::stored_of(app, &new.tokens.app_id, ALICE.0).await? {
        println!("      {name:<28} {}", head(&value.replace('\n', " "), 64));
    }
    let bytes = database_bytes(dir)?;
    let needles = [ALICE.0, ALICE.1, BOB.0, BOB.1, MESSAGE, new.tokens.secret_token.as_str()];
    let found = needles.iter().filter(|n| contains(&bytes, n.as_bytes())).count();
    println!(
        " 9. Searched all {} KiB of the database for both names, both passwords, the message and the app's token: {found} found.",
        bytes.len() / 1024
    );
    ensure!(found == 0, "the server stored something it must not know");
    println!("10. Now yours: `keystead serve`, then `keystead app create myapp --preset lax`.");
    Ok(())
}

fn head(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn database_bytes(dir: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("keystead.sqlite") {
            bytes.extend(std::fs::read(&path).with_context(|| name)?);
        }
    }
    ensure!(!bytes.is_empty(), "the database is empty");
    Ok(bytes)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}
