//! Writes tiny GGUF models with random weights: one byte-level vocabulary, two layers.

use std::{io::Write as _, path::PathBuf};

use tempfile::TempDir;

/// Ids 0..256 are single bytes; then the special tokens.
pub(crate) const END: u32 = 256;
pub(crate) const START: u32 = 257;
pub(crate) const VOCABULARY: u32 = 258;
pub(crate) const WIDTH: u64 = 64;
const HEAD: u64 = 16;
const HEADS: u64 = 4;
const KV_HEADS: u64 = 2;
const FEED: u64 = 96;
pub(crate) const LAYERS: u64 = 2;
pub(crate) const CONTEXT: u32 = 256;

pub(crate) const TEMPLATE: &str = "{% for m in messages %}<|start|>{{ m.role }}\n{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}";

/// A model file that lives as long as this value.
pub(crate) struct TinyModel {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn model(architecture: &str, template: Option<&str>) -> TinyModel {
    write(&Gguf::tiny(architecture, template))
}

pub(crate) fn write(gguf: &Gguf) -> TinyModel {
    write_bytes(&gguf.bytes())
}

pub(crate) fn write_bytes(bytes: &[u8]) -> TinyModel {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::File::create(&path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
    TinyModel {
        _folder: folder,
        path,
    }
}

pub(crate) struct Gguf {
    entries: Vec<(String, Vec<u8>)>,
    /// Name, dimensions (fastest first), F32 values.
    pub(crate) tensors: Vec<(String, Vec<u64>, Vec<f32>)>,
}

impl Gguf {
    pub(crate) fn tiny(architecture: &str, template: Option<&str>) -> Self {
        Self::tiny_with_context(architecture, template, CONTEXT)
    }

    pub(crate) fn tiny_with_context(
        architecture: &str,
        template: Option<&str>,
        context: u32,
    ) -> Self {
        let mut gguf = Self {
            entries: Vec::new(),
            tensors: Vec::new(),
        };
        gguf.metadata(architecture, template, context);
        gguf.weights(architecture);
        gguf
    }

    fn metadata(&mut self, architecture: &str, template: Option<&str>, context: u32) {
        self.text("general.architecture", architecture);
        self.text("general.name", "tiny");
        for (key, value) in [
            ("block_count", LAYERS),
            ("context_length", context.into()),
            ("embedding_length", WIDTH),
            ("feed_forward_length", FEED),
            ("attention.head_count", HEADS),
            ("attention.head_count_kv", KV_HEADS),
            ("attention.key_length", HEAD),
            ("attention.value_length", HEAD),
            ("attention.sliding_window", 8),
            ("attention.sliding_window_pattern", 2),
        ] {
            self.number(&format!("{architecture}.{key}"), value);
        }
        self.text("tokenizer.ggml.model", "gpt2");
        self.text("tokenizer.ggml.pre", "gpt-2");
        self.number("tokenizer.ggml.eos_token_id", END.into());
        let mut tokens: Vec<String> = (0..=255).map(|byte| spell(byte).to_string()).collect();
        tokens.extend(["<|end|>".to_owned(), "<|start|>".to_owned()]);
        self.texts("tokenizer.ggml.tokens", &tokens);
        let kinds: Vec<i32> = (0..VOCABULARY)
            .map(|id| if id < 256 { 1 } else { 3 })
            .collect();
        let mut value = array(5, kinds.len());
        value.extend(kinds.iter().flat_map(|kind| kind.to_le_bytes()));
        self.entry("tokenizer.ggml.token_type", 9, value);
        self.texts("tokenizer.ggml.merges", &[]);
        if let Some(template) = template {
            self.text("tokenizer.chat_template", template);
        }
    }

    fn weights(&mut self, architecture: &str) {
        let mut random = Random(42);
        let (query, key) = (HEADS * HEAD, KV_HEADS * HEAD);
        self.matrix("token_embd.weight", [WIDTH, VOCABULARY.into()], &mut random);
        self.norm("output_norm.weight", WIDTH);
        for layer in 0..LAYERS {
            let name = |part: &str| format!("blk.{layer}.{part}.weight");
            self.norm(&name("attn_norm"), WIDTH);
            self.norm(&name("ffn_norm"), WIDTH);
            self.matrix(&name("attn_q"), [WIDTH, query], &mut random);
            self.matrix(&name("attn_k"), [WIDTH, key], &mut random);
            self.matrix(&name("attn_v"), [WIDTH, key], &mut random);
            self.matrix(&name("attn_output"), [query, WIDTH], &mut random);
            self.matrix(&name("ffn_gate"), [WIDTH, FEED], &mut random);
            self.matrix(&name("ffn_up"), [WIDTH, FEED], &mut random);
            self.matrix(&name("ffn_down"), [FEED, WIDTH], &mut random);
            if architecture == "gemma3" {
                self.norm(&name("attn_q_norm"), HEAD);
                self.norm(&name("attn_k_norm"), HEAD);
                self.norm(&name("post_attention_norm"), WIDTH);
                self.norm(&name("post_ffw_norm"), WIDTH);
            }
        }
    }

    fn norm(&mut self, name: &str, length: u64) {
        let values = (0..length).map(|_| 1.0).collect();
        self.tensors.push((name.to_owned(), vec![length], values));
    }

    fn matrix(&mut self, name: &str, shape: [u64; 2], random: &mut Random) {
        let count = shape[0] * shape[1];
        let values = (0..count).map(|_| random.next() * 0.25).collect();
        self.tensors.push((name.to_owned(), shape.to_vec(), values));
    }

    fn text(&mut self, key: &str, text: &str) {
        self.entry(key, 8, string(text));
    }

    fn texts(&mut self, key: &str, texts: &[String]) {
        let mut value = array(8, texts.len());
        value.extend(texts.iter().flat_map(|text| string(text)));
        self.entry(key, 9, value);
    }

    fn number(&mut self, key: &str, number: u64) {
        self.entry(key, 10, number.to_le_bytes().to_vec());
    }

    fn entry(&mut self, key: &str, kind: u32, value: Vec<u8>) {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(value);
        self.entries.push((key.to_owned(), bytes));
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3_u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.entries.len() as u64).to_le_bytes());
        for (key, value) in &self.entries {
            out.extend(string(key));
            out.extend(value);
        }
        let mut data: Vec<u8> = Vec::new();
        for (name, shape, values) in &self.tensors {
            out.extend(string(name));
            out.extend(u32::try_from(shape.len()).unwrap().to_le_bytes());
            out.extend(shape.iter().flat_map(|length| length.to_le_bytes()));
            out.extend(0_u32.to_le_bytes());
            out.extend((data.len() as u64).to_le_bytes());
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            data.resize(data.len().next_multiple_of(32), 0);
        }
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(data);
        out
    }
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

fn array(kind: u32, count: usize) -> Vec<u8> {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend((count as u64).to_le_bytes());
    bytes
}

fn spell(byte: u8) -> char {
    let is_printable = |byte: u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    if is_printable(byte) {
        return char::from(byte);
    }
    let place = u32::try_from((0..byte).filter(|&b| !is_printable(b)).count()).unwrap();
    char::from_u32(0x100 + place).unwrap()
}

struct Random(u32);

impl Random {
    /// A number in `[-1, 1)`.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(self.0 >> 16).unwrap()) / 32_768.0 - 1.0
    }
}
