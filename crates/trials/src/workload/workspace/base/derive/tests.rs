//! The macro from outside.

use base_derive::Named;

#[derive(Named)]
struct Generic<T>(T);

#[test]
fn the_name_is_that_of_the_test() {
    assert_eq!(Generic::<u8>::NAME, "outside");
    assert_eq!(Generic(1).0, 1);
}
