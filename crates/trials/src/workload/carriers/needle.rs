//! Carries a number in a haystack.

use memchr::memmem::Finder;

/// Gives `number` back after it was found among straw.
pub fn carry(number: u64) -> u64 {
    let needle = number.to_string();
    let haystack = format!("{}{needle}{}", "straw ".repeat(20), " straw".repeat(20));
    let start = Finder::new(&needle)
        .find(haystack.as_bytes())
        .expect("the needle is in the haystack");
    let length = memchr::memchr(b' ', &haystack.as_bytes()[start..]).expect("straw comes next");
    haystack[start..start + length]
        .parse()
        .expect("the needle is a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needle_gives_the_number_back() {
        assert_eq!(carry(1_000_000), 1_000_000);
    }

    #[test]
    fn needle_can_be_missing() {
        assert_eq!(Finder::new("pin").find(b"straw"), None);
    }
}
