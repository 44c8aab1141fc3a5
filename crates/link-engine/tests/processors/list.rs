//! The processors, and what differs between them.

pub(crate) struct Processor {
    /// Prefix of its tools; its libraries are below `/usr/<prefix>`.
    pub(crate) prefix: &'static str,
    pub(crate) qemu: &'static str,
    /// An attribute that gives a function another calling convention, if there is one.
    pub(crate) convention: &'static str,
    /// The bits in `st_other` that say so.
    pub(crate) convention_bits: u8,
    /// Whether references are bound by address.
    pub(crate) is_bound: bool,
    /// The function of rtld-audit(7) to which the loader tells calls, if that works.
    pub(crate) audit: Option<&'static str>,
}

pub(crate) const AARCH64: Processor = Processor {
    prefix: "aarch64-linux-gnu",
    qemu: "qemu-aarch64-static",
    convention: "__attribute__((aarch64_vector_pcs))",
    // STO_AARCH64_VARIANT_PCS
    convention_bits: 0x80,
    is_bound: true,
    audit: Some("la_aarch64_gnu_pltenter"),
};

pub(crate) const RISCV64: Processor = Processor {
    prefix: "riscv64-linux-gnu",
    qemu: "qemu-riscv64-static",
    convention: "",
    convention_bits: 0,
    is_bound: true,
    // With glibc 2.36 the program ends with a segmentation fault, bound or not.
    audit: None,
};

/// 32-bit files.
pub(crate) const ARM: Processor = Processor {
    prefix: "arm-linux-gnueabihf",
    qemu: "qemu-arm-static",
    convention: "",
    convention_bits: 0,
    is_bound: false,
    audit: None,
};

/// The most significant byte comes first.
pub(crate) const S390X: Processor = Processor {
    prefix: "s390x-linux-gnu",
    qemu: "qemu-s390x-static",
    convention: "",
    convention_bits: 0,
    is_bound: true,
    audit: Some("la_s390_64_gnu_pltenter"),
};
