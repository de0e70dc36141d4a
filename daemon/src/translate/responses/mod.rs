//! OpenAI Responses (<https://platform.openai.com/docs/api-reference/responses>).

pub mod read;
pub mod traits;
pub mod write;
