//! A stolen key is of no use for signing programs or mail either, where the verifier knows such a purpose.

use std::path::Path;
use std::time::Duration;

use super::thief::{Issuer, Thief};

const LIMIT: Duration = Duration::from_secs(20);

/// A name that the CA may sign, so that the purpose alone is wrong.
const NAME: &str =
    "subjectAltName=DNS:api.anthropic.com\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=";

#[tokio::test(flavor = "multi_thread")]
async fn t4_a_leaf_that_signs_programs_or_mail_is_refused() {
    let thief = Thief::at_work().await;
    let nss = "database=$(mktemp -d) && certutil -N -d $database --empty-password && \
               certutil -A -d $database -n root -t C,C,C -i $0 && \
               certutil -A -d $database -n signer -t ,, -i $1 && vfychain -d $database -u 6 -a $2";
    let verifiers = [
        (
            "codeSigning",
            "certtool --verify --verify-profile low --load-ca-certificate $0 --verify-purpose 1.3.6.1.5.5.7.3.3 --infile $3",
        ),
        ("codeSigning", nss),
        ("emailProtection", "openssl verify -purpose smimesign -CAfile $0 -untrusted $1 $2"),
        ("clientAuth", "openssl verify -purpose sslclient -CAfile $0 -untrusted $1 $2"),
    ];
    for (purpose, command) in verifiers {
        for (issuer, believed) in [(Issuer::Ours, false), (Issuer::Twin, true)] {
            let extensions = format!("{NAME}{purpose}\n");
            let leaf = thief.leaf(issuer, purpose, "/CN=somebody", &extensions);
            let signer = thief.file(&format!("{}.pem", issuer.word()));
            let chain = thief.file("purpose-chain.pem");
            let text = |file: &Path| std::fs::read_to_string(file).expect("a certificate");
            std::fs::write(&chain, text(&leaf) + &text(&signer)).expect("a file");
            let files = [thief.root(issuer), signer, leaf, chain];
            let mut words = vec!["-c", command];
            words.extend(files.iter().map(|file| file.to_str().expect("a plain path")));
            let told = thief.desk.run(Path::new("sh"), &words, &[], LIMIT);
            assert_eq!(
                told.status.is_some_and(|status| status.success()),
                believed,
                "{purpose} {issuer:?}: {told:#?}"
            );
        }
    }
}
