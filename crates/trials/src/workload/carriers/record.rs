//! Carries a number past the logger, of which there is one in a process.

/// Gives `number` back after it was logged.
pub fn carry(number: u64) -> u64 {
    log::info!(target: "workload", "{number}");
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_gives_the_number_back() {
        assert_eq!(carry(3), 3);
    }

    #[test]
    fn record_is_not_taken_without_a_logger() {
        assert!(!log::log_enabled!(log::Level::Info));
    }
}
