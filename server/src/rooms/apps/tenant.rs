//! An app as requests see it: parsed once, cached by token, and checked against the database's version at each use.

use std::sync::Arc;

use keystead_crypto::encoding::b64_decode;
use keystead_crypto::hash::ct_eq;
use keystead_protocol::ErrorCode;
use keystead_protocol::apps::{Endpoint, EndpointOptions, FileOptions, GroupOptions};
use moka::sync::Cache;

use super::jwt::JwtKeys;
use super::{rules, store};
use crate::db::Conn;
use crate::error::{KeyError, KeyResult};
use crate::root_key::RootKey;

/// Longest app token that is looked at; ours have 40 and 68 characters.
const MAX_TOKEN: usize = 128;
/// Tokens that are remembered, wrong ones are not.
const CACHED: u64 = 10_000;

/// Which of an app's tokens was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// For front ends.
    Public,
    /// For the customer's backend.
    Secret,
}

/// One app, ready for use.
pub struct Tenant {
    /// App id.
    pub id: String,
    /// Version of the row this was made from.
    pub version: i64,
    /// True when the operator has switched the app off.
    pub disabled: bool,
    /// Who may call what.
    pub options: EndpointOptions,
    /// Where files go.
    pub file_options: FileOptions,
    /// Limits of key rotation.
    pub group_options: GroupOptions,
    /// JWT keys.
    pub jwt: JwtKeys,
    secret_token_hash: String,
}

impl Tenant {
    /// # Errors
    /// `AppAction` when the option forbids this endpoint for this token.
    pub fn allow(&self, endpoint: Endpoint, token: TokenKind) -> KeyResult<()> {
        match (self.options.get(endpoint), token) {
            (1, _) | (2, TokenKind::Secret) => Ok(()),
            _ => Err(ErrorCode::AppAction.into()),
        }
    }

    pub(super) fn load(conn: &mut Conn, root_key: &RootKey, row: store::AppRow) -> KeyResult<Self> {
        let mut jwt = JwtKeys::empty();
        for key in store::jwt_keys(conn, &row.id)? {
            let sign_key = root_key
                .open(&rules::jwt_slot(&key.kid), &key.sign_key_sealed)
                .map_err(|e| KeyError::caused(ErrorCode::RootKeyDecrypt, e))?;
            jwt.add(&key.kid, &sign_key).map_err(|e| KeyError::caused(ErrorCode::JwtKeyCreate, e))?;
        }
        let read = |e| KeyError::caused(ErrorCode::DbQuery, e);
        Ok(Self {
            options: serde_json::from_str(&row.options).map_err(read)?,
            file_options: serde_json::from_str(&row.file_options).map_err(read)?,
            group_options: serde_json::from_str(&row.group_options).map_err(read)?,
            id: row.id,
            version: row.version,
            disabled: row.disabled_ms.is_some(),
            secret_token_hash: row.secret_token_hash,
            jwt,
        })
    }
}

/// The apps that requests have used lately, by the token as it is sent.
pub struct Tenants(Cache<String, (Arc<Tenant>, TokenKind)>);

impl Default for Tenants {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CACHED).build())
    }
}

impl Tenants {
    /// The app of a token as it was when it was loaded; the caller compares its version.
    #[must_use]
    pub fn cached(&self, token: &str) -> Option<(Arc<Tenant>, TokenKind)> {
        self.0.get(token)
    }

    /// An app by its id, for routes that need no token. As [`Tenants::find`], the answer is as new as the database.
    ///
    /// # Errors
    /// `AppNotFound`, `AppDisabled`.
    pub fn by_id(&self, conn: &mut Conn, root_key: &RootKey, app_id: &str) -> KeyResult<Arc<Tenant>> {
        // No token has a colon in it.
        let key = format!("id:{app_id}");
        let known = self.0.get(&key).map(|(tenant, _)| tenant);
        let current = match known {
            Some(tenant) if store::version(conn, app_id)? == Some(tenant.version) => tenant,
            _ => {
                let row = store::by_id(conn, app_id)?.ok_or(ErrorCode::AppNotFound)?;
                let tenant = Arc::new(Tenant::load(conn, root_key, row)?);
                self.0.insert(key, (Arc::clone(&tenant), TokenKind::Public));
                tenant
            }
        };
        if current.disabled { Err(ErrorCode::AppDisabled.into()) } else { Ok(current) }
    }

    /// Finds the app of a token. The answer is as new as the database: a changed app is loaded again.
    ///
    /// # Errors
    /// `AppTokenFormat` when it is not b64, `AppTokenNotFound`, `AppDisabled`.
    pub fn find(&self, conn: &mut Conn, root_key: &RootKey, token: &str) -> KeyResult<(Arc<Tenant>, TokenKind)> {
        if token.len() > MAX_TOKEN {
            return Err(ErrorCode::AppTokenFormat.into());
        }
        let raw = b64_decode(token).map_err(|_source| ErrorCode::AppTokenFormat)?;
        if let Some((tenant, kind)) = self.0.get(token)
            && store::version(conn, &tenant.id)? == Some(tenant.version)
        {
            return if tenant.disabled { Err(ErrorCode::AppDisabled.into()) } else { Ok((tenant, kind)) };
        }
        self.0.invalidate(token);
        let hash_text = rules::token_hash(&raw);
        let row = store::by_token_hash(conn, &hash_text)?.ok_or(ErrorCode::AppTokenNotFound)?;
        let tenant = Arc::new(Tenant::load(conn, root_key, row)?);
        let secret = ct_eq(tenant.secret_token_hash.as_bytes(), hash_text.as_bytes());
        let kind = if secret { TokenKind::Secret } else { TokenKind::Public };
        self.0.insert(token.to_owned(), (Arc::clone(&tenant), kind));
        if tenant.disabled { Err(ErrorCode::AppDisabled.into()) } else { Ok((tenant, kind)) }
    }
}
