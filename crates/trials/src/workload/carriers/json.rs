//! Carries a number as JSON.

use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Parcel {
    label: String,
    numbers: Vec<u64>,
}

/// Gives `number` back after it was written as JSON and read again.
pub fn carry(number: u64) -> u64 {
    let parcel = Parcel {
        label: format!("number {number}"),
        numbers: vec![number],
    };
    let text = serde_json::to_string(&parcel).expect("a parcel has a form in JSON");
    let back: Parcel = serde_json::from_str(&text).expect("the text is JSON");
    assert_eq!(parcel, back);
    back.numbers[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_gives_the_number_back() {
        assert_eq!(carry(u64::MAX), u64::MAX);
    }

    #[test]
    fn json_says_where_an_error_is() {
        let error = serde_json::from_str::<Parcel>("{\"label\": 1}").unwrap_err();
        assert_eq!(error.line(), 1);
    }
}
