//! Users and their groups on one server, made before anything is measured.
//!
//! Keys are made once, for a few templates; all other users are registered with a template's keys under another
//! identifier. So a registration costs the client a few copied bytes, and a login the opening of its challenge.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use keystead_protocol::keys::VerifyLoginOutput;
use keystead_sdk_core::crypto::asym::SecretKey;
use keystead_sdk_core::group::{self, CreateGroup};
use keystead_sdk_core::rng;
use keystead_sdk_core::user::{self, LoginStart, LoginStep, UserData};

use crate::clients::{Login, LoginRequests, Register, Requests};
use crate::engine::Client;
use crate::http::{self, Blocking};
use crate::stop;

/// Users who log in and read; at least as many as connections, for a device has one login at a time.
pub(crate) const USERS: usize = 128;
const GROUPS_PER_USER: usize = 2;
const TEMPLATES: usize = 16;
const PASSWORD: &str = "correct horse battery staple";

/// Registration bodies with all keys, and where the identifier stands in them.
pub(crate) struct Templates(Vec<(String, usize)>);

/// Users and groups on one server.
pub(crate) struct Population {
    headers: Vec<String>,
    logins: Vec<Arc<LoginRequests>>,
    /// Index of the user, group id.
    groups: Vec<(usize, String)>,
    registrations: Vec<(Vec<u8>, usize)>,
}

/// A template after its login: what its copies need.
struct Opened {
    auth_key: String,
    secret: SecretKey,
    user_id: String,
    key_id: String,
    group: String,
}

impl Templates {
    /// Makes the keys: some 16 times Argon2id and hybrid key generation.
    ///
    /// # Errors
    /// When key generation fails.
    pub(crate) fn make() -> Result<Self> {
        let make = |number| {
            let body = user::prepare_register(&mut rng::os(), &identifier(number), PASSWORD)?;
            let at = body.find(&identifier(number)).context("no identifier in the body")?;
            Ok((body, at))
        };
        Ok(Self((0..TEMPLATES as u64).map(make).collect::<Result<_>>()?))
    }

    /// Body of the registration of user `number`.
    fn body(&self, number: usize) -> Result<String> {
        let (body, at) = self.0.get(number % TEMPLATES).context("no template")?;
        let mut body = body.clone();
        let name = identifier(number as u64);
        body.replace_range(*at..*at + name.len(), &name);
        Ok(body)
    }
}

impl Population {
    /// Registers the users, logs them in and makes their groups. The first users go through the real client, so that
    /// the answers are known to be right.
    ///
    /// # Errors
    /// The first refused call.
    pub(crate) fn settle(templates: &Templates, addr: SocketAddr, public_token: &str) -> Result<Self> {
        let mut server = Setup::open(addr, public_token)?;
        let headers = server.headers.clone();
        let ids: Vec<String> = (0..USERS).map(|n| server.register(templates, n)).collect::<Result<_>>()?;
        let opened: Vec<Opened> = (0..TEMPLATES).map(|n| server.template(n)).collect::<Result<_>>()?;
        let mut logins = Vec::new();
        let mut groups = Vec::new();
        for (number, user_id) in ids.iter().enumerate() {
            stop::check()?;
            let template = opened.get(number % TEMPLATES).context("no template")?;
            let login = Arc::new(LoginRequests::new(
                &headers,
                &identifier(number as u64),
                &template.auth_key,
                &template.secret,
            )?);
            let verified = server.log_in(&login)?;
            let key_id = &verified.user_keys.first().context("no user key")?.group_key_id;
            let body = template.group.replace(&template.user_id, user_id).replace(&template.key_id, key_id);
            for _ in 0..GROUPS_PER_USER {
                let answer = server.call("POST", "/group", Some(&verified.jwt), &body)?;
                groups.push((number, group::done_create_group(&answer)?));
            }
            logins.push(login);
        }
        let render = |(body, at): &(String, usize)| {
            let request = http::render("POST", "/api/v1/register", &headers, body);
            let at = request.len() - body.len() + at;
            (request, at)
        };
        let registrations = templates.0.iter().map(render).collect();
        Ok(Self { headers, logins, groups, registrations })
    }

    /// `GET /group/:id/light` of all groups.
    ///
    /// # Errors
    /// A refused login.
    pub(crate) fn light(&self, addr: SocketAddr) -> Result<Requests> {
        self.group_requests(addr, "/light")
    }

    /// `GET /group/:id` of all groups.
    ///
    /// # Errors
    /// A refused login.
    pub(crate) fn get(&self, addr: SocketAddr) -> Result<Requests> {
        self.group_requests(addr, "")
    }

    /// Logs everybody in and renders `GET /group/:id{suffix}` for all groups: JWTs live five minutes.
    ///
    /// # Errors
    /// A refused login.
    fn group_requests(&self, addr: SocketAddr, suffix: &str) -> Result<Requests> {
        let mut server = Setup { connection: Blocking::connect(addr)?, headers: self.headers.clone() };
        let jwts: Vec<String> = self.logins.iter().map(|login| Ok(server.log_in(login)?.jwt)).collect::<Result<_>>()?;
        let render = |(user, group): &(usize, String)| {
            let jwt = jwts.get(*user).context("no JWT")?;
            let headers = with_jwt(&self.headers, Some(jwt));
            Ok(http::render("GET", &format!("/api/v1/group/{group}{suffix}"), &headers, "").into())
        };
        Ok(Requests::new(self.groups.iter().map(render).collect::<Result<_>>()?))
    }

    /// A connection that registers one new user after the other.
    pub(crate) fn registering(&self, number: usize) -> Result<Box<dyn Client>> {
        let (request, at) = self.registrations.get(number % TEMPLATES).context("no template")?;
        Ok(Box::new(Register::new(request.clone(), *at)))
    }

    /// A connection that logs its share of the users in, one after the other.
    pub(crate) fn logging_in(&self, number: usize, of: usize) -> Result<Box<dyn Client>> {
        let mine: Vec<_> = self.logins.iter().skip(number).step_by(of).cloned().collect();
        Ok(Box::new(Login::new(mine)?))
    }
}

/// Registers a user and logs him in; gives the headers of his calls.
///
/// # Errors
/// A refused call.
pub(crate) fn headers_of_one(addr: SocketAddr, public_token: &str) -> Result<Vec<String>> {
    let mut server = Setup::open(addr, public_token)?;
    let name = identifier(0);
    server.call("POST", "/register", None, &user::prepare_register(&mut rng::os(), &name, PASSWORD)?)?;
    let (_start, user) = server.enter(&name)?;
    Ok(server.headers(Some(user.jwt())))
}

/// Calls while setting up, one after the other on one connection.
pub(crate) struct Setup {
    connection: Blocking,
    headers: Vec<String>,
}

impl Setup {
    /// Connects; `public_token` is that of the app in which everything happens.
    ///
    /// # Errors
    /// When nobody listens.
    pub(crate) fn open(addr: SocketAddr, public_token: &str) -> Result<Self> {
        let headers = vec![format!("x-sentc-app-token: {public_token}")];
        Ok(Self { connection: Blocking::connect(addr)?, headers })
    }

    /// Header lines of a call, with the JWT.
    pub(crate) fn headers(&self, jwt: Option<&str>) -> Vec<String> {
        with_jwt(&self.headers, jwt)
    }

    /// Registers user `number` with the keys of a template; gives the user id.
    ///
    /// # Errors
    /// When he is refused.
    pub(crate) fn register(&mut self, templates: &Templates, number: usize) -> Result<String> {
        Ok(user::done_register(&self.call("POST", "/register", None, &templates.body(number)?)?)?)
    }

    /// Logs user `number` in as the real client does; gives all his keys.
    ///
    /// # Errors
    /// When he is refused.
    pub(crate) fn user(&mut self, number: usize) -> Result<UserData> {
        Ok(self.enter(&identifier(number as u64))?.1)
    }

    /// A call of the key API; gives the text of the answer, whatever its envelope says.
    ///
    /// # Errors
    /// When the status is not 200.
    pub(crate) fn call(&mut self, method: &str, path: &str, jwt: Option<&str>, body: &str) -> Result<String> {
        let request = http::render(method, &format!("/api/v1{path}"), &with_jwt(&self.headers, jwt), body);
        let answer = self.connection.send(&request)?;
        Ok(answer.text().with_context(|| format!("{method} {path}"))?.to_owned())
    }

    /// Login of a template's user, creation and reading of a group, all with the real client.
    fn template(&mut self, number: usize) -> Result<Opened> {
        let (start, user) = self.enter(&identifier(number as u64))?;
        let secret = user.device().secret().clone();
        let group = group::prepare_create_group(&mut rng::os(), &user, CreateGroup::default())?;
        self.check_group(&user, &group)?;
        Ok(Opened {
            auth_key: start.auth_key().to_b64(),
            secret,
            user_id: user.user_id().to_owned(),
            key_id: user.newest_key()?.id().to_owned(),
            group,
        })
    }

    /// A login with the real client.
    fn enter(&mut self, name: &str) -> Result<(LoginStart, UserData)> {
        let answer = self.call("POST", "/prepare_login", None, &user::prepare_login_start(name))?;
        let (body, start) = user::prepare_login(name, PASSWORD, &answer)?;
        let answer = self.call("POST", "/done_login", None, &body)?;
        let LoginStep::Direct(login) = user::done_login(&start, &answer)? else { bail!("no direct login") };
        let answer = self.call("POST", "/verify_login", None, &user::prepare_verify_login(&start, &login))?;
        Ok((start, user::done_verify_login(*login, &answer)?))
    }

    /// The group of a template can be made and opened again.
    fn check_group(&mut self, user: &UserData, body: &str) -> Result<()> {
        let id = group::done_create_group(&self.call("POST", "/group", Some(user.jwt()), body)?)?;
        let answer = self.call("GET", &format!("/group/{id}"), Some(user.jwt()), "")?;
        let mut signers = user::VerifyKeys::new();
        signers.pin(user.user_id(), &user.newest_key()?.exported_verify_key())?;
        let opened = group::done_get_group(&answer, user, &signers)?;
        ensure!(!opened.keys().is_empty(), "a group without keys");
        Ok(())
    }

    /// A login as the load does it.
    fn log_in(&mut self, login: &Arc<LoginRequests>) -> Result<VerifyLoginOutput> {
        let mut client = Login::new(vec![Arc::clone(login)])?;
        loop {
            client.next()?;
            let answer = self.connection.send(client.bytes())?;
            if client.answer(&answer)? {
                return Ok(keystead_protocol::parse(answer.text()?)?);
            }
        }
    }
}

fn with_jwt(headers: &[String], jwt: Option<&str>) -> Vec<String> {
    headers.iter().cloned().chain(jwt.map(|jwt| format!("authorization: Bearer {jwt}"))).collect()
}

/// Always of the same length, so that one replaces the other.
pub(crate) fn identifier(number: u64) -> String {
    format!("load-{number:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_one_length_and_differ() {
        let names: Vec<_> = [0, 1, 1 << 32, u64::MAX].map(identifier).into();
        assert!(names.iter().all(|n| n.len() == names[0].len()));
        assert!(names.windows(2).all(|w| w[0] != w[1]));
    }
}
