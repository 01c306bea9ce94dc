//! The `hushfs` program: all of it is in the library's `cli`.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    hushfs::cli::run()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("hushfs: this program runs on Linux; on other systems there is only its library");
    std::process::ExitCode::FAILURE
}
