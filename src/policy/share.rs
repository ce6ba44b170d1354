//! Whose call runs when there is not room for all.
//!
//! While there is plenty, anybody may have all of it. From half on, each of those who have calls may
//! have an equal part, so that one who sends without end leaves room for the others and takes nothing
//! away from nobody.

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
