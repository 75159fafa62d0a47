//! Index keys: JSON values as bytes whose order is the order of the values.
//!
//! One column of keys serves equality, ranges, order and uniqueness on both databases, because SQLite and PostgreSQL
//! compare bytes alike and collations do not. Two values have one key exactly if the data API calls them equal:
//! numbers numerically (`1` is `1.0`), dates of a `date` attr as instants, objects whatever the order of their keys.
//!
//! Layout: one byte for the type, in the order null, false/true, number, date, text, list, object; then
//! - number: the IEEE bits, turned so that they sort, and two bytes for what a 64-bit integer has beyond them;
//! - date: microseconds, turned likewise;
//! - text: its UTF-8 bytes, so text sorts by code point; list and object: their JSON with sorted keys.
//!
//! Keys longer than [`MAX_KEY`] bytes end in a SHA-256 of the whole instead: they still decide equality, and order by
//! their first [`MAX_PREFIX`] bytes only. So indexed values may be of any length.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::date;
use crate::schema::CheckedType;

/// Longest key in bytes.
pub const MAX_KEY: usize = MAX_PREFIX + 32;
/// Bytes of a long value that its order depends on.
pub const MAX_PREFIX: usize = 1_024;

/// The key of `null`, and of no value where those are stored.
pub const NULL: &[u8] = &[tag::NULL];
/// The first byte of a text's key; its UTF-8 bytes follow.
pub const TEXT: u8 = tag::TEXT;

mod tag {
    pub(super) const NULL: u8 = 0x10;
    pub(super) const BOOL: u8 = 0x20;
    pub(super) const NUMBER: u8 = 0x30;
    pub(super) const DATE: u8 = 0x40;
    pub(super) const TEXT: u8 = 0x50;
    pub(super) const LIST: u8 = 0x60;
    pub(super) const OBJECT: u8 = 0x70;
}

/// The key of `value` on an attr of this checked type. `now_ms` is what the word `now` means when a value is stored.
#[must_use]
pub fn of(value: &Value, checked: Option<CheckedType>, now_ms: i64) -> Vec<u8> {
    if checked == Some(CheckedType::Date)
        && let Some(micros) = date::parse_at(value, now_ms)
    {
        let mut key = vec![tag::DATE];
        key.extend((micros.cast_unsigned() ^ SIGN).to_be_bytes());
        return key;
    }
    match value {
        Value::Null => NULL.to_vec(),
        Value::Bool(value) => vec![tag::BOOL, u8::from(*value)],
        Value::Number(number) => of_number(number),
        Value::String(text) => bounded(tag::TEXT, text.as_bytes()),
        // serde_json's maps are sorted by key, so equal objects have equal texts; numbers inside are told apart by their text.
        Value::Array(_) => bounded(tag::LIST, canonical(value).to_string().as_bytes()),
        Value::Object(_) => bounded(tag::OBJECT, canonical(value).to_string().as_bytes()),
    }
}

const SIGN: u64 = 1 << 63;

fn of_number(number: &Number) -> Vec<u8> {
    let (float, rest) = split(number);
    let bits = float.to_bits();
    let sortable = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    let mut key = Vec::with_capacity(11);
    key.push(tag::NUMBER);
    key.extend(sortable.to_be_bytes());
    key.extend((rest.cast_unsigned() ^ 0x8000).to_be_bytes());
    key
}

/// The nearest double, and what an integer has beyond it (at most 1024 either way).
fn split(number: &Number) -> (f64, i16) {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "the rest is what is lost")]
    let with_rest = |integer: i128| {
        let float = integer as f64;
        (float, i16::try_from(integer - float as i128).unwrap_or(0))
    };
    if let Some(integer) = number.as_i64() {
        return with_rest(i128::from(integer));
    }
    if let Some(integer) = number.as_u64() {
        return with_rest(i128::from(integer));
    }
    // Minus zero is zero.
    (number.as_f64().unwrap_or(0.0) + 0.0, 0)
}

fn bounded(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + bytes.len().min(MAX_KEY));
    key.push(tag);
    match bytes.get(..MAX_PREFIX - 1) {
        Some(start) if bytes.len() > MAX_KEY - 1 => {
            key.extend(start);
            key.extend(Sha256::digest(bytes));
        }
        _ => key.extend(bytes),
    }
    key
}

/// The same value with its whole numbers written as integers, so that `[1.0]` equals `[1]`.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "inside of the range checked here")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => Value::from(float as i64),
            _ => value.clone(),
        },
        Value::Array(list) => list.iter().map(canonical).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), canonical(v))).collect()),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::cmp::Ordering;

    fn key(value: &Value) -> Vec<u8> {
        of(value, None, 0)
    }

    #[test]
    fn types_sort_in_one_order() {
        let values = [
            json!(null),
            json!(false),
            json!(true),
            json!(-1e300),
            json!(-2),
            json!(-1.5),
            json!(0),
            json!(0.5),
            json!(1),
            json!(9_007_199_254_740_992_i64),
            json!(9_007_199_254_740_993_i64),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e300),
            json!(""),
            json!("10"),
            json!("2"),
            json!("Z"),
            json!("a"),
            json!("ä"),
            json!("\u{ffff}"),
            json!("😀"),
            json!([1]),
            json!({"a": 1}),
        ];
        for pair in values.windows(2) {
            assert!(key(&pair[0]) < key(&pair[1]), "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn equal_values_have_one_key() {
        for (a, b) in [
            (json!(1), json!(1.0)),
            (json!(0), json!(-0.0)),
            (json!([1, {"a": 2}]), json!([1.0, {"a": 2.0}])),
            (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1})),
        ] {
            assert_eq!(key(&a), key(&b), "{a} {b}");
        }
        let date = |value: Value| of(&value, Some(CheckedType::Date), 0);
        assert_eq!(date(json!("1970-01-01")), date(json!(0)));
        assert!(date(json!("1969-12-31")) < date(json!(0)));
        assert_ne!(key(&json!("1970-01-01")), date(json!("1970-01-01")));
    }

    #[test]
    fn long_values_keep_a_bounded_key() {
        let (a, b) = (json!("a".repeat(5_000)), json!(format!("{}b", "a".repeat(4_999))));
        assert_eq!(key(&a).len(), MAX_KEY);
        assert_ne!(key(&a), key(&b));
        assert!(key(&a) < key(&json!("b")));
        assert!(key(&json!("a".repeat(1_000))) < key(&a));
    }

    proptest! {
        #[test]
        fn numbers_sort_as_numbers(a in any::<i64>(), b in any::<i64>(), c in any::<f64>(), d in any::<f64>()) {
            prop_assert_eq!(key(&json!(a)).cmp(&key(&json!(b))), a.cmp(&b));
            if let Some(order) = c.partial_cmp(&d) && c.is_finite() && d.is_finite() {
                prop_assert_eq!(key(&json!(c)).cmp(&key(&json!(d))), order);
            }
            // i128 holds both exactly where the double is whole.
            if c.is_finite() && c.abs() < 1e18 && c.fract() == 0.0 {
                prop_assert_eq!(key(&json!(a)).cmp(&key(&json!(c))), i128::from(a).cmp(&(c as i128)));
            }
        }

        #[test]
        fn short_text_sorts_by_its_bytes(a in ".{0,50}", b in ".{0,50}") {
            let order: Ordering = key(&json!(a)).cmp(&key(&json!(b)));
            prop_assert_eq!(order, a.as_bytes().cmp(b.as_bytes()));
        }
    }
}
