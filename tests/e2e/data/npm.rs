//! The unmodified npm client `@instantdb/admin` in Node.js, against a server of this process.

use e2e::{TestServer, both, node};

both! { the_admin_client_works }

async fn the_admin_client_works(server: TestServer) {
    let (app, url) = (server.data(), server.url());
    let environment = [
        ("KEYSTEAD_URL", url.as_ref()),
        ("KEYSTEAD_DATA_APP", app.id.as_ref()),
        ("KEYSTEAD_DATA_ADMIN_TOKEN", app.admin.as_ref()),
    ];
    let passed = node::run("@instantdb/admin", &["instant_admin.client.mjs"], &environment);
    assert!(passed >= 8, "{passed}");
}
