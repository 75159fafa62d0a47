//! The data API as its clients see it: calls of an app by its backend, by users and by nobody.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::server::{TestApp, TestServer};

/// An app of the data API, called by its backend unless something else is said.
#[derive(Clone)]
pub struct DataApp {
    /// The server.
    pub server: TestServer,
    /// App id.
    pub id: String,
    /// Admin token.
    pub admin: String,
}

/// A request that is being put together.
#[must_use]
pub struct DataRequest {
    request: RequestBuilder,
    what: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct DataAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    what: String,
}

impl TestServer {
    /// The app `lax` of this server, as the data API has it.
    #[must_use]
    pub fn data(&self) -> DataApp {
        self.data_of(&self.lax)
    }

    /// An app as the data API has it.
    #[must_use]
    pub fn data_of(&self, app: &TestApp) -> DataApp {
        DataApp { server: self.clone(), id: app.id.clone(), admin: app.admin.clone() }
    }
}

impl DataApp {
    /// A call of the backend.
    pub fn call(&self, method: &str, path: &str) -> DataRequest {
        self.anybody(method, path).header("authorization", &format!("Bearer {}", self.admin))
    }

    /// A call without any token.
    ///
    /// # Panics
    /// For a method that there is not.
    pub fn anybody(&self, method: &str, path: &str) -> DataRequest {
        let method: Method = method.parse().expect("a method");
        let what = format!("{method} {path}");
        let request = self.server.http().request(method, format!("{}{path}", self.server.url()));
        DataRequest { request: request.header("app-id", &self.id).timeout(Duration::from_secs(60)), what }
    }

    /// `POST /admin/query`: the tree.
    pub async fn query(&self, query: Value) -> Value {
        self.call("POST", "/admin/query").body(&json!({ "query": query })).ok().await
    }

    /// `POST /admin/transact`: the number of the transaction.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn transact(&self, steps: Value) -> i64 {
        let done = self.call("POST", "/admin/transact").body(&json!({ "steps": steps })).ok().await;
        done["tx-id"].as_i64().expect("a number")
    }

    /// `POST /admin/transact` that is refused: the body.
    pub async fn refused(&self, steps: Value) -> Value {
        self.call("POST", "/admin/transact").body(&json!({ "steps": steps })).refused("").await
    }

    /// Sets the app's rules, as a push does.
    ///
    /// # Panics
    /// When they are not valid.
    pub async fn set_rules(&self, rules: Value) {
        use keystead_server::rooms::data::error::DataError;
        use keystead_server::rooms::data::space::rules as space;
        let (app, id) = (self.server.app(), self.id.clone());
        let write = move |tx: &mut keystead_server::db::Conn| {
            space::set_rules(tx, &id, &rules)?;
            space::reload(tx, &id)?;
            Ok::<_, DataError>(())
        };
        app.db.write(write).await.expect("valid rules");
    }
}

impl DataRequest {
    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    /// With a JSON body.
    pub fn body(self, body: &Value) -> Self {
        Self { request: self.request.json(body), ..self }
    }

    /// With any body.
    pub fn raw(self, body: impl Into<reqwest::Body>) -> Self {
        Self { request: self.request.body(body), ..self }
    }

    /// Sends it.
    ///
    /// # Panics
    /// When there is no answer, or it is no JSON, or what holds for every answer does not.
    pub async fn send(self) -> DataAnswer {
        let response = self.request.send().await.unwrap_or_else(|e| panic!("{}: {e}", self.what));
        let status = response.status().as_u16();
        assert_eq!(response.headers()["access-control-allow-origin"], "*", "{}", self.what);
        // A stream of events has no end.
        if response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream") {
            return DataAnswer { status, body: Value::Null, what: self.what };
        }
        let text = response.text().await.expect("a body");
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}: {text}", self.what));
        DataAnswer { status, body, what: self.what }
    }

    /// Sends it; gives the body of a success.
    ///
    /// # Panics
    /// When it is none.
    pub async fn ok(self) -> Value {
        let answer = self.send().await;
        assert_eq!(answer.status, 200, "{}: {}", answer.what, answer.body);
        answer.body
    }

    /// Sends it; gives the body of a refusal of this type (empty: any).
    ///
    /// # Panics
    /// When it is another, or a failure of the server.
    pub async fn refused(self, kind: &str) -> Value {
        let answer = self.send().await;
        assert!((400..500).contains(&answer.status), "{}: {} {}", answer.what, answer.status, answer.body);
        assert!(kind.is_empty() || answer.body["type"] == kind, "{}: {}", answer.what, answer.body);
        assert!(answer.body["message"].is_string() && answer.body["trace-id"].is_string(), "{}", answer.body);
        answer.body
    }
}
