/** `linux-x64-gnu`, `darwin-arm64`, `win32-x64-msvc` ... for the process that asks. */
export function platformName(): string;

/** The file name of the binary for `platform`. */
export function binaryName(platform?: string): string;
