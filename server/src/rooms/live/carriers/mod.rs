//! How messages travel: WebSocket and Server-Sent Events.

pub mod sse;
pub mod ws;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::rooms;
use super::sessions::{Session, next_bytes};
use crate::app::App;

/// The body of an answer that never ends by itself: what the session's outbox holds.
struct OutboxBody {
    app: Arc<App>,
    session: Arc<Session>,
    /// Bytes that go first.
    first: Option<Bytes>,
}

impl MessageBody for OutboxBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        next_bytes(&self.app.live.rooms, &self.session, context).map(|bytes| bytes.map(Ok))
    }
}

impl Drop for OutboxBody {
    fn drop(&mut self) {
        ended(&self.app, &self.session);
    }
}

/// The connection is gone.
fn ended(app: &Arc<App>, session: &Arc<Session>) {
    app.live.sessions.remove(&session.id);
    let left = session.ended();
    if let Some(login) = session.login() {
        for room in left {
            rooms::leave_room(app, &(Arc::clone(&login.live.id), room), &session.id);
        }
    }
}
