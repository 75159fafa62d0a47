//! Background jobs: each is idempotent and survives a restart.

pub mod delete_files;
pub mod deleted_attrs;
pub(crate) mod key_rotation;
mod live;
mod sweep;
mod webhooks;

use std::sync::Arc;

use crate::app::App;

/// Starts all jobs; they end when the handles are dropped or aborted.
#[must_use]
pub(crate) fn start(app: &Arc<App>) -> Vec<tokio::task::JoinHandle<()>> {
    let nodes = Arc::default();
    vec![
        actix_web::rt::spawn(live::compute(Arc::clone(app))),
        actix_web::rt::spawn(live::hear(Arc::clone(app), Arc::clone(&nodes))),
        actix_web::rt::spawn(live::catch_up(Arc::clone(app))),
        actix_web::rt::spawn(live::keep_house(Arc::clone(app), nodes)),
        actix_web::rt::spawn(sweep::run(Arc::clone(app))),
        actix_web::rt::spawn(deleted_attrs::run(Arc::clone(app))),
        actix_web::rt::spawn(key_rotation::run(Arc::clone(app))),
        actix_web::rt::spawn(delete_files::run(Arc::clone(app))),
        actix_web::rt::spawn(webhooks::run(Arc::clone(app))),
    ]
}
