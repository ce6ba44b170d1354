//! Requests, streams and whole answers; the samples lie in `testdata/converse`.

mod answer;
mod request;
mod stream;
mod thinking;
mod tools;
