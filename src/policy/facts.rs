//! What can be true of a caller, each fact a number, and sets of such numbers that are compared in a few instructions.

use std::collections::BTreeSet;

use super::{Caller, Reason};
use crate::auth::Scope;

/// How many facts a policy can tell apart: scopes, and what rules ask besides.
pub(super) const MOST_FACTS: usize = 256;

/// Something that a rule asks of a caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    /// The token has a claim with one of these values.
    Claim {
        name: String,
        values: BTreeSet<String>,
    },
    /// The token was issued to one of these clients.
    ClientId(BTreeSet<String>),
    /// The caller is in one of these groups.
    Group(BTreeSet<String>),
    /// Nothing makes it true: what nobody may do asks for it.
    Never,
    /// The scope was granted.
    Scope(Scope),
}

impl Fact {
    /// Whether it is true of `caller`. More claims never make a true fact false.
    pub(super) fn holds(&self, caller: &Caller<'_>) -> bool {
        match self {
            Self::Claim { name, values } => caller
                .claims
                .iter()
                .any(|(known, found)| known == name && found.iter().any(|v| values.contains(v))),
            Self::ClientId(ids) => caller.client_id.is_some_and(|id| ids.contains(id)),
            Self::Group(groups) => caller.groups.iter().any(|group| groups.contains(group)),
            Self::Never => false,
            Self::Scope(scope) => caller.scopes.contains(scope),
        }
    }

    /// Why a caller of whom it is not true is refused.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Claim { .. } => Reason::ClaimRequired,
            Self::ClientId(_) => Reason::ClientIdRequired,
            Self::Group(_) => Reason::GroupRequired,
            Self::Never => Reason::DeniedByRule,
            Self::Scope(_) => Reason::InsufficientScope,
        }
    }

    /// What it asks, for people.
    pub(super) fn in_words(&self) -> String {
        let one_of = |values: &BTreeSet<String>| {
            let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            values.join(" or ")
        };
        match self {
            Self::Claim { name, values } => format!("claim `{name}` = {}", one_of(values)),
            Self::ClientId(ids) => format!("client id {}", one_of(ids)),
            Self::Group(groups) => format!("group {}", one_of(groups)),
            Self::Never => "nobody may".to_owned(),
            Self::Scope(scope) => format!("scope `{scope}`"),
        }
    }
}

/// A set of facts, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct FactSet(pub(super) [u64; MOST_FACTS / 64]);

impl FactSet {
    /// Adds one. Numbers beyond [`MOST_FACTS`] do not occur: the settings are refused before.
    pub(super) fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Adds all of `other`.
    pub(super) fn add(&mut self, other: Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    /// Those that `other` has not.
    pub(super) fn without(mut self, other: Self) -> Self {
        for (word, theirs) in self.0.iter_mut().zip(other.0) {
            *word &= !theirs;
        }
        self
    }

    /// Those that `other` has as well.
    pub(super) fn and(mut self, other: Self) -> Self {
        for (word, theirs) in self.0.iter_mut().zip(other.0) {
            *word &= theirs;
        }
        self
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn contains(self, number: usize) -> bool {
        self.0
            .get(number / 64)
            .is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    pub(super) fn numbers(self) -> impl Iterator<Item = usize> {
        let words = self.0.into_iter().enumerate();
        words.flat_map(|(at, word)| {
            let without_lowest = |left: &u64| Some(left & left.wrapping_sub(1));
            std::iter::successors(Some(word), without_lowest)
                .take_while(|left| *left != 0)
                .map(move |left| at * 64 + left.trailing_zeros() as usize)
        })
    }
}
