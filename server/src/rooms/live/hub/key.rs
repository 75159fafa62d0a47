//! What makes two subscriptions the same computation.

use std::sync::Arc;

use keystead_instaql::schema::EntityId;

/// In what form a result is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Triples, which `@instantdb/core` queries again by itself.
    JoinRows,
    /// Nested objects; true: links to one are no lists (`inference?`).
    Tree(bool),
    /// Entities with their triples, for clients that hold a copy.
    Rows,
}

/// As whom a query is asked. Equal contexts see equal results.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Context {
    /// The app's backend: no rules.
    Admin,
    /// Nobody in particular.
    Guest,
    /// A user.
    User(EntityId),
}

/// A query in a form, asked in a context.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueryKey {
    /// The query as JSON text: what the client sent, which it is told again.
    pub query: Arc<str>,
    /// The form of the result.
    pub form: Form,
    /// Who asks.
    pub context: Context,
    /// What rules may know of the request beside the user: address and origin, where the app's rules ask for them.
    pub request: Option<Arc<(Option<String>, Option<String>)>>,
}
