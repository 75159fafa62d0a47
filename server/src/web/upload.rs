//! A body that is taken as it comes, chunk by chunk, and never held whole.

use std::time::Duration;

use actix_web::http::header;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::request::{Body, Request};
use crate::error::{KeyError, KeyResult};

/// A sender that is silent for longer has gone.
const SILENCE: Duration = Duration::from_secs(60);
/// How much of a refused body is still taken, and for how long: most clients read the answer only after they have sent all.
const DRAIN_BYTES: usize = 8 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// The body of a streaming route.
pub struct Upload {
    body: Body,
    announced: Option<u64>,
    ended: bool,
}

impl Upload {
    /// The body of this request.
    #[must_use]
    pub fn new(body: Body, req: &Request) -> Self {
        let length = req.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        Self { body, announced: length, ended: !req.has_body() }
    }

    /// Its length, where the sender says it.
    #[must_use]
    pub const fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `JsonParse` when the sender breaks off or falls silent.
    pub async fn chunk(&mut self) -> KeyResult<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        let next = timeout(SILENCE, self.body.next()).await;
        match next {
            Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
            Ok(None) => {
                self.ended = true;
                Ok(None)
            }
            Ok(Some(Err(_broken))) => {
                self.ended = true;
                Err(KeyError::input("the body cannot be read"))
            }
            Err(_silent) => {
                self.ended = true;
                Err(KeyError::input("the body does not come"))
            }
        }
    }

    /// Takes and forgets the rest, within bounds, so that the answer reaches the sender.
    pub async fn drain(&mut self) {
        let rest = async {
            let mut taken = 0;
            while let Ok(Some(bytes)) = self.chunk().await {
                taken += bytes.len();
                if taken > DRAIN_BYTES {
                    break;
                }
            }
        };
        // Who sends more, or slower, may lose the answer.
        drop(timeout(DRAIN_TIME, rest).await);
    }
}
