//! A large C library of the system, with versioned symbols and callbacks: OpenSSL.

use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::PKey;
use openssl::sign::{Signer, Verifier};
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::symm::{Cipher, decrypt, encrypt};

fn main() -> Result<(), ErrorStack> {
    println!("{}", openssl::version::version());
    println!("{:02x?}", &*hash(MessageDigest::sha3_256(), b"awkward")?);
    let cipher = Cipher::aes_256_cbc();
    let encrypted = encrypt(cipher, &[1; 32], Some(&[2; 16]), b"text of some length")?;
    println!("{encrypted:02x?}");
    println!(
        "{:?}",
        decrypt(cipher, &[1; 32], Some(&[2; 16]), &encrypted)? == b"text of some length"
    );
    // The words of an error lie in a table that the library fills when it starts.
    println!(
        "{:?}",
        decrypt(cipher, &[9; 32], Some(&[2; 16]), &encrypted).map_err(|stack| stack.errors().len())
    );
    let key = PKey::hmac(b"key")?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    println!("{:02x?}", signer.sign_oneshot_to_vec(b"message")?);
    let ed25519 = PKey::private_key_from_raw_bytes(&[5; 32], openssl::pkey::Id::ED25519)?;
    let signature = Signer::new_without_digest(&ed25519)?.sign_oneshot_to_vec(b"message")?;
    let mut verifier = Verifier::new_without_digest(&ed25519)?;
    println!(
        "{} {}",
        signature.len(),
        verifier.verify_oneshot(&signature, b"message")?
    );
    let mut connector = SslConnector::builder(SslMethod::tls())?;
    connector.set_verify_callback(SslVerifyMode::PEER, |verified, _| verified);
    println!("{:?}", connector.build().context().verify_mode());
    Ok(())
}
