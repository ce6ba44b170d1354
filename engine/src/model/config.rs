//! What distinguishes one family from another, read from a file's metadata.
//!
//! Every number is range-checked: the sizes decide how much memory is taken before the
//! first tensor is compared with them.

use crate::{error::LoadError, gguf::Header, kernels};

const KNOWN: &str = "llama, gemma3";
/// Context when the caller does not choose: enough for conversations, and a bound on the
/// memory that one request can claim.
const DEFAULT_CONTEXT: u64 = 8192;

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) architecture: String,
    pub(crate) layers: usize,
    /// Size of a token's vector.
    pub(crate) width: usize,
    pub(crate) feed_forward: usize,
    pub(crate) heads: usize,
    /// Key/value heads; each serves `heads / kv_heads` query heads.
    pub(crate) kv_heads: usize,
    pub(crate) head_size: usize,
    pub(crate) vocabulary: usize,
    /// Tokens of prompt and answer together.
    pub(crate) context: usize,
    /// Added to the mean square in norms.
    pub(crate) epsilon: f32,
    pub(crate) rope: RopeConfig,
    pub(crate) window: Option<Window>,
    pub(crate) activation: fn(f32) -> f32,
    /// Factor on embeddings.
    pub(crate) embedding_scale: f32,
    /// Factor on `query · key`.
    pub(crate) score_scale: f32,
    pub(crate) norms: Norms,
}

/// Which norms a layer has besides the two before its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Norms {
    /// None.
    Before,
    /// Also on every query and key head, and after each part.
    Around,
}

/// How positions turn into rotations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RopeConfig {
    /// Leading dimensions of a head that rotate.
    pub(crate) dims: usize,
    pub(crate) base: f64,
    /// Positions are divided by this.
    pub(crate) stretch: f64,
    pub(crate) pairing: Pairing,
}

/// Which two dimensions rotate together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// 0 with 1, 2 with 3: how llama's converter orders them.
    Neighbours,
    /// 0 with n/2, 1 with n/2 + 1.
    Halves,
}

/// Layers that look back over a limited number of tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// A token sees itself and the `tokens - 1` before it.
    pub(crate) tokens: usize,
    /// Every `period`-th layer sees everything; the others are limited.
    period: usize,
    pub(crate) rope: RopeConfig,
}

impl Window {
    pub(crate) fn covers(&self, layer: usize) -> bool {
        !(layer + 1).is_multiple_of(self.period)
    }
}

impl Config {
    pub(crate) fn read(header: &Header, context_tokens: Option<u32>) -> Result<Self, LoadError> {
        let architecture = header
            .metadata
            .text("general.architecture")?
            .ok_or_else(|| unusable("the file names no architecture"))?;
        let keys = Keys {
            header,
            architecture,
        };
        let mut config = keys.common(context_tokens)?;
        match architecture {
            "llama" => {}
            "gemma3" => keys.gemma3(&mut config)?,
            other => {
                return Err(LoadError::Unsupported {
                    what: "architecture",
                    found: other.to_owned(),
                    known: KNOWN,
                });
            }
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), LoadError> {
        let is_even = self.rope.dims.is_multiple_of(2) && self.rope.dims <= self.head_size;
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(unusable("query heads are not a multiple of key heads"));
        }
        if !is_even {
            return Err(unusable("the rotated part of a head is odd or too long"));
        }
        Ok(())
    }
}

/// Reads keys under the architecture's prefix.
struct Keys<'a> {
    header: &'a Header,
    architecture: &'a str,
}

impl Keys<'_> {
    fn common(&self, context_tokens: Option<u32>) -> Result<Config, LoadError> {
        self.refuse_unknown_parts()?;
        let width = self.size("embedding_length", 1 << 16)?;
        let heads = self.size("attention.head_count", 1 << 10)?;
        let kv_heads = self
            .optional("attention.head_count_kv", 1 << 10)?
            .unwrap_or(heads);
        let head_size = self
            .optional("attention.key_length", 1 << 12)?
            .unwrap_or(width / heads);
        if self
            .optional("attention.value_length", 1 << 12)?
            .unwrap_or(head_size)
            != head_size
        {
            return Err(unusable("keys and values differ in size"));
        }
        let trained = self.size("context_length", 1 << 24)?;
        let wanted = context_tokens.map_or(DEFAULT_CONTEXT, u64::from).max(2);
        let context = usize::try_from(wanted).map_or(trained, |wanted| wanted.min(trained));
        let epsilon = self
            .float("attention.layer_norm_rms_epsilon")?
            .unwrap_or(1e-5);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "small"
        )]
        let (epsilon, score_scale) = (epsilon as f32, 1.0 / (head_size as f32).sqrt());
        Ok(Config {
            architecture: self.architecture.to_owned(),
            layers: self.size("block_count", 1 << 10)?,
            width,
            feed_forward: self.size("feed_forward_length", 1 << 20)?,
            heads,
            kv_heads,
            head_size,
            vocabulary: self
                .header
                .tensor("token_embd.weight")
                .ok_or_else(|| unusable("tensor `token_embd.weight` is missing"))?
                .rows,
            context,
            epsilon,
            rope: RopeConfig {
                dims: self
                    .optional("rope.dimension_count", 1 << 12)?
                    .unwrap_or(head_size),
                base: self.float("rope.freq_base")?.unwrap_or(10_000.0),
                stretch: self.stretch()?,
                pairing: Pairing::Neighbours,
            },
            window: None,
            activation: kernels::silu,
            embedding_scale: 1.0,
            score_scale,
            norms: Norms::Before,
        })
    }

    /// Source: llama.cpp `llama-model.cpp` and `models/gemma3.cpp` (read 2026-11).
    fn gemma3(&self, config: &mut Config) -> Result<(), LoadError> {
        config.rope.pairing = Pairing::Halves;
        config.activation = kernels::gelu_tanh;
        config.norms = Norms::Around;
        #[expect(clippy::cast_precision_loss, reason = "a width is far below 2^24")]
        let scale_of = |n: usize| (n as f32).sqrt();
        config.embedding_scale = scale_of(config.width);
        if config.layers == 62 {
            // Only the 27B model scales scores by its width per head.
            config.score_scale = 1.0 / scale_of(config.width / config.heads);
        }
        let tokens = self.size("attention.sliding_window", 1 << 24)?;
        let period = self
            .optional("attention.sliding_window_pattern", 1 << 10)?
            .unwrap_or(6);
        config.window = Some(Window {
            tokens,
            period,
            // The stretch of long-context variants applies to the unlimited layers only.
            rope: RopeConfig {
                base: self.float("rope.freq_base_swa")?.unwrap_or(10_000.0),
                stretch: 1.0,
                ..config.rope
            },
        });
        Ok(())
    }

    /// Linear scaling only: the others change more than a divisor.
    fn stretch(&self) -> Result<f64, LoadError> {
        let kind = self.header.metadata.text(&self.key("rope.scaling.type"))?;
        let factor = match kind {
            None => self.float("rope.scale_linear")?,
            Some("none") => None,
            Some("linear") => self.float("rope.scaling.factor")?,
            Some(other) => {
                return Err(LoadError::Unsupported {
                    what: "rope scaling",
                    found: other.to_owned(),
                    known: "none, linear, and per-dimension factors in `rope_freqs.weight`",
                });
            }
        };
        Ok(factor.filter(|&factor| factor > 0.0).unwrap_or(1.0))
    }

    fn refuse_unknown_parts(&self) -> Result<(), LoadError> {
        for tensor in [
            "blk.0.attn_q.bias",
            "blk.0.ffn_gate_inp.weight",
            "blk.0.ffn_up.bias",
        ] {
            if self.header.tensor(tensor).is_some() {
                return Err(unusable(&format!("tensor `{tensor}` is not supported yet")));
            }
        }
        Ok(())
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn size(&self, name: &str, most: u64) -> Result<usize, LoadError> {
        self.optional(name, most)?
            .ok_or_else(|| unusable(&format!("`{}` is missing", self.key(name))))
    }

    /// A number from 1 to `most`.
    fn optional(&self, name: &str, most: u64) -> Result<Option<usize>, LoadError> {
        let key = self.key(name);
        match self.header.metadata.u64(&key)? {
            None => Ok(None),
            Some(n) if (1..=most).contains(&n) => usize::try_from(n)
                .map(Some)
                .map_err(|_| unusable(&format!("`{key}` is {n}"))),
            Some(n) => Err(unusable(&format!("`{key}` is {n}, expected 1 to {most}"))),
        }
    }

    fn float(&self, name: &str) -> Result<Option<f64>, LoadError> {
        self.header.metadata.f64(&self.key(name))
    }
}

fn unusable(reason: &str) -> LoadError {
    LoadError::Unusable(reason.to_owned())
}
