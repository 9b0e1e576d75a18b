/** As much of WebAssembly as is used here: its types come with those of a browser only. */
declare global {
  namespace WebAssembly {
    interface Module {
      readonly [Symbol.toStringTag]: 'WebAssembly.Module'
    }
    interface Instance {
      readonly exports: Record<string, unknown>
    }
    const Instance: new (module: Module, imports: Imports) => Instance
    function compile(bytes: Uint8Array): Promise<Module>
  }
}

export type WasmModule = WebAssembly.Module

export type Imports = Record<string, Record<string, unknown>>
