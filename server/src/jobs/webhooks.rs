//! Delivers webhooks: woken by transactions, and now and again for what another node, or this one before it was killed, has
//! left behind, and for what is to be tried again. All state is in the database; an event is claimed before it is delivered.
//!
//! Each webhook has a lane of its own, so that a slow receiver holds up nobody else.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::app::App;
use crate::rooms::data::error::{DataError, DataResult};
use crate::rooms::data::webhooks::{deliver, rules};

/// Between two looks at what is due.
const EVERY: Duration = Duration::from_secs(2);
/// Webhooks that are served at once, and events of each.
const LANES: usize = 64;
const AT_ONCE: i64 = 8;

/// The webhooks that are being served.
type Lanes = Arc<Mutex<HashSet<String>>>;

pub(super) async fn run(app: Arc<App>) {
    let lanes = Lanes::default();
    loop {
        if let Err(e) = start_due(&app, &lanes).await {
            log(&e);
        }
        // Woken or not, there may be something due.
        drop(tokio::time::timeout(EVERY, app.webhooks.woken()).await);
    }
}

/// Opens a lane for each webhook with something due that has none.
async fn start_due(app: &Arc<App>, lanes: &Lanes) -> DataResult<()> {
    let shared = Arc::clone(app);
    let most = i64::try_from(LANES * 2).unwrap_or(i64::MAX);
    let due = app.db.read(move |conn| rules::hooks_due(&shared, conn, most)).await?;
    for id in due {
        let opened = {
            let mut lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.len() < LANES && lanes.insert(id.clone())
        };
        if opened {
            actix_web::rt::spawn(serve(Arc::clone(app), Arc::clone(lanes), id));
        }
    }
    Ok(())
}

async fn serve(app: Arc<App>, lanes: Lanes, id: String) {
    let served = serve_due(&app, &id).await;
    lanes.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    match served {
        Ok(0) => {}
        // What came while the lane was being closed, and webhooks that found no lane.
        Ok(_) => app.webhooks.wake(),
        Err(e) => log(&e),
    }
}

/// Delivers all that is due of a webhook, and gives how much that was.
async fn serve_due(app: &Arc<App>, id: &str) -> DataResult<usize> {
    let mut served = 0;
    loop {
        let (shared, id) = (Arc::clone(app), id.to_owned());
        let claimed = app.db.write(move |tx| rules::claim(&shared, tx, &id, AT_ONCE)).await?;
        if claimed.is_empty() {
            return Ok(served);
        }
        served += claimed.len();
        let mut running: FuturesUnordered<_> = claimed.into_iter().map(|event| one(app, event)).collect();
        while let Some(noted) = running.next().await {
            noted?;
        }
    }
}

async fn one(app: &Arc<App>, event: rules::Claimed) -> DataResult<()> {
    let attempt = deliver::deliver(app, &event).await;
    let shared = Arc::clone(app);
    app.db.write(move |tx| rules::attempted(&shared, tx, &event, &attempt)).await
}

fn log(e: &DataError) {
    tracing::error!(cause = ?e.cause, message = e.told.message, "webhooks wait");
}
