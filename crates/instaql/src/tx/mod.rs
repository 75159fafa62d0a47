//! Transactions: from the steps a client sends to the triples that change (instant.md sections 4 and 17.3).
//!
//! 1. [`step::parse`] reads the steps of the admin API, [`wire::parse`] the tx-steps of the WebSocket.
//! 2. [`expand::expand`] turns steps into [`TxStep`]s and says which attrs must be made first.
//! 3. [`execute::execute`] runs tx-steps over what a [`Source`] loads, in a few batched loads, and says what changes: a
//!    server writes that down in the same database transaction, after the permission rules had their say.

pub mod execute;
pub mod expand;
pub mod merge;
pub mod outcome;
pub mod step;
pub mod wire;
mod work;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::schema::{Attr, AttrId, Catalog, EntityId};

pub use execute::execute;
pub use expand::expand;
pub use outcome::{Change, LinkChange, Outcome, Touched};
pub use step::Step;

/// Most steps in one transaction.
pub const MAX_STEPS: usize = 50_000;

/// A transaction whose names are attrs.
#[derive(Debug, Clone)]
pub struct TxPlan {
    /// The app's attrs with the new ones; shared as long as there are none.
    pub catalog: Arc<Catalog>,
    /// What happens to attrs, before everything else.
    pub attrs: Vec<AttrStep>,
    /// What happens to triples.
    pub steps: Vec<TxStep>,
}

/// A change of the schema inside a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum AttrStep {
    /// A new attr. From users it needs the rule `attrs.create`; the rest is for admins.
    Add(Attr),
    /// Changed flags of an attr, as they came: the keys of [`Attr`] that are there.
    Update(AttrId, Map<String, Value>),
    /// The attr goes, and its triples.
    Delete(AttrId),
    /// A deleted attr comes back.
    Restore(AttrId),
}

/// One step on triples.
#[derive(Debug, Clone, PartialEq)]
pub enum TxStep {
    /// Sets a value, or adds a link.
    AddTriple {
        /// Whose.
        entity: EntityRef,
        /// Of what.
        attr: AttrId,
        /// What.
        value: TxValue,
        /// Whether the entity must, or must not, be there.
        mode: Option<Mode>,
    },
    /// Merges an object into the value there.
    DeepMerge {
        /// Whose.
        entity: EntityRef,
        /// Of what.
        attr: AttrId,
        /// What.
        value: Value,
        /// Whether the entity must be there.
        mode: Option<Mode>,
    },
    /// Takes a link or a value away, if it is there.
    RetractTriple {
        /// Whose.
        entity: EntityRef,
        /// Of what.
        attr: AttrId,
        /// What.
        value: TxValue,
    },
    /// Deletes an entity with its links, and what cascades from it.
    DeleteEntity {
        /// Which.
        entity: EntityRef,
        /// Of which namespace; none is all of them.
        etype: Option<String>,
    },
    /// Says `ruleParams` to the rules of an entity.
    RuleParams {
        /// Which.
        entity: EntityRef,
        /// Of which namespace.
        etype: String,
        /// What.
        params: Map<String, Value>,
    },
}

/// Which entity.
#[derive(Debug, Clone, PartialEq)]
pub enum EntityRef {
    /// The one with this id.
    Id(EntityId),
    /// The one with this value of a unique attr.
    Lookup(AttrId, Value),
}

/// A value, or the id of an entity that is looked up.
#[derive(Debug, Clone, PartialEq)]
pub enum TxValue {
    /// This.
    Json(Value),
    /// The id of the one with this value of a unique attr.
    Lookup(AttrId, Value),
}

/// Whether an entity must be there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It must not.
    Create,
    /// It must.
    Update,
    /// Either.
    Upsert,
}

impl Mode {
    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Upsert => "upsert",
        }
    }
}

/// A stored triple.
#[derive(Debug, Clone, PartialEq)]
pub struct Triple {
    /// Whose.
    pub entity: EntityId,
    /// Of what.
    pub attr: AttrId,
    /// What; the id, as a string, for links.
    pub value: Value,
    /// When it was first written.
    pub created_ms: i64,
}

/// Where a transaction reads from: the database inside the transaction, or a test's memory. Every call is a batch, and
/// there are few: one or two of each, and one more of `references` for each level of a cascade.
pub trait Source {
    /// What can go wrong there. Errors of this crate pass through it.
    type Error: From<crate::Error>;

    /// For each (attr, index key) some entity that has it, in the order asked.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn holders(&mut self, wanted: &[(AttrId, Vec<u8>)]) -> Result<Vec<Option<EntityId>>, Self::Error>;

    /// Every triple of these entities.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn triples(&mut self, entities: &[EntityId]) -> Result<Vec<Triple>, Self::Error>;

    /// Every link triple that leads to one of these entities.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn references(&mut self, entities: &[EntityId]) -> Result<Vec<Triple>, Self::Error>;
}
