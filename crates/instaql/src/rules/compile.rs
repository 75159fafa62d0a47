//! From the text of a rule to a program: binds put in, refs found, every name checked.

use std::collections::{BTreeMap, HashMap};

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, SourceInfo, operators};
use cel::common::types::{CelInt, CelString};
use cel::parser::Expression;
use serde_json::{Value, json};

use super::env::{ENV, FUNCTIONS, HAS, LIMIT, TIMESTAMP};
use super::predicate::{self, Predicate};
use super::print::print;
use super::{Base, RefPath};
use crate::error::Problem;

/// Longest expression, in bytes.
const MAX_TEXT: usize = 5_000;
/// Deepest nesting of an expression: parser and interpreter take stack for each level.
const MAX_DEPTH: usize = 120;
/// Most nodes of an expression with its binds put in.
const MAX_NODES: usize = 10_000;
/// Most binds of a namespace that depend on one another in a line.
const MAX_BINDS: usize = 12;

/// Prefix of the variables that stand for refs.
pub(super) const REF: &str = "@ref";
/// The variable that holds the server's rate limiter.
pub(super) const LIMITS: &str = "@limits";

const VARIABLES: [&str; 8] = ["data", "newData", "linkedData", "actions", "auth", "ruleParams", "request", "rateLimit"];
const TYPES: [&str; 14] = [
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "timestamp",
    "duration",
    "optional",
    "google",
];

/// A compiled rule.
#[derive(Debug)]
pub struct Program {
    /// The expression as its author wrote it.
    pub code: String,
    /// The expression with its binds, as `cel.bind` would write them.
    pub display_code: String,
    pub(super) expression: Expression,
    refs: Vec<RefPath>,
    predicate: Option<Predicate>,
}

impl Program {
    /// The paths that must be loaded before the program runs, in the order in which it names them.
    #[must_use]
    pub fn refs(&self) -> &[RefPath] {
        &self.refs
    }

    /// The rule as comparisons, if it is that simple.
    #[must_use]
    pub const fn predicate(&self) -> Option<&Predicate> {
        self.predicate.as_ref()
    }

    /// The labels of `data` that the program looks at; none when it looks at `data` as a whole.
    #[must_use]
    pub fn labels(&self) -> Option<Vec<&str>> {
        let mut labels = Vec::new();
        labels_of(&self.expression, &mut labels).then_some(labels)
    }
}

fn labels_of<'a>(expression: &'a Expression, labels: &mut Vec<&'a str>) -> bool {
    if let Some(label) = ["data", "newData"].into_iter().find_map(|of| select_of(expression, of)) {
        labels.push(label);
        return true;
    }
    match &expression.expr {
        Expr::Ident(name) => name != "data" && name != "newData",
        Expr::Call(CallExpr { func_name, args, .. }) if func_name == HAS => match args.as_slice() {
            [
                Expression { expr: Expr::Ident(name), .. },
                Expression { expr: Expr::Literal(LiteralValue::String(label)), .. },
            ] if name == "data" || name == "newData" => {
                labels.push(label.inner());
                true
            }
            args => args.iter().all(|arg| labels_of(arg, labels)),
        },
        _ => children(expression).into_iter().all(|child| labels_of(child, labels)),
    }
}

/// Compiles `code` with the binds in reach. `limits` are the names of `$rateLimits`.
///
/// # Errors
/// Each mistake, with line and column of the text it is in.
pub(super) fn compile(
    code: &str,
    binds: &BTreeMap<String, String>,
    limits: &[String],
) -> Result<Program, Vec<Problem>> {
    let mut compiler = Compiler {
        binds,
        limits,
        refs: Vec::new(),
        nodes: 0,
        used: Vec::new(),
        parsed: HashMap::new(),
        problems: Vec::new(),
    };
    let expression = compiler.source(code, &mut Vec::new());
    let mut compiler_problems = std::mem::take(&mut compiler.problems);
    match expression {
        Some(expression) if compiler_problems.is_empty() => {
            let display_code = compiler.used.iter().rfold(code.to_owned(), |inner, name| {
                let bound = binds.get(name).map_or("", String::as_str);
                format!("cel.bind({name}, {bound}, {inner})")
            });
            let predicate = predicate::compile(&expression, &compiler.refs);
            Ok(Program { code: code.to_owned(), display_code, expression, refs: compiler.refs, predicate })
        }
        _ => {
            if compiler_problems.is_empty() {
                compiler_problems.push(Problem::message(Vec::new(), "the expression is not valid"));
            }
            Err(compiler_problems)
        }
    }
}

struct Compiler<'a> {
    binds: &'a BTreeMap<String, String>,
    limits: &'a [String],
    refs: Vec<RefPath>,
    nodes: usize,
    /// Binds in the order in which they must be made.
    used: Vec<String>,
    /// Binds that were put in before.
    parsed: HashMap<String, Expression>,
    problems: Vec<Problem>,
}

/// Where we are: names that loops and `cel.bind` made, and the text for positions.
struct Scope<'a> {
    locals: Vec<String>,
    info: &'a SourceInfo,
    code: &'a str,
}

impl Compiler<'_> {
    /// Parses and rewrites one text: the rule's or a bind's. `open` are the binds we are inside of.
    fn source(&mut self, code: &str, open: &mut Vec<String>) -> Option<Expression> {
        if code.len() > MAX_TEXT {
            self.problems.push(Problem::message(Vec::new(), format!("an expression has at most {MAX_TEXT} bytes")));
            return None;
        }
        if is_deep(code) {
            self.problems.push(Problem::message(
                Vec::new(),
                "the expression is nested too deeply, or one of its chains is too long",
            ));
            return None;
        }
        let program = match ENV.compile(code) {
            Ok(program) => program,
            Err(errors) => {
                let problems = errors.errors.into_iter().map(|e| at(code, (e.pos.0, e.pos.1), &e.msg));
                self.problems.extend(problems);
                return None;
            }
        };
        let mut expression = program.expression().clone();
        let mut scope = Scope { locals: Vec::new(), info: program.source_info(), code };
        self.rewrite(&mut expression, &mut scope, open);
        Some(expression)
    }

    fn problem(&mut self, scope: &Scope<'_>, expression: &Expression, message: &str) {
        let start = scope.info.offset_for(expression.id).map_or(0, |(start, _)| start as usize);
        let before: Vec<&str> = scope.code.get(..start).unwrap_or_default().split('\n').collect();
        let line = isize::try_from(before.len()).unwrap_or(1);
        let column = before.last().map_or(0, |last| isize::try_from(last.chars().count()).unwrap_or(0)) + 1;
        self.problems.push(at(scope.code, (line, column), message));
    }

    fn too_big(&mut self, scope: &Scope<'_>, expression: &Expression) {
        // Once is enough: there may be very many.
        if self.problems.is_empty() {
            self.problem(scope, expression, "the expression is too big with its binds");
        }
    }

    fn rewrite(&mut self, expression: &mut Expression, scope: &mut Scope<'_>, open: &mut Vec<String>) {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.too_big(scope, expression);
            return;
        }
        if self.special(expression, scope, open) {
            return;
        }
        match &mut expression.expr {
            Expr::Ident(_) => self.name(expression, scope, open),
            Expr::Comprehension(comprehension) => {
                self.rewrite(&mut comprehension.iter_range, scope, open);
                self.rewrite(&mut comprehension.accu_init, scope, open);
                let outside = scope.locals.len();
                scope.locals.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
                scope.locals.extend(comprehension.iter_var2.clone());
                let reserved = [&comprehension.iter_var, &comprehension.accu_var]
                    .into_iter()
                    .find(|name| VARIABLES.contains(&name.as_str()))
                    .cloned();
                for part in [&mut comprehension.loop_cond, &mut comprehension.loop_step, &mut comprehension.result] {
                    self.rewrite(part, scope, open);
                }
                scope.locals.truncate(outside);
                if let Some(name) = reserved {
                    self.problem(
                        scope,
                        expression,
                        &format!("{name} is a name of its own and cannot be given to something else"),
                    );
                }
            }
            Expr::Struct(_) => self.problem(scope, expression, "rules have no structures"),
            _ => {
                if let Expr::Call(call) = &expression.expr {
                    let qualified = call.target.as_ref().map(|target| format!("{}.{}", print(target), call.func_name));
                    let known = |name: &str| FUNCTIONS.contains(&name);
                    let is_operator = call.func_name.contains(['_', '@', '!']);
                    if !is_operator && !known(&call.func_name) && !qualified.as_deref().is_some_and(known) {
                        let message = format!("there is no function {}", call.func_name);
                        self.problem(scope, expression, &message);
                    }
                    // `math.abs(…)` is one name, not a call on a thing.
                    if qualified.as_deref().is_some_and(known)
                        && let Expr::Call(call) = &mut expression.expr
                    {
                        for arg in &mut call.args {
                            self.rewrite(arg, scope, open);
                        }
                        return;
                    }
                }
                for child in children_mut(expression) {
                    self.rewrite(child, scope, open);
                }
            }
        }
    }

    /// A name: a variable, a loop's, a type, or a bind, which is put in.
    fn name(&mut self, expression: &mut Expression, scope: &Scope<'_>, open: &mut Vec<String>) {
        let Expr::Ident(name) = &expression.expr else { return };
        let known = |list: &[&str]| list.contains(&name.as_str());
        if scope.locals.contains(name) || known(&VARIABLES) || name.starts_with('@') {
            return;
        }
        let Some(code) = self.binds.get(name) else {
            if !known(&TYPES) {
                let message = format!(
                    "there is nothing called {name}; there are {} and this namespace's binds",
                    VARIABLES.join(", ")
                );
                self.problem(scope, expression, &message);
            }
            return;
        };
        let name = name.clone();
        if let Some(parsed) = self.parsed.get(&name) {
            self.nodes += count(parsed);
            if self.nodes > MAX_NODES {
                self.too_big(scope, expression);
            } else {
                *expression = parsed.clone();
            }
            return;
        }
        if open.contains(&name) || open.len() >= MAX_BINDS {
            let message = format!("the bind {name} depends on itself: {} -> {name}", open.join(" -> "));
            self.problem(scope, expression, &message);
            return;
        }
        open.push(name.clone());
        let bound = self.source(code, open);
        open.pop();
        if let Some(bound) = bound {
            if depth(&bound) > 2 * MAX_DEPTH {
                self.problem(scope, expression, &format!("the bind {name} is nested too deeply with those it uses"));
                return;
            }
            self.used.push(name.clone());
            self.parsed.insert(name, bound.clone());
            *expression = bound;
        }
    }

    /// What is written like CEL and means something of ours. True when it was that.
    fn special(&mut self, expression: &mut Expression, scope: &mut Scope<'_>, open: &mut Vec<String>) -> bool {
        let id = expression.id;
        let literal =
            |text: &str| Expression { id, expr: Expr::Literal(LiteralValue::String(CelString::from(text.to_owned()))) };
        match &mut expression.expr {
            // has(x.f)
            Expr::Select(select) if select.test => {
                let mut operand = std::mem::take(&mut *select.operand);
                self.rewrite(&mut operand, scope, open);
                let args = vec![operand, literal(&select.field)];
                expression.expr = Expr::Call(CallExpr { func_name: HAS.into(), target: None, args });
                true
            }
            Expr::Call(call) if call.target.is_none() && call.func_name == "timestamp" => {
                call.func_name = TIMESTAMP.into();
                for arg in &mut call.args {
                    self.rewrite(arg, scope, open);
                }
                true
            }
            Expr::Call(call) if call.func_name == "ref" => {
                match self.reference(call) {
                    Ok(name) => expression.expr = Expr::Ident(name),
                    Err(message) => self.problem(scope, expression, &message),
                }
                true
            }
            Expr::Call(call) if call.func_name == "limit" => {
                let named = call.target.as_ref().and_then(|target| match &target.expr {
                    Expr::Select(select) if matches!(&select.operand.expr, Expr::Ident(name) if name == "rateLimit") => Some(select.field.clone()),
                    _ => None,
                });
                let Some(named) = named else {
                    self.problem(scope, expression, "limit is a function of rateLimit.NAME");
                    return true;
                };
                let mut args = std::mem::take(&mut call.args);
                for arg in &mut args {
                    self.rewrite(arg, scope, open);
                }
                if args.is_empty() || args.len() > 2 || !self.limits.contains(&named) {
                    let message =
                        format!("rateLimit.{named}.limit(key, tokens) needs a key and an entry {named} in $rateLimits");
                    self.problem(scope, expression, &message);
                    return true;
                }
                if args.len() == 1 {
                    args.push(Expression { id, expr: Expr::Literal(LiteralValue::Int(CelInt::from(1))) });
                }
                args.insert(0, literal(&named));
                args.insert(0, Expression { id, expr: Expr::Ident(LIMITS.into()) });
                expression.expr = Expr::Call(CallExpr { func_name: LIMIT.into(), target: None, args });
                true
            }
            _ => false,
        }
    }

    /// The variable that stands for `data.ref("a.b")`.
    fn reference(&mut self, call: &CallExpr) -> Result<String, String> {
        let base = match call.target.as_ref().map(|target| &target.expr) {
            Some(Expr::Ident(name)) if name == "data" => Base::Data,
            Some(Expr::Ident(name)) if name == "linkedData" => Base::LinkedData,
            Some(Expr::Ident(name)) if name == "auth" => Base::Auth,
            _ => return Err("ref is a function of data, linkedData and auth".into()),
        };
        let [Expression { expr: Expr::Literal(LiteralValue::String(text)), .. }] = call.args.as_slice() else {
            return Err("ref needs its path as one text in quotes, such as data.ref(\"owner.id\")".into());
        };
        let mut path: Vec<String> = text.inner().split('.').map(str::to_owned).collect();
        if base == Base::Auth {
            if path.first().is_none_or(|first| first != "$user") {
                return Err("the path of auth.ref starts with $user, such as auth.ref(\"$user.groups.id\")".into());
            }
            path.remove(0);
        }
        if path.is_empty() || path.len() > 12 || path.iter().any(String::is_empty) {
            return Err(format!("{:?} is no path", text.inner()));
        }
        let reference = RefPath { base, path };
        let at = match self.refs.iter().position(|known| *known == reference) {
            Some(at) => at,
            None => {
                self.refs.push(reference);
                self.refs.len() - 1
            }
        };
        Ok(format!("{REF}{at}"))
    }
}

/// True when the tree of an expression may be too deep. Only a bound, so that it is known before anything recurses: every
/// open bracket counts, and every operator since the last `&&`, `||` or comma, whose chains the parser balances.
fn is_deep(code: &str) -> bool {
    let mut levels = vec![0_usize];
    let mut chars = code.chars().peekable();
    let mut quote: Option<char> = None;
    while let Some(c) = chars.next() {
        if let Some(open) = quote {
            if c == '\\' {
                chars.next();
            } else if c == open {
                quote = None;
            }
            continue;
        }
        if levels.iter().sum::<usize>() > MAX_DEPTH {
            return true;
        }
        let nested = levels.len() > 1;
        let Some(count) = levels.last_mut() else { return true };
        match c {
            '"' | '\'' => quote = Some(c),
            '(' | '[' | '{' => {
                *count += 1;
                levels.push(0);
            }
            ')' | ']' | '}' if nested => {
                levels.pop();
            }
            '&' | '|' | ',' => *count = 0,
            '+' | '-' | '*' | '/' | '%' | '!' | '<' | '>' | '=' | '?' | '.' => *count += 1,
            _ => {}
        }
    }
    levels.iter().sum::<usize>() > MAX_DEPTH
}

fn at(code: &str, (line, column): (isize, isize), message: &str) -> Problem {
    let snippet = usize::try_from(line - 1).ok().and_then(|line| code.lines().nth(line));
    Problem {
        message: format!("line {line}, column {column}: {message}"),
        hint: Some(
            json!({"line": line, "column": column, "snippet": snippet.map(|text| crate::error::brief(&Value::from(text)))}),
        ),
        ..Problem::default()
    }
}

fn count(expression: &Expression) -> usize {
    1 + children(expression).into_iter().map(count).sum::<usize>()
}

fn depth(expression: &Expression) -> usize {
    1 + children(expression).into_iter().map(depth).max().unwrap_or(0)
}

/// The parts of an expression.
pub(super) fn children(expression: &Expression) -> Vec<&Expression> {
    match &expression.expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        Expr::Comprehension(c) => vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result],
        _ => Vec::new(),
    }
}

fn children_mut(expression: &mut Expression) -> Vec<&mut Expression> {
    match &mut expression.expr {
        Expr::Call(call) => call.target.iter_mut().map(AsMut::as_mut).chain(&mut call.args).collect(),
        Expr::Select(select) => vec![&mut select.operand],
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Map(map) => map
            .entries
            .iter_mut()
            .flat_map(|entry| match &mut entry.expr {
                EntryExpr::MapEntry(entry) => vec![&mut entry.key, &mut entry.value],
                EntryExpr::StructField(field) => vec![&mut field.value],
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The label of `data.label` or `data["label"]`; likewise for other names.
pub(super) fn select_of<'a>(expression: &'a Expression, of: &str) -> Option<&'a str> {
    let is_of = |operand: &Expression| matches!(&operand.expr, Expr::Ident(name) if name == of);
    match &expression.expr {
        Expr::Select(select) if !select.test && is_of(&select.operand) => Some(&select.field),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [operand, Expression { expr: Expr::Literal(LiteralValue::String(label)), .. }] if is_of(operand) => {
                Some(label.inner())
            }
            _ => None,
        },
        _ => None,
    }
}
