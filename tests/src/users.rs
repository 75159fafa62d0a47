//! Users of the tests.
//!
//! Making keys and deriving a password costs more than a whole test, so registrations are copies of one template per
//! suite under another identifier: the server cannot tell. Tests of the cryptography itself register with the SDK
//! ([`TestServer::new_user`]).

use std::ops::Deref;
use std::sync::LazyLock;

use keystead::keys::StdUser;
use keystead_crypto::encoding::{b64_decode, b64_encode};
use keystead_crypto::password;
use keystead_protocol::groups::{GroupCreateOutput, GroupUpdateCheck, NewMemberKeys};
use keystead_protocol::keys::{
    ForcedLoginOutput, PrepareLoginOutput, RegisterData, RegisterOutput, VerifyLoginInput, VerifyLoginOutput,
};
use keystead_sdk_core::user::{self, LoginStart, LoginStep};
use keystead_sdk_core::{Suite, rng};
use serde_json::{Value, json};

use crate::raw::Answer;
use crate::server::{TestApp, TestServer};
use crate::{bodies, tokens};

/// Password of every user that comes from a template.
pub const PASSWORD: &str = "correct horse battery staple";
/// An id that names nothing.
pub const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

static CLASSIC: LazyLock<Template> = LazyLock::new(|| Template::new(Suite::CLASSIC));
static HYBRID: LazyLock<Template> = LazyLock::new(|| Template::new(Suite::HYBRID));
static G03: LazyLock<Template> = LazyLock::new(|| Template::new(Suite::G03));

/// A registration that is used again and again.
pub struct Template {
    data: RegisterData,
    start: LoginStart,
}

/// A logged-in user of the wire: ids and tokens, no keys.
#[derive(Debug, Clone)]
pub struct Session {
    /// Login identifier.
    pub identifier: String,
    /// User id.
    pub user_id: String,
    /// Device id.
    pub device_id: String,
    /// Id of the user group.
    pub user_group_id: String,
    /// Id of the newest user key.
    pub key_id: String,
    /// Fresh JWT.
    pub jwt: String,
    /// Refresh token.
    pub refresh_token: String,
}

/// A group with the id of its first key.
#[derive(Debug, Clone)]
pub struct TestGroup {
    /// Group id.
    pub id: String,
    /// Id of its first key.
    pub key_id: String,
}

/// A user of the SDK, with keys.
pub struct TestUser {
    /// User id.
    pub id: String,
    /// Login identifier.
    pub identifier: String,
    /// Password.
    pub password: String,
    user: StdUser,
}

impl Deref for TestUser {
    type Target = StdUser;

    fn deref(&self) -> &StdUser {
        &self.user
    }
}

impl Template {
    /// The template of a suite.
    #[must_use]
    pub fn of(suite: Suite) -> &'static Self {
        match suite {
            Suite::G03 => &G03,
            Suite::HYBRID => &HYBRID,
            _ => &CLASSIC,
        }
    }

    /// A registration under this identifier.
    #[must_use]
    pub fn register(&self, identifier: &str) -> RegisterData {
        let mut data = self.data.clone();
        identifier.clone_into(&mut data.device.device_identifier);
        data
    }

    /// The begun login: what opens the device keys in the answer of `done_login`.
    #[must_use]
    pub fn login_start(&self) -> &LoginStart {
        &self.start
    }

    /// Body of `done_login` with the right password.
    #[must_use]
    pub fn done_login(&self, identifier: &str) -> Value {
        json!({ "auth_key": self.start.auth_key().to_b64(), "device_identifier": identifier })
    }

    /// Body of `verify_login`: opens the challenge in the answer of `done_login`.
    ///
    /// # Panics
    /// When the answer holds none.
    #[must_use]
    pub fn verify_login(&self, identifier: &str, done_login: &str) -> VerifyLoginInput {
        let step = user::done_login(&self.start, done_login).unwrap_or_else(|e| panic!("{e}: {done_login}"));
        let LoginStep::Direct(login) = step else { panic!("no challenge: {done_login}") };
        let body = user::prepare_verify_login(&self.start, &login);
        let mut body: VerifyLoginInput = serde_json::from_str(&body).expect("our own JSON");
        identifier.clone_into(&mut body.device_identifier);
        body
    }

    fn new(suite: Suite) -> Self {
        let body = user::prepare_register_with(&mut rng::os(), suite, "template", PASSWORD).expect("a registration");
        let data: RegisterData = serde_json::from_str(&body).expect("our own JSON");
        let crv = b64_decode(&data.device.derived.client_random_value).expect("b64");
        let salt = password::salt(&crv.try_into().expect("16 bytes"));
        let answer = PrepareLoginOutput {
            salt_string: b64_encode(&salt),
            derived_encryption_key_alg: data.device.derived.derived_alg.clone(),
        };
        let answer = json!({ "status": true, "result": answer }).to_string();
        // Clients of 2022 derive at a lower cost.
        let prepare = if suite.g03 { user::prepare_login_g03 } else { user::prepare_login };
        let (_body, start) = prepare("template", PASSWORD, &answer).expect("a login");
        Self { data, start }
    }
}

impl Session {
    /// A session from the answers of a login; user keys are newest first.
    ///
    /// # Panics
    /// When there is no user key.
    #[must_use]
    pub fn from_login(identifier: &str, login: VerifyLoginOutput) -> Self {
        let claims = tokens::claims(&login.jwt);
        Self {
            identifier: identifier.to_owned(),
            user_id: claims.aud,
            device_id: claims.sub,
            user_group_id: claims.group_id,
            key_id: login.user_keys.first().expect("a user key").group_key_id.clone(),
            jwt: login.jwt,
            refresh_token: login.refresh_token,
        }
    }

    /// The body of calls with a refresh token.
    #[must_use]
    pub fn refresh_body(&self) -> Value {
        json!({ "refresh_token": self.refresh_token })
    }
}

impl TestServer {
    /// A user of the app `lax`, logged in by the backend: two calls, no keys.
    pub async fn session(&self, identifier: &str) -> Session {
        self.session_in(&self.lax, Suite::CLASSIC, identifier).await
    }

    /// As [`TestServer::session`], in any app and with any suite.
    pub async fn session_in(&self, app: &TestApp, suite: Suite, identifier: &str) -> Session {
        self.register(app, suite, identifier).await;
        self.forced_login(app, identifier).await
    }

    /// Registers a user with the secret token.
    pub async fn register(&self, app: &TestApp, suite: Suite, identifier: &str) -> RegisterOutput {
        let body = Template::of(suite).register(identifier);
        self.post("/register").token(&app.secret).json(&body).ok_as().await
    }

    /// Logs a user in as the customer's backend.
    pub async fn forced_login(&self, app: &TestApp, identifier: &str) -> Session {
        let body = json!({ "user_identifier": identifier });
        let login: ForcedLoginOutput = self.post("/user/forced/login").token(&app.secret).json(&body).ok_as().await;
        Session::from_login(identifier, login.verify)
    }

    /// Sends `done_login` with the right password.
    pub async fn done_login(&self, app: &TestApp, suite: Suite, identifier: &str) -> Answer {
        let body = Template::of(suite).done_login(identifier);
        self.post("/done_login").token(&app.public).json(&body).send().await
    }

    /// Logs a user of a template in, with password and challenge.
    pub async fn login(&self, app: &TestApp, suite: Suite, identifier: &str) -> Session {
        let answer = self.done_login(app, suite, identifier).await;
        let body = Template::of(suite).verify_login(identifier, &answer.text());
        Session::from_login(identifier, self.post("/verify_login").token(&app.public).json(&body).ok_as().await)
    }

    /// A user of the SDK with the classic suite, from the template.
    ///
    /// # Panics
    /// When the login fails.
    pub async fn user(&self, identifier: &str) -> TestUser {
        let id = self.register(&self.lax, Suite::CLASSIC, identifier).await.user_id;
        let user = self.sdk(&self.lax.public).login(identifier, PASSWORD).await.expect("logs in");
        TestUser { id, identifier: identifier.to_owned(), password: PASSWORD.to_owned(), user }
    }

    /// A user of the SDK with keys of his own.
    ///
    /// # Panics
    /// When registration or login fail.
    pub async fn new_user(&self, suite: Suite, identifier: &str, password: &str) -> TestUser {
        let client = self.sdk(&self.lax.public);
        let id = client.register_suite(suite, identifier, password).await.expect("registers");
        let user = client.login(identifier, password).await.expect("logs in");
        TestUser { id, identifier: identifier.to_owned(), password: password.to_owned(), user }
    }

    /// A group of this user, with a key.
    ///
    /// # Panics
    /// When the group has no key.
    pub async fn group(&self, owner: &Session) -> TestGroup {
        let body = bodies::group(&owner.key_id);
        let made: GroupCreateOutput = self.post("/group").jwt(&owner.jwt).json(&body).ok_as().await;
        let data = self.get(&format!("/group/{}", made.group_id)).jwt(&owner.jwt).ok().await;
        TestGroup { id: made.group_id, key_id: first_key(&data) }
    }

    /// A child of a group, with a key.
    pub async fn child(&self, by: &Session, parent: &TestGroup) -> TestGroup {
        let made = self.make_from(by, parent, "child").await;
        let data = self.get(&format!("/group/{made}")).jwt(&by.jwt).ok().await;
        TestGroup { key_id: first_key(&data), id: made }
    }

    /// A connected group that this group makes, with a key.
    pub async fn connected(&self, by: &Session, own: &TestGroup) -> TestGroup {
        let made = self.make_from(by, own, "connected").await;
        let data = self.get(&format!("/group/{made}")).via(own).jwt(&by.jwt).ok().await;
        TestGroup { key_id: first_key(&data), id: made }
    }

    async fn make_from(&self, by: &Session, from: &TestGroup, what: &str) -> String {
        let call = self.post(&format!("/group/{}/{what}", from.id)).jwt(&by.jwt).json(&bodies::group(&from.key_id));
        call.ok_as::<GroupCreateOutput>().await.group_id
    }

    /// A group of this user with these members.
    pub async fn group_with(&self, owner: &Session, members: &[(&Session, i32)]) -> TestGroup {
        let group = self.group(owner).await;
        for (member, rank) in members {
            self.add_member(owner, &group, member, *rank).await;
        }
        group
    }

    /// Makes somebody a member at once.
    pub async fn add_member(&self, by: &Session, group: &TestGroup, member: &Session, rank: i32) {
        let body = bodies::new_member(&[&group.key_id], member, Some(rank));
        self.put_member("invite_auto", by, group, member, &body).ok().await;
    }

    /// Waits until a key rotation waits for a member: the server's job comes to him a moment after the start.
    ///
    /// # Panics
    /// When it does not.
    pub async fn rotation_served(&self, group: &TestGroup, member: &Session) {
        let path = format!("/group/{}/update_check", group.id);
        let waits = async || {
            let check: GroupUpdateCheck = self.get(&path).jwt(&member.jwt).ok_as().await;
            check.key_update
        };
        self.until(waits).await;
    }

    /// `PUT /group/:g/KIND/:user` with wrapped keys.
    pub fn put_member(
        &self,
        kind: &str,
        by: &Session,
        group: &TestGroup,
        member: &Session,
        body: &NewMemberKeys,
    ) -> crate::raw::Call {
        self.put(&format!("/group/{}/{kind}/{}", group.id, member.user_id)).jwt(&by.jwt).json(body)
    }

    /// A member's rank, by `GET /group/:g/light`; `None` without access.
    ///
    /// # Panics
    /// When the refusal is not 310.
    pub async fn rank_of(&self, group: &TestGroup, member: &Session) -> Option<i64> {
        let answer = self.get(&format!("/group/{}/light", group.id)).jwt(&member.jwt).send().await;
        match answer.code() {
            None => answer.result().get("rank").and_then(Value::as_i64),
            Some(code) => {
                assert_eq!(code, 310, "{answer}");
                None
            }
        }
    }
}

fn first_key(group_data: &Value) -> String {
    group_data.pointer("/keys/0/group_key_id").and_then(Value::as_str).expect("a key").to_owned()
}
