//! That what the manual gives to be typed or written is taken: commands by the program's own parser, YAML by what reads it.

use std::ffi::OsString;
use std::path::Path;

use ::zoo::Manifest;
use metapicture::engine::experiment_file::ExperimentFile;
use metapicture::engine::method::Method;

use super::{pages, read, root};

/// Fenced code of one language, with its page and the number of the line that it begins after.
fn code(language: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    let written = |path: &Path| {
        let path = path.strip_prefix(root()).unwrap();
        (path.starts_with("docs") && !path.starts_with("docs/src/reference"))
            || path.ends_with("README.md")
            || path.ends_with("CONTRIBUTING.md")
    };
    for path in pages().into_iter().filter(|path| written(path) && !path.starts_with(root().join("experiments"))) {
        let mut inside: Option<String> = None;
        for (number, line) in read(&path).lines().enumerate() {
            match &mut inside {
                None if line.trim() == format!("```{language}") => inside = Some(String::new()),
                Some(text) if line.trim() == "```" => {
                    let place = format!("{}, before line {}", path.strip_prefix(root()).unwrap().display(), number + 1);
                    found.push((place, std::mem::take(text)));
                    inside = None;
                }
                Some(text) => {
                    text.push_str(line);
                    text.push('\n');
                }
                None => {}
            }
        }
    }
    found
}

/// The words of the commands of a script, comments apart.
fn commands(script: &str) -> Vec<Vec<String>> {
    let joined = script.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.trim().is_empty());
    let words = lines.map(|line| shlex::split(line).unwrap_or_else(|| panic!("no shell understands `{line}`")));
    let ends = |word: &String| matches!(word.as_str(), "&&" | "||" | "|" | ";");
    words
        .flat_map(|words| words.split(ends).map(<[String]>::to_vec).collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect()
}

#[test]
fn every_command_can_be_given() {
    let makefile = read(&root().join("Makefile"));
    let (mut of_program, mut wrong) = (0, vec![]);
    for (place, script) in code("sh") {
        for mut words in commands(&script) {
            // What is redirected is the shell's business.
            if let Some(at) = words.iter().position(|word| word == ">" || word == "<") {
                words.truncate(at);
            }
            let shown = words.join(" ");
            match words[0].as_str() {
                "metapicture" | "target/debug/metapicture" => {
                    of_program += 1;
                    let words = words.into_iter().map(OsString::from);
                    if let Err(error) = metapicture::cli::command().try_get_matches_from(words)
                        && error.use_stderr()
                    {
                        wrong.push(format!("{place}: {shown}\n{error}"));
                    }
                }
                "make" => {
                    for target in words[1..].iter().filter(|word| !word.contains('=')) {
                        if !makefile.lines().any(|line| line.starts_with(&format!("{target}:"))) {
                            wrong.push(format!("{place}: {shown}: the Makefile has no {target}"));
                        }
                    }
                }
                "cargo" => {
                    if let Some(at) = words.iter().position(|word| word == "--example")
                        && !root().join(format!("examples/{}.rs", words[at + 1])).exists()
                    {
                        wrong.push(format!("{place}: {shown}: no such example"));
                    }
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(of_program > 60, "{of_program} commands were found");
}

#[test]
fn every_example_in_yaml_is_read() {
    let (mut read, mut wrong) = ([0; 3], vec![]);
    for (place, text) in code("yaml") {
        let has = |key: &str| text.lines().any(|line| line.starts_with(key));
        let file = Path::new("/nowhere/example.yaml");
        let failed = if has("kind:") {
            read[0] += 1;
            Manifest::parse("example.yaml", &text, file.parent()).err().map(|error| error.to_string())
        } else if has("param:") {
            read[1] += 1;
            Method::parse(&text, "example.yaml").err().map(|error| error.to_string())
        } else if has("units:") {
            read[2] += 1;
            ExperimentFile::of_text(&text, "example.yaml", file.parent().unwrap(), &[])
                .err()
                .map(|error| error.to_string())
        } else {
            None
        };
        wrong.extend(failed.map(|error| format!("{place}: {error}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read.iter().all(|count| *count > 0), "manifests, methods, experiments: {read:?}");
}
