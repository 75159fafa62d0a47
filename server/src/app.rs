//! What every request can reach, built once.

use std::sync::{Arc, OnceLock};

use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, Lanes};
use crate::error::StartError;
use crate::ids::{self, RowIds};
use crate::jobs::key_rotation::Rotations;
use crate::mail::Mailer;
use crate::rooms::apps::Tenants;
use crate::rooms::data::push::Pushes;
use crate::rooms::data::space::Spaces;
use crate::rooms::data::transact::Ledger;
use crate::rooms::data::webhooks::Webhooks;
use crate::rooms::identity::Identity;
use crate::rooms::live::Live;
use crate::root_key::RootKey;
use crate::web::callers::Callers;
use crate::web::data::Entries;
use crate::web::guard::TokenCache;
use crate::web::limits::Limits;
use crate::web::pages::Pages;

/// The server's parts. Shared by all workers.
pub struct App {
    /// The configuration as it was loaded.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// Where the transactions of each app of the data API wait for each other.
    pub lanes: Lanes<Ledger>,
    /// Objects outside the database.
    pub blobs: Blobs,
    /// The one source of the current time.
    pub clock: Clock,
    /// Ids of rows.
    pub row_ids: RowIds,
    /// Encryption at rest and the server's own secrets.
    pub root_key: RootKey,
    /// Apps that requests have used lately.
    pub tenants: Tenants,
    /// Attrs and rules of apps that the data API has used lately.
    pub spaces: Spaces,
    /// Jobs of pushed schemas and logins of `instant-cli` that somebody may still ask for.
    pub pushes: Pushes,
    /// Key, client and alarm of webhooks.
    pub webhooks: Webhooks,
    /// JWTs whose signature has been checked.
    pub tokens: TokenCache,
    /// Callers whom the guard has let in.
    pub callers: Callers,
    /// Callers whom the data API's guard has let in.
    pub entries: Entries,
    /// Rate limits.
    pub limits: Limits,
    /// Sends letters.
    pub mailer: Mailer,
    /// Static files, where the operator has some.
    pub pages: Option<Pages>,
    /// Wakes the job that serves key rotations.
    pub(crate) rotations: Rotations,
    /// Live queries, connections, presence.
    pub live: Live,
    /// Secrets, hashing pool and delays of the identity API.
    pub identity: Identity,
    /// Id of the app where customers live, once it is known: see [`crate::operator::customer_start`].
    pub customer_app: OnceLock<String>,
}

impl App {
    /// Opens database and root key. The operator's commands use this too, beside a running server.
    ///
    /// # Errors
    /// Why the server cannot start.
    pub fn open(config: Config) -> Result<Arc<Self>, StartError> {
        create_private_dir(&config.server.data_dir)
            .map_err(StartError::io(format!("data directory {}", config.server.data_dir.display())))?;
        let target = config.target();
        let db = Db::open(&target)?;
        let mut conn = target.connect()?;
        let root_key = RootKey::load(&config, &mut conn)?;
        let blobs = Blobs::open(&config)?;
        let clock = Clock::new(config.server.clock_offset_file.clone());
        let identity = Identity::open(&config, &clock, &mut conn, db.readers(), &root_key)?;
        Ok(Arc::new(Self {
            callers: Callers::new(db.readers()),
            entries: Entries::new(db.readers()),
            db,
            lanes: Lanes::default(),
            blobs,
            webhooks: Webhooks::open(&root_key)?,
            root_key,
            tenants: Tenants::default(),
            spaces: Spaces::default(),
            pushes: Pushes::default(),
            tokens: TokenCache::default(),
            limits: Limits::new(&config.limits, clock.clone()),
            mailer: Mailer::open(&config.mail, &config.server.data_dir)?,
            pages: config.server.static_dir.as_deref().map(Pages::open).transpose()?,
            rotations: Rotations::new(ids::random()),
            live: Live::open(&config, ids::random())?,
            identity,
            customer_app: OnceLock::new(),
            row_ids: RowIds::default(),
            clock,
            config,
        }))
    }

    /// A new id: UUIDv4, lower case, hyphenated.
    #[must_use]
    pub fn new_id(&self) -> String {
        ids::random()
    }

    /// A new id of a row that is no secret: as [`App::new_id`], and close to others made with it.
    #[must_use]
    pub fn row_id(&self) -> String {
        self.row_ids.next(self.clock.now_ms())
    }
}

/// A new data directory belongs to its owner alone; one that is there keeps its mode.
pub(crate) fn create_private_dir(path: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}
