//! One decoder, configured by data.
//!
//! The families differ in where norms sit, how positions rotate and which activation
//! gates the feed-forward part; [`Config`] states those choices and the code below reads
//! them. A step takes rows of several sequences at once, at any positions: reading a
//! prompt, continuing an answer and doing both for different requests are one call.
//!
//! Shapes in comments: `m` rows of this step, `d` width, `f` feed-forward width,
//! `h` query heads, `g` key/value heads, `k` head size. All are f32 except weights
//! (packed integers) and the cache (f16).

mod attention;
pub(crate) mod cache;
pub(crate) mod config;
mod layer;
mod linear;
mod rope;

use crate::{
    error::LoadError,
    gguf::GgufFile,
    weights::{Matrix, Shape, load_vector},
};
use cache::KvCache;
use config::Config;
use layer::Layer;
use linear::apply;
use rope::{Rope, Rotation};

/// A loaded model. Holds no state of any sequence.
#[derive(Debug)]
pub(crate) struct Decoder {
    pub(crate) config: Config,
    embedding: Matrix,
    layers: Vec<Layer>,
    output_norm: Vec<f32>,
    /// `None` when the output head is the embedding itself.
    head: Option<Matrix>,
    rope: Rope,
    /// Rotation of layers with a sliding window, when it differs.
    local_rope: Option<Rope>,
}

/// The rows that one sequence adds to a step.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) cache: &'a mut KvCache,
    /// Tokens that follow what the cache holds.
    pub(crate) tokens: &'a [u32],
    /// Whether the logits after the last of them are wanted.
    pub(crate) wants_logits: bool,
}

/// Where one row of a step belongs.
#[derive(Debug, Clone, Copy)]
struct Row {
    segment: usize,
    position: usize,
}

impl Decoder {
    /// Loads every weight. The context is the model's own or `context_tokens`, whichever
    /// is smaller.
    pub(crate) fn load(
        file: &mut GgufFile,
        context_tokens: Option<u32>,
    ) -> Result<Self, LoadError> {
        let config = Config::read(&file.header, context_tokens)?;
        let table = Shape {
            rows: config.vocabulary,
            columns: config.width,
        };
        let embedding = Matrix::load(file, &[("token_embd.weight".to_owned(), table)])?;
        let head = if file.header.tensor("output.weight").is_some() {
            Some(Matrix::load(file, &[("output.weight".to_owned(), table)])?)
        } else {
            None
        };
        let factors = if file.header.tensor("rope_freqs.weight").is_some() {
            Some(load_vector(
                file,
                "rope_freqs.weight",
                config.rope.dims / 2,
            )?)
        } else {
            None
        };
        let layers = (0..config.layers)
            .map(|index| Layer::load(file, &config, index))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            output_norm: load_vector(file, "output_norm.weight", config.width)?,
            rope: Rope::new(&config.rope, factors.as_deref()),
            local_rope: config.window.map(|window| Rope::new(&window.rope, None)),
            embedding,
            head,
            layers,
            config,
        })
    }

    /// Weights in memory, in bytes.
    pub(crate) fn weight_bytes(&self) -> u64 {
        let layers: u64 = self.layers.iter().map(Layer::bytes).sum();
        layers + self.embedding.bytes() + self.head.as_ref().map_or(0, Matrix::bytes)
    }

    /// Runs one step and returns, per segment, the logits after its last token if wanted.
    ///
    /// The caches grow by the segments' tokens. Must run inside the engine's thread pool.
    pub(crate) fn step(&self, segments: &mut [Segment<'_>]) -> Vec<Option<Vec<f32>>> {
        let rows = plan(segments);
        for segment in segments.iter_mut() {
            segment.cache.grow(segment.tokens.len());
        }
        let mut x = self.embed(segments); // [m, d]
        let rotation = self.rope.rotation(&rows);
        let local_rotation = self.local_rope.as_ref().map(|rope| rope.rotation(&rows));
        for (index, layer) in self.layers.iter().enumerate() {
            let window = self.config.window.filter(|window| window.covers(index));
            let place = Place {
                index,
                rows: &rows,
                window: window.map(|window| window.tokens),
                rotation: match &local_rotation {
                    Some(local) if window.is_some() => local,
                    _ => &rotation,
                },
            };
            layer.run(&self.config, &place, segments, &mut x);
        }
        self.logits(segments, &x)
    }

    fn embed(&self, segments: &[Segment<'_>]) -> Vec<f32> {
        let tokens = segments.iter().flat_map(|segment| segment.tokens);
        let count: usize = segments.iter().map(|segment| segment.tokens.len()).sum();
        let mut x = vec![0.0; count * self.config.width];
        for (row, &token) in x.chunks_exact_mut(self.config.width).zip(tokens) {
            self.embedding.read_row(token as usize, row);
            for value in row {
                *value *= self.config.embedding_scale;
            }
        }
        x
    }

    /// The head is the largest matrix, so only wanted rows go through it.
    fn logits(&self, segments: &[Segment<'_>], x: &[f32]) -> Vec<Option<Vec<f32>>> {
        let width = self.config.width;
        let mut wanted = Vec::new(); // [rows that want logits, d]
        let mut rows = x.chunks_exact(width);
        for segment in segments {
            let last = rows.by_ref().take(segment.tokens.len()).last();
            if let Some(last) = last.filter(|_| segment.wants_logits) {
                wanted.extend_from_slice(last);
            }
        }
        layer::normalize(&mut wanted, &self.output_norm, self.config.epsilon);
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let logits = if wanted.is_empty() {
            Vec::new()
        } else {
            apply(head, &wanted) // [rows that want logits, vocabulary]
        };
        let mut logits = logits.chunks_exact(head.rows).map(<[f32]>::to_vec);
        segments
            .iter()
            .map(|segment| {
                let has_row = segment.wants_logits && !segment.tokens.is_empty();
                if has_row { logits.next() } else { None }
            })
            .collect()
    }
}

/// What a layer must know about this step besides its input.
struct Place<'a> {
    index: usize,
    rows: &'a [Row],
    /// Tokens that attention may look back over; `None` means all.
    window: Option<usize>,
    rotation: &'a Rotation,
}

fn plan(segments: &[Segment<'_>]) -> Vec<Row> {
    segments
        .iter()
        .enumerate()
        .flat_map(|(segment, facts)| {
            let first = facts.cache.tokens();
            (first..first + facts.tokens.len()).map(move |position| Row { segment, position })
        })
        .collect()
}
