//! What a handler of the identity API gets and gives.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::input::Input;
use crate::app::App;
use crate::rooms::identity::Client;
use crate::rooms::identity::error::{IamError, IamResult};
use crate::rooms::identity::rules::authenticate::{Caller, Issued, Presented};
use crate::routes::Params;
use crate::web::envelope::identity as envelope;

/// A request that has passed its guard.
pub struct IdentityCall {
    /// The server.
    pub app: Arc<App>,
    /// The app it is about.
    pub app_id: String,
    /// Tokens as they were sent.
    pub(super) presented: Presented,
    /// Where it comes from.
    pub client: Client,
    pub(super) caller: Option<Arc<Caller>>,
    pub(super) params: Params,
    pub(super) query: String,
    pub(super) body: Bytes,
}

/// A success.
#[derive(Default)]
pub struct Reply {
    pub(super) body: Bytes,
    pub(super) issued: Option<Issued>,
    pub(super) clears: bool,
}

impl Reply {
    /// `{"status":"success"}`
    #[must_use]
    pub fn plain() -> Self {
        Self { body: envelope::PLAIN, ..Self::default() }
    }

    /// With data.
    ///
    /// # Errors
    /// 500, which does not happen for our types.
    pub fn data<T: Serialize>(data: &T) -> IamResult<Self> {
        Ok(Self { body: envelope::success(data)?, ..Self::default() })
    }

    /// Hands out tokens.
    #[must_use]
    pub fn with_tokens(self, issued: Issued) -> Self {
        Self { issued: Some(issued), ..self }
    }

    /// Takes the cookies away.
    #[must_use]
    pub fn clearing(self) -> Self {
        Self { clears: true, ..self }
    }
}

impl IdentityCall {
    /// The body as a JSON object.
    ///
    /// # Errors
    /// 400 with its own HTTP status when it is missing or something else.
    pub fn input(&self) -> IamResult<Input> {
        Input::parse(&self.body)
    }

    /// Who is calling.
    ///
    /// # Errors
    /// 401 when the route's guard does not ask for it: a mistake in the table.
    pub fn caller(&self) -> IamResult<&Arc<Caller>> {
        self.caller.as_ref().ok_or_else(IamError::unauthorized)
    }

    /// The path value at `index`, decoded.
    #[must_use]
    pub fn param(&self, index: usize) -> String {
        let raw = self.params.get(index).unwrap_or_default();
        percent_encoding::percent_decode_str(raw).decode_utf8_lossy().into_owned()
    }

    /// `skip` and `take` of the query: at most 100 at a time; what makes no sense counts as absent.
    #[must_use]
    pub fn page(&self) -> (i64, i64) {
        const MOST: i64 = 100;
        let value = |name: &str| {
            let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(found, _)| *found == name).and_then(|(_, value)| value.parse::<i64>().ok())
        };
        let skip = value("skip").filter(|n| *n >= 0).unwrap_or(0);
        let take = value("take").filter(|n| *n >= 1).unwrap_or(MOST).min(MOST);
        (skip, take)
    }

    /// Goes on with something after the answer, so that how long the answer takes tells nothing about it.
    pub fn later(&self, work: impl Future<Output = IamResult<()>> + Send + 'static) {
        let ticket = self.app.identity.ticket();
        tokio::spawn(async move {
            if let Err(e) = work.await {
                tracing::error!(code = e.code, error = ?e.cause, "work after an answer failed");
            }
            drop(ticket);
        });
    }
}

type Answer = Pin<Box<dyn Future<Output = IamResult<Reply>>>>;

/// A handler of the identity API.
pub type IdentityHandler = Box<dyn Fn(IdentityCall) -> Answer + Send + Sync>;

/// Makes a handler of `async fn(IdentityCall) -> IamResult<Reply>`.
pub fn handler<F, Fut>(f: F) -> IdentityHandler
where
    F: Fn(IdentityCall) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = IamResult<Reply>> + 'static,
{
    Box::new(move |call| Box::pin(f(call)))
}
