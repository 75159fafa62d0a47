//! One delivery: what is sent, and what came of it.

use std::time::Instant;

use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::keys::Claims;
use super::rules::{Attempt, Claimed, idempotency_key, isn};
use super::target::{self, Refused};
use crate::app::App;

/// Seconds for which a delivery's token opens its records.
const TOKEN_S: i64 = 3_600;
/// Bytes of an answer that are remembered.
const MAX_ANSWER: usize = 256;

/// Delivers an event. Whatever fails is in the attempt.
pub async fn deliver(app: &App, claimed: &Claimed) -> Attempt {
    let (at_ms, started) = (app.clock.now_ms(), Instant::now());
    let sent = send(app, claimed, at_ms / 1_000).await;
    let duration_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    let attempt = |success, status_code, response_text, error| Attempt {
        at_ms,
        duration_ms,
        success,
        status_code,
        response_text,
        error,
    };
    match sent {
        Ok((status, text)) if (200..300).contains(&status) => attempt(true, Some(status), Some(text), None),
        Ok((status, text)) => {
            attempt(false, Some(status), Some(text), Some(("status", format!("The receiver answered {status}"))))
        }
        Err(error) => attempt(false, None, None, Some(error)),
    }
}

async fn send(app: &App, claimed: &Claimed, now_s: i64) -> Result<(u16, String), (&'static str, String)> {
    let (hook, event) = (&claimed.hook, &claimed.event);
    let inside = |e: &dyn std::error::Error| {
        tracing::error!(error = %e, "a webhook cannot be delivered");
        ("internal", "Something went wrong inside the server".to_owned())
    };
    // The rules for targets may have changed since it was set.
    let url = target::parse(&app.config.webhooks, &hook.url).map_err(|e| ("refused-target", e.to_string()))?;
    let base = app.config.server.public_url.trim_end_matches('/');
    let isn = isn(event.tx_id);
    let claims = Claims {
        iss: base.to_owned(),
        sub: hook.app_id.clone(),
        app_id: hook.app_id.clone(),
        webhook_id: hook.id.clone(),
        isn: isn.clone(),
        exp: now_s + TOKEN_S,
    };
    let token = app.webhooks.keys.token(&claims).map_err(|e| inside(&e))?;
    let payload_url = format!("{base}/webhooks/payload/{}/{}/{isn}", hook.app_id, hook.id);
    let body = json!({"payloadUrl": payload_url, "token": token}).to_string();
    let client = app.webhooks.client(&app.config).map_err(|e| inside(&e))?;
    let request = client
        .post(url)
        .header(CONTENT_TYPE, "application/json")
        .header("Instant-Signature", app.webhooks.keys.header(now_s, &body))
        .header("Idempotency-Key", idempotency_key(&[&hook.id, &event.tx_id.to_string()]))
        .body(body);
    let mut answer = request.send().await.map_err(|e| told(&e))?;
    let status = answer.status().as_u16();
    let mut text = Vec::new();
    // An answer that breaks off has been given all the same.
    while text.len() < MAX_ANSWER
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        text.extend_from_slice(&chunk);
    }
    text.truncate(MAX_ANSWER);
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}

/// What the app's owner is told of a failure: its kind and the innermost reason.
fn told(e: &reqwest::Error) -> (&'static str, String) {
    let mut reason: &dyn std::error::Error = e;
    while let Some(source) = reason.source() {
        reason = source;
    }
    let kind = match e {
        _ if reason.is::<Refused>() => "refused-target",
        e if e.is_timeout() => "timeout",
        e if e.is_connect() => "connect",
        _ => "io",
    };
    (kind, reason.to_string())
}
