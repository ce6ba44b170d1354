//! Whole chat answers.

use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::upstream::Upstream;

#[tokio::test]
async fn an_answer_is_relayed_byte_for_byte() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let answer = gateway.chat(&openai::chat()).await;
    assert_eq!((answer.status, answer.text()), (200, openai::answer("hello").to_string()));
}
