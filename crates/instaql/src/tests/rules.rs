//! Rules: look-up order, variables, refs, mistakes with their places, and simple rules equal to CEL.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{App, id};
use crate::naive::{self, Db};
use crate::rules::predicate::Known;
use crate::rules::{Base, Input, Program, Record, Refs, Request, Rule, RuleError, Rules};

fn record(value: Value) -> Record {
    match value {
        Value::Object(map) => Arc::new(map),
        _ => Record::default(),
    }
}

fn program(code: &str) -> Arc<Program> {
    let rules =
        Rules::parse(&json!({"t": {"allow": {"view": code}}})).unwrap_or_else(|e| panic!("{code}: {}", e.to_json()));
    match rules.view("t") {
        Rule::Program(program) => program,
        other => panic!("{code} is {other:?}"),
    }
}

fn run(code: &str, data: &Value) -> Result<bool, RuleError> {
    let (data, user) = (record(data.clone()), record(json!({"id": id(1).to_string(), "email": "a@b.co"})));
    let request = Request { time_ms: 1_740_484_800_123, modified_fields: vec!["a".into()], ..Request::default() };
    let input = Input {
        data: Some(("t", id(2), &data)),
        new_data: Some(&data),
        auth: Some((id(1), &user)),
        request: Some(&request),
        ..Input::default()
    };
    program(code).run(&input)
}

#[test]
fn expressions_mean_what_the_reference_says() {
    let data = json!({"owner": id(1).to_string(), "n": 3, "x": 1.5, "meta": {"a": {"b": [1, 2]}}, "tags": ["p", "q"], "nil": null, "d": "2025-02-25"});
    for code in [
        "auth.id == data.owner",
        "auth.id != null && auth.email.endsWith('@b.co')",
        "data.missing == null",
        "data.nil == null",
        "data['missing'] == null",
        "data.meta.nothing == null",
        "data.n > 2 && data.n < 3.5 && data.x == 1.5",
        "data.n == 3.0",
        "'p' in data.tags && !('r' in data.tags)",
        "data.tags.exists(t, t == 'q')",
        "data.tags.all(t, t in ['p', 'q'])",
        "size(data.tags) == 2 && data.tags.size() == 2",
        "data.meta.a.b[1] == 2",
        "has(data.n) && !has(data.nil) && !has(data.missing)",
        "has(data.meta.a) && !has(data.meta.a.c)",
        "'a' in data.meta && size(data.meta) == 1",
        "data.meta == {'a': {'b': [1, 2]}}",
        "request.modifiedFields == ['a']",
        "request.modifiedFields.all(f, f in ['a', 'b'])",
        "request.ip == null",
        "request.time > timestamp('2025-01-01')",
        "timestamp(data.d) < request.time",
        "timestamp(data.d).getTime() == 1740441600",
        "timestamp(1740441600) == timestamp('2/25/2025')",
        "request.time - timestamp(data.d) < duration('13h')",
        "newData.n == data.n",
        "ruleParams.x == null",
        "linkedData == null",
        "cel.bind(o, data.owner, o == auth.id)",
        "math.greatest(data.n, 2) == 3 && math.abs(-1) == 1",
        "'ABC'.lowerAscii() == 'abc' && 'a-b'.split('-').size() == 2",
        "'x'.matches('^x$')",
        "data.n in [1, 2, 3]",
        "data.n + 1 == 4 ? true : false",
        "false || true",
        "type(data.n) == int",
        "data.meta.a.b.map(x, x * 2) == [2, 4]",
        "data.meta.map(k, k) == ['a']",
        "string(data.n) == '3'",
    ] {
        assert_eq!(run(code, &data), Ok(true), "{code}");
    }
    for code in ["auth.id == data.missing", "null", "data.n == 'x'", "!(data.n == 3)", "data.owner == null"] {
        assert_eq!(run(code, &data), Ok(false), "{code}");
    }
    // Nobody has no id.
    assert_eq!(program("auth.id == null && auth.email == null").run(&Input::default()), Ok(true));
}

#[test]
fn errors_say_which_expression_and_which_values() {
    let told = |code: &str, data: Value| match run(code, &data).unwrap_err() {
        RuleError::Evaluation { message, expression, values } => json!([code, expression, values, message]),
        RuleError::Limited(e) => panic!("{e}"),
    };
    insta::assert_json_snapshot!(vec![
        told("data.n > 5 && auth.id != null", json!({"n": "many"})),
        told("auth.id != null && data.meta.a.b == 1", json!({"meta": null})),
        told("data.n + 1", json!({"n": 1})),
        told("size(data.n) == 1", json!({})),
        told("data.a / data.b == 1", json!({"a": 1, "b": 0})),
        told("data.list[5] == 1", json!({"list": [1]})),
        told("data.list.all(x, x > 'a')", json!({"list": [1]})),
        told("data.ref('owner.id') == 5 || data.flag", json!({"flag": "yes"})),
    ]);
    let e = run("data.n > 5", &json!({"n": "many"})).unwrap_err();
    let (admin, user) = (e.to_error("todos", "view", true), e.to_error("todos", "view", false));
    assert_eq!((admin.kind.name(), &admin.hint["rule"]), ("permission-evaluation-failed", &json!(["todos", "view"])));
    assert!(admin.message.contains("data.n > 5") && admin.message.contains("\"many\""));
    assert!(!user.to_json().to_string().contains("many") && !user.to_json().to_string().contains("data.n"));
}

#[test]
fn rules_are_found_in_the_order_of_the_reference() {
    let rules = Rules::parse(&json!({
        "a": {"allow": {"view": "true", "$default": "false"}},
        "b": {"allow": {"create": "false"}},
        "$default": {"allow": {"delete": "false", "$default": "auth.id != null"}},
        "$users": {"allow": {"view": "true"}},
        "attrs": {"allow": {"$default": "false"}},
    }))
    .unwrap();
    let name = |etype: &str, action: &'static str| match rules.action(etype, action) {
        Rule::Allow => "yes",
        Rule::Deny => "no",
        Rule::Program(_) => "maybe",
    };
    assert_eq!([name("a", "view"), name("a", "delete"), name("a", "update")], ["yes", "no", "no"]);
    assert_eq!([name("b", "create"), name("b", "delete"), name("b", "view")], ["no", "no", "maybe"]);
    assert_eq!([name("c", "delete"), name("c", "view")], ["no", "maybe"]);
    assert_eq!([name("$users", "view"), name("$users", "create"), name("$users", "delete")], ["yes", "yes", "no"]);
    assert_eq!([name("$files", "view"), name("$files", "create"), name("$streams", "view")], ["no", "no", "no"]);
    assert!(matches!(rules.attrs_create(), Rule::Deny));
    let none = Rules::parse(&Value::Null).unwrap();
    assert!(matches!(
        (none.view("x"), none.attrs_create(), none.view("$files")),
        (Rule::Allow, Rule::Allow, Rule::Deny)
    ));
    // Who nobody is sees no user, not even one without an id.
    let Rule::Program(own) = none.view("$users") else { panic!() };
    let (user, data) = (record(json!({"id": "u"})), record(json!({"id": "u", "linkedPrimaryUser": null})));
    let asked = Input { data: Some(("$users", id(1), &data)), ..Input::default() };
    assert_eq!(own.run(&asked), Ok(false));
    assert_eq!(own.run(&Input { auth: Some((id(1), &user)), ..asked }), Ok(true));
}

#[test]
fn binds_reach_one_another_and_the_default() {
    let rules = Rules::parse(&json!({
        "$default": {"bind": {"isLoggedIn": "auth.id != null"}},
        "t": {
            "bind": ["isOwner", "isLoggedIn && auth.id in data.ref('owner.id')", "isEditor", "isOwner || data.open == true"],
            "allow": {"view": "isEditor", "update": "[1].exists(isOwner, isOwner == 1)"},
            "fields": {"secret": "isOwner"},
        },
        "links": {"allow": {"link": {"t": "auth.id == linkedData.owner"}, "unlink": {"$default": "false"}}},
    })).unwrap();
    let Rule::Program(view) = rules.view("t") else { panic!() };
    assert_eq!(view.refs()[0].path, ["owner", "id"]);
    assert!(
        view.display_code.starts_with("cel.bind(isLoggedIn, auth.id != null, cel.bind(isOwner, "),
        "{}",
        view.display_code
    );
    let mut refs = Refs::default();
    refs.add("t", &["owner".into(), "id".into()], id(2), json!("me"));
    let (data, user) = (record(json!({})), record(json!({"id": "me"})));
    let input =
        Input { data: Some(("t", id(2), &data)), auth: Some((id(1), &user)), refs: Some(&refs), ..Input::default() };
    assert_eq!(view.run(&input), Ok(true));
    assert_eq!(view.run(&Input { refs: None, ..input.clone() }), Ok(false));
    let Rule::Program(shadowed) = rules.action("t", "update") else { panic!() };
    assert_eq!(shadowed.run(&input), Ok(true), "a loop's variable hides a bind of the same name");
    assert_eq!(rules.fields("t")[0].0, "secret");
    assert!(rules.link("links", "t", true).is_some() && rules.link("links", "x", true).is_none());
    assert!(matches!(rules.link("links", "x", false), Some(Rule::Deny)));
    assert!(rules.link("t", "x", true).is_none());
}

#[test]
fn mistakes_in_rules_are_told_with_their_places() {
    let told = |rules: Value| {
        let e = Rules::parse(&rules).map(|_| ()).expect_err(&rules.to_string());
        assert_eq!(e.hint["data-type"], "rule");
        json!([rules, e.hint["errors"]])
    };
    let view = |code: &str| told(json!({"t": {"allow": {"view": code}}}));
    insta::assert_json_snapshot!(vec![
        told(json!([])),
        told(json!({"t": 5})),
        told(json!({"t": {"allow": {"look": "true"}}})),
        told(json!({"t": {"alow": {}}})),
        told(json!({"t": {"allow": {"view": 5}}})),
        told(json!({"$mine": {"allow": {"view": "true"}}})),
        told(json!({"$users": {"allow": {"delete": "true"}}})),
        told(json!({"t": {"fields": {"id": "true"}}})),
        told(json!({"t": {"bind": ["a"]}})),
        told(json!({"t": {"bind": {"a": "b", "b": "a"}, "allow": {"view": "a"}}})),
        told(json!({"$rateLimits": {"x": {"limits": [{"capacity": 0}]}}})),
        view(""),
        view("auth.id ="),
        view("auth.id == dat.owner"),
        view("true &&\n  nope(data)"),
        view("data.ref(data.path)"),
        view("newData.ref('a.b')"),
        view("auth.ref('owner.id')"),
        view("data.ref('a..b')"),
        view("rateLimit.none.limit(auth.id)"),
        view("data.list.all(data, true)"),
        view("foo.Bar{x: 1}"),
    ]);
}

#[test]
fn what_grows_without_end_is_refused() {
    let mut bind = BTreeMap::from([("b0".to_owned(), "data.x == 1 && data.y == 2".to_owned())]);
    for n in 1..40 {
        bind.insert(format!("b{n}"), format!("b{} && b{}", n - 1, n - 1));
    }
    assert!(Rules::parse(&json!({"t": {"bind": bind, "allow": {"view": "b39"}}})).is_err());
    assert!(
        Rules::parse(&json!({"t": {"allow": {"view": format!("{}true{}", "(".repeat(5_000), ")".repeat(5_000))}}}))
            .is_err()
    );
    assert!(Rules::parse(&json!({"t": {"allow": {"view": "!".repeat(19_000)}}})).is_err());
    assert!(Rules::parse(&json!({"t": {"allow": {"view": "true || ".repeat(9_000)}}})).is_err());
    // Whatever these are told, nothing runs out of stack.
    for long in ["1+", "true&&", "data.x||", "a.b."] {
        let code = format!("{}true", long.repeat(4_900 / long.len()));
        if let Ok(rules) = Rules::parse(&json!({"t": {"allow": {"view": code}}}))
            && let Rule::Program(program) = rules.view("t")
        {
            let _answer = program.run(&Input::default());
        }
    }
}

#[test]
fn rate_limits_fail_the_call() {
    struct Limiter;
    impl crate::rules::Limiter for Limiter {
        fn take(&self, name: &str, key: &Value, tokens: i64) -> crate::Result<()> {
            if tokens < 5 {
                Ok(())
            } else {
                Err(crate::Error::new(crate::Kind::RateLimited, format!("{name} {key}"), Value::Null))
            }
        }
    }
    let limiter: Arc<dyn crate::rules::Limiter> = Arc::new(Limiter);
    let ask = |code: &str| {
        let limits = json!({"x": {"limits": [{"capacity": 5, "refill": {"amount": 1, "period": "1 hour"}}]}});
        let rules = Rules::parse(&json!({"$rateLimits": limits, "t": {"allow": {"view": code}}})).unwrap();
        assert_eq!(rules.rate_limit("x")[0].period_ms, 3_600_000);
        let Rule::Program(program) = rules.view("t") else { panic!() };
        program.run(&Input { limiter: Some(&limiter), ..Input::default() })
    };
    assert_eq!(ask("rateLimit.x.limit('k')"), Ok(true));
    assert!(
        matches!(ask("rateLimit.x.limit('k', 5)"), Err(RuleError::Limited(e)) if e.kind == crate::Kind::RateLimited)
    );
}

// Simple rules as filters.

fn app() -> App {
    let mut app = App::default();
    app.transact(&json!([
        ["create", "t", id(10), {"owner": id(1), "n": 1, "s": "a", "flag": true, "d": "2025-01-01"}],
        ["create", "t", id(11), {"owner": "", "n": 1.0, "s": null, "flag": "true"}],
        ["create", "t", id(12), {"n": 9_007_199_254_740_993_i64, "s": "A", "d": 5}],
        ["create", "t", id(13), {"n": [1], "s": {"x": 1}, "flag": false}],
        ["create", "groups", id(20), {"name": "a", "n": 1}], ["create", "groups", id(21), {"name": null, "n": "1"}],
        ["link", "t", id(10), {"groups": [id(20), id(21)]}], ["link", "t", id(11), {"groups": id(21)}],
        ["link", "groups", id(20), {"members": id(1)}], ["link", "groups", id(21), {"members": id(2)}],
        ["create", "members", id(1), {"email": "a"}], ["link", "t", id(13), {"boss": id(1)}],
    ]))
    .unwrap();
    app.flag("t", "d", |attr| attr.checked_data_type = Some(crate::schema::CheckedType::Date));
    app.flag("t", "boss", |attr| attr.cardinality = crate::schema::Cardinality::One);
    app
}

fn simple_rule() -> impl Strategy<Value = String> {
    let data = "data[.](id|owner|n|s|flag|d|boss|missing|groups)";
    let constant = prop_oneof![
        "auth[.](id|email|missing)",
        "ruleParams[.](a|b)",
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1".to_owned()),
        Just("1.0".to_owned()),
        Just("'a'".to_owned()),
        Just("'2025-01-01'".to_owned()),
        Just("9007199254740993".to_owned()),
        Just("''".to_owned()),
        Just(format!("'{}'", id(1))),
        Just(format!("'{}'", id(10))),
    ];
    let path = "(groups|groups[.]id|groups[.]name|groups[.]n|groups[.]members|groups[.]members[.]email|boss[.]id|boss[.]email|id|n|d|no[.]x)";
    let operand = prop_oneof![data.prop_map(|s| s), constant.clone()];
    let leaf = prop_oneof![
        (operand.clone(), "==|!=", constant.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (constant.clone(), "==|!=", operand.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (operand, prop::collection::vec("null|true|1|2[.]5|'a'|'A'", 0..3))
            .prop_map(|(a, list)| format!("{a} in [{}]", list.join(", "))),
        (constant, path).prop_map(|(a, path)| format!("{a} in data.ref('{path}')")),
        ("data[.](id|s|boss)|'a'|auth[.]id", "(groups[.]name|groups[.]id|id)")
            .prop_map(|(a, path)| format!("{a} in auth.ref('$user.{path}')")),
        Just("true".to_owned()),
        Just("false".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn values(db: &Db, etype: &str, entity: Uuid) -> Map<String, Value> {
    let of = db.catalog.of(etype).filter(|attr| attr.is_one());
    of.filter_map(|attr| Some((attr.label().to_owned(), db.triple(entity, attr.id)?.value.clone()))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_bound_predicate_is_the_program(code in simple_rule(), user in 0..3_u8, a in prop_oneof![Just(json!("a")), Just(json!(1)), Just(Value::Null)]) {
        thread_local!(static APP: App = app());
        // Constants are no programs.
        prop_assume!(code != "true" && code != "false");
        APP.with(|app| {
            let db = &app.db;
            let program = program(&code);
            let auth = match user {
                0 => None,
                n => Some(record(json!({"id": id(u128::from(n)).to_string(), "email": "a"}))),
            };
            let auth_id = id(u128::from(user));
            let auth_ref = |path: &[String]| if path == ["groups", "name"] { vec![json!("a")] } else { vec![json!(id(10).to_string())] };
            let params = record(json!({"a": a}));
            let known = Known { catalog: &db.catalog, auth: auth.as_deref(), rule_params: &params, auth_ref: &auth_ref };
            let Some(filter) = program.predicate().and_then(|predicate| predicate.bind("t", known)) else { return Ok(()) };
            for entity in db.entities("t") {
                let mut refs = Refs::default();
                for reference in program.refs() {
                    let (etype, from, values) = match reference.base {
                        Base::Auth => ("$users", auth_id, auth_ref(&reference.path)),
                        _ => ("t", entity, db.reference(entity, "t", &reference.path)),
                    };
                    for value in values {
                        refs.add(etype, &reference.path, from, value);
                    }
                }
                let data = Arc::new(values(db, "t", entity));
                let input = Input {
                    data: Some(("t", entity, &data)),
                    auth: auth.as_ref().map(|auth| (auth_id, auth)),
                    rule_params: Some(&params),
                    refs: Some(&refs),
                    ..Input::default()
                };
                // Nobody has no groups.
                if auth.is_none() && program.refs().iter().any(|reference| reference.base == Base::Auth) {
                    continue;
                }
                prop_assert_eq!(program.run(&input), Ok(naive::passes(db, &filter, entity)), "{} on {:?}", code, data);
            }
            Ok(())
        })?;
    }
}

#[test]
fn the_usual_rules_are_simple() {
    for code in [
        "auth.id == data.owner",
        "auth.id != null && auth.id in data.ref('groups.members.id')",
        "data.flag == true || auth.id == data.id",
        "!(data.s in ['a', 'b'])",
        "ruleParams.a == data['s']",
        "data.id in auth.ref('$user.groups.id')",
    ] {
        assert!(program(code).predicate().is_some(), "{code}");
    }
    for code in ["data.n > 1", "data.flag", "data.s.startsWith('a')", "auth.id in data.members", "data.meta.x == 1"] {
        assert!(program(code).predicate().is_none(), "{code}");
    }
}

#[test]
fn rooms_have_rules_by_type() {
    let code = json!({"$rooms": {
        "chat": {"allow": {"join": "auth.id != null", "$default": "false"}},
        "$default": {"allow": {"broadcast": false}},
    }});
    let rules = Rules::parse(&code).unwrap();
    let said = |kind: &str, action| match rules.room(kind, action) {
        Rule::Allow => "yes",
        Rule::Deny => "no",
        Rule::Program(_) => "it depends",
    };
    assert_eq!(["join", "presence", "broadcast"].map(|action| said("chat", action)), ["it depends", "no", "no"]);
    assert_eq!(["join", "presence", "broadcast"].map(|action| said("talk", action)), ["yes", "yes", "no"]);
    let none = Rules::parse(&json!({"$default": {"allow": {"$default": "false"}}})).unwrap();
    assert!(rules.has_rooms() && !none.has_rooms());
    assert!(matches!(none.room("chat", "join"), Rule::Allow), "the default is for entities");
}
