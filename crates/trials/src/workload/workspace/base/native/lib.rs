//! A library in C, and its interface.

// Functions of C are unsafe to call.
#![allow(unsafe_code)]

mod interface {
    unsafe extern "C" {
        pub(super) fn native_carry(number: u64) -> u64;
        pub(super) fn native_calls() -> u64;
    }
}

/// Gives `number` back after C had it. Inlined, so that other crates call C themselves.
///
/// ```
/// assert_eq!(base_native::carry(9), 9);
/// assert_eq!(base_native::calls(), 1);
/// ```
#[inline(always)]
pub fn carry(number: u64) -> u64 {
    // SAFETY: the function takes and gives a number, and its counter is atomic.
    unsafe { interface::native_carry(number) }
}

/// How often [`carry`] was called in this process.
pub fn calls() -> u64 {
    // SAFETY: the function reads an atomic counter.
    unsafe { interface::native_calls() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_gives_the_number_back() {
        let before = calls();
        assert_eq!(carry(1), 1);
        assert!(calls() > before);
    }
}
