//! Every parser of the crate, by name: the fuzz targets and the tests of `tests/flows/parsers.rs` share this table.

use std::sync::OnceLock;

use keystead_sdk_core::content::{self, DecryptOptions};
use keystead_sdk_core::group::{self, GroupData};
use keystead_sdk_core::handle::KeyHandle;
use keystead_sdk_core::user::{self, DirectLogin, LoginStart, LoginStep, UserData, VerifyKeys};
use keystead_sdk_core::{jwt, rng, sym_key};
use serde_json::Value;

/// A frozen registration, login and group; see `tests/flows/frozen.rs`.
pub(crate) const VECTOR: &str = include_str!("../tests/flows/vectors/v1.json");

/// A logged-in user with a group, opened once.
pub(crate) struct Fixture {
    pub(crate) vector: Value,
    pub(crate) start: LoginStart,
    pub(crate) user: UserData,
    pub(crate) group: GroupData,
}

impl Fixture {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.vector.get(name).and_then(Value::as_str).expect("the frozen vector has it")
    }

    pub(crate) fn login(&self) -> DirectLogin {
        match user::done_login(&self.start, self.text("done_login")) {
            Ok(LoginStep::Direct(login)) => *login,
            _ => unreachable!("the frozen vector is a direct login"),
        }
    }
}

pub(crate) fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let vector: Value = serde_json::from_str(VECTOR).expect("the frozen vector is JSON");
        let text = |name: &str| vector.get(name).and_then(Value::as_str).expect("the frozen vector has it");
        let (_body, start) = user::prepare_login(text("identifier"), text("password"), text("prepare_login"))
            .expect("the frozen vector opens");
        let Ok(LoginStep::Direct(login)) = user::done_login(&start, text("done_login")) else {
            unreachable!("the frozen vector is a direct login")
        };
        let user = user::done_verify_login(*login, text("verify_login")).expect("the frozen vector opens");
        let mut pins = VerifyKeys::new();
        pins.pin(user.user_id(), &user.keys().first().expect("one user key").exported_verify_key())
            .expect("the first key is pinned");
        let group = group::done_get_group(text("get_group"), &user, &pins).expect("the frozen vector opens");
        Fixture { vector, start, user, group }
    })
}

/// Name of the parser, name of a good input in the vector, the parser. None may panic; the result does not matter.
pub(crate) type Parser = (&'static str, &'static str, fn(&str));

/// The table.
pub(crate) const PARSERS: &[Parser] = &[
    ("register", "register_answer", |t| drop(user::done_register(t))),
    ("check_identifier", "", |t| drop(user::done_check_identifier(t))),
    ("done_login", "done_login", |t| drop(user::done_login(&fixture().start, t))),
    ("validate_mfa", "", |t| drop(user::done_validate_mfa(&fixture().start, t))),
    ("verify_login", "verify_login", |t| {
        drop(user::done_verify_login_light(fixture().login(), t));
        drop(user::done_verify_login(fixture().login(), t));
    }),
    ("fetch_user_keys", "", |t| drop(user::done_fetch_user_keys(t, fixture().user.device()))),
    ("register_device", "", |t| {
        drop(user::prepare_register_device_light(t));
        drop(user::prepare_register_device(&mut rng::os(), t, &fixture().user));
    }),
    ("refresh", "", |t| drop((user::done_refresh(t), user::done_init(t), user::done_register_otp(t)))),
    ("public_key", "public_key", |t| {
        if let Ok(key) = user::done_fetch_public_key(t) {
            let verify = fixture().user.newest_key().expect("one user key").verify_key();
            drop((key.clone().check(verify), key.accept_unsigned()));
        }
    }),
    ("verify_key", "verify_key", |t| {
        drop(user::done_fetch_verify_key(t).and_then(|data| VerifyKeys::new().pin("u", &data)));
    }),
    ("get_group", "get_group", |t| {
        let _ = (group::group_key_signers(t), group::get_access_by(t), group::done_get_group_light(t));
        drop(group::done_get_group(t, &fixture().user, &VerifyKeys::new()));
    }),
    ("group_keys", "group_keys", |t| {
        let _ = group::group_keys_page_signers(t);
        drop(group::done_get_group_keys(t, &fixture().user, &VerifyKeys::new()));
    }),
    ("lists", "", |t| {
        let _ = (group::done_get_members(t), group::done_get_invites(t), group::done_get_groups(t));
        let _ = (group::done_get_join_requests(t), group::done_get_children(t), user::done_device_list(t));
        let _ = (user::done_session_list(t), user::done_otp_recovery_keys(t));
        let _ = (group::done_invite(t), group::done_group_update_check(t), user::done_success(t));
    }),
    ("content", "content", |t| {
        let key = fixture().group.newest_key().expect("one group key").key();
        let verify = fixture().user.newest_key().expect("one user key").verify_key();
        let _ = content::decrypt(key, t.as_bytes(), &DecryptOptions::default());
        let _ = content::decrypt_string(key, t, &DecryptOptions { aad: b"", verify: Some(verify) });
        let _ = content::decrypt_string(key, t, &DecryptOptions::default());
    }),
    ("sym_key", "sym_key", |t| {
        let master = fixture().group.newest_key().expect("one group key");
        drop(sym_key::read_sym_key(t).and_then(|data| sym_key::open_sym_key(&data, master)));
        drop(sym_key::done_fetch_sym_key(t));
    }),
    ("handle", "handle", |t| {
        if let Ok(handle) = KeyHandle::from_json(t) {
            let _ = (handle.sym_key(), handle.secret_key(), handle.sign_key(), handle.search_key(), handle.sort_key());
        }
    }),
    ("pins", "pins", |t| drop(VerifyKeys::import(t))),
    ("jwt", "jwt", |t| drop((jwt::claims(t), jwt::needs_refresh(t, 0)))),
];

/// Runs one parser.
pub(crate) fn run(name: &str, text: &str) {
    let (_name, _good, parse) = PARSERS.iter().find(|p| p.0 == name).expect("the target is in the table");
    parse(text);
}
