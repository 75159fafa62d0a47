//! A server that lies on purpose, one lie per test, each refused with its own error. The numbers are those of
//! `better-than.md`, part 1: what a malicious or hacked server can do to the clients of the original.

use keystead_sdk_core::content::{self, EncryptOptions};
use keystead_sdk_core::crypto::asym::{self, PublicKey};
use keystead_sdk_core::crypto::encoding::b64_encode;
use keystead_sdk_core::crypto::sign::{self, SignKey, VerifyKey};
use keystead_sdk_core::crypto::sym::SymKey;
use keystead_sdk_core::group::{self, CreateGroup, GroupUserListItem, KeyWarning, Pages, Signer};
use keystead_sdk_core::policy::{Changed, Policy, Unsigned};
use keystead_sdk_core::protocol::groups::GroupKey;
use keystead_sdk_core::suite::Algorithms;
use keystead_sdk_core::user::{self, Challenges, LoginStart, LoginStep, Pin, UserData, VerifyKeys};
use keystead_sdk_core::{SdkError, Suite, rng};
use serde_json::{Value, json};

use crate::fake_server::{FakeServer, ok};
use crate::happy::{checked_key, new_group, new_user};
use crate::tampered::with;

fn result(answer: &str) -> Value {
    serde_json::from_str::<Value>(answer).unwrap()["result"].clone()
}

/// A generation of keys as the server itself can make it: all it needs is the reader's public key, which it has.
struct Forged {
    wire: GroupKey,
    sign: SignKey,
    verify: VerifyKey,
}

fn forge(suite: Suite, reader: &PublicKey, reader_key_id: &str, id: &str, time: i64) -> Forged {
    let r = &mut rng::os();
    let key = SymKey::generate(r);
    let wrap = |r: &mut rng::OsCsprng, bytes: &[u8]| b64_encode(&key.encrypt(r, bytes, b"").unwrap());
    let (secret, public) = asym::generate(suite.asym, r).unwrap();
    let (sign, verify) = sign::generate(suite.sign, r).unwrap();
    let wire = GroupKey {
        key_pair_id: id.into(),
        group_key_id: id.into(),
        encrypted_group_key: b64_encode(&reader.encrypt(r, key.as_bytes()).unwrap()),
        group_key_alg: key.alg().into(),
        encrypted_private_group_key: wrap(r, &secret.to_bytes()),
        public_group_key: public.to_wire(),
        keypair_encrypt_alg: suite.asym.into(),
        user_public_key_id: reader_key_id.into(),
        time,
        signed_by_user_id: None,
        signed_by_user_sign_key_id: None,
        group_key_sig: None,
        encrypted_sign_key: Some(wrap(r, &sign.to_bytes())),
        verify_key: Some(verify.to_wire()),
        keypair_sign_alg: Some(suite.sign.into()),
        keypair_sign_id: Some(id.into()),
        public_key_sig: Some(sign.sign(r, &public.to_bytes()).unwrap().to_wire()),
        public_key_sig_key_id: Some(id.into()),
    };
    Forged { wire, sign, verify }
}

/// The answers of one login: what the client holds after `done_login` and what `verify_login` said.
struct Answers {
    start: LoginStart,
    done_login: String,
    verify_login: String,
}

impl Answers {
    fn of(server: &mut FakeServer, name: &str) -> Self {
        let salt = server.prepare_login(&user::prepare_login_start(name));
        let (body, start) = user::prepare_login(name, "password", &salt).unwrap();
        let done_login = server.done_login(&body);
        let LoginStep::Direct(login) = user::done_login(&start, &done_login).unwrap() else { panic!("direct") };
        let verify_login = server.verify_login(&user::prepare_verify_login(&start, &login));
        Self { start, done_login, verify_login }
    }

    fn open(&self, verify_login: &str) -> Result<UserData, SdkError> {
        let LoginStep::Direct(login) = user::done_login(&self.start, &self.done_login)? else { panic!("direct") };
        user::done_verify_login(*login, verify_login)
    }

    /// The login with further user keys.
    fn open_with(&self, more: &[&GroupKey]) -> Result<UserData, SdkError> {
        let mut keys = result(&self.verify_login)["user_keys"].clone();
        keys.as_array_mut().unwrap().extend(more.iter().map(|k| json!(k)));
        self.open(&with(&self.verify_login, "/user_keys", keys))
    }
}

/// Alice's group with a key that the server made itself, as newest one.
fn with_key(answer: &str, key: &GroupKey) -> String {
    let mut keys = result(answer)["keys"].clone();
    keys.as_array_mut().unwrap().insert(0, json!(key));
    with(answer, "/keys", keys)
}

fn own_pins(user: &UserData) -> VerifyKeys {
    let mut pins = VerifyKeys::new();
    pins.pin_own(user).unwrap();
    pins
}

#[test]
fn better_than_21_swapped_public_key_at_invite() {
    let mut server = FakeServer::new();
    let bob = new_user(&mut server, Suite::HYBRID, "bob");
    let mut pins = VerifyKeys::new();
    checked_key(&server, &mut pins, bob.user_id());
    let honest = server.public_key(bob.user_id());
    let (_, foreign) = asym::generate(asym::DEFAULT, &mut rng::os()).unwrap();
    let check = |pins: &mut VerifyKeys, answer: &str| {
        pins.check_public_key(bob.user_id(), user::done_fetch_public_key(answer).unwrap()).map(|_| ())
    };
    let swapped = with(&honest, "/public_key", foreign.to_wire());
    assert_eq!(check(&mut pins, &swapped), Err(SdkError::PublicKeySignature));
    // Without the signature: a user who signed once never goes back, also for a client that was started anew.
    let bare = with(&swapped, "/public_key_sig", Value::Null);
    assert_eq!(check(&mut pins, &bare), Err(SdkError::UnsignedPublicKey));
    let mut restored = VerifyKeys::import(&pins.export()).unwrap();
    assert_eq!(check(&mut restored, &bare), Err(SdkError::UnsignedPublicKey));
    // A strict client takes no unsigned key of anybody.
    let mut strict = VerifyKeys::with_policy(Policy::STRICT);
    assert_eq!(check(&mut strict, &bare), Err(SdkError::UnsignedPublicKey));
    assert_eq!(check(&mut pins, &honest), Ok(()));
}

#[test]
fn better_than_21_swapped_public_key_of_an_account_of_2022() {
    let mut server = FakeServer::new();
    let old = new_user(&mut server, Suite::G03, "old");
    let honest = server.public_key(old.user_id());
    let (_, foreign) = asym::generate(asym::ECIES_ED25519, &mut rng::os()).unwrap();
    let mut pins = VerifyKeys::new();
    let check = |pins: &mut VerifyKeys, answer: &str| {
        pins.check_public_key(old.user_id(), user::done_fetch_public_key(answer).unwrap()).map(|k| k.verified())
    };
    assert_eq!(check(&mut pins, &honest), Ok(false), "nothing is signed, the first one is believed");
    let same_id = with(&honest, "/public_key", foreign.to_wire());
    assert_eq!(check(&mut pins, &same_id), Err(SdkError::PinnedKey));
    assert_eq!(check(&mut pins, &with(&same_id, "/public_key_id", "k9")), Err(SdkError::ChangedKey));
    pins.set_policy(Policy { changed_keys: Changed::Report, ..Policy::default() });
    assert_eq!(check(&mut pins, &with(&same_id, "/public_key_id", "k9")), Ok(false));
    assert_eq!(check(&mut pins, &honest), Err(SdkError::OldKey), "the one before is not the newest one again");
}

#[test]
fn better_than_21_changed_verify_key() {
    let mut server = FakeServer::new();
    let bob = new_user(&mut server, Suite::HYBRID, "bob");
    let mut pins = VerifyKeys::new();
    let honest = user::done_fetch_verify_key(&server.verify_key(bob.user_id())).unwrap();
    assert_eq!(pins.pin(bob.user_id(), &honest), Ok(Pin::First));
    let (_, foreign) = sign::generate(sign::DEFAULT, &mut rng::os()).unwrap();
    let same_id = with(&server.verify_key(bob.user_id()), "/verify_key", foreign.to_wire());
    let same_id = user::done_fetch_verify_key(&same_id).unwrap();
    assert_eq!(pins.pin(bob.user_id(), &same_id), Err(SdkError::PinnedKey));
    let mut other = same_id;
    other.verify_key_id = "k9".into();
    assert_eq!(pins.pin(bob.user_id(), &other), Err(SdkError::ChangedKey));
    // The server signs the change with a key of its own, or with the new key itself.
    let (own, _) = sign::generate(sign::DEFAULT, &mut rng::os()).unwrap();
    let signer = Signer { user_id: bob.user_id(), key_id: bob.keys()[0].id(), key: &own };
    let proof = user::prove_verify_key(&mut rng::os(), signer, &foreign).unwrap();
    assert_eq!(pins.pin_proven(bob.user_id(), &other, Some(&proof)), Err(SdkError::ChangedKey));
}

/// better-than 24: after a rotation the old key vouches for the new one, and nobody has to compare numbers again.
#[test]
fn better_than_24_a_rotation_that_the_old_key_signed_goes_through() {
    let mut server = FakeServer::new();
    let bob = new_user(&mut server, Suite::HYBRID, "bob");
    let mut pins = VerifyKeys::new();
    checked_key(&server, &mut pins, bob.user_id());
    let device = bob.device().secret().public_key().unwrap();
    let next = forge(Suite::HYBRID, &device, bob.device().device_id(), "k9", 2);
    let proof = user::prove_verify_key(&mut rng::os(), bob.signer().unwrap(), &next.verify).unwrap();
    let shown = json!({
        "verify_key_id": "k9",
        "verify_key": next.verify.to_wire(),
        "verify_key_alg": next.verify.alg(),
        "verify_key_proof": proof,
    });
    let shown = ok(shown);
    let data = user::done_fetch_verify_key(&shown).unwrap();
    let read = user::done_fetch_verify_key_proof(&shown).unwrap();
    assert_eq!(pins.pin_proven(bob.user_id(), &data, read.as_ref()), Ok(Pin::Proven));
    assert!(!pins.changed(bob.user_id()));
}

#[test]
fn better_than_22_injected_group_key() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let group = new_group(&mut server, &alice, CreateGroup::default());
    let honest = server.get_group(&group.group_id, alice.user_id());
    let pins = own_pins(&alice);
    let newest = alice.newest_key().unwrap();
    let public = newest.group_key().public();
    let get = |answer: &str, pins: &VerifyKeys| group::done_get_group(answer, &alice, pins).map(|_| ());
    assert_eq!(get(&honest, &pins), Ok(()));

    let forged = forge(Suite::HYBRID, public, newest.id(), "k9", 2);
    assert_eq!(get(&with_key(&honest, &forged.wire), &pins), Err(SdkError::UnsignedGroupKey));
    // "Signed" by an account that does not exist, so that no verify key can be found.
    let mut nobody = forged.wire.clone();
    let group_key = result(&honest)["keys"][0].clone();
    nobody.signed_by_user_id = Some("nobody".into());
    nobody.signed_by_user_sign_key_id = Some("k".into());
    nobody.group_key_sig = Some(group_key["group_key_sig"].as_str().unwrap().to_owned());
    assert_eq!(get(&with_key(&honest, &nobody), &pins), Err(SdkError::UnsignedGroupKey));
    // With Alice's own signature of the honest key under it.
    let mut borrowed = nobody.clone();
    borrowed.signed_by_user_id = Some(alice.user_id().into());
    borrowed.signed_by_user_sign_key_id = Some(newest.id().into());
    assert_eq!(get(&with_key(&honest, &borrowed), &pins), Err(SdkError::GroupKeySignature));
    // The same through the call for one key, and as a further page.
    let mut opened = group::done_get_group(&honest, &alice, &pins).unwrap();
    let page = group::done_get_group_keys(&ok(&forged.wire), &alice, &pins).unwrap();
    assert_eq!(opened.add_keys(page), Err(SdkError::UnsignedGroupKey));
    assert_eq!(opened.keys().len(), 1, "nothing was added");

    // A group without any signature opens, with a warning, or not at all.
    let unsigned = new_group(&mut server, &alice, CreateGroup { sign: false, ..CreateGroup::default() });
    let answer = server.get_group(&unsigned.group_id, alice.user_id());
    let opened = group::done_get_group(&answer, &alice, &pins).unwrap();
    assert_eq!(opened.warnings(), [KeyWarning::Unsigned { key_id: opened.keys()[0].id().to_owned() }]);
    let mut strict = pins.clone();
    strict.set_policy(Policy { group_keys: Unsigned::Require, ..Policy::default() });
    assert_eq!(get(&answer, &strict), Err(SdkError::UnsignedGroupKey));
    assert_eq!(get(&honest, &strict), Ok(()));
    let mut easy = pins.clone();
    easy.set_policy(Policy { group_keys: Unsigned::Accept, ..Policy::default() });
    assert_eq!(get(&with_key(&honest, &forged.wire), &easy), Ok(()), "an app may ask for it");
}

#[test]
fn better_than_23_foreign_user_keys_at_login() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let mut pins = own_pins(&alice);
    let login = Answers::of(&mut server, "alice");
    let honest = login.open(&login.verify_login).unwrap();
    assert_eq!(pins.pin_own(&honest), Ok(()));

    // Complete keys of the server's own, beside the true ones or in their place: consistent in themselves.
    let device = alice.device().secret().public_key().unwrap();
    let forged = forge(Suite::HYBRID, &device, alice.device().device_id(), "k9", 2);
    let beside = login.open_with(&[&forged.wire]).unwrap();
    assert_eq!(pins.pin_own(&beside), Err(SdkError::ForeignUserKeys));
    let instead = login.open(&with(&login.verify_login, "/user_keys", json!([forged.wire]))).unwrap();
    assert_eq!(pins.pin_own(&instead), Err(SdkError::MissingKeys));
    // On another device of hers, which the store of this one does not know.
    let mut elsewhere = VerifyKeys::new();
    elsewhere.pin(alice.user_id(), &alice.keys()[0].exported_verify_key()).unwrap();
    assert_eq!(elsewhere.pin_own(&instead), Err(SdkError::ForeignUserKeys));
    assert_eq!(pins.pin_own(&honest), Ok(()), "nothing of it was remembered");

    // The server signs for the old key: shows at once, without any memory.
    let mut signed = forged.wire.clone();
    let signer = Signer { user_id: alice.user_id(), key_id: alice.keys()[0].id(), key: &forged.sign };
    let proof = user::prove_verify_key(&mut rng::os(), signer, &forged.verify).unwrap();
    signed.signed_by_user_id = Some(alice.user_id().into());
    signed.signed_by_user_sign_key_id = Some(proof.signed_by_key_id);
    signed.group_key_sig = Some(proof.sig);
    assert_eq!(login.open_with(&[&signed]).unwrap_err(), SdkError::ForeignUserKeys);

    // A rotation of her own goes through: the old key vouches for the new one.
    let proof = user::prove_verify_key(&mut rng::os(), alice.signer().unwrap(), &forged.verify).unwrap();
    signed.group_key_sig = Some(proof.sig);
    let rotated = login.open_with(&[&signed]).unwrap();
    assert_eq!(pins.pin_own(&rotated), Ok(()));
    assert_eq!(pins.newest(alice.user_id()).unwrap().0, "k9");
    // From now on the server cannot show the old state again.
    assert_eq!(pins.pin_own(&honest), Err(SdkError::MissingKeys));
    // And a rotation by a client that leaves no proof is for the application to accept.
    let unproven = forge(Suite::HYBRID, &device, alice.device().device_id(), "k10", 3);
    let unproven = login.open_with(&[&signed, &unproven.wire]).unwrap();
    assert_eq!(pins.pin_own(&unproven), Err(SdkError::ForeignUserKeys));
    pins.accept_own(&unproven).unwrap();
    assert_eq!(pins.pin_own(&unproven), Ok(()));
}

#[test]
fn better_than_23_halves_that_do_not_belong_together() {
    let mut server = FakeServer::new();
    for suite in [Suite::HYBRID, Suite::CLASSIC] {
        let name = suite.asym;
        new_user(&mut server, suite, name);
        let login = Answers::of(&mut server, name);
        let (_, public) = asym::generate(suite.asym, &mut rng::os()).unwrap();
        let (_, verify) = sign::generate(suite.sign, &mut rng::os()).unwrap();
        let device = |path: &str, text: String| {
            let path = format!("/Direct/device_keys/{path}");
            user::done_login(&login.start, &with(&login.done_login, &path, text)).map(|_| ()).unwrap_err()
        };
        assert_eq!(device("public_key_string", public.to_wire()), SdkError::ForeignKey);
        assert_eq!(device("verify_key_string", verify.to_wire()), SdkError::ForeignKey);
        let user = |path: &str, text: String| {
            login.open(&with(&login.verify_login, &format!("/user_keys/0/{path}"), text)).map(|_| ()).unwrap_err()
        };
        assert_eq!(user("public_group_key", public.to_wire()), SdkError::ForeignKey);
        // Changing the verify key alone breaks the signature under the public key; take that away as well.
        let bare = with(&login.verify_login, "/user_keys/0/public_key_sig", Value::Null);
        let bare = with(&bare, "/user_keys/0/verify_key", verify.to_wire());
        assert_eq!(login.open(&bare).unwrap_err(), SdkError::ForeignKey);
    }
}

#[test]
fn better_than_23_a_signed_account_does_not_go_back_to_unsigned() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let login = Answers::of(&mut server, "alice");
    let device = alice.device().secret().public_key().unwrap();
    let mut forged = forge(Suite::HYBRID, &device, alice.device().device_id(), "k9", 2).wire;
    (forged.public_key_sig, forged.public_key_sig_key_id) = (None, None);
    assert_eq!(login.open_with(&[&forged]).unwrap_err(), SdkError::UnsignedPublicKey);
}

#[test]
fn better_than_27_weaker_and_unknown_algorithms() {
    let mut server = FakeServer::new();
    new_user(&mut server, Suite::CLASSIC, "classic");
    let policy = Policy { algorithms: Algorithms::HYBRID, ..Policy::default() };
    let salt = server.prepare_login(&user::prepare_login_start("classic"));
    let unknown = with(&salt, "/derived_encryption_key_alg", "PBKDF1");
    assert_eq!(user::prepare_login_with(policy, "classic", "password", &unknown).unwrap_err(), SdkError::Algorithm);
    let (body, start) = user::prepare_login_with(policy, "classic", "password", &salt).unwrap();
    let answer = server.done_login(&body);
    assert_eq!(user::done_login(&start, &answer).unwrap_err(), SdkError::WeakAlgorithm);

    // A hybrid account: the server offers user keys and group keys of a weaker family.
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let salt = server.prepare_login(&user::prepare_login_start("alice"));
    let (body, start) = user::prepare_login_with(policy, "alice", "password", &salt).unwrap();
    let LoginStep::Direct(login) = user::done_login(&start, &server.done_login(&body)).unwrap() else { panic!() };
    let device = login.device().secret().public_key().unwrap();
    let forged = forge(Suite::CLASSIC, &device, login.device().device_id(), "k9", 2);
    let keys = ok(json!([forged.wire]));
    assert_eq!(user::done_fetch_user_keys(&keys, login.device()).unwrap_err(), SdkError::WeakAlgorithm);

    let mut pins = own_pins(&alice);
    pins.set_policy(policy);
    let group = new_group(&mut server, &alice, CreateGroup { suite: Suite::CLASSIC, sign: true });
    let answer = server.get_group(&group.group_id, alice.user_id());
    assert_eq!(group::done_get_group(&answer, &alice, &pins).unwrap_err(), SdkError::WeakAlgorithm);
    let unknown = with(&answer, "/keys/0/group_key_alg", "DES");
    assert_eq!(group::done_get_group(&unknown, &alice, &pins).unwrap_err(), SdkError::Algorithm);

    // A weaker public or verify key of another user.
    let bob = new_user(&mut server, Suite::CLASSIC, "bob");
    let verify = user::done_fetch_verify_key(&server.verify_key(bob.user_id())).unwrap();
    assert_eq!(pins.pin(bob.user_id(), &verify), Err(SdkError::WeakAlgorithm));
    let key = user::done_fetch_public_key(&server.public_key(bob.user_id())).unwrap();
    assert_eq!(pins.check_public_key(bob.user_id(), key).unwrap_err(), SdkError::WeakAlgorithm);
}

#[test]
fn better_than_26_a_salt_that_is_none() {
    for salt in [[7; 32].to_vec(), vec![], vec![1; 16], (0..33).collect()] {
        let answer = ok(json!({"salt_string": b64_encode(&salt), "derived_encryption_key_alg": "ARGON-2-SHA256"}));
        assert_eq!(user::prepare_login("a", "password", &answer).unwrap_err(), SdkError::Salt);
    }
}

#[test]
fn better_than_20_a_login_of_today_answered_as_in_2022() {
    let mut server = FakeServer::new();
    new_user(&mut server, Suite::HYBRID, "alice");
    let login = Answers::of(&mut server, "alice");
    let older = json!({
        "device_keys": result(&login.done_login)["Direct"]["device_keys"],
        "user_keys": result(&login.verify_login)["user_keys"],
        "jwt": "a.b.c",
        "refresh_token": "r",
    });
    assert_eq!(user::done_login(&login.start, &ok(older)).unwrap_err(), SdkError::Downgrade);
}

#[test]
fn better_than_8_replayed_challenge() {
    let mut server = FakeServer::new();
    new_user(&mut server, Suite::HYBRID, "alice");
    let first = Answers::of(&mut server, "alice");
    let second = Answers::of(&mut server, "alice");
    let mut seen = Challenges::new();
    let mut answer = |login: &Answers| match user::done_login(&login.start, &login.done_login).unwrap() {
        LoginStep::Direct(login) => seen.answer(&login),
        _ => panic!("direct login expected"),
    };
    assert_eq!(answer(&first), Ok(()));
    assert_eq!(answer(&second), Ok(()));
    assert_eq!(answer(&first), Err(SdkError::ReplayedChallenge));
    // A challenge for somebody else.
    let bob = new_user(&mut server, Suite::HYBRID, "bob");
    assert_eq!(server.user_id_of("bob"), bob.user_id());
    let bob = Answers::of(&mut server, "bob");
    let foreign = with(&first.done_login, "/Direct/challenge", result(&bob.done_login)["Direct"]["challenge"].clone());
    assert_eq!(user::done_login(&first.start, &foreign).unwrap_err(), SdkError::Challenge);
}

#[test]
fn better_than_11_truncated_key_list() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let made = new_group(&mut server, &alice, CreateGroup { sign: false, ..CreateGroup::default() });
    let first = server.get_group(&made.group_id, alice.user_id());
    let newest = alice.newest_key().unwrap();
    // What a rotation leaves.
    let next = forge(Suite::HYBRID, newest.group_key().public(), newest.id(), "k9", 2);
    let both = with_key(&first, &next.wire);
    let mut pins = VerifyKeys::new();
    let open = |answer: &str| group::done_get_group(answer, &alice, &VerifyKeys::new()).unwrap();
    let rotated = open(&both);
    pins.check_group(alice.user_id(), &rotated).unwrap();
    let text = content::encrypt_string(
        &mut rng::os(),
        rotated.newest_key().unwrap().into(),
        "new",
        &EncryptOptions::default(),
    );
    let head = content::string_head(&text.unwrap()).unwrap();
    // Content of a key that is not in the list: a clear error, then the key is fetched alone.
    let cut = open(&first);
    assert_eq!(cut.key(&head.id).map(|_| ()), Err(SdkError::KeyNotFound));
    // The list without its newest key: new content would go to those who hold the older one.
    assert_eq!(pins.check_group(alice.user_id(), &cut), Err(SdkError::MissingKeys));
    assert_eq!(group::done_get_group(&with(&first, "/keys", json!([])), &alice, &pins).unwrap_err(), SdkError::NoKeys);
    // The older key as the newest one, by a new time.
    let turned = open(&with(&both, "/keys/1/time", 7));
    assert_eq!(pins.check_group(alice.user_id(), &turned), Err(SdkError::OldKey));
    // Also after a restart; somebody who was not there yet sees his own state.
    let mut restored = VerifyKeys::import(&pins.export()).unwrap();
    assert_eq!(restored.check_group(alice.user_id(), &cut), Err(SdkError::MissingKeys));
    assert_eq!(restored.check_group("bob", &cut), Ok(()));
    restored.forget_group(&made.group_id);
    assert_eq!(restored.check_group(alice.user_id(), &cut), Ok(()));
}

#[test]
fn better_than_25_swapped_wraps_between_slots() {
    let mut server = FakeServer::new();
    // The classic suite, where all secrets have 32 bytes, and the hybrid one, where a length gives it away.
    for suite in [Suite::CLASSIC, Suite::HYBRID] {
        let name = suite.asym;
        let user = new_user(&mut server, suite, name);
        let login = Answers::of(&mut server, name);
        let swap = |answer: &str, a: &str, b: &str| {
            let json = result(answer);
            let (va, vb) = (json.pointer(a).unwrap().clone(), json.pointer(b).unwrap().clone());
            with(&with(answer, a, vb), b, va)
        };
        let device = |name: &str| format!("/Direct/device_keys/{name}");
        let answer = swap(&login.done_login, &device("encrypted_private_key"), &device("encrypted_sign_key"));
        assert_eq!(user::done_login(&login.start, &answer).unwrap_err(), SdkError::SwappedWrap);
        let (secret, sign) = ("/user_keys/0/encrypted_private_group_key", "/user_keys/0/encrypted_sign_key");
        let search = "/hmac_keys/0/encrypted_hmac_key";
        for (a, b) in [(secret, sign), (secret, search), (sign, search)] {
            let refused = login.open(&swap(&login.verify_login, a, b)).unwrap_err();
            // A search key in the place of a private key is no half of any pair.
            let classic = suite == Suite::CLASSIC && b == search;
            let want = if classic { SdkError::ForeignKey } else { SdkError::SwappedWrap };
            assert_eq!(refused, want, "{name} {a} {b}");
        }
        // The private key's wrap copied into the slot of the search key: hashes under it would be handed out.
        for from in [secret, sign] {
            let wrap = result(&login.verify_login).pointer(from).unwrap().clone();
            let answer = with(&login.verify_login, search, wrap);
            assert_eq!(login.open(&answer).unwrap_err(), SdkError::SwappedWrap, "{name} {from}");
        }

        // Of two groups: the key of one as a key of the other.
        let options = CreateGroup { suite, sign: true };
        let (a, b) = (new_group(&mut server, &user, options), new_group(&mut server, &user, options));
        let mut pins = own_pins(&user);
        pins.check_group(user.user_id(), &a).unwrap();
        pins.check_group(user.user_id(), &b).unwrap();
        let of_a = result(&server.get_group(&a.group_id, user.user_id()))["keys"][0].clone();
        let mut of_a: GroupKey = serde_json::from_value(of_a).unwrap();
        of_a.time = 2;
        let answer = with_key(&server.get_group(&b.group_id, user.user_id()), &of_a);
        let mixed = group::done_get_group(&answer, &user, &pins).unwrap();
        assert_eq!(pins.check_group(user.user_id(), &mixed), Err(SdkError::SwappedWrap));
        // Half of one key: nothing opens.
        let half = with(
            &server.get_group(&b.group_id, user.user_id()),
            "/keys/0/encrypted_private_group_key",
            of_a.encrypted_private_group_key,
        );
        assert_eq!(group::done_get_group(&half, &user, &pins).unwrap_err().name(), "decrypt");
    }
}

#[test]
fn better_than_25_another_key_under_a_known_id() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let made = new_group(&mut server, &alice, CreateGroup { sign: false, ..CreateGroup::default() });
    let honest = server.get_group(&made.group_id, alice.user_id());
    let newest = alice.newest_key().unwrap();
    let forged = forge(Suite::HYBRID, newest.group_key().public(), newest.id(), made.keys()[0].id(), 1);
    let mut pins = own_pins(&alice);
    pins.check_group(alice.user_id(), &made).unwrap();
    // With the true search and sort keys beside it nothing opens; the server leaves them out.
    let lie = with(&honest, "/keys", json!([forged.wire]));
    assert_eq!(group::done_get_group(&lie, &alice, &pins).unwrap_err().name(), "decrypt");
    let lie = with(&with(&lie, "/hmac_keys", json!([])), "/sortable_keys", json!([]));
    let other = group::done_get_group(&lie, &alice, &pins).unwrap();
    assert_eq!(pins.check_group(alice.user_id(), &other), Err(SdkError::PinnedKey));
    let mut opened = group::done_get_group(&honest, &alice, &pins).unwrap();
    let page = group::done_get_group_keys(&ok(&forged.wire), &alice, &pins).unwrap();
    assert_eq!(opened.add_keys(page), Err(SdkError::PinnedKey));
    // The group's public key for an invite of the group.
    let shown = |id: &str, key: &PublicKey| {
        let data = json!({"public_key_id": id, "public_key": key.to_wire(), "public_key_alg": key.alg()});
        user::done_fetch_public_key(&ok(data)).unwrap()
    };
    let key = &made.keys()[0];
    let check = |id: &str, key: &PublicKey| pins.check_group_public_key(&made.group_id, shown(id, key)).map(|_| ());
    assert_eq!(check(key.id(), key.public()), Ok(()));
    assert_eq!(check(key.id(), newest.group_key().public()), Err(SdkError::PinnedKey));
}

#[test]
fn wrong_group_id_in_the_answer() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::HYBRID, "alice");
    let made = new_group(&mut server, &alice, CreateGroup::default());
    let answer = server.get_group(&made.group_id, alice.user_id());
    let open = || group::done_get_group(&answer, &alice, &VerifyKeys::new()).unwrap();
    assert!(open().expect_id(&made.group_id).is_ok());
    assert_eq!(open().expect_id("another").unwrap_err(), SdkError::WrongId);
}

#[test]
fn better_than_3_and_10_member_lists_that_contradict_themselves() {
    let item = |user_id: &str, rank, joined_time, user_type| GroupUserListItem {
        user_id: user_id.into(),
        rank,
        joined_time,
        user_type,
    };
    let bob = item("bob", 4, 5, 0);
    let check = |page: &[GroupUserListItem], own_rank| {
        group::check_member_page(page, Some(&bob), &group::AccessBy::User, own_rank)
    };
    assert_eq!(check(&[item("carol", 0, 5, 0), item("team", 4, 6, 2)], 1), Ok(()));
    for page in [
        vec![item("carol", -5, 6, 0)],
        vec![item("carol", 5, 6, 0)],
        vec![item("carol", 4, 6, 3)],
        vec![item("carol", 0, 6, 0), item("dave", 0, 6, 0)],
        vec![item("carol", 4, 6, 0), item("dave", 4, 6, 0), item("carol", 4, 7, 0)],
    ] {
        assert_eq!(check(&page, 1), Err(SdkError::MemberList), "{page:?}");
    }
    assert_eq!(check(&[item("carol", 0, 6, 0)], 0), Err(SdkError::MemberList), "the caller is the creator");
    for page in [vec![bob.clone()], vec![item("carol", 4, 4, 0)], vec![item("c", 4, 9, 0), item("d", 4, 8, 0)]] {
        assert_eq!(check(&page, 1), Err(SdkError::Paging), "{page:?}");
    }
}

#[test]
fn better_than_14_pages_that_do_not_end() {
    let mut server = FakeServer::new();
    let alice = new_user(&mut server, Suite::CLASSIC, "alice");
    let group = new_group(&mut server, &alice, CreateGroup { suite: Suite::CLASSIC, sign: false });
    let page = vec![group.keys()[0].clone(); 50];
    let mut pages = Pages::new();
    assert!(pages.next(group::next_page(&page)).unwrap().is_some());
    assert_eq!(pages.next(group::next_page(&page)), Err(SdkError::Paging));
}
