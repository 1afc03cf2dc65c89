//! What an experiment file may say, from its JSON Schema.

use std::fmt::Write as _;

use metapicture::engine::experiment_file;
use serde_json::{Map, Value};

use super::{hold, prose};

const TOP: &str = "# Experiment files

An experiment is a YAML file for `metapicture sweep` ([Sweeps and clusters](../guides/sweeps.md)). This page is its JSON Schema (draft 2020-12)
in words. `metapicture schema > experiment.schema.json` prints the schema itself, by which editors complete and check a file whose first line is
`# yaml-language-server: $schema=experiment.schema.json`.

Where a method builds upon a preset or a file, all of its settings may be left out: what is not said stays as it was there.

";

/// The definitions that are shown, by the name of a link to them.
struct Definitions<'s>(&'s Map<String, Value>);

impl Definitions<'_> {
    /// Another form of a definition, all of whose keys may be left out.
    fn is_shown(name: &str) -> bool {
        !name.ends_with("Override") && !name.starts_with("MethodOf")
    }

    fn link(&self, reference: &str) -> String {
        let name = reference.trim_start_matches("#/$defs/");
        assert!(self.0.contains_key(name), "{reference}");
        if Definitions::is_shown(name) { format!("[{name}](#{})", name.to_lowercase()) } else { format!("`{name}`") }
    }

    /// What the definition says that a value refers to.
    fn description(&self, value: &Value) -> Option<&str> {
        let name = value["$ref"].as_str()?.trim_start_matches("#/$defs/");
        self.0.get(name)?["description"].as_str()
    }

    /// What a value is, in a few words.
    fn kind(&self, value: &Value) -> String {
        if let Some(reference) = value["$ref"].as_str() {
            return self.link(reference);
        }
        if let Some(all) = value["enum"].as_array() {
            let names: Vec<String> = all.iter().map(|one| format!("`{}`", text(one))).collect();
            return if names.len() > 8 { "a name".to_owned() } else { format!("one of {}", names.join(", ")) };
        }
        if let Some(one) = value.get("const") {
            return format!("`{}`", text(one));
        }
        if let Some(several) = value["anyOf"].as_array().or_else(|| value["oneOf"].as_array()) {
            let mut kinds: Vec<String> = vec![];
            for kind in several.iter().map(|one| self.kind(one)) {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            return kinds.join(" or ");
        }
        let of = |name: &str| match name {
            "array" => match value.get("items") {
                Some(items) => format!("a list of {}", self.kind(items)),
                None => "a list".to_owned(),
            },
            "object" => "a map".to_owned(),
            "string" => "text".to_owned(),
            "integer" => format!("a whole number{}", range(value)),
            "number" => format!("a number{}", range(value)),
            "boolean" => "`true` or `false`".to_owned(),
            "null" => "`null`".to_owned(),
            other => other.to_owned(),
        };
        match &value["type"] {
            Value::String(name) => of(name),
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(of).collect::<Vec<_>>().join(" or "),
            _ => "anything".to_owned(),
        }
    }

    fn keys(&self, value: &Value, indent: &str, out: &mut String) {
        let required: Vec<&str> =
            value["required"].as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
        for (key, value) in value["properties"].as_object().into_iter().flatten() {
            let told = value["description"].as_str().or_else(|| self.description(value));
            let said = told.map(|said| format!(" {}", prose(&one_line(said)))).unwrap_or_default();
            let default = match value.get("default") {
                Some(Value::String(empty)) if empty.is_empty() => String::new(),
                Some(default) => format!(" Unless told: `{}`.", text(default)),
                None if required.contains(&key.as_str()) => " Must be told.".to_owned(),
                None => String::new(),
            };
            let _ = writeln!(out, "{indent}- `{key}` ({}):{said}{default}", self.kind(value));
            if value.get("$ref").is_none() {
                self.keys(value, &format!("{indent}  "), out);
            }
        }
    }

    fn section(&self, name: &str, value: &Value, out: &mut String) {
        let _ = write!(out, "### {name}\n\n");
        if let Some(said) = value["description"].as_str() {
            let _ = write!(out, "{}\n\n", prose(&one_line(said)));
        }
        let alternatives = value["oneOf"].as_array().or_else(|| value["anyOf"].as_array());
        if let Some(alternatives) = alternatives {
            for one in alternatives {
                let said =
                    one["description"].as_str().map(|said| format!(": {}", prose(&one_line(said)))).unwrap_or_default();
                match one["properties"].as_object() {
                    Some(keys) => {
                        let tags: Vec<String> = keys.keys().map(|key| format!("`{key}`")).collect();
                        let of = keys.values().next().filter(|_| keys.len() == 1);
                        let linked = of.and_then(|of| of["$ref"].as_str()).map(|to| format!(" ({})", self.link(to)));
                        let _ = writeln!(out, "- {}{}{said}", tags.join(", "), linked.unwrap_or_default());
                        match of {
                            Some(of) if of.get("$ref").is_none() => self.keys(of, "  ", out),
                            Some(_) => {}
                            None => self.keys(one, "  ", out),
                        }
                    }
                    None => {
                        let _ = writeln!(out, "- {}{said}", self.kind(one));
                    }
                }
            }
            out.push('\n');
        } else if value["properties"].is_object() {
            self.keys(value, "", out);
            out.push('\n');
        } else if value["type"].is_string() || value["pattern"].is_string() {
            let pattern = value["pattern"].as_str().map(|pattern| format!(", as `{pattern}`")).unwrap_or_default();
            let kind = if value["type"].is_string() { self.kind(value) } else { "text".to_owned() };
            let _ = write!(out, "It is {kind}{pattern}.\n\n");
        }
        if let Some(examples) = value["examples"].as_array() {
            let all: Vec<String> = examples.iter().map(|one| format!("`{}`", text(one))).collect();
            let _ = write!(out, "For example {}.\n\n", all.join(", "));
        }
    }
}

/// A value as YAML has it in a line.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn range(value: &Value) -> String {
    match (value.get("minimum"), value.get("maximum")) {
        (Some(low), Some(high)) => format!(" from {low} to {high}"),
        (Some(low), None) => format!(" from {low}"),
        (None, Some(high)) => format!(" up to {high}"),
        (None, None) => String::new(),
    }
}

#[test]
fn the_page_of_experiment_files_is_current() {
    let schema = experiment_file::schema();
    let definitions = Definitions(schema["$defs"].as_object().unwrap());
    let mut out = TOP.to_owned();
    out.push_str("## Keys of a file\n\n`name`, `units`, `methods` and a classifier must be told, in the file itself or in what it `extends`.\n\n");
    definitions.keys(&schema, "", &mut out);
    out.push_str(
        "- `x-...`: nobody reads what begins so; it may hold what YAML's anchors name.\n\n## What stands in them\n\n",
    );
    for (name, value) in definitions.0.iter().filter(|(name, _)| Definitions::is_shown(name)) {
        definitions.section(name, value, &mut out);
    }
    hold("schema.md", &format!("{}\n", out.trim_end()));
}
