//! No input makes a parser panic: arbitrary text, changed good answers, and the corpus of the fuzz targets.

#[path = "../../fuzz/targets.rs"]
mod table;

use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;
pub(crate) use table::{Fixture, fixture};
use table::{PARSERS, Parser};

fn good_inputs() -> Vec<Parser> {
    PARSERS.iter().filter(|p| !p.1.is_empty()).map(|p| (p.0, fixture().text(p.1), p.2)).collect()
}

/// Every place in a JSON value, as pointers.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| pointers(v, &format!("{at}/{k}"), out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| pointers(v, &format!("{at}/{i}"), out)),
        _ => {}
    }
}

fn odd_values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Array(Vec::new())),
        Just(Value::Object(serde_json::Map::new())),
        ".{0,40}".prop_map(Value::from),
        "[A-Za-z0-9+/]{0,64}={0,2}".prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text(text in ".{0,200}", json in "\\{\"status\":(true|false),\"result\":[\\[\\]{}a-z0-9\":,]{0,80}\\}") {
        for (_name, _good, parse) in PARSERS {
            parse(&text);
            parse(&json);
        }
    }

    #[test]
    fn one_value_replaced(pick: prop::sample::Index, place: prop::sample::Index, value in odd_values()) {
        let inputs = good_inputs();
        let (_name, good, parse) = *pick.get(&inputs);
        let mut json: Value = match serde_json::from_str(good) { Ok(json) => json, Err(_) => return Ok(()) };
        let mut places = Vec::new();
        pointers(&json, "", &mut places);
        if let Some(slot) = json.pointer_mut(&places[place.index(places.len())]) {
            *slot = value;
        }
        parse(&json.to_string());
    }

    #[test]
    fn one_byte_changed_or_cut(pick: prop::sample::Index, place: prop::sample::Index, byte in 0x20_u8..0x7f) {
        let inputs = good_inputs();
        let (_name, good, parse) = *pick.get(&inputs);
        let mut bytes = good.as_bytes().to_vec();
        let at = place.index(bytes.len());
        bytes[at] = byte;
        if let Ok(changed) = String::from_utf8(bytes) {
            parse(&changed);
        }
        parse(good.get(..at).unwrap_or_default());
    }
}

#[test]
fn the_fuzz_corpus_replays() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, _good, _parse) in PARSERS {
        let mut files: Vec<_> = std::fs::read_dir(corpus.join(name)).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "no corpus for {name}");
        for file in files {
            table::run(name, &String::from_utf8_lossy(&std::fs::read(file).unwrap()));
        }
    }
}

#[test]
fn every_parser_has_a_fuzz_target() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    for (name, _good, _parse) in PARSERS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "no fuzz target for {name}");
    }
}
