//! What an entry says.

use serde::Serialize;

/// Most entries of one page.
pub const PAGE: i64 = 100;

/// One thing that happened. What is not set is not known or does not apply.
#[derive(Debug, Clone, Copy, Default)]
pub struct Event<'a> {
    /// A fixed text, so that readers can filter: `identity.login`, or the route of a call of the key API
    /// (`DELETE /group/{group_id}`).
    pub name: &'a str,
    /// User id of who did it.
    pub actor: Option<&'a str>,
    /// User id of whom it was done to.
    pub subject: Option<&'a str>,
    /// Address it came from.
    pub ip: Option<&'a str>,
    /// One more word or id. Never a name, an e-mail address or a secret.
    pub detail: Option<&'a str>,
}

/// An entry as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Grows with every entry of the server.
    pub id: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// See [`Event::name`].
    pub event: String,
    /// User id of who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<String>,
    /// User id of whom it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// Address it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// One more word or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Which entries of an app are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Entries older than this id: the next page.
    pub before_id: Option<i64>,
    /// About this user.
    pub subject: Option<String>,
    /// With this event name.
    pub event: Option<String>,
    /// Not older than this, milliseconds since 1970.
    pub since_ms: Option<i64>,
}
