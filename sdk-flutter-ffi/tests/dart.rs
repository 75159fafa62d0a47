//! Every look-up of the Dart package against the header: symbol, number of arguments, native types, Dart types. Nobody runs
//! Dart here, and a wrong type there is memory that is read wrongly.
#![expect(clippy::unwrap_used, clippy::panic, clippy::string_slice, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

const HEADER: &str = include_str!("../include/keystead.h");
const DART: &str = include_str!("../dart/lib/src/bindings.dart");

/// Result type and argument types.
type Signature = (String, Vec<String>);

#[test]
fn every_look_up_is_in_the_header() {
    let header = header(HEADER);
    let dart = dart(DART);
    let of_dart: BTreeSet<&String> = dart.keys().collect();
    let of_header: BTreeSet<&String> = header.keys().filter(|name| *name != "keystead_vectors_seed").collect();
    assert!(of_header.len() > 150, "the header was read");
    assert_eq!(of_dart, of_header, "functions of Dart and of the header");
    for (name, (native, managed)) in &dart {
        let (result, arguments) = &header[name];
        assert_eq!(native.0, native_of(result), "{name}: native result");
        let wanted: Vec<String> = arguments.iter().map(|c| native_of(c)).collect();
        assert_eq!(native.1, wanted, "{name}: native arguments");
        let wanted: Vec<String> = native.1.iter().map(|n| managed_of(n)).collect();
        assert_eq!(managed.1, wanted, "{name}: Dart arguments");
        assert_eq!(managed.0, managed_of(&native.0), "{name}: Dart result");
    }
}

#[test]
fn the_callback_is_the_same() {
    let c = HEADER.split("typedef void (*KeysteadCallback)(").nth(1).unwrap().split(");").next().unwrap();
    let wanted: Vec<String> = c.split(',').map(|a| native_of(&type_of(a))).collect();
    let dart = DART.split("typedef KeysteadCallback = Void Function(").nth(1).unwrap().split(");").next().unwrap();
    assert_eq!(split(dart), wanted);
}

#[test]
fn a_wrong_look_up_is_seen() {
    let wrong = "x = _library.lookupFunction<\n Int32 Function(Pointer<Utf8>, Int64),\n int Function(Pointer<Utf8>, int)>('keystead_jwt_claims');";
    let (native, _) = &dart(wrong)["keystead_jwt_claims"];
    let wanted: Vec<String> = header(HEADER)["keystead_jwt_claims"].1.iter().map(|c| native_of(c)).collect();
    assert_ne!(native.1, wanted);
}

/// The functions of the header: a declaration ends with `);` and its arguments are `type name`.
fn header(text: &str) -> BTreeMap<String, Signature> {
    let code: String = text
        .lines()
        .filter(|l| !l.trim_start().starts_with("//") && !l.starts_with('#'))
        .fold(String::new(), |all, line| all + line.trim() + " ");
    let mut found = BTreeMap::new();
    for declaration in code.split(';') {
        let Some((head, arguments)) = declaration.split_once('(') else { continue };
        let Some(at) = head.rfind("keystead_") else { continue };
        let (result, name) = head.split_at(at);
        let result = result.rsplit(['}', '{', '/']).next().unwrap();
        let arguments = arguments.trim_end().strip_suffix(')').unwrap();
        let arguments = arguments.split(',').map(str::trim).filter(|a| !a.is_empty() && *a != "void");
        found.insert(name.trim().to_owned(), (squeeze(result), arguments.map(type_of).collect()));
    }
    found
}

/// `const char *name` without its name.
fn type_of(argument: &str) -> String {
    let end = argument.trim().trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    squeeze(end)
}

fn squeeze(text: &str) -> String {
    text.replace("const ", "").replace("struct ", "").split_whitespace().collect()
}

fn native_of(c: &str) -> String {
    match c {
        "void" => "Void".to_owned(),
        "int32_t" => "Int32".to_owned(),
        "int64_t" => "Int64".to_owned(),
        "uint64_t" => "Uint64".to_owned(),
        "size_t" => "Size".to_owned(),
        "bool" => "Bool".to_owned(),
        "char" => "Utf8".to_owned(),
        "uint8_t" => "Uint8".to_owned(),
        "KeysteadCallback" => "Pointer<NativeFunction<KeysteadCallback>>".to_owned(),
        handle if handle.starts_with("Keystead") && !handle.ends_with('*') => handle.to_owned(),
        other => {
            let to = other.strip_suffix('*').unwrap_or_else(|| panic!("no Dart type for {other}"));
            format!("Pointer<{}>", native_of(to))
        }
    }
}

fn managed_of(native: &str) -> String {
    match native {
        "Void" => "void",
        "Int32" | "Int64" | "Uint64" | "Size" => "int",
        "Bool" => "bool",
        other => other,
    }
    .to_owned()
}

/// `lookupFunction<Int32 Function(…), int Function(…)>('symbol')`.
fn dart(text: &str) -> BTreeMap<String, (Signature, Signature)> {
    let mut found = BTreeMap::new();
    for piece in text.split("lookupFunction<").skip(1) {
        let (types, rest) = piece.split_once(">('").unwrap();
        let symbol = rest.split('\'').next().unwrap().to_owned();
        let at = types.find("),").unwrap() + 1;
        let (native, managed) = (signature(&types[..at]), signature(types[at + 1..].trim()));
        assert!(found.insert(symbol.clone(), (native, managed)).is_none(), "{symbol} twice");
    }
    found
}

fn signature(text: &str) -> Signature {
    let (result, arguments) = text.trim().split_once(" Function(").unwrap();
    (result.to_owned(), split(arguments.strip_suffix(')').unwrap()))
}

fn split(arguments: &str) -> Vec<String> {
    arguments.split(',').map(|a| a.trim().to_owned()).filter(|a| !a.is_empty()).collect()
}
