//! Carries a number through a gate that lets one thread pass at a time.

use parking_lot::Mutex;

static PASSED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Gives `number` back after it passed the gate.
pub fn carry(number: u64) -> u64 {
    let mut passed = PASSED.lock();
    passed.push(number);
    passed.pop().expect("one has just passed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gate_gives_the_number_back() {
        assert_eq!(carry(21), 21);
    }

    #[test]
    fn gate_is_closed_behind_one() {
        let gate = Mutex::new(());
        let _guard = gate.lock();
        assert!(gate.try_lock().is_none());
    }
}
