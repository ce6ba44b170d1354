use super::*;

fn sampler(change: impl FnOnce(&mut Sampling)) -> Sampler {
    let mut sampling = Sampling::default();
    change(&mut sampling);
    Sampler::new(sampling, 7, 0)
}

fn logits() -> Vec<f32> {
    (0_u16..1000)
        .map(|i| (f32::from(i) * 0.7).sin() * 4.0)
        .collect()
}

fn draws(sampler: &mut Sampler, count: usize) -> Vec<u32> {
    let logits = logits();
    (0..count).map(|_| sampler.draw(&logits).token).collect()
}

#[test]
fn temperature_zero_takes_the_first_of_the_most_likely() {
    let mut greedy = sampler(|s| s.temperature = 0.0);
    assert_eq!(greedy.draw(&[0.0, 3.0, 3.0, 1.0]).token, 1);
}

#[test]
fn a_seed_repeats_its_tokens_and_another_choice_differs() {
    let first = draws(&mut sampler(|_| ()), 50);
    assert_eq!(first, draws(&mut sampler(|_| ()), 50));
    let mut other = Sampler::new(Sampling::default(), 7, 1);
    assert_ne!(first, draws(&mut other, 50));
}

#[test]
fn top_k_of_one_is_greedy() {
    let best = most_likely(&logits());
    assert_eq!(draws(&mut sampler(|s| s.top_k = Some(1)), 20), [best; 20]);
}

#[test]
fn a_tiny_top_p_keeps_only_the_best() {
    let best = most_likely(&logits());
    assert_eq!(draws(&mut sampler(|s| s.top_p = 1e-6), 20), [best; 20]);
}

#[test]
fn top_p_keeps_the_smallest_set_that_reaches_the_share() {
    let mut candidates = vec![(0, 1.0), (1, 4.0), (2, 3.0), (3, 2.0)];
    keep_share(&mut candidates, 0.7);
    assert_eq!(candidates, [(1, 4.0), (2, 3.0)]);
}

#[test]
fn top_p_beyond_the_sorted_head_still_finds_its_share() {
    let mut candidates: Vec<(u32, f32)> = (0..5000).map(|id| (id, 1.0)).collect();
    keep_share(&mut candidates, 0.5);
    assert_eq!(candidates.len(), 2500);
}

#[test]
fn draws_follow_the_distribution() {
    let mut fair = sampler(|_| ());
    let logits = [0.0, (3.0_f32).ln()];
    let ones = (0..4000).filter(|_| fair.draw(&logits).token == 1).count();
    assert!(
        (2850..3150).contains(&ones),
        "{ones} of 4000, expected about 3000"
    );
}

#[test]
fn a_bias_can_force_or_forbid_a_token() {
    let mut forced = sampler(|s| s.logit_bias = vec![(5, 100.0)]);
    assert_eq!(draws(&mut forced, 5), [5; 5]);
    let mut forbidden = sampler(|s| {
        s.temperature = 0.0;
        s.logit_bias = vec![(1, -100.0), (9999, 1.0)];
    });
    assert_eq!(forbidden.draw(&[0.0, 3.0, 2.0]).token, 2);
}

#[test]
fn penalties_count_the_tokens_of_the_answer() {
    let mut fresh = sampler(|s| {
        s.temperature = 0.0;
        s.presence_penalty = 1.0;
        s.frequency_penalty = 0.5;
    });
    let found: Vec<u32> = (0..4).map(|_| fresh.draw(&[2.0, 1.0]).token).collect();
    // 2.0 falls to 0.5, then 1.0 to -0.5; the third draw brings 0.5 down to 0.0.
    assert_eq!(found, [0, 1, 0, 0]);
}

#[test]
fn logprobs_come_from_the_unmodified_distribution() {
    let mut biased = sampler(|s| {
        s.temperature = 0.0;
        s.logit_bias = vec![(0, 100.0)];
        s.logprobs = Some(2);
    });
    let drawn = biased.draw(&[0.0, 0.0, 0.0, 0.0]);
    let quarter = (0.25_f32).ln();
    let Some(logprobs) = drawn.logprobs else {
        unreachable!("they were asked for")
    };
    assert_eq!(drawn.token, 0);
    assert!((logprobs.chosen - quarter).abs() < 1e-6);
    assert_eq!(logprobs.top.iter().map(|c| c.0).collect::<Vec<_>>(), [0, 1]);
}
