//! Registration through the application's own backend: the client makes the request, the backend sends it with the secret token,
//! the client reads the answer.
//!
//! `KEYSTEAD_URL=http://127.0.0.1:8090 KEYSTEAD_TOKEN=<secret token> cargo run -p keystead --example own_backend`

use keystead::keys::StdUser;
use keystead::user::done_register;

// The end-to-end tests run it too, against a server of their own.
#[cfg_attr(test, expect(dead_code, reason = "the tests call `run`"))]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&std::env::var("KEYSTEAD_URL")?, &std::env::var("KEYSTEAD_TOKEN")?).await
}

pub(crate) async fn run(url: &str, secret_token: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (name, password) = StdUser::generate_register_data();
    // doc: own backend
    // On the client; no password and no key leave it in clear.
    let input = StdUser::prepare_register(&name, &password)?;
    // In the backend, which may store more about the user in the same breath.
    let http = reqwest::Client::new().post(format!("{}/api/v1/register", url.trim_end_matches('/')));
    let http = http.header("x-sentc-app-token", secret_token).header("content-type", "application/json");
    let answer = http.body(input).send().await?.text().await?;
    // On the client again.
    let user_id = done_register(&answer)?;
    // doc: end
    assert_eq!(user_id.len(), 36);
    Ok(())
}
