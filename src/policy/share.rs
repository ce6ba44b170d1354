//! Whose call runs when there is not room for all.
//!
//! While there is plenty, anybody may have all of it. From half on, each of those who have calls may
//! have an equal part, so that one who sends without end leaves room for the others and takes nothing
//! away from nobody. Calls that can wait get no place from there on, so that those that cannot have at
//! least half of the room.

/// How urgent a call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for it.
    #[default]
    Interactive,
    /// It can be made later.
    Batch,
}

/// What of the room is taken.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Calls that may run.
    pub limit: i64,
    /// Calls that run.
    pub all: i64,
    /// Those of who asks.
    pub own: i64,
    /// Callers who have any, who asks included.
    pub callers: usize,
}

impl Room {
    /// Whether one more may run.
    pub fn has_place(self) -> bool {
        let callers = i64::try_from(self.callers).unwrap_or(i64::MAX);
        let share = (self.limit / callers.max(1)).max(1);
        self.all < self.limit && (self.all < self.limit / 2 || self.own < share)
    }
}

/// Whether of `limit` places so many are taken, `all` of them, that calls which can wait get none.
pub fn is_scarce(limit: i64, all: i64) -> bool {
    all >= (limit / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_place(all: i64, own: i64, callers: usize) -> bool {
        let limit = 100;
        Room {
            limit,
            all,
            own,
            callers,
        }
        .has_place()
    }

    #[test]
    fn what_can_wait_has_half_of_the_room_and_never_less_than_one_place() {
        assert!(!is_scarce(100, 49));
        assert!(is_scarce(100, 50));
        assert!(!is_scarce(1, 0));
        assert!(is_scarce(1, 1));
    }

    #[test]
    fn while_there_is_plenty_anybody_may_have_all_of_it() {
        assert!(has_place(49, 49, 7));
        assert!(has_place(99, 99, 1), "nobody else wants it");
        assert!(!has_place(100, 0, 9));
    }

    #[test]
    fn from_half_on_each_may_have_an_equal_part() {
        assert!(!has_place(60, 50, 2));
        assert!(has_place(60, 10, 2));
        assert!(!has_place(90, 25, 4));
        assert!(has_place(99, 0, 500), "never less than one");
    }
}
