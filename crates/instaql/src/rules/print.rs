//! CEL expressions as text again, for messages.

use cel::common::ast::{EntryExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;

/// An expression as its author may have written it. Macros that became loops are shown as `…`.
pub(super) fn print(expression: &Expression) -> String {
    match &expression.expr {
        Expr::Ident(name) => name.clone(),
        Expr::Literal(literal) => print_literal(literal),
        Expr::Select(select) if select.test => format!("has({}.{})", print(&select.operand), select.field),
        Expr::Select(select) => format!("{}.{}", print(&select.operand), select.field),
        Expr::List(list) => format!("[{}]", print_all(&list.elements)),
        Expr::Map(map) => {
            let entries = map.entries.iter().filter_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => Some(format!("{}: {}", print(&entry.key), print(&entry.value))),
                EntryExpr::StructField(_) => None,
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice(), &call.target) {
            (operators::CONDITIONAL, [condition, then, otherwise], None) => {
                format!("{} ? {} : {}", print(condition), print(then), print(otherwise))
            }
            (operators::INDEX, [list, index], None) => format!("{}[{}]", print(list), print(index)),
            (operators::LOGICAL_NOT, [operand], None) => format!("!{}", print_operand(operand)),
            (operators::NEGATE, [operand], None) => format!("-{}", print_operand(operand)),
            (super::env::HAS, [operand, field], None) => {
                format!("has({}.{})", print(operand), print(field).trim_matches('"'))
            }
            (super::env::TIMESTAMP, args, None) => format!("timestamp({})", print_all(args)),
            (super::env::LIMIT, [name, rest @ ..], _) => {
                format!("rateLimit.{}.limit({})", print(name).trim_matches('"'), print_all(rest))
            }
            (name, [a, b], None) if infix(name).is_some() => {
                format!("{} {} {}", print_operand(a), infix(name).unwrap_or_default(), print_operand(b))
            }
            (name, args, None) => format!("{name}({})", print_all(args)),
            (name, args, Some(target)) => format!("{}.{name}({})", print(target), print_all(args)),
        },
        Expr::Comprehension(comprehension) => {
            format!("{}.…({}, …)", print(&comprehension.iter_range), comprehension.iter_var)
        }
        Expr::Struct(fields) => format!("{}{{…}}", fields.type_name),
        Expr::Unspecified => String::new(),
    }
}

fn print_all(list: &[Expression]) -> String {
    list.iter().map(print).collect::<Vec<_>>().join(", ")
}

fn print_operand(operand: &Expression) -> String {
    match &operand.expr {
        Expr::Call(call) if infix(&call.func_name).is_some() || call.func_name == operators::CONDITIONAL => {
            format!("({})", print(operand))
        }
        _ => print(operand),
    }
}

fn print_literal(literal: &LiteralValue) -> String {
    match literal {
        LiteralValue::Boolean(value) => value.inner().to_string(),
        LiteralValue::Bytes(_) => "b\"…\"".to_owned(),
        LiteralValue::Double(value) => value.inner().to_string(),
        LiteralValue::Int(value) => value.inner().to_string(),
        LiteralValue::Null => "null".to_owned(),
        LiteralValue::String(value) => serde_json::Value::from(value.inner()).to_string(),
        LiteralValue::UInt(value) => format!("{}u", value.inner()),
    }
}

fn infix(name: &str) -> Option<&'static str> {
    Some(match name {
        operators::LOGICAL_AND => "&&",
        operators::LOGICAL_OR => "||",
        operators::EQUALS => "==",
        operators::NOT_EQUALS => "!=",
        operators::LESS => "<",
        operators::LESS_EQUALS => "<=",
        operators::GREATER => ">",
        operators::GREATER_EQUALS => ">=",
        operators::IN => "in",
        operators::ADD => "+",
        operators::SUBSTRACT => "-",
        operators::MULTIPLY => "*",
        operators::DIVIDE => "/",
        operators::MODULO => "%",
        _ => return None,
    })
}
