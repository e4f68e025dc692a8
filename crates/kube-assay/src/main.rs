//! The program `kube-assay`: see the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    kube_assay::main()
}
