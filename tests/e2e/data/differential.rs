//! Random transactions and queries, answered by the server and by the naive evaluator of `instaql`, which works by the words of
//! the reference without keys, plans or SQL.

use e2e::{TestServer, both};
use keystead_instaql::Error;
use keystead_instaql::naive::Db;
use keystead_instaql::query::Query;
use keystead_instaql::query::plan::Caller;
use keystead_instaql::tx::execute::Context;
use keystead_instaql::tx::{execute, expand, step};
use serde_json::{Value, json};
use uuid::Uuid;

both! { the_server_answers_as_the_naive_evaluator }

/// A small generator: the same numbers at every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let at = usize::try_from(self.roll(of.len() as u64)).expect("small");
        of[at].clone()
    }

    fn id(&mut self) -> String {
        format!("00000000-0000-4000-8000-{:012}", self.roll(14))
    }

    fn value(&mut self) -> Value {
        self.pick(&[
            json!(1),
            json!(2.5),
            json!(-3),
            json!("a"),
            json!("ab"),
            json!("B%"),
            json!(true),
            json!(null),
            json!([1]),
        ])
    }

    fn number(&mut self) -> Value {
        self.pick(&[json!(1), json!(1.0), json!(2), json!(-7), json!(null), json!(1e12)])
    }

    fn text(&mut self) -> Value {
        self.pick(&[json!("a"), json!("ab"), json!("Abc"), json!("ä"), json!(""), json!(null)])
    }

    fn steps(&mut self) -> Value {
        let mut steps = Vec::new();
        for _ in 0..=self.roll(3) {
            let (space, id) = (self.pick(&["books", "authors"]), self.id());
            steps.push(match self.roll(8) {
                0..=3 => {
                    let (any, rank, name) = (self.value(), self.number(), self.text());
                    json!(["update", space, id, {"any": any, "rank": rank, "name": name}])
                }
                4 | 5 => json!(["link", "books", id, {"writers": self.id()}]),
                6 => json!(["unlink", "books", id, {"writers": self.id()}]),
                _ => json!(["delete", space, id, null]),
            });
        }
        Value::Array(steps)
    }

    fn condition(&mut self, space: &str, depth: u64) -> Value {
        let other = if space == "books" { "authors" } else { "books" };
        let link = if space == "books" { "writers" } else { "books" };
        match self.roll(if depth > 0 { 14 } else { 10 }) {
            0 => json!({"any": self.pick(&[json!(1), json!("a"), json!(true), json!(2.5)])}),
            1 => {
                json!({"rank": {self.pick(&["$gt", "$gte", "$lt", "$lte"]): self.pick(&[json!(1), json!(0), json!(2)])}})
            }
            2 => json!({"rank": {"$in": [1, -7]}}),
            3 => json!({"name": {self.pick(&["$like", "$ilike"]): self.pick(&["a%", "%b%", "_", "%"])}}),
            4 => json!({self.pick(&["any", "rank", "name"]): {"$isNull": self.roll(2) == 0}}),
            5 => json!({"rank": {"$not": 1}}),
            6 => json!({"name": "ab"}),
            7 => json!({link: self.id()}),
            8 => json!({"id": {"$in": [self.id(), self.id()]}}),
            9 => json!({link: {"$isNull": self.roll(2) == 0}}),
            10 => json!({"or": [self.condition(space, depth - 1), self.condition(space, depth - 1)]}),
            11 => json!({"and": [self.condition(space, depth - 1), self.condition(space, depth - 1)]}),
            _ => {
                let inner = self.condition(other, 0);
                let (key, value) = inner.as_object().and_then(|map| map.iter().next()).expect("one key");
                json!({format!("{link}.{key}"): value})
            }
        }
    }

    fn options(&mut self, space: &str, is_top: bool) -> Value {
        let mut options = json!({});
        if self.roll(3) > 0 {
            options["where"] = self.condition(space, 2);
        }
        if self.roll(2) == 0 {
            let by = self.pick(&["serverCreatedAt", "rank", "name"]);
            options["order"] = json!({by: self.pick(&["asc", "desc"])});
        }
        if is_top && self.roll(2) == 0 {
            options[self.pick(&["limit", "first", "last"])] = json!(1 + self.roll(4));
            if self.roll(2) == 0 {
                options["offset"] = json!(self.roll(4));
            }
        }
        if self.roll(4) == 0 {
            options["fields"] = json!(["rank"]);
        }
        options
    }

    fn query(&mut self) -> Value {
        let (space, link, other) = self.pick(&[("books", "writers", "authors"), ("authors", "books", "books")]);
        let mut node = json!({"$": self.options(space, true)});
        if self.roll(2) == 0 {
            node[link] = json!({"$": self.options(other, false)});
        }
        json!({space: node})
    }
}

fn schema() -> Value {
    let mut steps = Vec::new();
    let mut n = 0;
    let mut id = || {
        n += 1;
        format!("40000000-0000-4000-8000-{n:012}")
    };
    for space in ["books", "authors"] {
        for (label, flags) in [
            ("id", json!({"unique?": true})),
            ("any", json!({})),
            ("rank", json!({"index?": true, "checked-data-type": "number"})),
            ("name", json!({"index?": true, "checked-data-type": "string"})),
        ] {
            let mut attr = json!({"id": id(), "value-type": "blob", "cardinality": "one", "forward-identity": [id(), space, label]});
            attr.as_object_mut().expect("an object").extend(flags.as_object().cloned().unwrap_or_default());
            steps.push(json!(["add-attr", attr]));
        }
    }
    steps.push(json!(["add-attr", {
        "id": id(), "value-type": "ref", "cardinality": "many",
        "forward-identity": [id(), "books", "writers"], "reverse-identity": [id(), "authors", "books"],
    }]));
    Value::Array(steps)
}

async fn the_server_answers_as_the_naive_evaluator(server: TestServer) {
    let app = server.data();
    app.transact(schema()).await;
    let mut naive = Db::default();
    let mut dice = Dice(7);
    let mut now_ms = 1_000;
    let mut new_id = || Uuid::nil();
    let steps = step::parse(Some(&schema())).expect("valid");
    naive.catalog = expand(&steps, &naive.catalog, false, &mut new_id).expect("expands").catalog;
    for round in 0..60 {
        let steps = dice.steps();
        server.advance(1);
        now_ms += 1_000;
        let plan =
            expand(&step::parse(Some(&steps)).expect("valid"), &naive.catalog, false, &mut new_id).expect("expands");
        let context = Context { caller: Caller::Admin, now_ms, new_id: &mut new_id };
        let expected: Result<_, Error> = execute(&plan, &mut naive, context);
        let answer = app.call("POST", "/admin/transact").body(&json!({ "steps": steps })).send().await;
        assert_eq!(answer.status == 200, expected.is_ok(), "{steps}: {} {expected:?}", answer.body);
        if let Ok(outcome) = expected {
            naive.apply(&outcome);
        }
        for _ in 0..6 {
            let query = dice.query();
            let parsed = Query::parse(&query).expect("valid");
            let expected = naive.query(&parsed, false);
            assert_eq!(app.query(query.clone()).await, expected, "round {round}: {query}");
        }
    }
}
