//! What a Rust file declares and imports, read from its text. No parser of the language: the files are formatted by rustfmt.

/// One name that a `use` brings: the path, and what it is called here. A glob is called `*`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Import {
    pub path: Vec<String>,
    pub name: String,
}

/// A file without comments, texts and unit tests.
pub(super) struct Source {
    pub code: String,
    pub imports: Vec<Import>,
    /// Whether it only declares and re-exports.
    pub is_signpost: bool,
}

impl Source {
    pub fn new(text: &str) -> Source {
        let code = without_tests(&without_comments_and_texts(text));
        let mut imports = vec![];
        let mut rest = &code[..];
        while let Some((start, end)) = next_use(rest) {
            tree(&rest[start + 4..end], &[], &mut imports);
            rest = &rest[end..];
        }
        Source { is_signpost: is_all_declarations(&code), code, imports }
    }

    /// Whether it defines an item of this name.
    pub fn defines(&self, name: &str) -> bool {
        const KINDS: [&str; 9] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "mod"];
        let mut words = self.code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        let mut before = "";
        words.any(|word| {
            let found = word == name && (KINDS.contains(&before) || before == "macro_rules");
            before = word;
            found
        })
    }

    /// The paths that start with this name, each after it.
    pub fn paths_from(&self, name: &str) -> Vec<Vec<String>> {
        let start = format!("{name}::");
        let at = self.code.match_indices(&start).map(|(at, _)| at);
        let is_whole = |at: &usize| !self.code[..*at].ends_with(|c: char| is_of_word(c) || c == ':');
        let rest = at.filter(is_whole).map(|at| &self.code[at + start.len()..]);
        let path = |rest: &str| {
            let end = rest.find(|c: char| !is_of_word(c) && c != ':').unwrap_or(rest.len());
            rest[..end].split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        rest.map(path).filter(|path: &Vec<String>| !path.is_empty()).collect()
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn without_visibility(item: &str) -> &str {
    let Some(rest) = item.trim().strip_prefix("pub") else { return item.trim() };
    match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((_, rest)) => rest.trim(),
        None => rest.trim(),
    }
}

/// Whether nothing is left without declarations of modules and `use` lines.
fn is_all_declarations(code: &str) -> bool {
    let mut left = String::new();
    let mut rest = code;
    while let Some((start, end)) = next_use(rest) {
        left.push_str(&rest[..start]);
        rest = &rest[end + 1..];
    }
    left.push_str(rest);
    left.lines().map(str::trim).all(|line| {
        let line = without_visibility(line);
        line.is_empty() || line.starts_with('#') || line.starts_with("mod ") && line.ends_with(';')
    })
}

/// Where the next `use` and its semicolon stand.
fn next_use(code: &str) -> Option<(usize, usize)> {
    let starts = code.match_indices("use ").map(|(at, _)| at);
    let is_item = |at: &usize| {
        let line = code[..*at].rsplit('\n').next().unwrap_or_default();
        without_visibility(line).is_empty()
    };
    let start = { starts }.find(is_item)?;
    Some((start, start + code[start..].find(';')?))
}

/// The names of a tree of imports, such as `a::{b, c::{self, D as E}}`.
fn tree(text: &str, before: &[String], imports: &mut Vec<Import>) {
    let text = text.trim();
    if let Some((path, inner)) = text.split_once('{') {
        let words = path.split("::").map(str::trim).filter(|word| !word.is_empty());
        let path: Vec<String> = before.iter().cloned().chain(words.map(str::to_owned)).collect();
        let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    tree(&inner[start..at], &path, imports);
                    start = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let (path, alias) = text.split_once(" as ").map_or((text, None), |(path, alias)| (path, Some(alias.trim())));
    let words = path.split("::").map(str::trim).filter(|word| !word.is_empty());
    let mut path: Vec<String> = before.iter().cloned().chain(words.map(str::to_owned)).collect();
    if text.is_empty() {
        return;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = alias.map(str::to_owned).or_else(|| path.last().cloned()).unwrap_or_default();
    imports.push(Import { path, name });
}

/// Comments go, texts become empty.
fn without_comments_and_texts(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if (rest.starts_with("r\"") || rest.starts_with("r#")) && !code.ends_with(is_of_word) {
            let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
            let end = format!("\"{}", "#".repeat(hashes));
            let from = hashes + 2;
            rest.get(from..).and_then(|inner| inner.find(&end)).map_or(1, |at| from + at + end.len())
        } else if first == '"' {
            let mut is_escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = character(rest) {
            length
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        rest = &rest[taken..];
    }
    code
}

/// The length of the character in quotes that stands here; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let escaped = inner.strip_prefix('\\');
    let first = inner.chars().next()?.len_utf8();
    match escaped {
        Some(escaped) => Some(2 + escaped.char_indices().skip(1).find(|(_, c)| *c == '\'')?.0 + 1),
        None => inner[first..].starts_with('\'').then_some(first + 2),
    }
}

/// What is compiled for unit tests alone goes.
fn without_tests(code: &str) -> String {
    let (mut left, mut rest) = (String::new(), code);
    while let Some((before, behind)) = rest.split_once("#[cfg(test)]") {
        left.push_str(before);
        let mut depth = 0;
        let end = behind.char_indices().find(|(_, c)| {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            depth == 0 && matches!(c, '}' | ';')
        });
        rest = end.map_or("", |(at, _)| &behind[at + 1..]);
    }
    left + rest
}
