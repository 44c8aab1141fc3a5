//! Carries a number in a table that keeps its order.

use indexmap::IndexMap;

/// Gives `number` back after it was looked up.
pub fn carry(number: u64) -> u64 {
    let mut table: IndexMap<String, u64> = (0..4).map(|key| (format!("key {key}"), key)).collect();
    table.insert("key 2".to_owned(), number);
    assert_eq!(table.get_index_of("key 2"), Some(2));
    table["key 2"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_gives_the_number_back() {
        assert_eq!(carry(77), 77);
    }

    #[test]
    fn table_keeps_its_order() {
        let table: IndexMap<u8, ()> = [9, 1, 5].into_iter().map(|key| (key, ())).collect();
        assert!(table.keys().eq(&[9, 1, 5]));
    }
}
