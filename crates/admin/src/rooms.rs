//! Who is in a room.

use std::collections::BTreeMap;

use keystead_protocol::data::User;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::client::send;
use crate::{Db, Result};

/// Calls about rooms; they need the admin token.
#[derive(Debug, Clone, Copy)]
pub struct Rooms<'a>(pub(crate) &'a Db);

/// One session in a room.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Presence {
    /// Id of the session.
    #[serde(rename = "peer-id")]
    pub peer_id: String,
    /// Who it is, when signed in.
    #[serde(default)]
    pub user: Option<User>,
    /// What the session tells of itself.
    #[serde(default)]
    pub data: Value,
}

impl Rooms<'_> {
    /// The sessions in a room, by session id.
    ///
    /// # Errors
    /// Refusals.
    pub async fn get_presence(&self, room_type: &str, room_id: &str) -> Result<BTreeMap<String, Presence>> {
        #[derive(Deserialize)]
        struct Answer {
            sessions: Option<BTreeMap<String, Presence>>,
        }
        let query = [("room-type", room_type), ("room-id", room_id)];
        let answer: Answer = send(self.0.admin_request(Method::GET, "/admin/rooms/presence", &query)?).await?;
        Ok(answer.sessions.unwrap_or_default())
    }
}
