//! What a member of a request's content is, by its name.
//!
//! Names are compared as the laxest reader would: Google takes two spellings of each, and servers in Go take
//! capitals. What is not named here is looked into like anything else.

use std::borrow::Cow;

use crate::walk::unescape;

/// Longest name that means something here.
const MAX_NAME_BYTES: usize = 24;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Words to the model whatever is in it, such as the arguments of a call or a schema.
    Words,
    /// The kind of the object.
    Kind,
    /// A name that the vendor has given.
    Id,
    /// Who speaks.
    Role,
    /// What a tool is called with, or anything else.
    Input,
    /// A name or an address of what the vendor has or fetches.
    Reference,
    /// A picture: its address or itself.
    Picture,
    /// A recording, a film or a file, or whatever else the object says: its address or itself.
    Medium,
    /// An object that is a medium; a string there is the caller's own.
    Source,
    /// Thoughts that only the vendor can read.
    Cipher,
    /// An address, where the object around it is a medium.
    Address,
    /// The thing itself, where the object around it is a medium.
    Data,
    /// What the thing itself is said to be.
    MediaType,
    /// Kinds of answers that are asked for.
    Modalities,
    /// Tools.
    Tools,
    /// The tier of service that is asked for, or the speed.
    Tier,
    /// Where it is to be served.
    Region,
    /// Something else.
    Other,
}

impl Place {
    /// Of a key as it is written, without its quotes.
    #[inline]
    pub(super) fn of(key: &[u8]) -> Self {
        // Most are one of these.
        match key {
            b"role" => Self::Role,
            b"type" => Self::Kind,
            b"content" | b"text" => Self::Other,
            _ => Self::of_rare(key),
        }
    }

    fn of_rare(key: &[u8]) -> Self {
        let key = match memchr::memchr(b'\\', key) {
            None => Cow::Borrowed(key),
            Some(_) => unescape(&[b"\"", key, b"\""].concat())
                .map_or(Cow::Borrowed(key), |it| Cow::Owned(it.into_bytes())),
        };
        let mut name = [0; MAX_NAME_BYTES];
        let mut length = 0;
        for byte in key.iter().filter(|it| **it != b'_') {
            let Some(place) = name.get_mut(length) else {
                return Self::Other;
            };
            *place = byte.to_ascii_lowercase();
            length += 1;
        }
        Self::of_name(name.get(..length).unwrap_or_default())
    }

    /// Of a name in small letters and without underscores.
    fn of_name(name: &[u8]) -> Self {
        match name {
            b"arguments"
            | b"args"
            | b"response"
            | b"json"
            | b"inputschema"
            | b"parameters"
            | b"parametersjsonschema"
            | b"schema"
            | b"jsonschema"
            | b"functions"
            | b"format"
            | b"responseformat"
            | b"responseschema"
            | b"responsejsonschema"
            | b"metadata"
            | b"logitbias"
            | b"toolchoice" => Self::Words,
            b"type" => Self::Kind,
            b"id" => Self::Id,
            b"role" => Self::Role,
            b"input" => Self::Input,
            b"fileid" | b"fileuri" | b"fileurl" | b"cachedcontent" => Self::Reference,
            b"imageurl" | b"image" | b"images" | b"imagebase64" | b"imagedata" => Self::Picture,
            b"filedata" | b"documenturl" | b"inputaudio" | b"audio" | b"audiourl"
            | b"inputvideo" | b"video" | b"videourl" => Self::Medium,
            b"source" | b"inlinedata" | b"file" => Self::Source,
            b"encryptedcontent" => Self::Cipher,
            b"url" | b"uri" => Self::Address,
            b"data" | b"bytes" | b"base64" | b"b64json" => Self::Data,
            b"mediatype" | b"mimetype" => Self::MediaType,
            b"modalities" | b"responsemodalities" => Self::Modalities,
            b"tools" => Self::Tools,
            b"servicetier" | b"speed" => Self::Tier,
            b"inferencegeo" => Self::Region,
            _ => Self::Other,
        }
    }
}
