//! Candidates in their order, and what stands in their way → who is asked, one after the other.

use crate::policy::obstacle::{Obstacle, Pause};

/// Who is asked, while it is put together: candidates of one group after the other.
#[derive(Debug)]
pub struct Lineup<T> {
    free: Vec<T>,
    /// Who should rather be left alone: asked when nobody else is left.
    paused: Vec<(T, Pause)>,
    /// Of whom it is said that they cannot answer this. They are asked if nobody else can be: what
    /// is said may be wrong, and the vendor's refusal is the better answer.
    doubtful: Vec<T>,
    /// The weightiest obstacle that does not pass.
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
            self.free.push(candidate);
            return;
        };
        match obstacle.pause() {
            Some(pause) => self.paused.push((candidate, pause)),
            None if obstacle.is_doubt() => self.doubtful.push(candidate),
            None => {
                let known = self.obstacle.as_ref().map_or(0, Obstacle::telling);
                if obstacle.telling() > known {
                    self.obstacle = Some(obstacle.clone());
                }
            }
        }
    }

    /// Why those who are never asked are not: of several reasons the one that tells most, whatever the
    /// order.
    pub fn obstacle(&self) -> Option<&Obstacle> {
        self.obstacle.as_ref()
    }

    /// Those that may be asked at once, then the others as their pauses end; if nobody is free, then
    /// the doubtful ones too.
    pub fn in_order(mut self) -> Vec<T> {
        let has_free = !self.free.is_empty();
        self.paused.sort_by_key(|(_, pause)| pause.left);
        self.free.extend(self.paused.into_iter().map(|(it, _)| it));
        if !has_free {
            self.free.append(&mut self.doubtful);
        }
        self.free
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
        lineup.in_order().into_iter().collect()
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
        assert_eq!(lineup(&[('a', lacks()), ('b', None)]), "b");
        // Who is broken may stay so, and then the doubt is what is left.
        assert_eq!(lineup(&[('a', lacks()), ('b', Some(broken(1)))]), "ba");
        let alone = lineup(&[
            ('a', lacks()),
            ('b', Some(Obstacle::Condition)),
            ('c', lacks()),
        ]);
        assert_eq!(alone, "ac");
    }

    #[test]
    fn of_the_obstacles_that_do_not_pass_the_one_that_tells_most_is_told_in_any_order() {
        let obstacles = [
            broken(1),
            Obstacle::Forbidden,
            Obstacle::Condition,
            Obstacle::Drained,
        ];
        let told = |order: &mut dyn Iterator<Item = &Obstacle>| {
            let mut lineup = Lineup::default();
            order.for_each(|it| lineup.add((), Some(it)));
            lineup.obstacle().cloned()
        };
        assert_eq!(told(&mut obstacles.iter()), Some(Obstacle::Drained));
        assert_eq!(told(&mut obstacles.iter().rev()), Some(Obstacle::Drained));
    }
}
