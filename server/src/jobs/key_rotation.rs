//! Serves the members of key rotations: woken when one is started here, and now and again for those that another node, or
//! this one before it was killed, has left behind. All state is in the database; a round is safe to run twice
//! (`rooms/groups/rotation/rounds.rs`).

use std::sync::Arc;
use std::time::Duration;

use keystead_protocol::ErrorCode;
use tokio::sync::Notify;

use crate::app::App;
use crate::error::{KeyError, KeyResult};
use crate::rooms::groups::rotation::rounds::{self, Ended};

/// Between two looks at what others have left behind.
const EVERY: Duration = Duration::from_secs(30);
/// A rotation that its node has not touched for so long is anybody's.
const LEFT_BEHIND_MS: i64 = 30_000;

/// How requests wake the job, and the name under which this node claims rotations.
pub(crate) struct Rotations {
    wake: Notify,
    node: String,
}

impl Rotations {
    /// `node`: a name that no other process has.
    pub(crate) fn new(node: String) -> Self {
        Self { wake: Notify::new(), node }
    }

    /// Wakes the job. To be called after the commit.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// The name of this process.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }
}

pub(super) async fn run(app: Arc<App>) {
    // After a start nothing can be worked on in this process: what was, is left behind.
    let mut all = true;
    loop {
        match pass(&app, all).await {
            Ok(true) => continue,
            Ok(false) => all = false,
            Err(e) => tracing::error!(code = e.code.code(), cause = ?e.cause, "a key rotation waits"),
        }
        // Woken or not, there is something to look at.
        drop(tokio::time::timeout(EVERY, app.rotations.wake.notified()).await);
    }
}

/// One round of each open rotation, so that a large one does not hold up small ones. True: some round did something.
async fn pass(app: &Arc<App>, all: bool) -> KeyResult<bool> {
    let untouched_since = (!all).then(|| app.clock.now_ms() - LEFT_BEHIND_MS);
    let shared = Arc::clone(app);
    let open = app.db.read(move |c| rounds::open(&shared, c, untouched_since)).await?;
    let mut moved = false;
    for key_id in open {
        match round(app, key_id).await {
            Ok(Ended::Lost) => {}
            Ok(Ended::Served) => moved = true,
            Ok(Ended::Complete) => {
                moved = true;
                tracing::debug!("a key rotation is complete");
            }
            // It stays as it is until the next look; the others go on.
            Err(e) => tracing::error!(code = e.code.code(), cause = ?e.cause, "a round of a key rotation failed"),
        }
    }
    Ok(moved)
}

async fn round(app: &Arc<App>, key_id: String) -> KeyResult<Ended> {
    let next = app.db.read_snapshot(move |c| rounds::next(c, &key_id)).await?;
    let Some(round) = next else { return Ok(Ended::Lost) };
    // Public key encryption: on a thread of its own.
    let sealed = tokio::task::spawn_blocking(move || Arc::new(round.seal()))
        .await
        .map_err(|e| KeyError::caused(ErrorCode::GroupRotationThread, e))?;
    let shared = Arc::clone(app);
    app.db.write(move |tx| rounds::write(&shared, tx, &sealed)).await
}
