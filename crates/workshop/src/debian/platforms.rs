//! The processors for which Debian has all that it takes, and the names that each has.

/// A processor for which Debian has Rust's standard library, a cross compiler and an emulator.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// Rust's name.
    pub triple: &'static str,
    /// Debian's name.
    pub(super) architecture: &'static str,
    /// The name in those of the cross compiler and of its directories.
    pub(super) gnu: &'static str,
    /// The program of QEMU that runs programs for it.
    pub(super) emulator: &'static str,
}

/// All of them.
pub static PLATFORMS: [Platform; 6] = [
    Platform {
        triple: "aarch64-unknown-linux-gnu",
        architecture: "arm64",
        gnu: "aarch64-linux-gnu",
        emulator: "qemu-aarch64",
    },
    Platform {
        triple: "armv7-unknown-linux-gnueabihf",
        architecture: "armhf",
        gnu: "arm-linux-gnueabihf",
        emulator: "qemu-arm",
    },
    Platform {
        triple: "i686-unknown-linux-gnu",
        architecture: "i386",
        gnu: "i686-linux-gnu",
        emulator: "qemu-i386",
    },
    Platform {
        triple: "powerpc64le-unknown-linux-gnu",
        architecture: "ppc64el",
        gnu: "powerpc64le-linux-gnu",
        emulator: "qemu-ppc64le",
    },
    Platform {
        triple: "riscv64gc-unknown-linux-gnu",
        architecture: "riscv64",
        gnu: "riscv64-linux-gnu",
        emulator: "qemu-riscv64",
    },
    Platform {
        triple: "s390x-unknown-linux-gnu",
        architecture: "s390x",
        gnu: "s390x-linux-gnu",
        emulator: "qemu-s390x",
    },
];
