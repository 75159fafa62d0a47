//! What one connection of the load does: send ready requests, register, log in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use keystead_crypto::asym::SecretKey;
use keystead_crypto::encoding::b64_decode;

use crate::engine::Client;
use crate::http::{self, Answer};
use crate::users::identifier;

/// Characters of the login challenge: 50 bytes, b64url.
const CHALLENGE: usize = 67;

/// Ready requests that any connection may send. Clones share them.
#[derive(Clone)]
pub(crate) struct Requests(Vec<Arc<[u8]>>);

impl Requests {
    pub(crate) fn new(requests: Vec<Arc<[u8]>>) -> Self {
        Self(requests)
    }

    /// One and the same request.
    pub(crate) fn of(request: Vec<u8>) -> Self {
        Self(vec![request.into()])
    }

    /// A connection that sends its share of them in turn. `json`: answers are envelopes and have to say yes.
    pub(crate) fn client(&self, number: usize, of: usize, json: bool) -> Box<dyn Client> {
        let mut mine: Vec<_> = self.0.iter().skip(number).step_by(of).cloned().collect();
        if mine.is_empty() {
            mine.clone_from(&self.0);
        }
        Box::new(Fixed { at: mine.len() - 1, requests: mine, json })
    }
}

struct Fixed {
    requests: Vec<Arc<[u8]>>,
    at: usize,
    json: bool,
}

impl Client for Fixed {
    fn next(&mut self) -> Result<()> {
        self.at = (self.at + 1) % self.requests.len();
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        self.requests.get(self.at).map_or(&[], |r| r)
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<bool> {
        if self.json {
            answer.expect_success()?;
        } else {
            ensure!(answer.status == 200, "HTTP {}", answer.status);
        }
        Ok(true)
    }
}

/// One request again and again, with other ids each time: every place of an id counts on.
#[derive(Clone)]
pub(crate) struct Numbered {
    request: Vec<u8>,
    /// Where the last digits of the ids begin.
    places: Vec<usize>,
}

/// Hex digits at the end of an id that count.
const DIGITS: usize = 12;

impl Numbered {
    /// `id`: the text that stands at the places.
    pub(crate) fn new(request: Vec<u8>, id: &str) -> Self {
        let ends = memchr::memmem::find_iter(&request, id).map(|at| at + id.len() - DIGITS);
        let places = ends.collect();
        Self { request, places }
    }

    /// How many ids there are.
    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }
}

impl Client for Numbered {
    fn next(&mut self) -> Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let first = NEXT.fetch_add(u64::try_from(self.places.len())?, Ordering::Relaxed);
        for (place, number) in self.places.iter().zip(first..) {
            let digits = self.request.get_mut(*place..*place + DIGITS).context("no place for an id")?;
            digits.copy_from_slice(format!("{number:0DIGITS$x}").as_bytes());
        }
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        &self.request
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<bool> {
        ensure!(answer.status == 200, "HTTP {}", answer.status);
        Ok(true)
    }
}

/// Registers one new user after the other.
pub(crate) struct Register {
    request: Vec<u8>,
    at: usize,
}

impl Register {
    /// `request`: of any user, with the identifier at byte `at`.
    pub(crate) fn new(request: Vec<u8>, at: usize) -> Self {
        Self { request, at }
    }
}

impl Client for Register {
    fn next(&mut self) -> Result<()> {
        /// Beyond the numbers of the settled users.
        static NEXT: AtomicU64 = AtomicU64::new(1 << 32);
        let name = identifier(NEXT.fetch_add(1, Ordering::Relaxed));
        let place = self.request.get_mut(self.at..self.at + name.len()).context("no place for the identifier")?;
        place.copy_from_slice(name.as_bytes());
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        &self.request
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<bool> {
        answer.expect_success()?;
        Ok(true)
    }
}

#[derive(Clone, Copy)]
enum Step {
    Prepare,
    Done,
    Verify,
}

/// Logs its users in, one after the other: three calls each.
pub(crate) struct Login {
    users: Vec<Arc<LoginRequests>>,
    user: Arc<LoginRequests>,
    at: usize,
    /// The call whose answer is awaited.
    step: Step,
    /// The last call of this login, with its challenge.
    verify: Vec<u8>,
}

impl Login {
    pub(crate) fn new(users: Vec<Arc<LoginRequests>>) -> Result<Self> {
        let user = Arc::clone(users.last().context("more connections than users")?);
        // `Verify` is the end of the login before: the next call is the first of the first user.
        Ok(Self { at: users.len() - 1, users, user, step: Step::Verify, verify: Vec::new() })
    }
}

impl Client for Login {
    fn next(&mut self) -> Result<()> {
        self.step = match self.step {
            Step::Prepare => Step::Done,
            Step::Done => Step::Verify,
            Step::Verify => {
                self.at = (self.at + 1) % self.users.len();
                self.user = Arc::clone(self.users.get(self.at).context("no user")?);
                Step::Prepare
            }
        };
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        match self.step {
            Step::Prepare => &self.user.prepare,
            Step::Done => &self.user.done,
            Step::Verify => &self.verify,
        }
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<bool> {
        answer.expect_success()?;
        if matches!(self.step, Step::Done) {
            self.user.fill_verify(answer.body, &mut self.verify)?;
        }
        Ok(matches!(self.step, Step::Verify))
    }
}

/// The three requests of a user's login, and what opens the challenge.
pub(crate) struct LoginRequests {
    prepare: Vec<u8>,
    done: Vec<u8>,
    /// Ends with `CHALLENGE` characters to be replaced, then the end of the JSON text.
    verify: Vec<u8>,
    secret: SecretKey,
}

impl LoginRequests {
    /// `auth_key`: b64, already derived from the password; `secret`: the device's private key.
    pub(crate) fn new(headers: &[String], name: &str, auth_key: &str, secret: &SecretKey) -> Result<Self> {
        let post = |path: &str, body: &serde_json::Value| {
            http::render("POST", &format!("/api/v1{path}"), headers, &body.to_string())
        };
        let mut verify = serde_json::json!({"auth_key": auth_key, "device_identifier": name}).to_string();
        ensure!(verify.pop() == Some('}'), "no object");
        verify.push_str(&format!(r#","challenge":"{}"}}"#, "x".repeat(CHALLENGE)));
        Ok(Self {
            prepare: post("/prepare_login", &serde_json::json!({"user_identifier": name})),
            done: post("/done_login", &serde_json::json!({"auth_key": auth_key, "device_identifier": name})),
            verify: http::render("POST", "/api/v1/verify_login", headers, &verify),
            secret: secret.clone(),
        })
    }

    /// Opens the challenge in the answer of `done_login` and writes the last request with it.
    fn fill_verify(&self, answer: &[u8], request: &mut Vec<u8>) -> Result<()> {
        let name = br#""challenge":""#;
        let at = memchr::memmem::rfind(answer, name).context("no challenge")? + name.len();
        let rest = answer.get(at..).unwrap_or_default();
        let end = memchr::memchr(b'"', rest).context("no end of the challenge")?;
        let sealed = b64_decode(std::str::from_utf8(rest.get(..end).unwrap_or_default())?)?;
        let opened = self.secret.decrypt(&sealed)?;
        ensure!(opened.len() == CHALLENGE, "a challenge of {} characters", opened.len());
        request.clear();
        request.extend_from_slice(&self.verify);
        let place = request.len() - CHALLENGE - br#""}"#.len();
        request.get_mut(place..place + CHALLENGE).context("no place for the challenge")?.copy_from_slice(&opened);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_share_the_requests_out() {
        let requests = Requests::new((0..4_u8).map(|n| vec![n].into()).collect());
        let mut second = requests.client(1, 2, false);
        let mut sent = Vec::new();
        for _ in 0..3 {
            second.next().unwrap();
            sent.extend_from_slice(second.bytes());
        }
        assert_eq!(sent, [1, 3, 1]);
    }
}
