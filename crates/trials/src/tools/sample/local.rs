pub fn greet(n: u64) -> String {
    let mut buffer = itoa::Buffer::new();
    format!("hello {}", buffer.format(n))
}

pub fn exit_code() -> i32 {
    3
}

pub fn spin(rounds: u64) -> u64 {
    let mut mixed = 1u64;
    let mut round = 0;
    while round < rounds {
        mixed = (mixed << 5 | mixed >> 59) ^ round;
        round += 1;
    }
    mixed
}

#[cfg(test)]
mod tests {
    #[test]
    fn greets_from_inside() {
        assert_eq!(super::greet(2), "hello 2");
    }
}
