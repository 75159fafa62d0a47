//! Computes live queries that are in doubt, hears the other nodes, and keeps the house: pings, silence, catching up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::app::App;
use crate::rooms::live::bus::{Heard, News};
use crate::rooms::live::carriers::{sse, ws};
use crate::rooms::live::door;
use crate::rooms::live::hub::{Carrier, LiveApp, LiveQuery};
use crate::rooms::live::news::{self, Nodes};

/// Computations at once, where each waits for the database.
const AT_ONCE: usize = 4;
/// The longest rest after a round.
const LONGEST_REST: Duration = Duration::from_millis(300);
/// A tick: WebSockets are pinged.
const TICK: Duration = Duration::from_secs(5);
/// A client that was silent for more ticks than this is gone.
const SILENT_TICKS: u64 = 3;
/// Ticks within which a connection must say who it is.
const INIT_TICKS: u64 = 6;
/// A round that failed is tried again after this.
const RETRY: Duration = Duration::from_secs(1);
/// What others have committed is looked for so often, should news of it have been lost.
const CATCH_UP: Duration = Duration::from_secs(2);

/// Computes what is in doubt, round after round.
pub(super) async fn compute(app: Arc<App>) {
    let rest = f64::from(app.config.live.rest_factor);
    loop {
        app.live.hub.work().await;
        let started = Instant::now();
        let computed = round(&app).await;
        if computed > 0 {
            let took = started.elapsed();
            tracing::debug!(computed, took_us = took.as_micros(), "live queries computed");
            // Writers come first: what changes during the rest is computed once.
            tokio::time::sleep(took.mul_f64(rest).min(LONGEST_REST)).await;
        }
    }
}

/// Computes everything that is in doubt now.
async fn round(app: &Arc<App>) -> usize {
    for live in app.live.hub.apps() {
        door::tell_attrs_if_due(app, &live).await;
    }
    let mut due: Vec<(Arc<LiveApp>, usize)> =
        app.live.hub.apps().into_iter().map(|live| (Arc::clone(&live), live.stale())).collect();
    let mut running = FuturesUnordered::new();
    let mut computed = 0;
    let at_once = if app.db.is_sqlite() { 1 } else { AT_ONCE };
    // One of each app in turn, so that a large app does not hold up small ones.
    while due.iter().any(|(_, left)| *left > 0) {
        for (live, left) in due.iter_mut().filter(|(_, left)| *left > 0) {
            *left -= 1;
            let Some(query) = live.next_stale() else {
                *left = 0;
                continue;
            };
            running.push(one(app, Arc::clone(live), query));
            computed += 1;
            if running.len() >= at_once {
                running.next().await;
            }
        }
    }
    while running.next().await.is_some() {}
    computed
}

async fn one(app: &Arc<App>, live: Arc<LiveApp>, query: Arc<LiveQuery>) {
    if let Err(e) = door::compute(app, &live, &query).await {
        drop(door::told(e));
        let app = Arc::clone(app);
        actix_web::rt::spawn(async move {
            tokio::time::sleep(RETRY).await;
            live.retry(&query);
            app.live.hub.wake();
        });
    }
    // Others of this thread have their turn: a read of SQLite does not wait for anything.
    tokio::task::yield_now().await;
}

/// Hears the other nodes.
pub(super) async fn hear(app: Arc<App>, nodes: Arc<Nodes>) {
    let Some(mut heard) = app.live.take_heard() else { return };
    app.live.bus.tell(|| News::Hello);
    while let Some(heard) = heard.recv().await {
        match heard {
            Heard::Letter(letter) => news::take_in(&app, &nodes, letter).await,
            Heard::Reconnected => {
                app.live.bus.tell(|| News::Hello);
                news::tell_peers(&app);
                door::catch_up_all(&app).await;
            }
        }
    }
}

/// Looks for what others have committed, and for whom they have signed out.
pub(super) async fn catch_up(app: Arc<App>) {
    let mut known = None;
    loop {
        if let Err(e) = news::hear_sign_outs(&app, &mut known).await {
            tracing::error!(error = %e, "cannot look for users who have been signed out");
        }
        tokio::time::sleep(CATCH_UP).await;
        door::catch_up_all(&app).await;
    }
}

/// Pings, and ends what has been silent.
pub(super) async fn keep_house(app: Arc<App>, nodes: Arc<Nodes>) {
    let ping = ws::ping();
    loop {
        tokio::time::sleep(TICK).await;
        let tick = app.live.sessions.advance();
        for session in app.live.sessions.all() {
            let is_late = session.login().is_none() && tick > session.since + INIT_TICKS;
            match session.outbox.carrier() {
                Carrier::WebSocket if is_late || tick > session.last_heard() + SILENT_TICKS => {
                    session.outbox.end(Some(ws::goodbye("silent")));
                }
                Carrier::WebSocket => session.outbox.push(ping.clone()),
                Carrier::Sse if is_late => session.outbox.end(None),
                Carrier::Sse if tick.is_multiple_of(SILENT_TICKS) => session.outbox.push(sse::KEEPALIVE),
                Carrier::Sse => {}
            }
        }
        app.live.hub.tidy();
        app.live.bus.tell(|| News::Alive);
        news::lose_silent(&app, &nodes);
    }
}
