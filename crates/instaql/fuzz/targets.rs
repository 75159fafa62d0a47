//! The bodies of the fuzz targets. `src/tests/corpus.rs` runs them over the corpus as a normal test. The input is JSON as a
//! client sends it; a target panics when something of the crate does.
#![allow(dead_code, reason = "each fuzz binary uses one of them")]

use keystead_instaql::query::Query;
use keystead_instaql::query::plan::{Caller, Plan};
use keystead_instaql::rules::{Input, Rule, Rules};
use keystead_instaql::schema::{Attr, Catalog, CheckedType};
use keystead_instaql::tx::execute::Context;
use keystead_instaql::{Error, Kind, naive, system, topics, tree, tx};
use serde_json::Value;
use uuid::Uuid;

/// A query: what is valid gets a plan, and the plan's road gives what the words say.
pub(crate) fn query(data: &[u8]) -> Result<(), Error> {
    let query = Query::parse(&json(data)?)?;
    let db = app()?;
    let plan = Plan::new(&query, &db.catalog, Caller::Admin)?;
    let levels = naive::levels(&db, &plan, &|_etype, _entity| true);
    let answer: Value = serde_json::from_str(&tree::write(&plan, &levels, false)).expect("the answer is JSON");
    assert_eq!(answer, db.query(&query, false));
    let _topics = topics::of_query(&plan, &levels);
    Ok(())
}

/// Steps of the admin API, and of the WebSocket.
pub(crate) fn steps(data: &[u8]) -> Result<(), Error> {
    let (json, mut db) = (json(data)?, app()?);
    let mut ids = 1_000;
    let mut new_id = || {
        ids += 1;
        Uuid::from_u128(ids)
    };
    let plan = match tx::wire::parse(Some(&json), &db.catalog) {
        Ok(plan) => plan,
        Err(_not_of_the_socket) => tx::expand(&tx::step::parse(Some(&json))?, &db.catalog, false, &mut new_id)?,
    };
    db.catalog = std::sync::Arc::clone(&plan.catalog);
    let outcome = tx::execute(&plan, &mut db, Context { caller: Caller::Admin, now_ms: 1, new_id: &mut new_id })?;
    db.apply(&outcome);
    Ok(())
}

/// A rules document: every program runs on nothing at all.
pub(crate) fn rules(data: &[u8]) -> Result<(), Error> {
    let rules = Rules::parse(&json(data)?)?;
    for etype in ["t", "u", "$users", "$default"] {
        for action in ["view", "create", "update", "delete"] {
            if let Rule::Program(program) = rules.action(etype, action) {
                let _answer = program.run(&Input::default()).map_err(|e| e.to_error(etype, action, true));
            }
        }
    }
    Ok(())
}

fn json(data: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(data).map_err(|e| Error::new(Kind::ParamMalformed, e.to_string(), Value::Null))
}

/// A small app: `t` with a checked string `s`, a number `n`, a date `d`, and links to `u`.
fn app() -> Result<naive::Db, Error> {
    let mut attrs = system::attrs();
    let id = Uuid::from_u128;
    attrs.push(Attr { unique: true, ..Attr::blob(id(1), id(101), "t", "id") });
    for (n, label, checked) in
        [(2, "s", CheckedType::String), (3, "n", CheckedType::Number), (4, "d", CheckedType::Date)]
    {
        attrs.push(Attr {
            index: true,
            checked_data_type: Some(checked),
            ..Attr::blob(id(n), id(100 + n), "t", label)
        });
    }
    attrs.push(Attr { unique: true, ..Attr::blob(id(5), id(105), "u", "id") });
    attrs.push(Attr::link(id(6), (id(106), id(206)), ("t", "us"), ("u", "ts")));
    attrs.push(Attr { unique: true, index: true, ..Attr::blob(id(7), id(107), "u", "email") });
    let mut db = naive::Db { catalog: Catalog::new(attrs).into(), triples: Vec::new() };
    let steps = serde_json::json!([
        ["create", "t", id(10), {"s": "a", "n": 1, "d": "2025-01-01"}], ["create", "t", id(11), {"s": "b"}],
        ["create", "u", id(20), {"email": "a@b.co"}], ["link", "t", id(10), {"us": id(20)}],
    ]);
    let mut new_id = || id(999);
    let plan = tx::expand(&tx::step::parse(Some(&steps))?, &db.catalog, false, &mut new_id)?;
    let outcome = tx::execute(&plan, &mut db, Context { caller: Caller::Admin, now_ms: 1, new_id: &mut new_id })?;
    db.apply(&outcome);
    Ok(db)
}
