//! Races: what must happen once happens once.

use e2e::identity::PASSWORD;
use e2e::{TestServer, both};
use futures_util::future::join_all;
use serde_json::json;

both! { twenty_refreshes_of_one_token_give_one_success, two_hundred_registrations_give_one_account }

/// Row 69, better-than 7.
async fn twenty_refreshes_of_one_token_give_one_success(server: TestServer) {
    let jo = server.person("jo@example.com").await;
    let calls = (0..20).map(|_| server.iam("POST", "/authn/refresh").tokens(&jo.tokens).send());
    let answers = join_all(calls).await;
    let good: Vec<_> = answers.iter().filter(|a| a.is_ok()).collect();
    assert_eq!(good.len(), 1, "{answers:?}");
    assert!(answers.iter().filter(|a| !a.is_ok()).all(|a| a.code() == Some(403) && a.tokens_if_any().is_none()));
    // The other nineteen were thefts as far as the server can tell: nobody renews any more.
    server.iam("POST", "/authn/refresh").tokens(&good[0].tokens()).fails(403).await;
}

async fn two_hundred_registrations_give_one_account(server: TestServer) {
    let body = json!({ "first_name": "Jo", "last_name": "Doe", "email": "jo@example.com", "password": PASSWORD });
    let calls = (0..200).map(|_| server.iam("POST", "/authn/register").json(&body).send());
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 1);
    assert!(answers.iter().filter(|a| !a.is_ok()).all(|a| matches!(a.code(), Some(409 | 503))), "{answers:?}");
    assert_eq!(server.database().rows()["iam_users"].len(), 1);
    assert_eq!(server.database().rows()["directory_users"].len(), 1);
}
