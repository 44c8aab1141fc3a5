//! Carries a number from one task to another.

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Gives `number` back after it was sent between tasks of one thread.
pub fn carry(number: u64) -> u64 {
    let runtime = Builder::new_current_thread()
        .build()
        .expect("a thread can run tasks");
    runtime.block_on(async {
        let (sender, receiver) = oneshot::channel();
        let task = tokio::spawn(async move {
            tokio::task::yield_now().await;
            sender.send(number)
        });
        let received = receiver.await.expect("the task sends");
        let sent = task.await.expect("the task ends");
        assert_eq!(sent, Ok(()));
        received
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_gives_the_number_back() {
        assert_eq!(carry(8), 8);
    }

    #[test]
    fn there_is_a_runtime_inside_of_one_only() {
        use tokio::runtime::Handle;

        assert!(Handle::try_current().is_err());
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { assert!(Handle::try_current().is_ok()) });
    }
}
