//! Section 8 of the promises: nothing of what passes inside a tunnel is left in a log or a file, at any level.

use aigw_gateway::{Manner, Reply};
use aigw_tests::machine::told;

use crate::stage::Stage;
use crate::{H1, H2};

const MARKS: [&str; 8] = [
    "marked-prompt",
    "marked-answer",
    "marked-query",
    "marked-cookie",
    "marked-field",
    "marked-login",
    "marked-frame",
    "marked-answer-field",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_left_of_what_passed_inside() {
    let stage = Stage::set("anthropic", "").await;
    let reply = Reply::new(200).header("x-a", "marked-answer-field").body("marked-answer");
    stage.origin.otherwise(Manner::Reply(reply));
    stage.origin.at("/api/ws", Manner::Echo);
    stage.origin.at("/api/cut", Manner::Cut { length: 1000, after: 10 });
    let fields = [
        "authorization: Bearer marked-login",
        "cookie: a=marked-cookie",
        "x-private: marked-field",
        &format!("x-api-key: {}", stage.scene.key),
    ];
    let wrong = format!("x-api-key: {}X", stage.scene.key);
    let body = r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"marked-prompt"}]}"#;
    for protocols in [H1, H2] {
        for path in ["/v1/messages", "/api/x", "/api/cut"] {
            let target = format!("{path}?a=marked-query");
            assert_eq!(stage.http(protocols).await.ask("POST", &target, &fields, body).await.status, 200);
            let mut wrong_fields = fields.to_vec();
            wrong_fields[3] = &wrong;
            assert_eq!(
                stage.http(protocols).await.ask("POST", &target, &wrong_fields, body).await.status,
                403
            );
            let mut http = stage.http(protocols).await;
            http.authority = "marked-field.test".to_owned();
            assert_eq!(http.ask("POST", &target, &fields, body).await.status, 421);
        }
    }
    assert!(
        stage.origin.requests().iter().any(|seen| seen.body_text().contains("marked-prompt")),
        "really sent"
    );
    let mut inside = stage.inside(H1).await;
    inside.send(crate::sockets::greeting(&stage.target, "/api/ws?a=marked-query", &fields[..3]));
    assert_eq!(inside.answer().status, 101);
    inside.send([&[0x81, 0x8c, 0, 0, 0, 0][..], b"marked-frame"].concat());
    let mut back = [0; 14];
    std::io::Read::read_exact(&mut inside, &mut back).unwrap();
    drop(inside);
    for broken in ["GET /api?marked-query HTTP/1.1\r\nhost : x\r\n\r\n", "marked-prompt\r\n\r\n"] {
        let mut inside = stage.inside(H1).await;
        inside.send(broken);
        inside.rest();
        let mut raw = stage.tunnel();
        raw.send(broken);
        raw.rest();
    }
    stage.origin.stop().await;
    let _ = stage.http(H2).await.ask("POST", "/api/x?marked-query", &fields, body).await;
    stage.scene.gateway.stop().await;
    let _ = stage.http(H2).await.ask("POST", "/v1/messages?marked-query", &fields, body).await;

    let machine = &stage.scene.machine;
    let printed = [&["status"][..], &["status", "--json"], &["config", "show"], &["ca", "status"]]
        .map(|words| told(&machine.ctl(words)))
        .concat();
    let credentials = machine.home().join("state/credentials");
    let secret = |whole: &str, length: usize| whole[whole.len() - length..].to_owned();
    let mut marks: Vec<_> = MARKS.iter().map(|mark| (*mark).to_owned()).collect();
    marks.push(secret(&stage.scene.key, 40));
    marks.push(secret(&stage.scene.token, 22));
    let mut folders = vec![machine.home().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if entry.file_type().unwrap().is_file() && !path.starts_with(&credentials) {
                files += 1;
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                for mark in &marks {
                    let line = text.lines().find(|line| line.contains(mark.as_str()));
                    assert_eq!(line, None, "{mark} in {}", path.display());
                }
            }
        }
    }
    assert!(files > 3);
    assert!(marks.iter().all(|mark| !printed.contains(mark.as_str())), "{printed}");
    assert!(machine.log().contains("exchange"), "the log tells of what was done");
}
