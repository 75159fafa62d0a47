//! Background jobs: each is idempotent and survives a restart.

pub mod delete_files;
pub(crate) mod key_rotation;
mod sweep;

use std::sync::Arc;

use crate::app::App;

/// Starts all jobs; they end when the handles are dropped or aborted.
#[must_use]
pub(crate) fn start(app: &Arc<App>) -> Vec<tokio::task::JoinHandle<()>> {
    vec![
        actix_web::rt::spawn(sweep::run(Arc::clone(app))),
        actix_web::rt::spawn(key_rotation::run(Arc::clone(app))),
        actix_web::rt::spawn(delete_files::run(Arc::clone(app))),
    ]
}
