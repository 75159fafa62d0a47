//! Removes attrs that were deleted `data.deleted_attr_days` ago, with their triples. Nothing finds the triples of one attr, so the
//! whole table is walked, in short reads between which others come to their turn; only when there is such an attr.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::rooms::data::error::DataResult;
use crate::rooms::data::space::rules as space;
use crate::rooms::data::transact::bulk;

const EVERY: Duration = Duration::from_secs(600);

pub(super) async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(EVERY).await;
        match sweep(&app).await {
            Ok(0) => {}
            Ok(attrs) => tracing::info!(attrs, "attributes that were deleted are gone for good"),
            Err(e) => tracing::error!(cause = ?e.cause, "cannot remove deleted attributes"),
        }
    }
}

/// Removes the attrs whose days are over, and gives how many. What is interrupted is finished by the next run, of any node.
///
/// # Errors
/// What the database says.
pub async fn sweep(app: &Arc<App>) -> DataResult<usize> {
    let shared = Arc::clone(app);
    let attrs: HashSet<i64> = app.db.write(move |tx| space::end_attrs(&shared, tx)).await?.into_iter().collect();
    if attrs.is_empty() {
        return Ok(0);
    }
    let mut after = None;
    loop {
        let from = after.take();
        let places = app.db.read(move |conn| bulk::places(conn, from.as_ref())).await?;
        let Some(last) = places.last().cloned() else { break };
        let gone: Vec<_> = places.into_iter().filter(|(_, attr, _)| attrs.contains(attr)).collect();
        if !gone.is_empty() {
            app.db.write(move |tx| bulk::take(tx, &gone)).await?;
        }
        after = Some(last);
        tokio::task::yield_now().await;
    }
    let ended: Vec<i64> = attrs.iter().copied().collect();
    app.db.write(move |tx| space::forget_attrs(tx, &ended)).await
}
