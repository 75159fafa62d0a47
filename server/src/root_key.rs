//! The root key: 32 bytes outside the database that encrypt at rest what the server itself must be able to open
//! (JWT signing keys) and from which its own secrets are derived (fake salts).
//!
//! It comes from the configuration or from `<data-dir>/root.key` (b64, mode 0600), which is made on the first start.
//! The database remembers a check value, so that a wrong or lost key is an error at start and not a surprise later.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use keystead_crypto::{encoding, hash, rng, sym::SymKey};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::db::{Conn, schema::settings};
use crate::error::StartError;

const CHECK_SETTING: &str = "root_key_check";
const FILE: &str = "root.key";

/// Why there is no usable root key.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// The database was made with a root key, and none is there.
    #[error(
        "the root key is missing: {} does not exist, but the database was made with one. \
         Put the file back from your backup, or set KEYSTEAD__SERVER__ROOT_KEY", .0.display()
    )]
    Missing(PathBuf),
    /// The key there is not the one the database was made with.
    #[error("wrong root key: it is not the one this database was made with (from {0})")]
    Wrong(String),
    /// Not b64 of 32 bytes.
    #[error("the root key from {0} is not the base64 of 32 bytes")]
    Format(String),
    /// The file cannot be read or made.
    #[error("root key file {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The root key and what is derived from it.
pub struct RootKey {
    at_rest: SymKey,
    file_urls: Zeroizing<[u8; 32]>,
    fake_salt: Zeroizing<[u8; 32]>,
    webhooks: Zeroizing<[u8; 32]>,
    challenges: Zeroizing<[u8; 32]>,
    check: String,
}

impl std::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootKey(..)")
    }
}

impl RootKey {
    fn new(key: &[u8]) -> Option<Self> {
        if key.len() != 32 {
            return None;
        }
        let derive = |label: &[u8]| Zeroizing::new(hash::hmac_sha256(key, label));
        Some(Self {
            at_rest: SymKey::from_bytes(&*derive(b"keystead at rest v1")).ok()?,
            fake_salt: derive(b"keystead fake salt v1"),
            challenges: derive(b"keystead login challenges v1"),
            file_urls: derive(b"keystead file urls v1"),
            webhooks: derive(b"keystead webhooks v1"),
            check: encoding::b64_encode(&*derive(b"keystead root key check v1")),
        })
    }

    /// Finds the root key of this configuration and database; makes one when the database has never had one.
    ///
    /// # Errors
    /// [`RootKeyError`] for a missing, wrong or malformed key.
    pub fn load(config: &Config, conn: &mut Conn) -> Result<Self, StartError> {
        let path = config.server.data_dir.join(FILE);
        let known: Option<String> =
            settings::table.find(CHECK_SETTING).select(settings::value).get_result(conn).optional()?;
        let (text, from) = match (&config.server.root_key, read(&path)?) {
            (Some(key), _) => (Zeroizing::new(key.expose().to_owned()), "the configuration".to_owned()),
            (None, Some(text)) => (text, path.display().to_string()),
            (None, None) if known.is_some() => return Err(RootKeyError::Missing(path).into()),
            (None, None) => (create(&path)?, path.display().to_string()),
        };
        let bytes = encoding::b64_decode(text.trim()).map(Zeroizing::new).unwrap_or_default();
        let key = Self::new(&bytes).ok_or_else(|| RootKeyError::Format(from.clone()))?;
        match known {
            Some(check) if hash::ct_eq(check.as_bytes(), key.check.as_bytes()) => {}
            Some(_) => return Err(RootKeyError::Wrong(from).into()),
            None => key.remember(conn, from)?,
        }
        Ok(key)
    }

    /// The first of several nodes that start at once wins; the others must have the same key.
    fn remember(&self, conn: &mut Conn, from: String) -> Result<(), StartError> {
        let row = (settings::name.eq(CHECK_SETTING), settings::value.eq(&self.check));
        let inserted = diesel::insert_into(settings::table).values(row).execute(conn);
        match inserted {
            Ok(_) => Ok(()),
            Err(e) if crate::db::is_unique_violation(&e) => {
                let known: String = settings::table.find(CHECK_SETTING).select(settings::value).get_result(conn)?;
                if known == self.check { Ok(()) } else { Err(RootKeyError::Wrong(from).into()) }
            }
            Err(e) => Err(e.into()),
        }
    }

    /// Encrypts for the database; `slot` says what it is and whose, and must be given again to open it. Output: b64.
    ///
    /// # Errors
    /// When the cipher refuses, which it does not for these sizes.
    pub fn seal(&self, slot: &str, plain: &[u8]) -> Result<String, keystead_crypto::CryptoError> {
        Ok(encoding::b64_encode(&self.at_rest.encrypt(&mut rng::os(), plain, slot.as_bytes())?))
    }

    /// Opens what [`RootKey::seal`] made for the same slot.
    ///
    /// # Errors
    /// `Encoding` or `Decrypt`.
    pub fn open(&self, slot: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, keystead_crypto::CryptoError> {
        self.at_rest.decrypt(&encoding::b64_decode(sealed)?, slot.as_bytes())
    }

    /// What proves that this server gave a file's address out: 32 bytes, an HMAC-SHA256.
    #[must_use]
    pub fn file_signature(&self, address: &str) -> [u8; 32] {
        hash::hmac_sha256(&*self.file_urls, address.as_bytes())
    }

    /// The Ed25519 seed of the key that signs webhooks: the same at every node and start.
    #[must_use]
    pub fn webhook_seed(&self) -> &[u8; 32] {
        &self.webhooks
    }

    /// What proves that this server made a login challenge: 32 bytes, an HMAC-SHA256.
    #[must_use]
    pub fn challenge_signature(&self, challenge: &[u8]) -> [u8; 32] {
        hash::hmac_sha256(&*self.challenges, challenge)
    }

    /// The salt that an identifier nobody uses gets at `prepare_login`: 32 bytes, the same at every call and start.
    #[must_use]
    pub fn fake_salt(&self, app_id: &str, identifier_hash: &str) -> [u8; 32] {
        let mut message = Vec::with_capacity(app_id.len() + identifier_hash.len() + 1);
        message.extend_from_slice(app_id.as_bytes());
        message.push(0);
        message.extend_from_slice(identifier_hash.as_bytes());
        hash::hmac_sha256(&*self.fake_salt, &message)
    }
}

fn read(path: &Path) -> Result<Option<Zeroizing<String>>, RootKeyError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RootKeyError::Io { path: path.into(), source }),
    }
}

fn create(path: &Path) -> Result<Zeroizing<String>, RootKeyError> {
    let failed = |source| RootKeyError::Io { path: path.into(), source };
    let text = Zeroizing::new(encoding::b64_encode(&*Zeroizing::new(rng::bytes::<32>(&mut rng::os()))));
    // The file appears whole or not at all; of two processes that start at once, the second takes the first one's key.
    let own = path.with_extension(format!("{:016x}", u64::from_be_bytes(rng::bytes(&mut rng::os()))));
    write_private(&own, &text).map_err(failed)?;
    let linked = fs::hard_link(&own, path);
    fs::remove_file(&own).map_err(failed)?;
    match linked {
        Ok(()) => Ok(text),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => read(path)?.ok_or_else(|| failed(e)),
        Err(e) => Err(failed(e)),
    }
}

/// Writes a new file that only its owner can read (mode 0600) and makes sure that it is on disk.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::db::{Synchronous, migrate};

    fn config(dir: &Path) -> Config {
        let mut c = Config::default();
        c.server.data_dir = dir.into();
        c
    }

    #[test]
    fn made_once_then_checked() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("db");
        let mut conn = Conn::open_sqlite(file.to_str().expect("utf-8"), Synchronous::Full, true).expect("opens");
        migrate::up(&mut conn).expect("migrates");
        let mut c = config(dir.path());

        let first = RootKey::load(&c, &mut conn).expect("made");
        let sealed = first.seal("slot", b"secret").expect("seals");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(FILE)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let again = RootKey::load(&c, &mut conn).expect("read");
        assert_eq!(&**again.open("slot", &sealed).expect("opens"), b"secret");
        assert!(again.open("other", &sealed).is_err());
        assert_eq!(first.fake_salt("a", "b"), again.fake_salt("a", "b"));
        assert_ne!(first.fake_salt("a", "b"), first.fake_salt("b", "a"));

        c.server.root_key = Some(Secret::new(encoding::b64_encode(&[7; 32])));
        let wrong = RootKey::load(&c, &mut conn).expect_err("another key");
        assert!(wrong.to_string().contains("wrong root key"), "{wrong}");
        c.server.root_key = Some(Secret::new("AAAA"));
        assert!(RootKey::load(&c, &mut conn).expect_err("short").to_string().contains("32 bytes"));
        c.server.root_key = None;
        fs::remove_file(dir.path().join(FILE)).expect("removed");
        let missing = RootKey::load(&c, &mut conn).expect_err("lost");
        assert!(missing.to_string().contains("root key is missing"), "{missing}");
    }
}
