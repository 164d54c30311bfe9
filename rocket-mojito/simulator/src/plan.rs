use std::num::NonZeroU32;
use std::time::Duration;

use crate::random::Random;
use crate::{Life, Lives};

/// The rules of a simulation: how many lives, and how often their sending goes wrong. Shares are in percent.
///
/// The steps of a life follow from the seed and its number alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub(crate) seed: u64,
    pub(crate) candidates: u64,
    pub(crate) duplicates: u8,
    pub(crate) reordered: u8,
    pub(crate) together: u8,
    pub(crate) lost: u8,
    pub(crate) cut: u8,
    pub(crate) senders: usize,
    pub(crate) per_second: Option<NonZeroU32>,
    pub(crate) attempts: u32,
    pub(crate) pause: Duration,
    pub(crate) patience: Duration,
}

/// Posts that go out at the same time. The next step begins when all are answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The posts.
    pub posts: Vec<Post>,
}

/// One post of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Post {
    /// The delivery, by its place in the life.
    pub delivery: usize,
    /// The accident that it meets. It is then sent again in a later step.
    pub accident: Option<Accident>,
}

/// An accident on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accident {
    /// The sender hangs up as the answer begins, and does not know whether it was acknowledged.
    LostAnswer,
    /// The sender hangs up in the middle of the body.
    CutBody,
}

impl Plan {
    /// One life, eight senders, no accident: 10 tries with a second between them, and 30 s for each answer.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            candidates: 1,
            duplicates: 0,
            reordered: 0,
            together: 0,
            lost: 0,
            cut: 0,
            senders: 8,
            per_second: None,
            attempts: 10,
            pause: Duration::from_secs(1),
            patience: Duration::from_secs(30),
        }
    }

    /// The number of lives.
    pub fn candidates(mut self, candidates: u64) -> Self {
        self.candidates = candidates;
        self
    }

    /// The share of deliveries that are sent again although they were acknowledged: beside, behind, or at the end of the
    /// life. More than 100 is 100, as for each share.
    pub fn duplicates(mut self, percent: u8) -> Self {
        self.duplicates = percent.min(100);
        self
    }

    /// The share of deliveries that are overtaken by the next one about the candidate.
    pub fn reordered(mut self, percent: u8) -> Self {
        self.reordered = percent.min(100);
        self
    }

    /// The share of deliveries that are sent at the same time as the next one about the candidate.
    pub fn together(mut self, percent: u8) -> Self {
        self.together = percent.min(100);
        self
    }

    /// The share of deliveries whose first answer is lost.
    pub fn lost(mut self, percent: u8) -> Self {
        self.lost = percent.min(100);
        self
    }

    /// The share of deliveries whose body is cut the first time.
    pub fn cut(mut self, percent: u8) -> Self {
        self.cut = percent.min(100);
        self
    }

    /// The number of lives that are sent at the same time. 0 is 1.
    pub fn senders(mut self, senders: usize) -> Self {
        self.senders = senders.max(1);
        self
    }

    /// The most posts in each second. Default: no limit.
    pub fn per_second(mut self, posts: NonZeroU32) -> Self {
        self.per_second = Some(posts);
        self
    }

    /// The number of tries for a delivery that is not acknowledged. 0 is 1.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The pause between two tries.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The time for each answer.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The lives of this plan.
    pub fn lives(&self) -> impl Iterator<Item = Life> + use<> {
        let (lives, candidates) = (Lives::new(self.seed), self.candidates);
        (0..candidates).map(move |number| lives.life(number))
    }

    /// The steps in which a life is sent.
    pub fn steps(&self, life: &Life) -> Vec<Step> {
        let mut random = Random::new(self.seed, life.number.wrapping_mul(2).wrapping_add(1));
        let (mut steps, mut tail) = (Vec::new(), Vec::new());
        for delivery in self.order(&mut random, life.deliveries().len()) {
            let accidents = [(self.cut, Accident::CutBody), (self.lost, Accident::LostAnswer)];
            for (percent, accident) in accidents {
                if random.percent(percent) {
                    steps.push(Step::new(&[Post { delivery, accident: Some(accident) }]));
                }
            }
            let post = Post { delivery, accident: None };
            let is_doubled = random.percent(self.duplicates);
            match random.below(3) {
                0 if is_doubled => steps.push(Step::new(&[post, post])),
                1 if is_doubled => steps.extend([Step::new(&[post]), Step::new(&[post])]),
                _ => {
                    steps.push(Step::new(&[post]));
                    tail.extend(is_doubled.then(|| Step::new(&[post])));
                }
            }
        }
        steps.extend(tail);
        self.join(&mut random, steps)
    }

    /// The order of the deliveries: some pairs are swapped.
    fn order(&self, random: &mut Random, deliveries: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..deliveries).collect();
        for place in 1..deliveries {
            if random.percent(self.reordered) {
                order.swap(place - 1, place);
            }
        }
        order
    }

    /// Some steps go out together with the one before.
    fn join(&self, random: &mut Random, steps: Vec<Step>) -> Vec<Step> {
        let mut joined: Vec<Step> = Vec::new();
        for step in steps {
            match joined.last_mut() {
                Some(last) if random.percent(self.together) => last.posts.extend(step.posts),
                _ => joined.push(step),
            }
        }
        joined
    }
}

impl Step {
    fn new(posts: &[Post]) -> Self {
        Self { posts: posts.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(steps: &[Step]) -> Vec<Vec<usize>> {
        steps.iter().map(|step| step.posts.iter().map(|post| post.delivery).collect()).collect()
    }

    #[test]
    fn without_accidents_each_delivery_is_sent_once_and_in_order() {
        let plan = Plan::new(3).candidates(50);

        for life in plan.lives() {
            let expected: Vec<Vec<usize>> = (0..life.deliveries().len()).map(|place| vec![place]).collect();
            assert_eq!(places(&plan.steps(&life)), expected);
        }
    }

    #[test]
    fn every_delivery_is_sent_without_an_accident_at_least_once() {
        let plan = Plan::new(3).candidates(200).duplicates(50).reordered(50).together(30).lost(50).cut(50);

        for life in plan.lives() {
            let steps = plan.steps(&life);
            assert_eq!(steps, plan.steps(&life), "the same seed");
            for place in 0..life.deliveries().len() {
                let mut posts = steps.iter().flat_map(|step| &step.posts);
                assert!(posts.any(|post| post.delivery == place && post.accident.is_none()), "{steps:?}");
            }
        }
    }

    #[test]
    fn each_share_does_as_it_says() {
        type Condition<'c> = &'c dyn Fn(&[Step]) -> bool;
        let count = |plan: &Plan, is_one: Condition<'_>| {
            let lives = plan.clone().candidates(200).lives().filter(|life| life.deliveries().len() > 1);
            lives.filter(|life| is_one(&plan.steps(life))).count()
        };
        let meets = |steps: &[Step], accident| {
            steps.iter().flat_map(|step| &step.posts).any(|post| post.accident == Some(accident))
        };
        let cases: [(Plan, Condition<'_>); 5] = [
            (Plan::new(5).cut(100), &|steps| meets(steps, Accident::CutBody)),
            (Plan::new(5).lost(100), &|steps| meets(steps, Accident::LostAnswer)),
            (Plan::new(5).reordered(100), &|steps| !places(steps).concat().is_sorted()),
            (Plan::new(5).together(100), &|steps| steps.iter().any(|step| step.posts.len() > 1)),
            (Plan::new(5).duplicates(100), &|steps| {
                let mut posts = places(steps).concat();
                posts.sort_unstable();
                posts.chunk_by(|a, b| a == b).any(|copies| copies.len() > 1)
            }),
        ];

        for (plan, is_one) in cases {
            assert!(count(&plan, is_one) > 100, "{plan:?}");
            assert_eq!(count(&Plan::new(5), is_one), 0, "{plan:?}");
        }
    }
}
