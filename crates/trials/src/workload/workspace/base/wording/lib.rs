//! Makes names readable. Used by programs, by a procedural macro and by a build script.

/// `text` in small letters with hyphens.
///
/// ```
/// assert_eq!(base_wording::kebab("TwoWords"), "two-words");
/// ```
pub fn kebab(text: &str) -> String {
    let mut kebab = String::new();
    for character in text.chars() {
        if character.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(character.to_lowercase());
    }
    kebab.replace('_', "-")
}

/// `count` with the noun `word`.
///
/// ```
/// assert_eq!(base_wording::counted(1, "visit"), "1 visit");
/// assert_eq!(base_wording::counted(2, "visit"), "2 visits");
/// ```
#[cfg(feature = "plural")]
pub fn counted(count: u64, word: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {word}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn underscores_become_hyphens() {
        assert_eq!(kebab("snake_case"), "snake-case");
    }

    #[cfg(feature = "plural")]
    #[test]
    fn nothing_is_plural() {
        assert_eq!(counted(0, "part"), "0 parts");
    }
}
