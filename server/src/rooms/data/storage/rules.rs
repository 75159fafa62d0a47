//! Addresses of files.

use crate::app::App;

const DAY_MS: i64 = 86_400_000;
/// Days that an address is good.
const GOOD_DAYS: i64 = 7;

/// The address of a file's bytes, good for about seven days. It is the same all day long, so that a query's answer does not
/// change by itself.
#[must_use]
pub fn url(app: &App, app_id: &str, location: &str) -> String {
    let day = app.clock.now_ms().div_euclid(DAY_MS);
    let until = (day + GOOD_DAYS) * DAY_MS / 1_000;
    let signature = signature(app, app_id, location, until);
    let base = app.config.server.public_url.trim_end_matches('/');
    format!("{base}/storage/files/{app_id}/{location}?until={until}&signature={signature}")
}

/// What proves that this server gave an address out: hex of 32 bytes.
pub(super) fn signature(app: &App, app_id: &str, location: &str, until_s: i64) -> String {
    let tag = app.root_key.file_signature(&format!("{app_id}/{location}/{until_s}"));
    tag.iter().map(|byte| format!("{byte:02x}")).collect()
}
