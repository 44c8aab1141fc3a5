//! C++: exceptions, `std::string` and calls back into Rust, through cxx.

use cxx::let_cxx_string;

#[allow(unreachable_pub, reason = "the macro makes everything `pub`")]
#[cxx::bridge]
mod ffi {
    unsafe extern "C++" {
        include!("awkward-cpp/include/words.h");

        type Words;

        fn new_words() -> UniquePtr<Words>;
        fn add(self: Pin<&mut Words>, text: &str);
        fn count(&self, word: &CxxString) -> Result<usize>;
        fn most_frequent(&self) -> Result<UniquePtr<CxxString>>;
        fn visit(visitor: fn(&str) -> bool, texts: Vec<String>) -> usize;
    }
}

fn is_short(text: &str) -> bool {
    text.len() < 4
}

fn main() {
    let mut words = ffi::new_words();
    println!(
        "{:?}",
        words.most_frequent().map_err(|error| error.to_string())
    );
    words.pin_mut().add("one two two three three three");
    println!("{:?}", words.most_frequent());
    for word in ["two", "four"] {
        let_cxx_string!(word = word);
        // The words of the C++ library about a missing key are its own.
        println!("{:?}", words.count(&word).map_err(|_| "thrown"));
    }
    let texts = ["a", "abcdef", "abc"].map(str::to_owned);
    println!("{}", ffi::visit(is_short, texts.into()));
}
