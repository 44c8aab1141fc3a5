//! Assembler and C with hidden symbols: ring.

use ring::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, SHA512, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use ring::{hmac, pbkdf2};

fn main() {
    println!("{:?}", digest(&SHA256, b"awkward"));
    println!("{:?}", digest(&SHA512, &[1; 1000]));
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
    println!("{:?}", hmac::sign(&key, b"message"));

    let mut derived = [0; 32];
    let rounds = const { std::num::NonZeroU32::new(10).unwrap() };
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        b"salt",
        b"secret",
        &mut derived,
    );
    println!("{derived:02x?}");

    for algorithm in [&AES_128_GCM, &CHACHA20_POLY1305] {
        let key = UnboundKey::new(algorithm, &derived[..algorithm.key_len()]).expect("a key");
        let key = LessSafeKey::new(key);
        let nonce = || Nonce::assume_unique_for_key([3; 12]);
        let mut text = b"text of some length".to_vec();
        key.seal_in_place_append_tag(nonce(), Aad::from(b"with"), &mut text)
            .expect("room for a tag");
        println!("{text:02x?}");
        let opened = key.open_in_place(nonce(), Aad::from(b"with"), &mut text);
        println!(
            "{:?}",
            opened.map(|text| String::from_utf8_lossy(text).into_owned())
        );
    }

    let pair = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).expect("a key pair");
    let signature = pair.sign(b"message");
    println!("{:02x?}", signature.as_ref());
    let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
    println!("{:?}", public.verify(b"message", signature.as_ref()));
    println!("{:?}", public.verify(b"another", signature.as_ref()));
}
