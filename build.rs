//! Link flags that a Node addon needs on each platform; nothing when the bindings are switched off.

fn main() {
    if std::env::var_os("CARGO_FEATURE_NODE").is_some() {
        napi_build::setup();
    }
}
