//! Its features add colours and ways to name them.

/// All colours.
pub const COLOURS: &[&str] = &[
    "black",
    "white",
    #[cfg(feature = "bright")]
    "red",
    #[cfg(feature = "bright")]
    "green",
    #[cfg(feature = "deep")]
    "navy",
];

/// Gives `number` back after it was mixed from colours.
///
/// ```
/// assert_eq!(base_palette::carry(12), 12);
/// ```
pub fn carry(number: u64) -> u64 {
    let count = COLOURS.len() as u64;
    let (rounds, colour) = (number / count, number % count);
    let name = COLOURS[colour as usize];
    let position = COLOURS.iter().position(|colour| *colour == name);
    rounds * count + position.map_or(0, |position| position as u64)
}

/// `colour` in two letters for each of red, green and blue.
#[cfg(feature = "hex")]
pub fn code(colour: [u8; 3]) -> String {
    hex::encode(colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palette_gives_the_number_back() {
        assert_eq!(carry(10_001), 10_001);
    }

    #[cfg(feature = "bright")]
    #[test]
    fn palette_is_bright() {
        assert!(COLOURS.contains(&"green"));
    }

    #[cfg(feature = "hex")]
    #[test]
    fn colours_have_codes() {
        assert_eq!(code([0, 0, 128]), "000080");
    }
}
