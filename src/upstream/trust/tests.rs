//! Files of authorities, good and bad.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

use super::*;

fn authority() -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn load(text: impl AsRef<[u8]>) -> Result<usize, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, text).unwrap();
    Trust::load(Some(&file))
        .map(|trust| trust.0.len())
        .map_err(|error| error.to_string())
}

#[test]
fn authorities_of_a_file_are_added_to_the_public_ones() {
    let public = Trust::load(None).unwrap().0.len();
    assert!(public > 100, "{public}");
    let ((first, key), (second, _)) = (authority(), authority());
    assert_eq!(load(&first), Ok(public + 1));
    let bundle = format!("# Company CA, 2026\n{first}\nissued by hand\n{second}{key}");
    assert_eq!(
        load(bundle),
        Ok(public + 2),
        "remarks and keys are passed over"
    );
}

#[test]
fn a_file_without_a_usable_certificate_says_what_is_wrong() {
    let (certificate, key) = authority();
    let cut = certificate.replace("-----END CERTIFICATE-----", "");
    let hollow = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    let cases = [
        (String::new(), "the file has no certificate in it"),
        (
            "not PEM at all".to_owned(),
            "the file has no certificate in it",
        ),
        (key, "the file has no certificate in it"),
        (cut, "the file is not PEM"),
        (
            hollow.to_owned(),
            "certificate 1 of the file cannot be used",
        ),
        (
            format!("{certificate}{hollow}"),
            "certificate 2 of the file cannot be used",
        ),
    ];
    for (text, reason) in cases {
        let error = load(&text).unwrap_err();
        assert!(error.starts_with(reason), "{error}: {text}");
    }
    let error = load([0x30, 0x82, 0x00, 0xff]).unwrap_err();
    assert!(
        error.starts_with("the file has no certificate in it"),
        "{error}"
    );
    let missing = Trust::load(Some(Path::new("/nowhere/ca.pem"))).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the file cannot be read: No such file or directory (os error 2)"
    );
}
