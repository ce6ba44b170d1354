//! A second decoder, written plainly over candle tensors in f32, to compare with.
//!
//! It shares nothing with the engine but the file: no packing, no integer products, no
//! cache, no chunks. The engine rounds weights and activations to 8 bits, so the two
//! agree within a tolerance, and any mistake in a formula is far outside of it.

use candle_core::{D, DType, Device, Tensor};

use crate::{
    support::{engine, greedy, run},
    tiny::{self, Gguf},
};

const HEAD: usize = 16;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const WINDOW: usize = 8;

struct Oracle<'a> {
    gguf: &'a Gguf,
    is_gemma: bool,
}

impl Oracle<'_> {
    fn tensor(&self, name: &str) -> Tensor {
        let (_, shape, values) = self.gguf.tensors.iter().find(|t| t.0 == name).unwrap();
        let shape: Vec<usize> = shape
            .iter()
            .rev()
            .map(|&n| usize::try_from(n).unwrap())
            .collect();
        Tensor::from_vec(values.clone(), shape, &Device::Cpu).unwrap()
    }

    fn linear(&self, x: &Tensor, name: &str) -> Tensor {
        x.matmul(&self.tensor(name).t().unwrap()).unwrap()
    }

    fn norm(&self, x: &Tensor, name: &str) -> Tensor {
        let epsilon = 1e-5;
        let mean = x.sqr().unwrap().mean_keepdim(D::Minus1).unwrap();
        let root = (mean + epsilon).unwrap().sqrt().unwrap();
        let scaled = x.broadcast_div(&root).unwrap();
        scaled.broadcast_mul(&self.tensor(name)).unwrap()
    }

    /// Rotates `[tokens, heads, head]`.
    fn rotate(&self, x: &Tensor, base: f32) -> Tensor {
        let mut values = x.to_vec3::<f32>().unwrap();
        for (position, heads) in values.iter_mut().enumerate() {
            for head in heads {
                for pair in 0..HEAD / 2 {
                    let (a, b) = if self.is_gemma {
                        (pair, pair + HEAD / 2)
                    } else {
                        (2 * pair, 2 * pair + 1)
                    };
                    let exponent = -2.0 * f32::from(u8::try_from(pair).unwrap()) / 16.0;
                    let angle = f32::from(u16::try_from(position).unwrap()) * base.powf(exponent);
                    let (sine, cosine) = angle.sin_cos();
                    let (left, right) = (head[a], head[b]);
                    head[a] = left * cosine - right * sine;
                    head[b] = left * sine + right * cosine;
                }
            }
        }
        Tensor::new(values, &Device::Cpu).unwrap()
    }

    fn attention(&self, x: &Tensor, layer: usize) -> Tensor {
        let tokens = x.dim(0).unwrap();
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let is_local = self.is_gemma && layer.is_multiple_of(2);
        let base = 10_000.0;
        let heads = |x: Tensor, count: usize| x.reshape((tokens, count, HEAD)).unwrap();
        let mut query = heads(self.linear(x, &name("attn_q")), HEADS);
        let mut key = heads(self.linear(x, &name("attn_k")), KV_HEADS);
        let value = heads(self.linear(x, &name("attn_v")), KV_HEADS);
        if self.is_gemma {
            query = self.norm(&query, &name("attn_q_norm"));
            key = self.norm(&key, &name("attn_k_norm"));
        }
        let (query, key) = (self.rotate(&query, base), self.rotate(&key, base));
        let mask: Vec<f32> = (0..tokens)
            .flat_map(|to| (0..tokens).map(move |from| (to, from)))
            .map(|(to, from)| {
                let is_seen = from <= to && (!is_local || to - from < WINDOW);
                if is_seen { 0.0 } else { f32::NEG_INFINITY }
            })
            .collect();
        let mask = Tensor::from_vec(mask, (tokens, tokens), &Device::Cpu).unwrap();
        let outputs: Vec<Tensor> = (0..HEADS)
            .map(|head| {
                let pick = |x: &Tensor, head: usize| {
                    x.narrow(1, head, 1)
                        .unwrap()
                        .squeeze(1)
                        .unwrap()
                        .contiguous()
                        .unwrap()
                };
                let shared = head / (HEADS / KV_HEADS);
                let keys = pick(&key, shared).t().unwrap();
                let scores = (pick(&query, head).matmul(&keys).unwrap() * 0.25).unwrap();
                softmax(&(scores + &mask).unwrap())
                    .matmul(&pick(&value, shared))
                    .unwrap()
            })
            .collect();
        self.linear(&Tensor::cat(&outputs, 1).unwrap(), &name("attn_output"))
    }

    fn feed_forward(&self, x: &Tensor, layer: usize) -> Tensor {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let gate = self.linear(x, &name("ffn_gate"));
        let gate = if self.is_gemma {
            gate.gelu()
        } else {
            gate.silu()
        };
        let up = self.linear(x, &name("ffn_up"));
        self.linear(&(gate.unwrap() * up).unwrap(), &name("ffn_down"))
    }

    /// Log-probabilities after the last token.
    fn logprobs(&self, tokens: &[u32]) -> Vec<f32> {
        let ids = Tensor::new(tokens, &Device::Cpu).unwrap();
        let mut x = self
            .tensor("token_embd.weight")
            .index_select(&ids, 0)
            .unwrap();
        if self.is_gemma {
            x = (x * 8.0).unwrap();
        }
        for layer in 0..usize::try_from(tiny::LAYERS).unwrap() {
            let name = |part: &str| format!("blk.{layer}.{part}.weight");
            let mut part = self.attention(&self.norm(&x, &name("attn_norm")), layer);
            if self.is_gemma {
                part = self.norm(&part, &name("post_attention_norm"));
            }
            x = (x + part).unwrap();
            let mut part = self.feed_forward(&self.norm(&x, &name("ffn_norm")), layer);
            if self.is_gemma {
                part = self.norm(&part, &name("post_ffw_norm"));
            }
            x = (x + part).unwrap();
        }
        let last = x.narrow(0, tokens.len() - 1, 1).unwrap();
        let last = self.norm(&last, "output_norm.weight");
        let logits = self.linear(&last, "token_embd.weight");
        let shares = softmax(&logits.to_dtype(DType::F32).unwrap());
        shares.log().unwrap().squeeze(0).unwrap().to_vec1().unwrap()
    }
}

fn softmax(x: &Tensor) -> Tensor {
    let largest = x.max_keepdim(D::Minus1).unwrap();
    let weights = x.broadcast_sub(&largest).unwrap().exp().unwrap();
    weights
        .broadcast_div(&weights.sum_keepdim(D::Minus1).unwrap())
        .unwrap()
}

/// `tolerance` is in nats, over eight candidates of 24 tokens.
fn compare(architecture: &str, tolerance: f32) {
    let gguf = Gguf::tiny(architecture, None);
    let file = tiny::write(&gguf);
    let oracle = Oracle {
        gguf: &gguf,
        is_gemma: architecture == "gemma3",
    };
    let prompt = "A prompt of more than one block, and of more than one window.";
    let mut request = greedy(prompt, 24);
    request.sampling.logprobs = Some(8);
    request.sampling.logit_bias = vec![(tiny::END, -100.0)];
    let answer = run(&engine(&file.path), request);
    let mut tokens: Vec<u32> = prompt.bytes().map(u32::from).collect();
    let mut worst = 0.0_f32;
    for entry in &answer.logprobs {
        let expected = oracle.logprobs(&tokens);
        for candidate in &entry.top {
            worst = worst.max((candidate.logprob - expected[candidate.id as usize]).abs());
        }
        tokens.push(entry.token.id);
    }
    println!("{architecture}: largest difference {worst:.4}");
    assert!(worst < tolerance, "{architecture}: {worst}");
}

#[test]
fn llama_agrees_with_a_plain_f32_decoder() {
    compare("llama", 0.2);
}

#[test]
fn gemma_agrees_with_a_plain_f32_decoder() {
    compare("gemma3", 0.1);
}
