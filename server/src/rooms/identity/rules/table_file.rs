//! Tables as MySQL, MariaDB and spreadsheets write them into files: CSV (RFC 4180), the output of `mysql --batch`, and
//! `mysqldump --tab`. The first two begin with the column names; the last has them in the `.sql` file beside.

use std::collections::HashMap;

use super::super::error::{IamError, IamResult};

/// Rows whose values have names.
#[derive(Debug)]
pub(super) struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<(usize, Vec<String>)>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// Number of the record in the file, from 1.
    pub(super) number: usize,
    columns: &'a HashMap<String, usize>,
    values: &'a [String],
}

impl Table {
    /// Reads a file. `schema`: the `CREATE TABLE` that says what the columns are, where the file does not.
    ///
    /// # Errors
    /// 400 when a column of `needed` is missing, or a quotation mark is never closed.
    pub(super) fn read(text: &str, schema: Option<&str>, needed: &[&str]) -> IamResult<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let mut records = records(text)?.into_iter().zip(1..).map(|(values, n)| (n, values)).peekable();
        let first = records.peek().ok_or_else(|| IamError::bad("the file is empty"))?;
        let is_head = |names: &[String]| needed.iter().all(|needed| names.iter().any(|name| name == needed));
        let mut names: Vec<String> = first.1.iter().map(|name| name.trim().to_owned()).collect();
        match schema {
            Some(schema) if !is_head(&names) => names = columns_of(schema),
            _ => drop(records.next()),
        }
        if let Some(missing) = needed.iter().find(|needed| !names.iter().any(|name| name == *needed)) {
            return Err(IamError::bad(format!("there is no column '{missing}'")));
        }
        let columns = names.into_iter().enumerate().map(|(at, name)| (name, at)).collect();
        Ok(Self { columns, rows: records.collect() })
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(number, values)| Row { number: *number, columns: &self.columns, values })
    }
}

impl Row<'_> {
    /// The value of a column; `None` where there is none: empty, `\N` or `NULL`.
    pub(super) fn value(&self, column: &str) -> Option<&str> {
        let text = self.values.get(*self.columns.get(column)?)?.as_str();
        (!text.is_empty() && text != "\\N" && text != "NULL").then_some(text)
    }
}

fn records(text: &str) -> IamResult<Vec<Vec<String>>> {
    let first = text.lines().next().unwrap_or_default();
    if first.contains('\t') { Ok(tab_separated(text)) } else { comma_separated(text) }
}

/// RFC 4180; empty lines are left out.
fn comma_separated(text: &str) -> IamResult<Vec<Vec<String>>> {
    let (mut all, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                all.push(std::mem::take(&mut record));
            }
            c => field.push(c),
        }
    }
    if quoted {
        return Err(IamError::bad("a quotation mark is never closed"));
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        all.push(record);
    }
    all.retain(|record| record.iter().any(|field| !field.is_empty()));
    Ok(all)
}

/// `\t`, `\n`, `\0` and `\\` stand for what they say, a backslash before anything else is left out; `\N` alone is kept, as no value.
fn tab_separated(text: &str) -> Vec<Vec<String>> {
    let unescape = |field: &str| {
        if field == "\\N" {
            return field.to_owned();
        }
        let (mut plain, mut chars) = (String::with_capacity(field.len()), field.chars());
        while let Some(c) = chars.next() {
            match c {
                '\\' => plain.extend(chars.next().map(|c| match c {
                    't' => '\t',
                    'n' => '\n',
                    'r' => '\r',
                    '0' => '\0',
                    other => other,
                })),
                c => plain.push(c),
            }
        }
        plain
    };
    // A line break inside a value of `--tab` is a backslash and the break itself.
    let (mut lines, mut line) = (Vec::new(), String::new());
    for part in text.split_inclusive('\n') {
        line.push_str(part);
        let body = line.trim_end_matches(['\n', '\r']);
        let ends_escaped = part.ends_with('\n') && body.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
        if !ends_escaped {
            lines.push(body.to_owned());
            line.clear();
        }
    }
    lines.retain(|line| !line.is_empty());
    let fields = |line: String| {
        // So is a tab; what stands behind a backslash ends nothing.
        let mut escaped = false;
        let ends = |c| {
            let end = c == '\t' && !escaped;
            escaped = c == '\\' && !escaped;
            end
        };
        line.split(ends).map(unescape).collect()
    };
    lines.into_iter().map(fields).collect()
}

/// The columns of a `CREATE TABLE` as mysqldump writes it: each on a line of its own that begins with its name in backticks.
fn columns_of(schema: &str) -> Vec<String> {
    let name = |line: &str| line.trim_start().strip_prefix('`')?.split_once('`').map(|(name, _)| name.to_owned());
    schema.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(table: &Table, column: &str) -> Vec<Option<String>> {
        table.rows().map(|row| row.value(column).map(str::to_owned)).collect()
    }

    fn some<const N: usize>(texts: [&str; N]) -> Vec<Option<String>> {
        texts.map(|text| Some(text.to_owned())).to_vec()
    }

    #[test]
    fn csv() {
        let text = "\u{feff}id,name,note\r\n1,\"Doe, \"\"J\"\"\",NULL\r\n\r\n2,\"two\nlines\",\\N";
        let table = Table::read(text, None, &["name"]).expect("reads");
        assert_eq!(values(&table, "name"), some(["Doe, \"J\"", "two\nlines"]));
        assert_eq!((values(&table, "note"), values(&table, "nothing")), (vec![None; 2], vec![None; 2]));
        assert_eq!(table.rows().map(|row| row.number).collect::<Vec<_>>(), [2, 3]);
        for bad in ["", "id,note\n1,x", "name\n\"x"] {
            assert!(Table::read(bad, None, &["name"]).is_err(), "{bad}");
        }
    }

    #[test]
    fn mysql_batch() {
        let text = "id\tname\tnote\n1\tDoe, \"J\"\tNULL\n2\ttwo\\nlines\ta\\tb\\\\c\n";
        let table = Table::read(text, None, &["name"]).expect("reads");
        assert_eq!(values(&table, "name"), some(["Doe, \"J\"", "two\nlines"]));
        assert_eq!(values(&table, "note"), [None, Some("a\tb\\c".to_owned())]);
    }

    #[test]
    fn mysqldump_tab() {
        let schema = "DROP TABLE IF EXISTS `users`;\nCREATE TABLE `users` (\n  `id` int(11) NOT NULL,\n  `name` varchar(9),\n  \
                      `note` text,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`name`)\n) ENGINE=InnoDB;\n";
        let text = "1\tJo\t\\N\n2\ttwo\\\nlines\tC:\\\\\n3\ta\\\tb\\\\\tc\n";
        let table = Table::read(text, Some(schema), &["name"]).expect("reads");
        assert_eq!(values(&table, "name"), some(["Jo", "two\nlines", "a\tb\\"]));
        assert_eq!(values(&table, "note"), [None, Some("C:\\".to_owned()), Some("c".to_owned())]);
        assert!(Table::read(text, None, &["name"]).is_err(), "without a schema nobody knows the columns");
        // Names in the file are believed.
        let named = Table::read("note\tname\nx\tJo", Some(schema), &["name"]).expect("reads");
        assert_eq!(values(&named, "name"), some(["Jo"]));
    }
}
