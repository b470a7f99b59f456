//! What waits for a client to read: bounded in number and in bytes, so that one who never reads costs no more than that,
//! whatever an upstream sends.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// So many bytes wait, or one message that has more.
const ROOM: usize = 256 * 1024;
/// A message takes as much room as it has bytes, and no less than this: 64 of them wait at most.
const LEAST: usize = ROOM / 64;

/// Puts something into a queue.
#[derive(Debug)]
pub(super) struct Sender<T> {
    items: mpsc::UnboundedSender<(T, Option<OwnedSemaphorePermit>)>,
    room: Arc<Semaphore>,
}

/// Takes it out, in order.
#[derive(Debug)]
pub(super) struct Receiver<T>(mpsc::UnboundedReceiver<(T, Option<OwnedSemaphorePermit>)>);

/// A queue in which nothing waits yet.
pub(super) fn queue<T>() -> (Sender<T>, Receiver<T>) {
    let (items, waiting) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(ROOM));
    (Sender { items, room }, Receiver(waiting))
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            items: self.items.clone(),
            room: Arc::clone(&self.room),
        }
    }
}

fn share(bytes: usize) -> u32 {
    u32::try_from(bytes.clamp(LEAST, ROOM)).unwrap_or(u32::MAX)
}

impl<T> Sender<T> {
    /// Puts something of so many bytes into it, if there is room and a reader: true then. It is made only for that.
    pub(super) fn try_send(&self, bytes: usize, item: impl FnOnce() -> T) -> bool {
        let room = Arc::clone(&self.room).try_acquire_many_owned(share(bytes));
        room.is_ok_and(|room| self.items.send((item(), Some(room))).is_ok())
    }

    /// Waits until there is room.
    pub(super) async fn send(&self, bytes: usize, item: T) {
        let room = Arc::clone(&self.room)
            .acquire_many_owned(share(bytes))
            .await;
        let _gone = room.map(|room| self.items.send((item, Some(room))));
    }

    /// Puts something small and rare into it, for which there is always room.
    pub(super) fn send_at_once(&self, item: T) -> bool {
        self.items.send((item, None)).is_ok()
    }

    /// Returns once there is no reader any more.
    pub(super) async fn closed(&self) {
        self.items.closed().await;
    }

    /// True if both lead to one reader.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.items.same_channel(&other.items)
    }
}

impl<T> Receiver<T> {
    /// The next one; nothing once nobody is left to send any. Nothing is lost if the wait is given up.
    pub(super) async fn recv(&mut self) -> Option<T> {
        let (item, _room) = self.0.recv().await?;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn sent(sender: &Sender<usize>, bytes: usize) -> usize {
        (0..1000)
            .take_while(|n| sender.try_send(bytes, || *n))
            .count()
    }

    #[tokio::test]
    async fn so_many_wait_and_so_many_bytes_and_no_more() {
        for (bytes, expected) in [
            (1, 64),
            (LEAST, 64),
            (ROOM / 4, 4),
            (ROOM / 2 + 1, 1),
            (ROOM, 1),
            (100 * ROOM, 1),
        ] {
            let (sender, mut receiver) = queue();
            assert_eq!(sent(&sender, bytes), expected, "{bytes}");
            assert!(sender.send(bytes, 7).now_or_never().is_none(), "{bytes}");
            assert_eq!(receiver.recv().await, Some(0));
            assert_eq!(sent(&sender, bytes), 1, "{bytes}: what was read makes room");
        }
    }

    #[tokio::test]
    async fn what_has_to_be_said_has_room_and_comes_last() {
        let (sender, mut receiver) = queue();
        assert_eq!(sent(&sender, ROOM), 1);
        assert!(sender.send_at_once(9));
        assert_eq!(receiver.recv().await, Some(0));
        assert_eq!(receiver.recv().await, Some(9));
        drop(receiver);
        assert!(!sender.send_at_once(9) && !sender.try_send(1, || 9));
        sender.send(1, 9).await;
        sender.closed().await;
    }
}
