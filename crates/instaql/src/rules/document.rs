//! The rules document (instant.md section 15.1): its shape, its defaults, and the rules that are built in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::compile::{Program, compile};
use super::{Base, RoomRules, Rule, Rules, Space};
use crate::error::{Error, Problem, Result};
use crate::system::{FILES, STREAMS, USERS};

const ACTIONS: [&str; 4] = ["view", "create", "update", "delete"];
const DEFAULT: &str = "$default";
const ATTRS: &str = "attrs";
const RATE_LIMITS: &str = "$rateLimits";
const ROOMS: &str = "$rooms";
const ROOM_ACTIONS: [&str; 3] = ["join", "presence", "broadcast"];
/// Most namespaces, and most problems that are told.
const MAX_SPACES: usize = 1_000;
const MAX_PROBLEMS: usize = 50;

static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// One limit of a name: a bucket of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// How many tokens it holds.
    pub capacity: u64,
    /// How many come back in a period; the capacity where nothing is said.
    pub refill: u64,
    /// How long a period is.
    pub period_ms: u64,
    /// True: they come back all at once at its end; false: one by one.
    pub interval: bool,
}

impl Rules {
    /// Compiles a rules document. `null` is an empty one.
    ///
    /// # Errors
    /// `validation-failed` for `rule` with every mistake, where it is, and line and column inside of expressions.
    pub fn parse(document: &Value) -> Result<Self> {
        let map = match document {
            Value::Null => &*EMPTY,
            Value::Object(map) => map,
            other => {
                return Err(Error::validation(
                    "rule",
                    other.clone(),
                    &[Problem::message(Vec::new(), "rules are an object")],
                ));
            }
        };
        let mut parser = Parser { problems: Vec::new(), limits: Vec::new(), shared: None };
        let rules = parser.rules(map);
        if parser.problems.is_empty() {
            Ok(rules)
        } else {
            Err(Error::validation("rule", Value::Null, &parser.problems))
        }
    }
}

/// The rule of a namespace that the document says nothing about.
pub(super) fn fallback(etype: &str, action: &str) -> Rule {
    static OWN_USER: LazyLock<Option<Arc<Program>>> = LazyLock::new(|| {
        let code = "auth.id != null && (auth.id == data.id || auth.id == data.linkedPrimaryUser)";
        compile(code, &BTreeMap::new(), &[]).ok().map(Arc::new)
    });
    match (etype, action) {
        (USERS, "create") => Rule::Allow,
        (USERS, "view" | "update") => {
            OWN_USER.as_ref().map_or(Rule::Deny, |program| Rule::Program(Arc::clone(program)))
        }
        _ if etype.starts_with('$') => Rule::Deny,
        _ => Rule::Allow,
    }
}

struct Parser<'a> {
    problems: Vec<Problem>,
    limits: Vec<String>,
    /// `$default`, for every namespace.
    shared: Option<&'a Map<String, Value>>,
}

impl<'a> Parser<'a> {
    fn problem(&mut self, at: &[&str], message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem::message(at.iter().map(|key| (*key).into()).collect(), message));
        }
    }

    fn rules(&mut self, map: &'a Map<String, Value>) -> Rules {
        let mut rules = Rules::default();
        if map.len() > MAX_SPACES {
            self.problem(&[], format!("at most {MAX_SPACES} namespaces"));
            return rules;
        }
        if let Some(limits) = map.get(RATE_LIMITS) {
            rules.rate_limits = self.rate_limits(limits);
            self.limits = rules.rate_limits.keys().cloned().collect();
        }
        self.shared = map.get(DEFAULT).and_then(Value::as_object);
        if self.shared.is_none() && map.contains_key(DEFAULT) {
            self.problem(&[DEFAULT], "expected an object");
        }
        rules.default = self.space(DEFAULT, &EMPTY);
        for (etype, space) in map {
            let Some(space) = space.as_object() else {
                self.problem(&[etype], "expected an object");
                continue;
            };
            self.keys(&[etype], space, &["allow", "bind", "fields"], [RATE_LIMITS, ROOMS].contains(&etype.as_str()));
            match etype.as_str() {
                DEFAULT | RATE_LIMITS => {}
                ROOMS => rules.rooms = Some(self.rooms(space)),
                ATTRS => {
                    let allow = self.object(&[ATTRS, "allow"], space.get("allow")).unwrap_or(&EMPTY);
                    self.keys(&[ATTRS, "allow"], allow, &["create", "view", "update", "delete", DEFAULT], false);
                    let binds = self.binds(&[ATTRS], space);
                    let chosen = ["create", DEFAULT].into_iter().find_map(|name| Some((name, allow.get(name)?)));
                    // The default is for the entities of namespaces, not for the schema.
                    rules.attrs_create =
                        chosen.and_then(|(name, value)| self.rule(&[ATTRS, "allow", name], value, &binds));
                }
                USERS | FILES | STREAMS => {
                    if etype == USERS
                        && let Some(delete) = space.get("allow").and_then(|allow| allow.get("delete"))
                        && delete != "false"
                        && delete != false
                    {
                        self.problem(
                            &[USERS, "allow", "delete"],
                            "users are deleted by the app's backend only: this can only be \"false\"",
                        );
                    }
                    let space = self.space(etype, space);
                    rules.spaces.insert(etype.clone(), space);
                }
                _ if etype.starts_with('$') => {
                    self.problem(
                        &[etype],
                        format!("{etype} has no rules; there are $users, $files, $streams and $rooms"),
                    );
                }
                _ => {
                    let space = self.space(etype, space);
                    rules.spaces.insert(etype.clone(), space);
                }
            }
        }
        rules
    }

    /// Rules for rooms, by the type of the room.
    fn rooms(&mut self, map: &'a Map<String, Value>) -> RoomRules {
        let mut rooms = RoomRules::default();
        if map.len() > MAX_SPACES {
            self.problem(&[ROOMS], format!("at most {MAX_SPACES} types of rooms"));
            return rooms;
        }
        for (kind, value) in map {
            let Some(room) = value.as_object() else {
                self.problem(&[ROOMS, kind], "expected an object");
                continue;
            };
            self.keys(&[ROOMS, kind], room, &["allow", "bind"], false);
            let binds = self.binds(&[ROOMS, kind], room);
            let allow = self.object(&[ROOMS, kind, "allow"], room.get("allow")).unwrap_or(&EMPTY);
            self.keys(&[ROOMS, kind, "allow"], allow, &["join", "presence", "broadcast", DEFAULT], false);
            let mut rules = BTreeMap::new();
            for action in ROOM_ACTIONS {
                let chosen = [action, DEFAULT].into_iter().find_map(|name| Some((name, allow.get(name)?)));
                let Some((name, value)) = chosen else { continue };
                let at = [ROOMS, kind.as_str(), "allow", name];
                let Some(rule) = self.rule(&at, value, &binds) else { continue };
                if let Rule::Program(program) = &rule
                    && program.refs().iter().any(|reference| reference.base != Base::Auth)
                {
                    self.problem(&at, "a room has no links: here ref is a function of auth only");
                }
                rules.insert(action, rule);
            }
            rooms.insert((kind != DEFAULT).then_some(kind), rules);
        }
        rooms
    }

    fn keys(&mut self, at: &[&str], map: &Map<String, Value>, known: &[&str], any: bool) {
        for key in map.keys().filter(|key| !any && !known.contains(&key.as_str())) {
            let place: Vec<&str> = at.iter().copied().chain([key.as_str()]).collect();
            self.problem(&place, format!("unknown key {key}; there are {}", known.join(", ")));
        }
    }

    fn object(&mut self, at: &[&str], value: Option<&'a Value>) -> Option<&'a Map<String, Value>> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::Object(map)) => Some(map),
            Some(_) => {
                self.problem(at, "expected an object");
                None
            }
        }
    }

    /// A namespace with what `$default` says where it says nothing itself.
    fn space(&mut self, etype: &str, map: &'a Map<String, Value>) -> Space {
        let binds = self.binds(&[etype], map);
        let mut space = Space::default();
        let allow = self.object(&[etype, "allow"], map.get("allow"));
        if let Some(allow) = allow {
            self.keys(
                &[etype, "allow"],
                allow,
                &["view", "create", "update", "delete", DEFAULT, "link", "unlink"],
                false,
            );
        }
        for action in ACTIONS {
            let own = allow
                .and_then(|allow| [action, DEFAULT].into_iter().find_map(|name| Some((etype, name, allow.get(name)?))));
            // System namespaces are not opened by a default for the app's own.
            let inherits = !etype.starts_with('$') || etype == DEFAULT;
            let shared =
                if inherits { self.shared_action(action).map(|(name, value)| (DEFAULT, name, value)) } else { None };
            if let Some((place, name, value)) = own.or(shared)
                && let Some(rule) = self.rule(&[place, "allow", name], value, &binds)
            {
                space.actions.insert(action, rule);
            }
        }
        for (name, rules) in [("link", &mut space.links), ("unlink", &mut space.unlinks)] {
            let shared = self.shared.and_then(|shared| shared.get("allow"));
            for allow in [shared, map.get("allow")].into_iter().flatten() {
                for (label, value) in self.object(&[etype, "allow", name], allow.get(name)).into_iter().flatten() {
                    if let Some(rule) = self.rule(&[etype, "allow", name, label], value, &binds) {
                        rules.insert(label.clone(), rule);
                    }
                }
            }
        }
        for (label, value) in self.object(&[etype, "fields"], map.get("fields")).into_iter().flatten() {
            if label == "id" {
                self.problem(&[etype, "fields", "id"], "the id cannot be hidden; hide the entity by its view rule");
            } else if let Some(rule) = self.rule(&[etype, "fields", label], value, &binds) {
                space.fields.insert(label.clone(), rule);
            }
        }
        space
    }

    fn shared_action(&self, action: &'static str) -> Option<(&'static str, &'a Value)> {
        let allow = self.shared?.get("allow")?;
        [action, DEFAULT].into_iter().find_map(|name| Some((name, allow.get(name)?)))
    }

    fn rule(&mut self, at: &[&str], value: &Value, binds: &BTreeMap<String, String>) -> Option<Rule> {
        let code = match value {
            Value::Bool(true) => return Some(Rule::Allow),
            Value::Bool(false) => return Some(Rule::Deny),
            Value::String(code) => code,
            Value::Null => return None,
            _ => {
                self.problem(at, "a rule is an expression in a string, true or false");
                return None;
            }
        };
        match code.trim() {
            "true" => return Some(Rule::Allow),
            "false" => return Some(Rule::Deny),
            _ => {}
        }
        match compile(code, binds, &self.limits) {
            Ok(program) => Some(Rule::Program(Arc::new(program))),
            Err(problems) => {
                let at: Vec<Value> = at.iter().map(|key| (*key).into()).collect();
                let placed = problems.into_iter().map(|problem| Problem { at: at.clone(), ..problem });
                let room = MAX_PROBLEMS.saturating_sub(self.problems.len());
                let fresh: Vec<Problem> =
                    placed.filter(|problem| !self.problems.contains(problem)).take(room).collect();
                self.problems.extend(fresh);
                None
            }
        }
    }

    /// The binds in reach of a namespace: its own, and those of `$default`.
    fn binds(&mut self, at: &[&str], map: &'a Map<String, Value>) -> BTreeMap<String, String> {
        let below = |keys: &[&'static str]| -> Vec<&str> { at.iter().copied().chain(keys.iter().copied()).collect() };
        let mut binds = BTreeMap::new();
        let shared = self.shared.and_then(|shared| shared.get("bind"));
        for (place, bind) in [(vec![DEFAULT, "bind"], shared), (below(&["bind"]), map.get("bind"))] {
            let Some(bind) = bind else { continue };
            let pairs: Option<Vec<(String, String)>> = match bind {
                Value::Null => Some(Vec::new()),
                Value::Object(map) => {
                    map.iter().map(|(name, code)| Some((name.clone(), code.as_str()?.to_owned()))).collect()
                }
                Value::Array(list) if list.len() % 2 == 0 => list
                    .chunks(2)
                    .map(|pair| match pair {
                        [Value::String(name), Value::String(code)] => Some((name.clone(), code.clone())),
                        _ => None,
                    })
                    .collect(),
                _ => None,
            };
            match pairs {
                None => self.problem(&place, "bind is an object, or a list of names and expressions in turn"),
                Some(pairs) => binds.extend(pairs),
            }
        }
        let names: BTreeSet<String> = binds.keys().cloned().collect();
        for name in names {
            let identifier = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !identifier {
                let place: Vec<&str> = below(&["bind"]).into_iter().chain([name.as_str()]).collect();
                self.problem(&place, format!("{name} is no name: letters, digits and _"));
            } else if let Err(problems) = compile(&name, &binds, &self.limits) {
                let at: Vec<Value> = below(&["bind"]).into_iter().chain([name.as_str()]).map(Value::from).collect();
                for problem in problems {
                    let problem = Problem { at: at.clone(), ..problem };
                    if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
                        self.problems.push(problem);
                    }
                }
                binds.remove(&name);
            }
        }
        binds
    }

    fn rate_limits(&mut self, value: &Value) -> BTreeMap<String, Vec<RateLimit>> {
        let mut found = BTreeMap::new();
        let Some(map) = value.as_object() else {
            self.problem(&[RATE_LIMITS], "expected an object");
            return found;
        };
        for (name, value) in map {
            let limits = value.get("limits").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let read: Option<Vec<RateLimit>> = limits.iter().map(rate_limit).collect();
            match read.filter(|limits| !limits.is_empty()) {
                Some(limits) => {
                    found.insert(name.clone(), limits);
                }
                None => self.problem(
                    &[RATE_LIMITS, name],
                    "expected {limits: [{capacity, refill: {amount, period: \"1 hour\", type: \"greedy\" or \"interval\"}}]}",
                ),
            }
        }
        found
    }
}

fn rate_limit(value: &Value) -> Option<RateLimit> {
    let capacity = value.get("capacity")?.as_u64().filter(|n| *n > 0)?;
    let refill = value.get("refill")?;
    let amount = refill.get("amount").map_or(Some(capacity), Value::as_u64).filter(|n| *n > 0)?;
    let interval = match refill.get("type").map(Value::as_str) {
        None | Some(Some("greedy")) => false,
        Some(Some("interval")) => true,
        _ => return None,
    };
    Some(RateLimit { capacity, refill: amount, period_ms: period(refill.get("period")?.as_str()?)?, interval })
}

/// `1 hour`, `30 seconds`.
fn period(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let unit = match unit.trim().trim_end_matches('s') {
        "second" => 1_000,
        "minute" => 60_000,
        "hour" => 3_600_000,
        "day" => 86_400_000,
        "week" => 604_800_000,
        "month" => 2_592_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok().filter(|n| *n > 0)?.checked_mul(unit)
}
