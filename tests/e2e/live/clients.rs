//! The unmodified clients in Node.js and in a browser: their tests in `tests/clients_live`, against a server of this process.

use std::path::Path;
use std::process::Command;

use e2e::{Setup, TestServer, both};
use keystead_server::config::Config;

both! { the_npm_clients_work; with Setup::default().with(with_webhooks) }

/// Receivers of webhooks are on this machine, and read from the server's own address.
fn with_webhooks(config: &mut Config) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    config.server.listen = free.to_string();
    config.server.public_url = format!("http://{free}");
    config.webhooks.allow_http = true;
    config.webhooks.allow_targets = vec!["127.0.0.0/8".parse().expect("a network")];
    config.webhooks.retry_seconds = vec![1, 1, 1];
}

/// Switches the app off and on as a file says, for tests that cannot do so themselves.
async fn operate(server: &TestServer, switch: &Path) {
    let mut before = String::new();
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let wanted = std::fs::read_to_string(switch).unwrap_or_default();
        if wanted != before && !wanted.is_empty() {
            let disabled = if wanted == "disabled" { "true" } else { "false" };
            server.set_options(&server.lax, &[("disabled", disabled)]).await;
            before = wanted;
        }
    }
}

async fn the_npm_clients_work(server: TestServer) {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients_live");
    assert!(
        clients.join("node_modules/@instantdb/core/package.json").is_file(),
        "the npm clients are not installed: run `cargo xtask setup` (or `npm ci` in tests/clients_live)"
    );
    let node = std::env::var_os("KEYSTEAD_NODE").unwrap_or_else(|| "node".into());
    let dir = tempfile::tempdir().expect("a directory");
    let switch = dir.path().join("switch");
    let mut command = Command::new(node);
    command
        // The clients have no way to end all that they have open.
        .args(["--test", "--test-concurrency=1", "--test-force-exit"])
        .current_dir(clients)
        .env("KEYSTEAD_URL", server.url())
        .env("KEYSTEAD_APP_ID", &server.lax.id)
        .env("KEYSTEAD_ADMIN_TOKEN", &server.lax.admin)
        .env("KEYSTEAD_SWITCH", &switch);
    let run = tokio::select! {
        run = tokio::task::spawn_blocking(move || command.output()) => run.expect("it runs"),
        () = operate(&server, &switch) => panic!("an operator works for ever"),
    };
    let run = run.expect("Node.js 20 or newer: run `cargo xtask setup`");
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{text}\n{}", String::from_utf8_lossy(&run.stderr));
    let count = |what: &str| {
        let line = text.lines().rev().find_map(|l| l.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix(what));
        line.and_then(|n| n.trim().parse::<u32>().ok()).unwrap_or_else(|| panic!("no '{what}' in {text}"))
    };
    assert!(count("pass ") >= 10 && count("skipped ") == 0, "{text}");
}
