//! A constructor of C, and assembler: rustls with aws-lc, its provider by default, as the application
//! beside these programs has it with ring.

use std::error::Error;
use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{self, sign};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection,
    SignatureScheme, SupportedCipherSuite,
};

/// An Ed25519 key of RFC 8410, section 10.3, in PKCS #8.
const PRIVATE_KEY: [u8; 48] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    0xd4, 0xee, 0x72, 0xdb, 0xf9, 0x13, 0x58, 0x4a, 0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69, 0xf8, 0xad,
    0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb, 0xe0, 0x97, 0xa8, 0x8f, 0x44, 0x75, 0x58, 0x42,
];

fn main() -> Result<(), Box<dyn Error>> {
    #[cfg(target_arch = "x86_64")]
    println!("the constructor ran: {}", constructor::has_run());
    let provider = Arc::new(aws_lc_rs::default_provider());
    for suite in &provider.cipher_suites {
        println!("{:?}", suite.suite());
        if let SupportedCipherSuite::Tls13(suite) = suite {
            println!(
                "{:02x?}",
                suite.common.hash_provider.hash(b"awkward").as_ref()
            );
        }
    }
    for group in &provider.kx_groups {
        let here = group.start()?;
        let there = group.start_and_complete(here.pub_key())?;
        let secret = here.complete(&there.pub_key)?;
        let agree = secret.secret_bytes() == there.secret.secret_bytes();
        println!("{:?} {agree}", group.name());
    }
    handshake(&provider)
}

/// A client and a server that talk in memory. Keys of their session are made at random, and nothing
/// of these is printed.
fn handshake(provider: &Arc<CryptoProvider>) -> Result<(), Box<dyn Error>> {
    let key = sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(&PRIVATE_KEY[..]))?;
    let public = key.public_key().ok_or("a key without its public half")?;
    println!("{:02x?}", public.as_ref());
    let public = CertificateDer::from(public.to_vec());
    let verifier = Arc::new(OneKey(public.clone(), provider.clone()));
    let certified = Arc::new(CertifiedKey::new(vec![public], key));
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(certified)));
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from("localhost")?)?;
    let mut server = ServerConnection::new(Arc::new(server))?;
    client.writer().write_all(b"a message in a tunnel")?;
    while client.is_handshaking() || server.is_handshaking() || client.wants_write() {
        let mut sent = Vec::new();
        client.write_tls(&mut sent)?;
        server.read_tls(&mut &sent[..])?;
        server.process_new_packets()?;
        sent.clear();
        server.write_tls(&mut sent)?;
        client.read_tls(&mut &sent[..])?;
        client.process_new_packets()?;
    }
    println!("{:?}", server.negotiated_cipher_suite());
    println!("{:?}", server.protocol_version());
    let mut message = [0; 21];
    server.reader().read_exact(&mut message)?;
    println!("{}", String::from_utf8_lossy(&message));
    Ok(())
}

/// Trusts the server that has one raw public key (RFC 7250).
#[derive(Debug)]
struct OneKey(CertificateDer<'static>, Arc<CryptoProvider>);

impl ServerCertVerifier for OneKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match *end_entity == self.0 {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(rustls::Error::General("another key".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General(
            "raw keys are for TLS 1.3".to_owned(),
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = SubjectPublicKeyInfoDer::from(certificate.as_ref());
        let algorithms = &self.1.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// The constructor of aws-lc asks the processor what it can do, before `main`.
#[cfg(target_arch = "x86_64")]
mod constructor {
    unsafe extern "C" {
        /// What it finds; zero before that. aws-lc-sys puts its version into all names, and
        /// `Cargo.lock` pins that.
        #[link_name = "aws_lc_0_47_0_OPENSSL_ia32cap_P"]
        static FOUND: [u32; 4];
    }

    /// Whether it ran already.
    pub(crate) fn has_run() -> bool {
        // SAFETY: the constructor alone writes to it, and has ended before `main` begins.
        unsafe { FOUND[0] != 0 }
    }
}
