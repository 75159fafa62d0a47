//! How long a query may take (`data.query_seconds`).

use std::time::{Duration, Instant};

use keystead_instaql::{Error, Kind};
use serde_json::Value;

use crate::app::App;
use crate::rooms::data::error::DataError;

/// The time of one query.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    begun: Instant,
    time: Duration,
}

impl Limit {
    /// It begins now.
    #[must_use]
    pub fn start(app: &App) -> Self {
        Self { begun: Instant::now(), time: Duration::from_secs(app.config.data.query_seconds) }
    }

    /// What each statement may take: for [`Db::read_snapshot_within`](crate::db::Db::read_snapshot_within).
    #[must_use]
    pub fn time(&self) -> Duration {
        self.time
    }

    /// What is told of a failure. The database's own error of a statement that took too long is known by its text only, in its
    /// language.
    #[must_use]
    pub fn told(&self, e: DataError) -> DataError {
        if e.cause.is_some() && self.begun.elapsed() >= self.time { too_long() } else { e }
    }
}

pub(super) fn too_long() -> DataError {
    Error::new(Kind::Timeout, "The query took too long", Value::Null).into()
}
