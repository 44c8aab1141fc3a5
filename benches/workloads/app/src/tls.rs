//! rustls with ring below it: C and assembler with hidden symbols, chosen at run time by what the
//! processor can do.

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, NamedGroup, RootCertStore, SupportedCipherSuite};

/// What a client needs for TLS. It trusts nobody: the workload has no server to trust.
pub(crate) fn client_config() -> Result<ClientConfig, rustls::Error> {
    Ok(
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    )
}

/// SHA-256 of `bytes` in hexadecimal, by the hash of a cipher suite.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let SupportedCipherSuite::Tls13(suite) = ring::cipher_suite::TLS13_AES_128_GCM_SHA256 else {
        unreachable!("a constant of TLS 1.3");
    };
    let mut hexadecimal = String::new();
    for byte in suite.common.hash_provider.hash(bytes).as_ref() {
        write!(hexadecimal, "{byte:02x}").expect("a string takes all text");
    }
    hexadecimal
}

/// Groups with which two sides arrive at the same secret, out of all that the provider has.
pub(crate) fn agreeing_key_exchanges() -> Result<Vec<NamedGroup>, Box<dyn Error>> {
    let mut agreeing = Vec::new();
    for group in ring::ALL_KX_GROUPS {
        let here = group.start()?;
        let there = group.start()?;
        let (from_here, from_there) = (here.pub_key().to_vec(), there.pub_key().to_vec());
        let secret_here = here.complete(&from_there)?;
        let secret_there = there.complete(&from_here)?;
        if secret_here.secret_bytes() == secret_there.secret_bytes() {
            agreeing.push(group.name());
        }
    }
    Ok(agreeing)
}
