//! Names of tensors: what wrappers put before them, patterns that rename them, and what would make names fit that do not.

/// What wrappers of networks put before the names: DataParallel, `torch.compile`, Lightning, segmentation and detection frameworks,
/// averages of weights.
const PREFIXES: [&str; 11] = [
    "module.",
    "_orig_mod.",
    "model.",
    "backbone.",
    "net.",
    "network.",
    "encoder.",
    "generator.",
    "ema.",
    "ema_model.",
    "model_ema.",
];

/// What all names begin with, made of the prefixes of wrappers.
pub(super) fn common_prefix<'n>(names: impl Iterator<Item = &'n str> + Clone) -> String {
    let mut prefix = String::new();
    while let Some(more) = PREFIXES.iter().find(|more| {
        let longer = format!("{prefix}{more}");
        names.clone().next().is_some() && names.clone().all(|name| name.starts_with(&longer) || is_counter(name))
    }) {
        prefix.push_str(more);
    }
    prefix
}

/// What averages of weights count beside the tensors.
pub(super) fn is_counter(name: &str) -> bool {
    name == "n_averaged"
}

/// A name by the first pattern that fits it.
pub(super) fn rename(name: &str, patterns: &[(String, String)]) -> String {
    let found = patterns.iter().find_map(|(old, new)| {
        let mut parts = old.split('*');
        let mut rest = name.strip_prefix(parts.next()?)?;
        let mut stars = vec![];
        let mut parts = parts.peekable();
        while let Some(part) = parts.next() {
            let at = if parts.peek().is_none() && !part.is_empty() {
                rest.len().checked_sub(part.len()).filter(|_| rest.ends_with(part))?
            } else if part.is_empty() {
                rest.len()
            } else {
                rest.find(part)?
            };
            stars.push(&rest[..at]);
            rest = &rest[at + part.len()..];
        }
        let mut stars = stars.into_iter();
        let made = new.split('*').fold(None::<String>, |made, part| match made {
            None => Some(part.to_owned()),
            Some(made) => Some(made + stars.next().unwrap_or_default() + part),
        });
        made.filter(|_| rest.is_empty())
    });
    found.unwrap_or_else(|| name.to_owned())
}

/// What a manifest could say so that names fit, as the beginning of an error: a prefix that all have, or layers of another name and the
/// same shapes.
pub(super) fn hint(missing: &[(String, Vec<i64>)], unexpected: &[(String, Vec<i64>)]) -> Option<String> {
    let has = |name: &str, shape: &[i64]| unexpected.iter().any(|(other, of)| other == name && of == shape);
    // Something before every missing name.
    let first = missing.first()?;
    for (other, _) in unexpected.iter().filter(|(_, shape)| *shape == first.1) {
        let Some(prefix) = other.strip_suffix(first.0.as_str()).filter(|prefix| prefix.ends_with('.')) else {
            continue;
        };
        if missing.iter().all(|(name, shape)| has(&format!("{prefix}{name}"), shape)) {
            return Some(format!(
                "`key: {}` in the manifest's weights would make it fit",
                prefix.trim_end_matches('.')
            ));
        }
    }
    // Layers of the same parts and shapes under another name, as long as it is clear which.
    let parts = |name: &str| name.rsplit_once('.').map(|(layer, part)| (layer.to_owned(), part.to_owned()));
    let mut pairs: Vec<(String, String)> = vec![];
    for (name, shape) in missing {
        let (layer, part) = parts(name)?;
        let candidates: Vec<String> = unexpected
            .iter()
            .filter(|(_, of)| of == shape)
            .filter_map(|(other, _)| parts(other))
            .filter(|(_, of)| *of == part)
            .map(|(other, _)| other)
            .collect();
        let [other] = &candidates[..] else { return None };
        if !pairs.iter().any(|(old, new)| old == other && *new == layer) {
            pairs.push((other.clone(), layer));
        }
    }
    (pairs.len() <= 5).then(|| {
        let pairs: Vec<String> = pairs.iter().map(|(old, new)| format!("'{old}.*': '{new}.*'")).collect();
        format!("`rename: {{ {} }}` in the manifest's weights would make it fit", pairs.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::{common_prefix, hint, rename};

    #[test]
    fn a_star_stands_for_anything_and_the_first_pattern_counts() {
        let patterns = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(old, new)| (old.to_string(), new.to_string())).collect()
        };
        let to = |name: &str, list: &[(&str, &str)]| rename(name, &patterns(list));
        assert_eq!(to("fc.1.weight", &[("fc.1.*", "fc.*")]), "fc.weight");
        assert_eq!(to("a.conv.weight", &[("*.conv.*", "*.c.*")]), "a.c.weight");
        assert_eq!(to("a.weight", &[("b.*", "c.*"), ("a.*", "d.*"), ("*", "e.*")]), "d.weight");
        assert_eq!(to("net.w", &[("net.w", "w")]), "w");
        assert_eq!(to("other", &[("net.*", "*")]), "other");
    }

    #[test]
    fn wrappers_are_seen_where_all_names_have_them() {
        assert_eq!(common_prefix(["module._orig_mod.a.weight", "module._orig_mod.b"].into_iter()), "module._orig_mod.");
        assert_eq!(common_prefix(["module.a", "b"].into_iter()), "");
        assert_eq!(common_prefix(["n_averaged", "module.a"].into_iter()), "module.");
        assert_eq!(common_prefix([].into_iter()), "");
    }

    #[test]
    fn a_hint_says_what_the_manifest_could() {
        let list = |names: &[&str]| names.iter().map(|name| (name.to_string(), vec![2])).collect::<Vec<_>>();
        let prefix = hint(&list(&["a.weight", "b.weight"]), &list(&["x.a.weight", "x.b.weight"]));
        assert!(prefix.is_some_and(|hint| hint.starts_with("`key: x`")));
        let head = hint(&list(&["fc.weight"]), &list(&["fc.1.weight"]));
        assert!(head.is_some_and(|hint| hint.contains("'fc.1.*': 'fc.*'")));
        assert_eq!(hint(&list(&["fc.weight"]), &list(&["x.weight", "y.weight"])), None);
    }
}
