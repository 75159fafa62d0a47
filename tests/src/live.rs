//! Users, rules and events for tests of live queries.

use bytes::BytesMut;
use keystead_server::db::Conn;
use keystead_server::rooms::data::auth::rules as auth;
use keystead_server::rooms::data::error::DataResult;
use keystead_server::rooms::data::space;
use serde_json::{Value, json};

use crate::TestServer;

/// A user of the data API.
pub struct DataUser {
    /// His id.
    pub id: String,
    /// A refresh token.
    pub token: String,
}

impl TestServer {
    /// Makes a user with this address.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn data_user(&self, email: &str) -> DataUser {
        let id = self.app().new_id();
        let steps = json!([["update", "$users", id, {"email": email, "type": "user"}]]);
        let call = self.http().post(format!("{}/admin/transact", self.url())).header("app-id", &self.lax.id);
        let made = call.bearer_auth(&self.lax.admin).json(&json!({"steps": steps})).send().await.expect("an answer");
        assert_eq!(made.status().as_u16(), 200, "{}", made.text().await.unwrap_or_default());
        let token = self.data_token(&id).await;
        DataUser { id, token }
    }

    /// One more refresh token of a user.
    ///
    /// # Panics
    /// When there is no such user.
    pub async fn data_token(&self, user: &str) -> String {
        let (app, id, user) = (self.app(), self.lax.id.clone(), user.parse().expect("an id"));
        let shared = self.app();
        let mint = move |tx: &mut Conn| -> DataResult<_> {
            let space = space::current(&shared, tx, &id)?.expect("an app with data");
            auth::mint(&shared, tx, &space, user)
        };
        app.db.write(mint).await.expect("minted").to_string()
    }

    /// Ends a refresh token, as its owner does.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn data_sign_out(&self, token: &str) {
        let body = json!({"app_id": self.lax.id, "refresh_token": token});
        let call = self.http().post(format!("{}/runtime/signout", self.url())).json(&body);
        let ended = call.send().await.expect("an answer");
        assert_eq!(ended.status().as_u16(), 200, "{}", ended.text().await.unwrap_or_default());
    }

    /// Replaces the rules, as `instant-cli push` does.
    ///
    /// # Panics
    /// When they are wrong.
    pub async fn data_rules(&self, code: &Value) {
        let call = self.http().post(format!("{}/dash/apps/{}/rules", self.url(), self.lax.id));
        let set = call.bearer_auth(&self.lax.admin).json(&json!({"code": code})).send().await.expect("an answer");
        assert_eq!(set.status().as_u16(), 200, "{}", set.text().await.unwrap_or_default());
    }

    /// Who is in a room, as the backend asks.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn data_presence(&self, kind: &str, room: &str) -> Value {
        let url = format!("{}/admin/rooms/presence?room-type={kind}&room-id={room}", self.url());
        let call = self.http().get(url).header("app-id", &self.lax.id).bearer_auth(&self.lax.admin);
        call.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// Opens a stream of events of the app.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn data_events(&self, method: &str, path: &str) -> Events {
        let method = method.parse().expect("a method");
        let url = format!("{}{path}?app_id={}", self.url(), self.lax.id);
        let answer = self.http().request(method, url).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        Events { answer, buffer: BytesMut::new() }
    }
}

/// Server-Sent Events.
pub struct Events {
    answer: reqwest::Response,
    buffer: BytesMut,
}

impl Events {
    /// The next event's JSON.
    ///
    /// # Panics
    /// When the stream ends.
    pub async fn next(&mut self) -> Value {
        loop {
            while let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let block = self.buffer.split_to(end + 2);
                if let Some(data) = block.strip_prefix(b"data: ") {
                    return serde_json::from_slice(data).expect("JSON");
                }
            }
            let chunk = self.answer.chunk().await.expect("read").expect("an event");
            self.buffer.extend_from_slice(&chunk);
        }
    }
}
