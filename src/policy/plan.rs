//! Candidates in their order, and what stands in their way → who is asked, one after the other.

use crate::policy::obstacle::{Obstacle, Pause};

/// Who is asked, while it is put together: candidates of one group after the other.
#[derive(Debug)]
pub struct Lineup<T> {
    free: Vec<(T, Option<Pause>)>,
    /// Who should rather be left alone: asked when nobody else is left.
    paused: Vec<(T, Option<Pause>)>,
    /// Of whom it is said that they cannot answer this. They are asked if nobody else can be: what
    /// is said may be wrong, and the vendor's refusal is the better answer.
    doubtful: Vec<(T, Option<Pause>)>,
    /// The first obstacle that does not pass.
    obstacle: Option<Obstacle>,
}

impl<T> Default for Lineup<T> {
    fn default() -> Self {
        Self {
            free: Vec::new(),
            paused: Vec::new(),
            doubtful: Vec::new(),
            obstacle: None,
        }
    }
}

impl<T> Lineup<T> {
    /// The next candidate, and what stands in its way.
    pub fn add(&mut self, candidate: T, obstacle: Option<&Obstacle>) {
        let Some(obstacle) = obstacle else {
            self.free.push((candidate, None));
            return;
        };
        match obstacle.pause() {
            Some(pause) => self.paused.push((candidate, Some(pause))),
            None if obstacle.is_doubt() => self.doubtful.push((candidate, None)),
            None => {
                self.obstacle.get_or_insert_with(|| obstacle.clone());
            }
        }
    }

    /// Why the first of those who are never asked is not.
    pub fn obstacle(&self) -> Option<&Obstacle> {
        self.obstacle.as_ref()
    }

    /// Those that may be asked at once, then the others as their pauses end.
    pub fn in_order(mut self) -> Vec<(T, Option<Pause>)> {
        self.paused
            .sort_by_key(|(_, pause)| pause.map(|it| it.left));
        self.free.append(&mut self.paused);
        if self.free.is_empty() {
            self.doubtful
        } else {
            self.free
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lineup(obstacles: &[(char, Option<Obstacle>)]) -> String {
        let mut lineup = Lineup::default();
        for (name, obstacle) in obstacles {
            lineup.add(*name, obstacle.as_ref());
        }
        lineup.in_order().iter().map(|(name, _)| *name).collect()
    }

    fn broken(seconds: u64) -> Obstacle {
        Obstacle::Broken(Duration::from_secs(seconds))
    }

    #[test]
    fn who_should_be_left_alone_is_asked_last_and_the_soonest_first() {
        let order = lineup(&[
            ('a', Some(broken(9))),
            ('b', None),
            ('c', Some(broken(3))),
            ('d', Some(Obstacle::Drained)),
            ('e', None),
        ]);
        assert_eq!(order, "beca");
    }

    #[test]
    fn who_is_said_to_be_unable_is_asked_if_nobody_else_can_be() {
        let lacks = || Some(Obstacle::Lacks("tools"));
        assert_eq!(lineup(&[('a', lacks()), ('b', Some(broken(1)))]), "b");
        let alone = lineup(&[
            ('a', lacks()),
            ('b', Some(Obstacle::Condition)),
            ('c', lacks()),
        ]);
        assert_eq!(alone, "ac");
    }

    #[test]
    fn the_first_obstacle_that_does_not_pass_is_told() {
        let mut lineup = Lineup::default();
        lineup.add('a', Some(&broken(1)));
        lineup.add('b', Some(&Obstacle::Condition));
        lineup.add('c', Some(&Obstacle::Drained));
        assert_eq!(lineup.obstacle(), Some(&Obstacle::Condition));
    }
}
