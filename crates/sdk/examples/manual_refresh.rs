//! Refreshing the JWT by hand, as the Rust client always does it: the application decides when, and by which way.
//!
//! `KEYSTEAD_URL=http://127.0.0.1:8090 KEYSTEAD_TOKEN=<token> cargo run -p keystead --example manual_refresh`
//!
//! The token must be allowed to register: the secret one, or one of an app with the preset `lax`.

use std::time::{SystemTime, UNIX_EPOCH};

use keystead::core::jwt::needs_refresh;
use keystead::core::user::{done_refresh, prepare_refresh};
use keystead::keys::StdUser;

// The end-to-end tests run it too, against a server of their own.
#[cfg_attr(test, expect(dead_code, reason = "the tests call `run`"))]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&std::env::var("KEYSTEAD_URL")?, &std::env::var("KEYSTEAD_TOKEN")?).await
}

pub(crate) async fn run(url: &str, token: &str) -> Result<(), Box<dyn std::error::Error>> {
    let client = keystead::Client::new(url, token)?;
    let (name, password) = StdUser::generate_register_data();
    client.register(&name, &password).await?;
    let user = client.login(&name, &password).await?;

    // doc: refresh by the client
    // Before a call that would come too late. JWTs last five minutes.
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    if needs_refresh(&user.jwt(), now)? {
        user.refresh_jwt().await?;
    }
    // doc: end
    assert!(user.jwt_expires()? > now);

    // doc: refresh by your backend
    // It keeps the refresh token in a cookie, gets the old JWT, and calls `PUT /api/v1/refresh` with both.
    let body = prepare_refresh(user.refresh_token());
    let http = reqwest::Client::new().put(format!("{}/api/v1/refresh", url.trim_end_matches('/')));
    let http = http.header("x-sentc-app-token", token).header("authorization", format!("Bearer {}", user.jwt()));
    let answer = http.body(body).send().await?.text().await?;
    // With what the backend answers, the client goes on.
    user.set_jwt(done_refresh(&answer)?.jwt);
    // doc: end

    // doc: fresh jwt
    // With the password, where a call wants a fresh JWT (deleting a device, say).
    user.fresh_jwt(&password, None).await?;
    // doc: end
    user.logout().await?;
    Ok(())
}
