//! The stream of a client, as upstreams see it: what they say besides their answers waits there until the client reads it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::upstream::Upstream;
use crate::upstream::conversation::Withdrawn;
use crate::upstream::message::{Era, Notification, Question, Reply};
use crate::upstream::queue::{Receiver, Sender, queue};

/// Something that an upstream says besides its answers.
#[derive(Debug)]
pub struct Aside {
    /// Who says it.
    pub from: Arc<Upstream>,
    /// What it speaks.
    pub era: Era,
    /// What.
    pub said: Overheard,
}

/// What is said.
#[derive(Debug)]
pub enum Overheard {
    /// A log message, or that a resource was updated, or that an address was visited.
    Notification(Notification),
    /// A request that the client is to answer.
    Question(Question, oneshot::Sender<Reply>),
    /// One of these that is not to be answered any more.
    Withdrawn(Withdrawn),
    /// It does not tell of a resource any more that it told of.
    Ended,
}

impl Overheard {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let of = |method: &str, params: &Bytes| method.len() + params.len();
        match self {
            Self::Notification(said) => of(&said.method, &said.params),
            Self::Question(question, _) => of(&question.method, &question.params),
            Self::Withdrawn(withdrawn) => withdrawn.bytes(),
            Self::Ended => 0,
        }
    }
}

/// The stream of a client's session, for what upstreams say in it.
#[derive(Clone, Debug)]
pub struct Listener(Sender<Box<Aside>>);

/// What such a stream hears.
#[derive(Debug)]
pub struct Asides(Receiver<Box<Aside>>);

impl Asides {
    /// The next one; nothing once there is nobody to say any. Nothing is lost if the wait is given up.
    pub async fn recv(&mut self) -> Option<Box<Aside>> {
        self.0.recv().await
    }
}

impl Listener {
    /// A listener, and what it hears.
    #[must_use]
    pub fn new() -> (Self, Asides) {
        let (sender, heard) = queue();
        (Self(sender), Asides(heard))
    }

    /// True if both are of one stream.
    pub(in crate::upstream) fn is(&self, other: &Self) -> bool {
        self.0.is(&other.0)
    }

    /// Returns once the stream is closed.
    pub(in crate::upstream) async fn closed(&self) {
        self.0.closed().await;
    }

    /// True if the client has room for it.
    pub(super) fn tell(&self, aside: Aside) -> bool {
        let told = match aside.said {
            // The last that is said of it.
            Overheard::Ended => self.0.send_at_once(Box::new(aside)),
            Overheard::Notification(_) | Overheard::Question(..) | Overheard::Withdrawn(_) => {
                self.0.try_send(aside.said.bytes(), || Box::new(aside))
            }
        };
        if !told {
            tracing::debug!("upstream: a client reads too slowly for what is said besides answers");
        }
        told
    }

    /// Waits until it has.
    pub(super) async fn tell_in_time(&self, aside: Aside) {
        self.0.send(aside.said.bytes(), Box::new(aside)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::message::LOG_MESSAGE;
    use crate::upstream::{Lists, UpstreamSettings};

    #[tokio::test]
    async fn who_never_reads_costs_so_many_bytes_and_still_hears_of_the_end() {
        let upstream = Upstream::for_test(UpstreamSettings::default(), Lists::default());
        let (listener, mut asides) = Listener::new();
        let tell = |said| {
            listener.tell(Aside {
                from: Arc::clone(&upstream),
                era: Era::Legacy,
                said,
            })
        };
        let big = || Notification {
            method: LOG_MESSAGE.into(),
            params: vec![b' '; 100 * 1024].into(),
        };
        let told = (0..100).filter(|_| tell(Overheard::Notification(big())));
        assert_eq!(told.count(), 2);
        let (sender, _answer) = oneshot::channel();
        let question = Question {
            method: "roots/list".into(),
            id: "1".into(),
            params: big().params,
        };
        assert!(!tell(Overheard::Question(question, sender)));
        assert!(tell(Overheard::Ended));
        let mut last = None;
        for _ in 0..3 {
            last = asides.recv().await;
        }
        let is_end = |last: Box<Aside>| matches!(last.said, Overheard::Ended);
        assert!(last.is_some_and(is_end));
        assert!(tell(Overheard::Notification(big())));
    }
}
