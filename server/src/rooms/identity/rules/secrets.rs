//! The server's own secrets: one per kind of token, one for session ids and csrf tokens. Made at the first start, kept under the root
//! key; none comes from a file that somebody could have copied from an example (better-than 19).

use keystead_crypto::secret::SecretArray;
use keystead_crypto::{encoding, hash, rng};

use super::super::store::settings as store;
use super::tokens::Kind;
use crate::db::Conn;
use crate::error::StartError;
use crate::root_key::RootKey;

const SLOT: &str = "settings.iam_secrets";
/// Bytes of each.
const SIZE: usize = 64;
const COUNT: usize = 5;

/// All of them.
pub struct Secrets {
    keys: [SecretArray<SIZE>; COUNT],
}

impl Secrets {
    /// Reads them, or makes them at the first start.
    ///
    /// # Errors
    /// When the database cannot be used, or the root key does not open them.
    pub fn load(conn: &mut Conn, root_key: &RootKey) -> Result<Self, StartError> {
        let unusable = |e: keystead_crypto::CryptoError| StartError::Refused(format!("identity secrets: {e}"));
        if let Some(sealed) = store::find(conn)? {
            return Self::from_bytes(&root_key.open(SLOT, &sealed).map_err(unusable)?);
        }
        let made = zeroize::Zeroizing::new(rng::bytes::<{ SIZE * COUNT }>(&mut rng::os()));
        if store::insert(conn, &root_key.seal(SLOT, &*made).map_err(unusable)?)? {
            return Self::from_bytes(&*made);
        }
        // Another node started at the same time.
        let sealed = store::find(conn)?.ok_or_else(|| StartError::Refused("identity secrets are gone".into()))?;
        Self::from_bytes(&root_key.open(SLOT, &sealed).map_err(unusable)?)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, StartError> {
        let mut keys = bytes.chunks_exact(SIZE).filter_map(|chunk| SecretArray::from_slice(chunk).ok());
        let keys = [keys.next(), keys.next(), keys.next(), keys.next(), keys.next()];
        let [Some(a), Some(b), Some(c), Some(d), Some(e)] = keys else {
            return Err(StartError::Refused("identity secrets have the wrong length".into()));
        };
        Ok(Self { keys: [a, b, c, d, e] })
    }

    /// The key of one kind of token.
    pub(super) fn of(&self, kind: Kind) -> &[u8] {
        let [access, refresh, reset, verify, _session] = &self.keys;
        match kind {
            Kind::Access => access.as_bytes(),
            Kind::Refresh => refresh.as_bytes(),
            Kind::Reset => reset.as_bytes(),
            Kind::Verify => verify.as_bytes(),
        }
    }

    /// `iam-sid` of a session: a UUID that nobody can derive from the database.
    #[must_use]
    pub fn sid(&self, session_id: &str) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(self.derive(b"sid", session_id).split_at(16).0);
        uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string()
    }

    /// The csrf token of a session: 64 hex digits.
    #[must_use]
    pub fn csrf_token(&self, session_id: &str) -> String {
        encoding::hex_encode(&self.derive(b"csrf", session_id))
    }

    fn derive(&self, what: &[u8], session_id: &str) -> [u8; 32] {
        let [.., session] = &self.keys;
        hash::hmac_sha256(session.as_bytes(), &[what, b" ", session_id.as_bytes()].concat())
    }
}

/// How a token rests: b64 of SHA-256. Tokens are random or signed and need no salt.
#[must_use]
pub fn at_rest(token: &str) -> String {
    encoding::b64_encode(&hash::sha256(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::db_test;

    db_test! {
        /// better-than 19: secrets in an example file that nothing refuses.
        fn made_once_sealed_and_different(mut db) {
            let app = std::sync::Arc::clone(&db.app);
            let one = Secrets::load(&mut db.conn, &app.root_key).expect("made");
            let two = Secrets::load(&mut db.conn, &app.root_key).expect("read");
            for kind in [Kind::Access, Kind::Refresh, Kind::Reset, Kind::Verify] {
                assert_eq!(one.of(kind), two.of(kind));
            }
            assert_ne!(one.of(Kind::Access), one.of(Kind::Refresh));
            assert_eq!((one.sid("s"), one.csrf_token("s")), (two.sid("s"), two.csrf_token("s")));
            assert_eq!((one.sid("s").len(), one.csrf_token("s").len()), (36, 64));
            assert_ne!(one.sid("s"), one.sid("t"));
            let sealed = store::find(&mut db.conn).expect("read").expect("there");
            let start: String = encoding::b64_encode(one.of(Kind::Access)).chars().take(20).collect();
            assert!(!sealed.contains(&start));
        }
    }
}
