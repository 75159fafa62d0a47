//! Numbers over values (`aggregate`).

use keystead_instaql::query::ast::Function;
use serde_json::{Value, json};

use crate::rooms::data::error::{DataError, DataResult};

/// The number of a function. Input: how many values there are, and where the function needs them, the values as JSON in the
/// order of their keys.
pub(super) fn number(function: Function, count: i64, values: &[String]) -> DataResult<Value> {
    let parsed = |text: &String| serde_json::from_str::<Value>(text).map_err(DataError::internal);
    Ok(match function {
        Function::Count => count.into(),
        // Values come in the order of their keys.
        Function::Min => values.first().map(parsed).transpose()?.unwrap_or_default(),
        Function::Max => values.last().map(parsed).transpose()?.unwrap_or_default(),
        Function::Sum | Function::Avg => {
            let values = values.iter().map(parsed).collect::<DataResult<Vec<_>>>()?;
            let sum: f64 = values.iter().filter_map(Value::as_f64).sum();
            #[expect(clippy::cast_precision_loss, reason = "a mean is a double anyway")]
            match function {
                Function::Avg if values.is_empty() => Value::Null,
                Function::Avg => json!(sum / values.len() as f64),
                _ => match values.iter().map(Value::as_i64).try_fold(0_i64, |all, n| all.checked_add(n?)) {
                    Some(whole) => whole.into(),
                    None => json!(sum),
                },
            }
        }
    })
}
