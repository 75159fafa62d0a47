//! Cookies in a real browser: `tests/clients/iam_cookies.browser.mjs` drives a headless Chromium against a server of this process.

use std::path::Path;
use std::process::Command;

use e2e::{Backend, Setup, TestServer, node};

/// Cookies do not depend on the database.
#[test]
fn cookies_in_a_real_browser() {
    e2e::run(Backend::Sqlite, Setup::default(), in_chromium);
}

async fn in_chromium(server: TestServer) {
    let (key, cert) = (server.dir().join("tls.key"), server.dir().join("tls.crt"));
    self_signed(&key, &cert);
    let (url, clock) = (server.url(), server.dir().join("clock"));
    let environment = [
        ("KEYSTEAD_URL", url.as_ref()),
        ("KEYSTEAD_CLOCK_OFFSET_FILE", clock.as_ref()),
        ("KEYSTEAD_TLS_KEY", key.as_ref()),
        ("KEYSTEAD_TLS_CERT", cert.as_ref()),
    ];
    let passed = node::run("playwright-core", &["iam_cookies.browser.mjs"], &environment);
    assert!(passed >= 7, "{passed}");
}

/// A certificate that nobody has signed but itself: the browser is told not to mind.
fn self_signed(key: &Path, cert: &Path) {
    let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let made = Command::new("openssl")
        .args(new)
        .args(["-subj", "/CN=app.test", "-addext", "subjectAltName=DNS:app.test,DNS:evil.test", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(cert)
        .output()
        .expect("the program openssl: run `cargo xtask setup`");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
