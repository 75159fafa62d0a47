//! The unmodified npm client of 2022 in Node.js: its tests in `tests/clients`, against a server of this process.

use e2e::{TestServer, both, node};
use keystead_protocol::apps::EndpointOptions;

both! { the_npm_client_0_3_1_works }

async fn the_npm_client_0_3_1_works(server: TestServer) {
    let default = server.create_app("default options", EndpointOptions::preset_default());
    let environment = [
        ("KEYSTEAD_URL", server.url()),
        ("KEYSTEAD_PUBLIC_TOKEN", server.lax.public.clone()),
        ("KEYSTEAD_SECRET_TOKEN", server.lax.secret.clone()),
        ("KEYSTEAD_JWT_VERIFY_KEY", server.lax.verify_key.clone()),
        ("KEYSTEAD_DEFAULT_PUBLIC_TOKEN", default.public),
        ("KEYSTEAD_DEFAULT_SECRET_TOKEN", default.secret),
    ];
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    assert!(node::run("@sentclose/sentc", &[], &environment) > 10);
}
