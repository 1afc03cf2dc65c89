//! Settings as paths and values.

use std::collections::BTreeMap;

use serde_json::Value;

/// The values of a tree by their paths. An entry of a list is named by its one key where it has one, as methods' lists do.
pub fn leaves(tree: &Value) -> BTreeMap<String, Value> {
    fn walk(tree: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match tree {
            Value::Object(map) => map.iter().for_each(|(key, value)| walk(value, &below(key), found)),
            Value::Array(list) => {
                for (number, value) in list.iter().enumerate() {
                    let same = |key: &String| {
                        list.iter().filter(|other| other.as_object().is_some_and(|map| map.contains_key(key))).count()
                    };
                    match value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next()) {
                        Some((key, value)) if same(key) == 1 => walk(value, &below(key), found),
                        _ => walk(value, &below(&number.to_string()), found),
                    }
                }
            }
            Value::Number(number) => {
                // 0 and 0.0 are one setting.
                let value = number.as_f64().map_or_else(|| tree.clone(), Value::from);
                found.insert(path.to_owned(), value);
            }
            value => {
                found.insert(path.to_owned(), value.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(tree, "", &mut found);
    found
}
