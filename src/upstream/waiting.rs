//! The requests that a child has not answered yet, and what it said about each: one reader hears all, each caller its own.
//!
//! Nobody who reads slowly stops the others: what is told about one request waits in bounded room, in which the oldest
//! notification makes way for the newest. The answer always has room.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::UpstreamError;
use super::conversation::Heard;
use super::message::{Incoming, Notification, Reply};

/// Notifications about one request that wait for its caller: so many, and so many bytes of them.
const MOST_WAITING: usize = 64;
const MOST_WAITING_BYTES: usize = 256 * 1024;

/// The requests that wait for their answer.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Nothing once the child has ended.
    requests: Mutex<Option<HashMap<u64, Mailbox>>>,
    most_bytes: usize,
}

/// What came for one request and was not read yet.
#[derive(Debug, Default)]
struct Mailbox {
    notifications: VecDeque<Notification>,
    bytes: usize,
    heard: Heard,
    answer: Option<Result<Reply, UpstreamError>>,
    reader: Option<Waker>,
}

impl Waiting {
    /// None wait yet. More than `most_bytes` of notifications about one request end it.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            requests: Mutex::new(Some(HashMap::new())),
            most_bytes,
        }
    }

    fn requests(&self) -> MutexGuard<'_, Option<HashMap<u64, Mailbox>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True once the child has ended.
    pub(super) fn have_ended(&self) -> bool {
        self.requests().is_none()
    }

    /// Makes a place for what is said about request `id`.
    pub(super) fn open(&self, id: u64) -> Result<(), UpstreamError> {
        let mut requests = self.requests();
        let requests = requests.as_mut().ok_or(UpstreamError::Unavailable)?;
        requests.insert(id, Mailbox::default());
        Ok(())
    }

    /// Forgets request `id`. True if it was not answered.
    pub(super) fn close(&self, id: u64) -> bool {
        let closed = self.requests().as_mut().and_then(|all| all.remove(&id));
        closed.is_some_and(|mailbox| mailbox.answer.is_none())
    }

    /// The child is gone, and with it every request.
    pub(super) fn end(&self) {
        let requests = self.requests().take().unwrap_or_default();
        for mailbox in requests.into_values() {
            mailbox.wake();
        }
    }

    /// What was said next about request `id`. After its answer there is nothing more.
    pub(super) fn poll(
        &self,
        id: u64,
        context: &Context<'_>,
    ) -> Poll<Result<Incoming, UpstreamError>> {
        let mut requests = self.requests();
        let Some(mailbox) = requests.as_mut().and_then(|all| all.get_mut(&id)) else {
            return Poll::Ready(Err(UpstreamError::Interrupted));
        };
        if let Some(next) = mailbox.notifications.pop_front() {
            mailbox.bytes -= next.params.len();
            return Poll::Ready(Ok(Incoming::Notification(next)));
        }
        if let Some(answer) = mailbox.answer.take() {
            drop(requests.as_mut().map(|all| all.remove(&id)));
            return Poll::Ready(Ok(Incoming::Reply(id, answer)));
        }
        mailbox.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// The answer to request `id` has come.
    pub(super) fn answer(&self, id: u64, answer: Result<Reply, UpstreamError>) {
        let mut requests = self.requests();
        match requests.as_mut().and_then(|all| all.get_mut(&id)) {
            Some(mailbox) => {
                // The first answer counts.
                mailbox.answer.get_or_insert(answer);
                mailbox.wake();
            }
            None => tracing::debug!(id, "upstream: answer to nothing"),
        }
    }

    /// A notification about request `id` has come.
    pub(super) fn notify(&self, id: u64, notification: &Notification) {
        let mut requests = self.requests();
        let Some(mailbox) = requests.as_mut().and_then(|all| all.get_mut(&id)) else {
            return;
        };
        if mailbox.answer.is_some() {
            return;
        }
        let bytes = notification.params.len();
        if let Err(error) = mailbox.heard.add(bytes, self.most_bytes) {
            mailbox.answer = Some(Err(error));
        } else {
            mailbox.keep(notification);
        }
        mailbox.wake();
    }
}

impl Mailbox {
    fn keep(&mut self, notification: &Notification) {
        let bytes = notification.params.len();
        if bytes > MOST_WAITING_BYTES {
            return;
        }
        while self.notifications.len() >= MOST_WAITING || self.bytes + bytes > MOST_WAITING_BYTES {
            let oldest = self.notifications.pop_front();
            self.bytes -= oldest.map_or(self.bytes, |oldest| oldest.params.len());
        }
        self.bytes += bytes;
        self.notifications.push_back(notification.copied());
    }

    fn wake(&self) {
        if let Some(reader) = &self.reader {
            reader.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt;
    use std::future::poll_fn;

    use super::*;

    fn progress(params: &str) -> Notification {
        Notification {
            method: super::super::message::PROGRESS.into(),
            params: Bytes::copy_from_slice(params.as_bytes()),
        }
    }

    fn next(waiting: &Waiting, id: u64) -> Option<Result<Incoming, UpstreamError>> {
        poll_fn(|cx| waiting.poll(id, cx)).now_or_never()
    }

    fn reply() -> Result<Reply, UpstreamError> {
        Ok(Reply::Result(Bytes::from_static(b"{}")))
    }

    #[test]
    fn each_caller_hears_what_is_said_of_its_own_request_in_order_and_then_the_answer() {
        let waiting = Waiting::new(1000);
        waiting.open(1).expect("a place");
        waiting.open(2).expect("a place");
        waiting.notify(1, &progress("{}"));
        waiting.notify(3, &progress("{}"));
        waiting.answer(1, reply());
        waiting.answer(1, Err(UpstreamError::Invalid));
        waiting.notify(1, &progress("{\"late\":1}"));
        assert_eq!(next(&waiting, 2), None);
        assert_eq!(
            next(&waiting, 1),
            Some(Ok(Incoming::Notification(progress("{}"))))
        );
        assert_eq!(next(&waiting, 1), Some(Ok(Incoming::Reply(1, reply()))));
        assert_eq!(next(&waiting, 1), Some(Err(UpstreamError::Interrupted)));
        assert!(!waiting.close(1));
        assert!(waiting.close(2));
    }

    #[test]
    fn the_oldest_notification_makes_way_and_too_many_end_the_request() {
        let waiting = Waiting::new(1 << 30);
        waiting.open(1).expect("a place");
        for n in 0..=MOST_WAITING {
            waiting.notify(1, &progress(&format!("{{\"n\":{n}}}")));
        }
        let oldest = Ok(Incoming::Notification(progress("{\"n\":1}")));
        assert_eq!(next(&waiting, 1), Some(oldest));
        let big = format!("{{\"a\":\"{}\"}}", "x".repeat(MOST_WAITING_BYTES - 8));
        waiting.notify(1, &progress(&big));
        assert_eq!(
            next(&waiting, 1),
            Some(Ok(Incoming::Notification(progress(&big))))
        );
        waiting.notify(1, &progress(&big.replace('x', "xx")));
        assert_eq!(next(&waiting, 1), None);
        for _ in 0..super::super::conversation::MOST_NOTIFICATIONS {
            waiting.notify(1, &progress("{}"));
        }
        let last = std::iter::from_fn(|| next(&waiting, 1))
            .find(|said| !matches!(said, Ok(Incoming::Notification(_))));
        let end = Ok(Incoming::Reply(1, Err(UpstreamError::Invalid)));
        assert_eq!(last, Some(end));
    }

    #[test]
    fn the_end_of_the_child_is_the_end_of_every_request() {
        let waiting = Waiting::new(1000);
        waiting.open(1).expect("a place");
        waiting.end();
        assert!(waiting.have_ended());
        assert_eq!(next(&waiting, 1), Some(Err(UpstreamError::Interrupted)));
        assert_eq!(waiting.open(2), Err(UpstreamError::Unavailable));
    }
}
