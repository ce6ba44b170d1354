#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use super::*;

const TYPE: &str = "multipart/form-data; boundary=bOund";

fn body(parts: &[(&str, &str)]) -> String {
    let parts = parts.iter().map(|(head, content)| {
        format!("--bOund\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    });
    parts.collect::<String>() + "--bOund--\r\n"
}

fn scan(body: &[u8], cut: usize) -> Result<FormScanner, FormError> {
    let mut scanner = FormScanner::new(TYPE).unwrap();
    for chunk in body.chunks(cut.max(1)) {
        scanner.push(chunk)?;
    }
    Ok(scanner)
}

fn scanned(body: &str) -> Result<FormScanner, FormError> {
    let whole = scan(body.as_bytes(), body.len());
    // Where the bytes are cut decides nothing.
    for cut in 1..body.len() {
        let pieces = scan(body.as_bytes(), cut);
        assert_eq!(
            pieces.as_ref().map(|it| (it.is_ended(), it.model())).ok(),
            whole.as_ref().map(|it| (it.is_ended(), it.model())).ok(),
            "cut every {cut} bytes"
        );
        assert_eq!(
            pieces.err(),
            whole.as_ref().err().copied(),
            "cut every {cut} bytes"
        );
    }
    whole
}

fn form(body: &str) -> Option<Form> {
    let scanner = scanned(body).unwrap();
    Form::new(TYPE, Bytes::copy_from_slice(body.as_bytes()), &scanner)
}

#[test]
fn a_model_is_found_before_and_after_the_file_and_replaced_alone() {
    let file = (
        "name=\"file\"; filename=\"a b.mp3\"\r\nContent-Type: audio/mpeg",
        "\0\r\n--bO\r\n-",
    );
    let model = ("name=\"model\"", "whisper-1");
    let stream = ("name=stream", "true");
    for parts in [[file, model, stream], [model, stream, file]] {
        let body = body(&parts);
        let form = form(&body).unwrap();
        assert_eq!(
            (form.model().as_str(), form.is_stream()),
            ("whisper-1", true)
        );
        assert_eq!(
            form.with_model("other").to_bytes(),
            body.replace("whisper-1", "other")
        );
    }
}

#[test]
fn a_form_without_a_model_has_none_and_an_empty_one_is_empty() {
    assert!(form(&body(&[("name=\"file\"; filename=\"a\"", "x")])).is_none());
    assert_eq!(form(&body(&[("name=\"model\"", "")])).unwrap().model(), "");
    assert!(scan(b"--bOund--", 3).unwrap().is_ended());
}

#[test]
fn the_beginning_of_a_form_is_enough_when_the_model_is_in_it() {
    let body = body(&[
        ("name=\"model\"", "m"),
        ("name=\"file\"; filename=\"a\"", &"x".repeat(1_000)),
    ]);
    let start = &body.as_bytes()[..400];
    let scanner = scan(start, 7).unwrap();
    let form = Form::new(TYPE, Bytes::copy_from_slice(start), &scanner).unwrap();
    assert_eq!((form.model().as_str(), scanner.is_ended()), ("m", false));
}

#[test]
fn what_two_parsers_could_read_differently_is_refused() {
    let model = ("name=\"model\"", "cheap");
    let part = |head: &str| format!("--bOund\r\n{head}\r\n\r\ndear\r\n--bOund--\r\n");
    let disposition = |rest: &str| part(&format!("Content-Disposition: form-data; {rest}"));
    let refused = [
        body(&[model, ("name=\"model\"", "dear")]),
        body(&[
            model,
            ("name=\"file\"; filename=\"a\"", "x\n--bOund\nname=model"),
        ]),
        body(&[
            model,
            ("name=\"file\"; filename=\"a\"", "x\r\n--bOundary\r\n"),
        ]),
        body(&[("name=\"model\"; filename=\"a\"", "dear")]),
        body(&[model, ("name=\"model[]\"", "dear")]),
        body(&[model, ("name=\"model[0]\"", "dear")]),
        body(&[model, ("name=\" model\"", "dear")]),
        body(&[("name=\"model\"", &"x".repeat(300))]),
        disposition("name=\"model\"; name=\"file\""),
        disposition("name=\"file\"; name*=utf-8''model"),
        disposition("name=\"a\\\"; name=\"model\""),
        disposition("name=\"model\" x"),
        disposition("filename=\"model\""),
        part("Content-Disposition: attachment; name=\"model\""),
        part("X-Other: 1"),
        part("Content-Disposition: form-data;\r\n name=\"model\""),
        part(
            "Content-Disposition: form-data; name=\"a\"\nContent-Disposition: form-data; name=\"model\"",
        ),
        part(
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"model\"",
        ),
        part("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64"),
        format!("preamble\r\n{}", body(&[model])),
        format!("{}--bOund\r\n", body(&[model])),
        body(&[model]).replace("\r\n", "\n"),
    ];
    for body in refused {
        assert!(scanned(&body).is_err(), "{body:?}");
    }
}

#[test]
fn a_backslash_is_told_of_by_its_name() {
    let windows = body(&[("name=\"file\"; filename=\"C:\\a.mp3\"", "x")]);
    let error = scan(windows.as_bytes(), 1_000).unwrap_err().to_string();
    assert!(error.contains("a name has a backslash"), "{error}");
    let others = [("name=\"models\"", "x"), ("name=\"modality[]\"", "x")];
    assert!(scan(body(&others).as_bytes(), 1_000).is_ok());
}

#[test]
fn a_form_has_bounds() {
    let many = body(&vec![("name=\"a\"", "x"); MAX_PARTS + 1]);
    assert_eq!(
        scan(many.as_bytes(), 1_000).err(),
        Some(FormError::TooManyParts)
    );
    let long = format!(
        "--bOund\r\nContent-Disposition: {}",
        "x".repeat(MAX_HEAD_BYTES)
    );
    assert!(scan(long.as_bytes(), 100).is_err());
    // Of a file nothing is kept.
    let mut scanner = FormScanner::new(TYPE).unwrap();
    let start = "--bOund\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    scanner.push(start.as_bytes()).unwrap();
    for _ in 0..100 {
        scanner.push(&[b'-'; 1_000]).unwrap();
    }
    assert!(scanner.held.len() < 100);
}

#[test]
fn a_boundary_is_short_and_plain() {
    for good in [
        "multipart/form-data; boundary=a",
        "Multipart/Form-Data; charset=utf-8; boundary=\"----WebKit'()+_,-./:=?\"",
    ] {
        assert!(FormScanner::new(good).is_ok(), "{good}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for bad in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a; boundary*=utf-8''b",
        "multipart/form-data; boundary=a; boundary*0=b",
        "multipart/form-data; boundary=\"a b\"",
        "multipart/mixed; boundary=a",
        &long,
    ] {
        assert_eq!(
            FormScanner::new(bad).err(),
            Some(FormError::Boundary),
            "{bad}"
        );
    }
}
