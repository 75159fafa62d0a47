//! Configuration: defaults, then `keystead.toml`, then environment `KEYSTEAD__SECTION__KEY`, then flags.
//!
//! One struct per topic; every field's default stands in `config.default.toml`, which a test holds equal. The whole is
//! checked once, in [`Config::load`], which reports all problems together.

mod audit;
mod customers;
mod data;
mod database;
mod files;
mod identity;
mod keys;
mod limits;
mod live;
mod mail;
mod server;
mod webhooks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use audit::AuditConfig;
pub use customers::CustomersConfig;
pub use data::DataConfig;
pub use database::DatabaseConfig;
pub use files::{FileStorage, FilesConfig};
pub use identity::{GoogleConfig, IdentityConfig, PasswordPolicy, ProviderConfig};
pub use keys::{KeysConfig, PasswordChangeEnds};
pub use limits::{LimitsConfig, Rate};
pub use live::{BusConfig, BusTarget, LiveConfig};
pub use mail::{MailConfig, SmtpTls};
pub use server::{Api, ApisConfig, LogConfig, LogFormat, MetricsConfig, Secret, ServerConfig};
pub use webhooks::WebhooksConfig;

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses, directories, root key, clock.
    pub server: ServerConfig,
    /// Which database, and how it is opened.
    pub database: DatabaseConfig,
    /// Which APIs are served.
    pub apis: ApisConfig,
    /// Lifetimes of the key API.
    pub keys: KeysConfig,
    /// Passwords, lifetimes and sessions of the identity API.
    pub identity: IdentityConfig,
    /// The data API.
    pub data: DataConfig,
    /// Google login.
    pub google: GoogleConfig,
    /// Logins with other OpenID providers, by name.
    pub oidc: BTreeMap<String, ProviderConfig>,
    /// The audit log.
    pub audit: AuditConfig,
    /// The customer API.
    pub customers: CustomersConfig,
    /// File parts.
    pub files: FilesConfig,
    /// Rate limits and sizes.
    pub limits: LimitsConfig,
    /// Live queries and connections.
    pub live: LiveConfig,
    /// Webhooks of the data API.
    pub webhooks: WebhooksConfig,
    /// How nodes hear of each other.
    pub bus: BusConfig,
    /// Sender and mail server.
    pub mail: MailConfig,
    /// Log format and level.
    pub log: LogConfig,
    /// Prometheus endpoint.
    pub metrics: MetricsConfig,
}

/// Why a configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file, environment variable or flag cannot be read as the setting it names.
    #[error("configuration: {0}")]
    Read(#[from] config::ConfigError),
    /// Settings that make no sense; all of them.
    #[error("configuration:\n  {}", .0.join("\n  "))]
    Invalid(Vec<String>),
}

/// Settings from flags: dotted name and value, strongest of all.
pub type Overrides = Vec<(&'static str, String)>;

/// The settings that are lists: in the environment their items stand with commas between them.
const LISTS: [&str; 4] =
    ["data.redirect_origins", "server.trusted_proxies", "webhooks.allow_targets", "webhooks.retry_seconds"];

impl Config {
    /// Reads file, environment and flags over the defaults and checks the result.
    ///
    /// `file` is `keystead.toml` in the working directory when it is not given; a file that is named must exist.
    ///
    /// # Errors
    /// `Read` when a source is malformed, `Invalid` with every problem found.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        Self::load_from(file, std::env::vars().collect(), overrides)
    }

    /// As [`Config::load`], with the environment given.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from(
        file: Option<&Path>,
        environment: std::collections::HashMap<String, String>,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let path = file.map_or_else(|| PathBuf::from("keystead.toml"), Path::to_path_buf);
        let mut variables = config::Environment::with_prefix("KEYSTEAD")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .source(Some(environment.into_iter().filter(|(k, _)| k.starts_with("KEYSTEAD__")).collect()));
        for name in LISTS {
            variables = variables.with_list_parse_key(name);
        }
        let mut builder = config::Config::builder()
            .add_source(config::File::from(path).format(config::FileFormat::Toml).required(file.is_some()))
            .add_source(variables);
        for (name, value) in overrides {
            builder = builder.set_override(*name, value.as_str())?;
        }
        let loaded: Self = builder.build()?.try_deserialize()?;
        loaded.check()?;
        Ok(loaded)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        self.server.check(&mut problems);
        self.database.check(&mut problems);
        self.keys.check(&mut problems);
        self.identity.check(&mut problems);
        self.data.check(&mut problems);
        self.google.provider().check("google", &mut problems);
        identity::check_providers(&self.oidc, &mut problems);
        self.audit.check(&mut problems);
        self.customers.check(&mut problems);
        self.files.check(&mut problems);
        self.limits.check(&mut problems);
        self.live.check(&mut problems);
        self.webhooks.check(&mut problems);
        self.bus.check(&mut problems);
        self.mail.check(&mut problems);
        self.metrics.check(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::io::Write;

    fn env(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn default_file_is_the_default_configuration() {
        let text = include_str!("../../config.default.toml");
        let parsed: Config = toml::from_str(text).expect("config.default.toml parses");
        assert_eq!(parsed, Config::default());
        // Every setting is named in the file, the optional ones as a comment.
        let all = toml::Table::try_from(Config::default()).expect("serialises");
        for (section, values) in &all {
            assert!(text.contains(&format!("[{section}]")), "section {section}");
            for key in values.as_table().expect("a section").keys() {
                assert!(text.lines().any(|l| l.trim_start_matches("# ").starts_with(&format!("{key} ="))), "{key}");
            }
        }
    }

    #[test]
    fn flags_beat_environment_beats_file_beats_default() {
        let mut file = tempfile::NamedTempFile::with_suffix(".toml").expect("temp file");
        writeln!(file, "[server]\nlisten = '127.0.0.1:1'\npublic_url = 'http://file'\n[keys]\nchallenge_seconds = 7")
            .expect("written");
        let vars = env(&[
            ("KEYSTEAD__SERVER__LISTEN", "127.0.0.1:2"),
            ("KEYSTEAD__SERVER__PUBLIC_URL", "http://env"),
            ("KEYSTEAD__DATABASE__READERS", "9"),
            ("OTHER", "x"),
        ]);
        let flags: Overrides = vec![("server.listen", "127.0.0.1:3".into())];
        let c = Config::load_from(Some(file.path()), vars, &flags).expect("loads");
        assert_eq!(c.server.listen, "127.0.0.1:3");
        assert_eq!(c.server.public_url, "http://env");
        assert_eq!(c.keys.challenge_seconds, 7);
        assert_eq!(c.database.readers, 9);
        assert_eq!(c.keys.refresh_token_days, KeysConfig::default().refresh_token_days);
    }

    #[test]
    fn lists_come_from_the_environment_too() {
        let vars = env(&[
            ("KEYSTEAD__SERVER__TRUSTED_PROXIES", "127.0.0.1/32,10.0.0.0/8"),
            ("KEYSTEAD__DATA__REDIRECT_ORIGINS", "https://app.example.com"),
            ("KEYSTEAD__WEBHOOKS__ALLOW_TARGETS", "192.168.0.0/16"),
            ("KEYSTEAD__WEBHOOKS__RETRY_SECONDS", "1,20"),
        ]);
        let c = Config::load_from(None, vars, &Vec::new()).expect("loads");
        assert_eq!(c.server.trusted_proxies.len(), 2);
        assert_eq!(c.data.redirect_origins, ["https://app.example.com"]);
        assert_eq!((c.webhooks.allow_targets.len(), c.webhooks.retry_seconds.as_slice()), (1, [1, 20].as_slice()));
        let all = toml::Table::try_from(Config::default()).expect("serialises");
        let lists = all.iter().flat_map(|(section, values)| {
            let values = values.as_table().expect("a section").iter();
            values.filter(|(_, value)| value.is_array()).map(move |(key, _)| format!("{section}.{key}"))
        });
        let lists: std::collections::BTreeSet<String> = lists.collect();
        assert!(lists.iter().eq(LISTS), "{lists:?}");
    }

    #[test]
    fn unknown_names_and_bad_values_are_refused_with_all_problems() {
        let load = |vars: &[(&str, &str)]| Config::load_from(None, env(vars), &Vec::new()).map(drop);
        assert!(load(&[("KEYSTEAD__SERVER__LISTNE", "x")]).is_err());
        assert!(load(&[("KEYSTEAD__KEYS__CHALLENGE_SECONDS", "soon")]).is_err());
        match load(&[("KEYSTEAD__SERVER__LISTEN", "nowhere"), ("KEYSTEAD__DATABASE__URL", "mysql://x")]) {
            Err(ConfigError::Invalid(problems)) => assert_eq!(problems.len(), 2, "{problems:?}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn providers_come_by_name_from_file_and_environment() {
        let vars = env(&[
            ("KEYSTEAD__OIDC__KEYCLOAK__CLIENT_ID", "shop"),
            ("KEYSTEAD__OIDC__KEYCLOAK__ISSUER", "https://id.example.com/realms/shop"),
            ("KEYSTEAD__GOOGLE__CLIENT_ID", "g"),
        ]);
        let c = Config::load_from(None, vars, &Vec::new()).expect("loads");
        let keycloak = &c.oidc["keycloak"];
        assert_eq!((keycloak.client_id.as_str(), keycloak.jwks_url.as_str()), ("shop", ""));
        assert_eq!((c.google.client_id.as_str(), c.google.issuer.as_str()), ("g", "https://accounts.google.com"));
        let bad = env(&[("KEYSTEAD__OIDC__GOOGLE__ISSUER", "x")]);
        match Config::load_from(None, bad, &Vec::new()) {
            Err(ConfigError::Invalid(problems)) => assert_eq!(problems.len(), 3, "{problems:?}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let mut c = Config::default();
        c.server.root_key = Some(Secret::new("cm9vdA=="));
        c.database.url = Some(Secret::new("postgres://u:pw@h/db"));
        let shown = format!("{c:?}");
        assert!(!shown.contains("cm9vdA") && !shown.contains("pw@"), "{shown}");
    }
}
