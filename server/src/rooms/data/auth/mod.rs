//! Who calls the data API.

mod foreign;
pub mod rules;
mod store;

use std::sync::Arc;

use keystead_instaql::query::plan::Caller;
use keystead_instaql::rules::Record;
use uuid::Uuid;

pub use rules::{by_email, by_id, by_token, is_admin_token, plain};

/// Who calls, as rules see him.
#[derive(Debug, Clone)]
pub enum Auth {
    /// The app's backend: rules are not asked.
    Admin,
    /// A user.
    User(Arc<User>),
    /// Nobody.
    Nobody,
}

/// A user of an app.
#[derive(Debug)]
pub struct User {
    /// His id: the directory's.
    pub id: Uuid,
    /// His `$users` values by label.
    pub record: Record,
}

impl Auth {
    /// For the language.
    #[must_use]
    pub const fn caller(&self) -> Caller {
        match self {
            Self::Admin => Caller::Admin,
            Self::User(_) | Self::Nobody => Caller::User,
        }
    }

    /// True for the backend.
    #[must_use]
    pub const fn is_admin(&self) -> bool {
        matches!(self, Self::Admin)
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> Option<&Arc<User>> {
        match self {
            Self::User(user) => Some(user),
            Self::Admin | Self::Nobody => None,
        }
    }
}
