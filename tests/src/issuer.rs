//! An OpenID provider for tests.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use keystead_crypto::encoding::b64url_encode;
use serde_json::{Value, json};

/// What clients show at the token endpoint.
pub const SECRET: &str = "secret & of the client";

/// One issuer for all tests of a process: its keys, and where they are published.
pub static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let rsa = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let (n, e) = modulus_and_exponent(rsa.public_key().as_ref());
    let (n, e) = (b64url_encode(&n), b64url_encode(&e));
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let (x, y) = ec.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (b64url_encode(x), b64url_encode(y));
    let set = json!({ "keys": [
        { "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "one", "n": n, "e": e },
        { "kty": "EC", "alg": "ES256", "use": "sig", "kid": "ec", "crv": "P-256", "x": x, "y": y },
        { "kty": "oct", "kid": "one", "k": "AAAA" },
    ] })
    .to_string();
    let (found, started) = std::sync::mpsc::channel();
    let promised = Arc::<Mutex<HashMap<String, String>>>::default();
    let theirs = Arc::clone(&promised);
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let keys = move || {
                let set = set.clone();
                async move { set }
            };
            let discovery = async |req: HttpRequest| {
                let own = format!("http://{}", req.connection_info().host());
                json!({
                    "issuer": own, "jwks_uri": format!("{own}/certs"),
                    "authorization_endpoint": format!("{own}/authorize"), "token_endpoint": format!("{own}/token"),
                })
                .to_string()
            };
            let token = move |form: web::Form<HashMap<String, String>>| {
                let known = theirs.lock().expect("whole").remove(&form["code"]);
                let good =
                    known.filter(|_| form["client_secret"] == SECRET && form["grant_type"] == "authorization_code");
                async move {
                    match good {
                        Some(token) => HttpResponse::Ok().json(json!({ "id_token": token, "token_type": "Bearer" })),
                        None => HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" })),
                    }
                }
            };
            let app = move || {
                App::new()
                    .route("/certs", web::get().to(keys.clone()))
                    .route("/token", web::post().to(token.clone()))
                    .route("/.well-known/openid-configuration", web::get().to(discovery))
            };
            let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").expect("binds");
            found.send(format!("http://{}", server.addrs()[0])).expect("somebody waits");
            server.run().await.expect("serves");
        });
    });
    Issuer { promised, rsa, ec, url: started.recv().expect("the issuer starts") }
});

/// An OpenID provider on loopback. Its authorization endpoint is the test itself; its token endpoint gives out what [`Issuer::promise`]
/// has put there.
pub struct Issuer {
    rsa: KeyPair,
    ec: EcdsaKeyPair,
    /// Its address, and its name in tokens.
    pub url: String,
    promised: Arc<Mutex<HashMap<String, String>>>,
}

impl Issuer {
    /// The token endpoint gives this ID token for this code, to whoever shows [`SECRET`].
    ///
    /// # Panics
    /// Never.
    pub fn promise(&self, code: &str, token: String) {
        self.promised.lock().expect("whole").insert(code.to_owned(), token);
    }
}

/// Reads `RSAPublicKey` (RFC 8017 appendix A.1.1): a sequence of two integers.
fn modulus_and_exponent(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    fn value(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, head) = match der[1] {
            short @ 0..0x80 => (usize::from(short), 2),
            long => {
                let bytes = usize::from(long & 0x7f);
                (der[2..2 + bytes].iter().fold(0, |sum, b| sum << 8 | usize::from(*b)), 2 + bytes)
            }
        };
        der[head..].split_at(length)
    }
    let (sequence, _) = value(der);
    let (n, rest) = value(sequence);
    let (e, _) = value(rest);
    let unsigned = |integer: &[u8]| integer.iter().copied().skip_while(|b| *b == 0).collect();
    (unsigned(n), unsigned(e))
}

/// A JWT of the issuer: RS256, or ES256 where the header says `ec`.
///
/// # Panics
/// Never.
#[must_use]
pub fn signed(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| b64url_encode(value.to_string().as_bytes());
    let message = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; ISSUER.rsa.public_modulus_len()];
    if header["kid"] == "ec" {
        signature = ISSUER.ec.sign(&SystemRandom::new(), message.as_bytes()).expect("signs").as_ref().to_vec();
    } else {
        ISSUER.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).expect("signs");
    }
    format!("{message}.{}", b64url_encode(&signature))
}

/// The header of an RS256 token.
#[must_use]
pub fn good_header() -> Value {
    json!({ "alg": "RS256", "typ": "JWT", "kid": "one" })
}
