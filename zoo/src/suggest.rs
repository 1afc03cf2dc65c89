//! "Did you mean …?": the known name that is nearest to a mistyped one.

/// The candidate that is spelt most like `word`, if one is near enough to be what was meant: up to a third of the letters
/// added, dropped, changed or swapped. Case, hyphens and underscores do not count.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > 100 {
        return None;
    }
    let word = fold(word);
    (candidates.into_iter())
        .map(|candidate| (strsim::damerau_levenshtein(&word, &fold(candidate)), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= (length / 3).max(1))
        .map(|(_, candidate)| candidate)
}

/// `; did you mean 'b'?`, or all the candidates after `; {they} are`.
pub fn hint<'a>(word: &str, they: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(word, candidates.iter().copied()) {
        Some(nearest) => format!("; did you mean '{nearest}'?"),
        None if candidates.is_empty() => String::new(),
        None => format!("; {they} are {}", candidates.join(", ")),
    }
}

/// Lower case, with every run of spaces, hyphens and underscores as one space.
pub fn fold(word: &str) -> String {
    let lower = word.to_lowercase().replace(['-', '_'], " ");
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}
