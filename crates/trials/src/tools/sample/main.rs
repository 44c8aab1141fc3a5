fn main() {
    let mut buffer = itoa::Buffer::new();
    match std::env::args().nth(1).as_deref() {
        Some("fail") => std::process::exit(local::exit_code()),
        Some("spin") => println!("{}", buffer.format(local::spin(200_000_000))),
        _ => println!("{}", local::greet(1)),
    }
}
