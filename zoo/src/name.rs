//! What is the name of an entry, and what the path of a file: one rule, for the command line, experiment files and code.

/// Whether a model's or a method's name is the path of a file: it holds a `/`, or ends in `.yaml` or `.yml`. Names of the zoo
/// and of presets do neither.
pub fn is_path(name: &str) -> bool {
    name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml")
}
