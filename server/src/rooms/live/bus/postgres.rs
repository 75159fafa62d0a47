//! The bus over LISTEN/NOTIFY: one thread with one connection of its own, which speaks and listens. It uses libpq like
//! the rest of the server, so that the same URL, certificates and settings hold (docs/adr/0015).

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Array, Text};
use diesel::{Connection, PgConnection, QueryResult, RunQueryDsl, sql_query};
use tokio::sync::mpsc::Sender;

use super::parts::{self, Parts};
use super::{Heard, Letter};

const CHANNEL: &str = "keystead_live";
/// How long a letter of others waits at most, while there is traffic and while there is none.
const BUSY: Duration = Duration::from_millis(2);
const QUIET: Duration = Duration::from_millis(10);
/// So many quiet looks make it quiet.
const LOOKS: u32 = 500;
/// Letters told in one statement.
const BATCH: usize = 256;
/// Between attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn start(
    node: Arc<str>,
    url: String,
    waiting: Receiver<String>,
    tell: Sender<Heard>,
) -> std::io::Result<()> {
    let work = move || {
        let mut line = Line { node, waiting, tell, number: 0, first: true };
        while let Err(e) = line.serve(&url) {
            tracing::warn!(error = %e, "the bus has lost the database; it connects again");
            std::thread::sleep(PAUSE);
        }
    };
    std::thread::Builder::new().name("live-bus".into()).spawn(work).map(drop)
}

struct Line {
    node: Arc<str>,
    waiting: Receiver<String>,
    tell: Sender<Heard>,
    number: u64,
    first: bool,
}

impl Line {
    /// Comes back when the node stops; fails when the connection does.
    fn serve(&mut self, url: &str) -> Result<(), Box<dyn std::error::Error>> {
        let mut conn = PgConnection::establish(url)?;
        conn.batch_execute(&format!("SET synchronous_commit = off; LISTEN {CHANNEL}"))?;
        let mut parts = Parts::default();
        if !std::mem::replace(&mut self.first, false) && self.tell.blocking_send(Heard::Reconnected).is_err() {
            return Ok(());
        }
        let mut quiet = 0_u32;
        loop {
            let wait = if quiet > LOOKS { QUIET } else { BUSY };
            match self.waiting.recv_timeout(wait) {
                Ok(first) => {
                    quiet = 0;
                    let letters: Vec<String> =
                        std::iter::once(first).chain(self.waiting.try_iter().take(BATCH - 1)).collect();
                    self.speak(&mut conn, &letters)?;
                }
                Err(RecvTimeoutError::Timeout) => quiet = quiet.saturating_add(1),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            let heard: Vec<_> = conn.notifications_iter().collect::<QueryResult<_>>()?;
            for notification in heard.into_iter().filter(|n| n.channel == CHANNEL) {
                quiet = 0;
                let Some(text) = parts.take(&notification.payload) else { continue };
                let letter = match serde_json::from_str::<Letter>(&text) {
                    Ok(letter) => letter,
                    Err(e) => {
                        tracing::warn!(error = %e, "a letter of another node cannot be read");
                        continue;
                    }
                };
                if letter.node != *self.node && self.tell.blocking_send(Heard::Letter(letter)).is_err() {
                    return Ok(());
                }
            }
        }
    }

    fn speak(&mut self, conn: &mut PgConnection, letters: &[String]) -> QueryResult<()> {
        let mut all = Vec::new();
        for letter in letters {
            self.number += 1;
            all.extend(parts::cut(&self.node, self.number, letter));
        }
        sql_query(format!("SELECT pg_notify('{CHANNEL}', part) FROM unnest($1) AS part"))
            .bind::<Array<Text>, _>(&all)
            .execute(conn)
            .map(drop)
    }
}
