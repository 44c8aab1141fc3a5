//! The machine, as Linux describes it.

use std::fs;

/// The model of the processor, where the system tells; its architecture otherwise.
pub fn processor() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    value_of(&information, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// Number of processors that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The first value that a file in the form of `/proc/cpuinfo` gives for `key`.
pub fn value_of(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim_end() == key).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_key() {
        let text = "model\t\t: 2\nmodel name\t: AMD EPYC\nMemTotal:       24 kB\n";
        assert_eq!(value_of(text, "model name").as_deref(), Some("AMD EPYC"));
        assert_eq!(value_of(text, "MemTotal").as_deref(), Some("24 kB"));
        assert_eq!(value_of(text, "name"), None);
    }
}
