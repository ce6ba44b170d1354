//! Local inference on candle-core: weights, tokens, sampling. No HTTP, no money.
