//! The audit log of the key API: every call that changes something writes an entry into its own transaction.
//!
//! The event is the route itself, as docs/api.md lists it (`DELETE /group/{group_id}/kick/{user_id}`), so that nothing can
//! be forgotten or misnamed; who and whom come from the guard and from the path.

use std::net::IpAddr;

use super::call::Call;
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::rooms::audit::rules::{self as audit, Event};

/// What an entry says besides the event.
struct Circumstances {
    app_id: String,
    event: String,
    /// The user of the JWT; none where the app's backend acts, or nobody is logged in yet.
    actor: Option<String>,
    subject: Option<String>,
    /// The group, else the file, key or app of the path.
    place: Option<String>,
    ip: Option<String>,
}

impl Call {
    /// Runs `work` in a transaction, and tells the audit log about it there.
    ///
    /// # Errors
    /// Those of `work`, and what the database says.
    pub async fn write<T, F>(&self, work: F) -> KeyResult<T>
    where
        T: Send + 'static,
        F: Fn(&mut Conn) -> KeyResult<T> + Send + 'static,
    {
        self.write_naming(move |tx| Ok((work(tx)?, None))).await
    }

    /// As [`Call::write`], about this user, whom the path does not name.
    ///
    /// # Errors
    /// As [`Call::write`].
    pub async fn write_about<T, F>(&self, subject: &str, work: F) -> KeyResult<T>
    where
        T: Send + 'static,
        F: Fn(&mut Conn) -> KeyResult<T> + Send + 'static,
    {
        let subject = subject.to_owned();
        self.write_naming(move |tx| Ok((work(tx)?, Some(subject.clone())))).await
    }

    /// As [`Call::write`], where only `work` finds out whom it is about.
    ///
    /// # Errors
    /// As [`Call::write`].
    pub async fn write_naming<T, F>(&self, work: F) -> KeyResult<T>
    where
        T: Send + 'static,
        F: Fn(&mut Conn) -> KeyResult<(T, Option<String>)> + Send + 'static,
    {
        let (app, told) = (self.app.clone(), self.circumstances());
        let work = move |tx: &mut Conn| {
            let (done, subject) = work(tx)?;
            let event = Event {
                name: &told.event,
                actor: told.actor.as_deref(),
                subject: subject.as_deref().or(told.subject.as_deref()),
                ip: told.ip.as_deref(),
                detail: told.place.as_deref(),
            };
            audit::record(&app, tx, &told.app_id, &event)?;
            Ok::<_, KeyError>(done)
        };
        self.app.db.write(work).await
    }

    fn circumstances(&self) -> Circumstances {
        let path = self.route.pattern.trim_start_matches("/api/v1");
        let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let named = |wanted: &[&str]| {
            // The last one that fits: a kick names the acting user first.
            let found = names.clone().enumerate().filter(|(_, name)| wanted.contains(name)).last();
            found.and_then(|(index, _)| self.params.get(index)).map(str::to_owned)
        };
        Circumstances {
            app_id: self.tenant.id.clone(),
            event: format!("{} {path}", self.route.method),
            actor: self.session.as_ref().map(|s| s.user_id.clone()),
            subject: named(&["user_id", "member_id", "guest_id", "device_id"]),
            place: named(&["group_id"]).or_else(|| named(&["file_id", "key_id", "app_id"])),
            ip: self.ip.map(|ip: IpAddr| ip.to_canonical().to_string()),
        }
    }
}
