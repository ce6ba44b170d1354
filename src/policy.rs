//! Decisions: pure functions over plain numbers, the clock and the dice passed in.
//!
//! Nothing here sleeps, locks, logs or does I/O. A stage in `pipeline/` gathers
//! the numbers, asks, and acts on the verdict.
//!
//! - [`retry`]: a fault and the situation → again, next, or stop
//! - [`backoff`]: how long to wait before trying the same deployment again
//! - [`credential`]: which credential signs a call, and how long a refused one rests
//! - [`allowance`]: how many retries a provider may cause, as a share of its calls
//! - [`estimate`]: tokens when the provider told none
//! - [`probe`]: after a failure, who may find out whether things work again
//! - [`routing`]: in which order the candidates of a call are asked
//! - [`plan`]: who is asked, one after the other
//! - [`breaker`]: which deployments are left alone for a while
//! - [`condition`]: which requests a rule, a guard or a deployment is for
//! - [`obstacle`]: why a deployment is not asked, or not before others
//! - [`learned`]: what calls of a deployment use
//! - [`latency`]: how long a deployment takes to its first content
//! - [`price`]: usage × prices → nano-dollars

pub mod allowance;
pub mod backoff;
pub mod breaker;
pub mod condition;
pub mod credential;
pub mod estimate;
pub mod latency;
pub mod learned;
pub mod obstacle;
pub mod plan;
pub mod price;
pub mod probe;
pub mod retry;
pub mod routing;
