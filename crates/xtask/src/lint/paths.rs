//! Which paths a Rust file names: `use` trees spread out, `super`, `self` and imported names resolved.
//!
//! A reader of tokens, not of the language: macros are read as if their tokens were plain code, and names that come by
//! a glob import stay unresolved. Enough to hold layers apart, and it compiles in no time.

use std::collections::HashMap;

/// A path that a file names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mention {
    /// From `crate` or from an external crate's name on; `*` is a last segment of its own.
    pub(super) path: Vec<String>,
    /// Line of its first segment, from 1.
    pub(super) line: usize,
    /// Inside a module `tests`.
    pub(super) in_tests: bool,
}

/// Module path of a file below `src`: `rooms/groups/http.rs` → `crate::rooms::groups::http`.
pub(super) fn module_of(relative: &str) -> Vec<String> {
    let stem = relative.strip_suffix(".rs").unwrap_or(relative);
    let mut module: Vec<String> = std::iter::once("crate").chain(stem.split('/')).map(str::to_owned).collect();
    if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// All paths of two or more segments in `source`, the text of the module `module`.
pub(super) fn mentions(source: &str, module: &[&str]) -> Vec<Mention> {
    let tokens = tokens(source);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        module: module.iter().map(|&segment| segment.to_owned()).collect(),
        scopes: Vec::new(),
        names: HashMap::new(),
        found: Vec::new(),
    };
    reader.read();
    reader.found
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    PathSeparator,
    Mark(char),
}

struct Reader<'a> {
    tokens: &'a [(Token, usize)],
    at: usize,
    module: Vec<String>,
    /// One entry per open brace: the name of the module that it opens, if it opens one.
    scopes: Vec<Option<String>>,
    /// Imported names and what they stand for.
    names: HashMap<String, Vec<String>>,
    found: Vec<Mention>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut opens_module = None;
        while let Some((token, line)) = self.tokens.get(self.at) {
            self.at += 1;
            match token {
                Token::Mark('{') => self.scopes.push(opens_module.take()),
                Token::Mark('}') => drop(self.scopes.pop()),
                Token::Word(word) if word == "mod" => {
                    if let (Some(Token::Word(name)), Some(Token::Mark('{'))) = (self.peek(0), self.peek(1)) {
                        opens_module = Some(name.clone());
                        self.at += 1;
                    }
                }
                // `use<'a>` is a bound, not an import.
                Token::Word(word) if word == "use" && self.peek(0) != Some(&Token::Mark('<')) => {
                    self.skip(&Token::PathSeparator);
                    self.use_tree(&[], *line);
                }
                Token::Word(word) => self.inline_path(word, *line),
                _ => {}
            }
        }
    }

    /// One branch of a `use`: reads up to its `,`, `}` or `;`.
    fn use_tree(&mut self, prefix: &[String], line: usize) {
        let mut path = prefix.to_vec();
        loop {
            match self.peek(0) {
                Some(Token::Word(word)) if word == "as" => {
                    let alias = match self.peek(1) {
                        Some(Token::Word(alias)) => alias.clone(),
                        _ => "_".to_owned(),
                    };
                    self.at += 2;
                    self.import(path, Some(alias), line);
                    return;
                }
                Some(Token::Word(word)) => path.push(word.clone()),
                Some(Token::Mark('*')) => path.push("*".to_owned()),
                Some(Token::PathSeparator) => {}
                Some(Token::Mark('{')) => {
                    self.at += 1;
                    while !matches!(self.peek(0), Some(Token::Mark('}')) | None) {
                        self.use_tree(&path, line);
                        self.skip(&Token::Mark(','));
                    }
                    self.at += 1;
                    return;
                }
                Some(Token::Mark(',' | '}' | ';')) | None => {
                    self.import(path, None, line);
                    return;
                }
                // Not Rust, or a macro's own syntax: left alone.
                Some(Token::Mark(_)) => {
                    self.at += 1;
                    return;
                }
            }
            self.at += 1;
        }
    }

    fn import(&mut self, mut path: Vec<String>, alias: Option<String>, line: usize) {
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let path = self.resolve(path);
        let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
        if !matches!(name.as_str(), "" | "_" | "*") {
            self.names.insert(name, path.clone());
        }
        self.mention(path, line);
    }

    fn inline_path(&mut self, first: &str, line: usize) {
        let mut path = vec![first.to_owned()];
        while let (Some(Token::PathSeparator), Some(Token::Word(word))) = (self.peek(0), self.peek(1)) {
            path.push(word.clone());
            self.at += 2;
        }
        if path.len() > 1 {
            let path = self.resolve(path);
            self.mention(path, line);
        }
    }

    fn mention(&mut self, path: Vec<String>, line: usize) {
        let in_tests = self.scopes.iter().flatten().any(|name| name == "tests");
        self.found.push(Mention { path, line, in_tests });
    }

    /// The path from `crate` or an external crate's name on.
    fn resolve(&self, path: Vec<String>) -> Vec<String> {
        let Some(first) = path.first() else { return path };
        let mut base = match first.as_str() {
            "self" | "super" => self.module.iter().cloned().chain(self.scopes.iter().flatten().cloned()).collect(),
            name => match self.names.get(name) {
                Some(meant) => meant.clone(),
                None => return path,
            },
        };
        let is_relative = matches!(first.as_str(), "self" | "super");
        let mut rest = path.into_iter().peekable();
        if is_relative {
            while let Some(step) = rest.next_if(|step| matches!(step.as_str(), "self" | "super")) {
                if step == "super" {
                    base.pop();
                }
            }
        } else {
            rest.next();
        }
        base.extend(rest);
        base
    }

    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(token, _)| token)
    }

    fn skip(&mut self, token: &Token) {
        if self.peek(0) == Some(token) {
            self.at += 1;
        }
    }
}

/// Words, `::` and single marks with their lines; comments, strings, characters and lifetimes are left out.
fn tokens(source: &str) -> Vec<(Token, usize)> {
    let mut tokens = Vec::new();
    let mut text = Text { chars: source.chars().collect(), at: 0, line: 1 };
    while let Some(character) = text.next() {
        let line = text.line;
        match (character, text.peek(0)) {
            ('/', Some('/')) => text.skip_while(|character| character != '\n'),
            ('/', Some('*')) => text.skip_block_comment(),
            ('"', _) => text.skip_string(),
            ('\'', _) => text.skip_character_or_lifetime(),
            (':', Some(':')) => {
                text.next();
                tokens.push((Token::PathSeparator, line));
            }
            (first, _) if first.is_alphanumeric() || first == '_' => {
                let word = text.word(first);
                match (word.as_str(), text.peek(0)) {
                    ("r" | "br" | "cr", Some('"' | '#')) => {
                        if let Some(raw) = text.skip_raw_string() {
                            tokens.push((Token::Word(raw), line));
                        }
                    }
                    // The quote of b"…" or c"…" comes next.
                    ("b" | "c", Some('"' | '\'')) => {}
                    _ => tokens.push((Token::Word(word), line)),
                }
            }
            (mark, _) if !mark.is_whitespace() => tokens.push((Token::Mark(mark), line)),
            _ => {}
        }
    }
    tokens
}

struct Text {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

impl Text {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek(0)?;
        self.at += 1;
        if character == '\n' {
            self.line += 1;
        }
        Some(character)
    }

    fn skip_while(&mut self, goes_on: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&goes_on) {
            self.next();
        }
    }

    fn word(&mut self, first: char) -> String {
        let mut word = String::from(first);
        while let Some(character) = self.peek(0).filter(|character| character.is_alphanumeric() || *character == '_') {
            word.push(character);
            self.next();
        }
        word
    }

    /// After `/`, before `*`. Block comments nest.
    fn skip_block_comment(&mut self) {
        self.next();
        let mut depth = 1;
        while depth > 0 {
            match (self.next(), self.peek(0)) {
                (Some('*'), Some('/')) => {
                    self.next();
                    depth -= 1;
                }
                (Some('/'), Some('*')) => {
                    self.next();
                    depth += 1;
                }
                (None, _) => return,
                _ => {}
            }
        }
    }

    /// After the opening quote.
    fn skip_string(&mut self) {
        while let Some(character) = self.next() {
            match character {
                '\\' => drop(self.next()),
                '"' => return,
                _ => {}
            }
        }
    }

    /// After `r`, before `"` or `#`. Gives the name back when it was a raw identifier (`r#type`).
    fn skip_raw_string(&mut self) -> Option<String> {
        let mut hashes = 0;
        while self.peek(0) == Some('#') {
            self.next();
            hashes += 1;
        }
        if self.peek(0) != Some('"') {
            let first = self.next()?;
            return Some(self.word(first));
        }
        self.next();
        while let Some(character) = self.next() {
            if character == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.at += hashes;
                return None;
            }
        }
        None
    }

    /// After a `'`: `'x'` and `'\n'` are characters, `'a` is a lifetime.
    fn skip_character_or_lifetime(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (Some('\\'), _) => {
                self.next();
                self.next();
                self.skip_while(|character| character != '\'');
                self.next();
            }
            (Some(_), Some('\'')) => {
                self.next();
                self.next();
            }
            _ => self.skip_while(|character| character.is_alphanumeric() || character == '_'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        mentions(source, &["crate", "rooms", "a", "http"]).iter().map(|mention| mention.path.join("::")).collect()
    }

    #[test]
    fn spreads_use_trees() {
        let source = "pub use a::{b, c::{self, d as e, f::*}};";
        assert_eq!(found(source), ["a::b", "a::c", "a::c::d", "a::c::f::*"]);
    }

    #[test]
    fn resolves_relative_paths() {
        assert_eq!(
            found("use super::store; use self::x::y;"),
            ["crate::rooms::a::store", "crate::rooms::a::http::x::y"]
        );
        assert_eq!(found("mod inner { use super::super::store; }"), ["crate::rooms::a::store"]);
    }

    #[test]
    fn resolves_imported_names() {
        let source = "use crate::rooms::b; use b as c; fn f() { c::store::get(1) }";
        assert_eq!(found(source), ["crate::rooms::b", "crate::rooms::b", "crate::rooms::b::store::get"]);
    }

    #[test]
    fn reads_past_strings_comments_and_lifetimes() {
        let source = r##"/* a::b /* c::d */ */ fn f<'a>(x: &'a str) { let q = '"'; let s = r#"e::"f"#; b"g::h"; r#type::i(); }"##;
        assert_eq!(found(source), ["type::i"]);
    }

    #[test]
    fn knows_lines_and_test_modules() {
        let all = mentions("use a::b;\n\nmod tests {\n    use c::d;\n}\nuse e::f;", &["crate"]);
        let seen: Vec<_> = all.iter().map(|mention| (mention.line, mention.in_tests)).collect();
        assert_eq!(seen, [(1, false), (4, true), (6, false)]);
    }

    #[test]
    fn module_paths() {
        assert_eq!(module_of("rooms/groups/mod.rs"), ["crate", "rooms", "groups"]);
        assert_eq!(module_of("lib.rs"), ["crate"]);
    }
}
