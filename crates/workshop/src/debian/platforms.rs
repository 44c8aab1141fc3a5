//! The processors for which Debian has all necessary packages, and their names.

/// A processor for which Debian has Rust's standard library, a cross compiler and a way to run
/// programs.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// Rust's name.
    pub triple: &'static str,
    /// Debian's name.
    pub(super) architecture: &'static str,
    /// The name of the processor in the names of the cross compiler and of its directories.
    pub(super) gnu: &'static str,
    /// How its programs are run.
    pub(super) runs: Runs,
}

/// How programs for another processor are run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// In this program of QEMU.
    In(&'static str),
    /// By this loader of the C library: a 64-bit processor runs 32-bit programs. (In QEMU 7.2,
    /// programs for i386 with threads of rayon do not end, linked either way.)
    ByLoader(&'static str),
}

/// All of them.
pub static PLATFORMS: [Platform; 6] = [
    Platform {
        triple: "aarch64-unknown-linux-gnu",
        architecture: "arm64",
        gnu: "aarch64-linux-gnu",
        runs: Runs::In("qemu-aarch64"),
    },
    Platform {
        triple: "armv7-unknown-linux-gnueabihf",
        architecture: "armhf",
        gnu: "arm-linux-gnueabihf",
        runs: Runs::In("qemu-arm"),
    },
    Platform {
        triple: "i686-unknown-linux-gnu",
        architecture: "i386",
        gnu: "i686-linux-gnu",
        runs: Runs::ByLoader("ld-linux.so.2"),
    },
    Platform {
        triple: "powerpc64le-unknown-linux-gnu",
        architecture: "ppc64el",
        gnu: "powerpc64le-linux-gnu",
        runs: Runs::In("qemu-ppc64le"),
    },
    Platform {
        triple: "riscv64gc-unknown-linux-gnu",
        architecture: "riscv64",
        gnu: "riscv64-linux-gnu",
        runs: Runs::In("qemu-riscv64"),
    },
    Platform {
        triple: "s390x-unknown-linux-gnu",
        architecture: "s390x",
        gnu: "s390x-linux-gnu",
        runs: Runs::In("qemu-s390x"),
    },
];
