//! When something was linked and how long that took, for reports.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The link that a file comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Making {
    /// When it ended, in seconds since 1970 (UTC).
    pub at: u64,
    /// How long it took.
    pub milliseconds: u64,
    /// Whether the linker did not run, because an earlier file was [bound anew](crate::finish::rebind).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bound_anew: bool,
}

impl Making {
    /// A link that has just ended.
    pub(crate) fn since(start: Instant) -> Making {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Making {
            // A clock before 1970 was never set.
            at: now.unwrap_or_default().as_secs(),
            milliseconds: start.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            bound_anew: false,
        }
    }
}
