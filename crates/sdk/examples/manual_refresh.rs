//! Refreshing the JWT by hand, as the Rust client always does it: the application decides when, and by which way.
//!
//! `KEYSTEAD_URL=http://127.0.0.1:8090 KEYSTEAD_TOKEN=<token> cargo run -p keystead --example manual_refresh`
//!
//! The token must be allowed to register: the secret one, or one of an app with the preset `lax`.

use std::time::{SystemTime, UNIX_EPOCH};

use keystead::core::jwt::needs_refresh;
use keystead::core::user::{done_refresh, prepare_refresh};
use keystead::keys::StdUser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (url, token) = (std::env::var("KEYSTEAD_URL")?, std::env::var("KEYSTEAD_TOKEN")?);
    keystead::init(&url, &token)?;
    let (name, password) = StdUser::generate_register_data();
    StdUser::register(&name, &password).await?;
    let user = StdUser::login(&name, &password).await?;

    // 1. Directly: before a call that would come too late. JWTs last five minutes.
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    if needs_refresh(&user.jwt(), now)? {
        user.refresh_jwt().await?;
    }
    assert!(user.jwt_expires()? > now);

    // 2. Through the application's own backend, which keeps the refresh token in a cookie: it gets the old JWT, calls
    //    `PUT /api/v1/refresh` with it and with this body, and answers with the new one.
    let body = prepare_refresh(user.refresh_token());
    let http = reqwest::Client::new().put(format!("{}/api/v1/refresh", url.trim_end_matches('/')));
    let http = http.header("x-sentc-app-token", &token).header("authorization", format!("Bearer {}", user.jwt()));
    let answer = http.body(body).send().await?.text().await?;
    user.set_jwt(done_refresh(&answer)?.jwt);

    // 3. With the password, where a call wants a fresh JWT (deleting a device, say).
    user.fresh_jwt(&password, None).await?;
    user.logout().await?;
    Ok(())
}
