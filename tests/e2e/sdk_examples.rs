//! The example programs of the Rust client, as `docs/sdk.md` shows them.

use e2e::{TestServer, both};

#[path = "../../crates/sdk/examples/manual_refresh.rs"]
mod manual_refresh;
#[path = "../../crates/sdk/examples/own_backend.rs"]
mod own_backend;
#[path = "../../crates/sdk/examples/register_login_group.rs"]
mod register_login_group;

both! { the_examples_of_the_rust_client_run }

async fn the_examples_of_the_rust_client_run(server: TestServer) {
    let (url, public) = (server.url(), &server.lax.public);
    register_login_group::run(&url, public).await.unwrap();
    manual_refresh::run(&url, public).await.unwrap();
    own_backend::run(&url, &server.lax.secret).await.unwrap();
}
