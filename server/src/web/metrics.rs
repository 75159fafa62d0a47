//! Prometheus metrics on an address of their own.

use std::sync::OnceLock;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use metrics::{counter, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::error::StartError;

/// The recorder belongs to the process: several servers in one share it.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts `GET /metrics` on `listen` and gives what stops it.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start(listen: &str) -> Result<ServerHandle, StartError> {
    let recorder = match RECORDER.get() {
        Some(recorder) => recorder,
        None => {
            let made = PrometheusBuilder::new()
                .install_recorder()
                .map_err(|e| StartError::Refused(format!("metrics cannot be recorded: {e}")))?;
            RECORDER.get_or_init(|| made)
        }
    };
    let render = move || async move { recorder.render() };
    let server = HttpServer::new(move || App::new().route("/metrics", web::get().to(render)))
        .workers(1)
        .disable_signals()
        .bind(listen)
        .map_err(StartError::io(format!("metrics: cannot listen on {listen}")))?
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(handle)
}

/// True when requests are counted.
pub fn is_on() -> bool {
    RECORDER.get().is_some()
}

/// Counts one answered request. `route` is the pattern, never the path: a path may name a user.
pub fn record(route: &'static str, status: u16, took: Duration) {
    let status = match status {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    counter!("keystead_requests_total", "route" => route, "status" => status).increment(1);
    histogram!("keystead_request_seconds", "route" => route).record(took.as_secs_f64());
}
