//! The control conversation: frames, requests, responses.
#![no_main]

use aigw_shared::ipc::codec::{MAX_LEN, decode, encode};
use aigw_shared::ipc::hello::Hello;
use aigw_shared::ipc::message::{Request, Response};
use bytes::BytesMut;
use tokio_util::codec::{Decoder, LengthDelimitedCodec};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(hello) = bytes.first_chunk().copied().and_then(Hello::decode) {
        assert_eq!(Some(&hello.encode()), bytes.first_chunk());
    }
    let mut codec = LengthDelimitedCodec::builder()
        .little_endian()
        .length_field_type::<u32>()
        .max_frame_length(MAX_LEN)
        .new_codec();
    let mut buffer = BytesMut::from(bytes);
    while let Ok(Some(frame)) = codec.decode(&mut buffer) {
        whole(&frame);
    }
    whole(bytes);
});

/// What can be read is the same after it was written again.
fn whole(bytes: &[u8]) {
    if let Ok(request) = decode::<Request>(bytes) {
        let written = encode(&request).unwrap();
        assert_eq!(encode(&decode::<Request>(&written).unwrap()).unwrap(), written);
    }
    if let Ok(response) = decode::<Response>(bytes) {
        let written = encode(&response).unwrap();
        assert_eq!(encode(&decode::<Response>(&written).unwrap()).unwrap(), written);
    }
}
