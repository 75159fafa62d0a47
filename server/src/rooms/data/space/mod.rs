//! An app as the data API sees it: attrs, rules, state.

pub mod rules;
mod store;

use std::collections::HashMap;
use std::sync::Arc;

use keystead_instaql::rules::Rules;
use keystead_instaql::schema::{Attr, AttrId, Catalog};
use moka::sync::Cache;

use super::webhooks::Hook;
pub use rules::{Seen, current, found, is_app, seen};

/// Apps that are remembered.
const CACHED: u64 = 1_000;

/// What an app lets its clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All.
    Active,
    /// Read.
    ReadOnly,
    /// Nothing.
    Disabled,
}

impl Status {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::ReadOnly => "read-only",
            Self::Disabled => "disabled",
        }
    }
}

/// One state of an app's attrs and rules.
pub struct Space {
    /// The app.
    pub app_id: String,
    /// Counts up with every change of what is in here.
    pub version: i64,
    /// False when the app takes no writes.
    pub writable: bool,
    /// Its attrs, with those that every app has.
    pub catalog: Arc<Catalog>,
    /// Its rules, compiled.
    pub rules: Arc<Rules>,
    /// The rules document as it was pushed: JSON.
    pub rules_text: String,
    /// Who is told of its transactions.
    pub webhooks: Vec<Hook>,
    pub(super) numbers: HashMap<AttrId, i64>,
    pub(super) attrs: HashMap<i64, Arc<Attr>>,
}

impl Space {
    /// What stands for an attr in the triples; none for one that is not stored (yet).
    #[must_use]
    pub fn number(&self, attr: AttrId) -> Option<i64> {
        self.numbers.get(&attr).copied()
    }

    /// The attr that a number stands for.
    #[must_use]
    pub fn attr(&self, number: i64) -> Option<&Arc<Attr>> {
        self.attrs.get(&number)
    }

    /// What the app lets its clients do; one that is switched off has no space to ask.
    #[must_use]
    pub const fn status(&self) -> Status {
        if self.writable { Status::Active } else { Status::ReadOnly }
    }

    /// The same app with other rules.
    #[must_use]
    pub fn with_rules(&self, rules: Rules) -> Self {
        Self {
            app_id: self.app_id.clone(),
            version: self.version,
            writable: self.writable,
            catalog: Arc::clone(&self.catalog),
            rules: Arc::new(rules),
            rules_text: self.rules_text.clone(),
            webhooks: self.webhooks.clone(),
            numbers: self.numbers.clone(),
            attrs: self.attrs.clone(),
        }
    }

    /// The numbers of all links.
    #[must_use]
    pub fn links(&self) -> Vec<i64> {
        self.attrs.iter().filter(|(_, attr)| attr.is_ref()).map(|(number, _)| *number).collect()
    }

    /// The numbers of all attrs.
    #[must_use]
    pub fn all_numbers(&self) -> Vec<i64> {
        self.attrs.keys().copied().collect()
    }
}

/// The apps that requests have used lately, by id; each use compares the version with the database.
pub struct Spaces(Cache<String, Arc<Space>>);

impl Default for Spaces {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CACHED).build())
    }
}
