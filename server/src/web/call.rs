//! What a handler gets, and how handlers of different shapes become one kind.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::HttpResponse;
use bytes::Bytes;
use keystead_protocol::ErrorCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::envelope::keys as envelope;
use super::upload::Upload;
use crate::app::App;
use crate::error::{KeyError, KeyResult};
use crate::rooms::apps::{Tenant, TokenKind};
use crate::rooms::groups::rules::GroupAccess;
use crate::rooms::groups::validate::is_id;
use crate::rooms::keys::rules::Session;
use crate::routes::{Params, Route};

/// A request that has passed its guard.
pub struct Call {
    /// The server.
    pub app: Arc<App>,
    /// The app whose token was sent.
    pub tenant: Arc<Tenant>,
    /// Which token was sent.
    pub token: TokenKind,
    /// The user of the JWT, where the guard asks for one.
    pub session: Option<Arc<Session>>,
    /// The user of the path, where the guard asks for one: the app's backend acts for him.
    pub path_user: Option<Arc<str>>,
    /// The user's access to the group of the path, where the guard asks for it.
    pub group: Option<Arc<GroupAccess>>,
    /// The group through which the user wants to enter, as the caller says.
    pub via: Option<String>,
    /// The route's line in the table.
    pub route: &'static Route,
    /// The values of the path's `{names}`, in order.
    pub params: Params,
    /// Whose address the call comes from.
    pub ip: Option<IpAddr>,
}

impl Call {
    /// The path value at `index`.
    ///
    /// # Errors
    /// `UrlParameter` when the route has fewer.
    pub fn param(&self, index: usize) -> KeyResult<&str> {
        self.params.get(index).ok_or_else(|| ErrorCode::UrlParameter.into())
    }

    /// The last path value.
    ///
    /// # Errors
    /// `UrlParameter` when the route has none.
    pub fn last_param(&self) -> KeyResult<&str> {
        self.params.last().ok_or_else(|| ErrorCode::UrlParameter.into())
    }

    /// The page that the last two path values ask for.
    ///
    /// # Errors
    /// `TimeParameter` when the time is no number, or negative.
    pub fn page(&self) -> KeyResult<Page> {
        let last = self.params.len();
        let (time, id) = (self.param(last.saturating_sub(2))?, self.param(last.saturating_sub(1))?);
        let time = time.parse::<i64>().ok().filter(|t| *t >= 0).ok_or(ErrorCode::TimeParameter)?;
        Ok(Page { time, id: id.to_owned() })
    }

    /// The user of the JWT.
    ///
    /// # Errors
    /// `JwtMissing` when the route's guard does not ask for one: a mistake in the table.
    pub fn session(&self) -> KeyResult<&Session> {
        self.session.as_deref().ok_or_else(|| ErrorCode::JwtMissing.into())
    }

    /// The id of the acting user: that of the JWT, or of the path where the app's backend acts for him.
    ///
    /// # Errors
    /// As [`Call::session`].
    pub fn user_id(&self) -> KeyResult<&str> {
        match &self.path_user {
            Some(id) => Ok(id),
            None => Ok(&self.session()?.user_id),
        }
    }

    /// The access to the group of the path.
    ///
    /// # Errors
    /// `GroupAccess` when the route's guard does not ask for it: a mistake in the table.
    pub fn group(&self) -> KeyResult<&GroupAccess> {
        self.group.as_deref().ok_or_else(|| ErrorCode::GroupAccess.into())
    }

    fn check_option(&self) -> KeyResult<()> {
        if let Some(endpoint) = self.route.option {
            self.tenant.allow(endpoint, self.token)?;
        }
        if self.route.guard.needs_fresh() && !self.session()?.fresh {
            return Err(ErrorCode::WrongJwtAction.into());
        }
        Ok(())
    }
}

/// A keyset page: what comes after `(time, id)`; time 0 is the first page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Time of the last item that was seen, milliseconds.
    pub time: i64,
    /// Its id.
    pub id: String,
}

impl Page {
    /// The first page.
    #[must_use]
    pub const fn first() -> Self {
        Self { time: 0, id: String::new() }
    }

    /// Where an ascending page begins: after this time, or at it after this id.
    #[must_use]
    pub fn ascending(&self) -> (i64, &str) {
        if self.time == 0 { (i64::MIN, "") } else { (self.time, self.last_id()) }
    }

    /// Where a page begins that is descending in time and, at one time, ascending in id.
    #[must_use]
    pub fn descending(&self) -> (i64, &str) {
        if self.time == 0 { (i64::MAX, "") } else { (self.time, self.last_id()) }
    }

    /// What can be no id comes before all ids.
    fn last_id(&self) -> &str {
        if is_id(&self.id) { &self.id } else { "" }
    }
}

type Answer = Pin<Box<dyn Future<Output = KeyResult<HttpResponse>>>>;

/// What it gives.
pub type Flow<'a> = Pin<Box<dyn Future<Output = KeyResult<HttpResponse>> + 'a>>;

/// A handler that takes its body as it comes.
pub type Streaming = dyn for<'a> Fn(Call, &'a mut Upload) -> Flow<'a> + Send + Sync;

/// A handler of any shape.
pub enum Handler {
    /// Gets the whole body, which is small.
    Whole(Box<dyn Fn(Call, Bytes) -> Answer + Send + Sync>),
    /// Takes the body as it comes.
    Stream(Box<Streaming>),
}

/// A handler without a body: `async fn(Call) -> KeyResult<T>`.
pub fn plain<T, F, Fut>(f: F) -> Handler
where
    T: Serialize,
    F: Fn(Call) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = KeyResult<T>> + 'static,
{
    Handler::Whole(Box::new(move |call, _body| {
        Box::pin(async move {
            call.check_option()?;
            let size = &call.route.answer_size;
            envelope::success(&f(call).await?, size)
        })
    }))
}

/// A handler without a body that answers with bytes: `async fn(Call) -> KeyResult<HttpResponse>`.
pub fn download<F, Fut>(f: F) -> Handler
where
    F: Fn(Call) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = KeyResult<HttpResponse>> + 'static,
{
    Handler::Whole(Box::new(move |call, _body| {
        Box::pin(async move {
            call.check_option()?;
            f(call).await
        })
    }))
}

/// A handler that takes its body as it comes: `async fn(Call, &mut Upload) -> KeyResult<T>`.
pub fn upload<T, F>(f: F) -> Handler
where
    T: Serialize,
    F: AsyncFn(Call, &mut Upload) -> KeyResult<T> + Send + Sync + Copy + 'static,
{
    Handler::Stream(Box::new(move |call, upload| {
        Box::pin(async move {
            call.check_option()?;
            let size = &call.route.answer_size;
            envelope::success(&f(call, upload).await?, size)
        })
    }))
}

/// A handler with a JSON body: `async fn(Call, Body) -> KeyResult<T>`. The body is read before the endpoint option is
/// looked at, as the wire reference says.
pub fn body<B, T, F, Fut>(f: F) -> Handler
where
    B: DeserializeOwned + 'static,
    T: Serialize,
    F: Fn(Call, B) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = KeyResult<T>> + 'static,
{
    Handler::Whole(Box::new(move |call, bytes| {
        Box::pin(async move {
            let input = parse(&bytes)?;
            call.check_option()?;
            let size = &call.route.answer_size;
            envelope::success(&f(call, input).await?, size)
        })
    }))
}

/// As [`body`], where an absent body stands for the default.
pub fn body_or_default<B, T, F, Fut>(f: F) -> Handler
where
    B: DeserializeOwned + Default + 'static,
    T: Serialize,
    F: Fn(Call, B) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = KeyResult<T>> + 'static,
{
    Handler::Whole(Box::new(move |call, bytes| {
        Box::pin(async move {
            let input = if bytes.is_empty() { B::default() } else { parse(&bytes)? };
            call.check_option()?;
            let size = &call.route.answer_size;
            envelope::success(&f(call, input).await?, size)
        })
    }))
}

/// Reads JSON; says what is wrong and where, but never repeats the input.
fn parse<B: DeserializeOwned>(bytes: &[u8]) -> KeyResult<B> {
    serde_json::from_slice(bytes).map_err(|e| {
        let what = match e.classify() {
            serde_json::error::Category::Data => "a field is missing or has the wrong type",
            serde_json::error::Category::Eof => "the JSON ends early",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "this is not JSON",
        };
        KeyError::input(format_args!("{what} (line {}, column {})", e.line(), e.column()))
    })
}
