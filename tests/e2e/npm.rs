//! The unmodified npm client of 2022 in Node.js: its tests in `tests/clients`, against a server of this process.

use std::path::Path;
use std::process::Command;

use e2e::{TestServer, both};
use keystead_protocol::apps::EndpointOptions;

both! { the_npm_client_0_3_1_works }

async fn the_npm_client_0_3_1_works(server: TestServer) {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    assert!(
        clients.join("node_modules/@sentclose/sentc/package.json").is_file(),
        "the npm client is not installed: run `cargo xtask setup` (or `npm ci` in tests/clients)"
    );
    let default = server.create_app("default options", EndpointOptions::preset_default());
    let node = std::env::var_os("KEYSTEAD_NODE").unwrap_or_else(|| "node".into());
    let run = Command::new(node)
        .arg("--test")
        .current_dir(clients)
        .env("KEYSTEAD_URL", server.url())
        .env("KEYSTEAD_PUBLIC_TOKEN", &server.lax.public)
        .env("KEYSTEAD_SECRET_TOKEN", &server.lax.secret)
        .env("KEYSTEAD_JWT_VERIFY_KEY", &server.lax.verify_key)
        .env("KEYSTEAD_DEFAULT_PUBLIC_TOKEN", &default.public)
        .env("KEYSTEAD_DEFAULT_SECRET_TOKEN", &default.secret)
        .output()
        .expect("Node.js 20 or newer: run `cargo xtask setup`");
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{text}\n{}", String::from_utf8_lossy(&run.stderr));
    let count = |what: &str| {
        let line = text.lines().rev().find_map(|l| l.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix(what));
        line.and_then(|n| n.trim().parse::<u32>().ok()).unwrap_or_else(|| panic!("no '{what}' in {text}"))
    };
    assert!(count("pass ") > 10 && count("skipped ") == 0, "{text}");
}
