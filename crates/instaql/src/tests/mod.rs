//! Tests over the whole crate: the language against the naive evaluator, over a part of the original's sample data.

mod corpus;
mod live;
mod query;
mod rules;
mod transact;

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use uuid::Uuid;

use crate::naive::{self, Db};
use crate::query::Query;
use crate::query::plan::{Caller, Plan};
use crate::tx::execute::Context;
use crate::tx::{AttrStep, Outcome};
use crate::{Result, tx};

/// The sample app: users with bookshelves with books.
static SAMPLE: LazyLock<Db> = LazyLock::new(|| {
    let file: Value = serde_json::from_str(include_str!("../../tests/data/zeneca.json")).unwrap();
    naive::sample(&file)
});

/// The answer by the words of the reference.
fn by_words(db: &Db, query: &Value, singular: bool) -> Value {
    db.query(&Query::parse(query).unwrap(), singular)
}

/// The answer by plan and keys, as a server makes it.
fn by_plan(db: &Db, query: &Value, singular: bool) -> Result<Value> {
    let plan = Plan::new(&Query::parse(query)?, &db.catalog, Caller::Admin)?;
    let levels = naive::levels(db, &plan, &|_etype, _entity| true);
    Ok(serde_json::from_str(&crate::tree::write(&plan, &levels, singular)).unwrap())
}

/// An app under test: data, a clock and ids that count.
#[derive(Default)]
struct App {
    db: Db,
    now_ms: i64,
    ids: u128,
}

impl App {
    /// Runs steps of the admin API as an admin.
    fn transact(&mut self, steps: &Value) -> Result<Outcome> {
        self.transact_as(steps, Caller::Admin, false)
    }

    fn transact_as(&mut self, steps: &Value, caller: Caller, throw_on_missing: bool) -> Result<Outcome> {
        self.now_ms += 1;
        let ids = &mut self.ids;
        let mut new_id = || {
            *ids += 1;
            Uuid::from_u128(0xf000_0000 + *ids)
        };
        let steps = tx::step::parse(Some(steps))?;
        let plan = tx::expand(&steps, &self.db.catalog, throw_on_missing, &mut new_id)?;
        let mut db = self.db.clone();
        db.catalog = Arc::clone(&plan.catalog);
        let outcome = tx::execute(&plan, &mut db, Context { caller, now_ms: self.now_ms, new_id: &mut new_id })?;
        for step in &plan.attrs {
            if let AttrStep::Add(attr) = step {
                Arc::make_mut(&mut self.db.catalog).insert(attr.clone());
            }
        }
        self.db.apply(&outcome);
        Ok(outcome)
    }

    fn query(&self, query: &Value) -> Value {
        by_words(&self.db, query, false)
    }

    /// Changes flags of an attr.
    fn flag(&mut self, etype: &str, label: &str, change: impl Fn(&mut crate::schema::Attr)) {
        let mut attr = self.db.catalog.forward(etype, label).unwrap().as_ref().clone();
        change(&mut attr);
        Arc::make_mut(&mut self.db.catalog).insert(attr);
    }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}
