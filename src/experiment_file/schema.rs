//! The JSON Schema of experiment files (draft 2020-12), for editors. What methods hold comes from their types, so that
//! it cannot go stale; the rest is what [`super::keys`], [`super::setting`], [`super::sweep`] and [`super::seeds`] read.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::keys::{BATCHES, FACETS, KEPT, SIZES, STEPS, THREADS};
use super::sweep::MOST_POINTS;
use crate::method::Method;

/// The schema.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<Method>();
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().for_each(plain_links);
    bounds(&mut definitions);
    let size = json!({
        "description": "Side of the pictures in pixels.",
        "type": "integer", "minimum": SIZES.0, "maximum": SIZES.1,
    });
    let presets: Vec<Value> = (Method::presets().into_iter())
        .map(|preset| json!({ "const": preset.name, "description": preset.summary }))
        .collect();
    let names = |manifests: &[(&str, &str)]| -> Vec<String> {
        manifests.iter().map(|(file, _)| file.trim_end_matches(".yaml").to_owned()).collect()
    };

    let mut full = definitions.get("Method").cloned().unwrap_or_default();
    if let Some(required) = full["required"].as_array_mut() {
        // The experiment may say it for all methods.
        required.retain(|key| key != "steps");
    }
    let mut overrides = Map::new();
    for (name, definition) in &definitions {
        overrides.insert(format!("{name}Override"), as_override(definition, false));
    }
    definitions.extend(overrides);
    let partial = definitions.remove("MethodOverride").unwrap_or_default();
    definitions.insert("Method".to_owned(), with(&full, &[("size", size.clone())], &[]));
    let preset = json!({ "description": "The preset that it builds upon.", "oneOf": presets });
    definitions.insert(
        "MethodOfPreset".to_owned(),
        with(&partial, &[("preset", preset), ("size", size.clone())], &["preset"]),
    );
    let file =
        json!({ "description": "The method's file that it builds upon, relative to this file.", "type": "string" });
    definitions.insert("MethodOfFile".to_owned(), with(&partial, &[("file", file), ("size", size.clone())], &["file"]));

    let path = json!({ "description": "The path of a file.", "type": "string", "pattern": "/|\\.ya?ml$" });
    for (name, definition) in [
        (
            "MethodEntry",
            json!({
                "description": "A preset, a preset or a file with what is different, or a method spelled out.",
                "anyOf": [
                    { "oneOf": presets },
                path,
                    { "$ref": "#/$defs/MethodOfPreset" },
                    { "$ref": "#/$defs/MethodOfFile" },
                    { "$ref": "#/$defs/Method" },
                ],
            }),
        ),
        (
            "Classifier",
            json!({
                "description": "A classifier of the zoo, or the path of a manifest.",
                "anyOf": [{ "enum": names(classifiers::MANIFESTS) }, path],
            }),
        ),
        (
            "GeneratorName",
            json!({
                "description": "A generator of the zoo, or the path of a manifest.",
                "anyOf": [{ "enum": names(generators::MANIFESTS) }, path],
            }),
        ),
        (
            "Generator",
            json!({
                "description": "The natural image prior of methods that search a code; null is none.",
                "anyOf": [
                    { "$ref": "#/$defs/GeneratorName" },
                    {
                        "type": "object",
                        "properties": {
                            "name": { "$ref": "#/$defs/GeneratorName" },
                            "class": {
                                "description": "A class, by name or index; without one it is optimized.",
                                "type": ["string", "integer"],
                            },
                            "size": {
                                "description": "Side of its pictures in pixels, where its code is spatial.",
                                "type": "integer", "minimum": SIZES.0, "maximum": SIZES.1,
                            },
                        },
                        "required": ["name"],
                        "additionalProperties": false,
                    },
                    { "type": "null" },
                ],
            }),
        ),
        (
            "Unit",
            json!({
                "description": "What is visualised: a class (banana), a channel (_blocks.10:37), a neuron \
                                (_blocks.10:37@7,7), a layer (layer:_blocks.8), a range (class:0..9), a pattern of \
                                layers (_blocks.*:37), a layer's strongest channels (strongest(_blocks.10, 20)), a \
                                direction, a weighted sum.",
                "type": ["string", "integer"],
                "examples": ["banana", "class:0..9", "_blocks.*:37", "strongest(_blocks.10, 20)", "layer:_blocks.8"],
            }),
        ),
        ("Device", json!({ "type": "string", "pattern": "^(cpu|cuda(:[0-9]+)?)$" })),
        (
            "Seed",
            json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^ *[0-9]+ *\\.\\. *[0-9]+ *$" },
        ] }),
        ),
        (
            "Values",
            json!({
                "description": "The values of a swept path.",
                "anyOf": [
                    { "type": "array", "minItems": 1 },
                    spaced("linspace", "Numbers at equal distances: [first, last, how many]."),
                    spaced("logspace", "Numbers at equal ratios: [first, last, how many]."),
                ],
            }),
        ),
        (
            "Zip",
            json!({
                "description": "Paths whose values go along each other.",
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "$ref": "#/$defs/SweptPath" },
                "additionalProperties": { "$ref": "#/$defs/Values" },
            }),
        ),
        (
            "SweptPath",
            json!({
                "pattern": "^(classifiers?|generators?|units|seeds|size|steps|facets|methods\\..+\\..+)(\\..+)?$",
            }),
        ),
    ] {
        definitions.insert(name.to_owned(), definition);
    }

    let list_or_one = |of: &str, description: &str| {
        let one = json!({ "$ref": format!("#/$defs/{of}") });
        json!({ "description": description, "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    };
    let whole = |(least, most): (u64, u64), description: &str| {
        let kind = "integer";
        json!({ "description": description, "type": kind, "minimum": least, "maximum": most })
    };
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "metapicture experiment",
        "description": "What is to be visualised, with what, by which methods and with which settings swept.",
        "type": "object",
        "properties": {
            "name": {
                "description": "The experiment's name.",
                "type": "string",
                "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$",
            },
            "description": { "description": "What it is about.", "type": "string" },
            "extends": {
                "description": "An experiment file, relative to this one, over which this one is laid: maps merge, \
                                everything else is replaced.",
                "type": "string",
            },
            "classifier": { "$ref": "#/$defs/Classifier" },
            "classifiers": list_or_one("Classifier", "Several classifiers."),
            "generator": { "$ref": "#/$defs/Generator" },
            "generators": list_or_one("Generator", "Several generators."),
            "units": list_or_one("Unit", "What is visualised."),
            "methods": list_or_one("MethodEntry", "How."),
            "seeds": {
                "description": "How many seeds, from 0; or which, ranges with their ends.",
                "anyOf": [
                    { "type": "integer", "minimum": 1, "maximum": 1_000_000 },
                    { "type": "string", "pattern": "^ *[0-9]+ *\\.\\. *[0-9]+ *$" },
                    { "type": "array", "items": { "$ref": "#/$defs/Seed" }, "minItems": 1 },
                ],
            },
            "size": whole(SIZES, "Side of the pictures in pixels, for all methods that do not say their own."),
            "steps": whole(STEPS, "Steps in each octave, for all methods that do not say their own."),
            "facets": whole(FACETS, "Facets, for all methods that do not say their own."),
            "device": list_or_one("Device", "cpu, cuda or cuda:N, or several."),
            "threads": whole(THREADS, "libtorch's threads."),
            "batch": whole(BATCHES, "Runs computed together."),
            "keep": {
                "description": "What is kept of a run; all of it unless told. The record and the picture always are.",
                "type": "array",
                "items": { "enum": KEPT },
                "contains": { "const": "picture" },
                "uniqueItems": true,
            },
            "compare": {
                "description": "What the pictures are compared with.",
                "type": "object",
                "properties": {
                    "witnesses": {
                        "description": "Classifiers that judge and take no part.",
                        "anyOf": [
                            { "$ref": "#/$defs/Classifier" },
                            { "type": "array", "items": { "$ref": "#/$defs/Classifier" } },
                        ],
                    },
                    "reference": { "description": "A set of images of the zoo, or a folder.", "type": "string" },
                },
                "additionalProperties": false,
            },
            "sweep": {
                "description": "Paths into this document with their values; the product is taken.",
                "type": "object",
                "properties": { "zip": list_or_one("Zip", "Paths whose values go along each other.") },
                "propertyNames": { "anyOf": [{ "const": "zip" }, { "$ref": "#/$defs/SweptPath" }] },
                "additionalProperties": { "$ref": "#/$defs/Values" },
            },
        },
        "patternProperties": { "^x-": { "description": "Nobody reads it: it may hold what anchors name." } },
        "additionalProperties": false,
        "not": { "anyOf": [
            { "required": ["classifier", "classifiers"] },
            { "required": ["generator", "generators"] },
        ] },
        "if": { "required": ["extends"] },
        "else": {
            "required": ["name", "units", "methods"],
            "anyOf": [{ "required": ["classifier"] }, { "required": ["classifiers"] }, { "required": ["sweep"] }],
        },
    });
    let mut schema = schema;
    keep_what_is_used(&schema, &mut definitions);
    schema["$defs"] = Value::Object(definitions);
    schema
}

fn spaced(key: &str, description: &str) -> Value {
    json!({
        "type": "object",
        "properties": { key: {
            "description": description,
            "type": "array",
            "prefixItems": [
                { "type": "number" },
                { "type": "number" },
                { "type": "integer", "minimum": 1, "maximum": MOST_POINTS },
            ],
            "minItems": 3,
            "maxItems": 3,
        } },
        "required": [key],
        "additionalProperties": false,
    })
}

/// Bounds that [`Method::check`] holds methods to.
fn bounds(definitions: &mut Map<String, Value>) {
    for (key, (least, most)) in [("steps", STEPS), ("facets", FACETS), ("views", (1, 1024))] {
        if let Some(property) = definitions.get_mut("Method").and_then(|method| method["properties"].get_mut(key)) {
            property["minimum"] = json!(least);
            property["maximum"] = json!(most);
        }
    }
    if let Some(name) = definitions.get_mut("Method").and_then(|method| method["properties"].get_mut("name")) {
        name["pattern"] = json!("^[A-Za-z0-9._-]+$");
    }
}

/// A definition with more properties.
fn with(definition: &Value, properties: &[(&str, Value)], required: &[&str]) -> Value {
    let mut definition = definition.clone();
    for (key, value) in properties {
        definition["properties"][*key] = value.clone();
    }
    if !required.is_empty() {
        definition["required"] = json!(required);
    }
    definition
}

/// What may be laid over something: nothing is required but the variants of a choice, and lists are whole.
fn as_override(schema: &Value, is_variant: bool) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    let mut found = Map::new();
    for (key, value) in map {
        let value = match (key.as_str(), value) {
            ("required", _) if !is_variant => continue,
            // What is not said is what the base says.
            ("default", _) => continue,
            ("items" | "prefixItems", _) => value.clone(),
            ("$ref", Value::String(link)) => Value::String(format!("{link}Override")),
            ("properties", Value::Object(properties)) => {
                Value::Object(properties.iter().map(|(key, value)| (key.clone(), as_override(value, false))).collect())
            }
            ("oneOf" | "anyOf", Value::Array(choices)) => {
                let variant = |choice: &Value| {
                    let names = choice["properties"].as_object().filter(|names| names.len() == 1);
                    names.is_some_and(|names| choice["required"] == json!([names.keys().next()]))
                };
                Value::Array(choices.iter().map(|choice| as_override(choice, variant(choice))).collect())
            }
            _ => value.clone(),
        };
        found.insert(key.clone(), value);
    }
    Value::Object(found)
}

/// Rust's links in descriptions, as plain words.
fn plain_links(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(text) if key == "description" => {
                        *text = text.replace("[`", "`").replace("`]", "`").replace('\n', " ");
                    }
                    value => plain_links(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain_links),
        _ => {}
    }
}

/// Drops definitions that nothing leads to.
fn keep_what_is_used(schema: &Value, definitions: &mut Map<String, Value>) {
    fn links(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map {
                    match value.as_str().and_then(|link| link.strip_prefix("#/$defs/")).filter(|_| key == "$ref") {
                        Some(name) => found.push(name.to_owned()),
                        None => links(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| links(item, found)),
            _ => {}
        }
    }
    let mut waiting = vec![];
    links(schema, &mut waiting);
    let mut used = std::collections::BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if let Some(definition) = definitions.get(&name)
            && used.insert(name)
        {
            links(definition, &mut waiting);
        }
    }
    definitions.retain(|name, _| used.contains(name));
}

#[cfg(test)]
mod tests {
    use super::super::keys::KEYS;
    use super::super::path::VARIANTS;
    use super::*;

    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        let schema = schema();
        let keys: std::collections::BTreeSet<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, KEYS.into_iter().collect());
    }

    #[test]
    fn the_keys_whose_variants_replace_each_other_are_those_of_the_types() {
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        generator.subschema_for::<Method>();
        let definitions = generator.take_definitions(true);
        // A choice between maps of one key, or words; not of what a list holds.
        let is_choice = |link: &str| {
            let definition = &definitions[link.trim_start_matches("#/$defs/")];
            let choices = definition["oneOf"].as_array().map_or(&[][..], Vec::as_slice);
            choices.iter().any(|choice| choice["properties"].as_object().is_some_and(|names| names.len() == 1))
        };
        fn walk<'v>(schema: &'v Value, found: &mut Vec<(&'v str, &'v str)>) {
            let Value::Object(map) = schema else {
                return schema.as_array().into_iter().flatten().for_each(|item| walk(item, found));
            };
            for (key, value) in map {
                if let (true, Some(properties)) = (key == "properties", value.as_object()) {
                    found.extend(
                        properties.iter().filter_map(|(key, value)| Some((key.as_str(), value["$ref"].as_str()?))),
                    );
                }
                walk(value, found);
            }
        }
        let mut links = vec![];
        definitions.values().for_each(|definition| walk(definition, &mut links));
        let choices = links.iter().filter(|(_, link)| is_choice(link)).map(|(key, _)| *key);
        assert_eq!(choices.collect::<std::collections::BTreeSet<_>>(), VARIANTS.into_iter().collect());
    }
}
