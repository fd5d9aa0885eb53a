/** What the bundler makes of a `.wasm` file: compiled, not yet instantiated. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
