use super::*;

fn finding(verdict: Verdict, subject: &str, message: &str) -> Finding {
    Finding::new(verdict, Check::Key, subject, message)
}

#[test]
fn what_is_the_same_for_all_credentials_is_said_once() {
    let each = ["a/1", "a/2"].map(|subject| {
        vec![
            finding(Verdict::Ok, subject, &format!("{subject} is well")),
            finding(Verdict::Warn, subject, "the clock is wrong"),
        ]
    });
    let expected = [
        finding(Verdict::Ok, "a/1", "a/1 is well"),
        finding(Verdict::Warn, "a", "the clock is wrong"),
        finding(Verdict::Ok, "a/2", "a/2 is well"),
    ];
    assert_eq!(merged("a", &each), expected);
}

#[test]
fn what_one_credential_lacks_stays_with_it() {
    let one = vec![finding(Verdict::Ok, "a/1", "well")];
    let two = vec![finding(Verdict::Fail, "a/2", "refused")];
    let both = [one.clone(), two.clone()].concat();
    assert_eq!(merged("a", &[one.clone(), two]), both);
    assert_eq!(merged("a", std::slice::from_ref(&one)), one);
}
